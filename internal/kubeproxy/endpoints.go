package kubeproxy

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// endpoint is one address and port of a Service port (BaseEndpointInfo, pkg/proxy/endpoint.go).
type endpoint struct {
	addr                        netip.Addr
	text                        string // "10.244.1.5:8080"
	local                       bool   // on this node
	ready, serving, terminating bool
	zones, nodes                []string // hints
	chain                       string
}

// draining endpoints take traffic where no ready one is left.
func (e *endpoint) draining() bool { return e.serving && e.terminating }

// portKey is what an EndpointSlice's port and a Service's port find each other by: never the number.
type portKey struct {
	namespace, service, port string
	protocol                 corev1.Protocol
}

// endpointsByPort collects the endpoints of each Service port, in the order of their text: "10.0.1.134:80" before
// "10.0.1.77:80" (pkg/proxy/endpointslicecache.go).
func endpointsByPort(slicesIn []*discoveryv1.EndpointSlice, s *settings) (map[portKey][]*endpoint, error) {
	all := map[portKey][]*endpoint{}
	at := map[portKey]map[netip.AddrPort]int{} // where each endpoint stands in its list
	want := discoveryv1.AddressTypeIPv4
	if s.family == IPv6 {
		want = discoveryv1.AddressTypeIPv6
	}
	for _, sl := range slicesIn {
		service := sl.Labels[discoveryv1.LabelServiceName]
		if _, headless := sl.Labels[corev1.IsHeadlessService]; headless || service == "" || sl.AddressType != want {
			continue
		}
		for _, p := range sl.Ports {
			if p.Port == nil || *p.Port == 0 {
				continue
			}
			key := portKey{sl.Namespace, service, "", corev1.ProtocolTCP}
			if p.Name != nil {
				key.port = *p.Name
			}
			if p.Protocol != nil {
				key.protocol = *p.Protocol
			}
			if at[key] == nil {
				at[key] = make(map[netip.AddrPort]int, len(sl.Endpoints))
			}
			for i := range sl.Endpoints {
				e, err := newEndpoint(&sl.Endpoints[i], *p.Port, s)
				if err != nil {
					return nil, fmt.Errorf("kube-proxy: EndpointSlice %s/%s: endpoints[%d]: %w", sl.Namespace, sl.Name, i, err)
				}
				if e == nil {
					continue
				}
				ap := netip.AddrPortFrom(e.addr, uint16(*p.Port))
				switch other, ok := at[key][ap]; {
				case !ok:
					at[key][ap] = len(all[key])
					all[key] = append(all[key], e)
				case !e.terminating: // an address used again goes to the pod that is not on its way out
					all[key][other] = e
				}
			}
		}
	}
	for _, list := range all {
		slices.SortFunc(list, func(a, b *endpoint) int { return cmp.Compare(a.text, b.text) })
	}
	return all, nil
}

// newEndpoint reads one endpoint; nil where it has no address.
func newEndpoint(x *discoveryv1.Endpoint, port int32, s *settings) (*endpoint, error) {
	if len(x.Addresses) == 0 {
		return nil, nil
	}
	a, err := parseAddr(x.Addresses[0]) // only the first is used
	if err != nil {
		return nil, err
	}
	if port < 1 || port > 65535 {
		return nil, fmt.Errorf("port %d (want 1 to 65535)", port)
	}
	if !s.family.of(a) {
		return nil, fmt.Errorf("%v is no %v address", a, s.family)
	}
	e := &endpoint{
		addr: a, text: netip.AddrPortFrom(a, uint16(port)).String(),
		local:       x.NodeName != nil && *x.NodeName == s.nodeName,
		ready:       x.Conditions.Ready == nil || *x.Conditions.Ready,
		serving:     x.Conditions.Serving == nil || *x.Conditions.Serving,
		terminating: x.Conditions.Terminating != nil && *x.Conditions.Terminating,
	}
	if x.Hints != nil {
		for _, z := range x.Hints.ForZones {
			e.zones = append(e.zones, z.Name)
		}
		for _, n := range x.Hints.ForNodes {
			e.nodes = append(e.nodes, n.Name)
		}
	}
	return e, nil
}

// usable are the endpoints of a Service port that each traffic policy may send to on this node, all of them together, and
// whether there is any on any node (CategorizeEndpoints, pkg/proxy/topology.go).
type usable struct {
	cluster, local, all []*endpoint
	any                 bool
}

func (p *servicePort) usable(s *settings) usable {
	var u usable
	if len(p.endpoints) == 0 {
		return u
	}
	if p.usesCluster() {
		fits := hinted(p.endpoints, s)
		u.cluster = filter(p.endpoints, func(e *endpoint) bool { return e.ready && fits(e) })
		if len(u.cluster) == 0 { // no ready one anywhere, for hints that leave none are not heeded
			u.cluster = filter(p.endpoints, (*endpoint).draining)
		}
		u.any = len(u.cluster) > 0
	}
	u.all = u.cluster
	if !p.usesLocal() {
		return u
	}
	u.any = u.any || slices.ContainsFunc(p.endpoints, func(e *endpoint) bool { return e.ready || e.draining() })
	u.local = filter(p.endpoints, func(e *endpoint) bool { return e.local && e.ready })
	if len(u.local) == 0 {
		u.local = filter(p.endpoints, func(e *endpoint) bool { return e.local && e.draining() })
	}
	used := make(map[*endpoint]bool, len(u.cluster)+len(u.local))
	for _, e := range slices.Concat(u.cluster, u.local) {
		used[e] = true
	}
	u.all = filter(p.endpoints, func(e *endpoint) bool { return used[e] })
	return u
}

// hinted gives the test that the slices' hints put on ready endpoints of policy Cluster: hints hold only where every ready
// endpoint has one and some name this node, or its zone (topologyModeFromHints, pkg/proxy/topology.go). The Service's own
// trafficDistribution is not asked.
func hinted(list []*endpoint, s *settings) func(*endpoint) bool {
	forNode := func(e *endpoint) bool { return slices.Contains(e.nodes, s.nodeName) }
	forZone := func(e *endpoint) bool { return slices.Contains(e.zones, s.zone) }
	allNodes, allZones, node, zone := true, true, false, false
	for _, e := range list {
		if !e.ready {
			continue
		}
		allNodes, node = allNodes && len(e.nodes) > 0, node || forNode(e)
		allZones, zone = allZones && len(e.zones) > 0, zone || forZone(e)
	}
	switch {
	case allNodes && node:
		return forNode
	case allZones && zone:
		return forZone
	}
	return func(*endpoint) bool { return true }
}

func filter(list []*endpoint, test func(*endpoint) bool) []*endpoint {
	var out []*endpoint
	for _, e := range list {
		if test(e) {
			out = append(out, e)
		}
	}
	return out
}
