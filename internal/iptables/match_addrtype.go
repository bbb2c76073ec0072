package iptables

import (
	"net/netip"
	"strings"
)

// AddrTypeMatch is -m addrtype. Sources and destinations are sets of [AddrType] as bits 1<<type.
type AddrTypeMatch struct {
	Src, Dst       uint16
	NotSrc, NotDst bool
	LimitIn        bool // only what is on the interface the packet came in by counts
	LimitOut       bool // only what is on the one it goes out by
}

// addrTypes are the names of libxt_addrtype in the order of RTN_*. NAT and XRESOLVE are names that no route has.
var addrTypes = [...]string{
	"UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT", "THROW",
	"NAT", "XRESOLVE",
}

// String is the type's name as iptables writes it.
func (t AddrType) String() string { return addrTypes[t] }

func (m *AddrTypeMatch) option(name string, not bool, a *args) error {
	switch name {
	case "src-type":
		m.NotSrc = not
		return parseAddrTypes(&m.Src, a)
	case "dst-type":
		m.NotDst = not
		return parseAddrTypes(&m.Dst, a)
	case "limit-iface-in":
		m.LimitIn = true
	case "limit-iface-out":
		m.LimitOut = true
	default:
		return errNoOption
	}
	if not {
		return errValue
	}
	return nil
}

func parseAddrTypes(set *uint16, a *args) error {
	v, _ := a.next()
next:
	for n := range strings.SplitSeq(v, ",") {
		for i, name := range addrTypes {
			if strings.EqualFold(n, name) {
				*set |= 1 << i
				continue next
			}
		}
		return errValue
	}
	return nil
}

func (m *AddrTypeMatch) done(*basics) error {
	if m.Src|m.Dst == 0 || m.LimitIn && m.LimitOut {
		return errValue
	}
	return nil
}

func (m *AddrTypeMatch) device(in *Input) string {
	switch {
	case m.LimitIn:
		return in.In
	case m.LimitOut:
		return in.Out
	}
	return ""
}

// Matches implements [Match] (addrtype_mt_v1 in xt_addrtype.c: the destination is only looked up where the source
// passed).
func (m *AddrTypeMatch) Matches(in *Input) Tri {
	if in.Env == nil {
		return Unknown
	}
	if m.Src != 0 && !m.passes(in, in.Packet.IP.Src, m.Src, m.NotSrc) {
		return No
	}
	return yes(m.Dst == 0 || m.passes(in, in.Packet.IP.Dst, m.Dst, m.NotDst))
}

func (m *AddrTypeMatch) passes(in *Input, addr netip.Addr, set uint16, not bool) bool {
	t := in.Env.AddrType(addr, m.device(in))
	return (set>>t&1 == 1) != not
}

func appendAddrTypes(b []byte, set uint16) []byte {
	first := true
	for i, name := range addrTypes {
		if set>>i&1 == 1 {
			if !first {
				b = append(b, ',')
			}
			b, first = append(b, name...), false
		}
	}
	return b
}

// AppendTo implements [Match].
func (m *AddrTypeMatch) AppendTo(b []byte) []byte {
	b = append(b, "-m addrtype"...)
	if m.Src != 0 {
		b = appendAddrTypes(append(appendNot(append(b, ' '), m.NotSrc), "--src-type "...), m.Src)
	}
	if m.Dst != 0 {
		b = appendAddrTypes(append(appendNot(append(b, ' '), m.NotDst), "--dst-type "...), m.Dst)
	}
	if m.LimitIn {
		b = append(b, " --limit-iface-in"...)
	}
	if m.LimitOut {
		b = append(b, " --limit-iface-out"...)
	}
	return b
}

// Why implements [Match].
func (m *AddrTypeMatch) Why(in *Input) Reason {
	code, set, not, addr := ReasonSourceType, m.Src, m.NotSrc, in.Packet.IP.Src
	if m.Src == 0 || in.Env != nil && m.passes(in, addr, set, not) {
		code, set, not, addr = ReasonDestType, m.Dst, m.NotDst, in.Packet.IP.Dst
	}
	have := ""
	if in.Env != nil {
		have = in.Env.AddrType(addr, m.device(in)).String()
	}
	return reason(code, not, string(appendAddrTypes(nil, set)), have)
}
