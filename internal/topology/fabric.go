package topology

import (
	"net/netip"
	"slices"
	"strconv"
	"sync"

	"github.com/podpath/podpath/internal/packet"
)

// Fabric is a cloud network as data: what a VPC does to a packet between the cards of its machines. It has an Ethernet
// face but no layer 2: frames are answered and carried by a mapping from address to card (facts/underlay.md, section 1).
type Fabric struct {
	Name        string // the VPC's name or ID
	Region      string
	CIDRs       []netip.Prefix
	Subnets     []*Subnet
	RouteTables []*RouteTable
	Cards       []*ENICard
	Gateways    []*CloudGateway
	Groups      []*SecurityGroup
	Balancers   []*NetworkLoadBalancer
	// Outside are the namespaces beyond the Internet gateway, by address.
	Outside map[netip.Addr]Port
	// OutsideMAC is the far side's MAC on the hosts' own links beyond the gateway.
	OutsideMAC packet.MAC

	once      sync.Once
	byAddress map[netip.Addr]*ENICard
	byPublic  map[netip.Addr]publicAddress
	prefixed  []*ENICard
}

// Subnet is a slice of the VPC in one zone; its router is the first address of CIDR plus one.
type Subnet struct {
	ID         string
	Name       string
	CIDR       netip.Prefix
	Zone       string
	Public     bool // its route table has a route to an Internet gateway
	RouteTable string
	RouterMAC  packet.MAC
}

// Router is the address of the subnet's implicit router: base + 1.
func (s *Subnet) Router() netip.Addr { return s.CIDR.Masked().Addr().Next() }

// RouteTable is a VPC route table. The local routes of the VPC's CIDRs are in it like any other.
type RouteTable struct {
	ID     string
	Routes []CloudRoute
}

// CloudRoute is one line of a VPC route table. Target is "local" or the ID of a gateway or ENI.
type CloudRoute struct {
	Destination netip.Prefix
	Target      string
}

// CloudGatewayKind tells an Internet gateway from a NAT gateway.
type CloudGatewayKind string

// The kinds of gateway.
const (
	InternetGateway CloudGatewayKind = "internet-gateway"
	NATGateway      CloudGatewayKind = "nat-gateway"
)

// CloudGateway is an Internet gateway (1:1 NAT by the cards' public addresses) or a NAT gateway (many to one, in a
// subnet of its own).
type CloudGateway struct {
	ID      string
	Kind    CloudGatewayKind
	Subnet  string     // NAT gateway
	Private netip.Addr // NAT gateway: its own address
	Public  netip.Addr // NAT gateway: its Elastic IP
}

// ENICard is an elastic network interface: a card of a machine on the fabric.
type ENICard struct {
	ID      string // eni-…
	Name    string // ENI0, ENI1: by device number
	Subnet  string
	MAC     packet.MAC
	Primary netip.Addr
	// Addresses are all private addresses of the card, the primary first; prefixes are delegated /28s.
	Addresses   []netip.Addr
	Prefixes    []netip.Prefix
	Public      map[netip.Addr]netip.Addr // private address → public address at the Internet gateway
	SourceCheck bool                      // source/destination check (default on)
	Groups      []string                  // security group IDs
	Port        Port                      // the interface it appears as
	Device      int
	Card        int
	Trunk       bool
	Branch      int // VLAN ID of a branch ENI, 0 otherwise
	// Balancer is set where the card is a load balancer's own: no machine is behind it.
	Balancer *NetworkLoadBalancer
}

// Owns says whether addr is one of the card's.
func (c *ENICard) Owns(addr netip.Addr) bool {
	for _, a := range c.Addresses {
		if a == addr {
			return true
		}
	}
	for _, p := range c.Prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// SecurityGroup is a stateful list of what may enter and leave a card.
type SecurityGroup struct {
	ID      string
	Name    string
	Ingress []GroupRule
	Egress  []GroupRule
}

// GroupRule allows a protocol and port range from or to a prefix or the members of another group.
type GroupRule struct {
	Protocol packet.Protocol // 0: all
	FromPort int
	ToPort   int // 0..0 with protocol 0: all
	CIDR     netip.Prefix
	Group    string // members of this group instead of a prefix
	Text     string
}

// String is the rule as a console would show it: "tcp 443 from 0.0.0.0/0".
func (r GroupRule) String() string {
	if r.Text != "" {
		return r.Text
	}
	s := "all"
	if r.Protocol != 0 {
		s = r.Protocol.String()
		switch {
		case r.FromPort == 0 && (r.ToPort == 0 || r.ToPort == 65535):
		case r.FromPort == r.ToPort:
			s += " " + strconv.Itoa(r.FromPort)
		default:
			s += " " + strconv.Itoa(r.FromPort) + "-" + strconv.Itoa(r.ToPort)
		}
	}
	if r.Group != "" {
		return s + " " + r.Group
	}
	return s + " " + r.CIDR.String()
}

// Private are the ranges that nobody on the Internet routes (RFC 1918, RFC 6598).
var Private = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16")}

// PrivateUse says whether an address is in a range that nobody on the Internet routes.
func PrivateUse(a netip.Addr) bool {
	return slices.ContainsFunc(Private, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Subnet finds a subnet by ID; nil if there is none.
func (f *Fabric) Subnet(id string) *Subnet {
	for _, s := range f.Subnets {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// RouteFor is the line of a subnet's route table that an address takes: the longest prefix.
func (f *Fabric) RouteFor(s *Subnet, dst netip.Addr) (*CloudRoute, *RouteTable) {
	if s == nil {
		return nil, nil
	}
	for _, t := range f.RouteTables {
		if t.ID != s.RouteTable {
			continue
		}
		var best *CloudRoute
		for i := range t.Routes {
			r := &t.Routes[i]
			if r.Destination.Contains(dst) && (best == nil || r.Destination.Bits() > best.Destination.Bits()) {
				best = r
			}
		}
		return best, t
	}
	return nil, nil
}

// index builds the lookups once; a fabric does not change.
func (f *Fabric) index() {
	f.once.Do(func() {
		f.byAddress = map[netip.Addr]*ENICard{}
		f.byPublic = map[netip.Addr]publicAddress{}
		for _, c := range f.Cards {
			for _, a := range c.Addresses {
				f.byAddress[a] = c
			}
			for private, public := range c.Public {
				f.byPublic[public] = publicAddress{c, private}
			}
			if len(c.Prefixes) > 0 {
				f.prefixed = append(f.prefixed, c)
			}
		}
	})
}

type publicAddress struct {
	card    *ENICard
	private netip.Addr
}

// CardOf is the mapping service: the card that has an address, or a prefix with it.
func (f *Fabric) CardOf(a netip.Addr) *ENICard {
	f.index()
	if c := f.byAddress[a]; c != nil {
		return c
	}
	for _, c := range f.prefixed {
		if c.Owns(a) {
			return c
		}
	}
	return nil
}

// CardByMAC finds a card of a subnet by its MAC; nil if there is none.
func (f *Fabric) CardByMAC(subnet string, mac packet.MAC) *ENICard {
	for _, c := range f.Cards {
		if c.Subnet == subnet && c.MAC == mac {
			return c
		}
	}
	return nil
}

// CardByID finds a card; nil if there is none.
func (f *Fabric) CardByID(id string) *ENICard {
	for _, c := range f.Cards {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// CardByPublic finds the card and private address behind a public address.
func (f *Fabric) CardByPublic(a netip.Addr) (*ENICard, netip.Addr) {
	f.index()
	p := f.byPublic[a]
	return p.card, p.private
}

// Gateway finds a gateway by ID; nil if there is none.
func (f *Fabric) Gateway(id string) *CloudGateway {
	for _, g := range f.Gateways {
		if g.ID == id {
			return g
		}
	}
	return nil
}

// InternetGateway is the VPC's Internet gateway; nil if it has none.
func (f *Fabric) InternetGateway() *CloudGateway {
	for _, g := range f.Gateways {
		if g.Kind == InternetGateway {
			return g
		}
	}
	return nil
}

// NATGatewayByPublic finds the NAT gateway with an Elastic IP.
func (f *Fabric) NATGatewayByPublic(a netip.Addr) *CloudGateway {
	for _, g := range f.Gateways {
		if g.Kind == NATGateway && g.Public == a {
			return g
		}
	}
	return nil
}

// Group finds a security group by ID.
func (f *Fabric) Group(id string) *SecurityGroup {
	for _, g := range f.Groups {
		if g.ID == id {
			return g
		}
	}
	return nil
}

// Allows says whether a group's rule lets a packet through whose far end is the given address.
func (f *Fabric) Allows(r *GroupRule, p *packet.Packet, far netip.Addr) bool {
	if r.Protocol != 0 && r.Protocol != p.IP.Protocol {
		return false
	}
	if r.Protocol == packet.TCP || r.Protocol == packet.UDP {
		port := int(p.L4.DstPort)
		if (r.FromPort != 0 || r.ToPort != 0) && (port < r.FromPort || port > r.ToPort) {
			return false
		}
	}
	if r.Group == "" {
		return r.CIDR.Contains(far)
	}
	c := f.CardOf(far)
	if c == nil {
		return false
	}
	for _, g := range c.Groups {
		if g == r.Group {
			return true
		}
	}
	return false
}

// RouterMAC is the MAC that a subnet's router has for its guests.
func (f *Fabric) RouterMAC(subnet string) packet.MAC {
	if s := f.Subnet(subnet); s != nil {
		return s.RouterMAC
	}
	return packet.MAC{}
}

// ARP is the fabric's answer to a guest's question: the router's MAC for its address, a card's own for an address in
// the same subnet, nothing for others (facts/underlay.md, section 1). For an address of its own a card hears nothing either.
func (f *Fabric) ARP(card *ENICard, ip netip.Addr) (packet.MAC, bool) {
	s := f.Subnet(card.Subnet)
	if s == nil {
		return packet.MAC{}, false
	}
	if ip == s.Router() {
		return s.RouterMAC, true
	}
	if c := f.CardOf(ip); c != nil && c != card && c.Subnet == card.Subnet {
		return c.MAC, true
	}
	return packet.MAC{}, false
}

// IsOutside says whether a port is a host's beyond the Internet gateway.
func (f *Fabric) IsOutside(p Port) bool {
	for _, o := range f.Outside {
		if o == p {
			return true
		}
	}
	return false
}

// OutsideFor finds the host beyond the gateway that has an address.
func (f *Fabric) OutsideFor(a netip.Addr) (Port, bool) {
	p, ok := f.Outside[a]
	return p, ok
}

// MACOf is the MAC of a port.
func (f *Fabric) MACOf(t *Topology, p Port) packet.MAC {
	if ns, err := t.Namespace(p.Namespace); err == nil {
		if i := ns.Interface(p.Interface); i != nil {
			return i.MAC
		}
	}
	return packet.MAC{}
}
