package trace

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/nftables"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// Engine names the program in documents.
const Engine = "podpath 0.1.0"

// Document renders the trace as data: texts, bytes and changes are made here.
func (t *Trace) Document() *Document {
	q := t.Query
	d := &Document{Version: 1, Engine: Engine, Outcome: t.Outcome,
		Query: QueryDocument{Source: orElse(q.SourceName, q.From), Destination: orElse(q.DestinationName, q.To.String()), Protocol: q.Protocol.String(),
			TTL: int(q.TTL), DontFragment: q.DF, Options: q.Options, Choices: q.Choices},
		Assumptions: []ReasonDocument{}, Conntrack: []ConnDocument{}, Choices: []ChoiceDocument{}}
	if q.Protocol != packet.ICMP {
		d.Query.SourcePort, d.Query.DestinationPort = int(q.SrcPort), int(q.DstPort)
	}
	if len(t.Legs) > 0 {
		d.Query.Size = int(t.first(&t.Legs[0]).IP.Len)
	}
	for _, a := range t.Assumptions {
		d.Assumptions = append(d.Assumptions, ReasonDocument{Code: string(a.Code), Args: a.Args})
	}
	for i := range t.Packets {
		d.Packets = append(d.Packets, packetDocument(&t.Packets[i]))
	}
	for i := range t.Legs {
		d.Legs = append(d.Legs, t.legDocument(&t.Legs[i]))
	}
	for i := range t.Legs {
		if l := &t.Legs[i]; l.Outcome != Delivered && d.Reason == nil {
			s := t.End(l)
			d.Reason = &ReasonDocument{Code: string(s.Code), Args: t.args(s), Would: t.would(s)}
		}
	}
	d.Conntrack = t.connDocuments()
	for _, c := range t.Choices {
		x := ChoiceDocument{ID: c.ID, Kind: c.Kind, Chosen: c.Chosen}
		for _, o := range c.Options {
			x.Options = append(x.Options, OptionDocument(o))
		}
		d.Choices = append(d.Choices, x)
	}
	d.Stations = stations(d)
	return d
}

func orElse(s, other string) string {
	if s != "" {
		return s
	}
	return other
}

func packetDocument(p *packet.Packet) PacketDocument {
	d := PacketDocument{Mark: p.Mark, CTMark: p.CTMark}
	if raw, err := p.Bytes(); err == nil {
		d.Bytes = base64.StdEncoding.EncodeToString(raw)
	}
	for _, l := range p.Layers() {
		x := LayerDocument{Type: l.Type, Length: l.Length, Outer: l.Outer}
		for _, f := range l.Fields {
			x.Fields = append(x.Fields, FieldDocument{f[0], f[1]})
		}
		d.Layers = append(d.Layers, x)
	}
	return d
}

func (t *Trace) legDocument(l *Leg) LegDocument {
	d := LegDocument{Kind: string(l.Kind), Label: packetLabel(l, t.first(l)), Outcome: l.Outcome}
	for h := range t.Hops(l) {
		hop := &t.Hops(l)[h]
		x := HopDocument{Namespace: hop.Name, Kind: string(hop.Kind), Visit: hop.Visit, In: strp(hop.In), Out: strp(hop.Out), Steps: []StepDocument{}}
		for i := range t.Steps(hop) {
			x.Steps = append(x.Steps, t.stepDocument(hop, &t.Steps(hop)[i]))
		}
		d.Hops = append(d.Hops, x)
	}
	return d
}

func (t *Trace) stepDocument(h *Hop, s *Step) StepDocument {
	d := StepDocument{Stage: s.Stage.String(), Verdict: s.Verdict.String(), Code: string(s.Code), Packet: int(s.Packet),
		Args: t.args(s), Would: t.would(s)}
	if s.HasHook {
		d.Hook = s.Hook.String()
	}
	if s.Stage == StageNetfilter {
		d.Target = s.Target
	}
	if s.Interface != nil {
		d.Interface = s.Interface.Name
	}
	if s.Base != nil {
		d.Family, d.Table = s.Base.Family, s.Base.Table
		d.Chain, d.Rule, d.Text = s.place()
		if s.Code == ChainEnd {
			d.Text = ""
		}
		if s.Code == ChainPolicy || s.Code == ChainPolicyDrop {
			d.Text = "-P " + d.Chain + " " + policyWord(s)
			if s.NFTChain != nil {
				d.Text = "policy " + s.NFTChain.Policy
			}
		}
	}
	d.Passed = int(s.missN)
	for _, m := range t.Misses(s) {
		d.Misses = append(d.Misses, t.missDocument(h, s, m))
	}
	switch {
	case s.Stage == StageNeighbour && s.Neighbour != nil:
		d.Text = s.Neighbour.String()
	case s.Code == PolicyRule:
		d.Text = s.Policy.String()
		d.Evidence = t.passedRules(h, s)
	case s.Route != nil && s.Code != SourceByRoute && s.Code != SourceBound:
		d.Text = s.Route.String()
		d.Evidence = t.otherRoutes(h, s)
	}
	for _, c := range packet.Diff(&t.Packets[s.Before], &t.Packets[s.Packet]) {
		d.Changes = append(d.Changes, Change(c))
	}
	return d
}

// missDocument says why a rule did not match: by the packet as the step found it, in the namespace where it was.
func (t *Trace) missDocument(h *Hop, s *Step, m Miss) MissDocument {
	p := t.Packets[s.Before]
	conn := packet.Conn{State: s.State, Reply: s.Reply, Mark: p.CTMark}
	if s.Entry != nil {
		conn = netfilter.Ref{Entry: s.Entry, State: s.State, Reply: s.Reply}.Conn()
		conn.Mark = p.CTMark
	}
	w := &walker{t: t, top: t.Topology, ns: h.NS}
	if m.Rule != nil {
		in := iptables.Input{Packet: &p, Conn: &conn, In: nameOf(s.In), Out: nameOf(s.Out), Env: (*env)(w)}
		r := m.Rule.Matches[m.Match].Why(&in)
		return MissDocument{Rule: m.Rule.Number, Text: m.Rule.Text(), Code: r.Code, Args: pairs(r.Args)}
	}
	in := nftables.Input{Packet: &p, Conn: &conn, In: nameOf(s.In), Out: nameOf(s.Out), Env: (*nftEnv)(w)}
	r := m.NFTRule.Statements[m.Match].Why(&in)
	return MissDocument{Rule: m.NFTRule.Number, Text: m.NFTRule.Text(), Code: r.Code, Args: pairs(r.Args)}
}

func pairs(in [][2]string) map[string]string {
	if len(in) == 0 {
		return nil
	}
	out := make(map[string]string, len(in))
	for _, p := range in {
		out[p[0]] = p[1]
	}
	return out
}

func policyWord(s *Step) string {
	if s.Verdict == VerdictPolicyDrop {
		return "DROP"
	}
	return "ACCEPT"
}

// lookup is what a route was looked up by: the packet as it was then. A reverse path check asks the other way round.
func (t *Trace) lookup(h *Hop, s *Step) topology.Lookup {
	p := &t.Packets[s.Packet]
	f := topology.Lookup{Src: p.IP.Src, Dst: p.IP.Dst, IIF: orElse(h.In, "lo"), Mark: p.Mark, TOS: p.IP.TOS & 0x1c, Protocol: p.IP.Protocol,
		SrcPort: p.L4.SrcPort, DstPort: p.L4.DstPort}
	if s.Code == ReversePathOK || s.Code == ReversePathFailed {
		f.Src, f.Dst, f.SrcPort, f.DstPort, f.IIF, f.Mark = f.Dst, f.Src, f.DstPort, f.SrcPort, "lo", 0
	}
	return f
}

// passedRules are the policy rules that were looked at before the one that named the table, with how they failed; rules
// whose table had no route for the packet are among them.
func (t *Trace) passedRules(h *Hop, s *Step) []EvidenceDocument {
	var out []EvidenceDocument
	if h.NS == nil {
		return nil
	}
	f := t.lookup(h, s)
	for _, r := range h.NS.Rules {
		if r == s.Policy {
			break
		}
		e := EvidenceDocument{Text: r.String(), Verdict: "miss", Code: "rule-does-not-apply"}
		if r.Matches(&f) {
			e.Code = "table-has-no-route"
		}
		if r.NotUnderstood != "" {
			e.Code = "rule-not-understood"
		}
		out = append(out, e)
	}
	return out
}

// otherRoutes are the routes of the same table that cover the destination too, and lost to a longer prefix or a lower
// metric.
func (t *Trace) otherRoutes(h *Hop, s *Step) []EvidenceDocument {
	if h.NS == nil {
		return nil
	}
	tab := h.NS.Table(s.Route.Table)
	if tab == nil {
		return nil
	}
	var out []EvidenceDocument
	for _, r := range tab.Candidates(t.lookup(h, s).Dst) {
		if r != s.Route {
			out = append(out, EvidenceDocument{Text: r.String(), Verdict: "lost", Code: "shorter-prefix"})
		}
	}
	return out
}

// would renders what would have to change.
func (t *Trace) would(s *Step) *ReasonDocument {
	if s.more().Would == "" {
		return nil
	}
	a := map[string]string{}
	x, y := s.more().WouldT[0], s.more().WouldT[1]
	switch s.more().Would {
	case WouldRaiseTTL:
		a["least"] = strconv.Itoa(t.hopsSoFar(s) + 1)
	case WouldClearDF:
		a["mtu"] = x
	case WouldLoosen:
		a["name"], a["value"] = x, y
	case WouldAddRoute:
		a["dst"] = x
	case WouldAllow:
		a["rule"] = x
	case WouldDisableCheck:
		a["eni"] = x
	case WouldPublic:
		a["src"] = x
	case WouldListen:
		a["port"] = x
	case WouldForward:
		a["name"] = x
	case WouldNeighbour:
		a["ip"] = x
	case WouldGive:
		a["command"] = x
	case WouldGroupRule:
		p := &t.Packets[s.Packet]
		a["group"], a["from"], a["protocol"], a["port"] = x, y, p.IP.Protocol.String(), strconv.Itoa(int(p.L4.DstPort))
	}
	return &ReasonDocument{Code: string(s.more().Would), Args: a}
}

// hopsSoFar is by how many the TTL would have had to be larger to pass here: what was taken before, and the one here.
func (t *Trace) hopsSoFar(s *Step) int {
	for i := range t.Legs {
		l := &t.Legs[i]
		if t.End(l) == s {
			return int(t.first(l).IP.TTL) - int(t.Packets[s.Packet].IP.TTL) + 1
		}
	}
	return 1
}

// args names a step's arguments as codes.go lists them.
func (t *Trace) args(s *Step) map[string]string {
	a := map[string]string{}
	before, after := &t.Packets[s.Before], &t.Packets[s.Packet]
	dev := ""
	if s.Interface != nil {
		dev = s.Interface.Name
	}
	num := func(i int) string { return strconv.Itoa(s.more().Number[i]) }
	switch s.Code {
	case SourceByRoute, SourceBound:
		a["src"], a["dst"], a["dev"] = after.IP.Src.String(), after.IP.Dst.String(), dev
	case FrameForUs:
		a["dev"], a["mac"] = dev, after.Eth.Dst.String()
	case FrameNotForUs:
		a["dev"], a["mac"] = dev, after.Eth.Dst.String()
		if s.Interface != nil {
			a["want"] = s.Interface.MAC.String()
		}
	case FrameOnPort:
		a["dev"], a["bridge"] = dev, s.more().Text[0]
	case FrameRaw:
		a["dev"] = dev
	case ConnNew, ConnEstablished, ConnRelated, ConnInvalid:
		a["tuple"], a["direction"] = flowText(&after.Frame), "original"
		if s.Reply {
			a["direction"] = "reply"
		}
	case ConnConfirmed:
		if s.Entry != nil {
			a["tuple"], a["reply"] = tupleText(s.Entry.Original), tupleText(s.Entry.Reply)
		}
	case ConnNAT, ConnNATUndo, RuleSNAT, RuleDNAT, RuleMasquerade, RuleRedirect:
		a["what"], a["from"], a["to"] = rewritten(before, after)
		if s.Code == RuleSNAT || s.Code == RuleMasquerade {
			a["from"], a["to"] = endText(&before.Frame, true), endText(&after.Frame, true)
		}
		if s.Code == RuleDNAT || s.Code == RuleRedirect {
			a["from"], a["to"] = endText(&before.Frame, false), endText(&after.Frame, false)
		}
		a["dev"] = nameOf(s.Out)
	case RuleMatched:
		a["target"] = s.Target
	case RuleJump, RuleGoto:
		a["chain"] = s.Target
	case RuleReturn, ChainEnd:
		chain, _, _ := s.place()
		a["chain"] = chain
	case RuleReject:
		a["with"] = s.more().Text[2]
		if s.Stage == StageReject {
			a["with"] = s.more().Text[0]
		}
	case RuleMark, RuleRestored:
		a["before"], a["after"] = hexMark(before.Mark), hexMark(after.Mark)
	case RuleConnmark:
		a["before"], a["after"] = hexMark(before.CTMark), hexMark(after.CTMark)
	case RuleMarkSame, RuleRestoredSame:
		a["mark"] = hexMark(after.Mark)
	case RuleConnmarkSame:
		a["mark"] = hexMark(after.CTMark)
	case RuleTTL, TTLDecremented:
		a["before"], a["after"] = strconv.Itoa(int(before.IP.TTL)), strconv.Itoa(int(after.IP.TTL))
	case ChainPolicy, ChainPolicyDrop:
		a["policy"] = policyWord(s)
	case RuleNotUnderstood, RuleUndecided:
		_, _, a["text"] = s.place()
		a["target"] = targetOf(s)
	case PolicyRule:
		a["priority"], a["table"] = strconv.FormatUint(uint64(s.Policy.Priority), 10), s.Policy.Table.String()
	case RouteUnicast, RouteLink, RouteLocal, RouteBroadcast, RouteBlackhole, RouteUnreachable, RouteProhibit:
		a["dst"] = after.IP.Dst.String()
		if r := s.Route; r != nil {
			a["table"] = r.Table.String()
			if s.Code == RouteUnicast || s.Code == RouteLink {
				a["dst"] = dstText(r.Dst)
			}
			if len(r.Nexthops) > 0 {
				a["dev"], a["via"] = r.Nexthops[0].Dev, ""
				if g := r.Nexthops[0].Gateway; g.IsValid() {
					a["via"] = g.String()
				}
			}
		}
	case NobodyOutside, RouteNone, MartianDest, RouteMulticast, LoopbackToOutside, VPCNoRoute, GatewayUnknownDst, NATGatewayNoEntry, VPCNoCard:
		a["dst"], a["table"] = after.IP.Dst.String(), s.more().Text[0]
	case TableMissing:
		a["table"] = s.more().Text[0]
	case ReversePathOK, ReversePathFailed:
		a["dev"], a["mode"], a["src"] = dev, s.Target, after.IP.Src.String()
		if s.Route != nil {
			a["back"] = s.Route.Dev()
		}
	case MartianSource, GatewayNoPublic:
		a["src"] = after.IP.Src.String()
	case ForwardingOff:
		a["dev"] = s.more().Text[0]
	case TTLExceeded:
		a["ttl"] = num(0)
	case TooBig, Fragmented, FabricTooBig:
		a["len"], a["mtu"], a["count"], a["dev"] = num(0), num(1), num(2), s.more().Text[0]
	case NeighbourPermanent, NeighbourKnown, NeighbourARP, NeighbourProxy, NeighbourFabric, NeighbourFailed:
		a["ip"], a["dev"] = s.Addr.String(), dev
		if s.Code != NeighbourFailed {
			a["mac"] = after.Eth.Dst.String()
		}
		if s.Neighbour != nil {
			a["state"] = s.Neighbour.State
		} else {
			a["who"] = s.Target
		}
	case BridgePort, BridgeLearned:
		a["mac"], a["port"] = s.more().Text[0], dev
	case BridgeFlood:
		a["mac"] = s.more().Text[0]
	case BridgeUp:
		a["mac"], a["bridge"] = after.Eth.Dst.String(), dev
	case Transmitted:
		a["dev"], a["to"] = dev, s.Target
	case LinkDown, PeerUnknown, TunnelUnread:
		a["dev"], a["kind"] = orElse(s.more().Text[0], dev), s.more().Text[1]
	case SourceCheckOK, SourceCheckFailed:
		a["eni"], a["src"] = s.more().Text[0], s.more().Addr.String()
	case DestCheckFailed:
		a["eni"], a["dst"] = s.more().Text[0], s.more().Addr.String()
	case GroupEgressOK, GroupIngressOK:
		a["group"], a["rule"], a["eni"] = s.more().Text[0], s.more().Text[1], s.more().Text[2]
	case GroupEgressNo, GroupIngressNo:
		a["eni"], a["groups"] = s.more().Text[0], s.more().Text[1]
	case GroupTracked:
		a["eni"] = s.more().Text[0]
	case VPCRoute:
		a["table"], a["dst"], a["target"] = s.more().Text[0], s.more().Text[1], s.more().Text[2]
	case VPCMapped:
		a["dst"], a["eni"], a["node"] = s.more().Addr.String(), s.more().Text[0], s.more().Text[1]
	case GatewayNAT, NATGatewaySNAT, NATGatewayUndo:
		_, a["from"], a["to"] = rewritten(before, after)
	case DeliveredHere, ClosedPort:
		a["dst"] = after.IP.Dst.String()
		if after.IP.Protocol != packet.ICMP {
			a["port"] = strconv.Itoa(int(after.L4.DstPort))
		}
	case LoopDetected:
		a["limit"] = num(0)
	case NotModelled:
		a["what"] = s.more().Text[0]
	}
	if s.Stage == StageDrop || s.Stage == StageReject {
		a["reason"] = s.more().Text[2]
	}
	for k, v := range a {
		if v == "" && k != "via" {
			delete(a, k)
		}
	}
	if len(a) == 0 {
		return nil
	}
	return a
}

func dstText(p netip.Prefix) string {
	if p.Bits() == 0 {
		return "default"
	}
	return p.String()
}

// targetOf is what a rule that could not be decided would do if it matched.
func targetOf(s *Step) string {
	if s.Rule == nil {
		_, _, text := s.place()
		w := strings.Fields(text)
		return w[len(w)-1] // nft's verdict stands last
	}
	if s.Rule.Target == nil {
		return "(no target)"
	}
	return string(s.Rule.Target.AppendTo(nil))
}

// rewritten says which end of a packet a mapping changed, and from what to what.
func rewritten(before, after *packet.Packet) (what, from, to string) {
	if before.IP.Src != after.IP.Src || before.L4.SrcPort != after.L4.SrcPort {
		return "src", endText(&before.Frame, true), endText(&after.Frame, true)
	}
	return "dst", endText(&before.Frame, false), endText(&after.Frame, false)
}

// endText is one end of a packet: address and port.
func endText(f *packet.Frame, src bool) string {
	a, p := f.IP.Dst, f.L4.DstPort
	if src {
		a, p = f.IP.Src, f.L4.SrcPort
	}
	if f.IP.Protocol == packet.ICMP {
		return a.String()
	}
	return fmt.Sprintf("%v:%d", a, p)
}

func flowText(f *packet.Frame) string {
	return f.IP.Protocol.String() + " " + endText(f, true) + " → " + endText(f, false)
}

func tupleText(t packet.Tuple) string {
	if t.Protocol == packet.ICMP {
		return fmt.Sprintf("icmp %v → %v id %d", t.Src, t.Dst, t.SrcPort)
	}
	return fmt.Sprintf("%v %v:%d → %v:%d", t.Protocol, t.Src, t.SrcPort, t.Dst, t.DstPort)
}

func (t *Trace) connDocuments() []ConnDocument {
	out := []ConnDocument{}
	for _, c := range t.tables {
		for _, e := range c.ct.Entries {
			d := ConnDocument{Namespace: c.ns.Name, Protocol: e.Original.Protocol.String(), Original: tupleText(e.Original), Reply: tupleText(e.Reply), Mark: e.Mark,
				Unreplied: e.Status&packet.StatusSeenReply == 0, Assured: e.Status&packet.StatusAssured != 0}
			var nat []string
			if e.Status&packet.StatusSNAT != 0 {
				nat = append(nat, "src")
			}
			if e.Status&packet.StatusDNAT != 0 {
				nat = append(nat, "dst")
			}
			d.NAT = strings.Join(nat, "+")
			out = append(out, d)
		}
	}
	return out
}
