// Package kubeproxy writes the rules that kube-proxy v1.37 writes on one node for the Services and EndpointSlices of a
// cluster, rule for rule: in iptables mode in save form, that is as `iptables-save` prints them back and not as kube-proxy
// hands them to iptables-restore, in nftables mode as `nft list table` does.
//
// For a Service default/web with cluster IP 10.96.0.20, port 80 and two endpoints, a packet to 10.96.0.20:80 walks
//
//	nat PREROUTING ─► KUBE-SERVICES ─► KUBE-SVC-… ─┬─ 1 in 2 ─► KUBE-SEP-… ─► DNAT 10.244.1.5:8080
//	                                      │        └─ else ───► KUBE-SEP-… ─► DNAT 10.244.2.7:8080
//	                                      └─ not from a pod: KUBE-MARK-MASQ (mark 0x4000)
//	nat POSTROUTING ─► KUBE-POSTROUTING ─► mark 0x4000: MASQUERADE
//
// What each rule follows from is in kube-proxy's pkg/proxy/iptables/proxier.go, which the comments here call proxier.go,
// and in the files beside it; recordings of the real kube-proxy are compared with in golden_test.go.
//
// The order among Service ports is that of a Go map in kube-proxy, thus random; here it is by namespace, name and port.
package kubeproxy

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/iptables"
)

// Input is what kube-proxy acts on: its configuration, its own Node, and the objects it watches. The objects are taken as
// completed and checked (cluster.Objects: SetDefaults, Check).
type Input struct {
	Config         *cluster.KubeProxyConfig // nil: all defaults
	Node           *corev1.Node
	Services       []*corev1.Service
	EndpointSlices []*discoveryv1.EndpointSlice
	// HostAddresses are the addresses of the node's interfaces, which nodePortAddresses choose from; nil stands for
	// DefaultHostAddresses.
	HostAddresses []netip.Addr
	// KubeletFirst: kubelet wrote its own rules before kube-proxy, as on a real node.
	KubeletFirst bool
	// NoNFAcct: the kernel has no nfacct, so no rule counts by it.
	NoNFAcct bool
}

// Family is the IP version of a set of rules: iptables or ip6tables.
type Family uint8

// The families.
const (
	IPv4 Family = iota + 1
	IPv6
)

func (f Family) String() string {
	switch f {
	case IPv4:
		return "IPv4"
	case IPv6:
		return "IPv6"
	default:
		panic(fmt.Sprintf("kubeproxy: family %d", uint8(f)))
	}
}

// of says whether an address is of the family.
func (f Family) of(a netip.Addr) bool { return a.Is4() == (f == IPv4) }

// Rules are iptables' tables of one family after kube-proxy synchronised them, in the order that iptables-nft prints. In mode
// nftables there are only kubelet's, where it came first; kube-proxy's own table is [Table].
func Rules(in *Input, f Family) (*iptables.Ruleset, error) {
	s, err := in.settings(f)
	if err != nil {
		return nil, err
	}
	if s.native {
		return in.kubelet(s)
	}
	ports, err := servicePorts(in, s)
	if err != nil {
		return nil, err
	}
	b := newBuilder(s)
	b.fixed()
	total := 0
	for _, p := range ports {
		total += len(p.endpoints)
	}
	b.large = total > largeCluster
	for _, p := range ports {
		b.servicePort(p)
	}
	b.nodePortJumps()
	return b.done()
}

// largeCluster is the number of endpoints above which kube-proxy leaves comments out to have less to write
// (largeClusterEndpointsThreshold, proxier.go).
const largeCluster = 1000

// Sysctls are the kernel's settings that kube-proxy changes and that packets depend on.
func (in *Input) Sysctls() map[string]string {
	sysctls := map[string]string{}
	// An error would be one of the node's addresses or CIDRs, which neither setting goes by; Rules reports it.
	if s, _ := in.settings(IPv4); s.localhostNodePorts {
		sysctls["net.ipv4.conf.all.route_localnet"] = "1"
	}
	if in.Config != nil && in.Config.Conntrack.TCPBeLiberal {
		sysctls["net.netfilter.nf_conntrack_tcp_be_liberal"] = "1"
	}
	return sysctls
}

// builder writes rules into the tables.
type builder struct {
	*settings
	rs               *iptables.Ruleset
	mangle, filt, na *iptables.Table
	large            bool
	buf              []byte
	err              error

	// The chains that are written to for every Service port.
	services, nodePorts                                             *iptables.Chain // nat
	filterServices, filterExternal, filterNodePorts, filterFirewall *iptables.Chain
}

func newBuilder(s *settings) *builder {
	rs := &iptables.Ruleset{}
	b := &builder{settings: s, rs: rs}
	b.mangle = rs.AddTable("mangle")
	rs.AddTable("raw")
	b.filt, b.na = rs.AddTable("filter"), rs.AddTable("nat")
	return b
}

// add puts a rule of the given words at the end of a chain; empty words are left out.
func (b *builder) add(c *iptables.Chain, words ...string) {
	b.buf = b.buf[:0]
	for _, w := range words {
		if w == "" {
			continue
		}
		if len(b.buf) > 0 {
			b.buf = append(b.buf, ' ')
		}
		b.buf = append(b.buf, w...)
	}
	if err := c.Append(string(b.buf)); err != nil && b.err == nil {
		b.err = err
	}
}

// done puts the user chains in order of their names, as iptables-save prints them, and finds every jump's chain.
func (b *builder) done() (*iptables.Ruleset, error) {
	for _, t := range b.rs.Tables {
		user := slices.IndexFunc(t.Chains, func(c *iptables.Chain) bool { return !c.BuiltIn() })
		if user >= 0 {
			slices.SortFunc(t.Chains[user:], func(x, y *iptables.Chain) int { return cmp.Compare(x.Name, y.Name) })
		}
	}
	return b.rs, errors.Join(b.err, b.rs.Link())
}

// comment is a comment match. All of kube-proxy's hold a space or a slash, so that iptables-save quotes every one.
func comment(words ...string) string {
	return `-m comment --comment "` + strings.Join(words, "") + `"`
}
