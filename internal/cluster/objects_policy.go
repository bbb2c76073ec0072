package cluster

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// policy checks what the API server would refuse of a NetworkPolicy (pkg/apis/networking/validation of Kubernetes).
func (k *objectChecker) policy(p *networkingv1.NetworkPolicy) {
	s, ok := k.subject(p, "NetworkPolicy", p.Namespace, p.Name)
	if !ok {
		return
	}
	s.selector("spec.podSelector", &p.Spec.PodSelector)
	for i, t := range p.Spec.PolicyTypes {
		oneOf(s, fmt.Sprintf("spec.policyTypes[%d]", i), t, networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress)
	}
	for i, r := range p.Spec.Ingress {
		at := fmt.Sprintf("spec.ingress[%d].", i)
		s.policyPorts(at, r.Ports)
		s.peers(at+"from", r.From)
	}
	for i, r := range p.Spec.Egress {
		at := fmt.Sprintf("spec.egress[%d].", i)
		s.policyPorts(at, r.Ports)
		s.peers(at+"to", r.To)
	}
}

func (s subject) policyPorts(at string, ports []networkingv1.NetworkPolicyPort) {
	for i, p := range ports {
		at := func(name string) string { return fmt.Sprintf("%sports[%d].%s", at, i, name) }
		if p.Protocol != nil {
			oneOf(s, at("protocol"), *p.Protocol, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP)
		}
		switch {
		case p.Port == nil && p.EndPort != nil:
			s.bad(at("endPort"), "%d without a port (want the range's first port in port)", *p.EndPort)
		case p.Port == nil:
		case p.Port.Type == intstr.String:
			if len(validation.IsValidPortName(p.Port.StrVal)) > 0 {
				s.bad(at("port"), "%q is no port (want 1 to 65535, or a name of up to 15 lower-case letters, digits and '-')", p.Port.StrVal)
			}
			if p.EndPort != nil {
				s.bad(at("endPort"), "%d behind a named port (want a number in port)", *p.EndPort)
			}
		case !s.port(at("port"), p.Port.IntVal):
		case p.EndPort != nil && (*p.EndPort < p.Port.IntVal || *p.EndPort > 65535):
			s.bad(at("endPort"), "%d (want %d to 65535)", *p.EndPort, p.Port.IntVal)
		}
	}
}

func (s subject) peers(at string, peers []networkingv1.NetworkPolicyPeer) {
	for i, p := range peers {
		at := fmt.Sprintf("%s[%d]", at, i)
		switch {
		case p.IPBlock != nil && (p.PodSelector != nil || p.NamespaceSelector != nil):
			s.bad(at, "ipBlock beside a selector (want either: a peer is addresses or pods)")
		case p.IPBlock != nil:
			s.ipBlock(at+".ipBlock", p.IPBlock)
		case p.PodSelector == nil && p.NamespaceSelector == nil:
			s.bad(at, "empty (want podSelector, namespaceSelector or ipBlock; for everyone leave the list out)")
		}
		if p.PodSelector != nil {
			s.selector(at+".podSelector", p.PodSelector)
		}
		if p.NamespaceSelector != nil {
			s.selector(at+".namespaceSelector", p.NamespaceSelector)
		}
	}
}

func (s subject) ipBlock(at string, b *networkingv1.IPBlock) {
	whole, ok := s.prefix(at+".cidr", b.CIDR)
	if !ok {
		return
	}
	for i, text := range b.Except {
		at := fmt.Sprintf("%s.except[%d]", at, i)
		if p, ok := s.prefix(at, text); ok && (!whole.Masked().Contains(p.Addr()) || p.Bits() <= whole.Bits()) {
			s.bad(at, "%v is not within %v", p, whole)
		}
	}
}

// selector checks keys, values and operators of a label selector.
func (s subject) selector(at string, ls *metav1.LabelSelector) {
	root := field.NewPath("-")
	for _, err := range metav1validation.ValidateLabelSelector(ls, metav1validation.LabelSelectorValidationOptions{}, root) {
		s.bad(at+err.Field[1:], "%s", err.ErrorBody())
	}
}
