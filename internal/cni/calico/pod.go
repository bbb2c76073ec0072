package calico

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/machine"
	"github.com/podpath/podpath/internal/topology"
)

// podIndex is the interface index of eth0 in a pod.
const podIndex = 2

// Pod compiles a pod's namespace: one address without a subnet and a gateway that exists nowhere. Unlike with other plugins
// no neighbour is written for the gateway: the pod asks, and its host end answers with proxy ARP
// (cni-plugin/pkg/dataplane/linux/dataplane_linux.go).
func Pod(c *cluster.Cluster, p *cluster.Pod) (*topology.Namespace, error) {
	s, err := settingsOf(c)
	if err != nil {
		return nil, fmt.Errorf("%s: calico: %w", p.Key(), err)
	}
	n := c.Node(p.Node)
	if n == nil {
		return nil, fmt.Errorf("%s: calico: node %q is not described", p.Key(), p.Node)
	}
	_, _, mtu := s.mtus(n)
	gw := netip.MustParseAddr(podGateway)
	routes := []*topology.Route{
		{Type: topology.Unicast, Dst: topology.Everywhere(), Table: topology.TableMain, Nexthops: []topology.Nexthop{{Dev: "eth0", Gateway: gw}}},
		{Type: topology.Unicast, Dst: topology.Single(gw), Table: topology.TableMain, Scope: topology.ScopeLink, Nexthops: []topology.Nexthop{{Dev: "eth0"}}},
	}
	routes = slices.Concat(routes, topology.LocalRoutes(topology.Single(p.Address), "eth0"), topology.LocalRoutes(netip.MustParsePrefix("127.0.0.1/8"), "lo"))
	topology.SortRoutes(routes)
	return &topology.Namespace{
		Name: p.Key(), Kind: topology.Pod,
		Interfaces: []*topology.Interface{topology.LoopbackInterface(), {Index: podIndex, Name: "eth0", Kind: topology.Veth, MAC: machine.MAC("pod " + p.Key()), MTU: mtu,
			Up: true, LinkIndex: hostIndex(c, n, p), LinkNetNS: 0, Peer: topology.Port{Namespace: p.Node, Interface: HostVeth(p.Namespace, p.Name)},
			Addresses: []topology.Address{{Prefix: topology.Single(p.Address), Scope: topology.ScopeGlobal}}}},
		Rules:  topology.DefaultRules(),
		Routes: routes,
		Sysctl: map[string]string{"net.ipv4.ip_forward": "0"},
	}, nil
}

// hostIndex is the index of a pod's host end: behind the loopback and the node's cards, in the pods' order.
func hostIndex(c *cluster.Cluster, n *cluster.Node, p *cluster.Pod) int {
	return 2 + len(n.Cards()) + slices.Index(c.PodsOn(n.Name), p)
}
