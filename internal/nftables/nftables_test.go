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

// Draw takes the last option.
func (fakeEnv) Draw(_ *Rule, options []Option) int { return len(options) - 1 }

// Remembers knows the clients of the set "seen".
func (fakeEnv) Remembers(_ *Rule, s *Set) bool { return s.Name == "seen" }

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

// setsTable has the sets and maps that the rules of TestSets ask; its rule stands in place of RULE.
const setsTable = `table ip t {
	comment "for a test"
	set ips {
		type ipv4_addr
		comment "with a brace { in it"
		elements = { 10.0.0.1, 10.0.0.7,
			     10.9.0.0/16 }
	}

	set others {
		type ipv4_addr
	}

	set hairpin {
		type ipv4_addr . ipv4_addr . inet_proto . inet_service
		elements = { 192.168.1.2 . 10.0.0.1 . tcp . 80 }
	}

	set seen {
		type ipv4_addr
		size 65535
		flags dynamic,timeout
		timeout 3h
	}

	set unseen {
		type ipv4_addr
		flags dynamic,timeout
		timeout 3h
		elements = { 10.0.0.9 timeout 3h expires 2h59m50s120ms }
	}

	set names {
		type ifname
		elements = { "eth0" }
	}

	map services {
		type ipv4_addr . inet_proto . inet_service : verdict
		elements = { 10.0.0.1 . tcp . 81 : drop,
			     10.0.0.1 . tcp . 80 comment "a/b:http" : goto service-ABCDEFGH-a/b/tcp/http,
			     10.0.0.2 . tcp . 80-90 : jump other }
	}

	map ports {
		type inet_proto . inet_service : verdict
		elements = { tcp . 79-90 : goto service-ABCDEFGH-a/b/tcp/http }
	}

	map lost {
		type inet_proto : verdict
		elements = { tcp : goto nowhere }
	}

	chain c {
		type filter hook input priority filter; policy accept;
		RULE
	}

	chain service-ABCDEFGH-a/b/tcp/http {
		meta l4proto tcp dnat to 10.1.1.1:8080
	}

	chain other {
		drop
	}
}
`

// TestSets asks sets and maps. The verdict is the chain's: accept where the rule did not match.
func TestSets(t *testing.T) {
	for _, tt := range []struct {
		rule string
		want string // the verdict and where NAT leads to
		odd  string // what is not understood
	}{
		{"ip daddr @ips drop", "drop", ""},
		{"ip daddr != @ips drop", "accept", ""},
		{"ip saddr @ips drop", "accept", ""},
		{"ip saddr != @ips drop", "drop", ""},
		{"ip daddr @others drop", "accept", ""},
		{"ip saddr . ip daddr . meta l4proto . th dport @hairpin drop", "drop", ""},
		{"ip daddr . ip saddr . meta l4proto . th dport @hairpin drop", "accept", ""},
		{"ip daddr . tcp dport { 10.0.0.1 . 79-81, 10.0.0.2 . 80 } drop", "drop", ""},
		{"ip daddr . udp dport { 10.0.0.1 . 79-81 } drop", "accept", ""},
		{"ip daddr . meta l4proto . th dport vmap @services", "dnat 10.1.1.1:8080", ""},
		{"ip daddr @ips meta l4proto . th dport vmap @ports", "dnat 10.1.1.1:8080", ""},
		{"ip daddr @others meta l4proto . th dport vmap @ports", "accept", ""},
		{"meta l4proto . th sport vmap @ports", "accept", ""},
		{"tcp dport vmap { 80 : drop, 81 : accept }", "drop", ""},
		{"tcp dport vmap { 81 : drop }", "accept", ""},
		{"meta mark vmap { 0x00000012 : drop }", "drop", ""},
		{"numgen random mod 2 vmap { 0 : accept, 1 : drop } comment \"chance\"", "drop", ""},
		{"numgen random mod 10 vmap { 0-8 : accept, 9 : goto service-ABCDEFGH-a/b/tcp/http }", "dnat 10.1.1.1:8080", ""},
		{"meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.2.0.1 . 80, 1 : 10.2.0.2 . 81 }", "dnat 10.2.0.2:81", ""},
		{"dnat to numgen random mod 2 map { 0 : 10.2.0.1, 1 : 10.2.0.2 } fully-random", "dnat 10.2.0.2", ""},
		{"meta l4proto udp dnat ip to numgen random mod 2 map { 0 : 10.2.0.1 . 80, 1 : 10.2.0.2 . 81 }", "accept", ""},
		{"ip saddr @seen drop", "drop", ""},
		{"ip saddr @unseen drop", "accept", ""},
		{"update @seen { ip saddr } drop", "drop", ""},
		{"add @seen { ip saddr timeout 5m } drop", "undecided", "add @seen { ip saddr timeout 5m } drop"},
		{"ip daddr @absent drop", "undecided", "unknown set absent"},
		{"iifname @names drop", "undecided", "iifname @names drop"},
		{"ip daddr @hairpin drop", "undecided", "set hairpin of another type"},
		{"ip daddr @services drop", "undecided", "set services of another type"},
		{"ip daddr vmap @ips", "undecided", "set ips of another type"},
		{"meta l4proto vmap @lost", "undecided", "jump to unknown chain nowhere"},
		{"numgen random mod 3 vmap { 0 : accept, 1 : drop }", "undecided", "numgen: no element 2"},
		{"numgen inc mod 2 vmap { 0 : accept, 1 : drop }", "undecided", "numgen inc mod 2 vmap { 0 : accept, 1 : drop }"},
		{"numgen random mod 2 offset 5 vmap { 5 : accept, 6 : drop }", "undecided", "numgen random mod 2 offset 5 vmap { 5 : accept, 6 : drop }"},
		{"ip daddr . meta l4proto . th dport vmap @services drop", "undecided", "drop"},
		{"ip daddr . ct helper vmap @services", "undecided", "ip daddr . ct helper vmap @services"},
	} {
		text := strings.Replace(setsTable, "RULE", tt.rule, 1)
		table, err := ParseTable(text)
		if err != nil {
			t.Errorf("%s: %v", tt.rule, err)
			continue
		}
		if table.String() != text {
			t.Errorf("%s: printed back as\n%s", tt.rule, table)
		}
		c := table.Chain("c")
		if odd := c.Rules[0].NotUnderstood; odd != tt.odd {
			t.Errorf("%s: not understood %q, want %q", tt.rule, odd, tt.odd)
		}
		var s sink
		v := c.Evaluate(probe(), &s)
		got := v.Kind.String()
		if v.NAT != nil {
			got += " " + v.NAT.text()
		}
		if e := s.events[0]; e.Verdict.Kind == Undecided {
			got = "undecided"
		}
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.rule, got, tt.want)
		}
		for _, m := range s.misses {
			if why := m.Rule.Statements[m.Statement].Why(probe()); why.Code == "" || why.Args[0][1] == "" || why.Args[1][1] == "" {
				t.Errorf("%s: no reason: %v", tt.rule, why)
			}
		}
	}
}

// TestOptions: what a draw can come to, each with its chance.
func TestOptions(t *testing.T) {
	for _, tt := range []struct {
		rule string
		want []Option
	}{
		{"numgen random mod 4 vmap { 0-2 : goto service-ABCDEFGH-a/b/tcp/http, 3 : accept }",
			[]Option{{"service-ABCDEFGH-a/b/tcp/http", "10.1.1.1:8080", 0.75}, {"accept", "", 0.25}}},
		{"dnat ip to numgen random mod 2 map { 0 : 10.2.0.1 . 80, 1 : 10.2.0.2 . 81 }",
			[]Option{{"10.2.0.1:80", "10.2.0.1:80", 0.5}, {"10.2.0.2:81", "10.2.0.2:81", 0.5}}},
	} {
		table, err := ParseTable(strings.Replace(setsTable, "RULE", tt.rule, 1))
		if err != nil {
			t.Fatal(err)
		}
		var l *lookup
		switch s := table.Chain("c").Rules[0].Statements[0].(type) {
		case *verdictLookup:
			l = &s.lookup
		case *natLookup:
			l = &s.lookup
		}
		if d := cmp.Diff(l.options, tt.want); d != "" {
			t.Errorf("%s: got -, want +\n%s", tt.rule, d)
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
		{"b", 2, Undecided, false}, {"b", 0, Return, false}, {"base", 0, Drop, true}}
	if d := cmp.Diff(got, want); d != "" {
		t.Errorf("events: got -, want +\n%s", d)
	}
	// Whatever the set holds, the rule behind fails by its address.
	if len(s.misses) != 2 || s.misses[0].Rule.Text() != "tcp dport 81 accept" || s.misses[1].Rule.Number != 3 || s.misses[1].Statement != 1 {
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
	for _, rule := range []string{"ip daddr . meta l4proto . th dport vmap @services", "numgen random mod 2 vmap { 0 : accept, 1 : drop }",
		"dnat ip to numgen random mod 2 map { 0 : 10.2.0.1 . 80, 1 : 10.2.0.2 . 81 }", "update @seen { ip saddr }"} {
		f.Add(strings.Replace(setsTable, "RULE", rule, 1))
	}
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
