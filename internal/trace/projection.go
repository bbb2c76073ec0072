package trace

import (
	"strings"

	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// PathRow is one crossing of an interface: a row of --output path, in the form of a kernel recording's path.json.
type PathRow struct {
	Packet int       `json:"packet"`
	Label  string    `json:"label"`
	NS     string    `json:"ns"`
	Dev    string    `json:"dev"`
	Dir    string    `json:"dir"`
	Eth    *EthRow   `json:"eth,omitempty"`
	IP     IPRow     `json:"ip"`
	L4     L4Row     `json:"l4"`
	Outer  *OuterRow `json:"outer,omitempty"`
}

// EthRow is a frame's addresses.
type EthRow struct {
	Src string `json:"src"`
	Dst string `json:"dst"`
}

// IPRow is an IP header as recordings have it.
type IPRow struct {
	Src   string `json:"src"`
	Dst   string `json:"dst"`
	TTL   int    `json:"ttl"`
	Len   int    `json:"len"`
	Proto string `json:"proto"`
	DF    bool   `json:"df"`
	TOS   int    `json:"tos,omitempty"`
}

// L4Row is a transport header: ports and flags, or an ICMP message and what it is about.
type L4Row struct {
	SrcPort *int      `json:"sport,omitempty"`
	DstPort *int      `json:"dport,omitempty"`
	Flags   string    `json:"flags,omitempty"`
	Payload *int      `json:"payload,omitempty"`
	Type    *int      `json:"type,omitempty"`
	Code    *int      `json:"code,omitempty"`
	MTU     int       `json:"mtu,omitempty"`
	About   *AboutRow `json:"about,omitempty"`
}

// AboutRow is the packet that an ICMP error quotes.
type AboutRow struct {
	Src     string `json:"src"`
	Dst     string `json:"dst"`
	TTL     int    `json:"ttl"`
	Proto   string `json:"proto"`
	SrcPort *int   `json:"sport,omitempty"`
	DstPort *int   `json:"dport,omitempty"`
}

// OuterRow is a tunnel's headers.
type OuterRow struct {
	Eth *EthRow `json:"eth,omitempty"`
	IPRow
	SrcPort *int `json:"sport,omitempty"`
	DstPort *int `json:"dport,omitempty"`
	VNI     *int `json:"vni,omitempty"`
}

// RuleRow is one rule met: a row of --output rules, in the form of a kernel recording's rules.json.
type RuleRow struct {
	Packet  int    `json:"packet"`
	Label   string `json:"label"`
	NS      string `json:"ns"`
	Hook    string `json:"hook"`
	Family  string `json:"family,omitempty"`
	Table   string `json:"table"`
	Chain   string `json:"chain"`
	Verdict string `json:"verdict"`
	Rule    int    `json:"rule,omitempty"`
	Text    string `json:"text,omitempty"`
	Mark    string `json:"mark,omitempty"`
	At      *AtRow `json:"at,omitempty"`
}

// AtRow is the packet as it was at a hook.
type AtRow struct {
	In    *string `json:"iif"`
	Out   *string `json:"oif"`
	Src   string  `json:"src"`
	Dst   string  `json:"dst"`
	TTL   int     `json:"ttl"`
	Proto string  `json:"proto"`
	SPort *int    `json:"sport,omitempty"`
	DPort *int    `json:"dport,omitempty"`
	Mark  string  `json:"mark"`
	CT    string  `json:"ct,omitempty"`
	CTDir string  `json:"ct_dir,omitempty"`
}

// packetLabel is what recordings call a packet.
func packetLabel(l *Leg, p *packet.Packet) string {
	f := p.Innermost()
	if f.IP.Protocol == packet.ICMP {
		switch [2]uint8{f.L4.ICMPType, f.L4.ICMPCode} {
		case [2]uint8{3, 4}:
			return "ICMP fragmentation needed"
		case [2]uint8{11, 0}:
			return "ICMP time exceeded"
		case [2]uint8{3, 1}:
			return "ICMP host unreachable"
		case [2]uint8{3, 3}:
			return "ICMP port unreachable"
		}
		return "ICMP " + itoa(int(f.L4.ICMPType)) + "/" + itoa(int(f.L4.ICMPCode))
	}
	return l.Label
}

// first is the packet of a leg as its sender made it.
func (t *Trace) first(l *Leg) *packet.Packet {
	return &t.Packets[t.steps[t.hops[l.firstH].first].Before]
}

// Crossing is a packet's passing of one interface.
type Crossing struct {
	Leg, Hop  int
	Step      int    // index into the hop's steps
	Label     string // SYN, UDP, ICMP time exceeded …
	Namespace *topology.Namespace
	Interface *topology.Interface
	Out       bool
	Packet    *packet.Packet
}

// Crossings are all of a trace, in order. A bridge's port that sees a frame which is not for it counts as none.
func (t *Trace) Crossings() []Crossing {
	var out []Crossing
	for n := range t.Legs {
		l := &t.Legs[n]
		label := packetLabel(l, t.first(l))
		for h := range t.Hops(l) {
			hop := &t.Hops(l)[h]
			if hop.NS == nil {
				continue
			}
			steps := t.Steps(hop)
			for i := range steps {
				s := &steps[i]
				in := s.Stage == StageReceive || s.Code == BridgeUp || s.Code == BridgeCopy
				switch {
				case s.Interface == nil || !in && s.Stage != StageTransmit:
					continue
				case s.Stage == StageReceive && s.Interface.Master == "" && hop.In != s.Interface.Name:
					continue // the bridge's own step stands for it
				case s.Code == FrameOnPort && t.Packets[s.Packet].Eth.Dst != s.Interface.MAC:
					continue // a port sees a frame that is not for it; recordings leave these out (otherhost)
				}
				out = append(out, Crossing{Leg: n, Hop: h, Step: i, Label: label, Namespace: hop.NS, Interface: s.Interface, Out: !in, Packet: &t.Packets[s.Packet]})
			}
		}
	}
	return out
}

// Path lists every crossing of an interface, in order.
func (t *Trace) Path() []PathRow {
	var out []PathRow
	for _, c := range t.Crossings() {
		row := PathRow{Packet: c.Leg + 1, Label: c.Label, NS: c.Namespace.Name, Dev: c.Interface.Name, Dir: "in"}
		if c.Out {
			row.Dir = "out"
		}
		row.fill(c.Packet)
		out = append(out, row)
	}
	return out
}

func (r *PathRow) fill(p *packet.Packet) {
	f := p.Innermost()
	if p.Encap != packet.NoEncap {
		o := &OuterRow{Eth: ethRow(p.Eth), IPRow: ipRow(&p.IP)}
		if p.Encap == packet.EncapVXLAN {
			o.SrcPort, o.DstPort = intp(int(p.L4.SrcPort)), intp(int(p.L4.DstPort))
			o.VNI = intp(int(p.VNI))
		}
		r.Outer = o
	}
	r.Eth, r.IP, r.L4 = ethRow(f.Eth), ipRow(&f.IP), l4Row(f, &p.About)
}

func ethRow(e packet.Ethernet) *EthRow {
	if e == (packet.Ethernet{}) {
		return nil
	}
	return &EthRow{e.Src.String(), e.Dst.String()}
}

func ipRow(h *packet.IPv4) IPRow {
	return IPRow{h.Src.String(), h.Dst.String(), int(h.TTL), int(h.Len), h.Protocol.String(), h.DF, int(h.TOS)}
}

func l4Row(f *packet.Frame, about *packet.Quote) L4Row {
	switch f.IP.Protocol {
	case packet.TCP:
		return L4Row{SrcPort: intp(int(f.L4.SrcPort)), DstPort: intp(int(f.L4.DstPort)), Flags: f.L4.Flags.String(), Payload: intp(int(f.L4.Payload))}
	case packet.UDP:
		return L4Row{SrcPort: intp(int(f.L4.SrcPort)), DstPort: intp(int(f.L4.DstPort)), Payload: intp(int(f.L4.Payload))}
	case packet.ICMP:
		r := L4Row{Type: intp(int(f.L4.ICMPType)), Code: intp(int(f.L4.ICMPCode))}
		if packet.IsICMPError(f.L4.ICMPType) {
			a := &AboutRow{Src: about.IP.Src.String(), Dst: about.IP.Dst.String(), TTL: int(about.IP.TTL), Proto: about.IP.Protocol.String()}
			if about.IP.Protocol == packet.TCP || about.IP.Protocol == packet.UDP {
				a.SrcPort, a.DstPort = intp(int(about.L4.SrcPort)), intp(int(about.L4.DstPort))
			}
			r.About = a
			if f.L4.ICMPType == packet.ICMPUnreachable && f.L4.ICMPCode == 4 {
				r.MTU = int(f.L4.MTU)
			}
		}
		return r
	}
	return L4Row{}
}

// Rules lists every rule met, in order, for the namespaces that the topology says are traced, else for all.
func (t *Trace) Rules() []RuleRow {
	var out []RuleRow
	for n := range t.Legs {
		l := &t.Legs[n]
		label := packetLabel(l, t.first(l))
		marks := map[string]string{}
		for h := range t.Hops(l) {
			hop := &t.Hops(l)[h]
			if hop.NS == nil || !t.Topology.IsTraced(hop.NS) {
				continue
			}
			steps := t.Steps(hop)
			for i := range steps {
				s := &steps[i]
				if s.Stage != StageNetfilter {
					continue
				}
				row := RuleRow{Packet: n + 1, Label: label, NS: hop.Name, Hook: s.Hook.String(), Table: s.Base.Table, Verdict: s.verdictText()}
				if s.Base.NFT != nil {
					row.Family = s.Base.Family
				}
				row.Chain, row.Rule, row.Text = s.place()
				mark := hexMark(t.Packets[s.Packet].Mark)
				last, ok := marks[hop.Name]
				if !ok {
					last = "0x0"
				}
				if mark != last {
					row.Mark = mark
				}
				marks[hop.Name] = mark
				if s.First {
					row.At = t.at(hop, s, mark)
					if s.State == packet.CTNone && s.Code == RuleNotrack {
						row.At.CT, row.At.CTDir = packet.CTUntracked.String(), "original" // as the rule left it, like the mark
					}
				}
				out = append(out, row)
			}
		}
	}
	return out
}

// place is where a netfilter step happened: chain, rule number, text. A chain that ran out has "(end of chain)" for a
// rule; a policy has neither.
func (s *Step) place() (chain string, rule int, text string) {
	switch {
	case s.NFTChain != nil:
		chain = s.NFTChain.Name
	case s.Chain != nil:
		chain = s.Chain.Name
	}
	switch {
	case s.NFTRule != nil:
		return chain, s.NFTRule.Number, s.NFTRule.Text()
	case s.Rule != nil:
		return chain, s.Rule.Number, s.Rule.Text()
	case s.Code == ChainEnd:
		return chain, 0, "(end of chain)"
	}
	return chain, 0, ""
}

// decided is the line of a netfilter step that ended a packet: the rule, or the policy as `iptables -S` writes it.
func (s *Step) decided() string {
	chain, _, text := s.place()
	if text == "" {
		return "-P " + chain + " " + policyWord(s)
	}
	return text
}

// verdictText is the kernel's own word: a REJECT target has ended the packet itself, which nf_tables traces as drop.
func (s *Step) verdictText() string {
	switch s.Verdict {
	case VerdictJump, VerdictGoto:
		return s.Verdict.String() + " " + s.Target
	case VerdictReject:
		return "drop"
	case VerdictUndecided:
		return "continue"
	}
	return s.Verdict.String()
}

// at is the packet as the hook found it: headers before a mapping of the same step, the mark as the rule left it.
func (t *Trace) at(hop *Hop, s *Step, mark string) *AtRow {
	p := &t.Packets[s.Packet]
	switch s.Code {
	case RuleSNAT, RuleDNAT, RuleMasquerade, RuleRedirect:
		p = &t.Packets[s.Before]
	}
	f := &p.Frame
	r := &AtRow{Src: f.IP.Src.String(), Dst: f.IP.Dst.String(), TTL: int(f.IP.TTL), Proto: f.IP.Protocol.String(), Mark: mark,
		CT: s.State.String()}
	switch f.IP.Protocol {
	case packet.TCP, packet.UDP:
		r.SPort, r.DPort = intp(int(f.L4.SrcPort)), intp(int(f.L4.DstPort))
	}
	if r.CT != "" {
		r.CTDir = "original"
		if s.Reply {
			r.CTDir = "reply"
		}
	}
	r.In, r.Out = strp(nameOf(s.In)), strp(nameOf(s.Out))
	return r
}

func strp(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func intp(n int) *int { return &n }

func hexMark(m uint32) string { return "0x" + strings.ToLower(hex(m)) }

// ConntrackLines prints the connections of a namespace as `conntrack -L -o extended` does, without timers.
func (t *Trace) ConntrackLines(ns string) []string {
	var out []string
	for _, e := range t.Conntrack(ns) {
		var b strings.Builder
		b.WriteString("src=" + e.Original.Src.String() + " dst=" + e.Original.Dst.String() + tuplePorts(e.Original))
		if e.Status&packet.StatusSeenReply == 0 {
			b.WriteString(" [UNREPLIED]")
		}
		b.WriteString(" src=" + e.Reply.Src.String() + " dst=" + e.Reply.Dst.String() + tuplePorts(e.Reply))
		if e.Status&packet.StatusAssured != 0 {
			b.WriteString(" [ASSURED]")
		}
		b.WriteString(" mark=" + itoa(int(e.Mark)))
		out = append(out, conntrackName(e.Original.Protocol)+" "+b.String())
	}
	return out
}

// conntrackName is what conntrack(8) calls a protocol: those without a tracker of their own are unknown to it.
func conntrackName(p packet.Protocol) string {
	switch p {
	case packet.TCP, packet.UDP, packet.ICMP, packet.SCTP:
		return p.String()
	}
	return "unknown"
}

func tuplePorts(t packet.Tuple) string {
	switch {
	case t.Protocol == packet.ICMP:
		return " type=" + itoa(int(t.DstPort>>8)) + " code=" + itoa(int(t.DstPort&0xff)) + " id=" + itoa(int(t.SrcPort))
	case !t.Protocol.HasPorts():
		return ""
	}
	return " sport=" + itoa(int(t.SrcPort)) + " dport=" + itoa(int(t.DstPort))
}
