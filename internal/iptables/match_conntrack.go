package iptables

import (
	"net/netip"
	"strings"

	"github.com/podpath/podpath/internal/packet"
)

// stateBits are the states a rule can name, as bits in the order that iptables prints them (libxt_conntrack.c).
type stateBits uint8

const (
	stateInvalid stateBits = 1 << iota
	stateNew
	stateRelated
	stateEstablished
	stateUntracked
	stateSNAT
	stateDNAT
)

var stateNames = [...]string{"INVALID", "NEW", "RELATED", "ESTABLISHED", "UNTRACKED", "SNAT", "DNAT"}

var statusNames = [...]struct {
	name string
	bit  packet.ConnStatus
}{
	{"EXPECTED", packet.StatusExpected}, {"SEEN_REPLY", packet.StatusSeenReply}, {"ASSURED", packet.StatusAssured},
	{"CONFIRMED", packet.StatusConfirmed},
}

// direction is what --ctdir names.
type direction uint8

const (
	anyDirection direction = iota
	original
	replyDir
)

// ctAddress is one of the four address tests.
type ctAddress struct {
	addr, mask uint32
	six        *prefix6 // in place of addr and mask in a rule of ip6tables
	given, not bool
}

// ctPort is one of the four port tests.
type ctPort struct {
	PortRange
	given, not bool
}

var ctSides = [...]string{"origsrc", "origdst", "replsrc", "repldst"}

// ConntrackMatch is -m conntrack, and -m state where OldName is set: that is the same question in fewer words.
type ConntrackMatch struct {
	OldName bool // -m state --state

	states    stateBits
	hasState  bool
	notState  bool
	hasStatus bool
	notStatus bool
	status    packet.ConnStatus
	dir       direction
	hasProto  bool
	notProto  bool
	proto     packet.Protocol
	addresses [4]ctAddress
	ports     [4]ctPort
	family    family // where an address shows it
}

func (m *ConntrackMatch) option(name string, not bool, a *args) error {
	if m.OldName {
		if name != "state" {
			return errNoOption
		}
		return m.parseStates(not, a)
	}
	what, ok := strings.CutPrefix(name, "ct")
	if !ok {
		return errNoOption
	}
	switch what {
	case "state":
		return m.parseStates(not, a)
	case "status":
		return m.parseStatus(not, a)
	case "dir":
		v, _ := a.next()
		switch {
		case not:
			return errValue
		case strings.EqualFold(v, "ORIGINAL"):
			m.dir = original
		case strings.EqualFold(v, "REPLY"):
			m.dir = replyDir
		default:
			return errValue
		}
		return nil
	case "proto":
		v, _ := a.next()
		m.proto, ok = parseProtocol(v)
		m.hasProto, m.notProto = true, not
		if !ok || not && m.proto == 0 {
			return errValue
		}
		return nil
	case "expire":
		a.next()
		return errValue // the timeout of an entry is nothing that a model of one packet has
	}
	return m.sideOption(what, not, a)
}

func (m *ConntrackMatch) sideOption(what string, not bool, a *args) error {
	for i, side := range ctSides {
		switch what {
		case side:
			v, _ := a.next()
			return m.address(&m.addresses[i], v, not)
		case side + "port":
			v, _ := a.next()
			r, ok := parsePortRange(v)
			if !ok {
				return errValue
			}
			m.ports[i] = ctPort{r, true, not}
			return nil
		}
	}
	return errNoOption
}

func (m *ConntrackMatch) address(t *ctAddress, v string, not bool) error {
	f := ipv4
	addr, mask, ok := parseAddressMask(v)
	*t = ctAddress{addr: addr, mask: mask, given: true, not: not}
	if !ok {
		six, ok := parsePrefix6(v)
		if !ok {
			return errValue
		}
		f, t.six = ipv6, &six
	}
	if m.family != anyFamily && m.family != f {
		return errValue
	}
	m.family = f
	return nil
}

func (m *ConntrackMatch) parseStates(not bool, a *args) error {
	v, _ := a.next()
	m.hasState, m.notState = true, not
	names := stateNames[:]
	if m.OldName {
		names = names[:5]
	}
next:
	for s := range strings.SplitSeq(v, ",") {
		for i, name := range names {
			if strings.EqualFold(s, name) {
				m.states |= 1 << i
				continue next
			}
		}
		return errValue
	}
	return nil
}

func (m *ConntrackMatch) parseStatus(not bool, a *args) error {
	v, _ := a.next()
	m.hasStatus, m.notStatus = true, not
next:
	for s := range strings.SplitSeq(v, ",") {
		if strings.EqualFold(s, "NONE") {
			continue
		}
		for _, n := range statusNames {
			if strings.EqualFold(s, n.name) {
				m.status |= n.bit
				continue next
			}
		}
		return errValue
	}
	return nil
}

func (m *ConntrackMatch) done(*basics) error {
	given := m.hasState || m.hasStatus || m.hasProto || m.dir != anyDirection
	ports := false
	for i := range ctSides {
		given = given || m.addresses[i].given
		ports = ports || m.ports[i].given
	}
	if !given && !ports {
		return errValue
	}
	return nil
}

func (m *ConntrackMatch) stateOf(c *packet.Conn) stateBits {
	var s stateBits
	switch c.State {
	case packet.CTNew:
		s = stateNew
	case packet.CTEstablished:
		s = stateEstablished
	case packet.CTRelated:
		s = stateRelated
	case packet.CTUntracked:
		return stateUntracked
	case packet.CTNone, packet.CTInvalid:
		return stateInvalid
	}
	if c.Status&packet.StatusSNAT != 0 {
		s |= stateSNAT
	}
	if c.Status&packet.StatusDNAT != 0 {
		s |= stateDNAT
	}
	return s
}

// Matches implements [Match] in the kernel's order (conntrack_mt in xt_conntrack.c). A packet without an entry is
// judged by its state alone: the other tests do not count then, and without --ctstate the match fails.
func (m *ConntrackMatch) Matches(in *Input) Tri {
	c := in.Conn
	if m.hasState && !m.statePasses(c) {
		return No
	}
	if !tracked(c) {
		return yes(m.hasState)
	}
	return yes(m.failing(c) == nothing)
}

func (m *ConntrackMatch) statePasses(c *packet.Conn) bool {
	return (m.states&m.stateOf(c) != 0) != m.notState
}

// ctTest names a test of a conntrack match: which of them failed.
type ctTest uint8

const (
	nothing ctTest = iota
	testDirection
	testAddress0 // then one for each of ctSides
	testProto    = testAddress0 + 4
	testPort0    = testProto + 1 // likewise
	testStatus   = testPort0 + 4
)

// failing is the first test but the state's that the entry does not pass.
func (m *ConntrackMatch) failing(c *packet.Conn) ctTest {
	if m.dir != anyDirection && (m.dir == replyDir) != c.Reply {
		return testDirection
	}
	for i := range m.addresses {
		if t := &m.addresses[i]; t.given {
			addr, _ := sideOf(c, i)
			if (t.six == nil && toUint32(addr)&t.mask == t.addr) == t.not {
				return testAddress0 + ctTest(i)
			}
		}
	}
	if m.hasProto && (c.Original.Protocol == m.proto) == m.notProto {
		return testProto
	}
	for i := range m.ports {
		if t := &m.ports[i]; t.given {
			if _, port := sideOf(c, i); t.has(port) == t.not {
				return testPort0 + ctTest(i)
			}
		}
	}
	if m.hasStatus && (m.status&c.Status != 0) == m.notStatus {
		return testStatus
	}
	return nothing
}

// sideOf is the address and port that one of ctSides asks for.
func sideOf(c *packet.Conn, side int) (netip.Addr, uint16) {
	t := &c.Original
	if side >= 2 {
		t = &c.ReplyDir
	}
	if side%2 == 0 {
		return t.Src, t.SrcPort
	}
	return t.Dst, t.DstPort
}

func appendStates(b []byte, s stateBits) []byte {
	first := true
	for i, name := range stateNames {
		if s>>i&1 == 1 {
			if !first {
				b = append(b, ',')
			}
			b, first = append(b, name...), false
		}
	}
	return b
}

func appendStatus(b []byte, s packet.ConnStatus) []byte {
	first := true
	for _, n := range statusNames {
		if s&n.bit != 0 {
			if !first {
				b = append(b, ',')
			}
			b, first = append(b, n.name...), false
		}
	}
	if first {
		b = append(b, "NONE"...)
	}
	return b
}

// appendTo writes an address test's value: a whole address stands without /32 or /128 here.
func (t *ctAddress) appendTo(b []byte) []byte {
	if t.six != nil {
		if t.six.mask == wholeMask6 {
			return appendAddress(b, netip.AddrFrom16(t.six.addr))
		}
		return t.six.appendTo(b)
	}
	b = toAddr(t.addr).AppendTo(b)
	if t.mask != 0xffffffff {
		b = appendMask(b, t.mask)
	}
	return b
}

// AppendTo implements [Match].
func (m *ConntrackMatch) AppendTo(b []byte) []byte {
	if m.OldName {
		return appendStates(append(appendNot(append(b, "-m state "...), m.notState), "--state "...), m.states)
	}
	b = append(b, "-m conntrack"...)
	if m.hasState {
		b = appendStates(append(appendNot(append(b, ' '), m.notState), "--ctstate "...), m.states)
	}
	if m.hasProto {
		b = appendUint(append(appendNot(append(b, ' '), m.notProto), "--ctproto "...), m.proto)
	}
	for i, side := range ctSides {
		if t := &m.addresses[i]; t.given {
			b = append(append(appendNot(append(b, ' '), t.not), "--ct"...), side...)
			b = t.appendTo(append(b, ' '))
		}
	}
	for i, side := range ctSides {
		if t := &m.ports[i]; t.given {
			b = append(append(appendNot(append(b, ' '), t.not), "--ct"...), side...)
			b = t.PortRange.appendTo(append(b, "port "...))
		}
	}
	if m.hasStatus {
		b = appendStatus(append(appendNot(append(b, ' '), m.notStatus), "--ctstatus "...), m.status)
	}
	switch m.dir {
	case original:
		b = append(b, " --ctdir ORIGINAL"...)
	case replyDir:
		b = append(b, " --ctdir REPLY"...)
	}
	return b
}

// Why implements [Match].
func (m *ConntrackMatch) Why(in *Input) Reason {
	c := in.Conn
	switch {
	case !m.hasState && !tracked(c):
		return reason(ReasonCTState, false, "an entry of conntrack", string(appendStates(nil, m.stateOf(c))))
	case m.hasState && !m.statePasses(c):
		return reason(ReasonCTState, m.notState, string(appendStates(nil, m.states)), string(appendStates(nil, m.stateOf(c))))
	}
	switch t := m.failing(c); {
	case t == testDirection:
		return reason(ReasonCTDirection, false, directionName(m.dir == replyDir), directionName(c.Reply))
	case t == testProto:
		return reason(ReasonCTProtocol, m.notProto, protocolName(m.proto), protocolName(c.Original.Protocol))
	case t >= testAddress0 && t < testProto:
		i := int(t - testAddress0)
		addr, _ := sideOf(c, i)
		return reason(ReasonCTAddress, m.addresses[i].not, ctSides[i]+" "+string(m.addresses[i].appendTo(nil)), addr.String())
	case t >= testPort0 && t < testStatus:
		i := int(t - testPort0)
		_, port := sideOf(c, i)
		return reason(ReasonCTPort, m.ports[i].not, ctSides[i]+" "+m.ports[i].String(), portText(port))
	}
	return reason(ReasonCTStatus, m.notStatus, string(appendStatus(nil, m.status)), string(appendStatus(nil, c.Status)))
}

func directionName(reply bool) string {
	if reply {
		return "REPLY"
	}
	return "ORIGINAL"
}
