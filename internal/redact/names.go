package redact

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Kind is what a replaced thing is.
type Kind string

// The kinds. A name that stands in several places is replaced alike in all of them, and has the kind of the first.
const (
	Address   Kind = "address"
	Prefix    Kind = "prefix"
	MAC       Kind = "mac"
	Cluster   Kind = "cluster"
	Node      Kind = "node"
	Namespace Kind = "namespace"
	Pod       Kind = "pod"
	Service   Kind = "service"
	Host      Kind = "host"
	Port      Kind = "port"
	Label     Kind = "label"
	Subnet    Kind = "subnet"
	Region    Kind = "region"
	Zone      Kind = "zone"
	ID        Kind = "id"
	Interface Kind = "interface"
	Chain     Kind = "chain"
	Set       Kind = "set"
	Policy    Kind = "policy"
	Word      Kind = "word"    // anything else that is not known
	Derived   Kind = "derived" // follows from names by a plugin's own rule
)

// tags are how a replacement says what it stands for. A port's name has 15 characters at most (RFC 6335), so they are short.
var tags = map[Kind]string{Cluster: "cl", Node: "node", Namespace: "ns", Pod: "pod", Service: "svc", Host: "host", Port: "port",
	Label: "lb", Subnet: "net", Region: "region", Zone: "zone", ID: "id", Interface: "if", Chain: "chain", Set: "set", Policy: "np", Word: "w"}

// word is one name of the input.
type word struct {
	kind     Kind
	kinds    map[Kind]bool
	to       string
	searched bool // a pod's, see search
}

// known are names that are not the user's: Kubernetes' own, and those that podpath or Linux gives where nothing is said. A name
// that is one of them stays.
var known = set(`default kube-system kube-public kube-node-lease kube-dns kubernetes kube-proxy kubelet coredns aws-node calico-node
	dns recent internet router site vpc igw main local public private node server none all any true false tcp udp icmp sctp linux`)

func set(s string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(s) {
		out[w] = true
	}
	return out
}

// name replaces a name of some kind. A name that is an address is replaced as one.
func (b *book) name(k Kind, s string) string {
	if s == "" {
		return s
	}
	if l, ok := b.literal(s); ok {
		return l
	}
	if !b.sealed {
		w := b.words[s]
		if w == nil {
			w = &word{kind: k, kinds: map[Kind]bool{}}
			b.words[s] = w
		}
		w.kinds[k] = true
		if w.kind == Word || w.kind == Label {
			w.kind = k
		}
		return s
	}
	if w := b.words[s]; w != nil {
		return w.to
	}
	return "unknown" // both readings see the same names, so there is none
}

// number gives every name a replacement that sorts among the others, and among those that stay, as the name does: compilers
// sort Services, policies, labels and chains by name, and a rule's number follows from that.
func (b *book) number() {
	key := func(s string) string {
		if w := b.words[s]; w.kinds[Policy] && !w.kinds[Service] {
			return s + "/" // Felix sorts policies as name/namespace
		}
		return s
	}
	var regions []string
	for s, w := range b.words {
		if w.kinds[Region] && !known[s] {
			regions = append(regions, s)
		}
	}
	regionOf := func(s string) string {
		for _, r := range regions {
			if b.words[s].kinds[Zone] && len(s) == len(r)+1 && s[:len(r)] == r {
				return r
			}
		}
		return ""
	}
	all := slices.SortedFunc(maps.Keys(b.words), func(x, y string) int { return strings.Compare(key(x), key(y)) })
	total := 0
	for _, s := range all {
		if b.words[s].to = ""; known[s] {
			b.words[s].to = s
		} else if regionOf(s) == "" {
			total++
		}
	}
	high := make([]string, len(all)) // the next name behind each that stays
	for i := len(all) - 2; i >= 0; i-- {
		if high[i] = high[i+1]; known[all[i+1]] {
			high[i] = all[i+1]
		}
	}
	width := max(2, len(fmt.Sprint(total)))
	low, n := "", 0
	for i, s := range all {
		w := b.words[s]
		if known[s] {
			low = s
			continue
		}
		if regionOf(s) != "" {
			continue
		}
		n++
		w.to = fmt.Sprintf("%s%0*d%s", between(low, high[i]), width, n, tag(w, s))
		if w.kinds[ID] { // what it begins with says what a route leads to
			w.to = reIDish.FindString(s) + w.to
		}
		for b.words[w.to] != nil { // somebody's name, as in what was redacted before
			w.to += "x"
		}
	}
	for _, s := range all {
		if r := regionOf(s); r != "" && b.words[s].to == "" {
			b.words[s].to = b.words[r].to + s[len(r):]
		}
	}
}

// tag is the end of a name's replacement. snapshot takes a namespace whose name has "igw" in it for an Internet gateway.
func tag(w *word, s string) string {
	t := "-" + tags[w.kind]
	if w.kind == Policy || t == "-" {
		t = ""
	}
	if strings.Contains(s, "igw") {
		t += "-igw"
	}
	return t
}

// between is a short text with which every text sorts behind low and before high; "" for no bound. Where there is none, names
// do not keep their order there.
func between(low, high string) string {
	const letters = "nopqrstuvwxyzabcdefghijklm" // n for a name, where it does
	prefix := ""
	for depth := 0; depth < 24; depth++ {
		lo, hi := "", "\xff"
		if depth < len(low) {
			lo = low[depth : depth+1]
		}
		if high != "" {
			hi = ""
			if depth < len(high) {
				hi = high[depth : depth+1]
			}
		}
		for _, c := range letters {
			if s := string(c); s > lo && s < hi {
				return prefix + s
			}
		}
		switch {
		case lo != "" && lo == hi:
			prefix += lo
		case lo != "":
			prefix, high = prefix+lo, ""
		case hi != "" && hi != "\xff" && depth+1 < len(high):
			prefix += hi
		case hi > "0" && hi != "\xff": // a digit stands before every letter
			return prefix + "0"
		default:
			return prefix + "n"
		}
	}
	return "n"
}

// inside replaces what stands in a text that is made of names: "default/web:http", "pod-client".
func (b *book) inside(s string, part func(string) string) string {
	for _, sep := range []string{"/", ":"} {
		if strings.Contains(s, sep) {
			parts := strings.Split(s, sep)
			for i, p := range parts {
				parts[i] = b.inside(p, part)
			}
			return strings.Join(parts, sep)
		}
	}
	if s == "" {
		return s
	}
	return part(s)
}

// namespaced replaces "namespace/name".
func (b *book) namespaced(k Kind, s string) string {
	ns, name, ok := strings.Cut(s, "/")
	if !ok {
		return b.name(k, s)
	}
	return b.name(Namespace, ns) + "/" + b.name(k, name)
}
