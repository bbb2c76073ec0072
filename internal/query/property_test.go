package query_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/trace"
)

var (
	propertySeed     = flag.Uint64("property.seed", 1, "the first random cluster that TestRandomServices makes")
	propertyClusters = flag.Uint64("property.clusters", 100, "how many random clusters TestRandomServices makes")
)

// TestRandomServices makes random Services, endpoints, policies and configurations of kube-proxy, the network plugin and
// load balancers, and sends from every kind of client to every address that a Service has, every way that chance can take.
// It holds three things: each endpoint's frequency is what the rules' text says and what the objects say; a packet ends
// where the objects and facts/kube-proxy-iptables.md, "A packet's way", say, with the source that they say; and what
// answers it comes from the address and port that it was sent to.
//
// A failure names its seed; `go test -run TestRandomServices -property.seed=N -property.clusters=1` repeats it.
func TestRandomServices(t *testing.T) {
	first, n := *propertySeed, *propertyClusters
	var total tally
	for seed := first; seed < first+n; seed++ {
		total.add(testRandom(t, seed))
		if t.Failed() {
			break
		}
	}
	t.Logf("%d clusters from seed %d: %+v", n, first, total)
	if n >= 30 && (total.Endings[translated] == 0 || total.Endings[rejected] == 0 || total.Endings[dropped] == 0 || total.Fair == 0) {
		t.Errorf("the random clusters do not have every ending: %+v", total)
	}
}

// tally counts what was tried.
type tally struct {
	Flows, Traces, Fair, Sampled, Answers int
	Endings                               [5]int // by fate
}

func (a *tally) add(b tally) {
	a.Flows, a.Traces, a.Fair, a.Sampled, a.Answers = a.Flows+b.Flows, a.Traces+b.Traces, a.Fair+b.Fair, a.Sampled+b.Sampled, a.Answers+b.Answers
	for i := range a.Endings {
		a.Endings[i] += b.Endings[i]
	}
}

// property is the test of one cluster.
type property struct {
	*testing.T
	*random
	compiled *compile.Compiled
	seed     uint64
	text     map[string]string // by node: its rules
	failures int
	tally
}

func testRandom(t *testing.T, seed uint64) tally {
	t.Helper()
	p := &property{T: t, random: newRandom(seed), seed: seed, text: map[string]string{}}
	var named []string // as the command line and the page do with addresses that a query names
	for _, s := range p.services {
		named = append(named, append(s.vips(), s.Spec.ExternalIPs...)...)
	}
	made, err := compile.Compile(p.c, p.options, named...)
	if err != nil {
		t.Fatalf("seed %d: %v\n%s", seed, err, p.describe())
	}
	p.compiled = made
	for _, n := range p.c.Nodes {
		ns, err := made.Topology.Namespace(n.Name)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		p.text[n.Name] = ns.State("iptables")
	}
	for _, f := range p.flows() {
		if p.flow(f); p.failures > 5 {
			break
		}
	}
	p.names()
	if p.failures > 0 {
		t.Logf("seed %d:\n%s", seed, p.describe())
	}
	return p.tally
}

// fails reports what a trace did and should not have done.
func (p *property) fails(f *flow, tr *trace.Trace, format string, args ...any) {
	p.Helper()
	p.failures++
	text := fmt.Sprintf(format, args...)
	if tr != nil {
		var choices []string
		for _, c := range tr.Choices {
			choices = append(choices, c.ID+"="+c.Chosen)
		}
		text += "\nchoices " + strings.Join(choices, " ")
		for i := range tr.Legs {
			leg := &tr.Legs[i]
			text += fmt.Sprintf("\n%s %s, %s:", leg.Kind, leg.Outcome, tr.End(leg).Code)
			for _, h := range tr.Hops(leg) {
				text += " " + h.Name
			}
			x := tr.Packets[tr.End(leg).Packet]
			text += fmt.Sprintf("; %v:%d → %v:%d", x.IP.Src, x.L4.SrcPort, x.IP.Dst, x.L4.DstPort)
		}
	}
	p.Errorf("seed %d: %v: %s", p.seed, f, text)
}

// flows are the clients and the addresses that they send to. Every Service is sent to by a pod of each node, by some of the
// endpoints' own pods, by each node and by the host on the Internet.
func (p *property) flows() []*flow {
	inside := p.clients()
	internet := flow{from: "internet", src: netip.MustParseAddr(internetAddr)}
	var out []*flow
	for _, s := range p.services {
		for i := range s.Spec.Ports {
			port := &s.Spec.Ports[i]
			send := func(f flow, to string, dst netip.Addr, number int32) *flow {
				f.to, f.dst, f.port, f.protocol = to, dst, uint16(number), port.Protocol
				out = append(out, &f)
				return &f
			}
			var direct []netip.AddrPort
			if s.Spec.ClusterIP != corev1.ClusterIPNone {
				direct = append(direct, netip.AddrPortFrom(netip.MustParseAddr(s.Spec.ClusterIP), uint16(port.Port)))
				for _, a := range slices.Concat(s.Spec.ExternalIPs, s.vips()) {
					direct = append(direct, netip.AddrPortFrom(netip.MustParseAddr(a), uint16(port.Port)))
				}
			}
			if port.NodePort != 0 {
				for _, n := range p.c.Nodes {
					direct = append(direct, netip.AddrPortFrom(n.ENIs[0].Address, uint16(port.NodePort)))
				}
			}
			for _, to := range direct {
				for _, f := range inside {
					send(f, to.Addr().String(), to.Addr(), int32(to.Port()))
				}
				if n := p.nodeAt[to.Addr()]; n != nil && n.ENIs[0].Public.IsValid() {
					send(internet, n.Key(), to.Addr(), int32(to.Port()))
				}
			}
			for _, f := range inside {
				if port.NodePort != 0 && f.pod == nil {
					f.src = netip.AddrFrom4([4]byte{127, 0, 0, 1})
					send(f, "127.0.0.1", f.src, port.NodePort)
				}
			}
			all, served := p.balancer(s, port)
			for _, n := range all {
				for _, f := range inside {
					x := send(f, n.address.String(), n.address, port.Port)
					x.balancer, x.lb = s, []lbNode{n}
				}
			}
			if len(all) > 0 && internetFacing(s.Service) {
				x := send(internet, "lb/default/"+s.Name, netip.Addr{}, port.Port)
				x.balancer, x.lb = s, served
			}
		}
	}
	return out
}

// clients are a pod of each node and some of the others, and the nodes.
func (p *property) clients() []flow {
	var out []flow
	for _, x := range p.c.Pods {
		if strings.HasPrefix(x.Name, "client-") || p.yes(4) {
			out = append(out, flow{from: x.Key(), src: x.Address, node: p.c.Node(x.Node), pod: x})
		}
	}
	for _, n := range p.c.Nodes {
		out = append(out, flow{from: n.Key(), src: n.ENIs[0].Address, node: n})
	}
	return out
}

// names tests what DNS has several addresses for. A headless Service's are those of its ready endpoints, each once and as
// often as any other, and no rule touches what is sent there. A load balancer's public addresses are asked for from within
// the VPC too, where the facts say no more than that an answer comes from where one sent to.
func (p *property) names() {
	for _, s := range p.services {
		to := "svc/default/" + s.Name
		switch {
		case s.Spec.ClusterIP == corev1.ClusterIPNone:
		case s.Spec.Type == corev1.ServiceTypeLoadBalancer:
			to = "lb/default/" + s.Name
		default:
			continue
		}
		want := chances{}
		for _, e := range s.ends {
			if e.ready {
				want[netip.AddrPortFrom(e.addr, 7777)] = 0
			}
		}
		for e := range want {
			want[e] = 1 / float64(len(want))
		}
		headless := strings.HasPrefix(to, "svc/")
		if headless && len(want) == 0 {
			continue
		}
		port := 7777
		if !headless {
			port = int(s.Spec.Ports[0].Port)
		}
		for _, f := range p.clients() {
			f.to, f.port, f.protocol = to, uint16(port), s.Spec.Ports[0].Protocol
			all, sampled := p.follow(&f, query.Request{From: f.from, To: to, DstPort: port, Protocol: strings.ToLower(string(f.protocol))})
			p.Traces += len(all)
			got := chances{}
			for _, w := range all {
				got[requestEnd(w.Trace)] += w.chance
				p.understood(&f, w.Trace)
				p.answered(&f, w.Trace, w.Packets[w.Steps(&w.Hops(&w.Legs[0])[0])[0].Before])
				if headless && w.Outcome != trace.Delivered {
					p.fails(&f, w.Trace, "%s, want delivered: no rule is about a headless Service", w.Outcome)
				}
			}
			if headless && !sampled {
				p.same(&f, all[0].Trace, got, want, 1e-9, "the objects say")
			}
			if p.failures > 5 {
				return
			}
		}
	}
}

// balancer are a load balancer's nodes, and those that DNS gives out: the ones with a target for some port, all where none
// has. Only the addresses are taken from what was compiled.
func (p *property) balancer(s *randomService, port *corev1.ServicePort) (all, served []lbNode) {
	for _, b := range p.compiled.Topology.Fabric.Balancers {
		if b.Name != s.Namespace+"/"+s.Name {
			continue
		}
		for _, n := range b.Nodes {
			x := lbNode{n.Zone, n.Card.Primary, p.targets(s, port, n.Zone)}
			all = append(all, x)
			for i := range s.Spec.Ports {
				if len(p.targets(s, &s.Spec.Ports[i], n.Zone)) > 0 {
					served = append(served, x)
					break
				}
			}
		}
	}
	if len(served) == 0 {
		served = all
	}
	return all, served
}

// way is a trace with the chance of its choices.
type way struct {
	*trace.Trace
	chance float64
	seen   bool // session affinity took no part
}

// manyWays is the number above which a flow's ways are sampled.
const manyWays = 40

// follow traces a request every way that chance can take, or a sample of them.
func (p *property) follow(f *flow, r query.Request) (all []way, sampled bool) {
	first := p.trace(f, r)
	branches := 1
	for _, c := range first.Choices {
		branches *= len(c.Options)
	}
	if branches <= manyWays {
		return p.branch(f, r, first), false
	}
	rng := rand.New(rand.NewPCG(p.seed, uint64(f.port)))
	for range manyWays {
		x, done := r, false
		x.Choices = map[string]string{}
		tr := first
		for !done {
			done = true
			for _, c := range tr.Choices {
				if _, made := x.Choices[c.ID]; !made {
					x.Choices[c.ID], done = c.Options[rng.IntN(len(c.Options))].Value, false
					break
				}
			}
			tr = p.trace(f, x)
		}
		all = append(all, way{tr, 0, true})
	}
	return all, true
}

func (p *property) trace(f *flow, r query.Request) *trace.Trace {
	p.Helper()
	tr, err := r.Trace(p.compiled)
	if err != nil {
		p.Fatalf("seed %d: %v: %v\n%s", p.seed, f, err, p.describe())
	}
	return tr
}

// branch follows the choices that a request leaves open, the first of them first.
func (p *property) branch(f *flow, r query.Request, tr *trace.Trace) []way {
	for _, c := range tr.Choices {
		if _, made := r.Choices[c.ID]; made {
			continue
		}
		var out []way
		for _, o := range c.Options {
			x := r
			x.Choices = map[string]string{c.ID: o.Value}
			for k, v := range r.Choices {
				x.Choices[k] = v
			}
			out = append(out, p.branch(f, x, p.trace(f, x))...)
		}
		return out
	}
	w := way{tr, 1, true}
	for _, c := range tr.Choices {
		at := slices.IndexFunc(c.Options, func(o trace.Option) bool { return o.Value == c.Chosen })
		if c.Kind == "recent" { // nobody knows how often a client comes back
			w.seen = w.seen && c.Chosen == trace.Unseen
			continue
		}
		w.chance *= c.Options[at].Probability
	}
	return []way{w}
}

// flow tests one client and destination.
func (p *property) flow(f *flow) {
	all, sampled := p.follow(f, query.Request{From: f.from, To: f.to, DstPort: int(f.port), Protocol: strings.ToLower(string(f.protocol))})
	p.Flows++
	p.Traces += len(all)
	got := chances{}
	for _, w := range all {
		if w.seen {
			got[requestEnd(w.Trace)] += w.chance
		}
		p.way(f, w.Trace)
		if p.failures > 5 {
			return
		}
	}
	if sampled {
		p.Sampled++
		return
	}
	text := func(x incoming, d decision) chances { return written(p.text[x.node.Name], x, d) }
	if want, ok := p.ends(f, text); ok {
		p.Fair++
		p.same(f, all[0].Trace, got, want, 1e-9, "the rules' text says")
		fair, _ := p.ends(f, p.fair)
		p.same(f, all[0].Trace, got, fair, 1e-8, "the objects say")
	}
}

// requestEnd is where a request's packet was to go when it ended.
func requestEnd(tr *trace.Trace) netip.AddrPort {
	e := tr.Packets[tr.End(&tr.Legs[0]).Packet]
	return netip.AddrPortFrom(e.IP.Dst, e.L4.DstPort)
}

func (p *property) same(f *flow, tr *trace.Trace, got, want chances, within float64, who string) {
	p.Helper()
	sum := 0.0
	for to, x := range got {
		sum += x
		if math.Abs(x-want[to]) > within {
			p.fails(f, tr, "to %v in %.11f of all cases, %s %.11f", to, x, who, want[to])
			return
		}
	}
	for to, x := range want {
		if _, ok := got[to]; !ok {
			p.fails(f, tr, "never to %v, %s %.11f", to, who, x)
			return
		}
	}
	if math.Abs(sum-1) > within {
		p.fails(f, tr, "the chances sum up to %.11f", sum)
	}
}

// way tests one trace.
func (p *property) way(f *flow, tr *trace.Trace) {
	p.understood(f, tr)
	var lb *lbNode
	var target *lbTarget
	end := requestEnd(tr)
	if f.balancer != nil {
		lb, target = chosen(f, tr, end)
	}
	want := p.expect(f, lb, target, end)
	p.Endings[want.fate]++
	leg := &tr.Legs[0]
	hops := tr.Hops(leg)
	at, code := hops[len(hops)-1].Name, tr.End(leg).Code
	sent, last := tr.Packets[tr.Steps(&hops[0])[0].Before], tr.Packets[tr.End(leg).Packet]
	if sent.IP.Src != f.src {
		p.fails(f, tr, "sent from %v, want %v", sent.IP.Src, f.src)
	}
	switch want.fate {
	case rejected, dropped:
		outcome := map[fate]trace.Outcome{rejected: trace.Rejected, dropped: trace.Dropped}[want.fate]
		if leg.Outcome != outcome || want.at != "" && at != want.at || code != want.code {
			p.fails(f, tr, "%s (%s) on %s, want %s (%s) on %s", leg.Outcome, code, at, outcome, want.code, want.at)
		}
	case translated:
		if leg.Outcome != trace.Delivered && leg.Outcome != trace.Rejected || at != want.at || last.IP.Src != want.src {
			p.fails(f, tr, "%s (%s) on %s from %v, want delivered on %s from %v", leg.Outcome, code, at, last.IP.Src, want.at, want.src)
			break
		}
		if kept := last.L4.SrcPort == sent.L4.SrcPort; want.dnat != nil && want.met.src == f.src && kept == want.changed {
			p.fails(f, tr, "source port %d → %d, but the source is to be changed: %v", sent.L4.SrcPort, last.L4.SrcPort, want.changed)
		}
		if (tr.Outcome == trace.Delivered) != want.answered {
			p.fails(f, tr, "%s with %d legs, want it to be answered: %v", tr.Outcome, len(tr.Legs), want.answered)
		}
		if want.dnat != nil {
			p.tracked(f, tr, want, end, last)
		}
	}
	p.answered(f, tr, sent)
}

// understood holds that a walk never comes to what it does not know. What becomes of an ICMP error that a load balancer's
// target sends is not documented, so that is excepted.
func (p *property) understood(f *flow, tr *trace.Trace) {
	p.Helper()
	for i := range tr.Legs {
		leg := &tr.Legs[i]
		if leg.Outcome == trace.Undetermined && tr.End(leg).Code != trace.BalancerICMP {
			p.fails(f, tr, "leg %d: unknown: %s", i, tr.End(leg).Code)
		}
		for _, h := range tr.Hops(leg) {
			for _, s := range tr.Steps(&h) {
				if s.Code == trace.RuleNotUnderstood || s.Code == trace.RuleUndecided {
					p.fails(f, tr, "%s: %s", h.Name, s.Code)
				}
			}
		}
	}
}

// chosen are the load balancer's node and target of a way; no target where there is none.
func chosen(f *flow, tr *trace.Trace, end netip.AddrPort) (*lbNode, *lbTarget) {
	lb := &f.lb[0]
	for _, c := range tr.Choices {
		if i := slices.IndexFunc(f.lb, func(n lbNode) bool { return n.zone == c.Chosen }); c.Kind == "dns" && i >= 0 {
			lb = &f.lb[i]
		}
	}
	for i := range lb.targets {
		t := &lb.targets[i]
		if byIP(f.balancer.Service) && t.to == end {
			return lb, t
		}
		for _, c := range tr.Choices {
			if c.Kind == "flow-hash" && !byIP(f.balancer.Service) && c.Chosen == t.node.Name {
				return lb, t
			}
		}
	}
	return lb, nil
}

// tracked holds that the node that translated the destination has the connection with both its directions.
func (p *property) tracked(f *flow, tr *trace.Trace, want expectation, end netip.AddrPort, last packet.Packet) {
	p.Helper()
	for i := range tr.Legs { // a masqueraded connection that leaves by another device is forgotten
		if tr.End(&tr.Legs[i]).Code == trace.MasqueradeMoved {
			return
		}
	}
	x := want.met
	for _, e := range tr.Conntrack(want.dnat.Name) {
		if e.Original.Src == x.src && e.Original.Dst == x.dst && e.Original.DstPort == x.port &&
			e.Reply.Src == end.Addr() && e.Reply.SrcPort == end.Port() && e.Reply.Dst == last.IP.Src && e.Reply.DstPort == last.L4.SrcPort {
			return
		}
	}
	p.fails(f, tr, "conntrack of %s has no entry of %v → %v:%d that %v answers", want.dnat.Name, x.src, x.dst, x.port, end)
}

// answered holds that an answer comes from where the client sent to.
func (p *property) answered(f *flow, tr *trace.Trace, sent packet.Packet) {
	p.Helper()
	if tr.Outcome != trace.Delivered {
		return
	}
	p.Answers++
	back := tr.Packets[tr.End(&tr.Legs[len(tr.Legs)-1]).Packet]
	if back.IP.Src != sent.IP.Dst || back.L4.SrcPort != sent.L4.DstPort || back.IP.Dst != sent.IP.Src || back.L4.DstPort != sent.L4.SrcPort {
		p.fails(f, tr, "answered from %v:%d to %v:%d, sent from %v:%d to %v:%d", back.IP.Src, back.L4.SrcPort, back.IP.Dst, back.L4.DstPort,
			sent.IP.Src, sent.L4.SrcPort, sent.IP.Dst, sent.L4.DstPort)
	}
}
