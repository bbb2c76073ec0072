package picture

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/diagram"
)

// segments are a path with absolute coordinates.
type segments []segment

// segment is one command of a path: M, L, Q, C or Z, with its points.
type segment struct {
	op byte
	at [6]float64
}

// pairs is how many points a command has.
func pairs(op byte) int {
	switch op {
	case 'M', 'L':
		return 1
	case 'Q':
		return 2
	case 'C':
		return 3
	}
	return 0
}

// parsePath reads the part of SVG's path data that diagram and this package write: M L H V Q C Z, also relative. It stops
// at what it does not know: what was read before is drawn.
func parsePath(d string) segments {
	var out segments
	var op byte
	var x, y, x0, y0 float64
	for d = skip(d); d != ""; d = skip(d) {
		if c := d[0]; c >= 'A' {
			op, d = c, d[1:]
		} else if op == 'm' || op == 'M' {
			op-- // to l or L: what follows a move without a command is lines
		} else if op|0x20 == 'z' {
			return out
		}
		upper, dx, dy := op&^0x20, 0.0, 0.0
		if op != upper {
			dx, dy = x, y
		}
		s := segment{op: upper}
		ok := true
		switch upper {
		case 'Z':
			x, y = x0, y0
		case 'H':
			s.op, s.at[1] = 'L', y
			s.at[0], d, ok = number(d, dx)
		case 'V':
			s.op, s.at[0] = 'L', x
			s.at[1], d, ok = number(d, dy)
		case 'M', 'L', 'Q', 'C':
			for i := 0; i < 2*pairs(upper) && ok; i++ {
				from := dx
				if i%2 == 1 {
					from = dy
				}
				s.at[i], d, ok = number(d, from)
			}
		default:
			ok = false
		}
		if !ok {
			return out
		}
		if n := pairs(s.op); n > 0 {
			x, y = s.at[2*n-2], s.at[2*n-1]
		}
		if s.op == 'M' {
			x0, y0 = x, y
		}
		out = append(out, s)
	}
	return out
}

// skip leaves out what stands between numbers.
func skip(d string) string { return strings.TrimLeft(d, " ,\t\n") }

// number reads a coordinate from the front of d, counted from a base. A sign starts the next number, and so does a
// second point.
func number(d string, base float64) (v float64, rest string, ok bool) {
	d = skip(d)
	n, point := 0, false
	for n < len(d) {
		c := d[n]
		if c == '-' && n > 0 || c == '.' && point || c != '-' && c != '.' && (c < '0' || c > '9') {
			break
		}
		point = point || c == '.'
		n++
	}
	v, err := strconv.ParseFloat(d[:n], 64)
	return base + v, d[n:], err == nil
}

// moved is the path scaled and then moved.
func (s segments) moved(x, y, scale float64) segments {
	out := make(segments, len(s))
	for i, g := range s {
		out[i].op = g.op
		for k := range 2 * pairs(g.op) {
			out[i].at[k] = g.at[k]*scale + [2]float64{x, y}[k%2]
		}
	}
	return out
}

// arc is how far from a corner's ends the points of a curve lie that is as good as a quarter of a circle, as a share of the
// radius that is left to the corner: 1 - 4/3·(√2-1).
const arc = 0.4477

// roundedRect is a rectangle's outline, clockwise from its upper left, or the other way round.
func roundedRect(b diagram.Rect, r float64, backwards bool) segments {
	x0, y0, x1, y1 := b.X, b.Y, b.X+b.W, b.Y+b.H
	// Each corner as where the line comes in, the corner, and where it goes on.
	corners := [4][3]diagram.Point{
		{{X: x0, Y: y0 + r}, {X: x0, Y: y0}, {X: x0 + r, Y: y0}},
		{{X: x1 - r, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y0 + r}},
		{{X: x1, Y: y1 - r}, {X: x1, Y: y1}, {X: x1 - r, Y: y1}},
		{{X: x0 + r, Y: y1}, {X: x0, Y: y1}, {X: x0, Y: y1 - r}},
	}
	if backwards {
		slices.Reverse(corners[:])
		for i := range corners {
			slices.Reverse(corners[i][:])
		}
	}
	var out segments
	op := byte('M')
	for _, c := range corners {
		in, at, on := c[0], c[1], c[2]
		near := func(p diagram.Point) (x, y float64) { return at.X + (p.X-at.X)*arc, at.Y + (p.Y-at.Y)*arc }
		out = append(out, segment{op, [6]float64{in.X, in.Y}})
		if r > 0 {
			ax, ay := near(in)
			bx, by := near(on)
			out = append(out, segment{'C', [6]float64{ax, ay, bx, by, on.X, on.Y}})
		}
		op = 'L'
	}
	return append(out, segment{op: 'Z'})
}

// String is the path as SVG's path data.
func (s segments) String() string {
	var b strings.Builder
	for _, g := range s {
		b.WriteByte(g.op)
		for k := range 2 * pairs(g.op) {
			if k > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(num(g.at[k]))
		}
	}
	return b.String()
}

// num writes a number as short as a picture needs it.
func num(x float64) string { return strconv.FormatFloat(math.Round(x*100)/100+0, 'f', -1, 64) }
