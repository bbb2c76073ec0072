package netfilter

import (
	"net/netip"
	"testing"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/packet"
)

func TestSets(t *testing.T) {
	prefix := netip.MustParsePrefix
	sets := map[string]*Set{
		"ips":  {Type: "hash:ip", Prefixes: []netip.Prefix{prefix("10.0.0.1/32")}},
		"nets": {Type: "hash:net", Prefixes: []netip.Prefix{prefix("10.0.0.0/8"), prefix("10.1.1.0/24")}, Exceptions: []netip.Prefix{prefix("10.1.0.0/16")}},
		"odd":  {Type: "hash:net", Prefixes: []netip.Prefix{prefix("10.0.0.1/32")}, Unread: []string{"?"}},
		"ports": {Type: "hash:ip,port", Ports: []PortMember{
			{Prefix: prefix("10.0.0.2/32"), Protocol: uint8(packet.TCP), From: 80, To: 90}}},
		"nodeports": {Type: "bitmap:port", Ports: []PortMember{{From: 30000, To: 32767}}},
		"list":      {Type: "list:set", Sets: []string{"ips", "nets"}},
		"list-odd":  {Type: "list:set", Sets: []string{"gone", "ips"}},
		"loop":      {Type: "list:set", Sets: []string{"loop"}},
		"mac":       {Type: "hash:mac"},
		"ifaces":    {Type: "hash:net,iface"},
	}
	const src, dst = true, false
	one := []bool{src}
	for _, x := range []struct {
		set  string
		flow string
		dirs []bool
		want iptables.Tri
	}{
		{"ips", "10.0.0.1:1 > 10.0.0.2:80", one, iptables.Yes},
		{"ips", "10.0.0.1:1 > 10.0.0.2:80", []bool{dst}, iptables.No},
		{"ips", "10.0.0.1:1 > 10.0.0.2:80", nil, iptables.Unknown},
		{"nets", "10.2.0.1:1 > 10.0.0.2:80", one, iptables.Yes},
		{"nets", "10.1.0.1:1 > 10.0.0.2:80", one, iptables.No},  // the longer prefix is an exception
		{"nets", "10.1.1.1:1 > 10.0.0.2:80", one, iptables.Yes}, // and one longer still is not
		{"nets", "11.0.0.1:1 > 10.0.0.2:80", one, iptables.No},
		{"odd", "10.0.0.1:1 > 10.0.0.2:80", one, iptables.Yes},
		{"odd", "10.0.0.9:1 > 10.0.0.2:80", one, iptables.Unknown},
		{"ports", "10.0.0.1:1 > 10.0.0.2:80", []bool{dst, dst}, iptables.Yes},
		{"ports", "10.0.0.1:1 > 10.0.0.2:90", []bool{dst, dst}, iptables.Yes},
		{"ports", "10.0.0.1:1 > 10.0.0.2:91", []bool{dst, dst}, iptables.No},
		{"ports", "10.0.0.1:1 > 10.0.0.3:80", []bool{dst, dst}, iptables.No},
		{"ports", "10.0.0.2:80 > 10.0.0.1:1", []bool{src, src}, iptables.Yes},
		{"ports", "10.0.0.2:1 > 10.0.0.1:80", []bool{src, dst}, iptables.Yes},
		{"ports", "10.0.0.1:1 > 10.0.0.2:80", []bool{dst}, iptables.Unknown},
		{"nodeports", "10.0.0.1:1 > 10.0.0.2:30080", []bool{dst}, iptables.Yes},
		{"nodeports", "10.0.0.1:30080 > 10.0.0.2:1", []bool{dst}, iptables.No},
		{"list", "10.0.0.1:1 > 10.0.0.2:80", one, iptables.Yes},
		{"list", "10.2.0.1:1 > 10.0.0.2:80", one, iptables.Yes},
		{"list", "11.0.0.1:1 > 10.0.0.2:80", one, iptables.No},
		{"list-odd", "10.0.0.1:1 > 10.0.0.2:80", one, iptables.Yes}, // one that has it is enough
		{"list-odd", "11.0.0.1:1 > 10.0.0.2:80", one, iptables.Unknown},
		{"loop", "10.0.0.1:1 > 10.0.0.2:80", one, iptables.Unknown},
		{"mac", "10.0.0.1:1 > 10.0.0.2:80", one, iptables.Unknown},
		{"ifaces", "10.0.0.1:1 > 10.0.0.2:80", []bool{src, src}, iptables.Unknown},
	} {
		q := iptables.SetQuery{Name: x.set, Dirs: x.dirs, Packet: flow(t, packet.TCP, x.flow)}
		if got := sets[x.set].Contains(q, sets); got != x.want {
			t.Errorf("%s %v in %s: %v, want %v", x.flow, x.dirs, x.set, got, x.want)
		}
	}
	udp := iptables.SetQuery{Name: "ports", Dirs: []bool{false, false}, Packet: flow(t, packet.UDP, "10.0.0.1:1 > 10.0.0.2:80")}
	if got := sets["ports"].Contains(udp, sets); got != iptables.No {
		t.Errorf("udp in a tcp member: %v, want no", got)
	}
}
