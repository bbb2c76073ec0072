package cluster

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
)

// calicoGood is a cluster with every object that Calico acts on.
const calicoGood = `name: small
vpc:
  cidrs: [10.0.0.0/16]
  subnets:
    - {name: a, zone: zone-a, cidr: 10.0.1.0/24}
nodes:
  - {name: n1, enis: [{subnet: a, address: 10.0.1.10}]}
  - {name: n2, mtu: 1500, enis: [{subnet: a, address: 10.0.1.20}]}
pods:
  - {namespace: default, name: web, node: n1, address: 192.168.0.1, serviceAccount: web}
  - {namespace: default, name: db, node: n2, address: 192.168.0.65}
cni: {name: calico}
---
apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {name: pool}
spec: {cidr: 192.168.0.0/16, vxlanMode: CrossSubnet, natOutgoing: true}
---
apiVersion: crd.projectcalico.org/v1
kind: FelixConfiguration
metadata: {name: default}
spec: {defaultEndpointToHostAction: ACCEPT, vxlanVNI: 4096, healthEnabled: true, flowLogsGoldmaneServer: here, awsSrcDstCheck: Disable}
---
apiVersion: projectcalico.org/v3
kind: BGPConfiguration
metadata: {name: default}
spec: {asNumber: 64512}
---
apiVersion: v1
kind: Namespace
metadata: {name: default, labels: {team: x}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: default}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p}
spec:
  podSelector: {matchExpressions: [{key: app, operator: In, values: [web]}]}
  ingress:
  - ports: [{port: 80, endPort: 90}, {port: http}]
    from:
    - ipBlock: {cidr: 10.0.0.0/8, except: [10.9.0.0/16]}
    - namespaceSelector: {matchLabels: {team: x}}
`

func TestReadCalico(t *testing.T) {
	c, err := Read([]byte(calicoGood), "x.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(); err != nil {
		t.Errorf("checked without its file: %v", err)
	}
	pool := c.Pools()[0]
	if len(c.Pools()) != 1 || pool.Prefix() != netip.MustParsePrefix("192.168.0.0/16") || pool.BlockBits() != 26 || !pool.VXLAN() || pool.IPIP() || !pool.CrossSubnet() {
		t.Errorf("pool %+v", pool.Spec)
	}
	if c.PoolOf(c.Pods[0].Address) != pool || c.PoolOf(netip.MustParseAddr("10.0.0.1")) != nil {
		t.Error("which pool an address is in")
	}
	if c.Pods[0].Account() != "web" || c.Pods[1].Account() != "default" {
		t.Error("ServiceAccounts")
	}
	if c.HostMTU(c.Nodes[0]) != 9001 || c.HostMTU(c.Nodes[1]) != 1500 {
		t.Error("MTUs")
	}
	if got := c.NotActedOn(); !slices.Equal(got, []string{"FelixConfiguration default: spec.flowLogsGoldmaneServer"}) {
		t.Errorf("not acted on: %q", got)
	}
	other := *c
	other.CNI.Name = "aws-vpc-cni"
	if got := other.NotActedOn(); !slices.Equal(got, []string{"NetworkPolicy default/p"}) {
		t.Errorf("not acted on by another plugin: %q", got)
	}
	if !c.Nodes[0].ENIs[0].NoSourceCheck {
		t.Error("Felix turns the source check off")
	}
	p := c.NetworkPolicies[0]
	if p.Namespace != "default" || !slices.Equal(p.Spec.PolicyTypes, []networkingv1.PolicyType{"Ingress"}) || *p.Spec.Ingress[0].Ports[0].Protocol != "TCP" {
		t.Errorf("defaults of a NetworkPolicy: %+v", p)
	}
	if l := c.NamespaceLabels("default"); l["team"] != "x" || l["kubernetes.io/metadata.name"] != "default" || c.NamespaceLabels("other")["kubernetes.io/metadata.name"] != "other" {
		t.Errorf("namespaces' labels: %v", l)
	}
}

func TestDefaultPool(t *testing.T) {
	for _, x := range []struct{ encapsulation, vxlan, ipip string }{
		{"", "Always", "Never"}, {"VXLAN", "Always", "Never"}, {"VXLANCrossSubnet", "CrossSubnet", "Never"},
		{"IPIP", "Never", "Always"}, {"IPIPCrossSubnet", "Never", "CrossSubnet"}, {"None", "Never", "Never"},
	} {
		c := &Cluster{CNI: CNI{Name: CalicoName, Encapsulation: x.encapsulation}}
		p := c.Pools()[0]
		if p.Name != "default-ipv4-ippool" || p.Prefix().String() != "10.244.0.0/16" || p.BlockBits() != 26 || !p.Spec.NATOutgoing ||
			p.Spec.VXLANMode != x.vxlan || p.Spec.IPIPMode != x.ipip {
			t.Errorf("%q: %+v", x.encapsulation, p.Spec)
		}
	}
}

// TestCalicoProblems changes one line of a good description.
func TestCalicoProblems(t *testing.T) {
	const felix = "healthEnabled: true"
	for _, x := range []struct{ name, old, new, want string }{
		{"a pod outside every pool", "address: 192.168.0.65", "address: 10.0.1.65", "x.yaml:11: pods[1].address: 10.0.1.65 is in no IPPool (want one of pool 192.168.0.0/16)"},
		{"two nodes in a block", "address: 192.168.0.65", "address: 192.168.0.2", "x.yaml:11: pods[1].address: 192.168.0.2 is in block 192.168.0.0/26, which node n1 has for pod/default/web"},
		{"an ENI", "address: 192.168.0.65", "address: 192.168.0.65, eni: 1", "x.yaml:11: pods[1].eni: 1 (want 0"},
		{"a branch", "address: 192.168.0.65", "address: 192.168.0.65, branch: {vlan: 3}", "x.yaml:11: pods[1].branch: is the AWS VPC CNI's"},
		{"an encapsulation beside a pool", "{name: calico}", "{name: calico, encapsulation: IPIP}", "x.yaml:12: cni.encapsulation: beside an IPPool"},
		{"an encapsulation of no name", "{name: calico}", "{name: calico, encapsulation: gre}", `x.yaml:12: cni.encapsulation: "gre" (want VXLAN, `},
		{"an MTU", "mtu: 1500", "mtu: 15", "x.yaml:8: nodes[1].mtu: 15 (want 576 to 65535)"},

		{"no prefix", "cidr: 192.168.0.0/16", "cidr: 192.168.0.0", `x.yaml:17: IPPool pool: spec.cidr: "192.168.0.0" is no prefix`},
		{"host bits", "cidr: 192.168.0.0/16", "cidr: 192.168.0.1/16", "IPPool pool: spec.cidr: 192.168.0.1/16 has host bits set (want 192.168.0.0/16)"},
		{"two pools that overlap", "natOutgoing: true}", "natOutgoing: true}\n---\napiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: other}\nspec: {cidr: 192.168.9.0/24}", "x.yaml:22: IPPool other: spec.cidr: 192.168.9.0/24 overlaps IPPool pool (192.168.0.0/16)"},
		{"both encapsulations", "vxlanMode: CrossSubnet", "vxlanMode: Always, ipipMode: Always", "IPPool pool: spec.ipipMode: Always beside vxlanMode Always (want Never in one"},
		{"a mode of no name", "vxlanMode: CrossSubnet", "vxlanMode: Sometimes", `spec.vxlanMode: "Sometimes" (want Never, Always, CrossSubnet)`},
		{"a small block size", "natOutgoing: true", "blockSize: 15", "IPPool pool: spec.blockSize: 15 (want 20 to 32)"},
		{"a node selector", "natOutgoing: true", "nodeSelector: x == 'y'", `spec.nodeSelector: "x == 'y'" cannot be acted on`},
		{"an unknown field", "natOutgoing: true", "natoutgoing: true", "IPPool pool: spec.natoutgoing: unknown field"},
		{"a use", "natOutgoing: true", "allowedUses: [Tunnel]", "pods[0].address: 192.168.0.1 is in IPPool pool, which is not for workloads"},
		{"a use of no name", "natOutgoing: true", "allowedUses: [Pods]", `spec.allowedUses[0]: "Pods" (want Workload, Tunnel, LoadBalancer)`},
		{"a version", "projectcalico.org/v3\nkind: IPPool", "projectcalico.org/v1\nkind: IPPool", "projectcalico.org/v1 IPPool pool: is not read behind a cluster"},
		{"Calico's own policy", "networking.k8s.io/v1", "projectcalico.org/v3", "projectcalico.org/v3 NetworkPolicy p: is not read behind a cluster"},

		{"an unknown setting", felix, "healthEnbled: true", "FelixConfiguration default: spec.healthEnbled: unknown field"},
		{"an action", felix, "iptablesFilterAllowAction: Drop", `spec.iptablesFilterAllowAction: "Drop" (want Accept, Return)`},
		{"reject", felix, "iptablesFilterDenyAction: Reject", "spec.iptablesFilterDenyAction: cannot be acted on (want Drop"},
		{"eBPF", felix, "bpfEnabled: true", "spec.bpfEnabled: cannot be acted on (want false"},
		{"nftables", felix, "nftablesMode: Enabled", "spec.nftablesMode: cannot be acted on (want Auto or Disabled"},
		{"a tunnel without a pool", felix, "ipipEnabled: true", "x.yaml: FelixConfiguration default: spec.ipipEnabled: true cannot be acted on (want false or nothing"},
		{"a pool without its tunnel", felix, "vxlanEnabled: false", "FelixConfiguration default: spec.vxlanEnabled: false cannot be acted on"},
		{"append", felix, "chainInsertMode: Append", "spec.chainInsertMode: cannot be acted on (want Insert)"},
		{"marks", felix, "iptablesMarkMask: 65535", "spec.iptablesMarkMask: cannot be acted on"},
		{"a VNI", "vxlanVNI: 4096", "vxlanVNI: 16777216", "spec.vxlanVNI: 16777216 (want 0 to 16777215)"},
		{"an interface filter", felix, "iptablesNATOutgoingInterfaceFilter: 'eth0 -j DROP'", "spec.iptablesNATOutgoingInterfaceFilter"},
		{"a node's own configuration", "kind: FelixConfiguration\nmetadata: {name: default}", "kind: FelixConfiguration\nmetadata: {name: node.n1}", `metadata.name: "node.n1" cannot be acted on (want default)`},
		{"Felix and BIRD", felix, "programClusterRoutes: Enabled}\n---\napiVersion: projectcalico.org/v3\nkind: BGPConfiguration\nmetadata: {name: default}\nspec: {programClusterRoutes: Enabled", "spec.programClusterRoutes: Enabled, and in FelixConfiguration too"},
		{"a second configuration", "asNumber: 64512}", "asNumber: 64512}\n---\napiVersion: projectcalico.org/v3\nkind: BGPConfiguration\nmetadata: {name: default}", "BGPConfiguration default: a second one"},
		{"no mesh", "asNumber: 64512", "nodeToNodeMeshEnabled: false", "spec.nodeToNodeMeshEnabled: false cannot be acted on"},

		{"an operator", "operator: In", "operator: Near", "NetworkPolicy default/p: spec.podSelector.matchExpressions[0].operator"},
		{"an operator without values", "operator: In, values: [web]", "operator: In", "spec.podSelector.matchExpressions[0].values"},
		{"a label value", "team: x}}\n", "team: 'x y'}}\n", "spec.ingress[0].from[1].namespaceSelector"},
		{"a range that ends before it begins", "endPort: 90", "endPort: 70", "spec.ingress[0].ports[0].endPort: 70 (want 80 to 65535)"},
		{"a range of a name", "port: http", "port: http, endPort: 90", "spec.ingress[0].ports[1].endPort: 90 behind a named port"},
		{"a range from nowhere", "port: 80, endPort: 90", "endPort: 90", "spec.ingress[0].ports[0].endPort: 90 without a port"},
		{"a port", "port: 80, endPort: 90", "port: 70000", "spec.ingress[0].ports[0].port: 70000 (want 1 to 65535)"},
		{"a port's name", "port: http", "port: HTTP_", `spec.ingress[0].ports[1].port: "HTTP_" is no port`},
		{"a protocol", "port: http", "port: http, protocol: ICMP", `spec.ingress[0].ports[1].protocol: "ICMP" (want TCP, UDP, SCTP)`},
		{"an exception outside", "except: [10.9.0.0/16]", "except: [11.0.0.0/16]", "spec.ingress[0].from[0].ipBlock.except[0]: 11.0.0.0/16 is not within 10.0.0.0/8"},
		{"an exception of everything", "except: [10.9.0.0/16]", "except: [10.0.0.0/8]", "except[0]: 10.0.0.0/8 is not within 10.0.0.0/8"},
		{"an empty peer", "- namespaceSelector: {matchLabels: {team: x}}", "- {}", "spec.ingress[0].from[1]: empty (want podSelector"},
		{"two kinds of peer", "- ipBlock: {cidr: 10.0.0.0/8, except: [10.9.0.0/16]}", "- {ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}", "spec.ingress[0].from[0]: ipBlock beside a selector"},
		{"a policy type", "  podSelector:", "  policyTypes: [Inbound]\n  podSelector:", `spec.policyTypes[0]: "Inbound" (want Ingress, Egress)`},
	} {
		text := strings.Replace(calicoGood, x.old, x.new, 1)
		if x.name == "a label value" {
			i := strings.LastIndex(calicoGood, "team: x")
			text = calicoGood[:i] + "team: 'x y'}}\n"
		}
		if text == calicoGood {
			t.Fatalf("%s: %q is not in the description", x.name, x.old)
		}
		if _, err := Read([]byte(text), "x.yaml"); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: error %v\nwant %s", x.name, err, x.want)
		}
	}
}

func TestBlockProblems(t *testing.T) {
	block := func(name, cidr, affinity string) string {
		return "---\napiVersion: projectcalico.org/v3\nkind: IPAMBlock\nmetadata: {name: " + name + "}\nspec: {cidr: " + cidr + ", affinity: '" + affinity + "', allocations: [null], unallocated: [0], attributes: []}\n"
	}
	for _, x := range []struct{ name, more, want string }{
		{"good", block("a", "192.168.0.0/26", "host:n1") + block("b", "192.168.0.64/26", "host:n2"), ""},
		{"no node", block("a", "192.168.0.0/26", "host:n3"), `IPAMBlock a: spec.affinity: "host:n3" (want host:<node>, one of n1, n2)`},
		{"no host", block("a", "192.168.0.0/26", "virtual:lb"), `IPAMBlock a: spec.affinity: "virtual:lb"`},
		{"overlapping", block("a", "192.168.0.0/26", "host:n1") + block("b", "192.168.0.32/27", "host:n2"), "IPAMBlock b: spec.cidr: 192.168.0.32/27 overlaps IPAMBlock a (192.168.0.0/26)"},
		{"in a wider one behind", block("a", "192.168.0.32/27", "host:n1") + block("b", "192.168.0.0/24", "host:n2"), "IPAMBlock a: spec.cidr: 192.168.0.32/27 overlaps IPAMBlock b (192.168.0.0/24)"},
		{"twice", block("a", "192.168.0.0/26", "host:n1") + block("a", "192.168.0.64/26", "host:n2"), "IPAMBlock a: is there twice"},
		{"host bits", block("a", "192.168.0.1/26", "host:n1"), "192.168.0.1/26 has host bits set"},
	} {
		_, err := Read([]byte(calicoGood+x.more), "x.yaml")
		if x.want == "" && err != nil || x.want != "" && (err == nil || !strings.Contains(err.Error(), x.want)) {
			t.Errorf("%s: error %v\nwant %s", x.name, err, x.want)
		}
	}
}
