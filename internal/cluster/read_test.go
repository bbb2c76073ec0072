package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

const good = `name: small
vpc:
  cidrs: [10.0.0.0/16]
  internetGateway: igw
  routeTables:
    - name: public
      routes: [{to: 0.0.0.0/0, via: igw}]
  subnets:
    - {name: a, zone: zone-a, cidr: 10.0.1.0/24, routeTable: public}
  securityGroups:
    - id: sg
      ingress: [{group: sg}]
nodes:
  - name: n1
    enis:
      - {subnet: a, address: 10.0.1.10, securityGroups: [sg]}
      - {subnet: a, address: 10.0.1.20}
pods:
  - {namespace: default, name: web, node: n1, address: 10.0.1.11}
  - {namespace: default, name: db, node: n1, address: 10.0.1.12, eni: 1}
hosts:
  - {name: internet, address: 198.51.100.7}
cni: {name: aws-vpc-cni}
`

func TestRead(t *testing.T) {
	c, err := Read([]byte(good), "good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(); err != nil {
		t.Errorf("checked without its file: %v", err)
	}
	if c.Pods[0].Key() != "pod/default/web" || c.Nodes[0].Key() != "node/n1" || c.Node("n1") != c.Nodes[0] || c.Node("n2") != nil {
		t.Error("names")
	}
	if got := c.PodsOn("n1"); len(got) != 2 || got[1].Name != "db" {
		t.Errorf("pods on n1: %v", got)
	}
	n := c.Nodes[0]
	if n.InterfaceOf(0) != "ens5" || n.InterfaceOf(1) != "ens6" {
		t.Errorf("interfaces %s, %s", n.InterfaceOf(0), n.InterfaceOf(1))
	}
	n.Image = AL2
	seven := 7
	n.ENIs[1].Device = &seven
	if n.InterfaceOf(0) != "eth0" || n.InterfaceOf(1) != "eth7" {
		t.Errorf("interfaces of AL2 %s, %s", n.InterfaceOf(0), n.InterfaceOf(1))
	}
	n.ENIs[1].Interface = "ens12"
	if n.InterfaceOf(1) != "ens12" {
		t.Errorf("an interface that is named: %s", n.InterfaceOf(1))
	}
}

// TestProblems changes one line of a good description. What is wrong is said with line and field.
func TestProblems(t *testing.T) {
	for _, x := range []struct{ name, old, new, want string }{
		{"unknown field", "  internetGateway: igw", "  internetgateway: igw", "x.yaml:4: vpc.internetgateway: unknown field"},
		{"unknown field in a flow mapping", "zone: zone-a", "zome: zone-a", "x.yaml:9: vpc.subnets[0].zome: unknown field"},
		{"text for a number", "eni: 1", "eni: one", `x.yaml:20: pods[1].eni: "one", want a number`},
		{"text for a list", "cidrs: [10.0.0.0/16]", "cidrs: 10.0.0.0/16", `x.yaml:3: vpc.cidrs: "10.0.0.0/16", want a list`},
		{"list for a mapping", "cni: {name: aws-vpc-cni}", "cni: [aws-vpc-cni]", `x.yaml:23: cni: a list, want a mapping`},
		{"an MTU that the plugin sets itself", "name: n1\n", "name: n1\n    mtu: 1400\n", "nodes[0].mtu: the AWS VPC CNI sets its cards' MTU itself"},
		{"no prefix", "cidr: 10.0.1.0/24", "cidr: 10.0.1.0", `x.yaml:9: vpc.subnets[0].cidr: "10.0.1.0", want a prefix such as 10.0.0.0/16`},
		{"no address", "address: 10.0.1.20", "address: 10.0.1.256", `x.yaml:17: nodes[0].enis[1].address: "10.0.1.256", want an address`},
		{"host bits", "10.0.1.0/24", "10.0.1.7/24", "x.yaml:9: vpc.subnets[0].cidr: 10.0.1.7/24 has host bits set (want 10.0.1.0/24)"},
		{"host bits of the VPC", "[10.0.0.0/16]", "[10.0.1.0/16]", "x.yaml:3: vpc.cidrs[0]: 10.0.1.0/16 has host bits set"},
		{"outside the VPC", "[10.0.0.0/16]", "[10.9.0.0/16]", "x.yaml:9: vpc.subnets[0].cidr: 10.0.1.0/24 is in none of the VPC's CIDRs"},
		{"IPv6", "[10.0.0.0/16]", `["fd00::/64"]`, "x.yaml:3: vpc.cidrs[0]: want an IPv4 prefix"},
		{"duplicate address", "10.0.1.12", "10.0.1.11", "x.yaml:20: pods[1].address: 10.0.1.11 is pod/default/web's already"},
		{"a pod with the node's address", "10.0.1.12", "10.0.1.10", "x.yaml:20: pods[1].address: 10.0.1.10 is ENI 0 of n1's already"},
		{"no address at all", "address: 10.0.1.20", "id: eni-1", "x.yaml:17: nodes[0].enis[1].address: want an IPv4 address"},
		{"outside its subnet", "address: 10.0.1.20", "address: 10.0.2.20", "x.yaml:17: nodes[0].enis[1].address: 10.0.2.20 is not in subnet a (10.0.1.0/24)"},
		{"a pod outside its ENI's subnet", "10.0.1.12", "10.0.2.12", "x.yaml:20: pods[1].address: 10.0.2.12 is not in the subnet of its ENI, a (10.0.1.0/24)"},
		{"unknown subnet", "{subnet: a, address: 10.0.1.20}", "{subnet: b, address: 10.0.1.20}", `x.yaml:17: nodes[0].enis[1].subnet: "b" (want one of a)`},
		{"unknown node", "name: db, node: n1", "name: db, node: n2", `x.yaml:20: pods[1].node: "n2" (want one of n1)`},
		{"unknown security group", "securityGroups: [sg]", "securityGroups: [sg, other]", `x.yaml:16: nodes[0].enis[0].securityGroups: security group "other"`},
		{"unknown route table", "routeTable: public", "routeTable: private", `x.yaml:9: vpc.subnets[0].routeTable: "private"`},
		{"unknown target", "via: igw}", "via: nat-1}", `x.yaml:7: vpc.routeTables[0].routes[0].via: "nat-1"`},
		{"ENI that is not there", "eni: 1", "eni: 2", "x.yaml:20: pods[1].eni: 2 (node n1 has 2, counted from 0)"},
		{"negative ENI", "eni: 1", "eni: -1", "x.yaml:20: pods[1].eni: -1"},
		{"negative device", "address: 10.0.1.20", "address: 10.0.1.20, device: -1", "x.yaml:17: nodes[0].enis[1].device: -1 (want 0 and up)"},
		{"reserved VLAN", "eni: 1", "eni: 1, branch: {vlan: 154}", "x.yaml:20: pods[1].branch.vlan: 154"},
		{"pod twice", "name: db", "name: web", "x.yaml:20: pods[1].name: pod pod/default/web is there twice"},
		{"host with a node's name", "name: internet", "name: n1", "x.yaml:22: hosts[0].name: a node or host n1 is there twice"},
		{"no name", "name: small", "name: ''", "x.yaml:1: name: missing"},
		{"another CNI", "cni: {name: aws-vpc-cni}", "cni: {name: flannel}", `x.yaml:23: cni.name: "flannel" (want aws-vpc-cni or calico)`},
		{"another backend", "cni: {name: aws-vpc-cni}", "cni: {backend: ebpf}", `x.yaml:23: cni.backend: "ebpf" (want nft or legacy)`},
		{"connmark elsewhere", "cni: {name: aws-vpc-cni}", "cni: {connmark: ipset}", `x.yaml:23: cni.connmark: "ipset" (want nft or iptables)`},
		{"asked first", "cni: {name: aws-vpc-cni}", "cni: {natFirst: kubelet}", `x.yaml:23: cni.natFirst: "kubelet" (want plugin or kube-proxy)`},
		{"another image", "  - name: n1", "  - name: n1\n    image: ubuntu", `x.yaml:15: nodes[0].image: "ubuntu" (want al2023 or al2)`},
		{"empty entry", "hosts:\n", "hosts:\n  -\n", "x.yaml:22: hosts[0]: empty"},
		{"empty node", "nodes:\n", "nodes:\n  -\n", "x.yaml:14: nodes[0]: empty"},
		{"empty subnet", "  subnets:\n", "  subnets:\n    -\n", "x.yaml:9: vpc.subnets[0]: empty"},
		{"two documents", "cni: {name: aws-vpc-cni}", "cni: {name: aws-vpc-cni}\n---\nname: other", "x.yaml:25: kind: missing (want Node, Service, EndpointSlice"},
		{"an object that is wrong", "cni: {name: aws-vpc-cni}", "cni: {name: aws-vpc-cni}\n---\napiVersion: v1\nkind: Service\nmetadata: {namespace: d, name: web}\nspec: {clusterIP: 10.0.0.300, ports: [{port: 80}]}", "x.yaml:28: Service d/web: spec.clusterIP"},
		{"a kind that is misspelt", "cni: {name: aws-vpc-cni}", "cni: {name: aws-vpc-cni}\n---\napiVersion: v1\nkind: Servcie\nmetadata: {namespace: d, name: web}", "x.yaml:26: v1 Servcie d/web: is not read behind a cluster (want Node, Service, EndpointSlice, KubeProxyConfiguration"},
		{"a kind that is not read", "cni: {name: aws-vpc-cni}", "cni: {name: aws-vpc-cni}\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata: {namespace: d, name: web}", "x.yaml:29: apps/v1 Deployment d/web: is not read behind a cluster"},
		{"a kind of another group", "cni: {name: aws-vpc-cni}", "cni: {name: aws-vpc-cni}\n---\napiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: web}", "x.yaml:26: serving.knative.dev/v1 Service web: is not read behind a cluster"},
		{"an object of no node", "cni: {name: aws-vpc-cni}", "cni: {name: aws-vpc-cni}\n---\napiVersion: v1\nkind: Node\nmetadata: {name: n2}", `x.yaml:27: Node n2: metadata.name: "n2" is none of the cluster's nodes (want one of n1)`},
		{"a kube-proxy on no node", "cni: {name: aws-vpc-cni}", "cni: {name: aws-vpc-cni}\n---\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nhostnameOverride: n2", `x.yaml:27: KubeProxyConfiguration: hostnameOverride: "n2" is no Node (want n1)`},
		{"a load balancer for nobody", "  subnets:\n", "  loadBalancers: [{service: d/web, nodes: [{subnet: s, address: 10.0.1.77}]}]\n  subnets:\n", `vpc.loadBalancers[0].service: "d/web" is no Service of type LoadBalancer (there are none)`},
		{"a port without a number", "eni: 1", "eni: 1, ports: [{name: http}]", "x.yaml:20: pods[1].ports[0]: want a name and a port"},
		{"no YAML", "name: small", "name: [", "x.yaml:"},
		{"a tab", "  cidrs:", "\tcidrs:", "x.yaml:3: found character that cannot start any token"},
	} {
		text := strings.Replace(good, x.old, x.new, 1)
		if text == good {
			t.Fatalf("%s: %q is not in the description", x.name, x.old)
		}
		_, err := Read([]byte(text), "x.yaml")
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: error %v\nwant %s", x.name, err, x.want)
		}
		var p *Problem
		if err != nil && !errors.As(err, &p) {
			t.Errorf("%s: error is no *Problem: %T", x.name, err)
		}
	}
}

// TestDocuments: the first document with something in it is the cluster, wherever and however it ends, those behind it are
// objects, and lines are the file's.
func TestDocuments(t *testing.T) {
	const service = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: 10.96.0.1, ports: [{port: 80}]}\n"
	for _, x := range []struct {
		text     string
		services int
	}{
		{good, 0},
		{good + "...\n", 0},
		{good + "---\n", 0},
		{good + "---\n# nothing\n", 0},
		{good + "...\n---\n" + service, 1},
		{good + "...\n" + service, 1},
		{"%YAML 1.1\n---\n" + good + "---\n" + service, 1},
		{"# c\n---\n# d\n---\n" + good + "---\n" + service, 1},
		{"...\n" + good + "---\n" + service, 1},
	} {
		c, err := Read([]byte(x.text), "x.yaml")
		if err != nil {
			t.Errorf("%q: %v", x.text, err)
		} else if len(c.Services) != x.services {
			t.Errorf("%q: %d Services, want %d", x.text, len(c.Services), x.services)
		}
	}
	bad := "---\n# c\n---\n" + strings.NewReplacer("igw\n  routeTables", "igw\n  mtu: 1\n  routeTables").Replace(good)
	if _, err := Read([]byte(bad), "x.yaml"); err == nil || err.Error() != "x.yaml:8: vpc.mtu: unknown field" {
		t.Error(err)
	}
	bad = "---\n# c\n---\n" + strings.Replace(good, "eni: 1", "eni: 2", 1) + "...\n" + strings.Replace(service, "10.96.0.1", "10.96.0.300", 1)
	_, err := Read([]byte(bad), "x.yaml")
	for _, want := range []string{"x.yaml:23: pods[1].eni: 2", "x.yaml:31: Service default/web: spec.clusterIP"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestKubeProxyOnNode: the configuration may name a node of the cluster that has no Node object.
func TestKubeProxyOnNode(t *testing.T) {
	const config = "---\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nhostnameOverride: n1\n"
	for _, text := range []string{good + config, good + config + "---\napiVersion: v1\nkind: Node\nmetadata: {name: n1}\n"} {
		c, err := Read([]byte(text), "x.yaml")
		if err != nil {
			t.Error(err)
		} else if err := c.Check(); err != nil {
			t.Errorf("checked without its file: %v", err)
		}
	}
}

// TestCheckNil: an object that is nil is reported, not followed.
func TestCheckNil(t *testing.T) {
	c, err := Read([]byte(good), "good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c.Services, c.EndpointSlices, c.NodeObjects = []*corev1.Service{nil}, []*discoveryv1.EndpointSlice{nil}, []*corev1.Node{nil}
	err = c.Check()
	for _, want := range []string{"small: Services[0]: nil", "small: EndpointSlices[0]: nil", "small: Nodes[0]: nil"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestAllAtOnce: every problem is listed, not only the first.
func TestAllAtOnce(t *testing.T) {
	text := strings.NewReplacer("name: db, node: n1", "name: db, node: n2", "zone: zone-a, cidr: 10.0.1.0/24", "zone: zone-a, cidr: 10.9.1.0/24").Replace(good)
	_, err := Read([]byte(text), "x.yaml")
	for _, want := range []string{"vpc.subnets[0].cidr", "pods[1].node", "nodes[0].enis[0].address"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in: %v", want, err)
		}
	}
}

// TestOneProblemForOneMistake: a Service that is wrong is there nevertheless, for the load balancer that is pinned to it.
func TestOneProblemForOneMistake(t *testing.T) {
	text := strings.Replace(good, "  subnets:\n", "  loadBalancers: [{service: d/web, nodes: [{subnet: a, address: 10.0.1.77}]}]\n  subnets:\n", 1) + `---
apiVersion: v1
kind: Service
metadata: {namespace: d, name: web}
spec: {type: LoadBalancer, clusterIP: 10.96.0.300, ports: [{port: 80}]}
`
	_, err := Read([]byte(text), "x.yaml")
	if want := `x.yaml:29: Service d/web: spec.clusterIP: "10.96.0.300" is no IP address`; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestNoDescription(t *testing.T) {
	for _, x := range []struct {
		name, text, want string
	}{
		{"empty", "", "x.yaml:1: empty"},
		{"a comment", "# nothing\n", "x.yaml:1: empty"},
		{"null", "~\n", "x.yaml:1: empty"},
		{"nothing, twice", "---\n---\n", "x.yaml:1: empty"},
		{"a word", "hello\n", "x.yaml:1: \"hello\", want a mapping"},
		{"binary", "\x7fELF\x01\x00\xff", "x.yaml: control characters are not allowed"},
		{"invalid UTF-8", "name: \xff\xfe", "x.yaml: invalid"},
		{"an alias of itself", "name: &a [*a]\n", "x.yaml"},
		{"nothing but a name", "name: x\n", "nodes: missing"},
		{"deep", strings.Repeat("[", 20_000), "x.yaml: exceeded max depth"},
	} {
		_, err := Read([]byte(x.text), "x.yaml")
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: error %v, want %q", x.name, err, x.want)
		}
	}
	// Each level holds the one before nine times: nine to the ninth.
	var bomb strings.Builder
	bomb.WriteString("name: x\nhosts: &l0 []\n")
	for i := range 9 {
		fmt.Fprintf(&bomb, "x%d: &l%d [%s]\n", i, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*l%d, ", i), 9), ", "))
	}
	if _, err := Read([]byte(bomb.String()), "x.yaml"); err == nil {
		t.Error("aliases of aliases were read")
	}
}

// TestTooLarge: 100 MB end in an error before anything is taken for them.
func TestTooLarge(t *testing.T) {
	data := bytes.Repeat([]byte("- x\n"), 25<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Read(data, "x.yaml")
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "x.yaml: 104857600 bytes; a cluster may have") {
		t.Errorf("error %v", err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("%d bytes were taken to say no", took)
	}
}

func TestPresets(t *testing.T) {
	files, err := filepath.Glob("../compile/presets/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d presets: %v", len(files), err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Read(b, f)
		if err != nil {
			t.Errorf("%v", err)
		} else if c.Name+".yaml" != filepath.Base(f) {
			t.Errorf("%s is called %s", f, c.Name)
		}
	}
}

// TestLongListsStayShort: of 5,000 names a message gives a few.
func TestLongListsStayShort(t *testing.T) {
	var b strings.Builder
	b.WriteString("name: many\nvpc: {cidrs: [10.0.0.0/8], subnets: [{name: a, cidr: 10.0.0.0/8}]}\nnodes:\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "  - {name: n%d, enis: [{subnet: a, address: 10.1.%d.%d}]}\n", i, i/250, i%250+1)
	}
	b.WriteString("pods:\n  - {namespace: d, name: p, node: nope, address: 10.2.0.1}\n")
	_, err := Read([]byte(b.String()), "x.yaml")
	if err == nil || len(err.Error()) > 500 {
		t.Errorf("the message has %d bytes", len(fmt.Sprint(err)))
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("name: x\nnodes:\n  - name: n\n    enis: [{subnet: a, address: 10.0.0.1, device: 1, prefixes: [10.0.0.0/28], secondary: [10.0.0.2]}]\n"))
	f.Add([]byte("vpc:\n  natGateways: [{id: nat, subnet: a, private: 10.0.0.1, public: 192.0.2.1}]\n  cidrs: [10.0.0.0/16, 300.0.0.0/8]\n"))
	f.Add([]byte("cni:\n  env: {A: b}\n  previously: [{vpcCIDRs: [10.0.0.0/16]}]\npods: [~, {branch: {vlan: 9}}]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Read(data, "fuzz.yaml")
		if err != nil {
			for _, line := range strings.Split(err.Error(), "\n") {
				if line == "" {
					t.Errorf("an empty line in the message %q", err)
				}
			}
			if !strings.HasPrefix(err.Error(), "fuzz.yaml") {
				t.Errorf("message without the file: %v", err)
			}
			return
		}
		// What was read is whole: it passes again, and its names lead somewhere.
		if err := c.Check(); err != nil {
			t.Errorf("read, but not fit: %v", err)
		}
		for _, p := range c.Pods {
			n := c.Node(p.Node)
			if n == nil || p.ENI >= len(n.ENIs) {
				t.Errorf("%s stands on nothing", p.Key())
			}
		}
		for _, n := range c.Nodes {
			for i := range n.ENIs {
				if n.InterfaceOf(i) == "" {
					t.Errorf("an ENI of %s has no interface", n.Name)
				}
			}
		}
	})
}
