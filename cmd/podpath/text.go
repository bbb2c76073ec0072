package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/podpath/podpath/internal/trace"
	"github.com/podpath/podpath/web/locales"
)

// text prints a trace for a terminal: a block a hop, the deciding line of each station, and what changed.
type text struct {
	w       io.Writer
	doc     *trace.Document
	trace   *trace.Trace
	say     *locales.Printer
	color   bool
	explain bool
	err     error
}

// isTerminal says whether colours make sense: the output is a terminal, and NO_COLOR (no-color.org) is not set.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// Colours have one meaning each, as on the page: blue the request, magenta the answer, yellow what changed, green a rule
// that matched, red the end.
const (
	blue    = "34;1"
	magenta = "35;1"
	yellow  = "33;1"
	green   = "32"
	red     = "31;1"
	dim     = "2"
	bold    = "1"
)

func (p *text) paint(code, s string) string {
	if !p.color || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p *text) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func (p *text) print() error {
	q := &p.doc.Query
	p.printf("%s  %s → %s", p.paint(bold, q.Protocol), q.Source, q.Destination)
	if q.DestinationPort != 0 {
		p.printf(":%d", q.DestinationPort)
	}
	p.printf("\n")
	at := 0
	for l := range p.doc.Legs {
		at = p.leg(l, at)
	}
	p.ending()
	return p.err
}

func (p *text) leg(l, station int) int {
	leg := &p.doc.Legs[l]
	hue := blue
	if leg.Kind != "request" {
		hue = magenta
	}
	p.printf("\n%s\n", p.paint(hue, fmt.Sprintf("── %d  %s  %s %s", l+1, leg.Kind, leg.Label, strings.Repeat("─", max(0, 58-len(leg.Kind)-len(leg.Label))))))
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
		p.printf("\n%s %s%s\n", p.paint(hue, "●"), p.paint(bold, title)+" "+p.paint(dim, hop.Kind), p.paint(dim, ports))
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
	bar := p.paint(hue, "│")
	line := d.Text
	if line == "" {
		line = brief(d)
	} else if d.Table != "" {
		line = p.paint(dim, d.Table+" ") + line
	}
	sign := " "
	switch {
	case d.Stage == "drop" || d.Stage == "reject":
		sign = p.paint(red, "✕")
		line = p.paint(red, p.say.Code(d.Code, d.Args))
		if r := d.Args["reason"]; r != "" {
			line += " " + p.paint(dim, "("+r+")")
		}
	case d.Rule > 0:
		sign = p.paint(green, "✓")
	}
	p.printf("%s %-26s %s %s\n", bar, name, sign, line)
	indent := bar + strings.Repeat(" ", 30)
	if s.Kind == "route" || s.Kind == "send" {
		for i := range steps {
			if steps[i].Code == string(trace.PolicyRule) {
				p.printf("%s%s\n", indent, p.paint(dim, "by rule "+strings.Replace(steps[i].Text, "\t", " ", 1)))
			}
		}
	}
	for _, c := range changes(steps) {
		p.printf("%s%s %s → %s\n", indent, c.Field, p.paint(dim, c.Before), p.paint(yellow, c.After))
	}
	for _, b := range d.Because {
		p.printf("%s%s\n", indent, p.paint(dim, "because of "+b.Station+strings.TrimRight(": "+b.Text, ": ")))
	}
	if d.Would != nil {
		p.printf("%s%s\n", indent, p.say.Code(d.Would.Code, d.Would.Args))
	}
	if !p.explain {
		return
	}
	for i := range steps {
		st := &steps[i]
		p.printf("%s%s %s\n", indent, p.paint(dim, "·"), p.say.Code(st.Code, st.Args))
		if st.Text != "" && st.Text != d.Text {
			p.printf("%s    %s\n", indent, p.paint(dim, st.Text))
		}
		for _, e := range st.Evidence {
			p.printf("%s    %s\n", indent, p.paint(dim, "– "+strings.Replace(e.Text, "\t", " ", 1)))
		}
		for _, m := range st.Misses {
			p.printf("%s    %s\n", indent, p.paint(dim, "– "+m.Text+why(m)))
		}
	}
}

// brief is a step without a line of the kernel's own, in a few words; --explain says it in a sentence.
func brief(d *trace.StepDocument) string {
	a := d.Args
	switch trace.Code(d.Code) {
	case trace.FrameForUs:
		return "frame to " + a["mac"]
	case trace.FrameOnPort:
		return "port of " + a["bridge"]
	case trace.NeighbourARP, trace.NeighbourProxy, trace.NeighbourFabric:
		return "ARP: " + a["ip"] + " is at " + a["mac"] + ", says " + a["who"]
	case trace.TTLDecremented:
		return "forwarded"
	case trace.ConnNAT, trace.ConnNATUndo:
		return "conntrack: " + a["what"] + " " + a["from"] + " → " + a["to"]
	case trace.ConnNew, trace.ConnEstablished, trace.ConnRelated, trace.ConnInvalid:
		return "conntrack: " + d.Verdict
	case trace.VPCRoute:
		return "route table " + a["table"] + ": " + a["dst"] + " → " + a["target"]
	case trace.VPCMapped:
		return a["dst"] + " is on " + a["eni"] + " of " + a["node"]
	case trace.GatewayNAT, trace.NATGatewaySNAT, trace.NATGatewayUndo, trace.BalancerUndo:
		return a["from"] + " → " + a["to"]
	case trace.BalancerTargetInstance, trace.BalancerTargetIP:
		return "listener " + a["listener"] + ": target " + a["target"] + ", " + a["from"] + " → " + a["to"]
	case trace.BalancerFlow:
		return "back to the load balancer of " + a["balancer"]
	case trace.DeliveredHere:
		if a["port"] == "" {
			return "delivered to " + a["dst"]
		}
		return "delivered to the socket on " + a["dst"] + ":" + a["port"]
	case trace.Transmitted:
		return "to " + a["to"]
	case trace.BridgePort, trace.BridgeLearned:
		return a["mac"] + " is behind port " + a["port"]
	case trace.VXLANEncap:
		return "VXLAN " + a["from"] + " → " + a["to"] + " port " + a["port"] + ", VNI " + a["vni"] + ", +" + a["bytes"] + " bytes"
	case trace.IPIPEncap:
		return "IP-IP " + a["from"] + " → " + a["to"] + ", +" + a["bytes"] + " bytes"
	case trace.VXLANDecap:
		return "VXLAN from " + a["far"] + ", VNI " + a["vni"] + ", −" + a["bytes"] + " bytes"
	case trace.IPIPDecap:
		return "IP-IP from " + a["far"] + ", −" + a["bytes"] + " bytes"
	case trace.VPCByMAC:
		return a["mac"] + " is " + a["eni"] + " of " + a["node"]
	}
	return d.Code
}

// why is what a rule that was passed over wanted, and what the packet had.
func why(m trace.MissDocument) string {
	if m.Code == "" {
		return ""
	}
	return fmt.Sprintf("  (%s: wants %s, has %s)", m.Code, m.Args["want"], m.Args["have"])
}

// changes joins a station's changes: the first value before, the last after. A frame that gets its first header is no
// change worth a line.
func changes(steps []trace.StepDocument) []trace.Change {
	var out []trace.Change
	for i := range steps {
		for _, c := range steps[i].Changes {
			if strings.HasPrefix(c.Field, "eth.") || strings.HasPrefix(c.Field, "outer.") || c.Field == "encap" {
				continue // a tunnel's headers are what the line itself says
			}
			found := false
			for k := range out {
				if out[k].Field == c.Field {
					out[k].After, found = c.After, true
				}
			}
			if !found {
				out = append(out, c)
			}
		}
	}
	return out
}

func (p *text) ending() {
	hue := green
	if p.doc.Outcome != trace.Delivered {
		hue = red
	}
	p.printf("\n%s", p.paint(hue, string(p.doc.Outcome)))
	if r := p.doc.Reason; r != nil {
		p.printf("  %s", p.say.Code(r.Code, r.Args))
		if r.Would != nil {
			p.printf(" %s", p.say.Code(r.Would.Code, r.Would.Args))
		}
	}
	p.printf("\n")
	for _, c := range p.doc.Choices {
		p.printf("%s %s  %s\n", p.paint(dim, "choice"), c.ID, p.paint(dim, p.say.T("choice."+c.Kind)))
		for _, o := range c.Options {
			mark, odds := " ", ""
			if o.Value == c.Chosen {
				mark = p.paint(green, "✓")
			}
			if o.Probability > 0 {
				odds = fmt.Sprintf("%6.2f %%", o.Probability*100)
			}
			p.printf("  %s %-26s %-22s %s\n", mark, o.Value, o.Label, odds)
		}
	}
	for _, a := range p.doc.Assumptions {
		p.printf("%s %s\n", p.paint(dim, "assumed"), p.say.Code(a.Code, a.Args))
	}
}
