package iptables

import (
	"net/netip"
	"strings"

	"github.com/podpath/podpath/internal/packet"
)

// newTarget starts the target of that name; nil where podpath does not model it, or where it is a chain.
func newTarget(name string) extension {
	switch name {
	case "ACCEPT":
		return &VerdictTarget{Kind: Accept, Name: name}
	case "DROP":
		return &VerdictTarget{Kind: Drop, Name: name}
	case "RETURN":
		return &VerdictTarget{Kind: Return, Name: name}
	case "QUEUE":
		return &VerdictTarget{Kind: Queue, Name: name}
	case "TRACE":
		return &VerdictTarget{Kind: Continue, Name: name}
	case "REJECT":
		return &RejectTarget{}
	case "MARK":
		return &MarkTarget{}
	case "CONNMARK":
		return &ConnmarkTarget{NFMask: 0xffffffff, CTMask: 0xffffffff}
	case "SNAT":
		return &NATTarget{Kind: SNAT, Name: name}
	case "DNAT":
		return &NATTarget{Kind: DNAT, Name: name}
	case "MASQUERADE":
		return &NATTarget{Kind: Masquerade, Name: name}
	case "REDIRECT":
		return &NATTarget{Kind: Redirect, Name: name}
	case "NOTRACK":
		return &CTTarget{NoTrack: true, OldName: true}
	case "CT":
		return &CTTarget{}
	case "LOG":
		return &LogTarget{Level: defaultLogLevel}
	case "NFLOG":
		return &NFLogTarget{}
	case "TTL":
		return &TTLTarget{}
	}
	return nil
}

// knownTarget says whether the name is that of a target that podpath does not model.
func knownTarget(name string) bool {
	return len(name) <= len("CONNSECMARK") && knownTargets[name]
}

// knownTargets are the extensions of iptables that podpath does not model: no chain can have such a name.
var knownTargets = map[string]bool{
	"AUDIT": true, "CHECKSUM": true, "CLASSIFY": true, "CLUSTERIP": true, "CONNSECMARK": true, "DSCP": true, "ECN": true,
	"HMARK": true, "IDLETIMER": true, "LED": true, "NETMAP": true, "NFQUEUE": true, "RATEEST": true, "SECMARK": true,
	"SET": true, "SYNPROXY": true, "TCPMSS": true, "TCPOPTSTRIP": true, "TEE": true, "TOS": true, "TPROXY": true,
	"ULOG": true, "BALANCE": true, "MIRROR": true, "SAME": true,
}

// VerdictTarget is a target that needs no more than its name: ACCEPT, DROP, RETURN, QUEUE and TRACE.
type VerdictTarget struct {
	Kind VerdictKind
	Name string
}

func (t *VerdictTarget) option(string, bool, *args) error { return errNoOption }
func (t *VerdictTarget) done(*basics) error               { return nil }

// Apply implements [Target].
func (t *VerdictTarget) Apply(*Input) Verdict { return Verdict{Kind: t.Kind} }

// AppendTo implements [Target].
func (t *VerdictTarget) AppendTo(b []byte) []byte { return append(append(b, "-j "...), t.Name...) }

// JumpTarget is -j or -g to a chain. Chain is nil until it is linked.
type JumpTarget struct {
	Name  string
	Chain *Chain
	Goto  bool
}

func (t *JumpTarget) option(string, bool, *args) error { return errNoOption }
func (t *JumpTarget) done(*basics) error               { return nil }

// Apply implements [Target]. A jump that leads nowhere decides nothing.
func (t *JumpTarget) Apply(*Input) Verdict {
	switch {
	case t.Chain == nil:
		return Verdict{Kind: Undecided}
	case t.Goto:
		return Verdict{Kind: Goto, Chain: t.Chain}
	}
	return Verdict{Kind: Jump, Chain: t.Chain}
}

// AppendTo implements [Target].
func (t *JumpTarget) AppendTo(b []byte) []byte {
	if t.Goto {
		return append(append(b, "-g "...), t.Name...)
	}
	return append(append(b, "-j "...), t.Name...)
}

// UnknownTarget is a target that podpath does not model, kept as its text.
type UnknownTarget struct{ Text string }

// Apply implements [Target].
func (t *UnknownTarget) Apply(*Input) Verdict { return Verdict{Kind: Undecided} }

// AppendTo implements [Target].
func (t *UnknownTarget) AppendTo(b []byte) []byte { return append(b, t.Text...) }

// RejectTarget is -j REJECT. While the rule is read With is "" for what either family understands: its own port
// unreachable, which is also the default.
type RejectTarget struct{ With string }

// reject6Kinds are the answers of libip6t_REJECT with their short names.
var reject6Kinds = [...][2]string{
	{"icmp6-no-route", "no-route"}, {"icmp6-adm-prohibited", "adm-prohibited"}, {"icmp6-addr-unreachable", "addr-unreach"},
	{"icmp6-port-unreachable", "port-unreach"}, {"icmp6-policy-fail", "policy-fail"}, {"icmp6-reject-route", "reject-route"},
}

// rejectKinds are the answers of libipt_REJECT with their short names.
var rejectKinds = [...][2]string{
	{"icmp-net-unreachable", "net-unreach"}, {"icmp-host-unreachable", "host-unreach"},
	{"icmp-proto-unreachable", "proto-unreach"}, {"icmp-port-unreachable", "port-unreach"},
	{"icmp-net-prohibited", "net-prohib"}, {"icmp-host-prohibited", "host-prohib"}, {"tcp-reset", "tcp-rst"},
	{"icmp-admin-prohibited", "admin-prohib"},
}

func (t *RejectTarget) option(name string, not bool, a *args) error {
	if name != "reject-with" {
		return errNoOption
	}
	v, _ := a.next()
	if not {
		return errValue
	}
	if strings.EqualFold(v, "port-unreach") {
		t.With = ""
		return nil
	}
	for _, kinds := range [...][][2]string{rejectKinds[:], reject6Kinds[:]} {
		for _, k := range kinds {
			if strings.EqualFold(v, k[0]) || strings.EqualFold(v, k[1]) {
				t.With = k[0]
				return nil
			}
		}
	}
	return errValue
}

func (t *RejectTarget) family() family {
	switch {
	case strings.HasPrefix(t.With, "icmp6-"):
		return ipv6
	case strings.HasPrefix(t.With, "icmp-"):
		return ipv4
	}
	return anyFamily
}

func (t *RejectTarget) done(r *basics) error {
	if t.With == "" {
		t.With = "icmp-port-unreachable"
		if r.family == ipv6 {
			t.With = "icmp6-port-unreachable"
		}
	}
	if t.With == "tcp-reset" && r.protocol != packet.TCP {
		return errValue // the kernel refuses the rule (reject_tg_check)
	}
	return nil
}

// Apply implements [Target].
func (t *RejectTarget) Apply(*Input) Verdict { return Verdict{Kind: Reject, Reject: t.With} }

// AppendTo implements [Target].
func (t *RejectTarget) AppendTo(b []byte) []byte {
	return append(append(b, "-j REJECT --reject-with "...), t.With...)
}

// NATTarget is SNAT, DNAT, MASQUERADE or REDIRECT.
type NATTarget struct {
	Kind  VerdictKind
	Name  string
	Range NATRange
	// BasePort is the port that a shifted range counts from (DNAT --to-destination A:80-90/1000); 0 where it is not
	// shifted. Which port such a rule gives is not modelled.
	BasePort uint16
	given    bool
}

func (t *NATTarget) option(name string, not bool, a *args) error {
	if not {
		return errValue
	}
	switch name {
	case "random":
		t.Range.Random = true
		return nil
	case "random-fully":
		if t.Kind == SNAT || t.Kind == Masquerade {
			t.Range.RandomFully = true
			return nil
		}
	case "persistent":
		if t.Kind == SNAT || t.Kind == DNAT {
			t.Range.Persistent = true
			return nil
		}
	case "to-source":
		if t.Kind == SNAT {
			return t.destination(a)
		}
	case "to-destination":
		if t.Kind == DNAT {
			return t.destination(a)
		}
	case "to":
		if t.Kind == SNAT || t.Kind == DNAT {
			return t.destination(a)
		}
		return t.ports(a)
	case "to-ports", "to-port":
		if t.Kind == Masquerade || t.Kind == Redirect {
			return t.ports(a)
		}
	}
	return errNoOption
}

func (t *NATTarget) ports(a *args) error {
	v, _ := a.next()
	t.given = true
	return t.parsePorts(v)
}

func (t *NATTarget) parsePorts(s string) error {
	s, base, shifted := strings.Cut(s, "/")
	first, last, isRange := strings.Cut(s, "-")
	f, ok := parsePort(first)
	l := f
	if isRange && ok {
		l, ok = parsePort(last)
	}
	if !ok || l < f || f == 0 {
		return errValue
	}
	if shifted {
		if t.BasePort, ok = parsePort(base); !ok || t.Kind != DNAT || !isRange || t.BasePort == 0 {
			return errValue
		}
	}
	t.Range.MinPort, t.Range.MaxPort = f, l
	return nil
}

// destination reads ADDR[-ADDR][:PORT[-PORT[/BASE]]] or :PORT…. IPv6 addresses stand in brackets where a port follows:
// [ADDR-ADDR]:PORT (parse_to in libxt_NAT.c).
func (t *NATTarget) destination(a *args) error {
	v, ok := a.next()
	if !ok || t.given {
		return errValue
	}
	t.given = true
	if inside, ok := strings.CutPrefix(v, "["); ok {
		addrs, ports, closed := strings.Cut(inside, "]")
		ports, hasPorts := strings.CutPrefix(ports, ":")
		if !closed || !t.addresses(addrs) || !t.Range.Min.Is6() || !hasPorts && ports != "" {
			return errValue
		}
		if hasPorts {
			return t.parsePorts(ports)
		}
		return nil
	}
	addrs, ports, hasPorts := strings.Cut(v, ":")
	switch {
	case addrs == "" && !hasPorts:
		return errValue
	case addrs != "" && !t.addresses(addrs), hasPorts && strings.Contains(ports, ":"):
		if !t.addresses(v) || !t.Range.Min.Is6() { // the colons may be the address's
			return errValue
		}
	case hasPorts:
		return t.parsePorts(ports)
	}
	return nil
}

// addresses reads ADDR[-ADDR]; false where it is none.
func (t *NATTarget) addresses(s string) bool {
	first, last, isRange := strings.Cut(s, "-")
	f, err := netip.ParseAddr(first)
	l := f
	if isRange && err == nil {
		l, err = netip.ParseAddr(last)
	}
	if err != nil || f.Is4() != l.Is4() || f.Zone() != "" || l.Zone() != "" || l.Less(f) {
		return false
	}
	t.Range.Min, t.Range.Max = f, l
	return true
}

func (t *NATTarget) done(r *basics) error {
	if (t.Kind == SNAT || t.Kind == DNAT) && !t.given {
		return errValue
	}
	if t.Range.MinPort != 0 {
		switch r.protocol {
		case packet.TCP, packet.UDP, packet.SCTP, packet.ICMP, dccp, udplite:
		default:
			return errValue
		}
	}
	return nil
}

// Apply implements [Target]. The mapping itself is made by who keeps the connections.
func (t *NATTarget) Apply(*Input) Verdict {
	if t.BasePort != 0 {
		return Verdict{Kind: Undecided}
	}
	return Verdict{Kind: t.Kind, NAT: &t.Range}
}

// AppendTo implements [Target].
func (t *NATTarget) AppendTo(b []byte) []byte {
	b = append(append(b, "-j "...), t.Name...)
	r := &t.Range
	if t.given {
		switch t.Kind {
		case SNAT:
			b = append(b, " --to-source "...)
		case DNAT:
			b = append(b, " --to-destination "...)
		default:
			b = append(b, " --to-ports "...)
		}
	}
	brackets := r.Min.Is6() && r.MinPort != 0
	if brackets {
		b = append(b, '[')
	}
	if r.Min.IsValid() {
		b = appendAddress(b, r.Min)
		if r.Max != r.Min {
			b = appendAddress(append(b, '-'), r.Max)
		}
	}
	if brackets {
		b = append(b, ']')
	}
	if r.MinPort != 0 {
		if t.Kind == SNAT || t.Kind == DNAT {
			b = append(b, ':')
		}
		b = appendUint(b, r.MinPort)
		if r.MaxPort != r.MinPort || t.BasePort != 0 {
			b = appendUint(append(b, '-'), r.MaxPort)
		}
		if t.BasePort != 0 {
			b = appendUint(append(b, '/'), t.BasePort)
		}
	}
	if r.Random {
		b = append(b, " --random"...)
	}
	if r.RandomFully {
		b = append(b, " --random-fully"...)
	}
	if r.Persistent {
		b = append(b, " --persistent"...)
	}
	return b
}
