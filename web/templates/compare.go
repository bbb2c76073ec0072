package templates

import (
	"strings"

	"github.com/podpath/podpath/internal/compare"
	"github.com/podpath/podpath/internal/diagram"
	"github.com/podpath/podpath/internal/latency"
	"github.com/podpath/podpath/internal/trace"
)

// CompareInput is what a comparison's page is made of.
type CompareInput struct {
	Shell      Shell
	Form       Form
	CNIs       []Choice // as boxes to tick
	Variations []Choice // what a column may change
	With       []string // the columns' changes that are no plugin's box
	Most       int      // columns
	Columns    []CompareInputColumn
	Comparison *compare.Comparison // nil where a column has no trace
	Only       bool
	AllHref    string
	OnlyHref   string
}

// CompareInputColumn is one trace with its words.
type CompareInputColumn struct {
	Name       string
	Href       string // the trace by itself
	RemoveHref string // the comparison without it; "" for the first
	Errors     []string
	Report     *latency.Report
	Trace      Input
}

// ComparePage is a comparison ready to draw.
type ComparePage struct {
	Shell
	Ask      *TracePage // for its form
	In       *CompareInput
	Lead     string
	Columns  []CompareColumn
	Figures  []CompareFigure
	Stacks   []CompareStack
	Times    []CompareTime
	Legs     []CompareLeg
	Bases    []Basis // those that the bars show
	Honest   []string
	HasTrace bool
}

// CompareColumn is a column's head.
type CompareColumn struct {
	Name, Href, RemoveHref string
	Outcome                Outcome
	Errors                 []string
}

// CompareFigure is a line of the summary. Differs says of each value that it is not the first column's.
type CompareFigure struct {
	Name    string
	Values  []string
	Differs []bool
}

// CompareStack is a packet's headers to scale, in per cent of the picture's width.
type CompareStack struct {
	Name  string
	Parts []StackPart
	Total string
}

// StackPart is one header: its class is that of the header list (o outer, e Ethernet, i inner, p payload).
type StackPart struct {
	X, W         string
	Name, Length string
	Class, Title string
}

// CompareTime is what a column's round trip costs: the kernels' work by place, to scale among the columns, and beside it the
// network's own delay, which would not fit.
type CompareTime struct {
	Name         string
	Parts        []TimePart
	CPU, Network string
}

// TimePart is the work in one place.
type TimePart struct {
	X, W         string // per cent
	Label, Title string
	Tunnel       bool
}

// Basis is a basis of costs and its name.
type Basis struct{ Class, Name string }

// CompareLeg is one direction.
type CompareLeg struct {
	Label  string
	Reply  bool
	Rows   []CompareRow
	Totals []string
}

// CompareRow is one stop in every column that has it; or, of only what differs, how many alike were left out here.
type CompareRow struct {
	Fold  string
	Place string // at the first row of one
	State string // same, differs, extra, missing
	Cells []CompareCell
}

// CompareCell is a column's part of a row.
type CompareCell struct {
	Column  string
	Station *StationView // nil: a gap
	Gap     string       // what a gap means
	Line    string       // what decides, verbatim, or in a few words
	Note    string       // of an extra stop: what it is for
	Differs bool
	Extra   bool
	Casing  string // cas, casb, cast: the line is inside a tunnel here, from here, up to here
	First   bool   // the way begins here
	Last    bool
	Through bool // it has begun and not ended: the line runs past
	Bar     *Bar
}

// Bar is what a stop costs.
type Bar struct {
	Width  string // units of the bar's picture
	Broken bool   // too long for the scale
	Label  string // microseconds
	Class  string // by basis
	Title  string
}

// Widths of the bars' picture, and what of it is the longest kernel's work. Whatever takes longer than longNS is drawn
// broken: the network's delay is some hundred times a kernel's step.
const (
	barWidth = 84
	longNS   = 20_000
)

// NewComparePage makes the page.
func NewComparePage(in CompareInput) *ComparePage {
	p := &ComparePage{Shell: in.Shell, In: &in, Ask: &TracePage{Shell: in.Shell, Form: in.Form}}
	var pages []*TracePage
	for _, c := range in.Columns {
		col := CompareColumn{Name: c.Name, Href: c.Href, RemoveHref: c.RemoveHref, Errors: c.Errors}
		if c.Trace.Document != nil {
			t := NewTracePage(c.Trace)
			col.Outcome = t.Outcome
			pages = append(pages, t)
		}
		p.Columns = append(p.Columns, col)
	}
	if in.Comparison == nil || len(pages) != len(in.Columns) {
		return p
	}
	p.HasTrace = true
	d := in.Columns[0].Trace.Document
	p.Lead = p.L.T("ui.compare-lead", "label", d.Legs[0].Label, "bytes", itoa(d.Query.Size))
	p.figures()
	p.stacks()
	p.times(pages)
	p.legs(pages)
	seen := map[string]bool{}
	for i := range in.Columns {
		for _, s := range in.Comparison.Columns[i].Summary.Latency.Statements {
			text := p.L.Args("latency."+s.Code, s.Args)
			switch s.Code {
			case latency.SaySize, latency.SayKernelOnly, latency.SayTunnel:
				text = in.Columns[i].Name + ": " + text
			}
			if !seen[text] {
				seen[text] = true
				p.Honest = append(p.Honest, text)
			}
		}
	}
	return p
}

func (p *ComparePage) figures() {
	for _, f := range p.In.Comparison.Table {
		x := CompareFigure{Name: p.L.T("compare-figure." + f.Code), Differs: f.Differs}
		for _, v := range f.Values {
			switch {
			case v == "":
				v = "–"
			case f.Words:
				v = p.L.T("compare-word." + v)
			}
			x.Values = append(x.Values, v)
		}
		p.Figures = append(p.Figures, x)
	}
}

// stacks draws every column's headers on one scale, with some of the payload behind them.
func (p *ComparePage) stacks() {
	longest := 0
	totals := make([]int, len(p.Columns))
	for i := range p.Columns {
		for _, h := range p.In.Comparison.Columns[i].Summary.Headers {
			totals[i] += h.Bytes
		}
		longest = max(longest, totals[i])
	}
	scale := float64(longest + 24)
	for i := range p.Columns {
		s := CompareStack{Name: p.Columns[i].Name, Total: itoa(totals[i]) + " B"}
		at := 0
		add := func(name string, bytes int, class string) {
			part := StackPart{X: share(float64(at) / scale), W: share(float64(bytes) / scale), Name: name, Length: itoa(bytes), Class: class, Title: name + " " + itoa(bytes) + " B"}
			if bytes < 12 {
				part.Name = name[:1]
			}
			s.Parts = append(s.Parts, part)
			at += bytes
		}
		for _, h := range p.In.Comparison.Columns[i].Summary.Headers {
			class := "i"
			switch {
			case h.Outer:
				class = "o"
			case h.Name == "Ethernet":
				class = "e"
			}
			add(shortHeader(h.Name), h.Bytes, class)
		}
		rest := StackPart{X: share(float64(at) / scale), W: share(1 - float64(at)/scale), Name: p.L.T("ui.payload-short"), Class: "p"}
		s.Parts = append(s.Parts, rest)
		p.Stacks = append(p.Stacks, s)
	}
}

func shortHeader(name string) string {
	switch name {
	case "Ethernet":
		return "Eth"
	case "IPv4":
		return "IP"
	}
	return name
}

// share is a part of one, as SVG takes it.
func share(x float64) string { return n(float64(int(x*10000+.5))/100) + "%" }

// times draws the kernels' work there and back by place, in the order of the request.
func (p *ComparePage) times(pages []*TracePage) {
	longest := int64(1)
	for i := range p.Columns {
		longest = max(longest, p.In.Columns[i].Report.RoundTrip.CPU.NS)
	}
	for i := range p.Columns {
		r := p.In.Columns[i].Report
		t := CompareTime{Name: p.Columns[i].Name, CPU: compare.Range(r.RoundTrip.CPU), Network: compare.Range(r.RoundTrip.Network)}
		var order []string
		sums := map[string]latency.Cost{}
		for _, l := range r.RoundTripLegs {
			for h := range r.Legs[l].Hops {
				hop := &r.Legs[l].Hops[h]
				if hop.Network || hop.Cost.Zero() {
					continue
				}
				if _, ok := sums[hop.Namespace]; !ok {
					order = append(order, hop.Namespace)
				}
				sums[hop.Namespace] = sums[hop.Namespace].Plus(hop.Cost)
			}
		}
		at := int64(0)
		for _, ns := range order {
			c := sums[ns]
			name := p.placeLabelOf(pages[i], ns)
			part := TimePart{X: share(float64(at) / float64(longest)), W: share(float64(c.NS) / float64(longest)), Title: name + ": " + compare.Range(c)}
			part.Label = fitting(float64(c.NS)/float64(longest), name, itoa(int(float64(c.NS)*100/float64(max(1, r.RoundTrip.CPU.NS))+.5))+" %")
			t.Parts = append(t.Parts, part)
			at += c.NS
		}
		p.Times = append(p.Times, t)
	}
}

// fitting is as much of a name and a share as has room in a part of the picture, which is some 300 pixels wide at least.
func fitting(part float64, name, share string) string {
	const picture, size = 300, 11
	for _, s := range []string{name + " " + share, share} {
		if diagram.TextWidth(s, size, false)+6 < part*picture {
			return s
		}
	}
	return ""
}

// placeLabelOf is a namespace as the page calls it.
func (p *ComparePage) placeLabelOf(t *TracePage, ns string) string {
	for i := range t.Stations {
		if s := &t.Stations[i]; s.Station.Namespace == ns {
			return p.nameOf(&t.Scene.Places[s.Station.Place])
		}
	}
	return ns
}

// legs makes the rows, direction by direction.
func (p *ComparePage) legs(pages []*TracePage) {
	rows := p.In.Comparison.Rows
	most := int64(1)
	for i := range rows {
		for _, c := range rows[i].Cells {
			if c.Cost != nil && c.Cost.NS < longNS {
				most = max(most, c.Cost.NS)
			}
		}
	}
	used := map[latency.Basis]bool{}
	var leg *CompareLeg
	var way *ways
	place, fold := "", 0
	flush := func() {
		if fold > 0 && leg != nil {
			leg.Rows = append(leg.Rows, CompareRow{Fold: p.L.T("ui.compare-fold", "count", itoa(fold))})
		}
		fold = 0
	}
	for i := range rows {
		row := &rows[i]
		if way == nil || row.Leg != way.leg {
			flush()
			p.Legs = append(p.Legs, CompareLeg{Label: p.legLabel(row.Leg), Reply: !strings.HasPrefix(row.Leg, string(trace.Request))})
			leg, place = &p.Legs[len(p.Legs)-1], ""
			way = newWays(rows, i, len(p.Columns))
			for c := range p.Columns {
				leg.Totals = append(leg.Totals, p.legTotal(c, row.Leg))
			}
		}
		out := CompareRow{State: string(row.State)}
		for c := range row.Cells {
			cell := p.cell(pages[c], row, c, way, i, most)
			if cell.Bar != nil {
				used[row.Cells[c].Cost.Basis] = true
			}
			out.Cells = append(out.Cells, cell)
		}
		if p.In.Only && row.State == compare.Same {
			fold++
			continue
		}
		flush()
		if name := p.placeName(pages, row); name != place {
			out.Place, place = name, name
		}
		leg.Rows = append(leg.Rows, out)
	}
	flush()
	for _, b := range latency.Bases {
		if used[b] {
			p.Bases = append(p.Bases, Basis{"b-" + string(b), p.L.T("latency-basis." + string(b))})
		}
	}
}

// legLabel names a direction: the request, what came back, or an error.
func (p *ComparePage) legLabel(leg string) string {
	kind := strings.TrimRight(strings.TrimRight(leg, "0123456789"), "-")
	if s, ok := p.L.Lookup("ui."+kind, nil); ok {
		return s
	}
	return leg
}

// legTotal is what a leg costs in a column.
func (p *ComparePage) legTotal(col int, leg string) string {
	r := p.In.Columns[col].Report
	for i, l := range p.In.Columns[col].Trace.Document.Legs {
		if l.Kind != leg || i >= len(r.Legs) { // further legs of a kind are not summed by themselves
			continue
		}
		t := &r.Legs[i].Total
		s := p.L.T("ui.compare-cpu", "time", orDash(compare.Range(t.CPU)))
		if !t.Network.Zero() {
			s += " · " + p.L.T("ui.compare-network", "time", compare.Range(t.Network))
		}
		return s
	}
	return "–"
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// placeName is the place of a row: its name where all columns that come by call it the same, else what it is to the way.
func (p *ComparePage) placeName(pages []*TracePage, row *compare.Row) string {
	name := ""
	for c := range row.Cells {
		if s := row.Cells[c].Station; s >= 0 {
			at := p.nameOf(&pages[c].Scene.Places[pages[c].Stations[s].Station.Place])
			if name != "" && at != name {
				return p.L.T("role." + string(row.Role))
			}
			name = at
		}
	}
	if row.Role.Fabric() {
		return p.L.T("role." + string(row.Role))
	}
	return name
}

// nameOf is a place as a reader knows it.
func (p *ComparePage) nameOf(at *diagram.Place) string {
	if at.Class == diagram.PlaceOutside && at.Name == "internet" {
		return p.L.T("place.external")
	}
	return at.Name
}

// ways knows of each column where its line begins and ends in the rows of one leg, and where it is in a tunnel.
type ways struct {
	leg         string
	first, last []int
	tunnel      []bool
}

func newWays(rows []compare.Row, at, columns int) *ways {
	w := &ways{leg: rows[at].Leg, first: make([]int, columns), last: make([]int, columns), tunnel: make([]bool, columns)}
	for c := range columns {
		w.first[c], w.last[c] = -1, -1
		for i := at; i < len(rows) && rows[i].Leg == w.leg; i++ {
			if rows[i].Cells[c].Station < 0 {
				continue
			}
			if w.first[c] < 0 {
				w.first[c] = i
			}
			w.last[c] = i
		}
	}
	return w
}

func (p *ComparePage) cell(t *TracePage, row *compare.Row, col int, w *ways, at int, most int64) CompareCell {
	c := &row.Cells[col]
	out := CompareCell{Column: p.Columns[col].Name, First: at == w.first[col], Last: at == w.last[col], Through: w.first[col] >= 0 && at > w.first[col] && at < w.last[col],
		Differs: c.State == compare.Differs, Extra: c.State == compare.Extra}
	if w.tunnel[col] {
		out.Casing = "cas"
	}
	if c.Station < 0 {
		out.Gap = p.L.T("compare.missing")
		if w.first[col] < 0 || at > w.last[col] {
			out.Gap = p.L.T("ui.compare-not-reached")
		}
		return out
	}
	out.Station = &t.Stations[c.Station]
	switch row.Kind {
	case "encap":
		out.Casing, w.tunnel[col] = "casb", true
	case "decap":
		out.Casing, w.tunnel[col] = "cast", false
	}
	if out.Line = c.Text; out.Line == "" {
		out.Line = out.Station.Sub
	}
	if c.Note != "" {
		out.Note = p.L.T("compare-note."+c.Note, "bytes", signed(c.Bytes))
	}
	if c.Cost != nil {
		out.Bar = p.bar(*c.Cost, most)
	}
	return out
}

func signed(n int) string {
	if n > 0 {
		return "+" + itoa(n)
	}
	return "−" + itoa(-n)
}

func (p *ComparePage) bar(c latency.Cost, most int64) *Bar {
	b := &Bar{Label: latency.Micros(c.NS), Class: "b-" + string(c.Basis)}
	width := float64(c.NS) / float64(most) * barWidth
	if c.NS >= longNS {
		b.Broken, b.Label, width = true, "≈ "+b.Label, barWidth
	}
	b.Width = n(max(2, float64(int(width*10))/10))
	b.Title = compare.Range(c) + ", " + p.L.T("latency-basis."+string(c.Basis))
	if c.Source != "" {
		b.Title += ": " + p.L.T("latency-source."+c.Source)
	}
	return b
}
