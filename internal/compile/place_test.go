package compile_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/compile"
)

// TestHeadlessAddresses: a headless Service stands for the addresses of its ready endpoints, each once: a process on a node
// that has two ports in two slices is one answer of DNS.
func TestHeadlessAddresses(t *testing.T) {
	const description = `name: headless
vpc:
  cidrs: [10.0.0.0/16]
  subnets: [{name: a, zone: a, cidr: 10.0.0.0/24}]
nodes: [{name: n1, enis: [{subnet: a, address: 10.0.0.10}]}]
pods: [{namespace: default, name: web, node: n1, address: 10.0.0.20}]
---
apiVersion: v1
kind: Service
metadata: {namespace: default, name: db}
spec: {clusterIP: None, ports: [{name: sql, port: 5432}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: default, name: db-1, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{name: sql, port: 5432}]
endpoints: [{addresses: [10.0.0.10], nodeName: n1}, {addresses: [10.0.0.21], conditions: {ready: false}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {namespace: default, name: db-2, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
ports: [{name: sql, port: 5433}]
endpoints: [{addresses: [10.0.0.20], nodeName: n1}, {addresses: [10.0.0.10], nodeName: n1}]
`
	c, err := cluster.Read([]byte(description), "test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	made, err := compile.Compile(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range made.Places {
		if p.Name == "svc/default/db" {
			for _, a := range p.Addresses {
				got = append(got, a.Address.String())
			}
		}
	}
	if d := cmp.Diff([]string{"10.0.0.10", "10.0.0.20"}, got); d != "" {
		t.Errorf("addresses (-want +got):\n%s", d)
	}
}
