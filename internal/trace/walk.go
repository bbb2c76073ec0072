package trace

import (
	"fmt"
	"net/netip"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/nftables"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// maxCrossings ends a packet's way: more visits than any TTL allows, for what loops on layer 2.
const maxCrossings = 512

// walker is the state of a walk: where the packet is, what it looks like, and what it has left behind.
type walker struct {
	t   *Trace
	top *topology.Topology

	ns  *topology.Namespace
	ct  *netfilter.Conntrack
	p   packet.Packet
	ref netfilter.Ref
	skb skbHash
	cur int32 // index of p as last recorded
	in  *topology.Interface

	// The route of the packet in this namespace, once it has one (skb_dst).
	route routed

	fabric   fabricState
	mappings []mapping
	learned  []learned
	pending  []icmpError // errors to be sent once the leg that caused them has ended

	extras          []Extra
	conntracks      []*netfilter.Conntrack // made so far; the first `tracked` are in use
	tracked         int
	hookIn, hookOut *topology.Interface

	drawn    drawing  // for one run through a hook's chains
	recalled recalled // likewise
	// recalledNFT is likewise for a chain of nft's.
	recalledNFT recalledNFT

	ipt    iptables.Evaluator
	nft    nftables.Evaluator
	input  iptables.Input
	ninput nftables.Input
	conn   packet.Conn
	base   *netfilter.BaseChain
	first  bool

	seen    bool // a bridge has shown the packet to PREROUTING
	copying bool // the walk follows a copy: its end is not the packet's

	// anySource says that the packet which is sent may come from an address that is not the host's (FLOWI_FLAG_ANYSRC): the query
	// binds its socket to what it likes, and a rule rejects in the name of whoever the packet was for (ip_route_me_harder).
	anySource bool
	connects  bool // whoever sends it has a socket that connects

	delivered bool
	err       error
}

// routed is a route as the packet carries it: where to, by which device, through which next hop.
type routed struct {
	local   bool
	dev     *topology.Interface
	gateway netip.Addr // invalid: on the link
	mtu     int
	fromOut bool // made by the output path
}

// set says whether there is one.
func (r *routed) set() bool { return r.local || r.dev != nil }

// icmpError is an ICMP error that a namespace owes a sender.
type icmpError struct {
	ns     *topology.Namespace
	about  packet.Packet
	local  bool // the packet was for this host, so its destination answers
	typ    uint8
	code   uint8
	mtu    uint16
	reset  bool // a TCP RST instead (REJECT --reject-with tcp-reset, or a closed port)
	socket bool // sent by the socket layer, which knows nothing of the packet's connection
	ref    netfilter.Ref
}

// outcome of a piece of the walk.
type verdict uint8

const (
	goOn verdict = iota
	stop
)

func (w *walker) enter(ns *topology.Namespace) {
	if w.ns == ns {
		return
	}
	w.ns = ns
	w.ct = nil
	for i := range w.t.tables {
		if w.t.tables[i].ns == ns {
			w.ct = w.t.tables[i].ct
			return
		}
	}
	if w.tracked == len(w.conntracks) {
		w.conntracks = append(w.conntracks, &netfilter.Conntrack{})
	}
	w.ct = w.conntracks[w.tracked]
	w.ct.Reset()
	w.tracked++
	w.t.tables = append(w.t.tables, nsConntrack{ns, w.ct})
}

// snapshot records the packet as it is now if it differs from the last one recorded, and gives its index.
func (w *walker) snapshot() int32 {
	if w.t.Packets[w.cur] != w.p {
		w.t.Packets = append(w.t.Packets, w.p)
		w.cur = int32(len(w.t.Packets) - 1)
	}
	return w.cur
}

// step records one decision and gives a place to fill in what it refers to. The pointer is valid until the next step.
func (w *walker) step(stage Stage, v Verdict, code Code) *Step {
	before := w.cur
	n := len(w.t.steps)
	if n < cap(w.t.steps) {
		w.t.steps = w.t.steps[:n+1] // written in place: a step is too large to build beside and copy
		w.t.steps[n] = Step{}
	} else {
		w.t.steps = append(w.t.steps, Step{})
	}
	s := &w.t.steps[n]
	s.Stage, s.Verdict, s.Code = stage, v, code
	s.Before, s.Packet = before, w.snapshot()
	s.Reply, s.State = w.ref.Reply, w.ref.State
	return s
}

// more gives a step's Extra to write to. Extras come from a block, so that the few that a walk needs are one allocation.
func (w *walker) more(s *Step) *Extra {
	if s.extra == nil {
		if len(w.extras) == cap(w.extras) {
			w.extras = make([]Extra, 0, 16)
		}
		n := len(w.extras)
		w.extras = w.extras[:n+1]
		w.extras[n] = Extra{}
		s.extra = &w.extras[n]
	}
	return s.extra
}

// scrub takes away what the packet had beside its headers in the namespace that it leaves. That is no decision of where
// it arrives, so no step shows it.
func (w *walker) scrub() {
	w.p.Mark, w.p.CTMark, w.ref, w.conn = 0, 0, netfilter.Ref{}, packet.Conn{}
	w.snapshot()
}

func (w *walker) lastStep() *Step { return &w.t.steps[len(w.t.steps)-1] }

// beginHop opens a visit to a namespace or fabric device.
func (w *walker) beginHop(name string, kind topology.Kind, ns *topology.Namespace, in string) {
	visit := 1
	leg := &w.t.Legs[len(w.t.Legs)-1]
	for _, h := range w.t.hops[leg.firstH:] {
		if h.Name == name {
			visit++
		}
	}
	n := int32(len(w.t.steps))
	w.t.hops = append(w.t.hops, Hop{Name: name, Kind: kind, NS: ns, Visit: visit, In: in, first: n, last: n})
}

func (w *walker) endHop(out string) {
	h := &w.t.hops[len(w.t.hops)-1]
	h.Out, h.last = out, int32(len(w.t.steps))
}

// drop ends the packet with the kernel's name for why (skb_drop_reason), and what would have to change.
func (w *walker) drop(code Code, reason string) *Step {
	s := w.step(StageDrop, VerdictDrop, code)
	w.more(s).Text[2] = reason
	s.Interface = w.in
	if !w.copying {
		w.leg().Outcome = Dropped
	}
	return s
}

// unknown ends the packet where the model does not know how it goes on.
func (w *walker) unknown(code Code) *Step {
	s := w.step(StageDrop, VerdictUndecided, code)
	s.Interface = w.in
	if !w.copying {
		w.leg().Outcome = Undetermined
	}
	return s
}

func (w *walker) leg() *Leg { return &w.t.Legs[len(w.t.Legs)-1] }

func (w *walker) assume(code Code, args ...string) {
	m := map[string]string{}
	for i := 0; i+1 < len(args); i += 2 {
		m[args[i]] = args[i+1]
	}
	for _, a := range w.t.Assumptions {
		if a.Code == code && fmt.Sprint(a.Args) == fmt.Sprint(m) {
			return
		}
	}
	w.t.Assumptions = append(w.t.Assumptions, Assumption{code, m})
}

// send takes w.p from a socket of ns to its end. It opens the leg and closes it.
// ref is the conntrack entry that the packet has from birth: an ICMP error's is that of the packet it is about.
func (w *walker) send(kind LegKind, label string, ns *topology.Namespace, ref netfilter.Ref) {
	w.t.Legs = append(w.t.Legs, Leg{Kind: kind, Label: label, Outcome: Delivered, firstH: int32(len(w.t.hops))})
	w.p.Mark, w.p.CTMark, w.p.Eth = 0, 0, packet.Ethernet{}
	w.ref, w.conn = ref, packet.Conn{}
	w.skb = skbHash{}
	if ref.Entry != nil {
		w.p.CTMark = ref.Entry.Mark
	}
	w.t.Packets = append(w.t.Packets, w.p)
	w.cur = int32(len(w.t.Packets) - 1)
	w.in = nil
	w.delivered, w.seen, w.copying = false, false, false
	w.enter(ns)
	w.beginHop(ns.Name, ns.Kind, ns, "")
	next, ok := w.localOut()
	for n := 0; ok; n++ {
		if n > maxCrossings {
			w.more(w.unknown(LoopDetected)).Number[0] = maxCrossings
			w.endHop("")
			break
		}
		next, ok = w.arrive(next)
	}
	l := w.leg()
	l.lastH = int32(len(w.t.hops))
	l.end = int32(len(w.t.steps) - 1)
}

// localOut is the way from a socket down to a device: the route, OUTPUT, POSTROUTING (ip_queue_xmit, ip_local_out).
func (w *walker) localOut() (topology.Port, bool) {
	v := w.routeOutput()
	if v == stop {
		w.endHop("")
		return topology.Port{}, false
	}
	if w.p.IP.Protocol != packet.ICMP {
		w.flowHash() // of TCP and UDP it is their sockets' own (skb_set_hash_from_sk), so each side's is another
	}
	if int(w.p.IP.Len) > w.route.mtu {
		// A socket sets DF only on what fits its own device; what does not, it lets be cut (IP_PMTUDISC_WANT, the default;
		// __ip_make_skb).
		w.p.IP.DF = false
		w.t.Packets[w.cur].IP.DF = false
	}
	if w.hook(netfilter.LocalOut, nil, w.route.dev) == stop {
		w.endHop("")
		return topology.Port{}, false
	}
	return w.output()
}

// output is ip_output: POSTROUTING, then the neighbour and the device.
func (w *walker) output() (topology.Port, bool) {
	dev := w.route.dev
	if w.hook(netfilter.PostRouting, w.in, dev) == stop {
		w.endHop("")
		return topology.Port{}, false
	}
	if int(w.p.IP.Len) > w.route.mtu && !w.p.IP.DF {
		s := w.step(StageForward, VerdictOK, Fragmented)
		n := (int(w.p.IP.Len) - 20 + (w.route.mtu-20)&^7 - 1) / ((w.route.mtu - 20) &^ 7)
		w.more(s).Number = [3]int{int(w.p.IP.Len), w.route.mtu, n}
		w.more(s).Text[0] = dev.Name
		w.assume(AssumeWhole, "namespace", w.ns.Name)
	}
	if dev.Kind == topology.Loopback {
		return w.loopback(dev)
	}
	if w.resolve(dev) == stop {
		w.endHop("")
		return topology.Port{}, false
	}
	return w.transmit(dev)
}

// loopback sends the packet to the namespace itself. The device keeps skb, mark and conntrack entry (loopback_xmit).
func (w *walker) loopback(dev *topology.Interface) (topology.Port, bool) {
	w.p.Eth = packet.Ethernet{}
	s := w.step(StageTransmit, VerdictOK, Transmitted)
	s.Interface = dev
	s.Target = w.ns.Name
	w.endHop(dev.Name)
	return topology.Port{Namespace: w.ns.Name, Interface: dev.Name}, true
}

// transmit puts the frame on a device and says where it comes out.
func (w *walker) transmit(dev *topology.Interface) (topology.Port, bool) {
	if !dev.Up {
		s := w.drop(LinkDown, "DEV_READY")
		s.Interface = dev
		w.endHop("")
		return topology.Port{}, false
	}
	s := w.step(StageTransmit, VerdictOK, Transmitted)
	s.Interface = dev
	switch {
	case dev.Kind == topology.Bridge:
		port := w.bridgePort(dev, nil)
		if port == nil {
			w.endHop("")
			return topology.Port{}, false
		}
		return w.transmit(port)
	case dev.Tunnel != nil:
		s.Target = w.ns.Name
		w.endHop(dev.Name)
		return w.encapsulate(dev)
	case dev.Kind == topology.VLAN && dev.ENI != nil:
		// The frame leaves by the trunk with a tag; the fabric takes it as the branch card's.
		s.Target = dev.ENI.ID
		if parent := w.ns.Interface(dev.Parent); parent != nil {
			p := w.step(StageTransmit, VerdictOK, Transmitted)
			p.Interface = parent
			p.Target = w.top.Fabric.Name
		}
		w.endHop(dev.Name)
		return w.fabricFrom(dev.ENI)
	case dev.ENI != nil && w.top.Fabric != nil:
		s.Target = w.top.Fabric.Name
		w.endHop(dev.Name)
		return w.fabricFrom(dev.ENI)
	case w.top.Fabric != nil && w.top.Fabric.IsOutside(topology.Port{Namespace: w.ns.Name, Interface: dev.Name}):
		s.Target = w.top.Fabric.Name
		w.endHop(dev.Name)
		return w.fabricInbound()
	case dev.Peer.Namespace != "":
		s.Target = dev.Peer.Namespace
		w.endHop(dev.Name)
		return dev.Peer, true
	}
	switch dev.Kind {
	case topology.VXLAN, topology.IPIP:
		s := w.unknown(TunnelUnread)
		s.Interface = dev
		w.more(s).Text[0], w.more(s).Text[1] = dev.Name, string(dev.Kind)
	default:
		s := w.unknown(PeerUnknown)
		s.Interface = dev
		w.more(s).Text[0] = dev.Name
	}
	w.endHop(dev.Name)
	return topology.Port{}, false
}

// arrive is a frame coming in by a port: layer 2, then IP.
func (w *walker) arrive(at topology.Port) (topology.Port, bool) {
	ns, err := w.top.Namespace(at.Namespace)
	if err != nil {
		w.err = err
		w.more(w.unknown(PeerUnknown)).Text[0] = at.Interface
		return topology.Port{}, false
	}
	dev := ns.Interface(at.Interface)
	if dev == nil {
		w.err = fmt.Errorf("namespace %q has no interface %q, though a link ends there", at.Namespace, at.Interface)
		w.more(w.unknown(PeerUnknown)).Text[0] = at.Interface
		return topology.Port{}, false
	}
	lo := dev.Kind == topology.Loopback
	if !lo {
		// A frame that comes to another namespace brings no mark and no conntrack entry (skb_scrub_packet).
		w.scrub()
	} else if w.ref.State == packet.CTInvalid {
		w.ref = netfilter.Ref{} // what is invalid has no entry to keep (skb->_nfct is 0): conntrack looks at it again
	}
	w.enter(ns)
	w.route = routed{}
	w.in = dev
	w.beginHop(ns.Name, ns.Kind, ns, dev.Name)
	return w.receive(dev)
}

// receive is a frame on a device of the namespace that the walk is in: a bridge takes what comes by its ports, the rest is
// IP's (__netif_receive_skb_core).
func (w *walker) receive(dev *topology.Interface) (topology.Port, bool) {
	if dev.Master != "" {
		return w.bridged(dev)
	}
	return w.ours(dev)
}

// ours is the check that a frame is for the device that it came in by, and what IP does with it.
func (w *walker) ours(dev *topology.Interface) (topology.Port, bool) {
	lo := dev.Kind == topology.Loopback
	if !lo && w.p.Eth.Dst != dev.MAC && !dev.MAC.IsZero() && w.p.Eth.Dst != packet.Broadcast {
		s := w.step(StageReceive, VerdictDrop, FrameNotForUs)
		s.Interface = dev
		d := w.drop(FrameNotForUs, "OTHERHOST")
		d.Interface = dev
		w.endHop("")
		return topology.Port{}, false
	}
	code := FrameForUs
	if dev.MAC.IsZero() {
		code = FrameRaw
	}
	s := w.step(StageReceive, VerdictOK, code)
	s.Interface = dev
	return w.ipInput(dev)
}

// ipInput is ip_rcv and what follows: PREROUTING, the route, then the host itself or another device.
func (w *walker) ipInput(dev *topology.Interface) (topology.Port, bool) {
	done := func() (topology.Port, bool) {
		w.endHop("")
		return topology.Port{}, false
	}
	// What a bridge showed to iptables has passed PREROUTING (ip_sabotage_in), and has a route if its destination was
	// rewritten there.
	if !w.seen && w.hook(netfilter.PreRouting, dev, nil) == stop {
		return done()
	}
	w.seen = false
	if !w.route.set() && w.routeInput(dev) == stop {
		return done()
	}
	if w.route.local {
		if w.hook(netfilter.LocalIn, dev, nil) == stop {
			return done()
		}
		if w.p.Encap != packet.NoEncap {
			return w.decapsulate()
		}
		w.deliver()
		return done()
	}
	if w.forward(dev) == stop {
		return done()
	}
	if w.hook(netfilter.Forward, dev, w.route.dev) == stop {
		return done()
	}
	return w.output()
}

// forward is ip_forward: the TTL is looked at first, then the size, then the TTL goes down, all before FORWARD.
func (w *walker) forward(in *topology.Interface) verdict {
	if w.p.IP.TTL <= 1 {
		s := w.drop(TTLExceeded, "IP_INHDR")
		w.more(s).Number[0] = int(w.p.IP.TTL)
		w.more(s).Would = WouldRaiseTTL
		w.owe(icmpError{typ: packet.ICMPTimeExceeded})
		return stop
	}
	if w.p.IP.DF && int(w.p.IP.Len) > w.route.mtu {
		s := w.drop(TooBig, "PKT_TOO_BIG")
		w.more(s).Number = [3]int{int(w.p.IP.Len), w.route.mtu}
		w.more(s).Text[0] = w.route.dev.Name
		w.more(s).Would, w.more(s).WouldT[0] = WouldClearDF, fmt.Sprint(w.route.mtu)
		w.owe(icmpError{typ: packet.ICMPUnreachable, code: 4, mtu: uint16(w.route.mtu)})
		return stop
	}
	w.p.IP.TTL--
	s := w.step(StageForward, VerdictOK, TTLDecremented)
	s.Interface = w.route.dev
	return goOn
}

// deliver hands the packet to a socket.
func (w *walker) deliver() {
	s := w.step(StageDeliver, VerdictDelivered, DeliveredHere)
	s.Interface = w.in
	w.delivered = true
}

// owe notes an ICMP error about the packet as it is now. ICMP errors about ICMP errors, or about later fragments, are
// never sent (RFC 1122, section 3.2.2).
func (w *walker) owe(e icmpError) {
	if w.copying || w.p.IP.Protocol == packet.ICMP && packet.IsICMPError(w.p.L4.ICMPType) || w.p.IP.Offset != 0 || w.p.IP.Dst.IsMulticast() {
		return
	}
	e.ns, e.about, e.local, e.ref = w.ns, w.p, w.route.local, w.ref
	w.pending = append(w.pending, e)
}
