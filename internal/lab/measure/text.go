package measure

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/podpath/podpath/internal/latency"
)

// Print writes what was measured, and what each cost is derived from beside podpath's own figure.
func Print(w io.Writer, m *Measured, found []Found) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "UDP round trips of %d bytes, %d runs of %d, both ends on CPU %d\n\n", size, m.Runs, m.Trips, m.CPU)
	fmt.Fprint(t, "path\tis\tbest µs\teach run's\tmedian µs\n")
	for i := range m.Times {
		x := &m.Times[i]
		var runs []string
		for _, b := range x.Best {
			runs = append(runs, micros(b))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", x.Path, title(x.Path), micros(slices.Min(x.Best)), strings.Join(runs, " "), micros(slices.Min(x.Median)))
	}
	for _, l := range m.Lacks {
		fmt.Fprintf(t, "left out\t%s\n", l)
	}
	fmt.Fprint(t, "\ncost, one way\tfrom\tns\tlow to high\tpodpath's own\n")
	own := latency.Default()
	for _, f := range found {
		c, name := own.Cost(f.Item), string(f.Item)
		if f.Item == latency.Rules {
			name += " (per 1000)"
		}
		if f.Why != "" {
			fmt.Fprintf(t, "%s\t%s\t-\t%s\t%d stands\n", name, f.From, f.Why, c.NS)
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%d to %d\t%d\n", name, f.From, f.Cost.NS, f.Cost.Low, f.Cost.High, c.NS)
	}
	return t.Flush()
}

func micros(ns int64) string { return fmt.Sprintf("%.2f", float64(ns)/1000) }
