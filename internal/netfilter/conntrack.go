package netfilter

import (
	"net/netip"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/packet"
)

// Entry is one tracked connection (struct nf_conn).
type Entry struct {
	Original packet.Tuple
	Reply    packet.Tuple
	Status   packet.ConnStatus
	Mark     uint32
	Zone     uint16
	// Masquerade is the device by which the connection left when its source became that device's address; "" where MASQUERADE
	// had no part in it (masq_index in nf_nat.h).
	Masquerade string
	srcDone    bool // a source mapping was set up, be it that nothing changes (IPS_SRC_NAT_DONE)
	dstDone    bool
	tcp        tcpState
}

// Conntrack is the connection table of one namespace. A trace has a handful of connections, so a slice is faster than
// a map.
type Conntrack struct {
	Entries []*Entry
	store   [4]Entry // room for the first few without an allocation each
	used    int
}

// Reset empties the table and keeps its memory.
func (c *Conntrack) Reset() { c.Entries, c.used = c.Entries[:0], 0 }

// Ref is what a packet carries of conntrack (skb->_nfct): its entry and how it stands to it.
type Ref struct {
	Entry *Entry
	State packet.ConnState
	Reply bool
}

// Conn is the view of the reference that rules get.
func (r Ref) Conn() packet.Conn {
	c := packet.Conn{State: r.State, Reply: r.Reply}
	if e := r.Entry; e != nil {
		c.Status, c.Mark, c.Zone, c.Original, c.ReplyDir = e.Status, e.Mark, e.Zone, e.Original, e.Reply
	}
	return c
}

// TupleOf reads a packet's tuple (nf_ct_get_tuple). ok is false for what has none: fragments behind the first, and
// ICMP messages that are neither query nor answer.
func TupleOf(f *packet.Frame) (t packet.Tuple, ok bool) {
	t = packet.Tuple{Src: f.IP.Src, Dst: f.IP.Dst, Protocol: f.IP.Protocol}
	if f.IP.Offset != 0 {
		return t, false
	}
	switch f.IP.Protocol {
	case packet.TCP, packet.UDP, packet.SCTP:
		t.SrcPort, t.DstPort = f.L4.SrcPort, f.L4.DstPort
	case packet.ICMP:
		t.SrcPort, t.DstPort = f.L4.ICMPID, uint16(f.L4.ICMPType)<<8|uint16(f.L4.ICMPCode)
	}
	return t, true
}

// Invert is the tuple of the answer (nf_ct_invert_tuple). ok is false for ICMP types that have no counterpart.
func Invert(t packet.Tuple) (packet.Tuple, bool) {
	i := packet.Tuple{Src: t.Dst, Dst: t.Src, SrcPort: t.DstPort, DstPort: t.SrcPort, Protocol: t.Protocol}
	if t.Protocol == packet.ICMP {
		i.SrcPort = t.SrcPort
		other, ok := icmpCounterpart(uint8(t.DstPort >> 8))
		i.DstPort = uint16(other)<<8 | t.DstPort&0xff
		return i, ok
	}
	return i, true
}

// icmpCounterpart maps queries to answers and back (invmap in nf_conntrack_proto_icmp.c).
func icmpCounterpart(typ uint8) (uint8, bool) {
	switch typ {
	case 8:
		return 0, true
	case 0:
		return 8, true
	case 13:
		return 14, true
	case 14:
		return 13, true
	case 15:
		return 16, true
	case 16:
		return 15, true
	case 17:
		return 18, true
	case 18:
		return 17, true
	}
	return 0, false
}

// Find looks a tuple up in both directions; reply says that it is the entry's reply direction.
func (c *Conntrack) Find(t packet.Tuple, zone uint16) (e *Entry, reply bool) {
	for _, e := range c.Entries {
		if e.Zone != zone {
			continue
		}
		if e.Original == t {
			return e, false
		}
		if e.Reply == t {
			return e, true
		}
	}
	return nil, false
}

// In is nf_conntrack_in: it finds or makes the entry of a packet. A new entry is not in the table before Confirm.
func (c *Conntrack) In(p *packet.Packet, zone uint16) Ref {
	f := &p.Frame
	if f.IP.Protocol == packet.ICMP && packet.IsICMPError(f.L4.ICMPType) {
		return c.related(p, zone)
	}
	t, ok := TupleOf(f)
	if !ok {
		return Ref{State: packet.CTInvalid}
	}
	e, reply := c.Find(t, zone)
	if e == nil {
		inv, ok := Invert(t)
		if !ok || !startsConnection(f) {
			return Ref{State: packet.CTInvalid}
		}
		if c.used < len(c.store) {
			e = &c.store[c.used]
			c.used++
		} else {
			e = new(Entry)
		}
		*e = Entry{Original: t, Reply: inv, Zone: zone}
	}
	state := packet.CTNew
	switch {
	case reply:
		e.Status |= packet.StatusSeenReply
		state = packet.CTEstablished
	case e.Status&packet.StatusSeenReply != 0:
		state = packet.CTEstablished
	case e.Status&packet.StatusExpected != 0:
		state = packet.CTRelated
	}
	if f.IP.Protocol == packet.TCP && !c.trackTCP(e, f.L4.Flags, reply) {
		return Ref{State: packet.CTInvalid}
	}
	return Ref{Entry: e, State: state, Reply: reply}
}

// related finds the connection that an ICMP error is about: the quoted packet's tuple, inverted, is looked up
// (icmp_error_message in nf_conntrack_proto_icmp.c).
func (c *Conntrack) related(p *packet.Packet, zone uint16) Ref {
	quoted := packet.Frame{IP: p.About.IP, L4: p.About.L4}
	t, ok := TupleOf(&quoted)
	if !ok {
		return Ref{State: packet.CTInvalid}
	}
	inv, ok := Invert(t)
	if !ok {
		return Ref{State: packet.CTInvalid}
	}
	e, reply := c.Find(inv, zone)
	if e == nil {
		return Ref{State: packet.CTInvalid}
	}
	return Ref{Entry: e, State: packet.CTRelated, Reply: reply}
}

// startsConnection says whether a packet without an entry may make one: ICMP queries only, and for TCP what
// tcp_conntracks takes in state NONE with tcp_loose=1 (a SYN, or an ACK picked up in the middle).
func startsConnection(f *packet.Frame) bool {
	switch f.IP.Protocol {
	case packet.ICMP:
		switch f.L4.ICMPType {
		case 8, 13, 15, 17:
			return true
		}
		return false
	case packet.TCP:
		fl := f.L4.Flags
		switch {
		case fl&packet.RST != 0, fl&packet.FIN != 0, fl&(packet.SYN|packet.ACK) == packet.SYN|packet.ACK:
			return false
		}
		return fl&(packet.SYN|packet.ACK) != 0
	}
	return true
}

// Confirm puts a new entry into the table, when its first packet has passed everything (nf_conntrack_confirm).
func (c *Conntrack) Confirm(e *Entry) bool {
	if e == nil || e.Status&packet.StatusConfirmed != 0 {
		return false
	}
	e.Status |= packet.StatusConfirmed
	c.Entries = append(c.Entries, e)
	return true
}

// Forget takes an entry out of the table (nf_ct_kill).
func (c *Conntrack) Forget(e *Entry) {
	for i, x := range c.Entries {
		if x == e {
			c.Entries = append(c.Entries[:i], c.Entries[i+1:]...)
			return
		}
	}
}

// Initialised says whether a mapping of the kind was set up, so that nat chains of that kind are not asked again
// (nf_nat_initialized).
func (e *Entry) Initialised(m Manip) bool {
	if m == ManipSrc {
		return e.srcDone
	}
	return e.dstDone
}

// Setup makes a mapping (nf_nat_setup_info). r is nil for the null binding: the connection keeps its addresses, and
// its port unless that is taken. pick gives the port where the range asks for a random one. It returns the new address
// and port of the mapped end.
func (c *Conntrack) Setup(e *Entry, m Manip, r *iptables.NATRange, pick func(packet.Tuple) uint16) {
	current, _ := Invert(e.Reply)
	next := c.unique(current, e, m, r, pick)
	if next != current {
		e.Reply, _ = Invert(next)
		if m == ManipSrc {
			e.Status |= packet.StatusSNAT
		} else {
			e.Status |= packet.StatusDNAT
		}
	}
	if m == ManipSrc {
		e.srcDone = true
	} else {
		e.dstDone = true
	}
}

// unique is get_unique_tuple: the tuple as the far side will see it, with an address of the range and a port that no
// other connection's answer uses.
func (c *Conntrack) unique(t packet.Tuple, e *Entry, m Manip, r *iptables.NATRange, pick func(packet.Tuple) uint16) packet.Tuple {
	if r == nil {
		r = &iptables.NATRange{}
	}
	if r.Min.IsValid() {
		if m == ManipSrc {
			t.Src = r.Min
		} else {
			t.Dst = r.Min
		}
	}
	port := &t.DstPort
	if m == ManipSrc {
		port = &t.SrcPort
	}
	if t.Protocol == packet.ICMP {
		port = &t.SrcPort // the identifier, whichever end is mapped
	}
	if r.Random || r.RandomFully {
		*port = pick(t)
		for c.taken(t, e) {
			*port = nextPort(*port)
		}
		return t
	}
	if r.MinPort != 0 {
		hi := max(r.MaxPort, r.MinPort)
		if *port >= r.MinPort && *port <= hi && (hi != r.MinPort) && !c.taken(t, e) {
			return t
		}
		for p := uint32(r.MinPort); p <= uint32(hi); p++ {
			*port = uint16(p)
			if !c.taken(t, e) {
				break
			}
		}
		return t
	}
	for range 65535 {
		if !c.taken(t, e) {
			break
		}
		*port = nextPort(*port)
	}
	return t
}

func nextPort(p uint16) uint16 {
	if p == 65535 {
		return 1024
	}
	return p + 1
}

// taken says whether the answer to a mapped tuple would be another connection's (nf_nat_used_tuple).
func (c *Conntrack) taken(t packet.Tuple, self *Entry) bool {
	inv, ok := Invert(t)
	if !ok {
		return false
	}
	e, _ := c.Find(inv, self.Zone)
	return e != nil && e != self
}

// Mangle applies the entry's mapping of the kind to a packet, as nf_nat_packet does for either direction. It says
// whether anything was to be done.
func (r Ref) Mangle(p *packet.Packet, m Manip) bool {
	e := r.Entry
	if e == nil {
		return false
	}
	bit := packet.StatusSNAT
	if (m == ManipDst) != r.Reply {
		bit = packet.StatusDNAT
	}
	if e.Status&bit == 0 {
		return false
	}
	other := e.Reply
	if r.Reply {
		other = e.Original
	}
	target, _ := Invert(other)
	mangle(&p.Frame, target, m)
	return true
}

// MangleICMPError translates an ICMP error and the packet it quotes (nf_nat_icmp_reply_translation).
func (r Ref) MangleICMPError(p *packet.Packet, m Manip) bool {
	e := r.Entry
	if e == nil {
		return false
	}
	bit := packet.StatusSNAT
	if (m == ManipDst) != r.Reply {
		bit = packet.StatusDNAT
	}
	if e.Status&bit == 0 {
		return false
	}
	other := e.Reply
	if r.Reply {
		other = e.Original
	}
	quoted := packet.Frame{IP: p.About.IP, L4: p.About.L4}
	mangle(&quoted, other, m.Opposite())
	p.About.IP, p.About.L4 = quoted.IP, quoted.L4
	target, _ := Invert(other)
	if m == ManipSrc {
		p.IP.Src = target.Src
	} else {
		p.IP.Dst = target.Dst
	}
	return true
}

// Opposite is the other end's kind: what a mapping is to the packets of the other direction.
func (m Manip) Opposite() Manip {
	if m == ManipSrc {
		return ManipDst
	}
	return ManipSrc
}

// mangle writes the source or destination of a tuple into the headers (nf_nat_manip_pkt).
func mangle(f *packet.Frame, t packet.Tuple, m Manip) {
	icmp := f.IP.Protocol == packet.ICMP
	if m == ManipSrc {
		f.IP.Src = t.Src
		if !icmp {
			f.L4.SrcPort = t.SrcPort
		}
	} else {
		f.IP.Dst = t.Dst
		if !icmp {
			f.L4.DstPort = t.DstPort
		}
	}
	if icmp {
		f.L4.ICMPID = t.SrcPort
	}
}

// FlowHash stands for a hash of a flow that the kernel makes with a secret of its own: always the same for the same flow.
func FlowHash(t packet.Tuple) uint32 {
	h := uint32(2166136261)
	mix := func(b byte) { h = (h ^ uint32(b)) * 16777619 }
	for _, a := range []netip.Addr{t.Src, t.Dst} {
		for _, b := range a.As4() {
			mix(b)
		}
	}
	for _, p := range []uint16{t.SrcPort, t.DstPort} {
		mix(byte(p))
		mix(byte(p >> 8))
	}
	mix(byte(t.Protocol))
	return h
}

// RandomPort is the port that stands for the kernel's draw where a rule asks for a random one: always the same for the
// same connection, never one that the packet has already, from the range that the kernel would draw from
// (nf_nat_l4proto_unique_tuple: below 512, 600 to 1023, or 1024 and up).
func RandomPort(t packet.Tuple) uint16 {
	h := FlowHash(t)
	lo, n := uint32(1024), uint32(64512)
	switch {
	case t.SrcPort < 512 && t.Protocol != packet.ICMP:
		lo, n = 1, 511
	case t.SrcPort < 1024 && t.Protocol != packet.ICMP:
		lo, n = 600, 424
	}
	port := uint16(lo + h%n)
	for port == t.SrcPort || port == t.DstPort {
		port = nextPort(port)
	}
	return port
}
