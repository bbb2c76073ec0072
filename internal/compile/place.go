package compile

import (
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// PlaceKind says what a place is. The first are kinds of namespace; a Service is none: no socket sends from it.
type PlaceKind = topology.Kind

// Service is the kind of a place that is an address of a Service and of no machine.
const Service PlaceKind = "service"

// Place is where a trace can start or end.
type Place struct {
	Name    string // pod/default/web-0, node/node-a, svc/default/web, lb/default/web, internet
	Label   string
	Address netip.Addr
	Node    string
	Kind    PlaceKind
	Public  netip.Addr // a node's, at the Internet gateway: what a client on the Internet sends to
	// Addresses are several that a name stands for, one of which DNS gives to a client: those of a load balancer's zones,
	// of a headless Service's pods. Address is the first.
	Addresses []Named
	Ports     []topology.ServicePort // of a Service
	// Why says, by code, why no packet can be sent there: a Service without an address.
	Why string
}

// Sends says whether a packet can start here: a Service and a load balancer have no socket.
func (p *Place) Sends() bool { return p.Kind != Service && p.Kind != topology.LoadBalancer }

// Named is one of several addresses of a place.
type Named struct {
	Name    string // the zone, or the pod
	Address netip.Addr
	Ports   []topology.ServicePort // where they differ from one to the next: a headless Service's pods'
}

// places are those of a cluster: pods, nodes, Services, load balancers, hosts, each in the description's order.
func places(c *cluster.Cluster, f *topology.Fabric, endpointSlices []*discoveryv1.EndpointSlice) []Place {
	var out []Place
	for _, n := range c.Nodes {
		for _, p := range c.PodsOn(n.Name) {
			out = append(out, Place{Name: p.Key(), Label: p.Name, Address: p.Address, Node: p.Node, Kind: topology.Pod})
		}
	}
	for _, n := range c.Nodes {
		out = append(out, Place{Name: n.Key(), Label: n.Name, Address: n.Address(), Public: n.Cards()[0].Public, Node: n.Name, Kind: topology.Node})
	}
	for _, s := range c.Services {
		out = append(out, servicePlace(s, endpointSlices))
	}
	if f != nil {
		for _, b := range f.Balancers {
			out = append(out, balancerPlace(c, b))
		}
	}
	for _, h := range c.Hosts {
		out = append(out, Place{Name: h.Name, Label: h.Name, Address: h.Address, Kind: topology.External})
	}
	return out
}

// servicePlace is a Service by its cluster IP, or a headless one by its pods' addresses.
func servicePlace(s *corev1.Service, slices []*discoveryv1.EndpointSlice) Place {
	p := Place{Name: (&topology.Service{Namespace: s.Namespace, Name: s.Name}).Key(), Label: s.Name, Kind: Service, Ports: servicePorts(s)}
	switch {
	case s.Spec.Type == corev1.ServiceTypeExternalName:
		p.Why = "external-name"
	case s.Spec.ClusterIP != corev1.ClusterIPNone:
		p.Address, _ = netip.ParseAddr(s.Spec.ClusterIP)
		if !p.Address.Is4() {
			p.Address, p.Why = netip.Addr{}, "no-ipv4"
		}
	default:
		given := map[netip.Addr]bool{}
		for _, slice := range slices {
			if slice.Namespace == s.Namespace && slice.Labels[discoveryv1.LabelServiceName] == s.Name {
				ports := targetPorts(slice, servicePorts(s))
				for _, n := range endpointNames(slice) {
					if !given[n.Address] { // DNS answers with an address once, whatever the slices repeat
						given[n.Address], n.Ports = true, ports
						p.Addresses = append(p.Addresses, n)
					}
				}
			}
		}
		if len(p.Addresses) == 0 {
			p.Why = "no-endpoints"
			break
		}
		p.Address, p.Ports = p.Addresses[0].Address, p.Addresses[0].Ports
	}
	return p
}

func servicePorts(s *corev1.Service) []topology.ServicePort {
	var out []topology.ServicePort
	for _, x := range s.Spec.Ports {
		out = append(out, topology.ServicePort{Name: x.Name, Protocol: protocolOf(x.Protocol), Port: uint16(x.Port)})
	}
	return out
}

// protocolOf is a port's protocol; a description was checked to have no other.
func protocolOf(p corev1.Protocol) packet.Protocol {
	out, _ := packet.ParseProtocol(strings.ToLower(string(p)))
	return out
}

// targetPorts gives a headless Service's ports the numbers of its pods: nothing translates them.
func targetPorts(slice *discoveryv1.EndpointSlice, ports []topology.ServicePort) []topology.ServicePort {
	for i := range ports {
		for _, x := range slice.Ports {
			if x.Port != nil && x.Name != nil && x.Protocol != nil && *x.Name == ports[i].Name && protocolOf(*x.Protocol) == ports[i].Protocol {
				ports[i].Port = uint16(*x.Port)
			}
		}
	}
	return ports
}

// endpointNames are a slice's ready endpoints: what DNS answers for a headless Service.
func endpointNames(s *discoveryv1.EndpointSlice) []Named {
	var out []Named
	for _, e := range s.Endpoints {
		if e.Conditions.Ready != nil && !*e.Conditions.Ready || len(e.Addresses) == 0 {
			continue
		}
		if a, err := netip.ParseAddr(e.Addresses[0]); err == nil && a.Is4() {
			name := a.String()
			if e.TargetRef != nil {
				name = e.TargetRef.Name
			}
			out = append(out, Named{Name: name, Address: a})
		}
	}
	return out
}

// balancerPlace is a load balancer by the addresses that its name stands for: public ones where it is internet-facing.
// DNS leaves out the zones without a healthy target.
func balancerPlace(c *cluster.Cluster, b *topology.NetworkLoadBalancer) Place {
	p := Place{Name: "lb/" + b.Name, Label: "NLB " + b.Name, Kind: topology.LoadBalancer}
	var empty []Named
	for _, n := range b.Nodes {
		a := n.Card.Primary
		if public, ok := n.Card.Public[a]; ok {
			a = public
		}
		served := false
		for _, l := range b.Listeners {
			served = served || len(b.Reachable(n, l)) > 0
		}
		if served {
			p.Addresses = append(p.Addresses, Named{Name: n.Zone, Address: a})
		} else {
			empty = append(empty, Named{Name: n.Zone, Address: a})
		}
	}
	if len(p.Addresses) == 0 {
		p.Addresses = empty
	}
	for _, s := range c.Services {
		if s.Namespace+"/"+s.Name == b.Name {
			p.Ports = servicePorts(s)
			p.Label = "NLB " + s.Name
		}
	}
	p.Address = p.Addresses[0].Address // it has a node at least
	return p
}
