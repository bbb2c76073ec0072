package calico

import (
	"slices"
	"strings"
)

// dispatch makes the chains that send a packet to the chain of the pod that it comes from or goes to. Where interfaces'
// names differ first in the same character they get a chain of their own, so that no packet passes over a rule for every
// pod (felix/rules/dispatch.go). No recording has such a chain, since the two names of a node there differ in their first
// hexadecimal digit; see oracle_test.go.
func (s *settings) dispatch(w *writer, veths []string) {
	veths = slices.Sorted(slices.Values(veths))
	s.tree(w, fromDispatch, "cali-fw-", veths, in)
	s.tree(w, toDispatch, "cali-tw-", veths, out)
}

func (s *settings) tree(w *writer, name, prefix string, veths []string, match func(string) fragment) {
	unknown := to(drop).saying("Unknown interface")
	leaf := func(veth string) rule { return to(gotoChain(chainName(prefix, veth)), match(veth)) }
	common := commonPrefix(veths)
	var root []rule
	for i := 0; i < len(veths); {
		bin := veths[i][:min(len(veths[i]), len(common)+1)]
		end := i + 1
		for end < len(veths) && strings.HasPrefix(veths[end], bin) {
			end++
		}
		if end == i+1 {
			root = append(root, leaf(veths[i]))
			i = end
			continue
		}
		child := name + "-" + bin[len(common):]
		root = append(root, to(gotoChain(child), match(bin+"+")))
		var rules []rule
		for _, veth := range veths[i:end] {
			rules = append(rules, leaf(veth))
		}
		w.chain("filter", child, append(rules, unknown)...) // what was gone to does not come back
		i = end
	}
	w.chain("filter", name, append(root, unknown)...)
}

// commonPrefix is what all names begin with.
func commonPrefix(names []string) string {
	if len(names) == 0 {
		return ""
	}
	first, last := names[0], names[len(names)-1] // they are sorted
	n := 0
	for n < min(len(first), len(last)) && first[n] == last[n] {
		n++
	}
	return first[:n]
}
