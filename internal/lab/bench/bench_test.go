package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/lab/build"
	"github.com/podpath/podpath/internal/lab/measure"
	"github.com/podpath/podpath/internal/lab/space"
	"github.com/podpath/podpath/internal/trace"
)

// TestFlows: every flow is delivered, goes to another node and is answered, and that of a made cluster meets half of
// KUBE-SERVICES on the client's node and all on the server's.
func TestFlows(t *testing.T) {
	const services = 40
	for _, f := range flows([]int{services}) {
		made, r, err := f.open()
		if err != nil {
			t.Fatalf("%s: %v", f.title, err)
		}
		tr, err := r.Trace(made)
		if err != nil {
			t.Fatalf("%s: %v", f.title, err)
		}
		if tr.Outcome != trace.Delivered || len(tr.Legs) != 2 {
			t.Errorf("%s: %s, %d legs", f.title, tr.Outcome, len(tr.Legs))
		}
		d := tr.Document()
		nodes, most := map[string]bool{}, 0
		for _, h := range d.Legs[0].Hops {
			nodes[h.Namespace] = nodes[h.Namespace] || h.Kind == "node"
			for _, s := range h.Steps {
				if s.Chain == "KUBE-SERVICES" && s.Table == "nat" {
					most = max(most, s.Passed)
				}
			}
		}
		n := 0
		for _, is := range nodes {
			if is {
				n++
			}
		}
		if n != 2 {
			t.Errorf("%s: the request goes over %d nodes", f.title, n)
		}
		if f.services > 0 && (most < services || most > services+4) {
			t.Errorf("%s: at most %d rules of KUBE-SERVICES are passed over, of some %d", f.title, most, services)
		}
		if rules(tr) == 0 || steps(tr) == 0 {
			t.Errorf("%s: %d rules, %d steps", f.title, rules(tr), steps(tr))
		}
	}
}

// TestRun sends and traces a few of each. How long that takes is not judged.
func TestRun(t *testing.T) {
	if err := build.Needs(); err != nil {
		t.Skipf("the kernel's side is skipped: %v", err)
	}
	cpu, err := measure.CPU()
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Lab: fmt.Sprintf("testbench%d", os.Getpid()), CPU: cpu, Trips: 20, Runs: 2, Services: []int{10}}
	r, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	want := len(flows(o.Services))
	if build.Has("x_tables") {
		want++
	}
	if len(r.Rows)+len(r.Lacks) != want {
		t.Errorf("%d rows and %d left out (%v), want %d", len(r.Rows), len(r.Lacks), r.Lacks, want)
	}
	for _, row := range r.Rows {
		for name, x := range map[string]Times{"known": row.Known, "first": row.First, "trace": row.Trace, "full": row.Full} {
			if x.Count != o.Trips*o.Runs || x.Best <= 0 || x.Best > x.Median {
				t.Errorf("%s, %s: %+v, want %d of them", row.title(), name, x, o.Trips*o.Runs)
			}
		}
	}
	if left, err := space.List(o.Lab); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	if left, err := space.List(o.Lab); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestRunRefuses(t *testing.T) {
	for _, o := range []Options{{Runs: 1}, {Trips: 1}, {Trips: measure.MaxFresh + 1, Runs: 1}} {
		if _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "want 1 to") {
			t.Errorf("%+v: got %v", o, err)
		}
	}
}
