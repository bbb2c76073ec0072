package iptables

import (
	"fmt"
	"slices"
)

// builtIns are the tables and the chains the kernel calls in each, in the order that iptables-save prints them.
var builtIns = map[string][]string{
	"raw":      {"PREROUTING", "OUTPUT"},
	"mangle":   {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"},
	"nat":      {"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"},
	"filter":   {"INPUT", "FORWARD", "OUTPUT"},
	"security": {"INPUT", "FORWARD", "OUTPUT"},
}

func isBuiltIn(table, chain string) bool {
	return len(chain) <= len("POSTROUTING") && slices.Contains(builtIns[table], chain)
}

// NewTable makes a table with its built-in chains, empty and with policy ACCEPT.
func NewTable(name string) *Table {
	t := &Table{Name: name}
	for _, c := range builtIns[name] {
		t.AddChain(c)
	}
	return t
}

// Table is the table of that name, nil where there is none.
func (rs *Ruleset) Table(name string) *Table {
	for _, t := range rs.Tables {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// AddTable is the table of that name, made with NewTable where there is none.
func (rs *Ruleset) AddTable(name string) *Table {
	if t := rs.Table(name); t != nil {
		return t
	}
	t := NewTable(name)
	rs.Tables = append(rs.Tables, t)
	return t
}

// Chain is the chain of that name, nil where there is none. Chains put into Chains by hand are found too, but reading
// concurrently is only safe once Link or Chain was called after the last change.
func (t *Table) Chain(name string) *Chain {
	if t.index == nil || len(t.index) != len(t.Chains) {
		t.index = make(map[string]*Chain, len(t.Chains))
		for _, c := range t.Chains {
			t.index[c.Name] = c
		}
	}
	return t.index[name]
}

// AddChain is the chain of that name, made where there is none: a built-in chain of the table has policy ACCEPT.
func (t *Table) AddChain(name string) *Chain {
	if c := t.Chain(name); c != nil {
		return c
	}
	c := t.chains.take()
	c.Name, c.Table, c.Policy, c.nth = name, t, "-", len(t.Chains)
	if isBuiltIn(t.Name, name) {
		c.Policy = "ACCEPT"
	}
	t.Chains = append(t.Chains, c)
	t.index[name] = c
	return c
}

// Append parses rule specifications such as `-d 10.0.0.0/8 -m comment --comment "x" -j RETURN` and puts the rule at the
// end. A jump may name a chain that does not exist yet; Link finds it later.
func (c *Chain) Append(spec string) error {
	rules, err := parseSpec(spec)
	if err != nil {
		return fmt.Errorf("rule %q for chain %s: %w", spec, c.Name, err)
	}
	for _, r := range rules {
		c.insert(len(c.Rules), r)
	}
	return nil
}

// MustAppend is Append for text that is the program's own: it panics where the text is not wholly understood.
func (c *Chain) MustAppend(spec string) *Rule {
	err := c.Append(spec)
	if err != nil {
		panic(err)
	}
	r := c.Rules[len(c.Rules)-1]
	if r.NotUnderstood != "" {
		panic(fmt.Sprintf("iptables: not understood in rule %q: %s", spec, r.NotUnderstood))
	}
	return r
}

// AppendRule puts a rule at the end that was made without text.
func (c *Chain) AppendRule(r *Rule) { c.insert(len(c.Rules), r) }

// MustRule parses one rule specification that is the program's own, for no chain yet. It panics where the text is not
// wholly understood.
func MustRule(spec string) *Rule {
	rules, err := parseSpec(spec)
	if err != nil {
		panic(err)
	}
	if len(rules) != 1 || rules[0].NotUnderstood != "" {
		panic(fmt.Sprintf("iptables: %q is not one rule that is understood", spec))
	}
	return rules[0]
}

// ParseRule parses one rule specification for no chain yet.
func ParseRule(spec string) (*Rule, error) {
	rules, err := parseSpec(spec)
	if err != nil {
		return nil, err
	}
	if len(rules) != 1 {
		return nil, fmt.Errorf("rule %q stands for %d rules (write one address)", spec, len(rules))
	}
	return rules[0], nil
}

func parseSpec(spec string) ([]*Rule, error) {
	if err := checkText(spec); err != nil {
		return nil, err
	}
	toks, closed := split(nil, spec)
	if !closed {
		return nil, errOpenQuote
	}
	p := ruleReader{line: spec, a: args{toks: toks}}
	return p.readAll(), nil
}

// readAll reads the words from a.i on as one rule, or as several where they list addresses: iptables makes a rule of
// each pair, source by source (do_command4).
func (p *ruleReader) readAll() []*Rule {
	r, lists := p.readOne()
	if !lists {
		return []*Rule{r}
	}
	bs := &p.bs
	srcs, dsts := p.expand(bs.src, bs.moreSrc, false), p.expand(bs.dst, bs.moreDst, true)
	var rules []*Rule
	for _, s := range srcs {
		for _, d := range dsts {
			c := *r
			c.Matches = nil
			for _, a := range [...]addressTest{s, d} {
				if a != nil && a.matters() {
					c.Matches = append(c.Matches, a)
				}
			}
			for _, m := range r.Matches {
				if _, ok := m.(addressTest); !ok {
					c.Matches = append(c.Matches, m)
				}
			}
			c.Target = copyTarget(r.Target)
			rules = append(rules, &c)
		}
	}
	return rules
}

// readOne reads the words from a.i on as one rule, and says whether it stands for several.
func (p *ruleReader) readOne() (r *Rule, lists bool) {
	first := p.a.i
	r, bs := p.read()
	if r.NotUnderstood != "" && !p.stable(r) {
		return wholeText(p.text(first, len(p.a.toks)), bs.counters), false
	}
	return r, len(bs.moreSrc)+len(bs.moreDst) > 0
}

// stable says whether a rule that is not understood whole reads the same once it is printed. Where its odd pieces stood
// among others' options, or twice, moving them to their canonical places would change what they mean.
func (p *ruleReader) stable(r *Rule) bool {
	once := string(r.AppendSpec(nil))
	toks, closed := split(nil, once)
	if !closed {
		return false
	}
	q := ruleReader{line: once, a: args{toks: toks}, printed: p.printed}
	again, bs := q.read()
	p.asked = p.asked || q.asked
	return string(again.AppendSpec(nil)) == once && again.NotUnderstood == r.NotUnderstood && len(bs.moreSrc)+len(bs.moreDst) == 0
}

// wholeText is a rule of which nothing is understood.
func wholeText(text string, n *Counters) *Rule {
	return &Rule{Counters: n, Matches: []Match{&UnknownMatch{Text: text}}, NotUnderstood: text}
}

// expand lists a test and the further addresses it was given with; one nil where there is none. A list is never inverted.
func (a *arena) expand(m addressTest, more []string, dst bool) []addressTest {
	list := []addressTest{m}
	for _, s := range more {
		t, _ := a.newAddressTest(s, dst, false)
		list = append(list, t)
	}
	return list
}

// copyTarget gives a rule a jump of its own: linking writes into it. All other targets never change.
func copyTarget(t Target) Target {
	if j, ok := t.(*JumpTarget); ok {
		return &JumpTarget{Name: j.Name, Goto: j.Goto}
	}
	return t
}

// insert puts a rule at index i and numbers what follows it.
func (c *Chain) insert(i int, r *Rule) {
	c.Rules = slices.Insert(c.Rules, i, r)
	if c.index.Load() != nil {
		c.index.Store(nil)
	}
	r.Chain = c
	if j, ok := r.Target.(*JumpTarget); ok && j.Chain == nil && c.Table != nil && !c.Table.reading {
		j.Chain = c.Table.Chain(j.Name)
	}
	c.renumber(i)
}

func (c *Chain) delete(i int) {
	c.Rules = slices.Delete(c.Rules, i, i+1)
	c.index.Store(nil)
	c.renumber(i)
}

func (c *Chain) renumber(from int) {
	for i, r := range c.Rules[from:] {
		r.Number = from + i + 1
	}
}

// Link finds the chain of every jump. It returns an error that names the first jump to a chain that does not exist.
func (rs *Ruleset) Link() error {
	var first error
	for _, t := range rs.Tables {
		t.link(func(r *Rule, name string) {
			if first == nil {
				first = fmt.Errorf("table %s: %s: no chain %s (declare it with `:%s - [0:0]`)", t.Name, r.Text(), name, name)
			}
		})
	}
	return first
}

func (t *Table) link(missing func(r *Rule, name string)) {
	t.Chain("")
	for _, c := range t.Chains {
		for _, r := range c.Rules {
			j, ok := r.Target.(*JumpTarget)
			if !ok {
				continue
			}
			if j.Chain = t.Chain(j.Name); j.Chain == nil || j.Chain.BuiltIn() {
				j.Chain = nil // iptables refuses a jump to a built-in chain
				missing(r, j.Name)
			}
		}
	}
}

// NotUnderstood lists the rules with something that podpath does not model, in the order of the dump.
func (rs *Ruleset) NotUnderstood() []*Rule {
	var list []*Rule
	for _, t := range rs.Tables {
		for _, c := range t.Chains {
			for _, r := range c.Rules {
				if r.NotUnderstood != "" {
					list = append(list, r)
				}
			}
		}
	}
	return list
}

// Clone copies the ruleset so that one can be changed without the other. Matches and targets never change and are
// shared, but for jumps.
func (rs *Ruleset) Clone() *Ruleset {
	n := &Ruleset{Trailing: slices.Clone(rs.Trailing), Tables: make([]*Table, len(rs.Tables))}
	for i, t := range rs.Tables {
		n.Tables[i] = t.clone()
	}
	return n
}

func (t *Table) clone() *Table {
	n := &Table{Name: t.Name, Leading: slices.Clone(t.Leading), Completed: slices.Clone(t.Completed),
		Chains: make([]*Chain, len(t.Chains))}
	for i, c := range t.Chains {
		nc := &Chain{Name: c.Name, Table: n, Policy: c.Policy, Counters: c.Counters, Rules: make([]*Rule, len(c.Rules))}
		for k, r := range c.Rules {
			nr := *r
			nr.Chain, nr.Target, nr.Matches = nc, copyTarget(r.Target), slices.Clone(r.Matches)
			nc.Rules[k] = &nr
		}
		n.Chains[i] = nc
	}
	n.link(func(*Rule, string) {})
	return n
}
