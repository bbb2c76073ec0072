package calico

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/netfilter"
)

// Rules are what Felix writes on a node.
type Rules struct {
	// Head are all tables and chains. What they have in built-in chains stands at the head of these.
	Head *iptables.Ruleset
	// Tail are the rules that Felix puts at the end of built-in chains, behind everyone else's: filter FORWARD and nat
	// POSTROUTING. They jump to chains of Head and are linked with it only.
	Tail *iptables.Ruleset
	Sets map[string]*netfilter.Set
}

// writer writes chains into tables.
type writer struct {
	rs  *iptables.Ruleset
	err error
}

func newWriter() *writer {
	w := &writer{rs: &iptables.Ruleset{}}
	for _, t := range []string{"mangle", "raw", "filter", "nat"} {
		w.rs.AddTable(t)
	}
	return w
}

// chain makes a chain of rules.
func (w *writer) chain(table, name string, rules ...rule) { w.write(table, name, name, rules) }

// write puts rules into a chain. The hashes may be of another chain's name: what Felix appends has "*appends*" behind it.
func (w *writer) write(table, name, hashed string, rules []rule) {
	c := w.rs.AddTable(table).AddChain(name)
	for i, h := range hashes(hashed, rules) {
		if err := c.Append(rules[i].save(h)); err != nil && w.err == nil {
			w.err = err
		}
	}
}

// done puts user chains in order of their names, as iptables-save prints them, and finds every jump's chain.
func (w *writer) done() (*iptables.Ruleset, error) {
	for _, t := range w.rs.Tables {
		if user := slices.IndexFunc(t.Chains, func(c *iptables.Chain) bool { return !c.BuiltIn() }); user >= 0 {
			slices.SortFunc(t.Chains[user:], func(x, y *iptables.Chain) int { return cmp.Compare(x.Name, y.Name) })
		}
	}
	return w.understood(w.rs.Link())
}

// understood makes sure that the model knows every rule it was given.
func (w *writer) understood(err error) (*iptables.Ruleset, error) {
	if err := errors.Join(w.err, err); err != nil {
		return nil, err
	}
	if unknown := w.rs.NotUnderstood(); len(unknown) > 0 {
		return nil, fmt.Errorf("rule %q is not understood", unknown[0].Text())
	}
	return w.rs, nil
}
