package iptables

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"
)

// family is which of the two programs wrote a rule, as far as the rule itself shows it. Rules are read without being told
// whose they are: nearly all of what iptables and ip6tables print is the same.
type family uint8

const (
	anyFamily family = iota
	ipv4
	ipv6
)

// claim notes that something in the rule belongs to one family. It returns false where something before it belongs to
// the other: neither program would take such a rule.
func (r *basics) claim(f family) bool {
	if r.family == anyFamily {
		r.family = f
	}
	return f == anyFamily || r.family == f
}

// familyOf is the family that the options of a match or target show.
func familyOf(x extension) family {
	switch x := x.(type) {
	case *ICMPMatch, *TTLTarget:
		return ipv4
	case *ICMP6Match:
		return ipv6
	case *RecentMatch:
		return x.family
	case *ConntrackMatch:
		return x.family
	case *RejectTarget:
		return x.family()
	case *NATTarget:
		switch {
		case x.Range.Min.Is4():
			return ipv4
		case x.Range.Min.Is6():
			return ipv6
		}
	}
	return anyFamily
}

// addressTest is -s or -d of either family.
type addressTest interface {
	Match
	// matters says whether iptables keeps the test at all.
	matters() bool
}

// newAddressTest reads ADDR[/LENGTH|/MASK] of either family; anyFamily where it is neither's.
func (a *arena) newAddressTest(s string, dst, not bool) (addressTest, family) {
	if addr, mask, ok := parseAddressMask(s); ok {
		m := a.addresses.take()
		*m = AddressMatch{Addr: addr, Mask: mask, Dst: dst, Not: not}
		return m, ipv4
	}
	if p, ok := parsePrefix6(s); ok {
		return &Address6Match{prefix6: p, Dst: dst, Not: not}, ipv6
	}
	return nil, anyFamily
}

// prefix6 is an IPv6 address under a mask, which may have holes.
type prefix6 struct{ addr, mask [16]byte }

var wholeMask6 = [16]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}

// parsePrefix6 reads ADDR[/LENGTH|/MASK] (xtables_ip6parse_any in xtables.c). Bits outside the mask are dropped.
func parsePrefix6(s string) (p prefix6, ok bool) {
	a, m, masked := strings.Cut(s, "/")
	if p.addr, ok = parseAddress6(a); !ok {
		return p, false
	}
	p.mask = wholeMask6
	if masked {
		if n, isLen := parseDecimal(m); !isLen {
			if p.mask, ok = parseAddress6(m); !ok {
				return p, false
			}
		} else if n > 128 {
			return p, false
		} else {
			p.mask = lengthMask6(n)
		}
	}
	for i := range p.addr {
		p.addr[i] &= p.mask[i]
	}
	return p, true
}

// parseAddress6 reads an address that no zone is part of, as inet_pton does.
func parseAddress6(s string) ([16]byte, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is6() || a.Zone() != "" {
		return [16]byte{}, false
	}
	return a.As16(), true
}

func lengthMask6(n int) (m [16]byte) {
	for i := range m {
		m[i] = ^byte(0xff >> min(n, 8))
		n -= min(n, 8)
	}
	return m
}

// appendTo writes the prefix with its length, or with its mask where that is none.
func (p *prefix6) appendTo(b []byte) []byte {
	b = append(appendAddress(b, netip.AddrFrom16(p.addr)), '/')
	n := bits.LeadingZeros64(^binary.BigEndian.Uint64(p.mask[:8]))
	if n == 64 {
		n += bits.LeadingZeros64(^binary.BigEndian.Uint64(p.mask[8:]))
	}
	if p.mask == lengthMask6(n) {
		return strconv.AppendInt(b, int64(n), 10)
	}
	return appendAddress(b, netip.AddrFrom16(p.mask))
}

// appendAddress writes an address as inet_ntop of glibc does, which iptables prints with. That is RFC 5952 but for
// addresses with nothing in their first 96 bits: those end as an IPv4 address (::1.2.3.4), unless the next 16 are empty
// too (::1).
func appendAddress(b []byte, a netip.Addr) []byte {
	if a.Is6() {
		if v := a.As16(); [12]byte(v[:12]) == ([12]byte{}) && (v[12] != 0 || v[13] != 0) {
			return netip.AddrFrom4([4]byte(v[12:])).AppendTo(append(b, "::"...))
		}
	}
	return a.AppendTo(b)
}

// Address6Match is -s or -d of ip6tables. Packets are IPv4, so that the test fails unless it is inverted.
type Address6Match struct {
	prefix6
	Dst, Not bool
}

// Prefix is the address and mask that the test asks for.
func (m *Address6Match) Prefix() (addr, mask netip.Addr) {
	return netip.AddrFrom16(m.addr), netip.AddrFrom16(m.mask)
}

func (m *Address6Match) matters() bool { return m.mask != [16]byte{} || m.Not }

// Matches implements [Match].
func (m *Address6Match) Matches(*Input) Tri { return yes(m.Not) }

// AppendTo implements [Match].
func (m *Address6Match) AppendTo(b []byte) []byte {
	b = appendNot(b, m.Not)
	if m.Dst {
		b = append(b, "-d "...)
	} else {
		b = append(b, "-s "...)
	}
	return m.appendTo(b)
}

// Why implements [Match].
func (m *Address6Match) Why(in *Input) Reason {
	want := string(m.appendTo(nil))
	if m.Dst {
		return reason(ReasonDestination, m.Not, want, in.Packet.IP.Dst.String())
	}
	return reason(ReasonSource, m.Not, want, in.Packet.IP.Src.String())
}

// ICMP6Match is -m icmp6 --icmpv6-type. No packet here has an ICMPv6 header.
type ICMP6Match struct {
	Type    uint8
	Code    uint8 // valid iff HasCode
	HasCode bool
	Not     bool
	given   bool
}

const icmp6 = 58 // IPPROTO_ICMPV6

// icmp6Types are the names of libip6t_icmp6.
var icmp6Types = []icmpType{
	{"destination-unreachable", 1, -1}, {"no-route", 1, 0}, {"communication-prohibited", 1, 1}, {"beyond-scope", 1, 2},
	{"address-unreachable", 1, 3}, {"port-unreachable", 1, 4}, {"failed-policy", 1, 5}, {"reject-route", 1, 6},
	{"packet-too-big", 2, -1},
	{"time-exceeded", 3, -1}, {"ttl-exceeded", 3, -1}, {"ttl-zero-during-transit", 3, 0},
	{"ttl-zero-during-reassembly", 3, 1},
	{"parameter-problem", 4, -1}, {"bad-header", 4, 0}, {"unknown-header-type", 4, 1}, {"unknown-option", 4, 2},
	{"echo-request", 128, -1}, {"ping", 128, -1}, {"echo-reply", 129, -1}, {"pong", 129, -1},
	{"router-solicitation", 133, -1}, {"router-advertisement", 134, -1},
	{"neighbour-solicitation", 135, -1}, {"neighbor-solicitation", 135, -1},
	{"neighbour-advertisement", 136, -1}, {"neighbor-advertisement", 136, -1},
	{"redirect", 137, -1},
}

func (m *ICMP6Match) option(name string, not bool, a *args) error {
	if name != "icmpv6-type" {
		return errNoOption
	}
	v, ok := a.next()
	m.Not, m.given = not, true
	if ok {
		m.Type, m.Code, m.HasCode, ok = parseICMPType(v, icmp6Types)
	}
	if !ok {
		return errValue
	}
	return nil
}

func (m *ICMP6Match) done(r *basics) error {
	if !m.given || r.protocol != icmp6 {
		return errValue
	}
	return nil
}

// Matches implements [Match].
func (m *ICMP6Match) Matches(*Input) Tri { return No }

func (m *ICMP6Match) appendValue(b []byte) []byte {
	b = appendUint(b, m.Type)
	if m.HasCode {
		b = appendUint(append(b, '/'), m.Code)
	}
	return b
}

// AppendTo implements [Match].
func (m *ICMP6Match) AppendTo(b []byte) []byte {
	return m.appendValue(append(appendNot(append(b, "-m icmp6 "...), m.Not), "--icmpv6-type "...))
}

// Why implements [Match].
func (m *ICMP6Match) Why(in *Input) Reason {
	return reason(ReasonICMPType, m.Not, string(m.appendValue(nil)), protocolName(in.Packet.IP.Protocol)+" in IPv4")
}
