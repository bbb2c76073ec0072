// Package topology is the network as data, as Linux has it: namespaces, interfaces, addresses, policy rules, routes,
// neighbours, links, sysctls and netfilter; and as a cloud's fabric has it: subnets, route tables, gateways, security
// groups. Readers of dumps and compilers build it; the tracer walks it; the diagram draws it. It never changes once
// built, so any number of traces may walk it at the same time.
package topology

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/podpath/podpath/internal/packet"
)

// Kind says what a namespace or device is to a reader of the diagram. The walk does not depend on it.
type Kind string

// The kinds.
const (
	Pod          Kind = "pod"
	Node         Kind = "node" // the root namespace of a node
	Router       Kind = "router"
	Switch       Kind = "switch" // a bridge of its own, in a rack or a building
	Gateway      Kind = "gateway"
	LoadBalancer Kind = "load-balancer"
	External     Kind = "external"
)

// Network says whether a namespace is the network's between pods, nodes and hosts, and not one of theirs.
func (k Kind) Network() bool { return k != Pod && k != Node && k != External }

// Place says where a namespace stands for the diagram and how a query names it.
type Place struct {
	Name    string // pod/default/web-0, node/node-a, internet
	Label   string // what the box is titled: web-0, node-a
	Node    string // the namespace of the node that a pod runs on; "" for others
	Zone    string // availability zone
	Subnet  string // ID of the subnet of a node's primary ENI
	Machine string // instance type
	// HostPods are the pods on the node's own network (aws-node, kube-proxy), drawn but without a namespace.
	HostPods []string
}

// Topology is a set of namespaces and the fabrics that join them.
type Topology struct {
	Name   string
	Fabric *Fabric // nil where every link is a link between namespaces (on premises, a lab's recording)
	Site   *Site   // what the nodes stand on on premises, as the diagram draws it; its parts are namespaces
	// Assumptions are what a reader or compiler filled in, by code, with arguments.
	Assumptions []Assumption
	// Services are names that a query may use in place of an address: svc/<namespace>/<name>.
	Services []Service
	// Traced are the namespaces whose rules a recording has (lab.json); nil means all that have any.
	Traced []string

	order  []string
	spaces map[string]*space
}

// Service is what Kubernetes calls an address. It is a name and no more: what happens to its packets is in the rules.
type Service struct {
	Namespace, Name string
	Address         netip.Addr // its cluster IP; invalid for a headless one
	Ports           []ServicePort
}

// Key is the Service's name as queries have it: svc/default/web.
func (s *Service) Key() string { return "svc/" + s.Namespace + "/" + s.Name }

// ServicePort is a port that a Service has.
type ServicePort struct {
	Name     string
	Protocol packet.Protocol
	Port     uint16
}

// Assumption is something that was not given and is taken to be so.
type Assumption struct {
	Code string
	Args map[string]string
}

type space struct {
	once  sync.Once
	build func() (*Namespace, error)
	ns    *Namespace
	err   error
}

// Add registers a namespace that is built when it is first asked for: a cluster of 5,000 nodes must not compile 5,000
// rulesets to trace one packet.
func (t *Topology) Add(name string, build func() (*Namespace, error)) {
	if t.spaces == nil {
		t.spaces = map[string]*space{}
	}
	if _, ok := t.spaces[name]; !ok {
		t.order = append(t.order, name)
	}
	t.spaces[name] = &space{build: build}
}

// AddNamespace registers a namespace that is there already.
func (t *Topology) AddNamespace(ns *Namespace) {
	t.Add(ns.Name, func() (*Namespace, error) { return ns, nil })
}

// IsTraced says whether a recording has, or would have, the namespace's rules.
func (t *Topology) IsTraced(ns *Namespace) bool {
	if len(t.Traced) > 0 {
		return slices.Contains(t.Traced, ns.Name)
	}
	return ns.Netfilter.Rules != nil || ns.Netfilter.Native != nil
}

// Names are the namespaces in the order in which they were added.
func (t *Topology) Names() []string { return t.order }

// Namespace gives a namespace by name, building it if it was not asked for before.
func (t *Topology) Namespace(name string) (*Namespace, error) {
	s := t.spaces[name]
	if s == nil {
		return nil, fmt.Errorf("namespace %q: not in this topology (it has %s)", name, some(t.order))
	}
	s.once.Do(func() {
		if s.ns, s.err = s.build(); s.err == nil {
			s.ns.prepare()
		}
	})
	return s.ns, s.err
}

// some names the first few: a message about 5,000 nodes has to stay one.
func some(names []string) string {
	const few = 12
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}

// Port is one end of a link: an interface of a namespace.
type Port struct {
	Namespace string
	Interface string
}

// InterfaceKind is what `ip -d link` calls the device (linkinfo.info_kind), and ENI for a cloud's network card.
type InterfaceKind string

// The kinds of interface the walk knows.
const (
	Loopback InterfaceKind = "loopback"
	Veth     InterfaceKind = "veth"
	ENI      InterfaceKind = "eni"
	NIC      InterfaceKind = "nic" // a card on a cable
	Bridge   InterfaceKind = "bridge"
	VXLAN    InterfaceKind = "vxlan"
	IPIP     InterfaceKind = "ipip"
	VLAN     InterfaceKind = "vlan"
	MACVLAN  InterfaceKind = "macvlan"
	Dummy    InterfaceKind = "dummy"
	Other    InterfaceKind = "" // its far end is not known
)

// Address is an address of an interface, with its prefix length and scope.
type Address struct {
	Prefix    netip.Prefix
	Scope     Scope
	Broadcast netip.Addr
	Secondary bool
}

// Interface is one device of a namespace.
type Interface struct {
	Index     int
	Name      string
	Kind      InterfaceKind
	MAC       packet.MAC
	MTU       int
	Up        bool
	Addresses []Address
	Master    string // the bridge it is a port of
	Parent    string // the device a vlan or macvlan sits on
	VLANID    int
	LinkIndex int // index of the peer or parent, as the dump gives it; 0: none
	LinkNetNS int // link_netnsid of the dump; -1: same namespace
	Peer      Port
	ENI       *ENICard // set where the device is a card on the fabric
	Tunnel    *Tunnel  // set for vxlan and ipip devices
	// Promisc says that the device takes frames for others too (IFF_PROMISC): a bridge then hands up what it forwards.
	Promisc bool
	// CallIPTables says that a bridge hands its frames to iptables (IFLA_BR_NF_CALL_IPTABLES), whatever the sysctl
	// net.bridge.bridge-nf-call-iptables says.
	CallIPTables bool

	sysctl ifaceSysctl
}
