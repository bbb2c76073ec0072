package compile

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/podpath/podpath/internal/cluster"
)

// policyNames are sets of NetworkPolicies to try, all for the pods of namespace default: none; nothing may come in; the same,
// but for app=web from app=netshoot on port 8080; nothing may go out but questions to the cluster's DNS.
var policyNames = []string{"none", "default-deny", "allow-web", "egress-dns"}

// setPolicies replaces the description's NetworkPolicies by one of the sets.
func setPolicies(c *cluster.Cluster, name string) {
	if name == "default" {
		return
	}
	c.NetworkPolicies = nil
	add := func(p networkingv1.NetworkPolicy) {
		p.TypeMeta = metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"}
		p.Namespace = "default"
		c.NetworkPolicies = append(c.NetworkPolicies, &p)
	}
	deny := networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "default-deny"},
		Spec: networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}}}
	port := intstr.FromInt32(8080)
	tcp := corev1.ProtocolTCP
	switch name {
	case "default-deny":
		add(deny)
	case "allow-web":
		add(networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "allow-web"}, Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
			Ingress: []networkingv1.NetworkPolicyIngressRule{{
				From:  []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "netshoot"}}}},
				Ports: []networkingv1.NetworkPolicyPort{{Protocol: &tcp, Port: &port}},
			}},
		}})
		add(deny)
	case "egress-dns":
		udp, dns := corev1.ProtocolUDP, intstr.FromInt32(53)
		add(networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "egress-dns"}, Spec: networkingv1.NetworkPolicySpec{
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeEgress},
			Egress: []networkingv1.NetworkPolicyEgressRule{{
				To: []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": "kube-system"}},
					PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"k8s-app": "kube-dns"}}}},
				Ports: []networkingv1.NetworkPolicyPort{{Protocol: &udp, Port: &dns}, {Protocol: &tcp, Port: &dns}},
			}},
		}})
	}
}
