package underlay

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/machine"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/topology"
)

// Site is a network on premises as namespaces: a switch for each subnet, a router between them, and where the router has a
// public address a provider with the hosts outside. Every part is a Linux namespace, walked like any other: a switch is a
// bridge that looks at MACs only, the router takes a TTL and knows the routes that it was given (facts/underlay.md, section 4).
type Site struct {
	Top    *topology.Site
	Spaces []*topology.Namespace

	ports map[string]topology.Port // a node's NIC, by node and place, to the switch's port
}

// SwitchName is the namespace of a subnet's switch.
func SwitchName(subnet string) string { return "switch-" + subnet }

// provider is the network behind the site's router.
const provider = "provider"

// BuildSite makes the site's namespaces. learned are the routes that the router has by BGP.
func BuildSite(c *cluster.Cluster, learned []cluster.SiteRoute) (*Site, error) {
	s := c.Site
	out := &Site{Top: &topology.Site{Name: s.Name, Router: s.RouterName(), Switches: map[string]string{}}, ports: map[string]topology.Port{}}
	for _, n := range c.Nodes {
		out.Top.Nodes = append(out.Top.Nodes, n.Name)
	}
	router := newSpace(s.RouterName(), topology.Router, "1")
	for i, x := range s.Subnets {
		out.Top.Subnets = append(out.Top.Subnets, &topology.Subnet{ID: x.Name, Name: x.Name, CIDR: x.CIDR, Zone: x.Zone})
		out.Top.Switches[x.Name] = SwitchName(x.Name)
		out.Spaces = append(out.Spaces, out.rack(c, x, i, router))
	}
	if s.Router.Public.IsValid() {
		if err := out.outside(c, router); err != nil {
			return nil, err
		}
	}
	for _, r := range s.Router.Routes {
		router.route(r, "static", s)
	}
	for _, r := range learned {
		router.route(r, "bgp", s)
	}
	topology.SortRoutes(router.Routes)
	out.Spaces = append(out.Spaces, router.Namespace)
	return out, nil
}

// Port is what a NIC of a node is plugged into.
func (s *Site) Port(n *cluster.Node, nic int) topology.Port { return s.ports[nicKey(n.Name, nic)] }

func nicKey(node string, i int) string { return node + " " + strconv.Itoa(i) }

// space is a namespace in the making.
type space struct{ *topology.Namespace }

func newSpace(name string, kind topology.Kind, forward string) *space {
	return &space{&topology.Namespace{Name: name, Kind: kind, Place: topology.Place{Name: name, Label: name},
		Interfaces: []*topology.Interface{topology.LoopbackInterface()}, Rules: topology.DefaultRules(),
		Routes: topology.LocalRoutes(netip.MustParsePrefix("127.0.0.1/8"), "lo"), Sysctl: map[string]string{"net.ipv4.ip_forward": forward},
		Netfilter: &netfilter.Stack{}}}
}

// card adds a card on a cable.
func (s *space) card(name string, mtu int, to topology.Port) *topology.Interface {
	i := &topology.Interface{Index: len(s.Interfaces) + 1, Name: name, Kind: topology.NIC, MAC: machine.MAC(s.Name + " " + name), MTU: mtu, Up: true,
		LinkNetNS: -1, Peer: to}
	s.Interfaces = append(s.Interfaces, i)
	return i
}

// address gives a card an address with its subnet.
func (s *space) address(i *topology.Interface, a netip.Addr, bits int) {
	p := netip.PrefixFrom(a, bits)
	i.Addresses = append(i.Addresses, topology.Address{Prefix: p, Scope: topology.ScopeGlobal})
	s.Routes = append(s.Routes, topology.LocalRoutes(p, i.Name)...)
	if bits < 32 {
		s.Routes = append(s.Routes, topology.ConnectedRoute(p, i.Name))
	}
}

// route adds a route by a next hop in one of the site's subnets.
func (s *space) route(r cluster.SiteRoute, protocol string, site *cluster.Site) {
	for i, x := range site.Subnets {
		if x.CIDR.Contains(r.Via) {
			s.Routes = append(s.Routes, &topology.Route{Type: topology.Unicast, Dst: r.To, Table: topology.TableMain, Protocol: protocol,
				Nexthops: []topology.Nexthop{{Dev: subnetDev(i), Gateway: r.Via}}})
			return
		}
	}
}

// subnetDev is the router's card in a subnet; eth0 leads outside.
func subnetDev(i int) string { return "eth" + strconv.Itoa(i+1) }

// rack makes a subnet's switch, and the cables to the router and to the nodes. What has sent before is in its FDB.
func (out *Site) rack(c *cluster.Cluster, x *cluster.Subnet, index int, router *space) *topology.Namespace {
	sw := newSpace(SwitchName(x.Name), topology.Switch, "0")
	sw.Place.Zone, sw.Place.Subnet = x.Zone, x.Name
	const bridge = "br0"
	mtu := c.Site.LinkMTU()
	sw.Interfaces = append(sw.Interfaces, &topology.Interface{Index: 2, Name: bridge, Kind: topology.Bridge, MAC: machine.MAC(sw.Name), MTU: mtu, Up: true, LinkNetNS: -1})
	plug := func(to topology.Port) *topology.Interface {
		p := sw.card("swp"+strconv.Itoa(len(sw.Interfaces)-1), mtu, to)
		p.Master = bridge
		return p
	}
	dev := subnetDev(index)
	port := plug(topology.Port{Namespace: router.Name, Interface: dev})
	card := router.card(dev, mtu, topology.Port{Namespace: sw.Name, Interface: port.Name})
	router.address(card, x.Gateway(), x.CIDR.Bits())
	sw.FDB = append(sw.FDB, topology.FDBEntry{MAC: card.MAC.String(), Dev: port.Name, Master: bridge})
	for _, n := range c.Nodes {
		for i, nic := range n.Cards() {
			if nic.Subnet != x.Name {
				continue
			}
			p := plug(topology.Port{Namespace: n.Name, Interface: n.InterfaceOf(i)})
			out.ports[nicKey(n.Name, i)] = topology.Port{Namespace: sw.Name, Interface: p.Name}
			sw.FDB = append(sw.FDB, topology.FDBEntry{MAC: machine.NICMAC(n, i).String(), Dev: p.Name, Master: bridge})
		}
	}
	return sw.Namespace
}

// outside makes the way out: the router translates what comes from the site's own subnets, and nothing else, to its public
// address; the provider drops private sources (RFC 2827, BCP 38), and leads to the hosts.
func (out *Site) outside(c *cluster.Cluster, router *space) error {
	link, far := c.Site.Router.Uplink(), c.Site.Router.Provider()
	isp := newSpace(provider, topology.Gateway, "1")
	out.Top.Provider = provider
	up := router.card("eth0", cluster.DefaultMTU, topology.Port{Namespace: provider, Interface: "eth0"})
	router.address(up, link.Addr(), link.Bits())
	router.Routes = append(router.Routes, &topology.Route{Type: topology.Unicast, Dst: topology.Everywhere(), Table: topology.TableMain, Protocol: "static",
		Nexthops: []topology.Nexthop{{Dev: "eth0", Gateway: far}}})
	nat := "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n"
	for _, x := range c.Site.Subnets {
		nat += fmt.Sprintf("-A POSTROUTING -s %v -o eth0 -j MASQUERADE\n", x.CIDR.Masked())
	}
	var err error
	if router.Netfilter, err = stack(nat + "COMMIT\n"); err != nil {
		return err
	}
	down := isp.card("eth0", cluster.DefaultMTU, topology.Port{Namespace: router.Name, Interface: "eth0"})
	isp.address(down, far, link.Bits())
	filter := "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
	for _, p := range topology.Private {
		filter += fmt.Sprintf("-A FORWARD -s %v -m comment --comment \"private source, BCP 38\" -j DROP\n", p)
	}
	if isp.Netfilter, err = stack(filter + "COMMIT\n"); err != nil {
		return err
	}
	for i, h := range c.Hosts {
		out.Spaces = append(out.Spaces, siteHost(h, isp, far, "eth"+strconv.Itoa(i+1)))
	}
	topology.SortRoutes(isp.Routes)
	out.Spaces = append(out.Spaces, isp.Namespace)
	return nil
}

// siteHost is a machine behind the provider: one address, and a default route by the provider. Nothing else is on the cable, so
// that no address of the Internet is taken for it.
func siteHost(h *cluster.Host, isp *space, far netip.Addr, dev string) *topology.Namespace {
	s := newSpace(h.Name, topology.External, "0")
	eth := s.card("eth0", cluster.DefaultMTU, topology.Port{Namespace: isp.Name, Interface: dev})
	s.address(eth, h.Address, 32)
	s.Routes = append(s.Routes, &topology.Route{Type: topology.Unicast, Dst: topology.Everywhere(), Table: topology.TableMain,
		Nexthops: []topology.Nexthop{{Dev: "eth0", Gateway: far, OnLink: true}}})
	topology.SortRoutes(s.Routes)
	isp.card(dev, cluster.DefaultMTU, topology.Port{Namespace: h.Name, Interface: "eth0"})
	isp.Routes = append(isp.Routes, &topology.Route{Type: topology.Unicast, Dst: topology.Single(h.Address), Table: topology.TableMain, Scope: topology.ScopeLink,
		Nexthops: []topology.Nexthop{{Dev: dev}}})
	return s.Namespace
}

// stack is a ruleset in the form of iptables-save on its hooks.
func stack(text string) (*netfilter.Stack, error) {
	rs, err := iptables.Parse(strings.NewReader(text), "site")
	if err != nil {
		return nil, fmt.Errorf("site: %w", err)
	}
	return netfilter.New(rs, nil, nil), nil
}
