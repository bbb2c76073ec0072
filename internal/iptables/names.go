package iptables

import (
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/packet"
)

// protocolNames are /etc/protocols as Debian and most distributions ship it (IANA's numbers): iptables-save prints a
// protocol's name where it has one. 4 is ipencap there; the name ipip belongs to 94.
var protocolNames = [256]string{
	1: "icmp", 2: "igmp", 3: "ggp", 4: "ipencap", 5: "st", 6: "tcp", 8: "egp", 9: "igp", 12: "pup", 17: "udp", 20: "hmp",
	22: "xns-idp", 27: "rdp", 29: "iso-tp4", 33: "dccp", 36: "xtp", 37: "ddp", 38: "idpr-cmtp", 41: "ipv6",
	43: "ipv6-route", 44: "ipv6-frag", 45: "idrp", 46: "rsvp", 47: "gre", 50: "esp", 51: "ah", 57: "skip",
	58: "ipv6-icmp", 59: "ipv6-nonxt", 60: "ipv6-opts", 73: "rspf", 81: "vmtp", 88: "eigrp", 89: "ospf", 93: "ax.25",
	94: "ipip", 97: "etherip", 98: "encap", 103: "pim", 108: "ipcomp", 112: "vrrp", 115: "l2tp", 124: "isis",
	132: "sctp", 133: "fc", 135: "mobility-header", 136: "udplite", 137: "mpls-in-ip", 138: "manet", 139: "hip",
	140: "shim6", 141: "wesp", 142: "rohc", 143: "ethernet",
}

const (
	dccp    packet.Protocol = 33
	udplite packet.Protocol = 136
)

func protocolName(p packet.Protocol) string {
	if n := protocolNames[p]; n != "" {
		return n
	}
	return strconv.Itoa(int(p))
}

func appendProtocol(b []byte, p packet.Protocol) []byte {
	if n := protocolNames[p]; n != "" {
		return append(b, n...)
	}
	return strconv.AppendUint(b, uint64(p), 10)
}

// fromFile says whether iptables knows the protocol's name from /etc/protocols only, not by itself (xtables_chain_protos
// in xtables.c): a host without that file prints the number.
func fromFile(p packet.Protocol) bool {
	switch p {
	case packet.TCP, packet.UDP, packet.SCTP, packet.ICMP, udplite, 50, 51, 58, 135:
		return false
	}
	return protocolNames[p] != ""
}

// parseProtocol reads what may follow -p: a number in any base, or a name in any case; "all" is 0.
func parseProtocol(s string) (packet.Protocol, bool) {
	switch s {
	case "tcp":
		return packet.TCP, true
	case "udp":
		return packet.UDP, true
	}
	if n, ok := parseUint(s, 255); ok {
		return packet.Protocol(n), true
	}
	s = strings.ToLower(s)
	switch s {
	case "all":
		return 0, true
	case "icmpv6":
		return 58, true
	case "ipv6-mh", "mh":
		return 135, true
	}
	for i, n := range protocolNames {
		if n != "" && n == s {
			return packet.Protocol(i), true
		}
	}
	return 0, false
}

// services are the names of ports that rules written by hand use (/etc/services). A name that is not here makes the
// match not understood rather than a guess.
var services = map[string]uint16{
	"ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "time": 37, "domain": 53, "bootps": 67, "bootpc": 68,
	"tftp": 69, "http": 80, "www": 80, "kerberos": 88, "pop3": 110, "sunrpc": 111, "ntp": 123, "netbios-ns": 137,
	"netbios-dgm": 138, "netbios-ssn": 139, "imap2": 143, "snmp": 161, "bgp": 179, "ldap": 389, "https": 443,
	"microsoft-ds": 445, "isakmp": 500, "syslog": 514, "submission": 587, "ldaps": 636, "imaps": 993, "pop3s": 995,
	"mysql": 3306, "postgresql": 5432, "http-alt": 8080,
}

func parsePort(s string) (uint16, bool) {
	if n, ok := parseUint(s, 0xffff); ok {
		return uint16(n), true
	}
	n, ok := services[s]
	return n, ok
}

// parseUint reads a number as xtables_strtoui does: decimal, 0x for hexadecimal, 0 for octal. It takes none of the
// further forms that Go's base 0 knows.
func parseUint(s string, max uint64) (uint64, bool) {
	if s == "" {
		return 0, false
	}
	base, digits := 10, s
	switch {
	case len(s) > 2 && (s[1] == 'x' || s[1] == 'X') && s[0] == '0':
		base, digits = 16, s[2:]
	case len(s) > 1 && s[0] == '0':
		base, digits = 8, s[1:]
	}
	if c := digits[0]; c == '+' || c == '-' {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, base, 64)
	return n, err == nil && n <= max
}

func parseUint32(s string) (uint32, bool) {
	n, ok := parseUint(s, 0xffffffff)
	return uint32(n), ok
}

// parseMarkMask reads VALUE[/MASK]; without a mask all bits count.
func parseMarkMask(s string) (value, mask uint32, ok bool) {
	v, m, masked := strings.Cut(s, "/")
	if value, ok = parseUint32(v); !ok || !masked {
		return value, 0xffffffff, ok
	}
	mask, ok = parseUint32(m)
	return value, mask, ok
}

func appendHex(b []byte, n uint32) []byte {
	return strconv.AppendUint(append(b, "0x"...), uint64(n), 16)
}

func appendUint[T ~uint8 | ~uint16 | ~uint32 | ~uint64](b []byte, n T) []byte {
	return strconv.AppendUint(b, uint64(n), 10)
}

// appendNot writes the inversion that stands before an option.
func appendNot(b []byte, not bool) []byte {
	if not {
		return append(b, "! "...)
	}
	return b
}
