package picture

import (
	"bytes"
	"math"
	"testing"

	"github.com/podpath/podpath/internal/diagram"
)

func TestCardSize(t *testing.T) {
	p := named(t, "two nodes").at(6, "en", true)
	for _, size := range [][2]int{{1200, 630}, {600, 315}, {800, 800}, {400, 1200}, {1600, 200}, {1, 1}} {
		var b bytes.Buffer
		if err := p.Card(&b, size[0], size[1]); err != nil {
			t.Fatal(err)
		}
		if got := decode(t, b.Bytes()).Bounds().Size(); got.X != size[0] || got.Y != size[1] {
			t.Errorf("%v: got %v", size, got)
		}
	}
	for _, size := range [][2]int{{0, 630}, {1200, -1}, {MaxSide + 1, 630}, {MaxSide, MaxSide}, {math.MaxInt, math.MaxInt}} {
		if err := p.Card(&bytes.Buffer{}, size[0], size[1]); err == nil {
			t.Errorf("%v: no error", size)
		}
	}
}

// TestCardShowsPacket: wherever the packet is, the card's part of the map has it, with all of its chip.
func TestCardShowsPacket(t *testing.T) {
	every(t, func(t *testing.T, p *Picture) {
		c, err := p.card(1200, 630)
		if err != nil {
			t.Fatal(err)
		}
		d, err := p.draw()
		if err != nil {
			t.Fatal(err)
		}
		f := &drawing{Picture: p, pen: d.pen, current: d.current}
		f.Rect = diagram.Rect{W: 1200, H: 630}
		band := f.frame()
		view, scale := d.window(band)
		s := &p.Scene.Stations[d.current]
		x, y := band.X+(s.X-view.X)*scale, band.Y+(s.Y-view.Y)*scale
		if x < band.X+20 || x > band.X+band.W-20 || y < band.Y+15 || y > band.Y+band.H-15 {
			t.Fatalf("the packet is at %v, %v and the map at %v", x, y, band)
		}
		want := colour("pkt")
		switch {
		case s.Mark == diagram.StopDrop:
			want = "drop"
			x -= 8 * scale
		case p.Chip.ChangedIP:
			want = "chg"
			x -= 4.5 * scale
		default:
			if d.replies(s) {
				want = "reply"
			}
			x -= 4.5 * scale
		}
		m := &looked{c.dc.Image(), &list{}, 1, p.Dark}
		if !m.is(want, x, y) {
			t.Errorf("no %s at %v, %v", want, x, y)
		}
	})
}

// TestCardWithoutWords: the map takes the room that nothing is said in.
func TestCardWithoutWords(t *testing.T) {
	s := named(t, "two nodes")
	p := &Picture{Scene: s.scene, Current: -1}
	f := &drawing{Picture: p, pen: testPen(t), current: -1}
	f.Rect = diagram.Rect{W: 1200, H: 630}
	if band := f.frame(); band != f.Rect {
		t.Errorf("the map has %v of %v", band, f.Rect)
	}
}

func TestSlide(t *testing.T) {
	for _, tt := range []struct{ at, window, from, length, want float64 }{
		{50, 20, 0, 100, 40},
		{5, 20, 0, 100, 0},
		{99, 20, 0, 100, 80},
		{50, 20, -10, 100, 40},
		{-9, 20, -10, 100, -10},
		{3, 200, 0, 100, -50},
	} {
		if got := slide(tt.at, tt.window, tt.from, tt.length); got != tt.want {
			t.Errorf("%v: got %v", tt, got)
		}
	}
}
