package topology

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/packet"
)

func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func to(table TableID, dst, dev string) *Route {
	return &Route{Type: Unicast, Dst: prefix(dst), Table: table, Nexthops: []Nexthop{{Dev: dev}}}
}

func rule(prio uint32, change func(*Rule)) *Rule {
	r := &Rule{Priority: prio, Action: ToTable, Table: TableMain, SuppressPrefixLength: -1}
	if change != nil {
		change(r)
	}
	return r
}

// policy is a node as the AWS VPC CNI leaves it, and more: rules of every kind over a few tables.
func policy() *Namespace {
	ns := &Namespace{Name: "n", Rules: []*Rule{
		rule(0, func(r *Rule) { r.Table = TableLocal }),
		rule(10, func(r *Rule) { r.NotUnderstood, r.Action = "uidrange 0-99", BlackholeRule }),
		rule(20, func(r *Rule) { r.Dst, r.Action = prefix("203.0.113.0/24"), BlackholeRule }),
		rule(21, func(r *Rule) { r.Dst, r.Action = prefix("203.0.114.0/24"), UnreachableRule }),
		rule(22, func(r *Rule) { r.Dst, r.Action = prefix("203.0.115.0/24"), ProhibitRule }),
		rule(23, func(r *Rule) { r.Action = NopRule }),
		rule(30, func(r *Rule) { r.IIF, r.Table = "tun0", 30 }),
		rule(31, func(r *Rule) { r.OIF, r.Table = "eth9", 31 }),
		rule(40, func(r *Rule) { r.Protocol, r.DstPorts, r.Table = packet.UDP, PortRange{53, 53}, 40 }),
		rule(41, func(r *Rule) { r.SrcPorts, r.Table = PortRange{1000, 1999}, 41 }),
		rule(42, func(r *Rule) { r.TOS, r.Table = 0x10, 42 }),
		rule(50, func(r *Rule) { r.Src, r.Action, r.Goto = prefix("10.5.0.0/16"), GotoRule, 32766 }),
		rule(51, func(r *Rule) { r.Src, r.Action, r.Goto = prefix("10.8.0.0/16"), GotoRule, 30000 }),
		rule(60, func(r *Rule) { r.Not, r.Src, r.Table = true, prefix("10.0.0.0/8"), 60 }),
		rule(512, func(r *Rule) { r.Dst = prefix("10.0.1.21/32") }),
		rule(1024, func(r *Rule) { r.HasMark, r.Mark, r.Mask = true, 0x80, 0x80 }),
		rule(1100, func(r *Rule) { r.Src, r.SuppressPrefixLength = prefix("10.6.0.0/16"), 0 }),
		rule(1536, func(r *Rule) { r.Src, r.Table = prefix("10.0.1.21/32"), 2 }),
		rule(1537, func(r *Rule) { r.Src, r.Table = prefix("10.0.1.22/32"), 99 }),
		rule(1538, func(r *Rule) { r.Src, r.Table = prefix("10.7.0.0/16"), 7 }),
		rule(1539, func(r *Rule) { r.Src, r.Table = prefix("10.6.0.0/16"), 6 }),
		rule(32766, nil),
		rule(32767, func(r *Rule) { r.Table = TableDefault }),
	}, Routes: []*Route{
		{Type: LocalRoute, Dst: prefix("10.0.1.10/32"), Table: TableLocal, Nexthops: []Nexthop{{Dev: "eth0"}}},
		to(TableMain, "0.0.0.0/0", "eth0"), to(TableMain, "10.0.1.0/24", "eth0"), to(TableMain, "10.0.1.21/32", "eni1"),
		to(2, "0.0.0.0/0", "eth1"), to(30, "0.0.0.0/0", "d30"), to(31, "0.0.0.0/0", "eth9"), to(40, "0.0.0.0/0", "d40"),
		to(41, "0.0.0.0/0", "d41"), to(42, "0.0.0.0/0", "d42"), to(60, "0.0.0.0/0", "d60"), to(6, "0.0.0.0/0", "d6"),
		{Type: Throw, Dst: prefix("10.0.1.0/24"), Table: 7}, to(7, "0.0.0.0/0", "d7"),
	}}
	ns.prepare()
	return ns
}

func TestRoute(t *testing.T) {
	ns := policy()
	for _, x := range []struct {
		name string
		f    Lookup
		prio uint32
		dev  string
	}{
		{"local first", Lookup{Src: addr("10.0.1.21"), Dst: addr("10.0.1.10")}, 0, "eth0"},
		{"main, longest prefix", Lookup{Src: addr("10.9.0.1"), Dst: addr("10.0.1.5")}, 32766, "eth0"},
		{"to a pod", Lookup{Src: addr("10.9.0.1"), Dst: addr("10.0.1.21")}, 512, "eni1"},
		{"from a pod of the second card", Lookup{Src: addr("10.0.1.21"), Dst: addr("10.9.0.1")}, 1536, "eth1"},
		{"the mark overrules it", Lookup{Src: addr("10.0.1.21"), Dst: addr("10.9.0.1"), Mark: 0x80}, 1024, "eth0"},
		{"the mark's other bits do not matter", Lookup{Src: addr("10.0.1.21"), Dst: addr("10.9.0.1"), Mark: 0xc081}, 1024, "eth0"},
		{"blackhole rule", Lookup{Src: addr("10.9.0.1"), Dst: addr("203.0.113.9")}, 20, ""},
		{"unreachable rule", Lookup{Src: addr("10.9.0.1"), Dst: addr("203.0.114.9")}, 21, ""},
		{"prohibit rule", Lookup{Src: addr("10.9.0.1"), Dst: addr("203.0.115.9")}, 22, ""},
		{"iif", Lookup{Src: addr("10.9.0.1"), Dst: addr("10.9.0.2"), IIF: "tun0"}, 30, "d30"},
		{"oif", Lookup{Src: addr("10.9.0.1"), Dst: addr("10.9.0.2"), OIF: "eth9"}, 31, "eth9"},
		{"ipproto and dport", Lookup{Src: addr("10.9.0.1"), Dst: addr("10.9.0.2"), Protocol: packet.UDP, DstPort: 53}, 40, "d40"},
		{"dport of another protocol", Lookup{Src: addr("10.9.0.1"), Dst: addr("10.9.0.2"), Protocol: packet.TCP, DstPort: 53}, 32766, "eth0"},
		{"sport, first of the range", Lookup{Src: addr("10.9.0.1"), Dst: addr("10.9.0.2"), SrcPort: 1000}, 41, "d41"},
		{"sport, last of the range", Lookup{Src: addr("10.9.0.1"), Dst: addr("10.9.0.2"), SrcPort: 1999}, 41, "d41"},
		{"sport past the range", Lookup{Src: addr("10.9.0.1"), Dst: addr("10.9.0.2"), SrcPort: 2000}, 32766, "eth0"},
		{"tos", Lookup{Src: addr("10.9.0.1"), Dst: addr("10.9.0.2"), TOS: 0x10}, 42, "d42"},
		{"goto passes over what is between", Lookup{Src: addr("10.5.0.1"), Dst: addr("10.0.1.21")}, 32766, "eni1"},
		{"goto nowhere is passed over", Lookup{Src: addr("10.8.0.1"), Dst: addr("10.0.1.21")}, 512, "eni1"},
		{"not", Lookup{Src: addr("192.0.2.1"), Dst: addr("10.9.0.2")}, 60, "d60"},
		{"a table without routes is passed over", Lookup{Src: addr("10.0.1.22"), Dst: addr("10.9.0.2")}, 32766, "eth0"},
		{"throw goes on with the next rule", Lookup{Src: addr("10.7.0.1"), Dst: addr("10.0.1.5")}, 32766, "eth0"},
		{"beside the throw", Lookup{Src: addr("10.7.0.1"), Dst: addr("10.9.0.2")}, 1538, "d7"},
		{"suppressed default", Lookup{Src: addr("10.6.0.1"), Dst: addr("10.9.0.2")}, 1539, "d6"},
		{"not suppressed", Lookup{Src: addr("10.6.0.1"), Dst: addr("10.0.1.5")}, 1100, "eth0"},
	} {
		got := ns.Route(&x.f)
		dev := ""
		if got.Nexthop != nil {
			dev = got.Nexthop.Dev
		}
		if got.Rule == nil || got.Rule.Priority != x.prio || dev != x.dev {
			t.Errorf("%s: rule %v, dev %q; want %d, %q", x.name, got.Rule, dev, x.prio, x.dev)
		}
	}
	if got := ns.Route(&Lookup{Src: addr("10.0.1.22"), Dst: addr("10.9.0.2")}); got.Missing != 99 {
		t.Errorf("missing table: %v, want 99", got.Missing)
	}
	if got := (&Namespace{}).Route(&Lookup{Dst: addr("10.0.0.1")}); got.Route != nil || got.Rule != nil {
		t.Errorf("an empty namespace routes to %+v", got)
	}
}

func TestNexthops(t *testing.T) {
	two := &Route{Type: Unicast, Dst: prefix("10.1.0.0/16"), Table: TableMain, Nexthops: []Nexthop{{Dev: "a", Dead: true}, {Dev: "b"}, {Dev: "c"}}}
	dead := &Route{Type: Unicast, Dst: prefix("10.1.2.0/24"), Table: TableMain, Nexthops: []Nexthop{{Dev: "a", Dead: true}}}
	slow := &Route{Type: Unicast, Dst: prefix("10.3.0.0/16"), Table: TableMain, Metric: 1 << 31, Nexthops: []Nexthop{{Dev: "slow"}}}
	fast := &Route{Type: Unicast, Dst: prefix("10.3.0.0/16"), Table: TableMain, Metric: 5, Nexthops: []Nexthop{{Dev: "fast"}}}
	tos := &Route{Type: Unicast, Dst: prefix("10.3.0.0/16"), Table: TableMain, Metric: 9, TOS: 0x10, Nexthops: []Nexthop{{Dev: "tos"}}}
	ns := &Namespace{Routes: []*Route{two, dead, slow, fast, tos}}
	ns.prepare()
	for _, x := range []struct {
		name string
		f    Lookup
		dev  string
	}{
		{"a dead hop is passed over", Lookup{Dst: addr("10.1.0.1")}, "b"},
		{"the device asked for", Lookup{Dst: addr("10.1.0.1"), OIF: "c"}, "c"},
		{"a dead route falls back to a shorter prefix", Lookup{Dst: addr("10.1.2.1")}, "b"},
		{"the smaller metric", Lookup{Dst: addr("10.3.0.1")}, "fast"},
		{"the next metric on the device asked for", Lookup{Dst: addr("10.3.0.1"), OIF: "slow"}, "slow"},
		{"a TOS of its own before any metric", Lookup{Dst: addr("10.3.0.1"), TOS: 0x10}, "tos"},
	} {
		got := ns.Route(&x.f)
		if got.Nexthop == nil || got.Nexthop.Dev != x.dev {
			t.Errorf("%s: %+v, want %s", x.name, got.Nexthop, x.dev)
		}
	}
	if got := ns.Table(TableMain).Candidates(addr("10.1.2.1")); len(got) != 2 || got[0] != dead || got[1] != two {
		t.Errorf("candidates: %v, want the /24 before the /16", got)
	}
}

// twin is the lookup written down as ip-rule(8) and ip-route(8) say it, with no index: every rule, every route, every
// time. It shares no code with Route but the types.
func twin(ns *Namespace, f *Lookup) (*Rule, *Route, *Nexthop) {
	skipTo := uint32(0)
	for _, r := range ns.Rules {
		if r.Priority < skipTo {
			continue
		}
		hit := r.NotUnderstood == ""
		if hit {
			in := func(p netip.Prefix, a netip.Addr) bool { return !p.IsValid() || a.IsValid() && p.Contains(a) }
			port := func(r PortRange, p uint16) bool { return r.From == 0 && r.To == 0 || r.From <= p && p <= r.To }
			all := in(r.Src, f.Src) && in(r.Dst, f.Dst) && (r.IIF == "" || r.IIF == f.IIF) && (r.OIF == "" || r.OIF == f.OIF) &&
				f.Mark&r.Mask == r.Mark&r.Mask && (r.TOS == 0 || r.TOS == f.TOS) && (r.Protocol == 0 || r.Protocol == f.Protocol) &&
				port(r.SrcPorts, f.SrcPort) && port(r.DstPorts, f.DstPort)
			hit = all && !r.Not || !all && r.Not
		}
		if !hit {
			continue
		}
		switch r.Action {
		case NopRule:
		case GotoRule:
			for _, o := range ns.Rules {
				if o.Priority == r.Goto {
					skipTo = r.Goto
				}
			}
		case ToTable:
			var best *Route
			var hop *Nexthop
			for _, x := range ns.Routes {
				if x.Table != r.Table || !x.Dst.Contains(f.Dst) || x.TOS != 0 && x.TOS != f.TOS {
					continue
				}
				var h *Nexthop
				for i := range x.Nexthops {
					if n := &x.Nexthops[i]; h == nil && !n.Dead && (f.OIF == "" || f.OIF == n.Dev) {
						h = n
					}
				}
				if h == nil && len(x.Nexthops) > 0 {
					continue
				}
				if best == nil || x.Dst.Bits() > best.Dst.Bits() ||
					x.Dst.Bits() == best.Dst.Bits() && (x.TOS > best.TOS || x.TOS == best.TOS && x.Metric < best.Metric) {
					best, hop = x, h
				}
			}
			if best == nil || best.Type == Throw || best.Dst.Bits() <= r.SuppressPrefixLength {
				continue
			}
			return r, best, hop
		default:
			return r, nil, nil
		}
	}
	return nil, nil, nil
}

// chance builds namespaces and lookups out of few values, so that they meet often.
type chance struct{ *rand.Rand }

func (c chance) addr() netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(c.IntN(2)), byte(c.IntN(2)), byte(c.IntN(4))})
}

func (c chance) prefix() netip.Prefix {
	return netip.PrefixFrom(c.addr(), []int{0, 8, 15, 16, 23, 24, 30, 31, 32}[c.IntN(9)]).Masked()
}

func (c chance) one(of ...string) string { return of[c.IntN(len(of))] }

func (c chance) rule() *Rule {
	r := rule(uint32(c.IntN(30)), func(r *Rule) { r.Table = TableID(1 + c.IntN(5)) })
	if c.IntN(3) == 0 {
		r.Src = c.prefix()
	}
	if c.IntN(3) == 0 {
		r.Dst = c.prefix()
	}
	if c.IntN(4) == 0 {
		r.HasMark, r.Mark, r.Mask = true, uint32(c.IntN(4)), uint32(c.IntN(4))
	}
	r.Not = c.IntN(6) == 0
	r.IIF, r.OIF = c.one("", "", "", "a", "lo"), c.one("", "", "", "", "a")
	r.TOS = []uint8{0, 0, 0, 0x10}[c.IntN(4)]
	r.Protocol = []packet.Protocol{0, 0, 0, packet.TCP, packet.UDP}[c.IntN(5)]
	if c.IntN(5) == 0 {
		r.DstPorts = PortRange{80, uint16(80 + c.IntN(3))}
	}
	if c.IntN(5) == 0 {
		r.SrcPorts = PortRange{80, uint16(80 + c.IntN(3))}
	}
	if c.IntN(4) == 0 {
		r.SuppressPrefixLength = c.IntN(25)
	}
	switch c.IntN(10) {
	case 0:
		r.Action, r.Goto = GotoRule, r.Priority+uint32(1+c.IntN(10))
	case 1:
		r.Action = []RuleAction{NopRule, BlackholeRule, UnreachableRule, ProhibitRule}[c.IntN(4)]
	case 2:
		r.NotUnderstood = "l3mdev"
	}
	return r
}

func (c chance) route() *Route {
	r := &Route{Type: Unicast, Dst: c.prefix(), Table: TableID(1 + c.IntN(4)), Metric: uint32(c.IntN(3)), TOS: []uint8{0, 0, 0x10}[c.IntN(3)]}
	switch c.IntN(8) {
	case 0:
		r.Type = Throw
		return r
	case 1:
		r.Type = Blackhole
		return r
	}
	for range 1 + c.IntN(2) {
		r.Nexthops = append(r.Nexthops, Nexthop{Dev: c.one("a", "b", "c"), Dead: c.IntN(5) == 0})
	}
	return r
}

func (c chance) lookup() *Lookup {
	f := &Lookup{Src: c.addr(), Dst: c.addr(), IIF: c.one("lo", "a", "b"), OIF: c.one("", "", "", "a", "b"), Mark: uint32(c.IntN(4)),
		TOS: []uint8{0, 0, 0x10}[c.IntN(3)], Protocol: []packet.Protocol{packet.TCP, packet.UDP, packet.ICMP}[c.IntN(3)],
		SrcPort: uint16(79 + c.IntN(5)), DstPort: uint16(79 + c.IntN(5))}
	if c.IntN(6) == 0 {
		f.Src = netip.Addr{} // a socket that has not chosen
	}
	return f
}

// TestTwin compares the lookup with its slow twin on random namespaces. Routes of one table that differ in nothing that
// orders them are made once only: which of two is taken is the order of their making, which both keep.
func TestTwin(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	c := chance{rand.New(rand.NewPCG(seed, 0))}
	decided := 0
	for range 300 {
		ns := &Namespace{Name: "random"}
		for range 1 + c.IntN(12) {
			ns.Rules = append(ns.Rules, c.rule())
		}
		for range c.IntN(25) {
			ns.Routes = append(ns.Routes, c.route())
		}
		ns.prepare()
		for range 60 {
			f := c.lookup()
			got := ns.Route(f)
			r, route, hop := twin(ns, f)
			if got.Rule != r || got.Route != route || got.Nexthop != hop {
				t.Fatalf("seed %d: %+v\nrules:\n%s\nroutes:\n%s\n got rule %v\n     route %v\n     hop %v\nwant rule %v\n     route %v\n     hop %v",
					seed, *f, text(ns.Rules), text(ns.Routes), got.Rule, got.Route, got.Nexthop, r, route, hop)
			}
			if got.Route != nil {
				decided++
			}
		}
	}
	if decided < 1000 {
		t.Errorf("seed %d: only %d lookups found a route: the random namespaces say little", seed, decided)
	}
}

func text[T fmt.Stringer](list []T) string {
	s := ""
	for _, x := range list {
		s += "  " + x.String() + "\n"
	}
	return s
}

func TestAddrType(t *testing.T) {
	l := func(typ RouteType, dst, dev string) *Route {
		return &Route{Type: typ, Dst: prefix(dst), Table: TableLocal, Nexthops: []Nexthop{{Dev: dev}}}
	}
	ns := &Namespace{Routes: []*Route{
		l(LocalRoute, "127.0.0.0/8", "lo"), l(LocalRoute, "10.0.0.10/32", "eth0"), l(Broadcast, "10.0.0.255/32", "eth0"),
		l(Anycast, "10.0.0.77/32", "eth0"), l(Unicast, "10.0.0.78/32", "eth0"),
		{Type: Blackhole, Dst: prefix("10.0.1.0/24"), Table: TableLocal}, {Type: Unreachable, Dst: prefix("10.0.2.0/24"), Table: TableLocal},
		{Type: Prohibit, Dst: prefix("10.0.3.0/24"), Table: TableLocal}, {Type: Throw, Dst: prefix("10.0.4.0/24"), Table: TableLocal},
		to(TableMain, "0.0.0.0/0", "eth0"), {Type: Blackhole, Dst: prefix("192.0.2.0/24"), Table: TableMain},
		{Type: LocalRoute, Dst: prefix("198.51.100.0/24"), Table: TableMain, Nexthops: []Nexthop{{Dev: "lo"}}},
	}}
	ns.prepare()
	for _, x := range []struct {
		addr, dev string
		want      iptables.AddrType
	}{
		{"10.0.0.10", "", iptables.AddrLocal},
		{"10.0.0.10", "eth0", iptables.AddrLocal},
		{"10.0.0.10", "eth1", iptables.AddrUnicast}, // --limit-iface-in: an address of another device is not local
		{"127.3.4.5", "", iptables.AddrLocal},
		{"10.0.0.255", "", iptables.AddrBroadcast},
		{"255.255.255.255", "", iptables.AddrBroadcast},
		{"0.0.0.0", "", iptables.AddrBroadcast}, // ipv4_is_zeronet counts as broadcast (__inet_dev_addr_type)
		{"224.0.0.1", "", iptables.AddrMulticast},
		{"10.0.0.77", "", iptables.AddrAnycast},
		{"10.0.0.78", "", iptables.AddrUnicast},
		{"10.0.1.1", "", iptables.AddrUnicast}, // tried in Linux 6.18: --src-type BLACKHOLE matches nothing, UNICAST does
		{"10.0.2.1", "", iptables.AddrUnicast},
		{"10.0.3.1", "", iptables.AddrUnicast},
		{"10.0.4.1", "", iptables.AddrUnicast},
		{"8.8.8.8", "", iptables.AddrUnicast},
		{"192.0.2.1", "", iptables.AddrUnicast},
		{"198.51.100.1", "", iptables.AddrLocal}, // main's, for without rules of one's own main and local are one trie
	} {
		if got := ns.AddrType(addr(x.addr), x.dev); got != x.want {
			t.Errorf("type of %s on %q: %v, want %v", x.addr, x.dev, got, x.want)
		}
	}
	ns.Rules = append(ns.Rules, &Rule{Priority: 40000, Action: ToTable, Table: TableMain, SuppressPrefixLength: -1})
	ns.prepare()
	if got := ns.AddrType(addr("198.51.100.1"), ""); got != iptables.AddrUnicast {
		t.Errorf("with a rule of one's own, a local route of main: %v", got)
	}
	if got := ns.AddrType(netip.Addr{}, ""); got != iptables.AddrBroadcast {
		t.Errorf("type of no address: %v", got)
	}
}

func TestSelectSource(t *testing.T) {
	a := func(p string, s Scope, secondary bool) Address {
		return Address{Prefix: prefix(p), Scope: s, Secondary: secondary}
	}
	ns := &Namespace{Interfaces: []*Interface{
		{Name: "lo", Kind: Loopback, Addresses: []Address{a("127.0.0.1/8", ScopeHost, false)}},
		{Name: "eth0", Addresses: []Address{a("10.0.0.5/24", ScopeGlobal, true), a("10.0.0.10/24", ScopeGlobal, false), a("10.1.0.10/24", ScopeGlobal, false)}},
		{Name: "eni1"},
		{Name: "ll", Addresses: []Address{a("169.254.0.5/16", ScopeLink, false)}},
	}}
	ns.prepare()
	for _, x := range []struct {
		dev, dst string
		scope    Scope
		want     string
	}{
		{"eth0", "10.0.0.77", ScopeGlobal, "10.0.0.10"}, // never a secondary address
		{"eth0", "10.1.0.77", ScopeGlobal, "10.1.0.10"}, // the subnet that has the destination
		{"eth0", "8.8.8.8", ScopeGlobal, "10.0.0.10"},   // else the first
		{"eni1", "10.0.0.77", ScopeLink, "10.0.0.10"},   // a device without an address: another's
		{"ll", "8.8.8.8", ScopeLink, "169.254.0.5"},     // a link's address goes as far as the link
		{"ll", "8.8.8.8", ScopeGlobal, "10.0.0.10"},     // and no farther
		{"lo", "127.0.0.1", ScopeHost, "127.0.0.1"},
		{"gone", "8.8.8.8", ScopeGlobal, "10.0.0.10"},
	} {
		if got := ns.SelectSource(x.dev, addr(x.dst), x.scope); got != addr(x.want) {
			t.Errorf("source by %s to %s, scope %v: %v, want %s", x.dev, x.dst, x.scope, got, x.want)
		}
	}
	if got := (&Namespace{}).SelectSource("eth0", addr("8.8.8.8"), ScopeGlobal); got.IsValid() {
		t.Errorf("source without any address: %v", got)
	}
}

// TestRulesKeepTheirOrder: by priority, and as given within one.
func TestRulesKeepTheirOrder(t *testing.T) {
	ns := &Namespace{Rules: []*Rule{
		rule(5, func(r *Rule) { r.IIF = "second" }), rule(1, func(r *Rule) { r.IIF = "first" }), rule(5, func(r *Rule) { r.IIF = "third" })}}
	ns.prepare()
	var got []string
	for _, r := range ns.Rules {
		got = append(got, r.IIF)
	}
	if want := []string{"first", "second", "third"}; !slices.Equal(got, want) {
		t.Errorf("rules in order %v, want %v", got, want)
	}
}
