package compile

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/golden"
	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/netfilter"
)

// TestJoinOrder holds the built-in chains of a node with kube-proxy and the AWS VPC CNI to those of a recorded one, where
// kubelet, kube-proxy and the plugin came in that order: who stands before whom in each chain.
func TestJoinOrder(t *testing.T) {
	dir := golden.Dir(t, "kernel", "aws-vpc-cni", "state", "n1")
	f, err := os.Open(filepath.Join(dir, "iptables-save.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	recorded, err := iptables.Parse(f, "iptables-save.txt")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Preset("eks-study")
	if err != nil {
		t.Fatal(err)
	}
	made, err := Compile(c, map[string]string{"iptables": "legacy"}) // the recording's backend
	if err != nil {
		t.Fatal(err)
	}
	ns, err := made.Topology.Namespace("node-a")
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, table := range recorded.Tables {
		for _, chain := range table.Chains {
			if !chain.BuiltIn() {
				continue
			}
			got, want := targets(ns.Netfilter.Rules.Table(table.Name).Chain(chain.Name)), targets(chain)
			if got != want {
				t.Errorf("%s %s:\n%s\nrecorded:\n%s", table.Name, chain.Name, got, want)
			}
			compared += len(chain.Rules)
		}
	}
	golden.Count(t, "rules of a recorded node's built-in chains in order", compared)
	if got := ns.Sysctl["net.ipv4.conf.all.route_localnet"]; got != "1" {
		t.Errorf("route_localnet is %q, want 1: localhost node ports are on", got)
	}
}

// targets are a chain's targets, one a line.
func targets(c *iptables.Chain) string {
	var out []string
	for _, r := range c.Rules {
		text := r.Text()
		if i := strings.LastIndex(text, " -j "); i >= 0 {
			text = text[i+4:]
		}
		out = append(out, text)
	}
	return strings.Join(out, "\n")
}

// TestKubeProxyError: what kube-proxy cannot do is told with the node, and says whose it is once.
func TestKubeProxyError(t *testing.T) {
	c, err := Preset("eks-study")
	if err != nil {
		t.Fatal(err)
	}
	c.KubeProxy = &cluster.KubeProxyConfig{Mode: "ipvs"}
	made, err := Compile(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	const want = `node node-a: kube-proxy: mode "ipvs" is not compiled (want iptables or nftables)`
	if _, err = made.Topology.Namespace("node-a"); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// TestNFTables: in nftables mode kube-proxy's two tables stand before or behind the plugin's, as they were registered, and what
// iptables has is kubelet's and the plugin's.
func TestNFTables(t *testing.T) {
	for _, x := range []struct {
		connmark, first string
		asked           []string // at PREROUTING, of the nat chains
	}{
		{"iptables", "plugin", []string{"ip nat PREROUTING", "ip kube-proxy nat-prerouting"}},
		{"iptables", "kube-proxy", []string{"ip kube-proxy nat-prerouting", "ip nat PREROUTING"}},
		{"nft", "plugin", []string{"ip nat PREROUTING", "ip kube-proxy nat-prerouting", "ip aws-cni nat-prerouting"}},
		{"nft", "kube-proxy", []string{"ip kube-proxy nat-prerouting", "ip nat PREROUTING", "ip aws-cni nat-prerouting"}},
	} {
		c, err := Preset("eks-study")
		if err != nil {
			t.Fatal(err)
		}
		made, err := Compile(c, map[string]string{"kubeproxy": "nftables", "connmark": x.connmark, "natfirst": x.first})
		if err != nil {
			t.Fatal(err)
		}
		ns, err := made.Topology.Namespace("node-a")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, b := range ns.Netfilter.At(netfilter.PreRouting) {
			if b.NAT {
				got = append(got, b.Name())
			}
		}
		if !slices.Equal(got, x.asked) {
			t.Errorf("connmark %s, %s first: asked %q, want %q", x.connmark, x.first, got, x.asked)
		}
		text := ns.State("iptables")
		if strings.Contains(text, "KUBE-SERVICES") || !strings.Contains(text, "KUBE-KUBELET-CANARY") {
			t.Errorf("iptables has\n%s", text)
		}
		if has := strings.Contains(text, "AWS-CONNMARK-CHAIN-0"); has != (x.connmark == "iptables") {
			t.Errorf("connmark %s: iptables has the chain: %v", x.connmark, has)
		}
	}
	c, err := Preset("eks-study")
	if err != nil {
		t.Fatal(err)
	}
	c.KubeProxy.Mode = "nftables"
	if _, err := Compile(c, map[string]string{"cni": "calico-vxlan"}); err == nil || !strings.Contains(err.Error(), `mode "nftables" is not compiled beside Calico`) {
		t.Errorf("beside Calico: %v", err)
	}
}
