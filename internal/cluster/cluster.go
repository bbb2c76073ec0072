// Package cluster is what a user describes: the network, nodes, pods, Services and hosts, the CNI and its options. It
// knows no topology; compilers turn it into one.
package cluster

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// Cluster is one description.
type Cluster struct {
	Name  string  `yaml:"name"`
	VPC   VPC     `yaml:"vpc"`
	Site  *Site   `yaml:"onPremises"` // in place of the VPC
	Nodes []*Node `yaml:"nodes"`
	Pods  []*Pod  `yaml:"pods"`
	Hosts []*Host `yaml:"hosts"` // on the Internet
	CNI   CNI     `yaml:"cni"`

	// KubeProxy, Services and EndpointSlices are the Kubernetes objects that stand behind the description in the same file,
	// as further documents. A nil KubeProxy without Services means that no kube-proxy runs.
	KubeProxy      *KubeProxyConfig             `yaml:"-"`
	Services       []*corev1.Service            `yaml:"-"`
	NodeObjects    []*corev1.Node               `yaml:"-"`
	EndpointSlices []*discoveryv1.EndpointSlice `yaml:"-"` // others are made of the pods, see [Cluster.Slices]

	// NetworkObjects are those that only a network plugin reads.
	NetworkObjects `yaml:"-"`
}

// VPC is the cloud network that the nodes stand on.
type VPC struct {
	ID              string           `yaml:"id"`
	Region          string           `yaml:"region"`
	CIDRs           []netip.Prefix   `yaml:"cidrs"`
	Subnets         []*Subnet        `yaml:"subnets"`
	RouteTables     []*RouteTable    `yaml:"routeTables"`
	InternetGateway string           `yaml:"internetGateway"` // its ID; "" for none
	NATGateways     []*NATGateway    `yaml:"natGateways"`
	SecurityGroups  []*SecurityGroup `yaml:"securityGroups"`
	// LoadBalancers pins addresses of load balancers; those that a Service asks for and that are not here get free ones.
	LoadBalancers []*LoadBalancer `yaml:"loadBalancers"`
}

// LoadBalancer is what a controller made for a Service of type LoadBalancer.
type LoadBalancer struct {
	Service string   `yaml:"service"` // namespace/name
	Nodes   []LBNode `yaml:"nodes"`
	Groups  []string `yaml:"securityGroups"`
}

// LBNode is a load balancer's address in one subnet.
type LBNode struct {
	Subnet  string     `yaml:"subnet"`
	Address netip.Addr `yaml:"address"`
	Public  netip.Addr `yaml:"public"` // of an internet-facing one
}

// Subnet is a slice of the VPC in one availability zone.
type Subnet struct {
	Name       string       `yaml:"name"`
	Zone       string       `yaml:"zone"`
	CIDR       netip.Prefix `yaml:"cidr"`
	RouteTable string       `yaml:"routeTable"`
}

// RouteTable is a VPC route table; the local routes of the VPC's CIDRs are understood.
type RouteTable struct {
	Name   string       `yaml:"name"`
	Routes []CloudRoute `yaml:"routes"`
}

// CloudRoute sends a prefix to a gateway or an ENI, by ID.
type CloudRoute struct {
	To  netip.Prefix `yaml:"to"`
	Via string       `yaml:"via"`
}

// NATGateway stands in a subnet that is routed to the Internet gateway.
type NATGateway struct {
	ID      string     `yaml:"id"`
	Subnet  string     `yaml:"subnet"`
	Private netip.Addr `yaml:"private"`
	Public  netip.Addr `yaml:"public"`
}

// SecurityGroup is a stateful allow list of a card.
type SecurityGroup struct {
	ID      string      `yaml:"id"`
	Ingress []GroupRule `yaml:"ingress"`
	Egress  []GroupRule `yaml:"egress"`
}

// GroupRule allows a protocol ("", "all": every) and ports ("", "443", "30000-32767") from or to a prefix, or the
// members of a group.
type GroupRule struct {
	Protocol string       `yaml:"protocol"`
	Ports    string       `yaml:"ports"`
	CIDR     netip.Prefix `yaml:"cidr"`
	Group    string       `yaml:"group"`
}

// Node is a worker.
type Node struct {
	Name    string            `yaml:"name"`
	Machine string            `yaml:"machine"` // instance type
	Image   Image             `yaml:"image"`   // al2023 (default) or al2
	ENIs    []*ENI            `yaml:"enis"`
	NICs    []*ENI            `yaml:"nics"` // on premises, in place of ENIs: interface, subnet, address, mac
	Sysctls map[string]string `yaml:"sysctls"`
	// HostPods are pods on the node's own network, such as aws-node and kube-proxy.
	HostPods []string `yaml:"hostPods"`
	MTU      int      `yaml:"mtu"` // of its first card; 0: see [Cluster.HostMTU]
}

// Image says what the machine image sets up before the CNI comes.
type Image string

// The images: Amazon Linux 2023 (networkd, DHCP routes with a metric, ens5) and Amazon Linux 2 (eth0).
const (
	AL2023 Image = "al2023"
	AL2    Image = "al2"
)

// ENI is an elastic network interface of a node. The first is the primary one.
type ENI struct {
	ID        string         `yaml:"id"`
	Interface string         `yaml:"interface"` // ens5, eth0: what the kernel calls it; "" by image and device
	Subnet    string         `yaml:"subnet"`
	Address   netip.Addr     `yaml:"address"` // its primary private address
	MAC       string         `yaml:"mac"`
	Public    netip.Addr     `yaml:"public"` // of the primary address, at the Internet gateway
	Device    *int           `yaml:"device"` // device number; default: its place in the list
	Card      int            `yaml:"card"`   // network card index
	Trunk     bool           `yaml:"trunk"`
	Prefixes  []netip.Prefix `yaml:"prefixes"` // delegated /28s
	Secondary []netip.Addr   `yaml:"secondary"`
	Groups    []string       `yaml:"securityGroups"`
	// NoSourceCheck turns the source/destination check off.
	NoSourceCheck bool `yaml:"noSourceDestinationCheck"`
}

// Pod is one pod with a namespace of its own.
type Pod struct {
	Namespace string     `yaml:"namespace"`
	Name      string     `yaml:"name"`
	Node      string     `yaml:"node"`
	Address   netip.Addr `yaml:"address"`
	ENI       int        `yaml:"eni"` // place of the ENI in the node's list
	// Branch is the branch ENI of a pod with security groups of its own.
	Branch *Branch `yaml:"branch"`
	// Labels are what Services select it by; Ports are those that a Service may name.
	Labels   map[string]string `yaml:"labels"`
	Ports    []PodPort         `yaml:"ports"`
	NotReady bool              `yaml:"notReady"`
	// ServiceAccount is "default" where it is not given, see [Pod.Account].
	ServiceAccount string `yaml:"serviceAccount"`
}

// PodPort is a named port of a pod.
type PodPort struct {
	Name     string `yaml:"name"`
	Port     uint16 `yaml:"port"`
	Protocol string `yaml:"protocol"` // TCP (default), UDP, SCTP
}

// Branch is a branch ENI on the node's trunk (annotation vpc.amazonaws.com/pod-eni).
type Branch struct {
	ID     string   `yaml:"id"`
	VLAN   int      `yaml:"vlan"`
	MAC    string   `yaml:"mac"`
	Subnet string   `yaml:"subnet"` // default: the trunk's
	Groups []string `yaml:"securityGroups"`
}

// Host is a machine beyond the Internet gateway.
type Host struct {
	Name    string     `yaml:"name"`
	Address netip.Addr `yaml:"address"`
}

// Values of [CNI.Connmark] and [CNI.NATFirst].
const (
	ConnmarkNFT       = "nft"
	ConnmarkIPTables  = "iptables"
	NATFirstPlugin    = "plugin"
	NATFirstKubeProxy = "kube-proxy"
)

// CNI is the network plugin and its options, by the plugin's own names.
type CNI struct {
	Name string `yaml:"name"`
	// Backend is what `iptables` on the node is: nft (default) or legacy.
	Backend string `yaml:"backend"`
	// Connmark is where the AWS VPC CNI keeps the rules that mark outbound connections on a node whose iptables is nft: nft, a table
	// of its own (default; since v1.23.0, aws/amazon-vpc-cni-k8s#3588), or iptables, as before.
	Connmark string `yaml:"connmark"`
	// NATFirst is whose nat chains the kernel asks first where the plugin's and those of a kube-proxy in nftables mode have one
	// priority: plugin (default) or kube-proxy. It is the one that registered its chains last. At a node's start kube-proxy comes
	// first here, so the plugin is asked first; a kube-proxy that starts again makes its base chains anew and is asked first from
	// then on (setupNFTables in kube-proxy's pkg/proxy/nftables/proxier.go).
	NATFirst string `yaml:"natFirst"`
	// Env are the plugin's own environment variables, such as AWS_VPC_K8S_CNI_EXTERNALSNAT.
	Env map[string]string `yaml:"env"`
	// Previously are earlier states that the plugin reconciled from; what they left behind is still on the node.
	Previously []Past `yaml:"previously"`
	// Encapsulation is the mode of Calico's pool where no IPPool says it, see [Cluster.DefaultPool].
	Encapsulation string `yaml:"encapsulation"`
}

// Past is an earlier state of what the plugin was told. Nil fields are as today.
type Past struct {
	VPCCIDRs []netip.Prefix    `yaml:"vpcCIDRs"`
	Env      map[string]string `yaml:"env"`
}

// Key is the pod's name as queries and topologies have it: pod/default/web-0.
func (p *Pod) Key() string { return "pod/" + p.Namespace + "/" + p.Name }

// Key is the node's name as queries have it: node/node-a.
func (n *Node) Key() string { return "node/" + n.Name }

// Node finds a node by name; nil if there is none.
func (c *Cluster) Node(name string) *Node {
	for _, n := range c.Nodes {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// PodsOn are the pods of a node, in the description's order.
func (c *Cluster) PodsOn(node string) []*Pod {
	var out []*Pod
	for _, p := range c.Pods {
		if p.Node == node {
			out = append(out, p)
		}
	}
	return out
}

// Subnet finds a subnet by name; nil if there is none.
func (v *VPC) Subnet(name string) *Subnet {
	for _, s := range v.Subnets {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// DeviceOf is an ENI's device number.
func (n *Node) DeviceOf(i int) int {
	if d := n.ENIs[i].Device; d != nil {
		return *d
	}
	return i
}

// InterfaceOf is what the kernel calls an ENI: as given, else by image and device number.
func (n *Node) InterfaceOf(i int) string {
	e := n.Cards()[i]
	switch {
	case e.Interface != "":
		return e.Interface
	case len(n.NICs) > 0:
		return "eth" + itoa(i)
	case n.Image == AL2:
		return "eth" + itoa(n.DeviceOf(i))
	}
	return "ens" + itoa(5+n.DeviceOf(i))
}
