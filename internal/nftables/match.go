package nftables

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/packet"
)

// The codes of [Reason], which are those of the iptables package where the question is the same. Each has the arguments
// want and have.
const (
	ReasonSource      = "source"
	ReasonDestination = "destination"
	ReasonIn          = "in-interface"
	ReasonOut         = "out-interface"
	ReasonProtocol    = "protocol"
	ReasonSourcePort  = "source-port"
	ReasonDestPort    = "destination-port"
	ReasonSourceType  = "source-type"
	ReasonDestType    = "destination-type"
	ReasonMark        = "mark"
	ReasonConnmark    = "connmark"
	ReasonCTState     = "ctstate"
	ReasonCTStatus    = "ctstatus"
	ReasonCTDirection = "ctdir"
)

func reason(code string, not bool, want, have string) Reason {
	if not {
		want = "! " + want
	}
	return Reason{Code: code, Args: [][2]string{{"want", want}, {"have", have}}}
}

// described is the text of a statement, which every statement keeps.
type described struct{ text string }

func (d *described) Text() string      { return d.text }
func (d *described) setText(s string)  { d.text = s }
func (described) Effect() bool         { return false }
func (described) Why(in *Input) Reason { return Reason{} }

func yes(b bool) Tri {
	if b {
		return Yes
	}
	return No
}

// list reads VALUE, VALUE,VALUE or { VALUE, VALUE }.
func (p *ruleReader) list(take func(word) bool) bool {
	set := p.accept("{")
	for {
		w, ok := p.next()
		if !ok || !take(w) {
			return false
		}
		if p.accept(",") {
			continue
		}
		return !set || p.accept("}")
	}
}

// addressMatch is ip saddr or ip daddr.
type addressMatch struct {
	described
	dst, not bool
	ranges   []addressRange
	values   []string
}

type addressRange struct{ first, last netip.Addr }

func (p *ruleReader) ip() Statement {
	w, _ := p.next()
	switch w.text {
	case "saddr", "daddr":
	case "protocol":
		return p.protocol()
	default:
		return nil
	}
	m := &addressMatch{dst: w.text == "daddr", not: p.not()}
	ok := p.list(func(w word) bool {
		m.values = append(m.values, w.text)
		r, ok := parseRange(w.text)
		m.ranges = append(m.ranges, r)
		return ok
	})
	if !ok || p.peek(0) == "." {
		return nil
	}
	return m
}

func parseRange(s string) (addressRange, bool) {
	if pfx, err := netip.ParsePrefix(s); err == nil {
		pfx = pfx.Masked()
		if !pfx.Addr().Is4() {
			return addressRange{}, false
		}
		last := pfx.Addr().As4()
		for i := pfx.Bits(); i < 32; i++ {
			last[i/8] |= 0x80 >> (i % 8)
		}
		return addressRange{pfx.Addr(), netip.AddrFrom4(last)}, true
	}
	first, second, isRange := strings.Cut(s, "-")
	if !isRange {
		second = first
	}
	a, err1 := netip.ParseAddr(first)
	b, err2 := netip.ParseAddr(second)
	return addressRange{a, b}, err1 == nil && err2 == nil && a.Is4() && b.Is4() && !b.Less(a)
}

func (m *addressMatch) have(in *Input) netip.Addr {
	if m.dst {
		return in.Packet.IP.Dst
	}
	return in.Packet.IP.Src
}

func (m *addressMatch) Run(in *Input, _ *Verdict) Tri {
	a := m.have(in)
	found := false
	for _, r := range m.ranges {
		if !a.Less(r.first) && !r.last.Less(a) {
			found = true
			break
		}
	}
	return yes(found != m.not)
}

func (m *addressMatch) Why(in *Input) Reason {
	code := ReasonSource
	if m.dst {
		code = ReasonDestination
	}
	return reason(code, m.not, strings.Join(m.values, ","), m.have(in).String())
}

// interfaceMatch is iifname or oifname, and iif or oif, which nft prints by name too.
type interfaceMatch struct {
	described
	out, not bool
	names    []string // with a * at the end for all that begin so
}

func (p *ruleReader) iface(out, wild bool) Statement {
	m := &interfaceMatch{out: out, not: p.not()}
	ok := p.list(func(w word) bool {
		m.names = append(m.names, w.text)
		return w.text != "" && (w.quoted || !strings.HasPrefix(w.text, "@")) && (wild || !strings.HasSuffix(w.text, "*"))
	})
	if !ok || p.peek(0) == "." {
		return nil
	}
	return m
}

func (m *interfaceMatch) have(in *Input) string {
	if m.out {
		return in.Out
	}
	return in.In
}

func (m *interfaceMatch) Run(in *Input, _ *Verdict) Tri {
	have := m.have(in)
	found := slices.ContainsFunc(m.names, func(n string) bool {
		if prefix, ok := strings.CutSuffix(n, "*"); ok && !strings.HasSuffix(prefix, `\`) {
			return strings.HasPrefix(have, prefix)
		}
		return n == have
	})
	return yes(found != m.not)
}

func (m *interfaceMatch) Why(in *Input) Reason {
	code := ReasonIn
	if m.out {
		code = ReasonOut
	}
	return reason(code, m.not, strings.Join(m.names, ","), m.have(in))
}

// protocolMatch is meta l4proto or ip protocol.
type protocolMatch struct {
	described
	not    bool
	values []packet.Protocol
}

func (p *ruleReader) protocol() Statement {
	m := &protocolMatch{not: p.not()}
	ok := p.list(func(w word) bool {
		v, err := packet.ParseProtocol(w.text)
		m.values = append(m.values, v)
		return err == nil
	})
	if !ok || p.peek(0) == "." {
		return nil
	}
	return m
}

func (m *protocolMatch) Run(in *Input, _ *Verdict) Tri {
	return yes(slices.Contains(m.values, in.Packet.IP.Protocol) != m.not)
}

func (m *protocolMatch) Why(in *Input) Reason {
	var names []string
	for _, v := range m.values {
		names = append(names, v.String())
	}
	return reason(ReasonProtocol, m.not, strings.Join(names, ","), in.Packet.IP.Protocol.String())
}

// portMatch is tcp|udp|sctp|th sport|dport. With a protocol named, it stands for a test of that protocol too, as nft adds
// one (meta l4proto) where the rule has none.
type portMatch struct {
	described
	protocol packet.Protocol // iff named
	named    bool
	src, not bool
	ranges   [][2]uint16
	values   []string
}

func (p *ruleReader) transport(proto packet.Protocol, named bool) Statement {
	w, _ := p.next()
	if w.text != "sport" && w.text != "dport" {
		return nil
	}
	m := &portMatch{protocol: proto, named: named, src: w.text == "sport", not: p.not()}
	ok := p.list(func(w word) bool {
		first, second, isRange := strings.Cut(w.text, "-")
		if !isRange {
			second = first
		}
		a, err1 := strconv.ParseUint(first, 10, 16)
		b, err2 := strconv.ParseUint(second, 10, 16)
		m.ranges = append(m.ranges, [2]uint16{uint16(a), uint16(b)})
		m.values = append(m.values, w.text)
		return err1 == nil && err2 == nil && a <= b
	})
	if !ok || p.peek(0) == "." {
		return nil
	}
	return m
}

func (m *portMatch) have(in *Input) uint16 {
	if m.src {
		return in.Packet.L4.SrcPort
	}
	return in.Packet.L4.DstPort
}

// hasPorts says whether the packet has a transport header that names ports: further fragments have none, and the kernel
// ends the rule there (nft_payload_eval).
func (m *portMatch) hasPorts(in *Input) bool {
	proto := in.Packet.IP.Protocol
	if m.named {
		return proto == m.protocol && in.Packet.IP.Offset == 0
	}
	return in.Packet.IP.Offset == 0 && proto.HasPorts()
}

func (m *portMatch) Run(in *Input, _ *Verdict) Tri {
	if !m.hasPorts(in) {
		return No
	}
	have := m.have(in)
	found := slices.ContainsFunc(m.ranges, func(r [2]uint16) bool { return r[0] <= have && have <= r[1] })
	return yes(found != m.not)
}

func (m *portMatch) Why(in *Input) Reason {
	if m.named && in.Packet.IP.Protocol != m.protocol {
		return reason(ReasonProtocol, false, m.protocol.String(), in.Packet.IP.Protocol.String())
	}
	code := ReasonDestPort
	if m.src {
		code = ReasonSourcePort
	}
	return reason(code, m.not, strings.Join(m.values, ","), strconv.Itoa(int(m.have(in))))
}

// fibMatch is `fib saddr|daddr [. iif|oif] type T`.
type fibMatch struct {
	described
	dst, not, iif, oif bool
	types              uint16 // bits 1<<AddrType
	names              []string
}

var addrTypes = [...]string{
	"unspec", "unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit", "throw",
}

// String is the type's name as nft writes it.
func (t AddrType) String() string { return addrTypes[t] }

func (p *ruleReader) fib() Statement {
	w, _ := p.next()
	if w.text != "saddr" && w.text != "daddr" {
		return nil
	}
	m := &fibMatch{dst: w.text == "daddr"}
	if p.accept(".") {
		dev, _ := p.next()
		m.iif, m.oif = dev.text == "iif", dev.text == "oif"
		if !m.iif && !m.oif {
			return nil
		}
	}
	if !p.accept("type") {
		return nil
	}
	m.not = p.not()
	ok := p.list(func(w word) bool {
		i := slices.Index(addrTypes[:], w.text)
		if i >= 0 {
			m.types |= 1 << i
			m.names = append(m.names, w.text)
		}
		return i >= 0
	})
	if !ok {
		return nil
	}
	return m
}

func (m *fibMatch) have(in *Input) (AddrType, bool) {
	if in.Env == nil {
		return 0, false
	}
	addr, dev := in.Packet.IP.Src, ""
	if m.dst {
		addr = in.Packet.IP.Dst
	}
	if m.iif {
		dev = in.In
	} else if m.oif {
		dev = in.Out
	}
	return in.Env.RouteType(addr, dev), true
}

func (m *fibMatch) Run(in *Input, _ *Verdict) Tri {
	have, ok := m.have(in)
	if !ok {
		return Unknown
	}
	return yes((m.types>>have&1 == 1) != m.not)
}

func (m *fibMatch) Why(in *Input) Reason {
	code := ReasonSourceType
	if m.dst {
		code = ReasonDestType
	}
	have, _ := m.have(in)
	return reason(code, m.not, strings.Join(m.names, ","), have.String())
}

// stateMatch is ct state, as bits 1<<packet.ConnState.
type stateMatch struct {
	described
	not    bool
	states uint8
	names  []string
}

func (p *ruleReader) ctState() Statement {
	m := &stateMatch{not: p.not()}
	ok := p.list(func(w word) bool {
		for s := packet.CTInvalid; s <= packet.CTUntracked; s++ {
			if w.text == s.String() {
				m.states |= 1 << s
				m.names = append(m.names, w.text)
				return true
			}
		}
		return false
	})
	if !ok {
		return nil
	}
	return m
}

// stateOf is what nft's ct state gives: a packet that conntrack has not seen is invalid (nft_ct_get_eval).
func stateOf(c *packet.Conn) packet.ConnState {
	if c.State == packet.CTNone {
		return packet.CTInvalid
	}
	return c.State
}

func (m *stateMatch) Run(in *Input, _ *Verdict) Tri {
	return yes((m.states>>stateOf(in.Conn)&1 == 1) != m.not)
}

func (m *stateMatch) Why(in *Input) Reason {
	return reason(ReasonCTState, m.not, strings.Join(m.names, ","), stateOf(in.Conn).String())
}

// statusMatch is ct status.
type statusMatch struct {
	described
	not   bool
	want  packet.ConnStatus
	names []string
}

var statusNames = [...]struct {
	name string
	bit  packet.ConnStatus
}{
	{"expected", packet.StatusExpected}, {"seen-reply", packet.StatusSeenReply}, {"assured", packet.StatusAssured},
	{"confirmed", packet.StatusConfirmed}, {"snat", packet.StatusSNAT}, {"dnat", packet.StatusDNAT},
}

func (p *ruleReader) ctStatus() Statement {
	m := &statusMatch{not: p.not()}
	ok := p.list(func(w word) bool {
		for _, n := range statusNames {
			if n.name == w.text {
				m.want |= n.bit
				m.names = append(m.names, n.name)
				return true
			}
		}
		return false
	})
	if !ok || m.not && len(m.names) > 1 {
		return nil
	}
	return m
}

func (m *statusMatch) Run(in *Input, _ *Verdict) Tri {
	return yes(tracked(in.Conn) && (in.Conn.Status&m.want != 0) != m.not)
}

func (m *statusMatch) Why(in *Input) Reason {
	var have []string
	for _, n := range statusNames {
		if in.Conn.Status&n.bit != 0 {
			have = append(have, n.name)
		}
	}
	return reason(ReasonCTStatus, m.not, strings.Join(m.names, ","), strings.Join(have, ","))
}

// tracked says whether the packet has a conntrack entry.
func tracked(c *packet.Conn) bool {
	switch c.State {
	case packet.CTNew, packet.CTEstablished, packet.CTRelated:
		return true
	}
	return false
}

// directionMatch is ct direction.
type directionMatch struct {
	described
	reply, not bool
}

func (m *directionMatch) Run(in *Input, _ *Verdict) Tri {
	return yes(tracked(in.Conn) && (in.Conn.Reply == m.reply) != m.not)
}

func (m *directionMatch) Why(in *Input) Reason {
	name := func(reply bool) string {
		if reply {
			return "reply"
		}
		return "original"
	}
	return reason(ReasonCTDirection, m.not, name(m.reply), name(in.Conn.Reply))
}
