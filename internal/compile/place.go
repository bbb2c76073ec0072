package compile

import (
	"net/netip"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/topology"
)

// Place is where a trace can start or end.
type Place struct {
	Name    string // pod/default/web-0, node/node-a, internet
	Label   string
	Address netip.Addr
	Node    string
	Kind    topology.Kind
}

// Places are those of a cluster: pods, nodes, hosts, each in the description's order.
func Places(c *cluster.Cluster) []Place {
	var out []Place
	for _, n := range c.Nodes {
		for _, p := range c.PodsOn(n.Name) {
			out = append(out, Place{p.Key(), p.Name, p.Address, p.Node, topology.Pod})
		}
	}
	for _, n := range c.Nodes {
		out = append(out, Place{n.Key(), n.Name, n.ENIs[0].Address, n.Name, topology.Node})
	}
	for _, h := range c.Hosts {
		out = append(out, Place{h.Name, h.Name, h.Address, "", topology.External})
	}
	return out
}
