package server

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/checked"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// judged is what is known about the trace of a query: what a kernel said to it, and what no kernel could.
type judged struct {
	checked.Verdict
	// fabric says that the packet came by something that is no Linux: the lab has stand-ins for it, so it was imitated and not
	// judged.
	fabric  bool
	command []string // that checks it on one's own machine, a flag with its value in each piece
}

// judge looks a trace up in the results.
func (s *Server) judge(ctx context.Context, req *request, options []Option, places []Place, topo *topology.Topology, doc *trace.Document) (judged, error) {
	defaults := map[string]string{}
	for _, o := range options {
		defaults[o.Key] = o.Default
		if o.Key == CNIKey {
			defaults[o.Key] = o.Own
		}
	}
	n := s.checked.Find(req.Preset, req.Settings(), defaults)
	current, err := s.current(ctx, req, n)
	if err != nil {
		return judged{}, err
	}
	j := judged{Verdict: s.checked.Judge(n, current, sent(req, places, doc)), command: command(req)}
	switch j.State {
	case checked.Agrees, checked.Differs, checked.Others:
		j.fabric = leavesLinux(topo, doc)
	}
	return j, nil
}

// judgeQuery is judge where nobody has asked for the query's options and places yet.
func (s *Server) judgeQuery(ctx context.Context, req *request, topo *topology.Topology, doc *trace.Document) (judged, error) {
	places, err := s.engine.Places(ctx, req.Preset, req.Settings())
	if err != nil {
		return judged{}, err
	}
	return s.judge(ctx, req, s.engine.Options(req.Preset, req.Settings()), places, topo, doc)
}

// current says whether a network of the results is still what the preset compiles to: without the hosts that a query adds.
func (s *Server) current(ctx context.Context, req *request, n *checked.Network) (bool, error) {
	if n == nil || n.Topology == "" {
		return false, nil
	}
	topo, err := s.engine.Topology(ctx, req.Preset, req.Settings())
	if err != nil {
		return false, err
	}
	now, err := checked.Fingerprint(topo)
	return now == n.Topology, err
}

// sent is the packet of a trace as results name it. The document has every default filled in.
func sent(req *request, places []Place, doc *trace.Document) checked.Flow {
	q := &doc.Query
	f := checked.Flow{From: placeOf(req.From, places), To: req.To, Protocol: q.Protocol, Port: q.DestinationPort, SourcePort: q.SourcePort, TTL: q.TTL,
		Payload: req.Payload, NoDF: !q.DontFragment, Outcome: string(doc.Outcome)}
	if !outside(f.From, places) { // from the Internet a node's name stands for another address than its own
		f.To = placeOf(f.To, places)
	}
	for _, c := range doc.Choices {
		if len(c.Options) < 2 {
			continue
		}
		if f.Choices == nil {
			f.Choices = map[string]string{}
		}
		f.Choices[c.ID] = c.Chosen
	}
	return f
}

// placeOf is the name of the pod or node that has an address, or that is called so; any other name as it is.
func placeOf(name string, places []Place) string {
	for _, p := range places {
		if p.Kind == PodPlace && p.Detail == name || p.Kind == NodePlace && (p.Detail == name || p.Label == name) {
			return p.Name
		}
	}
	return name
}

func outside(name string, places []Place) bool {
	return slices.ContainsFunc(places, func(p Place) bool { return p.Name == name && p.Kind == OutsidePlace })
}

// leavesLinux says whether a packet, or its answer, came by something that is no network namespace: a router or a gateway of a
// VPC, a load balancer.
func leavesLinux(topo *topology.Topology, doc *trace.Document) bool {
	for _, l := range doc.Legs {
		for _, h := range l.Hops {
			if !slices.Contains(topo.Names(), h.Namespace) {
				return true
			}
		}
	}
	return false
}

// command is what checks a query's packet against the kernel of the machine that it is typed on. The command line sends data
// with UDP and ICMP unless it is told not to; the page does not.
func command(req *request) []string {
	out := []string{"sudo podpath lab verify", "--preset " + quote(req.Preset)}
	add := func(flag, value string) {
		if value != "" {
			out = append(out, flag+" "+quote(value))
		}
	}
	add("--cni", req.CNI)
	for _, k := range sortedKeys(req.Options) {
		add("--set", k+"="+req.Options[k])
	}
	add("--from", req.From)
	add("--to", req.To)
	add("--proto", req.Protocol)
	for _, name := range []string{"dport", "sport", "ttl"} {
		add("--"+name, req.raw[name])
	}
	if req.Protocol != "tcp" || req.Payload != 0 {
		add("--payload", strconv.Itoa(req.Payload))
	}
	return out
}

// quote is a word as a shell takes it.
func quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
