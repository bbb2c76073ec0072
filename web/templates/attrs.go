package templates

import (
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/podpath/podpath/internal/diagram"
)

func themeAttr(theme string) templ.Attributes {
	if theme == "" {
		return nil
	}
	return templ.Attributes{"data-theme": theme}
}

func currentIf(on bool) templ.Attributes {
	if !on {
		return nil
	}
	return templ.Attributes{"aria-current": "true"}
}

// stepIf marks the current station.
func stepIf(on bool) templ.Attributes {
	if !on {
		return nil
	}
	return templ.Attributes{"aria-current": "step"}
}

// invalid are the attributes of a field with something wrong about it.
func invalid(id, message string) templ.Attributes {
	if message == "" {
		return nil
	}
	return templ.Attributes{"aria-invalid": "true", "aria-describedby": id + "-error"}
}

// n writes a coordinate.
func n(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

func translate(x, y float64) string { return "translate(" + n(x) + " " + n(y) + ")" }

// when gives class where on holds.
func when(on bool, class string) string {
	if on {
		return " " + class
	}
	return ""
}

// tagBox is the tinted box behind a station's label.
func tagBox(s *StationView) diagram.Rect {
	title := diagram.TextWidth(s.Short, 13.5, false) * 1.1 // the current one is bold
	sub := diagram.TextWidth(subText(s), 11.5, true)
	l := s.Label
	if l.One {
		w := title + 16
		return diagram.Rect{X: l.X - 8, Y: l.Y - 12, W: w, H: 24}
	}
	w := max(title, sub) + 16
	if sub == 0 {
		return diagram.Rect{X: l.X - 8, Y: l.Y - 12, W: w, H: 24}
	}
	return diagram.Rect{X: l.X - 8, Y: l.Y - 17, W: w, H: 36}
}

// subText is the second line of a label, no wider than there is room for.
func subText(s *StationView) string {
	if s.Label == nil || s.Label.One || s.Sub == "" {
		return ""
	}
	limit := int(s.Label.Max / (11.5 * 0.61))
	r := []rune(s.Sub)
	if len(r) <= limit {
		return s.Sub
	}
	return string(r[:limit-1]) + "…"
}

// stopName is a station's name for who hears the page: what is written at it, in the same order.
func stopName(p *TracePage, s *StationView) string {
	name := p.L.T("ui.step-n", "n", itoa(s.N), "title", s.Title)
	if sub := subText(s); sub != "" {
		name += ", " + sub
	}
	return name
}

func textAnchor(end bool) templ.Attributes {
	if !end {
		return nil
	}
	return templ.Attributes{"text-anchor": "end"}
}

func upper(s string) string { return strings.ToUpper(s) }

// disabledIf marks a link that leads nowhere.
func disabledIf(on bool) templ.Attributes {
	if !on {
		return nil
	}
	return templ.Attributes{"aria-disabled": "true"}
}

func iconPaint(solid bool) templ.Attributes {
	if solid {
		return templ.Attributes{"fill": "currentColor"}
	}
	return templ.Attributes{"fill": "none", "stroke": "currentColor", "stroke-width": "2", "stroke-linecap": "round", "stroke-linejoin": "round"}
}

// railY is the height of a lane's rail in the timeline.
func railY(lane int) string { return itoa(40 + 31*lane) }

func railTextY(lane int) string { return itoa(44 + 31*lane) }

// backLabel names the lower rail: the answer, or the error that came back instead.
func (p *TracePage) backLabel() string {
	for _, l := range p.Scene.Lanes {
		if l.Reply {
			return p.L.T("ui." + l.Kind)
		}
	}
	return p.L.T("ui.reply")
}

// percent is a share as a width.
func percent(share float64) string { return strconv.FormatFloat(share*100, 'f', 2, 64) + "%" }

// currentPage marks the page of the main menu that this is.
func currentPage(on bool) templ.Attributes {
	if !on {
		return nil
	}
	return templ.Attributes{"aria-current": "page"}
}

// swapUnless makes a link swap the work area with what the server sends, where the page cannot show it by itself.
func swapUnless(here bool, href string) templ.Attributes {
	if here {
		return nil
	}
	return templ.Attributes{"hx-get": href, "hx-target": "#app", "hx-swap": "outerHTML", "hx-push-url": "true"}
}

// named is a name for who hears the page, where the text does not say enough.
func named(name string) templ.Attributes {
	if name == "" {
		return nil
	}
	return templ.Attributes{"aria-label": name}
}
