package picture

import (
	"github.com/podpath/podpath/internal/diagram"
)

// drawing is a picture on its way to be a list.
type drawing struct {
	*Picture
	*pen
	list
	current int // Current, where there is such a station; -1 before the first
}

// draw is the map alone, in the scene's own coordinates.
func (p *Picture) draw() (*drawing, error) {
	if p.Scene == nil {
		return nil, errNoScene
	}
	pen, err := newPen()
	if err != nil {
		return nil, err
	}
	d := &drawing{Picture: p, pen: pen, current: max(-1, min(p.Current, len(p.Scene.Stations)-1))}
	d.Rect = diagram.Rect{W: p.Scene.Width, H: p.Scene.Height}
	d.structure()
	d.lanes()
	if d.current >= 0 {
		d.packet(&p.Scene.Stations[d.current])
	}
	return d, nil
}

// here says whether the packet is in a box or at a port.
func (d *drawing) here(id string) bool {
	return id != "" && d.current >= 0 && d.Scene.Stations[d.current].Here == id
}

// say is a label's text.
func (d *drawing) say(t *diagram.Text) string {
	s := t.S
	if d.Say != nil {
		s = d.Say(t)
	} else if s == "" {
		s = t.Key
	}
	return clean(s)
}

// write puts a text into the picture, no wider than there is room.
func (d *drawing) write(t text, room float64) {
	t.s, t.style = d.fit(clean(t.s), t.style, room, least)
	if t.s != "" {
		d.add(&t)
	}
}

// paragraph is a text in at most n lines: smaller if that saves its end, and with no single word left for the last line.
func (d *drawing) paragraph(s string, st style, room float64, n int) ([]string, style) {
	s = clean(s)
	const steps = 4
	for i := range steps + 1 {
		small := st
		small.size *= 1 - (1-least)*float64(i)/steps
		lines := d.wrap(s, small, room, n+1)
		if len(lines) <= n {
			return d.even(s, lines, small, room), small
		}
		if i == steps {
			st = small
		}
	}
	return d.wrap(s, st, room, n), st
}

// even breaks lines of a paragraph earlier where its last would be hardly one.
func (d *drawing) even(s string, lines []string, st style, room float64) []string {
	const little, narrower = 0.3, 0.9
	for n, width := len(lines), room; n > 1 && d.width(lines[n-1], st) < little*room; {
		width *= narrower
		again := d.wrap(s, st, width, n+1)
		if len(again) != n {
			break
		}
		lines = again
	}
	return lines
}
