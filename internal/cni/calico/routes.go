package calico

import (
	"fmt"
	"net/netip"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/topology"
)

// felixProtocol is what Felix signs routes with (dataplanedefs.DefaultRouteProto).
const felixProtocol = "80"

// routes adds the node's routes: to each of its own pods, a blackhole under them for addresses of its blocks that nobody
// has, and to the other nodes' blocks.
func (b *builder) routes() error {
	for _, p := range b.pods {
		b.add(topology.Route{Dst: topology.Single(p.Address), Scope: topology.ScopeLink, Metric: b.felixPriority}, topology.Nexthop{Dev: p.veth})
	}
	for _, x := range b.plan.owned[b.n.Name] {
		b.blackhole(x)
	}
	for _, x := range b.remote() {
		if err := b.route(x); err != nil {
			return err
		}
	}
	topology.SortRoutes(b.ns.Routes)
	return nil
}

func (b *builder) add(r topology.Route, hops ...topology.Nexthop) {
	if r.Type == "" {
		r.Type = topology.Unicast
	}
	r.Table, r.Nexthops = topology.TableMain, hops
	b.ns.Routes = append(b.ns.Routes, &r)
}

// blackhole drops what is for an address of the block that no pod has; else it would follow the default route. Whoever
// writes the pool's routes writes it, but not for a block of one address, where it would be in a pod's way.
func (b *builder) blackhole(x Block) {
	if x.Prefix.IsSingleIP() {
		return
	}
	switch {
	case x.Pool.VXLAN() || b.felixRoutes:
		b.add(topology.Route{Type: topology.Blackhole, Dst: x.Prefix, Protocol: felixProtocol})
	case b.birdRoutes: // protocol static in bird_aggr.cfg.template
		b.add(topology.Route{Type: topology.Blackhole, Dst: x.Prefix, Protocol: "bird"})
	}
}

// remote are the other nodes' blocks, and addresses that pods of other nodes borrowed from blocks that are not their
// node's. Routes of borrowed addresses are in no recording.
func (b *builder) remote() []Block {
	var out []Block
	for _, x := range b.plan.blocks {
		if x.Node != b.n.Name {
			out = append(out, x)
		}
	}
	for _, p := range b.c.Pods {
		if x, ok := b.plan.blockOf(p.Address); ok && x.Node != p.Node && p.Node != b.n.Name {
			out = append(out, Block{Prefix: topology.Single(p.Address), Pool: x.Pool, Node: p.Node})
		}
	}
	return out
}

// route adds the route to a block of another node.
func (b *builder) route(x Block) error {
	far := b.plan.nodes[x.Node]
	if far == nil {
		return fmt.Errorf("block %v is of node %q, which is not described", x.Prefix, x.Node)
	}
	node := far.Address()
	// Whether a node is in the same subnet, each node decides by its own (felix/calc/l3_route_resolver.go).
	direct := x.Pool.CrossSubnet() && b.c.NodePrefix(b.n).Masked().Contains(node)
	r := topology.Route{Dst: x.Prefix}
	switch {
	case x.Pool.VXLAN() && !direct:
		via, err := b.plan.tunnelAddress(x.Node, vxlanTunnel)
		if err != nil {
			return err
		}
		r.MTU = b.vxlanMTU
		b.add(r, topology.Nexthop{Gateway: via, Dev: vxlanDevice, OnLink: true})
	case x.Pool.VXLAN() || b.felixRoutes && (direct || !x.Pool.IPIP()):
		r.Protocol = felixProtocol
		b.add(r, topology.Nexthop{Gateway: node, Dev: b.uplink, OnLink: true})
	case b.felixRoutes:
		r.Protocol, r.MTU = felixProtocol, b.ipipMTU
		b.add(r, topology.Nexthop{Gateway: node, Dev: ipipDevice, OnLink: true})
	case b.birdRoutes && !x.Pool.Spec.DisableBGPExport:
		b.bird(r, x.Pool, node, direct)
	}
	return nil
}

// bird is the route that BIRD writes (bird.cfg.template, bird_ipam.cfg.template and BIRD's own ways; it ran in no
// recording). It asks the kernel's table for the way to the node: one of another subnet is reached by the router, which then
// must know the pods' addresses itself. A node that cannot be reached has no route.
func (b *builder) bird(r topology.Route, pool *cluster.IPPool, node netip.Addr, direct bool) {
	r.Protocol, r.Metric = "bird", b.birdPriority
	if pool.IPIP() && !direct {
		b.add(r, topology.Nexthop{Gateway: node, Dev: ipipDevice, OnLink: true}) // krt_tunnel="tunl0"
		return
	}
	var best *topology.Route
	for _, x := range b.ns.Routes {
		if x.Table == topology.TableMain && x.Type == topology.Unicast && x.Dst.Contains(node) && len(x.Nexthops) > 0 &&
			(best == nil || x.Dst.Bits() > best.Dst.Bits() || x.Dst.Bits() == best.Dst.Bits() && x.Metric < best.Metric) {
			best = x
		}
	}
	if best == nil {
		return
	}
	hop := best.Nexthops[0]
	if !hop.Gateway.IsValid() {
		hop.Gateway = node
	}
	b.add(r, topology.Nexthop{Gateway: hop.Gateway, Dev: hop.Dev})
}
