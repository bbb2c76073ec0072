package trace

import (
	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// hook runs everything that hangs on one hook: base chains by priority, conntrack between raw and mangle, the nat core
// where its priority is, and at the end of INPUT and POSTROUTING the confirmation of a new connection.
func (w *walker) hook(h netfilter.Hook, in, out *topology.Interface) verdict {
	stack := w.ns.Netfilter
	w.traceRules(h)
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
			// The chains behind it still see the device of the first route: the hook's state is not made anew (nf_hook_slow).
			if w.reroute() == stop {
				return stop
			}
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
	w.drawn, w.recalled, w.recalledNFT = drawing{}, recalled{}, recalledNFT{}
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
		rule, comment := w.lastStep().decided(), w.lastStep().comment()
		s := w.drop(RuleDrop, "NETFILTER_DROP")
		w.more(s).Text[1] = comment
		w.more(s).Would, w.more(s).WouldT[0] = WouldAllow, rule
		s.Base = w.base
		s.Hook, s.HasHook = w.base.Hook, true
		return stop
	case iptables.Reject:
		rule, comment := w.lastStep().decided(), w.lastStep().comment()
		s := w.step(StageReject, VerdictReject, RuleReject)
		w.more(s).Text[1] = comment
		w.more(s).Would, w.more(s).WouldT[0] = WouldAllow, rule
		s.Hook, s.HasHook = w.base.Hook, true
		w.more(s).Text[0], w.more(s).Text[2] = v.Reject, "NETFILTER_DROP"
		s.Base = w.base
		if !w.copying {
			w.leg().Outcome = Rejected
		}
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

// comment is what the writer of the step's rule says about it.
func (s *Step) comment() string {
	if s.Rule == nil {
		return ""
	}
	return s.Rule.Comment()
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
	if w.p.IP.Protocol == packet.ICMP && w.leg().Kind == Reply && w.in == nil {
		return // the kernel is in the middle of sending an echo reply, and its ICMP socket is taken (icmp_xmit_lock)
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

// nameOf is an interface's name, "" for none.
func nameOf(i *topology.Interface) string {
	if i == nil {
		return ""
	}
	return i.Name
}
