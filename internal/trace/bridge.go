package trace

import (
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// bridged is br_handle_frame: a frame that came in by a port goes to another port, or up to the bridge's own device.
// Where br_netfilter is on, it passes iptables' hooks on the way, as if it were routed from the bridge to the bridge.
func (w *walker) bridged(dev *topology.Interface) (topology.Port, bool) {
	done := func() (topology.Port, bool) {
		w.endHop("")
		return topology.Port{}, false
	}
	s := w.step(StageReceive, VerdictOK, FrameOnPort)
	s.Interface = dev
	w.more(s).Text[0] = dev.Master
	br := w.ns.Interface(dev.Master)
	if br == nil {
		w.more(w.unknown(PeerUnknown)).Text[0] = dev.Master
		return done()
	}
	calls := w.callsIPTables(br)
	forHost := w.p.Eth.Dst == br.MAC
	if calls && w.bridgePreRouting(br) == stop {
		return done()
	}
	if w.p.Eth.Dst != br.MAC {
		port := w.bridgePort(br, dev)
		if port == nil {
			return done()
		}
		if port != br {
			return w.bridgeForward(br, port, calls, forHost)
		}
	}
	w.in = br
	b := w.step(StageBridge, VerdictLocal, BridgeUp)
	b.Interface = br
	return w.ours(br)
}

// callsIPTables says whether a bridge shows its frames to iptables: by the sysctl, or by the bridge's own switch
// (br_nf_pre_routing in net/bridge/br_netfilter_hooks.c).
func (w *walker) callsIPTables(br *topology.Interface) bool {
	return br.CallIPTables || w.ns.Sysctl["net.bridge.bridge-nf-call-iptables"] == "1"
}

// bridgePreRouting is br_nf_pre_routing: PREROUTING sees the packet as coming in by the bridge. Where that rewrites the
// destination, the route says whether the frame stays on the bridge, then with the MAC of its new destination, or goes up
// to be routed (br_nf_pre_routing_finish).
func (w *walker) bridgePreRouting(br *topology.Interface) verdict {
	dst := w.p.IP.Dst
	if w.hook(netfilter.PreRouting, br, nil) == stop {
		return stop
	}
	w.seen = true
	if dst == w.p.IP.Dst {
		return goOn
	}
	if w.routeInput(br) == stop {
		return stop
	}
	if w.route.local || w.route.dev != br {
		w.p.Eth.Dst = br.MAC
		return goOn
	}
	src := w.p.Eth.Src
	if w.resolve(br) == stop {
		return stop
	}
	w.p.Eth.Src = src        // the frame's sender stays (br_nf_pre_routing_finish_bridge)
	w.t.Packets[w.cur] = w.p // in place of the last record, which the last step made and nothing else has seen
	return goOn
}

// bridgeForward is a frame from port to port (br_forward). iptables sees it in FORWARD and POSTROUTING with the bridge at
// both ends, and no TTL is taken.
func (w *walker) bridgeForward(br, port *topology.Interface, calls, forHost bool) (topology.Port, bool) {
	route := w.route
	w.seen = false
	if calls {
		if w.hook(netfilter.Forward, br, br) == stop || w.hook(netfilter.PostRouting, nil, br) == stop {
			w.endHop("")
			return topology.Port{}, false
		}
	}
	if !br.Promisc || !forHost || route.dev == nil {
		return w.transmit(port)
	}
	// A promiscuous bridge hands a copy of what it forwards up to its own device. The frame was for the bridge when it
	// came, so IP takes the copy for its own and would route it a second time.
	out := w.transmitted(port)
	if out == nil {
		return w.transmit(port)
	}
	w.copyUp(br, route)
	w.endHop(port.Name)
	return *out, true
}

// transmitted records a frame's leaving by a port whose far end is another namespace; nil where it is anything else.
func (w *walker) transmitted(port *topology.Interface) *topology.Port {
	if !port.Up || port.Peer.Namespace == "" || port.Tunnel != nil || port.ENI != nil {
		return nil
	}
	s := w.step(StageTransmit, VerdictOK, Transmitted)
	s.Interface, s.Target = port, port.Peer.Namespace
	return &port.Peer
}

// copyUp follows the copy of a frame that a promiscuous bridge forwards: it has lost its conntrack entry (br_nf_local_in),
// so what asks for a connection calls it invalid.
func (w *walker) copyUp(br *topology.Interface, route routed) {
	p, ref, conn, cur, in := w.p, w.ref, w.conn, w.cur, w.in
	w.copying, w.in, w.route = true, br, route
	w.ref, w.conn, w.p.CTMark = netfilter.Ref{}, packet.Conn{}, 0
	w.snapshot()
	s := w.step(StageBridge, VerdictLocal, BridgeCopy) // its route it has from PREROUTING
	s.Interface = br
	if w.forward(br) == goOn && w.hook(netfilter.Forward, br, w.route.dev) == goOn {
		c := w.step(StageBridge, VerdictOK, BridgeCopyPasses)
		c.Interface = br
	}
	w.copying = false
	w.p, w.ref, w.conn, w.in, w.route = p, ref, conn, in, routed{}
	w.cur = cur
}

// bridgePort finds where a bridge sends the packet's frame: a port, the bridge itself, or nil with the drop recorded.
// from is the port it came in by; nil for frames that the bridge's own host sends.
func (w *walker) bridgePort(br, from *topology.Interface) *topology.Interface {
	dst := w.p.Eth.Dst
	if dst == br.MAC {
		return br
	}
	text := dst.String()
	for i := range w.ns.FDB {
		e := &w.ns.FDB[i]
		if e.MAC != text || e.Master != br.Name && e.Dev != br.Name {
			continue
		}
		if e.Dev == br.Name {
			return br
		}
		port := w.ns.Interface(e.Dev)
		if port == nil || port.Master != br.Name {
			continue
		}
		if e.State == "permanent" {
			return br // the port's own address: for this host
		}
		if port == from {
			break
		}
		s := w.step(StageBridge, VerdictForward, BridgePort)
		s.Interface = port
		w.more(s).Text[0] = text
		return port
	}
	// Not in the dump's FDB: the frame would be flooded, and one port's far end takes it.
	for _, port := range w.ns.Interfaces {
		if port.Master != br.Name || port == from {
			continue
		}
		hit := false
		w.behind(port, func(i *topology.Interface) { hit = hit || i.MAC == dst })
		if hit {
			s := w.step(StageBridge, VerdictForward, BridgeLearned)
			s.Interface = port
			w.more(s).Text[0] = text
			return port
		}
	}
	w.more(w.drop(BridgeFlood, "NO_TX_TARGET")).Text[0] = text
	return nil
}

// behind visits the interfaces at the far side of a port.
func (w *walker) behind(port *topology.Interface, visit func(*topology.Interface)) {
	far, err := w.top.Namespace(port.Peer.Namespace)
	if err != nil {
		return
	}
	p := far.Interface(port.Peer.Interface)
	if p == nil {
		return
	}
	visit(p)
	if p.Master == "" {
		return
	}
	if br := far.Interface(p.Master); br != nil {
		visit(br)
	}
	for _, o := range far.Interfaces {
		if o.Master == p.Master && o != p {
			w.behindOf(far, o, visit)
		}
	}
}

func (w *walker) behindOf(ns *topology.Namespace, port *topology.Interface, visit func(*topology.Interface)) {
	if far, err := w.top.Namespace(port.Peer.Namespace); err == nil && far != ns {
		if p := far.Interface(port.Peer.Interface); p != nil && p.Master == "" {
			visit(p)
		}
	}
}
