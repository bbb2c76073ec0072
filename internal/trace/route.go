package trace

import (
	"net/netip"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

func isLoopback(a netip.Addr) bool  { return a.As4()[0] == 127 }
func isZeroNet(a netip.Addr) bool   { return a.As4()[0] == 0 }
func isBroadcast(a netip.Addr) bool { return a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) }

// lookup is the flow key of the packet as it is.
func (w *walker) lookup(iif string) topology.Lookup {
	return topology.Lookup{Src: w.p.IP.Src, Dst: w.p.IP.Dst, IIF: iif, Mark: w.p.Mark, TOS: w.p.IP.TOS & 0x1c,
		Protocol: w.p.IP.Protocol, SrcPort: w.p.L4.SrcPort, DstPort: w.p.L4.DstPort}
}

// found records the rule and the route of a lookup.
func (w *walker) found(stage Stage, r *topology.Result) {
	if r.Rule != nil {
		s := w.step(stage, VerdictLookup, PolicyRule)
		s.Policy = r.Rule
	}
	if r.Route == nil {
		return
	}
	v, c := VerdictForward, RouteUnicast
	switch r.Route.Type {
	case topology.LocalRoute:
		v, c = VerdictLocal, RouteLocal
	case topology.Broadcast:
		v, c = VerdictLocal, RouteBroadcast
	case topology.Blackhole:
		v, c = VerdictUnreachable, RouteBlackhole
	case topology.Unreachable:
		v, c = VerdictUnreachable, RouteUnreachable
	case topology.Prohibit:
		v, c = VerdictUnreachable, RouteProhibit
	default:
		if r.Nexthop == nil || !r.Nexthop.Gateway.IsValid() {
			c = RouteLink
		}
	}
	s := w.step(stage, v, c)
	s.Route, s.Policy = r.Route, r.Rule
	w.choiceOfNexthop(r)
}

// choiceOfNexthop lets the query pick the next hop of a multipath route, which the kernel picks by a hash of the flow with
// a secret of its own (fib_multipath_hash). A dead one is no option (fib_select_multipath).
func (w *walker) choiceOfNexthop(r *topology.Result) {
	if len(r.Route.Nexthops) < 2 || r.Nexthop == nil {
		return
	}
	name := func(n *topology.Nexthop) string {
		if n.Gateway.IsValid() {
			return n.Gateway.String() + " " + n.Dev
		}
		return n.Dev
	}
	var options []Option
	var hops []*topology.Nexthop
	total := 0
	for i := range r.Route.Nexthops {
		n := &r.Route.Nexthops[i]
		if n.Dead {
			continue
		}
		hops = append(hops, n)
		total += max(n.Weight, 1)
	}
	for _, n := range hops {
		options = append(options, Option{Value: name(n), Probability: float64(max(n.Weight, 1)) / float64(total)})
	}
	if len(options) > 0 {
		r.Nexthop = hops[w.choose(r.Route.Table.String()+" "+r.Route.Dst.String(), "ecmp", options)]
	}
}

// take makes a found route the packet's.
func (w *walker) take(r *topology.Result, output bool) verdict {
	if r.Route.Type == topology.LocalRoute || r.Route.Type == topology.Broadcast && !output {
		w.route = routed{local: true, fromOut: output}
		if output {
			lo := w.loopbackDevice()
			if lo == nil {
				w.more(w.unknown(PeerUnknown)).Text[0] = "lo"
				return stop
			}
			w.route.dev, w.route.mtu = lo, lo.MTU
			if lo.MTU == 0 {
				w.route.mtu = 65536
			}
		}
		return goOn
	}
	dev := w.ns.Interface(r.Dev())
	if dev == nil {
		s := w.unknown(PeerUnknown)
		w.more(s).Text[0] = r.Route.Dev()
		return stop
	}
	w.route = routed{dev: dev, fromOut: output, mtu: dev.MTU}
	if r.Nexthop != nil {
		w.route.gateway = r.Nexthop.Gateway
	}
	if r.Route.MTU > 0 {
		w.route.mtu = r.Route.MTU
	}
	if w.route.mtu == 0 {
		w.route.mtu = 1500
	}
	return goOn
}

func (w *walker) loopbackDevice() *topology.Interface {
	for _, i := range w.ns.Interfaces {
		if i.Kind == topology.Loopback {
			return i
		}
	}
	return nil
}

// unroutable says whether the lookup found nothing that forwards, and records the drop.
func unroutable(r *topology.Result) (code Code, icmp uint8, bad bool) {
	switch {
	case r.Route == nil && r.Rule != nil && r.Rule.Action != topology.ToTable:
		switch r.Rule.Action {
		case topology.BlackholeRule:
			return RouteBlackhole, 0xff, true
		case topology.ProhibitRule:
			return RouteProhibit, 13, true
		}
		return RouteUnreachable, 0, true // a rule's answer is ENETUNREACH (fib4_rule_action), a route's EHOSTUNREACH
	case r.Route == nil && r.Missing != 0:
		return TableMissing, 0xff, true
	case r.Route == nil:
		return RouteNone, 0, true
	}
	switch r.Route.Type {
	case topology.Blackhole:
		return RouteBlackhole, 0xff, true
	case topology.Unreachable:
		return RouteUnreachable, 1, true
	case topology.Prohibit:
		return RouteProhibit, 13, true
	}
	return "", 0, false
}

// lookupOutput looks up the route of a packet that is made here. Where it has no source yet, the route gives it one; a socket that
// connects looks the route up again with it.
func (w *walker) lookupOutput(f topology.Lookup, again bool) topology.Result {
	r := w.ns.Route(&f)
	if !w.p.IP.Src.IsValid() && r.Route != nil {
		w.choiceOfNexthop(&r) // the path is selected before it gives the source (ip_route_output_key_hash_rcu)
		w.p.IP.Src = w.sourceFor(&r)
		if !again {
			return r
		}
		f.Src = w.p.IP.Src
		r = w.ns.Route(&f)
	}
	return r
}

// routeOutput is ip_route_output_key for a socket: with no source yet, the route gives one, and a connected socket
// looks again with it (ip_route_connect).
func (w *walker) routeOutput() verdict {
	noSource := !w.p.IP.Src.IsValid()
	if !noSource && !w.anySource && w.ns.AddrType(w.p.IP.Src, "") != iptables.AddrLocal {
		w.drop(SourceNotLocal, "") // an answer to an address that only a route made local, say (ip_route_output_key_hash_rcu)
		return stop
	}
	r := w.lookupOutput(w.lookup("lo"), w.connects) // an ICMP error asks once (icmp_route_lookup)
	if noSource && r.Route != nil {
		w.t.Packets[w.cur].IP.Src = w.p.IP.Src // a packet has a source from the start; only the socket had none
	}
	w.found(StageSend, &r)
	if code, _, bad := unroutable(&r); bad {
		return w.noRoute(code, &r, "") // no packet was made: the socket's own call fails (ip_route_connect)
	}
	if noSource && w.connects && w.ns.AddrType(w.p.IP.Src, "") != iptables.AddrLocal {
		// To what only a route made local, a socket has no source of its own: connect looks the route up again with the one
		// that it was given, and fails (ip_route_connect).
		w.drop(SourceNotLocal, "")
		return stop
	}
	if w.take(&r, true) == stop {
		return stop
	}
	code := SourceBound
	if noSource {
		code = SourceByRoute
	}
	s := w.step(StageSend, VerdictOK, code)
	s.Interface, s.Route = w.route.dev, r.Route
	return goOn
}

func (w *walker) noRoute(code Code, r *topology.Result, reason string) verdict {
	var s *Step
	if code == TableMissing {
		s = w.unknown(code)
		w.more(s).Text[0] = r.Missing.String()
		w.more(s).Would, w.more(s).WouldT[0] = WouldGive, "ip route show table "+r.Missing.String()
		return stop
	}
	if _, icmp, _ := unroutable(r); reason == "IP_INNOROUTES" && icmp != 0 {
		reason = "NOT_SPECIFIED" // ip_error names a reason only for ENETUNREACH
	}
	s = w.drop(code, reason)
	w.more(s).Would, w.more(s).WouldT[0] = WouldAddRoute, w.p.IP.Dst.String()
	s.Route, s.Policy = r.Route, r.Rule
	return stop
}

// sourceFor is the source address that a route gives: its own hint, the destination for local ones, else an address of
// the device towards the next hop (fib_result_prefsrc, __ip_route_output_key).
func (w *walker) sourceFor(r *topology.Result) netip.Addr {
	switch {
	case r.Route.Src.IsValid():
		return r.Route.Src
	case r.Route.Type == topology.LocalRoute:
		return w.p.IP.Dst
	}
	dev, gw := r.Dev(), netip.Addr{}
	if r.Nexthop != nil {
		gw = r.Nexthop.Gateway
	}
	scope := r.Route.Scope
	if scope == topology.ScopeGlobal && !gw.IsValid() {
		scope = topology.ScopeLink
	}
	if a := w.ns.SelectSource(dev, gw, scope); a.IsValid() {
		return a
	}
	return netip.AddrFrom4([4]byte{}) // a host without an address sends from 0.0.0.0
}

// reroute looks the route up again after OUTPUT changed destination or mark (ip_route_me_harder).
func (w *walker) reroute() verdict {
	w.step(StageRoute, VerdictOK, OutputRerouted)
	f := w.lookup("lo")
	r := w.ns.Route(&f)
	w.found(StageRoute, &r)
	if code, _, bad := unroutable(&r); bad {
		return w.noRoute(code, &r, "NETFILTER_DROP") // what ip_route_me_harder fails with is the hook's verdict (ipt_mangle_out)
	}
	return w.take(&r, true)
}

// routeInput is ip_route_input_slow, in the kernel's own order: addresses that may not be, the route, for local ones
// the reverse path, then whether the host forwards, then the reverse path for forwarded ones.
func (w *walker) routeInput(in *topology.Interface) verdict {
	src, dst := w.p.IP.Src, w.p.IP.Dst
	if w.route.fromOut && in.Kind == topology.Loopback {
		w.route = routed{}
	}
	if in.Kind == topology.Loopback && w.skipRouting() {
		return goOn
	}
	switch {
	case src.IsMulticast() || isBroadcast(src) || isZeroNet(src) && !isBroadcast(dst):
		w.drop(MartianSource, "IP_INVALID_SOURCE")
		return stop
	case dst.IsMulticast():
		w.unknown(RouteMulticast)
		return stop
	case isBroadcast(dst):
		s := w.step(StageRoute, VerdictLocal, RouteBroadcast)
		s.Interface = in
		w.route = routed{local: true}
		return goOn
	case isZeroNet(dst):
		w.drop(MartianDest, "IP_INVALID_DEST")
		return stop
	case in.Kind != topology.Loopback && !in.RouteLocalnet() && (isLoopback(dst) || isLoopback(src)):
		s := w.drop(LoopbackToOutside, "IP_LOCALNET")
		w.more(s).Would, w.more(s).WouldT[0] = WouldLoosen, topology.ConfName(in.Name, "route_localnet")
		w.more(s).WouldT[1] = "1"
		return stop
	}
	f := w.lookup(in.Name)
	r := w.ns.Route(&f)
	w.found(StageRoute, &r)
	code, icmp, bad := unroutable(&r)
	local := !bad && (r.Route.Type == topology.LocalRoute || r.Route.Type == topology.Broadcast)
	switch {
	case local:
		if w.reversePath(in, "lo") == stop {
			return stop
		}
		return w.take(&r, false)
	case !in.Forwarding():
		s := w.drop(ForwardingOff, "IP_INADDRERRORS") // ip_error, with EHOSTUNREACH
		w.more(s).Text[0] = in.Name
		w.more(s).Would, w.more(s).WouldT[0] = WouldForward, topology.ConfName(in.Name, "forwarding")
		return stop
	case bad:
		v := w.noRoute(code, &r, "IP_INNOROUTES")
		if icmp != 0xff {
			w.owe(icmpError{typ: packet.ICMPUnreachable, code: icmp})
		}
		return v
	}
	out := r.Dev()
	if w.reversePath(in, out) == stop {
		return stop
	}
	return w.take(&r, false)
}

// skipRouting: a packet that came back by the loopback device still has its local route (loopback_xmit keeps the dst;
// ip_rcv_finish asks for a route only without one).
func (w *walker) skipRouting() bool {
	s := w.step(StageRoute, VerdictLocal, RouteLocal)
	s.Interface = w.in
	w.route = routed{local: true}
	return true
}

// reversePath is fib_validate_source: would an answer to the packet's source leave by where it came in?
func (w *walker) reversePath(in *topology.Interface, out string) verdict {
	f := topology.Lookup{Src: w.p.IP.Dst, Dst: w.p.IP.Src, IIF: out, TOS: w.p.IP.TOS & 0x1c, Protocol: w.p.IP.Protocol,
		SrcPort: w.p.L4.DstPort, DstPort: w.p.L4.SrcPort}
	if in.SrcValidMark() {
		f.Mark = w.p.Mark
	}
	v := validateSource(w.ns, in, &f)
	note := func(s *Step) *Step {
		if v.looked {
			s.Interface, s.Route, s.Policy, s.Target = in, v.result.Route, v.result.Rule, "strict"
			if in.RPFilter() == 2 {
				s.Target = "loose"
			}
		}
		return s
	}
	would := func(s *Step, name, value string) {
		w.more(s).Would, w.more(s).WouldT[0], w.more(s).WouldT[1] = WouldLoosen, topology.ConfName(in.Name, name), value
	}
	switch {
	case v.code == ReversePathFailed:
		would(note(w.drop(v.code, v.reason)), "rp_filter", "2")
		return stop
	case v.code == MartianSource:
		s := note(w.drop(v.code, v.reason))
		if v.reason == "IP_LOCAL_SOURCE" {
			would(s, "accept_local", "1")
		}
		return stop
	case v.looked:
		note(w.step(StageRoute, VerdictOK, ReversePathOK))
	}
	return goOn
}

// sourceCheck is what fib_validate_source found: code is "" where the source may come in.
type sourceCheck struct {
	code   Code
	reason string // skb_drop_reason
	looked bool   // a route back was looked up
	result topology.Result
}

// validateSource asks whether a packet, or an ARP request, may come in by a device with its source. f is the lookup of the way
// back, made as if the answer came in by the device that the packet is to leave by ("lo" for local ones), so `iif` rules see that.
func validateSource(ns *topology.Namespace, in *topology.Interface, f *topology.Lookup) sourceCheck {
	if in.Kind == topology.Loopback {
		return sourceCheck{}
	}
	mode := in.RPFilter()
	if mode == 0 {
		switch {
		case in.AcceptLocal():
			return sourceCheck{}
		case !ns.OwnRouting(): // a host that routes as every host does looks at one thing only: a source that is its own
			if ns.Owns(f.Dst) {
				return sourceCheck{code: MartianSource, reason: "IP_LOCAL_SOURCE"}
			}
			return sourceCheck{}
		}
	}
	r := ns.Route(f)
	out := sourceCheck{looked: mode != 0, result: r}
	refuse := func(code Code, reason string) sourceCheck {
		out.looked, out.code, out.reason = true, code, reason
		return out
	}
	if _, _, bad := unroutable(&r); bad {
		if mode == 0 {
			return out
		}
		return refuse(ReversePathFailed, "IP_RPFILTER") // no way back at all: both modes refuse
	}
	switch {
	case r.Route.Type == topology.LocalRoute && !in.AcceptLocal():
		return refuse(MartianSource, "IP_LOCAL_SOURCE")
	case r.Route.Type != topology.Unicast && r.Route.Type != topology.LocalRoute:
		return refuse(MartianSource, "IP_INVALID_SOURCE")
	}
	for _, n := range r.Route.Nexthops { // any next hop will do (fib_info_nh_uses_dev)
		if n.Dev == in.Name {
			return out
		}
	}
	// Loose mode looks again for a way by the interface itself, and an interface without an address has none to give;
	// what that second look finds does not matter any more.
	if mode == 1 || mode != 0 && len(in.Addresses) == 0 {
		return refuse(ReversePathFailed, "IP_RPFILTER")
	}
	return out
}
