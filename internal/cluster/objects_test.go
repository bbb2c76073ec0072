package cluster

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	kyaml "sigs.k8s.io/yaml"

	"github.com/podpath/podpath/internal/golden"
)

const objects = `# What a person writes, of five documents.
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
hostnameOverride: n1
clusterCIDR: 10.244.0.0/16
iptables: {masqueradeBit: 14, syncPeriod: 30s}
nodePortAddresses: [primary, 10.0.0.0/8]
---
apiVersion: v1
kind: Node
metadata: {name: n1}
spec: {podCIDR: 10.244.1.0/24}
status: {addresses: [{type: InternalIP, address: 10.0.1.10}, {type: Hostname, address: n1}]}
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  type: NodePort
  clusterIP: 10.96.0.20
  externalIPs: [192.0.2.1]
  loadBalancerSourceRanges: [198.51.100.0/24]
  sessionAffinity: ClientIP
  internalTrafficPolicy: Cluster
  externalTrafficPolicy: Cluster
  ports:
  - name: http
    port: 80
    nodePort: 30080
  - {name: metrics, port: 9090}
status: {loadBalancer: {ingress: [{ip: 203.0.113.5}]}}
---
apiVersion: v1
kind: Service
metadata: {name: b, namespace: other}
spec: {type: NodePort, clusterIP: 10.96.0.21, ports: [{port: 80, nodePort: 30081}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: web-abc
  labels: {kubernetes.io/service-name: web}
addressType: IPv4
ports:
- {name: http, port: 8080}
endpoints:
- {addresses: [10.244.1.5], nodeName: n1}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
`

func TestReadObjects(t *testing.T) {
	o, err := ReadObjects([]byte(objects), "objects.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if o.KubeProxy == nil || o.KubeProxy.HostnameOverride != "n1" || *o.KubeProxy.IPTables.MasqueradeBit != 14 {
		t.Errorf("configuration: %+v", o.KubeProxy)
	}
	if len(o.Nodes) != 1 || len(o.Services) != 2 || len(o.EndpointSlices) != 1 {
		t.Fatalf("%d nodes, %d Services, %d slices", len(o.Nodes), len(o.Services), len(o.EndpointSlices))
	}
	if want := []string{"apps/v1 Deployment default/web"}; !slices.Equal(o.Ignored, want) {
		t.Errorf("ignored %q, want %q", o.Ignored, want)
	}
	web, slice := o.Services[0], o.EndpointSlices[0]
	if web.Namespace != "default" || web.Spec.Ports[0].Protocol != corev1.ProtocolTCP || web.Spec.ClusterIPs[0] != "10.96.0.20" ||
		*web.Spec.SessionAffinityConfig.ClientIP.TimeoutSeconds != 10800 {
		t.Errorf("the API server's defaults: %+v", web.Spec)
	}
	if slice.Namespace != "default" || *slice.Ports[0].Protocol != corev1.ProtocolTCP {
		t.Errorf("the API server's defaults: %+v", slice)
	}
	if err := o.Check("memory"); err != nil {
		t.Errorf("checked again: %v", err)
	}
}

// TestListsAndJSON gives the same objects as a List, as typed lists and as JSON.
func TestListsAndJSON(t *testing.T) {
	want, err := ReadObjects([]byte(objects), "x")
	if err != nil {
		t.Fatal(err)
	}
	docs := strings.Split(objects, "\n---\n")
	asJSON := make([]json.RawMessage, len(docs))
	for i, d := range docs {
		if asJSON[i], err = kyaml.YAMLToJSON([]byte(d)); err != nil {
			t.Fatal(err)
		}
	}
	list := func(version, kind string, drop bool, items ...json.RawMessage) []byte {
		var out []map[string]any
		for _, item := range items {
			var m map[string]any
			if err := json.Unmarshal(item, &m); err != nil {
				t.Fatal(err)
			}
			if drop { // as `kubectl get --raw` and the API itself give them
				delete(m, "kind")
				delete(m, "apiVersion")
			}
			out = append(out, m)
		}
		b, err := json.MarshalIndent(map[string]any{"apiVersion": version, "kind": kind, "items": out}, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	all := list("v1", "List", false, asJSON...)
	asYAML, err := kyaml.JSONToYAML(all)
	if err != nil {
		t.Fatal(err)
	}
	typed := bytes.Join([][]byte{asJSON[0], list("v1", "NodeList", true, asJSON[1]), list("v1", "ServiceList", true, asJSON[2:4]...),
		list("discovery.k8s.io/v1", "EndpointSliceList", true, asJSON[4]), asJSON[5]}, []byte("\n---\n"))
	for _, x := range []struct {
		name string
		text []byte
	}{
		{"a List in JSON with tabs", all},
		{"a List in YAML", asYAML},
		{"typed lists", typed},
		{"carriage returns", []byte(strings.ReplaceAll(objects, "\n", "\r\n"))},
		{"document ends", []byte(strings.ReplaceAll(objects, "\n---\n", "\n...\n---\n"))},
	} {
		got, err := ReadObjects(x.text, "x")
		if err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		for _, pair := range [][2]any{{got.Nodes, want.Nodes}, {got.Services, want.Services},
			{got.EndpointSlices, want.EndpointSlices}, {got.Ignored, want.Ignored}, {got.KubeProxy.ClusterCIDR, want.KubeProxy.ClusterCIDR}} {
			a, _ := json.Marshal(pair[0])
			b, _ := json.Marshal(pair[1])
			// A typed list's items have no kind; nothing asks for it.
			for _, kind := range []string{"Node", "Service", "EndpointSlice"} {
				for _, v := range []string{coreVersion, discoveryVersion} {
					b = bytes.ReplaceAll(b, fmt.Appendf(nil, `"kind":%q,"apiVersion":%q,`, kind, v), nil)
					a = bytes.ReplaceAll(a, fmt.Appendf(nil, `"kind":%q,"apiVersion":%q,`, kind, v), nil)
				}
			}
			if d := cmp.Diff(string(b), string(a)); d != "" {
				t.Errorf("%s (-want +got):\n%s", x.name, d)
			}
		}
	}
}

// TestObjectProblems changes one thing in good objects. What is wrong is said with line, object and field.
func TestObjectProblems(t *testing.T) {
	for _, x := range []struct{ name, old, new, want string }{
		{"no ports", "  ports:\n  - name: http\n    port: 80\n    nodePort: 30080\n  - {name: metrics, port: 9090}\n", "",
			"x.yaml:19: Service default/web: spec.ports: missing (want at least one port)"},
		{"empty ports", "  ports:\n  - name: http\n    port: 80\n    nodePort: 30080\n  - {name: metrics, port: 9090}\n", "  ports: []\n",
			"x.yaml:27: Service default/web: spec.ports: missing (want at least one port)"},
		{"unknown port of a slice", "- {name: http, port: 8080}", "- {name: http2, port: 8080}",
			`x.yaml:46: EndpointSlice default/web-abc: ports[0].name: "http2" is no port of Service default/web (it has http, metrics)`},
		{"another protocol", "{name: http, port: 8080}", "{name: http, port: 8080, protocol: UDP}",
			`x.yaml:46: EndpointSlice default/web-abc: ports[0].protocol: UDP, but port "http" of Service default/web is TCP`},
		{"node port twice", "nodePort: 30081", "nodePort: 30080", "x.yaml:37: Service other/b: spec.ports[0].nodePort: 30080 is taken by Service default/web (tcp)"},
		{"health check on a node port", "port: 80, nodePort: 30081}]", "port: 80}], healthCheckNodePort: 30080",
			"x.yaml:37: Service other/b: spec.healthCheckNodePort: 30080 is taken by Service default/web (tcp)"},
		{"node port without the type", "type: NodePort, clusterIP: 10.96.0.21", "clusterIP: 10.96.0.21",
			"x.yaml:37: Service other/b: spec.ports[0].nodePort: 30081, but spec.type is ClusterIP (want NodePort or LoadBalancer)"},
		{"cluster IP", "10.96.0.20", "10.96.0.300", `x.yaml:21: Service default/web: spec.clusterIP: "10.96.0.300" is no IP address`},
		{"cluster IP missing", "  clusterIP: 10.96.0.20\n", "", "x.yaml:19: Service default/web: spec.clusterIP: missing"},
		{"cluster IP taken", "10.96.0.21", "10.96.0.20", "x.yaml:37: Service other/b: spec.ports[0].port: 10.96.0.20:80 is taken by Service default/web (tcp)"},
		{"cluster IPs differ", "  clusterIP: 10.96.0.20\n", "  clusterIP: 10.96.0.20\n  clusterIPs: [10.96.0.22]\n",
			`x.yaml:22: Service default/web: spec.clusterIPs[0]: "10.96.0.22", but spec.clusterIP is "10.96.0.20"`},
		{"family", "  clusterIP: 10.96.0.20\n", "  clusterIP: 10.96.0.20\n  ipFamilies: [IPv6]\n",
			"x.yaml:21: Service default/web: spec.clusterIP: 10.96.0.20, but spec.ipFamilies[0] is IPv6"},
		{"two of a family", "  clusterIP: 10.96.0.20\n", "  clusterIPs: [10.96.0.20, 10.96.0.29]\n",
			"x.yaml:21: Service default/web: spec.clusterIPs: 10.96.0.20, 10.96.0.29 (want one, or one of each family)"},
		{"external IP", "192.0.2.1", "192.0.2", `x.yaml:22: Service default/web: spec.externalIPs[0]: "192.0.2" is no IP address`},
		{"source range", "198.51.100.0/24", "198.51.100.0/33", `x.yaml:23: Service default/web: spec.loadBalancerSourceRanges[0]: "198.51.100.0/33" is no prefix`},
		{"ingress IP", "203.0.113.5", "203.0.113.x", `x.yaml:32: Service default/web: status.loadBalancer.ingress[0].ip: "203.0.113.x" is no IP address`},
		{"ingress mode", "ip: 203.0.113.5", "ip: 203.0.113.5, ipMode: Vip", `status.loadBalancer.ingress[0].ipMode: "Vip" (want VIP, Proxy)`},
		{"endpoint address", "10.244.1.5]", "10.244.1.500]", `x.yaml:48: EndpointSlice default/web-abc: endpoints[0].addresses[0]: "10.244.1.500" is no IP address`},
		{"endpoint of another family", "10.244.1.5]", `"fd00::5"]`, "endpoints[0].addresses[0]: fd00::5 is no IPv4 address"},
		{"endpoint without address", "addresses: [10.244.1.5]", "addresses: []", "x.yaml:48: EndpointSlice default/web-abc: endpoints[0].addresses: missing"},
		{"node port address", "10.0.0.0/8]", "10.0.0.0]", `x.yaml:7: KubeProxyConfiguration: nodePortAddresses[1]: "10.0.0.0" (want a prefix such as`},
		{"node port keyword twice", "10.0.0.0/8]", "primary]", "x.yaml:7: KubeProxyConfiguration: nodePortAddresses[1]: primary is there twice"},
		{"cluster CIDR", "clusterCIDR: 10.244.0.0/16", "clusterCIDR: 10.244.0.0", `x.yaml:5: KubeProxyConfiguration: clusterCIDR: "10.244.0.0" is no prefix`},
		{"three cluster CIDRs", "clusterCIDR: 10.244.0.0/16", "clusterCIDR: '10.244.0.0/16,10.1.0.0/16,10.2.0.0/16'", "x.yaml:5: KubeProxyConfiguration: clusterCIDR: "},
		{"node address", "address: 10.0.1.10", "address: 10.0.1", `x.yaml:13: Node n1: status.addresses[0].address: "10.0.1" is no IP address`},
		{"pod CIDR", "10.244.1.0/24", "10.244.1.0", `x.yaml:12: Node n1: spec.podCIDR: "10.244.1.0" is no prefix`},
		{"port 0", "    port: 80\n", "    port: 0\n", "x.yaml:29: Service default/web: spec.ports[0].port: 0 (want 1 to 65535)"},
		{"port 65536", "nodePort: 30081", "nodePort: 65536", "x.yaml:37: Service other/b: spec.ports[0].nodePort: 65536 (want 1 to 65535)"},
		{"slice port", "port: 8080", "port: 70000", "x.yaml:46: EndpointSlice default/web-abc: ports[0].port: 70000 (want 1 to 65535)"},
		{"protocol", "name: metrics, port: 9090", "name: metrics, port: 9090, protocol: ICMP", `spec.ports[1].protocol: "ICMP" (want TCP, UDP, SCTP)`},
		{"slice protocol", "port: 8080", "port: 8080, protocol: tcp", `ports[0].protocol: "tcp" (want TCP, UDP, SCTP)`},
		{"type", "  type: NodePort\n", "  type: Nodeport\n", `x.yaml:20: Service default/web: spec.type: "Nodeport" (want ClusterIP, NodePort, LoadBalancer, ExternalName)`},
		{"affinity", "sessionAffinity: ClientIP", "sessionAffinity: Cookie", `x.yaml:24: Service default/web: spec.sessionAffinity: "Cookie" (want None, ClientIP)`},
		{"affinity timeout", "sessionAffinity: ClientIP\n", "sessionAffinity: ClientIP\n  sessionAffinityConfig: {clientIP: {timeoutSeconds: 0}}\n",
			"x.yaml:25: Service default/web: spec.sessionAffinityConfig.clientIP.timeoutSeconds: 0 (want 1 to 86400)"},
		{"internal policy", "internalTrafficPolicy: Cluster", "internalTrafficPolicy: local", `x.yaml:25: Service default/web: spec.internalTrafficPolicy: "local" (want Cluster, Local)`},
		{"external policy", "externalTrafficPolicy: Cluster", "externalTrafficPolicy: local", `x.yaml:26: Service default/web: spec.externalTrafficPolicy: "local" (want Cluster, Local)`},
		{"address type", "addressType: IPv4", "addressType: ipv4", `x.yaml:44: EndpointSlice default/web-abc: addressType: "ipv4" (want IPv4, IPv6, FQDN)`},
		{"object twice", "name: b, namespace: other", "name: web, namespace: default", "x.yaml:34: Service default/web: is there twice"},
		{"port name twice", "name: metrics", "name: http", `x.yaml:31: Service default/web: spec.ports[1].name: "http" is there twice`},
		{"port name missing", "name: metrics, ", "", "x.yaml:31: Service default/web: spec.ports[1].name: missing (want one for each of several ports)"},
		{"port name", "name: metrics", "name: Metrics", `spec.ports[1].name: "Metrics" is no name`},
		{"name", "name: b, ", "name: 'b\"c', ", `x.yaml:36: Service other/b"c: metadata.name: "b\"c" is no name`},
		{"name missing", "{name: b, namespace: other}", "{namespace: other}", "metadata.name: missing"},
		{"slice without a label", "  labels: {kubernetes.io/service-name: web}\n", "", "x.yaml:41: EndpointSlice default/web-abc: metadata.labels: no kubernetes.io/service-name"},
		{"slice port twice", "- {name: http, port: 8080}", "- {name: http, port: 8080}\n- {name: http, port: 8081}", `x.yaml:47: EndpointSlice default/web-abc: ports[1].name: "http" is there twice`},
		{"detect local", "kind: KubeProxyConfiguration", "kind: KubeProxyConfiguration\ndetectLocalMode: clusterCIDR", `x.yaml:4: KubeProxyConfiguration: detectLocalMode: "clusterCIDR" (want ClusterCIDR, `},
		{"detect local without prefix", "kind: KubeProxyConfiguration", "kind: KubeProxyConfiguration\ndetectLocalMode: InterfaceNamePrefix",
			"KubeProxyConfiguration: detectLocal.interfaceNamePrefix: missing"},
		{"bridge", "kind: KubeProxyConfiguration", "kind: KubeProxyConfiguration\ndetectLocalMode: BridgeInterface\ndetectLocal: {bridgeInterface: a b}",
			`x.yaml:5: KubeProxyConfiguration: detectLocal.bridgeInterface: "a b" is no name of an interface`},
		{"masquerade bit", "masqueradeBit: 14", "masqueradeBit: 32", "x.yaml:6: KubeProxyConfiguration: iptables.masqueradeBit: 32 (want 0 to 31)"},
		{"mode", "kind: KubeProxyConfiguration", "kind: KubeProxyConfiguration\nmode: userspace", `mode: "userspace" (want iptables, nftables, ipvs)`},
		{"hostname", "hostnameOverride: n1", "hostnameOverride: n2", `x.yaml:4: KubeProxyConfiguration: hostnameOverride: "n2" is no Node (want n1)`},
		{"bind address", "kind: KubeProxyConfiguration", "kind: KubeProxyConfiguration\nbindAddress: all", `bindAddress: "all" is no IP address`},
		{"unknown field of the configuration", "masqueradeBit: 14", "masqueradeBits: 14", "x.yaml:6: KubeProxyConfiguration: iptables.masqueradeBits: unknown field"},
		{"unknown field of a Service", "nodePort: 30081", "nodeport: 30081", "x.yaml:37: Service other/b: spec.ports[0].nodeport: unknown field"},
		{"field twice", "  clusterIP: 10.96.0.20\n", "  clusterIP: 10.96.0.20\n  clusterIP: 10.96.0.21\n", "x.yaml:22: key \"clusterIP\" already set in map"},
		{"type of a value", "    port: 80\n", "    port: eighty\n", "Service default/web: spec.ports.port: text, want a whole number (int32)"},
		{"another version", "discovery.k8s.io/v1", "discovery.k8s.io/v1beta1", `x.yaml:39: EndpointSlice web-abc: apiVersion: "discovery.k8s.io/v1beta1" (want discovery.k8s.io/v1)`},
		{"no kind", "kind: Deployment\n", "", "x.yaml:50: kind: missing"},
		{"no version", "apiVersion: apps/v1\n", "", "x.yaml:50: Deployment default/web: apiVersion: missing"},
		{"two configurations", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: default}", "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration",
			"x.yaml:50: KubeProxyConfiguration: a second one"},
		{"a list for an object", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: default}", "- a", "x.yaml:50: a list, want an object"},
		{"no YAML", "metadata: {name: b, namespace: other}", "metadata: {name: b", "x.yaml:"},
	} {
		text := strings.Replace(objects, x.old, x.new, 1)
		if text == objects {
			t.Fatalf("%s: %q is not in the objects", x.name, x.old)
		}
		_, err := ReadObjects([]byte(text), "x.yaml")
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: error %v\nwant %s", x.name, err, x.want)
			continue
		}
		var p *Problem
		if !errors.As(err, &p) {
			t.Errorf("%s: error is no *Problem: %T", x.name, err)
		}
		if n := strings.Count(err.Error(), "\n"); n > 0 {
			t.Errorf("%s: %d problems for one mistake:\n%v", x.name, n+1, err)
		}
	}
}

// TestObjectsAllowed are things that look wrong and are not: kube-proxy passes over them.
func TestObjectsAllowed(t *testing.T) {
	for _, x := range []struct{ name, old, new string }{
		{"a slice of a Service that is not there", "service-name: web", "service-name: gone"},
		{"a hostname as address", "addressType: IPv4\nports:\n- {name: http, port: 8080}\nendpoints:\n- {addresses: [10.244.1.5]",
			"addressType: FQDN\nports:\n- {name: http, port: 8080}\nendpoints:\n- {addresses: [db.example.com]"},
		{"headless without ports", "type: NodePort, clusterIP: 10.96.0.21, ports: [{port: 80, nodePort: 30081}]", "clusterIP: None"},
		{"ExternalName", "type: NodePort, clusterIP: 10.96.0.21, ports: [{port: 80, nodePort: 30081}]", "type: ExternalName, externalName: db.example.com"},
		{"one node port for two protocols", "ports: [{port: 80, nodePort: 30081}]", "ports: [{name: a, port: 80, nodePort: 30081}, {name: b, port: 80, nodePort: 30081, protocol: UDP}]"},
		{"a field of a newer Node", "spec: {podCIDR: 10.244.1.0/24}", "spec: {podCIDR: 10.244.1.0/24, novel: 1}"},
		{"a kind of another group", "apiVersion: apps/v1\nkind: Deployment", "apiVersion: serving.knative.dev/v1\nkind: Service"},
		{"white space about a range", "[198.51.100.0/24]", "[' 198.51.100.0/24 ']"},
	} {
		text := strings.Replace(objects, x.old, x.new, 1)
		if text == objects {
			t.Fatalf("%s: %q is not in the objects", x.name, x.old)
		}
		if _, err := ReadObjects([]byte(text), "x.yaml"); err != nil {
			t.Errorf("%s: %v", x.name, err)
		}
	}
}

func TestNoObjects(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "---\n---\n", "null", "...\n", "--- # nothing\n...\n---"} {
		if _, err := ReadObjects([]byte(text), "x.yaml"); err == nil || !strings.Contains(err.Error(), "x.yaml:1: no objects") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestSplitDocuments: a file is cut at every start and end of a document, documents without content are left out, and a
// directive stays with its document.
func TestSplitDocuments(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string // lines before it, and text
	}{
		{"a: 1\n", []string{"0:a: 1\n"}},
		{"a: 1\n---\nb: 2\n", []string{"0:a: 1\n", "1:---\nb: 2\n"}},
		{"---\na: 1\n...\nb: 2", []string{"0:---\na: 1\n", "2:\nb: 2"}},
		{"# c\n\n--- # x\na: 1\r\n--- \nb: 2", []string{"0:# c\n\n--- # x\na: 1\r\n", "4:--- \nb: 2"}},
		{"%YAML 1.1\n---\na: 1\n...\n%YAML 1.1\n---\nb: 2\n", []string{"0:%YAML 1.1\n---\na: 1\n", "3:\n%YAML 1.1\n---\nb: 2\n"}},
		{"---\n# c\n---\n...\n...\n--- a\n... b\n---\n", []string{"4:\n--- a\n", "6: b\n"}},
		{"\ufeff# c\n---\na: 1\n", []string{"0:\ufeff# c\n---\na: 1\n"}},
		{"a: |\n  ---\n  b\n---x: 1\n", []string{"0:a: |\n  ---\n  b\n---x: 1\n"}},
		{"", nil},
		{"---", nil},
		{"...", nil},
	} {
		var got []string
		for _, d := range splitDocuments([]byte(tt.text)) {
			got = append(got, fmt.Sprintf("%d:%s", d.before, d.text))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
	}
}

// TestJSONTwice: a field that stands twice is a mistake in JSON too, where YAML's reader does not look.
func TestJSONTwice(t *testing.T) {
	const text = `{"apiVersion": "v1", "kind": "Node",
 "metadata": {"name": "a",
  "name": "b"}}`
	if _, err := ReadObjects([]byte(text), "x.json"); err == nil || !strings.Contains(err.Error(), "Node b: metadata.name: duplicate field") {
		t.Error(err)
	}
}

// TestCheckInMemory checks objects that no file gave, so that no line is known.
func TestCheckInMemory(t *testing.T) {
	o := &Objects{Services: []*corev1.Service{nil}, EndpointSlices: []*discoveryv1.EndpointSlice{nil}, Nodes: []*corev1.Node{nil}, KubeProxy: &KubeProxyConfig{HostnameOverride: "n1"}}
	o.SetDefaults()
	err := o.Check("memory")
	for _, want := range []string{"memory: Services[0]: nil", "memory: EndpointSlices[0]: nil", "memory: Nodes[0]: nil", `memory: KubeProxyConfiguration: hostnameOverride: "n1" is no Node`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestKubeProxyConfig reads a configuration with every field that the real type has.
func TestKubeProxyConfig(t *testing.T) {
	const text = `apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
bindAddress: 0.0.0.0
hostnameOverride: n1
clusterCIDR: 10.244.0.0/16
detectLocalMode: BridgeInterface
detectLocal: {bridgeInterface: cbr0, interfaceNamePrefix: veth}
iptables: {masqueradeBit: 15, masqueradeAll: true, localhostNodePorts: false, syncPeriod: 30s, minSyncPeriod: 1s}
nodePortAddresses: [primary]
conntrack: {tcpBeLiberal: true, maxPerCore: 32768, min: 1, tcpEstablishedTimeout: 24h, tcpCloseWaitTimeout: 1h, udpTimeout: 0s, udpStreamTimeout: 0s}
featureGates: {SomeGate: true}
clientConnection: {kubeconfig: a, acceptContentTypes: a, contentType: a, qps: 5, burst: 10}
logging: {format: text, flushFrequency: 5s, verbosity: 2, vmodule: [], options: {text: {infoBufferSize: "0"}, json: {splitStream: true}}}
healthzBindAddress: ""
metricsBindAddress: ""
bindAddressHardFail: false
enableProfiling: false
showHiddenMetricsForVersion: ""
ipvs: {scheduler: rr, excludeCIDRs: [], strictARP: true, tcpTimeout: 0s, tcpFinTimeout: 0s, udpTimeout: 0s, syncPeriod: 30s, minSyncPeriod: 0s}
nftables: {masqueradeBit: 14, masqueradeAll: false, syncPeriod: 30s, minSyncPeriod: 1s}
winkernel: {networkName: "", sourceVip: "", enableDSR: false, rootHnsEndpointName: "", forwardHealthCheckVip: false}
oomScoreAdj: -999
configSyncPeriod: 15m
portRange: ""
windowsRunAsService: false
`
	o, err := ReadObjects([]byte(text+"---\n{apiVersion: v1, kind: Node, metadata: {name: n1}}\n"), "x.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if c := o.KubeProxy; !c.IPTables.MasqueradeAll || *c.IPTables.LocalhostNodePorts || c.DetectLocal.InterfaceNamePrefix != "veth" || !c.Conntrack.TCPBeLiberal {
		t.Errorf("%+v", c)
	}
}

// goldenInputs are the inputs of all kube-proxy recordings.
func goldenInputs(tb testing.TB) map[string][]byte {
	dir := golden.Dir(tb, "kube-proxy")
	files, err := filepath.Glob(filepath.Join(dir, "*", "input.yaml"))
	if err != nil {
		tb.Fatal(err)
	}
	inputs := map[string][]byte{}
	for _, f := range files {
		if inputs[filepath.Base(filepath.Dir(f))], err = os.ReadFile(f); err != nil {
			tb.Fatal(err)
		}
	}
	f, err := os.Open(filepath.Join(dir, "scale-1k.input.yaml.gz"))
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	if inputs["scale-1k"], err = io.ReadAll(z); err != nil {
		tb.Fatal(err)
	}
	return inputs
}

// TestGoldenObjects reads what an API server accepted: nothing in it is wrong.
func TestGoldenObjects(t *testing.T) {
	n := 0
	for name, text := range goldenInputs(t) {
		o, err := ReadObjects(text, name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, want := len(o.Services), bytes.Count(text, []byte("kind: Service\n"))+bytes.Count(text, []byte(`"kind":"Service"`)); got != want {
			t.Errorf("%s: %d Services, want %d", name, got, want)
		}
		if o.KubeProxy == nil || len(o.Ignored) > 0 {
			t.Errorf("%s: configuration %v, ignored %v", name, o.KubeProxy, o.Ignored)
		}
		n++
	}
	golden.Count(t, "files of Kubernetes objects read", n)
}

// FuzzReadObjects looks for input on which reading or checking panics, or on which checking again finds other problems.
func FuzzReadObjects(f *testing.F) {
	f.Add([]byte(objects))
	for name, text := range goldenInputs(f) {
		if name != "scale-1k" && len(text) < 16<<10 {
			f.Add(text)
		}
	}
	f.Add([]byte("a: &a [*a]\n---\nkind: List\napiVersion: v1\nitems: [{<<: &x {kind: Node, apiVersion: v1}}, *x, 1, null]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := ReadObjects(data, "fuzz")
		if o == nil {
			t.Fatalf("nothing beside %v", err)
		}
		if again := o.Check("fuzz"); err == nil && again != nil {
			t.Errorf("good at first, then %v", again)
		}
	})
}

func BenchmarkReadObjects(b *testing.B) {
	text := goldenInputs(b)["scale-1k"]
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := ReadObjects(text, "scale-1k"); err != nil {
			b.Fatal(err)
		}
	}
}
