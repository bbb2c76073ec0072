package anatomy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/anatomy"
	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/diagram"
	"github.com/podpath/podpath/internal/topology"
)

// nodes calls f with every node of every preset under every plugin that it can have.
func nodes(t *testing.T, options map[string]string, f func(t *testing.T, topo *topology.Topology, ns *topology.Namespace)) {
	t.Helper()
	cache := &compile.Cache{}
	laid := 0
	for _, preset := range compile.Presets() {
		c, err := compile.Preset(preset)
		if err != nil {
			t.Fatal(err)
		}
		for _, cni := range compile.CNIs(c) {
			set := map[string]string{compile.CNIKey: cni}
			for k, v := range options {
				set[k] = v
			}
			made, err := cache.Preset(preset, set)
			if err != nil {
				if options != nil {
					continue // an option that this plugin does not have
				}
				t.Fatal(err)
			}
			for _, p := range made.Places {
				if p.Kind != topology.Node {
					continue
				}
				laid++
				t.Run(preset+"/"+cni+"/"+p.Node, func(t *testing.T) {
					ns, err := made.Topology.Namespace(p.Node)
					if err != nil {
						t.Fatal(err)
					}
					f(t, made.Topology, ns)
				})
			}
		}
	}
	if laid == 0 {
		t.Errorf("no preset compiles with %v", options)
	}
}

// TestEveryNode lays out every node that there is: what it has is drawn once, nothing lies on anything else, and no text
// leaves its box.
func TestEveryNode(t *testing.T) {
	for _, options := range []map[string]string{nil, {"prefixdelegation": "true"}, {"customnetworking": "true"}, {"securitygroups": "strict"}} {
		nodes(t, options, func(t *testing.T, topo *topology.Topology, ns *topology.Namespace) {
			a := anatomy.Build(topo, ns)
			drawn := map[string]int{}
			for _, p := range a.Parts {
				drawn[p.Thing]++
				inside(t, p.ID, p.Rect, p.Texts)
			}
			for _, p := range a.Panels {
				inside(t, p.Target, p.Rect, append(slices.Clone(p.Lines), p.Title))
			}
			for _, i := range ns.Interfaces {
				want := 1
				if i.Kind == topology.Loopback {
					want = 0
				}
				if n := drawn["if-"+i.Name]; n != want {
					t.Errorf("%s is drawn %d times", i.Name, n)
				}
			}
			apart(t, a)
		})
	}
}

// inside checks that texts stay within their box.
func inside(t *testing.T, what string, r diagram.Rect, texts []diagram.Text) {
	t.Helper()
	for _, x := range texts {
		px, mono := 12.5, strings.Contains(x.Class, "m")
		if mono || strings.Contains(x.Class, "s") {
			px = 11
		}
		w := diagram.TextWidth(x.S, px, mono)
		if x.X < r.X || x.X+w > r.X+r.W+1 || x.Y < r.Y || x.Y > r.Y+r.H {
			t.Errorf("%s: %q at %v,%v, %v wide, leaves %v", what, x.S, x.X, x.Y, w, r)
		}
	}
}

// apart checks that panels, ports and chips do not cover each other, apart from the chips on their card.
func apart(t *testing.T, a *anatomy.Anatomy) {
	t.Helper()
	type area struct {
		name string
		r    diagram.Rect
		chip bool
	}
	var all []area
	for _, p := range a.Parts {
		all = append(all, area{p.Name + " " + p.Thing, p.Rect, p.Chip})
	}
	for _, p := range a.Panels {
		all = append(all, area{"panel " + p.Target, p.Rect, false})
	}
	for i, x := range all {
		if x.r.X < 0 || x.r.X+x.r.W > anatomy.Width || x.r.Y+x.r.H > a.Height {
			t.Errorf("%s is out of the picture: %v, height %v", x.name, x.r, a.Height)
		}
		for _, y := range all[i+1:] {
			over := x.r.X < y.r.X+y.r.W && y.r.X < x.r.X+x.r.W && x.r.Y < y.r.Y+y.r.H && y.r.Y < x.r.Y+x.r.H
			if over && !x.chip && !y.chip {
				t.Errorf("%s lies on %s", x.name, y.name)
			}
			if over && x.chip && y.chip {
				t.Errorf("the chip %s lies on the chip %s", x.name, y.name)
			}
		}
	}
}

func study(t *testing.T) *anatomy.Anatomy {
	t.Helper()
	made, err := (&compile.Cache{}).Preset("eks-study", nil)
	if err != nil {
		t.Fatal(err)
	}
	ns, err := made.Topology.Namespace("node-a")
	if err != nil {
		t.Fatal(err)
	}
	return anatomy.Build(made.Topology, ns)
}

// TestMentions: which things a line is about.
func TestMentions(t *testing.T) {
	a := study(t)
	for _, tt := range []struct {
		line string
		want string
	}{
		// an interface, by its name, by an address of its pod, by its own table
		{"5: eni75d67f33154@if3: <BROADCAST> mtu 9001", "if-eni75d67f33154"},
		{"1536:\tfrom 192.168.1.52 lookup 2", "if-ens6 if-eni75d67f33154 ip-192.168.1.52"},
		{"default via 192.168.1.1 dev ens6 table 2", "if-ens6"},
		{"192.168.1.52 dev eni75d67f33154 scope link", "if-eni75d67f33154 ip-192.168.1.52"},
		{"    inet 192.168.1.10/24 brd 192.168.1.255 scope global ens5", "if-ens5 ip-192.168.1.10"},
		// a wildcard stands for all that it fits, and for no other
		{`-i eni+ -m comment --comment "AWS, primary ENI" -j CONNMARK`, "if-eni4f80b44affe if-eni75d67f33154 if-eni54dcd3d4f3b if-eni0761ccbeace"},
		{`iifname "eni*" counter packets 0 bytes 0 jump snat-mark`, "if-eni4f80b44affe if-eni75d67f33154 if-eni54dcd3d4f3b if-eni0761ccbeace"},
		{"-i vlan+ -j CONNMARK", ""},
		// no part of a word
		{"from 192.168.1.101 lookup main", ""},
		{"from 92.168.1.10 lookup main", ""},
		{"dev ens56 scope link", ""},
		{"lookup 22", ""},
		{"-d 192.168.0.0/16 -j RETURN", ""},
	} {
		if got := strings.Join(a.Mentions(tt.line), " "); got != sorted(a, tt.want) {
			t.Errorf("%q: %q, want %q", tt.line, got, sorted(a, tt.want))
		}
	}
}

// sorted puts IDs into the order of the things.
func sorted(a *anatomy.Anatomy, ids string) string {
	var out []string
	for _, t := range a.Things {
		if slices.Contains(strings.Fields(ids), t.ID) {
			out = append(out, t.ID)
		}
	}
	return strings.Join(out, " ")
}

// TestTokens: a line in pieces is the line.
func TestTokens(t *testing.T) {
	a := study(t)
	for _, tt := range []struct{ line, want string }{
		{"192.168.1.52 dev eni75d67f33154 scope link", "<192.168.1.52> dev <eni75d67f33154> scope link"},
		{"default via 192.168.1.1 dev ens6 table 2", "default via 192.168.1.1 dev <ens6> table 2"},
		{"-s 192.168.1.91/32 -j KUBE-MARK-MASQ", "-s <192.168.1.91>/32 -j KUBE-MARK-MASQ"},
		{"--to-destination 192.168.1.91:8080", "--to-destination <192.168.1.91>:8080"},
		{"no such thing", "no such thing"},
		{"", ""},
	} {
		var got, plain strings.Builder
		for _, k := range a.Tokens(tt.line) {
			plain.WriteString(k.Text)
			if k.Thing != "" {
				fmt.Fprintf(&got, "<%s>", k.Text)
			} else {
				got.WriteString(k.Text)
			}
		}
		if got.String() != tt.want || plain.String() != tt.line {
			t.Errorf("%q: %q, want %q", tt.line, got.String(), tt.want)
		}
	}
}

// TestEveryLineOfEveryNode: pieces of a line put together are the line, and a line that names an interface is about it.
func TestEveryLineOfEveryNode(t *testing.T) {
	nodes(t, nil, func(t *testing.T, topo *topology.Topology, ns *topology.Namespace) {
		a := anatomy.Build(topo, ns)
		about := 0
		for _, part := range []string{"addresses", "rules", "routes", "neighbours", "iptables", "nft", "ipsets"} {
			for _, line := range strings.Split(ns.State(part), "\n") {
				var plain strings.Builder
				ids := a.Mentions(line)
				about += len(ids)
				for _, k := range a.Tokens(line) {
					plain.WriteString(k.Text)
					if k.Thing != "" && !slices.Contains(ids, k.Thing) {
						t.Errorf("%q names %s and is not about it", line, k.Thing)
					}
				}
				if plain.String() != line {
					t.Errorf("%q in pieces is %q", line, plain.String())
				}
			}
		}
		if about < 10 {
			t.Errorf("only %d lines are about anything", about)
		}
	})
}

// TestManyPods: a node with more pods than there is room for draws the first ones and names the rest.
func TestManyPods(t *testing.T) {
	topo := &topology.Topology{}
	node := &topology.Namespace{Name: "n1", Kind: topology.Node, Interfaces: []*topology.Interface{{Name: "lo", Kind: topology.Loopback}}}
	topo.AddNamespace(node)
	for i := range 30 {
		veth, name := fmt.Sprintf("veth%d", i), fmt.Sprintf("pod-%d", i)
		node.Interfaces = append(node.Interfaces, &topology.Interface{Name: veth, Kind: topology.Veth, Peer: topology.Port{Namespace: name, Interface: "eth0"}})
		topo.AddNamespace(&topology.Namespace{Name: name, Kind: topology.Pod, Interfaces: []*topology.Interface{
			{Name: "eth0", Kind: topology.Veth, Peer: topology.Port{Namespace: "n1", Interface: veth}}}})
	}
	a := anatomy.Build(topo, node)
	apart(t, a)
	boxes, ports := 0, 0
	for _, b := range a.Boxes {
		if b.Class == diagram.Pod {
			boxes++
		}
	}
	for _, p := range a.Parts {
		if p.Thing != "" {
			ports++
		}
	}
	more := slices.ContainsFunc(a.Notes, func(n diagram.Text) bool { return n.Key == "anatomy.more-pods" && n.Args["n"] == "14" })
	if boxes != 4 || ports != 16 || !more {
		t.Errorf("%d pods in full, %d veths, the rest counted: %v", boxes, ports, more)
	}
}
