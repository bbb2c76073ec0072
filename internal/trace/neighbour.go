package trace

import (
	"net/netip"
	"slices"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// resolve finds the MAC of the next hop and writes the frame's header: the neighbour table first, then ARP.
func (w *walker) resolve(dev *topology.Interface) verdict {
	if dev.MAC.IsZero() {
		w.p.Eth = packet.Ethernet{}
		return goOn // no link layer, no neighbour
	}
	ip := w.route.gateway
	if !ip.IsValid() {
		ip = w.p.IP.Dst
	}
	if isBroadcast(ip) {
		w.p.Eth = packet.Ethernet{Src: dev.MAC, Dst: packet.Broadcast}
		return goOn
	}
	mac, code, n, who := w.ask(dev, ip)
	if mac.IsZero() {
		s := w.drop(NeighbourFailed, "NEIGH_FAILED")
		s.Addr, s.Interface = ip, dev
		w.more(s).Would, w.more(s).WouldT[0] = WouldNeighbour, ip.String()
		// The host's own socket is told like any other sender, by the loopback device (arp_error_report, ipv4_send_dest_unreach).
		w.owe(icmpError{typ: packet.ICMPUnreachable, code: 1})
		return stop
	}
	w.p.Eth = packet.Ethernet{Src: dev.MAC, Dst: mac}
	s := w.step(StageNeighbour, VerdictOK, code)
	s.Addr, s.Interface, s.Neighbour = ip, dev, n
	s.Target = who
	return goOn
}

// ask gives the MAC for an address on a device's link: zero where nobody answers.
func (w *walker) ask(dev *topology.Interface, ip netip.Addr) (mac packet.MAC, code Code, n *topology.Neighbour, who string) {
	for i := range w.ns.Neighbours {
		n := &w.ns.Neighbours[i]
		if n.Dev != dev.Name || n.IP != ip || !n.Valid() {
			continue
		}
		m, err := packet.ParseMAC(n.MAC)
		if err != nil {
			continue
		}
		if n.State == "PERMANENT" {
			return m, NeighbourPermanent, n, ""
		}
		return m, NeighbourKnown, n, n.State
	}
	for _, l := range w.learned {
		if l.ns == w.ns && l.n.Dev == dev.Name && l.n.IP == ip {
			return l.mac, NeighbourKnown, l.n, l.n.State
		}
	}
	if f := w.top.Fabric; f != nil && dev.ENI != nil {
		if m, ok := f.ARP(dev.ENI, ip); ok {
			return m, NeighbourFabric, nil, f.Name
		}
		return packet.MAC{}, "", nil, ""
	}
	if f := w.top.Fabric; f != nil && f.IsOutside(topology.Port{Namespace: w.ns.Name, Interface: dev.Name}) {
		return f.OutsideMAC, NeighbourFabric, nil, f.Name
	}
	var found packet.MAC
	asker := w.asker(dev, ip)
	w.segment(dev, func(ns *topology.Namespace, i *topology.Interface) bool {
		if m, proxy, ok := answersARP(ns, i, ip, asker); ok {
			found, who, code = m, ns.Name, NeighbourARP
			if proxy {
				code = NeighbourProxy
			}
			w.learn(ns, i, asker, dev.MAC)
			return false
		}
		return true
	})
	return found, code, nil, who
}

// learned is an entry of an ARP table that a trace has made.
type learned struct {
	ns  *topology.Namespace
	n   *topology.Neighbour
	mac packet.MAC
}

// learn enters whoever asked into the table of the host that answers: it need not ask in turn (neigh_event_ns, called by
// arp_process).
func (w *walker) learn(ns *topology.Namespace, in *topology.Interface, asker netip.Addr, mac packet.MAC) {
	if asker.IsValid() {
		w.learned = append(w.learned, learned{ns, &topology.Neighbour{IP: asker, Dev: in.Name, MAC: mac.String(), State: "STALE"}, mac})
	}
}

// segment visits every interface that a broadcast from dev reaches, with its IP owner: a bridge port's owner is the
// bridge. It stops when visit returns false.
func (w *walker) segment(dev *topology.Interface, visit func(*topology.Namespace, *topology.Interface) bool) {
	seen := map[topology.Port]bool{}
	var into func(ns *topology.Namespace, i *topology.Interface) bool
	var outOf func(ns *topology.Namespace, i *topology.Interface) bool
	into = func(ns *topology.Namespace, i *topology.Interface) bool {
		key := topology.Port{Namespace: ns.Name, Interface: i.Name}
		if seen[key] || !i.Up {
			return true
		}
		seen[key] = true
		if i.Master == "" {
			return visit(ns, i)
		}
		br := ns.Interface(i.Master)
		if br == nil {
			return true
		}
		if !visit(ns, br) {
			return false
		}
		for _, port := range ns.Interfaces {
			if port.Master == br.Name && port != i && !outOf(ns, port) {
				return false
			}
		}
		return true
	}
	outOf = func(ns *topology.Namespace, i *topology.Interface) bool {
		if i.Kind == topology.Bridge {
			for _, port := range ns.Interfaces {
				if port.Master == i.Name && !outOf(ns, port) {
					return false
				}
			}
			return true
		}
		if i.Peer.Namespace == "" {
			return true
		}
		far, err := w.top.Namespace(i.Peer.Namespace)
		if err != nil {
			return true
		}
		if p := far.Interface(i.Peer.Interface); p != nil {
			return into(far, p)
		}
		return true
	}
	outOf(w.ns, dev)
}

// asker is the address that an ARP request asks from: the packet's source if that is this host's, else what the device has
// (arp_solicit in net/ipv4/arp.c, with arp_announce 0).
func (w *walker) asker(dev *topology.Interface, ip netip.Addr) netip.Addr {
	if src := w.p.IP.Src; w.ns.AddrType(src, "") == iptables.AddrLocal {
		return src
	}
	return w.ns.SelectSource(dev.Name, ip, topology.ScopeLink)
}

// answersARP says whether a host answers a request for an address that came in by an interface (arp_process in
// net/ipv4/arp.c): for its own addresses, as far as arp_ignore lets it, and with proxy ARP for what it would route out
// of another interface. Whoever asks must be one whose packets would be let in (ip_route_input_noref).
func answersARP(ns *topology.Namespace, in *topology.Interface, ip, asker netip.Addr) (mac packet.MAC, proxy, ok bool) {
	if ns.AddrType(ip, "") == iptables.AddrLocal {
		return in.MAC, false, !ignoresARP(ns, in, ip, asker) && letIn(ns, in, asker, ip, "lo")
	}
	if !in.Forwarding() {
		return mac, false, false
	}
	r := ns.Route(&topology.Lookup{Dst: ip, Src: asker, IIF: in.Name})
	if r.Route == nil || r.Route.Type != topology.Unicast {
		return mac, false, false
	}
	out := r.Dev()
	if out == in.Name || !letIn(ns, in, asker, ip, out) {
		return mac, false, false
	}
	for _, n := range ns.Neighbours {
		if n.Proxy && n.IP == ip && n.Dev == in.Name {
			return in.MAC, true, true
		}
	}
	return in.MAC, true, in.ProxyARP()
}

// ignoresARP is arp_ignore: whether a request for an address of the host stays without an answer (arp_ignore in net/ipv4/arp.c,
// confirm_addr_indev in net/ipv4/devinet.c). 1 answers for the device's own addresses; 2 for those, and only to whoever is in
// their subnet; 3 for all but those of scope host; 8 for none.
func ignoresARP(ns *topology.Namespace, in *topology.Interface, ip, asker netip.Addr) bool {
	has := func(i *topology.Interface, fits func(topology.Address) bool) bool {
		return slices.ContainsFunc(i.Addresses, func(a topology.Address) bool { return a.Prefix.Addr() == ip && fits(a) })
	}
	any := func(topology.Address) bool { return true }
	switch in.ARPIgnore() {
	case 1:
		return !has(in, any)
	case 2:
		near := func(a topology.Address) bool {
			return a.Prefix.Contains(ip) && (!asker.IsValid() || a.Prefix.Contains(asker))
		}
		return !has(in, any) || !slices.ContainsFunc(in.Addresses, near)
	case 3:
		return !slices.ContainsFunc(ns.Interfaces, func(i *topology.Interface) bool {
			return has(i, func(a topology.Address) bool { return a.Scope <= topology.ScopeLink })
		})
	case 8:
		return true
	}
	return false
}

// letIn says whether a host would take a packet from an address that came in by an interface. One from nowhere asks whether an
// address is free, and is always heard (arp_process, duplicate address detection).
func letIn(ns *topology.Namespace, in *topology.Interface, from, to netip.Addr, out string) bool {
	if !from.IsValid() {
		return true
	}
	return validateSource(ns, in, &topology.Lookup{Src: to, Dst: from, IIF: out}).code == ""
}
