package kubeproxy

import (
	"net/netip"
	"strconv"

	"github.com/podpath/podpath/internal/iptables"
)

// state is one Service port while its rules are written.
type state struct {
	*builder
	p      *servicePort
	usable usable
	// The policy in force for each kind of traffic has an endpoint on this node's view.
	hasInternal, hasExternal bool
	fw                       bool // source ranges are in force
}

// servicePort writes all rules of one Service port, in the order of the loop in syncProxyRules (proxier.go).
func (b *builder) servicePort(p *servicePort) {
	u := p.usable(b.settings)
	s := &state{builder: b, p: p, usable: u, hasInternal: u.any, hasExternal: u.any}
	if p.internalLocal {
		s.hasInternal = u.any && len(u.local) > 0
	}
	if p.externalLocal {
		s.hasExternal = u.any && len(u.local) > 0
	}
	s.fw = u.any && len(p.vips) > 0 && len(p.ranges) > 0
	s.captureClusterIP()
	s.captureExternal()
	s.captureNodePort()
	if p.healthCheckNodePort != 0 {
		b.add(b.filterNodePorts, "-p tcp", comment(p.name, " health check node port"), "-m tcp --dport", itoa(p.healthCheckNodePort), "-j ACCEPT")
	}
	if s.hasInternal {
		s.masquerade()
	}
	if u.any && p.external() {
		s.externalChain()
	}
	if s.fw {
		s.firewallChain()
	}
	if p.usesCluster() && len(u.cluster) > 0 {
		s.policyChain(SVC, u.cluster)
	}
	if p.usesLocal() && len(u.local) > 0 {
		s.policyChain(SVL, u.local)
	}
	for _, e := range u.all {
		s.endpointChain(e)
	}
}

func itoa(n int32) string { return strconv.Itoa(int(n)) }

// to writes a rule for traffic to an address and the Service's port.
func (s *state) to(c *iptables.Chain, a netip.Addr, note, jump string) {
	s.add(c, "-d", host(a), "-p", s.p.protocol, comment(s.p.name, note), "-m", s.p.protocol, "--dport", itoa(s.p.port), "-j", jump)
}

// refusal is the target and the comment's end for traffic that has no endpoint: no endpoint at all is said to the client,
// none on this node is not, since another node may have one.
func (s *state) refusal() (note, target string) {
	switch {
	case s.usable.any:
		return " has no local endpoints", "DROP"
	case s.family == IPv6:
		return " has no endpoints", "REJECT --reject-with icmp6-port-unreachable"
	}
	return " has no endpoints", "REJECT --reject-with icmp-port-unreachable"
}

// internalChain is where traffic to the cluster IP goes.
func (s *state) internalChain() string {
	if s.p.internalLocal {
		return s.p.chain(SVL)
	}
	return s.p.chain(SVC)
}

func (s *state) captureClusterIP() {
	if s.hasInternal {
		s.to(s.services, s.p.clusterIP, " cluster IP", s.internalChain())
		return
	}
	note, target := s.refusal()
	s.to(s.filterServices, s.p.clusterIP, note, target)
}

// captureExternal is for external IPs and the addresses of load balancers.
func (s *state) captureExternal() {
	p := s.p
	note, refuse := s.refusal()
	for _, a := range p.externalIPs {
		if s.usable.any {
			s.to(s.services, a, " external IP", p.chain(EXT))
		}
		if !s.hasExternal {
			s.to(s.filterExternal, a, note, refuse)
		}
	}
	balanced := p.chain(EXT)
	if s.fw {
		balanced = p.chain(FW)
	}
	for _, a := range p.vips {
		if s.usable.any {
			s.to(s.services, a, " loadbalancer IP", balanced)
		}
		if s.fw {
			s.to(s.filterFirewall, a, " traffic not accepted by "+p.chain(FW), "DROP")
		}
		if !s.hasExternal {
			s.to(s.filterExternal, a, note, refuse)
		}
	}
}

// captureNodePort is not subject to source ranges.
func (s *state) captureNodePort() {
	p := s.p
	if p.nodePort == 0 {
		return
	}
	port := "-m " + p.protocol + " --dport " + itoa(p.nodePort)
	if s.usable.any {
		if s.localhostNodePorts && s.family == IPv4 && s.nfacct {
			s.add(s.nodePorts, "-d", loopbackNet, "-p", p.protocol, comment(p.name), port,
				s.counted("localhost_nps_accepted_pkts"), "-j", p.chain(EXT))
		}
		s.add(s.nodePorts, "-p", p.protocol, comment(p.name), port, "-j", p.chain(EXT))
	}
	if !s.hasExternal {
		note, refuse := s.refusal()
		s.add(s.filterExternal, "-p", p.protocol, comment(p.name, note), dstLocal, port, "-j", refuse)
	}
}

// masquerade marks what comes to the cluster IP from outside the cluster, so that the answer comes back by this node.
func (s *state) masquerade() {
	src, in := s.local.notLocal()
	if s.masqueradeAll {
		src, in = "", ""
	} else if !s.local.known() {
		return
	}
	p := s.p
	s.add(s.na.AddChain(s.internalChain()), src, "-d", host(p.clusterIP), in, "-p", p.protocol, comment(p.name, " cluster IP"),
		"-m", p.protocol, "--dport", itoa(p.port), jumpMasq)
}

// externalChain writes KUBE-EXT, through which all external traffic goes.
func (s *state) externalChain() {
	p := s.p
	c := s.na.AddChain(p.chain(EXT))
	about := func(words string) string { return comment(words, p.name, " external destinations") }
	if !p.externalLocal {
		s.add(c, about("masquerade traffic for "), jumpMasq) // the endpoint may be on another node
		s.add(c, "-j", p.chain(SVC))
		return
	}
	if s.local.known() { // a pod's traffic is as if it had gone out and come back in
		src, in := s.local.local()
		s.add(c, src, in, about("pod traffic for "), "-j", p.chain(SVC))
	}
	s.add(c, about("masquerade LOCAL traffic for "), srcLocal, jumpMasq)
	s.add(c, about("route LOCAL traffic for "), srcLocal, "-j", p.chain(SVC))
	if s.hasExternal {
		s.add(c, "-j", p.chain(SVL))
	}
}

// firewallChain writes KUBE-FW. What passes none of its rules gets no DNAT, and is dropped by filter KUBE-PROXY-FIREWALL.
func (s *state) firewallChain() {
	p := s.p
	c := s.na.AddChain(p.chain(FW))
	accept := func(from string) { s.add(c, "-s", from, comment(p.name, " loadbalancer IP"), "-j", p.chain(EXT)) }
	node := false
	for _, r := range p.ranges {
		accept(r.String())
		node = node || r.Contains(s.nodeIP)
	}
	if node { // where the VIP is an address of the node, what the node itself sends has the VIP as source
		for _, a := range p.vips {
			accept(host(a))
		}
	}
	s.add(c, comment("other traffic to ", p.name, " will be dropped by KUBE-PROXY-FIREWALL"))
}

// policyChain writes KUBE-SVC or KUBE-SVL: clients that were there before first, then by chance
// (writeServiceToEndpointRules, proxier.go).
func (s *state) policyChain(prefix string, list []*endpoint) {
	c := s.na.AddChain(s.p.chain(prefix))
	note := func(e *endpoint) string {
		if s.large {
			return ""
		}
		return comment(s.p.name, " -> ", e.text)
	}
	if s.p.affinity {
		for _, e := range list {
			s.add(c, note(e), "-m recent --rcheck --seconds", itoa(s.p.affinitySeconds), "--reap --name", e.chain, s.mask(), "-j", e.chain)
		}
	}
	for i, e := range list {
		chance := ""
		if left := len(list) - i; left > 1 {
			chance = "-m statistic --mode random --probability " + probability(left)
		}
		s.add(c, note(e), chance, "-j", e.chain)
	}
}

// mask is what iptables-save adds to every `recent`: all of the source address.
func (s *state) mask() string {
	if s.family == IPv6 {
		return "--mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff --rsource"
	}
	return "--mask 255.255.255.255 --rsource"
}

// endpointChain writes KUBE-SEP.
func (s *state) endpointChain(e *endpoint) {
	p := s.p
	c := s.na.AddChain(e.chain)
	note := ""
	if !s.large {
		note = comment(p.name)
	}
	s.add(c, "-s", host(e.addr), note, jumpMasq) // to itself: the answer has to come back by the node
	remember := ""
	if p.affinity {
		remember = "-m recent --set --name " + e.chain + " " + s.mask()
	}
	s.add(c, "-p", p.protocol, note, remember, "-m", p.protocol, "-j DNAT --to-destination", e.text)
}
