package picture

import (
	"fmt"
	"math"
	"testing"

	"github.com/podpath/podpath/internal/diagram"
)

func TestParsePath(t *testing.T) {
	for _, tt := range []struct{ d, want string }{
		{"", ""},
		{"M1 2L3 4", "M1 2L3 4"},
		{"M1 2 3 4", "M1 2L3 4"},
		{"m1 2 3 4 1-1", "M1 2L4 6L5 5"},
		{"M1,2 h3 v-4 H0 V0", "M1 2L4 2L4 -2L0 -2L0 0"},
		{"M0 0Q1 2 3 4q1 1 2 2", "M0 0Q1 2 3 4Q4 5 5 6"},
		{"M0 0C1 2 3 4 5 6", "M0 0C1 2 3 4 5 6"},
		{"M1 1L2 1L2 2zl1 0", "M1 1L2 1L2 2ZL2 1"},
		{"M.5-.5.25.75", "M0.5 -0.5L0.25 0.75"},
		// What it does not know ends it.
		{"M1 2A3 3 0 0 1 4 4L5 5", "M1 2"},
		{"M1 2L3", "M1 2"},
		{"M1 2Z 3 4", "M1 2Z"},
		{"M1 2L--3 4", "M1 2"},
		{"7 8", ""},
		{"§", ""},
	} {
		if got := parsePath(tt.d).String(); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.d, got, tt.want)
		}
	}
}

// TestParsesDiagram reads what the scene writes, and writes it again.
func TestParsesDiagram(t *testing.T) {
	for _, d := range []string{
		diagram.Line{{X: 1, Y: 2}, {X: 1, Y: 40}, {X: 60.5, Y: 40}, {X: 60.5, Y: 3}}.D(),
		diagram.Hexagon(diagram.Point{X: 10, Y: 10}, 8),
		diagram.Octagon(diagram.Point{X: -3, Y: 7}, 12),
	} {
		once := parsePath(d)
		if len(once) < 4 {
			t.Errorf("%s: read only %s", d, once)
		}
		if again := parsePath(once.String()); again.String() != once.String() {
			t.Errorf("%s: read again as %s", once, again)
		}
	}
}

func TestMoved(t *testing.T) {
	if got := parsePath("M1 2C1 2 3 4 5 6Z").moved(10, 20, 2).String(); got != "M12 24C12 24 16 28 20 32Z" {
		t.Error(got)
	}
}

// TestRoundedRect measures the area between the corners and the lines: that of a circle's quarters, whichever way round.
func TestRoundedRect(t *testing.T) {
	for _, tt := range []struct{ w, h, r float64 }{{10, 6, 0}, {10, 6, 2}, {6, 6, 3}} {
		b := diagram.Rect{X: 3, Y: -2, W: tt.w, H: tt.h}
		want := tt.w*tt.h - (4-math.Pi)*tt.r*tt.r
		for _, backwards := range []bool{false, true} {
			got, sign := area(roundedRect(b, tt.r, backwards)), 1.0
			if backwards {
				sign = -1
			}
			if math.Abs(sign*got-want) > 0.01*want {
				t.Errorf("%v, backwards %v: area %.3f, want %.3f", tt, backwards, got, sign*want)
			}
		}
	}
}

// area is what a closed path holds, clockwise positive.
func area(s segments) float64 {
	var pts []diagram.Point
	for _, g := range s {
		a := g.at
		if g.op != 'C' {
			if g.op != 'Z' {
				pts = append(pts, diagram.Point{X: a[0], Y: a[1]})
			}
			continue
		}
		from := pts[len(pts)-1]
		for i := 1; i <= 50; i++ {
			u := float64(i) / 50
			v := 1 - u
			at := func(p, q, r, s float64) float64 { return v*v*v*p + 3*v*v*u*q + 3*v*u*u*r + u*u*u*s }
			pts = append(pts, diagram.Point{X: at(from.X, a[0], a[2], a[4]), Y: at(from.Y, a[1], a[3], a[5])})
		}
	}
	sum := 0.0
	for i, p := range pts {
		q := pts[(i+1)%len(pts)]
		sum += p.X*q.Y - q.X*p.Y
	}
	return sum / 2
}

func TestNum(t *testing.T) {
	for x, want := range map[float64]string{1: "1", 1.005: "1", 2.346: "2.35", -0.001: "0", -7.5: "-7.5"} {
		if got := num(x); got != want {
			t.Errorf("%s: got %s, want %s", fmt.Sprint(x), got, want)
		}
	}
}
