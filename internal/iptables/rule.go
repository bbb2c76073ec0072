package iptables

import (
	"errors"
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/packet"
)

// extension is a match or a target while its options are read. iptables calls these by the same names.
type extension interface {
	// option reads one option and its values. It returns errNoOption where the extension has no such option, and any
	// other error where its value is not one.
	option(name string, not bool, a *args) error
	// done fills in what was left out. It returns an error where the extension cannot stand like this: what is missing
	// is missing, or the rule's protocol is another.
	done(r *basics) error
}

// An extension says only that it cannot read its text; the rule then keeps that text as not understood.
var (
	errNoOption = errors.New("no such option")
	errValue    = errors.New("value not understood")
)

// args are the words of a rule with a place in them.
type args struct {
	toks []token
	i    int
}

// next takes the following word as a value. An option or a `!` is none, a quoted word always is.
func (a *args) next() (string, bool) {
	if a.i >= len(a.toks) {
		return "", false
	}
	t := a.toks[a.i]
	if !t.quoted && (t.text == "!" || len(t.text) > 1 && t.text[0] == '-' && t.text[1] == '-') {
		return "", false
	}
	a.i++
	return t.text, true
}

// basics are the tests that every rule has without loading anything (struct ipt_ip in uapi/.../ip_tables.h).
type basics struct {
	src, dst addressTest
	in, out  *InterfaceMatch
	proto    *ProtocolMatch
	frag     *FragmentMatch
	counters *Counters
	moreSrc  []string // further addresses of a list: -s A,B makes one rule for each
	moreDst  []string
	protocol packet.Protocol // 0 where -p is absent, inverted or all
	family   family
}

// part is one -m or -j of a rule being read, with the words that belong to it.
type part struct {
	ext    extension // nil: not modelled
	name   string
	failed bool
	target bool
}

// ruleReader reads rule specifications one after another into the same buffers.
//
//	spec   = { basic | "-m" NAME | "-j" TARGET | "-g" CHAIN | option }
//	basic  = [ "!" ] ( "-s" ADDR | "-d" ADDR | "-i" IF | "-o" IF | "-p" PROTO | "-f" )
//	option = [ "!" ] "--" NAME { VALUE }
//
// The parts may stand in any order. An option belongs to the last part that knows it; where none does, to the match of
// the rule's own protocol, which iptables loads by itself (load_proto in xshared.c).
type ruleReader struct {
	arena
	line  string
	a     args
	owner []int // for each word: 1 + the index of its part; 0: a basic test
	parts []part
	seen  []seenOption
	odd   []string // basic tests that cannot be read
	bs    basics
	at    int // where the chain of the last rule is among its table's; see chainAt

	printed bool // the rules are iptables' own output, not what someone wrote
	asked   bool // printed has made a difference, or could have
}

type seenOption struct {
	part int
	name string
}

// chainAt is the chain of that name if the last rule was of it, or of the one before it: a dump has its chains in the same
// order twice. Finding most of them so, without the table's index, makes reading a tenth faster.
func (p *ruleReader) chainAt(t *Table, name string) *Chain {
	for i := p.at; i < min(p.at+3, len(t.Chains)); i++ {
		if c := t.Chains[i]; c.Name == name {
			p.at = i
			return c
		}
	}
	return nil
}

// addChain is the chain of that name, made where there is none.
func (p *ruleReader) addChain(t *Table, name string) *Chain {
	c := t.AddChain(name)
	p.at = c.nth
	return c
}

// read makes a rule of the words from a.i on. It cannot fail: what it cannot read becomes not understood. The basics are
// valid until the next rule is read.
func (p *ruleReader) read() (*Rule, *basics) {
	p.parts, p.seen, p.odd = p.parts[:0], p.seen[:0], p.odd[:0]
	p.owner = append(p.owner[:0], make([]int, len(p.a.toks))...)
	p.bs = basics{}
	bs := &p.bs
	for p.a.i < len(p.a.toks) {
		p.word(bs)
	}
	if bs.proto != nil && !bs.proto.Not {
		bs.protocol = bs.proto.Protocol
	}
	return p.rule(bs), bs
}

// word reads one option with its values.
func (p *ruleReader) word(bs *basics) {
	first := p.a.i
	not := false
	for p.a.i < len(p.a.toks) && p.a.toks[p.a.i].text == "!" && !p.a.toks[p.a.i].quoted {
		not = !not
		p.a.i++
	}
	if p.a.i == len(p.a.toks) || p.a.i > first+1 {
		p.stray(first)
		return
	}
	t := p.a.toks[p.a.i]
	p.a.i++
	if t.quoted || len(t.text) < 2 || t.text[0] != '-' {
		p.stray(first)
		return
	}
	switch t.text {
	case "-m", "--match":
		p.open(first, not)
	case "-j", "--jump", "-g", "--goto":
		p.openTarget(first, not, t.text)
	default:
		if p.basic(bs, t.text, not) {
			return
		}
		p.option(bs, first, t.text, not)
	}
}

// basic reads a basic test; false where the word is not one.
func (p *ruleReader) basic(bs *basics, name string, not bool) bool {
	start := p.a.i
	ok, bare := false, false
	switch name {
	case "-s", "--source", "--src":
		ok = bs.src == nil && p.address(bs, &bs.src, &bs.moreSrc, false, not)
	case "-d", "--destination", "--dst":
		ok = bs.dst == nil && p.address(bs, &bs.dst, &bs.moreDst, true, not)
	case "-i", "--in-interface":
		ok = bs.in == nil && p.iface(&bs.in, false, not)
	case "-o", "--out-interface":
		ok = bs.out == nil && p.iface(&bs.out, true, not)
	case "-p", "--protocol", "--proto":
		v, have := p.a.next()
		if proto, known := parseProtocol(v); have && known && bs.proto == nil && !(not && proto == 0) {
			number := v[0] <= '9' && fromFile(proto)
			p.asked = p.asked || number
			number = number && p.printed
			bs.proto, ok = p.newProtocol(ProtocolMatch{Protocol: proto, Not: not, Number: number}), true
		}
	case "-f", "--fragment":
		bare = true
		if ok = bs.frag == nil && bs.claim(ipv4); ok {
			bs.frag = &FragmentMatch{Not: not}
		}
	case "-c", "--set-counters":
		ok = p.counters(bs)
	case "-4", "--ipv4":
		bare = true
		ok = !not && bs.claim(ipv4)
	default:
		return false
	}
	if !ok {
		if p.a.i == start && !bare {
			p.a.next()
		}
		from := start - 1
		if not {
			from--
		}
		p.odd = append(p.odd, p.text(from, p.a.i))
	}
	return true
}

func (p *ruleReader) counters(bs *basics) bool {
	v, _ := p.a.next()
	a, b, comma := strings.Cut(v, ",")
	if !comma {
		b, _ = p.a.next()
	}
	packets, ok1 := parseUint(a, 1<<64-1)
	bytes, ok2 := parseUint(b, 1<<64-1)
	bs.counters = &Counters{packets, bytes}
	return ok1 && ok2
}

func (p *ruleReader) address(bs *basics, test *addressTest, more *[]string, dst, not bool) bool {
	v, ok := p.a.next()
	first, rest, isList := strings.Cut(v, ",")
	t, f := p.newAddressTest(first, dst, not)
	if !ok || f == anyFamily || isList && not {
		return false
	}
	var list []string
	if isList {
		list = strings.Split(rest, ",")
	}
	for _, s := range list {
		if _, other := p.newAddressTest(s, dst, not); other != f {
			return false
		}
	}
	if !bs.claim(f) {
		return false
	}
	*test, *more = t, list
	return true
}

func (p *ruleReader) iface(m **InterfaceMatch, out, not bool) bool {
	v, ok := p.a.next()
	if !ok || !interfaceName(v) || v == "+" && not {
		return false
	}
	*m = newInterfaceMatch(v, out, not)
	return true
}

// open starts a `-m` part.
func (p *ruleReader) open(first int, not bool) {
	name, ok := p.a.next()
	if !ok || not {
		p.stray(first)
		return
	}
	p.parts = append(p.parts, part{name: name, ext: p.newMatch(name)})
	p.claim(first, len(p.parts))
}

// openTarget starts the target. A second one makes both not understood: iptables refuses it.
func (p *ruleReader) openTarget(first int, not bool, word string) {
	name, ok := p.a.next()
	if !ok || not || !chainName(name) {
		p.stray(first)
		return
	}
	t := part{name: name, target: true}
	if word == "-g" || word == "--goto" {
		t.ext = p.newJump(name, true)
	} else if t.ext = p.newTarget(name); t.ext == nil && !knownTarget(name) {
		t.ext = p.newJump(name, false)
	}
	p.parts = append(p.parts, t)
	p.claim(first, len(p.parts))
}

// option gives an option to the part that it belongs to.
func (p *ruleReader) option(bs *basics, first int, name string, not bool) {
	long, isLong := strings.CutPrefix(name, "--")
	start := p.a.i
	if isLong {
		for i := len(p.parts) - 1; i >= 0; i-- {
			if p.parts[i].ext != nil && p.give(i, first, long, not, start) {
				return
			}
		}
		if ext, module := p.implicit(bs); ext != nil {
			p.parts = append(p.parts, part{name: module, ext: ext})
			if p.give(len(p.parts)-1, first, long, not, start) {
				return
			}
			p.parts = p.parts[:len(p.parts)-1]
		}
	}
	p.a.i = start
	p.stray(first)
}

// give offers an option to one part, and says whether it was the part's.
func (p *ruleReader) give(i, first int, name string, not bool, start int) bool {
	p.a.i = start
	err := p.parts[i].ext.option(name, not, &p.a)
	if err == errNoOption {
		return false
	}
	if s := (seenOption{i, name}); slices.Contains(p.seen, s) {
		p.parts[i].failed = true // which of the two counts would be a guess
	} else {
		p.seen = append(p.seen, s)
	}
	if err != nil {
		p.parts[i].failed = true
		if p.a.i == start {
			p.skipValues()
		}
	}
	p.claim(first, i+1)
	return true
}

// implicit is the match that iptables loads for the rule's protocol when it meets an option that nothing else has.
func (p *ruleReader) implicit(bs *basics) (extension, string) {
	if bs.proto == nil || bs.proto.Not {
		return nil, ""
	}
	name := protocolName(bs.proto.Protocol)
	switch name {
	case "ipv6-icmp":
		name = "icmp6"
		fallthrough
	case "tcp", "udp", "sctp", "icmp":
		for _, pt := range p.parts {
			if pt.name == name && !pt.target {
				return nil, ""
			}
		}
		return p.newMatch(name), name
	}
	return nil, ""
}

// stray keeps words that nothing claims. They go to the last part that is not modelled; else they spoil the last part:
// an option that podpath does not know may change what the rest means.
func (p *ruleReader) stray(first int) {
	p.skipValues()
	if len(p.parts) == 0 {
		p.odd = append(p.odd, p.text(first, p.a.i))
		return
	}
	i := len(p.parts) - 1
	for j := i; j >= 0; j-- {
		if p.parts[j].ext == nil {
			i = j
			break
		}
	}
	p.parts[i].failed = true
	p.claim(first, i+1)
}

func (p *ruleReader) skipValues() {
	for p.a.i < len(p.a.toks) {
		t := p.a.toks[p.a.i]
		if !t.quoted && (t.text == "!" || len(t.text) > 1 && t.text[0] == '-') {
			return
		}
		p.a.i++
	}
}

func (p *ruleReader) claim(first, owner int) {
	for i := first; i < p.a.i; i++ {
		p.owner[i] = owner
	}
}

// text is the input from word i up to word j.
func (p *ruleReader) text(i, j int) string {
	if i >= j {
		return ""
	}
	return p.line[p.a.toks[i].start:p.a.toks[j-1].end]
}

// partText is the input that belongs to a part, as it stood there.
func (p *ruleReader) partText(n int) string {
	var b strings.Builder
	for i := 0; i < len(p.owner); i++ {
		if p.owner[i] != n+1 {
			continue
		}
		j := i
		for j < len(p.owner) && p.owner[j] == n+1 {
			j++
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(p.text(i, j))
		i = j
	}
	text := b.String()
	if pt := &p.parts[n]; !pt.target && !strings.HasPrefix(text, "-m") {
		text = "-m " + pt.name + " " + text // loaded for the protocol: the input did not name it
	}
	return text
}

// rule puts what was read in the order of iptables-save: the basic tests, then the matches, then the target.
func (p *ruleReader) rule(bs *basics) *Rule {
	r := p.rules.take()
	r.Counters = bs.counters
	n := len(p.parts) + len(p.odd)
	for i := range p.parts {
		if p.parts[i].target {
			n--
		}
	}
	for _, have := range [...]bool{bs.src != nil, bs.dst != nil, bs.in != nil, bs.out != nil, bs.proto != nil, bs.frag != nil} {
		if have {
			n++
		}
	}
	r.Matches = p.list(n)
	if bs.src != nil && bs.src.matters() {
		r.Matches = append(r.Matches, bs.src)
	}
	if bs.dst != nil && bs.dst.matters() {
		r.Matches = append(r.Matches, bs.dst)
	}
	if bs.in != nil && bs.in.Name != "+" {
		r.Matches = append(r.Matches, bs.in)
	}
	if bs.out != nil && bs.out.Name != "+" {
		r.Matches = append(r.Matches, bs.out)
	}
	if bs.proto != nil && bs.proto.Protocol != 0 {
		r.Matches = append(r.Matches, bs.proto)
	}
	if bs.frag != nil {
		r.Matches = append(r.Matches, bs.frag)
	}
	for _, text := range p.odd {
		p.unknownMatch(r, text)
	}
	for i := range p.parts {
		pt := &p.parts[i]
		pt.failed = pt.failed || pt.ext != nil && !bs.claim(familyOf(pt.ext))
	}
	for i := range p.parts {
		pt := &p.parts[i]
		if pt.ext != nil && !pt.failed && pt.ext.done(bs) != nil {
			pt.failed = true
		}
		switch {
		case pt.target:
			p.setTarget(r, i)
		case pt.ext == nil || pt.failed:
			p.unknownMatch(r, p.partText(i))
		default:
			r.Matches = append(r.Matches, pt.ext.(Match))
		}
	}
	return r
}

func (p *ruleReader) setTarget(r *Rule, i int) {
	pt := &p.parts[i]
	if pt.ext != nil && !pt.failed && r.Target == nil {
		r.Target = pt.ext.(Target)
		return
	}
	text := p.partText(i)
	if r.Target != nil {
		text = string(r.Target.AppendTo(nil)) + " " + text
	}
	r.Target = &UnknownTarget{Text: text}
	r.addNotUnderstood(text)
}

func (p *ruleReader) unknownMatch(r *Rule, text string) {
	r.Matches = append(r.Matches, &UnknownMatch{Text: text})
	r.addNotUnderstood(text)
}

func (r *Rule) addNotUnderstood(text string) {
	if r.NotUnderstood != "" {
		r.NotUnderstood += " "
	}
	r.NotUnderstood += text
}

// AppendSpec appends the rule as iptables-save prints it behind `-A CHAIN`, with a space before each part.
func (r *Rule) AppendSpec(b []byte) []byte {
	for _, m := range r.Matches {
		b = m.AppendTo(append(b, ' '))
	}
	if r.Target != nil {
		b = r.Target.AppendTo(append(b, ' '))
	}
	return b
}

// AppendText appends the rule as one line of iptables-save, without counters and line end.
func (r *Rule) AppendText(b []byte) ([]byte, error) {
	b = append(b, "-A "...)
	if r.Chain != nil {
		b = append(b, r.Chain.Name...)
	}
	return r.AppendSpec(b), nil
}

// Text is the rule as one line of iptables-save: "-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000".
func (r *Rule) Text() string {
	b, _ := r.AppendText(make([]byte, 0, 160))
	return string(b)
}

// Comment is the text of the rule's last `-m comment`, "" where it has none. Felix writes a hash in the first and what the rule
// is for in the one behind it.
func (r *Rule) Comment() string {
	for _, m := range slices.Backward(r.Matches) {
		if c, ok := m.(*CommentMatch); ok {
			return c.Text
		}
	}
	return ""
}
