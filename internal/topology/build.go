package topology

import (
	"cmp"
	"net/netip"
	"slices"
)

// What every Linux namespace has, whoever configures it: compilers start from here.

// Single is an address as a prefix of its own.
func Single(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// Everywhere is 0.0.0.0/0.
func Everywhere() netip.Prefix { return netip.PrefixFrom(netip.AddrFrom4([4]byte{}), 0) }

// LoopbackInterface is lo as the kernel makes it.
func LoopbackInterface() *Interface {
	return &Interface{Index: 1, Name: "lo", Kind: Loopback, MTU: 65536, Up: true, LinkNetNS: -1,
		Addresses: []Address{{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 8), Scope: ScopeHost}}}
}

// LocalRoutes are what the kernel adds to table local for an address of a device: itself, for the loopback's its whole
// net, and for a subnet the broadcast address (fib_add_ifaddr in net/ipv4/fib_frontend.c).
func LocalRoutes(p netip.Prefix, dev string) []*Route {
	local := func(dst netip.Prefix) *Route {
		return &Route{Type: LocalRoute, Dst: dst, Table: TableLocal, Protocol: "kernel", Scope: ScopeHost, Src: p.Addr(), Nexthops: []Nexthop{{Dev: dev}}}
	}
	out := []*Route{local(Single(p.Addr()))}
	if dev == "lo" {
		out = append(out, local(p.Masked()))
	}
	if p.Bits() < 31 {
		out = append(out, &Route{Type: Broadcast, Dst: Single(BroadcastOf(p)), Table: TableLocal, Protocol: "kernel", Scope: ScopeLink, Src: p.Addr(),
			Nexthops: []Nexthop{{Dev: dev}}})
	}
	return out
}

// ConnectedRoute is what the kernel adds to the main table for an address with a subnet (fib_add_ifaddr).
func ConnectedRoute(own netip.Prefix, dev string) *Route {
	return &Route{Type: Unicast, Dst: own.Masked(), Table: TableMain, Protocol: "kernel", Scope: ScopeLink, Src: own.Addr(), Nexthops: []Nexthop{{Dev: dev}}}
}

// BroadcastOf is the last address of a subnet.
func BroadcastOf(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		a[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(a)
}

// SortRoutes puts routes into the order in which the kernel dumps them: tables by their place in a hash of 256
// (fib_table_hash), in a table by address (the trie's order), then by metric.
func SortRoutes(routes []*Route) {
	slices.SortStableFunc(routes, func(a, b *Route) int {
		return cmp.Or(cmp.Compare(a.Table&255, b.Table&255), cmp.Compare(a.Table, b.Table), a.Dst.Addr().Compare(b.Dst.Addr()),
			cmp.Compare(b.Dst.Bits(), a.Dst.Bits()), cmp.Compare(a.Metric, b.Metric))
	})
}
