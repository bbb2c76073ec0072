package anatomy

import "github.com/podpath/podpath/internal/diagram"

// Thumbnail is a node from inside without a word: its namespaces, its veths and its cards.
func Thumbnail(a *Anatomy) *diagram.Mini {
	m := &diagram.Mini{View: diagram.Rect{X: 0, Y: 0, W: Width, H: a.Height}}
	for _, b := range a.Boxes {
		if b.W > 0 {
			m.Boxes = append(m.Boxes, diagram.MiniBox{Rect: b.Rect, Class: b.Class, Radius: b.Radius})
		}
	}
	m.Cables = a.Cables
	for _, p := range a.Parts {
		class := diagram.Device
		if p.Chip {
			class = "chip"
		}
		m.Boxes = append(m.Boxes, diagram.MiniBox{Rect: p.Rect, Class: class, Radius: 6})
	}
	return m
}
