package server

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/checked"
	"github.com/podpath/podpath/internal/trace"
	"github.com/podpath/podpath/web/locales"
	"github.com/podpath/podpath/web/templates"
)

// view is a verdict in the page's words.
func (j *judged) view(l *locales.Printer, req *request, places []Place, doc *trace.Document) *templates.CheckedView {
	v := &templates.CheckedView{State: string(j.State), Command: j.command}
	args := map[string]string{"kernel": j.Kernel, "date": j.Date, "agree": strconv.Itoa(j.Agree), "compared": strconv.Itoa(j.Compared)}
	switch j.State {
	case checked.Differs:
		args["count"] = strconv.Itoa(j.Flow.Differences)
		v.First = j.Flow.First
	case checked.Skipped, checked.Changed, checked.Unchecked:
		v.Open = true
	}
	v.Text = l.Args("checked."+string(j.State), args)
	v.Notes = j.notes(l)
	for i := range j.Flows {
		f := &j.Flows[i]
		x := flowView(l, f, places, doc)
		x.Current = f == j.Flow
		if !f.NoDF { // the page always forbids fragments
			x.Href = req.to(f)
		}
		if !f.Compared() {
			x.Why = why(l, j.Kernel, f.Why, f.What)
		}
		v.Flows = append(v.Flows, x)
	}
	v.Count = l.Args("ui.checked-count", args)
	return v
}

// notes are what was not checked, each in a sentence: what the network lacks, why this packet was not compared, and that a
// fabric is no kernel.
func (j *judged) notes(l *locales.Printer) []string {
	var out []string
	for _, s := range j.lacking() {
		out = append(out, why(l, j.Kernel, s.Why, s.What))
	}
	if j.fabric {
		out = append(out, l.T("ui.checked-fabric"))
	}
	return out
}

// lacking is why this packet, or a part of its network, was not compared.
func (j *judged) lacking() []checked.Skip {
	var out []checked.Skip
	add := func(s checked.Skip) {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for i := range j.Flows {
		if f := &j.Flows[i]; !f.Compared() && (f == j.Flow || j.Flow == nil && j.Compared == 0) {
			add(checked.Skip{What: f.What, Why: f.Why})
		}
	}
	for _, s := range j.Skipped {
		add(s)
	}
	return out
}

// why says why something was not compared. What has no word of its own is shown as the results have it.
func why(l *locales.Printer, kernel string, code checked.Why, what string) string {
	if word, ok := l.Lookup("checked-what."+what, nil); ok && what != "" {
		what = word
	}
	return l.T("checked-why."+string(code), "kernel", kernel, "what", what)
}

// flowView is a flow of the list: what was sent, and what came of it.
func flowView(l *locales.Printer, f *checked.Flow, places []Place, doc *trace.Document) templates.CheckedFlow {
	x := templates.CheckedFlow{Text: l.T("ui.title-flow", "from", placeLabel(l, f.From, places), "to", placeLabel(l, f.To, places))}
	x.Sent = []string{f.Protocol}
	number := func(prefix string, n int) {
		if n != 0 {
			x.Sent = append(x.Sent, prefix+strconv.Itoa(n))
		}
	}
	number("", f.Port)
	number("sport=", f.SourcePort)
	number("ttl=", f.TTL)
	number("payload=", f.Payload)
	if f.NoDF {
		x.Sent = append(x.Sent, "df=false")
	}
	for _, id := range slices.Sorted(maps.Keys(f.Choices)) {
		x.Sent = append(x.Sent, drawn(doc, id, f.Choices[id]))
	}
	switch {
	case !f.Compared():
		x.Result = l.T("ui.checked-not")
	case !f.Agrees():
		x.Result = l.T("ui.checked-differences", "count", strconv.Itoa(f.Differences))
	default:
		x.Result = l.T("ui.checked-agrees", "outcome", l.T("compare-word."+f.Outcome))
	}
	return x
}

// drawn is what chance drew: where it leads, if the trace at hand has that choice too.
func drawn(doc *trace.Document, id, value string) string {
	for _, c := range doc.Choices {
		for _, o := range c.Options {
			if c.ID == id && o.Value == value && o.Label != "" {
				return "→ " + o.Label
			}
		}
	}
	return strings.ReplaceAll(id, " ", "_") + "=" + value
}

// to is the address of the trace of a flow in the query's network.
func (r *request) to(f *checked.Flow) string {
	c := request{lang: r.lang, theme: r.theme}
	c.set(Query{Preset: r.Preset, From: f.From, To: f.To, Protocol: f.Protocol, Port: f.Port, SourcePort: f.SourcePort, TTL: f.TTL, Payload: f.Payload,
		CNI: r.CNI, Options: r.Options, Choices: f.Choices})
	return c.href("/trace")
}
