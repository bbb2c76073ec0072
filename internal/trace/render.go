package trace

import (
	"encoding/base64"

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
	d.Packets, d.Legs = make([]PacketDocument, 0, len(t.Packets)), make([]LegDocument, 0, len(t.Legs))
	r := &renderer{Trace: t}
	for i := range t.Packets {
		d.Packets = append(d.Packets, packetDocument(&t.Packets[i]))
	}
	for i := range t.Legs {
		d.Legs = append(d.Legs, r.legDocument(&t.Legs[i]))
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
	t.causes(d)
	return d
}

// renderer is what rendering needs again and again.
type renderer struct {
	*Trace
	ask asker
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
	layers := p.Layers()
	n := 0
	for i := range layers {
		n += len(layers[i].Fields)
	}
	d.Layers = make([]LayerDocument, 0, len(layers))
	fields := make([]FieldDocument, 0, n) // of all layers, one behind the other
	for i := range layers {
		l := &layers[i]
		x := LayerDocument{Type: l.Type, Length: l.Length, Outer: l.Outer}
		for _, f := range l.Fields {
			fields = append(fields, FieldDocument{f[0], f[1]})
		}
		if k := len(l.Fields); k > 0 {
			x.Fields = fields[len(fields)-k : len(fields) : len(fields)]
		}
		d.Layers = append(d.Layers, x)
	}
	return d
}

func (t *renderer) legDocument(l *Leg) LegDocument {
	d := LegDocument{Kind: string(l.Kind), Label: packetLabel(l, t.first(l)), Outcome: l.Outcome, Hops: make([]HopDocument, 0, len(t.Hops(l)))}
	for h := range t.Hops(l) {
		hop := &t.Hops(l)[h]
		steps := t.Steps(hop)
		x := HopDocument{Namespace: hop.Name, Kind: string(hop.Kind), Device: t.device(hop), Visit: hop.Visit, In: strp(hop.In), Out: strp(hop.Out), Steps: make([]StepDocument, len(steps))}
		for i := range steps {
			t.stepDocument(&x.Steps[i], hop, &steps[i])
		}
		d.Hops = append(d.Hops, x)
	}
	return d
}

// device is what a hop's namespace is in a fabric; "" for a kernel's.
func (t *renderer) device(h *Hop) string {
	if t.Topology.Fabric == nil {
		return ""
	}
	switch h.Kind {
	case topology.Router:
		return DeviceRouter
	case topology.LoadBalancer:
		return DeviceLoadBalancer
	case topology.External:
		return DeviceHost
	case topology.Gateway:
		for _, g := range t.Topology.Fabric.Gateways {
			if g.ID == h.Name && g.Kind == topology.NATGateway {
				return DeviceNATGateway
			}
		}
		return DeviceInternetGateway
	}
	return ""
}

func (t *renderer) stepDocument(d *StepDocument, h *Hop, s *Step) {
	*d = StepDocument{Stage: s.Stage.String(), Verdict: s.Verdict.String(), Code: string(s.Code), Packet: int(s.Packet),
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
			d.Text = s.decided()
			if s.NFTChain != nil {
				d.Text = "policy " + s.NFTChain.Policy
			}
		}
	}
	d.Passed = int(s.passed)
	if s.passed > 0 {
		d.Misses = t.missDocuments(h, s)
	}
	switch {
	case s.Stage == StageNeighbour && s.Neighbour != nil:
		d.Text = s.Neighbour.String()
	case s.FDB != nil:
		d.Text = s.FDB.String()
	case s.Code == PolicyRule:
		d.Text = s.Policy.String()
		d.Evidence = t.passedRules(h, s)
	case s.Route != nil && s.Code != SourceByRoute && s.Code != SourceBound:
		d.Text = s.Route.String()
		d.Evidence = t.otherRoutes(h, s)
	}
	if s.Before == s.Packet {
		return
	}
	for _, c := range packet.Diff(&t.Packets[s.Before], &t.Packets[s.Packet]) {
		d.Changes = append(d.Changes, Change(c))
	}
}

func (t *Trace) connDocuments() []ConnDocument {
	out := []ConnDocument{}
	for _, c := range t.tables {
		for _, e := range c.ct.Entries {
			d := ConnDocument{Namespace: c.ns.Name, Protocol: e.Original.Protocol.String(), Original: tupleText(e.Original), Reply: tupleText(e.Reply), Mark: e.Mark,
				Unreplied: e.Status&packet.StatusSeenReply == 0, Assured: e.Status&packet.StatusAssured != 0}
			switch e.Status & (packet.StatusSNAT | packet.StatusDNAT) {
			case packet.StatusSNAT:
				d.NAT = "src"
			case packet.StatusDNAT:
				d.NAT = "dst"
			case packet.StatusSNAT | packet.StatusDNAT:
				d.NAT = "both"
			}
			out = append(out, d)
		}
	}
	return out
}
