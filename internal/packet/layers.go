package packet

import "fmt"

// Layer is one header of a packet as text: its type, its length in bytes and its fields in the header's order.
type Layer struct {
	Type   string // Ethernet, IPv4, TCP, UDP, ICMP, VXLAN, Payload
	Length int
	Outer  bool // of a tunnel's outer headers
	Fields [][2]string
}

// Layers lists the headers, outermost first. A packet that has not reached a link has no Ethernet layer.
func (p *Packet) Layers() []Layer {
	var out []Layer
	if p.Encap != NoEncap {
		out = p.Frame.layers(out, nil)
		if n := len(out); out[n-1].Type == "Payload" {
			out = out[:n-1]
		}
		for i := range out {
			out[i].Outer = true
		}
		if p.Encap == EncapVXLAN {
			out = append(out, Layer{"VXLAN", 8, true, [][2]string{{"vni", fmt.Sprint(p.VNI)}}})
		}
		return p.Inner.layers(out, &p.About)
	}
	return p.Frame.layers(out, &p.About)
}

func (f *Frame) layers(out []Layer, about *Quote) []Layer {
	if f.Eth != (Ethernet{}) {
		out = append(out, Layer{Type: "Ethernet", Length: 14, Fields: [][2]string{{"src", f.Eth.Src.String()}, {"dst", f.Eth.Dst.String()}}})
	}
	ip := [][2]string{{"src", f.IP.Src.String()}, {"dst", f.IP.Dst.String()}, {"ttl", itoa(int(f.IP.TTL))}, {"len", itoa(int(f.IP.Len))},
		{"proto", f.IP.Protocol.String()}}
	if f.IP.DF {
		ip = append(ip, [2]string{"flags", "DF"})
	}
	if f.IP.TOS != 0 {
		ip = append(ip, [2]string{"tos", fmt.Sprintf("%#02x", f.IP.TOS)})
	}
	out = append(out, Layer{Type: "IPv4", Length: 20, Fields: ip})
	head, name, fields := 0, "", [][2]string(nil)
	switch f.IP.Protocol {
	case TCP:
		head, name = int(f.IP.Len)-20-int(f.L4.Payload), "TCP"
		fields = [][2]string{{"srcPort", itoa(int(f.L4.SrcPort))}, {"dstPort", itoa(int(f.L4.DstPort))}, {"flags", f.L4.Flags.String()}}
	case UDP:
		head, name = 8, "UDP"
		fields = [][2]string{{"srcPort", itoa(int(f.L4.SrcPort))}, {"dstPort", itoa(int(f.L4.DstPort))}}
	case ICMP:
		head, name = 8, "ICMP"
		fields = [][2]string{{"type", itoa(int(f.L4.ICMPType))}, {"code", itoa(int(f.L4.ICMPCode))}}
		switch {
		case about != nil && IsICMPError(f.L4.ICMPType):
			fields = append(fields, [2]string{"about", about.IP.Src.String() + " → " + about.IP.Dst.String()})
			if f.L4.MTU != 0 {
				fields = append(fields, [2]string{"mtu", itoa(int(f.L4.MTU))})
			}
		default:
			fields = append(fields, [2]string{"id", itoa(int(f.L4.ICMPID))})
		}
	}
	if name != "" {
		out = append(out, Layer{Type: name, Length: head, Fields: fields})
	}
	if f.L4.Payload > 0 {
		out = append(out, Layer{Type: "Payload", Length: int(f.L4.Payload)})
	}
	return out
}

// Change is a header field or mark that differs between two packets.
type Change struct{ Field, Before, After string }

// Diff lists what changed from one moment to the next, outermost first: eth.src, ip.dst, tcp.srcPort, mark, ctmark. Fields
// of a tunnel's inner packet have the prefix "inner."; where a tunnel's headers come or go, only they have changed, with
// the prefix "outer.".
func Diff(before, after *Packet) []Change {
	var out []Change
	if *before == *after {
		return nil
	}
	switch {
	case before.Encap != after.Encap:
		out = append(out, Change{"encap", before.Encap.String(), after.Encap.String()})
		if before.Encap == NoEncap || after.Encap == NoEncap {
			outerFields(&out, before, after)
			diffFrame(&out, "inner.", before.Innermost(), after.Innermost())
			break
		}
		fallthrough
	default:
		diffFrame(&out, "", &before.Frame, &after.Frame)
		if before.Encap != NoEncap {
			diffFrame(&out, "inner.", &before.Inner, &after.Inner)
		}
	}
	if before.About.IP != after.About.IP || before.About.L4 != after.About.L4 {
		text := func(q Quote) string {
			return fmt.Sprintf("%v:%d → %v:%d", q.IP.Src, q.L4.SrcPort, q.IP.Dst, q.L4.DstPort)
		}
		out = append(out, Change{"icmp.about", text(before.About), text(after.About)})
	}
	mark(&out, "mark", before.Mark, after.Mark)
	mark(&out, "ctmark", before.CTMark, after.CTMark)
	return out
}

// outerFields are the outer header's fields where one of two packets has one.
func outerFields(out *[]Change, before, after *Packet) {
	with, gone := after, false
	if with.Encap == NoEncap {
		with, gone = before, true
	}
	add := func(field, value string) {
		c := Change{"outer." + field, "", value}
		if gone {
			c.Before, c.After = value, ""
		}
		*out = append(*out, c)
	}
	add("ip.src", with.IP.Src.String())
	add("ip.dst", with.IP.Dst.String())
	add("ip.ttl", itoa(int(with.IP.TTL)))
	if with.Encap == EncapVXLAN {
		add("udp.srcPort", itoa(int(with.L4.SrcPort)))
		add("udp.dstPort", itoa(int(with.L4.DstPort)))
		add("vxlan.vni", fmt.Sprint(with.VNI))
	}
}

func mark(out *[]Change, name string, a, b uint32) {
	if a != b {
		*out = append(*out, Change{name, fmt.Sprintf("%#x", a), fmt.Sprintf("%#x", b)})
	}
}

func diffFrame(out *[]Change, prefix string, a, b *Frame) {
	add := func(field, x, y string) {
		if x != y {
			*out = append(*out, Change{prefix + field, x, y})
		}
	}
	macText := func(m MAC, e Ethernet) string {
		if e == (Ethernet{}) {
			return ""
		}
		return m.String()
	}
	add("eth.src", macText(a.Eth.Src, a.Eth), macText(b.Eth.Src, b.Eth))
	add("eth.dst", macText(a.Eth.Dst, a.Eth), macText(b.Eth.Dst, b.Eth))
	add("ip.src", a.IP.Src.String(), b.IP.Src.String())
	add("ip.dst", a.IP.Dst.String(), b.IP.Dst.String())
	add("ip.ttl", itoa(int(a.IP.TTL)), itoa(int(b.IP.TTL)))
	add("ip.tos", itoa(int(a.IP.TOS)), itoa(int(b.IP.TOS)))
	l4 := b.IP.Protocol.String()
	if b.IP.Protocol == ICMP {
		add("icmp.id", itoa(int(a.L4.ICMPID)), itoa(int(b.L4.ICMPID)))
		return
	}
	add(l4+".srcPort", itoa(int(a.L4.SrcPort)), itoa(int(b.L4.SrcPort)))
	add(l4+".dstPort", itoa(int(a.L4.DstPort)), itoa(int(b.L4.DstPort)))
}

// String is the encapsulation's name; "" for none.
func (e Encap) String() string { return [...]string{"", "vxlan", "ipip"}[e] }
