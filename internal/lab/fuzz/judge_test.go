package fuzz

import (
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/lab"
)

// recorded has the fake kernel record a flow through the plain cluster.
func recorded(t *testing.T, cluster string, f lab.Flow, edits ...string) *lab.Recording {
	t.Helper()
	top, err := (&Case{Cluster: cluster, Edits: edits}).Topology()
	if err != nil {
		t.Fatal(err)
	}
	built, err := (&fake{}).Build(top)
	if err != nil {
		t.Fatal(err)
	}
	r, err := built.Record(f, 0)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func judged(t *testing.T, r *lab.Recording) *Verdict {
	t.Helper()
	v, err := Judge(r)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestJudgeChance holds that a kernel may take any next hop of several, and must do as the tracer says once it has.
func TestJudgeChance(t *testing.T) {
	const ways = "node-a: route 10.7.0.0/16 nexthop via 10.0.1.1 dev ens5 weight 1 nexthop via 10.0.1.100 dev eni8161413a3fb weight 1"
	top, err := (&Case{Cluster: plainCluster}).Topology()
	if err != nil {
		t.Fatal(err)
	}
	ns, err := top.Namespace("node-a")
	if err != nil {
		t.Fatal(err)
	}
	veth := ns.Interfaces[len(ns.Interfaces)-1].Name
	edit := strings.Replace(ways, "eni8161413a3fb", veth, 1)
	f := lab.Flow{Protocol: "udp", From: "node-a", To: "10.7.0.1", Port: 8080, ClientPort: 40000, ListenPort: 8080, TTL: 64, Payload: 4}
	first := recorded(t, plainCluster, f, edit)
	v := judged(t, first)
	if v.Difference != nil || len(v.Report.Trace.Choices) != 1 || len(v.Report.Trace.Choices[0].Options) != 2 {
		t.Fatalf("got %v and choices %+v, want none and one of two options", v.Difference, v.Report.Trace.Choices)
	}
	c := v.Report.Trace.Choices[0]
	f.Choices = map[string]string{c.ID: c.Options[1].Value}
	second := recorded(t, plainCluster, f, edit)
	second.Flow.Choices = nil // which the kernel does not say
	if second.Path[0]["dev"] == first.Path[0]["dev"] {
		t.Fatalf("both ways leave by %v", first.Path[0]["dev"])
	}
	if v := judged(t, second); v.Difference != nil {
		t.Errorf("the second way: %v", v.Difference)
	}
	second.Path[0] = maps.Clone(second.Path[0])
	second.Path[0]["dir"] = "up"
	if v := judged(t, second); v.Difference == nil {
		t.Error("the second way with a row that is wrong: no difference")
	}
}

// TestJudgePartly holds that where the tracer does not know how a packet goes on, only what is before counts.
func TestJudgePartly(t *testing.T) {
	cluster := strings.Replace(plainCluster, "address: 10.0.1.10}", "address: 10.0.1.10, public: 203.0.113.10}", 1)
	f := lab.Flow{Protocol: "udp", From: "node-a", To: "192.0.2.9", Port: 8080, ClientPort: 40000, ListenPort: 8080, TTL: 64, Payload: 4}
	r := recorded(t, cluster, f)
	r.Path = append(r.Path, map[string]any{"ns": "beyond"})
	r.Conntrack = append(r.Conntrack, "beyond: udp")
	if v := judged(t, r); !v.Partly || v.Difference != nil || !strings.HasPrefix(v.Outcome, "unknown: ") {
		t.Errorf("got %+v, want unknown, compared in part, and no difference", v)
	}
	r.Path[0] = maps.Clone(r.Path[0])
	r.Path[0]["dir"] = "up"
	if v := judged(t, r); v.Difference == nil {
		t.Error("a row that is wrong before the tracer gives up: no difference")
	}
}

// TestJudgeFragments holds that what leaves in fragments is compared as the whole that it is.
func TestJudgeFragments(t *testing.T) {
	f := lab.Flow{Protocol: "udp", From: "node-a", To: "10.0.1.100", Port: 8080, ClientPort: 40000, ListenPort: 8080, TTL: 64, Payload: 20000}
	r := recorded(t, plainCluster, f)
	if v := judged(t, r); v.Not || v.Difference != nil {
		t.Errorf("got %+v, want agreement", v)
	}
	r.Path = nil
	if v := judged(t, r); v.Difference == nil {
		t.Errorf("without a path: got %+v, want a difference", v)
	}
}

// TestReplayStopsShort holds that a case which was known as a whole must stay so, and that another need not become so.
func TestReplayStopsShort(t *testing.T) {
	cluster := strings.Replace(plainCluster, "address: 10.0.1.10}", "address: 10.0.1.10, public: 203.0.113.10}", 1)
	f := lab.Flow{Protocol: "udp", From: "node-a", To: "192.0.2.9", Port: 8080, ClientPort: 40000, ListenPort: 8080, TTL: 64, Payload: 4}
	r := recorded(t, cluster, f)
	for _, part := range []bool{false, true} {
		c := &Case{Cluster: cluster, Flow: f}
		c.take(r, &Verdict{Partly: part})
		name := filepath.Join(t.TempDir(), "case.txtar")
		if err := c.write(name); err != nil {
			t.Fatal(err)
		}
		rep, err := Replay(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := len(rep.Differences) > 0; found == part {
			t.Errorf("recorded in part: %v: differences %v", part, rep.Differences)
		}
	}
}
