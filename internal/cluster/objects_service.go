package cluster

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

func (k *objectChecker) service(svc *corev1.Service) {
	s, ok := k.subject(svc, "Service", svc.Namespace, svc.Name)
	if !ok {
		return
	}
	k.services[svc.Namespace+"/"+svc.Name] = svc
	spec := &svc.Spec
	if !oneOf(s, "spec.type", spec.Type, corev1.ServiceTypeClusterIP, corev1.ServiceTypeNodePort, corev1.ServiceTypeLoadBalancer, corev1.ServiceTypeExternalName) {
		return
	}
	oneOf(s, "spec.sessionAffinity", spec.SessionAffinity, corev1.ServiceAffinityNone, corev1.ServiceAffinityClientIP, "")
	oneOf(s, "spec.externalTrafficPolicy", spec.ExternalTrafficPolicy, corev1.ServiceExternalTrafficPolicyCluster, corev1.ServiceExternalTrafficPolicyLocal, "")
	if p := spec.InternalTrafficPolicy; p != nil {
		oneOf(s, "spec.internalTrafficPolicy", *p, corev1.ServiceInternalTrafficPolicyCluster, corev1.ServiceInternalTrafficPolicyLocal)
	}
	if c := spec.SessionAffinityConfig; c != nil && c.ClientIP != nil && c.ClientIP.TimeoutSeconds != nil {
		if t := *c.ClientIP.TimeoutSeconds; t < 1 || t > 86400 {
			s.bad("spec.sessionAffinityConfig.clientIP.timeoutSeconds", "%d (want 1 to 86400)", t)
		}
	}
	headless := spec.ClusterIP == corev1.ClusterIPNone
	if len(spec.Ports) == 0 && !headless && spec.Type != corev1.ServiceTypeExternalName {
		s.bad("spec.ports", "missing (want at least one port)")
	}
	var ips []netip.Addr
	if spec.Type != corev1.ServiceTypeExternalName && !headless {
		ips = serviceIPs(s, svc)
	}
	serviceAddresses(s, svc)
	for i := range spec.Ports {
		k.servicePort(s, svc, i, ips)
	}
	if p := spec.HealthCheckNodePort; p != 0 && s.port("spec.healthCheckNodePort", p) {
		k.nodePort(s, "spec.healthCheckNodePort", portKey{p, corev1.ProtocolTCP})
	}
}

// serviceIPs checks the cluster IPs, one of each family that the Service names.
func serviceIPs(s subject, svc *corev1.Service) []netip.Addr {
	spec := &svc.Spec
	if spec.ClusterIP == "" {
		s.bad("spec.clusterIP", "missing (want an address of the cluster's Service range, or None; an API server would have chosen one)")
		return nil
	}
	var ips []netip.Addr
	for i, text := range spec.ClusterIPs {
		field := fmt.Sprintf("spec.clusterIPs[%d]", i)
		if i == 0 && text == spec.ClusterIP {
			field = "spec.clusterIP"
		} else if i == 0 {
			s.bad(field, "%q, but spec.clusterIP is %q", text, spec.ClusterIP)
		}
		a, ok := s.addr(field, text)
		if !ok {
			continue
		}
		ips = append(ips, a)
		if i < len(spec.IPFamilies) && a.Is4() != (spec.IPFamilies[i] == corev1.IPv4Protocol) {
			s.bad(field, "%v, but spec.ipFamilies[%d] is %s", a, i, spec.IPFamilies[i])
		}
	}
	if len(spec.ClusterIPs) > 2 || len(ips) == 2 && ips[0].Is4() == ips[1].Is4() {
		s.bad("spec.clusterIPs", "%s (want one, or one of each family)", strings.Join(spec.ClusterIPs, ", "))
	}
	for i, f := range spec.IPFamilies {
		oneOf(s, fmt.Sprintf("spec.ipFamilies[%d]", i), f, corev1.IPv4Protocol, corev1.IPv6Protocol)
	}
	return ips
}

// serviceAddresses checks the addresses beyond the cluster IPs.
func serviceAddresses(s subject, svc *corev1.Service) {
	for i, text := range svc.Spec.ExternalIPs {
		s.addr(fmt.Sprintf("spec.externalIPs[%d]", i), text)
	}
	for i, text := range svc.Spec.LoadBalancerSourceRanges {
		s.prefix(fmt.Sprintf("spec.loadBalancerSourceRanges[%d]", i), strings.TrimSpace(text)) // the API lets white space pass
	}
	for i, in := range svc.Status.LoadBalancer.Ingress {
		if in.IP != "" {
			s.addr(fmt.Sprintf("status.loadBalancer.ingress[%d].ip", i), in.IP)
		}
		if in.IPMode != nil {
			oneOf(s, fmt.Sprintf("status.loadBalancer.ingress[%d].ipMode", i), *in.IPMode, corev1.LoadBalancerIPModeVIP, corev1.LoadBalancerIPModeProxy)
		}
	}
}

func (k *objectChecker) servicePort(s subject, svc *corev1.Service, i int, ips []netip.Addr) {
	ports := svc.Spec.Ports
	p := ports[i]
	at := func(field string) string { return fmt.Sprintf("spec.ports[%d].%s", i, field) }
	switch {
	case p.Name == "" && len(ports) > 1:
		s.bad(at("name"), "missing (want one for each of several ports)")
	case p.Name != "" && len(validation.IsDNS1123Label(p.Name)) > 0:
		s.bad(at("name"), "%q is no name (want lower-case letters, digits and '-')", p.Name)
	case p.Name != "" && slices.ContainsFunc(ports[:i], func(o corev1.ServicePort) bool { return o.Name == p.Name }):
		s.bad(at("name"), "%q is there twice", p.Name)
	}
	if !oneOf(s, at("protocol"), p.Protocol, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP) {
		return
	}
	if s.port(at("port"), p.Port) {
		for _, a := range ips {
			key := addrPortKey{a, portKey{p.Port, p.Protocol}}
			if other, ok := k.clusterIPs[key]; ok {
				s.bad(at("port"), "%v is taken by %s (%s)", netip.AddrPortFrom(a, uint16(p.Port)), other, strings.ToLower(string(p.Protocol)))
				continue
			}
			k.clusterIPs[key] = s.who
		}
	}
	switch {
	case p.NodePort == 0:
	case svc.Spec.Type != corev1.ServiceTypeNodePort && svc.Spec.Type != corev1.ServiceTypeLoadBalancer:
		s.bad(at("nodePort"), "%d, but spec.type is %s (want NodePort or LoadBalancer)", p.NodePort, svc.Spec.Type)
	case s.port(at("nodePort"), p.NodePort):
		k.nodePort(s, at("nodePort"), portKey{p.NodePort, p.Protocol})
	}
}

func (k *objectChecker) nodePort(s subject, field string, key portKey) {
	if other, ok := k.nodePorts[key]; ok {
		s.bad(field, "%d is taken by %s (%s)", key.port, other, strings.ToLower(string(key.protocol)))
		return
	}
	k.nodePorts[key] = s.who
}
