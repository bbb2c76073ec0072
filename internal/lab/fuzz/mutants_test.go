package fuzz

// mutant is a mistake planted in the tracer: the old snippet, which must be there exactly once, becomes the new one.
type mutant struct {
	name string
	file string // under the module's root
	old  string
	new  string
}

// soon are the mutants that the first few networks show: `make test` plants these, `make mutants` plants all.
var soon = map[string]bool{
	"rp_filter is not looked at":               true,
	"policy rules by the thousand":             true,
	"the shortest prefix wins":                 true,
	"the TTL stays":                            true,
	"the TTL goes down after FORWARD":          true,
	"the MTU is off by two":                    true,
	"errors come from whom the packet was for": true,
	"a closed UDP port is silent":              true,
	"nat is asked for every packet":            true,
	"hooks in the wrong order":                 true,
	"mangle before conntrack":                  true,
	"connections are not kept":                 true,
	"errors are not translated":                true,
	"no proxy ARP":                             true,
}

// mutants are mistakes that somebody could make who writes a tracer. Cases that a kernel recorded have to show every one of
// them: what survives is something that the generator makes too little of.
var mutants = []mutant{
	// Routing.
	{"rp_filter is not looked at", "internal/trace/route.go", "mode := in.RPFilter()", "mode := 0 * in.RPFilter()"},
	{"strict rp_filter is loose", "internal/trace/route.go", "if mode == 1 || mode != 0 && len(in.Addresses) == 0 {", "if mode != 0 && len(in.Addresses) == 0 {"},
	{"rp_filter always uses the mark", "internal/trace/route.go", "if in.SrcValidMark() {", "if in != nil {"},
	{"rp_filter never uses the mark", "internal/trace/route.go", "if in.SrcValidMark() {", "if in == nil {"},
	{"local sources may come in", "internal/trace/route.go", "			if ns.Owns(f.Dst) {", "			if false {"},
	{"policy rules change nothing about sources", "internal/trace/route.go", "case !ns.OwnRouting():", "case ns != nil:"},
	{"127.0.0.0/8 may be routed", "internal/trace/route.go", "!in.RouteLocalnet() && (isLoopback", "false && (isLoopback"},
	{"forwarding is on for all devices or none", "internal/topology/namespace.go", `forwarding:   ns.conf(i.Name, "forwarding", fwd) == 1,`, "forwarding:   forward || fwd == 2,"},
	{"policy rules by the thousand", "internal/topology/namespace.go", "return ns.Rules[a].Priority < ns.Rules[b].Priority", "return ns.Rules[a].Priority/1000 < ns.Rules[b].Priority/1000"},
	{"fwmark without its mask", "internal/topology/rule.go", "(r.Mark^f.Mark)&r.Mask != 0", "r.HasMark && r.Mark != f.Mark"},
	{"not is not heard", "internal/topology/rule.go", "r.selects(f) != r.Not", "r.selects(f)"},
	{"iif is not looked at", "internal/topology/rule.go", `r.IIF != "" && r.IIF != f.IIF`, `r.IIF != "" && r.IIF == "-"`},
	{"ipproto is not looked at", "internal/topology/rule.go", "r.Protocol != 0 && r.Protocol != f.Protocol", "r.Protocol != 0 && false"},
	{"goto goes nowhere", "internal/topology/fib.go", "if ns.Rules[j].Priority == r.Goto {", "if ns.Rules[j].Priority == r.Goto && j < 0 {"},
	{"a throw route ends the search", "internal/topology/fib.go", "if route == nil || route.Type == Throw {", "if route == nil {"},
	{"suppress_prefixlength is off by one", "internal/topology/fib.go", "route.Dst.Bits() <= r.SuppressPrefixLength", "route.Dst.Bits() < r.SuppressPrefixLength"},
	{"the larger metric wins", "internal/topology/fib.go", "cmp.Compare(a.Metric, b.Metric))", "cmp.Compare(b.Metric, a.Metric))"},
	{"the shortest prefix wins", "internal/topology/fib.go", `	if r, hop := pick(routes, f); r != nil {
		return r, hop
	}
	for _, routes := range t.trie.Supernets(netip.PrefixFrom(f.Dst, f.Dst.BitLen())) {
		if r, hop := pick(routes, f); r != nil {
			return r, hop
		}
	}
	return nil, nil`, `	var route *Route
	var hop *Nexthop
	_ = routes
	for _, routes := range t.trie.Supernets(netip.PrefixFrom(f.Dst, f.Dst.BitLen())) {
		if r, h := pick(routes, f); r != nil {
			route, hop = r, h
		}
	}
	return route, hop`},
	{"a blackhole answers", "internal/trace/route.go", `	case topology.Blackhole:
		return RouteBlackhole, 0xff, true`, `	case topology.Blackhole:
		return RouteBlackhole, 1, true`},
	{"prohibit says host unreachable", "internal/trace/route.go", `	case topology.Prohibit:
		return RouteProhibit, 13, true`, `	case topology.Prohibit:
		return RouteProhibit, 1, true`},
	{"a route's src is not heard", "internal/trace/route.go", `	case r.Route.Src.IsValid():
		return r.Route.Src`, `	case false:
		return r.Route.Src`},
	{"a route's mtu is not heard", "internal/trace/route.go", "if r.Route.MTU > 0 {", "if r.Route.MTU > 65536 {"},
	{"a mark in OUTPUT does not reroute", "internal/trace/hook.go", "if b.Route && (mark != w.p.Mark || ", "if b.Route && (mark == 0xffff && mark != w.p.Mark || "},
	{"a DNAT in OUTPUT does not reroute", "internal/trace/nat.go", `	if h == netfilter.LocalOut && dst != w.p.IP.Dst {
		return w.reroute()
	}
	return goOn
}`, `	return goOn
}`},

	// Forwarding.
	{"the TTL stays", "internal/trace/walk.go", "	w.p.IP.TTL--\n", ""},
	{"the TTL goes down after FORWARD", "internal/trace/walk.go", `	if w.hook(netfilter.Forward, dev, w.route.dev) == stop {
		return done()
	}
	return w.output()`, `	w.p.IP.TTL++
	if w.hook(netfilter.Forward, dev, w.route.dev) == stop {
		return done()
	}
	w.p.IP.TTL--
	return w.output()`},
	{"a TTL of 1 is enough", "internal/trace/walk.go", "if w.p.IP.TTL <= 1 {", "if w.p.IP.TTL < 1 {"},
	{"what just fits is too big", "internal/trace/walk.go", "if w.p.IP.DF && int(w.p.IP.Len) > w.route.mtu {", "if w.p.IP.DF && int(w.p.IP.Len) >= w.route.mtu {"},
	{"the MTU is off by two", "internal/trace/walk.go", "if w.p.IP.DF && int(w.p.IP.Len) > w.route.mtu {", "if w.p.IP.DF && int(w.p.IP.Len) > w.route.mtu+1 {"},
	{"VXLAN adds 54 bytes", "internal/trace/tunnel.go", "	vxlanHeader    = 8", "	vxlanHeader    = 12"},

	// Errors.
	{"errors come from whom the packet was for", "internal/trace/run.go", "if e.local {\n\t\t\tp.IP.Src", "if true {\n\t\t\tp.IP.Src"},
	{"errors never come from whom the packet was for", "internal/trace/run.go", "if e.local {\n\t\t\tp.IP.Src", "if false {\n\t\t\tp.IP.Src"},
	{"errors belong to no connection", "internal/trace/run.go", "if e.ref.Entry != nil && !e.socket {", "if false {"},
	{"a socket's reset belongs to the connection", "internal/trace/run.go", "if e.ref.Entry != nil && !e.socket {", "if e.ref.Entry != nil {"},
	{"a closed UDP port is silent", "internal/trace/run.go", `		w.owe(icmpError{typ: packet.ICMPUnreachable, code: 3})
	}
	w.delivered = false`, `	}
	w.delivered = false`},
	{"a failed neighbour is silent", "internal/trace/neighbour.go", "		w.owe(icmpError{typ: packet.ICMPUnreachable, code: 1})\n", ""},
	{"admin-prohibited is host-prohibited", "internal/trace/hook.go", `"icmp-admin-prohibited": 13,`, `"icmp-admin-prohibited": 10,`},
	{"no reset for a reject", "internal/trace/hook.go", "w.owe(icmpError{reset: true})", ""},

	// Netfilter.
	{"nat is asked for every packet", "internal/trace/nat.go", `	case packet.CTNew:
		if e.Initialised(m) {
			break
		}`, `	case packet.CTNew, packet.CTEstablished:
		if e.Initialised(m) && w.ref.State == packet.CTNew {
			break
		}`},
	{"who came first is asked first", "internal/netfilter/stack.go", "slices.Reverse(s.hooks[h]) // who came last is asked first", "_ = h"},
	{"hooks in the wrong order", "internal/netfilter/stack.go", "if d := a.at() - b.at(); d != 0 {", "if d := b.at() - a.at(); d != 0 {"},
	{"mangle before conntrack", "internal/netfilter/hook.go", "	PriorityMangle    = -150", "	PriorityMangle    = -250"},
	{"connections are not kept", "internal/netfilter/conntrack.go", "	c.Entries = append(c.Entries, e)\n", ""},
	{"INPUT does not translate answers back", "internal/trace/nat.go", "if w.ref.Mangle(&w.p, m) && before != w.p {", "if h != netfilter.LocalIn && w.ref.Mangle(&w.p, m) && before != w.p {"},
	{"errors are not translated", "internal/trace/nat.go", "if w.ref.MangleICMPError(&w.p, m) && before != w.p {", "if before != w.p {"},
	{"what errors quote is not translated", "internal/netfilter/conntrack.go", "	p.About.IP, p.About.L4 = quoted.IP, quoted.L4\n", ""},
	{"masquerade takes the first address", "internal/trace/nat.go", "r.Min = w.ns.SelectSource(out.Name, nexthop, topology.ScopeGlobal)", "r.Min = w.ns.PrimaryAddress()"},
	{"redirect goes to the loopback", "internal/trace/nat.go", "if h != netfilter.LocalOut { // the device", "if false { // the device"},
	{"a reset forgets nothing", "internal/netfilter/tcp.go", "if old == tcpSynSent || e.Status&packet.StatusSeenReply == 0 {", "if false {"},

	// iptables.
	{"-m mark without its mask", "internal/iptables/match_mark.go", "return yes((mark&m.Mask == m.Value) != m.Not)", "return yes((mark == m.Value) != m.Not)"},
	{"MARK without its mask", "internal/iptables/target_mark.go", "in.Packet.Mark = in.Packet.Mark&^t.Mask ^ t.Value", "in.Packet.Mark = t.Value"},
	{"restore-mark without its mask", "internal/iptables/target_mark.go", "in.Packet.Mark = in.Packet.Mark&^t.NFMask ^ t.shift(c.Mark&t.CTMask)", "in.Packet.Mark = c.Mark"},
	{"untracked packets are tracked", "internal/iptables/target_ct.go", "			in.Conn.State = packet.CTUntracked\n", ""},
	{"goto comes back", "internal/iptables/evaluate.go", `			if !e.enter(v.Chain, depth) {
				return Verdict{Kind: Drop}
			}
			c, i = v.Chain, 0`, `			if !e.enter(v.Chain, depth+1) {
				return Verdict{Kind: Drop}
			}
			e.stack[depth] = frame{c, i}
			depth++
			c, i = v.Chain, 0`},
	{"! is not heard before an address", "internal/iptables/match_basic.go", "return yes((toUint32(*a)&m.Mask == m.Addr) != m.Not)", "return yes(toUint32(*a)&m.Mask == m.Addr)"},
	{"--ttl-dec adds", "internal/iptables/target_misc.go", "*ttl -= min(t.Value, *ttl)", "*ttl += min(t.Value, 255-*ttl)"},
	{"an ICMP type is any code", "internal/iptables/match_icmp.go", "p.L4.ICMPType == m.Type && (!m.HasCode || p.L4.ICMPCode == m.Code)", "p.L4.ICMPType == m.Type"},
	{"addrtype takes the source for the destination", "internal/iptables/match_addrtype.go", "m.passes(in, in.Packet.IP.Dst, m.Dst, m.NotDst))", "m.passes(in, in.Packet.IP.Src, m.Dst, m.NotDst))"},
	{"untracked packets are invalid", "internal/iptables/match_conntrack.go", "		return stateUntracked", "		return stateInvalid"},

	// Layer 2.
	{"arp_ignore is not looked at", "internal/trace/neighbour.go", "switch in.ARPIgnore() {", "switch 0 {"},
	{"ARP answers whoever asks", "internal/trace/neighbour.go", "	if !from.IsValid() {\n", "	if true {\n"},
	{"no proxy ARP", "internal/trace/neighbour.go", "return in.MAC, true, in.ProxyARP()", "return in.MAC, true, false"},
}
