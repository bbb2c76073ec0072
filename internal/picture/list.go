package picture

import "github.com/podpath/podpath/internal/diagram"

// list is a drawing as what is painted, first things first: the SVG and the PNG are the same list, printed twice.
type list struct {
	diagram.Rect // what of it is in the picture
	items        []item
}

// item is one thing painted.
type item interface{ on(canvas) }

// canvas is what a list is printed on.
type canvas interface {
	rect(*rect)
	circle(*circle)
	path(*path)
	text(*text)
}

// paint says how a shape is filled and stroked; no colour is no paint.
type paint struct {
	fill, stroke colour
	width        float64 // of the stroke
	dash         []float64
	opacity      float64 // of both; 0 is opaque, as nothing is drawn to be invisible
	cap          lineCap
}

// lineCap is how a stroke ends; its corners are always round.
type lineCap string

const (
	butt  lineCap = "" // SVG's default
	round lineCap = "round"
)

// rect is a rectangle with round corners.
type rect struct {
	diagram.Rect
	radius float64
	paint
}

type circle struct {
	x, y, r float64
	paint
}

// path is a line or a shape of any kind.
type path struct {
	segments
	paint
}

// text is one line of text, as it is after everything too wide was cut off.
type text struct {
	x, y   float64
	s      string
	style  style
	fill   colour
	anchor anchor
}

// anchor is the side of a text that its x is at, as SVG calls it.
type anchor string

const (
	start  anchor = "" // SVG's default
	middle anchor = "middle"
	end    anchor = "end"
)

func (r *rect) on(c canvas)   { c.rect(r) }
func (r *circle) on(c canvas) { c.circle(r) }
func (p *path) on(c canvas)   { c.path(p) }
func (t *text) on(c canvas)   { c.text(t) }

// add paints over what is there.
func (l *list) add(items ...item) { l.items = append(l.items, items...) }

// print puts the list on a canvas.
func (l *list) print(c canvas) {
	for _, i := range l.items {
		i.on(c)
	}
}
