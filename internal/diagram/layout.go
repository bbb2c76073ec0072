package diagram

import (
	"strconv"

	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// The grid, in units of the scene. What the names do not say: a lane's rows are the stations in a root namespace.
const (
	laneGap    = 10 // between a request's track and its answer's
	rowPitch   = 42 // stations with two-line labels
	linePitch  = 24 // stations with one-line labels
	labelGap   = 30 // from the line to its labels
	zoneWidth  = 398
	zoneLeft   = 18
	zoneRight  = 424
	colGap     = 182 // between a node's two columns
	stripPitch = 40
)

// Build lays out the diagram of a trace through a topology. It never fails: what it cannot place on a node it draws as a
// device of its own, so that every station of the trace is on the line.
func Build(t *topology.Topology, d *trace.Document) *Scene {
	l := &layout{
		m:     newModel(t, d),
		s:     &Scene{Width: Width},
		pods:  map[string]*podGeo{},
		nodes: map[string]*nodeGeo{},
		devs:  map[string]*deviceGeo{},
	}
	l.hops = collect(d)
	l.fold()
	count(l.hops)
	l.measure()
	l.drawNodes()
	l.drawChain()
	l.drawLanes()
	l.places()
	return l.s
}

// layout is the work in progress.
type layout struct {
	m     *model
	s     *Scene
	hops  [][]*hop // by leg
	pods  map[string]*podGeo
	nodes map[string]*nodeGeo
	order []*nodeGeo
	devs  map[string]*deviceGeo
	chain []*deviceGeo

	podHeight float64
	rows      int // most stations in a root namespace in any lane, and the empty rows between its blocks
	caps      map[*nodeModel][]int
	cross     bool    // some hop needs the loop at the right of the root namespace
	zoneEnd   float64 // bottom of the zones
	busY      float64 // the line from the nodes to the router
	stripY    float64 // on a site: the switches
}

// hop is one hop of a leg with its stations, by where they stand.
type hop struct {
	trace.HopDocument
	leg      int
	in, out  []int // stations at the ports by which the packet comes and goes
	inside   []int
	offset   int // stations of earlier visits of the same leg to the same namespace
	total    int // stations of all visits of the leg
	block    int // which of the node's blocks its stations stand in, counted from the top
	blocks   int // as many as the leg visits the node; more than one only on nodes
	stations []trace.StationDocument
}

func (h *hop) dev(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// collect sorts the stations by leg and hop.
func collect(d *trace.Document) [][]*hop {
	legs := make([][]*hop, len(d.Legs))
	for i, leg := range d.Legs {
		for _, h := range leg.Hops {
			legs[i] = append(legs[i], &hop{HopDocument: h, leg: i, stations: d.Stations})
		}
	}
	for i, s := range d.Stations {
		if s.Leg >= len(legs) || s.Hop >= len(legs[s.Leg]) {
			continue
		}
		h := legs[s.Leg][s.Hop]
		switch {
		case s.Kind == "receive" && h.In != nil && len(h.inside) == 0:
			h.in = append(h.in, i)
		case (s.Kind == "encap" || s.Kind == "decap") && h.In != nil && len(h.inside) == 0:
			h.in = append(h.in, i) // at the tunnel's device, which the packet comes by
		case s.Kind == "transmit" && h.Out != nil:
			// A VLAN device hands the frame to its parent: only the last one stands at the port.
			h.inside = append(h.inside, h.out...)
			h.out = []int{i}
		default:
			h.inside = append(h.inside, i)
		}
	}
	return legs
}

// fold puts stations at interfaces that the diagram does not have, such as a node's loopback device, among those inside.
func (l *layout) fold() {
	for _, n := range l.m.nodes {
		for _, leg := range l.hops {
			for _, h := range leg {
				if h.Namespace != n.ns.Name {
					continue
				}
				if l.side(n, h.dev(h.In)) == nowhere {
					h.inside, h.in = append(h.in, h.inside...), nil
				}
				if l.side(n, h.dev(h.Out)) == nowhere {
					h.inside, h.out = append(h.inside, h.out...), nil
				}
			}
		}
	}
}

// count numbers the stations of each namespace over all visits of a leg.
func count(legs [][]*hop) {
	for _, leg := range legs {
		n := map[string]int{}
		for _, h := range leg {
			h.offset = n[h.Namespace]
			n[h.Namespace] += len(h.inside)
		}
		for _, h := range leg {
			h.total = n[h.Namespace]
		}
	}
}

// nodeGeo is where an open node's parts are.
type nodeGeo struct {
	m                   *nodeModel
	x                   float64 // left edge of its zone
	col                 [2]float64
	podTop, podBottom   float64
	rootTop, rootBottom float64
	row0                float64
	loopX, loopY, jogY  float64
	caps                []int // rows of each block, where a leg visits the node more than once
	right               bool  // it stands in the right half
}

func (g *nodeGeo) vethY() float64 { return g.rootTop }
func (g *nodeGeo) eniY() float64  { return g.rootBottom + 11 }

// podGeo is where a pod is.
type podGeo struct {
	node   *nodeGeo
	col    int
	bottom float64
	box    string
	port   string
}

// measure finds how much room the stations need.
func (l *layout) measure() {
	l.caps = map[*nodeModel][]int{}
	for _, n := range l.m.nodes {
		l.stack(n)
	}
	inPods, extra := 1, 0.0
	for _, leg := range l.hops {
		for _, h := range leg {
			ns := l.m.space(h.Namespace)
			if ns == nil {
				continue
			}
			switch ns.Kind {
			case topology.Pod:
				inPods = max(inPods, h.total)
				if h.total > len(h.inside) {
					extra = returnRows
				}
			case topology.Node:
				l.rows = max(l.rows, h.total)
				for _, n := range l.m.nodes {
					if n.ns == ns && l.loops(n, h) {
						l.cross = true
					}
				}
			}
		}
	}
	l.rows = max(l.rows, 4)
	l.podHeight = 84 + float64(inPods-1)*linePitch + extra
}

// side is an end of a node's trunk, the vertical that its stations stand on.
type side int

const (
	nowhere  side = iota
	topLeft       // the left pod's veth: the trunk's upper end
	topRight      // the right pod's veth, reached by the loop
	botLeft       // the left card: the trunk's lower end
	botRight      // the right card, reached by a jog
	inside        // a tunnel's device, beside the trunk between two visits of the node
)

// side says where an interface of a node is.
func (l *layout) side(n *nodeModel, dev string) side {
	if dev == "" {
		return nowhere
	}
	for i, p := range n.pods {
		if p.veth != nil && p.veth.Name == dev {
			return topLeft + side(i)
		}
	}
	if n.tunnel != nil && n.tunnel.Name == dev {
		return inside
	}
	card := l.m.cardOf(n.ns, dev)
	for i, u := range n.uplinks {
		if u.iface.Name == card {
			return botLeft + side(i)
		}
	}
	return nowhere
}

// loops says whether a hop comes and goes by the same end of the trunk, so that it needs the way around.
func (l *layout) loops(n *nodeModel, h *hop) bool {
	in, out := l.side(n, h.dev(h.In)), l.side(n, h.dev(h.Out))
	if in == topRight || out == topRight {
		return true
	}
	if in == nowhere || out == nowhere {
		return false
	}
	return (in == topLeft) == (out == topLeft)
}

// drawNodes places the zones, the open nodes and what is in them, and the other nodes as one line each.
func (l *layout) drawNodes() {
	top := 36.0
	if !l.grounded() {
		top = 10
	}
	l.drawVPC()
	if len(l.m.nodes) > 1 && len(l.m.brief) > 0 {
		top = l.drawStrip(top)
	}
	row0 := 56.0
	if l.cross {
		row0 = 92
	}
	podBottom := top + 66 + l.podHeight
	rootTop := podBottom + 50
	rootBottom := rootTop + row0 + float64(l.rows-1)*rowPitch + 54
	l.zoneEnd = rootBottom + 56
	if l.m.topo.Site != nil {
		l.stripY = rootBottom + 66
		l.zoneEnd = l.stripY + 28
	}
	l.busY = l.zoneEnd + 34

	for i, n := range l.m.nodes {
		g := &nodeGeo{
			m: n, x: []float64{zoneLeft, zoneRight}[i], right: i == 1, caps: l.caps[n],
			podTop: top + 66, podBottom: podBottom, rootTop: rootTop, rootBottom: rootBottom,
			row0: rootTop + row0, jogY: rootBottom - 31, loopY: rootTop + 60,
		}
		g.col = [2]float64{g.x + 46, g.x + 46 + colGap}
		g.loopX = g.x + zoneWidth - 32
		l.nodes[n.ns.Name] = g
		l.order = append(l.order, g)
	}
	shared := len(l.m.nodes) == 2 && l.m.nodes[0].subnet != nil && l.m.nodes[0].subnet == l.m.nodes[1].subnet
	for i, g := range l.order {
		w := float64(zoneWidth)
		if shared {
			w = zoneRight - zoneLeft + zoneWidth
		}
		zone := l.vpcID()
		if l.grounded() {
			if i == 0 || !shared {
				r := Rect{g.x, top, w, l.zoneEnd - top}
				l.drawZone("zone-"+slug(g.m.ns.Name), g.m.ns, r)
				l.drawSwitch(g.m.subnet, "zone-"+slug(g.m.ns.Name), r)
			}
			zone = "zone-" + slug(l.order[0].m.ns.Name)
			if !shared {
				zone = "zone-" + slug(g.m.ns.Name)
			}
		}
		l.drawNode(g, zone, top)
	}
	if len(l.m.nodes) < 2 {
		l.drawBriefColumn(top)
	}
}

func (l *layout) vpcID() string {
	if !l.grounded() {
		return ""
	}
	return "vpc"
}

// grounded says whether the nodes stand in a VPC or on a site, whose zones are drawn, and not in a recording.
func (l *layout) grounded() bool { return l.m.topo.Fabric != nil || l.m.topo.Site != nil }

// drawVPC draws the outermost box; its height is set once the chain below the nodes is known.
func (l *layout) drawVPC() {
	f := l.m.topo.Fabric
	if f == nil {
		l.drawSite()
		return
	}
	b := Box{ID: "vpc", Class: VPC, Radius: 14, Rect: Rect{6, 4, Width - 12, 0}}
	b.Texts = []Text{{X: 22, Y: 25, S: "VPC", Class: "b"}}
	x := 60.0
	for i, c := range f.CIDRs {
		if i == 3 {
			b.Texts = append(b.Texts, Text{X: x, Y: 25, S: "+" + strconv.Itoa(len(f.CIDRs)-i), Class: "m"})
			break
		}
		b.Texts = append(b.Texts, Text{X: x, Y: 25, S: c.String(), Class: "m"})
		x += TextWidth(c.String(), 12, true) + 14
	}
	if f.Region != "" {
		b.Texts = append(b.Texts, Text{X: 820, Y: 25, S: f.Region, Class: "s", End: true})
	}
	l.s.Boxes = append(l.s.Boxes, b)
}

func (l *layout) drawZone(id string, ns *topology.Namespace, r Rect) {
	b := Box{ID: id, Parent: "vpc", Class: Zone, Radius: 10, Rect: r}
	b.Texts = append(b.Texts, Text{X: r.X + 14, Y: r.Y + 19, Class: "b s", Key: "box.zone", Args: l.zoneArgs(ns)})
	if s := l.m.subnet(ns.Place.Subnet); s != nil {
		b.Texts = append(b.Texts, Text{X: r.X + r.W - 14, Y: r.Y + 19, S: s.CIDR.String(), Class: "m s", End: true})
	}
	l.s.Boxes = append(l.s.Boxes, b)
}

// zoneArgs are the arguments of a zone's title: its name, and whether its subnet is public.
func (l *layout) zoneArgs(ns *topology.Namespace) map[string]string {
	args := map[string]string{"zone": ns.Place.Zone, "kind": ""}
	if s := l.m.subnet(ns.Place.Subnet); s != nil && l.m.topo.Fabric != nil {
		args["kind"] = "private"
		if s.Public {
			args["kind"] = "public"
		}
		if args["zone"] == "" {
			args["zone"] = s.Zone
		}
	}
	return args
}

func (l *layout) drawNode(g *nodeGeo, zone string, top float64) {
	ns := g.m.ns
	x := g.x
	node := Box{ID: "node-" + slug(ns.Name), Parent: zone, Class: Node, Radius: 10,
		Rect: Rect{x + 10, top + 30, 378, g.rootBottom + 18 - (top + 30)}}
	name := label(ns)
	node.Texts = []Text{{X: x + 24, Y: top + 53, S: name, Class: "h"},
		{X: x + 24 + TextWidth(name, 14, false) + 14, Y: top + 53, S: address(ns), Class: "m"}}
	switch {
	case g.m.hidden > 0:
		node.Texts = append(node.Texts, Text{X: x + 374, Y: top + 53, Class: "s", End: true, Key: "box.machine-more",
			Args: map[string]string{"machine": ns.Place.Machine, "count": strconv.Itoa(g.m.hidden)}})
	case ns.Place.Machine != "":
		node.Texts = append(node.Texts, Text{X: x + 374, Y: top + 53, S: ns.Place.Machine, Class: "s", End: true})
	}
	root := Box{ID: boxID(ns.Name), Parent: node.ID, Class: Root, Radius: 9,
		Rect: Rect{x + 18, g.rootTop, 362, g.rootBottom - g.rootTop}}
	root.Texts = []Text{{X: x + 76, Y: g.rootTop + 28, S: "root netns", Class: "b s"}}
	root.Pills = l.pills(g)
	l.s.Boxes = append(l.s.Boxes, node, root)
	for i, p := range g.m.pods {
		l.drawPod(g, i, p, node.ID)
	}
	l.drawTunnel(g, root.ID)
	for i, u := range g.m.uplinks {
		px := x + 34 + float64(i)*colGap
		port := Port{ID: portID(ns.Name, u.iface.Name), Owner: root.ID, Quiet: !u.used,
			Rect: Rect{px, g.rootBottom - 14, 160, 50}}
		port.Jack = Rect{g.col[i] - 8, port.Y + 4, 26, 42}
		title := u.iface.Name
		if u.iface.ENI != nil && u.iface.ENI.Name != "" {
			title = u.iface.ENI.Name + " · " + u.iface.Name
		}
		port.Texts = []Text{{X: g.col[i] + 40, Y: port.Y + 21, S: title, Class: "b"},
			{X: g.col[i] + 40, Y: port.Y + 38, S: ifaceAddress(u.iface), Class: "m"}}
		l.s.Ports = append(l.s.Ports, port)
	}
}

// pills are the host-network pods on the root namespace's floor, at its right where the loop crosses the row.
func (l *layout) pills(g *nodeGeo) []Pill {
	const height, limit = 18, 2
	var pills []Pill
	x := g.x + 150
	for i, name := range g.m.ns.Place.HostPods {
		if i == limit {
			break
		}
		w := 30 + TextWidth(name, 11.5, false)
		if l.cross {
			right := g.x + zoneWidth - 26
			pills = append(pills, Pill{Rect{right - w, g.rootTop + 13 + float64(i)*22, w, height}, name})
			continue
		}
		pills = append(pills, Pill{Rect{x, g.rootTop + 14, w, height}, name})
		x += w + 8
	}
	return pills
}

func (l *layout) drawPod(g *nodeGeo, i int, p *podModel, parent string) {
	x := g.x + 22 + float64(i)*colGap
	used := l.used(p.ns.Name)
	b := Box{ID: boxID(p.ns.Name), Parent: parent, Class: Pod, Radius: 9, Quiet: !used,
		Rect: Rect{x, g.podTop, 172, l.podHeight}}
	b.Hex = &Point{x + 18, g.podTop + 17}
	b.Texts = []Text{{X: x + 32, Y: g.podTop + 22, S: Clip(label(p.ns), 13, 128), Class: "b"},
		{X: x + 12, Y: g.podTop + 42, S: address(p.ns), Class: "m"}}
	l.s.Boxes = append(l.s.Boxes, b)
	geo := &podGeo{node: g, col: i, bottom: g.podBottom, box: b.ID}
	eth := "eth0"
	if p.eth != nil {
		eth = p.eth.Name
	}
	geo.port = portID(p.ns.Name, eth)
	l.pods[p.ns.Name] = geo
	pair := func(id, owner, text string, x, y, w float64) {
		l.s.Ports = append(l.s.Ports, Port{ID: id, Owner: owner, Rect: Rect{x, y, w, 22}, Quiet: !used,
			Jack: Rect{g.col[i] - 8, y + 4, 26, 14}, Texts: []Text{{X: g.col[i] + 22, Y: y + 15, S: text, Class: "m v"}}})
	}
	ethText := ifaceText(p.eth, eth)
	pair(geo.port, b.ID, ethText, x+12, g.podBottom-11, 44+TextWidth(ethText, 11, true))
	if p.veth != nil {
		pair(portID(g.m.ns.Name, p.veth.Name), boxID(g.m.ns.Name), ifaceText(p.veth, p.veth.Name), x+10, g.rootTop-11, 166)
	}
	cx := g.col[i] + 5
	l.s.Cables = append(l.s.Cables, Line{{cx, g.podBottom + 10}, {cx, g.rootTop - 10}})
}

// ifaceText is an interface as `ip link` writes a veth: name@ifN.
func ifaceText(i *topology.Interface, name string) string {
	if i != nil && i.LinkIndex > 0 {
		return name + "@if" + strconv.Itoa(i.LinkIndex)
	}
	return name
}

// Clip shortens a text to a width at size px, with an ellipsis.
func Clip(s string, px, width float64) string {
	if TextWidth(s, px, false) <= width {
		return s
	}
	r := []rune(s)
	for len(r) > 1 && TextWidth(string(r)+"…", px, false) > width {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

func (l *layout) used(name string) bool {
	for _, leg := range l.hops {
		for _, h := range leg {
			if h.Namespace == name {
				return true
			}
		}
	}
	return false
}

// drawStrip draws the nodes that the packet does not visit above the open ones, and gives the new top.
func (l *layout) drawStrip(top float64) float64 {
	n := min(len(l.m.brief), 3)
	w := (float64(zoneRight-zoneLeft+zoneWidth) - float64(n-1)*8) / float64(n)
	for i, ns := range l.m.brief[:n] {
		x := zoneLeft + float64(i)*(w+8)
		l.drawBrief(ns, Rect{x, top, w, 32}, n == 1)
	}
	if more := len(l.m.brief) - n + l.m.more; more > 0 {
		l.s.Notes = append(l.s.Notes, Text{X: 700, Y: 25, Class: "s", End: true, Key: "box.more-nodes",
			Args: map[string]string{"count": strconv.Itoa(more)}})
	}
	return top + stripPitch
}

// drawBrief draws a node as one line in its zone's outline.
func (l *layout) drawBrief(ns *topology.Namespace, r Rect, wide bool) {
	b := Box{ID: "node-" + slug(ns.Name), Parent: l.vpcID(), Class: Brief, Radius: 9, Rect: r, Quiet: true}
	name := label(ns)
	b.Texts = []Text{{X: r.X + 14, Y: r.Y + 20.5, S: name, Class: "b"},
		{X: r.X + 14 + TextWidth(name, 12.5, false) + 12, Y: r.Y + 20.5, S: address(ns), Class: "m s"}}
	if wide || r.W > 330 {
		b.Texts = append(b.Texts, Text{X: r.X + r.W - 14, Y: r.Y + 20.5, Key: "box.zone", Args: l.zoneArgs(ns), Class: "s", End: true})
	}
	l.s.Boxes = append(l.s.Boxes, b)
}

// drawBriefColumn draws the other nodes in the right half, one below the other, when one node is open.
func (l *layout) drawBriefColumn(top float64) {
	y := top
	for _, ns := range l.m.brief {
		if !l.grounded() {
			l.drawBrief(ns, Rect{zoneRight, y, zoneWidth, 32}, false)
			y += stripPitch
			continue
		}
		if y+78 > l.zoneEnd {
			break
		}
		zone := "zone-" + slug(ns.Name)
		l.drawZone(zone, ns, Rect{zoneRight, y, zoneWidth, 72})
		b := Box{ID: "node-" + slug(ns.Name), Parent: zone, Class: Brief, Radius: 9, Quiet: true,
			Rect: Rect{zoneRight + 10, y + 30, 378, 32}}
		name := label(ns)
		b.Texts = []Text{{X: b.X + 14, Y: b.Y + 20.5, S: name, Class: "b"},
			{X: b.X + 14 + TextWidth(name, 12.5, false) + 12, Y: b.Y + 20.5, S: address(ns), Class: "m s"},
			{X: b.X + b.W - 14, Y: b.Y + 20.5, S: ns.Place.Machine, Class: "s", End: true}}
		l.s.Boxes = append(l.s.Boxes, b)
		y += 82
	}
	if l.m.more > 0 {
		l.s.Notes = append(l.s.Notes, Text{X: zoneRight + zoneWidth - 14, Y: y + 14, Class: "s", End: true, Key: "box.more-nodes",
			Args: map[string]string{"count": strconv.Itoa(l.m.more)}})
	}
}
