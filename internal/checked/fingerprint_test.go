package checked

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/topology"
)

// network compiles a preset afresh, so that a test may change it.
func network(t *testing.T, preset string, options map[string]string) *topology.Topology {
	t.Helper()
	c, err := compile.Preset(preset)
	if err != nil {
		t.Fatal(err)
	}
	made, err := compile.Compile(c, options)
	if err != nil {
		t.Fatal(err)
	}
	return made.Topology
}

func hashOf(t *testing.T, top *topology.Topology) string {
	t.Helper()
	s, err := Fingerprint(top)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestFingerprintChanges: whatever decides about a packet changes the hash, and every change to another one.
func TestFingerprintChanges(t *testing.T) {
	seen := map[string]string{hashOf(t, network(t, "eks-study", nil)): "nothing"}
	for _, tt := range []struct {
		name   string
		change func(top *topology.Topology, ns *topology.Namespace)
	}{
		{"policy rule", func(_ *topology.Topology, ns *topology.Namespace) { ns.Rules[1].Priority++ }},
		{"order of routes", func(_ *topology.Topology, ns *topology.Namespace) { slices.Reverse(ns.Routes) }},
		{"route", func(_ *topology.Topology, ns *topology.Namespace) { ns.Routes = ns.Routes[1:] }},
		{"route's gateway", func(_ *topology.Topology, ns *topology.Namespace) {
			i := slices.IndexFunc(ns.Routes, func(r *topology.Route) bool { return r.Nexthops[0].Gateway.IsValid() })
			ns.Routes[i].Nexthops[0].Gateway = netip.MustParseAddr("192.168.1.7")
		}},
		{"sysctl", func(_ *topology.Topology, ns *topology.Namespace) { ns.SetSysctl("net.ipv4.ip_forward", "0") }},
		{"MAC", func(_ *topology.Topology, ns *topology.Namespace) { ns.Interfaces[1].MAC[5]++ }},
		{"MTU", func(_ *topology.Topology, ns *topology.Namespace) { ns.Interfaces[1].MTU-- }},
		{"link", func(_ *topology.Topology, ns *topology.Namespace) { ns.Interfaces[1].Peer.Interface = "eth9" }},
		{"tunnel", func(_ *topology.Topology, ns *topology.Namespace) {
			ns.Interfaces[1].Tunnel = &topology.Tunnel{VNI: 4096}
		}},
		{"neighbour", func(_ *topology.Topology, ns *topology.Namespace) {
			ns.Neighbours = append(ns.Neighbours, topology.Neighbour{IP: netip.MustParseAddr("192.168.1.7"), Dev: "ens5", State: "FAILED"})
		}},
		{"forwarding database", func(_ *topology.Topology, ns *topology.Namespace) {
			ns.FDB = append(ns.FDB, topology.FDBEntry{MAC: "02:00:00:00:00:01", Dev: "ens5"})
		}},
		{"listener", func(_ *topology.Topology, ns *topology.Namespace) {
			ns.Listeners = []topology.Listener{{Protocol: "tcp", Port: 22}}
		}},
		{"iptables rule", func(_ *topology.Topology, ns *topology.Namespace) {
			text := ns.Netfilter.Rules.String()
			lines := strings.SplitAfter(text, "\n")
			i := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "-A POSTROUTING") })
			rules, err := iptables.Parse(strings.NewReader(strings.Join(slices.Delete(lines, i, i+1), "")), "")
			if err != nil {
				panic(err)
			}
			ns.Netfilter.Rules = rules
		}},
		{"security group", func(top *topology.Topology, _ *topology.Namespace) {
			g := top.Fabric.Groups[0]
			g.Ingress = append(g.Ingress, topology.GroupRule{CIDR: netip.MustParsePrefix("0.0.0.0/0")})
		}},
		{"VPC route", func(top *topology.Topology, _ *topology.Namespace) {
			r := top.Fabric.RouteTables[0]
			r.Routes = append(r.Routes, topology.CloudRoute{Destination: netip.MustParsePrefix("10.9.0.0/16"), Target: "local"})
		}},
		{"source check", func(top *topology.Topology, _ *topology.Namespace) {
			top.Fabric.Cards[0].SourceCheck = !top.Fabric.Cards[0].SourceCheck
		}},
		{"load balancer", func(top *topology.Topology, _ *topology.Namespace) {
			b := top.Fabric.Balancers[0]
			b.CrossZone = !b.CrossZone
		}},
		{"load balancer's card", func(top *topology.Topology, _ *topology.Namespace) {
			n := top.Fabric.Balancers[0].Nodes
			n[0].Card, n[1].Card = n[1].Card, n[0].Card
		}},
	} {
		top := network(t, "eks-study", nil)
		ns, err := top.Namespace("node-a")
		if err != nil {
			t.Fatal(err)
		}
		tt.change(top, ns)
		got := hashOf(t, top)
		if same, ok := seen[got]; ok {
			t.Errorf("%s: the hash is that of %s", tt.name, same)
		}
		seen[got] = tt.name
	}
}

// TestFingerprintStays: what no packet meets does not count, nor does it matter how often or in which order one asks.
func TestFingerprintStays(t *testing.T) {
	want := hashOf(t, network(t, "eks-study", nil))
	top := network(t, "eks-study", nil)
	ns, err := top.Namespace("node-a")
	if err != nil {
		t.Fatal(err)
	}
	ns.Place.Label, ns.Place.Machine = "another title", "m5.large"
	if got := hashOf(t, top); got != want {
		t.Errorf("another title: %s, want %s", got, want)
	}
	// An option that is set to what it is anyway makes the same network.
	if got := hashOf(t, network(t, "eks-study", map[string]string{"externalsnat": "false", "cni": "aws-vpc-cni"})); got != want {
		t.Errorf("options at their defaults: %s, want %s", got, want)
	}
	turned := &topology.Topology{Fabric: top.Fabric}
	names := slices.Clone(top.Names())
	slices.Reverse(names)
	for _, name := range names {
		ns, err := top.Namespace(name)
		if err != nil {
			t.Fatal(err)
		}
		turned.AddNamespace(ns)
	}
	if got := hashOf(t, turned); got != want {
		t.Errorf("namespaces added the other way round: %s, want %s", got, want)
	}
}
