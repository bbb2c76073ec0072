package latency

import "github.com/podpath/podpath/internal/trace"

// Annotate writes each hop's cost into the trace's document. Hops that cost nothing get none.
func Annotate(d *trace.Document, r *Report) {
	for l := range r.Legs {
		for h := range r.Legs[l].Hops {
			c := r.Legs[l].Hops[h].Cost
			if c.Zero() || l >= len(d.Legs) || h >= len(d.Legs[l].Hops) {
				continue
			}
			d.Legs[l].Hops[h].Latency = &trace.LatencyDocument{NS: c.NS, Low: c.Low, High: c.High, Basis: string(c.Basis), Source: c.Source}
		}
	}
}
