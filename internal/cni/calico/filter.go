package calico

import (
	"slices"

	"github.com/podpath/podpath/internal/iptables"
)

// rulesets are what Felix writes for the node's pods, and the sets that its rules name besides the fixed ones. Only chains
// that are jumped to are written, as Felix does (felix/iptables/table.go).
func (s *settings) rulesets(pods []workload, sets *sets) (head, tail *iptables.Ruleset, err error) {
	w := newWriter()
	s.static(w)
	var veths []string
	for _, p := range pods {
		veths = append(veths, p.veth)
	}
	s.dispatch(w, veths)
	s.profiles(w, pods)
	s.policies(w, pods, sets)
	if head, err = w.done(); err != nil {
		return nil, nil, err
	}
	w = &writer{rs: &iptables.Ruleset{}}
	s.appended(w)
	tail, err = w.understood(nil)
	return head, tail, err
}

// policies writes the pods' chains and those of the policies that select any of them.
func (s *settings) policies(w *writer, pods []workload, sets *sets) {
	all := policies(s.c.NetworkPolicies)
	written := map[string]bool{}
	for _, p := range pods {
		labels := sets.podLabels(p.Pod)
		for _, x := range all {
			x.active = x.active || x.selector.matches(labels)
		}
		for _, d := range []direction{ingress, egress} {
			var apply []*policy
			for _, x := range all {
				if (d.egress && x.egress || !d.egress && x.ingress) && x.selector.matches(labels) {
					apply = append(apply, x)
				}
			}
			groups := groupsOf(apply)
			s.endpoint(w, p, d, groups)
			for _, g := range groups {
				if name := g.chain(d); len(g.policies) > 1 && !written[name] {
					written[name] = true
					w.chain("filter", name, g.rules(d)...)
				}
				for _, x := range g.policies {
					if name := chainName(d.policy, x.id()); !written[name] {
						written[name] = true
						x.chains(w, sets, d)
					}
				}
			}
		}
	}
	// The sets of all its rules are made as soon as a policy selects a pod here, also of a direction that it is not for
	// (updateRules, felix/calc/rule_scanner.go).
	for _, x := range all {
		if x.active {
			for _, a := range slices.Concat(x.in, x.out) {
				a.rules(sets)
			}
		}
	}
}
