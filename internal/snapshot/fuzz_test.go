package snapshot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podpath/podpath/internal/topology"
)

// seed adds the golden files of the given patterns, where they are, beside the seeds written here.
func seed(f *testing.F, patterns ...string) {
	for _, p := range patterns {
		files, _ := filepath.Glob(filepath.Join("..", "..", "..", "shared", "golden", p))
		for i, name := range files {
			if b, err := os.ReadFile(name); err == nil && i%5 == 0 && len(b) < 20_000 {
				f.Add(b)
			}
		}
	}
}

// fixed checks that printing what was read and reading that again changes nothing more.
func fixed[T any](t *testing.T, read func(file) (T, error), print func(T) string, data []byte) {
	first, err := read(file{name: "fuzz", data: data})
	if err != nil {
		if !strings.HasPrefix(err.Error(), "fuzz") {
			t.Errorf("error without the file's name: %v", err)
		}
		return
	}
	text := print(first)
	second, err := read(file{name: "fuzz", data: []byte(text)})
	if err != nil {
		t.Fatalf("what was read is printed as\n%s\nwhich is refused: %v", text, err)
	}
	if again := print(second); again != text {
		t.Errorf("printed:\n%s\nread and printed again:\n%s", text, again)
	}
	third, err := read(file{name: "fuzz", data: []byte(print(second))})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(second, third, plain); d != "" {
		t.Errorf("read twice:\n%s", d)
	}
}

func FuzzRuleText(f *testing.F) {
	seed(f, "*/*/ip-rule.txt")
	f.Add([]byte("100: not from 10.0.0.0/8 to 192.0.2.1 tos 0x10 fwmark 0x1/0xf iif a oif b ipproto udp sport 1-2 dport 53 lookup 7 suppress_prefixlength 0\n"))
	f.Add([]byte("5: from all uidrange 0-9 goto 7 [unresolved]\n6: from all nop\n7: from all lookup [l3mdev-table]\n"))
	f.Fuzz(func(t *testing.T, data []byte) { fixed(t, readRuleText, joined[*topology.Rule], data) })
}

func FuzzRouteText(f *testing.F) {
	seed(f, "*/*/ip-route.txt")
	f.Add([]byte("10.9.0.0/16 proto bird mtu lock 1400 \n\tnexthop via 10.0.0.2 dev eth0 weight 2 onlink \n\tnexthop via 10.0.0.3 dev eth0 weight 1 dead linkdown \n"))
	f.Add([]byte("blackhole default table 9 metric 3\nlocal 10.0.0.1 dev lo tos 0x10 scope host src 10.0.0.1\n"))
	f.Fuzz(func(t *testing.T, data []byte) { fixed(t, readRouteText, joined[*topology.Route], data) })
}

func FuzzNeighText(f *testing.F) {
	seed(f, "*/*/ip-neigh.txt")
	f.Add([]byte("10.0.0.1 dev eth0 lladdr 02:00:00:00:00:01 router REACHABLE\n10.0.0.9 dev eth0  FAILED\n10.0.0.8 dev eth0 proxy\n"))
	f.Fuzz(func(t *testing.T, data []byte) { fixed(t, readNeighText, joined[topology.Neighbour], data) })
}

func FuzzAddrText(f *testing.F) {
	seed(f, "*/*/ip-addr.txt", "*/*/ip-d-link.txt")
	f.Add([]byte("3: eth0.5@eth0: <BROADCAST,UP> mtu 1500 master br0\n    link/ether 02:00:00:00:00:01 link-netnsid 2\n    vlan protocol 802.1Q id 5\n    inet 10.0.0.1 peer 10.0.0.2/32 scope global secondary eth0.5\n"))
	f.Fuzz(func(t *testing.T, data []byte) { fixed(t, readAddrText, addrText, data) })
}

// FuzzJSON gives any text to every reader of `ip -j`.
func FuzzJSON(f *testing.F) {
	seed(f, "*/*/ip-rule.json", "*/*/state/*/*.json", "*/*/pod-*.json")
	f.Add([]byte(`[{"ifindex":1,"ifname":"lo","flags":["UP"],"addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host"}]}]`))
	f.Add([]byte(`[{"priority":5,"not":null,"src":"10.0.0.0","srclen":8,"fwmark":"0x1","fwmask":"0xf","sport":5,"table":"main"}]`))
	f.Add([]byte(`[{"dst":"default","metrics":[{"mtu":1450}],"nexthops":[{"gateway":"10.0.0.1","dev":"a","weight":1,"flags":["dead"]}]}]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := file{name: "fuzz", data: data}
		check := func(err error) {
			if err != nil && !strings.HasPrefix(err.Error(), "fuzz") {
				t.Errorf("error without the file's name: %v", err)
			}
		}
		interfaces, err := readAddrJSON(in)
		check(err)
		routes, err := readRouteJSON(in)
		check(err)
		rules, err := readRuleJSON(in)
		check(err)
		neighbours, err := readNeighJSON(in)
		check(err)
		_, err = readFDBJSON(in)
		check(err)
		_, err = readPod(in)
		check(err)
		_, err = readLab(in)
		check(err)
		// What was read holds: it can be printed, and looked up in.
		_, _, _, _ = joined(routes), joined(rules), joined(neighbours), addrText(interfaces)
		top := &topology.Topology{}
		top.AddNamespace(&topology.Namespace{Name: "n", Interfaces: interfaces, Routes: routes, Rules: rules, Neighbours: neighbours})
		use(t, top)
	})
}

// FuzzArchive reads whole snapshots.
func FuzzArchive(f *testing.F) {
	f.Add([]byte("-- n/addr.json --\n[" + link(2, "eth0", 3, 0) + "]\n-- n/rule.txt --\n0:\tfrom all lookup local\n-- p/addr.json --\n[" + link(3, "eth0", 2, 0) + "]\n"))
	f.Add([]byte("-- pod-a.txt --\n# ip addr\n1: lo: <UP> mtu 1\n# ip route\ndefault dev lo\n-- lab.json --\n{\"traced\":[\"n\"],\"namespaces\":[\"n\"]}\n"))
	f.Add([]byte("-- s.txt --\nnet.ipv4.ip_forward = 1\n-- i.txt --\ncreate a list:set\nadd a a\n-- n.txt --\ntable ip x {\n\tchain y {\n\t\ttype nat hook prerouting priority -90;\n\t}\n}\n"))
	f.Add([]byte("-- a/save.txt --\n*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n-- a/fdb.txt --\n02:00:00:00:00:01 dev eth0 dst 10.0.0.1 self\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		top, err := ReadArchive(data, "fuzz")
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without text")
			}
			return
		}
		use(t, top)
	})
}

// use asks a topology what the tracer asks.
func use(t *testing.T, top *topology.Topology) {
	for _, name := range top.Names() {
		ns, err := top.Namespace(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range ns.Interfaces {
			for _, a := range i.Addresses {
				ns.AddrType(a.Prefix.Addr(), i.Name)
				ns.SelectSource(i.Name, a.Prefix.Addr(), topology.ScopeGlobal)
			}
			if i.Peer.Namespace == name {
				t.Errorf("%s %s is paired within its namespace", name, i.Name)
			}
		}
		for _, r := range ns.Routes {
			if r.Dst.IsValid() {
				ns.Route(&topology.Lookup{Dst: r.Dst.Addr(), Src: r.Src})
			}
		}
	}
}
