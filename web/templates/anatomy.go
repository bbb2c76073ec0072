package templates

import (
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/anatomy"
	"github.com/podpath/podpath/web/locales"
)

// FigureView is a node's anatomy on a page.
type FigureView struct {
	L        *locales.Printer
	Name     string
	Anatomy  *anatomy.Anatomy
	Selected string // the thing that stands out; "" for none
	// SelectHref selects a thing; PanelHref leads to what a panel is about, PanelAt names it for the page's script.
	SelectHref         func(thing string) string
	PanelHref, PanelAt func(target string) string
}

// figure is the page's own.
func (p *NodePage) figure() *FigureView {
	f := &FigureView{L: p.L, Name: p.Name, Anatomy: p.Anatomy, SelectHref: p.SelectHref, PanelHref: p.panelHref, PanelAt: p.panelAt}
	if p.Selected != nil {
		f.Selected = p.Selected.ID
	}
	return f
}

// podBox is the ID of the box of the pod at a veth.
func podBox(thing string) string { return "pod-" + strings.TrimPrefix(thing, "if-") }

// SelectedView is the interface or address whose lines are shown.
type SelectedView struct{ ID, Label string }

// choose finds what is selected; something that the node does not have is nothing.
func (p *NodePage) choose(id string) {
	for _, t := range p.Anatomy.Things {
		if t.ID != id || id == "" {
			continue
		}
		p.Select = id
		p.Selected = &SelectedView{ID: id, Label: t.Name}
	}
}

func (p *NodePage) isAbout(r *RuleView) bool {
	return p.Selected != nil && slices.Contains(r.About, p.Selected.ID)
}

func (r *RuleView) about() string { return strings.Join(r.About, " ") }

// panelAt is the tab, and in it the chain, that a panel of the figure is about.
func (p *NodePage) panelAt(target string) string {
	switch target {
	case "rules", "routes":
		return target
	}
	for _, t := range p.Tabs {
		if t.ID != iptablesTab {
			continue
		}
		for _, name := range []string{"nat", "filter", "mangle", "raw"} { // where most of a hook's rules are
			for _, table := range t.Tables {
				if table.Name != name {
					continue
				}
				if slices.ContainsFunc(table.Chains, func(c ChainView) bool { return c.Name == target && len(c.Rules) > 0 }) {
					return name + "-" + target
				}
			}
		}
	}
	return iptablesTab
}

// PanelTab is the tab of the node page that a panel is about.
func PanelTab(target string) string {
	switch target {
	case "rules", "routes":
		return target
	}
	return iptablesTab
}

func (p *NodePage) panelHref(target string) string {
	at := p.panelAt(target)
	if table, chain, ok := strings.Cut(at, "-"); ok {
		return p.TabHref(iptablesTab) + "#" + table + "-" + chain
	}
	return p.TabHref(at)
}

// partClass is how a part is drawn.
func partClass(x *anatomy.Part) string {
	switch {
	case x.Chip:
		return "chip" + when(x.Class != "", x.Class)
	case x.Thing == "":
		return "port"
	}
	return "port clk" + when(x.Class != "", x.Class)
}
