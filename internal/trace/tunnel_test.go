package trace_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/snapshot"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// tunnelHost is one of two hosts on a link, 192.0.2.1 and 192.0.2.2, with a vxlan device (VNI 7) or an ipip device in
// 10.9.0.0/24. %[1]d is the host, %[2]d the other one.
func tunnelHost(n int, kind string) map[string]string {
	far := 3 - n
	device := fmt.Sprintf(`3: vx0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450
    link/ether 02:00:00:00:00:2%d brd ff:ff:ff:ff:ff:ff
    vxlan id 7 local 192.0.2.%d dev eth0 srcport 0 0 dstport 4789 nolearning ttl auto ageing 300 udpcsum
    inet 10.9.0.%d/24 scope global vx0
`, n, n, n)
	dev, via := "vx0", ""
	if kind == "ipip" {
		device = fmt.Sprintf(`3: tun0@NONE: <NOARP,UP,LOWER_UP> mtu 1480
    link/ipip 0.0.0.0 brd 0.0.0.0
    ipip any remote any local any ttl inherit nopmtudisc
    inet 10.9.0.%d/32 scope global tun0
`, n)
		dev, via = "tun0", fmt.Sprintf("10.9.0.%d via 192.0.2.%d dev tun0 onlink\n", far, far)
	}
	connected := fmt.Sprintf("10.9.0.0/24 dev vx0 proto kernel scope link src 10.9.0.%d\n", n)
	if kind == "ipip" {
		connected = via
	}
	h := fmt.Sprintf("h%d/", n)
	return map[string]string{
		h + "addr.txt": fmt.Sprintf(`1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536
    link/loopback 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
2%d: eth0@if2%d: <BROADCAST,UP,LOWER_UP> mtu 1500
    link/ether 02:00:00:00:00:1%d brd ff:ff:ff:ff:ff:ff
    inet 192.0.2.%d/24 scope global eth0
`, n, far, n, n) + device,
		h + "route.txt": fmt.Sprintf(`192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.%d
local 192.0.2.%d dev eth0 table local proto kernel scope host src 192.0.2.%d
local 10.9.0.%d dev %s table local proto kernel scope host src 10.9.0.%d
local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1
`, n, n, n, n, dev, n) + connected,
		h + "neigh.txt":  fmt.Sprintf("10.9.0.%d dev vx0 lladdr 02:00:00:00:00:2%d PERMANENT\n", far, far),
		h + "fdb.txt":    fmt.Sprintf("02:00:00:00:00:2%d dev vx0 dst 192.0.2.%d self permanent\n", far, far),
		h + "rule.txt":   defaultRules,
		h + "sysctl.txt": "net.ipv4.ip_forward = 1\n",
	}
}

// swap replaces a piece of a file of the two hosts.
type swap struct{ file, old, new string }

// tunnelHosts are two hosts on a link, with a tunnel between them, after some swaps.
func tunnelHosts(t *testing.T, kind string, swaps ...swap) *topology.Topology {
	t.Helper()
	files := tunnelHost(1, kind)
	for k, v := range tunnelHost(2, kind) {
		files[k] = v
	}
	for _, s := range swaps {
		if s.old != "" && !strings.Contains(files[s.file], s.old) {
			t.Fatalf("%s has no %q", s.file, s.old)
		}
		files[s.file] = strings.Replace(files[s.file], s.old, s.new, 1)
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&b, "-- %s --\n%s", name, files[name])
	}
	top, err := snapshot.ReadArchive([]byte(b.String()), "tunnel")
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// TestTunnels walks what goes wrong in tunnels, and what decides about their outer packets. Each vxlan case was built as two
// real namespaces and sent once (Linux 6.18): the same end, the same counters (tx_dropped, tx_errors, ICMP sent and
// received). There was no ipip in that kernel: these cases are read from net/ipv4/ip_tunnel.c.
func TestTunnels(t *testing.T) {
	const filter = "*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n"
	for _, tt := range []struct {
		name, kind string
		swaps      []swap
		size       int
		want       string // outcome, the code that ended the first leg, and the legs
		steps      string // codes that the first leg has, in order
	}{
		{name: "vxlan", kind: "vxlan", want: "delivered delivered request reply",
			steps: "neighbour-permanent vxlan-fdb vxlan-encap route-link vxlan-decap frame-for-us delivered"},
		{name: "no FDB entry", kind: "vxlan", swaps: []swap{{"h1/fdb.txt", "02:00:00:00:00:22 dev", "02:00:00:00:00:99 dev"}},
			want: "dropped vxlan-no-fdb request"},
		{name: "the FDB's entry for unknown MACs", kind: "vxlan", swaps: []swap{{"h1/fdb.txt", "02:00:00:00:00:22 dev", "00:00:00:00:00:00 dev"}},
			want: "delivered delivered request reply", steps: "vxlan-flood vxlan-encap"},
		{name: "a far end of its own", kind: "vxlan", swaps: []swap{{"h1/fdb.txt", "02:00:00:00:00:22 dev", "02:00:00:00:00:99 dev"}, {"h1/addr.txt", "id 7 local", "id 7 remote 192.0.2.2 local"}},
			want: "delivered delivered request reply", steps: "vxlan-remote vxlan-encap"},
		{name: "another VNI", kind: "vxlan", swaps: []swap{{"h2/addr.txt", "vxlan id 7", "vxlan id 8"}}, want: "dropped no-vni request"},
		{name: "another port", kind: "vxlan", swaps: []swap{{"h2/addr.txt", "dstport 4789", "dstport 4799"}},
			want: "rejected no-vxlan-port request icmp-error"},
		{name: "another MAC inside", kind: "vxlan", swaps: []swap{{"h2/addr.txt", "02:00:00:00:00:22", "02:00:00:00:00:33"}},
			want: "dropped frame-not-for-us request", steps: "vxlan-decap"},
		{name: "the way to the far end is the tunnel", kind: "vxlan", swaps: []swap{{"h1/route.txt", "10.9.0.0/24 dev vx0", "192.0.2.2 dev vx0\n10.9.0.0/24 dev vx0"}},
			want: "dropped tunnel-loop request", steps: "vxlan-encap"},
		{name: "a far end of its own is sent to by the device's link only", kind: "vxlan", swaps: []swap{{"h1/fdb.txt", "02:00:00:00:00:22 dev", "02:00:00:00:00:99 dev"},
			{"h1/addr.txt", "id 7 local", "id 7 remote 192.0.2.2 local"}, {"h1/route.txt", "10.9.0.0/24 dev vx0", "192.0.2.2 dev vx0\n10.9.0.0/24 dev vx0"}},
			want: "delivered delivered request reply", steps: "vxlan-remote vxlan-encap"},
		{name: "and an FDB entry's by the one that it names", kind: "vxlan", swaps: []swap{{"h1/fdb.txt", "192.0.2.2 self", "192.0.2.2 via eth0 self"},
			{"h1/route.txt", "10.9.0.0/24 dev vx0", "192.0.2.2 dev vx0\n10.9.0.0/24 dev vx0"}}, want: "delivered delivered request reply", steps: "vxlan-fdb vxlan-encap"},
		{name: "the inner packet's mark chooses the outer route", kind: "vxlan", swaps: []swap{
			{"h1/rule.txt", "32766:", "100:\tfrom all fwmark 0x5 lookup 77\n32766:"}, {"h1/route.txt", "10.9.0.0/24", "blackhole 192.0.2.2 table 77\n10.9.0.0/24"},
			{"h1/iptables-save.txt", "", filter + "-A POSTROUTING -o vx0 -j MARK --set-xmark 0x5/0xffffffff\nCOMMIT\n"}},
			want: "dropped route-blackhole request", steps: "rule-mark vxlan-encap"},
		{name: "the outer packet's mark stays on the inner one", kind: "vxlan", swaps: []swap{
			{"h2/iptables-save.txt", "", filter + "-A PREROUTING -i vx0 -m mark --mark 0x9 -j DROP\n-A INPUT -i eth0 -p udp -m udp --dport 4789 -j MARK --set-xmark 0x9/0xffffffff\nCOMMIT\n"}},
			want: "dropped rule-drop request", steps: "rule-mark vxlan-decap"},
		{name: "ipip", kind: "ipip", want: "delivered delivered request reply", steps: "ipip-encap route-link ipip-decap frame-raw delivered"},
		{name: "no ipip device", kind: "ipip", swaps: []swap{{"h2/addr.txt", "<NOARP,UP,LOWER_UP>", "<NOARP>"}},
			want: "rejected no-ipip request icmp-error"},
		{name: "ipip between other ends", kind: "ipip", swaps: []swap{{"h2/addr.txt", "remote any local any", "remote 192.0.2.77 local any"}},
			want: "rejected no-ipip request icmp-error"},
		{name: "ipip between these ends", kind: "ipip", swaps: []swap{{"h2/addr.txt", "remote any local any", "remote 192.0.2.1 local 192.0.2.2"}},
			want: "delivered delivered request reply"},
		{name: "too big for the way outside", kind: "ipip", swaps: []swap{{"h1/addr.txt", "mtu 1480", "mtu 1500"}}, size: 1460,
			want: "dropped too-big request icmp-error", steps: "ipip-encap"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			top := tunnelHosts(t, tt.kind, tt.swaps...)
			tr, err := trace.Run(top, trace.Query{From: "h1", To: netip.MustParseAddr("10.9.0.2"), Protocol: packet.UDP, DstPort: 99, Payload: max(4, tt.size), DF: true})
			if err != nil {
				t.Fatal(err)
			}
			d := tr.Document()
			got := []string{string(d.Outcome), string(tr.End(&tr.Legs[0]).Code)}
			for _, l := range d.Legs {
				got = append(got, l.Kind)
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("got %s, want %s", s, tt.want)
			}
			var codes []string
			for _, h := range d.Legs[0].Hops {
				for _, s := range h.Steps {
					codes = append(codes, s.Code)
				}
			}
			rest := codes
			for _, c := range strings.Fields(tt.steps) {
				i := slices.Index(rest, c)
				if i < 0 {
					t.Fatalf("no %s (in this order) in %v", c, codes)
				}
				rest = rest[i+1:]
			}
		})
	}
}

// TestOuterHeaders holds the outer headers to what the two kinds of device write (facts/calico.md, section 4).
func TestOuterHeaders(t *testing.T) {
	for _, tt := range []struct {
		kind string
		swap []swap
		want string
	}{
		{"vxlan", nil, "udp ttl 64 df false len 82 → 4789 vni 7"},
		{"vxlan", []swap{{"h1/addr.txt", "ttl auto", "ttl 9 df set"}}, "udp ttl 9 df true len 82 → 4789 vni 7"},
		{"vxlan", []swap{{"h1/addr.txt", "ttl auto", "ttl auto df inherit"}}, "udp ttl 64 df true len 82 → 4789 vni 7"},
		{"ipip", nil, "ipip ttl 21 df true len 52 → 0 vni 0"},
		{"ipip", []swap{{"h1/addr.txt", "ttl inherit", "ttl 7"}}, "ipip ttl 7 df true len 52 → 0 vni 0"},
	} {
		top := tunnelHosts(t, tt.kind, tt.swap...)
		tr, err := trace.Run(top, trace.Query{From: "h1", To: netip.MustParseAddr("10.9.0.2"), Protocol: packet.UDP, DstPort: 99, Payload: 4, DF: true, TTL: 21})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(tr.Packets, func(p packet.Packet) bool { return p.Encap != packet.NoEncap })
		if i < 0 {
			t.Fatalf("%s: no packet in a tunnel", tt.kind)
		}
		p := &tr.Packets[i]
		if got := fmt.Sprintf("%v ttl %d df %v len %d → %d vni %d", p.IP.Protocol, p.IP.TTL, p.IP.DF, p.IP.Len, p.L4.DstPort, p.VNI); got != tt.want {
			t.Errorf("%s %v: got %s, want %s", tt.kind, tt.swap, got, tt.want)
		}
	}
}

// TestFlowPort: the outer source port is the same for the same flow, another for most others, and lies in the kernel's local
// range (udp_flow_src_port; 32768 to 60999 by default).
func TestFlowPort(t *testing.T) {
	top := tunnelHosts(t, "vxlan")
	port := func(sport uint16) uint16 {
		tr, err := trace.Run(top, trace.Query{From: "h1", To: netip.MustParseAddr("10.9.0.2"), Protocol: packet.UDP, SrcPort: sport, DstPort: 99})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(tr.Packets, func(p packet.Packet) bool { return p.Encap != packet.NoEncap })
		if i < 0 {
			t.Fatal("no packet in a tunnel")
		}
		return tr.Packets[i].L4.SrcPort
	}
	seen := map[uint16]bool{}
	for sport := uint16(1000); sport < 1200; sport++ {
		p := port(sport)
		if p < 32768 || p > 60999 {
			t.Fatalf("flow from port %d has the outer port %d", sport, p)
		}
		seen[p] = true
	}
	if len(seen) < 190 {
		t.Errorf("200 flows have %d outer ports", len(seen))
	}
	if first, again := port(1000), port(1000); first != again {
		t.Error("a flow has two outer ports")
	}
}

// TestUnreadTunnel: where the dump does not say what a device puts around a packet, the trace ends there and names it.
func TestUnreadTunnel(t *testing.T) {
	a := netip.MustParseAddr("10.9.0.1")
	ns := &topology.Namespace{Name: "h1", Interfaces: []*topology.Interface{topology.LoopbackInterface(),
		{Index: 2, Name: "tun0", Kind: topology.IPIP, MTU: 1480, Up: true, Addresses: []topology.Address{{Prefix: topology.Single(a)}}}},
		Routes: append(topology.LocalRoutes(topology.Single(a), "tun0"), &topology.Route{Type: topology.Unicast, Dst: topology.Everywhere(), Table: topology.TableMain,
			Nexthops: []topology.Nexthop{{Dev: "tun0"}}})}
	top := &topology.Topology{}
	top.AddNamespace(ns)
	tr, err := trace.Run(top, trace.Query{From: "h1", To: netip.MustParseAddr("10.9.0.2"), Protocol: packet.UDP, DstPort: 9})
	if err != nil {
		t.Fatal(err)
	}
	if d := tr.Document(); d.Outcome != trace.Undetermined || d.Reason.Code != string(trace.TunnelUnread) || d.Reason.Args["dev"] != "tun0" {
		t.Errorf("%s: %v", d.Outcome, d.Reason)
	}
}
