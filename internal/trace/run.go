package trace

import (
	"fmt"
	"net/netip"

	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// Sizes of headers in bytes. A Linux SYN carries 20 bytes of TCP options, every later segment 12 (timestamps).
const (
	ipHeader       = 20
	udpHeader      = 8
	icmpHeader     = 8
	tcpSYNHeader   = 40
	tcpHeader      = 32
	tcpRSTHeader   = 20
	icmpErrorLimit = 576 // an ICMP error quotes as much as fits into this (icmp_send; RFC 1812, section 4.3.2.3)
)

// Run walks a query through a topology. The error is about the query or the topology; what happens to the packet is
// the trace's outcome.
func Run(top *topology.Topology, q Query) (*Trace, error) {
	var r Runner
	return r.Run(top, q)
}

// Runner walks many queries one after another in the same memory: for a server that renders each trace at once, and for
// whoever traces thousands. It is for one goroutine at a time. The zero value is ready.
type Runner struct {
	w walker
	t Trace
	q Query
}

// Run is [Run], but the trace is the runner's: it holds until the next call.
func (r *Runner) Run(top *topology.Topology, q Query) (*Trace, error) {
	if err := q.fill(); err != nil {
		return nil, err
	}
	ns, err := top.Namespace(q.From)
	if err != nil {
		return nil, err
	}
	t, w := &r.t, &r.w
	r.q = q
	t.reset()
	t.Query, t.Topology, t.Outcome = &r.q, top, Delivered
	for _, a := range top.Assumptions {
		t.Assumptions = append(t.Assumptions, Assumption{Code(a.Code), a.Args})
	}
	w.reset(t, top)
	t.Choices = append(t.Choices, q.Drawn...)
	w.converse(ns)
	w.unmet()
	for i := range t.Legs {
		if t.Legs[i].Outcome != Delivered {
			t.Outcome = t.Legs[i].Outcome
			break
		}
	}
	return t, w.err
}

// reset empties a trace and keeps its memory. The sizes are those of a round trip across two nodes.
func (t *Trace) reset() {
	if t.steps == nil {
		t.steps = make([]Step, 0, 96)
		t.Packets = make([]packet.Packet, 0, 24)
		t.hops = make([]Hop, 0, 16)
		t.Legs = make([]Leg, 0, 2)
		t.misses = make([]Miss, 0, 32)
	}
	t.steps, t.Packets, t.hops, t.Legs, t.misses = t.steps[:0], t.Packets[:0], t.hops[:0], t.Legs[:0], t.misses[:0]
	t.Assumptions, t.Choices, t.tables = t.Assumptions[:0], t.Choices[:0], t.tables[:0]
}

// reset forgets a walk and keeps its memory.
func (w *walker) reset(t *Trace, top *topology.Topology) {
	w.t, w.top, w.ns, w.ct, w.in, w.err = t, top, nil, nil, nil, nil
	w.extras, w.pending, w.tracked = w.extras[:0], w.pending[:0], 0
	w.fabric.groups, w.fabric.nat, w.fabric.balanced = w.fabric.groups[:0], w.fabric.nat[:0], w.fabric.balanced[:0]
	w.mappings, w.learned = w.mappings[:0], w.learned[:0]
}

func (q *Query) fill() error {
	if !q.To.Is4() {
		return fmt.Errorf("destination %v: want an IPv4 address", q.To)
	}
	if q.Source.IsValid() && !q.Source.Is4() {
		return fmt.Errorf("source %v: want an IPv4 address", q.Source)
	}
	switch q.Protocol {
	case packet.TCP, packet.UDP, packet.ICMP:
	default:
		return fmt.Errorf("protocol %v: want tcp, udp or icmp", q.Protocol)
	}
	if q.TTL == 0 {
		q.TTL = 64
	}
	if q.SrcPort == 0 {
		q.SrcPort = 40000
	}
	if q.DstPort == 0 && q.Protocol != packet.ICMP {
		return fmt.Errorf("destination port: want 1 to 65535 for %v", q.Protocol)
	}
	if q.Payload < 0 || q.Payload > 65535-ipHeader-tcpSYNHeader {
		return fmt.Errorf("payload of %d bytes: want 0 to %d", q.Payload, 65535-ipHeader-tcpSYNHeader)
	}
	return nil
}

// segment is one packet of a conversation.
type segment struct {
	server  bool // the server sends it
	label   string
	flags   packet.TCPFlags
	payload int
}

// end is one side's socket: where it is and how it sees the connection.
type end struct {
	ns       *topology.Namespace
	src, dst netip.Addr
	sport    uint16
	dport    uint16
	ttl      uint8
	df       bool
}

// converse sends the packets of the query one after another, each when the one before was delivered.
func (w *walker) converse(ns *topology.Namespace) {
	q := w.t.Query
	client := end{ns: ns, src: q.Source, dst: q.To, sport: q.SrcPort, dport: q.DstPort, ttl: q.TTL, df: q.DF}
	var server end
	for i, s := range w.script() {
		me := &client
		if s.server {
			me = &server
		}
		w.p = w.make(me, s)
		kind := Request
		if s.server {
			kind = Reply
		}
		w.anySource, w.connects = !s.server, !s.server
		w.send(kind, s.label, me.ns, netfilter.Ref{})
		if !s.server && !client.src.IsValid() {
			client.src = w.t.Packets[w.firstPacket(w.leg())].IP.Src
		}
		if w.settle(); !w.delivered {
			return
		}
		if i == 0 {
			server = end{ns: w.ns, src: w.p.IP.Dst, dst: w.p.IP.Src, sport: w.p.L4.DstPort, dport: w.p.L4.SrcPort, ttl: 64, df: true}
			if q.Protocol == packet.ICMP {
				server.sport, server.df = w.p.L4.ICMPID, false // an echo reply has the identifier that arrived
			}
			if !w.listens() {
				return
			}
			continue
		}
		if s.server && !w.reaches(&client) {
			return
		}
	}
}

// firstPacket is the index of a leg's packet as it was sent.
func (w *walker) firstPacket(l *Leg) int32 {
	h := w.t.hops[l.firstH]
	return w.t.steps[h.first].Before
}

// script is what the two sides say.
func (w *walker) script() []segment {
	q := w.t.Query
	answer := q.Payload
	switch q.Protocol {
	case packet.UDP:
		return []segment{{false, "UDP", 0, q.Payload}, {true, "UDP", 0, answer}}
	case packet.ICMP:
		return []segment{{false, "ICMP", 0, q.Payload}, {true, "ICMP", 0, q.Payload}}
	}
	syn := []segment{{false, "SYN", packet.SYN, 0}, {true, "SYN-ACK", packet.SYN | packet.ACK, 0}}
	if !q.Exchange {
		return syn
	}
	return append(syn,
		segment{false, "ACK", packet.ACK, 0},
		segment{false, "DATA", packet.ACK | packet.PSH, q.Payload},
		segment{true, "ACK", packet.ACK, 0},
		segment{true, "DATA", packet.ACK | packet.PSH, answer},
		segment{false, "ACK", packet.ACK, 0},
		segment{false, "FIN", packet.ACK | packet.FIN, 0},
		segment{true, "FIN", packet.ACK | packet.FIN, 0},
		segment{false, "ACK", packet.ACK, 0})
}

// make builds a packet as the socket would.
func (w *walker) make(e *end, s segment) packet.Packet {
	q := w.t.Query
	payload := s.payload
	if s.server && payload > 0 && q.Answer != nil && q.Protocol != packet.ICMP {
		payload = q.Answer(e.ns.Name)
	}
	var p packet.Packet
	p.IP = packet.IPv4{Src: e.src, Dst: e.dst, TTL: e.ttl, Protocol: q.Protocol, DF: e.df, ID: uint16(len(w.t.Legs) + 1)}
	p.L4 = packet.Transport{SrcPort: e.sport, DstPort: e.dport, Payload: uint16(payload)}
	size := ipHeader + payload
	switch q.Protocol {
	case packet.TCP:
		p.L4.Flags = s.flags
		p.IP.DF = e.df || s.server
		if s.flags&packet.SYN != 0 {
			size += tcpSYNHeader
		} else {
			size += tcpHeader
		}
	case packet.UDP:
		size += udpHeader
	case packet.ICMP:
		size += icmpHeader
		p.L4.SrcPort, p.L4.DstPort = 0, 0
		p.L4.ICMPType, p.L4.ICMPID, p.L4.ICMPSeq = packet.ICMPEcho, e.sport, 1
		if s.server {
			p.L4.ICMPType = packet.ICMPEchoReply
		}
	}
	p.IP.Len = uint16(size)
	return p
}

// settle sends the ICMP errors and resets that the last leg left owing.
func (w *walker) settle() {
	if len(w.pending) == 0 {
		return
	}
	delivered, p, ns := w.delivered, w.p, w.ns
	for len(w.pending) > 0 {
		e := w.pending[0]
		w.pending = w.pending[1:]
		w.sendError(e)
	}
	w.delivered, w.p = delivered, p
	w.enter(ns)
}

// sendError is icmp_send: an error back to the packet's source, from the address that it was sent to if this host has
// it, else from whatever the route gives.
func (w *walker) sendError(e icmpError) {
	a := &e.about
	var p packet.Packet
	label := "ICMP"
	if e.reset {
		label = "RST"
		p.IP = packet.IPv4{Src: a.IP.Dst, Dst: a.IP.Src, TTL: 64, Protocol: packet.TCP, Len: ipHeader + tcpRSTHeader, DF: true}
		p.L4 = packet.Transport{SrcPort: a.L4.DstPort, DstPort: a.L4.SrcPort, Flags: packet.RST}
		if a.L4.Flags&packet.ACK == 0 { // what acknowledges has said where its sequence is (RFC 9293, section 3.5.2)
			p.L4.Flags |= packet.ACK
		}
	} else {
		quoted := min(int(a.IP.Len), icmpErrorLimit-ipHeader-icmpHeader)
		p.IP = packet.IPv4{Dst: a.IP.Src, TTL: 64, Protocol: packet.ICMP, Len: uint16(ipHeader + icmpHeader + quoted), TOS: a.IP.TOS&0x1e | 0xc0}
		if e.local {
			p.IP.Src = a.IP.Dst
		}
		p.L4 = packet.Transport{ICMPType: e.typ, ICMPCode: e.code, MTU: e.mtu, Payload: uint16(quoted)}
		p.About = packet.Quote{IP: a.IP, L4: a.L4}
	}
	w.p = p
	kind := ICMPError
	ref := netfilter.Ref{}
	if e.reset {
		kind = Reply
	}
	if e.ref.Entry != nil && !e.socket {
		// The error belongs to the connection that it is about, even to one that never got confirmed (nf_ct_attach).
		ref = netfilter.Ref{Entry: e.ref.Entry, State: packet.CTRelated, Reply: !e.ref.Reply}
	}
	w.anySource, w.connects = e.reset && !e.socket, false
	w.send(kind, label, e.ns, ref)
}

// listens looks for the socket. Where it is not known what listens, the port is taken to be open, and the trace says
// so; else a closed port answers as the kernel does.
func (w *walker) listens() bool {
	q := w.t.Query
	if q.Protocol == packet.ICMP {
		return true // the kernel itself answers an echo request
	}
	known, sockets := w.ns.Listeners != nil, w.ns.Listeners
	if q.Listeners != nil {
		known, sockets = true, q.Listeners[w.ns.Name]
	}
	if !known {
		w.assume(AssumeListens, "namespace", w.ns.Name, "port", fmt.Sprint(w.p.L4.DstPort))
		return true
	}
	for _, l := range sockets {
		if l.Protocol == q.Protocol.String() && l.Port == w.p.L4.DstPort && (!l.Address.IsValid() || l.Address == w.p.IP.Dst) {
			return true
		}
	}
	w.refuse()
	return false
}

// refuse answers a packet that no socket takes: a RST for TCP, port unreachable for UDP (tcp_v4_send_reset,
// __udp4_lib_rcv).
func (w *walker) refuse() {
	w.leg().Outcome = Rejected
	last := w.lastStep()
	last.Stage, last.Verdict, last.Code = StageReject, VerdictReject, ClosedPort
	w.more(last).Text[2] = "NO_SOCKET"
	w.more(last).Would, w.more(last).WouldT[0] = WouldListen, fmt.Sprint(w.p.L4.DstPort)
	w.route.local = true
	if w.p.IP.Protocol == packet.TCP {
		if w.p.L4.Flags&packet.RST == 0 {
			w.owe(icmpError{reset: true, socket: true})
		}
	} else {
		w.owe(icmpError{typ: packet.ICMPUnreachable, code: 3})
	}
	w.delivered = false
	w.settle()
}

// reaches says whether an answer finds the client's socket: it must come from where the client sent to, to where it
// sent from. An answer whose address was not translated back is for nobody.
func (w *walker) reaches(client *end) bool {
	f := &w.p.Frame
	ok := w.ns == client.ns && f.IP.Src == client.dst && f.IP.Dst == client.src
	if w.t.Query.Protocol != packet.ICMP {
		ok = ok && f.L4.SrcPort == client.dport && f.L4.DstPort == client.sport
	}
	if !ok {
		w.refuse()
	}
	return ok
}
