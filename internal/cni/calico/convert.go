package calico

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/podpath/podpath/internal/cluster"
)

// kindKNP is the kind that Kubernetes' NetworkPolicies have among Calico's policies, in comments and hashes.
const kindKNP = "KubernetesNetworkPolicy"

// policy is a NetworkPolicy as Calico's converter makes it (K8sNetworkPolicyToCalico,
// libcalico-go/lib/backend/k8s/conversion/conversion.go), with selectors as Felix gets them
// (libcalico-go/lib/backend/syncersv1/updateprocessors).
type policy struct {
	namespace, name string
	selector        selector
	selectorText    string // by which policies are grouped
	ingress, egress bool   // what it is for
	in, out         []allow
	active          bool // it selects a pod of the node
}

// allow is one rule of a policy: what is from or to a peer and to a port is let through.
type allow struct {
	protocol string // tcp, udp, sctp; "" for any
	ports    []portRange
	named    []string
	nets     []netip.Prefix // of the peer; at most one, since an ipBlock is a peer
	notNets  []netip.Prefix
	peer     *selector // nil where the peer is everyone or an ipBlock
	to       bool      // the peer is the destination
}

// id is what the policy's chains are named by.
func (p *policy) id() string { return "knp/" + p.namespace + "/" + p.name }

// policies are the cluster's policies in the order in which Felix asks them: all have the same order number, so it is by
// name, then namespace (PolKVLess, felix/calc/policy_sorter.go).
func policies(list []*networkingv1.NetworkPolicy) []*policy {
	out := make([]*policy, 0, len(list))
	for _, np := range list {
		out = append(out, convert(np))
	}
	slices.SortStableFunc(out, func(a, b *policy) int {
		return cmp.Compare(a.name+"/"+a.namespace+"/"+kindKNP, b.name+"/"+b.namespace+"/"+kindKNP)
	})
	return out
}

// convert converts a policy that is completed and checked (cluster.Read).
func convert(np *networkingv1.NetworkPolicy) *policy {
	pods := podTerms(&np.Spec.PodSelector)
	here := terms{equals(labelNamespace, np.Namespace)}
	p := &policy{namespace: np.Namespace, name: np.Name, selector: selector{pods, here}}
	p.selectorText = p.selector.String()
	for _, t := range np.Spec.PolicyTypes {
		p.ingress = p.ingress || t == networkingv1.PolicyTypeIngress
		p.egress = p.egress || t == networkingv1.PolicyTypeEgress
	}
	for _, r := range np.Spec.Ingress {
		p.in = append(p.in, allows(np.Namespace, r.From, r.Ports, false)...)
	}
	for _, r := range np.Spec.Egress {
		p.out = append(p.out, allows(np.Namespace, r.To, r.Ports, true)...)
	}
	return p
}

// protocolPorts are the ports of one protocol; none means all.
type protocolPorts struct {
	all    bool
	ranges []portRange
	named  []string
}

// allows makes a rule for every protocol and peer of a policy's rule, protocols first, by name (k8sRuleToCalico).
func allows(namespace string, peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort, to bool) []allow {
	byProtocol := map[string]*protocolPorts{}
	for _, p := range ports {
		protocol := string(*p.Protocol)
		x := byProtocol[protocol]
		if x == nil {
			x = &protocolPorts{}
			byProtocol[protocol] = x
		}
		x.add(p)
	}
	if len(ports) == 0 {
		byProtocol[""] = &protocolPorts{all: true}
	}
	var out []allow
	for _, protocol := range slices.Sorted(maps.Keys(byProtocol)) {
		x := byProtocol[protocol]
		base := allow{protocol: strings.ToLower(protocol), to: to}
		if !x.all {
			base.ports, base.named = joinPorts(x.ranges), x.named
		}
		if len(peers) == 0 {
			out = append(out, base)
		}
		for _, peer := range peers {
			a := base
			a.from(namespace, peer)
			out = append(out, a)
		}
	}
	return out
}

func (x *protocolPorts) add(p networkingv1.NetworkPolicyPort) {
	switch {
	case p.Port == nil:
		x.all = true
	case p.Port.Type == intstr.String:
		x.named = append(x.named, p.Port.StrVal)
	default:
		r := one(uint16(p.Port.IntVal))
		if p.EndPort != nil {
			r.last = uint16(*p.EndPort)
		}
		x.ranges = append(x.ranges, r)
	}
}

// from sets the peer (k8sPeerToCalicoFields; getEndpointSelector, updateprocessors/rules.go).
func (a *allow) from(namespace string, peer networkingv1.NetworkPolicyPeer) {
	if b := peer.IPBlock; b != nil {
		a.nets = prefixes(b.CIDR)
		for _, text := range b.Except {
			a.notNets = append(a.notNets, prefixes(text)...)
		}
		return
	}
	namespaces := terms{equals(labelNamespace, namespace)}
	if peer.NamespaceSelector != nil {
		namespaces = namespaceTerms(peer.NamespaceSelector)
	}
	a.peer = &selector{namespaces, podTerms(peer.PodSelector)}
}

func prefixes(text string) []netip.Prefix {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return nil // it was checked
	}
	return []netip.Prefix{p.Masked()}
}

// labelsOf are the labels by which selectors see a pod: its own, those that Calico adds, and those it inherits from its
// namespace and ServiceAccount where it has none of that name itself.
func labelsOf(p *cluster.Pod, namespace, account map[string]string) map[string]string {
	out := make(map[string]string, len(p.Labels)+len(namespace)+len(account)+5)
	for k, v := range account {
		out[accountPrefix+k] = v
	}
	out[accountPrefix+labelName] = p.Account()
	for k, v := range namespace {
		out[namespacePrefix+k] = v
	}
	out[namespacePrefix+labelName] = p.Namespace
	maps.Copy(out, p.Labels)
	out[labelNamespace], out[labelOrchestrator], out[labelServiceAccount] = p.Namespace, "k8s", p.Account()
	return out
}
