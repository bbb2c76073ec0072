package topology

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/packet"
)

// Table is one routing table, indexed by prefix.
type Table struct {
	ID     TableID
	trie   bart.Table[[]*Route] // per prefix by TOS (specific first), then metric
	routes int
}

// Len is the number of routes in the table.
func (t *Table) Len() int { return t.routes }

// newTable indexes the routes of one table, which are given in the dump's order. A prefix's routes are sorted once, as
// fib_insert_alias keeps them: a dump may have any number of them.
func newTable(id TableID, routes []*Route) *Table {
	t := &Table{ID: id, routes: len(routes)}
	byDst := make(map[netip.Prefix][]*Route, len(routes))
	for _, r := range routes {
		byDst[r.Dst] = append(byDst[r.Dst], r)
	}
	for dst, l := range byDst {
		slices.SortStableFunc(l, func(a, b *Route) int {
			return cmp.Or(cmp.Compare(b.TOS, a.TOS), cmp.Compare(a.Metric, b.Metric))
		})
		t.trie.Insert(dst, l)
	}
	return t
}

// Lookup is what a route is looked up by (struct flowi4).
type Lookup struct {
	Src, Dst         netip.Addr // Src invalid: not chosen yet
	IIF              string     // "lo" for packets made here, and for reverse path checks
	OIF              string
	Mark             uint32
	TOS              uint8
	Protocol         packet.Protocol
	SrcPort, DstPort uint16
}

// Result is what the lookup found. Route is nil where nothing matched (ENETUNREACH), or where a rule itself decided
// (Rule.Action says how).
type Result struct {
	Rule    *Rule
	Route   *Route
	Nexthop *Nexthop // nil for routes without one
	// Missing is a table that a rule named and that has no route in the model.
	Missing TableID
}

// Dev is the device of the next hop that was chosen; "" where there is none.
func (r *Result) Dev() string {
	if r.Nexthop == nil {
		return ""
	}
	return r.Nexthop.Dev
}

// Route looks a destination up: policy rules by priority, in each table the longest prefix (fib_rules_lookup,
// fib_table_lookup). A throw route, or a table without a match, goes on with the next rule.
func (ns *Namespace) Route(f *Lookup) Result {
	var missing TableID
	for i := 0; i < len(ns.Rules); i++ {
		r := ns.Rules[i]
		if !r.Matches(f) {
			continue
		}
		switch r.Action {
		case NopRule:
			continue
		case GotoRule:
			// A goto whose target is not there is passed over (rule->ctarget is NULL in fib_rules_lookup). The kernel
			// takes no goto backwards (fib_nl_newrule), so the search starts behind the rule and cannot go in circles.
			for j := i + 1; j < len(ns.Rules); j++ {
				if ns.Rules[j].Priority == r.Goto {
					i = j - 1
					break
				}
			}
			continue
		case BlackholeRule, UnreachableRule, ProhibitRule:
			return Result{Rule: r, Missing: missing}
		}
		t := ns.tables[r.Table]
		if t == nil {
			if missing == 0 && r.Table != TableDefault && r.Table != TableMain {
				missing = r.Table
			}
			continue
		}
		route, hop := t.Lookup(f)
		if route == nil || route.Type == Throw {
			continue
		}
		if r.SuppressPrefixLength >= 0 && route.Dst.Bits() <= r.SuppressPrefixLength {
			continue
		}
		return Result{Rule: r, Route: route, Nexthop: hop, Missing: missing}
	}
	return Result{Missing: missing}
}

// Lookup finds the route of one table: the longest prefix with a next hop that fits. It returns nil where there is
// none.
func (t *Table) Lookup(f *Lookup) (*Route, *Nexthop) {
	routes, ok := t.trie.Lookup(f.Dst)
	if !ok {
		return nil, nil
	}
	if r, hop := pick(routes, f); r != nil {
		return r, hop
	}
	for _, routes := range t.trie.Supernets(netip.PrefixFrom(f.Dst, f.Dst.BitLen())) {
		if r, hop := pick(routes, f); r != nil {
			return r, hop
		}
	}
	return nil, nil
}

// Candidates lists the routes of the table that cover the destination, the longest prefix first: what lost, for the
// page.
func (t *Table) Candidates(dst netip.Addr) []*Route {
	var out []*Route
	for _, routes := range t.trie.Supernets(netip.PrefixFrom(dst, dst.BitLen())) {
		out = append(out, routes...)
	}
	return out
}

// pick takes the first route whose TOS fits and that has a next hop alive and, if the lookup names a device, on it.
func pick(routes []*Route, f *Lookup) (*Route, *Nexthop) {
	for _, r := range routes {
		if r.TOS != 0 && r.TOS != f.TOS {
			continue
		}
		if len(r.Nexthops) == 0 {
			return r, nil
		}
		if n := r.choose(f); n != nil {
			return r, n
		}
	}
	return nil, nil
}

// choose picks a next hop. Of several, the kernel hashes the flow (fib_select_multipath); which one a flow gets cannot
// be known from outside, so the first that is alive stands, and the trace lists the others as a choice.
func (r *Route) choose(f *Lookup) *Nexthop {
	for i := range r.Nexthops {
		n := &r.Nexthops[i]
		if n.Dead || f.OIF != "" && f.OIF != n.Dev {
			continue
		}
		return n
	}
	return nil
}

var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// AddrType is what the kernel's table local calls an address; with dev, only what is on that device counts
// (__inet_dev_addr_type in net/ipv4/fib_frontend.c).
func (ns *Namespace) AddrType(addr netip.Addr, dev string) iptables.AddrType {
	switch {
	case !addr.IsValid() || addr.Is4() && addr.As4()[0] == 0 || addr == limitedBroadcast:
		return iptables.AddrBroadcast
	case addr.IsMulticast():
		return iptables.AddrMulticast
	}
	r, _ := ns.local.Lookup(&Lookup{Dst: addr})
	if r == nil || dev != "" && dev != r.Dev() {
		return iptables.AddrUnicast
	}
	switch r.Type {
	case LocalRoute:
		return iptables.AddrLocal
	case Broadcast:
		return iptables.AddrBroadcast
	case Anycast:
		return iptables.AddrAnycast
	case Multicast:
		return iptables.AddrMulticast
	}
	return iptables.AddrUnicast // also of blackhole, unreachable, prohibit and throw: such a lookup fails, and what it found is not asked
}

// SelectSource is the address a packet gets that leaves by dev towards dst without a preferred source
// (inet_select_addr in net/ipv4/devinet.c): the first primary address of the device whose subnet has dst, else its
// first, else one of another device.
func (ns *Namespace) SelectSource(dev string, dst netip.Addr, scope Scope) netip.Addr {
	var first netip.Addr
	if i := ns.Interface(dev); i != nil {
		for _, a := range i.Addresses {
			if a.Secondary || a.Scope > scope {
				continue
			}
			if !dst.IsValid() || a.Prefix.Contains(dst) {
				return a.Prefix.Addr()
			}
			if !first.IsValid() {
				first = a.Prefix.Addr()
			}
		}
	}
	if first.IsValid() {
		return first
	}
	for _, i := range ns.Interfaces {
		for _, a := range i.Addresses {
			if !a.Secondary && a.Scope != ScopeLink && a.Scope <= scope {
				return a.Prefix.Addr()
			}
		}
	}
	return netip.Addr{}
}
