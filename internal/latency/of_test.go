package latency_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/golden"
	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/latency"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// TestPresets: over every pair of places of every preset under every plugin, sums are sums, shares are shares, ranges are in order and nothing
// is without a basis.
func TestPresets(t *testing.T) {
	n := 0
	for _, preset := range compile.Presets() {
		base, err := compile.Preset(preset)
		if err != nil {
			t.Fatal(err)
		}
		cnis := []string{""}
		for _, o := range compile.Options(base) {
			if o.Key == compile.CNIKey {
				cnis = o.Values
			}
		}
		for _, cni := range cnis {
			options := map[string]string{}
			if cni != "" {
				options[compile.CNIKey] = cni
			}
			c, err := compile.Compile(base, options)
			if err != nil {
				t.Fatal(err)
			}
			for _, from := range c.Places {
				if !from.Sends() {
					continue
				}
				for _, to := range c.Places {
					tr, err := (&query.Request{From: from.Name, To: to.Name, Exchange: n%7 == 0}).Trace(c)
					if err != nil {
						continue // the same place twice, or a name without an address
					}
					n++
					consistent(t, fmt.Sprintf("%s, %s: %s → %s", preset, cni, from.Name, to.Name), tr)
				}
			}
		}
	}
	if n < 200 {
		t.Errorf("only %d traces", n)
	}
}

// TestRecordings does the same for the networks that a kernel was recorded in, tunnels among them.
func TestRecordings(t *testing.T) {
	for _, flow := range []string{"calico-vxlan/pod-pod-other-node", "calico-ipip/pod-pod-other-node", "calico-direct/pod-external", "kubenet/pod-pod-other-node"} {
		consistent(t, flow, recorded(t, flow))
	}
}

// recorded traces the flow of a recording.
func recorded(t *testing.T, flow string) *trace.Trace {
	t.Helper()
	r, err := lab.Open(golden.Dir(t, "kernel", flow))
	if err != nil {
		t.Fatal(err)
	}
	tr, err := r.Trace(true)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func consistent(t *testing.T, name string, tr *trace.Trace) {
	t.Helper()
	d := tr.Document()
	r := latency.Of(tr, d, latency.Default())
	good := func(what string, c latency.Cost) {
		t.Helper()
		if c.Zero() {
			return
		}
		if c.Low < 0 || c.Low > c.NS || c.NS > c.High {
			t.Errorf("%s: %s: %+v is not in order", name, what, c)
		}
		if c.Basis == "" || c.Source == "" {
			t.Errorf("%s: %s: %+v has no basis or source", name, what, c)
		}
	}
	for l := range r.Legs {
		leg := &r.Legs[l]
		var sum, low, high int64
		for h := range leg.Hops {
			hop := &leg.Hops[h]
			good(hop.Namespace, hop.Cost)
			var steps int64
			for _, s := range hop.Steps {
				good(fmt.Sprintf("%s step %d", hop.Namespace, s.Step), s.Cost)
				steps += s.Cost.NS
			}
			if steps != hop.Cost.NS {
				t.Errorf("%s: %s: steps are %d, the hop %d", name, hop.Namespace, steps, hop.Cost.NS)
			}
			stations := int64(0)
			for _, s := range d.Stations {
				if s.Leg == l && s.Hop == h {
					stations += hop.Between(s.First, s.Last).NS
				}
			}
			if stations != hop.Cost.NS {
				t.Errorf("%s: %s: stations are %d, the hop %d", name, hop.Namespace, stations, hop.Cost.NS)
			}
			sum, low, high = sum+hop.Cost.NS, low+hop.Cost.Low, high+hop.Cost.High
		}
		total := leg.Total
		if total.Sum.NS != sum || total.Sum.Low != low || total.Sum.High != high || total.CPU.NS+total.Network.NS != sum {
			t.Errorf("%s: leg %d: hops are %d (%d to %d), the total %+v", name, l, sum, low, high, total)
		}
		good("leg", total.Sum)
	}
	if r.Tunnel.NS > r.RoundTrip.CPU.NS {
		t.Errorf("%s: the tunnel is %d of %d", name, r.Tunnel.NS, r.RoundTrip.CPU.NS)
	}
	latency.Annotate(d, r)
	for l := range d.Legs {
		for h := range d.Legs[l].Hops {
			if x := d.Legs[l].Hops[h].Latency; x != nil && x.NS != r.Legs[l].Hops[h].Cost.NS || x == nil && !r.Legs[l].Hops[h].Cost.Zero() {
				t.Errorf("%s: the document has %+v, the report %+v", name, x, r.Legs[l].Hops[h].Cost)
			}
		}
	}
}

// study traces a pair of places in the first preset; mutate changes its topology before.
func study(t *testing.T, from, to string, mutate func(*topology.Topology)) (*trace.Trace, *latency.Report) {
	t.Helper()
	base, err := compile.Preset(compile.Presets()[0])
	if err != nil {
		t.Fatal(err)
	}
	c, err := compile.Compile(base, nil)
	if err != nil {
		t.Fatal(err)
	}
	if mutate != nil {
		mutate(c.Topology)
	}
	tr, err := (&query.Request{From: from, To: to}).Trace(c)
	if err != nil {
		t.Fatal(err)
	}
	return tr, latency.Of(tr, tr.Document(), latency.Default())
}

func codes(r *latency.Report) map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, s := range r.Statements {
		out[s.Code] = s.Args
		if out[s.Code] == nil {
			out[s.Code] = map[string]string{}
		}
	}
	return out
}

// TestZones: netshoot-1 is on node-a, netshoot-3 on node-b in another zone. The network's part of a round trip is twice the
// figure that the zones ask for.
func TestZones(t *testing.T) {
	table := latency.Default()
	twice := func(i latency.Item) int64 { return 2 * table.Cost(i).NS }
	_, r := study(t, "pod/default/netshoot-1", "pod/default/netshoot-3", nil)
	if got := r.RoundTrip.Network; got.NS != twice(latency.CrossZone) || got.Basis != latency.Published {
		t.Errorf("across zones: %+v", got)
	}
	if codes(r)[latency.SayZoneCross] == nil || codes(r)[latency.SaySize]["network"] != "830" {
		t.Errorf("across zones it says %v", r.Statements)
	}
	zoned := func(zone string) func(*topology.Topology) {
		return func(top *topology.Topology) {
			for _, name := range top.Names() {
				if ns, err := top.Namespace(name); err == nil && ns.Kind == topology.Node {
					ns.Place.Zone = zone
				}
			}
		}
	}
	_, r = study(t, "pod/default/netshoot-1", "pod/default/netshoot-3", zoned("z1"))
	if got := r.RoundTrip.Network.NS; got != twice(latency.SameZone) || codes(r)[latency.SayZoneSame] == nil {
		t.Errorf("in a zone: %d, %v", got, r.Statements)
	}
	_, r = study(t, "pod/default/netshoot-1", "pod/default/netshoot-3", zoned(""))
	got := r.RoundTrip.Network
	if got.Low != 2*table.Cost(latency.SameZone).Low || got.High != 2*table.Cost(latency.CrossZone).High || got.Source != latency.SourceZoneUnknown {
		t.Errorf("zones unknown: %+v", got)
	}
	if a := codes(r)[latency.SayZoneUnknown]; a["same"] != "130" || a["cross"] != "415" {
		t.Errorf("zones unknown: it says %v", r.Statements)
	}
}

// TestSameNode: pods of one node meet no network.
func TestSameNode(t *testing.T) {
	_, r := study(t, "pod/default/netshoot-1", "pod/default/netshoot-2", nil)
	if !r.RoundTrip.Network.Zero() || codes(r)[latency.SayKernelOnly] == nil || codes(r)[latency.SayTunnel] != nil {
		t.Errorf("network %+v, %v", r.RoundTrip.Network, r.Statements)
	}
}

// TestInternet: a gateway's figure is an estimate, and the Internet has none.
func TestInternet(t *testing.T) {
	_, r := study(t, "pod/default/netshoot-1", "internet", nil)
	if got := r.RoundTrip.Network; got.Basis != latency.Estimate || got.Source != string(latency.InternetGateway) {
		t.Errorf("network %+v", got)
	}
	if codes(r)[latency.SayInternet] == nil {
		t.Errorf("it says %v", r.Statements)
	}
}

// TestTunnel: against the same network without a tunnel, VXLAN costs at least what was measured for its two ends, and IP-IP
// less than VXLAN.
func TestTunnel(t *testing.T) {
	of := func(scenario string) *latency.Report {
		tr := recorded(t, scenario+"/pod-pod-other-node")
		return latency.Of(tr, tr.Document(), latency.Default())
	}
	direct, vxlan, ipip := of("calico-direct"), of("calico-vxlan"), of("calico-ipip")
	if !direct.Tunnel.Zero() || codes(direct)[latency.SayTunnel] != nil {
		t.Errorf("without a tunnel it costs %+v", direct.Tunnel)
	}
	if vxlan.Tunnel.NS < 2*3000 || vxlan.Tunnel.Basis != latency.Measured {
		t.Errorf("VXLAN adds %+v there and back; its ends alone are 6 us", vxlan.Tunnel)
	}
	if ipip.Tunnel.NS >= vxlan.Tunnel.NS || ipip.Tunnel.NS < 2*2100 || ipip.Tunnel.Basis != latency.Estimate {
		t.Errorf("IP-IP adds %+v, VXLAN %+v", ipip.Tunnel, vxlan.Tunnel)
	}
	for _, r := range []*latency.Report{vxlan, ipip} { // underlay.md, 5c: an overlay's effect on a round trip is +5 to +20 us
		if r.Tunnel.NS < 5000 || r.Tunnel.NS > 20000 {
			t.Errorf("a tunnel adds %+v", r.Tunnel)
		}
	}
	a := codes(vxlan)[latency.SayTunnel]
	if a["added"] != latency.Micros(vxlan.Tunnel.NS) || a["percent"] == "" || a["low"] == "" || a["high"] == "" {
		t.Errorf("it says %v", vxlan.Statements)
	}
}

// TestRuleSet: for an established packet through a node with Felix's rules, conntrack and rules come to what was measured
// with them (22.2 against 18.7 there and back, underlay.md, 5a), the range at least holding it.
func TestRuleSet(t *testing.T) {
	tr := recorded(t, "calico-direct/pod-pod-same-node")
	r := latency.Of(tr, tr.Document(), latency.Default())
	const data = 3 // SYN, SYN-ACK, ACK, DATA
	var sum latency.Cost
	hops := tr.Hops(&tr.Legs[data])
	for h := range hops {
		steps := tr.Steps(&hops[h])
		for _, c := range r.Legs[data].Hops[h].Steps {
			if s := steps[c.Step].Stage; hops[h].Kind == topology.Node && (s == trace.StageConntrack || s == trace.StageNetfilter) {
				sum = sum.Plus(c.Cost)
			}
		}
	}
	const measured = (22200 - 18700) / 2
	if sum.Low > measured || sum.High < measured || math.Abs(float64(sum.NS-measured)) > 300 {
		t.Errorf("conntrack and rules are %+v one way, measured %d", sum, measured)
	}
}

// TestDropped: what the network drops never crossed it, and nothing comes back.
func TestDropped(t *testing.T) {
	base, err := compile.Preset(compile.Presets()[0])
	if err != nil {
		t.Fatal(err)
	}
	// Without SNAT the Internet gateway has no public address for a pod's.
	c, err := compile.Compile(base, map[string]string{"externalsnat": "true"})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := (&query.Request{From: "pod/default/netshoot-1", To: "internet"}).Trace(c)
	if err != nil || tr.Outcome != trace.Dropped {
		t.Fatalf("%v, %v", tr.Outcome, err)
	}
	r := latency.Of(tr, tr.Document(), latency.Default())
	if !r.RoundTrip.Network.Zero() || codes(r)[latency.SayOneWay] == nil || codes(r)[latency.SayNotCrossed] == nil || codes(r)[latency.SayKernelOnly] != nil {
		t.Errorf("network %+v, %v", r.RoundTrip.Network, r.Statements)
	}
}
