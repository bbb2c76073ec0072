package picture

import (
	"math"
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/diagram"
)

// structure is what is grey: boxes, links, cables, ports, routers, and what is written on them.
func (d *drawing) structure() {
	s := d.Scene
	for i := range s.Boxes {
		d.box(&s.Boxes[i])
	}
	for _, l := range s.Links {
		d.add(line(l, paint{stroke: "d-link", width: 1.6}))
	}
	for _, l := range s.Cables {
		d.add(line(l, paint{stroke: "d-link", width: 7}), line(l, paint{stroke: "d-node", width: 3}))
	}
	d.labels(s.Notes, d.Rect, nil, false)
	for i := range s.Ports {
		d.port(&s.Ports[i])
	}
	for _, c := range s.Circles {
		d.router(&c)
	}
}

// boxPaint is each class of box: the deeper it is nested, the lighter.
var boxPaint = map[diagram.BoxClass]paint{
	diagram.VPC:    {fill: "d-vpc", stroke: "d-vpc-line", width: 1.5},
	diagram.Zone:   {fill: "d-az", stroke: "d-az-line", width: 1.2, dash: []float64{5, 4}},
	diagram.Node:   {fill: "d-node", stroke: "d-node-line", width: 1.4},
	diagram.Root:   {fill: "d-root", stroke: "d-root-line", width: 1.2},
	diagram.Pod:    {fill: "d-pod", stroke: "d-pod-line", width: 1.2},
	diagram.Device: {fill: "d-node", stroke: "d-node-line", width: 1.4},
	diagram.Brief:  {fill: "d-node", stroke: "d-node-line", width: 1.1, opacity: 0.75},
}

// youAreHere is the outline of what the packet is in.
func youAreHere(p paint, width float64) paint {
	p.stroke, p.width, p.dash = "ink", width, nil
	return p
}

func (d *drawing) box(b *diagram.Box) {
	p, ok := boxPaint[b.Class]
	if !ok {
		p = boxPaint[diagram.Device]
	}
	if d.here(b.ID) {
		p = youAreHere(p, 2.4)
	}
	d.add(&rect{b.Rect, b.Radius, p})
	if b.Hex != nil {
		d.hexagon(*b.Hex, 8, 1.5)
	}
	d.labels(b.Texts, b.Rect, b.Pills, b.Quiet || b.Class == diagram.Brief)
	for _, pill := range b.Pills {
		d.add(&rect{pill.Rect, 9, paint{stroke: "d-pod-line", width: 1, dash: []float64{3, 2.5}}})
		d.hexagon(diagram.Point{X: pill.X + 12, Y: pill.Y + 9}, 5, 1.5)
		fill := colour("ink-2")
		if b.Quiet {
			fill = "ink-3"
		}
		d.write(text{x: pill.X + 21, y: pill.Y + 13, s: pill.Name, style: style{size: 11.5}, fill: fill}, pill.W-26)
	}
}

func (d *drawing) hexagon(at diagram.Point, r, width float64) {
	d.add(&path{parsePath(diagram.Hexagon(at, r)), paint{stroke: "ink-3", width: width}})
}

func (d *drawing) port(port *diagram.Port) {
	body := paint{fill: "d-port", stroke: "d-port-line", width: 1.3}
	jack := paint{fill: "surface-3", stroke: "d-port-line", width: 1.2}
	radius := 6.0
	switch port.Class {
	case "virt":
		body.dash = []float64{5, 3}
	case "cloud":
		radius = 17
	}
	if d.here(port.ID) {
		body, jack = youAreHere(body, 2.4), youAreHere(jack, 2.4)
	}
	d.add(&rect{port.Rect, radius, body}, &rect{port.Jack, 5, jack})
	d.labels(port.Texts, port.Rect, nil, port.Quiet)
}

// arrows are the router's sign around 0, 0.
var arrows = parsePath("M-13 0h-8M13 0h8M0-13v-8M0 13v8M-17-4l-4 4 4 4M17-4l4 4-4 4M-4-17l4-4 4 4M-4 17l4 4 4-4")

func (d *drawing) router(c *diagram.Circle) {
	p := paint{fill: "d-node", stroke: "d-node-line", width: 1.6}
	if d.here(c.ID) {
		p = youAreHere(p, 2.6)
	}
	scale := 1.0
	if c.R < 20 {
		scale = c.R / 22
	}
	d.add(&circle{c.X, c.Y, c.R, p}, &path{arrows.moved(c.X, c.Y, scale), paint{stroke: "ink-2", width: 1.9 * scale, cap: round}})
}

// labels are the texts of a box or port, each with the room that the others on its line leave it, and the pills.
func (d *drawing) labels(texts []diagram.Text, in diagram.Rect, pills []diagram.Pill, quiet bool) {
	for i := range texts {
		t := &texts[i]
		st, fill := classes(t.Class, quiet)
		room, a := in.X+in.W-6-t.X, start
		if t.End {
			room, a = t.X-in.X-8, end
		}
		for k := range texts {
			if o := &texts[k]; k != i && math.Abs(o.Y-t.Y) < 8 {
				room = math.Min(room, d.between(t, o))
			}
		}
		for _, p := range pills {
			if !t.End && p.X > t.X && p.Y < t.Y && t.Y < p.Y+p.H {
				room = math.Min(room, p.X-4-t.X)
			}
		}
		d.write(text{x: t.X, y: t.Y, s: d.say(t), style: st, fill: fill, anchor: a}, room)
	}
}

// between is the room that a text has beside another on its line. Of two that grow towards each other the one on the right
// keeps its width, up to half of what is there.
func (d *drawing) between(t, o *diagram.Text) float64 {
	const gap = 8
	all := math.Abs(o.X - t.X)
	width := func(t *diagram.Text) float64 {
		st, _ := classes(t.Class, false)
		return d.width(d.say(t), st)
	}
	switch {
	case !t.End && !o.End && o.X > t.X:
		return all - gap/2
	case !t.End && o.End && o.X > t.X:
		return all - gap - math.Min(width(o), all/2)
	case t.End && !o.End && o.X < t.X:
		return all - gap - math.Min(width(o), all/2)
	}
	return math.Inf(1)
}

// classes are a label's CSS classes as what they mean: b bold, m mono, s small, v an interface's name, h a heading.
func classes(class string, quiet bool) (style, colour) {
	st, fill := style{size: 12.5}, colour("ink")
	names := strings.Fields(class)
	has := func(c string) bool { return slices.Contains(names, c) }
	st.mono = has("m")
	st.bold = has("b") || has("h")
	switch {
	case has("h"):
		st.size = 14
	case st.mono && has("v"):
		st.size, fill = 11, "ink-2"
	case has("s"):
		st.size, fill = 11.5, "ink-3"
	case st.mono:
		st.size = 12
	}
	if quiet {
		fill = "ink-3"
	}
	return st, fill
}

// line is a polyline of the scene with its round corners.
func line(l diagram.Line, p paint) *path { return &path{parsePath(l.D()), p} }
