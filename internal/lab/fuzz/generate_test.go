package fuzz

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/trace"
)

// TestGenerate holds that what is made is legal: it compiles, every edit applies, nothing is not understood, and the tracer
// walks every flow. And that there is some of everything.
func TestGenerate(t *testing.T) {
	seen := map[string]int{}
	networks, flows := uint64(300), 6
	if testing.Short() {
		networks = 60
	}
	for seed := range networks {
		d, err := Generate(seed, Features{})
		if err != nil {
			t.Fatal(err)
		}
		seen["cni "+d.CNI()]++
		for _, o := range d.Options() {
			k, _, _ := strings.Cut(o, "=")
			seen["option "+k]++
		}
		for _, l := range d.Edits() {
			note(seen, l)
		}
		text := d.cluster()
		for _, w := range []string{"type: NodePort", "type: LoadBalancer", "externalTrafficPolicy: Local", "internalTrafficPolicy: Local", "sessionAffinity: ClientIP", "externalIPs:",
			"kind: EndpointSlice", "kind: NetworkPolicy", "ipBlock:", "except:", "natGateways:", "securityGroups:", "image: al2", "detectLocalMode:", "encapsulation: None", "kind: IPPool"} {
			if strings.Contains(text, w) {
				seen["cluster "+w]++
			}
		}
		top, err := d.Case(lab.Flow{}).Topology()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := understood(top); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		for i := range flows {
			f := d.Flow(i)
			seen["protocol "+f.Protocol]++
			q, err := (&lab.Recording{Flow: f, Topology: top}).Query(true)
			if err != nil {
				t.Fatalf("seed %d, flow %d: %v", seed, i, err)
			}
			tr, err := trace.Run(top, q)
			if err != nil {
				t.Errorf("seed %d, flow %d: %v", seed, i, err)
				continue
			}
			seen["outcome "+Outcome(tr)]++
		}
	}
	if testing.Short() {
		return // too few for everything to be there
	}
	for _, want := range everything {
		if seen[want] == 0 {
			t.Errorf("%s: never, in %d networks; there is %s", want, networks, strings.Join(slices.Sorted(maps.Keys(seen)), ", "))
		}
	}
}

var reWord = regexp.MustCompile(`-j [A-Z]+|-m [a-z]+|--reject-with [a-z-]+|-t [a-z]+|-g `)

// note counts what an edit is about.
func note(seen map[string]int, l string) {
	e, err := ParseEdit(l)
	if err != nil {
		seen[err.Error()]++
		return
	}
	seen["edit "+e.Verb]++
	switch e.Verb {
	case "sysctl":
		k, _, _ := strings.Cut(e.Text, "=")
		seen["sysctl "+k[strings.LastIndex(k, ".")+1:]]++
	case "iptables":
		for _, w := range reWord.FindAllString(e.Text, -1) {
			seen["iptables "+strings.TrimSpace(w)]++
		}
	default:
		for _, w := range strings.Fields(e.Text) {
			seen[e.Verb+" "+w]++
		}
	}
}

// everything is what a few hundred networks must have some of.
var everything = []string{
	"cni aws-vpc-cni", "cni calico-vxlan in a VPC", "cni calico-vxlan on premises", "cni calico-vxlan-crosssubnet in a VPC", "cni calico-vxlan-crosssubnet on premises",
	"cni calico-bgp in a VPC", "cni calico-bgp on premises",
	"option cni", "option externalsnat", "option randomizesnat", "option excludesnatcidrs", "option nodeport", "option externalservicecidrs", "option vpccidrs",
	"option customnetworking", "option prefixdelegation", "option natoutgoing", "option networkpolicy", "option bgp", "option sourcecheck", "option podingress",
	"option masqueradeall", "option clustercidr", "option kubeproxy", "option connmark", "option natfirst",
	"cluster type: NodePort", "cluster type: LoadBalancer", "cluster externalTrafficPolicy: Local", "cluster internalTrafficPolicy: Local", "cluster sessionAffinity: ClientIP",
	"cluster externalIPs:", "cluster kind: EndpointSlice", "cluster kind: NetworkPolicy", "cluster ipBlock:", "cluster except:", "cluster natGateways:", "cluster securityGroups:",
	"cluster image: al2", "cluster detectLocalMode:", "cluster encapsulation: None", "cluster kind: IPPool",
	"edit sysctl", "edit rule", "edit route", "edit address", "edit iptables",
	"sysctl rp_filter", "sysctl src_valid_mark", "sysctl accept_local", "sysctl route_localnet", "sysctl forwarding", "sysctl arp_ignore", "sysctl proxy_arp", "sysctl ip_forward",
	"rule fwmark", "rule iif", "rule oif", "rule to", "rule not", "rule goto", "rule nop", "rule blackhole", "rule prohibit", "rule unreachable", "rule ipproto", "rule sport",
	"rule dport", "rule tos", "rule suppress_prefixlength",
	"route blackhole", "route unreachable", "route prohibit", "route throw", "route local", "route table", "route metric", "route src", "route mtu", "route onlink", "route nexthop",
	"iptables -t raw", "iptables -t mangle", "iptables -t nat", "iptables -t filter", "iptables -g",
	"iptables -j MARK", "iptables -j CONNMARK", "iptables -j RETURN", "iptables -j REJECT", "iptables -j DROP", "iptables -j ACCEPT", "iptables -j CT", "iptables -j DNAT",
	"iptables -j SNAT", "iptables -j MASQUERADE", "iptables -j REDIRECT", "iptables -j TTL", "iptables -j FUZZ",
	"iptables --reject-with icmp-port-unreachable", "iptables --reject-with icmp-host-unreachable", "iptables --reject-with icmp-net-unreachable",
	"iptables --reject-with icmp-proto-unreachable", "iptables --reject-with icmp-net-prohibited", "iptables --reject-with icmp-host-prohibited",
	"iptables --reject-with icmp-admin-prohibited", "iptables --reject-with tcp-reset",
	"iptables -m conntrack", "iptables -m mark", "iptables -m connmark", "iptables -m multiport", "iptables -m addrtype", "iptables -m icmp", "iptables -m tcp", "iptables -m udp",
	"iptables -m set", "iptables -m statistic", "iptables -m comment", "iptables -m rpfilter",
	"protocol tcp", "protocol udp", "protocol icmp",
	"outcome delivered", "outcome rejected: closed-port", "outcome rejected: rule-reject", "outcome dropped: rule-drop", "outcome dropped: ttl-exceeded", "outcome dropped: too-big",
	"outcome dropped: fabric-too-big", "outcome dropped: rp-filter-failed", "outcome dropped: martian-source", "outcome dropped: forwarding-off", "outcome dropped: neighbour-failed",
	"outcome dropped: route-none", "outcome dropped: route-blackhole", "outcome dropped: route-unreachable", "outcome dropped: route-prohibit", "outcome dropped: source-check-failed",
	"outcome dropped: group-ingress-denied", "outcome dropped: group-egress-denied", "outcome dropped: internet-gateway-none", "outcome rejected: closed-port (reply)",
}

// TestSwitches holds that what a kernel may lack comes only where it was asked for.
func TestSwitches(t *testing.T) {
	for want, with := range map[string]Features{"ipip": {IPIP: true}, "securitygroups=": {Branches: true}} {
		count := [2]int{}
		for i, f := range []Features{{}, with} {
			for seed := range uint64(120) {
				d, err := Generate(seed, f)
				if err != nil {
					t.Fatal(err)
				}
				if text := strings.ToLower(d.cluster() + strings.Join(d.Options(), "\n")); strings.Contains(text, want) {
					count[i]++
				}
			}
		}
		if count[0] != 0 || count[1] == 0 {
			t.Errorf("%s: %d times without the switch and %d times with it, want 0 and some", want, count[0], count[1])
		}
	}
}

// TestDeterministic holds that a seed says everything, and that a flow does not depend on those before it.
func TestDeterministic(t *testing.T) {
	write := func(seed uint64, order ...int) string {
		d, err := Generate(seed, Features{IPIP: true})
		if err != nil {
			t.Fatal(err)
		}
		texts := make([]string, len(order))
		for _, i := range order {
			text, err := d.Case(d.Flow(i)).Format()
			if err != nil {
				t.Fatal(err)
			}
			texts[i] = string(text)
		}
		return strings.Join(texts, "\n")
	}
	last := ""
	for seed := range uint64(40) {
		a, b := write(seed, 0, 1, 2), write(seed, 2, 0, 1)
		if a != b {
			t.Errorf("seed %d: two networks:\n%s\n%s", seed, a, b)
		}
		if a == last {
			t.Errorf("seed %d gives what the seed before it gave", seed)
		}
		last = a
	}
	run := func() string {
		var out bytes.Buffer
		if _, err := Run(t.Context(), Config{Seed: 7, Networks: 12, Every: 4}, &fake{}, &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if a, b := run(), run(); a != b {
		t.Errorf("two runs of one seed:\n%s\n%s", a, b)
	}
}

// TestFlowPorts holds that no two flows of a network have the same client's end: they share one kernel's connection table.
func TestFlowPorts(t *testing.T) {
	d, err := Generate(3, Features{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i := range 40 {
		f := d.Flow(i)
		key := fmt.Sprint(f.Protocol, f.ClientPort)
		if seen[key] {
			t.Errorf("flow %d has %s again", i, key)
		}
		seen[key] = true
	}
}
