package server

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/podpath/podpath/web/locales"
	"github.com/podpath/podpath/web/templates"
)

// form is the query as the page shows it, with the messages beside their fields.
func (s *Server) form(l *locales.Printer, req *request, preset Preset, places []Place) templates.Form {
	f := templates.Form{Protocol: req.Protocol, CNI: req.CNI, Errors: map[string]string{}}
	for _, p := range s.engine.Presets() {
		label, ok := l.Lookup("preset."+p.ID, nil)
		if !ok {
			label = p.ID
		}
		f.Presets = append(f.Presets, templates.Choice{Value: p.ID, Label: label, Selected: p.ID == req.Preset})
	}
	f.Places = groups(l, places)
	f.From, f.To = placeField(req.From, places), placeField(req.To, places)
	number := func(name, def string) templates.NumberField {
		return templates.NumberField{Value: req.raw[name], Placeholder: def, Min: limits[name].min, Max: limits[name].max}
	}
	f.Port, f.Sport, f.TTL, f.Payload = number("dport", strconv.Itoa(cmp.Or(preset.Start.Port, 80))), number("sport", "40000"), number("ttl", "64"), number("payload", "0")
	for _, o := range preset.Options {
		f.Options = append(f.Options, optionField(l, o, req.Options[o.Key]))
	}
	for _, e := range req.errors {
		name := fieldName(e.Field, preset)
		msg := l.Args("field."+e.Code, e.Args)
		f.Messages = append(f.Messages, msg)
		if name == "" {
			f.Error = msg
			continue
		}
		f.Errors[name] = msg
	}
	f.Summary = l.T("ui.title-flow", "from", placeLabel(req.From, places), "to", placeLabel(req.To, places))
	return f
}

// fieldName is the form's field for an error; "" where the form has none.
func fieldName(field string, preset Preset) string {
	switch field {
	case "preset", "from", "to", "proto", "dport", "sport", "ttl", "payload":
		return field
	}
	for _, o := range preset.Options {
		if o.Key == field || "set."+o.Key == field {
			return "set." + o.Key
		}
	}
	return ""
}

func groups(l *locales.Printer, places []Place) []templates.PlaceGroup {
	var out []templates.PlaceGroup
	for _, kind := range []PlaceKind{PodPlace, NodePlace, OutsidePlace} {
		key := map[PlaceKind]string{PodPlace: "ui.pods", NodePlace: "ui.nodes", OutsidePlace: "ui.outer"}[kind]
		g := templates.PlaceGroup{Label: l.T(key)}
		for _, p := range places {
			if p.Kind != kind {
				continue
			}
			label := p.Label
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

// placeField tells a place of the list from an address that was typed.
func placeField(value string, places []Place) templates.PlaceField {
	for _, p := range places {
		if p.Name == value {
			return templates.PlaceField{Value: value}
		}
	}
	return templates.PlaceField{Address: value}
}

func placeLabel(value string, places []Place) string {
	for _, p := range places {
		if p.Name == value {
			return p.Label
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
