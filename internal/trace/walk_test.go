package trace_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/snapshot"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// base is a client and a server on two links of a router: client 10.0.1.2, router 10.0.1.1 and 10.0.2.1, server
// 10.0.2.2. A third link, spare, leads nowhere. Each case appends to its pieces.
var base = map[string]string{
	"client/addr.txt": `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536
    link/loopback 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
11: eth0@if21: <BROADCAST,UP,LOWER_UP> mtu 9000
    link/ether 02:00:00:00:00:11 brd ff:ff:ff:ff:ff:ff
    inet 10.0.1.2/24 scope global eth0
`,
	"client/route.txt": `default via 10.0.1.1 dev eth0
10.0.1.0/24 dev eth0 proto kernel scope link src 10.0.1.2
local 10.0.1.2 dev eth0 table local proto kernel scope host src 10.0.1.2
local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1
`,
	"client/sysctl.txt": "net.ipv4.ip_forward = 0\n",
	"client/rule.txt":   defaultRules,
	"router/addr.txt": `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536
    link/loopback 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
21: left@if11: <BROADCAST,UP,LOWER_UP> mtu 9000
    link/ether 02:00:00:00:00:21 brd ff:ff:ff:ff:ff:ff
    inet 10.0.1.1/24 scope global left
22: right@if31: <BROADCAST,UP,LOWER_UP> mtu 1500
    link/ether 02:00:00:00:00:22 brd ff:ff:ff:ff:ff:ff
    inet 10.0.2.1/24 scope global right
23: spare@if99: <BROADCAST,UP,LOWER_UP> mtu 1500
    link/ether 02:00:00:00:00:23 brd ff:ff:ff:ff:ff:ff
    inet 10.0.3.1/24 scope global spare
`,
	"router/route.txt": `10.0.1.0/24 dev left proto kernel scope link src 10.0.1.1
10.0.2.0/24 dev right proto kernel scope link src 10.0.2.1
10.0.3.0/24 dev spare proto kernel scope link src 10.0.3.1
local 10.0.1.1 dev left table local proto kernel scope host src 10.0.1.1
local 10.0.2.1 dev right table local proto kernel scope host src 10.0.2.1
local 10.0.3.1 dev spare table local proto kernel scope host src 10.0.3.1
local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1
`,
	"router/rule.txt":   defaultRules,
	"router/sysctl.txt": "net.ipv4.ip_forward = 1\n",
	"server/addr.txt": `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536
    link/loopback 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
31: eth0@if22: <BROADCAST,UP,LOWER_UP> mtu 1500
    link/ether 02:00:00:00:00:31 brd ff:ff:ff:ff:ff:ff
    inet 10.0.2.2/24 scope global eth0
`,
	"server/route.txt": `default via 10.0.2.1 dev eth0
10.0.2.0/24 dev eth0 proto kernel scope link src 10.0.2.2
local 10.0.2.2 dev eth0 table local proto kernel scope host src 10.0.2.2
local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1
`,
	"server/rule.txt":   defaultRules,
	"server/sysctl.txt": "net.ipv4.ip_forward = 0\n",
}

const defaultRules = "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n"

// archive joins base with a case's additions (name → text to append).
func archive(add map[string]string) []byte {
	names := map[string]bool{}
	for n := range base {
		names[n] = true
	}
	for n := range add {
		names[n] = true
	}
	var b strings.Builder
	for _, n := range sorted(names) {
		b.WriteString("-- " + n + " --\n" + base[n] + add[n])
		if !strings.HasSuffix(base[n]+add[n], "\n") {
			b.WriteString("\n")
		}
	}
	return []byte(b.String())
}

func sorted(m map[string]bool) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// way is the namespaces and devices a leg crossed: "client:eth0> router>left …".
func way(t *trace.Trace, leg int) string {
	var out []string
	for _, r := range t.Path() {
		if r.Packet == leg+1 {
			sign := ">"
			if r.Dir == "in" {
				sign = "<"
			}
			out = append(out, r.NS+sign+r.Dev)
		}
	}
	return strings.Join(out, " ")
}

const (
	there = "client>eth0 router<left router>right server<eth0"
	back  = "server>eth0 router<right router>left client<eth0"
)

func TestWalk(t *testing.T) {
	nat := func(rules ...string) string {
		return "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n" + strings.Join(rules, "\n") + "\nCOMMIT\n"
	}
	filter := func(rules ...string) string {
		return "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n" + strings.Join(rules, "\n") + "\nCOMMIT\n"
	}
	for _, tt := range []struct {
		name    string
		add     map[string]string
		edit    func(q *trace.Query)
		outcome trace.Outcome
		code    trace.Code // of the step that ended the first leg that was not delivered
		reason  string     // the kernel's skb_drop_reason there
		legs    []string   // the ways of the legs
		check   func(t *testing.T, tr *trace.Trace)
	}{
		{name: "there and back", outcome: trace.Delivered, legs: []string{there, back}},
		{name: "udp", edit: proto(packet.UDP), outcome: trace.Delivered, legs: []string{there, back}},
		{name: "echo", edit: proto(packet.ICMP), outcome: trace.Delivered, legs: []string{there, back}},

		// rp_filter (fib_validate_source in net/ipv4/fib_frontend.c): strict wants the way back by the same device, loose
		// any way back at all; conf.all and conf.<dev> count by the larger.
		{name: "strict, the way back is another", add: map[string]string{"router/sysctl.txt": "net.ipv4.conf.left.rp_filter = 1\n", "router/rule.txt": "100:\tfrom 10.0.2.2 lookup 100\n", "router/route.txt": "default dev spare table 100\n"},
			outcome: trace.Dropped, code: trace.ReversePathFailed, reason: "IP_RPFILTER", legs: []string{"client>eth0 router<left"}},
		{name: "strict from conf.all", add: map[string]string{"router/sysctl.txt": "net.ipv4.conf.all.rp_filter = 1\nnet.ipv4.conf.left.rp_filter = 0\n", "router/rule.txt": "100:\tfrom 10.0.2.2 lookup 100\n", "router/route.txt": "default dev spare table 100\n"},
			outcome: trace.Dropped, code: trace.ReversePathFailed, reason: "IP_RPFILTER", legs: []string{"client>eth0 router<left"}},
		{name: "loose, the way back is another", add: map[string]string{"router/sysctl.txt": "net.ipv4.conf.all.rp_filter = 1\nnet.ipv4.conf.left.rp_filter = 2\nnet.ipv4.conf.right.rp_filter = 0\n",
			"router/rule.txt": "100:\tfrom 10.0.2.2 to 10.0.1.2 iif right lookup 100\n", "router/route.txt": "default dev spare table 100\n"},
			outcome: trace.Dropped, code: trace.NeighbourFailed, reason: "NEIGH_FAILED", legs: []string{there, "server>eth0 router<right", "router>right server<eth0"}},
		{name: "loose, no way back", add: map[string]string{"router/sysctl.txt": "net.ipv4.conf.left.rp_filter = 2\n"}, edit: from("172.31.0.1"),
			outcome: trace.Dropped, code: trace.ReversePathFailed, reason: "IP_RPFILTER", legs: []string{"client>eth0 router<left"}},
		{name: "off, no way back", edit: from("172.31.0.1"), outcome: trace.Dropped, code: trace.RouteNone, reason: "IP_INNOROUTES",
			legs: []string{there, "server>eth0 router<right", "router>right server<eth0"}},
		{name: "a source of the router's own", edit: from("10.0.2.1"), outcome: trace.Dropped, code: trace.MartianSource, reason: "IP_LOCAL_SOURCE", legs: []string{"client>eth0 router<left"}},
		{name: "a source of the router's own, let in", add: map[string]string{"router/sysctl.txt": "net.ipv4.conf.left.accept_local = 1\n"}, edit: from("10.0.2.1"),
			outcome: trace.Rejected, code: trace.ClosedPort, reason: "NO_SOCKET", legs: []string{there, "server>eth0 router<right", "router>right server<eth0"}},

		// ip_forward: TTL before size before the hook, each with its ICMP error (net/ipv4/ip_forward.c).
		{name: "ttl", edit: func(q *trace.Query) { q.TTL = 1; q.Protocol = packet.UDP }, outcome: trace.Dropped, code: trace.TTLExceeded, reason: "IP_INHDR",
			legs: []string{"client>eth0 router<left", "router>left client<eth0"}, check: icmp(11, 0, "10.0.1.1", 0)},
		{name: "too big", edit: func(q *trace.Query) { q.Payload = 2000; q.Protocol = packet.UDP; q.DF = true }, outcome: trace.Dropped, code: trace.TooBig, reason: "PKT_TOO_BIG",
			legs: []string{"client>eth0 router<left", "router>left client<eth0"}, check: icmp(3, 4, "10.0.1.1", 1500)},
		{name: "too big for the route", add: map[string]string{"router/route.txt": "10.0.2.2 dev right scope link mtu 1000\n"}, edit: func(q *trace.Query) { q.Payload = 1200; q.Protocol = packet.UDP; q.DF = true },
			outcome: trace.Dropped, code: trace.TooBig, reason: "PKT_TOO_BIG", legs: []string{"client>eth0 router<left", "router>left client<eth0"}, check: icmp(3, 4, "10.0.1.1", 1000)},
		{name: "too big and may be cut", edit: func(q *trace.Query) { q.Payload = 2000; q.Protocol = packet.UDP }, outcome: trace.Delivered, legs: []string{there, back}},
		{name: "too big for the socket's own device: it sets no DF", edit: func(q *trace.Query) { q.Payload = 9000; q.Protocol = packet.UDP; q.DF = true }, outcome: trace.Delivered, legs: []string{there, back}, check: assumes(trace.AssumeWhole)},

		// Routes that do not forward (ip_error in net/ipv4/route.c gives the ICMP code).
		{name: "no route", edit: to("10.9.9.9"), outcome: trace.Dropped, code: trace.RouteNone, reason: "IP_INNOROUTES", legs: []string{"client>eth0 router<left", "router>left client<eth0"}, check: icmp(3, 0, "10.0.1.1", 0)},
		{name: "unreachable", add: map[string]string{"router/route.txt": "unreachable 10.9.0.0/16\n"}, edit: to("10.9.9.9"), outcome: trace.Dropped, code: trace.RouteUnreachable, reason: "NOT_SPECIFIED",
			legs: []string{"client>eth0 router<left", "router>left client<eth0"}, check: icmp(3, 1, "10.0.1.1", 0)},
		{name: "prohibit", add: map[string]string{"router/route.txt": "prohibit 10.9.0.0/16\n"}, edit: to("10.9.9.9"), outcome: trace.Dropped, code: trace.RouteProhibit, reason: "NOT_SPECIFIED",
			legs: []string{"client>eth0 router<left", "router>left client<eth0"}, check: icmp(3, 13, "10.0.1.1", 0)},
		{name: "blackhole", add: map[string]string{"router/route.txt": "blackhole 10.9.0.0/16\n"}, edit: to("10.9.9.9"), outcome: trace.Dropped, code: trace.RouteBlackhole, reason: "NOT_SPECIFIED",
			legs: []string{"client>eth0 router<left"}},
		{name: "no router", add: map[string]string{"router/sysctl.txt": "net.ipv4.conf.left.forwarding = 0\n"}, outcome: trace.Dropped, code: trace.ForwardingOff, reason: "IP_INADDRERRORS", legs: []string{"client>eth0 router<left"}},
		{name: "nobody on the link", edit: to("10.0.2.99"), outcome: trace.Dropped, code: trace.NeighbourFailed, reason: "NEIGH_FAILED", legs: []string{"client>eth0 router<left", "router>left client<eth0"}, check: icmp(3, 1, "10.0.1.1", 0)},
		{name: "a table that was not given", add: map[string]string{"router/rule.txt": "100:\tfrom 10.0.1.2 lookup 77\n", "router/route.txt": ""}, edit: to("10.9.9.9"), outcome: trace.Undetermined, code: trace.TableMissing, legs: []string{"client>eth0 router<left"}},

		// What ends or turns a packet in netfilter.
		{name: "drop", add: map[string]string{"router/iptables-save.txt": filter("-A FORWARD -p tcp -m tcp --dport 80 -j DROP")}, outcome: trace.Dropped, code: trace.RuleDrop, reason: "NETFILTER_DROP", legs: []string{"client>eth0 router<left"}, check: without("-A FORWARD -p tcp -m tcp --dport 80 -j DROP")},
		{name: "policy", add: map[string]string{"router/iptables-save.txt": strings.Replace(filter("-A FORWARD -p udp -j ACCEPT"), "FORWARD ACCEPT", "FORWARD DROP", 1)}, outcome: trace.Dropped, code: trace.RuleDrop, reason: "NETFILTER_DROP", legs: []string{"client>eth0 router<left"}, check: without("-P FORWARD DROP")},
		{name: "reject", add: map[string]string{"router/iptables-save.txt": filter("-A FORWARD -p tcp -j REJECT --reject-with icmp-admin-prohibited")}, outcome: trace.Rejected, code: trace.RuleReject, reason: "NETFILTER_DROP",
			legs: []string{"client>eth0 router<left", "router>left client<eth0"}, check: icmp(3, 13, "10.0.1.1", 0)},
		{name: "reject by reset", add: map[string]string{"router/iptables-save.txt": filter("-A FORWARD -p tcp -j REJECT --reject-with tcp-reset")}, outcome: trace.Rejected, code: trace.RuleReject, reason: "NETFILTER_DROP",
			legs: []string{"client>eth0 router<left", "router>left client<eth0"}, check: func(t *testing.T, tr *trace.Trace) {
				if r := tr.Path()[len(tr.Path())-1]; r.IP.Src != "10.0.2.2" || r.L4.Flags != "RA" {
					t.Errorf("the reset comes from %s with flags %s, want the server's address and RA", r.IP.Src, r.L4.Flags)
				}
			}},
		{name: "not understood", add: map[string]string{"router/iptables-save.txt": filter("-A FORWARD -m teapot --brew 1 -j DROP")}, outcome: trace.Delivered, legs: []string{there, back}, check: assumes(trace.AssumeRule)},
		{name: "dnat and its answer", add: map[string]string{"router/iptables-save.txt": nat("-A PREROUTING -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.2.2:8080")}, edit: to("10.96.0.1"),
			outcome: trace.Delivered, legs: []string{there, back}, check: func(t *testing.T, tr *trace.Trace) {
				p := tr.Path()
				if r := p[3]; r.IP.Dst != "10.0.2.2" || *r.L4.DstPort != 8080 {
					t.Errorf("the server got %s:%d, want 10.0.2.2:8080", r.IP.Dst, *r.L4.DstPort)
				}
				if r := p[len(p)-1]; r.IP.Src != "10.96.0.1" || *r.L4.SrcPort != 80 {
					t.Errorf("the answer came from %s:%d, want 10.96.0.1:80", r.IP.Src, *r.L4.SrcPort)
				}
			}},
		{name: "snat and its answer", add: map[string]string{"router/iptables-save.txt": nat("-A POSTROUTING -o right -j MASQUERADE"), "server/route.txt": ""}, outcome: trace.Delivered, legs: []string{there, back}, check: func(t *testing.T, tr *trace.Trace) {
			if r := tr.Path()[3]; r.IP.Src != "10.0.2.1" || *r.L4.SrcPort != 40000 {
				t.Errorf("the server saw %s:%d, want 10.0.2.1 and the same port, for nothing else uses it", r.IP.Src, *r.L4.SrcPort)
			}
		}},
		{name: "notrack takes nat away", add: map[string]string{"router/iptables-save.txt": "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A PREROUTING -j NOTRACK\nCOMMIT\n" + nat("-A POSTROUTING -o right -j MASQUERADE")},
			outcome: trace.Delivered, legs: []string{there, back}, check: func(t *testing.T, tr *trace.Trace) {
				if r := tr.Path()[3]; r.IP.Src != "10.0.1.2" {
					t.Errorf("the server saw %s, want the client's own address", r.IP.Src)
				}
			}},
		{name: "a mark set in OUTPUT routes again", add: map[string]string{"client/iptables-save.txt": "*mangle\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n-A OUTPUT -d 10.9.9.9/32 -j MARK --set-xmark 0x7/0xffffffff\nCOMMIT\n",
			"client/rule.txt": "100:\tfrom all fwmark 0x7 lookup 100\n", "client/route.txt": "blackhole default table 100\n"}, edit: to("10.9.9.9"), outcome: trace.Dropped, code: trace.RouteBlackhole, reason: "NETFILTER_DROP", legs: []string{""}},
		{name: "dnat in OUTPUT routes again", add: map[string]string{"client/iptables-save.txt": nat("-A OUTPUT -d 10.96.0.1/32 -p tcp -j DNAT --to-destination 10.0.1.1:80")}, edit: to("10.96.0.1"),
			outcome: trace.Delivered, legs: []string{"client>eth0 router<left", "router>left client<eth0"}},

		// Ports that nobody listens on: a reset for TCP, port unreachable for UDP (net/ipv4/tcp_ipv4.c, udp.c).
		{name: "closed tcp port", edit: closed(packet.TCP), outcome: trace.Rejected, code: trace.ClosedPort, reason: "NO_SOCKET", legs: []string{there, back}},
		{name: "closed udp port", edit: closed(packet.UDP), outcome: trace.Rejected, code: trace.ClosedPort, reason: "NO_SOCKET", legs: []string{there, back}, check: icmp(3, 3, "10.0.2.2", 0)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			top, err := snapshot.ReadArchive(archive(tt.add), tt.name)
			if err != nil {
				t.Fatal(err)
			}
			q := trace.Query{From: "client", To: netip.MustParseAddr("10.0.2.2"), Protocol: packet.TCP, DstPort: 80, Payload: 4}
			if tt.edit != nil {
				tt.edit(&q)
			}
			tr, err := trace.Run(top, q)
			if err != nil {
				t.Fatal(err)
			}
			var ways []string
			for i := range tr.Legs {
				ways = append(ways, way(tr, i))
			}
			if !slices.Equal(ways, tt.legs) {
				t.Errorf("ways:\n got %q\nwant %q", ways, tt.legs)
			}
			if tr.Outcome != tt.outcome {
				t.Errorf("outcome %s, want %s", tr.Outcome, tt.outcome)
			}
			if tt.code != "" {
				d := tr.Document()
				if d.Reason == nil || d.Reason.Code != string(tt.code) || d.Reason.Args["reason"] != tt.reason {
					t.Errorf("reason %+v, want %s with %q", d.Reason, tt.code, tt.reason)
				}
				if got := stopOf(d, tt.code); got != stopAt[tt.code] {
					t.Errorf("%s shows at the stop %q, want %q", tt.code, got, stopAt[tt.code])
				}
			}
			if tt.check != nil {
				tt.check(t, tr)
			}
		})
	}
}

// stopAt is the stop that shows a packet's end: the part of the kernel that decides it.
var stopAt = map[trace.Code]string{
	trace.RouteNone: "route", trace.RouteUnreachable: "route", trace.RouteProhibit: "route", trace.RouteBlackhole: "route", trace.TableMissing: "route",
	trace.ReversePathFailed: "route", trace.MartianSource: "route", trace.ForwardingOff: "route",
	trace.TTLExceeded: "FORWARD", trace.TooBig: "FORWARD", trace.RuleDrop: "FORWARD", trace.RuleReject: "FORWARD",
	trace.NeighbourFailed: "transmit", trace.ClosedPort: "reject",
}

func stopOf(d *trace.Document, code trace.Code) string {
	for _, s := range d.Stations {
		if d.Legs[s.Leg].Hops[s.Hop].Steps[s.Decisive].Code == string(code) {
			return s.Kind
		}
	}
	return ""
}

func proto(p packet.Protocol) func(*trace.Query) { return func(q *trace.Query) { q.Protocol = p } }
func to(a string) func(*trace.Query)             { return func(q *trace.Query) { q.To = netip.MustParseAddr(a) } }
func from(a string) func(*trace.Query) {
	return func(q *trace.Query) { q.Source = netip.MustParseAddr(a) }
}

func closed(p packet.Protocol) func(*trace.Query) {
	return func(q *trace.Query) {
		q.Protocol = p
		q.Listeners = map[string][]topology.Listener{"server": {{Protocol: p.String(), Port: 81}}}
	}
}

// icmp checks the error that came back: its type and code, who sent it, and the MTU it names.
func icmp(typ, code int, src string, mtu int) func(*testing.T, *trace.Trace) {
	return func(t *testing.T, tr *trace.Trace) {
		t.Helper()
		p := tr.Path()
		r := p[len(p)-1]
		if r.L4.Type == nil || *r.L4.Type != typ || *r.L4.Code != code || r.IP.Src != src || r.L4.MTU != mtu {
			t.Errorf("the last packet is %+v %+v, want ICMP %d/%d from %s, mtu %d", r.IP, r.L4, typ, code, src, mtu)
		}
		if r.L4.About == nil || r.L4.About.Src != "10.0.1.2" {
			t.Errorf("it is about %+v, want the client's packet", r.L4.About)
		}
	}
}

func assumes(code trace.Code) func(*testing.T, *trace.Trace) {
	return func(t *testing.T, tr *trace.Trace) {
		t.Helper()
		if !slices.ContainsFunc(tr.Assumptions, func(a trace.Assumption) bool { return a.Code == code }) {
			t.Errorf("assumptions %v, want %s among them", tr.Assumptions, code)
		}
	}
}

// without checks that the trace names the line that would have to go.
func without(rule string) func(*testing.T, *trace.Trace) {
	return func(t *testing.T, tr *trace.Trace) {
		t.Helper()
		w := tr.Document().Reason.Would
		if w == nil || w.Code != string(trace.WouldAllow) || w.Args["rule"] != rule {
			t.Errorf("what would have to change: %+v, want %q", w, rule)
		}
	}
}
