package kubeproxy

import (
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podpath/podpath/internal/cluster"
)

// detector tells traffic of this node's pods: by source or by the interface it comes in (pkg/proxy/util/localdetector.go).
// The zero detector knows none, as on clusters whose pods have addresses of the cloud network.
type detector struct {
	src string // a CIDR
	in  string // an interface, "eni+" for a prefix
}

func (d detector) known() bool { return d != detector{} }

// local gives the words that match local traffic, each for its place in a rule: source and input interface.
func (d detector) local() (src, in string) {
	return option("-s ", d.src), option("-i ", d.in)
}

// notLocal gives the words that match all other traffic.
func (d detector) notLocal() (src, in string) {
	return option("! -s ", d.src), option("! -i ", d.in)
}

func option(name, value string) string {
	if value == "" {
		return ""
	}
	return name + value
}

// detect is the detector for a family (getLocalDetectors, cmd/kube-proxy/app/server_linux.go).
func detect(c *cluster.KubeProxyConfig, node *corev1.Node, f Family) (detector, error) {
	switch c.DetectLocalMode {
	case "", cluster.LocalModeClusterCIDR:
		return detectPrefix("clusterCIDR", strings.Split(c.ClusterCIDR, ","), f)
	case cluster.LocalModeNodeCIDR:
		cidrs := node.Spec.PodCIDRs
		if len(cidrs) == 0 {
			cidrs = []string{node.Spec.PodCIDR}
		}
		if strings.TrimSpace(cidrs[0]) == "" {
			// kube-proxy waits five minutes for it and gives up (newNodeManager, pkg/proxy/node.go).
			return detector{}, fmt.Errorf("node %s: spec.podCIDR: missing (want one with detectLocalMode NodeCIDR; kube-proxy would not start)", node.Name)
		}
		return detectPrefix("node "+node.Name+": spec.podCIDRs", cidrs, f)
	case cluster.LocalModeBridgeInterface:
		return detector{in: c.DetectLocal.BridgeInterface}, nil
	case cluster.LocalModeInterfaceNamePrefix:
		return detector{in: c.DetectLocal.InterfaceNamePrefix + "+"}, nil
	default:
		return detector{}, fmt.Errorf("detectLocalMode: %q (want ClusterCIDR, NodeCIDR, BridgeInterface, InterfaceNamePrefix)", string(c.DetectLocalMode))
	}
}

// detectPrefix goes by the first prefix of the family.
func detectPrefix(field string, cidrs []string, f Family) (detector, error) {
	prefixes, err := familyPrefixes(cidrs, f)
	if err != nil {
		return detector{}, fmt.Errorf("%s: %w", field, err)
	}
	if len(prefixes) == 0 {
		return detector{}, nil
	}
	return detector{src: prefixes[0].String()}, nil
}

// host is an address as the rules have it, "10.0.0.1/32".
func host(a netip.Addr) string { return netip.PrefixFrom(a, a.BitLen()).String() }
