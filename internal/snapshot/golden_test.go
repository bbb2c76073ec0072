package snapshot

import (
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podpath/podpath/internal/golden"
	"github.com/podpath/podpath/internal/topology"
)

// plain compares what was read and leaves out the indexes derived from it.
var plain = cmp.Options{
	cmpopts.IgnoreUnexported(topology.Namespace{}, topology.Interface{}),
	cmpopts.IgnoreFields(topology.Namespace{}, "Netfilter"),
	cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}),
	cmpopts.EquateEmpty(),
}

func readFile(t *testing.T, name string) file {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return newFile(name, b)
}

func mustNS(t *testing.T, top *topology.Topology, name string) *topology.Namespace {
	t.Helper()
	ns, err := top.Namespace(name)
	if err != nil {
		t.Fatal(err)
	}
	return ns
}

// TestForms: ip's JSON and its text say the same of one namespace.
func TestForms(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(golden.Dir(t, "aws-vpc-cni"), "*", "ip-rule.json"))
	if err != nil || len(dirs) < 15 {
		t.Fatalf("%d variants: %v", len(dirs), err)
	}
	for _, name := range dirs {
		dir := filepath.Dir(name)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			rulesJSON, err := readRuleJSON(readFile(t, filepath.Join(dir, "ip-rule.json")))
			if err != nil {
				t.Fatal(err)
			}
			rulesText, err := readRuleText(readFile(t, filepath.Join(dir, "ip-rule.txt")))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(rulesJSON, rulesText, plain); d != "" || len(rulesJSON) == 0 {
				t.Errorf("ip rule: JSON (-) and text (+):\n%s", d)
			}
			routesJSON, err := readRouteJSON(readFile(t, filepath.Join(dir, "ip-route.json")))
			if err != nil {
				t.Fatal(err)
			}
			routesText, err := readRouteText(readFile(t, filepath.Join(dir, "ip-route.txt")))
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range routesJSON {
				if r.Protocol == "boot" { // the text leaves it out
					r.Protocol = ""
				}
			}
			if d := cmp.Diff(routesJSON, routesText, plain); d != "" || len(routesJSON) == 0 {
				t.Errorf("ip route: JSON (-) and text (+):\n%s", d)
			}
			golden.Count(t, "dumps read as JSON and as text", 2)
		})
	}
}

// states are the recordings' networks.
func states(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(golden.Dir(t, "kernel"), "*", "state"))
	if err != nil || len(dirs) < 5 {
		t.Fatalf("%d states: %v", len(dirs), err)
	}
	return dirs
}

// TestStatesAsText prints every namespace of the recordings as ip does, and reads that.
func TestStatesAsText(t *testing.T) {
	for _, dir := range states(t) {
		t.Run(filepath.Base(filepath.Dir(dir)), func(t *testing.T) {
			top, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range top.Names() {
				ns := mustNS(t, top, name)
				rules, err := readRuleText(file{name: "ip-rule.txt", data: []byte(joined(ns.Rules))})
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(ns.Rules, rules, plain); d != "" {
					t.Errorf("%s: ip rule: JSON (-) and text (+):\n%s", name, d)
				}
				routes, err := readRouteText(file{name: "ip-route.txt", data: []byte(joined(ns.Routes))})
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range ns.Routes {
					if r.Protocol == "boot" {
						r.Protocol = ""
					}
				}
				if d := cmp.Diff(ns.Routes, routes, plain); d != "" {
					t.Errorf("%s: ip route: JSON (-) and text (+):\n%s", name, d)
				}
				neighbours, err := readNeighText(file{name: "ip-neigh.txt", data: []byte(joined(ns.Neighbours))})
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(ns.Neighbours, neighbours, plain); d != "" {
					t.Errorf("%s: ip neigh: JSON (-) and text (+):\n%s", name, d)
				}
				interfaces, err := readAddrText(file{name: "ip-addr.txt", data: []byte(addrText(ns.Interfaces))})
				if err != nil {
					t.Fatal(err)
				}
				for _, i := range ns.Interfaces {
					i.Peer = topology.Port{}
				}
				if d := cmp.Diff(ns.Interfaces, interfaces, plain); d != "" {
					t.Errorf("%s: ip addr: JSON (-) and text (+):\n%s", name, d)
				}
				golden.Count(t, "recorded namespaces read as JSON and as text", 1)
			}
		})
	}
}

// TestArchiveIsFolder: one txtar text gives the topology that the folder gives.
func TestArchiveIsFolder(t *testing.T) {
	for _, dir := range append(states(t), golden.Dir(t, "aws-vpc-cni", "default-nft"), golden.Dir(t, "calico", "vxlan-nopolicy")) {
		t.Run(filepath.Base(filepath.Dir(dir)), func(t *testing.T) {
			folder, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			var a txtar.Archive
			err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				rel, err := filepath.Rel(dir, p)
				if err != nil {
					return err
				}
				b, err := os.ReadFile(p)
				a.Files = append(a.Files, txtar.File{Name: filepath.ToSlash(rel), Data: b})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			name := filepath.Join(t.TempDir(), "snapshot.txtar")
			if err := os.WriteFile(name, txtar.Format(&a), 0o600); err != nil {
				t.Fatal(err)
			}
			archive, err := Open(name)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(folder.Names(), archive.Names()); d != "" {
				t.Fatalf("namespaces: folder (-) and archive (+):\n%s", d)
			}
			for _, n := range folder.Names() {
				f, a := mustNS(t, folder, n), mustNS(t, archive, n)
				if d := cmp.Diff(f, a, plain); d != "" {
					t.Errorf("%s: folder (-) and archive (+):\n%s", n, d)
				}
				if d := cmp.Diff(rulesText(f), rulesText(a)); d != "" {
					t.Errorf("%s: iptables-save: folder (-) and archive (+):\n%s", n, d)
				}
			}
			golden.Count(t, "snapshots read as folder and as txtar", 1)
		})
	}
}

func rulesText(ns *topology.Namespace) string {
	if ns.Netfilter.Rules == nil {
		return ""
	}
	return ns.Netfilter.Rules.String()
}

// TestRecordedVeths: in a recording every veth has its peer, in another namespace, and the peer has it.
func TestRecordedVeths(t *testing.T) {
	for _, dir := range states(t) {
		top, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		pairs := 0
		for _, name := range top.Names() {
			for _, i := range mustNS(t, top, name).Interfaces {
				if i.Kind != topology.Veth {
					continue
				}
				p := i.Peer
				if p.Namespace == "" || p.Namespace == name {
					t.Errorf("%s: %s %s is paired with %+v", dir, name, i.Name, p)
					continue
				}
				if back := mustNS(t, top, p.Namespace).Interface(p.Interface).Peer; back != (topology.Port{Namespace: name, Interface: i.Name}) {
					t.Errorf("%s: %s %s is paired with %+v, which is paired with %+v", dir, name, i.Name, p, back)
				}
				pairs++
			}
		}
		if pairs < 6 {
			t.Errorf("%s: %d ends of veth pairs", dir, pairs)
		}
	}
}

// TestCalico reads dumps in text alone: addresses and kinds come from two listings, and a pod's own dump is one file with
// several commands.
func TestCalico(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(golden.Dir(t, "calico"), "*", "ip-addr.txt"))
	if err != nil || len(dirs) < 8 {
		t.Fatalf("%d cases: %v", len(dirs), err)
	}
	for _, name := range dirs {
		dir := filepath.Dir(name)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			top, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			node, pod := mustNS(t, top, "node"), mustNS(t, top, "pod-client")
			if a := node.Interface("eth0").Addresses; len(a) != 1 || a[0].Prefix.String() != "10.0.1.10/24" || a[0].Broadcast.String() != "10.0.1.255" {
				t.Errorf("node's eth0 has %+v", a)
			}
			if i := node.Interface("vxlan.calico"); i != nil && (i.Kind != topology.VXLAN || len(i.Addresses) != 1) {
				t.Errorf("vxlan.calico: kind %q, addresses %v", i.Kind, i.Addresses)
			} else if i == nil && strings.HasPrefix(filepath.Base(dir), "vxlan") {
				t.Error("no vxlan.calico")
			}
			if node.Kind != topology.Node || pod.Kind != topology.Pod {
				t.Errorf("kinds: node %q, pod-client %q", node.Kind, pod.Kind)
			}
			if a := pod.Interface("eth0").Addresses; len(a) != 1 || a[0].Prefix.String() != "192.168.84.130/32" {
				t.Errorf("pod's eth0 has %v", a)
			}
			if len(pod.Routes) != 2 || pod.Routes[0].Nexthops[0].Gateway.String() != "169.254.1.1" {
				t.Errorf("pod's routes: %v", pod.Routes)
			}
			if ns := len(node.Routes); ns < 4 {
				t.Errorf("node has %d routes", ns)
			}
			if len(node.Netfilter.Sets) == 0 || node.Netfilter.Rules == nil {
				t.Error("no ipsets, or no iptables")
			}
			golden.Count(t, "Calico dumps read", 1)
		})
	}
}
