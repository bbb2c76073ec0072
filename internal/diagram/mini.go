package diagram

import (
	"math"
	"slices"
)

// Mini is a scene as a thumbnail: the boxes that the packet's way goes through and the way itself, without a word.
type Mini struct {
	View   Rect // what of the scene is seen
	Boxes  []MiniBox
	Way    Line   // nothing where the picture is not of a packet
	Cables []Line // veth pairs, where they are part of what is told
	Cased  []Line // where the packet is inside an outer header
	Stops  []MiniStop
	Device []Circle
}

// MiniBox is a box by what it stands for.
type MiniBox struct {
	Rect
	Class  BoxClass
	Radius float64
}

// MiniStop is a stop that matters at this size.
type MiniStop struct {
	Point
	Class string // "", chg where something changed, drop where it ended
}

// Thumbnail draws the first leg of a scene. Changed says of a station whether it changed the packet's addresses or marks.
func Thumbnail(s *Scene, changed func(*Station) bool) *Mini {
	m := &Mini{}
	if len(s.Lanes) == 0 {
		return m
	}
	m.Way = s.Lanes[0].Path
	for _, b := range s.Boxes {
		switch b.Class {
		case Node, Root, Pod, Device:
			m.Boxes = append(m.Boxes, MiniBox{b.Rect, b.Class, b.Radius})
		}
	}
	m.Device = s.Circles
	for i := range s.Stations {
		st := &s.Stations[i]
		if st.Lane != 0 {
			continue
		}
		if st.Cased && len(st.Segment) > 1 {
			m.Cased = append(m.Cased, st.Segment)
		}
		switch {
		case st.Mark == StopDrop:
			m.Stops = append(m.Stops, MiniStop{Point{st.X, st.Y}, "drop"})
		case changed(st):
			m.Stops = append(m.Stops, MiniStop{Point{st.X, st.Y}, "chg"})
		case slices.Contains([]string{"send", "receive", "transmit", "fabric", "deliver"}, st.Kind):
			m.Stops = append(m.Stops, MiniStop{Point{st.X, st.Y}, ""})
		}
	}
	m.View = m.frame()
	return m
}

// frame is the part of the scene with the way in it and the nodes around it.
func (m *Mini) frame() Rect {
	box := Rect{math.Inf(1), math.Inf(1), 0, 0}
	right, bottom := math.Inf(-1), math.Inf(-1)
	grow := func(x0, y0, x1, y1 float64) {
		box.X, box.Y = min(box.X, x0), min(box.Y, y0)
		right, bottom = max(right, x1), max(bottom, y1)
	}
	for _, b := range m.Boxes {
		if b.Class == Node {
			grow(b.X, b.Y, b.X+b.W, b.Y+b.H)
		}
	}
	for _, p := range m.Way {
		grow(p.X, p.Y, p.X, p.Y)
	}
	const margin = 24
	box.X, box.Y = box.X-margin, box.Y-margin
	box.W, box.H = right+margin-box.X, bottom+margin-box.Y
	return box
}
