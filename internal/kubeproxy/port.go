package kubeproxy

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// serviceProxyName is the label of Services that another proxy serves (pkg/proxy/apis/well_known_labels.go).
const serviceProxyName = "service.kubernetes.io/service-proxy-name"

// servicePort is one port of a Service in one family (BaseServicePortInfo, pkg/proxy/serviceport.go).
type servicePort struct {
	name      string // PortName
	path      string // namespace/service/protocol/port, as chains of nftables have it
	protocol  string // in lower case
	suffix    string // of its chains
	endpoints []*endpoint

	clusterIP                    netip.Addr
	port, nodePort               int32
	healthCheckNodePort          int32
	externalIPs, vips            []netip.Addr
	anyExternalIP                bool // also one that a feature gate keeps out of the rules
	ranges                       []netip.Prefix
	affinity                     bool
	affinitySeconds              int32
	externalLocal, internalLocal bool
}

func (p *servicePort) chain(prefix string) string { return prefix + p.suffix }

// external says whether the port is reached by anything but its cluster IP.
func (p *servicePort) external() bool {
	return p.nodePort != 0 || len(p.vips) > 0 || p.anyExternalIP
}

// usesCluster says whether policy Cluster is ever in use: for external traffic with policy Local it is too, since what comes
// from this node goes to any endpoint.
func (p *servicePort) usesCluster() bool { return !p.internalLocal || p.external() }

func (p *servicePort) usesLocal() bool { return p.internalLocal || p.externalLocal && p.external() }

// servicePorts are the ports that kube-proxy writes rules for, by namespace, name and order in the Service.
func servicePorts(in *Input, s *settings) ([]*servicePort, error) {
	endpoints, err := endpointsByPort(in.EndpointSlices, s)
	if err != nil {
		return nil, err
	}
	services := slices.Clone(in.Services)
	slices.SortStableFunc(services, func(a, b *corev1.Service) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	var ports []*servicePort
	var errs []error
	for _, svc := range services {
		common, err := newService(svc, s)
		if err != nil {
			errs = append(errs, fmt.Errorf("kube-proxy: Service %s/%s: %w", svc.Namespace, svc.Name, err))
			continue
		}
		if common == nil {
			continue
		}
		for _, x := range svc.Spec.Ports {
			p := *common
			protocol := cmp.Or(x.Protocol, corev1.ProtocolTCP)
			p.name, p.protocol = portName(svc.Namespace, svc.Name, x.Name), strings.ToLower(string(protocol))
			p.path = svc.Namespace + "/" + svc.Name + "/" + p.protocol + "/" + x.Name
			p.suffix = chainName("", p.name, protocol)
			p.port, p.nodePort = x.Port, x.NodePort
			p.endpoints = endpoints[portKey{svc.Namespace, svc.Name, x.Name, protocol}]
			for _, e := range p.endpoints {
				e.chain = endpointChainName(p.name, protocol, e.text)
			}
			ports = append(ports, &p)
		}
	}
	return ports, errors.Join(errs...)
}

// newService is what the ports of a Service have in common; nil for a Service without rules in this family
// (ShouldSkipService, pkg/proxy/util/utils.go; the watch's label selector, cmd/kube-proxy/app/server.go).
func newService(svc *corev1.Service, s *settings) (*servicePort, error) {
	spec := &svc.Spec
	if _, other := svc.Labels[serviceProxyName]; other || spec.ClusterIP == "" || spec.ClusterIP == corev1.ClusterIPNone ||
		spec.Type == corev1.ServiceTypeExternalName {
		return nil, nil
	}
	clusterIPs := spec.ClusterIPs
	if len(clusterIPs) == 0 {
		clusterIPs = []string{spec.ClusterIP}
	}
	ips, err := familyAddrs("clusterIPs", clusterIPs, s.family)
	if err != nil || len(ips) == 0 {
		return nil, err
	}
	p := &servicePort{clusterIP: ips[0]}
	external, err := familyAddrs("externalIPs", spec.ExternalIPs, s.family)
	if err != nil {
		return nil, err
	}
	if p.anyExternalIP = len(external) > 0; s.externalIPs {
		p.externalIPs = external
	}
	for _, x := range svc.Status.LoadBalancer.Ingress {
		// A load balancer that is a proxy of its own, or has only a hostname, sends to node ports or to pods.
		if x.IP == "" || x.IPMode != nil && *x.IPMode != corev1.LoadBalancerIPModeVIP {
			continue
		}
		vips, err := familyAddrs("loadBalancer ingress", []string{x.IP}, s.family)
		if err != nil {
			return nil, err
		}
		p.vips = append(p.vips, vips...)
	}
	if p.ranges, err = familyPrefixes(spec.LoadBalancerSourceRanges, s.family); err != nil {
		return nil, fmt.Errorf("loadBalancerSourceRanges: %w", err)
	}
	if slices.ContainsFunc(p.ranges, hasAny) {
		p.ranges = nil
	}
	if spec.SessionAffinity == corev1.ServiceAffinityClientIP {
		p.affinity, p.affinitySeconds = true, corev1.DefaultClientIPServiceAffinitySeconds
		if c := spec.SessionAffinityConfig; c != nil && c.ClientIP != nil && c.ClientIP.TimeoutSeconds != nil {
			p.affinitySeconds = *c.ClientIP.TimeoutSeconds
		}
	}
	// By the type of the Service, not by what it got so far (ExternallyAccessible, pkg/api/v1/service/util.go).
	accessible := spec.Type == corev1.ServiceTypeLoadBalancer || spec.Type == corev1.ServiceTypeNodePort || len(spec.ExternalIPs) > 0
	p.externalLocal = accessible && spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal
	p.internalLocal = spec.InternalTrafficPolicy != nil && *spec.InternalTrafficPolicy == corev1.ServiceInternalTrafficPolicyLocal
	if p.externalLocal && spec.Type == corev1.ServiceTypeLoadBalancer {
		p.healthCheckNodePort = spec.HealthCheckNodePort
	}
	return p, nil
}

func familyAddrs(field string, list []string, f Family) ([]netip.Addr, error) {
	var out []netip.Addr
	for _, text := range list {
		a, err := parseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
		if f.of(a) {
			out = append(out, a)
		}
	}
	return out, nil
}
