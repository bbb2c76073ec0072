package templates

import (
	"slices"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/anatomy"
	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// NodePage is one node: its anatomy as a figure, and its state as the kernel's tools print it, with jumps that can be
// followed; in the context of a trace it says of each line whether the packet met it, and why not. Whatever is selected in
// the one is marked in the other.
type NodePage struct {
	Shell
	Name, Detail string
	Nodes        []Choice // the cluster's
	Hidden       []Choice // the query's parameters, for the form that changes the node
	Flow         string   // the trace's, "" without one
	FlowHref     string
	Messages     []string // what is wrong with the address
	Anatomy      *anatomy.Anatomy
	Tabs         []TabView
	Tab          string // the one that is shown
	Select       string // the thing whose lines are marked; "" for none
	Selected     *SelectedView
	SelectHref   func(thing string) string
	TabHref      func(tab string) string
	Pods         *MaxPodsView // how many pods fit; nil where that is not a question of addresses
}

// TabView is the output of one command: lines, or for iptables tables of chains.
type TabView struct {
	ID, Command string
	Href        string
	Lines       []RuleView
	Tables      []TableView
	Count       int // of its lines that are about what is selected
}

// iptablesTab is the tab with chains to jump between.
const iptablesTab = "iptables"

// TableView is one table of iptables.
type TableView struct {
	ID, Name string
	Chains   []ChainView
}

// ChainView is one chain with what jumps to it.
type ChainView struct {
	ID, Name, Policy string
	Rules            []RuleView
	Callers          []LinkView
	Met              bool // the packet came by
}

// LinkView leads to another chain.
type LinkView struct{ Text, Href string }

// RuleView is one line with what the packet made of it.
type RuleView struct {
	Number string
	Class  string // is-match, is-miss, ""
	Sign   string
	Say    string // the sign in words
	Parts  []Part
	Note   string // why it did not match
	Hits   []CauseView
	About  []string // the things of the anatomy that it mentions
}

// NodeInput is what a node's page is made of. Document and StepHref are nil where there is no trace.
type NodeInput struct {
	Shell     Shell
	Namespace *topology.Namespace
	Document  *trace.Document
	StepHref  func(station string) string
	Nodes     []Choice
	Hidden    []Choice
	Flow      string
	FlowHref  string
	Messages  []string
	Topology  *topology.Topology
	Tab       string // asked for; "" for the first
	Select    string
	// TabHref and SelectHref give the address of the page with another tab, or with something else selected.
	TabHref    func(tab string) string
	SelectHref func(tab, thing string) string
	Pods       *MaxPodsView
}

// met is what a trace's packet made of a line.
type met struct {
	hits []CauseView
	miss string
	has  bool
}

// NewNodePage makes the page of a node.
func NewNodePage(in NodeInput) *NodePage {
	ns := in.Namespace
	p := &NodePage{Shell: in.Shell, Name: titleOf(ns), Detail: detailOf(ns), Nodes: in.Nodes, Hidden: in.Hidden, Flow: in.Flow, FlowHref: in.FlowHref, Messages: in.Messages, Pods: in.Pods}
	p.Title = p.Name
	p.Anatomy = anatomy.Build(in.Topology, ns)
	p.choose(in.Select)
	b := &nodeBuilder{in: &in, page: p, rules: map[string]*met{}, lines: map[string]*met{}, chains: map[string]bool{}}
	b.read()
	p.TabHref = in.TabHref
	p.SelectHref = func(thing string) string { return in.SelectHref(p.Tab, thing) }
	b.tabs()
	return p
}

// tabs are what the node has something to say of.
func (b *nodeBuilder) tabs() {
	p, ns := b.page, b.in.Namespace
	kinds := []struct{ id, command string }{{"addresses", "ip addr"}, {"rules", "ip rule"}, {"routes", "ip route"},
		{"neighbours", "ip neigh"}, {iptablesTab, "iptables"}, {"nft", "nft"}, {"ip6tables", "ip6tables"}, {"ipsets", "ipset"}}
	p.Tab = kinds[0].id
	if slices.ContainsFunc(kinds, func(k struct{ id, command string }) bool { return k.id == b.in.Tab }) {
		p.Tab = b.in.Tab // before the lines are made: their links keep it
	}
	for _, k := range kinds {
		t := TabView{ID: k.id, Command: k.command, Href: p.TabHref(k.id)}
		switch k.id {
		case iptablesTab:
			t.Tables = b.tables(ns.Netfilter.Rules, "")
		case "ip6tables":
			t.Tables = b.tables(ns.Netfilter.Rules6, "6-")
		default:
			t.Lines = b.list(k.id)
		}
		if len(t.Lines)+len(t.Tables) == 0 {
			continue
		}
		t.Count = b.count(&t)
		p.Tabs = append(p.Tabs, t)
	}
	if !slices.ContainsFunc(p.Tabs, func(t TabView) bool { return t.ID == p.Tab }) && len(p.Tabs) > 0 {
		p.Tab = p.Tabs[0].ID
	}
}

// count is how many of a tab's lines are about what is selected.
func (b *nodeBuilder) count(t *TabView) int {
	n := 0
	for i := range t.Lines {
		if b.page.isAbout(&t.Lines[i]) {
			n++
		}
	}
	for _, table := range t.Tables {
		for _, c := range table.Chains {
			for i := range c.Rules {
				if b.page.isAbout(&c.Rules[i]) {
					n++
				}
			}
		}
	}
	return n
}

// tokens makes the names and addresses in a line's parts links that select them.
func (b *nodeBuilder) tokens(parts []Part) []Part {
	var out []Part
	for _, x := range parts {
		if x.Href != "" {
			out = append(out, x)
			continue
		}
		for _, t := range b.page.Anatomy.Tokens(x.Text) {
			y := Part{Text: t.Text, Strong: x.Strong, Thing: t.Thing}
			if t.Thing != "" {
				y.Href = b.page.SelectHref(t.Thing)
			}
			out = append(out, y)
		}
	}
	return out
}

func titleOf(ns *topology.Namespace) string {
	if ns.Place.Label != "" {
		return ns.Place.Label
	}
	return ns.Name
}

// detailOf is where a node stands: its address, machine and zone.
func detailOf(ns *topology.Namespace) string {
	var parts []string
	if a := ns.PrimaryAddress(); a.IsValid() {
		parts = append(parts, a.String())
	}
	for _, s := range []string{ns.Place.Machine, ns.Place.Zone} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " · ")
}

type nodeBuilder struct {
	in     *NodeInput
	page   *NodePage
	rules  map[string]*met // by table, chain and number
	lines  map[string]*met // of other commands, by their text
	chains map[string]bool // by table and chain: the packet came by
}

// read finds what the trace's packets met on this node.
func (b *nodeBuilder) read() {
	d := b.in.Document
	if d == nil {
		return
	}
	for i := range d.Stations {
		s := &d.Stations[i]
		hop := &d.Legs[s.Leg].Hops[s.Hop]
		if hop.Namespace != b.in.Namespace.Name {
			continue
		}
		for k := s.First; k <= s.Last; k++ {
			st := &hop.Steps[k]
			hit := CauseView{N: i + 1, Index: i, Href: b.in.StepHref(s.ID)}
			switch {
			case st.Table != "" && (st.Family == "ip" || st.Family == "") && st.Chain != "":
				b.chains[st.Table+" "+st.Chain] = true
				for _, m := range st.Misses {
					b.at(b.rules, ruleKey(st.Table, st.Chain, m.Rule)).missed(b.missNote(m))
				}
				if st.Rule > 0 {
					b.at(b.rules, ruleKey(st.Table, st.Chain, st.Rule)).hit(hit)
				}
			case st.Text != "":
				b.at(b.lines, norm(st.Text)).hit(hit)
			}
			for _, e := range st.Evidence {
				note, _ := b.in.Shell.L.Lookup("evidence."+e.Code, nil)
				b.at(b.lines, norm(e.Text)).missed(note)
			}
		}
	}
}

func (b *nodeBuilder) missNote(m trace.MissDocument) string {
	return (&builder{l: b.in.Shell.L}).missNote(m)
}

func ruleKey(table, chain string, rule int) string {
	return table + " " + chain + " " + strconv.Itoa(rule)
}

// norm writes a line with single blanks: `ip rule` has a tab that a page may not.
func norm(s string) string { return strings.Join(strings.Fields(s), " ") }

func (b *nodeBuilder) at(all map[string]*met, key string) *met {
	if all[key] == nil {
		all[key] = &met{}
	}
	return all[key]
}

func (m *met) hit(c CauseView) {
	if !slices.ContainsFunc(m.hits, func(x CauseView) bool { return x.N == c.N }) {
		m.hits = append(m.hits, c)
	}
}

func (m *met) missed(why string) {
	if !m.has {
		m.miss, m.has = why, true
	}
}

// dress says what the packet made of a line.
func (b *nodeBuilder) dress(v *RuleView, m *met) {
	switch {
	case m == nil:
	case len(m.hits) > 0:
		v.Class, v.Sign, v.Say, v.Hits = "is-match", "✓", b.in.Shell.L.T("ui.verdict-match"), m.hits
	case m.has:
		v.Class, v.Sign, v.Say, v.Note = "is-tried", "·", b.in.Shell.L.T("ui.verdict-miss"), m.miss
	}
}

func (b *nodeBuilder) list(id string) []RuleView {
	var out []RuleView
	for _, line := range strings.Split(strings.TrimRight(b.in.Namespace.State(id), "\n"), "\n") {
		if line == "" {
			continue
		}
		v := RuleView{Parts: b.tokens([]Part{{Text: strings.ReplaceAll(line, "\t", tab(id))}}), About: b.page.Anatomy.Mentions(line)}
		b.dress(&v, b.lines[norm(line)])
		out = append(out, v)
	}
	return out
}

// tab is what a page writes for a tab: nft indents by them, `ip rule` separates by one.
func tab(list string) string {
	if list == "nft" {
		return "    "
	}
	return " "
}

// tables are a ruleset's; empty built-in chains of tables that nobody writes to are left out.
func (b *nodeBuilder) tables(rs *iptables.Ruleset, prefix string) []TableView {
	if rs == nil {
		return nil
	}
	var out []TableView
	for _, name := range []string{"raw", "mangle", "nat", "filter", "security"} {
		t := rs.Table(name)
		if t == nil {
			continue
		}
		v := TableView{ID: prefix + name, Name: name}
		callers := map[string][]LinkView{}
		for _, c := range t.Chains {
			for _, r := range c.Rules {
				j, ok := r.Target.(*iptables.JumpTarget)
				if !ok {
					continue
				}
				link := LinkView{c.Name, "#" + prefix + name + "-" + c.Name}
				if !slices.Contains(callers[j.Name], link) {
					callers[j.Name] = append(callers[j.Name], link)
				}
			}
		}
		rules := 0
		for _, c := range t.Chains {
			rules += len(c.Rules)
			v.Chains = append(v.Chains, b.chain(t, c, prefix, callers[c.Name]))
		}
		if rules > 0 {
			out = append(out, v)
		}
	}
	return out
}

func (b *nodeBuilder) chain(t *iptables.Table, c *iptables.Chain, prefix string, callers []LinkView) ChainView {
	v := ChainView{ID: prefix + t.Name + "-" + c.Name, Name: c.Name, Callers: callers, Met: prefix == "" && b.chains[t.Name+" "+c.Name]}
	if c.BuiltIn() {
		v.Policy = c.Policy
	}
	for _, r := range c.Rules {
		x := RuleView{Number: strconv.Itoa(r.Number), Parts: parts(strings.TrimPrefix(r.Text(), "-A "+c.Name+" "))}
		for i := range x.Parts {
			if name := chainIn(x.Parts[i].Text); t.Chain(name) != nil {
				x.Parts[i].Href = "#" + prefix + t.Name + "-" + name
			}
		}
		if prefix == "" {
			b.dress(&x, b.rules[ruleKey(t.Name, c.Name, r.Number)])
		}
		x.Parts, x.About = b.tokens(x.Parts), b.page.Anatomy.Mentions(r.Text())
		v.Rules = append(v.Rules, x)
	}
	return v
}
