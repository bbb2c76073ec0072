package diagram

import (
	"math"
	"strconv"
	"strings"
)

// cornerRadius is the radius of a line's corners.
const cornerRadius = 9

// D is the line as an SVG path with rounded corners.
func (l Line) D() string {
	if len(l) == 0 {
		return ""
	}
	var b strings.Builder
	pair := func(op byte, x, y float64) {
		b.WriteByte(op)
		b.WriteString(num(x))
		b.WriteByte(' ')
		b.WriteString(num(y))
	}
	pair('M', l[0].X, l[0].Y)
	for i := 1; i < len(l); i++ {
		p := l[i]
		if i == len(l)-1 {
			pair('L', p.X, p.Y)
			break
		}
		prev, next := l[i-1], l[i+1]
		in, out := dist(prev, p), dist(p, next)
		if in == 0 || out == 0 {
			continue
		}
		r := math.Min(cornerRadius, math.Min(in/2, out/2))
		pair('L', p.X-(p.X-prev.X)/in*r, p.Y-(p.Y-prev.Y)/in*r)
		pair('Q', p.X, p.Y)
		pair(' ', p.X+(next.X-p.X)/out*r, p.Y+(next.Y-p.Y)/out*r)
	}
	return b.String()
}

// num writes a coordinate with at most one decimal, as short as it goes.
func num(x float64) string {
	return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64)
}

func dist(a, b Point) float64 { return math.Hypot(a.X-b.X, a.Y-b.Y) }

// orthogonal inserts a corner wherever two neighbours share neither coordinate, and leaves out points that lie on a
// straight line between their neighbours or repeat the one before.
func orthogonal(pts []Point) Line {
	var l Line
	for _, p := range pts {
		if n := len(l); n > 0 {
			last := l[n-1]
			if last == p {
				continue
			}
			if last.X != p.X && last.Y != p.Y {
				l = append(l, Point{last.X, p.Y})
			}
		}
		l = append(l, p)
	}
	out := l[:0:0]
	for i, p := range l {
		if n := len(out); n > 0 && i < len(l)-1 {
			a, b := out[n-1], l[i+1]
			if between(a, p, b) {
				continue
			}
		}
		out = append(out, p)
	}
	return out
}

// between says whether p lies on the straight line from a to b, so that it is no corner.
func between(a, p, b Point) bool {
	switch {
	case a.X == p.X && p.X == b.X:
		return (a.Y-p.Y)*(p.Y-b.Y) > 0
	case a.Y == p.Y && p.Y == b.Y:
		return (a.X-p.X)*(p.X-b.X) > 0
	}
	return false
}

// TextWidth estimates how wide s is drawn at size px, from the widths of a system font: good to a few per cent, which is
// what a tag behind a label needs. Han and Hangul take a full square; mono is a mono font.
func TextWidth(s string, px float64, mono bool) float64 {
	w := 0.0
	for _, r := range s {
		switch {
		case r >= 0x2e80:
			w += 0.96
		case mono:
			w += 0.61
		case r >= 'A' && r <= 'Z', r == '@', r == 'm', r == 'w':
			w += 0.72
		case strings.ContainsRune("iljt.,:;'|()[]· ", r):
			w += 0.34
		default:
			w += 0.59
		}
	}
	return w * px
}

// Hexagon is a pod's sign around a point, as an SVG path.
func Hexagon(c Point, r float64) string { return polygon(c, r, 6) }

// Octagon is the sign of a packet's end, as an SVG path.
func Octagon(c Point, r float64) string { return polygon(c, r, 8) }

func polygon(c Point, r float64, n int) string {
	var b strings.Builder
	for i := range n {
		a := 2*math.Pi/float64(n)*float64(i) + math.Pi/float64(n)
		b.WriteByte("ML"[min(i, 1)])
		b.WriteString(num(c.X + r*math.Cos(a)))
		b.WriteByte(' ')
		b.WriteString(num(c.Y + r*math.Sin(a)))
	}
	b.WriteByte('z')
	return b.String()
}
