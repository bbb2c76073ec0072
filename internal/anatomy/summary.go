package anatomy

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/diagram"
	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/topology"
)

// How much a panel says before it only counts.
const (
	maxRules  = 8
	maxRoutes = 5
	maxChains = 4
)

// line is a line of a panel: verbatim text, or a sentence of the catalogue.
func line(s string) diagram.Text { return diagram.Text{S: s, Class: "m s"} }

func more(n int) diagram.Text {
	return diagram.Text{Key: "anatomy.more", Args: map[string]string{"n": strconv.Itoa(n)}, Class: "s"}
}

// ruleLines are the policy rules, those that only differ in an address of a pod taken together.
func (b *builder) ruleLines() []diagram.Text {
	type group struct {
		text string
		n    int
	}
	var groups []group
	for _, r := range b.ns.Rules {
		if r.Table == topology.TableLocal || r.Table == topology.TableDefault {
			continue
		}
		text := b.ruleText(r)
		if k := slices.IndexFunc(groups, func(g group) bool { return g.text == text }); k >= 0 {
			groups[k].n++
			continue
		}
		groups = append(groups, group{text, 1})
	}
	var out []diagram.Text
	for _, g := range groups {
		if g.n > 1 {
			g.text += "  ×" + strconv.Itoa(g.n)
		}
		out = append(out, line(g.text))
	}
	if len(out) > maxRules {
		out = append(out[:maxRules-1], more(len(out)-maxRules+1))
	}
	return out
}

// ruleText is a rule in short, with "pod" for an address of one of the node's pods.
func (b *builder) ruleText(r *topology.Rule) string {
	c := *r
	var words []string
	short := func(word string, p netip.Prefix) {
		if !p.IsValid() {
			return
		}
		if p.IsSingleIP() && b.isPods(p.Addr().String()) {
			words = append(words, word+" pod")
			return
		}
		if p.IsSingleIP() {
			words = append(words, word+" "+p.Addr().String())
			return
		}
		words = append(words, word+" "+p.String())
	}
	short("from", c.Src)
	short("to", c.Dst)
	c.Src, c.Dst = netip.Prefix{}, netip.Prefix{}
	rest := strings.TrimPrefix(c.String(), strconv.FormatUint(uint64(c.Priority), 10)+":\t")
	rest = strings.TrimPrefix(rest, "from all")
	rest, action, _ := strings.Cut(rest, " lookup ")
	if rest = strings.TrimSpace(rest); rest != "" {
		words = append(words, rest)
	}
	if len(words) == 0 {
		words = []string{"all"}
	}
	if action == "" {
		action = string(c.Action)
	}
	return fmt.Sprintf("%-5d %s → %s", c.Priority, strings.Join(words, " "), action)
}

// routeLines are a table's routes, those to single pods taken together.
func (b *builder) routeLines(table topology.TableID) []diagram.Text {
	var out []diagram.Text
	toPods := 0
	for _, r := range b.ns.Routes {
		if r.Table != table {
			continue
		}
		if r.Dst.IsSingleIP() && b.isPods(r.Dst.Addr().String()) {
			toPods++
			continue
		}
		out = append(out, line(routeText(r)))
	}
	if len(out) > maxRoutes {
		out = append(out[:maxRoutes-1], more(len(out)-maxRoutes+1))
	}
	if toPods > 0 {
		out = slices.Insert(out, 0, diagram.Text{Key: "anatomy.pod-routes", Args: map[string]string{"n": strconv.Itoa(toPods)}, Class: "s"})
	}
	return out
}

func routeText(r *topology.Route) string {
	dst := r.Dst.String()
	switch {
	case r.Dst.Bits() == 0:
		dst = "default"
	case r.Dst.IsSingleIP():
		dst = r.Dst.Addr().String()
	}
	if r.Dev() == "" {
		return dst + " → " + string(r.Type)
	}
	return dst + " → " + r.Dev()
}

func (b *builder) isPods(address string) bool {
	return slices.ContainsFunc(b.pods, func(p pod) bool { return slices.Contains(podAddresses(p), address) })
}

// hookLines are the chains that hang on a hook, in the order in which the kernel calls them: what iptables' own chains jump
// to, and nft's chains by their table.
func (b *builder) hookLines(h netfilter.Hook) []diagram.Text {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if b.ns.Netfilter == nil {
		return nil
	}
	for _, c := range b.ns.Netfilter.At(h) {
		switch {
		case c.NFT != nil:
			add("nft " + c.Table)
		case c.IPT != nil:
			for _, r := range c.IPT.Rules {
				switch t := r.Target.(type) {
				case *iptables.JumpTarget:
					add(t.Name)
				case nil:
				default:
					add(c.Table + " " + targetName(r))
				}
			}
		}
	}
	var out []diagram.Text
	for _, n := range names {
		out = append(out, diagram.Text{S: diagram.Clip(n, 11, 150), Class: "m v"})
	}
	if len(out) > maxChains {
		out = append(out[:maxChains-1], more(len(out)-maxChains+1))
	}
	return out
}

// targetName is what stands behind -j.
func targetName(r *iptables.Rule) string {
	_, rest, ok := strings.Cut(r.Text(), " -j ")
	if !ok {
		return "rule"
	}
	name, _, _ := strings.Cut(rest, " ")
	return name
}
