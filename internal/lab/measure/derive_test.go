package measure

import (
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/latency"
)

// made are the times of paths that are made up: each run's best in a column. Medians are a quarter higher.
func made(rows map[string][]int64) *Measured {
	m := &Measured{Trips: 1}
	for i := range Paths {
		if best := rows[Paths[i].Name]; best != nil {
			t := Time{Path: Paths[i].Name, Best: best, Answered: 1}
			for _, b := range best {
				t.Median = append(t.Median, b*5/4)
			}
			m.Times, m.Runs = append(m.Times, t), len(best)
		}
	}
	return m
}

// underlay are the round trips of underlay.md, section 5a, and two that it does not have (chains, ipip), in nanoseconds.
func underlay() map[string][]int64 {
	return map[string][]int64{Loopback: {14900}, VethPair: {16300}, Bridged: {19100}, Routed: {18000}, Tracked: {19100}, Chains: {21190},
		Rules100: {20000}, Rules1000: {27000}, Rules5000: {64100}, Native: {19500}, VXLAN: {25500}, IPIP: {23900}}
}

// with changes one of them; nil takes it out.
func with(path string, best ...int64) map[string][]int64 {
	rows := underlay()
	rows[path] = best
	return rows
}

// TestDerive: the arithmetic is that of latency.Default, whose figures, except hook and IP-IP, come out of the same rows.
func TestDerive(t *testing.T) {
	for _, x := range []struct {
		name string
		rows map[string][]int64
		item latency.Item
		ns   int64  // 0: no figure
		why  string // then
	}{
		{"a send and a receive each way", underlay(), latency.Socket, 3725, ""},
		{"half the difference", underlay(), latency.Veth, 700, ""},
		{"without the second veth", underlay(), latency.Bridge, 700, ""},
		{"without the second veth", underlay(), latency.Routing, 150, ""},
		{"half the difference", underlay(), latency.Conntrack, 550, ""},
		{"per thousand", underlay(), latency.Rules, 4500, ""},
		{"a fifth, without ten rules of 4.5 ns", underlay(), latency.Hook, 200, ""},
		{"both ends, half each", underlay(), latency.VXLANEncap, 1500, ""},
		{"both ends, half each", underlay(), latency.VXLANDecap, 1500, ""},
		{"both ends, half each", underlay(), latency.IPIPEncap, 1100, ""},
		{"both ends, half each", underlay(), latency.IPIPDecap, 1100, ""},

		{"the best of all runs counts", with(Loopback, 15500, 14900, 15000), latency.Socket, 3725, ""},

		{"less than nothing", with(Tracked, 17000), latency.Conntrack, 0, "within the noise: the difference comes to -500 ns"},
		{"nothing", with(Tracked, 18000), latency.Conntrack, 0, "within the noise: the difference comes to 0 ns"},
		{"a bridge cheaper than its veth", with(Bridged, 17000), latency.Bridge, 0, "within the noise: the difference comes to -350 ns"},
		{"what is noise is not taken off as if it gave time back", with(VethPair, 14800), latency.Bridge, 2150, ""},
		{"and has no figure", with(VethPair, 14800), latency.Veth, 0, "within the noise"},
		{"rules that cost nothing are not taken off either", with(Rules5000, 19000), latency.Hook, 209, ""},

		{"a kernel without IP-IP", with(IPIP), latency.IPIPEncap, 0, "not measured: two nodes, IP-IP"},
		{"without what it is compared with", with(Native), latency.VXLANDecap, 0, "not measured: two nodes, native routed"},
		{"the others stand", with(Native), latency.Veth, 700, ""},
	} {
		for i, b := range x.rows { // as many runs everywhere
			for len(b) > 0 && len(b) < 3 {
				b = append(b, b[0])
			}
			x.rows[i] = b
		}
		f := find(Derive(made(x.rows)), x.item)
		if f == nil || f.Cost.NS != x.ns || !strings.Contains(f.Why, x.why) || (f.Why == "") != (x.ns > 0) {
			t.Errorf("%s: %s is %+v, want %d ns %q", x.name, x.item, f, x.ns, x.why)
		}
		if f != nil && (f.Cost.Low < 0 || f.Cost.Low > f.Cost.NS || f.Cost.High < f.Cost.NS) {
			t.Errorf("%s: %s: %+v is not in order", x.name, x.item, f.Cost)
		}
	}
}

func find(found []Found, item latency.Item) *Found {
	for i := range found {
		if found[i].Item == item {
			return &found[i]
		}
	}
	return nil
}

// TestRange: the range has each run's own figure, that of the medians, and that of the other iptables.
func TestRange(t *testing.T) {
	rows := map[string][]int64{Loopback: {10000, 10400}, VethPair: {12000, 12000}, Rules100: {20000, 20000}, Rules5000: {40000, 40000},
		Legacy(Rules100): {20000, 20000}, Legacy(Rules5000): {34120, 34120}}
	found := Derive(made(rows))
	for item, want := range map[latency.Item]latency.Cost{
		latency.Veth:  {NS: 1000, Low: 800, High: 1250, Basis: latency.MeasuredHere, Source: latency.SourceOwn}, // run 2; the medians
		latency.Rules: {NS: 2041, Low: 1441, High: 2551, Basis: latency.MeasuredHere, Source: latency.SourceOwn},
	} {
		if got := find(found, item).Cost; got != want {
			t.Errorf("%s: %+v, want %+v", item, got, want)
		}
	}
}

// TestDerivations: every item that a kernel alone decides has a derivation, of paths that there are, and what is taken off is
// known by then.
func TestDerivations(t *testing.T) {
	seen := map[latency.Item]bool{}
	for _, d := range derivations {
		for _, p := range []string{d.more, d.less, d.also[0], d.also[1]} {
			if p != "" && title(p) == p {
				t.Errorf("%v: no path %q", d.items, p)
			}
		}
		if d.veths > 0 && !seen[latency.Veth] || d.rules > 0 && !seen[latency.Rules] {
			t.Errorf("%v takes off what comes later", d.items)
		}
		for _, i := range d.items {
			if seen[i] {
				t.Errorf("%s is derived twice", i)
			}
			seen[i] = true
		}
	}
	network := map[latency.Item]bool{latency.SameZone: true, latency.CrossZone: true, latency.Balancer: true, latency.NATGateway: true,
		latency.InternetGateway: true, latency.SwitchHop: true}
	for _, i := range latency.Items {
		if seen[i] == network[i] {
			t.Errorf("%s: derived %v, and it is the network's: %v", i, seen[i], network[i])
		}
	}
}
