// Package compile is the one door from a description to a topology: it joins the cluster, its CNI and the underlay, and
// holds the presets.
package compile

import (
	"fmt"
	"net/netip"

	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/cni/awsvpc"
	"github.com/podpath/podpath/internal/cni/calico"
	"github.com/podpath/podpath/internal/machine"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/underlay"
)

// topologyOf compiles a checked description. Namespaces are built when they are first asked for.
func topologyOf(c *cluster.Cluster, endpointSlices []*discoveryv1.EndpointSlice) (*topology.Topology, error) {
	t := &topology.Topology{Name: c.Name}
	b := &builder{c: c, svc: &services{c, endpointSlices}}
	if err := b.svc.fits(); err != nil {
		return nil, err
	}
	if err := b.ground(t, endpointSlices); err != nil {
		return nil, err
	}
	for _, what := range c.NotActedOn() { // a NetworkPolicy that nothing enforces is said, not ignored
		t.Assumptions = append(t.Assumptions, topology.Assumption{Code: "assume-not-acted-on", Args: map[string]string{"what": what}})
	}
	for _, n := range c.Nodes {
		t.Add(n.Name, func() (*topology.Namespace, error) {
			ns, err := b.node(n)
			if err != nil {
				return nil, fmt.Errorf("node %s: %w", n.Name, err)
			}
			ns.Place = topology.Place{Name: n.Key(), Label: n.Name, Machine: n.Machine, HostPods: n.HostPods, Subnet: n.Cards()[0].Subnet, Zone: c.ZoneOf(n)}
			return ns, nil
		})
	}
	for _, p := range c.Pods {
		t.Add(p.Key(), func() (*topology.Namespace, error) {
			ns, err := b.pod(p)
			if err != nil {
				return nil, err
			}
			ns.Place = topology.Place{Name: p.Key(), Label: p.Name, Node: p.Node}
			return ns, nil
		})
	}
	return t, nil
}

// builder makes namespaces of a description: what the machine has, what the plugin adds, what kube-proxy adds.
type builder struct {
	c    *cluster.Cluster
	svc  *services
	vpc  *underlay.VPC  // one of the two is set
	site *underlay.Site //
}

// ground makes what the nodes stand on, and the hosts beyond it.
func (b *builder) ground(t *topology.Topology, endpointSlices []*discoveryv1.EndpointSlice) (err error) {
	c := b.c
	if c.Site != nil {
		learned, err := b.learned()
		if err != nil {
			return err
		}
		if b.site, err = underlay.BuildSite(c, learned); err != nil {
			return err
		}
		t.Site = b.site.Top
		for _, ns := range b.site.Spaces {
			t.AddNamespace(ns)
		}
		return nil
	}
	if b.vpc, err = underlay.Build(c, endpointSlices); err != nil {
		return err
	}
	t.Fabric, t.Assumptions = b.vpc.Fabric, b.vpc.Assumptions
	for _, h := range c.Hosts {
		ns := host(h, t.Fabric)
		t.AddNamespace(ns)
		t.Fabric.Outside[h.Address] = topology.Port{Namespace: ns.Name, Interface: "eth0"}
	}
	return nil
}

// learned are the routes that a site's router has from the nodes by BGP: where each node's blocks of pod addresses are. Nodes
// that tunnel by VXLAN tell nobody.
func (b *builder) learned() ([]cluster.SiteRoute, error) {
	if !b.c.Site.Router.BGP || b.c.CNI.Name != cluster.CalicoName {
		return nil, nil
	}
	blocks, err := calico.Blocks(b.c)
	if err != nil {
		return nil, err
	}
	var out []cluster.SiteRoute
	for _, x := range blocks {
		if n := b.c.Node(x.Node); n != nil && !x.Pool.VXLAN() && !x.Pool.Spec.DisableBGPExport {
			out = append(out, cluster.SiteRoute{To: x.Prefix, Via: n.Address()})
		}
	}
	return out, nil
}

// node makes a node's root namespace.
func (b *builder) node(n *cluster.Node) (*topology.Namespace, error) {
	if b.c.CNI.Name != cluster.CalicoName {
		ns, err := awsvpc.Node(b.c, n, b.vpc.Cards[n.Name], b.vpc.Branches)
		if err != nil {
			return nil, err
		}
		// kube-proxy puts its jumps at the head of the built-in chains, so they stand before the plugin's whoever came first.
		return ns, b.svc.proxy(n, ns, nil, ns.Netfilter.Rules, ns.Netfilter.Native, ns.Netfilter.Sets)
	}
	ns := b.root(n)
	r, err := calico.Node(b.c, n, ns)
	if err != nil {
		return nil, err
	}
	// Felix keeps its jumps at the head of most built-in chains, whatever others insert. Behind everyone else's it appends two rules
	// to filter FORWARD and its jump in nat POSTROUTING (calico.Rules).
	return ns, b.svc.proxy(n, ns, r.Head, r.Tail, nil, r.Sets)
}

// root is a node's root namespace as it is before a plugin comes.
func (b *builder) root(n *cluster.Node) *topology.Namespace {
	if b.site != nil {
		return machine.Root(b.c, n, nil, func(nic int) topology.Port { return b.site.Port(n, nic) })
	}
	return machine.Root(b.c, n, b.vpc.Cards[n.Name], nil)
}

// pod makes a pod's namespace.
func (b *builder) pod(p *cluster.Pod) (*topology.Namespace, error) {
	if b.c.CNI.Name == cluster.CalicoName {
		return calico.Pod(b.c, p)
	}
	return awsvpc.Pod(b.c, p), nil
}

// host is a machine beyond the Internet gateway: one address, and a default route to its own router.
func host(h *cluster.Host, f *topology.Fabric) *topology.Namespace {
	addr := netip.PrefixFrom(h.Address, 24)
	gw := addr.Masked().Addr().Next()
	if gw == h.Address {
		gw = gw.Next()
	}
	one := func(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, 32) }
	local := func(dst netip.Prefix, dev string, src netip.Addr) *topology.Route {
		return &topology.Route{Type: topology.LocalRoute, Dst: dst, Table: topology.TableLocal, Protocol: "kernel", Scope: topology.ScopeHost, Src: src,
			Nexthops: []topology.Nexthop{{Dev: dev}}}
	}
	loop := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	mac := packet.MAC{0x02, 0, 0, 0, 0, h.Address.As4()[3]}
	return &topology.Namespace{
		Name: h.Name, Kind: topology.External, Place: topology.Place{Name: h.Name, Label: h.Name},
		Interfaces: []*topology.Interface{
			{Index: 1, Name: "lo", Kind: topology.Loopback, MTU: 65536, Up: true, LinkNetNS: -1,
				Addresses: []topology.Address{{Prefix: netip.PrefixFrom(loop, 8), Scope: topology.ScopeHost}}},
			{Index: 2, Name: "eth0", Kind: topology.Other, MAC: mac, MTU: 1500, Up: true, LinkNetNS: -1,
				Addresses: []topology.Address{{Prefix: addr, Scope: topology.ScopeGlobal}}},
		},
		Rules: topology.DefaultRules(),
		Routes: []*topology.Route{
			{Type: topology.Unicast, Dst: netip.PrefixFrom(netip.AddrFrom4([4]byte{}), 0), Table: topology.TableMain, Nexthops: []topology.Nexthop{{Dev: "eth0", Gateway: gw}}},
			{Type: topology.Unicast, Dst: addr.Masked(), Table: topology.TableMain, Protocol: "kernel", Scope: topology.ScopeLink, Src: h.Address, Nexthops: []topology.Nexthop{{Dev: "eth0"}}},
			local(one(h.Address), "eth0", h.Address), local(netip.PrefixFrom(loop, 8).Masked(), "lo", loop), local(one(loop), "lo", loop),
		},
		Neighbours: []topology.Neighbour{{IP: gw, Dev: "eth0", MAC: f.OutsideMAC.String(), State: "REACHABLE"}},
		Sysctl:     map[string]string{},
		Netfilter:  &netfilter.Stack{},
	}
}

// FieldError is a wrong choice in a query: which field, and why, by code with arguments.
type FieldError struct {
	Field string
	Code  string
	Args  map[string]string
}

func (e *FieldError) Error() string {
	s := e.Field + ": " + e.Code
	for _, k := range []string{"value", "want"} {
		if v := e.Args[k]; v != "" {
			s += fmt.Sprintf(" (%s: %s)", k, v)
		}
	}
	return s
}
