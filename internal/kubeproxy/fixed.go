package kubeproxy

import "github.com/podpath/podpath/internal/iptables"

// Words that many rules have.
const (
	ctNew        = "-m conntrack --ctstate NEW"
	jumpServices = "-j KUBE-SERVICES"
	jumpMasq     = "-j KUBE-MARK-MASQ"
	dstLocal     = "-m addrtype --dst-type LOCAL"
	srcLocal     = "-m addrtype --src-type LOCAL"
	loopbackNet  = "127.0.0.0/8"
)

// fixed writes the chains and rules that do not depend on any Service. kube-proxy ensures a list of jumps (iptablesJumpChains
// and iptablesKubeletJumpChains, proxier.go) by prepending what is missing, so they stand in the reverse of its order.
func (b *builder) fixed() {
	b.canaries()
	b.services, b.nodePorts = b.na.AddChain("KUBE-SERVICES"), b.na.AddChain("KUBE-NODEPORTS")
	b.filterServices, b.filterExternal = b.filt.AddChain("KUBE-SERVICES"), b.filt.AddChain("KUBE-EXTERNAL-SERVICES")
	b.filterNodePorts, b.filterFirewall = b.filt.AddChain("KUBE-NODEPORTS"), b.filt.AddChain("KUBE-PROXY-FIREWALL")
	b.filterJumps()
	b.forward()
	b.firewall()

	b.add(b.na.Chain("PREROUTING"), comment("kubernetes service portals"), jumpServices)
	b.add(b.na.Chain("OUTPUT"), comment("kubernetes service portals"), jumpServices)
	post := b.na.AddChain("KUBE-POSTROUTING")
	b.add(b.na.Chain("POSTROUTING"), comment("kubernetes postrouting rules"), "-j KUBE-POSTROUTING")
	b.add(post, "-m mark ! --mark", b.mark, "-j RETURN")
	b.add(post, "-j MARK --set-xmark", b.clearMark) // not to be masqueraded again further on
	b.add(post, comment("kubernetes service traffic requiring SNAT"), "-j MASQUERADE --random-fully")
	b.add(b.na.AddChain("KUBE-MARK-MASQ"), "-j MARK --set-xmark", b.mark)
}

// kubelet are the rules of kubelet alone, which writes them with iptables whatever kube-proxy does.
func (in *Input) kubelet(s *settings) (*iptables.Ruleset, error) {
	b := newBuilder(s)
	if !s.kubeletFirst {
		return &iptables.Ruleset{}, nil
	}
	for _, t := range []*iptables.Table{b.mangle, b.na, b.filt} {
		t.AddChain("KUBE-KUBELET-CANARY")
	}
	b.mangle.AddChain("KUBE-IPTABLES-HINT")
	if s.family == IPv4 {
		b.filt.AddChain("KUBE-FIREWALL")
		b.add(b.filt.Chain("INPUT"), "-j KUBE-FIREWALL")
		b.add(b.filt.Chain("OUTPUT"), "-j KUBE-FIREWALL")
		b.firewall()
	}
	return b.done()
}

// canaries are empty chains that kube-proxy and kubelet watch, to see that someone flushed a table; by kubelet's hint other
// programs tell which backend of iptables the host uses (pkg/kubelet/kubelet_network_linux.go).
func (b *builder) canaries() {
	for _, name := range []string{"mangle", "nat", "filter"} {
		t := b.rs.Table(name)
		t.AddChain("KUBE-PROXY-CANARY")
		if b.kubeletFirst {
			t.AddChain("KUBE-KUBELET-CANARY")
		}
	}
	if b.kubeletFirst {
		b.mangle.AddChain("KUBE-IPTABLES-HINT")
	}
}

func (b *builder) filterJumps() {
	const jumpFirewall = "-j KUBE-FIREWALL"
	input, forward, output := b.filt.Chain("INPUT"), b.filt.Chain("FORWARD"), b.filt.Chain("OUTPUT")
	balancer := func(words ...string) []string {
		return append(words, ctNew, comment("kubernetes load balancer firewall"), "-j KUBE-PROXY-FIREWALL")
	}
	portals := []string{ctNew, comment("kubernetes service portals"), jumpServices}
	visible := []string{ctNew, comment("kubernetes externally-visible service portals"), "-j KUBE-EXTERNAL-SERVICES"}
	b.filt.AddChain("KUBE-FIREWALL")
	kubelets := b.kubeletFirst && b.family == IPv4 // kubelet jumps there for IPv4 only; then it is there, and comes last
	if !kubelets {
		b.add(input, jumpFirewall)
		b.add(output, jumpFirewall)
	}
	b.add(input, balancer()...)
	b.add(input, comment("kubernetes health check service ports"), "-j KUBE-NODEPORTS")
	b.add(input, visible...)
	b.add(forward, balancer()...)
	b.add(forward, comment("kubernetes forwarding rules"), "-j KUBE-FORWARD")
	b.add(forward, portals...)
	b.add(forward, visible...)
	b.add(output, balancer()...)
	b.add(output, portals...)
	if kubelets {
		b.add(input, jumpFirewall)
		b.add(output, jumpFirewall)
	}
}

func (b *builder) forward() {
	c := b.filt.AddChain("KUBE-FORWARD")
	if !b.liberal {
		b.add(c, "-m conntrack --ctstate INVALID", b.counted("ct_state_invalid_dropped_pkts"), "-j DROP")
	}
	b.add(c, comment("kubernetes forwarding rules"), "-m mark --mark", b.mark, "-j ACCEPT")
	b.add(c, comment("kubernetes forwarding conntrack rule"), "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
}

// counted is a match that only counts; iptables-save prints two spaces before the name.
func (b *builder) counted(name string) string {
	if !b.nfacct {
		return ""
	}
	return "-m nfacct --nfacct-name  " + name
}

// firewall closes the hole that route_localnet opens (https://issue.k8s.io/90259). kubelet writes the same rule, whatever
// kube-proxy is told.
func (b *builder) firewall() {
	if b.family == IPv4 && (b.localhostNodePorts || b.kubeletFirst) {
		b.add(b.filt.Chain("KUBE-FIREWALL"), "! -s", loopbackNet, "-d", loopbackNet, comment("block incoming localnet connections"),
			"-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP")
	}
}

// nodePortJumps ends nat KUBE-SERVICES: what is to one of the node's own addresses may be for a node port.
func (b *builder) nodePortJumps() {
	last := comment("kubernetes service nodeports; NOTE: this must be the last rule in this chain")
	const jump = "-j KUBE-NODEPORTS"
	if !b.nodePortAll {
		for _, a := range b.nodePortIPs {
			b.add(b.services, "-d", host(a), last, jump)
		}
		return
	}
	but := ""
	switch {
	case b.family == IPv6:
		but = "! -d ::1/128" // the kernel routes no loopback source of IPv6 out
	case !b.localhostNodePorts:
		but = "! -d " + loopbackNet
	}
	b.add(b.services, but, last, dstLocal, jump)
}
