package redact

import (
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/snapshot"
)

// inputs are all presets, and all dumps that podpath reads.
func inputs(t *testing.T) map[string]Input {
	out := map[string]Input{}
	for _, id := range compile.Presets() {
		out[id] = Input{Description, presetText(t, id)}
	}
	for name, text := range dumps(t) {
		if _, err := snapshot.ReadArchive([]byte(text), name); err == nil {
			out[name] = Input{Snapshot, text}
		}
	}
	return out
}

// TestProperties holds every input's redaction to what the package promises: no original in it, one to one, always the same, and
// other addresses with another key.
func TestProperties(t *testing.T) {
	for name, in := range inputs(t) {
		t.Run(name, func(t *testing.T) {
			out := redacted(t, in)
			again := redacted(t, in)
			if out.Text != again.Text {
				t.Error("a second time the text is another one")
			}
			other, err := Redact(in, []byte("another key"))
			if err != nil {
				t.Fatal(err)
			}
			words := map[string]bool{}
			eachWord(out.Text, func(s string) string {
				words[s] = true
				for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == '/' || r == ':' }) {
					words[part] = true
				}
				return ""
			})
			from, to := map[string]string{}, map[string]string{}
			for _, p := range out.Map {
				if p.Kind == Derived {
					continue
				}
				if words[p.From] && !common(p.From) {
					t.Errorf("%s %s is in the output", p.Kind, p.From)
				}
				k := "name " // names share one space, addresses and MACs have their own
				switch p.Kind {
				case Address, Prefix, MAC, ID, Set, Chain:
					k = string(p.Kind) + " "
				}
				if x, ok := from[k+p.From]; ok && x != p.To {
					t.Errorf("%s %s becomes %s and %s", p.Kind, p.From, x, p.To)
				}
				if x, ok := to[k+p.To]; ok && x != p.From {
					t.Errorf("%s and %s both become %s", x, p.From, p.To)
				}
				from[k+p.From], to[k+p.To] = p.To, p.From
				if len(p.To) > 63 || p.Kind == Interface && len(p.To) > 15 || p.Kind == Port && len(p.To) > 15 || p.Kind == Chain && len(p.To) > 28 {
					t.Errorf("%s %s becomes %s, which is too long", p.Kind, p.From, p.To)
				}
			}
			if len(from) == 0 {
				t.Error("nothing is replaced")
			}
			for _, p := range out.Stays {
				switch p.Kind {
				case Address: // of the range of which podpath itself gives addresses
					if !strings.HasPrefix(p.From, "203.0.113.") {
						t.Errorf("address %s stays", p.From)
					}
				case Prefix: // half a class, and the first of a VPC that fills its class, with the VPC's resolver
					if q := netip.MustParsePrefix(p.From); q.Bits() > 9 && p.From != "192.168.0.0/24" {
						t.Errorf("prefix %s stays", p.From)
					}
				default:
					if !known[p.From] {
						t.Errorf("%s %s stays", p.Kind, p.From)
					}
				}
			}
			prefixesKept(t, out)
			if moved, differ := drawnAnew(out, other); moved > 8 && differ == 0 {
				t.Errorf("%d addresses, and with another key every one becomes the same", moved)
			}
		})
	}
}

// drawnAnew counts the addresses that are replaced, and those of them that another key replaces by others.
func drawnAnew(x, y *Output) (moved, differ int) {
	to := map[string]string{}
	for _, p := range x.Map {
		if p.Kind == Address {
			to[p.From] = p.To
			moved++
		}
	}
	for _, p := range y.Map {
		if p.Kind == Address && to[p.From] != p.To {
			differ++
		}
	}
	return moved, differ
}

// prefixesKept holds every two of an output's addresses to as many leading bits in common as their originals have, to their
// order, and each to its class.
func prefixesKept(t *testing.T, out *Output) {
	t.Helper()
	type pair struct{ from, to uint32 }
	var all []pair
	for p := range out.book.seen {
		if !p.Addr().Is4() || p.Bits() != 32 {
			continue
		}
		to := out.book.prefix(p).Addr()
		all = append(all, pair{number(p.Addr()), number(to)})
		for _, c := range append(prefixes("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"), classes[:4]...) {
			if c.Contains(p.Addr()) != c.Contains(to) {
				t.Errorf("%v becomes %v, which is of another class (%v)", p.Addr(), to, c)
			}
		}
	}
	if len(all) > 1500 {
		all = all[:1500]
	}
	for i, x := range all {
		for _, y := range all[:i] {
			if inCommon(x.from, y.from) != inCommon(x.to, y.to) || (x.from < y.from) != (x.to < y.to) {
				t.Fatalf("%v and %v become %v and %v", address(x.from), address(y.from), address(x.to), address(y.to))
			}
		}
	}
}

func inCommon(x, y uint32) int {
	n := 0
	for n < 32 && (x^y)>>(31-n) == 0 {
		n++
	}
	return n
}

// TestAddresses: the permutation by itself, against what it has to keep.
func TestAddresses(t *testing.T) {
	for _, list := range [][]string{
		{"10.0.1.5", "10.0.1.77", "10.0.1.134", "10.0.2.9", "10.0.10.9", "10.0.9.9", "203.0.113.5", "8.8.8.8"},
		{"192.168.0.1", "192.168.1.1", "192.168.2.1", "192.168.255.254", "172.16.0.1", "172.31.255.255", "100.64.0.7"},
		{"1.1.1.1", "9.255.255.255", "11.0.0.0", "126.0.0.1", "128.0.0.1", "169.253.1.1", "169.255.1.1", "223.1.1.1"},
	} {
		for _, key := range []string{"a", "b", "c", "d"} {
			b := newBook([]byte(key))
			for _, s := range list {
				b.addr(netip.MustParseAddr(s))
			}
			b.frame(netip.MustParsePrefix("10.0.1.0/24"))
			b.seal()
			texts := map[string]string{}
			for _, s := range list {
				texts[s] = b.addr(netip.MustParseAddr(s)).String()
				if texts[s] == s {
					t.Errorf("key %s: %s stays", key, s)
				}
			}
			for _, x := range list {
				for _, y := range list {
					a, c := netip.MustParseAddr(x), netip.MustParseAddr(y)
					d, e := netip.MustParseAddr(texts[x]), netip.MustParseAddr(texts[y])
					if inCommon(number(a), number(c)) != inCommon(number(d), number(e)) || a.Less(c) != d.Less(e) || (x+":80" < y+":80") != (texts[x]+":80" < texts[y]+":80") {
						t.Errorf("key %s: %s and %s become %s and %s", key, x, y, texts[x], texts[y])
					}
				}
			}
			base := b.prefix(netip.MustParsePrefix("10.0.1.0/24")).Addr()
			for n, s := range map[uint32]string{1: "10.0.1.1", 2: "10.0.1.2", 255: "10.0.1.255"} {
				if got := b.addr(netip.MustParseAddr(s)); got != address(number(base)+n) {
					t.Errorf("key %s: %s becomes %v, in a subnet that begins at %v", key, s, got, base)
				}
			}
			for _, s := range []string{"127.0.0.1", "169.254.1.1", "169.254.169.254", "224.0.0.5", "255.255.255.255", "0.0.0.0"} {
				if got := b.addr(netip.MustParseAddr(s)).String(); got != s {
					t.Errorf("%s becomes %s", s, got)
				}
			}
		}
	}
}

// TestBetween: what stands between two words sorts between them, whatever follows.
func TestBetween(t *testing.T) {
	for _, x := range [][2]string{{"", ""}, {"", "default"}, {"default", "kube-system"}, {"kube-system", ""}, {"kube-dns", "kube-system"}, {"", "aws-node"}, {"", "b"},
		{"http", "https"}, {"y", "z"}, {"zz", ""}, {"none", "nonf"}} {
		got := between(x[0], x[1])
		for _, s := range []string{got + "0", got + "zz", got} {
			if s <= x[0] || x[1] != "" && s >= x[1] {
				t.Errorf("between %q and %q: %q, and %q is not", x[0], x[1], got, s)
			}
		}
	}
}

// TestRefuses: what cannot be read is said, and not redacted.
func TestRefuses(t *testing.T) {
	for _, x := range []struct {
		name string
		in   Input
		key  string
		want string
	}{
		{"no key", Input{Description, presetText(t, "eks-study")}, "", "no key"},
		{"no form", Input{"", "x"}, "k", "want cluster or snapshot"},
		{"no YAML", Input{Description, "name: ["}, "k", "cannot be read"},
		{"no cluster", Input{Description, "name: x"}, "k", "cannot be read"},
		{"no dump", Input{Snapshot, "hello"}, "k", "cannot be read"},
		{"too long", Input{Description, strings.Repeat("#", MaxSize+1)}, "k", "at most"},
	} {
		if out, err := Redact(x.in, []byte(x.key)); err == nil || out != nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, want %q", x.name, err, x.want)
		}
	}
}

// TestQuestion: what a question can name is rewritten as the text is.
func TestQuestion(t *testing.T) {
	text := generated(1, "aws-vpc-cni")
	out := redacted(t, Input{Description, text})
	for _, x := range []string{"pod/shop/cart", "svc/shop/cart", "node/worker.acme.example", "bank.example", "52.95.110.1", "10.0.0.0/8,45.33.0.0/16", "acm+", "http"} {
		got := out.Question(x)
		kept := x == "10.0.0.0/8,45.33.0.0/16"
		if got == x || strings.Contains(got, "cart") || strings.Contains(got, "acme") || kept != strings.HasPrefix(got, "10.0.0.0/8,") {
			t.Errorf("%s becomes %s", x, got)
		}
	}
	for _, x := range []string{"internet", "udp", "169.254.169.254", "KUBE-SERVICES", "default", "policy ACCEPT", ""} {
		if got := out.Question(x); got != x {
			t.Errorf("%s becomes %s", x, got)
		}
	}
}

// TestForms: a form of its own stays one.
func TestForms(t *testing.T) {
	b := newBook(testKey)
	read := func(b *book) []string {
		return []string{b.id("eni-0a1b2c3d4e5f60718"), b.iface("eni0123456789a"), b.iface("eth0"), b.iface("eni+"), b.iface("acme+"), b.iface("acme0"), b.chain("KUBE-SVC-ABCDEFGHIJKLMNOP"),
			b.chain("KUBE-SEP-ABCDEFGHIJKLMNOP"), b.chain("KUBE-SERVICES"), b.mac("02:11:22:33:44:55"), b.mac("00:11:22:33:44:55"), b.mac("33:33:00:00:00:01"), b.set("cali40s:g_TM4cHGncRYRKupcms5_3m"),
			b.name(Zone, "eu-central-1b"), b.name(Region, "eu-central-1"), b.iface("vxlan.calico"), b.iface("eth0:1")}
	}
	was := read(b)
	b.seal()
	is := read(b)
	for i, want := range []string{`eni-0[0-9a-f]{16}`, `eni[0-9a-f]{11}`, `eth0`, `eni\+`, `[a-z]{4}\+`, `[a-z]{4}[0-9a-f]{6}`, `KUBE-SVC-[A-Z2-7]{16}`, `KUBE-SEP-[A-Z2-7]{16}`, `KUBE-SERVICES`,
		`.[26ae](:..){5}`, `.[048c](:..){5}`, `33:33:00:00:00:01`, `cali40s:.{23}`, `.*-regionb`, `.*-region`, `vxlan\.calico`, `eth0:1`} {
		if !regexp.MustCompile("^" + want + "$").MatchString(is[i]) {
			t.Errorf("%s becomes %s, want %s", was[i], is[i], want)
		}
	}
	if is[6][9:] != is[7][9:] {
		t.Errorf("one hash becomes two: %s, %s", is[6], is[7])
	}
	if !strings.HasPrefix(is[5], strings.TrimSuffix(is[4], "+")) {
		t.Errorf("acme+ becomes %s, and acme0 %s", is[4], is[5])
	}
}
