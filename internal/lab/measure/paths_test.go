package measure

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/latency"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/trace"
)

// TestParts: what a path is said to be made of is what the tracer meets on it and package latency counts. So a cost that is
// derived from the path means the same thing when a trace is given it.
func TestParts(t *testing.T) {
	var all []*Path
	for i := range Paths {
		all = append(all, &Paths[i])
	}
	net, err := Lay(all)
	if err != nil {
		t.Fatal(err)
	}
	table := counting(t)
	for _, p := range all {
		if p.legacy {
			continue // its rules are in no topology
		}
		e := net.Ends[p.Name]
		tr, err := trace.Run(net.Topology, trace.Query{From: e.Client, To: e.To, Protocol: packet.UDP, DstPort: serverPort, DF: true})
		if err != nil {
			t.Fatalf("%s: %v", p.Title, err)
		}
		if tr.Outcome != trace.Delivered {
			t.Errorf("%s: %s: %v", p.Title, tr.Outcome, tr.End(&tr.Legs[0]).Code)
			continue
		}
		r := latency.Of(tr, tr.Document(), table)
		if len(r.RoundTripLegs) != 2 {
			t.Errorf("%s: nothing comes back", p.Title)
			continue
		}
		for _, l := range r.RoundTripLegs {
			got, want := r.Legs[l].Total, int64(0)
			for i, item := range digits {
				want += int64(p.Parts[item]) * int64(math.Pow10(i))
			}
			if got.Sum.NS != want || got.Rules != p.Parts[latency.Rules] {
				t.Errorf("%s, %s: the trace counts %d with %d rules, its parts %d with %d (digits, from the last: %v)", p.Title, r.Legs[l].Kind,
					got.Sum.NS, got.Rules, want, p.Parts[latency.Rules], digits)
			}
		}
	}
}

// digits are items whose costs are made 1, 10, 100 … ns here, so that a sum says how often each was counted. Rules cost nothing.
var digits = []latency.Item{latency.Socket, latency.Veth, latency.Bridge, latency.Routing, latency.Conntrack, latency.Hook, latency.VXLANEncap, latency.VXLANDecap,
	latency.IPIPEncap, latency.IPIPDecap}

func counting(t *testing.T) *latency.Table {
	t.Helper()
	costs := []string{`"rules": {"ns": 0}`}
	for i, item := range digits {
		costs = append(costs, fmt.Sprintf(`"%s": {"ns": %d}`, item, int64(math.Pow10(i))))
	}
	table, err := latency.Read([]byte(`{"version": 1, "costs": {`+strings.Join(costs, ", ")+`}}`), "counting")
	if err != nil {
		t.Fatal(err)
	}
	return table
}
