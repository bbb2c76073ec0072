package fuzz

import (
	"fmt"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/topology"
)

// understood holds a topology to what the tracer claims to know: no rule or policy rule with something that it passes over,
// and no jump into nowhere. Anything else would make a difference that says nothing.
func understood(t *topology.Topology) error {
	for _, name := range t.Names() {
		ns, err := t.Namespace(name)
		if err != nil {
			return err
		}
		for _, r := range ns.Rules {
			if r.NotUnderstood != "" {
				return fmt.Errorf("%s: ip rule %v: not understood: %s", name, r, r.NotUnderstood)
			}
		}
		if ns.Netfilter.Rules == nil {
			continue
		}
		for _, table := range ns.Netfilter.Rules.Tables {
			for _, c := range table.Chains {
				for _, r := range c.Rules {
					if r.NotUnderstood != "" {
						return fmt.Errorf("%s: table %s: %s: not understood: %s", name, table.Name, r.Text(), r.NotUnderstood)
					}
					if j, ok := r.Target.(*iptables.JumpTarget); ok && j.Chain == nil {
						return fmt.Errorf("%s: table %s: %s: no such chain", name, table.Name, r.Text())
					}
				}
			}
		}
	}
	return nil
}
