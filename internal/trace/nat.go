package trace

import (
	"net/netip"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// natCore is nf_nat_inet_fn: it asks the hook's nat chains for the first packet of a connection, until one sets a
// mapping up, and applies the connection's mapping to every packet.
func (w *walker) natCore(h netfilter.Hook, chains []netfilter.BaseChain, in, out *topology.Interface) verdict {
	e := w.ref.Entry
	if e == nil {
		return goOn
	}
	m := h.Manip()
	dst := w.p.IP.Dst
	ruled := -1
	if e.Initialised(m) && w.moved(h, out) {
		return stop
	}
	switch w.ref.State {
	case packet.CTRelated:
		if w.p.IP.Protocol == packet.ICMP && packet.IsICMPError(w.p.L4.ICMPType) {
			before := w.p
			if w.ref.MangleICMPError(&w.p, m) && before != w.p {
				w.applied(h, m)
			}
			if h == netfilter.LocalOut && dst != w.p.IP.Dst {
				return w.reroute()
			}
			return goOn
		}
		fallthrough
	case packet.CTNew:
		if e.Initialised(m) {
			break
		}
		for i := range chains {
			w.assumeOrder(h, chains, i)
			v := w.chain(&chains[i], h, in, out)
			switch v.Kind {
			case iptables.SNAT, iptables.DNAT, iptables.Masquerade, iptables.Redirect:
				ruled = len(w.t.steps) - 1
				w.mappings = append(w.mappings, mapping{e, m, int32(ruled)})
				if !w.mapTo(h, v, in, out) {
					w.t.steps[ruled].Verdict = VerdictDrop
					return w.end(iptables.Verdict{Kind: iptables.Drop})
				}
			default:
				if w.end(v) == stop {
					return stop
				}
			}
			if e.Initialised(m) {
				break
			}
		}
		if !e.Initialised(m) {
			w.ct.Setup(e, m, nil, netfilter.RandomPort)
		}
	}
	before := w.p
	if w.ref.Mangle(&w.p, m) && before != w.p {
		if ruled >= 0 {
			// The rule's own step shows what it did to the packet.
			s := &w.t.steps[ruled]
			s.Packet = w.snapshot()
		} else {
			w.applied(h, m)
		}
	}
	if h == netfilter.LocalOut && dst != w.p.IP.Dst {
		return w.reroute()
	}
	return goOn
}

// moved says whether a masqueraded connection now leaves by another device than when it began, whose address would be another:
// the kernel then forgets it and drops the packet (nf_nat_oif_changed and oif_changed in nf_nat_core.c).
func (w *walker) moved(h netfilter.Hook, out *topology.Interface) bool {
	e := w.ref.Entry
	if h != netfilter.PostRouting || e.Masquerade == "" || w.ref.Reply || w.ref.State == packet.CTRelated || out == nil || out.Name == e.Masquerade {
		return false
	}
	was := e.Masquerade
	w.ct.Forget(e)
	s := w.drop(MasqueradeMoved, "NETFILTER_DROP")
	s.Hook, s.HasHook = h, true
	w.more(s).Text[0], w.more(s).Text[1] = was, out.Name
	return true
}

// assumeOrder says that a nat chain is asked before another of the same priority only because it is taken to have been
// registered later: nothing that a node's tools print shows that.
func (w *walker) assumeOrder(h netfilter.Hook, chains []netfilter.BaseChain, i int) {
	first := &chains[i]
	for j := i + 1; j < len(chains) && chains[j].Priority == first.Priority; j++ {
		if second := &chains[j]; !first.Empty() && !second.Empty() {
			w.assume(AssumeOrder, "namespace", w.ns.Name, "hook", h.String(), "first", first.Name(), "second", second.Name())
		}
	}
}

// mapping is the step of the rule that set a connection's mapping up.
type mapping struct {
	entry *netfilter.Entry
	kind  netfilter.Manip
	step  int32
}

// applied records that the connection's mapping changed a packet without a rule being asked, and which rule it was that
// set it up: an answer's source gets back what was its destination.
func (w *walker) applied(h netfilter.Hook, m netfilter.Manip) {
	code := ConnNAT
	if w.ref.Reply {
		code = ConnNATUndo
	}
	s := w.step(StageConntrack, VerdictNAT, code)
	s.Hook, s.HasHook = h, true
	kind := m
	if w.ref.Reply {
		kind = m.Opposite()
	}
	for _, x := range w.mappings {
		if x.entry == w.ref.Entry && x.kind == kind {
			s.cause = x.step + 1
		}
	}
}

// mapTo sets a connection's mapping up as a nat rule says. It fails where a device has no address to give; the kernel then
// drops the packet (nf_nat_masquerade_ipv4, nf_nat_redirect_ipv4).
func (w *walker) mapTo(h netfilter.Hook, v iptables.Verdict, in, out *topology.Interface) bool {
	e := w.ref.Entry
	r := iptables.NATRange{}
	if v.NAT != nil {
		r = *v.NAT
	}
	m := h.Manip()
	switch v.Kind {
	case iptables.Masquerade:
		if out != nil {
			nexthop := w.route.gateway
			if !nexthop.IsValid() {
				nexthop = w.p.IP.Dst
			}
			r.Min = w.ns.SelectSource(out.Name, nexthop, topology.ScopeGlobal)
			r.Max = r.Min
		}
	case iptables.Redirect:
		r.Min = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		if h != netfilter.LocalOut { // the device's own first address, and no other's (nf_nat_redirect_ipv4)
			r.Min = netip.Addr{}
			if in != nil && len(in.Addresses) > 0 {
				r.Min = in.Addresses[0].Prefix.Addr()
			}
		}
		r.Max = r.Min
	}
	if (v.Kind == iptables.Masquerade || v.Kind == iptables.Redirect) && !r.Min.IsValid() {
		return false
	}
	w.ct.Setup(e, m, &r, netfilter.RandomPort)
	if v.Kind == iptables.Masquerade && out != nil {
		e.Masquerade = out.Name
	}
	if r.Random || r.RandomFully {
		w.assume(AssumePort, "namespace", w.ns.Name, "port", itoa(int(e.Reply.DstPort)))
	}
	return true
}
