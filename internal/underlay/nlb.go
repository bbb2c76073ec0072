package underlay

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// The annotations of a Service that decide which controller makes its load balancer, and how (cloud-provider-aws,
// docs/service_controller.md; aws-load-balancer-controller, docs/guide/service/annotations.md).
const (
	annotation       = "service.beta.kubernetes.io/aws-load-balancer-"
	annotationType   = annotation + "type"            // nlb: cloud controller; external, nlb-ip: AWS Load Balancer Controller
	annotationTarget = annotation + "nlb-target-type" // instance (default), ip
	annotationScheme = annotation + "scheme"          // internal (default), internet-facing
	annotationInside = annotation + "internal"        // cloud controller: "true"
	annotationLB     = annotation + "attributes"      // load_balancing.cross_zone.enabled=true
	annotationGroup  = annotation + "target-group-attributes"
	annotationCross  = annotation + "cross-zone-load-balancing-enabled" // cloud controller

	// LoadBalancerClass is the class that the AWS Load Balancer Controller takes; its webhook sets it on new Services.
	LoadBalancerClass = "service.k8s.aws/nlb"
)

// Controller is who makes a Service's load balancer.
type Controller string

// The controllers. A Service whose class belongs to neither has no load balancer: it stays pending.
const (
	CloudController Controller = "cloud-controller-manager"
	AWSController   Controller = "aws-load-balancer-controller"
)

// Plan is what a Service of type LoadBalancer asks its controller for.
type Plan struct {
	Controller Controller
	Classic    bool // a Classic Load Balancer, which is not modelled
	ByInstance bool
	Internet   bool
	CrossZone  bool
	keep       string // preserve_client_ip.enabled as given; "" for the default
}

// PlanOf reads a Service's class and annotations (facts/underlay.md, "Who creates them").
func PlanOf(s *corev1.Service) Plan {
	a := s.Annotations
	kind := a[annotationType]
	p := Plan{Controller: CloudController, ByInstance: true, Internet: true}
	class := s.Spec.LoadBalancerClass
	if class != nil && *class == LoadBalancerClass || class == nil && (kind == "external" || kind == "nlb-ip") {
		p.Controller = AWSController
		p.Internet = a[annotationScheme] == "internet-facing"
		p.ByInstance = kind != "nlb-ip" && a[annotationTarget] != "ip"
		p.CrossZone = attribute(a[annotationLB], "load_balancing.cross_zone.enabled") == "true"
		p.keep = attribute(a[annotationGroup], "preserve_client_ip.enabled")
		return p
	}
	if class != nil {
		return Plan{} // another controller's, which is not known here
	}
	p.Classic = kind != "nlb"
	p.Internet = a[annotationInside] != "true"
	p.CrossZone = a[annotationCross] == "true"
	p.keep = attribute(a[annotationGroup], "preserve_client_ip.enabled")
	return p
}

// SetPreserve and SetCrossZone annotate a Service of type LoadBalancer as its controller reads it; value is true or false.
func SetPreserve(s *corev1.Service, value string) {
	setAttribute(s, annotationGroup, "preserve_client_ip.enabled", value)
}

// SetCrossZone turns cross-zone load balancing on or off.
func SetCrossZone(s *corev1.Service, value string) {
	if p := PlanOf(s); p.Controller == AWSController {
		setAttribute(s, annotationLB, "load_balancing.cross_zone.enabled", value)
		return
	}
	if s.Annotations == nil {
		s.Annotations = map[string]string{}
	}
	s.Annotations[annotationCross] = value
}

// setAttribute puts an attribute into a list such as `a.b=1,c.d=2`, in place of one of that name.
func setAttribute(s *corev1.Service, key, name, value string) {
	var list []string
	for _, x := range strings.Split(s.Annotations[key], ",") {
		if k, _, _ := strings.Cut(x, "="); strings.TrimSpace(x) != "" && strings.TrimSpace(k) != name {
			list = append(list, x)
		}
	}
	if s.Annotations == nil {
		s.Annotations = map[string]string{}
	}
	s.Annotations[key] = strings.Join(append(list, name+"="+value), ",")
}

// attribute finds a value in a list such as `a.b=1,c.d=2`.
func attribute(list, name string) string {
	for _, x := range strings.Split(list, ",") {
		if k, v, _ := strings.Cut(x, "="); strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// KeepsClient says whether a target sees the client's address: with instance targets and with UDP yes unless turned off
// (UDP cannot be), with addresses and TCP no unless turned on (elasticloadbalancing/latest/network, "Client IP
// preservation").
func (p *Plan) KeepsClient(protocol packet.Protocol) bool {
	switch {
	case protocol == packet.UDP:
		return true
	case p.keep != "":
		return p.keep == "true"
	}
	return p.ByInstance
}

// balancers makes the load balancers of the cluster's Services: a card in a subnet of each zone, listeners with their
// targets, and what the controllers add to the security groups of the targets' cards.
func (out *VPC) balancers(c *cluster.Cluster, endpointSlices []*discoveryv1.EndpointSlice) error {
	pinned := map[string]*cluster.LoadBalancer{}
	for _, b := range c.VPC.LoadBalancers {
		pinned[b.Service] = b
	}
	free := newPool(c)
	type made struct {
		service  *corev1.Service
		plan     Plan
		balancer *topology.NetworkLoadBalancer
	}
	var all []made
	for _, s := range c.Services {
		if s.Spec.Type != corev1.ServiceTypeLoadBalancer {
			continue
		}
		name := s.Namespace + "/" + s.Name
		plan := PlanOf(s)
		if plan.Controller == "" {
			out.Assumptions = append(out.Assumptions, topology.Assumption{Code: "assume-pending-balancer",
				Args: map[string]string{"service": name, "class": *s.Spec.LoadBalancerClass}})
			continue
		}
		if plan.Classic {
			out.Assumptions = append(out.Assumptions, topology.Assumption{Code: "assume-classic-balancer", Args: map[string]string{"service": name}})
			continue
		}
		b := &topology.NetworkLoadBalancer{ID: "nlb-" + s.Namespace + "-" + s.Name, Name: name, Internet: plan.Internet, CrossZone: plan.CrossZone}
		if err := nodePorts(s, &plan); err != nil {
			return err
		}
		var nodes []cluster.LBNode
		var groups []string
		if p := pinned[name]; p != nil {
			nodes, groups = p.Nodes, p.Groups
		} else {
			var err error
			if nodes, err = free.nodes(c, out.Fabric, plan.Internet); err != nil {
				return fmt.Errorf("load balancer of %s: %w", name, err)
			}
			if len(nodes) == 0 { // only where it is internet-facing: every node has a subnet, which does for an internal one
				out.Assumptions = append(out.Assumptions, topology.Assumption{Code: "assume-unplaced-balancer", Args: map[string]string{"service": name}})
				continue
			}
		}
		for _, n := range nodes {
			subnet := out.Fabric.Subnet(n.Subnet)
			card := &topology.ENICard{ID: id("eni", b.ID+" "+n.Subnet), Name: b.ID, Subnet: n.Subnet, Primary: n.Address,
				Addresses: []netip.Addr{n.Address}, Groups: groups, Balancer: b}
			card.MAC = mac("eni " + card.ID)
			if plan.Internet && n.Public.IsValid() {
				card.Public = map[netip.Addr]netip.Addr{n.Address: n.Public}
			}
			b.Nodes = append(b.Nodes, &topology.LBNode{Zone: subnet.Zone, Card: card})
			out.Fabric.Cards = append(out.Fabric.Cards, card)
		}
		out.Fabric.Balancers = append(out.Fabric.Balancers, b)
		all = append(all, made{s, plan, b})
	}
	for _, m := range all { // once all cards are there: a target is looked up by its address
		out.listeners(c, m.service, &m.plan, m.balancer, endpointSlices)
	}
	return nil
}

// nodePorts checks that targets by instance have a port. An API server gives a Service's ports one each, unless its
// allocateLoadBalancerNodePorts is false, which is for load balancers that need none
// (k8s.io/api/core/v1, ServiceSpec): here those with targets by address.
func nodePorts(s *corev1.Service, plan *Plan) error {
	for i, sp := range s.Spec.Ports {
		if plan.ByInstance && listens(sp) && sp.NodePort == 0 {
			return fmt.Errorf("load balancer of %s/%s: spec.ports[%d].nodePort: missing (want 30000 to 32767: its targets are instances)",
				s.Namespace, s.Name, i)
		}
	}
	return nil
}

// listens says whether a Service's port has a listener: a Network Load Balancer knows no SCTP.
func listens(sp corev1.ServicePort) bool { return sp.Protocol != corev1.ProtocolSCTP }

// listeners makes one for each port of the Service.
func (out *VPC) listeners(c *cluster.Cluster, s *corev1.Service, plan *Plan, b *topology.NetworkLoadBalancer, all []*discoveryv1.EndpointSlice) {
	for _, sp := range s.Spec.Ports {
		if !listens(sp) {
			continue
		}
		protocol := packet.TCP
		if sp.Protocol == corev1.ProtocolUDP {
			protocol = packet.UDP
		}
		l := &topology.LBListener{Protocol: protocol, Port: uint16(sp.Port), ByInstance: plan.ByInstance, KeepClient: plan.KeepsClient(protocol)}
		ends := endpointsOf(s, sp, all)
		if plan.ByInstance {
			l.Targets = out.machines(c, s, sp, ends)
		} else {
			l.Targets = out.addresses(c, ends)
		}
		b.Listeners = append(b.Listeners, l)
		out.open(c, s, b, l)
	}
}

// endpoint is one ready endpoint of a Service's port.
type endpoint struct {
	address    netip.Addr
	port       uint16
	node, name string
}

func (e *endpoint) at() netip.AddrPort { return netip.AddrPortFrom(e.address, e.port) }

// endpointsOf are a port's ready endpoints. Endpoints that are not ready are no targets.
func endpointsOf(s *corev1.Service, sp corev1.ServicePort, all []*discoveryv1.EndpointSlice) []endpoint {
	var out []endpoint
	for _, slice := range all {
		if slice.Namespace != s.Namespace || slice.Labels[discoveryv1.LabelServiceName] != s.Name || slice.AddressType != discoveryv1.AddressTypeIPv4 {
			continue
		}
		for _, p := range slice.Ports {
			if p.Port == nil || p.Name != nil && *p.Name != sp.Name || p.Protocol != nil && *p.Protocol != cmp.Or(sp.Protocol, corev1.ProtocolTCP) {
				continue
			}
			for _, e := range slice.Endpoints {
				if e.Conditions.Ready != nil && !*e.Conditions.Ready || len(e.Addresses) == 0 {
					continue
				}
				a, err := netip.ParseAddr(e.Addresses[0])
				if err != nil {
					continue
				}
				x := endpoint{address: a, port: uint16(*p.Port), name: a.String()}
				if e.NodeName != nil {
					x.node = *e.NodeName
				}
				if e.TargetRef != nil {
					x.name = e.TargetRef.Namespace + "/" + e.TargetRef.Name
				}
				out = append(out, x)
			}
		}
	}
	return out
}

// machines are the targets by instance: every node, at its node port. With externalTrafficPolicy Local the controllers
// point the health check at the Service's health check node port, so that nodes without an endpoint get nothing; with
// Cluster every node answers as long as there is an endpoint anywhere.
func (out *VPC) machines(c *cluster.Cluster, s *corev1.Service, sp corev1.ServicePort, ends []endpoint) []topology.LBTarget {
	local := s.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal
	var targets []topology.LBTarget
	for _, n := range c.Nodes {
		t := topology.LBTarget{Name: n.Name, Address: n.ENIs[0].Address, Port: uint16(sp.NodePort), Zone: c.ZoneOf(n)}
		t.Unhealthy = !slices.ContainsFunc(ends, func(e endpoint) bool { return !local || e.node == n.Name })
		targets = append(targets, t)
	}
	return targets
}

// addresses are the targets by address: the ready endpoints, which the AWS Load Balancer Controller takes from the
// EndpointSlices. A target group is a set of addresses with ports: what stands in two slices is one target. Two targets of
// one name, such as two processes of a node, are told apart by address and port.
func (out *VPC) addresses(c *cluster.Cluster, ends []endpoint) []topology.LBTarget {
	var targets []topology.LBTarget
	registered, named := map[netip.AddrPort]bool{}, map[string]int{}
	ends = slices.DeleteFunc(ends, func(e endpoint) bool {
		at := e.at()
		twice := registered[at]
		if registered[at] = true; !twice {
			named[e.name]++
		}
		return twice
	})
	for _, e := range ends {
		t := topology.LBTarget{Name: e.name, Address: e.address, Port: e.port}
		if named[e.name] > 1 {
			t.Name = e.at().String()
		}
		if n := c.Node(e.node); n != nil {
			t.Zone = c.ZoneOf(n)
		}
		targets = append(targets, t)
	}
	return targets
}

// open is what a controller adds to the security groups of the targets' cards, so that clients and health checks get in:
// the node port, or the pods' own ports, from where clients may come.
func (out *VPC) open(c *cluster.Cluster, s *corev1.Service, b *topology.NetworkLoadBalancer, l *topology.LBListener) {
	var from []netip.Prefix
	switch {
	case !l.KeepClient: // the targets see nothing but the load balancer's own addresses
		for _, n := range b.Nodes {
			from = append(from, netip.PrefixFrom(n.Card.Primary, 32))
		}
	case len(s.Spec.LoadBalancerSourceRanges) > 0:
		for _, r := range s.Spec.LoadBalancerSourceRanges {
			if p, err := netip.ParsePrefix(strings.TrimSpace(r)); err == nil && p.Addr().Is4() {
				from = append(from, p.Masked())
			}
		}
	case b.Internet:
		from = []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0)}
	default:
		from = c.VPC.CIDRs
	}
	done := map[string]bool{}
	for _, t := range l.Targets {
		card := out.Fabric.CardOf(t.Address)
		if card == nil || len(card.Groups) == 0 {
			continue
		}
		g := out.Fabric.Group(card.Groups[0])
		key := card.Groups[0] + ":" + strconv.Itoa(int(t.Port))
		if g == nil || done[key] {
			continue
		}
		done[key] = true
		for _, p := range from {
			g.Ingress = append(g.Ingress, topology.GroupRule{Protocol: l.Protocol, FromPort: int(t.Port), ToPort: int(t.Port), CIDR: p,
				Text: fmt.Sprintf("%v %d from %v (load balancer of %s)", l.Protocol, t.Port, p, b.Name)})
		}
	}
}

// pool gives out addresses that nothing in the description has: private ones from the top of a subnet, public ones from
// TEST-NET-3 (RFC 5737) downwards.
type pool struct {
	taken  map[netip.Addr]bool
	public byte
}

func newPool(c *cluster.Cluster) *pool { return &pool{taken: c.Taken(), public: 250} }

// nodes takes one subnet of each zone where the cluster has nodes: a public one for an internet-facing load balancer, a
// private one else, where there is one (the controllers' subnet discovery by tags does the same). There may be none.
func (p *pool) nodes(c *cluster.Cluster, f *topology.Fabric, internet bool) ([]cluster.LBNode, error) {
	zones := map[string]bool{}
	for _, n := range c.Nodes {
		zones[c.ZoneOf(n)] = true
	}
	chosen := map[string]*topology.Subnet{}
	var order []string
	for _, s := range f.Subnets {
		if !zones[s.Zone] || internet && !s.Public {
			continue
		}
		have := chosen[s.Zone]
		if have == nil {
			order = append(order, s.Zone)
		}
		if have == nil || !internet && have.Public && !s.Public {
			chosen[s.Zone] = s
		}
	}
	var out []cluster.LBNode
	for _, z := range order {
		n := cluster.LBNode{Subnet: chosen[z].ID, Address: p.private(chosen[z].CIDR)}
		if !n.Address.IsValid() {
			return nil, fmt.Errorf("subnet %s has no free address", n.Subnet)
		}
		if internet {
			if n.Public = p.elastic(); !n.Public.IsValid() {
				return nil, errors.New("no public address of 203.0.113.0/24 is free (want its addresses in vpc.loadBalancers)")
			}
		}
		out = append(out, n)
	}
	return out, nil
}

// private is the highest free address of a subnet, below its broadcast address.
func (p *pool) private(s netip.Prefix) netip.Addr {
	b := s.Masked().Addr().As4()
	for i := s.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	for a := netip.AddrFrom4(b).Prev(); s.Contains(a); a = a.Prev() {
		if !p.taken[a] {
			p.taken[a] = true
			return a
		}
	}
	return netip.Addr{}
}

func (p *pool) elastic() netip.Addr {
	for ; p.public > 0; p.public-- {
		if a := netip.AddrFrom4([4]byte{203, 0, 113, p.public}); !p.taken[a] {
			p.taken[a] = true
			return a
		}
	}
	return netip.Addr{}
}
