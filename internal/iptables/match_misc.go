package iptables

import (
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/packet"
)

// newMatch starts the match of that name; nil where podpath does not model it.
func newMatch(name string) extension {
	switch name {
	case "tcp":
		return newPortsMatch(&PortsMatch{}, packet.TCP)
	case "udp":
		return newPortsMatch(&PortsMatch{}, packet.UDP)
	case "sctp":
		return newPortsMatch(&PortsMatch{}, packet.SCTP)
	case "icmp":
		return &ICMPMatch{}
	case "icmp6":
		return &ICMP6Match{}
	case "multiport":
		return &MultiportMatch{}
	case "comment":
		return &CommentMatch{}
	case "addrtype":
		return &AddrTypeMatch{}
	case "mark":
		return &MarkMatch{}
	case "connmark":
		return &MarkMatch{Conn: true}
	case "conntrack":
		return &ConntrackMatch{}
	case "state":
		return &ConntrackMatch{OldName: true}
	case "statistic":
		return &StatisticMatch{}
	case "set":
		return &SetMatch{}
	case "recent":
		return &RecentMatch{}
	case "mac":
		return &MACMatch{}
	case "physdev":
		return &PhysdevMatch{}
	case "limit":
		return &LimitMatch{}
	case "nfacct":
		return &AccountMatch{}
	case "owner":
		return &OwnerMatch{}
	case "rpfilter":
		return &RPFilterMatch{}
	}
	return nil
}

// CommentMatch is -m comment: it always passes.
type CommentMatch struct {
	Text  string
	given bool
}

// maxComment is XT_MAX_COMMENT_LEN without its NUL.
const maxComment = 255

func (m *CommentMatch) option(name string, not bool, a *args) error {
	if name != "comment" {
		return errNoOption
	}
	// Whatever follows is the comment, even where it looks like an option and stands without quotes.
	if a.i >= len(a.toks) || not {
		return errValue
	}
	m.Text, m.given = a.toks[a.i].text, true
	a.i++
	return nil
}

func (m *CommentMatch) done(*basics) error {
	if !m.given || len(m.Text) > maxComment {
		return errValue
	}
	return nil
}

// Matches implements [Match].
func (m *CommentMatch) Matches(*Input) Tri { return Yes }

// AppendTo implements [Match].
func (m *CommentMatch) AppendTo(b []byte) []byte {
	return appendQuoted(append(b, "-m comment --comment "...), m.Text)
}

// Why implements [Match]. It is never asked: the match cannot fail.
func (m *CommentMatch) Why(*Input) Reason { return Reason{} }

// AccountMatch is -m nfacct: it counts and always passes.
type AccountMatch struct{ Name string }

func (m *AccountMatch) option(name string, not bool, a *args) error {
	if name != "nfacct-name" {
		return errNoOption
	}
	var ok bool
	if m.Name, ok = a.next(); !ok || not {
		return errValue
	}
	return nil
}

func (m *AccountMatch) done(*basics) error {
	if m.Name == "" {
		return errValue
	}
	return nil
}

// Matches implements [Match].
func (m *AccountMatch) Matches(*Input) Tri { return Yes }

// AppendTo implements [Match]. The second blank is iptables' own (nfacct_save in libxt_nfacct.c).
func (m *AccountMatch) AppendTo(b []byte) []byte {
	return appendQuoted(append(b, "-m nfacct --nfacct-name  "...), m.Name)
}

// Why implements [Match]. It is never asked: the match cannot fail.
func (m *AccountMatch) Why(*Input) Reason { return Reason{} }

// LimitMatch is -m limit. One flow is taken to stay under any limit, so it always passes.
type LimitMatch struct {
	Period uint32 // between two packets, in 1/10000 s (XT_LIMIT_SCALE)
	Burst  uint32
}

const (
	limitScale        = 10000
	defaultBurst      = 5
	defaultLimit      = 3600 * limitScale / 3 // 3/hour
	maxBurst          = 10000
	secondsPerMinute  = 60
	secondsPerHour    = 60 * secondsPerMinute
	secondsPerDay     = 24 * secondsPerHour
	maxLimitPerSecond = limitScale
)

var limitUnits = [...]struct {
	name    string
	seconds uint32
}{{"day", secondsPerDay}, {"hour", secondsPerHour}, {"minute", secondsPerMinute}, {"second", 1}}

func (m *LimitMatch) option(name string, not bool, a *args) error {
	switch name {
	case "limit":
		v, _ := a.next()
		rate, unit, hasUnit := strings.Cut(v, "/")
		seconds := uint32(1)
		if hasUnit {
			seconds = 0
			for _, u := range limitUnits {
				if unit != "" && len(unit) <= len(u.name) && strings.EqualFold(unit, u.name[:len(unit)]) {
					seconds = u.seconds
				}
			}
		}
		n, ok := parseUint32(rate)
		if not || !ok || n == 0 || seconds == 0 || n/seconds > maxLimitPerSecond {
			return errValue
		}
		m.Period = limitScale * seconds / n
	case "limit-burst":
		v, _ := a.next()
		n, ok := parseUint(v, maxBurst)
		if not || !ok || n == 0 {
			return errValue
		}
		m.Burst = uint32(n)
	default:
		return errNoOption
	}
	return nil
}

func (m *LimitMatch) done(*basics) error {
	if m.Period == 0 {
		m.Period = defaultLimit
	}
	if m.Burst == 0 {
		m.Burst = defaultBurst
	}
	return nil
}

// Matches implements [Match].
func (m *LimitMatch) Matches(*Input) Tri { return Yes }

// AppendTo implements [Match]. The unit printed is the largest that loses nothing much, as print_rate in libxt_limit.c
// chooses it: 60/minute comes back as 1/sec, 90/minute stays.
func (m *LimitMatch) AppendTo(b []byte) []byte {
	i := 1
	for ; i < len(limitUnits); i++ {
		unit := limitUnits[i].seconds * limitScale
		if m.Period > unit || unit/m.Period < unit%m.Period {
			break
		}
	}
	u := limitUnits[i-1]
	b = appendUint(append(b, "-m limit --limit "...), u.seconds*limitScale/m.Period)
	b = append(append(b, '/'), u.name[:min(3, len(u.name))]...)
	if u.name == "hour" {
		b = append(b, 'r')
	}
	if m.Burst != defaultBurst {
		b = appendUint(append(b, " --limit-burst "...), m.Burst)
	}
	return b
}

// Why implements [Match]. It is never asked: the match cannot fail.
func (m *LimitMatch) Why(*Input) Reason { return Reason{} }

// StatisticMatch is -m statistic: at random, or every nth packet.
type StatisticMatch struct {
	Random           bool
	Share            uint32 // of 1<<31, iff Random
	Every, Packet    uint32 // iff not Random
	Not              bool
	hasMode          bool
	hasP, hasN, hasK bool
}

const wholeShare = 1 << 31

func (m *StatisticMatch) option(name string, not bool, a *args) error {
	switch name {
	case "mode":
		mode, _ := a.next()
		m.Random, m.hasMode = mode == "random", true
		if not || !m.Random && mode != "nth" {
			return errValue
		}
		return nil
	case "probability":
		v, _ := a.next()
		p, err := strconv.ParseFloat(v, 64)
		if err != nil || !(p >= 0 && p <= 1) {
			return errValue
		}
		m.Share, m.hasP = uint32(p*wholeShare+0.5), true
	case "every":
		v, _ := a.next()
		n, ok := parseUint32(v)
		if !ok || n == 0 {
			return errValue
		}
		m.Every, m.hasN = n, true
	case "packet":
		v, _ := a.next()
		n, ok := parseUint32(v)
		if !ok || not {
			return errValue
		}
		m.Packet, m.hasK = n, true
		return nil
	default:
		return errNoOption
	}
	m.Not = not
	return nil
}

func (m *StatisticMatch) done(*basics) error {
	if m.Random && (!m.hasP || m.hasN || m.hasK) || !m.Random && (!m.hasMode || !m.hasN || !m.hasK || m.hasP || m.Packet >= m.Every) {
		return errValue
	}
	return nil
}

// Probability is how likely the match passes.
func (m *StatisticMatch) Probability() float64 {
	p := float64(m.Share) / wholeShare
	if !m.Random {
		p = 1 / float64(m.Every)
	}
	if m.Not {
		p = 1 - p
	}
	return p
}

// Matches implements [Match]: chance is the environment's to decide, certainty is not (xt_statistic.c).
func (m *StatisticMatch) Matches(in *Input) Tri {
	p := m.Probability()
	switch {
	case p <= 0:
		return No
	case p >= 1:
		return Yes
	case in.Env == nil:
		return Unknown
	}
	return yes(in.Env.Choose(in.rule, p))
}

// AppendTo implements [Match].
func (m *StatisticMatch) AppendTo(b []byte) []byte {
	if m.Random {
		b = append(appendNot(append(b, "-m statistic --mode random "...), m.Not), "--probability "...)
		return strconv.AppendFloat(b, float64(m.Share)/wholeShare, 'f', 11, 64)
	}
	b = appendUint(append(appendNot(append(b, "-m statistic --mode nth "...), m.Not), "--every "...), m.Every)
	return appendUint(append(b, " --packet "...), m.Packet)
}

// Why implements [Match].
func (m *StatisticMatch) Why(*Input) Reason {
	return reason(ReasonStatistic, false, strconv.FormatFloat(m.Probability(), 'f', -1, 64), "")
}

// SetMatch is -m set --match-set. Further are its other options as iptables prints them.
type SetMatch struct {
	Name    string
	Dirs    []bool // one per dimension: true is src
	Not     bool
	Further string
	unsure  bool // Further has a condition that cannot be answered
}

// maxSetDimensions is IPSET_DIM_MAX.
const maxSetDimensions = 6

func (m *SetMatch) option(name string, not bool, a *args) error {
	switch name {
	case "match-set", "set":
		v, _ := a.next()
		dirs, ok := a.next()
		m.Name, m.Not, m.Dirs = v, not, nil
		for d := range strings.SplitSeq(dirs, ",") {
			if d != "src" && d != "dst" {
				return errValue
			}
			m.Dirs = append(m.Dirs, d == "src")
		}
		if !ok || v == "" || len(v) > 31 || len(m.Dirs) > maxSetDimensions {
			return errValue
		}
	case "return-nomatch":
		m.further(not, name, "")
		m.unsure = true
		if not {
			return errValue
		}
	case "update-counters", "update-subcounters":
		if not { // updating is what happens anyway
			m.further(not, name, "")
		}
	case "packets-eq", "packets-lt", "packets-gt", "bytes-eq", "bytes-lt", "bytes-gt":
		v, _ := a.next()
		if _, ok := parseUint(v, 1<<64-1); !ok {
			return errValue
		}
		m.further(not, name, v)
		m.unsure = true
	default:
		return errNoOption
	}
	return nil
}

func (m *SetMatch) further(not bool, name, value string) {
	if not {
		m.Further += " !"
	}
	m.Further += " --" + name
	if value != "" {
		m.Further += " " + value
	}
}

func (m *SetMatch) done(*basics) error {
	if m.Name == "" {
		return errValue
	}
	return nil
}

// Matches implements [Match].
func (m *SetMatch) Matches(in *Input) Tri {
	if in.Env == nil || m.unsure {
		return Unknown
	}
	return in.Env.InSet(SetQuery{Name: m.Name, Dirs: m.Dirs, Packet: in.Packet, In: in.In, Out: in.Out}).not(m.Not)
}

func (m *SetMatch) appendValue(b []byte) []byte {
	b = append(append(b, m.Name...), ' ')
	for i, src := range m.Dirs {
		if i > 0 {
			b = append(b, ',')
		}
		if src {
			b = append(b, "src"...)
		} else {
			b = append(b, "dst"...)
		}
	}
	return b
}

// AppendTo implements [Match].
func (m *SetMatch) AppendTo(b []byte) []byte {
	b = append(appendNot(append(b, "-m set "...), m.Not), "--match-set "...)
	return append(m.appendValue(b), m.Further...)
}

// Why implements [Match].
func (m *SetMatch) Why(in *Input) Reason {
	have := make([]string, len(m.Dirs))
	for i, src := range m.Dirs {
		addr := in.Packet.IP.Dst
		if src {
			addr = in.Packet.IP.Src
		}
		have[i] = addr.String()
	}
	return reason(ReasonSet, m.Not, string(m.appendValue(nil)), strings.Join(have, ","))
}
