package record

import (
	"errors"
	"fmt"
	"testing"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/lab/build"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// perPreset is how many flows a test sends through each preset with each plugin. `make verify-presets` sends all.
const perPreset = 14

// TestPresets sends flows through every preset with every plugin that this kernel can build, and holds the tracer to them.
func TestPresets(t *testing.T) {
	need(t)
	for _, id := range compile.Presets() {
		c, err := compile.Preset(id)
		if err != nil {
			t.Fatal(err)
		}
		for _, cni := range compile.CNIs(c) {
			t.Run(id+"/"+cni, func(t *testing.T) { preset(t, id, cni) })
		}
	}
}

func preset(t *testing.T, id, cni string) {
	c, err := compile.Preset(id)
	if err != nil {
		t.Fatal(err)
	}
	made, err := compile.Compile(c, map[string]string{compile.CNIKey: cni})
	if err != nil {
		t.Fatal(err)
	}
	net, err := build.Build(own("presets"), made.Topology)
	var lacks *build.LacksError
	if errors.As(err, &lacks) {
		t.Logf("not built: %v", err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	}()
	rec, err := New(net)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	flows := some(made.Places)
	if len(flows) != perPreset {
		t.Fatalf("%d flows, want %d", len(flows), perPreset)
	}
	for _, r := range flows {
		tr, err := r.Trace(made)
		if err != nil {
			t.Fatal(err)
		}
		if tr.Outcome == trace.Undetermined {
			continue
		}
		name := fmt.Sprint(r.From, " → ", r.To, " ", tr.Query.Protocol)
		_, rep, _, err := rec.Judge(lab.FlowOf(name, tr))
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range rep.Differences {
			t.Errorf("%s: %v", name, d)
		}
	}
}

// some takes flows out of all pairs of places at equal distances, with the protocols in turn.
func some(places []compile.Place) []query.Request {
	var all []query.Request
	for _, from := range places {
		for _, to := range places {
			if !from.Sends() || from.Name == to.Name {
				continue
			}
			r := query.Request{From: from.Name, To: to.Name, Exchange: true, Payload: 4}
			if to.Kind != compile.Service && to.Kind != topology.LoadBalancer {
				r.Protocol = []string{"tcp", "udp", "icmp"}[len(all)%3]
			}
			if _, err := r.Query(places); err == nil {
				all = append(all, r)
			}
		}
	}
	var out []query.Request
	for i := range perPreset {
		out = append(out, all[i*len(all)/perPreset])
	}
	return out
}
