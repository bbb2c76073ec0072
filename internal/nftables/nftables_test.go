package nftables

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podpath/podpath/internal/packet"
)

// fakeEnv has 10.0.0.1 as its own address, on eth0; everything else is unicast.
type fakeEnv struct{}

func (fakeEnv) RouteType(a netip.Addr, dev string) AddrType {
	if a == netip.MustParseAddr("10.0.0.1") && (dev == "" || dev == "eth0") {
		return AddrLocal
	}
	return AddrUnicast
}

// probe is the packet of the tables: TCP 192.168.1.2:40000 -> 10.0.0.1:80 in by eth0, out by vlan5, mark 0x12, of a new
// connection with mark 0x80.
func probe() *Input {
	p := &packet.Packet{Mark: 0x12, CTMark: 0x80}
	p.IP = packet.IPv4{Src: netip.MustParseAddr("192.168.1.2"), Dst: netip.MustParseAddr("10.0.0.1"), TTL: 64, Protocol: packet.TCP}
	p.L4 = packet.Transport{SrcPort: 40000, DstPort: 80}
	c := &packet.Conn{State: packet.CTNew, Status: packet.StatusDNAT, Mark: 0x80}
	return &Input{Packet: p, Conn: c, In: "eth0", Out: "vlan5", Env: fakeEnv{}}
}

// TestMatches runs each expression alone: the rule is reached to its end or not.
func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		rule string
		want bool
	}{
		{`ip saddr 192.168.0.0/16`, true}, {`ip saddr 192.169.0.0/16`, false},
		{`ip saddr != 192.168.0.0/16`, false}, {`ip saddr != 192.169.0.0/16`, true},
		{`ip daddr 10.0.0.1`, true}, {`ip daddr 10.0.0.2`, false},
		{`ip daddr 10.0.0.0-10.0.0.5`, true}, {`ip daddr 10.0.0.2-10.0.0.5`, false},
		{`ip saddr { 1.1.1.1, 192.168.1.2 }`, true}, {`ip saddr { 1.1.1.1, 192.168.1.3 }`, false},
		{`ip saddr != { 1.1.1.1, 192.168.1.2 }`, false}, {`ip saddr != { 1.1.1.1 }`, true},
		{`ip protocol tcp`, true}, {`ip protocol udp`, false},
		{`iifname "eth0"`, true}, {`iifname "eth"`, false}, {`iifname "eth*"`, true}, {`iifname "eni*"`, false},
		{`iifname != "eth0"`, false}, {`iifname != "eni*"`, true}, {`iifname { "lo", "eth0" }`, true},
		{`oifname "vlan*"`, true}, {`oifname != "vlan*"`, false}, {`oif "vlan5"`, true}, {`oif "eth0"`, false},
		{`meta l4proto tcp`, true}, {`meta l4proto udp`, false}, {`meta l4proto != udp`, true},
		{`meta l4proto { tcp, udp }`, true}, {`meta l4proto { icmp, udp }`, false},
		{`tcp dport 80`, true}, {`tcp dport 81`, false}, {`tcp dport != 80`, false}, {`tcp dport 79-81`, true},
		{`tcp dport { 22, 80 }`, true}, {`udp dport 80`, false}, {`udp dport != 81`, false}, {`tcp sport 40000`, true},
		{`tcp sport 1-1024`, false}, {`th dport 80`, true}, {`th dport 81`, false},
		{`fib daddr type local`, true}, {`fib daddr type != local`, false}, {`fib saddr type local`, false},
		{`fib daddr . iif type local`, true}, {`fib daddr . oif type local`, false},
		{`fib saddr type { local, unicast }`, true}, {`fib saddr type { local, multicast }`, false},
		{`meta mark 0x12`, true}, {`meta mark 0x00000013`, false}, {`meta mark != 0x12`, false}, {`meta mark == 18`, true},
		{`meta mark & 0x00000002 == 0x00000002`, true}, {`meta mark & 0x00000002 != 0x00000000`, true},
		{`meta mark and 0x4 == 0x4`, false}, {`meta mark & 0x10 != 0x10`, false},
		{`ct mark 0x80`, true}, {`ct mark 0x81`, false}, {`ct mark & 0x80 == 0x80`, true}, {`ct mark & 0x80 != 0x80`, false},
		{`ct state new`, true}, {`ct state established,related`, false}, {`ct state { new, established }`, true},
		{`ct state != new`, false}, {`ct status dnat`, true}, {`ct status snat`, false},
		{`ct direction original`, true}, {`ct direction reply`, false},
		{`counter packets 0 bytes 0`, true}, {`counter`, true}, {`meta mark 0x12 comment "x"`, true},
	} {
		table, err := ParseTable("table ip t {\n\tchain c {\n\t\ttype filter hook input priority filter; policy accept;\n\t\t" + tt.rule + "\n\t}\n}\n")
		if err != nil {
			t.Errorf("%s: %v", tt.rule, err)
			continue
		}
		r := table.Chains[0].Rules[0]
		if r.NotUnderstood != "" {
			t.Errorf("%s: not understood: %s", tt.rule, r.NotUnderstood)
		}
		var s sink
		in := probe()
		table.Chains[0].Evaluate(in, &s)
		if got := s.events[0].Rule != nil && s.events[0].Verdict.Kind == Continue; got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.rule, got, tt.want)
		}
		if !tt.want {
			m := s.misses[0]
			if why := m.Rule.Statements[m.Statement].Why(in); why.Code == "" || why.Args[0][1] == "" {
				t.Errorf("%s: no reason: %v", tt.rule, why)
			}
		}
	}
}

type sink struct {
	events []Event
	misses []Miss
}

func (s *sink) Event(e Event) {
	s.events = append(s.events, e)
	s.misses = append(s.misses, e.Misses...)
}

// TestVerdicts runs one rule each and compares the chain's verdict, and the marks after it.
func TestVerdicts(t *testing.T) {
	addr := netip.MustParseAddr
	for _, tt := range []struct {
		rule string
		want Verdict
		mark uint32
		ct   uint32
	}{
		{`accept`, Verdict{Kind: Accept}, 0x12, 0x80},
		{`drop`, Verdict{Kind: Drop}, 0x12, 0x80},
		{`tcp dport 81 drop`, Verdict{Kind: Accept}, 0x12, 0x80},
		{`return`, Verdict{Kind: Accept}, 0x12, 0x80},
		{`continue`, Verdict{Kind: Accept}, 0x12, 0x80},
		{`reject`, Verdict{Kind: Reject, Reject: "icmp-port-unreachable"}, 0x12, 0x80},
		{`reject with icmp type host-unreachable`, Verdict{Kind: Reject, Reject: "icmp-host-unreachable"}, 0x12, 0x80},
		{`reject with icmpx admin-prohibited`, Verdict{Kind: Reject, Reject: "icmp-admin-prohibited"}, 0x12, 0x80},
		{`reject with tcp reset`, Verdict{Kind: Reject, Reject: "tcp-reset"}, 0x12, 0x80},
		{`snat to 10.0.1.10 fully-random`, Verdict{Kind: SNAT, NAT: &NATRange{Min: addr("10.0.1.10"), Max: addr("10.0.1.10"), RandomFully: true}}, 0x12, 0x80},
		{`dnat to 10.20.1.225:9999`, Verdict{Kind: DNAT, NAT: &NATRange{Min: addr("10.20.1.225"), Max: addr("10.20.1.225"), MinPort: 9999, MaxPort: 9999}}, 0x12, 0x80},
		{`dnat ip to 10.0.0.2-10.0.0.4:80-90 random,persistent`, Verdict{Kind: DNAT, NAT: &NATRange{Min: addr("10.0.0.2"), Max: addr("10.0.0.4"), MinPort: 80, MaxPort: 90, Random: true, Persistent: true}}, 0x12, 0x80},
		{`masquerade fully-random`, Verdict{Kind: Masquerade, NAT: &NATRange{RandomFully: true}}, 0x12, 0x80},
		{`redirect to :15001`, Verdict{Kind: Redirect, NAT: &NATRange{MinPort: 15001, MaxPort: 15001}}, 0x12, 0x80},
		{`meta mark set 0x00000005`, Verdict{Kind: Accept}, 5, 0x80},
		{`meta mark set ct mark`, Verdict{Kind: Accept}, 0x80, 0x80},
		{`meta mark set ct mark & 0x0000007f`, Verdict{Kind: Accept}, 0, 0x80},
		{`meta mark set meta mark | 0x00004000`, Verdict{Kind: Accept}, 0x4012, 0x80},
		{`meta mark set meta mark ^ 0x00000002`, Verdict{Kind: Accept}, 0x10, 0x80},
		{`meta mark set mark and 0xffffffef or 0x1`, Verdict{Kind: Accept}, 3, 0x80},
		{`ct mark set ct mark | 0x00000001`, Verdict{Kind: Accept}, 0x12, 0x81},
		{`ct mark set meta mark`, Verdict{Kind: Accept}, 0x12, 0x12},
		{`ct mark set 7`, Verdict{Kind: Accept}, 0x12, 7},
		// A mark that was set stays although a later match fails.
		{`meta mark set 9 tcp dport 81 drop`, Verdict{Kind: Accept}, 9, 0x80},
		{`tcp dport 81 meta mark set 9 drop`, Verdict{Kind: Accept}, 0x12, 0x80},
	} {
		table, err := ParseTable("table ip t {\n\tchain c {\n\t\ttype filter hook input priority filter; policy accept;\n\t\t" + tt.rule + "\n\t}\n}\n")
		if err != nil {
			t.Errorf("%s: %v", tt.rule, err)
			continue
		}
		if odd := table.Chains[0].Rules[0].NotUnderstood; odd != "" {
			t.Errorf("%s: not understood: %s", tt.rule, odd)
		}
		in := probe()
		got := table.Chains[0].Evaluate(in, nil)
		if d := cmp.Diff(got, tt.want, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
			t.Errorf("%s: got -, want +\n%s", tt.rule, d)
		}
		if in.Packet.Mark != tt.mark || in.Conn.Mark != tt.ct {
			t.Errorf("%s: marks %#x and %#x, want %#x and %#x", tt.rule, in.Packet.Mark, in.Conn.Mark, tt.mark, tt.ct)
		}
	}
}

// TestNoEntry: without a conntrack entry, what reads the connection's mark ends its rule.
func TestNoEntry(t *testing.T) {
	for _, tt := range []struct {
		rule string
		want uint32
	}{{`meta mark set ct mark`, 0x12}, {`ct mark set 5 meta mark set 6`, 6}, {`ct mark 0x80 meta mark set 6`, 0x12},
		{`ct state invalid meta mark set 6`, 6}} {
		table, err := ParseTable("table ip t {\n\tchain c {\n\t\ttype filter hook input priority raw;\n\t\t" + tt.rule + "\n\t}\n}\n")
		if err != nil {
			t.Fatal(err)
		}
		in := probe()
		in.Conn = &packet.Conn{Mark: 0x80}
		table.Chains[0].Evaluate(in, nil)
		if in.Packet.Mark != tt.want || in.Conn.Mark != 0x80 {
			t.Errorf("%s: mark %#x, ct mark %#x, want %#x and 0x80", tt.rule, in.Packet.Mark, in.Conn.Mark, tt.want)
		}
	}
}

const walkTable = `table ip t {
	chain base {
		type nat hook prerouting priority dstnat + 10; policy drop;
		jump a
		goto b
		drop
	}

	chain a {
		tcp dport 81 accept
		tcp dport 80 return
		drop
	}

	chain b {
		meta mark set 5
		ip saddr @unknown accept
		ip saddr @unknown ip daddr 1.2.3.4 accept
	}
}
`

func TestWalk(t *testing.T) {
	table, err := ParseTable(walkTable)
	if err != nil {
		t.Fatal(err)
	}
	base := table.Chain("base")
	if base.Priority != -90 || base.PriorityText != "dstnat + 10" || base.Policy != "drop" || base.Type != "nat" || base.Hook != "prerouting" {
		t.Errorf("hook read as %d %q %s %s %s", base.Priority, base.PriorityText, base.Policy, base.Type, base.Hook)
	}
	var s sink
	v := base.Evaluate(probe(), &s)
	if v.Kind != Drop {
		t.Errorf("verdict %v, want the policy's", v.Kind)
	}
	type step struct {
		Chain  string
		Number int
		Kind   VerdictKind
		Policy bool
	}
	var got []step
	for _, e := range s.events {
		n := 0
		if e.Rule != nil {
			n = e.Rule.Number
		}
		got = append(got, step{e.Chain.Name, n, e.Verdict.Kind, e.Policy})
	}
	want := []step{{"base", 1, Jump, false}, {"a", 2, Return, false}, {"base", 2, Goto, false}, {"b", 1, Continue, false},
		{"b", 2, Undecided, false}, {"b", 3, Undecided, false}, {"b", 0, Return, false}, {"base", 0, Drop, true}}
	if d := cmp.Diff(got, want); d != "" {
		t.Errorf("events: got -, want +\n%s", d)
	}
	if len(s.misses) != 1 || s.misses[0].Rule.Text() != "tcp dport 81 accept" {
		t.Errorf("misses: %v", s.misses)
	}
}

func TestPriorities(t *testing.T) {
	for _, tt := range []struct {
		family, text string
		want         int
		ok           bool
	}{
		{"ip", "raw", -300, true}, {"inet", "mangle", -150, true}, {"ip", "dstnat", -100, true}, {"ip", "dstnat + 10", -90, true},
		{"ip", "dstnat - 10", -110, true}, {"ip", "filter", 0, true}, {"ip", "security", 50, true}, {"ip", "srcnat", 100, true},
		{"ip", "-110", -110, true}, {"ip", "7", 7, true}, {"bridge", "filter", -200, true}, {"ip", "out", 0, false},
		{"ip", "dstnat + ten", 0, false}, {"ip", "dstnat +", 0, false}, {"ip", "dstnat + -1", 0, false},
	} {
		got, ok := parsePriority(tt.family, strings.Fields(tt.text))
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("%s %q: got %d %v, want %d %v", tt.family, tt.text, got, ok, tt.want, tt.ok)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"table ip t {\n\tchain c {\n", "in:2: the input ends within table ip t of line 1"},
		{"hello\n", "in:1: \"hello\" stands outside any table"},
		{"table ip t {\n}\ntable ip t {\n}\n", "in:3: table ip t again"},
		{"table xx t {\n}\n", "in:1: family \"xx\""},
		{"table ip t {\n\tchain c {\n\t}\n\tchain c {\n\t}\n}\n", "in:4: chain c again"},
		{"table ip t {\n\tchain c {\n\t\ttype filter hook input priority foo;\n\t}\n}\n", "in:3: priority \"foo\" of chain c"},
		{"table ip t {\n\tchain c {\n\t\ttype filter hook input priority 0; policy maybe;\n\t}\n}\n", "in:3: policy \"maybe\""},
		{"table ip t {\n\x00}\n", "in:2: the line is not text"},
		{"table ip t {\n\xff}\n", "in:2: the line is not text"},
		{"table ip t {\n\tset s {\n\t}}\n}\n", "in:3: a brace closes"},
		{strings.Repeat("x", MaxLine+1), "in:1: the line is longer than MaxLine"},
	} {
		_, err := Parse(strings.NewReader(tt.in), "in")
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%.40q: got %v, want %s…", tt.in, err, tt.want)
		}
	}
}

func TestHandles(t *testing.T) {
	text := "table ip t { # handle 1\n\tchain c { # handle 2\n\t\ttype filter hook input priority filter; policy accept;\n\t\ttcp dport 80 drop # handle 3\n\t}\n}\n"
	rs, err := Parse(strings.NewReader(text), "in")
	if err != nil {
		t.Fatal(err)
	}
	if rs.String() != text {
		t.Errorf("printed back as\n%s", rs)
	}
	if got := rs.Tables[0].Chains[0].Rules[0]; got.Text() != "tcp dport 80 drop" || got.NotUnderstood != "" {
		t.Errorf("rule %q, not understood %q", got.Text(), got.NotUnderstood)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(walkTable)
	f.Add("table ip t { # handle 1\n\tset s {\n\t\telements = { 1.1.1.1,\n\t\t\t 2.2.2.2 }\n\t}\n\n\tchain c {\n\t\tip daddr . th dport vmap @x comment \"a\"\n\t}\n}\n# end\n")
	f.Fuzz(func(t *testing.T, text string) {
		rs, err := Parse(strings.NewReader(text), "fuzz")
		if err != nil {
			return
		}
		once := rs.String()
		again, err := Parse(strings.NewReader(once), "again")
		if err != nil {
			t.Fatalf("%v in what was printed:\n%s", err, once)
		}
		if twice := again.String(); twice != once {
			t.Fatalf("printed %q, then %q", once, twice)
		}
		for _, table := range rs.Tables {
			for _, c := range table.Chains {
				if c.Base() {
					c.Evaluate(probe(), &sink{})
				}
			}
		}
	})
}
