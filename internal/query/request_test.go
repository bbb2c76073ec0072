package query_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/latency"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

func open(t *testing.T, preset string, options map[string]string, named ...string) *compile.Compiled {
	t.Helper()
	c, err := compile.Preset(preset)
	if err != nil {
		t.Fatal(err)
	}
	made, err := compile.Compile(c, options, named...)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// TestEveryPair traces every pod, node and host of every preset with every network plugin to every other, in all protocols.
// Within the cluster everything reaches everything and is answered, but for pods' packets that travel bare over a network
// that does not know pods' addresses. The Internet is reached from everywhere, and reaches nothing by itself: the cluster's
// group lets only its own members in, and a site's router translates only what comes from inside.
func TestEveryPair(t *testing.T) {
	for _, preset := range compile.Presets() {
		base, err := compile.Preset(preset)
		if err != nil {
			t.Fatal(err)
		}
		for _, cni := range compile.CNIs(base) {
			t.Run(preset+"/"+cni, func(t *testing.T) { everyPair(t, preset, cni) })
		}
	}
}

func everyPair(t *testing.T, preset, cni string) {
	c := open(t, preset, map[string]string{compile.CNIKey: cni})
	protocols := []string{"tcp", "udp", "icmp"}
	if cni != compile.CNIOf(c.Cluster) || cni != compile.AWSVPCCNI {
		protocols = []string{"tcp", "icmp"}
	}
	n := 0
	for _, from := range c.Places {
		for _, to := range c.Places {
			if from.Name == to.Name || !from.Sends() || !to.Sends() {
				continue
			}
			for _, proto := range protocols {
				r := &query.Request{From: from.Name, To: to.Name, Protocol: proto}
				tr, err := r.Trace(c)
				if err != nil {
					t.Fatalf("%s → %s %s: %v", from.Name, to.Name, proto, err)
				}
				if n++; n%11 == 0 {
					same(t, tr, r, c)
				}
				want := from.Kind != topology.External && !lost(c, cni, &from, &to)
				if delivered := tr.Outcome == trace.Delivered; delivered != want || delivered && len(tr.Legs) != 2 {
					d := tr.Document()
					t.Errorf("%s → %s %s: %s (%v), %d legs", from.Name, to.Name, proto, tr.Outcome, d.Reason, len(tr.Legs))
				}
			}
		}
	}
}

// lost says whether a packet with a pod's address, or for one, travels between nodes without a tunnel where the network does
// not carry it: a VPC's cards do not own such addresses, a site's router has no route to them. Pods' packets to nodes are not
// among them: natOutgoing gives them the node's address (facts/calico.md, sections 7 and 8).
func lost(c *compile.Compiled, cni string, from, to *compile.Place) bool {
	a, b := c.Cluster.Node(from.Node), c.Cluster.Node(to.Node)
	if a == nil || b == nil || a == b || to.Kind != topology.Pod || cni == compile.AWSVPCCNI {
		return false
	}
	neighbours := a.Cards()[0].Subnet == b.Cards()[0].Subnet
	bare := cni == "calico-bgp" || strings.HasSuffix(cni, "crosssubnet") && neighbours
	return bare && (c.Cluster.Site == nil || !neighbours)
}

// same holds a trace in reused memory to one in its own.
func same(t *testing.T, tr *trace.Trace, r *query.Request, c *compile.Compiled) {
	t.Helper()
	reused, err := r.Document(c)
	if err != nil {
		t.Fatal(err)
	}
	own := tr.Document()
	latency.Annotate(own, latency.Of(tr, own, latency.Default()))
	if d := cmp.Diff(own, reused); d != "" {
		t.Errorf("%s → %s: a trace in reused memory differs:\n%s", r.From, r.To, d)
	}
}

// TestEveryOption compiles each value of each option and traces across nodes: of them only a network without tunnels that does
// not know pods' addresses, and NetworkPolicies, keep pods apart.
func TestEveryOption(t *testing.T) {
	for _, preset := range compile.Presets() {
		base, err := compile.Preset(preset)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range compile.Options(base) {
			values := o.Values
			if values == nil {
				values = []string{"", "10.9.0.0/16", "172.16.0.0/12,100.65.0.0/16"}
				if o.One {
					values = values[:2]
				}
			}
			for _, v := range values {
				c := open(t, preset, map[string]string{o.Key: v})
				tr, err := (&query.Request{From: "pod/default/netshoot-1", To: "pod/default/netshoot-3"}).Trace(c)
				if err != nil {
					t.Fatalf("%s %s=%s: %v", preset, o.Key, v, err)
				}
				bare := preset != "onprem-study" && (v == "calico-bgp" || preset == "eks-two-subnets" && strings.HasSuffix(v, "crosssubnet"))
				denied := o.Key == "networkpolicy" && v != "none"
				if (tr.Outcome != trace.Delivered) != (bare || denied) {
					t.Errorf("%s %s=%s: %s, %v", preset, o.Key, v, tr.Outcome, tr.Document().Reason)
				}
			}
		}
	}
}

func TestWrongChoices(t *testing.T) {
	c := open(t, "eks-study", nil)
	for _, tt := range []struct {
		r           query.Request
		field, code string
	}{
		{query.Request{To: "internet"}, "from", "missing"},
		{query.Request{From: "internet"}, "to", "missing"},
		{query.Request{From: "pod/default/nobody", To: "internet"}, "from", "unknown-place"},
		{query.Request{From: "node-a", To: "somewhere"}, "to", "unknown-place"},
		{query.Request{From: "10.1.1.1", To: "internet"}, "from", "not-source"},
		{query.Request{From: "node-a", To: "::1"}, "to", "unknown-place"},
		{query.Request{From: "pod/default/web-1", To: "pod/default/web-1"}, "to", "same-place"},
		{query.Request{From: "pod/default/web-1", To: "192.168.1.91"}, "to", "same-place"},
		{query.Request{From: "node-a", To: "internet", Protocol: "sctp"}, "proto", "bad-protocol"},
		{query.Request{From: "node-a", To: "internet", DstPort: 65536}, "dport", "bad-number"},
		{query.Request{From: "node-a", To: "internet", TTL: 256}, "ttl", "bad-number"},
	} {
		_, err := tt.r.Trace(c)
		var f *compile.FieldError
		if !errors.As(err, &f) || f.Field != tt.field || f.Code != tt.code {
			t.Errorf("%+v: %v, want %s: %s", tt.r, err, tt.field, tt.code)
		}
	}
}

// TestPublicAddress: an address on the Internet that a query names becomes a host there; a private one that the VPC does
// not have does not, and the Internet does not carry packets to it.
func TestPublicAddress(t *testing.T) {
	for _, tt := range []struct {
		to   string
		want trace.Outcome
	}{{"8.8.8.8", trace.Delivered}, {"10.1.2.3", trace.Dropped}, {"192.168.1.200", trace.Dropped}} {
		c := open(t, "eks-study", nil, tt.to)
		tr, err := (&query.Request{From: "pod/default/netshoot-1", To: tt.to}).Trace(c)
		if err != nil {
			t.Fatal(err)
		}
		if tr.Outcome != tt.want {
			t.Errorf("to %s: %s, want %s", tt.to, tr.Outcome, tt.want)
		}
	}
}
