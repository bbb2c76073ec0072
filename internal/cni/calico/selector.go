package calico

import (
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Labels that Calico gives every pod beside its own, and the prefixes of those that it inherits
// (libcalico-go/lib/backend/k8s/conversion/constants.go).
const (
	labelNamespace      = "projectcalico.org/namespace"
	labelOrchestrator   = "projectcalico.org/orchestrator"
	labelServiceAccount = "projectcalico.org/serviceaccount"
	labelName           = "projectcalico.org/name"
	namespacePrefix     = "pcns."
	accountPrefix       = "pcsa."
)

// term is one test of a label: ==, in, not in, has, !has.
type term struct {
	key    string
	op     metav1.LabelSelectorOperator // "" is ==
	values []string                     // for in and not in: sorted, each once
}

func equals(key, value string) term { return term{key: key, values: []string{value}} }

func has(key string) term { return term{key: key, op: metav1.LabelSelectorOpExists} }

// String is the term in Calico's canonical form (libcalico-go/lib/selector/parser/ast.go).
func (t term) String() string {
	switch t.op {
	case metav1.LabelSelectorOpIn:
		return t.key + ` in {"` + strings.Join(t.values, `", "`) + `"}`
	case metav1.LabelSelectorOpNotIn:
		return t.key + ` not in {"` + strings.Join(t.values, `", "`) + `"}`
	case metav1.LabelSelectorOpExists:
		return "has(" + t.key + ")"
	case metav1.LabelSelectorOpDoesNotExist:
		return "!has(" + t.key + ")"
	}
	return t.key + ` == "` + t.values[0] + `"`
}

func (t term) matches(labels map[string]string) bool {
	v, ok := labels[t.key]
	switch t.op {
	case metav1.LabelSelectorOpIn:
		return ok && slices.Contains(t.values, v)
	case metav1.LabelSelectorOpNotIn:
		return !ok || !slices.Contains(t.values, v)
	case metav1.LabelSelectorOpExists:
		return ok
	case metav1.LabelSelectorOpDoesNotExist:
		return !ok
	}
	return ok && v == t.values[0]
}

// terms are tests that must all hold.
type terms []term

func (ts terms) String() string {
	words := make([]string, len(ts))
	for i, t := range ts {
		words[i] = t.String()
	}
	return and(words)
}

func (ts terms) matches(labels map[string]string) bool {
	for _, t := range ts {
		if !t.matches(labels) {
			return false
		}
	}
	return true
}

// selector is a list of tests that must all hold, each kept in brackets of its own; none is everyone.
type selector []terms

func (s selector) String() string {
	if len(s) == 0 {
		return "all()"
	}
	words := make([]string, len(s))
	for i, ts := range s {
		words[i] = ts.String()
	}
	return and(words)
}

func (s selector) matches(labels map[string]string) bool {
	for _, ts := range s {
		if !ts.matches(labels) {
			return false
		}
	}
	return true
}

func (s selector) id() string { return uniqueID("s", s.String()) }

func and(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return "(" + strings.Join(words, " && ") + ")"
}

// termsOf are the tests of a label selector of the API: labels by key, then expressions as they came. prefix is put before
// every key.
func termsOf(ls *metav1.LabelSelector, prefix string) terms {
	var out terms
	if ls == nil {
		return nil
	}
	for _, k := range slices.Sorted(maps.Keys(ls.MatchLabels)) {
		out = append(out, equals(prefix+k, ls.MatchLabels[k]))
	}
	for _, e := range ls.MatchExpressions {
		values := slices.Compact(slices.Sorted(slices.Values(e.Values)))
		out = append(out, term{key: prefix + e.Key, op: e.Operator, values: values})
	}
	return out
}

// podTerms are the tests of a podSelector, which selects Kubernetes' pods only. A nil one selects them all.
func podTerms(ls *metav1.LabelSelector) terms {
	return append(terms{equals(labelOrchestrator, "k8s")}, termsOf(ls, "")...)
}

// namespaceTerms are the tests of a namespaceSelector. One without tests selects every pod that is in a namespace.
func namespaceTerms(ls *metav1.LabelSelector) terms {
	if ts := termsOf(ls, namespacePrefix); len(ts) > 0 {
		return ts
	}
	return terms{has(labelNamespace)}
}
