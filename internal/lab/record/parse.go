package record

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/trace"
)

// row is a row of path.json. A frame that a device saw but that was not for it is kept and marked.
type row struct {
	trace.PathRow
	OtherHost bool `json:"otherhost,omitempty"`
}

// IP protocol numbers and offsets that are read here (RFC 791, 768, 793, 792).
const (
	protoICMP, protoIPIP, protoTCP, protoUDP = 1, 4, 6, 17
	etherHeader                              = 14
	ipHeaderMin                              = 20
	udpHeader                                = 8
	vxlanHeader                              = 8
	// tagged is how much of a payload tells two packets apart: no more is in a trace event of nf_tables, which has 20 bytes of
	// the transport header (NFT_TRACETYPE_TH_HSIZE).
	tagged = 12
)

// parsed is an IPv4 packet as it was seen.
type parsed struct {
	ip  trace.IPRow
	l4  trace.L4Row
	key string // what no hop rewrites: it survives NAT, TTL changes and encapsulation
	// Of a fragment: its offset in bytes, whether more follow, and its share of the whole's payload.
	offset int
	more   bool
	body   []byte
}

// fragment says whether it is a part of a packet.
func (p *parsed) fragment() bool { return p.more || p.offset > 0 }

func u16(b []byte, at int) int { return int(binary.BigEndian.Uint16(b[at:])) }

// parseIP reads a packet, of which the end may be cut off. ok is false where it is no IPv4.
func parseIP(b []byte) (p parsed, ok bool) {
	if len(b) < ipHeaderMin || b[0]>>4 != 4 {
		return p, false
	}
	ihl := int(b[0]&15) * 4
	length, ident, frag, proto := u16(b, 2), u16(b, 4), u16(b, 6), b[9]
	if ihl < ipHeaderMin || len(b) < ihl {
		return p, false
	}
	src, dst := netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20]))
	p.ip = trace.IPRow{Src: src.String(), Dst: dst.String(), TTL: int(b[8]), Len: length, Proto: packet.Protocol(proto).String(), DF: frag&0x4000 != 0, TOS: int(b[1])}
	p.offset, p.more = (frag&0x1fff)*8, frag&0x2000 != 0
	p.body = b[ihl:min(max(length, ihl), len(b))]
	p.key = fmt.Sprint(proto, " ", ident)
	if p.offset == 0 {
		p.transport(proto, length-ihl)
	}
	return p, true
}

// transport reads the header behind IP's. size is what IP says follows.
func (p *parsed) transport(proto byte, size int) {
	b := p.body
	switch {
	case proto == protoTCP && len(b) >= 20:
		flags := packet.TCPFlags(b[13])
		data := size - int(b[12]>>4)*4
		p.l4 = trace.L4Row{SrcPort: pointer(u16(b, 0)), DstPort: pointer(u16(b, 2)), Flags: flags.String(), Payload: pointer(data)}
		p.key += fmt.Sprint(" ", binary.BigEndian.Uint32(b[4:]), " ", binary.BigEndian.Uint32(b[8:]), " ", flags, " ", p.ip.Len)
	case proto == protoUDP && len(b) >= udpHeader:
		p.l4 = trace.L4Row{SrcPort: pointer(u16(b, 0)), DstPort: pointer(u16(b, 2)), Payload: pointer(u16(b, 4) - udpHeader)}
		p.key += fmt.Sprintf(" %d %x", u16(b, 4), b[udpHeader:min(udpHeader+tagged, len(b))])
	case proto == protoICMP && len(b) >= 8:
		p.l4 = trace.L4Row{Type: pointer(int(b[0])), Code: pointer(int(b[1]))}
		p.key += fmt.Sprint(" ", b[0], " ", b[1])
		if !packet.IsICMPError(b[0]) {
			return
		}
		if len(b) >= 14 {
			p.key += fmt.Sprint(" ", u16(b, 12)) // the quoted packet's identification
		}
		if b[0] == packet.ICMPUnreachable && b[1] == 4 {
			p.l4.MTU = u16(b, 6)
		}
		if in, ok := parseIP(b[8:]); ok {
			p.l4.About = &trace.AboutRow{Src: in.ip.Src, Dst: in.ip.Dst, TTL: in.ip.TTL, Proto: in.ip.Proto, SrcPort: in.l4.SrcPort, DstPort: in.l4.DstPort}
		}
	}
}

func pointer(n int) *int { return &n }

func mac(b []byte) string { return packet.MAC([6]byte(b)).String() }

// frameRow reads a frame: the row, its packet, and the packet around that, which is the same where there is no tunnel. ok is false
// for frames that are no business of a path's: ARP, IGMP, IPv6.
func frameRow(f *frame, vxlan map[uint16]bool) (r row, in, around parsed, ok bool) {
	r.NS, r.Dev, r.Dir, r.OtherHost = f.ns, f.dev, "in", f.otherHost
	if f.out {
		r.Dir = "out"
	}
	data := f.data
	var eth *trace.EthRow
	if link(f.hardware) {
		if len(data) < etherHeader || u16(data, 12) != 0x0800 {
			return r, in, in, false
		}
		if f.dev != "lo" {
			eth = &trace.EthRow{Src: mac(data[6:12]), Dst: mac(data[:6])}
		}
		data = data[etherHeader:]
	}
	in, ok = parseIP(data)
	if !ok {
		return r, in, in, false
	}
	around = in
	r.Eth = eth
	ihl := int(data[0]&15) * 4
	switch {
	case in.l4.DstPort != nil && in.ip.Proto == "udp" && vxlan[uint16(*in.l4.DstPort)] && len(data) >= ihl+udpHeader+vxlanHeader+etherHeader+ipHeaderMin:
		inner := data[ihl+udpHeader+vxlanHeader:]
		if x, ok := parseIP(inner[etherHeader:]); ok && u16(inner, 12) == 0x0800 {
			r.Outer = &trace.OuterRow{Eth: eth, IPRow: in.ip, SrcPort: in.l4.SrcPort, DstPort: in.l4.DstPort,
				VNI: pointer(int(binary.BigEndian.Uint32(data[ihl+udpHeader+4:]) >> 8))}
			r.Eth = &trace.EthRow{Src: mac(inner[6:12]), Dst: mac(inner[:6])}
			in = x
		}
	case in.ip.Proto == packet.Protocol(protoIPIP).String():
		if x, ok := parseIP(data[ihl:]); ok {
			r.Outer, r.Eth = &trace.OuterRow{Eth: eth, IPRow: in.ip}, nil
			in = x
		}
	}
	if a, err := netip.ParseAddr(in.ip.Dst); err != nil || a.IsMulticast() {
		return r, in, around, false
	}
	r.IP, r.L4 = in.ip, in.l4
	return r, in, around, true
}

// link says whether a device's frames have an Ethernet header (ARPHRD_ETHER, ARPHRD_LOOPBACK).
func link(hardware uint16) bool { return hardware == 1 || hardware == 772 }
