package compile

import (
	"testing"

	"github.com/podpath/podpath/internal/cluster"
)

// TestKubeProxyOptions: an option of kube-proxy at its default does not have one run where there was none; another value does.
func TestKubeProxyOptions(t *testing.T) {
	for _, x := range []struct {
		key, value string
		runs       bool
	}{
		{"masqueradeall", "false", false}, {"masqueradeall", "true", true},
		{"kubeproxy", "iptables", false}, {"kubeproxy", "nftables", true},
		{"clustercidr", "", false}, {"clustercidr", " ", false}, {"clustercidr", "10.0.0.0/8", true},
	} {
		c := &cluster.Cluster{}
		if err := Set(c, x.key, x.value); err != nil {
			t.Fatal(err)
		}
		if got := c.KubeProxy != nil; got != x.runs {
			t.Errorf("%s=%q: kube-proxy runs: %v, want %v", x.key, x.value, got, x.runs)
		}
	}
	c := &cluster.Cluster{KubeProxy: &cluster.KubeProxyConfig{ClusterCIDR: "10.0.0.0/8"}}
	c.KubeProxy.IPTables.MasqueradeAll = true
	if err := Apply(c, map[string]string{"masqueradeall": "false", "clustercidr": ""}); err != nil {
		t.Fatal(err)
	}
	if c.KubeProxy.IPTables.MasqueradeAll || c.KubeProxy.ClusterCIDR != "" {
		t.Errorf("a kube-proxy set to the defaults has %+v", c.KubeProxy)
	}
}
