// Package underlay is what the nodes stand on, as fabric data of a topology: a VPC's subnets, route tables, gateways,
// security groups, cards and load balancers (facts/underlay.md, sections 1 and 2).
package underlay

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// VPC is the fabric of a cluster, with the cards of its nodes by node and of its pods with branch ENIs by pod.
type VPC struct {
	Fabric   *topology.Fabric
	Cards    map[string][]*topology.ENICard // by node, in the node's order
	Branches map[string]*topology.ENICard   // by pod key
	// Assumptions are what the description asks for and the fabric does not have.
	Assumptions []topology.Assumption
}

// Build makes the fabric. Outside hosts are added by whoever makes their namespaces. The slices say where load balancers'
// targets are.
func Build(c *cluster.Cluster, endpointSlices []*discoveryv1.EndpointSlice) (*VPC, error) {
	v := &c.VPC
	f := &topology.Fabric{Name: "vpc", Region: v.Region, CIDRs: v.CIDRs, Outside: map[netip.Addr]topology.Port{}, OutsideMAC: mac("internet")}
	if v.ID != "" {
		f.Name = v.ID
	}
	out := &VPC{Fabric: f, Cards: map[string][]*topology.ENICard{}, Branches: map[string]*topology.ENICard{}}
	tables(v, f)
	for _, s := range v.Subnets {
		t := &topology.Subnet{ID: s.Name, Name: s.Name, CIDR: s.CIDR, Zone: s.Zone, RouteTable: tableName(s.RouteTable), RouterMAC: mac("router " + s.CIDR.String())}
		for _, rt := range f.RouteTables {
			for _, r := range rt.Routes {
				t.Public = t.Public || rt.ID == t.RouteTable && v.InternetGateway != "" && r.Target == v.InternetGateway
			}
		}
		f.Subnets = append(f.Subnets, t)
	}
	if v.InternetGateway != "" {
		f.Gateways = append(f.Gateways, &topology.CloudGateway{ID: v.InternetGateway, Kind: topology.InternetGateway})
	}
	for _, g := range v.NATGateways {
		f.Gateways = append(f.Gateways, &topology.CloudGateway{ID: g.ID, Kind: topology.NATGateway, Subnet: g.Subnet, Private: g.Private, Public: g.Public})
	}
	if err := groups(v, f); err != nil {
		return nil, err
	}
	if err := out.cards(c); err != nil {
		return nil, err
	}
	return out, out.balancers(c, endpointSlices)
}

func tableName(name string) string {
	if name == "" {
		return "main"
	}
	return name
}

// tables adds the local routes that every table has, and a main table where subnets name none.
func tables(v *cluster.VPC, f *topology.Fabric) {
	local := func() []topology.CloudRoute {
		var r []topology.CloudRoute
		for _, p := range v.CIDRs {
			r = append(r, topology.CloudRoute{Destination: p, Target: "local"})
		}
		return r
	}
	hasMain := false
	for _, t := range v.RouteTables {
		rt := &topology.RouteTable{ID: tableName(t.Name), Routes: local()}
		hasMain = hasMain || rt.ID == "main"
		for _, r := range t.Routes {
			rt.Routes = append(rt.Routes, topology.CloudRoute{Destination: r.To, Target: r.Via})
		}
		f.RouteTables = append(f.RouteTables, rt)
	}
	if !hasMain {
		f.RouteTables = append(f.RouteTables, &topology.RouteTable{ID: "main", Routes: local()})
	}
}

func groups(v *cluster.VPC, f *topology.Fabric) error {
	for _, g := range v.SecurityGroups {
		t := &topology.SecurityGroup{ID: g.ID, Name: g.ID}
		for _, x := range []struct {
			from []cluster.GroupRule
			to   *[]topology.GroupRule
			word string
		}{{g.Ingress, &t.Ingress, "from"}, {g.Egress, &t.Egress, "to"}} {
			for i, r := range x.from {
				rule, err := groupRule(r, x.word)
				if err != nil {
					return fmt.Errorf("security group %s, rule %d: %w", g.ID, i+1, err)
				}
				*x.to = append(*x.to, rule)
			}
		}
		f.Groups = append(f.Groups, t)
	}
	return nil
}

func groupRule(r cluster.GroupRule, word string) (topology.GroupRule, error) {
	out := topology.GroupRule{CIDR: r.CIDR, Group: r.Group}
	text := "all traffic"
	if r.Protocol != "" && r.Protocol != "all" {
		p, err := packet.ParseProtocol(r.Protocol)
		if err != nil {
			return out, err
		}
		out.Protocol = p
		text = p.String()
	}
	if r.Ports != "" {
		lo, hi, ok := strings.Cut(r.Ports, "-")
		if !ok {
			hi = lo
		}
		a, err1 := strconv.ParseUint(lo, 10, 16)
		b, err2 := strconv.ParseUint(hi, 10, 16)
		if err1 != nil || err2 != nil || a > b {
			return out, fmt.Errorf("ports %q: want a port or a range such as 30000-32767", r.Ports)
		}
		out.FromPort, out.ToPort = int(a), int(b)
		text += " " + r.Ports
	}
	switch {
	case r.Group != "":
		text += " " + word + " " + r.Group
	case r.CIDR.IsValid():
		text += " " + word + " " + r.CIDR.String()
	default:
		return out, fmt.Errorf("want a cidr or a group")
	}
	out.Text = text
	return out, nil
}

// cards makes the ENIs of every node: their own address, those of the pods they carry, and their public address.
func (out *VPC) cards(c *cluster.Cluster) error {
	f := out.Fabric
	for _, n := range c.Nodes {
		for i, e := range n.ENIs {
			card := &topology.ENICard{ID: e.ID, Name: "ENI" + strconv.Itoa(i), Subnet: e.Subnet, Primary: e.Address,
				Addresses: append([]netip.Addr{e.Address}, e.Secondary...), Prefixes: e.Prefixes, SourceCheck: !e.NoSourceCheck,
				Groups: e.Groups, Device: n.DeviceOf(i), Card: e.Card, Trunk: e.Trunk,
				Port: topology.Port{Namespace: n.Name, Interface: n.InterfaceOf(i)}}
			if card.ID == "" {
				card.ID = id("eni", n.Name+" "+strconv.Itoa(i))
			}
			card.MAC = mac("eni " + card.ID)
			if e.MAC != "" {
				m, err := packet.ParseMAC(e.MAC)
				if err != nil {
					return fmt.Errorf("node %s, ENI %d: %w", n.Name, i, err)
				}
				card.MAC = m
			}
			if e.Public.IsValid() {
				card.Public = map[netip.Addr]netip.Addr{e.Address: e.Public}
			}
			out.Cards[n.Name] = append(out.Cards[n.Name], card)
			f.Cards = append(f.Cards, card)
		}
	}
	for _, g := range f.Gateways { // a NAT gateway's own card has its Elastic IP at the Internet gateway
		if g.Kind != topology.NATGateway {
			continue
		}
		if !g.Private.IsValid() || !g.Public.IsValid() {
			return fmt.Errorf("NAT gateway %s: want a private and a public address", g.ID)
		}
	}
	for _, p := range c.Pods {
		cards := out.Cards[p.Node]
		if p.ENI >= len(cards) {
			return fmt.Errorf("%s: node %s has no ENI %d", p.Key(), p.Node, p.ENI)
		}
		parent := cards[p.ENI]
		if p.Branch == nil {
			// An address that no subnet of the VPC has is not the card's: the fabric does not know it.
			if s := f.Subnet(parent.Subnet); s != nil && s.CIDR.Contains(p.Address) && !parent.Owns(p.Address) {
				parent.Addresses = append(parent.Addresses, p.Address)
			}
			continue
		}
		b := p.Branch
		card := &topology.ENICard{ID: b.ID, Name: "branch " + strconv.Itoa(b.VLAN), Subnet: b.Subnet, Primary: p.Address,
			Addresses: []netip.Addr{p.Address}, SourceCheck: true, Groups: b.Groups, Branch: b.VLAN,
			Port: topology.Port{Namespace: p.Node, Interface: "vlan.eth." + strconv.Itoa(b.VLAN)}}
		if card.Subnet == "" {
			card.Subnet = parent.Subnet
		}
		if card.ID == "" {
			card.ID = id("eni", p.Key())
		}
		card.MAC = mac("eni " + card.ID)
		if b.MAC != "" {
			m, err := packet.ParseMAC(b.MAC)
			if err != nil {
				return fmt.Errorf("%s: branch: %w", p.Key(), err)
			}
			card.MAC = m
		}
		out.Branches[p.Key()] = card
		f.Cards = append(f.Cards, card)
	}
	return nil
}

// id makes an AWS-like identifier that is always the same for the same thing.
func id(kind, of string) string {
	h := sha1.Sum([]byte(of))
	return kind + "-0" + hex.EncodeToString(h[:])[:16]
}

// mac makes an address as EC2 gives them: locally administered, always the same for the same thing.
func mac(of string) packet.MAC {
	h := sha1.Sum([]byte("vpc " + of))
	m := packet.MAC{}
	copy(m[:], h[:])
	m[0] = 0x02 | h[0]&4
	return m
}
