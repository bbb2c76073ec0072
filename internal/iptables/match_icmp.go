package iptables

import (
	"strings"

	"github.com/podpath/podpath/internal/packet"
)

// ICMPMatch is -m icmp --icmp-type. iptables keeps type 255 for "any" (libipt_icmp.c).
type ICMPMatch struct {
	Type    uint8
	Code    uint8 // valid iff HasCode
	HasCode bool
	Not     bool
	given   bool
}

const anyICMP = 0xff

// icmpType is a name that iptables has for a type and code.
type icmpType struct {
	name string
	typ  uint8
	code int // -1: any
}

// icmpTypes are the names of libipt_icmp. A name without a code stands for every code of its type.
var icmpTypes = []icmpType{
	{"any", anyICMP, -1},
	{"echo-reply", 0, -1}, {"pong", 0, -1},
	{"destination-unreachable", 3, -1},
	{"network-unreachable", 3, 0}, {"host-unreachable", 3, 1}, {"protocol-unreachable", 3, 2}, {"port-unreachable", 3, 3},
	{"fragmentation-needed", 3, 4}, {"source-route-failed", 3, 5}, {"network-unknown", 3, 6}, {"host-unknown", 3, 7},
	{"network-prohibited", 3, 9}, {"host-prohibited", 3, 10}, {"tos-network-unreachable", 3, 11},
	{"tos-host-unreachable", 3, 12}, {"communication-prohibited", 3, 13}, {"host-precedence-violation", 3, 14},
	{"precedence-cutoff", 3, 15},
	{"source-quench", 4, -1},
	{"redirect", 5, -1}, {"network-redirect", 5, 0}, {"host-redirect", 5, 1}, {"tos-network-redirect", 5, 2},
	{"tos-host-redirect", 5, 3},
	{"echo-request", 8, -1}, {"ping", 8, -1},
	{"router-advertisement", 9, -1}, {"router-solicitation", 10, -1},
	{"time-exceeded", 11, -1}, {"ttl-exceeded", 11, -1},
	{"ttl-zero-during-transit", 11, 0}, {"ttl-zero-during-reassembly", 11, 1},
	{"parameter-problem", 12, -1}, {"ip-header-bad", 12, 0}, {"required-option-missing", 12, 1},
	{"timestamp-request", 13, -1}, {"timestamp-reply", 14, -1},
	{"address-mask-request", 17, -1}, {"address-mask-reply", 18, -1},
}

func (m *ICMPMatch) option(name string, not bool, a *args) error {
	if name != "icmp-type" {
		return errNoOption
	}
	v, ok := a.next()
	if !ok {
		return errValue
	}
	m.Not, m.given = not, true
	m.Type, m.Code, m.HasCode, ok = parseICMPType(v, icmpTypes)
	if !ok || m.Type == anyICMP && m.HasCode {
		return errValue
	}
	return nil
}

// parseICMPType reads a name, TYPE or TYPE/CODE.
func parseICMPType(s string, names []icmpType) (typ, code uint8, hasCode, ok bool) {
	for _, t := range names {
		if strings.EqualFold(t.name, s) {
			return t.typ, uint8(max(t.code, 0)), t.code >= 0, true
		}
	}
	first, second, hasCode := strings.Cut(s, "/")
	n, ok := parseUint(first, 255)
	c := uint64(0)
	if hasCode && ok {
		c, ok = parseUint(second, 255)
	}
	return uint8(n), uint8(c), hasCode, ok
}

func (m *ICMPMatch) done(r *basics) error {
	if !m.given || r.protocol != packet.ICMP {
		return errValue
	}
	return nil
}

// Matches implements [Match] (icmp_match in ip_tables.c).
func (m *ICMPMatch) Matches(in *Input) Tri {
	p := in.Packet
	if p.IP.Protocol != packet.ICMP || p.IP.Offset != 0 {
		return No
	}
	hit := m.Type == anyICMP || p.L4.ICMPType == m.Type && (!m.HasCode || p.L4.ICMPCode == m.Code)
	return yes(hit != m.Not)
}

func (m *ICMPMatch) appendValue(b []byte) []byte {
	if m.Type == anyICMP {
		return append(b, "any"...)
	}
	b = appendUint(b, m.Type)
	if m.HasCode {
		b = appendUint(append(b, '/'), m.Code)
	}
	return b
}

// AppendTo implements [Match].
func (m *ICMPMatch) AppendTo(b []byte) []byte {
	return m.appendValue(append(appendNot(append(b, "-m icmp "...), m.Not), "--icmp-type "...))
}

// Why implements [Match].
func (m *ICMPMatch) Why(in *Input) Reason {
	p := in.Packet
	if p.IP.Protocol != packet.ICMP {
		return reason(ReasonProtocol, false, "icmp", protocolName(p.IP.Protocol))
	}
	have := ICMPMatch{Type: p.L4.ICMPType, Code: p.L4.ICMPCode, HasCode: true}
	return reason(ReasonICMPType, m.Not, string(m.appendValue(nil)), string(have.appendValue(nil)))
}
