package cluster

import (
	"net/netip"
	"testing"
)

func TestTaken(t *testing.T) {
	c, err := Read([]byte(`name: t
vpc:
  cidrs: [10.0.0.0/16]
  internetGateway: igw
  subnets: [{name: a, zone: a, cidr: 10.0.0.0/24}]
  natGateways: [{id: nat, subnet: a, private: 10.0.0.5, public: 203.0.113.5}]
  loadBalancers: [{service: d/web, nodes: [{subnet: a, address: 10.0.0.6, public: 203.0.113.6}]}]
nodes: [{name: n, enis: [{subnet: a, address: 10.0.0.7, public: 203.0.113.7, secondary: [10.0.0.8]}]}]
pods: [{namespace: d, name: p, node: n, address: 10.0.0.8}]
hosts: [{name: h, address: 198.51.100.9}]
---
apiVersion: v1
kind: Service
metadata: {namespace: d, name: web}
spec: {type: LoadBalancer, clusterIP: 172.20.0.1, ports: [{port: 80, nodePort: 30080}]}
`), "t.yaml")
	if err != nil {
		t.Fatal(err)
	}
	taken := c.Taken()
	for _, a := range []string{"10.0.0.5", "203.0.113.5", "10.0.0.6", "203.0.113.6", "10.0.0.7", "203.0.113.7", "10.0.0.8", "198.51.100.9"} {
		if !taken[netip.MustParseAddr(a)] {
			t.Errorf("%s is not taken", a)
		}
	}
	if taken[netip.MustParseAddr("10.0.0.9")] {
		t.Error("10.0.0.9 is taken")
	}
}
