package kubeproxy

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/nftables"
)

// The sets, maps and chains of kube-proxy's table that do not belong to one Service port (pkg/proxy/nftables/proxier.go).
const (
	hairpinSet        = "hairpin-connections"
	clusterIPsSet     = "cluster-ips"
	nodePortIPsSet    = "nodeport-ips"
	noServicesMap     = "no-endpoint-services"
	noNodePortsMap    = "no-endpoint-nodeports"
	firewallMap       = "firewall-ips"
	servicesMap       = "service-ips"
	nodePortsMap      = "service-nodeports"
	servicesChain     = "services"
	masqueradingChain = "masquerading"
	rejectChain       = "reject-chain"
)

// Table is kube-proxy's own table of one family in nftables mode, as `nft list table` prints it. For a Service default/web
// with two endpoints, a packet to its cluster IP walks
//
//	nat-prerouting ─► services ─► vmap @service-ips ─► service-…-default/web/tcp/http ─► dnat to numgen random mod 2 map { … }
//
// The elements of sets and maps stand in the order of the Services, while the kernel lists them in that of a hash. Nothing drops
// what is sent to addresses of the Service range that no Service has: kube-proxy does so where the API server has ServiceCIDR
// objects, which a description has none of.
func Table(in *Input, f Family) (*nftables.Table, error) {
	s, err := in.settings(f)
	if err != nil {
		return nil, err
	}
	if !s.native {
		return nil, fmt.Errorf("kube-proxy: mode %q has no table of nftables (want nftables)", in.Mode())
	}
	ports, err := servicePorts(in, s)
	if err != nil {
		return nil, err
	}
	w := newTableWriter(s)
	w.fixed()
	for _, p := range ports {
		w.servicePort(p)
	}
	if len(w.errs) > 0 {
		return nil, errors.Join(w.errs...)
	}
	return nftables.ParseTable(w.text())
}

// tableWriter collects the table's parts, which nft lists sets first.
type tableWriter struct {
	*settings
	ip, addr string // "ip", "ipv4_addr"
	mark     string // the statement that asks for masquerading
	sets     []*nftSet
	chains   []*nftChain
	errs     []error
}

type nftSet struct {
	kind, name, types, comment string
	more                       []string // lines before the elements
	elements                   []string
	seen                       map[string]bool
	perLine                    int
}

type nftChain struct {
	name  string
	head  string // hook or comment
	rules []string
}

func newTableWriter(s *settings) *tableWriter {
	w := &tableWriter{settings: s, ip: "ip", addr: "ipv4_addr", mark: fmt.Sprintf("meta mark set meta mark | 0x%08x", s.markBit)}
	if s.family == IPv6 {
		w.ip, w.addr = "ip6", "ipv6_addr"
	}
	return w
}

func (w *tableWriter) set(kind, name, types, comment string) *nftSet {
	x := &nftSet{kind: kind, name: name, types: types, comment: comment, seen: map[string]bool{}, perLine: 1}
	w.sets = append(w.sets, x)
	return x
}

// element puts one element into a set or map; the same one twice counts once.
func (w *tableWriter) element(set, text string) {
	for _, x := range w.sets {
		if x.name == set && !x.seen[text] {
			x.seen[text] = true
			x.elements = append(x.elements, text)
		}
	}
}

// chain makes a chain, or finds it.
func (w *tableWriter) chain(name, head string) *nftChain {
	for _, c := range w.chains {
		if c.name == name {
			return c
		}
	}
	c := &nftChain{name: name, head: head}
	w.chains = append(w.chains, c)
	return c
}

func (c *nftChain) add(words ...string) {
	c.rules = append(c.rules, strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" }), " "))
}

func quoted(s string) string { return `comment "` + s + `"` }

// fixed writes what does not depend on Services (setupNFTables).
func (w *tableWriter) fixed() {
	service := w.addr + " . inet_proto . inet_service"
	w.set("set", hairpinSet, w.addr+" . "+service, "service hairpin connections")
	w.set("set", clusterIPsSet, w.addr, "Active ClusterIPs").perLine = 2
	if !w.nodePortAll {
		w.set("set", nodePortIPsSet, w.addr, "IPs that accept NodePort traffic").perLine = 2
		for _, a := range w.nodePortIPs {
			w.element(nodePortIPsSet, a.String())
		}
	}
	w.set("map", noServicesMap, service+" : verdict", "vmap to drop or reject packets to services with no endpoints")
	w.set("map", noNodePortsMap, "inet_proto . inet_service : verdict", "vmap to drop or reject packets to service nodeports with no endpoints")
	w.set("map", firewallMap, service+" : verdict", "destinations that are subject to LoadBalancerSourceRanges")
	w.set("map", servicesMap, service+" : verdict", "ClusterIP, ExternalIP and LoadBalancer IP traffic")
	w.set("map", nodePortsMap, "inet_proto . inet_service : verdict", "NodePort traffic")

	base := func(name, hook string, jumps ...string) {
		c := w.chain(name, "type "+hook+"; policy accept;")
		for _, j := range jumps {
			c.add(j)
		}
	}
	base("filter-prerouting-pre-dnat", "filter hook prerouting priority dstnat - 10", "ct state new jump firewall-check")
	base("filter-output-pre-dnat", "filter hook output priority -110", "ct state new jump firewall-check")
	base("filter-input", "filter hook input priority filter", "ct state new jump nodeport-endpoints-check", "ct state new jump service-endpoints-check")
	for _, hook := range []string{"forward", "output"} {
		base("filter-"+hook, "filter hook "+hook+" priority filter", "ct state new jump service-endpoints-check", "ct state new jump cluster-ips-check")
	}
	base("nat-prerouting", "nat hook prerouting priority dstnat", "jump "+servicesChain)
	base("nat-output", "nat hook output priority -100", "jump "+servicesChain)
	base("nat-postrouting", "nat hook postrouting priority srcnat", "jump "+masqueradingChain)

	to := func(m string) string { return w.ip + " daddr . meta l4proto . th dport vmap @" + m }
	onNode, onLocal := w.ip+" daddr @"+nodePortIPsSet, ""
	if w.nodePortAll {
		onNode, onLocal = w.ip+" daddr != "+loopbackNet, "fib daddr type local"
		if w.family == IPv6 {
			onNode = "ip6 daddr != ::1"
		}
	}
	w.chain("nodeport-endpoints-check", "").add(onNode, "meta l4proto . th dport vmap @"+noNodePortsMap)
	w.chain("service-endpoints-check", "").add(to(noServicesMap))
	w.chain("firewall-check", "").add(to(firewallMap))
	services := w.chain(servicesChain, "")
	switch _, not := w.detection(); {
	case w.masqueradeAll:
		services.add(w.ip, "daddr @"+clusterIPsSet, w.mark, quoted("masquerade all clusterIP traffic"))
	case w.local.known():
		services.add(w.ip, "daddr @"+clusterIPsSet, not, w.mark, quoted("masquerade clusterIP traffic from outside cluster"))
	}
	services.add(to(servicesMap))
	services.add(onLocal, onNode, "meta l4proto . th dport vmap @"+nodePortsMap)
	masq := w.chain(masqueradingChain, "")
	masq.add(fmt.Sprintf("meta mark & 0x%08x != 0x00000000 meta mark set meta mark ^ 0x%08x masquerade fully-random", w.markBit, w.markBit))
	masq.add("ct status dnat", w.ip, "saddr .", w.ip, "daddr . meta l4proto . th dport @"+hairpinSet, "masquerade fully-random")
	w.chain("cluster-ips-check", "").add(w.ip, "daddr @"+clusterIPsSet, "reject", quoted("Reject traffic to invalid ports of ClusterIPs"))
	w.chain(rejectChain, quoted("helper for @no-endpoint-services / @no-endpoint-nodeports")).add("reject")
}

// detection gives the words that match local traffic, and all other (pkg/proxy/util/localdetector.go).
func (w *tableWriter) detection() (local, not string) {
	switch d := w.local; {
	case d.src != "":
		return w.ip + " saddr " + d.src, w.ip + " saddr != " + d.src
	case d.in != "":
		name := `"` + d.in + `"`
		if prefix, ok := strings.CutSuffix(d.in, "+"); ok {
			name = `"` + prefix + `*"`
		}
		return "iifname " + name, "iifname != " + name
	}
	return "", ""
}

// nftName is a chain's name behind its prefix: a hash of the name, then the name, which may be 240 characters long
// (hashAndTruncate).
func nftName(name string) string {
	const most = 240 // knftables.NameLengthMax less the longest prefix
	sum := sha256.Sum256([]byte(name))
	name = base32.StdEncoding.EncodeToString(sum[:])[:8] + "-" + name
	if len(name) > most {
		name = name[:most-3] + "..."
	}
	return name
}

// endpointBase is the part of the names of an endpoint's chain and set that both share (servicePortEndpointChainNameBase). Colons may not stand in a name.
func (p *servicePort) endpointBase(e *endpoint) string {
	port := e.text[strings.LastIndexByte(e.text, ':')+1:]
	return nftName(p.path + "__" + strings.ReplaceAll(e.addr.String(), ":", ".") + "/" + port)
}

// servicePort writes one Service port (the loop in syncProxyRules).
func (w *tableWriter) servicePort(p *servicePort) {
	u := p.usable(w.settings)
	name := nftName(p.path)
	cluster, local, external, firewall := "service-"+name, "local-"+name, "external-"+name, "firewall-"+name
	internal, internalOn, externalOn := cluster, u.any, u.any
	if p.internalLocal {
		internal, internalOn = local, u.any && len(u.local) > 0
	}
	if p.externalLocal {
		externalOn = u.any && len(u.local) > 0
	}
	refuse := "drop" // another node may have an endpoint
	if !u.any {
		refuse = "goto " + rejectChain
	}
	for _, e := range u.all {
		if p.affinity {
			w.endpoint(p, e)
		}
		if e.local {
			w.element(hairpinSet, fmt.Sprintf("%v . %v . %s . %s", e.addr, e.addr, p.protocol, e.text[strings.LastIndexByte(e.text, ':')+1:]))
		}
	}
	if p.usesCluster() && len(u.cluster) > 0 {
		w.endpoints(p, cluster, u.cluster)
	}
	if p.usesLocal() && len(u.local) > 0 {
		w.endpoints(p, local, u.local)
	}
	accept := func(a netip.Addr, chain string, on bool) {
		key := fmt.Sprintf("%v . %s . %d", a, p.protocol, p.port)
		if on {
			w.element(servicesMap, key+" : goto "+chain)
		}
	}
	deny := func(a netip.Addr, off bool) {
		if off {
			w.element(noServicesMap, fmt.Sprintf("%v . %s . %d %s : %s", a, p.protocol, p.port, quoted(p.name), refuse))
		}
	}
	w.element(clusterIPsSet, p.clusterIP.String())
	accept(p.clusterIP, internal, internalOn)
	deny(p.clusterIP, !internalOn)
	guarded := len(p.vips) > 0 && len(p.ranges) > 0
	for _, a := range slices.Concat(p.externalIPs, p.vips) {
		accept(a, external, u.any)
		deny(a, !externalOn)
	}
	for _, a := range p.vips {
		if guarded {
			w.element(firewallMap, fmt.Sprintf("%v . %s . %d : goto %s", a, p.protocol, p.port, firewall))
		}
	}
	if p.nodePort != 0 {
		key := p.protocol + " . " + itoa(p.nodePort)
		if u.any {
			w.element(nodePortsMap, key+" : goto "+external)
		}
		if !externalOn {
			w.element(noNodePortsMap, key+" "+quoted(p.name)+" : "+refuse)
		}
	}
	if u.any && p.external() {
		w.externalChain(p, w.chain(external, ""), cluster, local, externalOn)
	}
	if guarded {
		w.firewallChain(p, w.chain(firewall, ""))
	}
}

// externalChain is where traffic to node ports, external IPs and load balancers goes.
func (w *tableWriter) externalChain(p *servicePort, c *nftChain, cluster, local string, on bool) {
	if !p.externalLocal {
		c.add(w.mark, quoted("masquerade"))
		c.add("goto", cluster)
		return
	}
	if own, _ := w.detection(); own != "" {
		c.add(own, "goto", cluster, quoted("short-circuit pod traffic"))
	}
	c.add("fib saddr type local", w.mark, quoted("masquerade local traffic"))
	c.add("fib saddr type local goto", cluster, quoted("short-circuit local traffic"))
	if on {
		c.add("goto", local)
	}
}

// firewallChain drops what is not from the source ranges. A range that holds the node lets in what the node sends to
// itself, which has the Service's own address as its source.
func (w *tableWriter) firewallChain(p *servicePort, c *nftChain) {
	ranges := slices.Clone(p.ranges)
	if slices.ContainsFunc(p.ranges, func(r netip.Prefix) bool { return r.Contains(w.nodeIP) }) {
		for _, a := range p.vips {
			ranges = append(ranges, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	var list []string
	for _, r := range intervals(ranges) {
		list = append(list, r.String())
	}
	c.add(w.ip, "saddr != {", strings.Join(list, ", "), "} drop")
}

// endpoints writes the chain that leads to one of several endpoints (writeServiceToEndpointDNATs, writeServiceToEndpointJumps).
func (w *tableWriter) endpoints(p *servicePort, chain string, list []*endpoint) {
	c := w.chain(chain, "")
	if p.affinity {
		var elements []string
		for i, e := range list {
			name := p.endpointBase(e)
			c.add(w.ip, "saddr @affinity-"+name, "goto endpoint-"+name)
			elements = append(elements, strconv.Itoa(i)+" : goto endpoint-"+name)
		}
		c.add("numgen random mod", strconv.Itoa(len(list)), "vmap {", strings.Join(elements, ", "), "}")
		return
	}
	if len(list) == 1 {
		c.add("meta l4proto", p.protocol, "dnat to", list[0].text)
		return
	}
	var elements []string
	for i, e := range list {
		elements = append(elements, fmt.Sprintf("%d : %v . %s", i, e.addr, e.text[strings.LastIndexByte(e.text, ':')+1:]))
	}
	c.add("meta l4proto", p.protocol, "dnat", w.ip, "to numgen random mod", strconv.Itoa(len(list)), "map {", strings.Join(elements, ", "), "}")
}

// endpoint writes the chain of one endpoint and the set of the clients that it keeps.
func (w *tableWriter) endpoint(p *servicePort, e *endpoint) {
	name := p.endpointBase(e)
	s := w.set("set", "affinity-"+name, w.addr, "")
	s.more = []string{"size 65535", "flags dynamic,timeout", "timeout " + span(p.affinitySeconds)}
	c := w.chain("endpoint-"+name, "")
	c.add("update @affinity-"+name, "{", w.ip, "saddr }")
	c.add("meta l4proto", p.protocol, "dnat to", e.text)
}

// span is a time as nft prints it: 3h, 1h30m, 45s.
func span(seconds int32) string {
	out := ""
	for _, u := range []struct {
		name string
		n    int32
	}{{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}} {
		if n := seconds / u.n; n > 0 {
			out += strconv.Itoa(int(n)) + u.name
		}
		seconds %= u.n
	}
	return out
}

// text is the table as nft lists it.
func (w *tableWriter) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "table %s kube-proxy {\n\tcomment \"rules for kube-proxy\"\n", w.ip)
	for i, s := range w.sets {
		if i > 0 {
			b.WriteByte('\n')
		}
		s.write(&b)
	}
	for _, c := range w.chains {
		fmt.Fprintf(&b, "\n\tchain %s {\n", c.name)
		if c.head != "" {
			fmt.Fprintf(&b, "\t\t%s\n", c.head)
		}
		for _, r := range c.rules {
			fmt.Fprintf(&b, "\t\t%s\n", r)
		}
		b.WriteString("\t}\n")
	}
	b.WriteString("}\n")
	return b.String()
}

func (s *nftSet) write(b *strings.Builder) {
	fmt.Fprintf(b, "\t%s %s {\n\t\ttype %s\n", s.kind, s.name, s.types)
	if s.comment != "" {
		fmt.Fprintf(b, "\t\t%s\n", quoted(s.comment))
	}
	for _, l := range s.more {
		fmt.Fprintf(b, "\t\t%s\n", l)
	}
	for i, e := range s.elements {
		switch {
		case i == 0:
			b.WriteString("\t\telements = { ")
		case i%s.perLine == 0:
			b.WriteString(",\n\t\t\t     ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(e)
	}
	if len(s.elements) > 0 {
		b.WriteString(" }\n")
	}
	b.WriteString("\t}\n")
}
