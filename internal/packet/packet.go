// Package packet is one packet as a comparable value: its headers, outermost first, and what the kernel keeps beside
// it (the marks). It has no pointers of its own, so a trace can hold hundreds of them and compare any two with ==.
//
// Bytes are made only when someone asks for them (see [Packet.Bytes]); the walk itself never serialises.
package packet

import "net/netip"

// Protocol is an IP protocol number, as in /etc/protocols and IPv4's protocol field (RFC 791, IANA).
type Protocol uint8

// The protocols that the model names. Others are kept by number.
const (
	ICMP Protocol = 1
	IPIP Protocol = 4
	TCP  Protocol = 6
	UDP  Protocol = 17
	SCTP Protocol = 132
)

// HasPorts says whether a protocol's header begins with ports.
func (p Protocol) HasPorts() bool { return p == TCP || p == UDP || p == SCTP }

// String gives the name that iptables and ip use, or the number.
func (p Protocol) String() string {
	switch p {
	case ICMP:
		return "icmp"
	case IPIP:
		return "ipip"
	case TCP:
		return "tcp"
	case UDP:
		return "udp"
	case SCTP:
		return "sctp"
	}
	return itoa(int(p))
}

// TCPFlags are the eight flag bits of a TCP header (RFC 9293, section 3.1; RFC 3168 for ECE and CWR).
type TCPFlags uint8

// TCP flag bits, in the order of the header from the lowest bit.
const (
	FIN TCPFlags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

// String writes the flags as one letter each, lowest bit first: "S", "SA", "PA".
func (f TCPFlags) String() string {
	var b [8]byte
	n := 0
	for i, c := range []byte("FSRPAUEC") {
		if f>>i&1 == 1 {
			b[n] = c
			n++
		}
	}
	return string(b[:n])
}

// MAC is an Ethernet address.
type MAC [6]byte

// IsZero says whether no address is set (no Ethernet header, or one that is not known).
func (m MAC) IsZero() bool { return m == MAC{} }

// Broadcast is the Ethernet broadcast address.
var Broadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// Ethernet is the frame header. The zero value means that the packet has none: it has not reached a link yet, or the
// link (ipip) has no link layer.
type Ethernet struct {
	Src, Dst MAC
}

// IPv4 is the IP header as far as a decision or a page needs it (RFC 791). Len is the total length in bytes.
type IPv4 struct {
	Src, Dst netip.Addr
	Len      uint16
	ID       uint16
	TTL      uint8
	TOS      uint8
	Protocol Protocol
	DF       bool // don't fragment
	MF       bool // more fragments follow
	Offset   uint16
}

// Transport is the layer-4 header. Ports are valid for TCP, UDP and SCTP; Flags for TCP; ICMPType, ICMPCode, ICMPID
// and MTU for ICMP. Payload is the number of bytes behind the header.
type Transport struct {
	SrcPort, DstPort uint16
	Flags            TCPFlags
	ICMPType         uint8
	ICMPCode         uint8
	ICMPID           uint16
	ICMPSeq          uint16
	MTU              uint16 // next-hop MTU, ICMP type 3 code 4 (RFC 1191)
	Payload          uint16
}

// ICMP types the model makes or reads (RFC 792).
const (
	ICMPEchoReply    = 0
	ICMPUnreachable  = 3
	ICMPEcho         = 8
	ICMPTimeExceeded = 11
)

// IsICMPError says whether the type quotes another packet (RFC 1122, section 3.2.2).
func IsICMPError(typ uint8) bool {
	switch typ {
	case ICMPUnreachable, 4, 5, ICMPTimeExceeded, 12:
		return true
	}
	return false
}

// Frame is one set of headers: Ethernet, IPv4, transport.
type Frame struct {
	Eth Ethernet
	IP  IPv4
	L4  Transport
}

// Encap says what the outermost headers of a packet carry.
type Encap uint8

// The encapsulations: none, VXLAN (RFC 7348: Ethernet inside UDP) and IP in IP (RFC 2003).
const (
	NoEncap Encap = iota
	EncapVXLAN
	EncapIPIP
)

// Quote is the packet that an ICMP error is about, as its quoted headers say it.
type Quote struct {
	IP IPv4
	L4 Transport
}

// Packet is one packet at one moment. Frame holds the outermost headers; Inner what they carry where Encap says so.
type Packet struct {
	Frame
	Inner  Frame
	Encap  Encap
	VNI    uint32 // VXLAN network identifier; valid iff Encap is EncapVXLAN
	About  Quote  // valid iff the innermost packet is an ICMP error
	Mark   uint32 // skb->mark: beside the packet, not in it; it ends with the namespace
	CTMark uint32 // the mark of the conntrack entry that the packet belongs to in this namespace
}

// Innermost is the packet that the sender's socket made: Inner where there is a tunnel, else the packet itself.
func (p *Packet) Innermost() *Frame {
	if p.Encap != NoEncap {
		return &p.Inner
	}
	return &p.Frame
}
