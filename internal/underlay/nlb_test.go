package underlay

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// annotated is a Service with a class ("" for none) and annotations, written without their common prefix: "type=nlb".
func annotated(class string, annotations ...string) *corev1.Service {
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "d", Name: "web", Annotations: map[string]string{}}}
	if class != "" {
		s.Spec.LoadBalancerClass = &class
	}
	for _, a := range annotations {
		k, v, _ := strings.Cut(a, "=")
		s.Annotations["service.beta.kubernetes.io/aws-load-balancer-"+k] = v
	}
	return s
}

// TestPlanOf follows facts/underlay.md, "Who creates them", and the annotations of the two controllers.
func TestPlanOf(t *testing.T) {
	const class = "service.k8s.aws/nlb"
	for _, tt := range []struct {
		rule string
		s    *corev1.Service
		want string // controller, targets, scheme
	}{
		// The cloud's own controller takes what the other leaves: a Classic Load Balancer, or an NLB with instance targets.
		{"nothing said", annotated(""), "cloud classic instance internet"},
		{"internal Classic", annotated("", "internal=true"), "cloud classic instance internal"},
		{"nlb", annotated("", "type=nlb"), "cloud instance internet"},
		{"internal nlb", annotated("", "type=nlb", "internal=true"), "cloud instance internal"},
		{"internal, but no", annotated("", "type=nlb", "internal=false"), "cloud instance internet"},
		{"it knows no IP targets", annotated("", "type=nlb", "nlb-target-type=ip"), "cloud instance internet"},
		{"nor the other's scheme", annotated("", "type=nlb", "scheme=internal"), "cloud instance internet"},
		{"cross-zone by its own annotation", annotated("", "type=nlb", "cross-zone-load-balancing-enabled=true"), "cloud instance internet cross-zone"},
		{"not by the other's", annotated("", "type=nlb", "attributes=load_balancing.cross_zone.enabled=true"), "cloud instance internet"},

		// The AWS Load Balancer Controller: by class, or by type. Internal unless it is told otherwise (since v2.2.0).
		{"class", annotated(class), "aws instance internal"},
		{"class, IP targets", annotated(class, "nlb-target-type=ip"), "aws ip internal"},
		{"class, instance targets", annotated(class, "nlb-target-type=instance"), "aws instance internal"},
		{"class, internet-facing", annotated(class, "scheme=internet-facing"), "aws instance internet"},
		{"class and the other's internal: not its", annotated(class, "scheme=internet-facing", "internal=true"), "aws instance internet"},
		{"type external", annotated("", "type=external"), "aws instance internal"},
		{"type external, IP targets", annotated("", "type=external", "nlb-target-type=ip", "scheme=internet-facing"), "aws ip internet"},
		{"type nlb-ip", annotated("", "type=nlb-ip"), "aws ip internal"},
		{"cross-zone among attributes", annotated(class, "attributes=access_logs.s3.enabled=false, load_balancing.cross_zone.enabled=true"), "aws instance internal cross-zone"},
		{"cross-zone off", annotated(class, "attributes=load_balancing.cross_zone.enabled=false"), "aws instance internal"},
		{"not by the cloud controller's annotation", annotated(class, "cross-zone-load-balancing-enabled=true"), "aws instance internal"},

		// Another class is another controller's, whatever the annotations say: the Service stays pending.
		{"another class", annotated("example.com/balancer"), "none ip internal"},
		{"another class and annotations", annotated("example.com/balancer", "type=nlb", "scheme=internet-facing"), "none ip internal"},
	} {
		p := PlanOf(tt.s)
		got := map[Controller]string{CloudController: "cloud", AWSController: "aws", "": "none"}[p.Controller]
		for _, x := range []struct {
			is   bool
			word string
		}{{p.Classic, " classic"}, {p.ByInstance, " instance"}, {!p.ByInstance, " ip"}, {p.Internet, " internet"}, {!p.Internet, " internal"}, {p.CrossZone, " cross-zone"}} {
			if x.is {
				got += x.word
			}
		}
		if got != tt.want {
			t.Errorf("%s: %v: got %q, want %q", tt.rule, tt.s.Annotations, got, tt.want)
		}
	}
}

// TestKeepsClient is the table of client IP preservation in facts/underlay.md, section 2: on for instance targets, off for
// addresses with TCP, on and fixed for UDP.
func TestKeepsClient(t *testing.T) {
	const class = "service.k8s.aws/nlb"
	for _, tt := range []struct {
		target, given string
		tcp, udp      bool
	}{
		{"instance", "", true, true},
		{"instance", "true", true, true},
		{"instance", "false", false, true},
		{"ip", "", false, true},
		{"ip", "true", true, true},
		{"ip", "false", false, true},
	} {
		for _, controller := range []string{"aws", "cloud"} {
			annotations := []string{"nlb-target-type=" + tt.target}
			if tt.given != "" {
				annotations = append(annotations, "target-group-attributes=stickiness.enabled=true,preserve_client_ip.enabled="+tt.given)
			}
			p := PlanOf(annotated(class, annotations...))
			if controller == "cloud" {
				if tt.target == "ip" {
					continue
				}
				p = PlanOf(annotated("", append(annotations, "type=nlb")...))
			}
			if got := p.KeepsClient(packet.TCP); got != tt.tcp {
				t.Errorf("%s: %s targets, preserve_client_ip.enabled=%q, TCP: got %v, want %v", controller, tt.target, tt.given, got, tt.tcp)
			}
			if got := p.KeepsClient(packet.UDP); got != tt.udp {
				t.Errorf("%s: %s targets, preserve_client_ip.enabled=%q, UDP: got %v, want %v", controller, tt.target, tt.given, got, tt.udp)
			}
		}
	}
}

// balanced is a cluster of three nodes in two zones. s gives the Service's type-specific fields.
func balanced(t *testing.T, annotations []string, spec string, more ...string) *VPC {
	t.Helper()
	v, err := buildText(balancedText(annotations, spec, more...))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func buildText(text string) (*VPC, error) {
	c, err := cluster.Read([]byte(text), "balanced.yaml")
	if err != nil {
		return nil, err
	}
	return Build(c, c.Slices())
}

func balancedText(annotations []string, spec string, more ...string) string {
	text := `name: balanced
vpc:
  cidrs: [10.0.0.0/16]
  internetGateway: igw
  routeTables: [{name: public, routes: [{to: 0.0.0.0/0, via: igw}]}]
  subnets:
    - {name: public-a, zone: a, cidr: 10.0.0.0/24, routeTable: public}
    - {name: private-a, zone: a, cidr: 10.0.1.0/24}
    - {name: public-b, zone: b, cidr: 10.0.2.0/24, routeTable: public}
    - {name: private-b, zone: b, cidr: 10.0.3.0/24}
    - {name: empty-c, zone: c, cidr: 10.0.4.0/24, routeTable: public}
  securityGroups:
    - {id: sg-nodes, egress: [{cidr: 0.0.0.0/0}]}
    - {id: sg-second, egress: [{cidr: 0.0.0.0/0}]}
    - {id: sg-lb, ingress: [{cidr: 0.0.0.0/0}], egress: [{cidr: 0.0.0.0/0}]}
` + strings.Join(more, "") + `nodes:
  - {name: n1, enis: [{subnet: private-a, address: 10.0.1.10, securityGroups: [sg-nodes, sg-second]}]}
  - {name: n2, enis: [{subnet: private-a, address: 10.0.1.254, securityGroups: [sg-nodes]}]}
  - {name: n3, enis: [{subnet: private-b, address: 10.0.3.10, securityGroups: [sg-nodes]}]}
pods:
  - {namespace: d, name: w1, node: n1, address: 10.0.1.21, labels: {app: web}, ports: [{name: http, port: 8080}]}
  - {namespace: d, name: w2, node: n3, address: 10.0.3.21, labels: {app: web}, ports: [{name: http, port: 9090}]}
  - {namespace: d, name: w3, node: n3, address: 10.0.3.22, labels: {app: web}, ports: [{name: http, port: 8080}], notReady: true}
---
apiVersion: v1
kind: Service
metadata:
  namespace: d
  name: web
  annotations:
`
	for _, a := range annotations {
		k, v, _ := strings.Cut(a, "=")
		text += fmt.Sprintf("    service.beta.kubernetes.io/aws-load-balancer-%s: %q\n", k, v)
	}
	return text + "spec:\n  type: LoadBalancer\n  clusterIP: 10.100.0.1\n  selector: {app: web}\n  ports: [{name: http, port: 80, targetPort: http, nodePort: 30080}]\n" + spec
}

// targets are a listener's, as "name address:port zone", "!" before an unhealthy one.
func targets(l *topology.LBListener) []string {
	var out []string
	for _, x := range l.Targets {
		s := fmt.Sprintf("%s %v:%d %s", x.Name, x.Address, x.Port, x.Zone)
		if x.Unhealthy {
			s = "!" + s
		}
		out = append(out, s)
	}
	return out
}

// TestTargets: nodes by the node port, healthy by policy; or the ready endpoints, each by its own port.
func TestTargets(t *testing.T) {
	for _, tt := range []struct {
		rule        string
		annotations []string
		spec        string
		want        []string
	}{
		{"instances: every node", []string{"type=nlb"}, "", []string{"n1 10.0.1.10:30080 a", "n2 10.0.1.254:30080 a", "n3 10.0.3.10:30080 b"}},
		{"instances, policy Local: nodes with a ready endpoint are healthy", []string{"type=nlb"}, "  externalTrafficPolicy: Local\n",
			[]string{"n1 10.0.1.10:30080 a", "!n2 10.0.1.254:30080 a", "n3 10.0.3.10:30080 b"}},
		{"addresses: the ready pods, by their own number of a named port", []string{"type=nlb-ip"}, "", []string{"d/w1 10.0.1.21:8080 a", "d/w2 10.0.3.21:9090 b"}},
		{"addresses: the policy plays no part", []string{"type=nlb-ip"}, "  externalTrafficPolicy: Local\n", []string{"d/w1 10.0.1.21:8080 a", "d/w2 10.0.3.21:9090 b"}},
		{"addresses given in two slices: one target each; two ports of one address: two", []string{"type=nlb-ip"}, given(
			"{addresses: [10.0.1.21], nodeName: n1, targetRef: {kind: Pod, namespace: d, name: w1}}, {addresses: [10.0.3.10], nodeName: n3}", "8080",
			"{addresses: [10.0.1.21], nodeName: n1, targetRef: {kind: Pod, namespace: d, name: w1}}, {addresses: [10.0.3.99], nodeName: n3, conditions: {ready: false}}", "8080",
			"{addresses: [10.0.3.10], nodeName: n3}", "9090"),
			[]string{"d/w1 10.0.1.21:8080 a", "10.0.3.10:8080 10.0.3.10:8080 b", "10.0.3.10:9090 10.0.3.10:9090 b"}},
	} {
		v := balanced(t, tt.annotations, tt.spec)
		if len(v.Fabric.Balancers) != 1 || len(v.Fabric.Balancers[0].Listeners) != 1 {
			t.Errorf("%s: balancers %+v, want one with one listener", tt.rule, v.Fabric.Balancers)
			continue
		}
		if d := cmp.Diff(tt.want, targets(v.Fabric.Balancers[0].Listeners[0])); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.rule, d)
		}
	}
	v := balanced(t, []string{"type=nlb"}, "")
	for _, s := range []string{"a", "b"} {
		b := v.Fabric.Balancers[0]
		if got := b.Reachable(&topology.LBNode{Zone: s}, b.Listeners[0]); len(got) != map[string]int{"a": 2, "b": 1}[s] {
			t.Errorf("zone %s reaches %v", s, got)
		}
	}
}

// given are EndpointSlices of the Service: pairs of endpoints and the port's number.
func given(pairs ...string) string {
	s := ""
	for i := 0; i < len(pairs); i += 2 {
		s += fmt.Sprintf(`---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: d, name: web-%d, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: %s}]
endpoints: [%s]
`, i, pairs[i+1], pairs[i])
	}
	return s
}

// TestFailOpen: where no endpoint is ready no machine is healthy, and all are used.
func TestFailOpen(t *testing.T) {
	for _, policy := range []string{"Cluster", "Local"} {
		v := balanced(t, []string{"type=nlb"}, "  externalTrafficPolicy: "+policy+"\n"+given("{addresses: [10.0.1.21], nodeName: n1, conditions: {ready: false}}", "8080"))
		b := v.Fabric.Balancers[0]
		for _, n := range b.Nodes {
			want := map[string]int{"a": 2, "b": 1}[n.Zone]
			if got := b.Reachable(n, b.Listeners[0]); len(got) != want || !got[0].Unhealthy {
				t.Errorf("policy %s, zone %s: reaches %+v, want %d, unhealthy", policy, n.Zone, got, want)
			}
		}
	}
}

// TestBalancerAddresses: a load balancer has an address in each zone with nodes: a pinned one, else a free one of a public
// subnet where it is internet-facing, with a public address of its own, and of a private one where it is internal.
func TestBalancerAddresses(t *testing.T) {
	const pinned = `  loadBalancers:
    - service: d/web
      securityGroups: [sg-lb]
      nodes: [{subnet: private-b, address: 10.0.3.77}, {subnet: public-a, address: 10.0.0.77, public: 203.0.113.250}]
`
	for _, tt := range []struct {
		rule        string
		annotations []string
		more        []string
		want        []string
	}{
		{"internet-facing", []string{"type=nlb"}, nil, []string{"a public-a 10.0.0.254 203.0.113.250", "b public-b 10.0.2.254 203.0.113.249"}},
		{"internal: the highest address that is free", []string{"type=nlb", "internal=true"}, nil, []string{"a private-a 10.0.1.253 none", "b private-b 10.0.3.254 none"}},
		{"pinned, in their order", []string{"type=nlb"}, []string{pinned}, []string{"b private-b 10.0.3.77 none", "a public-a 10.0.0.77 203.0.113.250"}},
		{"pinned, internal: no public address", []string{"type=nlb", "internal=true"}, []string{pinned}, []string{"b private-b 10.0.3.77 none", "a public-a 10.0.0.77 none"}},
	} {
		v := balanced(t, tt.annotations, "", tt.more...)
		b := v.Fabric.Balancers[0]
		var got []string
		for _, n := range b.Nodes {
			public := "none"
			if p, ok := n.Card.Public[n.Card.Primary]; ok {
				public = p.String()
			}
			got = append(got, fmt.Sprintf("%s %s %v %s", n.Zone, n.Card.Subnet, n.Card.Primary, public))
			if v.Fabric.CardOf(n.Card.Primary) != n.Card || n.Card.Balancer != b || b.Node(n.Card.Primary) != n {
				t.Errorf("%s: %v is not the load balancer's on the fabric", tt.rule, n.Card.Primary)
			}
			if want := len(tt.more) > 0; slices.Equal(n.Card.Groups, []string{"sg-lb"}) != want || !want && len(n.Card.Groups) > 0 {
				t.Errorf("%s: security groups %v", tt.rule, n.Card.Groups)
			}
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.rule, d)
		}
	}
}

// TestOpened: what a controller adds to the first security group of the targets' cards, and to no other: the node port or the
// pods' own ports, from where packets come as the targets see them.
func TestOpened(t *testing.T) {
	cidrs := func(list ...string) []netip.Prefix {
		var out []netip.Prefix
		for _, s := range list {
			out = append(out, netip.MustParsePrefix(s))
		}
		return out
	}
	for _, tt := range []struct {
		rule        string
		annotations []string
		spec        string
		ports       []int
		from        []netip.Prefix
	}{
		{"instances, internet-facing: the world", []string{"type=nlb"}, "", []int{30080}, cidrs("0.0.0.0/0")},
		{"instances, internal: the VPC", []string{"type=nlb", "internal=true"}, "", []int{30080}, cidrs("10.0.0.0/16")},
		{"instances with source ranges", []string{"type=nlb"}, "  loadBalancerSourceRanges: [198.51.100.0/24, 192.0.2.0/24]\n", []int{30080}, cidrs("198.51.100.0/24", "192.0.2.0/24")},
		{"instances, client hidden: the load balancer", []string{"type=nlb", "target-group-attributes=preserve_client_ip.enabled=false"}, "", []int{30080}, cidrs("10.0.0.254/32", "10.0.2.254/32")},
		{"addresses: the pods' ports, from the load balancer", []string{"type=external", "nlb-target-type=ip", "scheme=internet-facing"}, "", []int{8080, 9090}, cidrs("10.0.0.254/32", "10.0.2.254/32")},
		{"addresses, client kept", []string{"type=external", "nlb-target-type=ip", "scheme=internet-facing", "target-group-attributes=preserve_client_ip.enabled=true"}, "", []int{8080, 9090}, cidrs("0.0.0.0/0")},
	} {
		f := balanced(t, tt.annotations, tt.spec).Fabric
		type opening struct {
			port int
			from netip.Prefix
		}
		var got, want []opening
		for _, r := range f.Group("sg-nodes").Ingress {
			if r.Protocol != packet.TCP || r.FromPort != r.ToPort {
				t.Errorf("%s: rule %v, want one port of TCP", tt.rule, r)
			}
			got = append(got, opening{r.FromPort, r.CIDR})
		}
		for _, p := range tt.ports {
			for _, c := range tt.from {
				want = append(want, opening{p, c})
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: opened %v, want %v", tt.rule, got, want)
		}
		if second := f.Group("sg-second").Ingress; len(second) > 0 {
			t.Errorf("%s: a card's second group was opened too: %v", tt.rule, second)
		}
	}
}

// TestNodePortMissing: a target by instance needs a node port; one by address, and a port without a listener, do not.
func TestNodePortMissing(t *testing.T) {
	const pinned = "  loadBalancers: [{service: d/web, nodes: [{subnet: public-a, address: 10.0.0.77}]}]\n"
	const missing = "load balancer of d/web: spec.ports[0].nodePort: missing (want 30000 to 32767: its targets are instances)"
	for _, tt := range []struct {
		rule, annotation, ports string
		more                    []string
		want                    string
	}{
		{"instances", "type=nlb", "{name: http, port: 80}", nil, missing},
		{"instances, the other controller", "type=external", "{name: http, port: 80}", nil, missing},
		{"instances, pinned", "type=nlb", "{name: http, port: 80}", []string{pinned}, missing},
		{"instances, the second port", "type=nlb", "{name: http, port: 80, nodePort: 30080}, {name: b, port: 81}", nil, strings.Replace(missing, "[0]", "[1]", 1)},
		{"instances, SCTP: no listener", "type=nlb", "{name: http, port: 80, nodePort: 30080}, {name: b, port: 81, protocol: SCTP}", nil, ""},
		{"addresses", "type=nlb-ip", "{name: http, port: 80}", nil, ""},
	} {
		text := balancedText([]string{tt.annotation}, "  allocateLoadBalancerNodePorts: false\n", tt.more...)
		_, err := buildText(strings.Replace(text, "{name: http, port: 80, targetPort: http, nodePort: 30080}", tt.ports, 1))
		if got := fmt.Sprint(err); got != tt.want && (err != nil || tt.want != "") {
			t.Errorf("%s: error %v, want %q", tt.rule, err, tt.want)
		}
	}
}

// TestNoAddress: a load balancer that is not pinned needs a subnet where there are nodes, a free address there and, where it
// is internet-facing, a public one. A pinned one needs no public subnet.
func TestNoAddress(t *testing.T) {
	const pinned = "  loadBalancers: [{service: d/web, nodes: [{subnet: private-a, address: 10.0.1.77}]}]\n"
	var hosts strings.Builder
	for i := range 250 { // all that podpath would choose from
		fmt.Fprintf(&hosts, "  - {name: h%d, address: 203.0.113.%d}\n", i, i+1)
	}
	for _, tt := range []struct {
		rule, annotation, old, new string
		more                       []string
		want                       string
	}{
		{"internet-facing, private subnets", "internal=false", ", routeTable: public}", "}", nil,
			"assume-unplaced-balancer d/web"},
		{"the same, internal", "internal=true", ", routeTable: public}", "}", nil, ""},
		{"the same, pinned", "internal=false", ", routeTable: public}", "}", []string{pinned}, ""},
		{"public subnets where no node is", "internal=false", "0.0/24, routeTable: public}", "0.0/24}", nil, ""},
		{"public addresses are taken", "internal=false", "pods:\n", "hosts:\n" + hosts.String() + "pods:\n", nil,
			"load balancer of d/web: no public address of 203.0.113.0/24 is free (want its addresses in vpc.loadBalancers)"},
		{"the same, internal", "internal=true", "pods:\n", "hosts:\n" + hosts.String() + "pods:\n", nil, ""},
	} {
		text := balancedText([]string{"type=nlb", tt.annotation}, "", tt.more...)
		changed := strings.ReplaceAll(text, tt.old, tt.new)
		if changed == text {
			t.Fatalf("%s: nothing replaced", tt.rule)
		}
		v, err := buildText(changed)
		got := ""
		if err != nil {
			got = err.Error()
		} else if len(v.Assumptions) > 0 {
			got = v.Assumptions[0].Code + " " + v.Assumptions[0].Args["service"]
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.rule, got, tt.want)
		}
	}
}

// TestPending: what no known controller takes has no load balancer.
func TestPending(t *testing.T) {
	v := balanced(t, []string{"type=nlb"}, "  loadBalancerClass: example.com/balancer\n")
	if len(v.Fabric.Balancers) != 0 {
		t.Errorf("load balancers %v, want none", v.Fabric.Balancers)
	}
	if len(v.Assumptions) != 1 || v.Assumptions[0].Code != "assume-pending-balancer" || v.Assumptions[0].Args["class"] != "example.com/balancer" {
		t.Errorf("assumptions %v, want one that names the class", v.Assumptions)
	}
}

// TestListeners: one for each port, by its protocol; a Network Load Balancer has none for SCTP
// (elasticloadbalancing/latest/network, "Listeners": TCP, TLS, UDP, TCP_UDP, QUIC).
func TestListeners(t *testing.T) {
	s := annotated("", "type=nlb")
	for _, x := range []struct {
		port     int32
		protocol corev1.Protocol
	}{{80, corev1.ProtocolTCP}, {53, corev1.ProtocolUDP}, {53, corev1.ProtocolTCP}, {3868, corev1.ProtocolSCTP}} {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Port: x.port, Protocol: x.protocol})
	}
	v := &VPC{Fabric: &topology.Fabric{}}
	b := &topology.NetworkLoadBalancer{}
	plan := PlanOf(s)
	v.listeners(&cluster.Cluster{}, s, &plan, b, nil)
	var got []string
	for _, l := range b.Listeners {
		got = append(got, fmt.Sprintf("%v %d", l.Protocol, l.Port))
	}
	if d := cmp.Diff([]string{"tcp 80", "udp 53", "tcp 53"}, got); d != "" {
		t.Errorf("listeners (-want +got):\n%s", d)
	}
}

// TestClassic: a Classic Load Balancer is not modelled: there is none, and the topology says so.
func TestClassic(t *testing.T) {
	v := balanced(t, nil, "")
	if n := len(v.Fabric.Balancers); n != 0 {
		t.Errorf("%d load balancers, want none", n)
	}
	want := []topology.Assumption{{Code: "assume-classic-balancer", Args: map[string]string{"service": "d/web"}}}
	if d := cmp.Diff(want, v.Assumptions); d != "" {
		t.Errorf("assumptions (-want +got):\n%s", d)
	}
	if v := balanced(t, []string{"type=nlb"}, ""); len(v.Assumptions) != 0 {
		t.Errorf("an NLB: assumptions %v, want none", v.Assumptions)
	}
}
