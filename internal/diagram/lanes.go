package diagram

import (
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// waypoint is a point of a lane; station is the station that stands there, or -1.
type waypoint struct {
	Point
	station int
}

// drawLanes runs every leg's line through the scene and puts the stations on it.
func (l *layout) drawLanes() {
	l.s.Stations = make([]Station, len(l.m.doc.Stations))
	for i, sd := range l.m.doc.Stations {
		l.s.Stations[i] = Station{StationDocument: sd, Index: i, Lane: sd.Leg, Mark: Stop}
	}
	for i, leg := range l.m.doc.Legs {
		w := &walker{l: l, leg: l.hops[i], reply: reply(leg.Kind)}
		if w.reply {
			w.o = laneGap
		}
		for j := range w.leg {
			w.hop(j)
		}
		l.s.Lanes = append(l.s.Lanes, Lane{Leg: i, Kind: leg.Kind, Reply: w.reply, Outcome: leg.Outcome, Path: w.finish()})
		l.endLane(i, leg)
	}
}

// endLane marks a leg's last station where it ends badly.
func (l *layout) endLane(i int, leg trace.LegDocument) {
	last := -1
	for j := range l.s.Stations {
		if l.s.Stations[j].Leg == i {
			last = j
		}
	}
	if last >= 0 && (leg.Outcome == trace.Dropped || leg.Outcome == trace.Rejected) {
		l.s.Stations[last].Mark = StopDrop
	}
}

// walker turns the hops of one leg into waypoints.
type walker struct {
	l     *layout
	leg   []*hop
	reply bool
	o     float64 // the lane's offset to the right and downwards
	pts   []waypoint
}

func (w *walker) at(x, y float64) { w.pts = append(w.pts, waypoint{Point{x, y}, -1}) }

// gap is how far beside the trunk the lane's labels stand: the packet on the answer's track must not cover them.
func (w *walker) gap() float64 {
	if w.reply {
		return labelGap + 6
	}
	return labelGap
}

// stop puts a station on the line.
func (w *walker) stop(i int, x, y float64, here string, label *Label) {
	s := &w.l.s.Stations[i]
	s.X, s.Y, s.Here, s.Label = x, y, here, label
	s.Sub = summary(w.l.m.doc, s.StationDocument)
	w.pts = append(w.pts, waypoint{Point{x, y}, i})
}

func (w *walker) hop(i int) {
	h := w.leg[i]
	if p := w.l.pods[h.Namespace]; p != nil {
		w.pod(p, h)
		return
	}
	if g := w.l.nodes[h.Namespace]; g != nil {
		w.node(g, i)
		return
	}
	if w.l.onStrip(h) {
		w.strip(i)
		return
	}
	w.device(w.l.devs[w.l.deviceKey(w.leg, i)], i)
}

// A packet that comes back by the port that it left by has a track of its own beside the first, and its stations at the
// port stand below those of the way out.
const (
	returnTrack = 10
	besidePort  = 11
	returnRows  = 16 // by which the pod's other stations move up
)

// pod: stations stand between the address and the port; a packet that leaves meets them downwards.
func (w *walker) pod(p *podGeo, h *hop) {
	x, portY := p.node.col[p.col]+w.o, p.bottom
	back := h.offset > 0 // a packet that returns to the pod it came from
	rows := p.bottom - 25
	if h.total > len(h.inside) {
		portY, rows = portY-besidePort, rows-returnRows
		if back {
			x, portY = x-returnTrack, p.bottom+besidePort
		}
	}
	at := func(j int, down bool) float64 {
		i := j + h.offset
		if !down && !back {
			i = h.total - 1 - i
		}
		return rows - float64(h.total-1-i)*linePitch
	}
	port := func(list []int) {
		for _, s := range list {
			w.stop(s, x, portY, p.port, nil)
		}
	}
	down := h.In == nil
	if !down {
		w.at(x, portY)
	}
	port(h.in)
	for j, s := range h.inside {
		y := at(j, down)
		w.stop(s, x, y, p.box, &Label{X: p.node.col[p.col] + w.gap(), Y: y, One: true, Max: 100})
	}
	port(h.out)
	if h.Out != nil {
		w.at(x, portY)
	}
}

// node: stations stand on the trunk, the vertical of the left column, between the interface the packet came by and the
// one it leaves by.
func (w *walker) node(g *nodeGeo, i int) {
	h := w.leg[i]
	if h.blocks > 1 {
		w.visit(g, i)
		return
	}
	l := w.l
	in, out := l.side(g.m, h.dev(h.In)), l.side(g.m, h.dev(h.Out))
	down := in == topLeft
	if in == nowhere {
		down = out != topLeft
	}
	x := g.col[0] + w.o
	portOf := func(dev string) string { return portID(g.m.ns.Name, l.m.cardOf(g.m.ns, dev)) }

	hairpin := 0.0 // it leaves by the port that it came by
	if in != nowhere && h.dev(h.In) == h.dev(h.Out) {
		hairpin = besidePort
	}
	w.arrive(g, i, in)
	for _, s := range h.in {
		px, py := w.port(g, in)
		w.stop(s, px, py-hairpin, portOf(h.dev(h.In)), nil)
	}
	switch in {
	case botRight:
		w.at(g.col[1]+w.o, g.jogY+w.o)
		w.at(x, g.jogY+w.o)
	case topRight:
		w.loop(g, true)
	}
	for j, s := range h.inside {
		y := g.stationY(l.rows, h, j, down)
		label := &Label{X: g.col[0] + w.gap(), Y: y, Max: g.x + 380 - (g.col[0] + w.gap()) - 10}
		if l.cross {
			label.Max -= 30
		}
		if g.m.tunnel != nil {
			label.Max = min(label.Max, g.col[1]-24-label.X) // beside its device
		}
		w.stop(s, x, y, boxID(g.m.ns.Name), label)
	}
	switch {
	case out == botRight:
		if !down {
			w.around(g)
		}
		w.at(x, g.jogY+w.o)
		w.at(g.col[1]+w.o, g.jogY+w.o)
	case out == botLeft && !down:
		w.around(g)
		w.at(x, g.jogY+w.o)
	case out == topRight:
		w.loop(g, false)
	case out == topLeft && down:
		if hairpin > 0 {
			x -= returnTrack
		}
		w.at(g.col[0]+w.o, g.jogY+w.o)
		w.at(g.loopX+w.o, g.jogY+w.o)
		w.at(g.loopX+w.o, g.loopY+w.o)
		w.at(x, g.loopY+w.o)
	}
	if out != nowhere {
		px, py := w.port(g, out)
		if hairpin > 0 {
			px, py = px-returnTrack, py+hairpin
		}
		for _, s := range h.out {
			w.stop(s, px, py, portOf(h.dev(h.Out)), nil)
		}
		w.at(px, py)
	}
}

// arrive brings the line from the hop before to the port: from below, along the bus under the card.
func (w *walker) arrive(g *nodeGeo, i int, in side) {
	if in == nowhere {
		return
	}
	px, py := w.port(g, in)
	if (in == botLeft || in == botRight) && i > 0 && !w.l.onStrip(w.leg[i-1]) {
		w.at(px, w.l.busY+w.o)
	}
	w.at(px, py)
}

// port is where the line crosses an end of the trunk.
func (w *walker) port(g *nodeGeo, s side) (x, y float64) {
	switch s {
	case topLeft:
		return g.col[0] + w.o, g.vethY()
	case topRight:
		return g.col[1] + w.o, g.vethY()
	case botLeft:
		return g.col[0] + w.o, g.eniY()
	}
	return g.col[1] + w.o, g.eniY()
}

// loop is the way between the right pod's veth and the trunk's lower end, around the labels.
func (w *walker) loop(g *nodeGeo, in bool) {
	pts := []Point{
		{g.col[1] + w.o, g.vethY()}, {g.col[1] + w.o, g.loopY + w.o}, {g.loopX + w.o, g.loopY + w.o},
		{g.loopX + w.o, g.jogY + w.o}, {g.col[0] + w.o, g.jogY + w.o},
	}
	for i := range pts {
		p := pts[i]
		if !in {
			p = pts[len(pts)-1-i]
		}
		w.at(p.X, p.Y)
	}
}

// around leads from the trunk's upper end to its lower one, around the labels.
func (w *walker) around(g *nodeGeo) {
	w.at(g.col[0]+w.o, g.loopY+w.o)
	w.at(g.loopX+w.o, g.loopY+w.o)
	w.at(g.loopX+w.o, g.jogY+w.o)
}

// stationY is the height of a hop's j-th station on the trunk. Few stations spread over the room that the fullest lane
// needs, so that both lanes fill the same box.
func (g *nodeGeo) stationY(rows int, h *hop, j int, down bool) float64 {
	i, n := j+h.offset, h.total
	if !down {
		i = n - 1 - i
	}
	span := float64(rows-1) * rowPitch
	if n <= 1 {
		return g.row0 + span/2
	}
	pitch := min(span/float64(n-1), 60)
	return g.row0 + (span-pitch*float64(n-1))/2 + float64(i)*pitch
}

// towards is where a neighbouring hop of a device lies.
type towards int

const (
	noHop towards = iota
	leftNode
	rightNode
	inwards  // a device nearer to the nodes
	outwards // a device further out
)

// neighbour says where the hop at i lies, seen from device d, and the column of the card it uses there.
func (w *walker) neighbour(d *deviceGeo, i int, dev func(*hop) *string) (towards, float64) {
	if i < 0 || i >= len(w.leg) {
		return noHop, 0
	}
	h := w.leg[i]
	if g := w.l.nodes[h.Namespace]; g != nil {
		x := g.col[0] + w.o
		if s := w.l.side(g.m, h.dev(dev(h))); s == botRight || s == topRight {
			x = g.col[1] + w.o
		}
		if g.right {
			return rightNode, x
		}
		return leftNode, x
	}
	if n := w.l.devs[w.l.deviceKey(w.leg, i)]; n != nil && n.top < d.top {
		return inwards, 0
	}
	return outwards, 0
}

func (w *walker) device(d *deviceGeo, i int) {
	h := w.leg[i]
	prev, next := w.beyond(i, -1), w.beyond(i, 1)
	from, fromX := w.neighbour(d, prev, func(h *hop) *string { return h.Out })
	to, toX := w.neighbour(d, next, func(h *hop) *string { return h.In })
	stations := append(append(append([]int(nil), h.in...), h.inside...), h.out...)
	switch d.shape {
	case circle:
		w.circle(d, h, stations, from, to)
	case block:
		// A host that is visited twice in a row, as by a tunnel, is come to once and left once.
		w.block(d, h, stations, from, to, fromX, toX, w.sameDevice(i, i-1), w.sameDevice(i, i+1))
	default:
		w.gate(d, h, stations, from, to)
	}
}

// sameDevice says whether two hops are at one device.
func (w *walker) sameDevice(i, j int) bool {
	return j >= 0 && j < len(w.leg) && w.leg[i].Namespace == w.leg[j].Namespace
}

// circle: every line runs through the router's middle; further stations stand on the bus before it or after it.
func (w *walker) circle(d *deviceGeo, h *hop, stations []int, from, to towards) {
	bus := func() { w.at(d.x, w.l.busY+w.o) }
	side := func(t towards) float64 {
		if t == rightNode {
			return 1
		}
		return -1
	}
	n := len(stations)
	onBus := func(t towards) bool { return d.rank == rankRouter && (t == leftNode || t == rightNode) }
	before, after := 0, 0
	further := 0 // places on the bus that earlier visits have taken
	if h.offset > 1 {
		further = h.offset - 1
	}
	switch {
	case h.offset > 0 && onBus(to) && !onBus(from):
		// A second visit of the leg: the circle is taken, and its stations stand on the bus beside it.
		after = n
		w.at(d.x+w.o, d.y)
	case h.offset > 0 && to == noHop && d.rank == rankRouter:
		// It ends at the second visit: beside the circle, away from the node that it came from first.
		for k, s := range stations {
			w.stop(s, d.x+float64(k+1+further)*30, w.l.busY+w.o, d.id, nil)
		}
		return
	case h.offset > 0 && onBus(from):
		before = n
	case onBus(from):
		before = n - 1
	case onBus(to):
		after = n - 1
	}
	for k, s := range stations {
		switch {
		case k < before:
			w.stop(s, d.x+side(from)*float64(before-k+further)*30, w.l.busY+w.o, d.id, nil)
		case k > n-1-after:
			if k == n-after {
				bus()
			}
			w.stop(s, d.x+side(to)*float64(k-(n-1-after)+further)*30, w.l.busY+w.o, d.id, nil)
		default:
			if onBus(from) {
				bus()
			} else if from == inwards || from == outwards {
				w.at(d.x+w.o, d.y)
			}
			w.stop(s, d.x, d.y, d.id, nil)
		}
	}
	if n == 0 {
		w.at(d.x, d.y)
	}
	switch {
	case onBus(to) && after == 0:
		bus()
	case to == inwards || to == outwards:
		w.at(d.x+w.o, d.y)
	}
}

// gate: a gateway or the internet, on the trunk.
func (w *walker) gate(d *deviceGeo, h *hop, stations []int, from, to towards) {
	x := d.x + w.o
	down := from == inwards || from == noHop && to == outwards || from == leftNode || from == rightNode
	for k, s := range stations {
		i := k + h.offset
		if !down {
			i = h.total - 1 - i
		}
		w.stop(s, x, d.row(i, h.total), d.id, nil)
	}
	if len(stations) == 0 {
		w.at(x, d.y)
	}
}

// block: a device with its stations in rows. The left node's line comes in at the top; the right node's at the side
// below the last row, unless it goes on outwards.
func (w *walker) block(d *deviceGeo, h *hop, stations []int, from, to towards, fromX, toX float64, again, stays bool) {
	x := d.x + w.o
	sideY := d.bot - 18 + w.o/2
	node := func(t towards) bool { return t == leftNode || t == rightNode }
	lower := func(t, other towards) bool {
		return t == outwards || t == rightNode && node(other) || t == leftNode && other == leftNode && false
	}
	fromLower := lower(from, to)
	toLower := lower(to, from)
	if node(from) && node(to) && from == to { // in and out on the same side
		fromLower, toLower = false, true
	}
	down := !fromLower
	if from == noHop {
		down = toLower
	}
	if node(from) && !again {
		if fromLower {
			w.at(fromX, sideY)
			w.at(x, sideY)
		} else {
			w.at(fromX, w.l.busY+w.o)
			w.at(x, w.l.busY+w.o)
		}
	}
	for k, s := range stations {
		i := k + h.offset
		if !down {
			i = h.total - 1 - i
		}
		y := d.row(i, h.total)
		w.stop(s, x, y, d.id, &Label{X: d.x + w.gap(), Y: y, One: true, Max: 200})
	}
	if len(stations) == 0 {
		w.at(x, d.y)
	}
	if !node(to) || stays {
		return
	}
	if toLower {
		w.at(x, sideY)
		w.at(toX, sideY)
	} else {
		w.at(x, w.l.busY+w.o)
		w.at(toX, w.l.busY+w.o)
	}
}

// finish cuts the waypoints into the segments between stations and gives the whole line.
func (w *walker) finish() Line {
	var whole []Point
	start := 0
	first := true
	for i, p := range w.pts {
		if p.station < 0 {
			continue
		}
		s := &w.l.s.Stations[p.station]
		if first {
			s.Segment = Line{p.Point}
			first = false
		} else {
			var pts []Point
			for _, q := range w.pts[start : i+1] {
				pts = append(pts, q.Point)
			}
			s.Segment = orthogonal(pts)
			if len(s.Segment) == 1 {
				s.Segment = Line{pts[0], p.Point}
			}
			s.Unmodelled, s.Cased = w.before(p.station)
		}
		whole = append(whole, s.Segment...)
		start = i
	}
	return orthogonal(whole)
}

// before says what the stretch before a station is like: not modelled, or inside a tunnel.
func (w *walker) before(i int) (unmodelled, cased bool) {
	doc := w.l.m.doc
	steps := stepsOf(doc, doc.Stations[i])
	for _, st := range steps {
		if st.Code == string(trace.NotModelled) {
			unmodelled = true
		}
	}
	if i > 0 && doc.Stations[i-1].Leg == doc.Stations[i].Leg {
		prev := stepsOf(doc, doc.Stations[i-1])
		if len(prev) > 0 {
			if p := prev[len(prev)-1].Packet; p >= 0 && p < len(doc.Packets) {
				for _, layer := range doc.Packets[p].Layers {
					cased = cased || layer.Outer
				}
			}
		}
	}
	return unmodelled, cased
}

// stepsOf are the steps of a station.
func stepsOf(d *trace.Document, s trace.StationDocument) []trace.StepDocument {
	if s.Leg < 0 || s.Leg >= len(d.Legs) || s.Hop < 0 || s.Hop >= len(d.Legs[s.Leg].Hops) {
		return nil
	}
	steps := d.Legs[s.Leg].Hops[s.Hop].Steps
	if s.First < 0 || s.Last >= len(steps) || s.First > s.Last {
		return nil
	}
	return steps[s.First : s.Last+1]
}

// places finds the columns of the timeline and which of them each station is in. All of a fabric is one column.
func (l *layout) places() {
	index := map[string]int{}
	for i := range l.s.Stations {
		s := &l.s.Stations[i]
		if s.Leg >= len(l.hops) || s.Hop >= len(l.hops[s.Leg]) {
			continue
		}
		h := l.hops[s.Leg][s.Hop]
		p := Place{Class: PlaceRouter, Name: h.Namespace}
		ns := l.m.space(h.Namespace)
		if ns != nil {
			p.Name = label(ns)
		}
		key := "ns-" + h.Namespace
		switch topology.Kind(h.Kind) {
		case topology.Pod:
			p.Class = PlacePod
		case topology.Node:
			p.Class = PlaceNode
		case topology.External:
			p.Class = PlaceOutside
		default:
			if l.m.topo.Fabric != nil {
				p, key = Place{Class: PlaceFabric, Name: "VPC"}, "vpc"
			} else if k := topology.Kind(h.Kind); k == topology.Gateway {
				p.Class = PlaceGateway
			} else if k == topology.Switch {
				p.Class = PlaceSwitch
			}
		}
		at, ok := index[key]
		if !ok {
			at = len(l.s.Places)
			index[key] = at
			l.s.Places = append(l.s.Places, p)
		}
		s.Place = at
	}
}
