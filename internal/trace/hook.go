package trace

import (
	"net/netip"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// hook runs everything that hangs on one hook: base chains by priority, conntrack between raw and mangle, the nat core
// where its priority is, and at the end of INPUT and POSTROUTING the confirmation of a new connection.
func (w *walker) hook(h netfilter.Hook, in, out *topology.Interface) verdict {
	stack := w.ns.Netfilter
	chains := stack.At(h)
	tracks := stack.Tracks && (h == netfilter.PreRouting || h == netfilter.LocalOut)
	for i := 0; i < len(chains); i++ {
		b := &chains[i]
		if tracks && !b.BeforeConntrack() {
			w.track(h)
			tracks = false
		}
		if b.NAT {
			n := i + 1
			for n < len(chains) && chains[n].NAT {
				n++
			}
			if w.natCore(h, chains[i:n], in, out) == stop {
				return stop
			}
			i = n - 1
			continue
		}
		mark, dst, src, tos := w.p.Mark, w.p.IP.Dst, w.p.IP.Src, w.p.IP.TOS
		v := w.chain(b, h, in, out)
		if w.end(v) == stop {
			return stop
		}
		if b.Route && (mark != w.p.Mark || dst != w.p.IP.Dst || src != w.p.IP.Src || tos != w.p.IP.TOS) {
			if w.reroute() == stop {
				return stop
			}
			out = w.route.dev
		}
	}
	if tracks {
		w.track(h)
	}
	if h == netfilter.LocalIn || h == netfilter.PostRouting {
		w.confirm(h)
	}
	return goOn
}

// chain evaluates one base chain.
func (w *walker) chain(b *netfilter.BaseChain, h netfilter.Hook, in, out *topology.Interface) iptables.Verdict {
	w.base, w.first, w.hookIn, w.hookOut = b, true, in, out
	w.conn = w.ref.Conn()
	if b.IPT == nil && b.NFT == nil {
		return iptables.Verdict{Kind: iptables.Accept}
	}
	var v iptables.Verdict
	if b.IPT != nil {
		w.input = iptables.Input{Packet: &w.p, Conn: &w.conn, In: nameOf(in), Out: nameOf(out), Env: (*env)(w), Local: h == netfilter.LocalOut || h == netfilter.PostRouting && in == nil}
		v = w.ipt.Run(b.IPT, &w.input, (*iptSink)(w))
	} else {
		v = w.native(b, nameOf(in), nameOf(out))
	}
	w.keepConn()
	if w.ipt.Halted() || w.nft.Halted() {
		v.Kind = iptables.Undecided
	}
	return v
}

// keepConn writes back what rules may have changed of the connection: its mark, or that it is not tracked.
func (w *walker) keepConn() {
	if w.conn.State == packet.CTUntracked && w.ref.State != packet.CTUntracked {
		w.ref = netfilter.Ref{State: packet.CTUntracked}
	}
	if e := w.ref.Entry; e != nil {
		e.Mark = w.conn.Mark
		w.p.CTMark = e.Mark
	}
}

// end turns a chain's verdict into the packet's: a drop or a reject ends it.
func (w *walker) end(v iptables.Verdict) verdict {
	switch v.Kind {
	case iptables.Drop:
		s := w.drop(RuleDrop, "NETFILTER_DROP")
		s.Base = w.base
		s.Hook, s.HasHook = w.base.Hook, true
		return stop
	case iptables.Reject:
		s := w.step(StageReject, VerdictReject, RuleReject)
		s.Hook, s.HasHook = w.base.Hook, true
		w.more(s).Text[0], w.more(s).Text[2] = v.Reject, "NETFILTER_DROP"
		s.Base = w.base
		w.leg().Outcome = Rejected
		w.rejectWith(v.Reject)
		return stop
	case iptables.Undecided:
		w.more(w.unknown(LoopDetected)).Number[0] = maxCrossings // rules that jump in a circle
		return stop
	case iptables.Queue:
		w.more(w.unknown(NotModelled)).Text[0] = "NFQUEUE"
		return stop
	}
	return goOn
}

// rejectCodes are ICMP's codes for --reject-with (RFC 792, RFC 1122, RFC 1812).
var rejectCodes = map[string]uint8{
	"icmp-net-unreachable": 0, "icmp-host-unreachable": 1, "icmp-proto-unreachable": 2, "icmp-port-unreachable": 3,
	"icmp-net-prohibited": 9, "icmp-host-prohibited": 10, "icmp-admin-prohibited": 13,
}

func (w *walker) rejectWith(with string) {
	if with == "tcp-reset" {
		if w.p.IP.Protocol == packet.TCP && w.p.L4.Flags&packet.RST == 0 {
			w.owe(icmpError{reset: true})
		}
		return
	}
	if c, ok := rejectCodes[with]; ok {
		w.owe(icmpError{typ: packet.ICMPUnreachable, code: c})
		return
	}
	w.owe(icmpError{typ: packet.ICMPUnreachable, code: 3})
}

// track lets conntrack look at the packet, unless it has an entry already (it came back by the loopback device) or was
// excepted.
func (w *walker) track(h netfilter.Hook) {
	if w.ref.State == packet.CTNone {
		w.ref = w.ct.In(&w.p, w.conn.Zone)
		if w.ref.Entry != nil {
			w.p.CTMark = w.ref.Entry.Mark
		}
	}
	v, c := VerdictNew, ConnNew
	switch w.ref.State {
	case packet.CTEstablished:
		v, c = VerdictEstablished, ConnEstablished
	case packet.CTRelated:
		v, c = VerdictRelated, ConnRelated
	case packet.CTInvalid:
		v, c = VerdictInvalid, ConnInvalid
	case packet.CTUntracked:
		v, c = VerdictUntracked, ConnUntracked
	}
	s := w.step(StageConntrack, v, c)
	s.Hook, s.HasHook = h, true
}

// confirm enters a connection into the table with the first packet that has passed everything. Only one of the original
// direction can: an ICMP error about an unconfirmed connection does not (__nf_conntrack_confirm).
func (w *walker) confirm(h netfilter.Hook) {
	if w.ref.Entry == nil || w.ref.Reply || !w.ct.Confirm(w.ref.Entry) {
		return
	}
	s := w.step(StageConntrack, VerdictConfirmed, ConnConfirmed)
	s.Hook, s.HasHook, s.Entry = h, true, w.ref.Entry
}

// natCore is nf_nat_inet_fn: it asks the hook's nat chains for the first packet of a connection, until one sets a
// mapping up, and applies the connection's mapping to every packet.
func (w *walker) natCore(h netfilter.Hook, chains []netfilter.BaseChain, in, out *topology.Interface) verdict {
	e := w.ref.Entry
	if e == nil {
		return goOn
	}
	m := h.Manip()
	dst := w.p.IP.Dst
	ruled := -1
	switch w.ref.State {
	case packet.CTRelated:
		if w.p.IP.Protocol == packet.ICMP && packet.IsICMPError(w.p.L4.ICMPType) {
			before := w.p
			if w.ref.MangleICMPError(&w.p, m) && before != w.p {
				s := w.step(StageConntrack, VerdictNAT, w.natCode(m))
				s.Hook, s.HasHook = h, true
			}
			if h == netfilter.LocalOut && dst != w.p.IP.Dst {
				return w.reroute()
			}
			return goOn
		}
		fallthrough
	case packet.CTNew:
		if e.Initialised(m) {
			break
		}
		for i := range chains {
			v := w.chain(&chains[i], h, in, out)
			switch v.Kind {
			case iptables.SNAT, iptables.DNAT, iptables.Masquerade, iptables.Redirect:
				ruled = len(w.t.steps) - 1
				w.mapTo(h, v, in, out)
			default:
				if w.end(v) == stop {
					return stop
				}
			}
			if e.Initialised(m) {
				break
			}
		}
		if !e.Initialised(m) {
			w.ct.Setup(e, m, nil, netfilter.RandomPort)
		}
	}
	before := w.p
	if w.ref.Mangle(&w.p, m) && before != w.p {
		if ruled >= 0 {
			// The rule's own step shows what it did to the packet.
			s := &w.t.steps[ruled]
			s.Packet = w.snapshot()
		} else {
			s := w.step(StageConntrack, VerdictNAT, w.natCode(m))
			s.Hook, s.HasHook = h, true
		}
	}
	if h == netfilter.LocalOut && dst != w.p.IP.Dst {
		return w.reroute()
	}
	return goOn
}

func (w *walker) natCode(netfilter.Manip) Code {
	if w.ref.Reply {
		return ConnNATUndo
	}
	return ConnNAT
}

// mapTo sets a connection's mapping up as a nat rule says.
func (w *walker) mapTo(h netfilter.Hook, v iptables.Verdict, in, out *topology.Interface) {
	e := w.ref.Entry
	r := iptables.NATRange{}
	if v.NAT != nil {
		r = *v.NAT
	}
	m := h.Manip()
	switch v.Kind {
	case iptables.Masquerade:
		if out != nil {
			nexthop := w.route.gateway
			if !nexthop.IsValid() {
				nexthop = w.p.IP.Dst
			}
			r.Min = w.ns.SelectSource(out.Name, nexthop, topology.ScopeGlobal)
			r.Max = r.Min
		}
	case iptables.Redirect:
		r.Min = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		if h != netfilter.LocalOut && in != nil {
			r.Min = w.ns.SelectSource(in.Name, netip.Addr{}, topology.ScopeGlobal)
		}
		r.Max = r.Min
	}
	w.ct.Setup(e, m, &r, netfilter.RandomPort)
	if r.Random || r.RandomFully {
		w.assume(AssumePort, "namespace", w.ns.Name, "port", itoa(int(e.Reply.DstPort)))
	}
}

// iptSink records what iptables' rules did.
type iptSink walker

// Event implements iptables.Sink.
func (k *iptSink) Event(e iptables.Event) {
	w := (*walker)(k)
	w.keepConnMark()
	at := int32(len(w.t.misses))
	for _, m := range e.Misses {
		w.t.misses = append(w.t.misses, Miss{Rule: m.Rule, Match: m.Match})
	}
	v, code := eventVerdict(e.Verdict.Kind, e.Policy, e.Rule == nil)
	if code == RuleMatched {
		code = w.effect(e.Rule, &e.Before)
	}
	s := w.step(StageNetfilter, v, code)
	s.Hook, s.HasHook = w.base.Hook, true
	s.Base, s.Chain, s.Rule = w.base, e.Chain, e.Rule
	s.missAt, s.missN = at, int32(len(e.Misses))
	s.First, w.first = w.first, false
	s.In, s.Out, s.Entry = w.hookIn, w.hookOut, w.ref.Entry
	switch e.Verdict.Kind {
	case iptables.Jump, iptables.Goto:
		s.Target = e.Verdict.Chain.Name
	case iptables.Reject:
		w.more(s).Text[2] = e.Verdict.Reject
	case iptables.Undecided:
		if e.Rule != nil {
			w.assume(AssumeRule, "namespace", w.ns.Name, "text", e.Rule.Text())
			if e.Rule.NotUnderstood != "" {
				w.lastStep().Code = RuleNotUnderstood
			}
		}
	}
}

// effect names what a rule that goes on to the next did.
func (w *walker) effect(r *iptables.Rule, before *iptables.Marks) Code {
	switch t := r.Target.(type) {
	case nil, *iptables.LogTarget, *iptables.NFLogTarget:
		return RuleCounts
	case *iptables.MarkTarget:
		if before.Mark == w.p.Mark {
			return RuleMarkSame
		}
		return RuleMark
	case *iptables.ConnmarkTarget:
		switch {
		case t.Restores() && before.Mark == w.p.Mark:
			return RuleRestoredSame
		case t.Restores():
			return RuleRestored
		case before.CTMark == w.conn.Mark:
			return RuleConnmarkSame
		}
		return RuleConnmark
	case *iptables.TTLTarget:
		return RuleTTL
	case *iptables.CTTarget:
		return RuleNotrack
	}
	return RuleMatched
}

// keepConnMark lets a step show the connection's mark as its rule left it.
func (w *walker) keepConnMark() {
	if w.ref.Entry != nil {
		w.p.CTMark = w.conn.Mark
	}
}

func eventVerdict(k iptables.VerdictKind, policy, noRule bool) (Verdict, Code) {
	switch {
	case policy && k == iptables.Drop:
		return VerdictPolicyDrop, ChainPolicyDrop
	case policy:
		return VerdictPolicyAccept, ChainPolicy
	case noRule:
		return VerdictReturn, ChainEnd
	}
	switch k {
	case iptables.Accept:
		return VerdictAccept, RuleAccept
	case iptables.Drop:
		return VerdictDrop, RuleDrop
	case iptables.Reject:
		return VerdictReject, RuleReject
	case iptables.Return:
		return VerdictReturn, RuleReturn
	case iptables.Jump:
		return VerdictJump, RuleJump
	case iptables.Goto:
		return VerdictGoto, RuleGoto
	case iptables.Queue:
		return VerdictQueue, RuleMatched
	case iptables.SNAT:
		return VerdictAccept, RuleSNAT
	case iptables.DNAT:
		return VerdictAccept, RuleDNAT
	case iptables.Masquerade:
		return VerdictAccept, RuleMasquerade
	case iptables.Redirect:
		return VerdictAccept, RuleRedirect
	case iptables.Undecided:
		return VerdictUndecided, RuleUndecided
	}
	return VerdictContinue, RuleMatched
}

// env answers matches from the namespace that the packet is in.
type env walker

// AddrType implements iptables.Env and nftables.Env.
func (k *env) AddrType(a netip.Addr, dev string) iptables.AddrType {
	return (*walker)(k).ns.AddrType(a, dev)
}

// InSet implements iptables.Env.
func (k *env) InSet(q iptables.SetQuery) iptables.Tri {
	w := (*walker)(k)
	sets := w.ns.Netfilter.Sets
	s := sets[q.Name]
	if s == nil {
		return iptables.Unknown
	}
	return s.Contains(q, sets)
}

// ReversePath implements iptables.Env: the rpfilter match looks the reverse route up by itself (rpfilter_lookup_reverse
// in ipt_rpfilter.c).
func (k *env) ReversePath(p *packet.Packet, in string, loose, validmark, acceptLocal bool) iptables.Tri {
	w := (*walker)(k)
	f := topology.Lookup{Src: p.IP.Dst, Dst: p.IP.Src, IIF: "lo", TOS: p.IP.TOS & 0x1c}
	if p.IP.Dst.IsMulticast() || isBroadcast(p.IP.Dst) {
		f.Src = netip.AddrFrom4([4]byte{})
	}
	if validmark {
		f.Mark = p.Mark
	}
	r := w.ns.Route(&f)
	if _, _, bad := unroutable(&r); bad {
		return iptables.No
	}
	if r.Route.Type != topology.Unicast && !(r.Route.Type == topology.LocalRoute && acceptLocal) {
		return iptables.No
	}
	if loose {
		return iptables.Yes
	}
	for _, n := range r.Route.Nexthops {
		if n.Dev == in {
			return iptables.Yes
		}
	}
	return iptables.No
}

// Choose implements iptables.Env: the first option of a chain is taken unless the query picks another.
func (k *env) Choose(r *iptables.Rule, _ float64) bool {
	w := (*walker)(k)
	w.choiceOfRule(r)
	want, ok := w.t.Query.Choices[r.Chain.Name]
	return !ok || want == targetName(r)
}

func (w *walker) choiceOfRule(r *iptables.Rule) {
	c := r.Chain
	for _, have := range w.t.Choices {
		if have.ID == c.Name {
			return
		}
	}
	choice := Choice{ID: c.Name, Kind: "statistic"}
	left := 1.0
	for _, x := range c.Rules {
		p, ok := probability(x)
		if !ok {
			continue
		}
		choice.Options = append(choice.Options, Option{targetName(x), left * p})
		left *= 1 - p
	}
	// What the last drawing leaves goes to the rule behind it.
	if last := c.Rules[len(c.Rules)-1]; left > 0 {
		if _, ok := probability(last); !ok {
			choice.Options = append(choice.Options, Option{targetName(last), left})
		}
	}
	choice.Chosen = choice.Options[0].Value
	if want, ok := w.t.Query.Choices[c.Name]; ok {
		choice.Chosen = want
	}
	w.t.Choices = append(w.t.Choices, choice)
}

// targetName is what a rule's option is called: the chain it jumps to, else its text.
func targetName(r *iptables.Rule) string {
	if j, ok := r.Target.(*iptables.JumpTarget); ok {
		return j.Name
	}
	return r.Text()
}

// probability is a rule's chance, where it draws.
func probability(r *iptables.Rule) (float64, bool) {
	for _, m := range r.Matches {
		if s, ok := m.(*iptables.StatisticMatch); ok {
			p := float64(s.Share) / (1 << 31)
			if !s.Random {
				p = 1 / float64(s.Every)
			}
			if s.Not {
				p = 1 - p
			}
			return p, true
		}
	}
	return 0, false
}

// nameOf is an interface's name, "" for none.
func nameOf(i *topology.Interface) string {
	if i == nil {
		return ""
	}
	return i.Name
}
