// Package machine is what a node has before a network plugin comes: its cards with their addresses, the routes that the
// image or the installer sets up, and the sysctls of its distribution. Plugins add to it.
package machine

import (
	"crypto/sha1"
	"net/netip"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// Root makes a node's root namespace with its cards. enis are the cards on a VPC's fabric, in the node's order; nil on
// premises, where peer says what each NIC is plugged into.
func Root(c *cluster.Cluster, n *cluster.Node, enis []*topology.ENICard, peer func(nic int) topology.Port) *topology.Namespace {
	ns := &topology.Namespace{Name: n.Name, Kind: topology.Node, Rules: topology.DefaultRules(), Sysctl: map[string]string{}}
	ns.Interfaces = append(ns.Interfaces, topology.LoopbackInterface())
	routes := topology.LocalRoutes(netip.MustParsePrefix("127.0.0.1/8"), "lo")
	for i, e := range n.Cards() {
		s := c.Subnet(e.Subnet)
		own := netip.PrefixFrom(e.Address, s.CIDR.Bits())
		dev := &topology.Interface{Index: 2 + i, Name: n.InterfaceOf(i), MTU: c.LinkMTU(), Up: true, LinkNetNS: -1,
			Addresses: []topology.Address{{Prefix: own, Scope: topology.ScopeGlobal, Broadcast: topology.BroadcastOf(s.CIDR)}}}
		if c.Site == nil {
			dev.Kind, dev.ENI, dev.MAC = topology.ENI, enis[i], enis[i].MAC
		} else {
			dev.Kind, dev.Peer, dev.MAC = topology.NIC, peer(i), NICMAC(n, i)
		}
		ns.Interfaces = append(ns.Interfaces, dev)
		if i == 0 {
			dev.MTU = c.HostMTU(n)
			routes = append(routes, BaseRoutes(c, n)...)
		} else {
			routes = append(routes, topology.ConnectedRoute(own, dev.Name))
		}
		routes = append(routes, topology.LocalRoutes(own, dev.Name)...)
	}
	topology.SortRoutes(routes)
	ns.Routes = routes
	for k, v := range n.Sysctls {
		ns.Sysctl[k] = v
	}
	return ns
}

// BaseRoutes are those of the first card, which the image sets up before any plugin comes: on Amazon Linux 2023 networkd
// writes what DHCP says with metric 512 (awslabs/amazon-eks-ami), the resolver at the VPC's base plus two among it; on Amazon
// Linux 2 the classic three; on premises the gateway and the subnet, as an installer writes them.
func BaseRoutes(c *cluster.Cluster, n *cluster.Node) []*topology.Route {
	e, dev := n.Cards()[0], n.InterfaceOf(0)
	s := c.Subnet(e.Subnet)
	gw := s.Gateway()
	var out []*topology.Route
	add := func(r topology.Route, via netip.Addr) {
		r.Type, r.Table = topology.Unicast, topology.TableMain
		r.Nexthops = []topology.Nexthop{{Dev: dev, Gateway: via}}
		out = append(out, &r)
	}
	own := netip.PrefixFrom(e.Address, s.CIDR.Bits())
	if c.Site != nil {
		add(topology.Route{Dst: topology.Everywhere()}, gw)
		return append(out, topology.ConnectedRoute(own, dev))
	}
	if n.Image == cluster.AL2 {
		add(topology.Route{Dst: topology.Everywhere()}, gw)
		out = append(out, topology.ConnectedRoute(own, dev))
		add(topology.Route{Dst: topology.Single(netip.MustParseAddr("169.254.169.254")), Scope: topology.ScopeLink}, netip.Addr{})
		return out
	}
	const metric = 512
	link := topology.ConnectedRoute(own, dev)
	link.Metric = metric
	dhcp := topology.Route{Protocol: "dhcp", Src: e.Address, Metric: metric}
	dhcp.Dst = topology.Everywhere()
	add(dhcp, gw)
	out = append(out, link)
	toGateway := dhcp
	toGateway.Dst, toGateway.Scope = topology.Single(gw), topology.ScopeLink
	add(toGateway, netip.Addr{})
	if len(c.VPC.CIDRs) > 0 {
		dns := c.VPC.CIDRs[0].Masked().Addr().Next().Next()
		dhcp.Dst = topology.Single(dns)
		if s.CIDR.Contains(dns) {
			dhcp.Scope = topology.ScopeLink
			add(dhcp, netip.Addr{})
		} else {
			add(dhcp, gw)
		}
	}
	return out
}

// NICMAC is the MAC of a NIC on premises: as given, else one that is always the same.
func NICMAC(n *cluster.Node, i int) packet.MAC {
	if m, err := packet.ParseMAC(n.Cards()[i].MAC); err == nil {
		return m
	}
	return MAC("nic " + n.Name + " " + n.InterfaceOf(i))
}

// MAC stands for a random locally administered address: always the same for the same thing.
func MAC(of string) packet.MAC {
	h := sha1.Sum([]byte(of))
	var m packet.MAC
	copy(m[:], h[:])
	m[0] = m[0]&^1 | 2
	return m
}
