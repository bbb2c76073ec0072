package kubeproxy

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podpath/podpath/internal/cluster"
)

// settings is the configuration as it holds for one family on one node, with kube-proxy's defaults.
type settings struct {
	family   Family
	nodeName string
	zone     string
	nodeIP   netip.Addr

	mark               string // of packets to be masqueraded, "0x4000/0x4000"
	clearMark          string // the save form of --xor-mark
	markBit            uint32
	native             bool // mode nftables
	masqueradeAll      bool
	localhostNodePorts bool
	liberal            bool // INVALID packets are not dropped
	nfacct             bool
	kubeletFirst       bool
	externalIPs        bool // the feature gate AllowServiceExternalIPs
	local              detector
	nodePortAll        bool         // node ports answer on every local address
	nodePortIPs        []netip.Addr // else on these
}

// The modes of kube-proxy that are compiled.
const (
	ModeIPTables = "iptables"
	ModeNFTables = "nftables"
)

// Mode is the mode that a configuration asks for, iptables where it says nothing.
func (in *Input) Mode() string {
	if in.Config == nil || in.Config.Mode == "" {
		return ModeIPTables
	}
	return in.Config.Mode
}

// settings works the configuration out. What it returns beside an error holds but for what the error names.
func (in *Input) settings(f Family) (*settings, error) {
	c := in.Config
	if c == nil {
		c = &cluster.KubeProxyConfig{}
	}
	node := in.Node
	s := &settings{family: f, masqueradeAll: c.IPTables.MasqueradeAll, liberal: c.Conntrack.TCPBeLiberal,
		nfacct: !in.NoNFAcct, kubeletFirst: in.KubeletFirst, externalIPs: true}
	var errs []error
	if node == nil {
		errs = append(errs, errors.New("kube-proxy: no Node (want the one it runs on)"))
		node = &corev1.Node{}
	}
	s.nodeName, s.zone = node.Name, node.Labels[corev1.LabelTopologyZone]
	own, asked := ModeIPTables, c.IPTables.MasqueradeBit
	switch in.Mode() {
	case ModeIPTables:
	case ModeNFTables:
		own, asked, s.masqueradeAll, s.native = ModeNFTables, c.NFTables.MasqueradeBit, c.NFTables.MasqueradeAll, true
		if c.FeatureGates[localhostNodePortsGate] {
			errs = append(errs, fmt.Errorf("kube-proxy: featureGates: %s is not compiled (want it false)", localhostNodePortsGate))
		}
	default:
		errs = append(errs, fmt.Errorf("kube-proxy: mode %q is not compiled (want iptables or nftables)", c.Mode))
	}
	bit := int32(14)
	if asked != nil {
		bit = *asked
	}
	if bit < 0 || bit > 31 {
		errs = append(errs, fmt.Errorf("kube-proxy: %s.masqueradeBit: %d (want 0 to 31)", own, bit))
		bit = 0
	}
	s.markBit = uint32(1) << bit
	mark := fmt.Sprintf("%#x", uint32(1)<<bit)
	s.mark, s.clearMark = mark+"/"+mark, mark+"/0x0"
	if on, ok := c.FeatureGates["AllowServiceExternalIPs"]; ok {
		s.externalIPs = on
	}
	keep := func(err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("kube-proxy: %w", err))
		}
	}
	ips, err := nodeIPs(node, c.BindAddress)
	keep(err)
	s.nodeIP = ips[f]
	keep(s.nodePorts(in, c, ips))
	s.local, err = detect(c, node, f)
	keep(err)
	return s, errors.Join(errs...)
}

// localhostNodePortsGate lets node ports of mode nftables answer on loopback, by a proxy in user space (v1.37, alpha).
const localhostNodePortsGate = "KubeProxyNFTablesLocalhostNodePorts"

// loopback are the addresses that kube-proxy assumes where it knows none of a family.
var loopback = map[Family]netip.Addr{IPv4: netip.AddrFrom4([4]byte{127, 0, 0, 1}), IPv6: netip.IPv6Loopback()}

// nodeIPs is the node's address of each family: its first InternalIP, else its first ExternalIP, else loopback; a bind
// address that is no wildcard goes before them (GetNodeHostIPs, pkg/util/node/node.go; detectNodeIPs,
// cmd/kube-proxy/app/server.go).
func nodeIPs(node *corev1.Node, bind string) (map[Family]netip.Addr, error) {
	ips := map[Family]netip.Addr{}
	var errs []error
	for _, kind := range []corev1.NodeAddressType{corev1.NodeInternalIP, corev1.NodeExternalIP} {
		for _, x := range node.Status.Addresses {
			if x.Type != kind {
				continue
			}
			a, err := parseAddr(x.Address)
			if err != nil {
				errs = append(errs, fmt.Errorf("node %s: %s: %w", node.Name, kind, err))
				continue
			}
			if f := familyOf(a); !ips[f].IsValid() {
				ips[f] = a
			}
		}
	}
	for f, a := range loopback {
		if !ips[f].IsValid() {
			ips[f] = a
		}
	}
	if bind != "" {
		a, err := parseAddr(bind)
		if err != nil {
			errs = append(errs, fmt.Errorf("bindAddress: %w", err))
		} else if !a.IsUnspecified() {
			ips[familyOf(a)] = a
		}
	}
	return ips, errors.Join(errs...)
}

func familyOf(a netip.Addr) Family {
	if a.Is4() {
		return IPv4
	}
	return IPv6
}

func parseAddr(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Is4In6() || a.Zone() != "" {
		return a, fmt.Errorf("%q is no IP address", text)
	}
	return a, nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(strings.TrimSpace(text))
	if err != nil || p.Addr().Is4In6() {
		return p, fmt.Errorf("%q is no prefix (want one such as 10.0.0.0/16)", text)
	}
	return p.Masked(), nil
}

// familyPrefixes are the prefixes of one family in a list of both.
func familyPrefixes(list []string, f Family) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range list {
		if strings.TrimSpace(text) == "" {
			continue
		}
		p, err := parsePrefix(text)
		if err != nil {
			return out, err
		}
		if f.of(p.Addr()) {
			out = append(out, p)
		}
	}
	return out, nil
}

func hasAny(p netip.Prefix) bool { return p.Bits() == 0 }

// zero is the prefix of every address of a family.
func (f Family) zero() netip.Prefix {
	if f == IPv4 {
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
}

// nodePorts works out on which addresses node ports answer (pkg/proxy/util/nodeport_addresses.go,
// expandNodePortAddressKeywords in cmd/kube-proxy/app/server.go).
func (s *settings) nodePorts(in *Input, c *cluster.KubeProxyConfig, ips map[Family]netip.Addr) error {
	var list []string
	wanted := c.NodePortAddresses
	if s.native && len(wanted) == 0 {
		wanted = []string{"primary"} // platformApplyDefaults, cmd/kube-proxy/app/server_linux.go
	}
	for _, text := range wanted {
		switch text {
		case "primary":
			for _, f := range []Family{IPv4, IPv6} {
				if a := ips[f]; !a.IsLoopback() {
					list = append(list, netip.PrefixFrom(a, a.BitLen()).String())
				}
			}
		case "localhost":
			list = append(list, "127.0.0.0/8", "::1/128")
		case "all":
			list = append(list, IPv4.zero().String(), IPv6.zero().String())
		default:
			list = append(list, text)
		}
	}
	prefixes, err := familyPrefixes(list, s.family)
	if err != nil {
		return fmt.Errorf("nodePortAddresses: %w", err)
	}
	if len(prefixes) == 0 { // none of this family: all of it, even where the other family is limited
		prefixes = []netip.Prefix{s.family.zero()}
	}
	s.nodePortAll = slices.ContainsFunc(prefixes, hasAny)
	// What stands in the list before the first /0 is looked at too, but a /0 contains loopback anyway.
	hasLoopback := s.family == IPv4 && slices.ContainsFunc(prefixes, func(p netip.Prefix) bool {
		return p.Addr().IsLoopback() || p.Contains(netip.AddrFrom4([4]byte{127}))
	})
	asked := c.IPTables.LocalhostNodePorts == nil || *c.IPTables.LocalhostNodePorts
	s.localhostNodePorts = asked && hasLoopback && !s.native
	if s.nodePortAll {
		return nil
	}
	host := in.HostAddresses
	if host == nil && in.Node != nil {
		host = DefaultHostAddresses(in.Node)
	}
	for _, a := range host {
		if a.IsLoopback() && !s.localhostNodePorts || slices.Contains(s.nodePortIPs, a) { // never on ::1
			continue
		}
		if slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) }) {
			s.nodePortIPs = append(s.nodePortIPs, a)
		}
	}
	slices.SortFunc(s.nodePortIPs, netip.Addr.Compare) // random in kube-proxy
	return nil
}
