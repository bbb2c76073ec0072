package awsvpc

import (
	"net/netip"
	"slices"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/topology"
)

// podIndex is the interface index of eth0 in a pod.
const podIndex = 3

// Pod compiles a pod's namespace: one address without a subnet, a gateway that exists nowhere, and a permanent
// neighbour that leads to the host's end of the veth (driver.SetupPodNetwork).
func Pod(c *cluster.Cluster, p *cluster.Pod) *topology.Namespace {
	o := parse(c.CNI.Env)
	n := c.Node(p.Node)
	veth, index := "", 0
	for _, x := range layout(c, n, &o) {
		if x.Pod == p {
			veth, index = x.veth, x.index
		}
	}
	gw := netip.MustParseAddr(gateway)
	routes := []*topology.Route{
		{Type: topology.Unicast, Dst: topology.Everywhere(), Table: topology.TableMain, Nexthops: []topology.Nexthop{{Dev: "eth0", Gateway: gw}}},
		{Type: topology.Unicast, Dst: topology.Single(gw), Table: topology.TableMain, Scope: topology.ScopeLink, Nexthops: []topology.Nexthop{{Dev: "eth0"}}},
	}
	routes = slices.Concat(routes, topology.LocalRoutes(topology.Single(p.Address), "eth0"), topology.LocalRoutes(netip.MustParsePrefix("127.0.0.1/8"), "lo"))
	topology.SortRoutes(routes)
	return &topology.Namespace{
		Name: p.Key(), Kind: topology.Pod,
		Interfaces: []*topology.Interface{topology.LoopbackInterface(), {Index: podIndex, Name: "eth0", Kind: topology.Veth, MAC: podMAC(p), MTU: o.podMTU, Up: true,
			LinkIndex: index, LinkNetNS: 0, Peer: topology.Port{Namespace: p.Node, Interface: veth},
			Addresses: []topology.Address{{Prefix: topology.Single(p.Address), Scope: topology.ScopeGlobal}}}},
		Rules:      topology.DefaultRules(),
		Routes:     routes,
		Neighbours: []topology.Neighbour{{IP: gw, Dev: "eth0", MAC: hostMAC(p).String(), State: "PERMANENT"}},
		Sysctl:     map[string]string{},
	}
}
