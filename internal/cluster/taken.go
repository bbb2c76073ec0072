package cluster

import "net/netip"

// Taken are the addresses that something in the description has, private and public ones.
func (c *Cluster) Taken() map[netip.Addr]bool {
	taken := map[netip.Addr]bool{}
	for _, n := range c.Nodes {
		for _, e := range n.Cards() {
			taken[e.Address], taken[e.Public] = true, true
			for _, a := range e.Secondary {
				taken[a] = true
			}
		}
	}
	for _, p := range c.Pods {
		taken[p.Address] = true
	}
	for _, g := range c.VPC.NATGateways {
		taken[g.Private], taken[g.Public] = true, true
	}
	for _, h := range c.Hosts {
		taken[h.Address] = true
	}
	for _, b := range c.VPC.LoadBalancers {
		for _, n := range b.Nodes {
			taken[n.Address], taken[n.Public] = true, true
		}
	}
	if s := c.Site; s != nil {
		for _, x := range s.Subnets {
			taken[x.Gateway()] = true
		}
		if s.Router.Public.IsValid() {
			taken[s.Router.Public], taken[s.Router.Provider()] = true, true
		}
	}
	return taken
}
