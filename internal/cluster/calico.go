package cluster

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CalicoName is the name of Calico in cni.name.
const CalicoName = "calico"

// What cni.encapsulation may be: the mode of the pool that Calico gets where the file has no IPPool.
const (
	EncapVXLAN            = "VXLAN" // the default
	EncapVXLANCrossSubnet = "VXLANCrossSubnet"
	EncapIPIP             = "IPIP"
	EncapIPIPCrossSubnet  = "IPIPCrossSubnet"
	EncapNone             = "None"
)

// The values of an IPPool's ipipMode and vxlanMode; "" is Never.
const (
	ModeNever       = "Never"
	ModeAlways      = "Always"
	ModeCrossSubnet = "CrossSubnet"
)

// defaultPool is what the manifests of Calico call the pool that they make.
const defaultPool = "default-ipv4-ippool"

// IPPool is Calico's projectcalico.org/v3 IPPool: a range that pods get their addresses from, and how packets to them
// travel between nodes.
type IPPool struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              IPPoolSpec `json:"spec"`
	Status            any        `json:"status,omitempty"`
}

// IPPoolSpec is what a pool says.
type IPPoolSpec struct {
	CIDR              string   `json:"cidr"`
	VXLANMode         string   `json:"vxlanMode,omitempty"`
	IPIPMode          string   `json:"ipipMode,omitempty"`
	NATOutgoing       bool     `json:"natOutgoing,omitempty"`
	Disabled          bool     `json:"disabled,omitempty"`         // gives out no more addresses
	DisableBGPExport  bool     `json:"disableBGPExport,omitempty"` // BIRD does not tell other nodes
	BlockSize         int      `json:"blockSize,omitempty"`        // 0: 26
	NodeSelector      string   `json:"nodeSelector,omitempty"`
	NamespaceSelector string   `json:"namespaceSelector,omitempty"`
	AllowedUses       []string `json:"allowedUses,omitempty"` // none: Workload and Tunnel
	AssignmentMode    string   `json:"assignmentMode,omitempty"`
}

// Prefix is the pool's range; invalid where its text is none.
func (p *IPPool) Prefix() netip.Prefix {
	q, err := parsePrefix(p.Spec.CIDR)
	if err != nil {
		return netip.Prefix{}
	}
	return q.Masked()
}

// BlockBits is the prefix length of the pool's blocks.
func (p *IPPool) BlockBits() int { return cmp.Or(p.Spec.BlockSize, 26) }

// VXLAN says whether packets to the pool's addresses travel in VXLAN, always or between subnets.
func (p *IPPool) VXLAN() bool {
	return p.Spec.VXLANMode == ModeAlways || p.Spec.VXLANMode == ModeCrossSubnet
}

// IPIP says whether packets to the pool's addresses travel in IP-in-IP, always or between subnets.
func (p *IPPool) IPIP() bool {
	return p.Spec.IPIPMode == ModeAlways || p.Spec.IPIPMode == ModeCrossSubnet
}

// CrossSubnet says whether the tunnel is for nodes of other subnets only.
func (p *IPPool) CrossSubnet() bool {
	return p.Spec.VXLANMode == ModeCrossSubnet || p.Spec.IPIPMode == ModeCrossSubnet
}

// For says whether the pool may be used for Workload, Tunnel or LoadBalancer.
func (p *IPPool) For(use string) bool {
	return len(p.Spec.AllowedUses) == 0 && use != "LoadBalancer" || slices.Contains(p.Spec.AllowedUses, use)
}

// IPAMBlock is a slice of a pool that a node has: projectcalico.org/v3 IPAMBlock. Only its range and its affinity count
// here; who has which address, the pods say.
type IPAMBlock struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              IPAMBlockSpec `json:"spec"`
}

// IPAMBlockSpec is what a block says.
type IPAMBlockSpec struct {
	CIDR     string  `json:"cidr"`
	Affinity *string `json:"affinity,omitempty"` // host:<node>
	Deleted  bool    `json:"deleted,omitempty"`

	ipamBlockOthers
}

type ipamBlockOthers struct {
	AffinityClaimTime           any `json:"affinityClaimTime,omitempty"`
	Allocations                 any `json:"allocations,omitempty"`
	Unallocated                 any `json:"unallocated,omitempty"`
	Attributes                  any `json:"attributes,omitempty"`
	SequenceNumber              any `json:"sequenceNumber,omitempty"`
	SequenceNumberForAllocation any `json:"sequenceNumberForAllocation,omitempty"`
	StrictAffinity              any `json:"strictAffinity,omitempty"`
}

// Prefix is the block's range; invalid where its text is none.
func (b *IPAMBlock) Prefix() netip.Prefix {
	q, err := parsePrefix(b.Spec.CIDR)
	if err != nil {
		return netip.Prefix{}
	}
	return q
}

// Node is the name of the node that the block is affine to; "" for none.
func (b *IPAMBlock) Node() string {
	if b.Spec.Affinity == nil || b.Spec.Deleted {
		return ""
	}
	node, _ := strings.CutPrefix(*b.Spec.Affinity, "host:")
	return node
}

// BGPConfiguration is projectcalico.org/v3 BGPConfiguration as far as it decides who writes which routes.
type BGPConfiguration struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              BGPConfigurationSpec `json:"spec"`
}

// BGPConfigurationSpec is what it says. The values of the fields that are not named change no route between the nodes of a
// full mesh.
type BGPConfigurationSpec struct {
	NodeToNodeMeshEnabled   *bool  `json:"nodeToNodeMeshEnabled,omitempty"`
	ProgramClusterRoutes    string `json:"programClusterRoutes,omitempty"` // Enabled (default), Disabled
	IPv4NormalRoutePriority *int   `json:"ipv4NormalRoutePriority,omitempty"`
	ServiceClusterIPs       []any  `json:"serviceClusterIPs,omitempty"`
	ServiceExternalIPs      []any  `json:"serviceExternalIPs,omitempty"`
	ServiceLoadBalancerIPs  []any  `json:"serviceLoadBalancerIPs,omitempty"`

	bgpOthers
}

type bgpOthers struct {
	LogSeverityScreen              any `json:"logSeverityScreen,omitempty"`
	ASNumber                       any `json:"asNumber,omitempty"`
	ServiceLoadBalancerAggregation any `json:"serviceLoadBalancerAggregation,omitempty"`
	Communities                    any `json:"communities,omitempty"`
	PrefixAdvertisements           any `json:"prefixAdvertisements,omitempty"`
	ListenPort                     any `json:"listenPort,omitempty"`
	NodeMeshPassword               any `json:"nodeMeshPassword,omitempty"`
	NodeMeshMaxRestartTime         any `json:"nodeMeshMaxRestartTime,omitempty"`
	BindMode                       any `json:"bindMode,omitempty"`
	IgnoredInterfaces              any `json:"ignoredInterfaces,omitempty"`
	LocalWorkloadPeeringIPV4       any `json:"localWorkloadPeeringIPV4,omitempty"`
	LocalWorkloadPeeringIPV6       any `json:"localWorkloadPeeringIPV6,omitempty"`
	IPv6NormalRoutePriority        any `json:"ipv6NormalRoutePriority,omitempty"`
}

// Pools are Calico's IPv4 pools in the file's order; where there is no IPPool at all, the one that an installation makes,
// in the mode of cni.encapsulation.
func (c *Cluster) Pools() []*IPPool {
	if len(c.IPPools) == 0 {
		return []*IPPool{c.DefaultPool()}
	}
	var out []*IPPool
	for _, p := range c.IPPools {
		if p != nil && p.Prefix().IsValid() && p.Prefix().Addr().Is4() {
			out = append(out, p)
		}
	}
	return out
}

// DefaultPool is the pool of a cluster without IPPool documents.
func (c *Cluster) DefaultPool() *IPPool {
	p := &IPPool{TypeMeta: metav1.TypeMeta{APIVersion: calicoVersion, Kind: "IPPool"}, ObjectMeta: metav1.ObjectMeta{Name: defaultPool}}
	p.Spec = IPPoolSpec{CIDR: "10.244.0.0/16", BlockSize: 26, NATOutgoing: true}
	p.SetEncapsulation(cmp.Or(c.CNI.Encapsulation, EncapVXLAN))
	return p
}

// encapsulations are a pool's two modes by what an installation calls them together.
var encapsulations = []struct{ name, vxlan, ipip string }{
	{EncapVXLAN, ModeAlways, ModeNever}, {EncapVXLANCrossSubnet, ModeCrossSubnet, ModeNever},
	{EncapIPIP, ModeNever, ModeAlways}, {EncapIPIPCrossSubnet, ModeNever, ModeCrossSubnet}, {EncapNone, ModeNever, ModeNever},
}

// SetEncapsulation gives a pool its modes.
func (p *IPPool) SetEncapsulation(name string) {
	for _, e := range encapsulations {
		if e.name == name {
			p.Spec.VXLANMode, p.Spec.IPIPMode = e.vxlan, e.ipip
		}
	}
}

// Encapsulation is what an installation calls a pool's modes.
func (p *IPPool) Encapsulation() string {
	for _, e := range encapsulations {
		if e.vxlan == cmp.Or(p.Spec.VXLANMode, ModeNever) && e.ipip == cmp.Or(p.Spec.IPIPMode, ModeNever) {
			return e.name
		}
	}
	return EncapNone
}

// PoolOf is the pool that an address is in; nil for none.
func (c *Cluster) PoolOf(a netip.Addr) *IPPool { return PoolOf(c.Pools(), a) }

// PoolOf is the pool of several that an address is in, the smallest where pools lie in each other; nil for none.
func PoolOf(pools []*IPPool, a netip.Addr) *IPPool {
	var best *IPPool
	for _, p := range pools {
		if p.Prefix().Contains(a) && (best == nil || p.Prefix().Bits() > best.Prefix().Bits()) {
			best = p
		}
	}
	return best
}

// NotActedOn names what the description has and its network plugin passes over: policies, where it has no part that
// enforces them here, and settings that change rules but no packet's way.
func (c *Cluster) NotActedOn() []string {
	var out []string
	if c.CNI.Name != CalicoName {
		for _, p := range c.NetworkPolicies {
			out = append(out, "NetworkPolicy "+p.Namespace+"/"+p.Name)
		}
		return out
	}
	if c.Felix != nil {
		for _, s := range c.Felix.notActedOn() {
			out = append(out, "FelixConfiguration "+c.Felix.Name+": spec."+s)
		}
	}
	return out
}

// Account is the name of the pod's ServiceAccount.
func (p *Pod) Account() string { return cmp.Or(p.ServiceAccount, "default") }

// HostMTU is the MTU of a node's first card: as given, else what the network under it carries.
func (c *Cluster) HostMTU(n *Node) int {
	return cmp.Or(n.MTU, c.LinkMTU())
}

// LinkMTU is what the network carries that the nodes stand on.
func (c *Cluster) LinkMTU() int {
	if c.Site != nil {
		return c.Site.LinkMTU()
	}
	return VPCMTU
}

// VPCMTU is what an ENI carries (facts/underlay.md, section 1).
const VPCMTU = 9001
