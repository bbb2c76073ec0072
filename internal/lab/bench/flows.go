package bench

import (
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/lab/build"
	"github.com/podpath/podpath/internal/lab/measure"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// flow is a flow in a network.
type flow struct {
	title    string
	services int // of a cluster that is made for it; 0: the preset
	options  map[string]string
	request  query.Request
}

const (
	preset  = "eks-study"
	udpPort = 9000
	payload = 64 // as measure sends
)

// flows are those of the presets, and one for each number of Services.
func flows(services []int) []flow {
	udp := func(from, to string, port int) query.Request {
		return query.Request{From: from, To: to, Protocol: "udp", DstPort: port, Payload: payload}
	}
	pods := udp("pod/default/netshoot-1", "pod/default/netshoot-3", udpPort)
	out := []flow{
		{title: "pod to pod on another node", request: pods},
		// From a node that has none of the endpoints: every one is on another node.
		{title: "pod to ClusterIP", request: udp("pod/default/netshoot-4", "svc/kube-system/kube-dns", 53)},
		{title: "pod to pod, Calico VXLAN", options: map[string]string{compile.CNIKey: "calico-vxlan"}, request: pods},
	}
	for _, n := range services {
		// Rules that either iptables can load: the plugin's connmark among them, and not in nft's own words.
		out = append(out, flow{title: fmt.Sprintf("pod to ClusterIP, %d Services", n), services: n, options: map[string]string{"iptables": "legacy"},
			request: udp("pod/default/client", "", udpPort)})
	}
	return out
}

// open compiles the flow's network.
func (f *flow) open() (*compile.Compiled, *query.Request, error) {
	c, err := f.cluster()
	if err != nil {
		return nil, nil, err
	}
	made, err := compile.Compile(c, f.options)
	if err != nil {
		return nil, nil, err
	}
	r := f.request
	r.Options = f.options
	if f.services > 0 {
		to, err := middle(made.Topology)
		if err != nil {
			return nil, nil, err
		}
		r.To = to.String()
	}
	return made, &r, nil
}

func (f *flow) cluster() (*cluster.Cluster, error) {
	if f.services == 0 {
		return compile.Preset(preset)
	}
	return many(f.services)
}

// twoNodes is a cluster of two nodes in a VPC, a client on one and a server on the other.
const twoNodes = `name: many-services
vpc:
  cidrs: [192.168.0.0/16]
  subnets:
    - {name: a, zone: a, cidr: 192.168.1.0/24}
    - {name: b, zone: b, cidr: 192.168.2.0/24}
nodes:
  - {name: node-a, enis: [{subnet: a, address: 192.168.1.10}]}
  - {name: node-b, enis: [{subnet: b, address: 192.168.2.10}]}
pods:
  - {namespace: default, name: client, node: node-a, address: 192.168.1.20}
  - {namespace: default, name: server, node: node-b, address: 192.168.2.20, labels: {app: server}}
`

// many is that cluster with so many Services of type ClusterIP, one UDP port and one endpoint each: to the kernel and the
// tracer it is nothing that all have the same pod.
func many(n int) (*cluster.Cluster, error) {
	c, err := cluster.Read([]byte(twoNodes), "many-services.yaml")
	if err != nil {
		return nil, err
	}
	for i := range n {
		c.Services = append(c.Services, &corev1.Service{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprintf("s-%05d", i)},
			Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, ClusterIP: serviceIP(i).String(), Selector: map[string]string{"app": "server"},
				Ports: []corev1.ServicePort{{Name: "udp", Port: udpPort, Protocol: corev1.ProtocolUDP, TargetPort: intstr.FromInt32(udpPort)}}},
		})
	}
	return c, nil
}

// MaxServices is how many cluster IPs serviceIP has.
const MaxServices = 1 << 16

func serviceIP(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 100, byte(i >> 8), byte(i)}) }

// middle is the Service whose rule is in the middle of KUBE-SERVICES: a new flow goes through half of them on the client's
// node, as one does on average, and through all on the server's.
func middle(t *topology.Topology) (netip.Addr, error) {
	ns, err := t.Namespace("node-a")
	if err != nil {
		return netip.Addr{}, err
	}
	var all []netip.Addr
	for l := range strings.Lines(ns.State("iptables")) {
		w := strings.Fields(l)
		if len(w) < 4 || w[0] != "-A" || w[1] != "KUBE-SERVICES" {
			continue
		}
		for i := 2; i+1 < len(w); i++ {
			if p, err := netip.ParsePrefix(w[i+1]); w[i] == "-d" && err == nil {
				all = append(all, p.Addr())
			}
		}
	}
	if len(all) == 0 {
		return netip.Addr{}, fmt.Errorf("node-a: KUBE-SERVICES has no rule for an address")
	}
	return all[len(all)/2], nil
}

// conversation is a traced flow as the kernel is to have it: whichever endpoint chance takes there answers.
func conversation(net *build.Net, made *compile.Compiled, t *trace.Trace, cpu int) (*measure.Conversation, error) {
	end := t.Packets[t.End(&t.Legs[0]).Packet]
	at := []netip.AddrPort{netip.AddrPortFrom(end.IP.Dst, end.L4.DstPort)}
	for _, c := range t.Choices {
		for _, o := range c.Options {
			if a, err := netip.ParseAddrPort(o.Label); err == nil && a != at[0] {
				at = append(at, a)
			}
		}
	}
	c := &measure.Conversation{CPU: cpu, Client: net.Space(t.Query.From), From: t.Packets[0].IP.Src, To: netip.AddrPortFrom(t.Query.To, t.Query.DstPort)}
	for _, a := range at {
		for _, p := range made.Places {
			if p.Kind == topology.Pod && p.Address == a.Addr() {
				c.Servers = append(c.Servers, measure.Server{Space: net.Space(p.Name), At: a})
			}
		}
	}
	if len(c.Servers) != len(at) {
		return nil, fmt.Errorf("%d of the endpoints %v are pods", len(c.Servers), at)
	}
	return c, nil
}

// legacy loads the nodes' rules once more, with the older iptables: x_tables walks them then, and nf_tables has none.
func legacy(net *build.Net, t *topology.Topology) error {
	for _, name := range t.Names() {
		ns, err := t.Namespace(name)
		if err != nil {
			return err
		}
		rules := ns.State("iptables")
		if ns.Kind != topology.Node || rules == "" {
			continue
		}
		s := net.Space(name)
		if _, err := s.Run("", "nft", "flush", "ruleset"); err != nil {
			return err
		}
		if _, err := s.Run(rules, build.LegacyRestore); err != nil {
			return err
		}
	}
	return nil
}
