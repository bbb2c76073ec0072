package netfilter

import (
	"slices"
	"testing"

	"github.com/podpath/podpath/internal/packet"
)

const emptyTables = `*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT
`

func order(s *Stack, h Hook) []string {
	var out []string
	for _, b := range s.At(h) {
		name := b.Family + " " + b.Table
		if b.NFT != nil {
			name += " " + b.NFT.Name
		}
		out = append(out, name)
	}
	return out
}

// TestOrder holds the order of base chains to the kernel's: by priority, but all nat chains of a hook where the nat core
// hangs, one after another (nf_nat_inet_fn). The AWS VPC CNI's chain at -90 is such a one.
func TestOrder(t *testing.T) {
	native := `table ip aws-cni {
	chain nat-prerouting {
		type nat hook prerouting priority dstnat + 10; policy accept;
	}
	chain early {
		type filter hook prerouting priority -310; policy accept;
	}
	chain late {
		type filter hook prerouting priority -95; policy accept;
	}
	chain between {
		type filter hook prerouting priority -120; policy accept;
	}
	chain snat {
		type nat hook postrouting priority srcnat - 10; policy accept;
	}
	chain after {
		type filter hook postrouting priority 95; policy accept;
	}
	chain no-hook {
	}
}
table ip6 six {
	chain x {
		type filter hook prerouting priority 0; policy drop;
	}
}
table inet both {
	chain x {
		type filter hook input priority filter; policy accept;
	}
}
`
	s := New(mustRules(t, emptyTables), mustNative(t, native), nil)
	for _, x := range []struct {
		hook Hook
		want []string
	}{
		{PreRouting, []string{"ip aws-cni early", "ip raw", "ip mangle", "ip aws-cni between", "ip nat", "ip aws-cni nat-prerouting", "ip aws-cni late"}},
		{LocalIn, []string{"ip mangle", "inet both x", "ip filter", "ip nat"}}, // who came last is asked first
		{Forward, []string{"ip mangle", "ip filter"}},
		{LocalOut, []string{"ip raw", "ip mangle", "ip nat", "ip filter"}},
		// 90 is before 100, and both run where the nat core hangs: behind the filter chain at 95.
		{PostRouting, []string{"ip mangle", "ip aws-cni after", "ip aws-cni snat", "ip nat"}},
	} {
		if got := order(s, x.hook); !slices.Equal(got, x.want) {
			t.Errorf("%v:\n got %q\nwant %q", x.hook, got, x.want)
		}
	}
	before := 0
	for _, b := range s.At(PreRouting) {
		if b.BeforeConntrack() {
			before++
		}
	}
	if before != 2 {
		t.Errorf("%d chains before conntrack, want 2: raw, and the native chain at -310", before)
	}
	for _, b := range s.At(LocalOut) {
		if b.Route != (b.Table == "mangle") {
			t.Errorf("%s OUTPUT: looks the route up again: %v", b.Table, b.Route)
		}
	}
}

// TestNATCore: with any nat chain, mappings are applied at every hook, also where no chain hangs.
func TestNATCore(t *testing.T) {
	s := New(nil, mustNative(t, "table ip x {\n\tchain c {\n\t\ttype nat hook postrouting priority srcnat; policy accept;\n\t}\n}\n"), nil)
	for _, h := range []Hook{PreRouting, LocalIn, LocalOut, PostRouting} {
		if l := s.At(h); len(l) != 1 || !l[0].NAT {
			t.Errorf("%v: %d chains, want the nat core", h, len(l))
		}
	}
	if len(s.At(Forward)) != 0 {
		t.Error("the nat core hangs on FORWARD")
	}
	if s := New(mustRules(t, "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n"), nil, nil); len(s.At(PreRouting)) != 0 {
		t.Error("the nat core hangs where there is no nat chain")
	}
}

func TestDormantTable(t *testing.T) {
	for _, dormant := range []bool{false, true} {
		flags, want := "", 1
		if dormant {
			flags, want = "\tflags dormant\n", 0
		}
		n := mustNative(t, "table ip x {\n"+flags+"\tchain c {\n\t\ttype filter hook input priority filter; policy drop;\n\t\tct state established accept\n\t}\n}\n")
		s := New(nil, n, nil)
		if got := len(s.At(LocalIn)); got != want {
			t.Errorf("dormant=%v: %d chains on INPUT, want %d", dormant, got, want)
		}
		if !s.Tracks {
			t.Errorf("dormant=%v: the rule's ct expression holds connection tracking", dormant)
		}
	}
}

func TestTracks(t *testing.T) {
	for _, x := range []struct {
		rule string
		want bool
	}{
		{"-A INPUT -p tcp -j ACCEPT", false},
		{"-A INPUT -m conntrack --ctstate NEW -j ACCEPT", true},
		{"-A INPUT -m state --state NEW -j ACCEPT", true},
		{"-A INPUT -m connmark --mark 0x1 -j ACCEPT", true},
	} {
		s := New(mustRules(t, "*filter\n:INPUT ACCEPT [0:0]\n"+x.rule+"\nCOMMIT\n"), nil, nil)
		if s.Tracks != x.want {
			t.Errorf("%s: tracks %v, want %v", x.rule, s.Tracks, x.want)
		}
	}
}

func TestHooks(t *testing.T) {
	for h := range NumHooks {
		if got, ok := HookByName(h.String()); !ok || got != h {
			t.Errorf("%v is found as %v, %v", h, got, ok)
		}
		want := ManipDst
		if h == LocalIn || h == PostRouting {
			want = ManipSrc
		}
		if h.Manip() != want {
			t.Errorf("%v makes mappings of kind %v, want %v", h, h.Manip(), want)
		}
	}
	if _, ok := HookByName("ingress"); ok {
		t.Error("ingress is no hook of IPv4")
	}
}

// TestManyEntries: the table's own room for entries and what comes behind it are the same to a caller.
func TestManyEntries(t *testing.T) {
	var c Conntrack
	for i := range 20 {
		p := flow(t, packet.UDP, "10.0.0.1:1000 > 10.0.0.2:53")
		p.L4.SrcPort += uint16(i)
		c.Confirm(c.In(p, 0).Entry)
	}
	for i := range 20 {
		p := flow(t, packet.UDP, "10.0.0.2:53 > 10.0.0.1:1000")
		p.L4.DstPort += uint16(i)
		if r := c.In(p, 0); !r.Reply || r.Entry.Original.SrcPort != 1000+uint16(i) {
			t.Errorf("answer %d finds %+v", i, r)
		}
	}
}

// TestRegistered: of chains at one priority the one that was registered last is asked first (nf_hook_entries_grow), in the nat
// core as on any hook. The order within one listing is that of its lines.
func TestRegistered(t *testing.T) {
	native := `table ip one {
	chain a {
		type nat hook prerouting priority dstnat; policy accept;
	}
	chain b {
		type nat hook prerouting priority dstnat; policy accept;
	}
}
table ip two {
	chain c {
		type nat hook prerouting priority dstnat; policy accept;
	}
	chain d {
		type nat hook prerouting priority dstnat + 10; policy accept;
	}
}
`
	for first, want := range [][]string{
		{"ip two c", "ip one b", "ip one a", "ip nat", "ip two d"},
		{"ip two c", "ip nat", "ip one b", "ip one a", "ip two d"},
		{"ip nat", "ip two c", "ip one b", "ip one a", "ip two d"},
	} {
		s := NewAfter(first, mustRules(t, "*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n"), mustNative(t, native), nil)
		if got := order(s, PreRouting); !slices.Equal(got, want) {
			t.Errorf("%d native tables before iptables':\n got %q\nwant %q", first, got, want)
		}
	}
}
