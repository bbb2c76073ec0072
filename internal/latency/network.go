package latency

import (
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// network is the cost of a hop that is the network's.
//
// A figure between two machines is for the whole way between them, so it stands at one hop: the fabric's last one before a
// machine. A load balancer or a gateway on the way adds its own. What comes from or goes to the Internet has no figure
// beyond the gateway's: nobody knows how far it is, and a statement says so. A packet that the network drops never
// crossed it.
func (m *meter) network(out *HopReport, hops []trace.Hop, at int) {
	hop := &hops[at]
	steps := m.t.Steps(hop)
	if len(steps) == 0 {
		return
	}
	last := len(steps) - 1
	set := func(c Cost) {
		if !c.Zero() {
			out.Steps = append(out.Steps, StepCost{last, c})
		}
	}
	if steps[last].Stage == trace.StageDrop || steps[last].Stage == trace.StageReject || at+1 == len(hops) {
		return
	}
	if hop.NS != nil { // a switch, a router or a provider on premises, or of a lab: a namespace like any other
		set(m.table.Cost(SwitchHop))
		return
	}
	switch hop.Kind {
	case topology.LoadBalancer:
		set(m.table.Cost(Balancer))
	case topology.Gateway:
		set(m.table.Cost(m.gateway(hop.Name)))
	case topology.Router:
		from, to := m.machineBefore(hops, at), &hops[at+1]
		if from == nil || to.NS == nil || isOutside(from) || isOutside(to) {
			return
		}
		a, b := m.zone(from.NS), m.zone(to.NS)
		switch {
		case a == "" || b == "":
			out.Zone, out.Either = ZoneUnknown, []Cost{m.table.Cost(SameZone), m.table.Cost(CrossZone)}
			set(either(out.Either[0], out.Either[1]))
		case a == b:
			out.Zone = ZoneSame
			set(m.table.Cost(SameZone))
		default:
			out.Zone = ZoneCross
			set(m.table.Cost(CrossZone))
		}
	}
}

func isOutside(h *trace.Hop) bool { return h.Kind == topology.External }

// machineBefore is the last hop in a kernel before one of the fabric's.
func (m *meter) machineBefore(hops []trace.Hop, at int) *trace.Hop {
	for i := at - 1; i >= 0; i-- {
		if hops[i].NS != nil {
			return &hops[i]
		}
	}
	return nil
}

func (m *meter) gateway(id string) Item {
	if f := m.t.Topology.Fabric; f != nil {
		if g := f.Gateway(id); g != nil && g.Kind == topology.NATGateway {
			return NATGateway
		}
	}
	return InternetGateway
}

// zone is the zone that a namespace stands in: a pod's is its node's.
func (m *meter) zone(ns *topology.Namespace) string {
	if ns.Place.Zone != "" || ns.Place.Node == "" {
		return ns.Place.Zone
	}
	node, err := m.t.Topology.Namespace(ns.Place.Node)
	if err != nil {
		return ""
	}
	return node.Place.Zone
}
