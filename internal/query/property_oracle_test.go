package query_test

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/trace"
)

// What must become of a packet, worked out from the Kubernetes objects and facts/kube-proxy-iptables.md alone: the section
// "Input it acts on" says which endpoints are usable, the table "A packet's way" where a packet goes and with which source.

// incoming is a packet as a node's nat table meets it first.
type incoming struct {
	node     *cluster.Node
	src, dst netip.Addr
	port     uint16
	protocol corev1.Protocol
	in       string // interface; "" for what the node itself sends
}

// fate is what a node does to a packet.
type fate uint8

const (
	goesBy fate = iota // no rule is about it
	translated
	rejected
	dropped
	silent // the facts do not say
)

// decision is a node's, with what it rests on.
type decision struct {
	fate  fate
	s     *randomService
	p     *corev1.ServicePort
	local bool // policy Local: KUBE-SVL, else KUBE-SVC
	masq  bool // whatever the endpoint is
}

// decide is the table "A packet's way" on one node.
func (r *random) decide(x incoming) decision {
	for _, s := range r.services {
		if s.Spec.ClusterIP == corev1.ClusterIPNone {
			continue
		}
		for i := range s.Spec.Ports {
			p := &s.Spec.Ports[i]
			if p.Protocol != x.protocol {
				continue
			}
			switch vip := false; {
			case p.Port == int32(x.port) && s.Spec.ClusterIP == x.dst.String():
				return r.internal(x, s, p)
			case p.Port == int32(x.port) && slices.Contains(s.vips(), x.dst.String()):
				vip = true
				fallthrough
			case p.Port == int32(x.port) && slices.Contains(s.Spec.ExternalIPs, x.dst.String()):
				return r.outside(x, s, p, vip, true)
			case p.NodePort == int32(x.port) && (r.nodeAt[x.dst] == x.node || x.dst.IsLoopback()):
				return r.outside(x, s, p, false, r.nodePortOn(x.dst))
			}
		}
	}
	return decision{}
}

// internal is traffic to the cluster IP.
func (r *random) internal(x incoming, s *randomService, p *corev1.ServicePort) decision {
	d := decision{translated, s, p, *s.Spec.InternalTrafficPolicy == corev1.ServiceInternalTrafficPolicyLocal, false}
	switch {
	case len(s.usable(p, "")) == 0:
		d.fate = rejected
	case len(s.usable(p, d.where(x))) == 0:
		d.fate = dropped
	}
	local, known := r.fromPod(x)
	d.masq = r.c.KubeProxy.IPTables.MasqueradeAll || known && !local
	return d
}

// outside is traffic to a node port, an external IP or a load balancer's IP (vip). captured is false for a node port on an
// address that kube-proxy is told to leave alone.
func (r *random) outside(x incoming, s *randomService, p *corev1.ServicePort, vip, captured bool) decision {
	d := decision{translated, s, p, s.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal, false}
	own := r.nodeAt[x.src] == x.node || x.src.IsLoopback()
	switch {
	case len(s.usable(p, "")) == 0 && x.in == "":
		d.fate = silent // REJECT of external destinations is not tried for what the host sends
		return d
	case len(s.usable(p, "")) == 0:
		d.fate = rejected
		return d
	case vip && !s.inRanges(x):
		d.fate = dropped
		return d
	case !captured && d.local && len(s.usable(p, x.node.Name)) == 0:
		d.fate = silent // no DNAT; that the filter table drops it all the same is for traffic that is not the host's own
		return d
	case !captured:
		return decision{}
	case !d.local:
		d.masq = true
		return d
	}
	if local, known := r.fromPod(x); known && local {
		d.local = false
		return d
	}
	if own {
		d.local, d.masq = false, true
		return d
	}
	if len(s.usable(p, x.node.Name)) == 0 {
		d.fate = dropped
	}
	return d
}

// where is the node that a decision's endpoints have to be on; "" for any.
func (d decision) where(x incoming) string {
	if d.local {
		return x.node.Name
	}
	return ""
}

// vips are the load balancer's addresses that kube-proxy takes for its own: those of ipMode VIP.
func (s *randomService) vips() []string {
	var out []string
	for _, in := range s.Status.LoadBalancer.Ingress {
		if in.IP != "" && (in.IPMode == nil || *in.IPMode == corev1.LoadBalancerIPModeVIP) {
			out = append(out, in.IP)
		}
	}
	return out
}

// inRanges says whether a source passes KUBE-FW: it is in a range, or it is a VIP itself and the node's address is in one.
func (s *randomService) inRanges(x incoming) bool {
	if len(s.Spec.LoadBalancerSourceRanges) == 0 {
		return true
	}
	node := false
	for _, text := range s.Spec.LoadBalancerSourceRanges {
		p := netip.MustParsePrefix(text)
		if p.Bits() == 0 || p.Contains(x.src) {
			return true
		}
		node = node || p.Contains(x.node.ENIs[0].Address)
	}
	return node && slices.Contains(s.vips(), x.src.String())
}

// fromPod is kube-proxy's detector of local traffic, and whether it has one.
func (r *random) fromPod(x incoming) (local, known bool) {
	k := r.c.KubeProxy
	switch k.DetectLocalMode {
	case cluster.LocalModeNodeCIDR:
		return r.podCIDR[x.node.Name].Contains(x.src), true
	case cluster.LocalModeBridgeInterface:
		return x.in == k.DetectLocal.BridgeInterface, true
	case cluster.LocalModeInterfaceNamePrefix:
		return x.in != "" && strings.HasPrefix(x.in, k.DetectLocal.InterfaceNamePrefix), true
	}
	if k.ClusterCIDR == "" {
		return false, false
	}
	return netip.MustParsePrefix(k.ClusterCIDR).Contains(x.src), true
}

// nodePortOn says whether node ports answer on an address of a node (nodePortAddresses, localhostNodePorts).
func (r *random) nodePortOn(a netip.Addr) bool {
	k := r.c.KubeProxy
	var four []netip.Prefix
	for _, text := range k.NodePortAddresses {
		switch text {
		case "primary":
			if r.nodeAt[a] != nil {
				four = append(four, netip.PrefixFrom(a, 32))
			} else {
				four = append(four, netip.MustParsePrefix("10.0.0.1/32")) // the node's, which a is not
			}
		case "localhost":
			four = append(four, netip.MustParsePrefix("127.0.0.0/8"))
		case "all":
			four = append(four, netip.MustParsePrefix("0.0.0.0/0"))
		default:
			if p := netip.MustParsePrefix(text); p.Addr().Is4() {
				four = append(four, p)
			}
		}
	}
	if len(four) == 0 {
		four = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
	}
	if a.IsLoopback() && k.IPTables.LocalhostNodePorts != nil && !*k.IPTables.LocalhostNodePorts {
		return false
	}
	return slices.ContainsFunc(four, func(p netip.Prefix) bool { return p.Contains(a) })
}

// usable are the endpoints of a port on a node, or on any for "": the ready ones, else those that still serve while they
// are on their way out.
func (s *randomService) usable(p *corev1.ServicePort, node string) []netip.AddrPort {
	choose := func(test func(randomEndpoint) bool) []netip.AddrPort {
		var out []netip.AddrPort
		for _, e := range s.ends {
			if number, ok := e.ports[p.Name]; ok && (node == "" || e.node == node) && test(e) {
				out = append(out, netip.AddrPortFrom(e.addr, number))
			}
		}
		return out
	}
	if ready := choose(func(e randomEndpoint) bool { return e.ready }); len(ready) > 0 {
		return ready
	}
	return choose(func(e randomEndpoint) bool { return e.serving && e.terminating })
}

// ready are the endpoints that a load balancer has for targets.
func (s *randomService) ready(p *corev1.ServicePort, node string) []netip.AddrPort {
	var out []netip.AddrPort
	for _, e := range s.ends {
		if number, ok := e.ports[p.Name]; ok && e.ready && (node == "" || e.node == node) {
			out = append(out, netip.AddrPortFrom(e.addr, number))
		}
	}
	return out
}

// chances are the endpoints that a decision can lead to, each with its chance.
type chances map[netip.AddrPort]float64

// fair gives all usable endpoints the same chance.
func (r *random) fair(x incoming, d decision) chances {
	list := d.s.usable(d.p, d.where(x))
	out := chances{}
	for _, e := range list {
		out[e] = 1 / float64(len(list))
	}
	return out
}

var (
	reJump = regexp.MustCompile(`^-A (KUBE-SV[CL]-\S+) .*-j (KUBE-SEP-\S+)$`)
	reSEP  = regexp.MustCompile(`^-A (KUBE-SEP-\S+) .*-j DNAT --to-destination (\S+)$`)
	reDraw = regexp.MustCompile(`--mode random --probability (\S+)`)
)

// written reads a chain's draws out of a node's rules as iptables-save prints them: each rule in turn takes its share of
// what those before it left. The kernel keeps a share in units of 2^-31.
func written(text string, x incoming, d decision) chances {
	prefix := "KUBE-SVC-"
	if d.local {
		prefix = "KUBE-SVL-"
	}
	name := d.s.Namespace + "/" + d.s.Name
	if d.p.Name != "" {
		name += ":" + d.p.Name
	}
	sum := sha256.Sum256([]byte(name + strings.ToLower(string(d.p.Protocol))))
	chain := prefix + base32.StdEncoding.EncodeToString(sum[:])[:16]
	to := map[string]netip.AddrPort{}
	for line := range strings.Lines(text) {
		if m := reSEP.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			to[m[1]] = netip.MustParseAddrPort(m[2])
		}
	}
	out, left := chances{}, 1.0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		m := reJump.FindStringSubmatch(line)
		if m == nil || m[1] != chain || strings.Contains(line, "-m recent") {
			continue
		}
		share := 1.0
		if p := reDraw.FindStringSubmatch(line); p != nil {
			f, err := strconv.ParseFloat(p[1], 64)
			if err != nil {
				panic(err)
			}
			share = math.Round(f*(1<<31)) / (1 << 31)
		}
		out[to[m[2]]] += left * share
		left *= 1 - share
	}
	return out
}

// flow is a client that sends to a Service by one of its addresses.
type flow struct {
	from     string // place
	src      netip.Addr
	node     *cluster.Node // of the client; nil for the Internet
	pod      *cluster.Pod
	to       string // place or address
	dst      netip.Addr
	port     uint16
	protocol corev1.Protocol
	balancer *randomService
	lb       []lbNode // the load balancer's nodes that to stands for
}

func (f *flow) String() string {
	return fmt.Sprintf("%s → %s %s %d", f.from, f.to, f.protocol, f.port)
}

// lbNode is a load balancer's presence in a zone.
type lbNode struct {
	zone    string
	address netip.Addr
	targets []lbTarget
}

// lbTarget is a node by its node port, or an endpoint.
type lbTarget struct {
	node *cluster.Node
	to   netip.AddrPort
}

func byIP(s *corev1.Service) bool {
	a := s.Annotations
	return aws(s) && (a[annotationLB+"nlb-target-type"] == "ip" || a[annotationLB+"type"] == "nlb-ip")
}

// aws says whether the AWS Load Balancer Controller makes the load balancer.
func aws(s *corev1.Service) bool {
	a := s.Annotations
	return s.Spec.LoadBalancerClass != nil || a[annotationLB+"type"] == "external" || a[annotationLB+"type"] == "nlb-ip"
}

func internetFacing(s *corev1.Service) bool {
	if aws(s) {
		return s.Annotations[annotationLB+"scheme"] == "internet-facing"
	}
	return s.Annotations[annotationLB+"internal"] != "true"
}

func crossZone(s *corev1.Service) bool {
	return strings.HasSuffix(s.Annotations[annotationLB+"attributes"], "true") || !aws(s) && s.Annotations[annotationLB+"cross-zone-load-balancing-enabled"] == "true"
}

// keepsClient is the table of facts/underlay.md, section 2.
func keepsClient(s *corev1.Service, p corev1.Protocol) bool {
	given := s.Annotations[annotationLB+"target-group-attributes"]
	switch {
	case p == corev1.ProtocolUDP:
		return true
	case given != "":
		return strings.HasSuffix(given, "=true")
	}
	return !byIP(s)
}

// targets are those of a load balancer's port in a zone: the healthy ones, all where none is healthy.
func (r *random) targets(s *randomService, p *corev1.ServicePort, zone string) []lbTarget {
	in := func(node *cluster.Node) bool { return crossZone(s.Service) || r.c.ZoneOf(node) == zone }
	var out []lbTarget
	if byIP(s.Service) {
		for _, e := range s.ends {
			if number, ok := e.ports[p.Name]; ok && e.ready && in(r.c.Node(e.node)) {
				out = append(out, lbTarget{r.c.Node(e.node), netip.AddrPortFrom(e.addr, number)})
			}
		}
		return out
	}
	healthy := func(n *cluster.Node) bool {
		if s.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal {
			return len(s.ready(p, n.Name)) > 0
		}
		return len(s.ready(p, "")) > 0
	}
	open := !slices.ContainsFunc(r.c.Nodes, healthy)
	for _, n := range r.c.Nodes {
		if (open || healthy(n)) && in(n) {
			out = append(out, lbTarget{n, netip.AddrPortFrom(n.ENIs[0].Address, uint16(p.NodePort))})
		}
	}
	return out
}

// dev is what the kernel calls a node's first card.
func dev(n *cluster.Node) string {
	if n.Image == cluster.AL2 {
		return "eth0"
	}
	return "ens5"
}

// sent is the packet as the client's own node sees it.
func (f *flow) sent() incoming {
	x := incoming{node: f.node, src: f.src, dst: f.dst, port: f.port, protocol: f.protocol}
	if f.pod != nil {
		x.in = "eni" // and eleven digits
	}
	return x
}

// arriving is a packet that comes to a node by the fabric.
func (f *flow) arriving(n *cluster.Node, src netip.Addr, to netip.AddrPort) incoming {
	return incoming{node: n, src: src, dst: to.Addr(), port: to.Port(), protocol: f.protocol, in: dev(n)}
}

// meets is the node that decides about a flow to an address, and what it decides.
func (r *random) meets(f *flow) (incoming, decision) {
	if f.node != nil {
		x := f.sent()
		if d := r.decide(x); d.fate != goesBy || r.nodeAt[f.dst] == nil || r.nodeAt[f.dst] == f.node {
			return x, d
		}
	}
	x := f.arriving(r.nodeAt[f.dst], f.src, netip.AddrPortFrom(f.dst, f.port))
	return x, r.decide(x)
}

// ends is where a flow's packets go, each with its chance: the endpoint, or for what gets no DNAT where it was sent to.
func (r *random) ends(f *flow, draw func(incoming, decision) chances) (chances, bool) {
	out := chances{}
	known := true
	add := func(x incoming, d decision, share float64) {
		switch d.fate {
		case translated:
			for e, p := range draw(x, d) {
				out[e] += share * p
			}
		case silent:
			known = false
		default:
			out[netip.AddrPortFrom(x.dst, x.port)] += share
		}
	}
	if f.balancer == nil {
		x, d := r.meets(f)
		add(x, d, 1)
		return out, known
	}
	for _, n := range f.lb {
		share := 1 / float64(len(f.lb))
		if len(n.targets) == 0 {
			out[netip.AddrPortFrom(n.address, f.port)] += share
		}
		for _, t := range n.targets {
			if byIP(f.balancer.Service) {
				out[t.to] += share / float64(len(n.targets))
				continue
			}
			x := f.arriving(t.node, f.behind(n), t.to)
			add(x, r.decide(x), share/float64(len(n.targets)))
		}
	}
	return out, known
}

// behind is the source of a packet that has passed a load balancer.
func (f *flow) behind(n lbNode) netip.Addr {
	if keepsClient(f.balancer.Service, f.protocol) {
		return f.src
	}
	return n.address
}

// expectation is what must be seen of one way that chance took.
type expectation struct {
	fate    fate       // translated: delivered to an endpoint; goesBy: nothing is said
	at      string     // the namespace where the request ends
	src     netip.Addr // as the endpoint sees it
	changed bool       // the source was changed on the node
	// code is why it does not come to an answer where the facts say so; "" where it must.
	code trace.Code
	// answered is false where the request arrives and its answer must not.
	answered bool
	dnat     *cluster.Node // that has the connection
	met      incoming
}

// expect works a way out, from its choices of a load balancer's node and target and of the endpoint.
func (r *random) expect(f *flow, lb *lbNode, target *lbTarget, end netip.AddrPort) expectation {
	var x incoming
	var d decision
	switch {
	case f.balancer == nil:
		x, d = r.meets(f)
	case target == nil:
		return expectation{fate: dropped, at: "nlb-" + f.balancer.Namespace + "-" + f.balancer.Name, code: trace.BalancerNoTarget}
	case byIP(f.balancer.Service):
		return r.straight(f, lb, target)
	default:
		x = f.arriving(target.node, f.behind(*lb), target.to)
		if d = r.decide(x); x.src == x.dst || r.nodeAt[x.src] == x.node {
			return expectation{fate: dropped, at: x.node.Name, code: trace.MartianSource} // the hairpin of underlay.md, section 2
		}
	}
	switch d.fate {
	case goesBy, silent:
		return expectation{}
	case rejected:
		return expectation{fate: rejected, at: x.node.Name, code: trace.RuleReject}
	case dropped:
		return expectation{fate: dropped, at: x.node.Name, code: trace.RuleDrop}
	}
	e := expectation{fate: translated, src: x.src, answered: true, dnat: x.node, met: x}
	where, pod := r.home(end.Addr())
	masq := d.masq || x.src == end.Addr() // to itself: hairpin
	host := pod == nil && where == x.node
	switch {
	case !masq || host && x.in != "": // MASQUERADE is in POSTROUTING, which what is for the node itself does not pass
	case where == x.node:
		e.src, e.changed = x.node.ENIs[0].Address, true // the veth and the loopback device have no address to give
	default:
		e.src, e.changed = x.node.ENIs[0].Address, true
		if client := r.podAt[x.src]; client != nil && client.Node == x.node.Name {
			e.src = x.node.ENIs[client.ENI].Address // the packets of a node's pods leave by the pod's card, wherever they come from
		}
	}
	e.at = where.Name
	if pod != nil {
		e.at = pod.Key()
	}
	byFabric := x.in == dev(x.node)
	switch {
	case byFabric && !e.changed && where != x.node:
		// The card does not have the address that the packet leaves with (source/destination check).
		e.fate, e.at, e.code = dropped, "vpc", trace.SourceCheckFailed
		if f.pod != nil && f.node == x.node || r.nodeAt[x.src] == x.node {
			return expectation{} // its own pod's, back from a load balancer
		}
	case byFabric && where == x.node && pod != nil && pod.ENI > 0 && r.options["nodeport"] == "false":
		// Without the plugin's node port support nothing takes the answer to the card that the request came by.
		e.answered = false
	}
	if f.balancer != nil && f.node == x.node && keepsClient(f.balancer.Service, f.protocol) {
		e.answered = false // the node answers its own pod, past the load balancer
	}
	return e
}

// straight is a load balancer's way to an endpoint, past kube-proxy.
func (r *random) straight(f *flow, lb *lbNode, target *lbTarget) expectation {
	e := expectation{fate: translated, at: target.node.Name, src: f.behind(*lb), answered: true}
	pod := r.podAt[target.to.Addr()]
	if pod != nil {
		e.at = pod.Key()
	}
	switch {
	case e.src == target.to.Addr() || r.nodeAt[e.src] == target.node:
		return expectation{fate: dropped, at: "", code: trace.MartianSource}
	case e.src == f.src && f.node == target.node:
		e.answered = false
	case f.node == nil && e.src == f.src && len(r.c.VPC.SecurityGroups) > 0 && len(f.balancer.Spec.LoadBalancerSourceRanges) > 0:
		return expectation{} // another Service may have opened the port for all
	}
	return e
}

// home is the node of an endpoint, and its pod unless it is a process of the node.
func (r *random) home(a netip.Addr) (*cluster.Node, *cluster.Pod) {
	if p := r.podAt[a]; p != nil {
		return r.c.Node(p.Node), p
	}
	return r.nodeAt[a], nil
}
