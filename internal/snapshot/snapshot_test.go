package snapshot

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/topology"
)

func mustRead(t *testing.T, archive string) *topology.Topology {
	t.Helper()
	top, err := ReadArchive([]byte(archive), "test")
	if err != nil {
		t.Fatal(err)
	}
	return top
}

func link(index int, name string, peer, nsid int) string {
	return fmt.Sprintf(`{"ifindex":%d,"ifname":%q,"link_index":%d,"link_netnsid":%d,"flags":["UP"],"mtu":1500,"link_type":"ether",`+
		`"address":"02:00:00:00:00:01","linkinfo":{"info_kind":"veth"},"addr_info":[]}`, index, name, peer, nsid)
}

func TestPairing(t *testing.T) {
	for _, x := range []struct {
		name  string
		links map[string][]string // by namespace
		want  string              // "a.x=b.y" each way, joined by blanks; "" for no pair
	}{
		{"each names the other", map[string][]string{"a": {link(2, "eth0", 3, 0)}, "b": {link(3, "veth0", 2, 0)}}, "a.eth0=b.veth0 b.veth0=a.eth0"},
		{"one way only", map[string][]string{"a": {link(2, "eth0", 3, 0)}, "b": {link(3, "veth0", 9, 0)}}, ""},
		{"an index of the same namespace is no peer", map[string][]string{"a": {link(2, "eth0", 3, 0), link(3, "other", 2, 0)}}, ""},
		{"the other namespace wins over the same", map[string][]string{"a": {link(2, "eth0", 3, 0), link(3, "other", 2, 0)}, "b": {link(3, "veth0", 2, 0)}},
			"a.eth0=b.veth0 b.veth0=a.eth0"},
		{"two that fit: none", map[string][]string{"a": {link(2, "eth0", 3, 0)}, "b": {link(3, "veth0", 2, 0)}, "c": {link(3, "veth0", 2, 0)}}, ""},
		{"pods of one node", map[string][]string{"n": {link(5, "v5", 3, 0), link(6, "v6", 3, 1)}, "p": {link(3, "eth0", 5, 0)}, "q": {link(3, "eth0", 6, 0)}},
			"n.v5=p.eth0 n.v6=q.eth0 p.eth0=n.v5 q.eth0=n.v6"},
	} {
		t.Run(x.name, func(t *testing.T) {
			var b strings.Builder
			for ns, l := range x.links {
				fmt.Fprintf(&b, "-- %s/addr.json --\n[%s]\n", ns, strings.Join(l, ","))
			}
			top := mustRead(t, b.String())
			var got []string
			for _, name := range []string{"a", "b", "c", "n", "p", "q"} {
				if _, ok := x.links[name]; !ok {
					continue
				}
				for _, i := range mustNS(t, top, name).Interfaces {
					if i.Peer.Namespace != "" {
						got = append(got, name+"."+i.Name+"="+i.Peer.Namespace+"."+i.Peer.Interface)
					}
				}
			}
			if s := strings.Join(got, " "); s != x.want {
				t.Errorf("pairs %q, want %q", s, x.want)
			}
		})
	}
}

// TestIPTablesNFT: the tables that iptables-nft keeps are left out of nft's listing where iptables-save is there too.
func TestIPTablesNFT(t *testing.T) {
	const nft = `-- n/nft.txt --
table ip nat {
	chain POSTROUTING {
		type nat hook postrouting priority srcnat; policy accept;
	}
}
table ip aws-cni {
	chain x {
		type filter hook prerouting priority -90; policy accept;
	}
}
table ip6 filter {
}
`
	tables := func(archive string) string {
		var out []string
		for _, x := range mustNS(t, mustRead(t, archive), "n").Netfilter.Native.Tables {
			out = append(out, x.Family+" "+x.Name)
		}
		return strings.Join(out, ", ")
	}
	if got, want := tables(nft), "ip nat, ip aws-cni, ip6 filter"; got != want {
		t.Errorf("alone: %s, want %s", got, want)
	}
	if got, want := tables(nft+"-- n/iptables-save.txt --\n*nat\n:POSTROUTING ACCEPT [0:0]\nCOMMIT\n"), "ip aws-cni, ip6 filter"; got != want {
		t.Errorf("beside iptables-save: %s, want %s", got, want)
	}
}

// TestRegistered: nft's listing has the tables in the order in which they were made, which stands for the order in which their
// chains were registered.
func TestRegistered(t *testing.T) {
	const native = "table ip NAME {\n\tchain pre {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n\t}\n}\n"
	const own = "table ip nat {\n\tchain PREROUTING {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n\t}\n}\n"
	one, two := strings.Replace(native, "NAME", "one", 1), strings.Replace(native, "NAME", "two", 1)
	for _, x := range []struct {
		listing string
		want    string
	}{
		{own + one + two, "ip two pre, ip one pre, ip nat PREROUTING"},
		{one + own + two, "ip two pre, ip nat PREROUTING, ip one pre"},
		{one + two + own, "ip nat PREROUTING, ip two pre, ip one pre"},
		{one + two, "ip two pre, ip one pre, ip nat PREROUTING"}, // iptables is no nft there
	} {
		archive := "-- n/nft.txt --\n" + x.listing + "-- n/iptables-save.txt --\n*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n"
		var got []string
		for _, b := range mustNS(t, mustRead(t, archive), "n").Netfilter.At(netfilter.PreRouting) {
			got = append(got, b.Name())
		}
		if s := strings.Join(got, ", "); s != x.want {
			t.Errorf("%q: asked %s, want %s", x.listing, s, x.want)
		}
	}
}

// TestPasted: what people paste has colours, prompts, several commands in one file, and Windows' line ends.
func TestPasted(t *testing.T) {
	const session = "\x1b[1mroot@node-1:~#\x1b[0m ip addr\r\n" +
		"1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000\r\n" +
		"    link/loopback \x1b[33m00:00:00:00:00:00\x1b[0m brd 00:00:00:00:00:00\r\n" +
		"    inet \x1b[35m127.0.0.1\x1b[0m/8 scope host lo\r\n" +
		"2: \x1b[36meth0\x1b[0m@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 9001 master br0 state UP\r\n" +
		"    link/ether 02:00:00:00:00:05 brd ff:ff:ff:ff:ff:ff link-netnsid 3\r\n" +
		"    inet 10.0.0.5/24 brd 10.0.0.255 scope global dynamic eth0\r\n" +
		"    inet 10.0.0.6/24 brd 10.0.0.255 scope global secondary eth0\r\n" +
		"    inet6 fe80::1/64 scope link\r\n" +
		"\r\nroot@node-1:~# sudo ip rule\r\n" +
		"0:\tfrom all lookup local\r\n32766:\tfrom all lookup main\r\n" +
		"root@node-1:~# ip route show table all\r\n" +
		"default via 10.0.0.1 dev eth0 proto dhcp src 10.0.0.5 metric 512 \r\n" +
		"172.17.0.0/16 dev docker0 proto kernel scope link src 172.17.0.1 linkdown \r\n" +
		"10.9.0.0/16 proto bird \r\n\tnexthop via 10.0.0.2 dev eth0 weight 2 \r\n\tnexthop via 10.0.0.3 dev eth0 weight 1 dead linkdown \r\n" +
		"fe80::/64 dev eth0 proto kernel metric 256 pref medium\r\n" +
		"$ ip neigh\n10.0.0.1 dev eth0 lladdr 02:00:00:00:00:01 REACHABLE\n10.0.0.9 dev eth0  FAILED\n10.0.0.8 dev eth0 proxy\n" +
		"# iptables-save\n# Generated by iptables-save v1.8.9 on Mon Nov 23 00:00:00 2026\n*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n# Completed on Mon Nov 23 00:00:00 2026\n" +
		"$ sysctl net.ipv4.ip_forward\nnet.ipv4.ip_forward = 0\n"
	top := mustRead(t, "-- node-1/session.txt --\n"+session)
	ns := mustNS(t, top, "node-1")
	if len(top.Assumptions) != 0 {
		t.Errorf("assumptions although all was given: %v", top.Assumptions)
	}
	eth0 := ns.Interface("eth0")
	if eth0 == nil {
		t.Fatalf("no eth0 among %d interfaces", len(ns.Interfaces))
	}
	if eth0.LinkIndex != 7 || eth0.LinkNetNS != 3 || eth0.MTU != 9001 || eth0.Master != "br0" || eth0.MAC.String() != "02:00:00:00:00:05" || !eth0.Up {
		t.Errorf("eth0: %+v", eth0)
	}
	if a := eth0.Addresses; len(a) != 2 || a[0].Secondary || !a[1].Secondary || a[0].Prefix.String() != "10.0.0.5/24" {
		t.Errorf("addresses of eth0: %+v", a)
	}
	if len(ns.Rules) != 2 || len(ns.Routes) != 3 || len(ns.Neighbours) != 3 {
		t.Fatalf("%d rules, %d routes, %d neighbours", len(ns.Rules), len(ns.Routes), len(ns.Neighbours))
	}
	if h := ns.Routes[1].Nexthops[0]; h.Dead || !h.LinkDown {
		t.Errorf("a route without carrier: %+v; the kernel uses it", h)
	}
	if h := ns.Routes[2].Nexthops; len(h) != 2 || h[0].Weight != 2 || h[0].Dead || !h[1].Dead {
		t.Errorf("next hops: %+v", h)
	}
	if ns.Neighbours[1].Valid() || !ns.Neighbours[0].Valid() || !ns.Neighbours[2].Proxy {
		t.Errorf("neighbours: %v", ns.Neighbours)
	}
	if ns.Netfilter.Rules == nil || ns.Netfilter.Rules.Table("filter") == nil || ns.Sysctl["net.ipv4.ip_forward"] != "0" || eth0.Forwarding() {
		t.Error("iptables or sysctls of the session were not read")
	}
}

// TestSaid: what is missing is said, not guessed silently.
func TestSaid(t *testing.T) {
	top := mustRead(t, "-- n/route.txt --\ndefault via 10.0.0.1 dev eth0\n-- n/notes.txt --\nremember the milk\n")
	var got []string
	for _, a := range top.Assumptions {
		got = append(got, a.Code)
	}
	if s := strings.Join(got, " "); s != "assume-ignored assume-no-rules assume-sysctl" {
		t.Errorf("assumptions: %s", s)
	}
	if rules := mustNS(t, top, "n").Rules; len(rules) != 3 {
		t.Errorf("without `ip rule`, the kernel's own three are taken: %v", rules)
	}
}

// TestJSONSaysMore: of two forms of one dump, JSON is taken, whichever comes first.
func TestJSONSaysMore(t *testing.T) {
	text := "-- n/a.txt --\n2: eth0: <UP> mtu 1400 state UP\n    inet 10.0.0.9/24 scope global eth0\n"
	js := "-- n/b.json --\n[" + strings.Replace(link(2, "eth0", 0, 0), `"addr_info":[]`, `"addr_info":[{"family":"inet","local":"10.0.0.5","prefixlen":24,"scope":"global"}]`, 1) + "]\n"
	for _, archive := range []string{text + js, js + text} {
		i := mustNS(t, mustRead(t, archive), "n").Interface("eth0")
		if i.MTU != 1500 || len(i.Addresses) != 1 || i.Addresses[0].Prefix.String() != "10.0.0.5/24" {
			t.Errorf("eth0: mtu %d, %v", i.MTU, i.Addresses)
		}
	}
}

func TestNotUnderstood(t *testing.T) {
	for _, x := range []struct{ rule, want string }{
		{"100: from all uidrange 0-99 lookup main", "uidrange 0-99"},
		{"100: from all lookup [l3mdev-table]", "l3mdev"},
		{"100: from all tun_id 5 lookup 7", "tun_id 5"},
		{"100: from all iif eth9 [detached] lookup main", ""},
		{"100: from all goto 300 [unresolved]", ""},
	} {
		r, err := ParseRule(x.rule)
		if err != nil {
			t.Errorf("%s: %v", x.rule, err)
		} else if r.NotUnderstood != x.want {
			t.Errorf("%s: not understood %q, want %q", x.rule, r.NotUnderstood, x.want)
		}
	}
	rules, err := readRuleJSON(file{data: []byte(`[{"priority":1000,"src":"all","l3mdev":null},{"priority":1001,"src":"all","uid_start":0,"uid_end":9,"table":"main"}]`)})
	if err != nil || len(rules) != 2 || rules[0].NotUnderstood == "" || rules[1].NotUnderstood == "" {
		t.Errorf("rules %v, %v", rules, err)
	}
}

// TestErrors: what is wrong is said with file, line and field.
func TestErrors(t *testing.T) {
	for _, x := range []struct{ name, archive, want string }{
		{"nothing", "", "test:1: no pieces"},
		{"no pieces", "hello\n", "test:1: no pieces"},
		{"no marker", "-- --\n", "test:1: no pieces"},
		{"no dump", "-- n/a.txt --\nhello\n", "test: no dump recognised"},
		{"binary", "-- n/a.txt --\n\x00\x01\xff\xfe\x7fELF\n", "test: no dump recognised"},
		{"cut JSON", "-- n/addr.json --\n[{\"ifindex\": 1,\n\"ifname\": ", "n/addr.json:2: unexpected end of JSON input"},
		{"cut object", "-- n/lab.json --\n{\"namespaces\": [\n", "n/lab.json:2: unexpected end of JSON input"},
		{"wrong type", "-- n/addr.json --\n[{\"ifindex\": 1, \"ifname\": \"lo\"},\n{\"ifindex\": \"two\", \"ifname\": \"eth0\"}]\n", "n/addr.json:2: json: cannot unmarshal string"},
		{"bad MAC", `-- n/addr.json --
[{"ifindex":1,"ifname":"eth0","link_type":"ether","address":"zz"}]`, "n/addr.json: [0] address of eth0:"},
		{"bad address", `-- n/addr.json --
[{"ifindex":1,"ifname":"eth0","addr_info":[{"family":"inet","local":"10.0.0.256","prefixlen":24}]}]`, "n/addr.json: [0] addr_info.local of eth0:"},
		{"IPv6 as IPv4", `-- n/addr.json --
[{"ifindex":1,"ifname":"eth0","addr_info":[{"family":"inet","local":"fe80::1","prefixlen":24,"scope":"link"}]}]`, "is not an IPv4 address"},
		{"bad length", `-- n/addr.json --
[{"ifindex":1,"ifname":"eth0","addr_info":[{"family":"inet","local":"10.0.0.1","prefixlen":99,"scope":"global"}]}]`, "addr_info.prefixlen of eth0: 99 (want 0 to 32)"},
		{"bad scope", `-- n/addr.json --
[{"ifindex":1,"ifname":"eth0","addr_info":[{"family":"inet","local":"10.0.0.1","prefixlen":9,"scope":"far"}]}]`, "addr_info.scope of eth0:"},
		{"bad route", `-- n/route.json --
[{"dst":"default","dev":"eth0"},{"dst":"10.0.0.0/99","dev":"eth0"}]`, `n/route.json: [1] dst "10.0.0.0/99"`},
		{"bad table", "-- n/route.json --\n[{\"dst\":\"default\",\"dev\":\"eth0\",\"table\":\"mine\"}]", `n/route.json: [0] routing table "mine"`},
		{"bad rule", "-- n/rule.json --\n[{\"priority\":5,\"src\":\"all\"}]", "n/rule.json: [0] rule 5 has neither table"},
		{"bad port", "-- n/rule.json --\n[{\"priority\":5,\"src\":\"all\",\"dport_start\":70000,\"dport_end\":70001,\"table\":\"main\"}]", "n/rule.json: [0] ports 70000 to 70001"},
		{"route text", "-- n/route.txt --\ndefault via 10.0.0.1 dev eth0\n\n10.0.0.0/24 dev eth0 metric much\n", `n/route.txt:3: route: metric "much"`},
		{"route text without value", "-- n/route.txt --\ndefault via\n", `n/route.txt:1: route: "via" without a value`},
		{"empty next hop", "-- n/route.txt --\ndefault proto bird\n\tnexthop weight 1\n", `n/route.txt:2: nexthop without via or dev`},
		{"rule text", "-- n/rule.txt --\n0:\tfrom all lookup local\n9:\tfrom all fwmark many lookup 5\n", `n/rule.txt:2: ip rule: fwmark "many"`},
		{"rule text without action", "-- n/rule.txt --\n9:\tfrom all\n", "n/rule.txt:1: ip rule"},
		{"ports turned round", "-- n/rule.txt --\n9:\tfrom all dport 9-3 lookup 5\n", "n/rule.txt:1: ip rule: dport"},
		{"addr text", "-- n/addr.txt --\n1: lo: <UP> mtu 1\n    inet 300.0.0.1/8 scope host lo\n", `n/addr.txt:2: inet "300.0.0.1/8"`},
		{"in a session", "-- n/all.txt --\n$ ip rule\n0:\tfrom all lookup local\n$ ip route\ndefault metric x\n", "n/all.txt (ip route):2: route: metric"},
		{"iptables", "-- n/iptables-save.txt --\n*filter\n:INPUT ACCEPT [0:0]\nwhat is this\nCOMMIT\n", "n/iptables-save.txt:3"},
		{"a table twice", "-- n/1.txt --\n*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n-- n/2.txt --\n*filter\n:INPUT DROP [0:0]\nCOMMIT\n", "n/2.txt: table filter of n was in another file already"},
		{"a pod twice", `-- pod-1.json --
{"namespace":"d","name":"p","addr":[],"route":[],"neigh":[],"rule":[]}
-- pod-2.json --
{"namespace":"d","name":"p","addr":[],"route":[],"neigh":[],"rule":[]}
`, "pod-2.json: pod/d/p is in the snapshot twice"},
		{"ipset", "-- n/ipset.txt --\ncreate a hash:ip family inet\nadd b 10.0.0.1\n-- n/route.txt --\ndefault dev eth0\n", `n/ipset.txt:2: add to set "b"`},
		{"two at once", "-- n/route.txt --\ndefault metric x\n-- n/rule.txt --\n9:\tfrom all\n", "n/rule.txt:1"},
	} {
		_, err := ReadArchive([]byte(x.archive), "test")
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: error %v, want %q", x.name, err, x.want)
		}
	}
}

func TestIPSet(t *testing.T) {
	sets, err := readIPSet(file{name: "ipset.txt", data: []byte(`create nets hash:net family inet hashsize 1024 maxelem 65536
add nets 10.0.0.0/8
add nets 10.1.0.0/16 nomatch
create svc hash:ip,port family inet
add svc 10.0.0.1,tcp:80
add svc 10.0.0.1,udp:53-54
create p bitmap:port range 0-65535
add p 30000
create both list:set size 8
add both nets
create odd hash:mac
add odd 02:00:00:00:00:01
`)})
	if err != nil {
		t.Fatal(err)
	}
	if s := sets["nets"]; len(s.Prefixes) != 1 || len(s.Exceptions) != 1 {
		t.Errorf("nets: %+v", s)
	}
	if s := sets["svc"]; len(s.Ports) != 2 || s.Ports[1].From != 53 || s.Ports[1].To != 54 || s.Ports[1].Protocol != 17 {
		t.Errorf("svc: %+v", s)
	}
	if s := sets["p"]; len(s.Ports) != 1 || s.Ports[0].From != 30000 || s.Ports[0].Prefix.IsValid() {
		t.Errorf("p: %+v", s)
	}
	if s := sets["both"]; len(s.Sets) != 1 {
		t.Errorf("both: %+v", s)
	}
	if s := sets["odd"]; len(s.Unread) != 1 {
		t.Errorf("odd: %+v", s)
	}
	if _, err := readIPSet(file{name: "ipset.txt", data: []byte("create a hash:ip\nadd b 10.0.0.1\n")}); err == nil || !strings.Contains(err.Error(), `ipset.txt:2: add to set "b"`) {
		t.Errorf("error %v", err)
	}
}

// TestLimits: input that is too large ends in an error that says so, before it is read.
func TestLimits(t *testing.T) {
	dir := t.TempDir()
	big := filepath.Join(dir, "iptables-save.txt")
	sparse(t, big, 100<<20)
	archive := filepath.Join(t.TempDir(), "snapshot.txtar")
	sparse(t, archive, MaxTotal+1)
	huge := make([]byte, MaxFile+100)
	copy(huge, "-- n/route.txt --\n")
	for _, x := range []struct {
		name string
		read func() error
		want string
	}{
		{"a file of 100 MB", func() error { _, err := Open(dir); return err }, "iptables-save.txt: 104857600 bytes; one piece may have"},
		{"an archive larger than all", func() error { _, err := Open(archive); return err }, "snapshot.txtar: 268435457 bytes; a snapshot may have"},
		{"a piece larger than one", func() error { _, err := ReadArchive(huge, "test"); return err }, "n/route.txt: 33554514 bytes; one piece may have"},
		{"too many files", func() error {
			fsys := fstest.MapFS{}
			for i := range MaxFiles + 2 {
				fsys[fmt.Sprintf("n/%05d.txt", i)] = &fstest.MapFile{Data: []byte("x")}
			}
			_, err := ReadFS(fsys, "test")
			return err
		}, "more than 20000 files"},
		{"an empty folder", func() error { _, err := ReadFS(fstest.MapFS{}, "empty"); return err }, "empty: no dumps here"},
		{"no folder", func() error { _, err := Open(filepath.Join(dir, "gone")); return err }, "gone"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := x.read()
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: error %v, want %q", x.name, err, x.want)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 64<<20 {
			t.Errorf("%s: %d MB were taken to say no", x.name, took>>20)
		}
	}
}

func sparse(t *testing.T, name string, size int64) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
}

// TestCutAnywhere: a snapshot that was cut off ends in an error or in less, never in a crash.
func TestCutAnywhere(t *testing.T) {
	whole := []byte("-- n/addr.json --\n[" + link(2, "eth0", 3, 0) + "]\n-- n/rule.txt --\n0:\tfrom all lookup local\n-- n/route.txt --\n" +
		"default via 10.0.0.1 dev eth0 metric 5\n-- n/neigh.txt --\n10.0.0.1 dev eth0 lladdr 02:00:00:00:00:01 REACHABLE\n" +
		"-- n/fdb.txt --\n02:00:00:00:00:01 dev eth0 dst 10.0.0.1 self permanent\n-- n/save.txt --\n*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n")
	for n := range whole {
		top, err := ReadArchive(whole[:n], "cut")
		switch {
		case err == nil:
			for _, name := range top.Names() {
				mustNS(t, top, name)
			}
		case err.Error() == "":
			t.Errorf("cut at %d: an error without text", n)
		}
	}
}

// TestManyRoutes: a dump with very many routes is read in time that grows with it.
func TestManyRoutes(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("-- n/route.txt --\n")
	for range 200_000 {
		b.WriteString("10.0.0.0/24 dev eth0\n")
	}
	top, err := ReadArchive(b.Bytes(), "many")
	if err != nil {
		t.Fatal(err)
	}
	if n := mustNS(t, top, "n").Table(topology.TableMain).Len(); n != 200_000 {
		t.Errorf("%d routes", n)
	}
}

func TestErrorIsTyped(t *testing.T) {
	_, err := ReadArchive([]byte("-- n/route.txt --\ndefault metric x\n"), "test")
	var e *Error
	if !errors.As(err, &e) || e.File != "n/route.txt" || e.Line != 1 {
		t.Errorf("error %#v", err)
	}
}
