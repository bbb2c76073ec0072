package cluster

import (
	"fmt"
	"strings"
	"testing"
)

const withServices = good + `---
apiVersion: v1
kind: Service
metadata: {namespace: default, name: web}
spec:
  clusterIP: 10.96.0.1
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}, {name: metrics, port: 9100}]
---
apiVersion: v1
kind: Service
metadata: {namespace: default, name: nobody}
spec: {clusterIP: 10.96.0.2, selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {namespace: other, name: web}
spec: {clusterIP: 10.96.0.3, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {namespace: default, name: byhand}
spec: {clusterIP: 10.96.0.4, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: default, name: byhand-1, labels: {kubernetes.io/service-name: byhand}}
addressType: IPv4
ports: [{port: 8080}]
endpoints: [{addresses: [10.9.9.9]}]
`

// slicesText writes slices down, one a line: service, ports, endpoints.
func slicesText(c *Cluster) string {
	var b strings.Builder
	for _, s := range c.Slices() {
		fmt.Fprintf(&b, "%s/%s", s.Namespace, s.Labels["kubernetes.io/service-name"])
		for _, p := range s.Ports {
			name := ""
			if p.Name != nil {
				name = *p.Name
			}
			fmt.Fprintf(&b, " %s:%d", name, *p.Port)
		}
		for _, e := range s.Endpoints {
			node, zone, ready := "-", "-", ""
			if e.NodeName != nil {
				node = *e.NodeName
			}
			if e.Zone != nil {
				zone = *e.Zone
			}
			if e.Conditions.Ready != nil && !*e.Conditions.Ready {
				ready = " not ready"
			}
			if e.Conditions.Serving != nil && !*e.Conditions.Serving {
				ready += " not serving"
			}
			fmt.Fprintf(&b, " | %s %s %s%s", e.Addresses[0], node, zone, ready)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// TestSlices: what the endpoint slice controller makes of the pods. Labels and the namespace select; a named target port
// has the pod's own number; a port left out is the Service's; slices that are given are left as they are.
func TestSlices(t *testing.T) {
	text := strings.Replace(withServices, "name: web, node: n1, address: 10.0.1.11}",
		"name: web, node: n1, address: 10.0.1.11, labels: {app: web, x: y}, ports: [{name: http, port: 8080}]}", 1)
	text = strings.Replace(text, "address: 10.0.1.12, eni: 1}",
		"address: 10.0.1.12, eni: 1, labels: {app: web}, notReady: true, ports: [{name: http, port: 8081}, {name: http, port: 53, protocol: UDP}]}", 1)
	c, err := Read([]byte(text), "x.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := `default/byhand :8080 | 10.9.9.9 - -
default/web http:8080 metrics:9100 | 10.0.1.11 n1 zone-a
default/web http:8081 metrics:9100 | 10.0.1.12 n1 zone-a not ready not serving
default/nobody
other/web
`
	if got := slicesText(c); got != want {
		t.Errorf("slices:\n%swant:\n%s", got, want)
	}
	if err := c.Check(); err != nil {
		t.Errorf("checked without its file: %v", err)
	}
}

// TestSlicesPublishNotReady: a Service that publishes pods which are not ready has them ready, and not serving.
func TestSlicesPublishNotReady(t *testing.T) {
	text := strings.ReplaceAll(withServices, "node: n1, address", "node: n1, labels: {app: web}, address")
	text = strings.Replace(text, "eni: 1}", "eni: 1, notReady: true}", 1)
	for _, x := range []struct{ spec, want string }{
		{"  clusterIP: 10.96.0.1\n", " not ready not serving"},
		{"  clusterIP: 10.96.0.1\n  publishNotReadyAddresses: false\n", " not ready not serving"},
		{"  clusterIP: 10.96.0.1\n  publishNotReadyAddresses: true\n", " not serving"},
		{"  clusterIP: None\n  publishNotReadyAddresses: true\n", " not serving"},
	} {
		c, err := Read([]byte(strings.Replace(text, "  clusterIP: 10.96.0.1\n", x.spec, 1)), "x.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Split(slicesText(c), "\n")[1], "default/web metrics:9100 | 10.0.1.11 n1 zone-a | 10.0.1.12 n1 zone-a"+x.want; got != want {
			t.Errorf("%q: got  %s\nwant %s", x.spec, got, want)
		}
	}
}

// TestSlicesOfTwins: pods with the same ports share a slice, and a port that a pod has no number for is not in its slice.
func TestSlicesOfTwins(t *testing.T) {
	text := strings.ReplaceAll(withServices, "node: n1, address", "node: n1, labels: {app: web}, address")
	c, err := Read([]byte(text), "x.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Split(slicesText(c), "\n")[1], "default/web metrics:9100 | 10.0.1.11 n1 zone-a | 10.0.1.12 n1 zone-a"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
