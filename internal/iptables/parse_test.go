package iptables

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// brokenInputs are inputs with the beginning of the error that each gives.
var brokenInputs = []struct{ in, want string }{
	{"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\n", "in:3: the input ends within table filter of line 1"},
	{"*filter\n:INPUT ACCEPT [0:0", "in:2: counters \"[0:0\" of chain INPUT"},
	{"COMMIT\n", "in:1: COMMIT without a table"},
	{"hello\n", "in:1: \"hello\" stands outside any table"},
	{"*filter\n:INPUT ACCEPT [0:0]\nhello\nCOMMIT\n", "in:3: \"hello\" is no line of a table"},
	{"*filter\n:INPUT ACCEPT [0:0]\n:INPUT DROP [0:0]\nCOMMIT\n", "in:3: chain INPUT has policy DROP here and ACCEPT in line 2"},
	{"*filter\n*nat\nCOMMIT\n", "in:2: table nat begins within table filter of line 1"},
	{"*filter\nCOMMIT\n*filter\nCOMMIT\n", "in:3: table filter again; it ended in line 2"},
	{"*filter\n:INPUT MAYBE [0:0]\nCOMMIT\n", "in:2: policy \"MAYBE\" of chain INPUT"},
	{"*filter\n:USER ACCEPT [0:0]\nCOMMIT\n", "in:2: chain USER of table filter is not built in"},
	{"*filter\n:INPUT - [0:0]\nCOMMIT\n", "in:2: built-in chain INPUT of table filter has no policy"},
	{"*filter\n:INPUT ACCEPT [1:x]\nCOMMIT\n", "in:2: counters \"[1:x]\""},
	{"*filter\n-A INPUT -m comment --comment \"x\nCOMMIT\n", "in:2: a quote is not closed"},
	{"*filter\n-Z INPUT\nCOMMIT\n", "in:2: command \"-Z\""},
	{"*filter\n-A\nCOMMIT\n", "in:2: -A without a chain"},
	{"*filter\n-I INPUT 5 -j DROP\nCOMMIT\n", "in:2: -I INPUT 5: the chain has 0 rules"},
	{"*filter\n[1:2] INPUT\nCOMMIT\n", "in:2: \"[1:2] INPUT\""},
	{"*\nCOMMIT\n", "in:1: \"*\" names no table"},
	{"*filter\n-A INPUT\x00\nCOMMIT\n", "in:2: the line has a NUL byte"},
	{"\x7fELF\x02\x01\x01\x00", "in:1: the line has a NUL byte"},
	{"*filter\n\xff\nCOMMIT\n", "in:2: the line is not UTF-8"},
	{"-N A\n-A A -j DROP\n", "in:1: which table these rules are of cannot be told"},
	{"# iptables -t nat -S\n-P INPUT ACCEPT\n# iptables -t nat -S\n-P INPUT ACCEPT\n", "in:4: table nat again"},
	{"# iptables -S\n-P INPUT\n", "in:2: policy line"},
	{"*filter\n-A INPUT -m comment --comment " + strings.Repeat("x", MaxLine) + "\nCOMMIT\n", "in:2: the line is longer than MaxLine"},
}

func TestParseErrors(t *testing.T) {
	for _, tt := range brokenInputs {
		_, err := Parse(strings.NewReader(tt.in), "in")
		var pe *ParseError
		if !errors.As(err, &pe) || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%.60q\ngot  %v\nwant %s…", tt.in, err, tt.want)
		}
	}
}

// TestTruncated cuts a real dump after each tenth byte of its first 20 KB: never a panic, and never a whole table out of
// half of one.
func TestTruncated(t *testing.T) {
	text := string(scale1k(t))[:20000]
	for n := 0; n < len(text); n += 10 {
		rs, err := Parse(strings.NewReader(text[:n]), "cut")
		tables := strings.Count(text[:n], "\nCOMMIT")
		inside := strings.Count("\n"+text[:n], "\n*") > tables
		if inside != (err != nil) {
			t.Fatalf("cut at %d: error %v", n, err)
		}
		if err == nil && len(rs.Tables) != tables {
			t.Fatalf("cut at %d: %d tables, want %d", n, len(rs.Tables), tables)
		}
	}
}

// repeated is an endless input.
type repeated struct {
	head, text string
	at         int // in text
	left       int64
}

func (r *repeated) Read(b []byte) (int, error) {
	if r.left <= 0 {
		return 0, io.EOF
	}
	if r.head != "" {
		n := copy(b, r.head)
		r.head = r.head[n:]
		return n, nil
	}
	for n := 0; n < len(b); {
		k := copy(b[n:], r.text[r.at:])
		n, r.at = n+k, (r.at+k)%len(r.text)
	}
	r.left -= int64(len(b))
	return len(b), nil
}

func TestHugeInput(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 100 MB")
	}
	const huge = 100 << 20
	for _, tt := range []struct{ name, head, text, want string }{
		{"comments", "*filter\n", "# nothing to see here, move along, please\n", "longer than MaxInput"},
		{"rules", "*filter\n", "-A INPUT -j A\n", "more than MaxRules"},
		{"one line", "", "x", "longer than MaxLine"},
		{"zeros", "", "\x00", "longer than MaxLine"},
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		_, err := Parse(&repeated{head: tt.head, text: tt.text, left: huge}, "huge")
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
		t.Logf("%s: %v; %d MiB allocated in all", tt.name, err, (after.TotalAlloc-before.TotalAlloc)>>20)
		if live := int64(after.HeapAlloc) - int64(before.HeapAlloc); live > 1<<30 {
			t.Errorf("%s: %d MiB held", tt.name, live>>20)
		}
	}
}

func TestList(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		// Tables are told by their built-in chains.
		{"-P INPUT ACCEPT\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n-N A\n-A FORWARD -j A\n" +
			"-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-P OUTPUT ACCEPT\n-P POSTROUTING ACCEPT\n-A POSTROUTING -j MASQUERADE\n",
			"*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:A - [0:0]\n-A FORWARD -j A\nCOMMIT\n" +
				"*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n"},
		{"-P PREROUTING ACCEPT\n-P OUTPUT ACCEPT\n", "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"},
		{"-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-P POSTROUTING ACCEPT\n",
			"*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n"},
		// Or by what was typed; counters as with -v.
		{"root@node:~# iptables -t nat -S POSTROUTING -v\n-P POSTROUTING ACCEPT -c 1 2\n-A POSTROUTING -s 10.0.0.0/8 -c 3 4 -j MASQUERADE\n",
			"*nat\n:POSTROUTING ACCEPT [1:2]\n[3:4] -A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE\nCOMMIT\n"},
		{"$ sudo iptables-legacy --list-rules --table=raw\n-P PREROUTING ACCEPT\n", "*raw\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n"},
		{"# ip6tables -t nat -S OUTPUT\n-P OUTPUT ACCEPT\n-A OUTPUT -d fd00::1/128 -j ACCEPT\n",
			"*nat\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -d fd00::1/128 -j ACCEPT\nCOMMIT\n"},
		{"# iptables -S\n-N A\n", "*filter\n:A - [0:0]\nCOMMIT\n"},
	} {
		rs, err := Parse(strings.NewReader(tt.in), "list")
		if err != nil {
			t.Errorf("%v\n%s", err, tt.in)
			continue
		}
		if got := rs.String(); got != tt.want {
			t.Errorf("got\n%s\nwant\n%s", got, tt.want)
		}
	}
}

// TestKeepsUnknown: what is not modelled keeps its text and voids nothing beside it.
func TestKeepsUnknown(t *testing.T) {
	for _, tt := range []struct{ spec, odd string }{
		{`-m foo --bar "a b" -j ACCEPT`, `-m foo --bar "a b"`},
		{`-s 10.0.0.0/8 -m foo ! --bar 1 --baz -m mark --mark 0x1 -j DROP`, `-m foo ! --bar 1 --baz`},
		{`-p tcp -m tcp --dport 80 -j FOO --opt 1`, `-j FOO --opt 1`},
		{`-m conntrack --ctstate WEIRD -j DROP`, `-m conntrack --ctstate WEIRD`},
		{`-p tcp -m tcp --dport nosuchservice -j DROP`, `-m tcp --dport nosuchservice`},
		// Malformed addresses.
		{`-s fd00::/129 -j DROP`, `-s fd00::/129`}, {`-s fd00::1%eth0`, `-s fd00::1%eth0`}, {`-d fd00:::1`, `-d fd00:::1`},
		{`! -s fd00::1,fd00::2`, `! -s fd00::1,fd00::2`}, {`-s fd00::/64/64`, `-s fd00::/64/64`},
		{`-p tcp -j DNAT --to-destination [fd00::1]-[fd00::5]:80`, `-j DNAT --to-destination [fd00::1]-[fd00::5]:80`},
		{`-p tcp -j DNAT --to-destination [fd00::1`, `-j DNAT --to-destination [fd00::1`},
		{`-p tcp -j DNAT --to-destination [10.0.0.1]:80`, `-j DNAT --to-destination [10.0.0.1]:80`},
		{`-p tcp -j DNAT --to-destination [fd00::1]80`, `-j DNAT --to-destination [fd00::1]80`},
		{`-p tcp -j DNAT --to-destination 10.0.0.1:80:90`, `-j DNAT --to-destination 10.0.0.1:80:90`},
		{`-p tcp -j DNAT --to-destination 10.0.0.1-fd00::1`, `-j DNAT --to-destination 10.0.0.1-fd00::1`},
		{`-m recent --set --mask ffff:::`, `-m recent --set --mask ffff:::`},
		{`-p udp -m icmp6 --icmpv6-type 1`, `-m icmp6 --icmpv6-type 1`},
		{`-p ipv6-icmp -m icmp6 --icmpv6-type nosuchtype`, `-m icmp6 --icmpv6-type nosuchtype`},
		// Both families in one rule.
		{`-s 10.0.0.0/8 -d fd00::/64 -j DROP`, `-d fd00::/64`}, {`-s 10.0.0.0/8,fd00::/64`, `-s 10.0.0.0/8,fd00::/64`},
		{`-s fd00::1 -f -j DROP`, `-f`}, {`-s fd00::1 -p icmp -m icmp --icmp-type 8`, `-m icmp --icmp-type 8`},
		{`-s 10.0.0.1/32 -p tcp -j DNAT --to-destination [fd00::1]:80`, `-j DNAT --to-destination [fd00::1]:80`},
		{`-s fd00::1 -j DNAT --to-destination 10.0.0.1`, `-j DNAT --to-destination 10.0.0.1`},
		{`-s fd00::1 -j REJECT --reject-with icmp-net-unreachable`, `-j REJECT --reject-with icmp-net-unreachable`},
		{`-s fd00::1 -m recent --set --mask 255.255.255.0`, `-m recent --set --mask 255.255.255.0`},
		{`-d 10.0.0.1/32 -m conntrack --ctorigdst fd00::1`, `-m conntrack --ctorigdst fd00::1`},
		{`-m conntrack --ctorigdst fd00::1 --ctreplsrc 10.0.0.1`, `-m conntrack --ctorigdst fd00::1 --ctreplsrc 10.0.0.1`},
		{`-m recent --set --mask 255.0.0.0 -j REJECT --reject-with icmp6-no-route`, `-j REJECT --reject-with icmp6-no-route`},
		{`-s fd00::1 -j TTL --ttl-set 4`, `-j TTL --ttl-set 4`}, {`-4 -s fd00::1`, `-4 -s fd00::1`}, {`-s fd00::1 -4`, `-4`},
		{`-m mark --mark 1 --mark 2`, `-m mark --mark 1 --mark 2`},
		{`-p udp -m tcp --dport 1`, `-m tcp --dport 1`},
		{`-j DROP -j ACCEPT`, `-j DROP -j ACCEPT`},
		{`stray`, `stray`}, {`--nooption 1`, `--nooption 1`},
	} {
		r, err := ParseRule(tt.spec)
		if err != nil {
			t.Errorf("%s: %v", tt.spec, err)
			continue
		}
		if r.NotUnderstood != tt.odd {
			t.Errorf("%s: not understood %q, want %q", tt.spec, r.NotUnderstood, tt.odd)
		}
		if !strings.Contains(r.Text(), tt.odd) {
			t.Errorf("%s: printed as %s", tt.spec, r.Text())
		}
	}
}

// TestAddressLists: iptables makes a rule of each pair.
func TestAddressLists(t *testing.T) {
	for _, tt := range []struct{ spec, want string }{
		{"-s 1.1.1.1,2.2.0.0/16", " -s 1.1.1.1/32| -s 2.2.0.0/16"},
		{"-s fd00::1,fd00:1::/64 -d fd00::3,fd00::4 -j DROP", " -s fd00::1/128 -d fd00::3/128 -j DROP| -s fd00::1/128 -d fd00::4/128 -j DROP|" +
			" -s fd00:1::/64 -d fd00::3/128 -j DROP| -s fd00:1::/64 -d fd00::4/128 -j DROP"},
		{"-d ::/0,fd00::1", "| -d fd00::1/128"},
	} {
		c := NewTable("filter").Chain("INPUT")
		if err := c.Append(tt.spec); err != nil {
			t.Errorf("%s: %v", tt.spec, err)
		}
		var got []string
		for _, r := range c.Rules {
			got = append(got, string(r.AppendSpec(nil)))
		}
		if strings.Join(got, "|") != tt.want {
			t.Errorf("%s: got %q, want %q", tt.spec, strings.Join(got, "|"), tt.want)
		}
	}
}

func TestApply(t *testing.T) {
	rs := &Ruleset{}
	for _, cmd := range []string{
		"iptables -N A", "iptables -A A -s 1.1.1.1 -j DROP", "iptables -t filter -A FORWARD -j A", "iptables -P FORWARD DROP",
		"iptables-legacy -w 5 -t nat -I PREROUTING 1 -p udp -m udp --dport 30080 -m addrtype --dst-type LOCAL -j DNAT --to-destination 10.0.1.11:9999",
		"-t nat -I PREROUTING -j ACCEPT -m comment --comment 'it is'", "/usr/sbin/iptables -I A -j RETURN",
		"iptables -A A -j ACCEPT", "iptables -D A -j ACCEPT", "iptables -t nat -D PREROUTING 9", "iptables -A NOSUCH -j DROP",
	} {
		err := rs.Apply(cmd)
		if fails := strings.Contains(cmd, " 9") && strings.Contains(cmd, "-D") || strings.Contains(cmd, "NOSUCH"); fails != (err != nil) {
			t.Errorf("%s: %v", cmd, err)
		}
	}
	want := `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:A - [0:0]
-A FORWARD -j A
-A A -j RETURN
-A A -s 1.1.1.1/32 -j DROP
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -m comment --comment "it is" -j ACCEPT
-A PREROUTING -p udp -m udp --dport 30080 -m addrtype --dst-type LOCAL -j DNAT --to-destination 10.0.1.11:9999
COMMIT
`
	if got := rs.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if n := rs.Table("nat").Chain("PREROUTING").Rules[1].Number; n != 2 {
		t.Errorf("the rule pushed down has number %d", n)
	}
	clone := rs.Clone()
	if err := clone.Apply("iptables -F"); err != nil {
		t.Error(err)
	}
	if err := clone.Apply("iptables -X A"); err != nil {
		t.Error(err)
	}
	if rs.String() != want {
		t.Error("changing a clone changed the original")
	}
	if j := rs.Clone().Table("filter").Chain("FORWARD").Rules[0].Target.(*JumpTarget); j.Chain == nil || j.Chain == rs.Table("filter").Chain("A") {
		t.Error("a clone's jump does not lead to the clone's chain")
	}
}

func TestLink(t *testing.T) {
	rs := &Ruleset{}
	table := rs.AddTable("filter")
	table.Chain("INPUT").MustAppend("-j LATER")
	if err := rs.Link(); err == nil || !strings.Contains(err.Error(), "no chain LATER") {
		t.Errorf("got %v", err)
	}
	later := table.AddChain("LATER")
	if err := rs.Link(); err != nil {
		t.Error(err)
	}
	if got := table.Chain("INPUT").Rules[0].Target.(*JumpTarget).Chain; got != later {
		t.Errorf("linked to %v", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(walkDump)
	f.Add("# iptables -t nat -S\n-P PREROUTING ACCEPT\n-A PREROUTING -p tcp --dport 80 -j DNAT --to 1.1.1.1:80\n")
	f.Add("*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -s fd00::1,fd00:1::/64 ! -d ::1:2/ffff::ff -p tcp -j DNAT --to-destination [fd00::1-fd00::3]:80-90\n" +
		"-A PREROUTING -s fd00::1 -m recent --set -m conntrack --ctorigdst fd00::/64 -j REJECT\nCOMMIT\n")
	f.Add("*nat\n[1:2] -A X -m comment --comment \"a \\\" b\" -m foo ! --bar x -s 1.1.1.1,2.2.2.2 -j Y --z\nCOMMIT\n# Completed\n")
	if text, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "golden", "iptables-save", "antrea-encap-full.txt")); err == nil {
		f.Add(string(text))
	}
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
			t.Fatalf("printed\n%s\nthen\n%s", once, twice)
		}
		if a, b := len(rs.NotUnderstood()), len(again.NotUnderstood()); a != b {
			t.Fatalf("%d rules not understood, then %d:\n%s", a, b, once)
		}
		for _, table := range rs.Tables {
			for _, c := range table.Chains {
				if c.BuiltIn() {
					c.Evaluate(probe(), &recorder{})
				}
			}
		}
	})
}

func FuzzRule(f *testing.F) {
	for _, row := range printRows(f) {
		f.Add(row.spec)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		if strings.ContainsAny(spec, "\n\r") {
			return
		}
		r, err := ParseRule(spec)
		if err != nil {
			return
		}
		once := string(r.AppendSpec(nil))
		again, err := ParseRule(once)
		if err != nil {
			t.Fatalf("%q printed as %q: %v", spec, once, err)
		}
		if twice := string(again.AppendSpec(nil)); twice != once {
			t.Fatalf("%q printed as %q, then %q", spec, once, twice)
		}
		if (r.NotUnderstood == "") != (again.NotUnderstood == "") {
			t.Fatalf("%q: not understood %q; printed as %q: %q", spec, r.NotUnderstood, once, again.NotUnderstood)
		}
		r.apply(probe())
		for _, m := range r.Matches {
			if m.Matches(probe()) == No {
				m.Why(probe())
			}
		}
	})
}

// TestBlocks: an input read in pieces, however small, is what it is when read at once.
func TestBlocks(t *testing.T) {
	text := string(scale1k(t))[:300_000]
	text = text[:strings.LastIndexByte(text, '\n')+1] + "COMMIT\n# é at the end" // no line end behind the last line
	want, err := Parse(strings.NewReader(text), "whole")
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]io.Reader{
		"a byte at a time": iotest.OneByteReader(strings.NewReader(text)), "halves": iotest.HalfReader(strings.NewReader(text)),
		"data with the end": iotest.DataErrReader(strings.NewReader(text)), "unknown length": io.MultiReader(strings.NewReader(text)),
	} {
		got, err := Parse(r, name)
		if err != nil {
			t.Errorf("%v", err)
		} else if got.String() != want.String() {
			t.Errorf("%s: %s", name, firstDifference(got.String(), want.String()))
		}
	}
	_, err = Parse(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(text))), "broken")
	if !errors.Is(err, iotest.ErrTimeout) || !strings.HasPrefix(err.Error(), "broken:1: ") {
		t.Errorf("broken reader: %v", err)
	}
}

// TestChainsAsTheyCome: rules find their chains in whatever order they stand, also after chains were taken out.
func TestChainsAsTheyCome(t *testing.T) {
	const in = "*filter\n:INPUT ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n:C - [0:0]\n-A C -i c1\n-A A -i a1\n-A C -i c2\n-A B -i b1\n-F B\n-X B\n-A C -i c3\n-A D -i d1\n" +
		"-A A -i a2\n-A C -i c4\n-A D -i d2\n-A INPUT -j C\nCOMMIT\n"
	const want = "*filter\n:INPUT ACCEPT [0:0]\n:A - [0:0]\n:C - [0:0]\n:D - [0:0]\n-A INPUT -j C\n-A A -i a1\n-A A -i a2\n-A C -i c1\n-A C -i c2\n-A C -i c3\n-A C -i c4\n" +
		"-A D -i d1\n-A D -i d2\nCOMMIT\n"
	rs, err := Parse(strings.NewReader(in), "in")
	if err != nil {
		t.Fatal(err)
	}
	if got := rs.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
