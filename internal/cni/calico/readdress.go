package calico

import (
	"net/netip"

	"github.com/podpath/podpath/internal/cluster"
)

// Readdress gives a description that was written for another plugin addresses of Calico's: each node has blocks of the
// first pool in the nodes' order, and its pods the addresses of these behind the first, which is the tunnel's. Cards have
// no addresses for pods any more, and secondary cards are gone. EndpointSlices that name a pod's old address name the new
// one. Pods for whom the pool has no address left have none, which the description's check reports.
func Readdress(c *cluster.Cluster) {
	c.IPAMBlocks = nil
	for _, o := range c.NodeObjects {
		if o != nil {
			delete(o.Annotations, vxlanAddress)
			delete(o.Annotations, ipipAddress)
		}
	}
	for _, n := range c.Nodes {
		if len(n.ENIs) > 1 {
			n.ENIs = n.ENIs[:1:1]
		}
		for _, e := range n.ENIs {
			e.Secondary, e.Prefixes, e.Trunk = nil, nil, false
		}
	}
	renamed := map[string]string{}
	give(c, func(p *cluster.Pod, a netip.Addr) {
		if a.IsValid() {
			renamed[p.Address.String()] = a.String()
		}
		p.Address, p.ENI, p.Branch = a, 0, nil
	})
	for _, s := range c.EndpointSlices {
		if s == nil {
			continue
		}
		for i := range s.Endpoints {
			for j, old := range s.Endpoints[i].Addresses {
				if a, ok := renamed[old]; ok {
					s.Endpoints[i].Addresses[j] = a
				}
			}
		}
	}
}

// give finds an address for every pod, node by node.
func give(c *cluster.Cluster, set func(*cluster.Pod, netip.Addr)) {
	pool := usable(c.Pools(), func(p *cluster.IPPool) bool { return p.For("Workload") })
	byNode := map[string][]*cluster.Pod{}
	for _, p := range c.Pods {
		byNode[p.Node] = append(byNode[p.Node], p)
	}
	a := &plan{c: c, owned: map[string][]Block{}, at: map[netip.Prefix]Block{}, cursor: map[*cluster.IPPool]netip.Prefix{}}
	for _, n := range c.Nodes {
		var block netip.Prefix
		var next netip.Addr
		claim := func() {
			block, next = netip.Prefix{}, netip.Addr{}
			if pool == nil {
				return
			}
			if p, ok := a.free(pool); ok {
				a.take(p, pool, n.Name)
				block, next = p, p.Addr()
			}
		}
		claim()
		if block.IsValid() {
			next = next.Next()
		}
		for _, p := range byNode[n.Name] {
			if block.IsValid() && !block.Contains(next) {
				claim()
			}
			set(p, next)
			if next.IsValid() {
				next = next.Next()
			}
		}
	}
}
