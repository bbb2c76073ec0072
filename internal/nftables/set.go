package nftables

import (
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/packet"
)

// Set is a set or a map of a table (`set NAME { … }`, `map NAME { … }`), or one that stands in a rule.
type Set struct {
	Name string
	Map  bool
	// Dynamic says that rules put elements in (`flags dynamic`): what a listing has of them was so when it was made.
	Dynamic bool
	// Key and Data are the types of an element's two sides: ipv4_addr, inet_proto, inet_service, mark, verdict. Data is empty
	// for a set.
	Key, Data []string
	Elements  []Element
	// NotUnderstood says what of it podpath does not model; a rule that asks such a set is not understood.
	NotUnderstood string

	exact  map[setKey]int // elements without ranges
	ranges []int          // the others, as indexes
}

// maxFields is how many values podpath's keys may have; nft allows more (NFT_REG32_COUNT).
const maxFields = 5

type setKey [maxFields]uint32

// Element is one element: what it is for, and in a map what it leads to.
type Element struct {
	Text string // the key as it stands: "10.96.0.10 . udp . 53"
	key  []span
	to   *verdictStatement
	nat  NATRange
}

type span struct{ first, last uint32 }

// parseSet reads a block that is a set or a map; nil where it is neither.
func parseSet(lines []string) *Set {
	head := strings.Fields(stripHandle(lines[0]))
	if len(head) != 3 || head[0] != "set" && head[0] != "map" || head[2] != "{" {
		return nil
	}
	s := &Set{Name: head[1], Map: head[0] == "map"}
	for i := 1; i < len(lines)-1; i++ {
		f := strings.Fields(stripHandle(lines[i]))
		if len(f) == 0 {
			continue
		}
		switch f[0] {
		case "type":
			s.types(f[1:])
		case "flags":
			for _, x := range strings.Split(strings.Join(f[1:], ","), ",") {
				s.Dynamic = s.Dynamic || x == "dynamic"
			}
		case "elements":
			text := strings.Join(lines[i:len(lines)-1], "\n")
			open, end := strings.IndexByte(text, '{'), strings.LastIndexByte(text, '}')
			if open < 0 || end < open {
				s.odd("elements")
			} else {
				s.elements(words(text[open+1 : end]))
			}
			i = len(lines)
		case "comment", "size", "timeout", "gc-interval", "policy", "auto-merge", "#":
		default:
			s.odd(strings.Join(f, " "))
		}
	}
	if len(s.Key) == 0 {
		s.odd("no type")
	}
	s.index()
	return s
}

func (s *Set) odd(what string) {
	if s.NotUnderstood == "" {
		s.NotUnderstood = what
	}
}

// types reads `T . T [: T . T]`.
func (s *Set) types(f []string) {
	into := &s.Key
	for _, w := range f {
		switch w {
		case ".":
		case ":":
			into = &s.Data
		case "ipv4_addr", "inet_proto", "inet_service", "mark", "verdict":
			*into = append(*into, w)
		default:
			s.odd("type " + w)
		}
	}
	if len(s.Key) > maxFields {
		s.odd("type of more than " + strconv.Itoa(maxFields) + " fields")
	}
}

// elements reads `KEY [extras] [: DATA], …`.
func (s *Set) elements(list []word) {
	for len(list) > 0 {
		n := 0
		for n < len(list) && list[n].text != "," {
			n++
		}
		if !s.element(list[:n]) {
			text := ""
			for _, w := range list[:n] {
				text += " " + w.text
			}
			s.odd("element" + text)
			return
		}
		list = list[min(n+1, len(list)):]
	}
}

func (s *Set) element(list []word) bool {
	var e Element
	for i, kind := range s.Key {
		if i > 0 {
			if len(list) == 0 || list[0].text != "." {
				return false
			}
			list = list[1:]
			e.Text += " . "
		}
		if len(list) == 0 {
			return false
		}
		v, ok := parseValue(kind, list[0].text)
		if !ok {
			return false
		}
		e.key, e.Text, list = append(e.key, v), e.Text+list[0].text, list[1:]
	}
	for len(list) > 0 && list[0].text != ":" { // what an element carries besides
		switch n := len(list); {
		case n > 1 && (list[0].text == "comment" || list[0].text == "timeout" || list[0].text == "expires"):
			list = list[2:]
		case n > 4 && list[0].text == "counter" && list[1].text == "packets" && list[3].text == "bytes":
			list = list[5:]
		default:
			return false
		}
	}
	switch {
	case len(s.Data) == 0:
		if len(list) > 0 {
			return false
		}
	case len(list) == 0 || !e.data(s.Data, list[1:]):
		return false
	}
	s.Elements = append(s.Elements, e)
	return true
}

// data reads what an element of a map leads to: a verdict, or an address and port.
func (e *Element) data(types []string, list []word) bool {
	if len(types) == 1 && types[0] == "verdict" {
		e.to = parseVerdict(list)
		return e.to != nil
	}
	if len(types) > 2 || len(list) != 2*len(types)-1 {
		return false
	}
	for i, kind := range types {
		if i > 0 && list[1].text != "." {
			return false
		}
		switch w := list[2*i].text; {
		case kind == "ipv4_addr" && i == 0:
			r, ok := parseRange(w)
			if !ok || strings.Contains(w, "/") {
				return false
			}
			e.nat.Min, e.nat.Max = r.first, r.last
		case kind == "inet_service":
			v, ok := parseValue(kind, w)
			if !ok || v.first == 0 {
				return false
			}
			e.nat.MinPort, e.nat.MaxPort = uint16(v.first), uint16(v.last)
		default:
			return false
		}
	}
	return true
}

// parseVerdict reads accept, drop, return, continue, jump C or goto C.
func parseVerdict(list []word) *verdictStatement {
	if len(list) == 2 && (list[0].text == "jump" || list[0].text == "goto") {
		v := &verdictStatement{verdict: Verdict{Kind: Jump}, chain: list[1].text}
		if list[0].text == "goto" {
			v.verdict.Kind = Goto
		}
		return v
	}
	if len(list) != 1 {
		return nil
	}
	kinds := map[string]VerdictKind{"accept": Accept, "drop": Drop, "return": Return, "continue": Continue}
	kind, ok := kinds[list[0].text]
	if !ok {
		return nil
	}
	return &verdictStatement{verdict: Verdict{Kind: kind}}
}

// parseValue reads one value of a type, or a range of them.
func parseValue(kind, text string) (span, bool) {
	switch kind {
	case "ipv4_addr":
		r, ok := parseRange(text)
		if !ok {
			return span{}, false
		}
		return span{number4(r.first.As4()), number4(r.last.As4())}, true
	case "inet_proto":
		p, err := packet.ParseProtocol(text)
		return span{uint32(p), uint32(p)}, err == nil
	case "inet_service":
		return parseSpan(text, 10, 16)
	case "mark", "number":
		return parseSpan(text, 0, 32)
	}
	return span{}, false
}

// parseSpan reads N or N-N.
func parseSpan(text string, base, bits int) (span, bool) {
	first, second, isRange := strings.Cut(text, "-")
	if !isRange {
		second = first
	}
	a, err1 := strconv.ParseUint(first, base, bits)
	b, err2 := strconv.ParseUint(second, base, bits)
	return span{uint32(a), uint32(b)}, err1 == nil && err2 == nil && a <= b && !strings.Contains(text, "_")
}

func number4(a [4]byte) uint32 {
	return uint32(a[0])<<24 | uint32(a[1])<<16 | uint32(a[2])<<8 | uint32(a[3])
}

func (s *Set) index() {
	s.exact, s.ranges = map[setKey]int{}, nil
	for i := range s.Elements {
		var k setKey
		whole := true
		for j, v := range s.Elements[i].key {
			k[j] = v.first
			whole = whole && v.first == v.last
		}
		if whole {
			s.exact[k] = i
		} else {
			s.ranges = append(s.ranges, i)
		}
	}
}

// find is the element that a key is in; nil for none.
func (s *Set) find(k setKey) *Element {
	if i, ok := s.exact[k]; ok {
		return &s.Elements[i]
	}
	for _, i := range s.ranges {
		e := &s.Elements[i]
		in := true
		for j, v := range e.key {
			in = in && v.first <= k[j] && k[j] <= v.last
		}
		if in {
			return e
		}
	}
	return nil
}

// Set is the set or map of that name; nil where there is none.
func (t *Table) Set(name string) *Set {
	for _, s := range t.Sets {
		if s.Name == name {
			return s
		}
	}
	return nil
}
