package trace

import (
	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/nftables"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// asker puts the questions of matches again: by the packet as a step found it, in the namespace where it was. There is one for a
// document, since it is large.
type asker struct {
	walker walker
	packet packet.Packet
	conn   packet.Conn
	passed []iptables.Miss
}

// missDocuments says why the rules that a step passed over did not match.
func (t *renderer) missDocuments(h *Hop, s *Step) []MissDocument {
	k := &t.ask
	k.packet = t.Packets[s.Before]
	p := &k.packet
	k.conn = packet.Conn{State: s.State, Reply: s.Reply, Mark: p.CTMark}
	if s.Entry != nil {
		k.conn = netfilter.Ref{Entry: s.Entry, State: s.State, Reply: s.Reply}.Conn()
		k.conn.Mark = p.CTMark
	}
	w := &k.walker
	*w = walker{t: t.Trace, top: t.Topology, ns: h.NS}
	out := make([]MissDocument, 0, s.passed)
	tried := t.misses[s.missAt : s.missAt+s.missN]
	if s.Chain != nil {
		in := iptables.Input{Packet: p, Conn: &k.conn, In: nameOf(s.In), Out: nameOf(s.Out), Env: (*env)(w)}
		k.passed = s.Chain.AppendPassed(k.passed[:0], &in, int(s.passedAt), int(s.passedAt+s.passed), ruleMisses(tried))
		for _, m := range k.passed {
			r := m.Rule.Matches[m.Match].Why(&in)
			out = append(out, MissDocument{Rule: m.Rule.Number, Text: m.Rule.Text(), Code: r.Code, Args: pairs(r.Args)})
		}
		return out
	}
	in := nftables.Input{Packet: p, Conn: &k.conn, In: nameOf(s.In), Out: nameOf(s.Out), Env: (*nftEnv)(w)}
	for _, m := range tried {
		r := m.NFTRule.Statements[m.Match].Why(&in)
		out = append(out, MissDocument{Rule: m.NFTRule.Number, Text: m.NFTRule.Text(), Code: r.Code, Args: pairs(r.Args)})
	}
	return out
}

// ruleMisses are misses of iptables' rules in its own words.
func ruleMisses(list []Miss) []iptables.Miss {
	out := make([]iptables.Miss, len(list))
	for i, m := range list {
		out[i] = iptables.Miss{Rule: m.Rule, Match: m.Match}
	}
	return out
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
