package templates

import (
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/anatomy"
)

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

func (p *NodePage) isSelected(thing string) bool { return p.Selected != nil && p.Selected.ID == thing }

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
