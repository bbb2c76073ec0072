package templates

import (
	"strings"

	"github.com/podpath/podpath/internal/diagram"
	"github.com/podpath/podpath/internal/trace"
)

// QuestionsPage lists the questions.
type QuestionsPage struct {
	Shell
	Questions []QuestionLink
}

// QuestionLink leads to one.
type QuestionLink struct {
	N                 int
	Title, Lead, Href string
}

// QuestionInput is what a question's page is made of.
type QuestionInput struct {
	Shell       Shell
	Title, Lead string
	Answer      []string
	AllHref     string
	Columns     []QuestionInputColumn
	Further     []QuestionFurther
}

// QuestionFurther leads to a trace that the answer speaks of and no column shows.
type QuestionFurther struct{ Title, Href string }

// QuestionInputColumn is one trace with its words.
type QuestionInputColumn struct {
	Title, Note, Href string
	Trace             Input
}

// QuestionPage is a question with the traces that answer it, aligned station by station.
type QuestionPage struct {
	Shell
	Heading, Lead string
	Answer        []string
	AllHref       string
	Further       []QuestionFurther
	Columns       []QuestionColumn
	Facts         []QuestionFact
	Legs          []QuestionLeg
}

// QuestionColumn is one trace's head.
type QuestionColumn struct {
	Title, Note, Href string
	Outcome           Outcome
}

// QuestionFact is one line of the summary: a value a column. Differs says that they are not all the same.
type QuestionFact struct {
	Name    string
	Values  []string
	Differs bool
}

// QuestionLeg is the packet's way, or what came back.
type QuestionLeg struct {
	Label  string
	Reply  bool
	Rows   []QuestionRow
	Silent []bool // by column: it has no stop in this direction
}

// QuestionRow is one stop in every column that has it.
type QuestionRow struct {
	Place string // what kind of place, at the first row of one
	Cells []QuestionCell
	Same  bool // every column has it, with the same fact
}

// QuestionCell is a column's part of a row.
type QuestionCell struct {
	Station *StationView // nil: this way does not come by here
	// Through: the way has begun and not ended yet, so its line runs past.
	Through     bool
	First, Last bool
	Name        string // of the place, at the column's first stop there
}

// NewQuestionPage makes the page.
func NewQuestionPage(in QuestionInput) *QuestionPage {
	p := &QuestionPage{Shell: in.Shell, Heading: in.Title, Lead: in.Lead, Answer: in.Answer, AllHref: in.AllHref, Further: in.Further}
	var pages []*TracePage
	for _, c := range in.Columns {
		t := NewTracePage(c.Trace)
		pages = append(pages, t)
		p.Columns = append(p.Columns, QuestionColumn{Title: c.Title, Note: c.Note, Href: c.Href, Outcome: t.Outcome})
	}
	p.facts(in, pages)
	p.leg(pages, false)
	p.leg(pages, true)
	return p
}

// stop is a station as the alignment knows it.
type stop struct {
	key  string
	view *StationView
}

// leg aligns one direction of all traces.
func (p *QuestionPage) leg(pages []*TracePage, reply bool) {
	out := QuestionLeg{Label: p.L.T("ui.request"), Reply: reply}
	if reply {
		out.Label = p.L.T("ui.comes-back")
	}
	var merged []string
	columns := make([][]stop, len(pages))
	for i, t := range pages {
		columns[i] = stops(t, reply)
		merged = merge(merged, columns[i])
		out.Silent = append(out.Silent, len(columns[i]) == 0)
	}
	if len(merged) == 0 {
		return
	}
	at := make([]int, len(columns))
	place := ""
	names := make([]string, len(columns))
	for _, key := range merged {
		row := QuestionRow{}
		for i := range columns {
			c := QuestionCell{Through: at[i] > 0 && at[i] < len(columns[i])}
			if at[i] < len(columns[i]) && columns[i][at[i]].key == key {
				c.Station = columns[i][at[i]].view
				c.First, c.Last = at[i] == 0, at[i] == len(columns[i])-1
				at[i]++
				// The fabric and the Internet are what their row says.
				pl := pages[i].Scene.Places[c.Station.Station.Place]
				if pl.Name != names[i] && pl.Class != diagram.PlaceFabric && pl.Class != diagram.PlaceOutside {
					c.Name = pl.Name
				}
				names[i] = pl.Name
			}
			row.Cells = append(row.Cells, c)
		}
		if kind := placeOf(key); kind != place {
			row.Place, place = p.L.T("place."+strings.TrimRight(kind, "0123456789")+"-kind"), kind
		}
		row.Same = same(row.Cells)
		out.Rows = append(out.Rows, row)
	}
	p.Legs = append(p.Legs, out)
}

// same says whether all columns have the stop with the same fact.
func same(cells []QuestionCell) bool {
	for _, c := range cells {
		first := cells[0].Station
		if c.Station == nil || first == nil || c.Station.Title != first.Title || c.Station.Sub != first.Sub || c.Station.Drop != first.Drop {
			return false
		}
	}
	return true
}

// stops are a trace's stations of one direction. A station goes by the kind of its place, which of several it is in the
// order in which the request met them, and what it does, so that the second node of one way does not stand for the first
// of another.
func stops(t *TracePage, reply bool) []stop {
	if t.Scene == nil {
		return nil
	}
	number := make([]int, len(t.Scene.Places))
	count := map[diagram.PlaceClass]int{}
	for i, pl := range t.Scene.Places {
		count[pl.Class]++
		number[i] = count[pl.Class]
	}
	var out []stop
	for i := range t.Stations {
		v := &t.Stations[i]
		if v.Reply != reply {
			continue
		}
		kind := v.Station.Kind
		if t.Scene.Places[v.Station.Place].Class == diagram.PlaceFabric {
			kind = v.Title // the fabric's devices are one place
		}
		out = append(out, stop{string(t.Scene.Places[v.Station.Place].Class) + itoa(number[v.Station.Place]) + " " + kind, v})
	}
	// What comes by a place twice is numbered from the client's side in both directions.
	seen := map[string]int{}
	for i := range out {
		s := &out[i]
		if reply {
			s = &out[len(out)-1-i]
		}
		seen[s.key]++
		s.key += " " + itoa(seen[s.key])
	}
	return out
}

// placeOf is the place's part of a stop's key.
func placeOf(key string) string {
	place, _, _ := strings.Cut(key, " ")
	return place
}

// merge adds a sequence to a merged one so that what both have in the same order stands in one row (the longest common
// subsequence). Where neither has what the other has next, a place is finished before the next one begins.
func merge(a []string, b []stop) []string {
	n := make([][]int, len(a)+1)
	for i := range n {
		n[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if n[i][j] = max(n[i+1][j], n[i][j+1]); a[i] == b[j].key {
				n[i][j] = max(n[i][j], n[i+1][j+1]+1)
			}
		}
	}
	var out []string
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j].key:
			out = append(out, a[i])
			i, j = i+1, j+1
		case n[i+1][j] > n[i][j+1], n[i+1][j] == n[i][j+1] && !staysAt(out, a[i], b[j].key):
			out = append(out, a[i])
			i++
		default:
			out = append(out, b[j].key)
			j++
		}
	}
	for ; i < len(a); i++ {
		out = append(out, a[i])
	}
	for ; j < len(b); j++ {
		out = append(out, b[j].key)
	}
	return out
}

// staysAt says that the second of two keys, and not the first, is at the place where the sequence is.
func staysAt(seq []string, first, second string) bool {
	if len(seq) == 0 {
		return false
	}
	here := placeOf(seq[len(seq)-1])
	return placeOf(first) != here && placeOf(second) == here
}

// facts is the summary above the rows, each value taken from the trace.
func (p *QuestionPage) facts(in QuestionInput, pages []*TracePage) {
	add := func(name string, value func(d *trace.Document, t *TracePage) string) {
		f := QuestionFact{Name: p.L.T("ui.fact-" + name)}
		for i, c := range in.Columns {
			f.Values = append(f.Values, value(c.Trace.Document, pages[i]))
			f.Differs = f.Differs || f.Values[i] != f.Values[0]
		}
		p.Facts = append(p.Facts, f)
	}
	add("outcome", func(_ *trace.Document, t *TracePage) string { return t.Outcome.Title })
	add("target", func(d *trace.Document, _ *TracePage) string { return endOf(d, false) })
	add("client", func(d *trace.Document, _ *TracePage) string {
		if d.Legs[0].Outcome != trace.Delivered {
			return "–"
		}
		return endOf(d, true)
	})
	add("nodes", func(d *trace.Document, _ *TracePage) string { return itoa(visits(d, "node")) })
	add("rewrites", func(d *trace.Document, _ *TracePage) string { return itoa(rewrites(d)) })
	add("stations", func(_ *trace.Document, t *TracePage) string {
		n := 0
		for i := range t.Stations {
			if !t.Stations[i].Reply {
				n++
			}
		}
		return itoa(n)
	})
}

// endOf is the source or destination of the request as it was when it ended.
func endOf(d *trace.Document, source bool) string {
	hops := d.Legs[0].Hops
	steps := hops[len(hops)-1].Steps
	if len(steps) == 0 {
		return "–"
	}
	want, port := "dst", "dstPort"
	if source {
		want, port = "src", "srcPort"
	}
	out := ""
	for _, l := range d.Packets[steps[len(steps)-1].Packet].Layers {
		for _, f := range l.Fields {
			switch {
			case l.Type == "IPv4" && f.Name == want:
				out = f.Value
			case f.Name == port && !source:
				out += ":" + f.Value
			}
		}
	}
	return out
}

// visits counts the visits of the request to places of a kind.
func visits(d *trace.Document, kind string) int {
	n := 0
	for _, h := range d.Legs[0].Hops {
		if h.Kind == kind {
			n++
		}
	}
	return n
}

// rewrites counts how often an address or port of the request was rewritten.
func rewrites(d *trace.Document) int {
	n := 0
	for _, h := range d.Legs[0].Hops {
		for _, s := range h.Steps {
			for _, c := range s.Changes {
				if layer, name, _ := strings.Cut(c.Field, "."); name == "src" && layer == "ip" || name == "dst" && layer == "ip" {
					n++
				}
			}
		}
	}
	return n
}
