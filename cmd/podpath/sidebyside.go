package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/compare"
	"github.com/podpath/podpath/internal/latency"
	"github.com/podpath/podpath/internal/narrate"
	"github.com/podpath/podpath/internal/terminal"
	"github.com/podpath/podpath/internal/trace"
)

// sideBySide prints a comparison for a terminal: a line a stop with a mark and a time for each column, and below it the
// lines that decide where they differ.
type sideBySide struct {
	terminal.Printer
	c    *compare.Comparison
	only bool
	// headers are those that were last shown for each column: they are worth a line where they change.
	headers []string
}

// cellWidth is a column's: a mark, and a time.
const cellWidth = 12

func (p *sideBySide) print() error {
	q := &p.c.Columns[0].Query
	p.Printf("%s  %s → %s", p.Paint(terminal.Bold, q.Protocol), q.Source, q.Destination)
	if q.DestinationPort != 0 {
		p.Printf(":%d", q.DestinationPort)
	}
	p.Printf("\n")
	for i := range p.c.Columns {
		p.Printf("%s  %s\n", p.Paint(terminal.Bold, letter(i)), p.c.Columns[i].Name)
	}
	leg, role, hidden := "", compare.Role(""), 0
	fold := func() {
		if hidden > 0 {
			p.Printf("  %s\n", p.Paint(terminal.Dim, fmt.Sprintf("… %d %s", hidden, p.Say.T("compare.same"))))
		}
		hidden = 0
	}
	for i := range p.c.Rows {
		r := &p.c.Rows[i]
		if r.Leg != leg {
			fold()
			leg, role, p.headers = r.Leg, "", nil
			hue := terminal.Blue
			if !strings.HasPrefix(leg, "request") {
				hue = terminal.Magenta
			}
			p.Printf("\n%s", p.Paint(hue, pad("── "+leg+" "+strings.Repeat("─", max(0, 34-len(leg))), 42)))
			for k := range p.c.Columns {
				p.Printf("%s", p.Paint(terminal.Bold, right(letter(k)+"  µs", cellWidth)))
			}
			p.Printf("\n")
		}
		if p.only && r.State == compare.Same {
			hidden++
			continue
		}
		fold()
		title := ""
		if r.Role != role {
			role, title = r.Role, p.Say.T("role."+string(r.Role))
		}
		p.row(r, title)
	}
	fold()
	p.table()
	p.notes()
	return p.Err
}

// marks are how a cell compares with the first column's.
var marks = map[compare.State]string{compare.Same: "=", compare.Differs: "≠", compare.Extra: "+", compare.Missing: "−", compare.Absent: "·"}

func (p *sideBySide) row(r *compare.Row, title string) {
	kind := r.Kind
	for i := range r.Cells {
		if c := &r.Cells[i]; c.Station >= 0 && (r.Kind == "receive" || r.Kind == "transmit") {
			kind = r.Kind + " " + c.Interface
			break
		}
	}
	p.Printf("  %s %s", pad(title, 16), pad(kind, 23))
	for i := range r.Cells {
		c := &r.Cells[i]
		value := ""
		if c.Cost != nil {
			value = latency.Micros(c.Cost.NS)
		}
		mark := marks[c.State]
		if i == 0 && c.State == compare.Same {
			mark = " "
		}
		p.Printf("%s%s", right(mark, cellWidth-7), right(value, 7))
	}
	for i := range r.Cells {
		if c := &r.Cells[i]; c.Note != "" {
			p.Printf("  %s", p.Paint(terminal.Yellow, p.note(c)))
			break
		}
	}
	p.Printf("\n")
	for i := range r.Differences {
		p.difference(r, &r.Differences[i])
	}
}

// difference prints what the columns have: one line where that is short, else a line a column.
func (p *sideBySide) difference(r *compare.Row, d *compare.Difference) {
	values := slices.Clone(d.Values)
	switch d.What {
	case compare.WhatDecided:
		return // the lines say it; JSON has it
	case compare.WhatLine:
		for i := range r.Cells {
			if c := &r.Cells[i]; c.Station >= 0 && values[i] == "" {
				values[i] = narrate.Brief(&trace.StepDocument{Code: c.Code, Args: c.Args, Verdict: c.Verdict})
			}
		}
	case compare.WhatHeaders:
		if !p.newHeaders(values) {
			return
		}
	}
	var have []string
	different := false
	for i, v := range values {
		if v == "" && r.Cells[i].Station >= 0 {
			v = "–"
		}
		if v == "" {
			continue
		}
		have = append(have, letter(i)+"  "+v)
		different = different || v != strings.SplitN(have[0], "  ", 2)[1]
	}
	if !different {
		return
	}
	indent := strings.Repeat(" ", 19)
	title := p.Say.T("compare-what." + d.What)
	if one := strings.Join(have, "   "); width(one) <= 60 {
		p.Printf("%s%s  %s\n", indent, p.Paint(terminal.Dim, title), one)
		return
	}
	p.Printf("%s%s\n", indent, p.Paint(terminal.Dim, title))
	for _, v := range have {
		p.Printf("%s  %s\n", indent, v)
	}
}

// newHeaders says whether a column's headers are others than were last shown for it.
func (p *sideBySide) newHeaders(values []string) bool {
	if p.headers == nil {
		p.headers = make([]string, len(values))
	}
	fresh := false
	for i, v := range values {
		if v != "" && v != p.headers[i] {
			p.headers[i], fresh = v, true
		}
	}
	return fresh
}

func (p *sideBySide) note(c *compare.Cell) string {
	bytes := "+" + strconv.Itoa(c.Bytes)
	if c.Bytes < 0 {
		bytes = "−" + strconv.Itoa(-c.Bytes)
	}
	return p.Say.T("compare-note."+c.Note, "bytes", bytes)
}

// table prints the summaries, a column each; what differs from the first is marked.
func (p *sideBySide) table() {
	p.Printf("\n")
	widths := make([]int, len(p.c.Columns))
	value := func(f *compare.Figure, i int) string {
		v := f.Values[i]
		if f.Words && v != "" {
			v = p.Say.T("compare-word." + v)
		}
		if v == "" {
			v = "–"
		}
		return v
	}
	titles := 0
	for k := range p.c.Table {
		f := &p.c.Table[k]
		titles = max(titles, width(p.Say.T("compare-figure."+f.Code)))
		for i := range f.Values {
			widths[i] = max(widths[i], width(value(f, i)))
		}
	}
	p.Printf("%s", pad("", titles))
	for i := range p.c.Columns {
		p.Printf("  %s", p.Paint(terminal.Bold, pad(letter(i), widths[i])))
	}
	p.Printf("\n")
	for k := range p.c.Table {
		f := &p.c.Table[k]
		p.Printf("%s", pad(p.Say.T("compare-figure."+f.Code), titles))
		for i := range f.Values {
			v := pad(value(f, i), widths[i])
			if f.Differs[i] {
				v = p.Paint(terminal.Yellow, v)
			}
			p.Printf("  %s", v)
		}
		p.Printf("\n")
	}
}

// notes say of each column what its times rest on, how large they are, and where it ended early.
func (p *sideBySide) notes() {
	for i := range p.c.Columns {
		s := &p.c.Columns[i].Summary
		p.Printf("\n%s  %s\n", p.Paint(terminal.Bold, letter(i)), p.c.Columns[i].Name)
		if e := s.Ended; e != nil {
			p.Printf("   %s\n", p.Paint(terminal.Red, p.Say.T("role."+string(e.Role))+": "+p.Say.Code(e.Code, e.Args)))
			if e.Would != nil {
				p.Printf("   %s\n", p.Say.Code(e.Would.Code, e.Would.Args))
			}
		}
		for _, x := range []struct {
			title string
			cost  latency.Cost
		}{{"cpu", s.Latency.RoundTrip.CPU}, {"network", s.Latency.RoundTrip.Network}, {"tunnel", s.Latency.Tunnel}} {
			if !x.cost.Zero() {
				p.Printf("   %s: %s, %s\n", p.Say.T("compare-figure."+x.title), compare.Range(x.cost), p.Say.T("latency-basis."+string(x.cost.Basis)))
			}
		}
		for _, st := range s.Latency.Statements {
			p.Printf("   %s\n", p.Paint(terminal.Dim, p.Say.Args("latency."+st.Code, st.Args)))
		}
	}
}

// letter names a column in the table: A, B, C.
func letter(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return strconv.Itoa(i + 1)
}

// width is a text's in cells of a terminal: Hangul takes two (UAX #11).
func width(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x1100 && r <= 0x115f || r >= 0x3130 && r <= 0x318f || r >= 0xac00 && r <= 0xd7a3 {
			n++
		}
	}
	return n
}

func pad(s string, n int) string { return s + strings.Repeat(" ", max(0, n-width(s))) }

func right(s string, n int) string { return strings.Repeat(" ", max(0, n-width(s))) + s }
