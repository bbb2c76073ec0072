package redact

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/query"
)

// generated is a description with what the presets do not have: many pods on a node, names that begin alike and sort around
// Kubernetes' own, policies, pools, blocks, Node objects, a veth prefix of one's own.
func generated(seed uint64, plugin string) string {
	rng := rand.New(rand.NewPCG(seed, 1))
	words := []string{"api", "api-v2", "cart", "db", "db-0", "default-x", "edge", "kube-e", "zeta", "pay", "pay-1", "web", "acme"}
	word := func() string { return words[rng.IntN(len(words))] }
	var s strings.Builder
	fmt.Fprintf(&s, "name: acme-prod\n")
	site := plugin == "calico"
	net := []string{"10.20", "172.20", "192.168", "10.0"}[rng.IntN(4)]
	if site {
		fmt.Fprintf(&s, "onPremises:\n  subnets: [{name: rack-a, zone: hall-1, cidr: %[1]s.1.0/24}, {name: rack-b, zone: hall-1, cidr: %[1]s.2.0/24}]\n  router: {name: core, public: 45.33.32.%[2]d, bgp: true}\n", net, 10+rng.IntN(200))
	} else {
		fmt.Fprintf(&s, "vpc:\n  id: vpc-0a1b2c3d4e5f60718\n  region: eu-central-1\n  cidrs: [%[1]s.0.0/16]\n  internetGateway: igw-0123456789abcdef0\n  routeTables: [{name: out, routes: [{to: 0.0.0.0/0, via: igw-0123456789abcdef0}]}]\n"+
			"  subnets: [{name: rack-a, zone: eu-central-1a, cidr: %[1]s.1.0/24, routeTable: out}, {name: rack-b, zone: eu-central-1b, cidr: %[1]s.2.0/24, routeTable: out}]\n", net)
	}
	nodes := []string{"ip-10-20-1-4.eu-central-1.compute.internal", "worker.acme.example", "kube-w3"}
	s.WriteString("nodes:\n")
	for i, n := range nodes {
		if site {
			fmt.Fprintf(&s, "  - {name: %s, nics: [{subnet: rack-%c, address: %s.%d.%d}]}\n", n, 'a'+i%2, net, 1+i%2, 4+i)
		} else {
			fmt.Fprintf(&s, "  - {name: %s, enis: [{id: eni-0aaaaaaaaaaaaaaa%d, subnet: rack-%c, address: %s.%d.%d, public: 18.184.7.%d}]}\n", n, i, 'a'+i%2, net, 1+i%2, 4+i, 9+i)
		}
	}
	s.WriteString("pods:\n")
	used := map[string]bool{}
	for i, n := range nodes {
		for j := range 8 + rng.IntN(6) {
			name := fmt.Sprintf("%s-%d%d", word(), i, j)
			ns := []string{"default", "kube-system", "shop", "apps", "zoo"}[rng.IntN(5)]
			addr := fmt.Sprintf("%s.%d.%d", net, 1+i%2, 20+i*60+j*3)
			if site {
				addr = fmt.Sprintf("10.77.%d.%d", 3*i, 1+j*5)
			}
			if used[addr] {
				continue
			}
			used[addr] = true
			fmt.Fprintf(&s, "  - {namespace: %s, name: %s, node: %s, address: %s, labels: {app: %s, acme.example/tier: %s}, ports: [{name: http, port: 8080}]}\n", ns, name, n, addr, word(), word())
		}
	}
	s.WriteString("hosts: [{name: bank.example, address: 52.95.110.1}, {name: partner, address: 91.198.174.192}]\n")
	if site {
		s.WriteString("cni: {name: calico}\n---\napiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: acme}\nspec: {cidr: 10.77.0.0/16, ipipMode: CrossSubnet, natOutgoing: true}\n")
		for i := range 4 {
			fmt.Fprintf(&s, "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {namespace: shop, name: %s-p%d}\nspec:\n  podSelector: {matchLabels: {app: %s}}\n  ingress: [{from: [{podSelector: {matchLabels: {app: %s}}}, {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: apps}}}, {ipBlock: {cidr: 10.77.0.0/18, except: [10.77.3.0/24]}}], ports: [{port: http}, {port: 9090}]}]\n",
				word(), i, word(), word())
		}
	} else {
		fmt.Fprintf(&s, "cni: {name: aws-vpc-cni, env: {AWS_VPC_K8S_CNI_VETHPREFIX: acm, AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS: \"10.0.0.0/8,45.33.0.0/16\"}}\n---\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\ndetectLocalMode: InterfaceNamePrefix\ndetectLocal: {interfaceNamePrefix: acm}\n")
	}
	for i, w := range words {
		ns := []string{"default", "kube-system", "shop", "apps", "zoo"}[i%5]
		fmt.Fprintf(&s, "---\napiVersion: v1\nkind: Service\nmetadata: {namespace: %s, name: %s}\nspec: {type: NodePort, clusterIP: 172.30.%d.%d, selector: {app: %s}, ports: [{name: http, port: 80, targetPort: http, nodePort: %d}]}\n",
			ns, w, i%3, 5+i, w, 30100+i)
	}
	fmt.Fprintf(&s, "---\napiVersion: v1\nkind: Node\nmetadata: {name: %s, labels: {topology.kubernetes.io/zone: eu-central-1a, acme.example/pool: gold}}\nstatus: {addresses: [{type: InternalIP, address: %s.1.4}, {type: Hostname, address: %s}]}\n", nodes[0], net, nodes[0])
	return s.String()
}

// TestGenerated compares traces of descriptions that no preset is like, and all ways that chance can take in them.
func TestGenerated(t *testing.T) {
	total := 0
	for seed := range uint64(6) {
		for _, plugin := range []string{"aws-vpc-cni", "calico"} {
			t.Run(fmt.Sprint(plugin, seed), func(t *testing.T) {
				text := generated(seed, plugin)
				out := redacted(t, Input{Description, text})
				a, b := compiled(t, text, nil), compiled(t, out.Text, nil)
				p := newPairing(t, out)
				rng := rand.New(rand.NewPCG(seed, 2))
				for range 60 {
					from, to := a.Places[rng.IntN(len(a.Places))], a.Places[rng.IntN(len(a.Places))]
					if from.Name == to.Name || !from.Sends() {
						continue
					}
					r := query.Request{From: from.Name, To: to.Name}
					total += p.compare(a, b, r)
					switch to.Kind {
					case compile.Service:
						total += p.choices(a, b, r)
					default:
						total += p.compare(a, b, query.Request{From: from.Name, To: to.Address.String(), Protocol: "icmp"})
					}
				}
				for _, from := range a.Places {
					if from.Sends() {
						total += p.compare(a, b, query.Request{From: from.Name, To: "svc/shop/cart", PortName: "http"})
					}
				}
			})
		}
	}
	t.Logf("%d traces compared", total)
	if total < 300 {
		t.Errorf("%d traces compared", total)
	}
}
