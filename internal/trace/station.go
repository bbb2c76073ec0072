package trace

import (
	"slices"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/topology"
)

// stations groups consecutive steps of one stage and hook into stops. conntrack belongs to the hook that it stands in,
// what ip_forward does to FORWARD, and the neighbour to the device that sends.
func stations(d *Document) []StationDocument {
	var out []StationDocument
	used := map[string]int{}
	for l := range d.Legs {
		leg := &d.Legs[l]
		for h := range leg.Hops {
			hop := &leg.Hops[h]
			kindOf := stationKind
			if topology.Kind(hop.Kind) == topology.Switch {
				kindOf = switchKind
			}
			for i := 0; i < len(hop.Steps); {
				kind := kindOf(hop.Steps, i)
				n := i + 1
				for n < len(hop.Steps) && kindOf(hop.Steps, n) == kind && sameDevice(kind, &hop.Steps[i], &hop.Steps[n]) {
					n++
				}
				s := StationDocument{Leg: l, Hop: h, First: i, Last: n - 1, Namespace: hop.Namespace, Kind: kind}
				s.Decisive = decisive(hop.Steps[i:n]) + i
				for k := i; k < n && s.Interface == ""; k++ {
					s.Interface = hop.Steps[k].Interface
				}
				id := legID(d, l) + "/" + hop.Namespace + "/" + strconv.Itoa(hop.Visit) + "/" + stationName(kind, hop.Steps[i:n])
				used[id]++
				if used[id] > 1 {
					id += "-" + strconv.Itoa(used[id])
				}
				s.ID = id
				out = append(out, s)
				i = n
			}
		}
	}
	return out
}

// legID names a leg by its kind; of several of a kind the later ones are numbered: request, reply, request-2.
func legID(d *Document, l int) string {
	n := 0
	for i := 0; i <= l; i++ {
		if d.Legs[i].Kind == d.Legs[l].Kind {
			n++
		}
	}
	if n == 1 {
		return d.Legs[l].Kind
	}
	return d.Legs[l].Kind + "-" + strconv.Itoa(n)
}

// switchKind is a switch's one stop: in by a port, out by another.
func switchKind([]StepDocument, int) string { return "switch" }

// stationKind is the stop that a step belongs to.
func stationKind(steps []StepDocument, i int) string {
	s := &steps[i]
	switch s.Stage {
	case "netfilter":
		return s.Hook
	case "conntrack":
		return s.Hook
	case "forward":
		return "FORWARD"
	case "neighbour":
		return "transmit"
	case "transmit":
		if s.Interface == "" {
			return "fabric" // a fabric has no devices to stop at
		}
		return "transmit"
	case "route":
		if end := socketNext(steps[i:]); end != "" {
			return end
		}
	case "drop", "reject":
		// A packet that a hook, a route or a device ends, ends at that stop.
		switch Code(s.Code) {
		case ClosedPort:
			return "reject" // by the socket layer, which is past every hook
		case TTLExceeded, TooBig:
			return "FORWARD"
		case NeighbourFailed, LinkDown:
			return "transmit"
		case SourceNotLocal:
			return "send"
		case RouteNone, RouteBlackhole, RouteUnreachable, RouteProhibit, RouteMulticast, TableMissing, MartianSource, MartianDest, ReversePathFailed,
			ForwardingOff, LoopbackToOutside:
			if i > 0 && stationKind(steps, i-1) == "send" {
				return "send" // a sender looks up its route before there is a packet
			}
			return "route"
		}
		if i > 0 && s.Hook != "" {
			return s.Hook
		}
		if i > 0 {
			return stationKind(steps, i-1)
		}
	}
	return s.Stage
}

// socketNext says whether nothing but routing stands between a step and the socket, and what the socket does: then both are
// one stop. "" where something else comes first.
func socketNext(steps []StepDocument) string {
	for i := range steps {
		switch {
		case steps[i].Stage == "route":
		case steps[i].Stage == "deliver":
			return "deliver"
		case Code(steps[i].Code) == ClosedPort:
			return "reject"
		default:
			return ""
		}
	}
	return ""
}

// sameDevice keeps two devices of one namespace apart: a frame that leaves by a bridge and then by its port makes two
// stops.
func sameDevice(kind string, a, b *StepDocument) bool {
	switch kind {
	case "transmit", "receive", "bridge":
		return a.Interface == b.Interface || a.Interface == "" || b.Interface == ""
	}
	return true
}

// stationName is the last part of an identifier: a hook goes by the table that decides there, so that links read like
// nat-POSTROUTING; a device by the stage alone.
func stationName(kind string, steps []StepDocument) string {
	if kind != strings.ToUpper(kind) {
		return kind
	}
	table := ""
	for i := range steps {
		s := &steps[i]
		if s.Table != "" && (table == "" || rank(s.Table) > rank(table)) {
			table = s.Table
		}
	}
	if table == "" {
		return kind
	}
	return table + "-" + kind
}

// rank orders tables by how often they decide, for a station's name only.
func rank(table string) int { return slices.Index([]string{"raw", "mangle", "filter", "nat"}, table) }

// FindStation finds a station by its identifier. A hook may be named with any of the tables that took part, or with none,
// so that a link survives a rule more; -1 where there is none.
func (d *Document) FindStation(id string) int {
	for i := range d.Stations {
		if d.Stations[i].ID == id {
			return i
		}
	}
	cut := strings.LastIndexByte(id, '/')
	if cut < 0 {
		return -1
	}
	place, name := id[:cut], id[cut+1:]
	if k := strings.LastIndexByte(name, '-'); k >= 0 {
		name = name[k+1:]
	}
	for i := range d.Stations {
		s := &d.Stations[i]
		if c := strings.LastIndexByte(s.ID, '/'); s.ID[:c] == place && s.Kind == name {
			return i
		}
	}
	return -1
}

// decisive is the step whose sentence stands for a stop: where it ended, else where the packet changed, else where a rule
// gave a verdict, else the last.
func decisive(steps []StepDocument) int {
	best, weight := len(steps)-1, -1
	for i := range steps {
		if w := weigh(&steps[i]); w > weight || w == weight && w >= 4 {
			best, weight = i, w
		}
	}
	return best
}

func weigh(s *StepDocument) int {
	switch {
	case s.Stage == "drop" || s.Stage == "reject":
		return 9
	case Code(s.Code) == RuleNotUnderstood || Code(s.Code) == RuleUndecided:
		return 8
	}
	switch Code(s.Code) {
	case RuleSNAT, RuleDNAT, RuleMasquerade, RuleRedirect, ConnNAT, ConnNATUndo, BalancerTargetInstance, BalancerTargetIP, BalancerUndo:
		return 7
	case RuleMark, RuleRestored:
		return 6
	case RuleConnmark, BalancerFlow:
		return 5
	case VXLANEncap, IPIPEncap, VXLANDecap, IPIPDecap:
		return 7
	case RouteUnicast, RouteLink, RouteLocal, RouteBroadcast, GatewayNAT, NATGatewaySNAT, NATGatewayUndo, VPCMapped, VPCByMAC, VPCRoute, DeliveredHere,
		NeighbourPermanent, NeighbourKnown, NeighbourARP, NeighbourProxy, NeighbourFabric, BridgePort, BridgeLearned:
		return 4
	case RuleReturn, RuleAccept:
		return 3
	case TTLDecremented, ConnEstablished, ConnRelated, ConnInvalid:
		return 2
	case ChainPolicy:
		return 1
	}
	return 0
}
