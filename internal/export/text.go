package export

import (
	"fmt"
	"strings"

	"github.com/podpath/podpath/internal/narrate"
	"github.com/podpath/podpath/internal/terminal"
	"github.com/podpath/podpath/internal/trace"
)

// Text prints a trace for a terminal: a block a hop, the deciding line of each station, and what changed. With explain it
// says each step in a sentence too, and lists the rules passed over.
func Text(p terminal.Printer, d *trace.Document, explain bool) error {
	t := &text{Printer: p, doc: d, explain: explain}
	return t.print()
}

type text struct {
	terminal.Printer
	doc     *trace.Document
	explain bool
}

func (p *text) print() error {
	q := &p.doc.Query
	p.Printf("%s  %s → %s", p.Paint(terminal.Bold, q.Protocol), q.Source, q.Destination)
	if q.DestinationPort != 0 {
		p.Printf(":%d", q.DestinationPort)
	}
	p.Printf("\n")
	at := 0
	for l := range p.doc.Legs {
		at = p.leg(l, at)
	}
	p.ending()
	return p.Err
}

func (p *text) leg(l, station int) int {
	leg := &p.doc.Legs[l]
	hue := terminal.Blue
	if leg.Kind != "request" {
		hue = terminal.Magenta
	}
	p.Printf("\n%s\n", p.Paint(hue, fmt.Sprintf("── %d  %s  %s %s", l+1, leg.Kind, leg.Label, strings.Repeat("─", max(0, 58-len(leg.Kind)-len(leg.Label))))))
	for h := range leg.Hops {
		hop := &leg.Hops[h]
		title := hop.Namespace
		if rest, ok := strings.CutPrefix(title, "pod/"); ok {
			title = rest
		}
		ports := ""
		if hop.In != nil {
			ports += "  in " + *hop.In
		}
		if hop.Out != nil {
			ports += "  out " + *hop.Out
		}
		p.Printf("\n%s %s%s\n", p.Paint(hue, "●"), p.Paint(terminal.Bold, title)+" "+p.Paint(terminal.Dim, hop.Kind), p.Paint(terminal.Dim, ports))
		for station < len(p.doc.Stations) && p.doc.Stations[station].Leg == l && p.doc.Stations[station].Hop == h {
			p.station(hop, &p.doc.Stations[station], hue)
			station++
		}
	}
	return station
}

func (p *text) station(hop *trace.HopDocument, s *trace.StationDocument, hue string) {
	name := s.Kind
	if s.Interface != "" && (s.Kind == "receive" || s.Kind == "transmit") {
		name += " " + s.Interface
	}
	steps := hop.Steps[s.First : s.Last+1]
	d := &hop.Steps[s.Decisive]
	bar := p.Paint(hue, "│")
	line := d.Text
	if line == "" {
		line = narrate.Brief(d)
	} else if d.Table != "" {
		line = p.Paint(terminal.Dim, d.Table+" ") + line
	}
	sign := " "
	switch {
	case d.Stage == "drop" || d.Stage == "reject":
		sign = p.Paint(terminal.Red, "✕")
		line = p.Paint(terminal.Red, p.Say.Code(d.Code, d.Args))
		if r := d.Args["reason"]; r != "" {
			line += " " + p.Paint(terminal.Dim, "("+r+")")
		}
	case d.Rule > 0:
		sign = p.Paint(terminal.Green, "✓")
	}
	p.Printf("%s %-26s %s %s\n", bar, name, sign, line)
	indent := bar + strings.Repeat(" ", 30)
	if s.Kind == "route" || s.Kind == "send" {
		for i := range steps {
			if steps[i].Code == string(trace.PolicyRule) {
				p.Printf("%s%s\n", indent, p.Paint(terminal.Dim, "by rule "+strings.Replace(steps[i].Text, "\t", " ", 1)))
			}
		}
	}
	for _, c := range narrate.Changes(steps) {
		p.Printf("%s%s %s → %s\n", indent, c.Field, p.Paint(terminal.Dim, c.Before), p.Paint(terminal.Yellow, c.After))
	}
	for _, b := range d.Because {
		p.Printf("%s%s\n", indent, p.Paint(terminal.Dim, "because of "+b.Station+strings.TrimRight(": "+b.Text, ": ")))
	}
	if d.Would != nil {
		p.Printf("%s%s\n", indent, p.Say.Code(d.Would.Code, d.Would.Args))
	}
	if !p.explain {
		return
	}
	for i := range steps {
		st := &steps[i]
		p.Printf("%s%s %s\n", indent, p.Paint(terminal.Dim, "·"), p.Say.Code(st.Code, st.Args))
		if st.Text != "" && st.Text != d.Text {
			p.Printf("%s    %s\n", indent, p.Paint(terminal.Dim, st.Text))
		}
		for _, e := range st.Evidence {
			p.Printf("%s    %s\n", indent, p.Paint(terminal.Dim, "– "+strings.Replace(e.Text, "\t", " ", 1)))
		}
		for _, m := range st.Misses {
			p.Printf("%s    %s\n", indent, p.Paint(terminal.Dim, "– "+m.Text+why(m)))
		}
	}
}

// why is what a rule that was passed over wanted, and what the packet had.
func why(m trace.MissDocument) string {
	if m.Code == "" {
		return ""
	}
	return fmt.Sprintf("  (%s: wants %s, has %s)", m.Code, m.Args["want"], m.Args["have"])
}

func (p *text) ending() {
	hue := terminal.Green
	if p.doc.Outcome != trace.Delivered {
		hue = terminal.Red
	}
	p.Printf("\n%s", p.Paint(hue, string(p.doc.Outcome)))
	if r := p.doc.Reason; r != nil {
		p.Printf("  %s", p.Say.Code(r.Code, r.Args))
		if r.Would != nil {
			p.Printf(" %s", p.Say.Code(r.Would.Code, r.Would.Args))
		}
	}
	p.Printf("\n")
	for _, c := range p.doc.Choices {
		p.Printf("%s %s  %s\n", p.Paint(terminal.Dim, "choice"), c.ID, p.Paint(terminal.Dim, p.Say.T("choice."+c.Kind)))
		for _, o := range c.Options {
			mark, odds := " ", ""
			if o.Value == c.Chosen {
				mark = p.Paint(terminal.Green, "✓")
			}
			if o.Probability > 0 {
				odds = fmt.Sprintf("%6.2f %%", o.Probability*100)
			}
			p.Printf("  %s %-26s %-22s %s\n", mark, o.Value, o.Label, odds)
		}
	}
	for _, a := range p.doc.Assumptions {
		p.Printf("%s %s\n", p.Paint(terminal.Dim, "assumed"), p.Say.Code(a.Code, a.Args))
	}
}
