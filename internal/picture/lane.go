package picture

import (
	"math"
	"strconv"

	"github.com/podpath/podpath/internal/diagram"
	"github.com/podpath/podpath/internal/trace"
)

// lanes are the packet's way: all lines first, then the stations of the lane that it is on.
func (d *drawing) lanes() {
	for i := len(d.Scene.Lanes) - 1; i >= 0; i-- {
		d.track(i)
	}
	for i := range d.Scene.Stations {
		if s := &d.Scene.Stations[i]; s.Lane == d.lane() {
			d.station(s, i)
		}
	}
}

// lane is the one that the packet is on; the first before it has set out.
func (d *drawing) lane() int {
	if d.current < 0 {
		return 0
	}
	return d.Scene.Stations[d.current].Lane
}

// Opacities of what the packet has yet to do, and of the lane that it is not on.
const (
	ahead      = 0.3
	aheadCased = 0.35
	otherLane  = 0.2
)

// track is a lane's line.
func (d *drawing) track(lane int) {
	own := lane == d.lane()
	for i := range d.Scene.Stations {
		s := &d.Scene.Stations[i]
		if s.Lane != lane || len(s.Segment) < 2 {
			continue
		}
		p := paint{stroke: "pkt", width: 5, cap: round}
		if d.Scene.Lanes[lane].Reply {
			p = paint{stroke: "reply", width: 4, dash: []float64{9, 6}}
		}
		if s.Unmodelled {
			p = unknown
		}
		switch past := i <= d.current; {
		case !own:
			p.width, p.cap, p.opacity = 3, butt, otherLane
		case !past:
			p.opacity = ahead
		}
		if own && s.Cased {
			casing := paint{stroke: "outer", width: 15}
			if i > d.current {
				casing.opacity = aheadCased
			}
			d.add(line(s.Segment, casing), line(s.Segment, paint{stroke: "d-node", width: 9}))
		}
		d.add(line(s.Segment, p))
	}
	if tail := d.tail(lane); own && tail != nil {
		d.add(line(tail, unknown))
	}
}

// unknown is a stretch that nobody evaluated.
var unknown = paint{stroke: "line-3", width: 3, dash: []float64{2, 7}, cap: round}

// tail is the stretch behind the last station of a leg whose end is not known: on in the direction it had.
func (d *drawing) tail(lane int) diagram.Line {
	l := d.Scene.Lanes[lane]
	n := len(l.Path)
	if l.Outcome != trace.Undetermined || n == 0 {
		return nil
	}
	const length = 46
	last := l.Path[n-1]
	next := diagram.Point{X: last.X, Y: last.Y + length}
	if n > 1 {
		dx, dy := last.X-l.Path[n-2].X, last.Y-l.Path[n-2].Y
		if dy < 0 {
			next.Y = last.Y - length
		} else if dy == 0 && dx != 0 {
			next = diagram.Point{X: last.X + math.Copysign(length, dx), Y: last.Y}
		}
	}
	return diagram.Line{last, next}
}

// station is a numbered circle, an octagon where the packet ends, and its name beside it.
func (d *drawing) station(s *diagram.Station, i int) {
	hue, deep, soft := colour("pkt"), colour("pkt-ink"), colour("pkt-soft")
	if d.replies(s) {
		hue, deep, soft = "reply", "reply-ink", "reply-soft"
	}
	drop := s.Mark == diagram.StopDrop
	d.label(s, i, soft)
	if drop {
		d.octagon(s.X, s.Y, 1)
		return
	}
	p := paint{fill: "d-node", stroke: hue, width: 2.4}
	number := deep
	if i < d.current {
		p.fill, number = hue, "d-node"
		if d.replies(s) {
			p.fill, p.stroke = deep, deep
		}
	}
	d.add(&circle{s.X, s.Y, 9.5, p})
	d.write(text{x: s.X, y: s.Y + 4, s: strconv.Itoa(i + 1), style: style{size: 11, bold: true}, fill: number, anchor: middle}, 17)
}

func (d *drawing) replies(s *diagram.Station) bool {
	return s.Lane >= 0 && s.Lane < len(d.Scene.Lanes) && d.Scene.Lanes[s.Lane].Reply
}

// octagon is the sign of a packet's end: its cross is drawn, as not every font has one.
func (d *drawing) octagon(x, y, scale float64) {
	d.add(
		&path{parsePath(diagram.Octagon(diagram.Point{}, 12)).moved(x, y, scale), paint{fill: "drop", stroke: "drop", width: scale}},
		&path{cross.moved(x, y, scale), paint{stroke: "d-node", width: 2.4 * scale, cap: round}})
}

var cross = parsePath("M-4-4L4 4M4-4L-4 4")

// label is a station's name, and below it the fact that decided there.
func (d *drawing) label(s *diagram.Station, i int, soft colour) {
	if s.Label == nil {
		return
	}
	l := *s.Label
	if i == d.current && d.Chip.Wrapped && s.Mark != diagram.StopDrop && l.X > s.X {
		// The outer chip is wider than the station that the label stands beside.
		by := max(0, s.X+wrapWidth/2+8-l.X)
		l.X, l.Max = l.X+by, l.Max-by
	}
	ttl, sub := style{size: 12.5, bold: true}, style{size: 11.5, mono: true}
	fill, subFill := colour("ink-2"), colour("ink-3")
	tag := paint{}
	if i == d.current {
		ttl.size, fill, subFill = 13.5, "ink", "ink-2"
		tag.fill = soft
	}
	if s.Mark == diagram.StopDrop {
		tag.fill = "drop-soft"
	}
	name, fact := "", ""
	if i < len(d.Titles) {
		name = diagram.Clip(clean(d.Titles[i]), 13, l.Max)
	}
	if !l.One {
		fact = d.cut(clean(s.Sub), sub, l.Max)
	}
	name, ttl = d.fit(name, ttl, l.Max, least)
	if name == "" && fact == "" {
		return
	}
	nameY, box := l.Y+4.5, diagram.Rect{X: l.X - 8, Y: l.Y - 12, H: 24}
	if fact != "" {
		nameY, box.Y, box.H = l.Y-2, l.Y-17, 36
	}
	// Wide enough for the reader's own font too, which an SVG is shown in.
	box.W = 16 + max(d.width(name, ttl), d.width(fact, sub), diagram.TextWidth(name, ttl.size, false)*1.06, diagram.TextWidth(fact, sub.size, true))
	if tag.fill != "" {
		d.add(&rect{box, 6, tag})
	}
	d.write(text{x: l.X, y: nameY, s: name, style: ttl, fill: fill}, l.Max)
	d.write(text{x: l.X, y: l.Y + 13, s: fact, style: sub, fill: subFill}, l.Max)
}
