package kubeproxy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/podpath/podpath/internal/cluster"
)

const (
	myNode, otherNode = "node-a", "node-b"
	myZone            = "zone-1"
)

func pointer[T any](v T) *T { return &v }

// one makes the input of one Service, default/web, on port 80, with the given endpoints; 10.0.0.1 and up.
func one(change func(*corev1.Service), endpoints ...discoveryv1.Endpoint) *Input {
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"}}
	s.Spec = corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, ClusterIP: "10.96.0.20", ClusterIPs: []string{"10.96.0.20"},
		Ports: []corev1.ServicePort{{Port: 80, Protocol: corev1.ProtocolTCP}}}
	if change != nil {
		change(s)
	}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: myNode, Labels: map[string]string{corev1.LabelTopologyZone: myZone}}}
	node.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "10.0.1.10"}}
	return &Input{Config: &cluster.KubeProxyConfig{ClusterCIDR: "10.244.0.0/16"}, Node: node, Services: []*corev1.Service{s},
		EndpointSlices: []*discoveryv1.EndpointSlice{slice("web-1", endpoints...)}}
}

func slice(name string, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: "web"}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: pointer(""), Port: pointer[int32](8080), Protocol: pointer(corev1.ProtocolTCP)}},
		Endpoints:   endpoints,
	}
}

// ep is an endpoint 10.0.0.n by words: its node, the hints "zone=…" and "node=…", and conditions.
func ep(n int, words ...string) discoveryv1.Endpoint {
	e := discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.0.0.%d", n)}, NodeName: pointer(otherNode)}
	for _, w := range words {
		hint, name, isHint := strings.Cut(w, "=")
		if isHint && e.Hints == nil {
			e.Hints = &discoveryv1.EndpointHints{}
		}
		switch {
		case isHint && hint == "zone":
			e.Hints.ForZones = append(e.Hints.ForZones, discoveryv1.ForZone{Name: name})
		case isHint && hint == "node":
			e.Hints.ForNodes = append(e.Hints.ForNodes, discoveryv1.ForNode{Name: name})
		case w == "here":
			e.NodeName = pointer(myNode)
		case w == "nowhere":
			e.NodeName = nil
		case w == "unready":
			e.Conditions = discoveryv1.EndpointConditions{Ready: pointer(false), Serving: pointer(false)}
		case w == "draining":
			e.Conditions = discoveryv1.EndpointConditions{Ready: pointer(false), Serving: pointer(true), Terminating: pointer(true)}
		case w == "dying":
			e.Conditions = discoveryv1.EndpointConditions{Ready: pointer(false), Serving: pointer(false), Terminating: pointer(true)}
		default:
			panic(w)
		}
	}
	return e
}

func compile(t *testing.T, in *Input, f Family) dump {
	t.Helper()
	rs, err := Rules(in, f)
	if err != nil {
		t.Fatal(err)
	}
	return print(t, rs)
}

// targets are the addresses a policy chain of default/web spreads over, in its order, by their last number.
func targets(d dump, prefix string) string {
	var out []string
	for _, r := range d.rules["nat "+chainName(prefix, "default/web", corev1.ProtocolTCP)] {
		if _, sep, ok := strings.Cut(r, "-j "+SEP); ok {
			dnat := d.rules["nat "+SEP+sep]
			_, to, _ := strings.Cut(dnat[len(dnat)-1], "--to-destination 10.0.0.")
			out = append(out, strings.TrimSuffix(to, ":8080"))
		}
	}
	return strings.Join(out, " ")
}

func nodePort(s *corev1.Service) {
	s.Spec.Type, s.Spec.Ports[0].NodePort = corev1.ServiceTypeNodePort, 30080
}

func externalLocal(s *corev1.Service) {
	nodePort(s)
	s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
}

func internalLocal(s *corev1.Service) {
	s.Spec.InternalTrafficPolicy = pointer(corev1.ServiceInternalTrafficPolicyLocal)
}

// TestEndpoints says which endpoints each policy sends to: "cluster endpoints | local endpoints".
func TestEndpoints(t *testing.T) {
	type eps = []discoveryv1.Endpoint
	for _, x := range []struct {
		name   string
		change func(*corev1.Service)
		eps    eps
		want   string
	}{
		{"string order with the port, for which 100: is before 10:", nil, eps{ep(9), ep(10), ep(100)}, "100 10 9 | "},
		{"not ready ones get nothing", nil, eps{ep(1), ep(2, "unready")}, "1 | "},
		{"none at all", nil, nil, " | "},
		{"draining ones where none is ready", nil, eps{ep(1, "draining"), ep(2, "unready"), ep(3, "dying")}, "1 | "},
		{"draining ones not beside a ready one", nil, eps{ep(1, "draining"), ep(2)}, "2 | "},

		{"zone hints", nil, eps{ep(1, "zone=zone-1"), ep(2, "zone=zone-2")}, "1 | "},
		{"two zones in a hint", nil, eps{ep(1, "zone=zone-2", "zone=zone-1"), ep(2, "zone=zone-2")}, "1 | "},
		{"a ready one without a hint", nil, eps{ep(1, "zone=zone-1"), ep(2)}, "1 2 | "},
		{"an unready one without a hint", nil, eps{ep(1, "zone=zone-1"), ep(2, "zone=zone-2"), ep(3, "unready")}, "1 | "},
		{"no hint names this zone", nil, eps{ep(1, "zone=zone-2"), ep(2, "zone=zone-3")}, "1 2 | "},
		{"only an unready one is for this zone", nil, eps{ep(1, "unready", "zone=zone-1"), ep(2, "zone=zone-2")}, "2 | "},
		{"node hints", nil, eps{ep(1, "node=node-a"), ep(2, "node=node-b")}, "1 | "},
		{"node hints go before zone hints", nil, eps{ep(1, "node=node-a", "zone=zone-2"), ep(2, "node=node-b", "zone=zone-1")}, "1 | "},
		{"no node hint names this node, then zones", nil, eps{ep(1, "node=node-c", "zone=zone-2"), ep(2, "node=node-b", "zone=zone-1")}, "2 | "},
		{"one without a node hint, then zones", nil, eps{ep(1, "node=node-a", "zone=zone-2"), ep(2, "zone=zone-1")}, "2 | "},
		{"hints do not hold for draining ones", nil, eps{ep(1, "draining", "zone=zone-1"), ep(2, "draining", "zone=zone-2")}, "1 2 | "},

		{"policy Local", externalLocal, eps{ep(1, "here"), ep(2), ep(3, "nowhere")}, "1 2 3 | 1"},
		{"policy Local does not go by hints", externalLocal, eps{ep(1, "here", "zone=zone-2"), ep(2, "zone=zone-1")}, "2 | 1"},
		{"each policy drains by itself", externalLocal, eps{ep(1, "here", "draining"), ep(2)}, "2 | 1"},
		{"a local one that is not serving", externalLocal, eps{ep(1, "here", "unready"), ep(2)}, "2 | "},
		{"internal Local has no chain of policy Cluster", internalLocal, eps{ep(1, "here"), ep(2)}, " | 1"},
		{"internal Local with a node port has one", func(s *corev1.Service) { nodePort(s); internalLocal(s) }, eps{ep(1, "here"), ep(2)}, "1 2 | 1"},
		{"external Local without anything external", func(s *corev1.Service) {
			s.Spec.Type, s.Spec.ExternalTrafficPolicy = corev1.ServiceTypeLoadBalancer, corev1.ServiceExternalTrafficPolicyLocal
		}, eps{ep(1, "here"), ep(2)}, "1 2 | "},
	} {
		d := compile(t, one(x.change, x.eps...), IPv4)
		if got := targets(d, SVC) + " | " + targets(d, SVL); got != x.want {
			t.Errorf("%s: %q, want %q", x.name, got, x.want)
		}
	}
}

// TestSlices is about several slices, and slices that do not count.
func TestSlices(t *testing.T) {
	for _, x := range []struct {
		name   string
		change func(*Input)
		want   string
	}{
		{"two slices", func(in *Input) { in.EndpointSlices = append(in.EndpointSlices, slice("web-2", ep(2))) }, "1 2"},
		{"an endpoint in both", func(in *Input) { in.EndpointSlices = append(in.EndpointSlices, slice("web-2", ep(1), ep(2))) }, "1 2"},
		{"in both, going in the second", func(in *Input) {
			in.EndpointSlices = append(in.EndpointSlices, slice("web-2", ep(1, "draining"), ep(2)))
		}, "1 2"},
		{"in both, going in the first", func(in *Input) {
			in.EndpointSlices = []*discoveryv1.EndpointSlice{slice("web-0", ep(1, "draining")), slice("web-1", ep(1), ep(2))}
		}, "1 2"},
		{"headless", func(in *Input) { in.EndpointSlices[0].Labels[corev1.IsHeadlessService] = "" }, ""},
		{"of no Service", func(in *Input) { in.EndpointSlices[0].Labels = nil }, ""},
		{"of another namespace", func(in *Input) { in.EndpointSlices[0].Namespace = "other" }, ""},
		{"of hostnames", func(in *Input) { in.EndpointSlices[0].AddressType = discoveryv1.AddressTypeFQDN }, ""},
		{"port of another name", func(in *Input) { in.EndpointSlices[0].Ports[0].Name = pointer("http") }, ""},
		{"port of another protocol", func(in *Input) { in.EndpointSlices[0].Ports[0].Protocol = pointer(corev1.ProtocolUDP) }, ""},
		{"port without number", func(in *Input) { in.EndpointSlices[0].Ports[0].Port = nil }, ""},
		{"port without name and protocol", func(in *Input) { p := &in.EndpointSlices[0].Ports[0]; p.Name, p.Protocol = nil, nil }, "1"},
		{"only the first address", func(in *Input) {
			e := &in.EndpointSlices[0].Endpoints[0]
			e.Addresses = append(e.Addresses, "10.0.0.9")
		}, "1"},
		{"no address", func(in *Input) { in.EndpointSlices[0].Endpoints[0].Addresses = nil }, ""},
	} {
		in := one(nil, ep(1))
		x.change(in)
		if got := targets(compile(t, in, IPv4), SVC); got != x.want {
			t.Errorf("%s: %q, want %q", x.name, got, x.want)
		}
	}
}

func balanced(s *corev1.Service) {
	s.Spec.Type, s.Spec.Ports[0].NodePort = corev1.ServiceTypeLoadBalancer, 30080
	s.Spec.LoadBalancerSourceRanges = []string{"198.51.100.0/24"}
	s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "203.0.113.5"}}
}

// TestSourceRanges gives the sources that KUBE-FW lets in; "-" where the chain is not there.
func TestSourceRanges(t *testing.T) {
	for _, x := range []struct {
		name   string
		change func(*corev1.Service)
		want   string
	}{
		{"one", nil, "198.51.100.0/24"},
		{"a /0 among them", func(s *corev1.Service) {
			s.Spec.LoadBalancerSourceRanges = append(s.Spec.LoadBalancerSourceRanges, "0.0.0.0/0")
		}, "-"},
		{"a /0 of the other family", func(s *corev1.Service) {
			s.Spec.LoadBalancerSourceRanges = append(s.Spec.LoadBalancerSourceRanges, "::/0")
		}, "198.51.100.0/24"},
		{"host bits", func(s *corev1.Service) { s.Spec.LoadBalancerSourceRanges[0] = "198.51.100.7/24" }, "198.51.100.0/24"},
		{"white space", func(s *corev1.Service) { s.Spec.LoadBalancerSourceRanges[0] = " 198.51.100.0/24 " }, "198.51.100.0/24"},
		{"the node's own address", func(s *corev1.Service) { s.Spec.LoadBalancerSourceRanges[0] = "10.0.1.0/24" }, "10.0.1.0/24 203.0.113.5/32"},
		{"only of the other family", func(s *corev1.Service) { s.Spec.LoadBalancerSourceRanges[0] = "2001:db8::/32" }, "-"},
		{"no VIP", func(s *corev1.Service) { s.Status.LoadBalancer.Ingress[0].IP = "" }, "-"},
		{"a proxy", func(s *corev1.Service) {
			s.Status.LoadBalancer.Ingress[0].IPMode = pointer(corev1.LoadBalancerIPModeProxy)
		}, "-"},
	} {
		d := compile(t, one(func(s *corev1.Service) {
			balanced(s)
			if x.change != nil {
				x.change(s)
			}
		}, ep(1)), IPv4)
		rules, ok := d.rules["nat "+chainName(FW, "default/web", corev1.ProtocolTCP)]
		got := "-"
		if ok {
			var from []string
			for _, r := range rules[:len(rules)-1] {
				from = append(from, strings.Fields(r)[1])
			}
			got = strings.Join(from, " ")
		}
		if got != x.want {
			t.Errorf("%s: %s, want %s", x.name, got, x.want)
		}
		if dropped := len(d.rules["filter KUBE-PROXY-FIREWALL"]) > 0; dropped != (x.want != "-") {
			t.Errorf("%s: dropped in KUBE-PROXY-FIREWALL: %v", x.name, dropped)
		}
	}
}

// TestDetect gives what marks packets to the cluster IP for masquerading, and what tells a pod's traffic in KUBE-EXT.
func TestDetect(t *testing.T) {
	const to = "-p tcp -m comment"
	for _, x := range []struct {
		name           string
		config         cluster.KubeProxyConfig
		podCIDRs       []string
		masked, direct string // how the rules begin; "" for none
	}{
		{"by CIDR", cluster.KubeProxyConfig{ClusterCIDR: "10.244.0.0/16"}, nil, "! -s 10.244.0.0/16 -d 10.96.0.20/32 " + to, "-s 10.244.0.0/16 -m comment"},
		{"by CIDR of both families", cluster.KubeProxyConfig{ClusterCIDR: "fd00::/48, 10.244.0.0/16"}, nil, "! -s 10.244.0.0/16 -d 10.96.0.20/32 " + to, "-s 10.244.0.0/16 -m comment"},
		{"by CIDR of the other family", cluster.KubeProxyConfig{ClusterCIDR: "fd00::/48"}, nil, "", ""},
		{"no CIDR", cluster.KubeProxyConfig{}, nil, "", ""},
		{"by the node's CIDR", cluster.KubeProxyConfig{DetectLocalMode: cluster.LocalModeNodeCIDR, ClusterCIDR: "10.0.0.0/8"}, []string{"fd00::/64", "10.244.1.0/24"},
			"! -s 10.244.1.0/24 -d 10.96.0.20/32 " + to, "-s 10.244.1.0/24 -m comment"},
		{"by a bridge", cluster.KubeProxyConfig{DetectLocalMode: cluster.LocalModeBridgeInterface, DetectLocal: cluster.DetectLocal{BridgeInterface: "cbr0"}}, nil,
			"-d 10.96.0.20/32 ! -i cbr0 " + to, "-i cbr0 -m comment"},
		{"masquerade all", cluster.KubeProxyConfig{ClusterCIDR: "10.244.0.0/16", IPTables: cluster.KubeProxyIPTables{MasqueradeAll: true}}, nil,
			"-d 10.96.0.20/32 " + to, "-s 10.244.0.0/16 -m comment"},
	} {
		in := one(externalLocal, ep(1, "here"))
		in.Config, in.Node.Spec.PodCIDRs = &x.config, x.podCIDRs
		d := compile(t, in, IPv4)
		first := d.rules["nat "+chainName(SVC, "default/web", corev1.ProtocolTCP)][0]
		if x.masked == "" && strings.Contains(first, "KUBE-MARK-MASQ") || !strings.HasPrefix(first, x.masked) {
			t.Errorf("%s: the cluster IP's rule is %s, want %q", x.name, first, x.masked)
		}
		first = d.rules["nat "+chainName(EXT, "default/web", corev1.ProtocolTCP)][0]
		if x.direct == "" && strings.Contains(first, "pod traffic") || !strings.HasPrefix(first, x.direct) {
			t.Errorf("%s: the first rule of KUBE-EXT is %s, want %q", x.name, first, x.direct)
		}
	}
}

// TestNodePortAddresses gives the jumps to KUBE-NODEPORTS by their destination: "local" for addrtype, "local!lo" without
// loopback. localhost says whether node ports answer on 127.0.0.1.
func TestNodePortAddresses(t *testing.T) {
	host := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1"), netip.MustParseAddr("10.0.1.10"), netip.MustParseAddr("192.168.7.5"),
		netip.MustParseAddr("fe80::1"), netip.MustParseAddr("10.0.1.10")}
	off := pointer(false)
	for _, x := range []struct {
		list      string
		asked     *bool
		v4, v6    string
		localhost bool
	}{
		{"", nil, "local", "local!lo", true},
		{"", off, "local!lo", "local!lo", false},
		{"all", nil, "local", "local!lo", true},
		{"0.0.0.0/0", off, "local!lo", "local!lo", false},
		{"10.0.1.0/24 0.0.0.0/0", nil, "local", "local!lo", true},
		{"10.0.1.0/24", nil, "10.0.1.10/32", "local!lo", false},
		{"10.0.0.0/8 192.168.7.5/32 10.0.1.0/24", nil, "10.0.1.10/32 192.168.7.5/32", "local!lo", false},
		{"172.16.0.0/12", nil, "", "local!lo", false},
		{"primary", nil, "10.0.1.10/32", "local!lo", false}, // the node has no IPv6 address
		{"localhost", nil, "127.0.0.1/32", "", true},
		{"localhost", off, "", "", false},
		{"primary localhost", nil, "10.0.1.10/32 127.0.0.1/32", "", true},
		{"127.0.0.1/32", nil, "127.0.0.1/32", "local!lo", true},
		{"64.0.0.0/2", nil, "127.0.0.1/32", "local!lo", true}, // it holds 127.0.0.0
		{"fe80::/10", nil, "local", "fe80::1/128", true},
	} {
		in := one(nodePort, ep(1))
		in.HostAddresses, in.Config.NodePortAddresses = host, strings.Fields(x.list)
		in.Config.IPTables.LocalhostNodePorts = x.asked
		for f, want := range map[Family]string{IPv4: x.v4, IPv6: x.v6} {
			var got []string
			for _, r := range compile(t, in, f).rules["nat KUBE-SERVICES"] {
				if !strings.Contains(r, "-j KUBE-NODEPORTS") {
					continue
				}
				switch dst, _, _ := strings.Cut(r, " -m comment"); dst {
				case "! -d 127.0.0.0/8", "! -d ::1/128":
					got = append(got, "local!lo")
				default:
					if strings.HasPrefix(r, "-m comment") {
						dst = "local"
					}
					got = append(got, strings.TrimPrefix(dst, "-d "))
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("nodePortAddresses [%s] %v: %q, want %q", x.list, f, got, want)
			}
		}
		if got := in.Sysctls()["net.ipv4.conf.all.route_localnet"] == "1"; got != x.localhost {
			t.Errorf("nodePortAddresses [%s]: route_localnet %v, want %v", x.list, got, x.localhost)
		}
		firewall := len(compile(t, in, IPv4).rules["filter KUBE-FIREWALL"]) > 0
		counted := strings.Contains(strings.Join(compile(t, in, IPv4).rules["nat KUBE-NODEPORTS"], "\n"), "localhost_nps")
		if firewall != x.localhost || counted != x.localhost {
			t.Errorf("nodePortAddresses [%s]: KUBE-FIREWALL %v, counted %v, want %v", x.list, firewall, counted, x.localhost)
		}
	}
}

// TestPrimary: a bind address stands for the node's own, an ExternalIP where there is no InternalIP.
func TestPrimary(t *testing.T) {
	for _, x := range []struct{ bind, kind, want string }{
		{"", "InternalIP", "-d 10.0.1.10/32 "}, {"0.0.0.0", "InternalIP", "-d 10.0.1.10/32 "}, {"192.168.7.5", "InternalIP", "-d 192.168.7.5/32 "}, {"", "ExternalIP", "-d 10.0.1.10/32 "},
	} {
		in := one(nodePort, ep(1))
		in.HostAddresses = []netip.Addr{netip.MustParseAddr("10.0.1.10"), netip.MustParseAddr("192.168.7.5")}
		in.Config.NodePortAddresses, in.Config.BindAddress = []string{"primary"}, x.bind
		in.Node.Status.Addresses[0].Type = corev1.NodeAddressType(x.kind)
		rules := compile(t, in, IPv4).rules["nat KUBE-SERVICES"]
		if got := rules[len(rules)-1]; !strings.HasPrefix(got, x.want) {
			t.Errorf("bindAddress %q, %s: %s, want %s…", x.bind, x.kind, got, x.want)
		}
	}
}

// TestFixed is about what does not depend on Services.
func TestFixed(t *testing.T) {
	bit := func(n int32) *Input { in := one(nil); in.Config.IPTables.MasqueradeBit = &n; return in }
	for _, x := range []struct {
		name  string
		in    *Input
		chain string
		want  []string
	}{
		{"bit 0", bit(0), "nat KUBE-MARK-MASQ", []string{"-j MARK --set-xmark 0x1/0x1"}},
		{"bit 31", bit(31), "nat KUBE-POSTROUTING", []string{"-m mark ! --mark 0x80000000/0x80000000 -j RETURN", "-j MARK --set-xmark 0x80000000/0x0",
			`-m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully`}},
	} {
		if d := cmp.Diff(x.want, compile(t, x.in, IPv4).rules[x.chain]); d != "" {
			t.Errorf("%s (-want +got):\n%s", x.name, d)
		}
	}
	in := one(nil)
	in.NoNFAcct = true
	if got := compile(t, in, IPv4).rules["filter KUBE-FORWARD"][0]; got != "-m conntrack --ctstate INVALID -j DROP" {
		t.Errorf("without nfacct: %s", got)
	}
	in.Services = one(nodePort).Services
	in.EndpointSlices[0].Endpoints = append(in.EndpointSlices[0].Endpoints, ep(1))
	if got := compile(t, in, IPv4).rules["nat KUBE-NODEPORTS"]; len(got) != 1 {
		t.Errorf("without nfacct a node port has %d rules, want one: %q", len(got), got)
	}
	in = one(nil)
	in.Config.Conntrack.TCPBeLiberal = true
	if got := compile(t, in, IPv4).rules["filter KUBE-FORWARD"]; len(got) != 2 {
		t.Errorf("liberal: %q", got)
	}
	if in.Sysctls()["net.netfilter.nf_conntrack_tcp_be_liberal"] != "1" {
		t.Errorf("sysctls %v", in.Sysctls())
	}
	// kubelet's own rule is there whatever kube-proxy is told; it makes none for IPv6.
	in = one(nil)
	in.KubeletFirst, in.Config.IPTables.LocalhostNodePorts = true, pointer(false)
	v4, v6 := compile(t, in, IPv4), compile(t, in, IPv6)
	if len(v4.rules["filter KUBE-FIREWALL"]) != 1 || len(v6.rules["filter KUBE-FIREWALL"]) != 0 {
		t.Errorf("kubelet's rules: %q, %q", v4.rules["filter KUBE-FIREWALL"], v6.rules["filter KUBE-FIREWALL"])
	}
	if in4, in6 := v4.rules["filter INPUT"], v6.rules["filter INPUT"]; in4[3] != "-j KUBE-FIREWALL" || in6[0] != "-j KUBE-FIREWALL" {
		t.Errorf("kubelet's jump: %q, %q", in4, in6)
	}
	for _, chain := range []string{"mangle KUBE-IPTABLES-HINT", "mangle KUBE-KUBELET-CANARY", "nat KUBE-KUBELET-CANARY", "filter KUBE-KUBELET-CANARY"} {
		if !slices.Contains(v4.order, chain) || !slices.Contains(v6.order, chain) {
			t.Errorf("no %s", chain)
		}
	}
}

// TestPolicyLocalElsewhere: endpoints there are, none of them here.
func TestPolicyLocalElsewhere(t *testing.T) {
	d := compile(t, one(func(s *corev1.Service) { externalLocal(s); internalLocal(s) }, ep(1)), IPv4)
	note := `-m comment --comment "default/web has no local endpoints" `
	for chain, want := range map[string][]string{
		"filter KUBE-SERVICES":          {"-d 10.96.0.20/32 -p tcp " + note + "-m tcp --dport 80 -j DROP"},
		"filter KUBE-EXTERNAL-SERVICES": {"-p tcp " + note + "-m addrtype --dst-type LOCAL -m tcp --dport 30080 -j DROP"},
	} {
		if d := cmp.Diff(want, d.rules[chain]); d != "" {
			t.Errorf("%s (-want +got):\n%s", chain, d)
		}
	}
	// What comes from this node's pods or from the node still goes to any endpoint.
	if ext := d.rules["nat "+chainName(EXT, "default/web", corev1.ProtocolTCP)]; len(ext) != 3 || targets(d, SVC) != "1" {
		t.Errorf("KUBE-EXT %q, targets %q", ext, targets(d, SVC))
	}
}

// TestHealthCheck: the node port for health checks answers for policy Local alone, and even where no endpoint is.
func TestHealthCheck(t *testing.T) {
	for policy, want := range map[corev1.ServiceExternalTrafficPolicy]int{corev1.ServiceExternalTrafficPolicyLocal: 1, corev1.ServiceExternalTrafficPolicyCluster: 0} {
		d := compile(t, one(func(s *corev1.Service) {
			balanced(s)
			s.Spec.ExternalTrafficPolicy, s.Spec.HealthCheckNodePort = policy, 32000
		}), IPv4)
		if got := d.rules["filter KUBE-NODEPORTS"]; len(got) != want {
			t.Errorf("%s: %q, want %d rules", policy, got, want)
		}
	}
}

// TestExternalIPLocal: an external IP alone makes a Service external, so that its external policy holds.
func TestExternalIPLocal(t *testing.T) {
	for name, change := range map[string]func(*corev1.Service){
		"an external IP":                     func(s *corev1.Service) { s.Spec.ExternalIPs = []string{"192.0.2.1"} },
		"one of the other family and a port": func(s *corev1.Service) { nodePort(s); s.Spec.ExternalIPs = []string{"2001:db8::1"} },
	} {
		d := compile(t, one(func(s *corev1.Service) {
			s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
			change(s)
		}, ep(1), ep(2, "here")), IPv4)
		if got := targets(d, SVC) + " | " + targets(d, SVL); got != "1 2 | 2" {
			t.Errorf("%s: %q, want policy Local to have endpoint 2", name, got)
		}
	}
}

// TestSkipped are Services without rules of their own.
func TestSkipped(t *testing.T) {
	for name, change := range map[string]func(*corev1.Service){
		"headless":                func(s *corev1.Service) { s.Spec.ClusterIP, s.Spec.ClusterIPs = "None", []string{"None"} },
		"ExternalName":            func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeExternalName },
		"another proxy's":         func(s *corev1.Service) { s.Labels = map[string]string{serviceProxyName: "mesh"} },
		"no cluster IP":           func(s *corev1.Service) { s.Spec.ClusterIP, s.Spec.ClusterIPs = "", nil },
		"of the other IP version": func(s *corev1.Service) { s.Spec.ClusterIP, s.Spec.ClusterIPs = "fd00::20", []string{"fd00::20"} },
	} {
		d := compile(t, one(change, ep(1)), IPv4)
		if n := len(d.rules["nat KUBE-SERVICES"]) + len(d.rules["filter KUBE-SERVICES"]); n != 1 {
			t.Errorf("%s: %d rules, want the node port jump alone", name, n)
		}
	}
}

// TestExternalIPsGate: without the gate there are no rules for external IPs.
func TestExternalIPsGate(t *testing.T) {
	for _, on := range []bool{true, false} {
		in := one(func(s *corev1.Service) { s.Spec.ExternalIPs = []string{"192.0.2.1", "2001:db8::1"} }, ep(1))
		in.Config.FeatureGates = map[string]bool{"AllowServiceExternalIPs": on}
		got := strings.Contains(strings.Join(compile(t, in, IPv4).rules["nat KUBE-SERVICES"], "\n"), "-d 192.0.2.1/32")
		if got != on {
			t.Errorf("gate %v: rules %v", on, got)
		}
	}
}

// TestLarge: more than 1000 endpoints, ready or not, and comments go.
func TestLarge(t *testing.T) {
	for _, x := range []struct {
		n    int
		want bool
	}{{1000, true}, {1001, false}} {
		var eps []discoveryv1.Endpoint
		for i := range x.n {
			e := ep(1, "unready")
			e.Addresses[0] = netip.AddrFrom4([4]byte{10, 1, byte(i / 250), byte(i % 250)}).String()
			eps = append(eps, e)
		}
		eps[0] = ep(7)
		d := compile(t, one(nil, eps...), IPv4)
		svc := d.rules["nat "+chainName(SVC, "default/web", corev1.ProtocolTCP)]
		if got := strings.Contains(svc[1], "-m comment"); got != x.want || len(svc) != 2 {
			t.Errorf("%d endpoints: comment %v in %s", x.n, got, svc[1])
		}
	}
}

func TestNames(t *testing.T) {
	// As the real kube-proxy named them for the recording dual-stack.
	for _, x := range []struct{ got, want string }{
		{portName("shop", "api", "http"), "shop/api:http"},
		{portName("default", "web", ""), "default/web"},
		{chainName(SVC, "default/dual:http", corev1.ProtocolTCP), "KUBE-SVC-FWEJ5PXIIDWNU55J"},
		{chainName(FW, "default/dual:http", corev1.ProtocolTCP), "KUBE-FW-FWEJ5PXIIDWNU55J"},
		{chainName(SVC, "default/v6only", corev1.ProtocolTCP), "KUBE-SVC-F5EFVWS5QC2FCLT5"},
		{endpointChainName("default/v6only", corev1.ProtocolTCP, "[fd00:10:244:2::8d]:8080"), "KUBE-SEP-3TYBL5N2AF435XAE"},
	} {
		if x.got != x.want {
			t.Errorf("%s, want %s", x.got, x.want)
		}
	}
}

func TestProbability(t *testing.T) {
	for n, want := range map[int]string{2: "0.50000000000", 3: "0.33333333349", 1001: "0.00099900085"} {
		if got := probability(n); got != want {
			t.Errorf("one in %d: %s, want %s", n, got, want)
		}
	}
}

// TestErrors: what cannot be compiled is said, with the object.
func TestErrors(t *testing.T) {
	for _, x := range []struct {
		name   string
		change func(*Input)
		want   string
	}{
		{"another mode", func(in *Input) { in.Config.Mode = "ipvs" }, `kube-proxy: mode "ipvs" is not compiled (want iptables or nftables)`},
		{"no node", func(in *Input) { in.Node = nil }, "no Node"},
		{"no pod CIDR", func(in *Input) { in.Config.DetectLocalMode = cluster.LocalModeNodeCIDR }, "node node-a: spec.podCIDR: missing"},
		{"mode of detection", func(in *Input) { in.Config.DetectLocalMode = "Guess" }, `detectLocalMode: "Guess" (want ClusterCIDR, `},
		{"bit", func(in *Input) { in.Config.IPTables.MasqueradeBit = pointer[int32](32) }, "iptables.masqueradeBit: 32 (want 0 to 31)"},
		{"cluster CIDR", func(in *Input) { in.Config.ClusterCIDR = "10.244.0.0" }, `clusterCIDR: "10.244.0.0" is no prefix`},
		{"node port addresses", func(in *Input) { in.Config.NodePortAddresses = []string{"here"} }, `nodePortAddresses: "here" is no prefix`},
		{"bind address", func(in *Input) { in.Config.BindAddress = "here" }, `bindAddress: "here" is no IP address`},
		{"node address", func(in *Input) { in.Node.Status.Addresses[0].Address = "x" }, `node node-a: InternalIP: "x" is no IP address`},
		{"cluster IP", func(in *Input) { in.Services[0].Spec.ClusterIPs[0] = "10.96.0.300" }, `Service default/web: clusterIPs: "10.96.0.300" is no IP address`},
		{"external IP", func(in *Input) { in.Services[0].Spec.ExternalIPs = []string{"a"} }, `Service default/web: externalIPs: "a" is no IP address`},
		{"VIP", func(in *Input) { in.Services[0].Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "a"}} }, `Service default/web: loadBalancer ingress: "a"`},
		{"range", func(in *Input) { in.Services[0].Spec.LoadBalancerSourceRanges = []string{"a"} }, `Service default/web: loadBalancerSourceRanges: "a" is no prefix`},
		{"endpoint", func(in *Input) { in.EndpointSlices[0].Endpoints[0].Addresses[0] = "a" }, `EndpointSlice default/web-1: endpoints[0]: "a" is no IP address`},
		{"endpoint port", func(in *Input) { in.EndpointSlices[0].Ports[0].Port = pointer[int32](70000) }, "EndpointSlice default/web-1: endpoints[0]: port 70000 (want 1 to 65535)"},
		{"endpoint family", func(in *Input) { in.EndpointSlices[0].Endpoints[0].Addresses[0] = "fd00::1" }, "fd00::1 is no IPv4 address"},
	} {
		in := one(nil, ep(1))
		x.change(in)
		if _, err := Rules(in, IPv4); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: error %v, want %s", x.name, err, x.want)
		}
	}
	if _, err := Rules(&Input{}, IPv4); err == nil {
		t.Error("no error without a Node")
	}
}

// TestParseHostAddresses: an interface's own addresses; the other end of a point-to-point link is no address of this node.
func TestParseHostAddresses(t *testing.T) {
	got, err := ParseHostAddresses("lo               UNKNOWN        127.0.0.1/8 ::1/128 \neth0@if7    UP             10.0.1.10/24 metric 512 fe80::1/64\n\ntun0 UP 10.1.0.1 peer 10.1.0.2/32\neth1 DOWN\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := "[127.0.0.1 ::1 10.0.1.10 fe80::1 10.1.0.1]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s", got, want)
	}
	for text, want := range map[string]string{
		"lo UP 127.0.0.1/8\neth0 UP 10.0.1/24\n": `line 2: "10.0.1/24" is no address`,
		"tun0 UP 10.1.0.1 peer there\n":          `line 1: "there" is no address`,
		"eth0 UP 512 10.0.1.10/24\n":             `line 1: "512" is no address`,
		"10.0.1.10\n":                            `line 1: "10.0.1.10" (want interface, state and addresses`,
	} {
		if _, err := ParseHostAddresses(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// TestFamily walks the values.
func TestFamily(t *testing.T) {
	if IPv4.String() != "IPv4" || IPv6.String() != "IPv6" {
		t.Error("names")
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic for a family that is none")
		}
	}()
	_ = Family(0).String()
}

// BenchmarkRules compiles 10,000 Services with 5 endpoints each.
func BenchmarkRules(b *testing.B) {
	in := one(nil)
	in.Services, in.EndpointSlices = nil, nil
	for i := range 10000 {
		s := one(nil).Services[0]
		s.Name = fmt.Sprintf("web-%d", i)
		s.Spec.ClusterIP = netip.AddrFrom4([4]byte{10, 96, byte(i / 250), byte(i % 250)}).String()
		s.Spec.ClusterIPs = []string{s.Spec.ClusterIP}
		var eps []discoveryv1.Endpoint
		for n := range 5 {
			e := ep(n)
			e.Addresses[0] = netip.AddrFrom4([4]byte{10, 128 + byte(n), byte(i / 250), byte(i % 250)}).String()
			eps = append(eps, e)
		}
		sl := slice(s.Name+"-1", eps...)
		sl.Labels[discoveryv1.LabelServiceName] = s.Name
		in.Services, in.EndpointSlices = append(in.Services, s), append(in.EndpointSlices, sl)
	}
	b.ReportAllocs()
	rules := 0
	for b.Loop() {
		rs, err := Rules(in, IPv4)
		if err != nil {
			b.Fatal(err)
		}
		for _, t := range rs.Tables {
			for _, c := range t.Chains {
				rules += len(c.Rules)
			}
		}
	}
	b.ReportMetric(float64(rules)/b.Elapsed().Seconds(), "rules/s")
	b.ReportMetric(float64(rules)/float64(b.N), "rules")
}
