package cluster

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// NetworkObjects are the objects that network plugins act on: Calico's own, and the API's that its policies need.
type NetworkObjects struct {
	IPPools         []*IPPool
	IPAMBlocks      []*IPAMBlock
	Felix           *FelixConfiguration // nil: all defaults
	BGP             *BGPConfiguration   // nil: all defaults
	NetworkPolicies []*networkingv1.NetworkPolicy
	Namespaces      []*corev1.Namespace // others have no labels but their names
	ServiceAccounts []*corev1.ServiceAccount
}

const (
	networkingVersion = "networking.k8s.io/v1"
	calicoVersion     = "projectcalico.org/v3"
	// calicoStored is the form in which Calico keeps its objects in the API; a dump of the cluster has them so.
	calicoStored = "crd.projectcalico.org/v1"
)

// behindVersions are the kinds that are read behind a cluster only. A dump by itself may have any number of them, for
// which nothing but a network plugin has a use.
var behindVersions = map[string][]string{
	"Namespace": {coreVersion}, "ServiceAccount": {coreVersion}, "NetworkPolicy": {networkingVersion},
	"IPPool": {calicoVersion, calicoStored}, "FelixConfiguration": {calicoVersion, calicoStored},
	"IPAMBlock": {calicoVersion, calicoStored}, "BGPConfiguration": {calicoVersion, calicoStored},
}

// clusterScoped are the kinds that are in no namespace.
var clusterScoped = map[string]bool{"Node": true, "Namespace": true, "IPPool": true, "FelixConfiguration": true, "IPAMBlock": true, "BGPConfiguration": true}

// behind reads an object that counts behind a cluster only; false where it is none.
func (r *objectReader) behind(apiVersion, kind, name string, text []byte, at place) bool {
	if r.c == nil || !slices.Contains(behindVersions[kind], apiVersion) {
		return false
	}
	o := &r.o.NetworkObjects
	switch kind {
	case "Namespace":
		read(r, &o.Namespaces, kind, name, text, at)
	case "ServiceAccount":
		read(r, &o.ServiceAccounts, kind, withNamespace(name), text, at)
	case "NetworkPolicy":
		read(r, &o.NetworkPolicies, kind, withNamespace(name), text, at)
	case "IPPool":
		read(r, &o.IPPools, kind, name, text, at)
	case "IPAMBlock":
		read(r, &o.IPAMBlocks, kind, name, text, at)
	case "FelixConfiguration":
		one(r, &o.Felix, kind, name, text, at)
	case "BGPConfiguration":
		one(r, &o.BGP, kind, name, text, at)
	}
	return true
}

// read puts an object at the end of its kind's list.
func read[T any](r *objectReader, list *[]*T, kind, name string, text []byte, at place) {
	if x := decode[T](r, kind, name, text, at); x != nil {
		*list = append(*list, x)
	}
}

// one reads an object that there may be only one of. Calico has more of these, for single nodes (node.<name>), which are
// not acted on.
func one[T any](r *objectReader, into **T, kind, name string, text []byte, at place) {
	x := decode[T](r, kind, name, text, at)
	switch {
	case x == nil:
	case *into != nil:
		r.bad(at.line(), strings.TrimSpace(kind+" "+name), "a second one (want the one named default)")
	default:
		*into = x
	}
}

// setDefaults completes what the API server would have (pkg/apis/networking/v1/defaults.go, pkg/registry/core/namespace).
func (o *NetworkObjects) setDefaults() {
	for _, p := range o.NetworkPolicies {
		if p != nil {
			defaultPolicy(p)
		}
	}
	for _, n := range o.Namespaces {
		if n != nil && n.Labels[corev1.LabelMetadataName] == "" {
			if n.Labels == nil {
				n.Labels = map[string]string{}
			}
			n.Labels[corev1.LabelMetadataName] = n.Name
		}
	}
	for _, a := range o.ServiceAccounts {
		if a != nil {
			set(&a.Namespace, metav1.NamespaceDefault)
		}
	}
}

func defaultPolicy(p *networkingv1.NetworkPolicy) {
	set(&p.Namespace, metav1.NamespaceDefault)
	if len(p.Spec.PolicyTypes) == 0 {
		p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
		if len(p.Spec.Egress) > 0 {
			p.Spec.PolicyTypes = append(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
		}
	}
	protocol := func(ports []networkingv1.NetworkPolicyPort) {
		for i := range ports {
			if ports[i].Protocol == nil {
				tcp := corev1.ProtocolTCP
				ports[i].Protocol = &tcp
			}
		}
	}
	for _, r := range p.Spec.Ingress {
		protocol(r.Ports)
	}
	for _, r := range p.Spec.Egress {
		protocol(r.Ports)
	}
}

// NamespaceLabels are the labels of a Kubernetes namespace; one that the file does not have is there all the same where
// something is in it, with the label that the API server gives every namespace.
func (o *NetworkObjects) NamespaceLabels(name string) map[string]string {
	for _, n := range o.Namespaces {
		if n != nil && n.Name == name {
			return n.Labels
		}
	}
	return map[string]string{corev1.LabelMetadataName: name}
}
