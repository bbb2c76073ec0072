package fuzz

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/topology"
)

// edited is the plain cluster's node after some edits.
func edited(t *testing.T, edits ...string) *topology.Namespace {
	t.Helper()
	for i, e := range edits {
		edits[i] = "node-a: " + e
	}
	top, err := (&Case{Cluster: plainCluster, Edits: edits}).Topology()
	if err != nil {
		t.Fatal(err)
	}
	ns, err := top.Namespace("node-a")
	if err != nil {
		t.Fatal(err)
	}
	return ns
}

func TestEdits(t *testing.T) {
	ns := edited(t, "sysctl net.ipv4.conf.ens5.rp_filter=1", "rule 1500:\tfrom all to 10.8.0.1 lookup 77", "route blackhole 10.8.0.0/16 table 77",
		"address 10.9.0.1/24 dev ens5", "iptables -t raw -A PREROUTING -s 10.8.0.1/32 -j DROP")
	if got := ns.Interface("ens5").RPFilter(); got != 1 {
		t.Errorf("rp_filter: got %d, want 1", got)
	}
	if r := ns.Route(&topology.Lookup{Dst: netip.MustParseAddr("10.8.0.1"), IIF: "lo"}); r.Route == nil || r.Route.Type != topology.Blackhole || r.Rule.Priority != 1500 {
		t.Errorf("route to 10.8.0.1: got %+v, want the blackhole by rule 1500", r)
	}
	if r := ns.Route(&topology.Lookup{Dst: netip.MustParseAddr("10.9.0.1"), IIF: "lo"}); r.Route == nil || r.Route.Type != topology.LocalRoute {
		t.Errorf("route to 10.9.0.1: got %+v, want local", r)
	}
	if r := ns.Route(&topology.Lookup{Dst: netip.MustParseAddr("10.9.0.7"), IIF: "lo"}); r.Route == nil || r.Route.Dev() != "ens5" || r.Route.Src.String() != "10.9.0.1" {
		t.Errorf("route to 10.9.0.7: got %+v, want the connected one", r)
	}
	if chains := ns.Netfilter.At(0); len(chains) == 0 || chains[0].Table != "raw" || len(chains[0].IPT.Rules) != 1 {
		t.Errorf("PREROUTING: got %v, want raw first, with a rule", chains)
	}
}

// TestForwardingSysctls holds that ip_forward and conf.all.forwarding reach every device, as in the kernel, and that what is
// written after them for one device stands.
func TestForwardingSysctls(t *testing.T) {
	for _, k := range []string{"net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"} {
		ns := edited(t, "sysctl "+k+"=0", "sysctl net.ipv4.conf.ens5.forwarding=1")
		for _, i := range ns.Interfaces {
			if got, want := i.Forwarding(), i.Name == "ens5"; got != want {
				t.Errorf("%s=0: %s forwards: %v, want %v", k, i.Name, got, want)
			}
		}
	}
}

func TestEditsRefused(t *testing.T) {
	for l, want := range map[string]string{
		"node-a sysctl net.ipv4.ip_forward=0":     "want NAMESPACE:",
		"node-a: reboot now":                      "want NAMESPACE:",
		"node-a: rule":                            "want NAMESPACE:",
		"node-z: sysctl net.ipv4.ip_forward=0":    `namespace "node-z"`,
		"node-a: sysctl kernel.panic=1":           "want net.",
		"node-a: rule 12 from all lookup 7":       "want `priority:",
		"node-a: route 10.0.0.0/8 dev ens9":       `no device "ens9"`,
		"node-a: address 10.9.0.1 dev ens5":       "with its prefix length",
		"node-a: address 10.9.0.1/24 dev ens9":    `no device "ens9"`,
		"node-a: address 10.9.0.1/24":             "want ADDRESS/LENGTH dev DEVICE",
		"node-a: address 10.0.1.77/24 dev ens5":   "want another subnet",
		"node-a: iptables -t raw -A NONE -j DROP": "no chain NONE",
	} {
		_, err := (&Case{Cluster: plainCluster, Edits: []string{"node-a: sysctl net.ipv4.conf.all.rp_filter=0", l}}).Topology()
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "edits:2: ") {
			t.Errorf("%s: got %v, want an error of edits:2 with %q", l, err, want)
		}
	}
}

// TestUnderstood holds that what the tracer passes over is found: a generator that made it would compare nothing.
func TestUnderstood(t *testing.T) {
	for edit, want := range map[string]string{
		"node-a: iptables -A INPUT -m length --length 0:100 -j DROP":   "not understood",
		"node-a: rule 100:\tfrom all uidrange 0-1 lookup 7":            "not understood",
		"node-a: iptables -A INPUT -j NOWHERE":                         "no such chain",
		"node-a: iptables -A INPUT -p tcp -m tcp --dport 80 -j ACCEPT": "",
	} {
		top, err := (&Case{Cluster: plainCluster, Edits: []string{edit}}).Topology()
		if err == nil {
			err = understood(top)
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", edit, err, want)
		}
	}
}
