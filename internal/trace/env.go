package trace

import (
	"net/netip"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// env answers matches from the namespace that the packet is in.
type env walker

// AddrType implements iptables.Env.
func (k *env) AddrType(a netip.Addr, dev string) iptables.AddrType {
	return (*walker)(k).ns.AddrType(a, dev)
}

// InSet implements iptables.Env.
func (k *env) InSet(q iptables.SetQuery) iptables.Tri {
	w := (*walker)(k)
	sets := w.ns.Netfilter.Sets
	s := sets[q.Name]
	if s == nil {
		return iptables.Unknown
	}
	return s.Contains(q, sets)
}

// ReversePath implements iptables.Env: the rpfilter match looks the reverse route up by itself (rpfilter_lookup_reverse
// in ipt_rpfilter.c).
func (k *env) ReversePath(p *packet.Packet, in string, loose, validmark, acceptLocal bool) iptables.Tri {
	w := (*walker)(k)
	f := topology.Lookup{Src: p.IP.Dst, Dst: p.IP.Src, IIF: "lo", TOS: p.IP.TOS & 0x1c}
	if p.IP.Dst.IsMulticast() || isBroadcast(p.IP.Dst) {
		f.Src = netip.AddrFrom4([4]byte{})
	}
	if validmark {
		f.Mark = p.Mark
	}
	r := w.ns.Route(&f)
	if _, _, bad := unroutable(&r); bad {
		return iptables.No
	}
	if r.Route.Type != topology.Unicast && !(r.Route.Type == topology.LocalRoute && acceptLocal) {
		return iptables.No
	}
	if loose {
		return iptables.Yes
	}
	for _, n := range r.Route.Nexthops {
		if n.Dev == in {
			return iptables.Yes
		}
	}
	return iptables.No
}

// Choose implements iptables.Env: the first option of a chain is taken unless the query picks another.
func (k *env) Choose(r *iptables.Rule, _ float64) bool { return (*walker)(k).chooseRule(r) }

// Recent implements iptables.RecentEnv. What a node remembers of earlier connections nobody knows here: nothing, unless
// the query says in which of a chain's lists the client is.
func (k *env) Recent(q iptables.RecentQuery) iptables.Tri {
	if q.Op != iptables.RecentCheck && q.Op != iptables.RecentUpdate || q.Rule == nil || q.Rule.Chain == nil {
		return iptables.No
	}
	if (*walker)(k).remembered(q.Rule.Chain) == q.List {
		return iptables.Yes
	}
	return iptables.No
}
