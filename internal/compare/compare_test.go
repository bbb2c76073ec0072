package compare_test

import (
	"encoding/json"
	"testing"

	"github.com/podpath/podpath/internal/compare"
	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/trace"
)

func compiled(t *testing.T, preset string, options map[string]string) *compile.Compiled {
	t.Helper()
	base, err := compile.Preset(preset)
	if err != nil {
		t.Fatal(err)
	}
	c, err := compile.Compile(base, options)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func column(t *testing.T, c *compile.Compiled, name string, r query.Request) compare.Column {
	t.Helper()
	tr, err := r.Trace(c)
	if err != nil {
		t.Fatal(err)
	}
	return compare.Column{Name: name, Trace: tr}
}

// TestSelf: every trace of a preset compares with itself as the same, whatever its names are.
func TestSelf(t *testing.T) {
	for _, preset := range compile.Presets() {
		c := compiled(t, preset, nil)
		for _, from := range c.Places {
			for _, to := range c.Places {
				tr, err := (&query.Request{From: from.Name, To: to.Name}).Trace(c)
				if err != nil {
					continue
				}
				x := compare.Of([]compare.Column{{Trace: tr}, {Trace: tr}})
				for i := range x.Rows {
					if r := &x.Rows[i]; r.State != compare.Same || r.Differences != nil {
						t.Fatalf("%s: %s → %s: %s %s: %+v", preset, from.Name, to.Name, r.Role, r.Kind, r)
					}
				}
				if d := x.Columns[1].Delta; d.Same != len(x.Rows) || len(x.Rows) != x.Columns[0].Summary.All.Stations {
					t.Errorf("%s: %s → %s: %+v for %d rows", preset, from.Name, to.Name, d, len(x.Rows))
				}
				if _, err := json.Marshal(x); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// TestPlugins: under every pair of plugins each station is in one row, in its column's order, cells say what rows say, and
// swapping the columns swaps extra with missing.
func TestPlugins(t *testing.T) {
	n := 0
	for _, preset := range compile.Presets() {
		base, err := compile.Preset(preset)
		if err != nil {
			t.Fatal(err)
		}
		var under []*compile.Compiled
		for _, o := range compile.Options(base) {
			if o.Key == compile.CNIKey {
				for _, cni := range o.Values {
					under = append(under, compiled(t, preset, map[string]string{compile.CNIKey: cni}))
				}
			}
		}
		for _, pair := range [][2]string{{"pod/default/netshoot-1", "pod/default/netshoot-3"}, {"pod/default/netshoot-1", "svc/default/web"}, {"node/node-a", "internet"},
			{"internet", "lb/default/web-nlb-instance"}, {"pod/default/netshoot-2", "10.99.99.99"}} {
			var traces []*trace.Trace
			for _, c := range under {
				if tr, err := (&query.Request{From: pair[0], To: pair[1]}).Trace(c); err == nil {
					traces = append(traces, tr)
				}
			}
			for i, a := range traces {
				for _, b := range traces[i:] {
					n++
					there := compare.Of([]compare.Column{{Trace: a}, {Trace: b}})
					back := compare.Of([]compare.Column{{Trace: b}, {Trace: a}}).Columns[1].Delta
					d := there.Columns[1].Delta
					if d.Same != back.Same || d.Differs != back.Differs || d.Extra != back.Missing || d.Missing != back.Extra || d.Bytes != -back.Bytes {
						t.Errorf("%s: %v: %+v, swapped %+v", preset, pair, d, back)
					}
					rows(t, there)
				}
			}
			var all []compare.Column
			for _, tr := range traces {
				all = append(all, compare.Column{Trace: tr})
			}
			rows(t, compare.Of(all))
		}
	}
	if n < 50 {
		t.Errorf("only %d pairs", n)
	}
}

// rows holds a comparison's rows to its columns.
func rows(t *testing.T, c *compare.Comparison) {
	t.Helper()
	for col := range c.Columns {
		next := 0
		for i := range c.Rows {
			r := &c.Rows[i]
			cell := &r.Cells[col]
			gap := cell.State == compare.Missing || cell.State == compare.Absent
			if gap != (cell.Station < 0) || gap && cell.Cost != nil {
				t.Fatalf("row %d, column %d: %+v", i, col, cell)
			}
			if (r.State == compare.Extra) != (r.Cells[0].State == compare.Absent) {
				t.Fatalf("row %d is %s, its first cell %s", i, r.State, r.Cells[0].State)
			}
			if gap {
				continue
			}
			if cell.Station != next {
				t.Fatalf("row %d, column %d: station %d, want %d", i, col, cell.Station, next)
			}
			next++
		}
		if next != c.Columns[col].Summary.All.Stations {
			t.Errorf("column %d: %d stations in rows, of %d", col, next, c.Columns[col].Summary.All.Stations)
		}
	}
}

// TestNames: pods of two clusters with other addresses and names, and one rule set, are the same way. netshoot-1 and
// netshoot-3 are pods on primary cards of two nodes; there and back the ways mirror each other.
func TestNames(t *testing.T) {
	c := compiled(t, compile.Presets()[0], nil)
	x := compare.Of([]compare.Column{column(t, c, "there", query.Request{From: "pod/default/netshoot-1", To: "pod/default/netshoot-3"}),
		column(t, c, "back", query.Request{From: "pod/default/netshoot-3", To: "pod/default/netshoot-1"})})
	for i := range x.Rows {
		r := &x.Rows[i]
		if r.State != compare.Same && r.State != compare.Differs {
			t.Errorf("%s %s %s is %s", r.Leg, r.Role, r.Kind, r.State)
		}
		for _, d := range r.Differences {
			if d.What != compare.WhatRules && d.What != compare.WhatRoute && d.What != compare.WhatLine {
				t.Errorf("%s %s %s: %s differs: %v", r.Leg, r.Role, r.Kind, d.What, d.Values)
			}
		}
	}
}

// TestExternalSNAT: with SNAT left to others the packet ends at the Internet gateway; what follows is missing, and the
// summary says where and why.
func TestExternalSNAT(t *testing.T) {
	preset := compile.Presets()[0]
	r := query.Request{From: "pod/default/netshoot-1", To: "internet"}
	a, b := column(t, compiled(t, preset, nil), "snat", r), column(t, compiled(t, preset, map[string]string{"externalsnat": "true"}), "external", r)
	x := compare.Of([]compare.Column{a, b})
	one, two := x.Columns[0].Summary, x.Columns[1].Summary
	if one.Outcome != trace.Delivered || one.Ended != nil {
		t.Errorf("with SNAT it is %s, %+v", one.Outcome, one.Ended)
	}
	if two.Ended == nil || two.Ended.Role != compare.Gateway || two.Ended.Code != string(trace.GatewayNoPublic) || two.Ended.Would == nil {
		t.Errorf("without SNAT it ends %+v", two.Ended)
	}
	if one.Wire.SrcOf != "node" || two.Wire.SrcOf != "pod" {
		t.Errorf("the VPC sees a %s, and without SNAT a %s", one.Wire.SrcOf, two.Wire.SrcOf)
	}
	if two.Goodput != nil || one.Goodput == nil || one.Goodput.Frame != 1514 { // beyond the gateway frames have 1500 bytes of IP
		t.Errorf("goodput %+v, and where nothing arrives %+v", one.Goodput, two.Goodput)
	}
	for i := range x.Rows {
		if r := &x.Rows[i]; r.Leg == "request" && r.Role == compare.Gateway && r.State != compare.Differs {
			t.Errorf("the gateway lets one through and drops the other: that is %s", r.State)
		}
	}
	missing := 0
	for i := range x.Rows {
		if x.Rows[i].Leg == "reply" && x.Rows[i].State == compare.Missing {
			missing++
		}
	}
	if missing == 0 || x.Columns[1].Delta.Missing < missing {
		t.Errorf("%d stations of the reply are missing, of all %+v", missing, x.Columns[1].Delta)
	}
	swapped := compare.Of([]compare.Column{b, a}).Columns[1].Delta
	if d := x.Columns[1].Delta; d.Extra != swapped.Missing || d.Missing != swapped.Extra || d.Same != swapped.Same || d.CPU != -swapped.CPU {
		t.Errorf("swapped, %+v becomes %+v", d, swapped)
	}
}

// TestVPC: pods of the VPC CNI have addresses of cards, one each, which the VPC sees; frames may have 9001 bytes.
func TestVPC(t *testing.T) {
	c := compiled(t, compile.Presets()[0], nil)
	s := compare.Of([]compare.Column{column(t, c, "", query.Request{From: "pod/default/netshoot-1", To: "pod/default/netshoot-3"})}).Columns[0].Summary
	if s.AddressesPerPod == nil || *s.AddressesPerPod != 1 {
		t.Errorf("addresses per pod %v", s.AddressesPerPod)
	}
	if s.PodMTU != 9001 || s.Wire.MTU != 9001 || s.Goodput == nil || s.Goodput.Payload != 9001-52 || s.Goodput.Frame != 9015 {
		t.Errorf("pod %d, wire %+v, goodput %+v", s.PodMTU, s.Wire, s.Goodput)
	}
	if s.Wire.SrcOf != "pod" || s.Wire.DstOf != "pod" || s.Wire.Extra != 0 {
		t.Errorf("wire %+v", s.Wire)
	}
	if len(s.Nodes) != 2 || s.Nodes[0].RouteLookups != 1 || s.Nodes[0].Role != compare.SenderNode || s.Nodes[1].Role != compare.ReceiverNode {
		t.Errorf("nodes %+v", s.Nodes)
	}
}

// TestSameNode: without a network there is no wire.
func TestSameNode(t *testing.T) {
	c := compiled(t, compile.Presets()[0], nil)
	s := compare.Of([]compare.Column{column(t, c, "", query.Request{From: "pod/default/netshoot-1", To: "pod/default/netshoot-2"})}).Columns[0].Summary
	if s.Wire != nil || len(s.Nodes) != 1 || s.Goodput == nil {
		t.Errorf("%+v", s)
	}
}

func TestNothing(t *testing.T) {
	if c := compare.Of(nil); len(c.Columns) != 0 || len(c.Rows) != 0 {
		t.Errorf("%+v", c)
	}
}
