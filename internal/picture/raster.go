package picture

import (
	"math"

	"github.com/fogleman/gg"

	"github.com/podpath/podpath/internal/diagram"
)

// raster prints lists as pixels.
type raster struct {
	*pen
	dc   *gg.Context
	dark bool
	// Where a list's coordinates are: its x, y is the corner of the image, and one unit is scale pixels.
	x, y, scale float64
}

func newRaster(width, height int, dark bool) (*raster, error) {
	pen, err := newPen()
	if err != nil {
		return nil, err
	}
	r := &raster{pen: pen, dc: gg.NewContext(width, height), dark: dark}
	r.dc.SetLineJoinRound()
	return r, nil
}

// show prints a list with the point x, y of it in the corner of the image.
func (r *raster) show(l *list, x, y, scale float64) {
	r.x, r.y, r.scale = x, y, scale
	l.print(r)
}

// paint fills and strokes the path that the context has, and forgets it.
func (r *raster) paint(p *paint) {
	if p.fill != "" {
		r.colour(p.fill, p.opacity)
		r.dc.FillPreserve()
	}
	if p.stroke != "" {
		r.colour(p.stroke, p.opacity)
		r.dc.SetLineWidth(p.width * r.scale)
		r.dc.SetLineCapButt()
		if p.cap == round {
			r.dc.SetLineCapRound()
		}
		dash := make([]float64, len(p.dash))
		for i, d := range p.dash {
			dash[i] = d * r.scale
		}
		r.dc.SetDash(dash...)
		r.dc.StrokePreserve()
	}
	r.dc.ClearPath()
}

func (r *raster) colour(c colour, opacity float64) {
	red, green, blue := c.rgb(r.dark)
	alpha := 255.0
	if opacity != 0 {
		alpha = math.Round(opacity * 255)
	}
	r.dc.SetRGBA255(int(red), int(green), int(blue), int(alpha))
}

// rect draws a whole outline as the area between two rectangles: a stroker leaves a seam, and is not exact where a corner
// is smaller than its pen.
func (r *raster) rect(b *rect) {
	r.trace(r.rounded(b, 0, false))
	if b.stroke == "" || len(b.dash) > 0 {
		r.paint(&b.paint)
		return
	}
	r.paint(&paint{fill: b.fill, opacity: b.opacity})
	r.trace(append(r.rounded(b, b.width/2, false), r.rounded(b, -b.width/2, true)...))
	r.paint(&paint{fill: b.stroke, opacity: b.opacity})
}

// rounded is a rectangle's outline in pixels, larger by some units on each side.
func (r *raster) rounded(b *rect, by float64, backwards bool) segments {
	radius := 0.0
	if b.radius > 0 {
		radius = max(0, min(b.radius, b.W/2, b.H/2)+by)
	}
	box := diagram.Rect{X: b.X - by, Y: b.Y - by, W: max(0, b.W+2*by), H: max(0, b.H+2*by)}
	return roundedRect(box, radius, backwards).moved(-r.x*r.scale, -r.y*r.scale, r.scale)
}

func (r *raster) circle(c *circle) {
	x, y := r.at(c.x, c.y)
	r.dc.DrawCircle(x, y, c.r*r.scale)
	r.paint(&c.paint)
}

func (r *raster) path(p *path) {
	r.trace(p.segments.moved(-r.x*r.scale, -r.y*r.scale, r.scale))
	r.paint(&p.paint)
}

func (r *raster) text(t *text) {
	x, y := r.at(t.x, t.y)
	switch w := r.width(t.s, t.style) * r.scale; t.anchor {
	case middle:
		x -= w / 2
	case end:
		x -= w
	}
	r.trace(r.outline(t.s, t.style, x, y, t.style.size*r.scale))
	r.paint(&paint{fill: t.fill})
}

// at is a point of the list in pixels.
func (r *raster) at(x, y float64) (float64, float64) { return (x - r.x) * r.scale, (y - r.y) * r.scale }

// trace gives the context a path in pixels.
func (r *raster) trace(s segments) {
	for _, g := range s {
		switch a := g.at; g.op {
		case 'M':
			r.dc.MoveTo(a[0], a[1])
		case 'L':
			r.dc.LineTo(a[0], a[1])
		case 'Q':
			r.dc.QuadraticTo(a[0], a[1], a[2], a[3])
		case 'C':
			r.dc.CubicTo(a[0], a[1], a[2], a[3], a[4], a[5])
		case 'Z':
			r.dc.ClosePath()
		}
	}
}
