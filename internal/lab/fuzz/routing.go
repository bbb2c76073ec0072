package fuzz

import (
	"net/netip"
	"slices"
	"strings"

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

// policyRule adds an odd but legal `ip rule`.
func (e *editor) policyRule(ns *topology.Namespace) {
	not := ""
	if e.yes(8) {
		not = "not "
	}
	from, rest := "all", ""
	if e.yes(3) {
		from = trimHost(e.prefix())
	}
	if e.yes(3) {
		rest += " to " + trimHost(e.prefix())
	}
	if e.yes(10) {
		rest += " tos 0x10"
	}
	if e.yes(4) {
		rest += " fwmark " + strings.TrimSuffix(e.mark(), "/0xffffffff")
	}
	if e.yes(4) {
		rest += " iif " + pick(e.source, e.device(ns), e.device(ns), "lo")
	} else if e.yes(10) {
		rest += " oif " + e.device(ns)
	}
	if e.yes(4) {
		rest += " ipproto " + pick(e.source, "tcp", "udp", "icmp")
		switch {
		case strings.HasSuffix(rest, "icmp"):
		case e.yes(3):
			rest += format(" sport %s", pick(e.source, "1024-65535", "8080"))
		case e.yes(2):
			rest += format(" dport %s", pick(e.source, "8080", "80-8080", "30080-30085"))
		}
	}
	if from == "all" && rest == "" && not == "" && !e.yes(4) {
		rest = " to " + trimHost(e.prefix())
	}
	priority := e.priority()
	e.edit(ns, "rule %d:\t%sfrom %s%s %s", priority, not, from, rest, e.action(ns, priority))
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

// extraRoute adds a route to the main table, or to one that a rule may name.
func (e *editor) extraRoute(ns *topology.Namespace) {
	table := 254
	if e.yes(3) {
		table = e.table()
	}
	e.route(ns, table)
}

// route adds a route to a table, if the table has none with the same key: the kernel takes no second one (fib_table_insert).
func (e *editor) route(ns *topology.Namespace, table int) {
	dst := e.prefix()
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
	case 0, 2:
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
	if a := e.own(ns); a.IsValid() && e.yes(4) {
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
	a := e.address()
	if text := e.usual(ns, a); text != "" {
		mtu := pick(e.source, 1280, 1400, 600)
		e.sizes = append(e.sizes, mtu)
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
func (e *editor) asymmetry(*topology.Namespace) {
	nodes := e.compiled.Cluster.Nodes // a pod has one device only
	ns, err := e.top.Namespace(nodes[e.IntN(len(nodes))].Name)
	if err != nil {
		e.err = err
		return
	}
	a := e.address()
	if pods := e.compiled.Cluster.PodsOn(ns.Name); len(pods) > 0 && !e.yes(3) { // whose packets the node gets for sure
		a = pods[e.IntN(len(pods))].Address
	}
	dev := "all"
	if e.yes(3) {
		dev = e.device(ns)
	}
	e.edit(ns, "sysctl %s=%s", topology.ConfName(dev, "rp_filter"), pick(e.source, "1", "1", "1", "2"))
	hop, link := e.hop(ns)
	if hop == "" || hop == e.usual(ns, a) {
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
	e.edit(ns, "iptables -t mangle -I PREROUTING%s -j MARK --set-xmark 0x1/0x1", pick(e.source, "", format(" -s %v/32", a), format(" -d %v/32", a)))
	e.edit(ns, "sysctl net.ipv4.conf.all.src_valid_mark=%d", e.IntN(2))
}
