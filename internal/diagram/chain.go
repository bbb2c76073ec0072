package diagram

import (
	"slices"
	"sort"

	"github.com/podpath/podpath/internal/topology"
)

// shape is how a device below the nodes is drawn.
type shape int

const (
	circle shape = iota // a fabric's implicit router
	gate                // a gateway: a port on an edge
	pill                // the internet
	block               // a namespace of its own, with rows of stations inside
)

// deviceGeo is a device below the nodes, on the vertical that leads out of the cluster.
type deviceGeo struct {
	key     string
	id      string
	ns      *topology.Namespace // nil for a fabric's own devices
	name    string
	gateway *topology.CloudGateway
	kind    topology.Kind
	shape   shape
	rank    int
	rows    int // most stations of any leg
	visited bool

	x        float64 // the trunk
	y        float64 // the first row
	top, bot float64
}

// row is the height of the i-th of n stations, counted from the top.
func (g *deviceGeo) row(i, n int) float64 {
	if g.rows <= 1 || n <= 0 {
		return g.y
	}
	return g.y + float64(i)*linePitch + float64(g.rows-n)*linePitch/2
}

// The ranks: the order from the nodes outwards.
const (
	rankRouter = iota
	rankNAT
	rankSecondRouter
	rankOther
	rankInternetGateway
	rankOutside
)

// secondRouter is the key of the router that a packet meets between a NAT gateway and the internet gateway: the implicit
// router of the NAT gateway's own subnet.
const secondRouter = "router-2"

// deviceKey says which device of the chain a hop is at; "" for pods and nodes.
func (l *layout) deviceKey(leg []*hop, i int) string {
	h := leg[i]
	if _, ok := l.pods[h.Namespace]; ok {
		return ""
	}
	if _, ok := l.nodes[h.Namespace]; ok || l.onStrip(h) {
		return ""
	}
	if l.m.topo.Fabric == nil || h.Kind != string(topology.Router) {
		return "ns-" + h.Namespace
	}
	beside := func(j int, kinds ...topology.CloudGatewayKind) bool {
		if j < 0 || j >= len(leg) {
			return false
		}
		g := l.gateway(leg[j].Namespace)
		return g != nil && slices.Contains(kinds, g.Kind)
	}
	if beside(i-1, topology.NATGateway) && beside(i+1, topology.InternetGateway) ||
		beside(i-1, topology.InternetGateway) && beside(i+1, topology.NATGateway) {
		return secondRouter
	}
	return "router"
}

func (l *layout) gateway(id string) *topology.CloudGateway {
	if f := l.m.topo.Fabric; f != nil {
		for _, g := range f.Gateways {
			if g.ID == id {
				return g
			}
		}
	}
	return nil
}

// balancer finds a load balancer by its ID; nil if there is none.
func (l *layout) balancer(id string) *topology.NetworkLoadBalancer {
	if f := l.m.topo.Fabric; f != nil {
		for _, b := range f.Balancers {
			if b.ID == id {
				return b
			}
		}
	}
	return nil
}

// drawChain places the router, the gateways and what is outside, from the nodes outwards.
func (l *layout) drawChain() {
	l.findDevices()
	if l.m.topo.Fabric == nil {
		l.drawBlocks()
	} else {
		l.drawFabric()
	}
	var bottom float64
	for _, b := range l.s.Boxes {
		bottom = max(bottom, b.Y+b.H)
	}
	for _, p := range l.s.Ports {
		bottom = max(bottom, p.Y+p.H)
	}
	l.s.Height = bottom + 4
}

// findDevices collects what stands in the chain: what the packet visits, and in a fabric its router and gateways too, so
// that the picture of a cluster is the same whatever the packet does.
func (l *layout) findDevices() {
	get := func(key string) *deviceGeo {
		d := l.devs[key]
		if d == nil {
			d = &deviceGeo{key: key, id: "dev-" + slug(key), shape: block, rank: rankOther, rows: 1}
			l.devs[key] = d
			l.chain = append(l.chain, d)
		}
		return d
	}
	if f := l.m.topo.Fabric; f != nil {
		get("router").as(circle, rankRouter, topology.Router)
		l.fabricGateways(f, get)
		l.outside(f, get)
	}
	if s := l.m.topo.Site; s != nil {
		d := get("ns-" + s.Router)
		d.as(block, rankRouter, topology.Router)
		d.ns = l.m.space(s.Router)
		d.name = s.Router
	}
	for _, leg := range l.hops {
		counts := map[string]int{}
		for i, h := range leg {
			key := l.deviceKey(leg, i)
			if key == "" {
				continue
			}
			h.offset = counts[key]
			counts[key] += len(h.in) + len(h.inside) + len(h.out)
			d := get(key)
			d.visited = true
			d.ns = l.m.space(h.Namespace)
			d.name = h.Namespace
			if d.ns != nil {
				d.name = label(d.ns)
			}
			switch {
			case key == secondRouter:
				d.as(circle, rankSecondRouter, topology.Router)
			case d.kind != "":
			case h.Kind == string(topology.External):
				d.as(block, rankOutside, topology.External)
			default:
				d.as(block, rankOther, topology.Kind(h.Kind))
				if h.Kind == string(topology.Router) {
					d.rank = rankRouter
				}
			}
		}
		for i, h := range leg {
			if key := l.deviceKey(leg, i); key != "" {
				h.total = counts[key]
				l.devs[key].rows = max(l.devs[key].rows, counts[key])
			}
		}
	}
	sort.SliceStable(l.chain, func(a, b int) bool { return l.chain[a].rank < l.chain[b].rank })
	for _, d := range l.chain {
		if d.kind == topology.External && l.m.topo.Fabric != nil {
			d.shape = block
			if d.rows <= 1 {
				d.shape = pill
			}
		}
	}
}

func (g *deviceGeo) as(s shape, rank int, kind topology.Kind) {
	g.shape, g.rank, g.kind = s, rank, kind
}

// fabricGateways adds the internet gateway and one NAT gateway: the one on the packet's way, or the first.
func (l *layout) fabricGateways(f *topology.Fabric, get func(string) *deviceGeo) {
	var nat *topology.CloudGateway
	for _, g := range f.Gateways {
		if g.Kind == topology.InternetGateway {
			d := get("ns-" + g.ID)
			d.as(gate, rankInternetGateway, topology.Gateway)
			d.gateway, d.name = g, g.ID
			continue
		}
		if nat == nil || l.used(g.ID) {
			nat = g
		}
	}
	if nat != nil {
		d := get("ns-" + nat.ID)
		d.as(gate, rankNAT, topology.Gateway)
		d.gateway, d.name = nat, nat.ID
	}
}

// outside adds the world beyond the gateway: the host that the packet visits, or the first that the fabric knows.
func (l *layout) outside(f *topology.Fabric, get func(string) *deviceGeo) {
	for _, leg := range l.hops {
		for _, h := range leg {
			if h.Kind == string(topology.External) {
				get("ns-"+h.Namespace).as(pill, rankOutside, topology.External)
				return
			}
		}
	}
	first := ""
	for _, p := range f.Outside {
		if first == "" || p.Namespace < first {
			first = p.Namespace
		}
	}
	if first != "" {
		d := get("ns-" + first)
		d.as(pill, rankOutside, topology.External)
		d.ns, d.name = l.m.space(first), first
	}
}

// drawFabric draws the chain inside and below the VPC's edge.
func (l *layout) drawFabric() {
	const trunk = Width / 2
	y := l.busY + 4
	edge := y + 52
	var prev *deviceGeo
	for _, d := range l.chain {
		d.x = trunk
		switch {
		case d.shape == circle && d.rank == rankRouter:
			d.y, d.top, d.bot = y, y-22, y+22
			l.s.Circles = append(l.s.Circles, Circle{ID: d.id, X: trunk, Y: y, R: 22})
		case d.shape == circle:
			y += 50
			d.y, d.top, d.bot = y, y-15, y+15
			l.s.Circles = append(l.s.Circles, Circle{ID: d.id, X: trunk, Y: y, R: 15})
			edge = y + 46
		default:
			y = l.drawOutwards(d, y)
			switch {
			case d.rank == rankInternetGateway:
				edge = d.y - 2
			case d.rank < rankInternetGateway:
				edge = d.bot + 36
			}
		}
		if prev != nil {
			l.s.Links = append(l.s.Links, Line{{trunk + 5, prev.bot}, {trunk + 5, d.top}})
		}
		prev = d
	}
	for i := range l.s.Boxes {
		if l.s.Boxes[i].ID == "vpc" {
			l.s.Boxes[i].H = edge - l.s.Boxes[i].Y
		}
	}
	l.fabricLinks()
	l.fabricNotes(edge)
}

// drawOutwards draws a gateway, the internet or another device below y and gives the height it ends at.
func (l *layout) drawOutwards(d *deviceGeo, y float64) float64 {
	extra := float64(d.rows-1) * linePitch
	switch d.shape {
	case gate:
		d.y = y + 54
		d.top, d.bot = d.y-14, d.y+14+extra
		p := Port{ID: d.id, Owner: "vpc", Class: "gwp", Rect: Rect{d.x - 14, d.top, 92, 28 + extra}, Quiet: !d.visited,
			Jack: Rect{d.x - 8, d.top + 4, 26, 20 + extra}}
		title := Text{X: d.x + 36, Y: d.y + 4.5, S: "IGW", Class: "b"}
		if d.gateway != nil && d.gateway.Kind == topology.NATGateway {
			title.S, title.Key = "", "box.nat-gateway"
			p.Rect.W = 250
			p.Owner = ""
			if a := d.gateway.Private; a.IsValid() {
				p.Texts = append(p.Texts, Text{X: d.x + 132, Y: d.y + 4, S: a.String(), Class: "m"})
			}
		}
		p.Texts = append(p.Texts, title)
		l.s.Ports = append(l.s.Ports, p)
		return d.bot - 14
	case pill:
		d.y = y + 49
		d.top, d.bot = d.y-17, d.y+17
		p := Port{ID: d.id, Class: "cloud", Rect: Rect{d.x - 14, d.top, 250, 34}, Quiet: !d.visited,
			Jack: Rect{d.x - 8, d.top + 4, 26, 26}}
		p.Texts = []Text{{X: d.x + 36, Y: d.y + 4.5, Key: "box.internet", Class: "b"}}
		if d.ns != nil {
			p.Texts = append(p.Texts, Text{X: d.x + 112, Y: d.y + 4.5, S: address(d.ns), Class: "m"})
		}
		l.s.Ports = append(l.s.Ports, p)
		return d.y
	}
	d.top = y + 34
	if d.kind == topology.LoadBalancer {
		d.top += 10 // below the route table beside the router
	}
	d.y = d.top + 44
	d.bot = d.y + extra + 22
	l.drawBlock(d, Rect{d.x - 24, d.top, 300, d.bot - d.top})
	return d.bot - 14
}

// drawBlock draws a device that has rows of stations inside.
func (l *layout) drawBlock(d *deviceGeo, r Rect) {
	b := Box{ID: d.id, Class: Device, Radius: 12, Rect: r, Quiet: !d.visited}
	if d.rank < rankInternetGateway && (l.m.topo.Site == nil || d.rank == rankRouter) {
		b.Parent = l.vpcID()
	}
	x := r.X + 60
	if d.kind == topology.External && l.m.topo.Fabric != nil {
		b.Texts = []Text{{X: x, Y: r.Y + 21, Key: "box.internet", Class: "b"}}
		x += 76
	} else {
		name := d.name
		if lb := l.balancer(d.name); lb != nil {
			b.Texts = []Text{{X: x + 42, Y: r.Y + 21, S: lb.Name, Class: "m"}}
			name = "NLB"
		}
		b.Texts = append(b.Texts, Text{X: x, Y: r.Y + 21, S: name, Class: "b"})
		x += TextWidth(name, 12.5, false) + 14
	}
	if d.ns != nil {
		b.Texts = append(b.Texts, Text{X: x, Y: r.Y + 21, S: address(d.ns), Class: "m"})
	}
	l.s.Boxes = append(l.s.Boxes, b)
}

// fabricLinks joins every card with the router.
func (l *layout) fabricLinks() {
	router := l.devs["router"]
	for _, g := range l.order {
		for i := range g.m.uplinks {
			x := g.col[i] + 5
			end := router.x - 22
			if x > router.x {
				end = router.x + 22
			}
			l.s.Links = append(l.s.Links, Line{{x, g.rootBottom + 36}, {x, l.busY}, {end, l.busY}})
		}
	}
}

// fabricNotes writes the router's addresses and its route table beside it.
func (l *layout) fabricNotes(edge float64) {
	f := l.m.topo.Fabric
	l.s.Notes = append(l.s.Notes, Text{X: 390, Y: l.busY - 12, Key: "box.router", Class: "b", End: true})
	var table string
	addrs := ""
	for _, g := range l.order {
		if s := g.m.subnet; s != nil {
			if table == "" {
				table = s.RouteTable
			}
			if a := s.Router().String(); addrs == "" {
				addrs = a
			} else if addrs != a {
				addrs += " · " + a
			}
		}
	}
	if addrs != "" {
		l.s.Notes = append(l.s.Notes, Text{X: 390, Y: l.busY + 32, S: addrs, Class: "m s", End: true})
	}
	for _, rt := range f.RouteTables {
		if rt.ID != table {
			continue
		}
		l.s.Notes = append(l.s.Notes, Text{X: 620, Y: l.busY + 22, S: rt.ID, Class: "b s", End: true})
		room := int((min(edge, l.busY+54)-8-(l.busY+22))/15) + 1
		for i, r := range rt.Routes {
			if i == room {
				break
			}
			l.s.Notes = append(l.s.Notes, Text{X: 632, Y: l.busY + 22 + float64(i)*15, S: r.Destination.String() + " → " + r.Target, Class: "m s"})
		}
		return
	}
}

// Where blocks stand in a recording: the trunk is left of the right node's column, so that a line can leave by the side.
const (
	blockTrunk = 214
	blockLeft  = 190
	blockRight = 450
)

// drawBlocks draws the chain of a recording, where routers and gateways are namespaces like any other.
func (l *layout) drawBlocks() {
	y := l.busY + 22
	var prev *deviceGeo
	for _, d := range l.chain {
		if l.m.topo.Site != nil && prev != nil && prev.rank == rankRouter && d.rank != rankRouter {
			y += 16 // across the site's edge
		}
		d.shape = block
		d.x, d.top = blockTrunk, y
		d.y = y + 44
		d.bot = d.y + float64(d.rows-1)*linePitch + 42
		l.drawBlock(d, Rect{blockLeft, d.top, blockRight - blockLeft, d.bot - d.top})
		if prev != nil {
			l.s.Links = append(l.s.Links, Line{{d.x + 5, prev.bot}, {d.x + 5, d.top}})
		}
		y, prev = d.bot+34, d
	}
	if l.m.topo.Site == nil {
		return
	}
	l.siteNotes()
	edge := l.zoneEnd + 8
	for _, d := range l.chain {
		if d.rank == rankRouter {
			edge = max(edge, d.bot+16)
		}
	}
	for i := range l.s.Boxes {
		if l.s.Boxes[i].ID == "vpc" {
			l.s.Boxes[i].H = edge - l.s.Boxes[i].Y
		}
	}
	for _, g := range l.order { // the cables from the cards to the switch
		for i := range g.m.uplinks {
			x := g.col[i] + 5
			l.s.Links = append(l.s.Links, Line{{x, g.rootBottom + 36}, {x, l.stripY - stripHeight/2}})
		}
	}
	if d := l.devs["ns-"+l.m.topo.Site.Router]; d != nil {
		for i, g := range l.order {
			x := g.col[0] + 5
			if i == 0 {
				l.s.Links = append(l.s.Links, Line{{x, l.stripY + stripHeight/2}, {x, l.busY}, {d.x + 5, l.busY}, {d.x + 5, d.top}})
			} else if g.m.subnet != l.order[0].m.subnet {
				l.s.Links = append(l.s.Links, Line{{x, l.stripY + stripHeight/2}, {x, d.bot - 18}, {blockRight, d.bot - 18}})
			}
		}
	}
}
