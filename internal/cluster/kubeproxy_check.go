package cluster

import (
	"fmt"
	"slices"
	"strings"
)

// maxInterface is the longest name that an interface may have (IFNAMSIZ without its NUL).
const maxInterface = 15

// kubeProxy checks a configuration among objects: the node it names has to be there. Behind a cluster that is one of the
// cluster's nodes, which need no Node object.
func (k *objectChecker) kubeProxy(c *KubeProxyConfig) {
	s := k.config(c)
	if c.HostnameOverride == "" {
		return
	}
	names := k.described
	if len(names) == 0 {
		for _, n := range k.o.Nodes {
			if n != nil {
				names = append(names, n.Name)
			}
		}
	}
	if slices.Contains(names, c.HostnameOverride) {
		return
	}
	if len(names) == 0 {
		names = []string{"a Node of that name; there is none"}
	}
	s.bad("hostnameOverride", "%q is no Node (want %s)", c.HostnameOverride, some(names))
}

// config reports what kube-proxy would not start with (pkg/proxy/apis/config/validation of Kubernetes).
func (k *objectChecker) config(c *KubeProxyConfig) subject {
	s := subject{k, c, "KubeProxyConfiguration"}
	oneOf(s, "mode", c.Mode, "iptables", "nftables", "ipvs", "")
	oneOf(s, "detectLocalMode", c.DetectLocalMode, LocalModeClusterCIDR, LocalModeNodeCIDR, LocalModeBridgeInterface, LocalModeInterfaceNamePrefix, "")
	switch c.DetectLocalMode {
	case LocalModeBridgeInterface:
		interfaceName(s, "detectLocal.bridgeInterface", c.DetectLocal.BridgeInterface)
	case LocalModeInterfaceNamePrefix:
		interfaceName(s, "detectLocal.interfaceNamePrefix", c.DetectLocal.InterfaceNamePrefix)
	}
	if b := c.IPTables.MasqueradeBit; b != nil && (*b < 0 || *b > 31) {
		s.bad("iptables.masqueradeBit", "%d (want 0 to 31)", *b)
	}
	if b := c.NFTables.MasqueradeBit; b != nil && (*b < 0 || *b > 31) {
		s.bad("nftables.masqueradeBit", "%d (want 0 to 31)", *b)
	}
	if c.BindAddress != "" {
		s.addr("bindAddress", c.BindAddress)
	}
	if c.ClusterCIDR != "" {
		cidrs := strings.Split(c.ClusterCIDR, ",")
		if len(cidrs) > 2 {
			s.bad("clusterCIDR", "%q (want one CIDR, or one of each family)", c.ClusterCIDR)
		}
		for _, text := range cidrs {
			s.prefix("clusterCIDR", strings.TrimSpace(text))
		}
	}
	seen := map[string]bool{}
	for i, text := range c.NodePortAddresses {
		field := fmt.Sprintf("nodePortAddresses[%d]", i)
		switch text {
		case "primary", "localhost", "all":
			if seen[text] {
				s.bad(field, "%s is there twice", text)
			}
			seen[text] = true
		default:
			if _, err := parsePrefix(text); err != nil {
				s.bad(field, "%q (want a prefix such as 10.0.0.0/16, or primary, localhost, all)", text)
			}
		}
	}
	return s
}

func interfaceName(s subject, field, name string) {
	switch {
	case name == "":
		s.bad(field, "missing (want it with detectLocalMode %s)", s.object.(*KubeProxyConfig).DetectLocalMode)
	case len(name) > maxInterface || strings.ContainsAny(name, "/\"'\\ \t\r\n\v\f\x00"):
		s.bad(field, "%q is no name of an interface (want up to %d characters, no white space, no '/')", name, maxInterface)
	}
}
