package packet

import (
	"fmt"
	"strconv"
)

func itoa(n int) string { return strconv.Itoa(n) }

const hexDigits = "0123456789abcdef"

// String writes the address as ip(8) does: lower-case pairs with colons.
func (m MAC) String() string {
	var b [17]byte
	for i, x := range m {
		if i > 0 {
			b[i*3-1] = ':'
		}
		b[i*3] = hexDigits[x>>4]
		b[i*3+1] = hexDigits[x&15]
	}
	return string(b[:])
}

// ParseMAC reads six hexadecimal pairs with colons. It returns an error that quotes the text.
func ParseMAC(s string) (MAC, error) {
	var m MAC
	if len(s) != 17 {
		return m, fmt.Errorf("MAC address %q: want six hexadecimal pairs such as 02:00:00:00:00:01", s)
	}
	for i := range m {
		v, err := strconv.ParseUint(s[i*3:i*3+2], 16, 8)
		if err != nil || i < 5 && s[i*3+2] != ':' {
			return MAC{}, fmt.Errorf("MAC address %q: want six hexadecimal pairs such as 02:00:00:00:00:01", s)
		}
		m[i] = byte(v)
	}
	return m, nil
}

// ParseProtocol reads a protocol's name or number, as after iptables' -p.
func ParseProtocol(s string) (Protocol, error) {
	switch s {
	case "icmp":
		return ICMP, nil
	case "ipip", "ipencap", "ipv4":
		return IPIP, nil
	case "tcp":
		return TCP, nil
	case "udp":
		return UDP, nil
	case "sctp":
		return SCTP, nil
	}
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil {
		return 0, fmt.Errorf("protocol %q: want tcp, udp, icmp, sctp, ipip or a number up to 255", s)
	}
	return Protocol(n), nil
}
