package compile

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/golden"
	"github.com/podpath/podpath/internal/nftables"
	"github.com/podpath/podpath/internal/snapshot"
	"github.com/podpath/podpath/internal/topology"
)

// input is what the golden generator was asked for (golden/aws-vpc-cni/*/input.json).
type input struct {
	Name    string            `json:"name"`
	Backend string            `json:"backend"`
	Env     map[string]string `json:"env"`
	Cfg     struct {
		VPCCIDRs  []netip.Prefix
		SecondRun []netip.Prefix
		PodENI    bool
		ENIs      []struct {
			Name, MAC      string
			IP             netip.Addr
			Subnet         netip.Prefix
			Device, Card   int
			Primary, Trunk bool
		}
		Pods []struct {
			NS, Name, ENI string
			IP            netip.Addr
			Vlan          int
			BranchMAC     string
			BranchGW      netip.Addr
		}
	} `json:"cfg"`
}

func (in *input) hasENI(name string) bool {
	for _, e := range in.Cfg.ENIs {
		if e.Name == name {
			return true
		}
	}
	return false
}

// translate is the one generic translation of a generator's input into a cluster.
func translate(in *input) *cluster.Cluster {
	c := &cluster.Cluster{Name: in.Name, CNI: cluster.CNI{Name: "aws-vpc-cni", Backend: in.Backend, Env: map[string]string{}}}
	for k, v := range in.Env {
		c.CNI.Env[k] = v
	}
	if in.Cfg.PodENI {
		c.CNI.Env["ENABLE_POD_ENI"] = "true"
	}
	c.VPC.CIDRs = in.Cfg.VPCCIDRs
	if in.Cfg.SecondRun != nil {
		c.VPC.CIDRs = in.Cfg.SecondRun
		c.CNI.Previously = []cluster.Past{{VPCCIDRs: in.Cfg.VPCCIDRs}}
	}
	n := &cluster.Node{Name: "node", Image: cluster.AL2023}
	place := map[string]int{}
	for i, e := range in.Cfg.ENIs {
		if e.Primary && strings.HasPrefix(e.Name, "eth") {
			n.Image = cluster.AL2
		}
		if c.VPC.Subnet(e.Subnet.String()) == nil {
			c.VPC.Subnets = append(c.VPC.Subnets, &cluster.Subnet{Name: e.Subnet.String(), CIDR: e.Subnet})
		}
		n.ENIs = append(n.ENIs, &cluster.ENI{Interface: e.Name, Subnet: e.Subnet.String(), Address: e.IP, MAC: e.MAC, Device: &e.Device, Card: e.Card, Trunk: e.Trunk})
		place[e.Name] = i
	}
	c.Nodes = []*cluster.Node{n}
	for _, p := range in.Cfg.Pods {
		pod := &cluster.Pod{Namespace: p.NS, Name: p.Name, Node: "node", Address: p.IP, ENI: place[p.ENI]}
		if p.Vlan != 0 {
			pod.Branch = &cluster.Branch{VLAN: p.Vlan, MAC: p.BranchMAC}
		}
		c.Pods = append(c.Pods, pod)
	}
	return c
}

// variants are the golden folders with their inputs.
func variants(t *testing.T) map[string]*input {
	t.Helper()
	root := golden.Dir(t, "aws-vpc-cni")
	files, err := filepath.Glob(filepath.Join(root, "*", "input.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no variants in %s: %v", root, err)
	}
	out := map[string]*input{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		in := &input{}
		if err := json.Unmarshal(b, in); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		out[filepath.Dir(f)] = in
	}
	return out
}

// TestCompilesToGolden compiles each variant's input and compares with what the real plugin wrote.
func TestCompilesToGolden(t *testing.T) {
	for dir, in := range variants(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			real, err := snapshot.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			compiled, err := Compile(translate(in), nil)
			if err != nil {
				t.Fatal(err)
			}
			made := compiled.Topology
			want, got := mustNS(t, real, "node"), mustNS(t, made, "node")
			diff(t, "ip rule", lines(want.Rules), lines(got.Rules))
			diff(t, "ip route", lines(want.Routes), lines(got.Routes))
			diff(t, "ip route as text", textLines(t, filepath.Join(dir, "ip-route.txt")), lines(got.Routes))
			diff(t, "ip rule as text", textLines(t, filepath.Join(dir, "ip-rule.txt")), lines(got.Rules))
			diff(t, "iptables-save", tables(want), tables(got))
			diff(t, "native tables", native(want), native(got))
			diff(t, "interfaces", interfaces(want, in), interfaces(got, in))
			diff(t, "sysctls", want.Sysctl, got.Sysctl)
			for _, p := range in.Cfg.Pods {
				name := "pod/" + p.NS + "/" + p.Name
				want, got := mustNS(t, real, name), mustNS(t, made, name)
				diff(t, name+" ip route", lines(want.Routes), lines(got.Routes))
				diff(t, name+" ip rule", lines(want.Rules), lines(got.Rules))
				diff(t, name+" interfaces", interfaces(want, in), interfaces(got, in))
				diff(t, name+" neighbours", neighbours(t, real, want), neighbours(t, made, got))
			}
			golden.Count(t, "VPC CNI variants compiled", 1)
		})
	}
}

func mustNS(t *testing.T, top *topology.Topology, name string) *topology.Namespace {
	t.Helper()
	ns, err := top.Namespace(name)
	if err != nil {
		t.Fatal(err)
	}
	return ns
}

func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s: the plugin's (-) and ours (+):\n%s", what, d)
	}
}

func lines[T interface{ String() string }](in []T) []string {
	out := []string{}
	for _, x := range in {
		out = append(out, x.String())
	}
	return out
}

func textLines(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for _, l := range strings.Split(string(b), "\n") {
		if l = strings.TrimRight(l, " "); l != "" {
			out = append(out, l)
		}
	}
	return out
}

// tables is each table's chains and rules, without dates and counters. A table that the plugin never wrote to is
// absent on one iptables and empty on another, so empty ones count as absent.
func tables(ns *topology.Namespace) map[string][]string {
	out := map[string][]string{}
	if ns.Netfilter.Rules == nil {
		return out
	}
	for _, t := range ns.Netfilter.Rules.Tables {
		var l []string
		for _, c := range t.Chains {
			if !c.BuiltIn() {
				l = append(l, ":"+c.Name)
			}
			for _, r := range c.Rules {
				l = append(l, r.Text())
			}
		}
		if len(l) > 0 {
			out[t.Name] = l
		}
	}
	return out
}

// native is the text of the tables that nft itself keeps. The plugin writes a chain's exempt prefixes in random order, so
// those are sorted among themselves.
func native(ns *topology.Namespace) []string {
	out := []string{}
	if ns.Netfilter.Native == nil {
		return out
	}
	for _, t := range ns.Netfilter.Native.Tables {
		out = append(out, "table "+t.Family+" "+t.Name)
		for _, c := range t.Chains {
			out = append(out, c.Name+" "+c.Type+" "+c.Hook+" "+c.PriorityText+" "+c.Policy)
			var exempt []string
			var rest []string
			for _, r := range c.Rules {
				if isExempt(r) {
					exempt = append(exempt, r.Text())
				} else {
					rest = append(rest, r.Text())
				}
			}
			sort.Strings(exempt)
			out = append(out, slices.Concat(exempt, rest)...)
		}
	}
	return out
}

func isExempt(r *nftables.Rule) bool {
	return strings.Contains(r.Text(), "ip daddr") && strings.HasSuffix(r.Text(), " return")
}

type iface struct {
	Name, Kind, MAC, Parent string
	MTU                     int
	Up                      bool
	Addresses               []string
}

// interfaces leaves out what is random in each run (MACs of veths, indexes) and reads the generator's stand-ins: an ENI
// is a veth there, a VLAN device a macvlan.
func interfaces(ns *topology.Namespace, in *input) []iface {
	var out []iface
	for _, i := range ns.Interfaces {
		x := iface{Name: i.Name, Kind: string(i.Kind), MAC: i.MAC.String(), MTU: i.MTU, Up: i.Up, Parent: i.Parent}
		switch {
		case ns.Kind == topology.Node && in.hasENI(i.Name):
			x.Kind = "card"
		case i.Kind == topology.Veth:
			x.MAC = ""
		case i.Kind == topology.MACVLAN:
			x.Kind = string(topology.VLAN)
		}
		for _, a := range i.Addresses {
			s := a.Prefix.String() + " " + a.Scope.String()
			if a.Broadcast.IsValid() {
				s += " brd " + a.Broadcast.String()
			}
			x.Addresses = append(x.Addresses, s)
		}
		out = append(out, x)
	}
	return out
}

// neighbours replaces a neighbour's MAC by the name of the interface that has it: MACs are random, where they lead is
// not.
func neighbours(t *testing.T, top *topology.Topology, ns *topology.Namespace) []string {
	t.Helper()
	node := mustNS(t, top, "node")
	out := []string{}
	for _, n := range ns.Neighbours {
		for _, i := range node.Interfaces {
			if i.MAC.String() == n.MAC {
				n.MAC = i.Name
			}
		}
		out = append(out, n.String())
	}
	return out
}
