package latency

import (
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// Of says what a trace costs by a table. d is the trace's document: making one is most of the work, and who asks has it.
func Of(t *trace.Trace, d *trace.Document, table *Table) *Report {
	m := &meter{t: t, table: table}
	r := &Report{Legs: []LegReport{}}
	for l := range t.Legs {
		leg := &t.Legs[l]
		out := LegReport{Kind: string(leg.Kind), Hops: []HopReport{}}
		hops := t.Hops(leg)
		for h := range hops {
			out.Hops = append(out.Hops, m.hop(leg, hops, h, &d.Legs[l].Hops[h]))
		}
		for h := range out.Hops {
			out.Total.add(out.Hops[h].Cost, out.Hops[h].Network)
			out.Total.Rules += out.Hops[h].Rules
		}
		r.Legs = append(r.Legs, out)
	}
	r.RoundTripLegs = roundTrip(t)
	for _, l := range r.RoundTripLegs {
		r.RoundTrip.plus(&r.Legs[l].Total)
		r.Tunnel = r.Tunnel.Plus(m.tunnel(&t.Legs[l], &r.Legs[l]))
	}
	r.Statements = m.statements(r)
	return r
}

func (t *Total) plus(o *Total) {
	t.CPU, t.Network, t.Sum = t.CPU.Plus(o.CPU), t.Network.Plus(o.Network), t.Sum.Plus(o.Sum)
	t.Rules += o.Rules
}

// roundTrip are the legs of the first packet and of the first that answers it.
func roundTrip(t *trace.Trace) []int {
	if len(t.Legs) == 0 {
		return nil
	}
	for l := range t.Legs {
		if t.Legs[l].Kind == trace.Reply || t.Legs[l].Kind == trace.ICMPError {
			return []int{0, l}
		}
	}
	return []int{0}
}

// meter adds up a trace.
type meter struct {
	t     *trace.Trace
	table *Table
}

func (m *meter) hop(leg *trace.Leg, hops []trace.Hop, at int, doc *trace.HopDocument) HopReport {
	hop := &hops[at]
	out := HopReport{Namespace: hop.Name, Network: hop.Kind.Network(), Steps: []StepCost{}}
	if out.Network {
		m.network(&out, hops, at)
	} else {
		for i := range m.t.Steps(hop) {
			if c := m.step(leg, hop, at, i, &doc.Steps[i]); !c.Zero() {
				out.Steps = append(out.Steps, StepCost{i, c})
			}
		}
	}
	for i := range doc.Steps {
		out.Rules += Traversed(&doc.Steps[i])
	}
	for _, s := range out.Steps {
		out.Cost = out.Cost.Plus(s.Cost)
	}
	return out
}

// Traversed is how many rules a step went through: those passed over and the one that was met. The end of a chain and a
// policy are no rules.
func Traversed(s *trace.StepDocument) int {
	n := s.Passed
	if s.Stage == "netfilter" && s.Rule > 0 {
		n++
	}
	return n
}

// step is what one step costs in a kernel. [Default] says what is within which figure.
func (m *meter) step(leg *trace.Leg, hop *trace.Hop, at, i int, doc *trace.StepDocument) Cost {
	s := &m.t.Steps(hop)[i]
	wrapped := m.t.Packets[s.Packet].Encap != packet.NoEncap
	switch s.Stage {
	case trace.StageSend:
		if at == 0 && i == 0 && leg.Kind != trace.ICMPError { // a router's own error comes from no socket
			return m.table.Cost(Socket)
		}
	case trace.StageDeliver:
		return m.table.Cost(Socket)
	case trace.StageConntrack:
		if s.Code != trace.ConnConfirmed && s.Code != trace.ConnUntracked && s.Code != trace.ConnNAT && s.Code != trace.ConnNATUndo {
			return m.table.Cost(Conntrack)
		}
	case trace.StageNetfilter:
		var c Cost
		if n := Traversed(doc); n > 0 {
			c = m.table.rules(n)
		}
		if s.First {
			c = m.table.Cost(Hook).Plus(c)
		}
		return c
	case trace.StageRoute:
		if s.Verdict == trace.VerdictForward && (s.Code == trace.RouteUnicast || s.Code == trace.RouteLink) && hop.In != "" && !wrapped {
			return m.table.Cost(Routing)
		}
	case trace.StageBridge:
		return m.table.Cost(Bridge)
	case trace.StageTransmit:
		if s.Interface != nil && s.Interface.Kind == topology.Veth {
			return m.table.Cost(Veth)
		}
	case trace.StageEncap, trace.StageDecap:
		if item, ok := tunnelItems[s.Code]; ok {
			return m.table.Cost(item)
		}
	}
	return Cost{}
}

var tunnelItems = map[trace.Code]Item{trace.VXLANEncap: VXLANEncap, trace.VXLANDecap: VXLANDecap, trace.IPIPEncap: IPIPEncap, trace.IPIPDecap: IPIPDecap}

// tunnel is what a leg would not cost without its tunnel.
func (m *meter) tunnel(leg *trace.Leg, r *LegReport) Cost {
	var sum Cost
	hops := m.t.Hops(leg)
	for h := range hops {
		if hops[h].Kind.Network() {
			continue
		}
		steps := m.t.Steps(&hops[h])
		for _, c := range r.Hops[h].Steps {
			s := &steps[c.Step]
			switch s.Stage {
			case trace.StageConntrack, trace.StageNetfilter:
				if m.t.Packets[s.Packet].Encap == packet.NoEncap {
					continue
				}
			case trace.StageEncap, trace.StageDecap:
			default:
				continue
			}
			sum = sum.Plus(c.Cost)
		}
	}
	return sum
}
