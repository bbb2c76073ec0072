package kubeproxy

import (
	"net/netip"
	"slices"
)

// interval is the addresses from first to last.
type interval struct{ first, last netip.Addr }

// intervals are prefixes as nft keeps them in a set without a name: sorted, with what overlaps or touches made one
// (nftables src/intervals.c: set_automerge).
func intervals(prefixes []netip.Prefix) []interval {
	all := make([]interval, len(prefixes))
	for i, p := range prefixes {
		all[i] = interval{p.Masked().Addr(), lastOf(p)}
	}
	slices.SortFunc(all, func(a, b interval) int { return a.first.Compare(b.first) })
	var out []interval
	for _, r := range all {
		if len(out) == 0 || apart(out[len(out)-1].last, r.first) {
			out = append(out, r)
		} else if end := &out[len(out)-1].last; end.Less(r.last) {
			*end = r.last
		}
	}
	return out
}

// apart says that an address lies between the end of one interval and the start of the next.
func apart(last, first netip.Addr) bool {
	next := last.Next() // not valid after the last address of all
	return next.IsValid() && next.Less(first)
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// String is the interval as nft lists it: an address, a prefix where one says it, or first-last.
func (r interval) String() string {
	if r.first == r.last {
		return r.first.String()
	}
	for bits := range r.first.BitLen() {
		if p := netip.PrefixFrom(r.first, bits); p == p.Masked() && lastOf(p) == r.last {
			return p.String()
		}
	}
	return r.first.String() + "-" + r.last.String()
}
