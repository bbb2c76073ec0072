package compile

import (
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/kubeproxy"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/nftables"
	"github.com/podpath/podpath/internal/topology"
)

// services is what every node's kube-proxy sees of the cluster.
type services struct {
	c      *cluster.Cluster
	slices []*discoveryv1.EndpointSlice
}

// runs says whether there is a kube-proxy at all.
func (s *services) runs() bool { return s.c.KubeProxy != nil || len(s.c.Services) > 0 }

// input is what the kube-proxy of a node acts on.
func (s *services) input(n *cluster.Node) *kubeproxy.Input {
	in := &kubeproxy.Input{Config: s.c.KubeProxy, Node: s.node(n), Services: s.c.Services, EndpointSlices: s.slices, KubeletFirst: true}
	in.HostAddresses = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	for _, e := range n.Cards() {
		in.HostAddresses = append(in.HostAddresses, e.Address)
	}
	return in
}

// node is the Node object: the one given, else what the cloud would say of the machine.
func (s *services) node(n *cluster.Node) *corev1.Node {
	for _, o := range s.c.NodeObjects {
		if o.Name == n.Name {
			return o
		}
	}
	return &corev1.Node{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Node"},
		ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: map[string]string{corev1.LabelHostname: n.Name,
			corev1.LabelTopologyZone: s.c.ZoneOf(n), corev1.LabelTopologyRegion: s.c.VPC.Region}},
		Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: n.Address().String()},
			{Type: corev1.NodeHostName, Address: n.Name}}},
	}
}

// proxy gives a node its rules: those of its network plugin that stand before kube-proxy's, kube-proxy's own where one runs,
// and the plugin's that stand behind.
func (s *services) proxy(n *cluster.Node, ns *topology.Namespace, head, tail *iptables.Ruleset, native *nftables.Ruleset, sets map[string]*netfilter.Set) error {
	var own, six *iptables.Ruleset
	first := 0 // how many native tables are there before iptables' chains
	if s.runs() {
		in := s.input(n)
		var err error
		if own, err = kubeproxy.Rules(in, kubeproxy.IPv4); err != nil {
			return err
		}
		if six, err = kubeproxy.Rules(in, kubeproxy.IPv6); err != nil {
			return err
		}
		if native, first, err = s.tables(in, native); err != nil {
			return err
		}
		for k, v := range in.Sysctls() {
			if _, given := n.Sysctls[k]; !given {
				ns.Sysctl[k] = v
			}
		}
	}
	rules, err := join(head, own, tail)
	if err != nil {
		return err
	}
	ns.Netfilter = netfilter.NewAfter(first, rules, native, sets)
	ns.Netfilter.Rules6 = six
	return nil
}

// tables adds kube-proxy's own tables to the native ones of a node's plugin, in the order in which they are registered:
// kube-proxy's before iptables' chains and the plugin's table, or behind all where it was started again since
// ([cluster.CNI.NATFirst]). first is how many are there before iptables'.
func (s *services) tables(in *kubeproxy.Input, native *nftables.Ruleset) (all *nftables.Ruleset, first int, err error) {
	if in.Mode() != kubeproxy.ModeNFTables {
		return native, 0, nil
	}
	var own, plugins []*nftables.Table
	for _, f := range []kubeproxy.Family{kubeproxy.IPv4, kubeproxy.IPv6} {
		t, err := kubeproxy.Table(in, f)
		if err != nil {
			return nil, 0, err
		}
		own = append(own, t)
	}
	if native != nil {
		plugins = native.Tables
	}
	if s.c.CNI.NATFirst == cluster.NATFirstKubeProxy {
		return &nftables.Ruleset{Tables: slices.Concat(plugins, own)}, 0, nil
	}
	return &nftables.Ruleset{Tables: slices.Concat(own, plugins)}, len(own), nil
}

// fits says why a cluster's kube-proxy is not compiled beside its network plugin; nil where it is.
func (s *services) fits() error {
	if k := s.c.KubeProxy; k != nil && k.Mode == kubeproxy.ModeNFTables && s.c.CNI.Name == cluster.CalicoName {
		return fmt.Errorf("kube-proxy: mode %q is not compiled beside Calico, whose Felix would then write nftables too (want iptables)", k.Mode)
	}
	return nil
}

// join makes one ruleset of several writers', any of which may be nil: in each built-in chain an earlier one's rules stand
// before a later one's. User chains are sorted by name, as iptables-save lists them. None may be used by itself afterwards.
func join(writers ...*iptables.Ruleset) (*iptables.Ruleset, error) {
	out := &iptables.Ruleset{}
	for _, rs := range writers {
		if rs == nil {
			continue
		}
		for _, t := range rs.Tables {
			into := out.AddTable(t.Name)
			for _, c := range t.Chains {
				x := into.AddChain(c.Name)
				for _, r := range c.Rules {
					x.AppendRule(r)
				}
			}
		}
	}
	for _, t := range out.Tables {
		slices.SortStableFunc(t.Chains, func(a, b *iptables.Chain) int {
			switch {
			case a.BuiltIn() && b.BuiltIn():
				return 0
			case a.BuiltIn():
				return -1
			case b.BuiltIn():
				return 1
			}
			if a.Name < b.Name {
				return -1
			}
			return 1
		})
	}
	return out, out.Link()
}
