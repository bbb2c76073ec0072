package trace

import (
	"net/netip"

	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// Bytes that a tunnel adds to the inner packet's (RFC 7348, RFC 2003).
const (
	vxlanHeader    = 8
	ethernetHeader = 14
)

// encapsulate is a tunnel device's transmit function: it puts headers around the packet and sends the whole as a packet of
// the host itself, through OUTPUT and POSTROUTING. The skb stays the same one: it keeps its mark, it has lost its conntrack
// entry, and POSTROUTING sees the tunnel as its input device (iptunnel_xmit in net/ipv4/ip_tunnel_core.c, ip_output).
func (w *walker) encapsulate(dev *topology.Interface) (topology.Port, bool) {
	w.beginHop(w.ns.Name, w.ns.Kind, w.ns, dev.Name)
	w.in = dev
	w.ref, w.conn, w.p.CTMark = netfilter.Ref{}, packet.Conn{}, 0
	w.snapshot()
	ok := false
	if dev.Kind == topology.VXLAN {
		ok = w.encapVXLAN(dev)
	} else {
		ok = w.encapIPIP(dev)
	}
	w.skb.leave()
	if !ok || w.hook(netfilter.LocalOut, nil, w.route.dev) == stop {
		w.endHop("")
		return topology.Port{}, false
	}
	return w.output()
}

// encapVXLAN is vxlan_xmit (drivers/net/vxlan/vxlan_core.c): the FDB gives the far end for the frame's MAC, a route leads
// there, by the mark of the inner packet, and the headers are Ethernet in VXLAN in UDP.
func (w *walker) encapVXLAN(dev *topology.Interface) bool {
	t := dev.Tunnel
	far, link, ok := w.farEnd(dev)
	if !ok {
		return false
	}
	if w.p.Encap != packet.NoEncap {
		w.more(w.unknown(NotModelled)).Text[0] = "VXLAN in " + w.p.Encap.String()
		return false
	}
	inner := w.p.Frame
	w.p.Inner, w.p.Encap, w.p.VNI = inner, packet.EncapVXLAN, t.VNI
	carried := int(inner.IP.Len) + ethernetHeader + vxlanHeader
	o := packet.IPv4{Src: t.Local, Dst: far, Len: uint16(ipHeader + udpHeader + carried), ID: inner.IP.ID, TTL: t.TTL, TOS: encapECN(inner.IP.TOS),
		Protocol: packet.UDP}
	if o.TTL == 0 {
		o.TTL = 64
	}
	switch t.DF {
	case "set":
		o.DF = true
	case "inherit":
		o.DF = inner.IP.DF
	}
	w.p.Frame = packet.Frame{IP: o, L4: packet.Transport{SrcPort: w.flowPort(), DstPort: t.Port, Payload: uint16(carried)}}
	w.assume(AssumeFlowPort, "namespace", w.ns.Name, "port", itoa(int(w.p.L4.SrcPort)))
	return w.routeOuter(dev, VXLANEncap, link, w.p.Mark)
}

// farEnd is the address that a vxlan device sends a frame to: by the FDB entry of its MAC, else the one for MACs that are
// not known, else the device's own remote; and the device that it has to leave by, which only the last has, or an entry that
// names one (remote_ifindex in vxlan_xmit_one; checked on Linux 6.18).
func (w *walker) farEnd(dev *topology.Interface) (far netip.Addr, link string, ok bool) {
	mac := w.p.Eth.Dst.String()
	var flood *topology.FDBEntry
	for i := range w.ns.FDB {
		e := &w.ns.FDB[i]
		if e.Dev != dev.Name || !e.Dst.IsValid() {
			continue
		}
		if e.MAC == mac {
			w.fdb(dev, e, VXLANFDB)
			return e.Dst, e.Via, true
		}
		if flood == nil && e.MAC == "00:00:00:00:00:00" {
			flood = e
		}
	}
	switch {
	case flood != nil:
		w.fdb(dev, flood, VXLANFlood)
		return flood.Dst, flood.Via, true
	case dev.Tunnel.Remote.IsValid():
		s := w.step(StageEncap, VerdictOK, VXLANRemote)
		s.Interface = dev
		w.more(s).Addr = dev.Tunnel.Remote
		return dev.Tunnel.Remote, dev.Tunnel.Dev, true
	}
	s := w.drop(VXLANNoFDB, "NO_TX_TARGET")
	s.Interface = dev
	w.more(s).Text[0] = mac
	w.more(s).Would, w.more(s).WouldT[0], w.more(s).WouldT[1] = WouldFDB, mac, dev.Name
	return netip.Addr{}, "", false
}

func (w *walker) fdb(dev *topology.Interface, e *topology.FDBEntry, code Code) {
	s := w.step(StageEncap, VerdictOK, code)
	s.Interface, s.FDB = dev, e
}

// encapIPIP is ip_tunnel_xmit (net/ipv4/ip_tunnel.c): the far end is the device's, else the route's gateway, and TTL, DF and
// the ECN bits are the inner packet's. The route there is looked up without the packet's mark.
func (w *walker) encapIPIP(dev *topology.Interface) bool {
	t := dev.Tunnel
	far := t.Remote
	if !far.IsValid() {
		if far = w.route.gateway; !far.IsValid() {
			far = w.p.IP.Dst
		}
	}
	if w.p.Encap != packet.NoEncap {
		w.more(w.unknown(NotModelled)).Text[0] = "IP-IP in " + w.p.Encap.String()
		return false
	}
	inner := w.p.Frame
	inner.Eth = packet.Ethernet{}
	w.p.Inner, w.p.Encap = inner, packet.EncapIPIP
	o := packet.IPv4{Src: t.Local, Dst: far, Len: inner.IP.Len + ipHeader, ID: inner.IP.ID, TTL: t.TTL, TOS: encapECN(inner.IP.TOS), Protocol: packet.IPIP,
		DF: inner.IP.DF || t.DF == "set"}
	if o.TTL == 0 {
		o.TTL = inner.IP.TTL
	}
	w.p.Frame = packet.Frame{IP: o, L4: packet.Transport{Payload: inner.IP.Len}}
	return w.routeOuter(dev, IPIPEncap, t.Dev, 0)
}

// routeOuter finds the way of the outer packet, by a device of its own where link names one, and its source address, records the encapsulation, and looks whether the
// whole fits: an inner packet that must not be cut is answered with its path MTU (tnl_update_pmtu). A vxlan device does not
// look, for its outer packets may be cut.
func (w *walker) routeOuter(dev *topology.Interface, code Code, link string, mark uint32) bool {
	before := w.route
	f := w.lookup("lo")
	f.Mark, f.OIF = mark, link
	r := w.lookupOutput(f, false)
	s := w.step(StageEncap, VerdictOK, code)
	s.Interface = dev
	w.found(StageSend, &r)
	// Without a way out, or with one into itself, vxlan names the reason (vxlan_xmit_one), ipip none (ip_tunnel_xmit).
	reason := "IP_OUTNOROUTES"
	if dev.Kind != topology.VXLAN {
		reason = "NOT_SPECIFIED"
	}
	if c, _, bad := unroutable(&r); bad {
		w.noRoute(c, &r, reason)
		return false
	}
	if w.take(&r, true) == stop {
		return false
	}
	if w.route.dev == dev {
		d := w.drop(TunnelLoop, reason)
		d.Interface = dev
		w.more(d).Addr = w.p.IP.Dst
		return false
	}
	if inner := &w.p.Inner; dev.Kind == topology.IPIP && inner.IP.DF && int(w.p.IP.Len) > w.route.mtu {
		mtu := w.route.mtu - ipHeader
		w.p.Frame, w.p.Inner, w.p.Encap = *inner, packet.Frame{}, packet.NoEncap
		w.route = before
		d := w.drop(TooBig, "PKT_TOO_BIG")
		w.more(d).Number, w.more(d).Text[0] = [3]int{int(w.p.IP.Len), mtu}, dev.Name
		w.more(d).Would, w.more(d).WouldT[0] = WouldClearDF, itoa(mtu)
		w.owe(icmpError{typ: packet.ICMPUnreachable, code: 4, mtu: uint16(mtu)})
		return false
	}
	return true
}

// encapECN gives the outer header the inner one's ECN bits; a mark of congestion is not copied (INET_ECN_encapsulate; RFC
// 6040). The rest of the outer TOS is 0, as the devices are made.
func encapECN(tos uint8) uint8 {
	const ce, ect0 = 3, 2
	if e := tos & ce; e != ce {
		return e
	}
	return ect0
}

// decapsulate hands a packet for this host to the tunnel that it belongs to, which takes the outer headers off and puts the
// inner packet into the stack again, as having come in by the tunnel's device (vxlan_rcv, ip_tunnel_rcv). The mark that the
// outer packet has got stays (skb_scrub_packet within one namespace).
func (w *walker) decapsulate() (topology.Port, bool) {
	dev, code := w.tunnelFor()
	if dev == nil {
		w.noTunnel(code)
		w.endHop("")
		return topology.Port{}, false
	}
	w.endHop(dev.Name)
	w.beginHop(w.ns.Name, w.ns.Kind, w.ns, dev.Name)
	w.in, w.route = dev, routed{}
	w.ref, w.conn, w.p.CTMark = netfilter.Ref{}, packet.Conn{}, 0
	w.snapshot()
	far := w.p.IP.Src
	w.p.Frame, w.p.Inner, w.p.Encap, w.p.VNI = w.p.Inner, packet.Frame{}, packet.NoEncap, 0
	w.skb.leave()
	s := w.step(StageDecap, VerdictOK, code)
	s.Interface = dev
	w.more(s).Addr = far
	return w.receive(dev)
}

// tunnelFor finds the device that an encapsulated packet belongs to: of vxlan by port and VNI, of ipip by the ends of the
// outer header, the most specific first (ip_tunnel_lookup). nil with the code of what is missing where there is none.
func (w *walker) tunnelFor() (*topology.Interface, Code) {
	if w.p.Encap == packet.EncapVXLAN {
		missing := NoVXLANPort
		for _, i := range w.ns.Interfaces {
			if i.Kind != topology.VXLAN || i.Tunnel == nil || !i.Up || i.Tunnel.Port != w.p.L4.DstPort {
				continue
			}
			if i.Tunnel.VNI == w.p.VNI {
				return i, VXLANDecap
			}
			missing = NoVNI
		}
		return nil, missing
	}
	var best *topology.Interface
	rank := -1
	for _, i := range w.ns.Interfaces {
		t := i.Tunnel
		if i.Kind != topology.IPIP || t == nil || !i.Up || t.Remote.IsValid() && t.Remote != w.p.IP.Src || t.Local.IsValid() && t.Local != w.p.IP.Dst {
			continue
		}
		n := 0
		if t.Remote.IsValid() {
			n += 2
		}
		if t.Local.IsValid() {
			n++
		}
		if n > rank {
			best, rank = i, n
		}
	}
	if best == nil {
		return nil, NoIPIP
	}
	return best, IPIPDecap
}

// noTunnel ends an encapsulated packet that no device of the host takes.
func (w *walker) noTunnel(code Code) {
	if code == NoVNI {
		s := w.drop(code, "VXLAN_VNI_NOT_FOUND")
		w.more(s).Number[0] = int(w.p.VNI)
		return
	}
	s := w.step(StageReject, VerdictReject, code)
	w.more(s).Text[2] = "NO_SOCKET"
	icmp := uint8(3)
	if code == NoIPIP {
		w.more(s).Text[2], icmp = "IP_NOPROTO", 2
	}
	w.leg().Outcome = Rejected
	w.owe(icmpError{typ: packet.ICMPUnreachable, code: icmp})
}
