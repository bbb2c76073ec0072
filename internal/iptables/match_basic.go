package iptables

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/packet"
)

// AddressMatch is -s or -d. Mask may have holes, as iptables allows (255.0.255.0).
type AddressMatch struct {
	Addr, Mask uint32
	Dst, Not   bool
}

// parseAddressMask reads ADDR[/LENGTH|/MASK]. Parts left out of the address are zero at its end: 10.1/16 is 10.1.0.0/16
// (xtables_ipparse_any in xtables.c). Bits outside the mask are dropped, as iptables drops them.
func parseAddressMask(s string) (addr, mask uint32, ok bool) {
	a, m, masked := strings.Cut(s, "/")
	if addr, ok = parseAddress(a); !ok {
		return 0, 0, false
	}
	mask = 0xffffffff
	if masked {
		if n, isLen := parseDecimal(m); isLen {
			if n > 32 {
				return 0, 0, false
			}
			mask = uint32(uint64(0xffffffff) << (32 - n))
		} else {
			ma, err := netip.ParseAddr(m)
			if err != nil || !ma.Is4() {
				return 0, 0, false
			}
			mask = toUint32(ma)
		}
	}
	return addr & mask, mask, true
}

func parseAddress(s string) (uint32, bool) {
	if a, err := netip.ParseAddr(s); err == nil {
		return toUint32(a), a.Is4()
	}
	var addr uint32
	parts := strings.Split(s, ".")
	if len(parts) > 3 {
		return 0, false
	}
	for i, p := range parts {
		n, ok := parseDecimal(p)
		if !ok || n > 255 {
			return 0, false
		}
		addr |= uint32(n) << (24 - 8*i)
	}
	return addr, true
}

func parseDecimal(s string) (int, bool) {
	if s == "" || len(s) > 3 || s[0] == '+' || s[0] == '-' {
		return 0, false
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

func toUint32(a netip.Addr) uint32 {
	if !a.Is4() {
		return 0
	}
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func toAddr(a uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], a)
	return netip.AddrFrom4(b)
}

// appendMask appends "/24", or "/255.0.255.0" where the mask is no prefix.
func appendMask(b []byte, mask uint32) []byte {
	b = append(b, '/')
	if n := bits.LeadingZeros32(^mask); mask == uint32(uint64(0xffffffff)<<(32-n)) {
		return strconv.AppendInt(b, int64(n), 10)
	}
	return toAddr(mask).AppendTo(b)
}

// matters says whether iptables keeps the test at all: 0.0.0.0/0 is every address, though not with a `!`.
func (m *AddressMatch) matters() bool { return m.Mask != 0 || m.Not }

func (m *AddressMatch) have(in *Input) netip.Addr {
	if m.Dst {
		return in.Packet.IP.Dst
	}
	return in.Packet.IP.Src
}

// Matches implements [Match] (ip_packet_match in ip_tables.c).
func (m *AddressMatch) Matches(in *Input) Tri {
	a := &in.Packet.IP.Src
	if m.Dst {
		a = &in.Packet.IP.Dst
	}
	return yes((toUint32(*a)&m.Mask == m.Addr) != m.Not)
}

// AppendTo implements [Match].
func (m *AddressMatch) AppendTo(b []byte) []byte {
	b = appendNot(b, m.Not)
	if m.Dst {
		b = append(b, "-d "...)
	} else {
		b = append(b, "-s "...)
	}
	return m.appendValue(b)
}

func (m *AddressMatch) appendValue(b []byte) []byte {
	return appendMask(toAddr(m.Addr).AppendTo(b), m.Mask)
}

// Why implements [Match].
func (m *AddressMatch) Why(in *Input) Reason {
	code := ReasonSource
	if m.Dst {
		code = ReasonDestination
	}
	return reason(code, m.Not, string(m.appendValue(nil)), m.have(in).String())
}

// InterfaceMatch is -i or -o. A name that ends in + stands for all that begin with what is before it.
type InterfaceMatch struct {
	Name     string
	Out, Not bool

	prefix string // Name without +, iff wild
	wild   bool
}

func newInterfaceMatch(name string, out, not bool) *InterfaceMatch {
	m := &InterfaceMatch{Name: name, Out: out, Not: not}
	m.prefix, m.wild = strings.CutSuffix(name, "+")
	return m
}

// interfaceName says whether the kernel could have an interface of that name (IFNAMSIZ is 16 with its final NUL).
func interfaceName(s string) bool {
	return s != "" && len(s) < 16 && !strings.ContainsAny(s, " \t\"/")
}

// Matches implements [Match]. Where the packet has no such interface its name is empty, as in the kernel.
func (m *InterfaceMatch) Matches(in *Input) Tri {
	have := in.In
	if m.Out {
		have = in.Out
	}
	return yes(m.passes(have))
}

func (m *InterfaceMatch) passes(have string) bool {
	if m.wild {
		return strings.HasPrefix(have, m.prefix) != m.Not
	}
	return (have == m.Name) != m.Not
}

// AppendTo implements [Match].
func (m *InterfaceMatch) AppendTo(b []byte) []byte {
	b = appendNot(b, m.Not)
	if m.Out {
		b = append(b, "-o "...)
	} else {
		b = append(b, "-i "...)
	}
	return append(b, m.Name...)
}

// Why implements [Match].
func (m *InterfaceMatch) Why(in *Input) Reason {
	if m.Out {
		return reason(ReasonOutInterface, m.Not, m.Name, in.Out)
	}
	return reason(ReasonInInterface, m.Not, m.Name, in.In)
}

// ProtocolMatch is -p.
type ProtocolMatch struct {
	Protocol packet.Protocol
	Not      bool
	Number   bool // printed as a number though it has a name: the dump is of a host without /etc/protocols
}

// Matches implements [Match].
func (m *ProtocolMatch) Matches(in *Input) Tri {
	return yes((in.Packet.IP.Protocol == m.Protocol) != m.Not)
}

// AppendTo implements [Match].
func (m *ProtocolMatch) AppendTo(b []byte) []byte {
	b = append(appendNot(b, m.Not), "-p "...)
	if m.Number {
		return appendUint(b, m.Protocol)
	}
	return appendProtocol(b, m.Protocol)
}

// Why implements [Match].
func (m *ProtocolMatch) Why(in *Input) Reason {
	return reason(ReasonProtocol, m.Not, protocolName(m.Protocol), protocolName(in.Packet.IP.Protocol))
}

// FragmentMatch is -f: the second and further fragments of a packet, which have no ports.
type FragmentMatch struct{ Not bool }

// Matches implements [Match].
func (m *FragmentMatch) Matches(in *Input) Tri { return yes((in.Packet.IP.Offset != 0) != m.Not) }

// AppendTo implements [Match].
func (m *FragmentMatch) AppendTo(b []byte) []byte { return append(appendNot(b, m.Not), "-f"...) }

// Why implements [Match].
func (m *FragmentMatch) Why(in *Input) Reason {
	return reason(ReasonFragment, m.Not, "further fragment", strconv.Itoa(int(in.Packet.IP.Offset)))
}

// UnknownMatch is a match that podpath does not model, kept as its text.
type UnknownMatch struct{ Text string }

// Matches implements [Match].
func (m *UnknownMatch) Matches(*Input) Tri { return Unknown }

// AppendTo implements [Match].
func (m *UnknownMatch) AppendTo(b []byte) []byte { return append(b, m.Text...) }

// Why implements [Match].
func (m *UnknownMatch) Why(*Input) Reason {
	return Reason{Code: ReasonNotUnderstood, Args: [][2]string{{"text", m.Text}}}
}

func yes(b bool) Tri {
	if b {
		return Yes
	}
	return No
}

func (t Tri) not(invert bool) Tri {
	if invert && t != Unknown {
		return Yes - t
	}
	return t
}
