package build

import (
	"fmt"
	"net/netip"

	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// A VPC is no Linux, so it cannot be built, only imitated: its router, gateways and load balancers become namespaces that do
// to a packet what facts/underlay.md says that a VPC does. What happens there is neither recorded nor compared; it is there so
// that what happens in the nodes and pods can be.
//
//	one port for each card        with the subnet router's MAC; a card's mark says where a packet came from
//	a routing table per subnet    the mapping of addresses to cards, and the subnet's route table
//	nft                           source/destination checks, security groups, load balancers' targets
//	an Internet gateway           1:1 NAT, in a namespace of its own; NAT gateways likewise
//	ARP                           a card knows its neighbours in the subnet: nobody else would answer
//
// Like a VPC it takes no TTL and sends no ICMP of its own.
type fabric struct {
	f      *topology.Fabric
	spaces []*topology.Namespace
	// scripts are nft rules by namespace, beside those that a topology can hold.
	scripts map[string]string
	// known are the neighbours that a card has in its subnet, by namespace.
	known map[string][]topology.Neighbour

	vpc   *topology.Namespace
	ports map[*topology.ENICard]string // the vpc's interface for a card
	marks map[*topology.ENICard]int
	bits  map[*topology.ENICard]uint32 // of a connection's mark: which card's security groups let it through
}

// Routing tables of the vpc namespace: one for each subnet and each card from these on, and those of what comes from a gateway
// or a load balancer.
const (
	mappedTable   topology.TableID = 900 // every address of a card, and nothing else
	balancedTable topology.TableID = 901 // as before, and the Internet
	subnetTables  topology.TableID = 1000
	cardTables    topology.TableID = 2000
	// A mark's lower half is the card that a packet came from; the upper half sends it to another card whatever its address, or
	// says that a load balancer sent it.
	cardShift    = 16
	balancedMark = 0x7fff
	fabricMTU    = 9001
	internetMTU  = 1500
)

// toGateway and toVPC are the two ends of the cable between the router and the Internet gateway.
const (
	toGateway = "igw"
	toVPC     = "vpc"
)

// imitate makes the namespaces that stand for a topology's fabric.
func imitate(t *topology.Topology) (*fabric, error) {
	f := t.Fabric
	x := &fabric{f: f, scripts: map[string]string{}, known: map[string][]topology.Neighbour{}, ports: map[*topology.ENICard]string{}, marks: map[*topology.ENICard]int{}}
	var err error
	if x.bits, err = groupBits(f.Cards); err != nil {
		return nil, err
	}
	x.vpc = bare(f.Name, topology.Router)
	taken := map[string]bool{}
	for n, c := range f.Cards {
		x.marks[c] = n + 1
		if c.Balancer != nil {
			continue
		}
		name := c.Port.Namespace + "-" + c.Port.Interface
		if len(name) > maxName || taken[name] {
			name = fmt.Sprintf("port%d", n+1)
		}
		taken[name] = true
		x.ports[c] = name
	}
	for _, c := range f.Cards {
		if c.Balancer == nil {
			if err := x.plug(t, c); err != nil {
				return nil, err
			}
		}
	}
	x.mapping()
	x.outside(t)
	x.scripts[x.vpc.Name] = x.rules()
	x.acquaint()
	for _, ns := range x.spaces {
		if _, err := t.Namespace(ns.Name); err == nil {
			return nil, fmt.Errorf("the fabric would need a namespace %s, which the topology has for something else", ns.Name)
		}
		ns.Netfilter = &netfilter.Stack{}
		top := &topology.Topology{} // derives the namespace's indexes
		top.AddNamespace(ns)
		if _, err := top.Namespace(ns.Name); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// maxName is IFNAMSIZ without the zero at its end.
const maxName = 15

// bare is a namespace of the fabric: it forwards, and has no opinion of its own.
func bare(name string, kind topology.Kind) *topology.Namespace {
	return &topology.Namespace{Name: name, Kind: kind, Interfaces: []*topology.Interface{topology.LoopbackInterface()}, Rules: topology.DefaultRules(),
		Sysctl: map[string]string{"net.ipv4.ip_forward": "1", "net.ipv4.conf.all.arp_ignore": "1", "net.netfilter.nf_conntrack_tcp_be_liberal": "1"}}
}

// cable adds an interface with a link to another namespace.
func cable(ns *topology.Namespace, name string, mac packet.MAC, mtu int, to topology.Port) *topology.Interface {
	i := &topology.Interface{Name: name, Kind: topology.Veth, MAC: mac, MTU: mtu, Up: true, LinkNetNS: -1, Peer: to}
	ns.Interfaces = append(ns.Interfaces, i)
	return i
}

func route(ns *topology.Namespace, table topology.TableID, dst netip.Prefix, dev string, via netip.Addr) {
	r := &topology.Route{Type: topology.Unicast, Dst: dst.Masked(), Table: table, Nexthops: []topology.Nexthop{{Dev: dev, Gateway: via, OnLink: via.IsValid()}}}
	if !via.IsValid() {
		r.Scope = topology.ScopeLink
	}
	if dev == "" {
		r.Type, r.Nexthops, r.Scope = topology.Blackhole, nil, topology.ScopeGlobal
	}
	for _, have := range ns.Routes {
		if have.Table == table && have.Dst == r.Dst && have.Metric == 0 {
			return // the first counts
		}
	}
	ns.Routes = append(ns.Routes, r)
}

// plug gives a card its port: with the MAC and the address of the subnet's router, which are the same on all of a subnet's.
func (x *fabric) plug(t *topology.Topology, c *topology.ENICard) error {
	s := x.f.Subnet(c.Subnet)
	if s == nil {
		return fmt.Errorf("card %s: subnet %q is not there", c.ID, c.Subnet)
	}
	ns, err := t.Namespace(c.Port.Namespace)
	if err != nil {
		return err
	}
	dev := ns.Interface(c.Port.Interface)
	if dev == nil {
		return fmt.Errorf("card %s: %s has no interface %s", c.ID, c.Port.Namespace, c.Port.Interface)
	}
	i := cable(x.vpc, x.ports[c], s.RouterMAC, max(fabricMTU, dev.MTU), c.Port)
	if dev.Kind == topology.VLAN { // a branch: tagged frames on the trunk's port
		i.Kind, i.VLANID, i.Peer = topology.VLAN, dev.VLANID, topology.Port{}
		for _, trunk := range x.f.Cards {
			if trunk.Port == (topology.Port{Namespace: c.Port.Namespace, Interface: dev.Parent}) {
				i.Parent = x.ports[trunk]
			}
		}
	}
	i.Addresses = []topology.Address{{Prefix: topology.Single(s.Router()), Scope: topology.ScopeLink}}
	for _, p := range owned(c) {
		for a := p.Masked().Addr(); p.Contains(a); a = a.Next() {
			if x.f.CardOf(a) != c {
				continue // an address is one card's, whatever prefix another has
			}
			x.vpc.Neighbours = append(x.vpc.Neighbours, topology.Neighbour{IP: a, Dev: i.Name, MAC: c.MAC.String(), State: "PERMANENT"})
		}
	}
	return nil
}

// owned are a card's addresses and prefixes.
func owned(c *topology.ENICard) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range c.Addresses {
		out = append(out, topology.Single(a))
	}
	return append(out, c.Prefixes...)
}

// mapping fills the routing tables: a packet from a card goes by its subnet's, one that was sent to another card's MAC by that
// card's, what a gateway or a load balancer sends by the mapping alone.
func (x *fabric) mapping() {
	f, vpc := x.f, x.vpc
	rule := func(priority uint32, r topology.Rule) {
		r.Priority, r.Action, r.SuppressPrefixLength = priority, topology.ToTable, -1
		vpc.Rules = append(vpc.Rules, &r)
	}
	rule(10, topology.Rule{HasMark: true, Mark: balancedMark << cardShift, Mask: 0xffff << cardShift, Table: balancedTable})
	for c, dev := range x.ports {
		id := topology.TableID(x.marks[c])
		rule(20, topology.Rule{HasMark: true, Mark: uint32(id) << cardShift, Mask: 0xffff << cardShift, Table: cardTables + id})
		route(vpc, cardTables+id, topology.Everywhere(), dev, c.Primary)
		for n, s := range f.Subnets {
			if s.ID == c.Subnet {
				rule(30, topology.Rule{IIF: dev, Table: subnetTables + topology.TableID(n)})
			}
		}
		for _, p := range owned(c) {
			route(vpc, mappedTable, p, dev, netip.Addr{})
			route(vpc, balancedTable, p, dev, netip.Addr{})
		}
	}
	rule(40, topology.Rule{Table: mappedTable})
	route(vpc, mappedTable, topology.Everywhere(), "", netip.Addr{})
	for n, s := range f.Subnets {
		x.subnet(s, subnetTables+topology.TableID(n))
	}
}

// subnet is what a packet from a subnet goes by: in the subnet itself the mapping, beyond it the route table.
func (x *fabric) subnet(s *topology.Subnet, table topology.TableID) {
	f, vpc := x.f, x.vpc
	for c, dev := range x.ports {
		for _, p := range owned(c) {
			if s.CIDR.Contains(p.Addr()) {
				route(vpc, table, p, dev, netip.Addr{})
			} else if r, _ := f.RouteFor(s, p.Addr()); r != nil && r.Target == "local" {
				route(vpc, table, p, dev, netip.Addr{})
			}
		}
	}
	route(vpc, table, s.CIDR, "", netip.Addr{})
	for _, t := range f.RouteTables {
		if t.ID != s.RouteTable {
			continue
		}
		for _, r := range t.Routes {
			switch target := f.CardByID(r.Target); {
			case r.Target == "local":
				route(vpc, table, r.Destination, "", netip.Addr{})
			case target != nil:
				route(vpc, table, r.Destination, x.ports[target], target.Primary)
			default:
				if dev, far := x.gatewayCable(r.Target); dev != "" {
					route(vpc, table, r.Destination, dev, far)
				}
			}
		}
	}
	route(vpc, table, topology.Everywhere(), "", netip.Addr{})
}

// gatewayCable is the router's cable to a gateway, and the address of its far end; "" where there is no such gateway.
func (x *fabric) gatewayCable(id string) (dev string, far netip.Addr) {
	for n, g := range x.f.Gateways {
		switch {
		case g.ID != id:
		case g.Kind == topology.InternetGateway:
			return igwCable()
		default:
			return natCable(n)
		}
	}
	return "", netip.Addr{}
}

// acquaint gives every card the MACs of the others in its subnet: the mapping service's answers to ARP.
func (x *fabric) acquaint() {
	for _, c := range x.f.Cards {
		if c.Balancer != nil {
			continue
		}
		for _, o := range x.f.Cards {
			if o == c || o.Subnet != c.Subnet {
				continue
			}
			for _, p := range owned(o) {
				for a := p.Masked().Addr(); p.Contains(a); a = a.Next() {
					if x.f.CardOf(a) != o {
						continue
					}
					x.known[c.Port.Namespace] = append(x.known[c.Port.Namespace], topology.Neighbour{IP: a, Dev: c.Port.Interface, MAC: o.MAC.String(), State: "PERMANENT"})
				}
			}
		}
	}
}
