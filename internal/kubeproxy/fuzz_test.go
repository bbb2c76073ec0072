package kubeproxy

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/golden"
)

// FuzzRules compiles whatever passes the checks, for every Node in it: that must work, each jump must find its chain, and
// every rule must be one that internal/iptables understands.
func FuzzRules(f *testing.F) {
	inputs, err := filepath.Glob(filepath.Join(golden.Dir(f, "kube-proxy"), "*", "input.yaml"))
	if err != nil {
		f.Fatal(err)
	}
	for _, input := range inputs {
		text, err := os.ReadFile(input)
		if err != nil {
			f.Fatal(err)
		}
		if len(text) < 16<<10 {
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := cluster.ReadObjects(data, "fuzz")
		if err != nil || o.KubeProxy != nil && (o.KubeProxy.Mode == "nftables" || o.KubeProxy.Mode == "ipvs") {
			return
		}
		for _, n := range o.Nodes {
			in := &Input{Config: o.KubeProxy, Node: n, Services: o.Services, EndpointSlices: o.EndpointSlices, KubeletFirst: len(data)%2 == 0}
			if o.KubeProxy != nil && o.KubeProxy.DetectLocalMode == cluster.LocalModeNodeCIDR && n.Spec.PodCIDR == "" && len(n.Spec.PodCIDRs) == 0 {
				continue // kube-proxy would not start
			}
			for _, family := range []Family{IPv4, IPv6} {
				rs, err := Rules(in, family)
				if err != nil {
					t.Fatalf("%v on %s: %v", family, n.Name, err)
				}
				if odd := rs.NotUnderstood(); len(odd) > 0 {
					t.Errorf("not understood: %s", odd[0].Text())
				}
				in.Sysctls()
			}
		}
	})
}
