// Package redact replaces addresses and names in a cluster's description, or in dumps of nodes, before somebody shares them:
// alike everywhere, so that the same questions have the same answers, decision by decision.
//
//	what                                  what becomes of it
//	────────────────────────────────────  ──────────────────────────────────────────────────────────────────────────────────
//	IPv4 addresses and prefixes           another of the same class (10/8, 172.16/12, 192.168/16, 100.64/10, public); as many
//	                                      leading bits in common as before, and in the same order, as numbers and as text
//	0/8, 127/8, 169.254/16, 224/3         stay: they mean something to Linux, clouds and plugins
//	classes themselves, 10.244.0.0/16,    stay as prefixes; addresses in them are replaced. The last three podpath gives out
//	100.64.0.0/16, 203.0.113.128/25       itself
//	first four and last of a subnet       stay that in the replaced subnet: network, gateway, resolver, broadcast
//	first of a Calico block               stays that: it is the tunnel's
//	IPv6 addresses and prefixes           by Crypto-PAn behind what says their kind; in `ip addr` as text they are left out
//	MACs                                  another, as group/individual and universal/local as before; multicast, broadcast,
//	                                      zeros and ee:ee:ee:ee:ee:ee stay
//	names: cluster, nodes, hosts,         a number that sorts as the name does, and what it is: n012-svc. Alike in all files
//	namespaces, Services, ports, label    and for all kinds: what is called alike before is so afterwards
//	keys and values, subnets, policies
//	pods                                  the same, and a counter that makes the hash of the name, of which interfaces are
//	                                      called, fall where the original's falls among those of the node
//	regions, zones                        as names; a zone is its region and a letter, as before
//	IDs (eni-, sg-, vpc-, …)              the same form: eni-0 and hexadecimal digits
//	interfaces                            those that are counted stay (eth0, ens5, vxlan.calico, …); of those with a hash the
//	                                      prefix, so that eni+ means the same; others are names. A prefix of one's own (in
//	                                      AWS_VPC_K8S_CNI_VETHPREFIX, or with + or *) becomes another for all that have it
//	chains, sets                          those that plugins call alike everywhere stay (KUBE-SERVICES, AWS-SNAT-CHAIN-0,
//	                                      cali-PREROUTING); those with a hash get another; others are names
//	comments of rules, prefixes of logs   word by word: the tools' own words stay, a Service's name is what it is elsewhere,
//	                                      all else is replaced
//	words that podpath, Kubernetes or     stay, also as names: default, kube-system, kube-dns, internet, vpc, main, node, …
//	a tool uses itself                    ([Output].Stays lists those that the input has)
//	numbers: ports, marks, VLANs, MTUs,   stay; counters become 0
//	priorities, tables, indexes
//	annotations, sysctls, variables       those that decide something; all others are left out
//	instance types, versions of APIs      stay
//	fields, lines, files, comments that   left out, and counted
//	no reader knows
//
// What decides is kept beside that: the order of rules, of documents and of endpoints. What a plugin makes of names by a hash,
// other than the interfaces' order, becomes another hash: MACs, the hashes in Calico's comments; and so do ports that follow
// from a flow's hash (masquerading, VXLAN's source). Addresses that podpath gives where the input says nothing (a load balancer's, a
// block of a node without pods) are the first that are free, in the original and in the redacted input.
//
// Nothing is passed on because it is not understood: a word of a dump is one of the tools' own, a number, an address, or it is
// taken for a name. What is to go out is read once more, by the readers and by a search for everything that was replaced; if the
// one cannot read it, or the other finds something, there is no output.
package redact

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/cluster"
)

// Form is what a text is.
type Form string

// The forms.
const (
	Description Form = "cluster"  // a cluster's YAML documents
	Snapshot    Form = "snapshot" // dumps as one txtar text
)

// Input is what is to be shared.
type Input struct {
	Form Form
	Text string
}

// Pair is one replacement.
type Pair struct {
	Kind     Kind
	From, To string
}

// Output is what may be shared.
type Output struct {
	Text string
	// Map are the replacements, by kind and then by what was replaced. It is for whoever shares, and not to be shared.
	Map []Pair
	// Stays are names and addresses of the input that are in Text as they were: words that everybody uses, and what could not be
	// changed because its network fills its class.
	Stays []Pair
	// LeftOut is how many lines, fields and comments are not in Text because nothing that podpath does rests on them.
	LeftOut int

	book *book
}

// MaxSize is the longest text that is read, in bytes: everything is read several times.
const MaxSize = 64 << 20

// Redact replaces what an input says of its owner. The same key gives the same replacements for the same input; without the key
// nobody can tell which address an address was. It fails on what cannot be read, and where it cannot keep its word.
func Redact(in Input, key []byte) (*Output, error) {
	if len(key) == 0 {
		return nil, errors.New("redact: no key (want some random bytes)")
	}
	if len(in.Text) > MaxSize {
		return nil, fmt.Errorf("redact: %d bytes (want %d at most)", len(in.Text), MaxSize)
	}
	b := newBook(key)
	var text string
	var err error
	switch in.Form {
	case Description:
		text, err = b.description(in.Text)
	case Snapshot:
		text, err = b.snapshot(in.Text)
	default:
		return nil, fmt.Errorf("redact: form %q (want cluster or snapshot)", in.Form)
	}
	if err != nil {
		return nil, err
	}
	if err := b.leaks(text); err != nil {
		return nil, err
	}
	out := &Output{Text: text, LeftOut: b.cut, book: b}
	for _, p := range b.pairs() {
		if p.From == p.To {
			out.Stays = append(out.Stays, p)
		} else {
			out.Map = append(out.Map, p)
		}
	}
	return out, nil
}

// Replace rewrites a text by the same replacements: what a trace of the original says is then what one of the redacted input
// says. Words that the input does not have stay; addresses that it does not have go where their prefix goes. A word that
// stands by itself and that the tools use themselves stays too, though it may be somebody's name.
func (o *Output) Replace(text string) string {
	return eachWord(text, func(s string) string {
		if common(s) {
			return s
		}
		return o.book.replace(s)
	})
}

// Question rewrites what a question names: a place, an address, the ID or the option of a choice, an option's value. Every word
// of it that is a name in the input is replaced.
func (o *Output) Question(value string) string { return eachWord(value, o.book.replace) }

// Under is the output for questions with options that give pods other addresses or Services other endpoints: was is the
// original description with them, is the redacted one. Names that follow from these are replaced too, so that a choice among
// endpoints can be rewritten.
func (o *Output) Under(was, is *cluster.Cluster) (*Output, error) {
	out, b := *o, *o.book
	b.fixed = maps.Clone(b.fixed)
	out.book = &b
	return &out, b.derive(was, is)
}

// replace is one run of a text without spaces.
func (b *book) replace(s string) string {
	if to, ok := b.fixed[s]; ok {
		return to
	}
	for _, class := range classesOf {
		if to := b.tokens[token{class, s}]; to != "" {
			return to
		}
	}
	if w := b.words[s]; w != nil {
		return w.to
	}
	if reMAC.MatchString(s) {
		return s // one that the input does not have
	}
	if to, ok := b.literal(s); ok {
		return to
	}
	if to := b.formed(s); to != s {
		return to
	}
	for _, sep := range "/:" {
		if i := strings.IndexRune(s, sep); i >= 0 {
			return b.replace(s[:i]) + string(sep) + b.replace(s[i+1:])
		}
	}
	if n := len(s); n > 0 && strings.IndexByte(".:+", s[n-1]) >= 0 {
		return b.replace(s[:n-1]) + s[n-1:]
	}
	return s
}

// classesOf are the classes whose members stand by themselves.
var classesOf = []string{"mac", "interface", "beginning"}

// formed replaces a name of a chain, set or identifier that is in the input in parts.
func (b *book) formed(s string) string {
	for _, f := range []struct {
		class string
		parts []string
	}{
		{"chain", reKube.FindStringSubmatch(s)}, {"nft chain", reNFTParts.FindStringSubmatch(s)}, {"set", reSetCali.FindStringSubmatch(s)},
		{"calico", reCali.FindStringSubmatch(s)}, {"id", reIDParts.FindStringSubmatch(s)}, {"comment", reCaliComment.FindStringSubmatch(s)},
	} {
		if f.parts != nil {
			if to := b.tokens[token{f.class, f.parts[2]}]; to != "" {
				return f.parts[1] + to
			}
			if to := b.tokens[token{"interface", f.parts[2]}]; to != "" && f.class == "calico" {
				return f.parts[1] + to
			}
		}
	}
	return s
}

// pairs are the replacements as a table, with what is replaced by itself.
func (b *book) pairs() []Pair {
	var out []Pair
	add := func(k Kind, from, to string) { out = append(out, Pair{k, from, to}) }
	for p := range b.seen {
		if public(p) && b.prefix(p) == p {
			continue
		}
		to := b.prefix(p)
		if p.IsSingleIP() {
			add(Address, p.Addr().String(), to.Addr().String())
		} else {
			add(Prefix, p.String(), to.String())
		}
	}
	for s, w := range b.words {
		if b.tokens[token{"interface", s}] == "" {
			add(w.kind, s, w.to)
		}
	}
	for t, to := range b.tokens {
		k, ok := map[string]Kind{"mac": MAC, "interface": Interface, "beginning": Interface, "id": ID, "set": Set}[t.class]
		if !ok {
			k = Chain
		}
		if to != "" {
			add(k, t.from, to)
		}
	}
	for s, to := range b.fixed {
		add(Derived, s, to)
	}
	slices.SortFunc(out, func(x, y Pair) int { return cmp.Or(cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.From, y.From)) })
	return out
}

// leaks looks whether anything that was replaced is in the output all the same. It trusts nothing that wrote the output.
func (b *book) leaks(text string) error {
	bad := map[string]bool{}
	check := func(s string) {
		if b.leaked(s) {
			bad[s] = true
		}
	}
	eachWord(text, func(s string) string {
		check(s)
		for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == '/' || r == ':' }) {
			check(part)
		}
		return ""
	})
	if len(bad) > 0 {
		few := slices.Sorted(maps.Keys(bad))
		return fmt.Errorf("redact: %d names or addresses would be in the result all the same (%s), so there is none", len(bad), strings.Join(few[:min(3, len(few))], ", "))
	}
	return nil
}

// common is a word of the tools' own, which may be in an output whether or not it is somebody's name too.
func common(s string) bool {
	return vocabulary[s] || known[s] || spoken[s] || fields()[s] || knownFiles[s] || reFixed.MatchString(s) || reSetFixed.MatchString(s)
}

// leaked says whether a word is an original that has another replacement.
func (b *book) leaked(s string) bool {
	if common(s) {
		return false
	}
	if w := b.words[s]; w != nil && w.to != s {
		return true
	}
	for _, class := range classesOf {
		if to := b.tokens[token{class, s}]; to != "" && to != s {
			return true
		}
	}
	if p, ok := asPrefix(s); ok && b.seen[p] && b.prefix(p) != p {
		return true
	}
	return false
}
