package nftables

import (
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/packet"
)

// counterStatement counts; the packet goes on.
type counterStatement struct{ described }

func (*counterStatement) Run(*Input, *Verdict) Tri { return Yes }

// verdictStatement is accept, drop, return, continue, jump and goto, and what ends a rule like them: NAT and reject.
type verdictStatement struct {
	described
	verdict Verdict
	chain   string          // where a jump or goto leads
	need    packet.Protocol // 0: any; nft adds the test that a TCP reset needs
}

func (s *verdictStatement) Effect() bool { return true }

func (s *verdictStatement) Run(in *Input, v *Verdict) Tri {
	if s.need != 0 && in.Packet.IP.Protocol != s.need {
		return No
	}
	if s.chain != "" && s.verdict.Chain == nil {
		return Unknown
	}
	*v = s.verdict
	return Yes
}

// Why implements [Statement].
func (s *verdictStatement) Why(in *Input) Reason {
	return reason(ReasonProtocol, false, s.need.String(), in.Packet.IP.Protocol.String())
}

// nat reads `snat|dnat [ip] [to ADDR[-ADDR][:PORT[-PORT]]] [flags]`, masquerade and redirect; and an address that is drawn,
// `dnat ip to numgen …`.
func (p *ruleReader) nat(kind string) Statement {
	r := &NATRange{}
	s := &verdictStatement{verdict: Verdict{NAT: r}}
	switch kind {
	case "snat":
		s.verdict.Kind = SNAT
	case "dnat":
		s.verdict.Kind = DNAT
	case "masquerade":
		s.verdict.Kind = Masquerade
	case "redirect":
		s.verdict.Kind = Redirect
	}
	p.accept("ip")
	to := p.accept("to")
	var drawn *lookup
	if to && p.peek(0) == "numgen" {
		if drawn = p.natMap(); drawn == nil {
			return nil
		}
	} else if to {
		w, ok := p.next()
		if !ok || w.quoted || !parseTo(w.text, r) {
			return nil
		}
	}
	address := s.verdict.Kind == SNAT || s.verdict.Kind == DNAT
	if address && !to || !address && r.Min.IsValid() {
		return nil
	}
	for {
		switch p.peek(0) {
		case "random":
			r.Random = true
		case "fully-random":
			r.RandomFully = true
		case "persistent":
			r.Persistent = true
		case ",":
		default:
			if drawn != nil {
				return &natLookup{lookup: *drawn, verdict: s.verdict}
			}
			return s
		}
		p.next()
	}
}

func parseTo(s string, r *NATRange) bool {
	addrs, ports, hasPorts := strings.Cut(s, ":")
	if addrs != "" {
		rg, ok := parseRange(addrs)
		if !ok || strings.Contains(addrs, "/") {
			return false
		}
		r.Min, r.Max = rg.first, rg.last
	}
	if !hasPorts {
		return r.Min.IsValid()
	}
	first, last, isRange := strings.Cut(ports, "-")
	if !isRange {
		last = first
	}
	a, err1 := strconv.ParseUint(first, 10, 16)
	b, err2 := strconv.ParseUint(last, 10, 16)
	r.MinPort, r.MaxPort = uint16(a), uint16(b)
	return err1 == nil && err2 == nil && 0 < a && a <= b
}

// rejectKinds are nft's words for ICMP codes in those of iptables.
var rejectKinds = map[string]string{
	"net-unreachable": "icmp-net-unreachable", "host-unreachable": "icmp-host-unreachable",
	"prot-unreachable": "icmp-proto-unreachable", "port-unreachable": "icmp-port-unreachable",
	"net-prohibited": "icmp-net-prohibited", "host-prohibited": "icmp-host-prohibited",
	"admin-prohibited": "icmp-admin-prohibited", "no-route": "icmp-net-unreachable",
}

// reject reads `reject [with tcp reset | with icmp|icmpx [type] CODE]`. no-route is icmpx's word (nft_reject_icmp_code).
func (p *ruleReader) reject() Statement {
	s := &verdictStatement{verdict: Verdict{Kind: Reject, Reject: "icmp-port-unreachable"}}
	if !p.accept("with") {
		return s
	}
	if p.accept("tcp", "reset") {
		s.verdict.Reject, s.need = "tcp-reset", packet.TCP
		return s
	}
	if !p.accept("icmp") && !p.accept("icmpx") {
		return nil
	}
	p.accept("type")
	w, _ := p.next()
	kind, ok := rejectKinds[w.text]
	if !ok {
		return nil
	}
	s.verdict.Reject = kind
	return s
}

// markOp combines a mark with a value.
type markOp uint8

const (
	opNone markOp = iota
	opAnd
	opOr
	opXor
)

// term is one step of a mark expression: what comes so far, combined with n.
type term struct {
	op markOp
	n  uint32
}

func apply(n uint32, terms []term) uint32 {
	for _, t := range terms {
		switch t.op {
		case opAnd:
			n &= t.n
		case opOr:
			n |= t.n
		case opXor:
			n ^= t.n
		}
	}
	return n
}

// terms reads { (& | and | or …) NUMBER }.
func (p *ruleReader) terms() ([]term, bool) {
	var list []term
	for {
		var op markOp
		switch p.peek(0) {
		case "&", "and":
			op = opAnd
		case "|", "or":
			op = opOr
		case "^", "xor":
			op = opXor
		default:
			return list, true
		}
		p.next()
		n, ok := p.number()
		if !ok {
			return nil, false
		}
		list = append(list, term{op, n})
	}
}

func (p *ruleReader) number() (uint32, bool) {
	w, ok := p.next()
	if !ok || w.quoted {
		return 0, false
	}
	base, digits := 10, w.text
	if rest, hex := strings.CutPrefix(digits, "0x"); hex {
		base, digits = 16, rest
	}
	n, err := strconv.ParseUint(digits, base, 32)
	return uint32(n), err == nil
}

// mark reads what follows `meta mark` or `ct mark`: a test, or `set` and an expression.
func (p *ruleReader) mark(conn bool) Statement {
	if !p.accept("set") {
		return p.markTest(conn)
	}
	s := &markSet{conn: conn}
	switch {
	case p.accept("ct", "mark"):
		s.from = fromConn
	case p.accept("meta", "mark"), p.accept("mark"):
		s.from = fromPacket
	default:
		var ok bool
		if s.value, ok = p.number(); !ok {
			return nil
		}
	}
	var ok bool
	if s.terms, ok = p.terms(); !ok {
		return nil
	}
	return s
}

// markTest reads [terms] [==|!=] NUMBER. Without a sign after a mask, nft means "any of these bits" (relational
// expressions with an implicit operator).
func (p *ruleReader) markTest(conn bool) Statement {
	m := &markMatch{conn: conn}
	var ok bool
	if m.terms, ok = p.terms(); !ok {
		return nil
	}
	signed := p.peek(0) == "==" || p.peek(0) == "!="
	m.not = p.not()
	if !signed && len(m.terms) > 0 {
		return nil
	}
	if m.value, ok = p.number(); !ok {
		return nil
	}
	return m
}

// markMatch is meta mark or ct mark.
type markMatch struct {
	described
	conn, not bool
	terms     []term
	value     uint32
}

func (m *markMatch) Run(in *Input, _ *Verdict) Tri {
	n := in.Packet.Mark
	if m.conn {
		if !tracked(in.Conn) {
			return No // nft_ct_get_eval breaks where there is no entry
		}
		n = in.Conn.Mark
	}
	return yes((apply(n, m.terms) == m.value) != m.not)
}

func (m *markMatch) Why(in *Input) Reason {
	code, have := ReasonMark, in.Packet.Mark
	if m.conn {
		code, have = ReasonConnmark, in.Conn.Mark
	}
	text := strings.TrimPrefix(strings.TrimPrefix(m.text, "meta mark "), "ct mark ")
	return reason(code, false, text, "0x"+strconv.FormatUint(uint64(have), 16))
}

// source is where a mark that is set comes from.
type source uint8

const (
	fromValue source = iota
	fromPacket
	fromConn
)

// markSet is `meta mark set …` or `ct mark set …`.
type markSet struct {
	described
	conn  bool // writes the connection's mark
	from  source
	value uint32
	terms []term
}

func (*markSet) Effect() bool { return true }

// Run implements [Statement]. Reading the mark of a connection that there is none of ends the rule (nft_ct_get_eval);
// writing one does nothing (nft_ct_set_eval).
func (s *markSet) Run(in *Input, _ *Verdict) Tri {
	n := s.value
	switch s.from {
	case fromPacket:
		n = in.Packet.Mark
	case fromConn:
		if !tracked(in.Conn) {
			return No
		}
		n = in.Conn.Mark
	}
	n = apply(n, s.terms)
	switch {
	case !s.conn:
		in.Packet.Mark = n
	case tracked(in.Conn):
		in.Conn.Mark, in.Packet.CTMark = n, n
	}
	return Yes
}

func (s *markSet) Why(*Input) Reason {
	return reason(ReasonConnmark, false, "an entry of conntrack", "")
}
