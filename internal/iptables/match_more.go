package iptables

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/packet"
)

// RecentMatch is -m recent: a list of addresses seen, which kube-proxy keeps for session affinity.
type RecentMatch struct {
	Op                RecentOp
	Name              string
	Mask              uint32
	Mask6             [16]byte // in place of Mask in a rule of ip6tables
	family            family   // where a mask shows it
	Dst, Not          bool     // Dst: --rdest
	Seconds, HitCount uint32
	Reap, TTL         bool
}

var recentOps = [...]string{RecentSet: "set", RecentCheck: "rcheck", RecentUpdate: "update", RecentRemove: "remove"}

func (m *RecentMatch) option(name string, not bool, a *args) error {
	for op, n := range recentOps {
		if n == name && n != "" {
			if m.Op != 0 {
				return errValue
			}
			m.Op, m.Not = RecentOp(op), not
			return nil
		}
	}
	ok := true
	switch name {
	case "seconds":
		ok = number(&m.Seconds, a) && m.Seconds > 0
	case "hitcount":
		ok = number(&m.HitCount, a) && m.HitCount > 0
	case "name":
		m.Name, ok = a.next()
	case "mask":
		v, _ := a.next()
		addr, err := netip.ParseAddr(v)
		m.family = ipv4
		if m.Mask, ok = toUint32(addr), err == nil && addr.Is4(); !ok {
			m.family = ipv6
			m.Mask6, ok = parseAddress6(v)
		}
	case "reap":
		m.Reap = true
	case "rttl":
		m.TTL = true
	case "rsource":
		m.Dst = false
	case "rdest":
		m.Dst = true
	default:
		return errNoOption
	}
	if !ok || not {
		return errValue
	}
	return nil
}

func number(n *uint32, a *args) bool {
	v, _ := a.next()
	var ok bool
	*n, ok = parseUint32(v)
	return ok
}

func (m *RecentMatch) done(r *basics) error {
	if m.family == anyFamily && r.family == ipv6 {
		m.family, m.Mask6 = ipv6, wholeMask6
	}
	if m.Mask == 0 {
		m.Mask = 0xffffffff
	}
	if m.Name == "" {
		m.Name = "DEFAULT"
	}
	conditions := m.Seconds > 0 || m.HitCount > 0 || m.TTL
	if m.Op == 0 || conditions && (m.Op == RecentSet || m.Op == RecentRemove) || m.Reap && m.Seconds == 0 {
		return errValue
	}
	return nil
}

// Matches implements [Match]. --set always finds its address (recent_mt in xt_recent.c); for the others the list is
// asked, which is empty where the environment keeps none.
func (m *RecentMatch) Matches(in *Input) Tri {
	addr := in.Packet.IP.Src
	if m.Dst {
		addr = in.Packet.IP.Dst
	}
	found := No
	if env, ok := in.Env.(RecentEnv); ok && m.family != ipv6 {
		found = env.Recent(RecentQuery{Op: m.Op, List: m.Name, Addr: toAddr(toUint32(addr) & m.Mask),
			Seconds: m.Seconds, HitCount: m.HitCount, Rule: in.rule})
	}
	if m.Op == RecentSet {
		found = Yes
	}
	return found.not(m.Not)
}

// AppendTo implements [Match].
func (m *RecentMatch) AppendTo(b []byte) []byte {
	b = append(append(appendNot(append(b, "-m recent "...), m.Not), "--"...), recentOps[m.Op]...)
	if m.Seconds > 0 {
		b = appendUint(append(b, " --seconds "...), m.Seconds)
	}
	if m.Reap {
		b = append(b, " --reap"...)
	}
	if m.HitCount > 0 {
		b = appendUint(append(b, " --hitcount "...), m.HitCount)
	}
	if m.TTL {
		b = append(b, " --rttl"...)
	}
	b = append(b, " --name "...)
	if strings.ContainsAny(m.Name, " \t\"\\'") {
		b = appendQuoted(b, m.Name) // iptables-save leaves the quotes out and could not read its own line
	} else {
		b = append(b, m.Name...)
	}
	b = append(b, " --mask "...)
	if m.family == ipv6 {
		b = appendAddress(b, netip.AddrFrom16(m.Mask6))
	} else {
		b = toAddr(m.Mask).AppendTo(b)
	}
	if m.Dst {
		return append(b, " --rdest"...)
	}
	return append(b, " --rsource"...)
}

// Why implements [Match].
func (m *RecentMatch) Why(in *Input) Reason {
	addr := in.Packet.IP.Src
	if m.Dst {
		addr = in.Packet.IP.Dst
	}
	return reason(ReasonRecent, m.Not, m.Name, addr.String())
}

// MACMatch is -m mac --mac-source.
type MACMatch struct {
	MAC   packet.MAC
	Not   bool
	given bool
}

func (m *MACMatch) option(name string, not bool, a *args) error {
	if name != "mac-source" {
		return errNoOption
	}
	v, _ := a.next()
	parts := strings.Split(v, ":")
	if len(parts) != len(m.MAC) {
		return errValue
	}
	for i, s := range parts {
		n, err := strconv.ParseUint(s, 16, 8)
		if err != nil || len(s) > 2 {
			return errValue
		}
		m.MAC[i] = byte(n)
	}
	m.Not, m.given = not, true
	return nil
}

func (m *MACMatch) done(*basics) error {
	if !m.given {
		return errValue
	}
	return nil
}

// Matches implements [Match]. A packet without an Ethernet header fails, inverted or not (xt_mac.c).
func (m *MACMatch) Matches(in *Input) Tri {
	have := in.Packet.Eth
	return yes(have != packet.Ethernet{} && (have.Src == m.MAC) != m.Not)
}

// AppendTo implements [Match].
func (m *MACMatch) AppendTo(b []byte) []byte {
	return append(append(appendNot(append(b, "-m mac "...), m.Not), "--mac-source "...), m.MAC.String()...)
}

// Why implements [Match].
func (m *MACMatch) Why(in *Input) Reason {
	have := ""
	if in.Packet.Eth != (packet.Ethernet{}) {
		have = in.Packet.Eth.Src.String()
	}
	return reason(ReasonMAC, m.Not, m.MAC.String(), have)
}

// PhysdevMatch is -m physdev: the bridge ports of a packet that br_netfilter shows to iptables.
type PhysdevMatch struct {
	In, Out                         *InterfaceMatch
	IsIn, IsOut, IsBridged          bool
	NotIsIn, NotIsOut, NotIsBridged bool
}

func (m *PhysdevMatch) option(name string, not bool, a *args) error {
	switch name {
	case "physdev-in", "physdev-out":
		v, ok := a.next()
		if !ok || !interfaceName(v) {
			return errValue
		}
		if name == "physdev-in" {
			m.In = newInterfaceMatch(v, false, not)
		} else {
			m.Out = newInterfaceMatch(v, true, not)
		}
	case "physdev-is-in":
		m.IsIn, m.NotIsIn = true, not
	case "physdev-is-out":
		m.IsOut, m.NotIsOut = true, not
	case "physdev-is-bridged":
		m.IsBridged, m.NotIsBridged = true, not
	default:
		return errNoOption
	}
	return nil
}

func (m *PhysdevMatch) done(*basics) error {
	if m.In == nil && m.Out == nil && !m.IsIn && !m.IsOut && !m.IsBridged {
		return errValue
	}
	return nil
}

// Matches implements [Match] (physdev_mt in xt_physdev.c). A packet that crosses no bridge passes inverted tests only.
func (m *PhysdevMatch) Matches(in *Input) Tri {
	if in.PhysIn == "" && in.PhysOut == "" {
		return yes(!(m.IsBridged && !m.NotIsBridged || m.IsIn && !m.NotIsIn || m.IsOut && !m.NotIsOut ||
			m.In != nil && !m.In.Not || m.Out != nil && !m.Out.Not))
	}
	switch {
	case m.IsBridged && (in.PhysOut != "") == m.NotIsBridged,
		m.IsIn && (in.PhysIn != "") == m.NotIsIn,
		m.IsOut && (in.PhysOut != "") == m.NotIsOut,
		m.In != nil && !m.In.passes(in.PhysIn),
		m.Out != nil && !m.Out.passes(in.PhysOut):
		return No
	}
	return Yes
}

// AppendTo implements [Match].
func (m *PhysdevMatch) AppendTo(b []byte) []byte {
	return append(append(b, "-m physdev"...), m.options()...)
}

func (m *PhysdevMatch) options() string {
	var b []byte
	if m.IsIn {
		b = append(appendNot(append(b, ' '), m.NotIsIn), "--physdev-is-in"...)
	}
	if m.In != nil {
		b = append(append(appendNot(append(b, ' '), m.In.Not), "--physdev-in "...), m.In.Name...)
	}
	if m.IsOut {
		b = append(appendNot(append(b, ' '), m.NotIsOut), "--physdev-is-out"...)
	}
	if m.Out != nil {
		b = append(append(appendNot(append(b, ' '), m.Out.Not), "--physdev-out "...), m.Out.Name...)
	}
	if m.IsBridged {
		b = append(appendNot(append(b, ' '), m.NotIsBridged), "--physdev-is-bridged"...)
	}
	return string(b)
}

// Why implements [Match].
func (m *PhysdevMatch) Why(in *Input) Reason {
	return reason(ReasonPhysdev, false, strings.TrimPrefix(m.options(), " "), strings.Trim(in.PhysIn+" "+in.PhysOut, " "))
}

// OwnerMatch is -m owner: the user or group of the socket. Options are kept as iptables prints them.
type OwnerMatch struct {
	UID, GID          string // "1337" or "5-10"
	NotUID, NotGID    bool
	Exists, NotExists bool
	SupplGroups       bool
}

func (m *OwnerMatch) option(name string, not bool, a *args) error {
	switch name {
	case "uid-owner", "gid-owner":
		v, _ := a.next()
		if v == "root" {
			v = "0"
		}
		first, last, isRange := strings.Cut(v, "-")
		f, ok1 := parseUint32(first)
		l, ok2 := f, true
		if isRange {
			l, ok2 = parseUint32(last)
		}
		if !ok1 || !ok2 || f > l {
			return errValue
		}
		v = strconv.FormatUint(uint64(f), 10)
		if f != l {
			v += "-" + strconv.FormatUint(uint64(l), 10)
		}
		if name == "uid-owner" {
			m.UID, m.NotUID = v, not
		} else {
			m.GID, m.NotGID = v, not
		}
	case "socket-exists":
		m.Exists, m.NotExists = true, not
	case "suppl-groups":
		if not {
			return errValue
		}
		m.SupplGroups = true
	default:
		return errNoOption
	}
	return nil
}

func (m *OwnerMatch) done(*basics) error {
	if m.UID == "" && m.GID == "" && !m.Exists {
		return errValue
	}
	return nil
}

// Matches implements [Match]. A packet that no socket here made passes inverted tests only (owner_mt in xt_owner.c); who
// owns a socket is nothing that the model has.
func (m *OwnerMatch) Matches(in *Input) Tri {
	if !in.Local {
		return yes(!(m.UID != "" && !m.NotUID || m.GID != "" && !m.NotGID || m.Exists && !m.NotExists))
	}
	switch {
	case m.Exists && m.NotExists:
		return No
	case m.UID == "" && m.GID == "":
		return Yes
	}
	return Unknown
}

// AppendTo implements [Match].
func (m *OwnerMatch) AppendTo(b []byte) []byte {
	return append(append(b, "-m owner"...), m.options()...)
}

func (m *OwnerMatch) options() string {
	var b []byte
	if m.Exists {
		b = append(appendNot(append(b, ' '), m.NotExists), "--socket-exists"...)
	}
	if m.UID != "" {
		b = append(append(appendNot(append(b, ' '), m.NotUID), "--uid-owner "...), m.UID...)
	}
	if m.GID != "" {
		b = append(append(appendNot(append(b, ' '), m.NotGID), "--gid-owner "...), m.GID...)
	}
	if m.SupplGroups {
		b = append(b, " --suppl-groups"...)
	}
	return string(b)
}

// Why implements [Match].
func (m *OwnerMatch) Why(in *Input) Reason {
	have := "no local socket"
	if in.Local {
		have = "a local socket"
	}
	return reason(ReasonOwner, false, strings.TrimPrefix(m.options(), " "), have)
}

// RPFilterMatch is -m rpfilter: does the answer leave by the interface the packet came in by?
type RPFilterMatch struct{ Loose, ValidMark, AcceptLocal, Invert bool }

func (m *RPFilterMatch) option(name string, not bool, _ *args) error {
	switch name {
	case "loose":
		m.Loose = true
	case "validmark":
		m.ValidMark = true
	case "accept-local":
		m.AcceptLocal = true
	case "invert":
		m.Invert = true
	default:
		return errNoOption
	}
	if not {
		return errValue
	}
	return nil
}

func (m *RPFilterMatch) done(*basics) error { return nil }

// Matches implements [Match]. What came by the loopback passes (rpfilter_is_loopback in ipt_rpfilter.c).
func (m *RPFilterMatch) Matches(in *Input) Tri {
	switch {
	case in.In == "lo":
		return yes(!m.Invert)
	case in.Env == nil:
		return Unknown
	}
	return in.Env.ReversePath(in.Packet, in.In, m.Loose, m.ValidMark, m.AcceptLocal).not(m.Invert)
}

// AppendTo implements [Match].
func (m *RPFilterMatch) AppendTo(b []byte) []byte {
	b = append(b, "-m rpfilter"...)
	for _, o := range [...]struct {
		on   bool
		name string
	}{{m.Loose, " --loose"}, {m.ValidMark, " --validmark"}, {m.AcceptLocal, " --accept-local"}, {m.Invert, " --invert"}} {
		if o.on {
			b = append(b, o.name...)
		}
	}
	return b
}

// Why implements [Match].
func (m *RPFilterMatch) Why(in *Input) Reason {
	want, have := "reverse route by "+in.In, "none"
	if m.Invert {
		want, have = "no reverse route by "+in.In, in.In
	}
	return reason(ReasonRPFilter, false, want, have)
}
