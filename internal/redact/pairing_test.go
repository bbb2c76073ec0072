package redact

import (
	"encoding/json"
	"fmt"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/query"
)

// pairing compares traces of an original with those of its redaction: what the one says becomes, by Replace, what the other
// says. What a compiler makes of names by a hash, and no question can name, has to pair one to one.
type pairing struct {
	t     *testing.T
	out   *Output
	to    map[string]string
	from  map[string]string
	ports map[string]string // of one trace
}

func newPairing(t *testing.T, out *Output) *pairing {
	return &pairing{t, out, map[string]string{}, map[string]string{}, nil}
}

// reMade are such words: MACs, hashes of rules, chains and sets, interfaces, identifiers.
var reMade = regexp.MustCompile(`^([0-9a-f]{2}(:[0-9a-f]{2}){5}|cali:[A-Za-z0-9_-]{16}|cali-[a-z]+-[A-Za-z0-9_.-]+|cali40[a-z]:[A-Za-z0-9_-]+|(eni|cali|vlan)[0-9a-f]{11}|eni-0[0-9a-f]{16}|KUBE-[A-Z]{2,3}-[A-Z2-7]{16})$`)

// ask traces one question in one network.
func ask(c *compile.Compiled, r query.Request) (map[string]any, error) {
	d, err := r.Document(c)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	return out, json.Unmarshal(data, &out)
}

// compare asks both and gives how many traces it compared.
func (p *pairing) compare(a, b *compile.Compiled, r query.Request) int {
	p.t.Helper()
	s := r
	s.From, s.To, s.PortName = p.out.Question(r.From), p.out.Question(r.To), p.out.Question(r.PortName)
	s.Choices = map[string]string{}
	for k, v := range r.Choices {
		s.Choices[p.out.Question(k)] = p.out.Question(v)
	}
	p.ports = map[string]string{}
	was, err1 := ask(a, r)
	is, err2 := ask(b, s)
	if (err1 == nil) != (err2 == nil) {
		p.t.Errorf("%s to %s: %v; redacted, %s to %s: %v", r.From, r.To, err1, s.From, s.To, err2)
		return 0
	}
	if err1 != nil {
		return 0
	}
	if diffs := p.diff("", was, is); len(diffs) > 0 {
		p.t.Errorf("%s to %s (%s to %s), %d differences:\n%s", r.From, r.To, s.From, s.To, len(diffs), strings.Join(diffs[:min(4, len(diffs))], "\n"))
	}
	return 1
}

// choices takes every way that chance could take in a trace.
func (p *pairing) choices(a, b *compile.Compiled, r query.Request) int {
	d, err := r.Document(a)
	if err != nil {
		return 0
	}
	n := 0
	for _, c := range d.Choices {
		for _, o := range c.Options {
			s := r
			s.Choices = map[string]string{c.ID: o.Value}
			n += p.compare(a, b, s)
		}
	}
	return n
}

// diff lists where two values differ.
func (p *pairing) diff(at string, was, is any) []string {
	one := func() []string { return []string{fmt.Sprintf("%s: %v, redacted %v", at, was, is)} }
	switch x := was.(type) {
	case map[string]any:
		y, ok := is.(map[string]any)
		if !ok || len(x) != len(y) {
			return one()
		}
		keys := make([]string, 0, len(x))
		for k := range x {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		var out []string
		for _, k := range keys {
			to := k
			if strings.HasSuffix(at, ".choices") { // of a query
				to = p.out.Question(k)
			}
			v, ok := y[to]
			if !ok {
				return one()
			}
			out = append(out, p.diff(at+"."+k, x[k], v)...)
		}
		return out
	case []any:
		y, ok := is.([]any)
		if !ok || len(x) != len(y) {
			return one()
		}
		var out []string
		for i := range x {
			out = append(out, p.diff(fmt.Sprintf("%s[%d]", at, i), x[i], y[i])...)
		}
		return out
	case string:
		y, ok := is.(string)
		if strings.HasSuffix(at, ".bytes") { // the packet as on the wire: the fields are beside it
			ok = ok && len(x) == len(y)
			x, y = "", ""
		}
		if !ok || !p.same(x, y) {
			return one()
		}
		return nil
	}
	if was != is {
		return one()
	}
	return nil
}

// same says whether a text becomes the other one.
func (p *pairing) same(x, y string) bool {
	if p.out.Replace(x) == y || p.out.Question(x) == y {
		return true
	}
	a, b := runs(x), runs(y)
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if p.out.Replace(a[i]) == b[i] || p.out.Question(a[i]) == b[i] || p.drawn(a[i], b[i]) {
			continue
		}
		if !reMade.MatchString(a[i]) || !reMade.MatchString(b[i]) || len(a[i]) < 5 || a[i][:3] != b[i][:3] && a[i][2] != ':' {
			return false
		}
		if to, ok := p.to[a[i]]; ok && to != b[i] {
			return false
		}
		if from, ok := p.from[b[i]]; ok && from != a[i] {
			return false
		}
		p.to[a[i]], p.from[b[i]] = b[i], a[i]
	}
	return true
}

// drawn says whether two words are, or end with, a port that the kernel draws from the hash of addresses (masquerading, VXLAN's
// source): in one trace they pair one to one.
func (p *pairing) drawn(x, y string) bool {
	i, j := strings.LastIndexByte(x, ':')+1, strings.LastIndexByte(y, ':')+1
	a, err1 := strconv.ParseUint(x[i:], 10, 16)
	b, err2 := strconv.ParseUint(y[j:], 10, 16)
	if err1 != nil || err2 != nil || a < 1024 || b < 1024 || i > 0 && p.out.Replace(x[:i-1]) != y[:max(0, j-1)] || (i > 0) != (j > 0) {
		return false
	}
	for k, v := range p.ports {
		if (k == x[i:]) != (v == y[j:]) {
			return false
		}
	}
	p.ports[x[i:]] = y[j:]
	return true
}

// runs cuts a text as Replace does.
func runs(s string) []string {
	var out []string
	for i := 0; i < len(s); {
		j := i
		for j < len(s) && isWord(s[j]) {
			j++
		}
		if j == i {
			j++
		}
		out = append(out, s[i:j])
		i = j
	}
	return out
}
