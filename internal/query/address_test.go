package query_test

import (
	"testing"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/trace"
)

// TestOneAddressOfSeveral: whoever sends to one of the addresses that a name stands for asks no DNS, so nothing is drawn and
// the packet goes there and nowhere else.
func TestOneAddressOfSeveral(t *testing.T) {
	c := open(t, "eks-private", nil)
	for _, p := range c.Places {
		if p.Name != "lb/default/web-nlb-instance" {
			continue
		}
		if len(p.Addresses) < 2 {
			t.Fatalf("%s: addresses %v, want one in each zone", p.Name, p.Addresses)
		}
		for _, a := range p.Addresses {
			r := query.Request{From: "pod/default/netshoot-1", To: a.Address.String(), DstPort: 80}
			tr, err := r.Trace(c)
			if err != nil {
				t.Fatal(err)
			}
			if tr.Query.To != a.Address {
				t.Errorf("to %v: sent to %v", a.Address, tr.Query.To)
			}
			for _, x := range tr.Choices {
				if x.Kind == "dns" {
					t.Errorf("to %v: choice %s of %d addresses, want none", a.Address, x.ID, len(x.Options))
				}
			}
		}
		return
	}
	t.Error("the preset has no internal load balancer")
}

// TestHeadlessPorts: a named port of a headless Service is the number that the pod has for it, for nothing translates it.
func TestHeadlessPorts(t *testing.T) {
	c, err := cluster.Read([]byte(`name: headless
vpc:
  cidrs: [10.0.0.0/16]
  subnets: [{name: a, zone: a, cidr: 10.0.0.0/24}]
nodes: [{name: n1, enis: [{subnet: a, address: 10.0.0.10}]}]
pods:
  - {namespace: d, name: client, node: n1, address: 10.0.0.20}
  - {namespace: d, name: old, node: n1, address: 10.0.0.21, labels: {app: db}, ports: [{name: sql, port: 5432}]}
  - {namespace: d, name: new, node: n1, address: 10.0.0.22, labels: {app: db}, ports: [{name: sql, port: 5433}]}
---
apiVersion: v1
kind: Service
metadata: {namespace: d, name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{name: sql, port: 5000, targetPort: sql}]}
`), "test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	made, err := compile.Compile(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	for pod, want := range map[string]string{"old": "10.0.0.21:5432", "new": "10.0.0.22:5433"} {
		for _, port := range []string{"", "sql"} {
			r := query.Request{From: "pod/d/client", To: "svc/d/db", PortName: port, Choices: map[string]string{"dns svc/d/db": pod}}
			tr, err := r.Trace(made)
			if err != nil {
				t.Fatal(err)
			}
			if got := see(tr); got.outcome != trace.Delivered || got.dst != want {
				t.Errorf("%s, port %q: %+v, want it delivered to %s", pod, port, got, want)
			}
		}
	}
}
