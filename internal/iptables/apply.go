package iptables

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// execute runs one command of iptables-restore on the table: the words in p from p.a.i on, `-A CHAIN spec` and its like.
// Chains that rules name are made where they do not exist.
func (t *Table) execute(p *ruleReader, n *Counters, line int) error {
	cmd := p.a.toks[p.a.i].text
	p.a.i++
	name, ok := p.a.next()
	if !ok && cmd != "-F" && cmd != "-X" {
		return fmt.Errorf("%s without a chain (want %s CHAIN …)", short(cmd), short(cmd))
	}
	var c *Chain
	if cmd == "-A" && ok {
		c = p.chainAt(t, name)
	}
	if c == nil && ok && !chainName(name) {
		return fmt.Errorf("chain name %q (no blank, and no - or ! first)", short(name))
	}
	switch cmd {
	case "-A", "--append":
		if c == nil {
			c = p.addChain(t, name)
		}
		t.place(c, len(c.Rules), p.readAll(), n, line)
		return nil
	case "-I", "--insert":
		return t.insertCommand(p, t.AddChain(name), n, line)
	case "-D", "--delete":
		return t.deleteCommand(p, name)
	case "-R", "--replace":
		return t.replaceCommand(p, name, n, line)
	case "-N", "--new-chain":
		if t.Chain(name) != nil {
			return fmt.Errorf("chain %s exists already", name)
		}
		t.AddChain(name)
		return nil
	case "-P", "--policy":
		policy, _ := p.a.next()
		if !isBuiltIn(t.Name, name) || policy != "ACCEPT" && policy != "DROP" {
			return fmt.Errorf("-P %s %s in table %s (want a built-in chain and ACCEPT or DROP)", name, short(policy), t.Name)
		}
		t.AddChain(name).Policy = policy
		return nil
	case "-F", "--flush":
		return t.flush(name)
	case "-X", "--delete-chain":
		return t.deleteChains(name)
	}
	return fmt.Errorf("command %q (want -A, -I, -D, -R, -N, -P, -F or -X)", short(cmd))
}

// place puts rules at index i of a chain.
func (t *Table) place(c *Chain, i int, rules []*Rule, n *Counters, line int) {
	for k, r := range rules {
		t.placeRule(c, i+k, r, n, line)
	}
}

func (t *Table) placeRule(c *Chain, i int, r *Rule, n *Counters, line int) {
	r.Line = line
	if n != nil {
		r.Counters = n
	}
	c.insert(i, r)
}

// ruleNumber takes a rule number if one follows.
func ruleNumber(p *ruleReader) (int, bool) {
	if p.a.i < len(p.a.toks) {
		if n, err := strconv.Atoi(p.a.toks[p.a.i].text); err == nil && n >= 0 {
			p.a.i++
			return n, true
		}
	}
	return 0, false
}

func (t *Table) insertCommand(p *ruleReader, c *Chain, n *Counters, line int) error {
	number, ok := ruleNumber(p)
	if !ok {
		number = 1
	}
	if number < 1 || number > len(c.Rules)+1 {
		return fmt.Errorf("-I %s %d: the chain has %d rules (want a number up to %d)", c.Name, number, len(c.Rules), len(c.Rules)+1)
	}
	t.place(c, number-1, p.readAll(), n, line)
	return nil
}

func (t *Table) deleteCommand(p *ruleReader, name string) error {
	c := t.Chain(name)
	if c == nil {
		return fmt.Errorf("-D %s: no such chain in table %s", name, t.Name)
	}
	if number, ok := ruleNumber(p); ok {
		if number < 1 || number > len(c.Rules) {
			return fmt.Errorf("-D %s %d: the chain has %d rules", name, number, len(c.Rules))
		}
		c.delete(number - 1)
		return nil
	}
	for _, r := range p.readAll() {
		want := string(r.AppendSpec(nil))
		i := 0
		for i < len(c.Rules) && string(c.Rules[i].AppendSpec(nil)) != want {
			i++
		}
		if i == len(c.Rules) {
			return fmt.Errorf("-D %s%s: the chain has no such rule", name, want)
		}
		c.delete(i)
	}
	return nil
}

func (t *Table) replaceCommand(p *ruleReader, name string, n *Counters, line int) error {
	c := t.Chain(name)
	number, ok := ruleNumber(p)
	if c == nil || !ok || number < 1 || number > len(c.Rules) {
		return fmt.Errorf("-R %s: no rule %d there", name, number)
	}
	rules := p.readAll()
	if len(rules) != 1 {
		return errors.New("-R takes one rule (write one address)")
	}
	c.delete(number - 1)
	t.place(c, number-1, rules, n, line)
	return nil
}

// flush empties one chain, or all where name is "".
func (t *Table) flush(name string) error {
	if name != "" && t.Chain(name) == nil {
		return fmt.Errorf("-F %s: no such chain in table %s", name, t.Name)
	}
	for _, c := range t.Chains {
		if name == "" || c.Name == name {
			c.Rules = nil
			c.index.Store(nil)
		}
	}
	return nil
}

// deleteChains takes out one user chain, or all where name is "". A chain with rules or with jumps to it stays.
func (t *Table) deleteChains(name string) error {
	if name != "" && t.Chain(name) == nil {
		return fmt.Errorf("-X %s: no such chain in table %s", name, t.Name)
	}
	used := map[string]bool{}
	for _, c := range t.Chains {
		for _, r := range c.Rules {
			if j, ok := r.Target.(*JumpTarget); ok {
				used[j.Name] = true
			}
		}
	}
	var kept []*Chain
	for _, c := range t.Chains {
		if c.BuiltIn() || name != "" && c.Name != name {
			kept = append(kept, c)
			continue
		}
		if len(c.Rules) > 0 || used[c.Name] {
			return fmt.Errorf("-X %s: the chain is not empty or is jumped to (flush first)", c.Name)
		}
	}
	t.Chains, t.index = kept, nil
	return nil
}

// Apply runs one `iptables` command line on the ruleset, such as
//
//	iptables -t nat -I PREROUTING 1 -p udp --dport 30080 -j DNAT --to-destination 10.0.1.11:9999
//
// The program's name (iptables, iptables-nft, iptables-legacy) may be left out, and -w is passed over. A table that is
// not there yet is made with its built-in chains, as the kernel does when it is first asked for it.
func (rs *Ruleset) Apply(command string) error {
	if err := rs.apply(command); err != nil {
		return fmt.Errorf("%s: %w", short(command), err)
	}
	return nil
}

func (rs *Ruleset) apply(command string) error {
	if err := checkText(command); err != nil {
		return err
	}
	toks, closed := splitShell(command)
	if !closed {
		return errOpenQuote
	}
	if len(toks) > 0 && !strings.HasPrefix(toks[0].text, "-") {
		prog := toks[0].text[strings.LastIndexByte(toks[0].text, '/')+1:]
		if prog != "iptables" && prog != "iptables-nft" && prog != "iptables-legacy" {
			return fmt.Errorf("program %q (want iptables)", short(prog))
		}
		toks = toks[1:]
	}
	table := "filter"
	rest := toks[:0]
	for i := 0; i < len(toks); i++ {
		switch w := toks[i].text; {
		case (w == "-t" || w == "--table") && i+1 < len(toks):
			i++
			table = toks[i].text
		case w == "-w" || w == "--wait":
			if i+1 < len(toks) {
				if _, err := strconv.Atoi(toks[i+1].text); err == nil {
					i++
				}
			}
		default:
			rest = append(rest, toks[i])
		}
	}
	if len(rest) == 0 {
		return errors.New("no command (want -A, -I, -D, -R, -N, -P, -F or -X)")
	}
	if builtIns[table] == nil {
		return fmt.Errorf("table %q (want raw, mangle, nat, filter or security)", short(table))
	}
	return rs.AddTable(table).executeNow(&ruleReader{line: command, a: args{toks: rest}})
}

// executeNow runs a command where, unlike in a dump, a chain has to exist before it is used.
func (t *Table) executeNow(p *ruleReader) error {
	switch cmd := p.a.toks[0].text; cmd {
	case "-A", "--append", "-I", "--insert":
		if len(p.a.toks) > 1 && t.Chain(p.a.toks[1].text) == nil {
			return fmt.Errorf("no chain %s in table %s (make it with -N)", short(p.a.toks[1].text), t.Name)
		}
	}
	if err := t.execute(p, nil, 0); err != nil {
		return err
	}
	return nil
}

// Insert puts a rule at place number (from 1) of a chain, as `iptables -t TABLE -I CHAIN NUMBER SPEC`. The chain has to
// exist.
func (rs *Ruleset) Insert(table, chain string, number int, spec string) error {
	t := rs.Table(table)
	if t == nil || t.Chain(chain) == nil {
		return fmt.Errorf("no chain %s in table %s", chain, table)
	}
	c := t.Chain(chain)
	if number < 1 || number > len(c.Rules)+1 {
		return fmt.Errorf("chain %s of table %s has %d rules, no place %d", chain, table, len(c.Rules), number)
	}
	rules, err := parseSpec(spec)
	if err != nil {
		return fmt.Errorf("rule %q: %w", spec, err)
	}
	t.place(c, number-1, rules, nil, 0)
	return nil
}
