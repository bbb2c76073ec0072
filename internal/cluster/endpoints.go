package cluster

import (
	"maps"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Slices are the EndpointSlices of all Services: those of the description, and for a Service with a selector and without
// one, what the endpoint slice controller would make of the pods (kubernetes/pkg/controller/endpointslice, utils.go). So a
// description that moves a pod moves the endpoint with it.
func (c *Cluster) Slices() []*discoveryv1.EndpointSlice {
	out := slices.Clone(c.EndpointSlices)
	given := map[string]bool{}
	for _, s := range c.EndpointSlices {
		given[s.Namespace+"/"+s.Labels[discoveryv1.LabelServiceName]] = true
	}
	var found *selection // made when a Service first needs it
	for _, s := range c.Services {
		if len(s.Spec.Selector) > 0 && s.Spec.Type != corev1.ServiceTypeExternalName && !given[s.Namespace+"/"+s.Name] {
			if found == nil {
				found = newSelection(c)
			}
			out = append(out, found.slicesOf(s)...)
		}
	}
	return out
}

// selection finds the pods that a selector may take without looking at all: a cluster may have 10,000 Services and 150,000
// pods.
type selection struct {
	zones  map[string]string    // by node
	byPair map[labelPair][]*Pod // in the description's order
}

type labelPair struct{ namespace, key, value string }

func newSelection(c *Cluster) *selection {
	f := &selection{zones: make(map[string]string, len(c.Nodes)), byPair: map[labelPair][]*Pod{}}
	for _, n := range c.Nodes {
		f.zones[n.Name] = c.ZoneOf(n)
	}
	for _, p := range c.Pods {
		for k, v := range p.Labels {
			pair := labelPair{p.Namespace, k, v}
			f.byPair[pair] = append(f.byPair[pair], p)
		}
	}
	return f
}

// pods are those that a Service's selector takes.
func (f *selection) pods(s *corev1.Service) []*Pod {
	var few []*Pod
	first := true
	for k, v := range s.Spec.Selector {
		if l := f.byPair[labelPair{s.Namespace, k, v}]; first || len(l) < len(few) {
			few, first = l, false
		}
	}
	var out []*Pod
	for _, p := range few {
		if selects(s.Spec.Selector, p.Labels) {
			out = append(out, p)
		}
	}
	return out
}

// slicesOf makes a Service's slices: one for each set of port numbers, since a named target port may have another number
// in another pod. A Service without a pod has one slice without endpoints.
func (f *selection) slicesOf(s *corev1.Service) []*discoveryv1.EndpointSlice {
	var out []*discoveryv1.EndpointSlice
	byPorts := map[string]*discoveryv1.EndpointSlice{}
	for _, p := range f.pods(s) {
		ports := portsOf(s, p)
		key := portsKey(ports)
		if byPorts[key] == nil {
			byPorts[key] = newSlice(s, len(out), ports)
			out = append(out, byPorts[key])
		}
		byPorts[key].Endpoints = append(byPorts[key].Endpoints, endpoint(s, p, f.zones[p.Node]))
	}
	if len(out) == 0 {
		out = append(out, newSlice(s, 0, nil))
	}
	return out
}

func newSlice(s *corev1.Service, n int, ports []discoveryv1.EndpointPort) *discoveryv1.EndpointSlice {
	labels := map[string]string{discoveryv1.LabelServiceName: s.Name, discoveryv1.LabelManagedBy: "endpointslice-controller.k8s.io"}
	if s.Spec.ClusterIP == corev1.ClusterIPNone {
		labels[corev1.IsHeadlessService] = ""
	}
	return &discoveryv1.EndpointSlice{
		TypeMeta:    metav1.TypeMeta{APIVersion: "discovery.k8s.io/v1", Kind: "EndpointSlice"},
		ObjectMeta:  metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name + "-" + strconv.Itoa(n), Labels: labels},
		AddressType: discoveryv1.AddressTypeIPv4, Ports: ports,
	}
}

// endpoint is a pod as an endpoint of a Service, which may ask for pods that are not ready (podToEndpoint in utils.go). No
// pod of a description is terminating.
func endpoint(s *corev1.Service, p *Pod, zone string) discoveryv1.Endpoint {
	serving, not := !p.NotReady, false
	ready := serving || s.Spec.PublishNotReadyAddresses
	e := discoveryv1.Endpoint{Addresses: []string{p.Address.String()}, NodeName: &p.Node,
		Conditions: discoveryv1.EndpointConditions{Ready: &ready, Serving: &serving, Terminating: &not},
		TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: p.Namespace, Name: p.Name}}
	if zone != "" {
		e.Zone = &zone
	}
	return e
}

// ZoneOf is the zone of a node's primary card; "" where that is not said.
func (c *Cluster) ZoneOf(n *Node) string {
	if cards := n.Cards(); len(cards) > 0 {
		if s := c.Subnet(cards[0].Subnet); s != nil {
			return s.Zone
		}
	}
	return ""
}

// selects says whether a Service's selector takes a pod with these labels.
func selects(selector, labels map[string]string) bool {
	for k, v := range selector {
		if have, ok := labels[k]; !ok || have != v {
			return false
		}
	}
	return true
}

// portsOf are a Service's ports as a pod has them. A port whose name the pod does not have is left out.
func portsOf(s *corev1.Service, p *Pod) []discoveryv1.EndpointPort {
	var out []discoveryv1.EndpointPort
	for i := range s.Spec.Ports {
		sp := &s.Spec.Ports[i]
		protocol := sp.Protocol
		if protocol == "" {
			protocol = corev1.ProtocolTCP
		}
		number := sp.TargetPort.IntVal
		switch {
		case sp.TargetPort.Type == intstr.String:
			number = p.port(sp.TargetPort.StrVal, string(protocol))
		case number == 0:
			number = sp.Port // targetPort left out: the Service's own
		}
		if number != 0 {
			out = append(out, discoveryv1.EndpointPort{Name: &sp.Name, Port: &number, Protocol: &protocol})
		}
	}
	return out
}

// port is the number of a pod's named port; 0 where it has none.
func (p *Pod) port(name, protocol string) int32 {
	for _, x := range p.Ports {
		if x.Name == name && (x.Protocol == protocol || x.Protocol == "" && protocol == "TCP") {
			return int32(x.Port)
		}
	}
	return 0
}

func portsKey(ports []discoveryv1.EndpointPort) string {
	all := map[string]bool{}
	for _, p := range ports {
		all[*p.Name+"/"+string(*p.Protocol)+"/"+strconv.Itoa(int(*p.Port))] = true
	}
	key := ""
	for _, s := range slices.Sorted(maps.Keys(all)) {
		key += s + " "
	}
	return key
}
