package query_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/podpath/podpath/internal/cluster"
)

// random is a random but legal cluster with Services, and what the test needs to know of it without asking the code that it
// tests: where each endpoint is and in what condition.
type random struct {
	*rand.Rand
	c        *cluster.Cluster
	options  map[string]string
	services []*randomService
	podAt    map[netip.Addr]*cluster.Pod
	nodeAt   map[netip.Addr]*cluster.Node
	podCIDR  map[string]netip.Prefix // by node
	nextPod  map[string]byte         // by node: the last byte of the next pod's address
}

// randomService is a Service with its endpoints.
type randomService struct {
	*corev1.Service
	ends []randomEndpoint
}

// randomEndpoint is an endpoint of a Service: a pod, or a process on a node.
type randomEndpoint struct {
	addr                        netip.Addr
	node                        string
	ready, serving, terminating bool
	ports                       map[string]uint16 // by the name of the Service's port
}

const (
	vpcCIDR      = "10.0.0.0/16"
	annotationLB = "service.beta.kubernetes.io/aws-load-balancer-"
	internetAddr = "198.51.100.80"
)

// yes is true once in n times.
func (r *random) yes(n int) bool { return r.IntN(n) == 0 }

// pick chooses one of several.
func pick[T any](r *random, of ...T) T { return of[r.IntN(len(of))] }

func pointer[T any](v T) *T { return &v }

// newRandom makes the cluster of a seed.
func newRandom(seed uint64) *random {
	r := &random{Rand: rand.New(rand.NewPCG(seed, 0)), podAt: map[netip.Addr]*cluster.Pod{}, nodeAt: map[netip.Addr]*cluster.Node{},
		podCIDR: map[string]netip.Prefix{}, nextPod: map[string]byte{}}
	r.c = &cluster.Cluster{Name: fmt.Sprintf("random-%d", seed), CNI: cluster.CNI{Name: "aws-vpc-cni", Env: map[string]string{}}}
	r.options = map[string]string{"iptables": pick(r, "nft", "legacy"), "externalsnat": pick(r, "false", "false", "true"), "nodeport": pick(r, "true", "true", "true", "false")}
	r.network()
	for i := range 1 + r.IntN(3) {
		r.service(i)
	}
	r.proxy()
	return r
}

// network makes one to three zones with a subnet each, two to four nodes with one or two cards, and a client pod or two on
// every node. Node i has the addresses 10.0.Z.0/24, its pods the upper half of them.
func (r *random) network() {
	v := &r.c.VPC
	v.Region, v.CIDRs, v.InternetGateway = "xx-test-1", []netip.Prefix{netip.MustParsePrefix(vpcCIDR)}, "igw"
	v.RouteTables = []*cluster.RouteTable{{Name: "public", Routes: []cluster.CloudRoute{{To: netip.MustParsePrefix("0.0.0.0/0"), Via: "igw"}}}}
	zones := 1 + r.IntN(3)
	for z := range zones {
		v.Subnets = append(v.Subnets, &cluster.Subnet{Name: fmt.Sprintf("subnet-%d", z), Zone: fmt.Sprintf("zone-%d", z),
			CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(64 * z), 0}), 18), RouteTable: "public"})
	}
	var groups []string
	if r.yes(2) {
		groups = []string{"sg-nodes"}
		world := netip.MustParsePrefix("0.0.0.0/0")
		v.SecurityGroups = []*cluster.SecurityGroup{{ID: "sg-nodes", Egress: []cluster.GroupRule{{CIDR: world}},
			Ingress: []cluster.GroupRule{{CIDR: v.CIDRs[0]}, {Ports: "1000-1999", Protocol: "tcp", CIDR: world}, {Ports: "1000-1999", Protocol: "udp", CIDR: world},
				{Ports: "30000-32767", Protocol: "tcp", CIDR: world}, {Ports: "30000-32767", Protocol: "udp", CIDR: world}}}}
	}
	for i := range 2 + r.IntN(3) {
		z := r.IntN(zones)
		third := byte(64*z + 1 + i)
		n := &cluster.Node{Name: fmt.Sprintf("node-%d", i), Image: pick(r, cluster.AL2023, cluster.AL2)}
		at := func(last byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, third, last}) }
		n.ENIs = append(n.ENIs, &cluster.ENI{Subnet: v.Subnets[z].Name, Address: at(10), Groups: groups})
		if !r.yes(5) {
			n.ENIs[0].Public = netip.AddrFrom4([4]byte{203, 0, 113, byte(10 + i)})
		}
		if !r.yes(3) {
			n.ENIs = append(n.ENIs, &cluster.ENI{Subnet: v.Subnets[z].Name, Address: at(11), Groups: groups})
		}
		r.c.Nodes = append(r.c.Nodes, n)
		r.nodeAt[at(10)] = n
		r.podCIDR[n.Name] = netip.PrefixFrom(at(128), 25)
		r.c.NodeObjects = append(r.c.NodeObjects, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: map[string]string{corev1.LabelTopologyZone: v.Subnets[z].Zone}},
			Spec:   corev1.NodeSpec{PodCIDR: r.podCIDR[n.Name].String(), PodCIDRs: []string{r.podCIDR[n.Name].String()}},
			Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: at(10).String()}}}})
		r.pod(n, "client-"+n.Name, nil)
	}
	r.c.Hosts = []*cluster.Host{{Name: "internet", Address: netip.MustParseAddr(internetAddr)}}
}

// pod adds a pod to a node.
func (r *random) pod(n *cluster.Node, name string, labels map[string]string) *cluster.Pod {
	r.nextPod[n.Name]++
	p := &cluster.Pod{Namespace: "default", Name: name, Node: n.Name, ENI: r.IntN(len(n.ENIs)), Labels: labels}
	b := r.podCIDR[n.Name].Addr().As4()
	b[3] += r.nextPod[n.Name]
	p.Address = netip.AddrFrom4(b)
	r.c.Pods = append(r.c.Pods, p)
	r.podAt[p.Address] = p
	return p
}

// service adds the Service number i with its endpoints.
func (r *random) service(i int) {
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprintf("s%d", i), Annotations: map[string]string{}}}
	spec := &s.Spec
	spec.Selector = map[string]string{"app": s.Name}
	spec.Type = pick(r, corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer, corev1.ServiceTypeLoadBalancer)
	spec.ClusterIP = fmt.Sprintf("10.100.0.%d", 10+i)
	if spec.Type == corev1.ServiceTypeClusterIP && r.yes(4) {
		spec.ClusterIP = corev1.ClusterIPNone
	}
	spec.ClusterIPs = []string{spec.ClusterIP}
	spec.InternalTrafficPolicy = pointer(pick(r, corev1.ServiceInternalTrafficPolicyCluster, corev1.ServiceInternalTrafficPolicyCluster, corev1.ServiceInternalTrafficPolicyLocal))
	spec.SessionAffinity = corev1.ServiceAffinityNone
	if r.yes(4) {
		spec.SessionAffinity = corev1.ServiceAffinityClientIP
		spec.SessionAffinityConfig = &corev1.SessionAffinityConfig{ClientIP: &corev1.ClientIPConfig{TimeoutSeconds: pointer(int32(600))}}
	}
	r.ports(i, spec)
	r.external(i, s)
	out := &randomService{Service: s}
	r.services = append(r.services, out)
	r.c.Services = append(r.c.Services, s)
	r.endpoints(i, out)
}

// ports gives a Service one to three ports. Some target ports are names, and two ports of different protocols may share a
// number, as DNS's do.
func (r *random) ports(i int, spec *corev1.ServiceSpec) {
	for k := range 1 + r.IntN(3) {
		p := corev1.ServicePort{Name: fmt.Sprintf("p%d", k), Port: int32(1000 + 10*i + k), Protocol: pick(r, corev1.ProtocolTCP, corev1.ProtocolTCP, corev1.ProtocolUDP)}
		p.TargetPort = intstr.FromInt32(int32(8000 + 10*i + k))
		if r.yes(2) {
			p.TargetPort = intstr.FromString(fmt.Sprintf("named-%d", k))
		}
		if spec.Type != corev1.ServiceTypeClusterIP {
			p.NodePort = int32(30000 + 10*i + k)
		}
		if k == 1 && r.yes(3) && p.Protocol != spec.Ports[0].Protocol {
			p.Port = spec.Ports[0].Port
			if p.NodePort != 0 && r.yes(2) {
				p.NodePort = spec.Ports[0].NodePort
			}
		}
		spec.Ports = append(spec.Ports, p)
	}
	if len(spec.Ports) == 1 && r.yes(3) {
		spec.Ports[0].Name = ""
	}
}

// external gives a Service what reaches it from beyond its cluster IP.
func (r *random) external(i int, s *corev1.Service) {
	spec := &s.Spec
	headless := spec.ClusterIP == corev1.ClusterIPNone
	address := func(x int) string { // nobody's, or a node's own
		if r.yes(2) {
			return r.c.Nodes[r.IntN(len(r.c.Nodes))].ENIs[0].Address.String()
		}
		return fmt.Sprintf("192.0.2.%d", 10*i+x)
	}
	if !headless && r.yes(3) {
		spec.ExternalIPs = []string{address(1)}
	}
	if spec.Type != corev1.ServiceTypeClusterIP || len(spec.ExternalIPs) > 0 {
		spec.ExternalTrafficPolicy = pick(r, corev1.ServiceExternalTrafficPolicyCluster, corev1.ServiceExternalTrafficPolicyLocal)
	}
	if spec.Type != corev1.ServiceTypeLoadBalancer {
		return
	}
	if spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal {
		spec.HealthCheckNodePort = int32(32000 + i)
	}
	if r.yes(3) {
		spec.LoadBalancerSourceRanges = []string{pick(r, "10.0.0.0/17", "198.51.100.0/24", "10.0.64.0/18", "0.0.0.0/0", "172.16.0.0/12")}
		if r.yes(3) {
			spec.LoadBalancerSourceRanges = append(spec.LoadBalancerSourceRanges, internetAddr+"/32")
		}
	}
	if r.yes(2) {
		in := corev1.LoadBalancerIngress{IP: address(2), IPMode: pointer(corev1.LoadBalancerIPModeVIP)}
		if r.yes(4) {
			in.IPMode = pointer(corev1.LoadBalancerIPModeProxy)
		}
		if !slices.Contains(spec.ExternalIPs, in.IP) {
			s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{in}
		}
	}
	a := s.Annotations
	if r.yes(2) { // the cloud controller
		a[annotationLB+"type"] = "nlb"
		a[annotationLB+"internal"] = pick(r, "true", "false")
		a[annotationLB+"cross-zone-load-balancing-enabled"] = pick(r, "true", "false")
	} else {
		switch r.IntN(3) {
		case 0:
			spec.LoadBalancerClass = pointer("service.k8s.aws/nlb")
		case 1:
			a[annotationLB+"type"] = "external"
		default:
			a[annotationLB+"type"] = "nlb-ip"
		}
		a[annotationLB+"nlb-target-type"] = pick(r, "ip", "instance")
		a[annotationLB+"scheme"] = pick(r, "internal", "internet-facing")
		a[annotationLB+"attributes"] = "load_balancing.cross_zone.enabled=" + pick(r, "true", "false")
	}
	if r.yes(2) {
		a[annotationLB+"target-group-attributes"] = "deregistration_delay.timeout_seconds=30,preserve_client_ip.enabled=" + pick(r, "true", "false")
	}
	if byIP(s) && r.yes(4) {
		spec.AllocateLoadBalancerNodePorts = pointer(false)
		for k := range spec.Ports {
			spec.Ports[k].NodePort = 0
		}
	}
}

// endpoints gives a Service up to eight endpoints: pods that its selector finds, or EndpointSlices of its own, which may
// have processes on nodes, endpoints on their way out, and the same address twice.
func (r *random) endpoints(i int, s *randomService) {
	count := r.IntN(9)
	if r.yes(6) {
		count = 0
	}
	explicit := r.yes(2)
	allNotReady := r.yes(8)
	var slicesOf []*discoveryv1.EndpointSlice
	for k := range count {
		n := r.c.Nodes[r.IntN(len(r.c.Nodes))]
		if r.yes(3) {
			n = r.c.Nodes[0] // so that other nodes have none now and then
		}
		e := randomEndpoint{node: n.Name, ready: !allNotReady && !r.yes(4), ports: map[string]uint16{}}
		e.serving = e.ready
		if explicit && r.yes(4) {
			e.addr = n.ENIs[0].Address
		} else {
			p := r.pod(n, fmt.Sprintf("%s-%d", s.Name, k), map[string]string{"app": s.Name})
			p.NotReady = !e.ready
			e.addr = p.Address
		}
		if explicit {
			switch r.IntN(4) {
			case 0:
				e.ready, e.serving, e.terminating = false, true, true
			case 1:
				e.terminating = !e.ready
			case 2:
				e.serving = true // which alone makes no endpoint usable
			}
		}
		r.targetPorts(i, k, s, &e)
		if explicit && slices.ContainsFunc(s.ends, func(o randomEndpoint) bool { return o.addr == e.addr && samePorts(o.ports, e.ports) }) {
			continue // one condition for an address and port
		}
		s.ends = append(s.ends, e)
		if explicit {
			slicesOf = append(slicesOf, r.slice(s, len(slicesOf), e))
			if r.yes(6) { // in two slices: it counts once
				slicesOf = append(slicesOf, r.slice(s, len(slicesOf), e))
			}
		}
	}
	if explicit && count > 0 {
		r.c.EndpointSlices = append(r.c.EndpointSlices, slicesOf...)
	}
}

// targetPorts gives an endpoint's pod the ports that the Service names, of another number in every third pod, or none.
func (r *random) targetPorts(i, k int, s *randomService, e *randomEndpoint) {
	pod := r.podAt[e.addr]
	for x, p := range s.Spec.Ports {
		number := uint16(p.TargetPort.IntVal)
		if pod == nil { // what a node's process listens on, apart from other Services'
			number = uint16(9000 + 100*i + 10*k + x)
		} else if p.TargetPort.Type == intstr.String {
			if r.yes(8) {
				continue // this pod does not have it
			}
			number = uint16(8500 + 10*i + x)
			if r.yes(3) {
				number += 100
			}
			protocol := string(p.Protocol)
			if protocol == "TCP" && r.yes(2) {
				protocol = ""
			}
			pod.Ports = append(pod.Ports, cluster.PodPort{Name: p.TargetPort.StrVal, Port: number, Protocol: protocol})
		}
		e.ports[p.Name] = number
	}
}

func samePorts(a, b map[string]uint16) bool {
	for k := range a {
		if a[k] == b[k] {
			return true
		}
	}
	return false
}

// slice is an EndpointSlice with one endpoint.
func (r *random) slice(s *randomService, n int, e randomEndpoint) *discoveryv1.EndpointSlice {
	x := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: fmt.Sprintf("%s-given-%d", s.Name, n),
		Labels: map[string]string{discoveryv1.LabelServiceName: s.Name}}, AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints: []discoveryv1.Endpoint{{Addresses: []string{e.addr.String()}, NodeName: &e.node,
			Conditions: discoveryv1.EndpointConditions{Ready: &e.ready, Serving: &e.serving, Terminating: &e.terminating}}}}
	if s.Spec.ClusterIP == corev1.ClusterIPNone {
		x.Labels[corev1.IsHeadlessService] = ""
	}
	if e.ready && !e.terminating && r.yes(3) { // nil stands for ready and serving, and for not terminating
		x.Endpoints[0].Conditions = discoveryv1.EndpointConditions{}
	}
	if p := r.podAt[e.addr]; p != nil {
		x.Endpoints[0].TargetRef = &corev1.ObjectReference{Kind: "Pod", Namespace: p.Namespace, Name: p.Name}
	}
	for _, p := range s.Spec.Ports {
		if number := e.ports[p.Name]; number != 0 {
			x.Ports = append(x.Ports, discoveryv1.EndpointPort{Name: &p.Name, Port: pointer(int32(number)), Protocol: &p.Protocol})
		}
	}
	return x
}

// proxy configures kube-proxy.
func (r *random) proxy() {
	k := &cluster.KubeProxyConfig{Mode: "iptables"}
	switch r.IntN(6) {
	case 0, 1: // none
	case 2:
		k.ClusterCIDR = pick(r, vpcCIDR, "10.0.0.0/18", "172.16.0.0/12", r.podCIDR["node-0"].String())
	case 3:
		k.DetectLocalMode = cluster.LocalModeNodeCIDR
	case 4:
		k.DetectLocalMode = cluster.LocalModeInterfaceNamePrefix
		k.DetectLocal.InterfaceNamePrefix = pick(r, "eni", "eni", "ens", "veth")
	case 5:
		k.DetectLocalMode = cluster.LocalModeBridgeInterface
		k.DetectLocal.BridgeInterface = pick(r, "cni0", "ens5")
	}
	k.IPTables.MasqueradeAll = r.yes(5)
	if r.yes(3) {
		k.IPTables.LocalhostNodePorts = pointer(r.yes(2))
	}
	if r.yes(3) {
		k.NodePortAddresses = pick(r, []string{"primary"}, []string{"localhost"}, []string{"primary", "localhost"}, []string{"all"}, []string{"10.0.0.0/18"},
			[]string{"10.0.64.0/18", "127.0.0.0/8"}, []string{"::/0"}, []string{"172.16.0.0/12"})
	}
	k.Conntrack.TCPBeLiberal = r.yes(4)
	r.c.KubeProxy = k
}

// describe is what a failure says of the cluster.
func (r *random) describe() string {
	var b strings.Builder
	k := r.c.KubeProxy
	fmt.Fprintf(&b, "options %v; kube-proxy: detect %q %q %+v, masqueradeAll %v, nodePortAddresses %v, localhostNodePorts %v\n", r.options, k.DetectLocalMode, k.ClusterCIDR,
		k.DetectLocal, k.IPTables.MasqueradeAll, k.NodePortAddresses, k.IPTables.LocalhostNodePorts == nil || *k.IPTables.LocalhostNodePorts)
	for _, n := range r.c.Nodes {
		fmt.Fprintf(&b, "%s: %s %s, %d cards\n", n.Name, r.c.ZoneOf(n), n.ENIs[0].Address, len(n.ENIs))
	}
	for _, s := range r.services {
		fmt.Fprintf(&b, "%s: %s %s, internal %s, external %s, externalIPs %v, ingress %v, ranges %v, %v\n", s.Name, s.Spec.Type, s.Spec.ClusterIP, *s.Spec.InternalTrafficPolicy,
			s.Spec.ExternalTrafficPolicy, s.Spec.ExternalIPs, s.Status.LoadBalancer.Ingress, s.Spec.LoadBalancerSourceRanges, s.Annotations)
		for _, p := range s.Spec.Ports {
			fmt.Fprintf(&b, "  %s %s %d → %s, node port %d\n", p.Name, p.Protocol, p.Port, p.TargetPort.String(), p.NodePort)
		}
		for _, e := range s.ends {
			card := 0
			if p := r.podAt[e.addr]; p != nil {
				card = p.ENI
			}
			fmt.Fprintf(&b, "  %s on %s card %d %v, ready %v serving %v terminating %v\n", e.addr, e.node, card, e.ports, e.ready, e.serving, e.terminating)
		}
	}
	return b.String()
}
