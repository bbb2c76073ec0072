package calico

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
)

// rule is a rule before it has its hash.
type rule struct {
	comments []string
	match    []fragment
	action   fragment // empty: the rule only has its comments
}

// to makes a rule of an action and what must match.
func to(action fragment, match ...fragment) rule { return rule{match: match, action: action} }

// saying gives the rule a comment.
func (r rule) saying(comment string) rule {
	r.comments = append(slices.Clone(r.comments), comment)
	return r
}

// returns says whether the rule does nothing but end its chain.
func (r rule) returns() bool { return r.action == returning }

// unsafe are the characters that Felix keeps out of comments, and maxComment their length (felix/iptables/renderer.go).
var unsafe = regexp.MustCompile(`[^\w @%+=:,./-]`)

const maxComment = 256

func commentMatch(text string) string {
	text = unsafe.ReplaceAllString(text, "_")
	return `-m comment --comment "` + text[:min(len(text), maxComment)] + `"`
}

// felix is the rule as its hash is made of it.
func (r rule) felix(chain string) string {
	words := []string{"-A", chain, "HASH"}
	for _, c := range r.comments {
		words = append(words, commentMatch(c))
	}
	for _, m := range r.match {
		words = append(words, m.felix)
	}
	if r.action.felix != "" {
		words = append(words, r.action.felix)
	}
	return strings.Join(words, " ")
}

// save is the rule as iptables-save prints it, without the chain.
func (r rule) save(hash string) string {
	var first []fragment
	rest := []string{commentMatch("cali:" + hash)}
	for _, c := range r.comments {
		rest = append(rest, commentMatch(c))
	}
	for _, m := range r.match {
		switch {
		case m.save == "":
		case m.place != 0:
			first = append(first, m)
		default:
			rest = append(rest, m.save)
		}
	}
	slices.SortStableFunc(first, func(a, b fragment) int { return cmp.Compare(a.place, b.place) })
	words := make([]string, 0, len(first)+len(rest)+1)
	for _, m := range first {
		words = append(words, m.save)
	}
	words = append(words, rest...)
	if r.action.save != "" {
		words = append(words, r.action.save)
	}
	return strings.Join(words, " ")
}

// hashes are the rules' comments: each is of the rule's text and of all before it, so that a rule that moved has another
// one (felix/generictables/rules.go).
func hashes(chain string, rules []rule) []string {
	const length = 16
	sum := sha256.Sum224([]byte(chain))
	out := make([]string, len(rules))
	for i, r := range rules {
		sum = sha256.Sum224(append(sum[:], r.felix(chain)...))
		out[i] = base64.RawURLEncoding.EncodeToString(sum[:])[:length]
	}
	return out
}
