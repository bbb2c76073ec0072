package calico

import "github.com/podpath/podpath/internal/cluster"

// Chains that more than one file names.
const (
	fromDispatch     = "cali-from-wl-dispatch"
	toDispatch       = "cali-to-wl-dispatch"
	workloadToHost   = "cali-wl-to-host"
	fromHostEndpoint = "cali-from-host-endpoint"
	toHostEndpoint   = "cali-to-host-endpoint"
	fromHEPForward   = "cali-from-hep-forward"
	toHEPForward     = "cali-to-hep-forward"
)

const (
	hostEndpointAccepted   = "Host endpoint policy accepted packet."
	policyExplicitAccepted = "Policy explicitly accepted packet."
)

// static are the chains that every node has, whatever its pods (felix/rules/static.go). Those of host endpoints, floating
// IPs, DSCP marks and advertised Services are empty: nothing here fills them.
func (s *settings) static(w *writer) {
	s.raw(w)
	s.mangle(w)
	s.nat(w)
	s.filter(w)
}

func (s *settings) raw(w *writer) {
	w.chain("raw", "PREROUTING", to(jump("cali-PREROUTING")))
	w.chain("raw", "OUTPUT", to(jump("cali-OUTPUT")))
	pre := []rule{to(clearMark(markAll))}
	output := []rule{to(clearMark(markAll)), to(jump(toHostEndpoint))}
	if s.vxlan { // each direction has source ports of its own, so that tracking would see requests only
		pre = append(pre, to(noTrack, udpPort(s.port)...))
		output = append(output, to(noTrack, udpPort(s.port)...))
	}
	pre = append(pre,
		to(setMark(markScratch0), in(anyWorkload)),
		to(jump("cali-rpf-skip"), markSet(markScratch0)),
		to(drop, markSet(markScratch0), rpFilterFailed), // a pod may only send from addresses that are routed to it
		to(jump(fromHostEndpoint), markClear(markScratch0)),
		to(accept, markSet(markAccept)))
	w.chain("raw", "cali-PREROUTING", pre...)
	w.chain("raw", "cali-OUTPUT", append(output, to(accept, markSet(markAccept)))...)
	w.chain("raw", "cali-rpf-skip")
	w.chain("raw", fromHostEndpoint)
	w.chain("raw", toHostEndpoint)
}

func (s *settings) mangle(w *writer) {
	w.chain("mangle", "PREROUTING", to(jump("cali-PREROUTING")))
	w.chain("mangle", "POSTROUTING", to(jump("cali-POSTROUTING")))
	w.chain("mangle", "cali-PREROUTING",
		to(s.mangleAllow, ctState("RELATED,ESTABLISHED")),
		to(s.mangleAllow, markSet(markAccept)),
		to(jump(fromHostEndpoint)),
		to(s.mangleAllow, markSet(markAccept)).saying(hostEndpointAccepted))
	w.chain("mangle", "cali-POSTROUTING",
		to(jump("cali-egress-dscp"), source.set(setName(setDSCP)), destination.notSet(setName(setPools)), destination.notSet(setName(setThisHost))).
			saying("set dscp for traffic leaving cluster."),
		to(returning, markSet(markAccept)),
		to(clearMark(markAll)),
		to(jump(toHostEndpoint), ctState("DNAT")),
		to(returning, markSet(markAccept)).saying(hostEndpointAccepted))
	w.chain("mangle", "cali-egress-dscp")
	w.chain("mangle", fromHostEndpoint)
	w.chain("mangle", toHostEndpoint)
}

func (s *settings) nat(w *writer) {
	w.chain("nat", "PREROUTING", to(jump("cali-PREROUTING")))
	w.chain("nat", "OUTPUT", to(jump("cali-OUTPUT")))
	w.chain("nat", "cali-PREROUTING", to(jump("cali-fip-dnat")))
	w.chain("nat", "cali-OUTPUT", to(jump("cali-fip-dnat")))
	post := []rule{to(jump("cali-fip-snat")), to(jump("cali-nat-outgoing"))}
	// What the host itself sends into a tunnel must come from the tunnel's address, or the answer takes another way.
	if s.ipip {
		post = append(post, to(masquerade, out(ipipDevice), srcNotLocalHere, srcLocal))
	}
	if s.vxlan {
		post = append(post, to(masquerade, out(vxlanDevice), srcNotLocalHere, srcLocal))
	}
	w.chain("nat", "cali-POSTROUTING", post...)
	w.chain("nat", "cali-fip-dnat")
	w.chain("nat", "cali-fip-snat")
	w.chain("nat", "cali-nat-outgoing", s.natOutgoing()...)
}

// natOutgoing gives packets that leave the pools the node's address (felix/rules/nat.go).
func (s *settings) natOutgoing() []rule {
	active := false
	for _, p := range s.pools {
		active = active || p.Spec.NATOutgoing
	}
	if !active {
		return nil
	}
	match := []fragment{source.set(setName(setMasquerade)), destination.notSet(setName(setPools))}
	if s.natSpareHosts {
		match = append(match, destination.notSet(setName(setAllHosts)))
	}
	if s.natFilter != "" {
		match = append(match, out(s.natFilter))
	}
	action := masquerade
	if s.natAddress.IsValid() {
		action = snat(s.natAddress)
	}
	return []rule{to(action, match...)}
}

func (s *settings) filter(w *writer) {
	for _, c := range []string{"INPUT", "FORWARD", "OUTPUT"} {
		w.chain("filter", c, to(jump("cali-"+c)))
	}
	s.input(w)
	w.chain("filter", "cali-FORWARD",
		to(clearMark(markAll&^markAccept)),
		to(jump(fromHEPForward), markClear(markAccept)),
		to(jump(fromDispatch), in(anyWorkload)),
		to(jump(toDispatch), out(anyWorkload)),
		to(jump(toHEPForward)),
		to(jump("cali-cidr-block")))
	s.output(w)
	for _, c := range []string{"cali-cidr-block", fromHEPForward, toHEPForward, fromHostEndpoint, toHostEndpoint} {
		w.chain("filter", c)
	}
}

func (s *settings) input(w *writer) {
	var rules []rule
	if s.ipip {
		rules = append(rules,
			to(s.filterAllow, protoIPIP, source.set(setName(setAllHosts)), dstLocal).saying("Allow IPIP packets from Calico hosts"),
			to(drop, protoIPIP).saying("Drop IPIP packets from non-Calico hosts"))
	}
	if s.vxlan {
		rules = append(rules,
			to(s.filterAllow, protoUDP, destination.ports(one(s.port)), source.set(setName(setVXLAN)), dstLocal).saying("Allow IPv4 VXLAN packets from allowed hosts"),
			to(drop, protoUDP, destination.ports(one(s.port)), dstLocal).saying("Drop IPv4 VXLAN packets from non-allowed hosts"))
	}
	rules = append(rules,
		to(gotoChain(workloadToHost), in(anyWorkload)),
		to(s.filterAllow, markSet(markAccept)),
		to(clearMark(markAll)),
		to(jump(fromHostEndpoint)),
		to(s.filterAllow, markSet(markAccept)).saying(hostEndpointAccepted))
	w.chain("filter", "cali-INPUT", rules...)
	w.chain("filter", workloadToHost,
		to(jump(fromDispatch)),
		to(s.toHost).saying("Configured DefaultEndpointToHostAction"))
}

func (s *settings) output(w *writer) {
	rules := []rule{
		to(s.filterAllow, markSet(markAccept)),
		to(returning, out(anyWorkload)), // what the host sends to its own pods is never policed
	}
	if s.ipip {
		rules = append(rules, to(s.filterAllow, protoIPIP, destination.set(setName(setAllHosts)), srcLocal).saying("Allow IPIP packets to other Calico hosts"))
	}
	if s.vxlan {
		rules = append(rules, to(s.filterAllow, protoUDP, destination.ports(one(s.port)), srcLocal, destination.set(setName(setVXLAN))).
			saying("Allow IPv4 VXLAN packets to other allowed hosts"))
	}
	rules = append(rules,
		to(clearMark(markAll)),
		to(jump(toHostEndpoint), notCTState("DNAT")),
		to(s.filterAllow, markSet(markAccept)).saying(hostEndpointAccepted))
	w.chain("filter", "cali-OUTPUT", rules...)
}

// appended writes what Felix puts at the end of built-in chains. A packet that policy accepted crosses everyone else's rules
// in FORWARD before it gets there, and kube-proxy masquerades before Calico does (int_dataplane.go, AppendRules).
func (s *settings) appended(w *writer) {
	const hashed = "*appends*" // stands behind the chain's name in the hashes
	w.write("filter", "FORWARD", "FORWARD"+hashed, []rule{to(s.filterAllow, markSet(markAccept)).saying(policyExplicitAccepted), to(setMark(markAccept))})
	w.write("nat", "POSTROUTING", "POSTROUTING"+hashed, []rule{to(jump("cali-POSTROUTING"))})
}

// workload is a pod of the node with the name of its host end.
type workload struct {
	*cluster.Pod
	veth string
}
