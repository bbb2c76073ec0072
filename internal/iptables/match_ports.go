package iptables

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/packet"
)

// PortRange is FIRST:LAST, both included.
type PortRange struct{ First, Last uint16 }

var allPorts = PortRange{0, 65535}

func (r PortRange) has(p uint16) bool { return r.First <= p && p <= r.Last }

func (r PortRange) appendTo(b []byte) []byte {
	b = appendUint(b, r.First)
	if r.First != r.Last {
		b = appendUint(append(b, ':'), r.Last)
	}
	return b
}

// String writes the range as iptables does: "80", "80:90".
func (r PortRange) String() string { return string(r.appendTo(nil)) }

// parsePortRange reads PORT, FIRST:LAST, FIRST: or :LAST.
func parsePortRange(s string) (PortRange, bool) {
	first, last, isRange := strings.Cut(s, ":")
	r := allPorts
	ok := true
	if first != "" {
		r.First, ok = parsePort(first)
	} else if !isRange {
		return r, false
	}
	if !isRange {
		r.Last = r.First
	} else if last != "" && ok {
		r.Last, ok = parsePort(last)
	}
	return r, ok && r.First <= r.Last
}

// portTest is one port option of a match.
type portTest struct {
	PortRange
	Not bool
}

func (t portTest) passes(p uint16) bool { return t.has(p) != t.Not }

func (t portTest) appendTo(b []byte, option string) []byte {
	if t.PortRange == allPorts && !t.Not {
		return b
	}
	return t.PortRange.appendTo(append(appendNot(append(b, ' '), t.Not), option...))
}

func (t *portTest) parse(not bool, a *args) error {
	v, _ := a.next()
	r, ok := parsePortRange(v)
	if !ok {
		return errValue
	}
	*t = portTest{r, not}
	return nil
}

// PortsMatch is -m tcp, udp or sctp: the ports, and for TCP the flags (xt_tcpudp.c, xt_sctp.c).
type PortsMatch struct {
	Protocol           packet.Protocol
	Src, Dst           portTest
	FlagMask, FlagWant packet.TCPFlags
	Flags, NotFlags    bool
}

func newPortsMatch(m *PortsMatch, p packet.Protocol) *PortsMatch {
	m.Protocol, m.Src.PortRange, m.Dst.PortRange = p, allPorts, allPorts
	return m
}

func (m *PortsMatch) option(name string, not bool, a *args) error {
	switch name {
	case "sport", "source-port":
		return m.Src.parse(not, a)
	case "dport", "destination-port":
		return m.Dst.parse(not, a)
	}
	if m.Protocol != packet.TCP {
		return m.otherOption(name)
	}
	switch name {
	case "syn":
		m.Flags, m.NotFlags, m.FlagMask, m.FlagWant = true, not, packet.SYN|packet.RST|packet.ACK|packet.FIN, packet.SYN
		return nil
	case "tcp-flags":
		mask, _ := a.next()
		want, _ := a.next()
		var ok1, ok2 bool
		m.FlagMask, ok1 = parseFlags(mask)
		m.FlagWant, ok2 = parseFlags(want)
		if m.Flags || !ok1 || !ok2 {
			return errValue
		}
		m.Flags, m.NotFlags = true, not
		return nil
	case "tcp-option":
		a.next()
		return errValue
	}
	return errNoOption
}

func (m *PortsMatch) otherOption(name string) error {
	if m.Protocol == packet.SCTP && name == "chunk-types" {
		return errValue
	}
	return errNoOption
}

func (m *PortsMatch) done(r *basics) error {
	if r.protocol != m.Protocol {
		return errValue
	}
	return nil
}

var flagNames = [...]string{"FIN", "SYN", "RST", "PSH", "ACK", "URG"}

func parseFlags(s string) (packet.TCPFlags, bool) {
	var f packet.TCPFlags
next:
	for _, n := range strings.Split(strings.ToUpper(s), ",") {
		for i, name := range flagNames {
			if n == name {
				f |= 1 << i
				continue next
			}
		}
		switch n {
		case "ALL":
			f |= 1<<len(flagNames) - 1
		case "NONE":
		default:
			return 0, false
		}
	}
	return f, true
}

func appendFlags(b []byte, f packet.TCPFlags) []byte {
	if f&(1<<len(flagNames)-1) == 0 {
		return append(b, "NONE"...)
	}
	first := true
	for i, name := range flagNames {
		if f>>i&1 == 1 {
			if !first {
				b = append(b, ',')
			}
			b, first = append(b, name...), false
		}
	}
	return b
}

// Matches implements [Match]. A further fragment has no header to look at and never matches.
func (m *PortsMatch) Matches(in *Input) Tri {
	p := in.Packet
	return yes(p.IP.Protocol == m.Protocol && p.IP.Offset == 0 && m.Src.passes(p.L4.SrcPort) &&
		m.Dst.passes(p.L4.DstPort) && m.flagsPass(p.L4.Flags))
}

func (m *PortsMatch) flagsPass(f packet.TCPFlags) bool {
	return !m.Flags || (f&m.FlagMask == m.FlagWant) != m.NotFlags
}

// AppendTo implements [Match].
func (m *PortsMatch) AppendTo(b []byte) []byte {
	b = appendProtocol(append(b, "-m "...), m.Protocol)
	b = m.Src.appendTo(b, "--sport ")
	b = m.Dst.appendTo(b, "--dport ")
	if m.Flags {
		b = append(appendNot(append(b, ' '), m.NotFlags), "--tcp-flags "...)
		b = appendFlags(append(appendFlags(b, m.FlagMask), ' '), m.FlagWant)
	}
	return b
}

// Why implements [Match].
func (m *PortsMatch) Why(in *Input) Reason {
	p := in.Packet
	switch {
	case p.IP.Protocol != m.Protocol:
		return reason(ReasonProtocol, false, protocolName(m.Protocol), protocolName(p.IP.Protocol))
	case p.IP.Offset != 0:
		return reason(ReasonFragment, true, "further fragment", strconv.Itoa(int(p.IP.Offset)))
	case !m.Src.passes(p.L4.SrcPort):
		return reason(ReasonSourcePort, m.Src.Not, m.Src.String(), portText(p.L4.SrcPort))
	case !m.Dst.passes(p.L4.DstPort):
		return reason(ReasonDestPort, m.Dst.Not, m.Dst.String(), portText(p.L4.DstPort))
	}
	want := string(appendFlags(append(appendFlags(nil, m.FlagMask), ' '), m.FlagWant))
	return reason(ReasonTCPFlags, m.NotFlags, want, string(appendFlags(nil, p.L4.Flags)))
}

func portText(p uint16) string { return strconv.Itoa(int(p)) }

// MultiportMatch is -m multiport: up to 15 ports, a range counting as two (XT_MULTI_PORTS).
type MultiportMatch struct {
	Ports    []PortRange
	Src, Dst bool // both: --ports, either end may match
	Not      bool
}

const maxMultiports = 15

func (m *MultiportMatch) option(name string, not bool, a *args) error {
	src, dst := false, false
	switch name {
	case "sports", "source-ports":
		src = true
	case "dports", "destination-ports":
		dst = true
	case "ports":
		src, dst = true, true
	default:
		return errNoOption
	}
	v, ok := a.next()
	if !ok || m.Ports != nil {
		return errValue
	}
	m.Src, m.Dst, m.Not = src, dst, not
	n := 0
	for s := range strings.SplitSeq(v, ",") {
		r, ok := parsePortRange(s)
		isRange := strings.Contains(s, ":")
		if n++; isRange {
			n++
		}
		if !ok || n > maxMultiports || isRange && r.First == r.Last {
			return errValue
		}
		m.Ports = append(m.Ports, r)
	}
	return nil
}

func (m *MultiportMatch) done(r *basics) error {
	switch r.protocol {
	case packet.TCP, packet.UDP, packet.SCTP, udplite, dccp:
		if m.Ports != nil {
			return nil
		}
	}
	return errValue
}

// Matches implements [Match] (xt_multiport.c).
func (m *MultiportMatch) Matches(in *Input) Tri {
	if in.Packet.IP.Offset != 0 {
		return No
	}
	found := false
	for _, r := range m.Ports {
		if m.Src && r.has(in.Packet.L4.SrcPort) || m.Dst && r.has(in.Packet.L4.DstPort) {
			found = true
			break
		}
	}
	return yes(found != m.Not)
}

// AppendTo implements [Match].
func (m *MultiportMatch) AppendTo(b []byte) []byte {
	b = appendNot(append(b, "-m multiport "...), m.Not)
	switch {
	case m.Src && m.Dst:
		b = append(b, "--ports "...)
	case m.Src:
		b = append(b, "--sports "...)
	default:
		b = append(b, "--dports "...)
	}
	return m.appendPorts(b)
}

func (m *MultiportMatch) appendPorts(b []byte) []byte {
	for i, r := range m.Ports {
		if i > 0 {
			b = append(b, ',')
		}
		b = r.appendTo(b)
	}
	return b
}

// Why implements [Match].
func (m *MultiportMatch) Why(in *Input) Reason {
	l4 := &in.Packet.L4
	want := string(m.appendPorts(nil))
	switch {
	case m.Src && m.Dst:
		return reason(ReasonPorts, m.Not, want, fmt.Sprintf("%d,%d", l4.SrcPort, l4.DstPort))
	case m.Src:
		return reason(ReasonSourcePort, m.Not, want, portText(l4.SrcPort))
	}
	return reason(ReasonDestPort, m.Not, want, portText(l4.DstPort))
}
