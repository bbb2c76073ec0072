package nftables

import (
	"strings"

	"github.com/podpath/podpath/internal/packet"
)

// word is one word of a rule with its place in the rule's text.
type word struct {
	text       string
	start, end int
	quoted     bool
}

// words cuts a rule into words. Braces and commas within a set are words of their own; quotes hold one together.
func words(s string) []word {
	var list []word
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\n':
			i++
		case c == '"':
			j := strings.IndexByte(s[i+1:], '"')
			if j < 0 {
				j = len(s) - i - 2
			}
			end := min(i+j+2, len(s))
			list = append(list, word{strings.Trim(s[i:end], `"`), i, end, true})
			i = end
		case c == '{' || c == '}' || c == ',' || c == ';':
			list = append(list, word{s[i : i+1], i, i + 1, false})
			i++
		default:
			j := i
			for j < len(s) && !strings.ContainsRune(" \t\n\"{},;", rune(s[j])) {
				j++
			}
			list = append(list, word{s[i:j], i, j, false})
			i = j
		}
	}
	return list
}

// ruleReader reads the statements of one rule.
type ruleReader struct {
	text  string
	words []word
	i     int
	end   int // the end of the last word taken
}

func (p *ruleReader) peek(n int) string {
	if p.i+n < len(p.words) && !p.words[p.i+n].quoted {
		return p.words[p.i+n].text
	}
	return ""
}

func (p *ruleReader) next() (word, bool) {
	if p.i >= len(p.words) {
		return word{}, false
	}
	w := p.words[p.i]
	p.i++
	p.end = w.end
	return w, true
}

// accept takes the given words if they come next.
func (p *ruleReader) accept(want ...string) bool {
	for k, w := range want {
		if p.peek(k) != w {
			return false
		}
	}
	for range want {
		p.next()
	}
	return true
}

// parseRule reads a rule. Everything from the first statement on that is not modelled is kept as text: later statements
// may depend on it.
func parseRule(text string) *Rule {
	r := &Rule{text: text}
	p := &ruleReader{text: text, words: words(text)}
	for p.i < len(p.words) {
		start := p.words[p.i].start
		if p.accept("comment") {
			if w, ok := p.next(); ok && w.quoted && p.i == len(p.words) {
				r.Comment = w.text
				break
			}
			r.NotUnderstood = text[start:]
			break
		}
		s := p.statement()
		if s == nil || r.decided() {
			r.NotUnderstood = text[start:]
			break
		}
		s.(interface{ setText(string) }).setText(text[start:p.end])
		r.Statements = append(r.Statements, s)
	}
	return r
}

// decided says whether the rule already has a verdict: nothing may follow one.
func (r *Rule) decided() bool {
	if len(r.Statements) == 0 {
		return false
	}
	return decides(r.Statements[len(r.Statements)-1])
}

// decides says whether a statement gives a rule its verdict.
func decides(s Statement) bool {
	switch s.(type) {
	case *verdictStatement, *verdictLookup, *natLookup:
		return true
	}
	return false
}

// SetsMark says whether a rule has a statement that writes a mark.
func (r *Rule) SetsMark() bool {
	for _, s := range r.Statements {
		if _, ok := s.(*markSet); ok {
			return true
		}
	}
	return false
}

// statement reads one statement; nil where it is not modelled.
func (p *ruleReader) statement() Statement {
	if s := p.lookup(); s != nil {
		return s
	}
	w, _ := p.next()
	if w.quoted {
		return nil
	}
	switch w.text {
	case "counter":
		return p.counter()
	case "accept":
		return &verdictStatement{verdict: Verdict{Kind: Accept}}
	case "drop":
		return &verdictStatement{verdict: Verdict{Kind: Drop}}
	case "return":
		return &verdictStatement{verdict: Verdict{Kind: Return}}
	case "continue":
		return &verdictStatement{verdict: Verdict{Kind: Continue}}
	case "jump", "goto":
		name, ok := p.next()
		if !ok {
			return nil
		}
		kind := Jump
		if w.text == "goto" {
			kind = Goto
		}
		return &verdictStatement{verdict: Verdict{Kind: kind}, chain: name.text}
	case "snat", "dnat", "masquerade", "redirect":
		return p.nat(w.text)
	case "reject":
		return p.reject()
	case "add", "update":
		return p.update()
	case "fib":
		return p.fib()
	case "iifname", "oifname", "iif", "oif":
		return p.iface(w.text[0] == 'o', strings.HasSuffix(w.text, "name"))
	case "mark":
		return p.mark(false)
	case "meta":
		return p.meta()
	case "ct":
		return p.ct()
	case "ip":
		return p.ip()
	case "tcp":
		return p.transport(packet.TCP, true)
	case "udp":
		return p.transport(packet.UDP, true)
	case "sctp":
		return p.transport(packet.SCTP, true)
	case "th":
		return p.transport(0, false)
	}
	return nil
}

func (p *ruleReader) counter() Statement {
	if p.accept("packets") {
		if w, ok := p.next(); !ok || !isNumber(w.text) || !p.accept("bytes") {
			return nil
		}
		if w, ok := p.next(); !ok || !isNumber(w.text) {
			return nil
		}
	} else if p.peek(0) == "name" {
		return nil
	}
	return &counterStatement{}
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func (p *ruleReader) meta() Statement {
	w, _ := p.next()
	switch w.text {
	case "mark":
		return p.mark(false)
	case "iifname", "oifname":
		return p.iface(w.text[0] == 'o', true)
	case "l4proto":
		return p.protocol()
	}
	return nil
}

func (p *ruleReader) ct() Statement {
	w, _ := p.next()
	switch w.text {
	case "mark":
		return p.mark(true)
	case "state":
		return p.ctState()
	case "status":
		return p.ctStatus()
	case "direction":
		not := p.not()
		d, _ := p.next()
		if d.text != "original" && d.text != "reply" {
			return nil
		}
		return &directionMatch{reply: d.text == "reply", not: not}
	}
	return nil
}

// not takes a comparison sign: true for !=. == may be left out.
func (p *ruleReader) not() bool {
	if p.accept("!=") {
		return true
	}
	p.accept("==")
	return false
}
