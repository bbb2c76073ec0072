package cluster

import (
	"fmt"
	"net/netip"
)

// Site is a network on premises: subnets that are switched, and a router between them that leads outside.
type Site struct {
	Name    string     `yaml:"name"`
	MTU     int        `yaml:"mtu"` // of every link; default 1500
	Subnets []*Subnet  `yaml:"subnets"`
	Router  SiteRouter `yaml:"router"`
}

// SiteRouter joins the site's subnets; in each it has the first address.
type SiteRouter struct {
	Name   string     `yaml:"name"`   // default: router
	Public netip.Addr `yaml:"public"` // what it translates the subnets' own addresses to on the way out; without it there is no way out
	// BGP says that it learns from the nodes where their pods' blocks are (a top-of-rack switch or a route reflector does).
	BGP    bool        `yaml:"bgp"`
	Routes []SiteRoute `yaml:"routes"` // static ones
}

// SiteRoute sends a prefix to a next hop in one of the subnets.
type SiteRoute struct {
	To  netip.Prefix `yaml:"to"`
	Via netip.Addr   `yaml:"via"`
}

// Uplink is the link between the router and its provider, two addresses on a cable (RFC 3021).
func (r *SiteRouter) Uplink() netip.Prefix { return netip.PrefixFrom(r.Public, 31) }

// Provider is the provider's address on the uplink: the one beside the router's.
func (r *SiteRouter) Provider() netip.Addr {
	if base := r.Uplink().Masked().Addr(); base != r.Public {
		return base
	}
	return r.Public.Next()
}

// DefaultMTU is Ethernet's.
const DefaultMTU = 1500

// LinkMTU is the MTU of the site's links.
func (s *Site) LinkMTU() int {
	if s.MTU == 0 {
		return DefaultMTU
	}
	return s.MTU
}

// RouterName is the router's name.
func (s *Site) RouterName() string {
	if s.Router.Name == "" {
		return "router"
	}
	return s.Router.Name
}

// Gateway is the router's address in a subnet, of a VPC or a site: base + 1.
func (s *Subnet) Gateway() netip.Addr { return s.CIDR.Masked().Addr().Next() }

// Cards are a node's network cards: ENIs, or NICs on premises.
func (n *Node) Cards() []*ENI {
	if len(n.NICs) > 0 {
		return n.NICs
	}
	return n.ENIs
}

// Subnets are those of the network that the nodes stand on.
func (c *Cluster) Subnets() []*Subnet {
	if c.Site != nil {
		return c.Site.Subnets
	}
	return c.VPC.Subnets
}

// Subnet finds a subnet of the network that the nodes stand on; nil if there is none.
func (c *Cluster) Subnet(name string) *Subnet {
	for _, s := range c.Subnets() {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Address is the node's own: the primary address of its first card.
func (n *Node) Address() netip.Addr { return n.Cards()[0].Address }

// NodePrefix is a node's address with the length of its subnet, as `ip addr` shows it on the first card.
func (c *Cluster) NodePrefix(n *Node) netip.Prefix {
	return netip.PrefixFrom(n.Address(), c.Subnet(n.Cards()[0].Subnet).CIDR.Bits())
}

// site checks a network on premises.
func (k *checker) site(c *Cluster) {
	s := c.Site
	if len(c.VPC.CIDRs) > 0 || len(c.VPC.Subnets) > 0 {
		k.at("a cluster stands on premises or in a VPC (want onPremises or vpc)", "onPremises")
	}
	if s.MTU != 0 && (s.MTU < 576 || s.MTU > 65535) {
		k.at(fmt.Sprintf("%d (want 576 to 65535)", s.MTU), "onPremises", "mtu")
	}
	if len(s.Subnets) == 0 {
		k.at("missing (want at least one subnet)", "onPremises", "subnets")
	}
	names := map[string]bool{}
	for i, x := range s.Subnets {
		if x.Name == "" {
			k.at("missing (want a name)", "onPremises", "subnets", i, "name")
		}
		k.unique(names, "subnet", x.Name, "onPremises", "subnets", i, "name")
		k.prefix(x.CIDR, "onPremises", "subnets", i, "cidr")
		for j, y := range s.Subnets[:i] {
			if x.CIDR.IsValid() && y.CIDR.IsValid() && x.CIDR.Overlaps(y.CIDR) {
				k.at(fmt.Sprintf("%v overlaps %v of subnet %s", x.CIDR, y.CIDR, s.Subnets[j].Name), "onPremises", "subnets", i, "cidr")
			}
		}
		if x.RouteTable != "" {
			k.at("a site has one router and no route tables (want none)", "onPremises", "subnets", i, "routeTable")
		}
	}
	if a := s.Router.Public; a.IsValid() && !a.Is4() {
		k.at("want an IPv4 address", "onPremises", "router", "public")
	}
	for i, r := range s.Router.Routes {
		k.prefix(r.To, "onPremises", "router", "routes", i, "to")
		on := false
		for _, x := range s.Subnets {
			on = on || x.CIDR.IsValid() && x.CIDR.Contains(r.Via)
		}
		if !on {
			k.at(fmt.Sprintf("%v is in none of the site's subnets (want a node's address)", r.Via), "onPremises", "router", "routes", i, "via")
		}
	}
}

// cardFields are the lists of cards of a node: by the field that they stand in.
func (k *checker) cards(c *Cluster, n *Node, i int) (cards []*ENI, field string) {
	if c.Site != nil {
		if len(n.ENIs) > 0 {
			k.at("ENIs are a VPC's (want nics on premises)", "nodes", i, "enis")
		}
		for j, e := range n.NICs {
			for name, bad := range map[string]bool{"public": e.Public.IsValid(), "securityGroups": len(e.Groups) > 0, "secondary": len(e.Secondary) > 0,
				"prefixes": len(e.Prefixes) > 0, "trunk": e.Trunk, "device": e.Device != nil, "card": e.Card != 0, "noSourceDestinationCheck": e.NoSourceCheck} {
				if bad {
					k.at("only an ENI has that (a NIC has interface, subnet, address, mac)", "nodes", i, "nics", j, name)
				}
			}
		}
		return n.NICs, "nics"
	}
	if len(n.NICs) > 0 {
		k.at("a node in a VPC has ENIs (want enis)", "nodes", i, "nics")
	}
	return n.ENIs, "enis"
}

func subnetNames(list []*Subnet) string {
	var out []string
	for _, s := range list {
		out = append(out, s.Name)
	}
	return some(out)
}
