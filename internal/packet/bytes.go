package packet

import (
	"encoding/binary"
	"fmt"
	"net"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// Bytes makes the packet's frame, outermost header first, with lengths and checksums as a network card would send them.
// A packet without Ethernet header begins with IP. The payload is zeros; short frames are not padded, as on a veth.
func (p *Packet) Bytes() ([]byte, error) {
	inner, err := p.Innermost().bytes(&p.About)
	if err != nil || p.Encap == NoEncap {
		return inner, err
	}
	ip := ipLayer(&p.IP)
	all := []gopacket.SerializableLayer{ip}
	if p.Encap == EncapVXLAN {
		udp := &layers.UDP{SrcPort: layers.UDPPort(p.L4.SrcPort), DstPort: layers.UDPPort(p.L4.DstPort)}
		if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
			return nil, err
		}
		all = append(all, udp, &layers.VXLAN{ValidIDFlag: true, VNI: p.VNI})
	}
	return p.Eth.frame(append(all, gopacket.Payload(inner)))
}

// frame serialises what an Ethernet frame carries and puts the header before it. gopacket's own Ethernet layer would pad
// to 60 bytes, which no virtual device does.
func (e Ethernet) frame(carried []gopacket.SerializableLayer) ([]byte, error) {
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, carried...); err != nil {
		return nil, fmt.Errorf("packet bytes: %w", err)
	}
	if e == (Ethernet{}) {
		return buf.Bytes(), nil
	}
	const etherTypeIPv4 = 0x0800
	out := append(append(make([]byte, 0, 14+len(buf.Bytes())), e.Dst[:]...), e.Src[:]...)
	return append(binary.BigEndian.AppendUint16(out, etherTypeIPv4), buf.Bytes()...), nil
}

func ipLayer(h *IPv4) *layers.IPv4 {
	ip := &layers.IPv4{Version: 4, IHL: 5, TOS: h.TOS, Id: h.ID, TTL: h.TTL, Protocol: layers.IPProtocol(h.Protocol), FragOffset: h.Offset}
	if h.DF {
		ip.Flags |= layers.IPv4DontFragment
	}
	if h.MF {
		ip.Flags |= layers.IPv4MoreFragments
	}
	if h.Src.Is4() {
		ip.SrcIP = h.Src.AsSlice()
	} else {
		ip.SrcIP = net.IPv4zero
	}
	if h.Dst.Is4() {
		ip.DstIP = h.Dst.AsSlice()
	} else {
		ip.DstIP = net.IPv4zero
	}
	return ip
}

func (f *Frame) bytes(about *Quote) ([]byte, error) {
	ip := ipLayer(&f.IP)
	payload := make(gopacket.Payload, f.L4.Payload)
	switch f.IP.Protocol {
	case TCP:
		t := &layers.TCP{SrcPort: layers.TCPPort(f.L4.SrcPort), DstPort: layers.TCPPort(f.L4.DstPort), Window: 64240,
			FIN: f.L4.Flags&FIN != 0, SYN: f.L4.Flags&SYN != 0, RST: f.L4.Flags&RST != 0, PSH: f.L4.Flags&PSH != 0, ACK: f.L4.Flags&ACK != 0,
			Options: tcpOptions(f)}
		if err := t.SetNetworkLayerForChecksum(ip); err != nil {
			return nil, err
		}
		return f.Eth.frame([]gopacket.SerializableLayer{ip, t, payload})
	case UDP:
		u := &layers.UDP{SrcPort: layers.UDPPort(f.L4.SrcPort), DstPort: layers.UDPPort(f.L4.DstPort)}
		if err := u.SetNetworkLayerForChecksum(ip); err != nil {
			return nil, err
		}
		return f.Eth.frame([]gopacket.SerializableLayer{ip, u, payload})
	case ICMP:
		i := &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(f.L4.ICMPType, f.L4.ICMPCode), Id: f.L4.ICMPID, Seq: f.L4.ICMPSeq}
		if IsICMPError(f.L4.ICMPType) {
			i.Id, i.Seq = 0, f.L4.MTU
			quoted, err := quote(about)
			if err != nil {
				return nil, err
			}
			copy(payload, quoted)
		}
		return f.Eth.frame([]gopacket.SerializableLayer{ip, i, payload})
	}
	return f.Eth.frame([]gopacket.SerializableLayer{ip, payload})
}

// quote is the packet an ICMP error is about: its IP header and what follows.
func quote(q *Quote) ([]byte, error) {
	p := Packet{Frame: Frame{IP: q.IP, L4: q.L4}}
	return p.Bytes()
}

// tcpOptions are what Linux sends: MSS, SACK permitted, timestamps and window scale in a SYN, timestamps after it. They
// fill the header to the length that IP says.
func tcpOptions(f *Frame) []layers.TCPOption {
	room := int(f.IP.Len) - 20 - 20 - int(f.L4.Payload)
	stamp := layers.TCPOption{OptionType: layers.TCPOptionKindTimestamps, OptionLength: 10, OptionData: make([]byte, 8)}
	nop := layers.TCPOption{OptionType: layers.TCPOptionKindNop, OptionLength: 1}
	switch room {
	case 20:
		mss := binary.BigEndian.AppendUint16(nil, 1460)
		return []layers.TCPOption{{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: mss},
			{OptionType: layers.TCPOptionKindSACKPermitted, OptionLength: 2}, stamp, nop,
			{OptionType: layers.TCPOptionKindWindowScale, OptionLength: 3, OptionData: []byte{7}}}
	case 12:
		return []layers.TCPOption{nop, nop, stamp}
	}
	return nil
}
