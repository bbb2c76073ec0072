package measure

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/latency"
)

// derivation is how the cost of items comes out of the times of paths: half the difference of two round trips, less what else
// that difference is made of, divided by how often the item is in it. latency.Default has the same arithmetic for its figures,
// except hook, which it takes from a whole rule set, and IP-IP, which it takes from VXLAN.
type derivation struct {
	items      []latency.Item // the same for each: what was measured as one
	more, less string         // paths; less is "" where nothing is taken off
	veths      int            // so many crossings are in the difference too
	rules      float64        // and so many thousand rules
	times      float64        // how often one of items is in what is left
	also       [2]string      // more and less of the same thing done another way, which widens the range; "" for none
}

// derivations are all of them; one that takes off another's item stands behind it.
var derivations = []derivation{
	{items: []latency.Item{latency.Socket}, more: Loopback, times: 2},
	{items: []latency.Item{latency.Veth}, more: VethPair, less: Loopback, times: 1},
	{items: []latency.Item{latency.Bridge}, more: Bridged, less: VethPair, veths: 1, times: 1},
	{items: []latency.Item{latency.Routing}, more: Routed, less: VethPair, veths: 1, times: 1},
	{items: []latency.Item{latency.Conntrack}, more: Tracked, less: Routed, times: 1},
	// Per thousand. Rules are nf_tables', as a lab has them and most nodes; x_tables walks them a little differently.
	{items: []latency.Item{latency.Rules}, more: Rules5000, less: Rules100, times: 4.9, also: [2]string{Legacy(Rules5000), Legacy(Rules100)}},
	{items: []latency.Item{latency.Hook}, more: Chains, less: Tracked, rules: 0.010, times: 5},
	{items: []latency.Item{latency.VXLANEncap, latency.VXLANDecap}, more: VXLAN, less: Native, times: 2},
	{items: []latency.Item{latency.IPIPEncap, latency.IPIPDecap}, more: IPIP, less: Native, times: 2},
}

// String is the arithmetic in the paths' names.
func (d *derivation) String() string {
	s := d.more + " / 2"
	if d.less != "" {
		s = "(" + d.more + " - " + d.less + ") / 2"
	}
	if d.veths > 0 {
		s += " - veth"
	}
	if d.rules > 0 {
		s += fmt.Sprintf(" - %g rules", d.rules*1000)
	}
	if d.times == 1 {
		return s
	}
	if d.veths > 0 || d.rules > 0 {
		s = "(" + s + ")"
	}
	return s + fmt.Sprintf(" / %g", d.times)
}

// Found is what was found out about an item.
type Found struct {
	Item latency.Item
	Cost latency.Cost // measured here; nothing where there is a Why
	From string       // the arithmetic
	Why  string       // why there is no figure; the table's own stands then
}

// Derive takes the costs from the times, in the order of latency's items. The figure is from the best round trips of all runs.
// Its range is where the same arithmetic comes to with each run's best, with the medians, and for what was done another way too. A
// difference that is not above zero is noise and no cost: the item has no figure, and counts as nothing where another takes it off.
func Derive(m *Measured) []Found {
	least := func(t *Time) int64 { return slices.Min(t.Best) }
	best := evaluate(m, derivations, least)
	others := []map[latency.Item]float64{evaluate(m, derivations, func(t *Time) int64 { return slices.Min(t.Median) })}
	for run := range m.Runs {
		others = append(others, evaluate(m, derivations, func(t *Time) int64 { return t.Best[run] }))
	}
	others = append(others, evaluate(m, otherWays(), least))
	var out []Found
	for _, d := range derivations {
		for _, item := range d.items {
			f := Found{Item: item, From: d.String()}
			ns, ok := best[item]
			switch {
			case !ok:
				f.Why = "not measured: " + strings.Join(d.missing(m), ", ")
			case math.Round(ns) <= 0:
				f.Why = fmt.Sprintf("within the noise: the difference comes to %.0f ns", ns)
			default:
				f.Cost = latency.Cost{NS: int64(math.Round(ns)), Basis: latency.MeasuredHere, Source: latency.SourceOwn}
				f.Cost.Low, f.Cost.High = f.Cost.NS, f.Cost.NS
				for _, o := range others {
					if ns, ok := o[item]; ok {
						n := int64(math.Round(ns))
						f.Cost.Low, f.Cost.High = max(0, min(f.Cost.Low, n)), max(f.Cost.High, n)
					}
				}
			}
			out = append(out, f)
		}
	}
	slices.SortStableFunc(out, func(a, b Found) int { return slices.Index(latency.Items, a.Item) - slices.Index(latency.Items, b.Item) })
	return out
}

// otherWays are the derivations of what was measured another way too.
func otherWays() []derivation {
	var out []derivation
	for _, d := range derivations {
		if d.also[0] != "" {
			d.more, d.less = d.also[0], d.also[1]
			out = append(out, d)
		}
	}
	return out
}

// missing are the paths that the derivation needs and nobody measured.
func (d *derivation) missing(m *Measured) []string {
	var out []string
	for _, p := range []string{d.more, d.less} {
		if p != "" && m.Time(p) == nil {
			out = append(out, title(p))
		}
	}
	return out
}

// evaluate gives the nanoseconds of each item, one way, as they come out: below zero too.
func evaluate(m *Measured, from []derivation, pick func(*Time) int64) map[latency.Item]float64 {
	out := map[latency.Item]float64{}
	for _, d := range from {
		if len(d.missing(m)) > 0 {
			continue
		}
		ns := float64(pick(m.Time(d.more)))
		if d.less != "" {
			ns -= float64(pick(m.Time(d.less)))
		}
		ns = ns/2 - float64(d.veths)*max(0, out[latency.Veth]) - d.rules*max(0, out[latency.Rules])
		for _, item := range d.items {
			out[item] = ns / d.times
		}
	}
	return out
}
