package cluster

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Check reports everything in the objects that the API server or kube-proxy would refuse and that rules depend on, and an
// EndpointSlice that can do nothing because its label or its port names are wrong. It holds for completed objects, see
// SetDefaults.
func (o *Objects) Check(file string) error { return errors.Join(o.check(file, nil)...) }

// check checks the objects that stand behind a cluster; nil for objects by themselves.
func (o *Objects) check(file string, c *Cluster) []error {
	k := &objectChecker{o: o, file: file, services: map[string]*corev1.Service{},
		names: map[string]bool{}, nodePorts: map[portKey]string{}, clusterIPs: map[addrPortKey]string{}}
	if c != nil {
		for _, n := range c.Nodes {
			if n != nil {
				k.described = append(k.described, n.Name)
			}
		}
		slices.Sort(k.described)
	}
	for i, n := range o.Nodes {
		if n == nil {
			k.bad(nil, "Nodes["+itoa(i)+"]", "", "nil")
			continue
		}
		k.node(n)
	}
	for i, s := range o.Services {
		if s == nil {
			k.bad(nil, "Services["+itoa(i)+"]", "", "nil")
			continue
		}
		k.service(s)
	}
	for i, e := range o.EndpointSlices {
		if e == nil {
			k.bad(nil, "EndpointSlices["+itoa(i)+"]", "", "nil")
			continue
		}
		k.slice(e)
	}
	if o.KubeProxy != nil {
		k.kubeProxy(o.KubeProxy)
	}
	o.NetworkObjects.check(k)
	return k.problems
}

type portKey struct {
	port     int32
	protocol corev1.Protocol
}

type addrPortKey struct {
	addr netip.Addr
	portKey
}

// objectChecker walks the objects once and remembers what must be unique.
type objectChecker struct {
	o          *Objects
	file       string
	described  []string                   // the cluster's nodes, sorted; none for objects by themselves
	services   map[string]*corev1.Service // by namespace/name
	names      map[string]bool            // kind and name
	nodePorts  map[portKey]string         // whose each is
	clusterIPs map[addrPortKey]string
	problems   []error
}

// bad reports a problem of an object at a field of it ("" for the object itself).
func (k *objectChecker) bad(object any, who, field, format string, args ...any) {
	p := &Problem{File: k.file, Field: who, Reason: fmt.Sprintf(format, args...)}
	if at, ok := k.o.where[object]; ok {
		p.Line = at.line(pathOf(field)...)
	}
	if field != "" {
		p.Field += ": " + field
	}
	k.problems = append(k.problems, p)
}

// subject is one object under check.
type subject struct {
	k      *objectChecker
	object any
	who    string
}

func (s subject) bad(field, format string, args ...any) {
	s.k.bad(s.object, s.who, field, format, args...)
}

// subject starts the check of an object: its name is valid and no other has it.
func (k *objectChecker) subject(object any, kind, namespace, name string) (subject, bool) {
	full := name
	if namespace != "" {
		full = namespace + "/" + name
	}
	s := subject{k, object, strings.TrimSpace(kind + " " + full)}
	if name == "" {
		s.bad("metadata.name", "missing (want a name)")
		return s, false
	}
	valid, field, value := validation.IsDNS1123Subdomain(name), "metadata.name", name
	if kind == "Service" {
		valid = validation.IsDNS1123Label(name)
	}
	if len(valid) == 0 && !clusterScoped[kind] {
		valid, field, value = validation.IsDNS1123Label(namespace), "metadata.namespace", namespace
	}
	if len(valid) > 0 {
		s.bad(field, "%q is no name (want lower-case letters, digits and '-')", value)
		return s, false
	}
	if k.names[s.who] {
		s.bad("", "is there twice")
		return s, false
	}
	k.names[s.who] = true
	return s, true
}

// oneOf checks a value of a closed set; "" is the default where the set has "".
func oneOf[T ~string](s subject, field string, value T, want ...T) bool {
	if slices.Contains(want, value) {
		return true
	}
	var names []string
	for _, w := range want {
		if w != "" {
			names = append(names, string(w))
		}
	}
	s.bad(field, "%q (want %s)", string(value), strings.Join(names, ", "))
	return false
}

func (s subject) addr(field, value string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(value)
	if err != nil || a.Zone() != "" || a.Is4In6() {
		s.bad(field, "%q is no IP address", value)
		return a, false
	}
	return a, true
}

func (s subject) prefix(field, value string) (netip.Prefix, bool) {
	p, err := parsePrefix(value)
	if err != nil {
		s.bad(field, "%q is no prefix (want one such as 10.0.0.0/16)", value)
	}
	return p, err == nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err == nil && p.Addr().Is4In6() {
		err = errors.New("an IPv4 address in IPv6 form")
	}
	return p, err
}

func (s subject) port(field string, port int32) bool {
	if port < 1 || port > 65535 {
		s.bad(field, "%d (want 1 to 65535)", port)
		return false
	}
	return true
}

func (k *objectChecker) node(n *corev1.Node) {
	s, ok := k.subject(n, "Node", "", n.Name)
	if !ok {
		return
	}
	if _, ok := slices.BinarySearch(k.described, n.Name); !ok && len(k.described) > 0 {
		s.bad("metadata.name", "%q is none of the cluster's nodes (want one of %s)", n.Name, some(k.described))
	}
	for i, a := range n.Status.Addresses {
		if a.Type == corev1.NodeInternalIP || a.Type == corev1.NodeExternalIP {
			s.addr(fmt.Sprintf("status.addresses[%d].address", i), a.Address)
		}
	}
	if n.Spec.PodCIDR != "" {
		s.prefix("spec.podCIDR", n.Spec.PodCIDR)
	}
	for i, c := range n.Spec.PodCIDRs {
		s.prefix(fmt.Sprintf("spec.podCIDRs[%d]", i), c)
	}
}

func (k *objectChecker) slice(e *discoveryv1.EndpointSlice) {
	s, ok := k.subject(e, "EndpointSlice", e.Namespace, e.Name)
	if !ok {
		return
	}
	service := e.Labels[discoveryv1.LabelServiceName]
	if service == "" {
		s.bad("metadata.labels", "no %s (kube-proxy passes over a slice that does not say whose it is)", discoveryv1.LabelServiceName)
	}
	if !oneOf(s, "addressType", e.AddressType, discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6, discoveryv1.AddressTypeFQDN) {
		return
	}
	seen := map[string]bool{}
	for i, p := range e.Ports {
		at := func(field string) string { return fmt.Sprintf("ports[%d].%s", i, field) }
		name, protocol := "", corev1.ProtocolTCP
		if p.Name != nil {
			name = *p.Name
		}
		if p.Protocol != nil {
			protocol = *p.Protocol
		}
		if p.Port != nil {
			s.port(at("port"), *p.Port)
		}
		if !oneOf(s, at("protocol"), protocol, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP) {
			continue
		}
		if seen[name] {
			s.bad(at("name"), "%q is there twice", name)
		}
		seen[name] = true
		if svc := k.services[e.Namespace+"/"+service]; svc != nil {
			slicePort(s, at, svc, name, protocol)
		}
	}
	if e.AddressType == discoveryv1.AddressTypeFQDN {
		return
	}
	for i, ep := range e.Endpoints {
		if len(ep.Addresses) == 0 {
			s.bad(fmt.Sprintf("endpoints[%d].addresses", i), "missing (want an address)")
		}
		for j, text := range ep.Addresses {
			field := fmt.Sprintf("endpoints[%d].addresses[%d]", i, j)
			if a, ok := s.addr(field, text); ok && a.Is4() != (e.AddressType == discoveryv1.AddressTypeIPv4) {
				s.bad(field, "%v is no %s address, which this slice's addressType says", a, e.AddressType)
			}
		}
	}
}

// slicePort finds the Service's port that a slice's port is for. kube-proxy goes by name and protocol, never by number.
func slicePort(s subject, at func(string) string, svc *corev1.Service, name string, protocol corev1.Protocol) {
	if len(svc.Spec.Ports) == 0 {
		return // headless without ports: the slice may say what it likes
	}
	var names []string
	for _, p := range svc.Spec.Ports {
		if p.Name == name {
			if p.Protocol != protocol {
				s.bad(at("protocol"), "%s, but port %q of Service %s/%s is %s", protocol, name, svc.Namespace, svc.Name, p.Protocol)
			}
			return
		}
		names = append(names, cmp.Or(p.Name, "one without a name"))
	}
	s.bad(at("name"), "%q is no port of Service %s/%s (it has %s)", name, svc.Namespace, svc.Name, some(names))
}
