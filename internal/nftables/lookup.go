package nftables

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/packet"
)

// ReasonSet is the code of a [Reason] for a value that is in no element of a set or map.
const ReasonSet = "set"

// Option is one way that chance can go at a rule.
type Option struct {
	Value       string // the chain it leads to, else the address, else the verdict
	Label       string // the address that packets get there; "" where there is none
	Probability float64
}

// field is one value of a packet that a set can be asked for.
type field struct {
	kind     string // the type of the value
	value    func(in *Input) (v uint32, ok bool)
	code     string // of a Reason, where the field stands alone
	protocol packet.Protocol
}

// field reads one field; ok is false, and nothing taken, where it is none that podpath models.
func (p *ruleReader) field() (f field, ok bool) {
	port := func(src bool, proto packet.Protocol) field {
		m := portMatch{protocol: proto, named: proto != 0, src: src}
		code := ReasonDestPort
		if src {
			code = ReasonSourcePort
		}
		return field{"inet_service", func(in *Input) (uint32, bool) { return uint32(m.have(in)), m.hasPorts(in) }, code, proto}
	}
	protocol := field{"inet_proto", func(in *Input) (uint32, bool) { return uint32(in.Packet.IP.Protocol), true }, ReasonProtocol, 0}
	address := func(dst bool) field {
		m, code := addressMatch{dst: dst}, ReasonSource
		if dst {
			code = ReasonDestination
		}
		return field{"ipv4_addr", func(in *Input) (uint32, bool) {
			a := m.have(in)
			if !a.Is4() {
				return 0, false // As4 has nothing to give
			}
			return number4(a.As4()), true
		}, code, 0}
	}
	mark := field{"mark", func(in *Input) (uint32, bool) { return in.Packet.Mark, true }, ReasonMark, 0}
	connmark := field{"mark", func(in *Input) (uint32, bool) { return in.Conn.Mark, tracked(in.Conn) }, ReasonConnmark, 0}
	switch a, b := p.peek(0), p.peek(1); {
	case a == "ip" && (b == "saddr" || b == "daddr"):
		f = address(b == "daddr")
	case a == "ip" && b == "protocol", a == "meta" && b == "l4proto":
		f = protocol
	case a == "meta" && b == "mark":
		f = mark
	case a == "ct" && b == "mark":
		f = connmark
	case (a == "th" || a == "tcp" || a == "udp" || a == "sctp") && (b == "sport" || b == "dport"):
		f = port(b == "sport", map[string]packet.Protocol{"tcp": packet.TCP, "udp": packet.UDP, "sctp": packet.SCTP}[a])
	default:
		return field{}, false
	}
	p.next()
	p.next()
	return f, true
}

// lookup is a question to a set or a map: by fields of the packet, or by a number that is drawn.
type lookup struct {
	described
	fields []field
	mod    uint32 // of `numgen random mod N`; 0 without a draw
	name   string // of the table's set; "" where it stands in the rule
	set    *Set
	not    bool
	// options are what a draw can come to, and which of them each number is.
	options []Option
	at      []int
}

// lookup reads a question to a set. Nothing is taken where none comes next.
func (p *ruleReader) lookup() Statement {
	i, end := p.i, p.end
	back := func() Statement { p.i, p.end = i, end; return nil }
	l, ok := p.source()
	if !ok {
		return back()
	}
	if p.accept("vmap") {
		if !p.set(l, []string{"verdict"}) {
			return back()
		}
		return &verdictLookup{lookup: *l}
	}
	l.not = p.not()
	concat, named := len(l.fields) > 1, strings.HasPrefix(p.peek(0), "@")
	if l.mod != 0 || !concat && !named || !p.set(l, nil) {
		return back()
	}
	return &setMatch{lookup: *l}
}

// source reads what is looked up: fields with points between, or numgen.
func (p *ruleReader) source() (*lookup, bool) {
	l := &lookup{}
	if p.accept("numgen", "random", "mod") {
		n, ok := p.number()
		l.mod = n
		return l, ok && n > 0 && p.peek(0) != "offset"
	}
	for {
		f, ok := p.field()
		if !ok || len(l.fields) == maxFields {
			return nil, false
		}
		l.fields = append(l.fields, f)
		if !p.accept(".") {
			return l, true
		}
	}
}

// set reads @NAME, or a set of the given data types in braces.
func (p *ruleReader) set(l *lookup, data []string) bool {
	if name, ok := strings.CutPrefix(p.peek(0), "@"); ok && name != "" {
		p.next()
		l.name = name
		return l.mod == 0
	}
	if !p.accept("{") {
		return false
	}
	first := p.i
	for p.i < len(p.words) && (p.words[p.i].text != "}" || p.words[p.i].quoted) {
		p.i++
	}
	if p.i == len(p.words) {
		return false
	}
	l.set = &Set{Map: data != nil, Data: data}
	for _, f := range l.fields {
		l.set.Key = append(l.set.Key, f.kind)
	}
	if l.mod != 0 {
		l.set.Key = []string{"number"}
	}
	l.set.elements(p.words[first:p.i])
	l.set.index()
	p.next()
	return l.set.NotUnderstood == ""
}

// link finds the set in its table and the chains that its elements lead to. It says what is missing: then there is no set to
// ask.
func (l *lookup) link(t *Table, data bool) string {
	odd := l.resolve(t, data)
	if odd != "" {
		l.set = nil
	}
	return odd
}

func (l *lookup) resolve(t *Table, data bool) string {
	if l.name != "" {
		l.set = t.Set(l.name)
		switch {
		case l.set == nil:
			return "unknown set " + l.name
		case l.set.NotUnderstood != "":
			return "set " + l.name + ": " + l.set.NotUnderstood
		case len(l.set.Key) != len(l.fields) || (len(l.set.Data) > 0) != data || data && l.set.Data[0] != "verdict":
			return "set " + l.name + " of another type"
		}
		for i, f := range l.fields {
			if f.kind != l.set.Key[i] {
				return "set " + l.name + " of another type"
			}
		}
	}
	for i := range l.set.Elements {
		if to := l.set.Elements[i].to; to != nil && to.chain != "" && to.verdict.Chain == nil {
			if to.verdict.Chain = t.Chain(to.chain); to.verdict.Chain == nil {
				return "jump to unknown chain " + to.chain
			}
		}
	}
	return l.draws()
}

// maxDraw bounds the numbers of a draw that podpath lists.
const maxDraw = 1 << 16

// draws works out the options of a draw: every number below the modulus has to be an element's.
func (l *lookup) draws() string {
	if l.mod == 0 {
		return ""
	}
	if l.mod > maxDraw {
		return "numgen random mod " + strconv.Itoa(int(l.mod))
	}
	l.options, l.at = nil, make([]int, l.mod)
	for n := range l.mod {
		e := l.set.find(setKey{n})
		if e == nil {
			return "numgen: no element " + strconv.Itoa(int(n))
		}
		o := e.option()
		i := slices.IndexFunc(l.options, func(x Option) bool { return x.Value == o.Value })
		if i < 0 {
			i = len(l.options)
			l.options = append(l.options, o)
		}
		l.options[i].Probability += 1 / float64(l.mod)
		l.at[n] = i
	}
	return ""
}

func (e *Element) option() Option {
	switch {
	case e.to == nil:
		a := e.nat.text()
		return Option{Value: a, Label: a}
	case e.to.chain != "":
		return Option{Value: e.to.chain, Label: e.to.verdict.Chain.Destination()}
	}
	return Option{Value: e.to.verdict.Kind.String()}
}

func (r *NATRange) text() string {
	switch {
	case r == nil || !r.Min.IsValid():
		return ""
	case r.MinPort == 0:
		return r.Min.String()
	}
	return netip.AddrPortFrom(r.Min, r.MinPort).String()
}

// find is the element that the packet is in, or that was drawn; nil for none, or where the packet has no such header. It is
// unsure where only the environment could answer, and there is none.
func (l *lookup) find(in *Input) (e *Element, unsure bool) {
	if l.mod != 0 {
		if in.Env == nil || len(l.options) == 0 {
			return nil, true
		}
		i := in.Env.Draw(in.rule, l.options)
		return l.set.find(setKey{uint32(max(0, slices.Index(l.at, i)))}), false
	}
	var k setKey
	for i, f := range l.fields {
		v, ok := f.value(in)
		if !ok {
			return nil, false
		}
		k[i] = v
	}
	return l.set.find(k), false
}

// complete says whether the packet has all the headers that the question is about: without, the rule ends (nft_payload_eval).
func (l *lookup) complete(in *Input) bool {
	for _, f := range l.fields {
		if _, ok := f.value(in); !ok {
			return false
		}
	}
	return true
}

// Why implements [Statement].
func (l *lookup) Why(in *Input) Reason {
	want, code := "@"+l.name, ReasonSet
	if l.name == "" {
		want = "{ … }"
	}
	if len(l.fields) == 1 {
		code = l.fields[0].code
	}
	var have []string
	for _, f := range l.fields {
		v, ok := f.value(in)
		if !ok {
			return reason(ReasonProtocol, false, f.protocol.String(), in.Packet.IP.Protocol.String())
		}
		have = append(have, showValue(f.kind, v))
	}
	return reason(code, l.not, want, strings.Join(have, " . "))
}

func showValue(kind string, v uint32) string {
	switch kind {
	case "ipv4_addr":
		return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}).String()
	case "inet_proto":
		return packet.Protocol(v).String()
	case "mark":
		return "0x" + strconv.FormatUint(uint64(v), 16)
	}
	return strconv.FormatUint(uint64(v), 10)
}

// setMatch is `FIELDS [!=] @SET`, or a set of several fields in braces.
type setMatch struct{ lookup }

// Run implements [Statement]. Which clients a dynamic set has besides those of the listing, the environment may know.
func (m *setMatch) Run(in *Input, _ *Verdict) Tri {
	if m.set == nil {
		return Unknown
	}
	if !m.complete(in) {
		return No
	}
	e, _ := m.find(in)
	found := e != nil
	if !found && m.set.Dynamic {
		if in.Env == nil {
			return Unknown
		}
		found = in.Env.Remembers(in.rule, m.set)
	}
	return yes(found != m.not)
}

// verdictLookup is `FIELDS vmap MAP`, and `numgen random mod N vmap { … }`. What is in no element ends the rule
// (nft_lookup_eval).
type verdictLookup struct{ lookup }

// Effect implements [Statement].
func (*verdictLookup) Effect() bool { return true }

// Run implements [Statement].
func (s *verdictLookup) Run(in *Input, v *Verdict) Tri {
	if s.set == nil {
		return Unknown
	}
	e, unsure := s.find(in)
	switch {
	case unsure:
		return Unknown
	case e == nil:
		return No
	}
	return e.to.Run(in, v)
}

// natLookup is `dnat to numgen random mod N map { … }`.
type natLookup struct {
	lookup
	verdict Verdict
}

// Effect implements [Statement].
func (*natLookup) Effect() bool { return true }

// Run implements [Statement].
func (s *natLookup) Run(in *Input, v *Verdict) Tri {
	if s.set == nil {
		return Unknown
	}
	e, unsure := s.find(in)
	switch {
	case unsure:
		return Unknown
	case e == nil:
		return No
	}
	r := *s.verdict.NAT
	r.Min, r.Max, r.MinPort, r.MaxPort = e.nat.Min, e.nat.Max, e.nat.MinPort, e.nat.MaxPort
	*v = Verdict{Kind: s.verdict.Kind, NAT: &r}
	return Yes
}

// natMap reads `numgen random mod N map { N : ADDR [. PORT], … }` after `dnat to`.
func (p *ruleReader) natMap() *lookup {
	l, ok := p.source()
	if !ok || l.mod == 0 || !p.accept("map") {
		return nil
	}
	first := p.i
	for _, data := range [][]string{{"ipv4_addr", "inet_service"}, {"ipv4_addr"}} {
		if p.i = first; p.set(l, data) {
			return l
		}
	}
	return nil
}

// setUpdate is `add|update @SET { FIELDS }`: the packet's values go into a dynamic set. It decides nothing about the packet.
type setUpdate struct {
	described
	lookup lookup
}

// Effect implements [Statement].
func (*setUpdate) Effect() bool { return true }

// Run implements [Statement].
func (s *setUpdate) Run(in *Input, _ *Verdict) Tri { return yes(s.lookup.complete(in)) }

// Why implements [Statement].
func (s *setUpdate) Why(in *Input) Reason { return s.lookup.Why(in) }

// Dynamic are the names of the dynamic sets that a rule asks.
func (r *Rule) Dynamic() []string {
	var names []string
	for _, s := range r.Statements {
		if m, ok := s.(*setMatch); ok && m.set != nil && m.set.Dynamic {
			names = append(names, m.set.Name)
		}
	}
	return names
}

// Destination is the address that a rule, or the chain that it leads to, rewrites a destination to; "" for none.
func (r *Rule) Destination() string {
	for _, s := range r.Statements {
		switch v, ok := s.(*verdictStatement); {
		case !ok:
		case v.verdict.Kind == DNAT:
			return v.verdict.NAT.text()
		case v.verdict.Chain != nil:
			return v.verdict.Chain.Destination()
		}
	}
	return ""
}

// Destination is the address that the first rule of a chain that does so rewrites a destination to; "" for none.
func (c *Chain) Destination() string {
	for _, r := range c.Rules {
		for _, s := range r.Statements {
			if v, ok := s.(*verdictStatement); ok && v.verdict.Kind == DNAT {
				return v.verdict.NAT.text()
			}
		}
	}
	return ""
}

// update reads what follows `add` or `update`.
func (p *ruleReader) update() Statement {
	name, ok := strings.CutPrefix(p.peek(0), "@")
	if !ok || name == "" {
		return nil
	}
	p.next()
	if !p.accept("{") {
		return nil
	}
	l, ok := p.source()
	if !ok || l.mod != 0 || !p.accept("}") {
		return nil
	}
	l.name = name
	return &setUpdate{lookup: *l}
}
