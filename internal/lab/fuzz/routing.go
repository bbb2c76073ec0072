package fuzz

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/topology"
)

// table is one of the numbers that edits use for tables of their own.
func (e *editor) table() int { return 70 + e.IntN(3) }

// mark is a firewall mark with its mask; few, so that what one edit sets another asks for.
func (e *editor) mark() string {
	return pick(e.source, "0x1/0x1", "0x2/0x2", "0x3/0x3", "0x1/0xf", "0x10/0xf0", "0x5/0xffffffff")
}

// priority is where a policy rule stands: among those of the plugins and the kernel.
func (e *editor) priority() int {
	return pick(e.source, 5, 100, 512, 600, 1024, 1300, 1536, 20000, 32765, 32766) + e.IntN(3)
}

// policyRule adds an odd but legal `ip rule`. It has few selectors, or it would hardly ever match.
func (e *editor) policyRule(ns *topology.Namespace) {
	not, from, rest := "", "all", ""
	if e.yes(8) {
		not = "not "
	}
	for range 1 + e.IntN(2) {
		switch e.IntN(9) {
		case 0, 1:
			from = trimHost(e.prefix(false))
		case 2, 3:
			rest = once(rest, " to "+trimHost(e.prefix(true)))
		case 4:
			rest = once(rest, " fwmark "+strings.TrimSuffix(e.mark(), "/0xffffffff"))
		case 5, 6:
			rest = once(rest, " iif "+pick(e.source, e.incoming(ns), e.incoming(ns), e.incoming(ns), e.device(ns, false), "lo"))
		case 7:
			proto := pick(e.source, e.protocol(), pick(e.source, "tcp", "udp", "icmp"))
			ports := ""
			switch {
			case proto == "icmp":
			case e.yes(3):
				ports = " sport " + e.port(false, pick(e.source, "1024-65534", "8080"))
			case e.yes(2):
				ports = " dport " + e.port(true, pick(e.source, "8080", "80-8080", "30080-30085"))
			}
			rest = once(rest, " ipproto "+proto+ports)
		case 8:
			rest = once(rest, pick(e.source, " tos 0x10", " oif "+e.device(ns, true)))
		}
	}
	if from == "all" && rest == "" && not != "" {
		not = "" // which would match nothing at all
	}
	priority := e.priority()
	e.edit(ns, "rule %d:\t%sfrom %s%s %s", priority, not, from, rest, e.action(ns, priority))
}

// once adds a selector, if there is none of its kind.
func once(rest, more string) string {
	word, _, _ := strings.Cut(more[1:], " ")
	if strings.Contains(rest, " "+word+" ") {
		return rest
	}
	return rest + more
}

// incoming is what iif says of the packet aimed at: lo where it was made here.
func (e *editor) incoming(ns *topology.Namespace) string {
	if e.now != nil && e.now.in == "" {
		return "lo"
	}
	return e.device(ns, false)
}

// trimHost writes a prefix as ip(8) does: a single address without its length.
func trimHost(p string) string { return strings.TrimSuffix(p, "/32") }

// action is what a policy rule does.
func (e *editor) action(ns *topology.Namespace, priority int) string {
	switch e.IntN(12) {
	case 0:
		return pick(e.source, "blackhole", "unreachable", "prohibit")
	case 1:
		return "nop"
	case 2, 3: // only forwards; a target that is not there is legal ("[unresolved]") and passed over
		var later []int
		for _, r := range ns.Rules {
			if int(r.Priority) > priority {
				later = append(later, int(r.Priority))
			}
		}
		to := priority + 1 + e.IntN(20)
		if len(later) > 0 && !e.yes(4) {
			to = later[e.IntN(len(later))]
		}
		return format("goto %d", to)
	case 4, 5:
		return format("lookup main suppress_prefixlength %d", pick(e.source, 0, 0, 16, 24))
	case 6:
		return "lookup main"
	}
	t := e.table()
	if !e.yes(4) {
		e.route(ns, t)
	}
	return format("lookup %d", t)
}

// extraRoute adds a route to the main table, or to one of its own with a rule that leads there. It has to be of its own where
// the main table has a better route for the packet aimed at.
func (e *editor) extraRoute(ns *topology.Namespace) {
	table := 254
	if e.now != nil && e.now.p.IP.Dst.Is4() && !e.now.p.IP.Dst.IsLoopback() {
		dst := e.now.p.IP.Dst
		if e.yes(3) || e.usual(ns, dst) == "" {
			table = e.table()
			e.edit(ns, "rule %d:\tfrom all to %v lookup %d", 5+e.IntN(500), dst, table)
		}
	} else if e.yes(3) {
		table = e.table()
	}
	e.route(ns, table)
}

// route adds a route to a table, if the table has none with the same key: the kernel takes no second one (fib_table_insert).
func (e *editor) route(ns *topology.Namespace, table int) {
	dst := e.prefix(true)
	if table != 254 && e.yes(2) {
		dst = "default"
	}
	metric := 0
	if e.yes(4) {
		metric = 1 + e.IntN(3)
	}
	p := topology.Everywhere()
	if dst != "default" {
		p = netip.MustParsePrefix(dst)
	}
	if slices.ContainsFunc(ns.Routes, func(r *topology.Route) bool {
		return r.Table == topology.TableID(table) && r.Dst == p && int(r.Metric) == metric
	}) {
		return
	}
	head, tail := trimHost(dst), ""
	if table != 254 {
		tail += format(" table %d", table)
	}
	switch e.IntN(9) {
	case 0, 2, 3, 4:
		head = pick(e.source, "blackhole ", "unreachable ", "prohibit ", "throw ") + head
		if metric > 0 {
			tail += format(" metric %d", metric)
		}
		e.edit(ns, "route %s%s", head, tail)
		return
	case 1:
		if e.yes(3) { // an address that is this host's without being on a device (AnyIP)
			e.edit(ns, "route local %s dev lo%s scope host", head, tail)
			return
		}
	}
	hop, link := e.hop(ns)
	if hop == "" {
		return
	}
	head += hop
	if link {
		tail += " scope link"
	}
	if a := e.own(ns); a.IsValid() && e.yes(2) {
		tail += " src " + a.String()
	}
	if metric > 0 {
		tail += format(" metric %d", metric)
	}
	if strings.HasSuffix(head, " onlink") {
		head = strings.TrimSuffix(head, " onlink")
		tail += " onlink"
	}
	if e.yes(4) {
		tail += format(" mtu %d", pick(e.source, 1280, 1400, 1300, 600))
	}
	if second, l := e.hop(ns); e.yes(4) && !link && !l && second != "" && second != hop {
		e.edit(ns, "route %s%s nexthop%s weight 1 nexthop%s weight %d", trimHost(dst), tailTable(table), hop, second, 1+e.IntN(2))
		return
	}
	e.edit(ns, "route %s%s", head, tail)
}

func tailTable(table int) string {
	if table == 254 {
		return ""
	}
	return format(" table %d", table)
}

// hop is a next hop that the kernel takes: one that the namespace has already, a neighbour by a device with its subnet, or any
// address that onlink calls reachable.
func (e *editor) hop(ns *topology.Namespace) (text string, link bool) {
	var ways []topology.Nexthop
	for _, r := range ns.Routes {
		if r.Type == topology.Unicast && len(r.Nexthops) == 1 && r.Nexthops[0].Dev != "lo" {
			ways = append(ways, r.Nexthops[0])
		}
	}
	if len(ways) == 0 {
		return "", false
	}
	h := ways[e.IntN(len(ways))]
	if e.yes(6) {
		h.Gateway, h.OnLink = e.address(), true
		if ns.AddrType(h.Gateway, "") != iptables.AddrUnicast { // RTN_UNICAST: no gateway is the host itself (fib_check_nh)
			return "", false
		}
	}
	if !h.Gateway.IsValid() {
		return " dev " + h.Dev, true
	}
	if main := ns.Table(topology.TableMain); !h.OnLink && main != nil {
		// Without onlink the kernel looks for a way to the gateway by the device, and that must not have one itself (fib_check_nh).
		r, _ := main.Lookup(&topology.Lookup{Dst: h.Gateway, OIF: h.Dev})
		h.OnLink = r == nil || r.Type != topology.Unicast || r.Nexthops[0].Gateway.IsValid()
	}
	text = " via " + h.Gateway.String() + " dev " + h.Dev
	if h.OnLink {
		text += " onlink"
	}
	return text, false
}

// narrow routes one destination as before, but says that less fits: packets that do not are told so.
func (e *editor) narrow(ns *topology.Namespace) {
	a, mtu := e.address(), pick(e.source, 1280, 1400, 600)
	var large []sight
	for _, s := range e.seen {
		if s.in != "" && s.out != "" && s.p.IP.Len >= 600 && s.p.IP.DF {
			large = append(large, s)
		}
	}
	if len(large) > 0 && !e.yes(4) {
		s := large[e.IntN(len(large))]
		x, err := e.top.Namespace(s.space)
		if err != nil {
			e.err = err
			return
		}
		ns, a, mtu = x, s.p.IP.Dst, int(s.p.IP.Len)+pick(e.source, -2, -1, -1, 0, 0, 1)
	}
	if !a.Is4() || a.IsLoopback() {
		return
	}
	if text := e.usual(ns, a); text != "" {
		e.edit(ns, "route %v%s mtu %d", a, text, mtu)
	}
}

// usual is the way that a namespace's main table has to an address, as a next hop; "" for none, or for one that is not to be
// given again.
func (e *editor) usual(ns *topology.Namespace, a netip.Addr) string {
	main := ns.Table(topology.TableMain)
	if main == nil {
		return ""
	}
	r, h := main.Lookup(&topology.Lookup{Dst: a})
	if r == nil || h == nil || r.Type != topology.Unicast || r.Dst.IsSingleIP() {
		return ""
	}
	if !h.Gateway.IsValid() {
		return " dev " + h.Dev + " scope link"
	}
	return " via " + h.Gateway.String() + " dev " + h.Dev + " onlink"
}

// asymmetry sends what goes to somebody by another device than it comes in by, and has the namespace look at that
// (rp_filter). Where the somebody has a route of its own, a policy rule goes before it, by destination or by mark.
func (e *editor) asymmetry(ns *topology.Namespace) {
	nodes := e.compiled.Cluster.Nodes // a pod has one device only
	if !slices.ContainsFunc(nodes, func(n *cluster.Node) bool { return n.Name == ns.Name }) {
		var err error
		if ns, err = e.top.Namespace(nodes[e.IntN(len(nodes))].Name); err != nil {
			e.err = err
			return
		}
	}
	a := e.address()
	var wired []sight // came by a device with an address of its own: only there loose and strict are two things
	for _, s := range e.seen {
		if i := ns.Interface(s.in); s.space == ns.Name && i != nil && len(i.Addresses) > 0 {
			wired = append(wired, s)
		}
	}
	if len(wired) > 0 && e.yes(2) {
		a = wired[e.IntN(len(wired))].p.IP.Src
	} else if e.now != nil && e.now.space == ns.Name && e.now.in != "" {
		a = e.now.p.IP.Src
	} else if pods := e.compiled.Cluster.PodsOn(ns.Name); len(pods) > 0 && !e.yes(3) { // whose packets the node gets for sure
		a = pods[e.IntN(len(pods))].Address
	}
	dev := "all"
	if e.yes(3) {
		dev = e.device(ns, false)
	}
	e.edit(ns, "sysctl %s=%s", topology.ConfName(dev, "rp_filter"), pick(e.source, "1", "1", "1", "2"))
	hop, link := e.hop(ns)
	if hop == "" || hop == e.usual(ns, a) || !a.Is4() || a.IsLoopback() {
		return
	}
	head, onlink := strings.CutSuffix(hop, " onlink")
	table := e.table()
	taken := slices.ContainsFunc(ns.Routes, func(r *topology.Route) bool {
		return r.Table == topology.TableMain && r.Dst.Addr() == a && r.Dst.IsSingleIP()
	})
	if !taken && !e.yes(4) {
		table = 254
	}
	if table != 254 && slices.ContainsFunc(ns.Routes, func(r *topology.Route) bool {
		return r.Table == topology.TableID(table) && r.Dst.Addr() == a && r.Metric == 0
	}) {
		return
	}
	tail := tailTable(table)
	if link {
		tail += " scope link"
	}
	if onlink {
		tail += " onlink"
	}
	e.edit(ns, "route %v%s%s", a, head, tail)
	if table == 254 {
		return
	}
	if e.yes(2) {
		e.edit(ns, "rule %d:\tfrom all to %v lookup %d", 5+e.IntN(500), a, table)
		return
	}
	e.edit(ns, "rule %d:\tfrom all fwmark 0x1/0x1 lookup %d", 5+e.IntN(500), table)
	e.edit(ns, "iptables -t mangle -I PREROUTING%s -j MARK --set-xmark 0x1/0x1", pick(e.source, "", format(" -s %v/32", a), format(" -s %v/32", a), format(" -d %v/32", a)))
	e.edit(ns, "sysctl net.ipv4.conf.all.src_valid_mark=%d", e.IntN(2))
}

// jumping adds two rules for the same packets, the first of which leads past the second, or leaves it what main has nothing
// better than a default route for (as wg-quick does).
func (e *editor) jumping(ns *topology.Namespace) {
	p := 5 + e.IntN(400)
	if e.yes(3) {
		p += 20000
	}
	of := format("from %s", trimHost(e.prefix(false)))
	if e.yes(2) {
		of = format("from all to %s", trimHost(e.prefix(true)))
	}
	t := e.table()
	e.route(ns, t)
	last := pick(e.source, format("lookup %d", t), "prohibit", "prohibit", "unreachable", "blackhole")
	switch e.IntN(3) {
	case 0:
		e.edit(ns, "rule %d:\t%s goto %d", p, of, p+2)
		e.edit(ns, "rule %d:\t%s %s", p+1, of, last)
		e.edit(ns, "rule %d:\tfrom all nop", p+2)
	case 1:
		e.edit(ns, "rule %d:\t%s lookup main suppress_prefixlength %d", p, of, pick(e.source, 0, 0, 0, 16, 24, 32))
		e.edit(ns, "rule %d:\t%s %s", p+1, of, last)
	case 2:
		e.edit(ns, "rule %d:\tnot %s %s", p, of, last)
	}
}

// sourced gives what a node sends somewhere another of its addresses for a source.
func (e *editor) sourced(ns *topology.Namespace) {
	if e.now == nil || e.now.in != "" {
		return
	}
	a := e.now.p.IP.Dst
	text := e.usual(ns, a)
	if !a.Is4() || a.IsLoopback() || text == "" {
		return
	}
	src := e.own(ns)
	if !src.IsValid() || src == e.now.p.IP.Src {
		e.extraAddress(ns)
		src = e.own(ns)
	}
	if src.IsValid() {
		text, onlink := strings.CutSuffix(text, " onlink")
		tail := ""
		if onlink {
			tail = " onlink"
		}
		e.edit(ns, "route %v%s src %v%s", a, text, src, tail)
	}
}

// asking sends a packet by a neighbour on the same wire that is asked for by an address which it has on another device, and
// lets the neighbour decide whether it answers such questions (arp_ignore).
func (e *editor) asking(*topology.Namespace) {
	var ways []sight
	for _, s := range e.seen {
		if strings.HasPrefix(s.space, "node-") && strings.HasPrefix(s.out, "eth") && s.p.IP.Dst.Is4() {
			ways = append(ways, s)
		}
	}
	nodes := e.compiled.Cluster.Nodes
	if !e.features.site() || len(ways) == 0 || len(nodes) < 2 {
		return
	}
	s := ways[e.IntN(len(ways))]
	var near []*cluster.Node
	me := e.compiled.Cluster.Node(s.space)
	for _, n := range nodes {
		if n != me && n.Cards()[0].Subnet == me.Cards()[0].Subnet {
			near = append(near, n)
		}
	}
	if len(near) == 0 {
		return
	}
	ns, err := e.top.Namespace(s.space)
	if err != nil {
		e.err = err
		return
	}
	other, err := e.top.Namespace(near[e.IntN(len(near))].Name)
	if err != nil {
		e.err = err
		return
	}
	a := e.own(other)
	if text := e.usual(ns, s.p.IP.Dst); !a.IsValid() || text == "" || ns.AddrType(a, "") != iptables.AddrUnicast {
		return
	}
	e.edit(ns, "route %v via %v dev %s onlink", s.p.IP.Dst, a, s.out)
	e.edit(other, "sysctl net.ipv4.conf.all.arp_ignore=%s", pick(e.source, "0", "1", "1", "2"))
}

// wall ends the way of a packet that is passed on, each kind of route in its own manner; throw only in that table.
func (e *editor) wall(ns *topology.Namespace) {
	if e.now == nil || e.now.in == "" || e.now.out == "" {
		return
	}
	dst, table := e.now.p.IP.Dst, e.table()
	if slices.ContainsFunc(ns.Routes, func(r *topology.Route) bool {
		return r.Table == topology.TableID(table) && r.Dst == topology.Single(dst) && r.Metric == 0
	}) {
		return
	}
	e.edit(ns, "route %s %v table %d", pick(e.source, "blackhole", "unreachable", "prohibit", "throw"), dst, table)
	e.edit(ns, "rule %d:\tfrom %s to %v lookup %d", 5+e.IntN(500), pick(e.source, "all", e.now.p.IP.Src.String()), dst, table)
}
