package templates

import (
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/trace"
	"github.com/podpath/podpath/web/locales"
)

// ChoiceView is a place where chance decides on a real node: every way it can go, each with a link to the trace that goes
// there.
type ChoiceView struct {
	ID      string
	Title   string // what is chosen: an endpoint, a target
	Note    string // what the odds are, or that there are none
	Station int    // the station where it is made
	Options []ChoiceOption
}

// ChoiceOption is one way a choice can go.
type ChoiceOption struct {
	Value  string
	Label  string // where it leads, as a reader knows it
	Name   string // its name on the node: the chain
	Odds   string // 33.33 %
	Exact  string // the probability as the rules give it
	Share  float64
	Href   string
	Chosen bool
}

// choices are the trace's, in the order in which the packet meets them.
func (b *builder) choices(views []StationView) []ChoiceView {
	var out []ChoiceView
	for _, c := range b.doc.Choices {
		v := ChoiceView{ID: c.ID, Title: b.l.T("choice." + c.Kind), Station: b.choiceAt(c, views)}
		v.Note, _ = b.l.Lookup("choice-note."+c.Kind, nil)
		for i, o := range c.Options {
			x := ChoiceOption{Value: o.Value, Name: o.Value, Label: OptionLabel(b.l, c, o, b.in.PlaceName), Chosen: o.Value == c.Chosen, Share: o.Probability}
			if o.Value == trace.Unseen || x.Label == o.Value || strings.HasPrefix(x.Label, o.Value+" ") || strings.HasSuffix(x.Label, " "+o.Value) {
				x.Name = "" // no chain has this name, or the label says it
			}
			if o.Probability > 0 {
				x.Odds = Odds(o.Probability)
				x.Exact = strconv.FormatFloat(o.Probability, 'f', 11, 64)
			}
			value := o.Value
			if i == 0 {
				value = "" // what is taken without a choice need not be in the address
			}
			x.Href = b.choiceHref(c.ID, value, v.Station, views)
			v.Options = append(v.Options, x)
		}
		out = append(out, v)
	}
	return out
}

// Odds is a probability as a percentage with two digits behind the point.
func Odds(p float64) string { return strconv.FormatFloat(p*100, 'f', 2, 64) + " %" }

// OptionLabel is where an option leads: the endpoint's address with the name of what has it. names may be nil.
func OptionLabel(l *locales.Printer, c trace.ChoiceDocument, o trace.OptionDocument, names func(address string) string) string {
	switch {
	case o.Value == trace.Unseen && c.Kind == "recent":
		return l.T("choice.recent-none")
	case o.Label == "":
		return o.Value
	}
	name := ""
	if names != nil {
		host, _, _ := strings.Cut(o.Label, ":")
		name = names(host)
	}
	if c.Kind == "dns" { // the zone, or the pod
		name = o.Value
	}
	if name == "" {
		return o.Label
	}
	return name + " · " + o.Label
}

// choiceHref leads to the trace that goes another way, at the station where it parts from this one.
func (b *builder) choiceHref(id, value string, station int, views []StationView) string {
	if b.in.ChoiceHref == nil {
		return ""
	}
	step := b.in.Step
	if station >= 0 {
		step = views[station].ID
	}
	return b.in.ChoiceHref(id, value, step)
}

// choiceAt is the station where a choice is made: a chain's where a rule of the chain was met, a load balancer's at the
// load balancer, a name's where the packet is sent.
func (b *builder) choiceAt(c trace.ChoiceDocument, views []StationView) int {
	what, namespace := trace.ChoicePlace(c.ID)
	for i := range views {
		s := views[i].Station
		hop := b.doc.Legs[s.Leg].Hops[s.Hop]
		if c.Kind == "flow-hash" && hop.Namespace == what || c.Kind == "dns" && s.Kind == "send" {
			return i
		}
		if namespace != "" && hop.Namespace != namespace {
			continue
		}
		for _, st := range hop.Steps[s.First : s.Last+1] {
			switch {
			case (c.Kind == "statistic" || c.Kind == trace.KindNumgen) && st.Chain == what, c.Kind == "recent" && "recent "+st.Chain == what:
				return i
			case c.Kind == "ecmp" && st.Args["table"] != "" && strings.HasPrefix(c.ID, st.Args["table"]+" ") && st.Stage == "route":
				return i
			}
		}
	}
	return -1
}

// CauseView leads from a step to the one that it follows from.
type CauseView struct {
	Say   string // what it has to do with this step
	Text  string // the rule's text
	N     int    // the station's number
	Index int
	Href  string
}

// because are a step's causes, as far as their stations are drawn.
func (b *builder) because(st *trace.StepDocument, here int) []CauseView {
	var out []CauseView
	for _, c := range st.Because {
		for i := range b.scene.Stations {
			if b.scene.Stations[i].ID != c.Station {
				continue
			}
			v := CauseView{Say: b.l.T("because." + c.Kind), Text: c.Text, N: i + 1, Index: i, Href: b.href(c.Station)}
			if i == here {
				v.Href = ""
			}
			out = append(out, v)
		}
	}
	return out
}
