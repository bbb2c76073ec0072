package snapshot

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/podpath/podpath/internal/topology"
)

// parseTunnel reads the line on which `ip -d` prints a tunnel device (iproute2, ip/iplink_vxlan.c and link_iptnl.c):
//
//	vxlan id 4096 local 10.0.1.10 dev eth0 srcport 0 0 dstport 4789 nolearning ttl auto ageing 300 udpcsum
//	ipip any remote any local any ttl inherit nopmtudisc
func parseTunnel(kind topology.InterfaceKind, w []string) (*topology.Tunnel, error) {
	t := &topology.Tunnel{Learning: kind == topology.VXLAN}
	number := func(s string, max uint64) (uint64, error) {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil || n > max {
			return 0, fmt.Errorf("%q: want a number up to %d", s, max)
		}
		return n, nil
	}
	for i := 0; i < len(w); i++ {
		switch w[i] {
		case "nolearning":
			t.Learning = false
			continue
		case "pmtudisc":
			t.DF = "set"
			continue
		}
		if i+1 == len(w) {
			break
		}
		v := w[i+1]
		var n uint64
		var err error
		switch w[i] {
		case "id":
			n, err = number(v, 1<<24-1)
			t.VNI = uint32(n)
		case "dstport":
			n, err = number(v, 65535)
			t.Port = uint16(n)
		case "local", "remote":
			if v == "any" {
				break
			}
			var a netip.Addr
			if a, err = netip.ParseAddr(v); err != nil {
				return nil, fmt.Errorf("%s %q: want an address or any", w[i], v)
			}
			if w[i] == "local" {
				t.Local = a
			} else {
				t.Remote = a
			}
		case "dev":
			t.Dev = v
		case "ttl":
			if v != "auto" && v != "inherit" {
				n, err = number(v, 255)
				t.TTL = uint8(n)
			}
		case "df":
			t.DF = v
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s %w", w[i], err)
		}
		i++
	}
	return t, nil
}
