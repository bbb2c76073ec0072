package server

import (
	"slices"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/trace"
	"github.com/podpath/podpath/web/locales"
	"github.com/podpath/podpath/web/templates"
)

// form is the query as the page shows it, with the messages beside their fields.
func (s *Server) form(l *locales.Printer, req *request, options []Option, places []Place, doc *trace.Document) templates.Form {
	f := templates.Form{Protocol: req.Protocol, Errors: map[string]string{}, OwnHref: "/own" + req.display()}
	for _, p := range s.engine.Presets() {
		label, ok := l.Lookup("preset."+p.ID, nil)
		if !ok {
			label = p.ID
		}
		f.Presets = append(f.Presets, templates.Choice{Value: p.ID, Label: label, Selected: p.ID == req.Preset})
	}
	f.Places = groups(l, places)
	f.Senders = groups(l, slices.DeleteFunc(slices.Clone(places), func(p Place) bool { return p.NoStart }))
	f.From, f.To = placeField(req.From, places), placeField(req.To, places)
	number := func(name, def string) templates.NumberField {
		return templates.NumberField{Value: req.raw[name], Placeholder: def, Min: limits[name].min, Max: limits[name].max}
	}
	f.Port, f.Sport, f.TTL, f.Payload = number("dport", strconv.Itoa(defaultPort(req, places))), number("sport", "40000"), number("ttl", "64"), number("payload", "0")
	for _, o := range options {
		if o.Key == CNIKey {
			f.CNIs = cniChoices(l, o, req.CNI)
			continue
		}
		f.Options = append(f.Options, optionField(l, o, req.Options[o.Key]))
	}
	f.Ports = portHint(req.To, places)
	if doc != nil {
		f.Picks = picks(l, doc, placeNames(places))
	}
	for _, e := range req.errors {
		name := fieldName(e.Field, options)
		msg := l.Args("field."+e.Code, e.Args)
		f.Messages = append(f.Messages, msg)
		if name == "" {
			f.Error = msg
			continue
		}
		f.Errors[name] = msg
	}
	f.Summary = flowTitle(l, req, places)
	return f
}

// fieldName is the form's field for an error; "" where the form has none.
func fieldName(field string, options []Option) string {
	switch field {
	case "preset", CNIKey, "from", "to", "proto", "dport", "sport", "ttl", "payload":
		return field
	}
	for _, o := range options {
		if o.Key == field || "set."+o.Key == field {
			return "set." + o.Key
		}
	}
	return ""
}

// cniChoices are the network plugins that the cluster can have. Its own need not be in the URL.
func cniChoices(l *locales.Printer, o Option, cni string) []templates.Choice {
	var out []templates.Choice
	for _, v := range o.Values {
		c := templates.Choice{Value: v, Label: l.T("cni." + v), Selected: v == cni || cni == "" && v == o.Own}
		if v == o.Own {
			c.Value = ""
		}
		out = append(out, c)
	}
	return out
}

// defaultPort is the port of a query that names none: a Service's first of the protocol.
func defaultPort(req *request, places []Place) int {
	for _, p := range places {
		if p.Name != req.To || len(p.Ports) == 0 {
			continue
		}
		for _, x := range p.Ports {
			if x.Protocol == req.Protocol {
				return x.Number
			}
		}
		return p.Ports[0].Number
	}
	return query.DefaultPort
}

// portHint lists a Service's ports, as one would type them.
func portHint(to string, places []Place) []string {
	var out []string
	for _, p := range places {
		if p.Name != to {
			continue
		}
		for _, x := range p.Ports {
			s := strconv.Itoa(x.Number) + "/" + x.Protocol
			if x.Name != "" {
				s = x.Name + " " + s
			}
			out = append(out, s)
		}
	}
	return out
}

// picks are the choices that chance would make, as fields.
func picks(l *locales.Printer, doc *trace.Document, names func(string) string) []templates.PickField {
	var out []templates.PickField
	for i, c := range doc.Choices {
		if len(c.Options) < 2 {
			continue
		}
		f := templates.PickField{Name: "choice." + c.ID, ID: "f-choice-" + strconv.Itoa(i), Label: l.T("choice." + c.Kind)}
		for k, o := range c.Options {
			x := templates.Choice{Value: o.Value, Label: templates.OptionLabel(l, c, o, names), Selected: o.Value == c.Chosen}
			if o.Probability > 0 {
				x.Label += " · " + templates.Odds(o.Probability)
			}
			if k == 0 {
				x.Value = "" // what is taken without a choice need not be in the URL
			}
			f.Options = append(f.Options, x)
		}
		out = append(out, f)
	}
	return out
}

func groups(l *locales.Printer, places []Place) []templates.PlaceGroup {
	var out []templates.PlaceGroup
	for _, kind := range []PlaceKind{PodPlace, NodePlace, ServicePlace, BalancerPlace, OutsidePlace} {
		key := map[PlaceKind]string{PodPlace: "ui.pods", NodePlace: "ui.nodes", ServicePlace: "ui.services", BalancerPlace: "ui.balancers",
			OutsidePlace: "ui.outer"}[kind]
		g := templates.PlaceGroup{Label: l.T(key)}
		for _, p := range places {
			if p.Kind != kind {
				continue
			}
			label := p.name(l)
			if p.Detail != "" {
				label += " · " + p.Detail
			}
			if p.Node != "" {
				label += " · " + p.Node
			}
			g.Places = append(g.Places, templates.Choice{Value: p.Name, Label: label})
		}
		if len(g.Places) > 0 {
			out = append(out, g)
		}
	}
	return out
}

// name is a place as a reader knows it. The Internet has a word of its own in each language.
func (p *Place) name(l *locales.Printer) string {
	if p.Name == "internet" {
		return l.T("place.external")
	}
	return p.Label
}

// placeField tells a place of the list from an address that was typed.
func placeField(value string, places []Place) templates.PlaceField {
	for _, p := range places {
		if p.Name == value {
			return templates.PlaceField{Value: value}
		}
	}
	return templates.PlaceField{Address: value}
}

func placeLabel(l *locales.Printer, value string, places []Place) string {
	for _, p := range places {
		if p.Name == value {
			return p.name(l)
		}
	}
	if i := strings.LastIndexByte(value, '/'); i >= 0 {
		return value[i+1:]
	}
	return value
}

func optionField(l *locales.Printer, o Option, value string) templates.OptionField {
	label, ok := l.Lookup("option."+o.Key, nil)
	if !ok {
		label = o.Key
	}
	f := templates.OptionField{Name: "set." + o.Key, Key: o.Key, Label: label, Value: value, Default: o.Default, Changed: value != "" && value != o.Default}
	if o.Values == nil {
		return f
	}
	for _, v := range o.Values {
		c := templates.Choice{Value: v, Label: v, Selected: v == value || value == "" && v == o.Default}
		if v == o.Default {
			c.Value = "" // the default need not be in the URL
			c.Label += " (" + l.T("ui.default") + ")"
		}
		f.Values = append(f.Values, c)
	}
	return f
}
