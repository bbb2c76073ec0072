// Package compile is the one door from a description to a topology: it joins the cluster, its CNI and the underlay, and
// holds the presets.
package compile

import (
	"fmt"
	"net/netip"

	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/cni/awsvpc"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/underlay"
)

// topologyOf compiles a checked description. Namespaces are built when they are first asked for.
func topologyOf(c *cluster.Cluster, endpointSlices []*discoveryv1.EndpointSlice) (*topology.Topology, error) {
	svc := &services{c, endpointSlices}
	vpc, err := underlay.Build(c, endpointSlices)
	if err != nil {
		return nil, err
	}
	t := &topology.Topology{Name: c.Name, Fabric: vpc.Fabric, Assumptions: vpc.Assumptions}
	for _, n := range c.Nodes {
		t.Add(n.Name, func() (*topology.Namespace, error) {
			ns, err := awsvpc.Node(c, n, vpc.Cards[n.Name], vpc.Branches)
			if err != nil {
				return nil, err
			}
			if err := svc.proxy(n, ns); err != nil {
				return nil, err
			}
			ns.Place = topology.Place{Name: n.Key(), Label: n.Name, Machine: n.Machine, HostPods: n.HostPods, Subnet: n.ENIs[0].Subnet, Zone: c.ZoneOf(n)}
			return ns, nil
		})
	}
	for _, p := range c.Pods {
		t.Add(p.Key(), func() (*topology.Namespace, error) {
			ns := awsvpc.Pod(c, p)
			ns.Place = topology.Place{Name: p.Key(), Label: p.Name, Node: p.Node}
			return ns, nil
		})
	}
	for _, h := range c.Hosts {
		ns := host(h, vpc.Fabric)
		t.AddNamespace(ns)
		vpc.Fabric.Outside[h.Address] = topology.Port{Namespace: ns.Name, Interface: "eth0"}
	}
	return t, nil
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
