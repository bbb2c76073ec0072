// Package compare sets traces of one question side by side: their stations aligned in order, what each column costs, and
// what its bytes look like on the wire. It is plain data, ready to draw.
//
//	c := compare.Of([]compare.Column{{Name: "VPC CNI", Trace: a}, {Name: "Calico VXLAN", Trace: b}})
//	for _, row := range c.Rows { … row.Cells[0], row.Cells[1] … }
package compare

import (
	"github.com/podpath/podpath/internal/latency"
	"github.com/podpath/podpath/internal/trace"
)

// Column is one of the traces that are compared.
type Column struct {
	Name     string
	Trace    *trace.Trace
	Document *trace.Document // nil: made from the trace
	Report   *latency.Report // nil: by the default table
}

// fill makes what was not given.
func (c *Column) fill() {
	if c.Document == nil {
		c.Document = c.Trace.Document()
	}
	if c.Report == nil {
		c.Report = latency.Of(c.Trace, c.Document, latency.Default())
	}
}

// Comparison is everything about some traces side by side. The first column is what the others are compared with.
type Comparison struct {
	Columns []ColumnReport `json:"columns"`
	Rows    []Row          `json:"rows"`
	Table   []Figure       `json:"table"` // the summaries as a table, see [Comparison.Figures]
}

// ColumnReport is a column without its stations.
type ColumnReport struct {
	Name    string              `json:"name"`
	Query   trace.QueryDocument `json:"query"`
	Summary Summary             `json:"summary"`
	Delta   *Delta              `json:"delta,omitempty"` // to the first column; nil for that itself
}

// Delta is by how much a column differs from the first.
type Delta struct {
	Same     int   `json:"same"` // rows by how they compare
	Differs  int   `json:"differs"`
	Extra    int   `json:"extra"`
	Missing  int   `json:"missing"`
	Rules    int   `json:"rules"`    // rules traversed there and back
	Bytes    int   `json:"bytes"`    // extra header on the wire between nodes
	CPU      int64 `json:"cpu"`      // ns of kernels' work there and back
	Network  int64 `json:"network"`  // ns of the network's delay there and back
	Stations int   `json:"stations"` // of the request
}

// Of compares traces.
func Of(cols []Column) *Comparison {
	out := &Comparison{Columns: []ColumnReport{}, Rows: []Row{}}
	pointers := make([]*Column, len(cols))
	for i := range cols {
		pointers[i] = &cols[i]
		cols[i].fill()
	}
	out.Rows = Align(pointers)
	for i := range cols {
		r := ColumnReport{Name: cols[i].Name, Query: cols[i].Document.Query, Summary: Summarize(&cols[i])}
		if i > 0 {
			r.Delta = delta(&out.Columns[0].Summary, &r.Summary, out.Rows, i)
		}
		out.Columns = append(out.Columns, r)
	}
	out.Table = out.Figures()
	return out
}

func delta(a, b *Summary, rows []Row, col int) *Delta {
	d := &Delta{Rules: b.Latency.RoundTrip.Rules - a.Latency.RoundTrip.Rules, Bytes: b.Wire.extra() - a.Wire.extra(), Stations: b.Request.Stations - a.Request.Stations,
		CPU:     b.Latency.RoundTrip.CPU.NS - a.Latency.RoundTrip.CPU.NS,
		Network: b.Latency.RoundTrip.Network.NS - a.Latency.RoundTrip.Network.NS}
	for i := range rows {
		switch rows[i].Cells[col].State {
		case Same:
			d.Same++
		case Differs:
			d.Differs++
		case Extra:
			d.Extra++
		case Missing:
			d.Missing++
		}
	}
	return d
}
