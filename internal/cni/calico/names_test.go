package calico

import (
	"strings"
	"testing"
)

// TestHashes are examples that the real Felix gave (facts/calico.md, section 10).
func TestHashes(t *testing.T) {
	tail := hashes("FORWARD*appends*", []rule{
		to(accept, markSet(markAccept)).saying("Policy explicitly accepted packet."), to(setMark(markAccept))})
	if tail[0] != "S93hcgKJrXEqnTfs" || tail[1] != "mp77cMpurHhyjLrM" {
		t.Errorf("the rules at the end of FORWARD: %q", tail)
	}
	policy := to(setMark(markAccept), protocol("tcp"), source.set("cali40s:g_TM4cHGncRYRKupcms5_3m"), destination.ports(one(80))).
		saying("KubernetesNetworkPolicy default/allow-client ingress")
	const text = `-A cali-pi-_xkkHayCrFy5osyT5E7F HASH -m comment --comment "KubernetesNetworkPolicy default/allow-client ingress" -p tcp ` +
		`-m set --match-set cali40s:g_TM4cHGncRYRKupcms5_3m src -m multiport --destination-ports 80 --jump MARK --set-mark 0x10000/0x10000`
	if got := policy.felix("cali-pi-_xkkHayCrFy5osyT5E7F"); got != text {
		t.Errorf("a rule as Felix writes it: %s\nwant %s", got, text)
	}
	if got := hashes("cali-pi-_xkkHayCrFy5osyT5E7F", []rule{policy}); got[0] != "2iCFGJsHvlchmQxh" {
		t.Errorf("its hash: %q", got)
	}
}

func TestNames(t *testing.T) {
	for _, x := range []struct{ what, got, want string }{
		{"veth", HostVeth("default", "client"), "calia7a3e029a7b"},
		{"veth", HostVeth("default", "web"), "cali68caf03a5f4"},
		{"VTEP", vtepMAC("node-b").String(), "66:89:3a:22:7a:ac"},
		{"policy", chainName("cali-pi-", "knp/default/allow-client"), "cali-pi-_xkkHayCrFy5osyT5E7F"},
		{"profile", chainName("cali-pri-", "kns.default"), "cali-pri-kns.default"},
		{"just short enough", chainName("cali-pri-", strings.Repeat("x", 19)), "cali-pri-" + strings.Repeat("x", 19)},
		{"short, but like a hash", chainName("cali-pri-", "_"+strings.Repeat("x", 17)), "cali-pri-_" + strings.Repeat("x", 17)},
		{"nothing", chainName("cali-pi-", ""), "cali-pi-_"},
		{"set", setName("all-vxlan-net"), "cali40all-vxlan-net"},
		{"long set", setName("s:g_TM4cHGncRYRKupcms5_3mlb7DhnbSzVvsVlw"), "cali40s:g_TM4cHGncRYRKupcms5_3m"},
	} {
		if x.got != x.want {
			t.Errorf("%s: %q, want %q", x.what, x.got, x.want)
		}
	}
}

// TestLongNames: a name is as it is up to 27 characters, and a hash of exactly 28 from there, but that one of 28 which
// cannot be taken for a hash stays too.
func TestLongNames(t *testing.T) {
	for _, x := range []struct {
		suffix string
		hashed bool
	}{
		{strings.Repeat("x", 18), false}, {"_" + strings.Repeat("x", 17), false},
		{strings.Repeat("x", 19), false}, {"_" + strings.Repeat("x", 18), true},
		{strings.Repeat("x", 20), true}, {strings.Repeat("x", 200), true},
	} {
		got := chainName("cali-pri-", x.suffix)
		if plain := "cali-pri-" + x.suffix; x.hashed && (len(got) != 28 || got[9] != '_' || got == plain) || !x.hashed && got != plain {
			t.Errorf("%q: %q", x.suffix, got)
		}
	}
}

func TestComments(t *testing.T) {
	for _, x := range []struct{ text, want string }{
		{"plain words, a/b.c", `-m comment --comment "plain words, a/b.c"`},
		{`a"b'c*d`, `-m comment --comment "a_b_c_d"`},
		{strings.Repeat("y", 300), `-m comment --comment "` + strings.Repeat("y", 256) + `"`},
	} {
		if got := commentMatch(x.text); got != x.want {
			t.Errorf("%q: %s", x.text, got)
		}
	}
}

// TestSave holds the order of iptables-save: addresses, devices and protocol first, modules as they came, then the target.
func TestSave(t *testing.T) {
	r := to(accept, destination.ports(one(80), portRange{90, 99}), protocol("tcp"), out("b"), in("a"), ctState("NEW")).saying("why")
	const want = `-i a -o b -p tcp -m comment --comment "cali:h" -m comment --comment "why" -m multiport --dports 80,90:99 -m conntrack --ctstate NEW -j ACCEPT`
	if got := r.save("h"); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
