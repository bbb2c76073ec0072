package calico

import (
	"crypto/sha3"
	"encoding/base64"
	"fmt"
	"io"
)

// group are policies that stand one behind the other and select the same pods. One alone is jumped to itself; two or more
// get a chain of their own, that pods of the selector share (PolicyGroup, felix/rules/endpoints.go; groupPolicies,
// felix/dataplane/linux/endpoint_mgr.go). No recording has a group of two; see oracle_test.go.
type group struct {
	selector string // in its canonical form (selector.Normalise in felix/calc/rule_scanner.go)
	policies []*policy
}

// groupsOf cuts policies, in their order, where the selector changes.
func groupsOf(policies []*policy) []*group {
	var out []*group
	for _, p := range policies {
		if len(out) == 0 || out[len(out)-1].selector != p.selectorText {
			out = append(out, &group{selector: p.selectorText})
		}
		g := out[len(out)-1]
		g.policies = append(g.policies, p)
	}
	return out
}

// chain is the chain that a pod's chain jumps to.
func (g *group) chain(d direction) string {
	if len(g.policies) == 1 {
		return chainName(d.policy, g.policies[0].id())
	}
	const length = 28 - len("cali-gi-")
	h := sha3.New224()
	for _, line := range []any{g.selector, d.name, len(g.policies)} {
		fmt.Fprintln(h, line)
	}
	for _, p := range g.policies {
		_, _ = io.WriteString(h, fmt.Sprintf("{Name: %s, Namespace: %s, Kind: %s}\n", p.name, p.namespace, kindKNP)) // a hash takes all
	}
	return d.group + base64.RawURLEncoding.EncodeToString(h.Sum(nil))[:length]
}

// rules are those of the chain of a group of two or more: a jump to each policy, as long as none before it decided. Every
// five jumps that is asked once for all (PolicyGroupToIptablesChains).
func (g *group) rules(d direction) []rule {
	const stride = 5
	var out []rule
	for i, p := range g.policies {
		if i != 0 && i%stride == 0 {
			out = append(out, to(returning, markNotClear(markPass|markAccept)).saying("Return on verdict"))
		}
		var match []fragment
		if i%stride != 0 {
			match = append(match, markClear(markPass|markAccept))
		}
		out = append(out, to(jump(chainName(d.policy, p.id())), match...))
	}
	return out
}
