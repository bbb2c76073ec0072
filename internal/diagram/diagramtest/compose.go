package diagramtest

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/trace"
)

// frame is the packet as the composer keeps it.
type frame struct {
	ethSrc, ethDst string
	src, dst       string
	ttl            int
	sport, dport   int
	flags          string
	mark, ctmark   uint32
}

// composer writes a document hop by hop.
type composer struct {
	doc  *trace.Document
	f    frame
	leg  string
	seen map[string]int
}

func compose(from, to, proto string, f frame) *composer {
	return &composer{f: f, doc: &trace.Document{Version: 1, Engine: "podpath test", Outcome: trace.Delivered,
		Query: trace.QueryDocument{Source: from, Destination: to, Protocol: proto, SourcePort: f.sport, DestinationPort: f.dport, TTL: 64, Size: 60, DontFragment: true}}}
}

func (c *composer) startLeg(kind, label string) {
	c.leg, c.seen = kind, map[string]int{}
	c.doc.Legs = append(c.doc.Legs, trace.LegDocument{Kind: kind, Label: label, Outcome: trace.Delivered})
}

func (c *composer) fail(o trace.Outcome) {
	c.doc.Outcome = o
	c.doc.Legs[len(c.doc.Legs)-1].Outcome = o
	hops := c.doc.Legs[len(c.doc.Legs)-1].Hops
	st := hops[len(hops)-1].Steps
	last := st[len(st)-1]
	c.doc.Reason = &trace.ReasonDocument{Code: last.Code, Args: last.Args, Would: last.Would}
}

func (c *composer) hop(ns, kind, in, out string) {
	c.seen[ns]++
	h := trace.HopDocument{Namespace: ns, Kind: kind, Device: device(ns, kind), Visit: c.seen[ns]}
	if in != "" {
		h.In = &in
	}
	if out != "" {
		h.Out = &out
	}
	leg := &c.doc.Legs[len(c.doc.Legs)-1]
	leg.Hops = append(leg.Hops, h)
}

// device is what a namespace of the composed clusters is in their fabric.
func device(ns, kind string) string {
	switch kind {
	case "router":
		return trace.DeviceRouter
	case "external":
		return trace.DeviceHost
	case "gateway":
		if strings.HasPrefix(ns, "nat") {
			return trace.DeviceNATGateway
		}
		return trace.DeviceInternetGateway
	}
	return ""
}

// station adds a station of steps; the decisive one is the last unless a step's Target is "*".
func (c *composer) station(kind, id, dev string, steps ...trace.StepDocument) {
	leg := len(c.doc.Legs) - 1
	hops := c.doc.Legs[leg].Hops
	h := &hops[len(hops)-1]
	s := trace.StationDocument{Leg: leg, Hop: len(hops) - 1, First: len(h.Steps), Namespace: h.Namespace, Kind: kind, Interface: dev}
	s.ID = fmt.Sprintf("%s/%s/%d/%s", c.leg, h.Namespace, h.Visit, id)
	for i, st := range steps {
		before := c.f
		c.apply(st.Changes)
		for j := range st.Changes {
			if st.Changes[j].Before == "" {
				st.Changes[j].Before = before.get(st.Changes[j].Field)
			}
		}
		c.doc.Packets = append(c.doc.Packets, c.f.packet())
		st.Packet = len(c.doc.Packets) - 1
		if st.Target == "*" {
			st.Target = ""
			s.Decisive = len(h.Steps)
		} else if i == len(steps)-1 && s.Decisive == 0 {
			s.Decisive = len(h.Steps)
		}
		h.Steps = append(h.Steps, st)
	}
	s.Last = len(h.Steps) - 1
	c.doc.Stations = append(c.doc.Stations, s)
}

func (f *frame) get(field string) string {
	switch field {
	case "eth.src":
		return f.ethSrc
	case "eth.dst":
		return f.ethDst
	case "ip.src":
		return f.src
	case "ip.dst":
		return f.dst
	case "ip.ttl":
		return strconv.Itoa(f.ttl)
	case "tcp.srcPort":
		return strconv.Itoa(f.sport)
	case "tcp.dstPort":
		return strconv.Itoa(f.dport)
	case "mark":
		return fmt.Sprintf("%#x", f.mark)
	}
	return fmt.Sprintf("%#x", f.ctmark)
}

func (c *composer) apply(changes []trace.Change) {
	for _, ch := range changes {
		n, _ := strconv.ParseInt(ch.After, 0, 64)
		switch ch.Field {
		case "eth.src":
			c.f.ethSrc = ch.After
		case "eth.dst":
			c.f.ethDst = ch.After
		case "ip.src":
			c.f.src = ch.After
		case "ip.dst":
			c.f.dst = ch.After
		case "ip.ttl":
			c.f.ttl = int(n)
		case "tcp.srcPort":
			c.f.sport = int(n)
		case "tcp.dstPort":
			c.f.dport = int(n)
		case "mark":
			c.f.mark = uint32(n)
		case "ctmark":
			c.f.ctmark = uint32(n)
		}
	}
}

func (f *frame) packet() trace.PacketDocument {
	var layers []trace.LayerDocument
	fields := func(kv ...string) []trace.FieldDocument {
		var out []trace.FieldDocument
		for i := 0; i+1 < len(kv); i += 2 {
			out = append(out, trace.FieldDocument{Name: kv[i], Value: kv[i+1]})
		}
		return out
	}
	if f.ethDst != "" {
		layers = append(layers, trace.LayerDocument{Type: "Ethernet", Length: 14, Fields: fields("src", f.ethSrc, "dst", f.ethDst, "type", "IPv4")})
	}
	layers = append(layers,
		trace.LayerDocument{Type: "IPv4", Length: 20, Fields: fields("src", f.src, "dst", f.dst, "ttl", strconv.Itoa(f.ttl), "proto", "tcp", "len", "60", "df", "true")},
		trace.LayerDocument{Type: "TCP", Length: 40, Fields: fields("srcPort", strconv.Itoa(f.sport), "dstPort", strconv.Itoa(f.dport), "flags", f.flags)})
	return trace.PacketDocument{Layers: layers, Bytes: base64.StdEncoding.EncodeToString(make([]byte, 60)), Mark: f.mark, CTMark: f.ctmark}
}

func step(stage, verdict string, code trace.Code, text string, args ...string) trace.StepDocument {
	st := trace.StepDocument{Stage: stage, Verdict: verdict, Code: string(code), Text: text}
	for i := 0; i+1 < len(args); i += 2 {
		if st.Args == nil {
			st.Args = map[string]string{}
		}
		st.Args[args[i]] = args[i+1]
	}
	return st
}

func change(st trace.StepDocument, kv ...string) trace.StepDocument {
	for i := 0; i+1 < len(kv); i += 2 {
		st.Changes = append(st.Changes, trace.Change{Field: kv[i], After: kv[i+1]})
	}
	return st
}

func chosen(st trace.StepDocument) trace.StepDocument { st.Target = "*"; return st }

func rule(hook, table, chain string, n int, st trace.StepDocument) trace.StepDocument {
	st.Hook, st.Table, st.Chain, st.Rule, st.Family = hook, table, chain, n, "ip"
	return st
}

func passed(st trace.StepDocument, misses ...string) trace.StepDocument {
	st.Passed = len(misses)
	for i, m := range misses {
		st.Misses = append(st.Misses, trace.MissDocument{Rule: i + 1, Text: m, Code: "", Args: nil})
	}
	return st
}

func evidence(st trace.StepDocument, lines ...string) trace.StepDocument {
	for _, l := range lines {
		v := "miss"
		if strings.HasPrefix(l, "!") {
			v, l = "lost", l[1:]
		}
		st.Evidence = append(st.Evidence, trace.EvidenceDocument{Text: l, Verdict: v})
	}
	return st
}
