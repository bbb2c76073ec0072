package fuzz

import (
	"fmt"
	"strings"

	"github.com/podpath/podpath/internal/compile"
)

// Features are what a kernel may lack and a generator therefore asks about.
type Features struct {
	IPIP     bool // ipip devices
	Branches bool // branch ENIs (security groups for pods): VLAN devices

	cni string // of this network: one of cniKinds
}

// The kinds of network, by the name that the statistics use.
const (
	kindAWS          = "aws-vpc-cni"
	kindAWSReplaced  = "aws-vpc-cni by option cni" // a cluster of the AWS VPC CNI that an option gives another plugin
	kindVPCCalico    = "calico in a VPC"
	kindOnPremCalico = "calico on premises"
)

func (f Features) site() bool { return f.cni == kindOnPremCalico }

// Ports: what pods listen on, what they do not, and what a Service has.
const (
	portOpen   = 8080
	portOther  = 9090
	portNode   = 30080
	portVIP    = 80
	portClient = 40000
)

// hostAddr is a host's on the Internet. It and the nodes' public addresses are from ranges for documentation (RFC 5737).
var hostAddr = addr(198, 51, 100, 80)

// maker makes a design.
type maker struct {
	source
	*Design
	subnets []subnet
	groups  string          // securityGroups field of every card, "" for none
	used    map[string]bool // of edits: keys that must not come twice
}

type subnet struct {
	name, zone string
	third      int // 10.0.third.0/24
}

// Generate makes the network of a seed, with as much in it as the kernel that is to build it has. The error is a mistake of
// the generator: what it makes must compile, apply and be understood.
func Generate(seed uint64, with Features) (*Design, error) {
	m := &maker{source: newSource(seed, streamNetwork), Design: &Design{Seed: seed, name: fmt.Sprintf("random-%d", seed), features: with}, used: map[string]bool{}}
	m.features.cni = weigh(m.source, weighted[string]{8, kindAWS}, weighted[string]{2, kindAWSReplaced}, weighted[string]{4, kindVPCCalico}, weighted[string]{7, kindOnPremCalico})
	if m.features.site() {
		m.sites()
	} else {
		m.vpc()
	}
	m.workers()
	m.hosts = append(m.hosts, optional("name: internet, address: %v", hostAddr))
	m.plugin()
	m.services()
	m.policies()
	m.proxy()
	if err := m.settle(); err != nil {
		return nil, fmt.Errorf("seed %d: %w\n%s", seed, err, m.cluster())
	}
	if err := m.change(); err != nil {
		return nil, fmt.Errorf("seed %d: %w", seed, err)
	}
	return m.Design, nil
}

// settle compiles what is there so far, for the edits and flows to be about what the compilers made of it.
func (m *maker) settle() error {
	c := &Case{Cluster: m.cluster(), Options: m.Options()}
	var err error
	m.compiled, err = c.compile()
	return err
}

// CNI is the network's kind and the mode of its plugin, for statistics.
func (d *Design) CNI() string {
	if id := compile.CNIOf(d.compiled.Cluster); id != compile.AWSVPCCNI {
		return id + map[bool]string{true: " on premises", false: " in a VPC"}[d.features.site()]
	}
	return compile.AWSVPCCNI
}

// vpc makes one or two zones, each with a public subnet and perhaps a private one behind a NAT gateway.
func (m *maker) vpc() {
	cidrs := "10.0.0.0/16"
	if m.yes(5) {
		cidrs += ", 10.1.0.0/16"
	}
	private := m.yes(4)
	m.ground = append(m.ground, needed("vpc:"), needed("  region: xx-test-1"), needed("  cidrs: [%s]", cidrs), needed("  internetGateway: igw"),
		needed("  routeTables:"), needed("    - {name: public, routes: [{to: 0.0.0.0/0, via: igw}]}"))
	if private {
		m.ground = append(m.ground, needed("    - {name: private, routes: [{to: 0.0.0.0/0, via: nat}]}"),
			needed("  natGateways: [{id: nat, subnet: gate, private: 10.0.200.200, public: 203.0.113.99}]"))
	}
	m.ground = append(m.ground, needed("  subnets:"))
	add := func(name, zone, table string, third int) {
		m.ground = append(m.ground, optional("    - {name: %s, zone: %s, cidr: 10.0.%d.0/24, routeTable: %s}", name, zone, third, table))
		m.subnets = append(m.subnets, subnet{name, zone, third})
	}
	table := "public"
	if private {
		m.ground = append(m.ground, needed("    - {name: gate, zone: zone-0, cidr: 10.0.200.0/24, routeTable: public}"))
		table = "private"
	}
	for z := range 1 + m.IntN(2) {
		add(format("subnet-%d", z), format("zone-%d", z), table, 1+10*z)
		if m.yes(3) {
			add(format("more-%d", z), format("zone-%d", z), table, 2+10*z)
		}
	}
	if m.yes(3) {
		world := "0.0.0.0/0"
		m.groups = "sg-nodes"
		ingress := pick(m.source, "{group: sg-nodes}", "{cidr: 10.0.0.0/8}", "{group: sg-nodes}, {protocol: tcp, ports: 30000-32767, cidr: "+world+"}",
			"{cidr: 10.0.0.0/8}, {protocol: udp, ports: 30000-32767, cidr: "+world+"}, {protocol: icmp, cidr: "+world+"}")
		egress := pick(m.source, "{cidr: "+world+"}", "{cidr: "+world+"}", "{cidr: 10.0.0.0/8}", "{protocol: tcp, cidr: "+world+"}")
		m.ground = append(m.ground, needed("  securityGroups: [{id: sg-nodes, ingress: [%s], egress: [%s]}]", ingress, egress))
	}
}

// sites makes one or two racks and a router between them.
func (m *maker) sites() {
	m.ground = append(m.ground, needed("onPremises:"), needed("  name: site"))
	if m.yes(4) {
		m.ground = append(m.ground, optional("  mtu: %d", pick(m.source, 9000, 1400)))
	}
	m.ground = append(m.ground, needed("  subnets:"))
	for z := range 1 + m.IntN(2) {
		m.ground = append(m.ground, optional("    - {name: rack-%d, zone: rack-%d, cidr: 10.0.%d.0/24}", z, z, 1+10*z))
		m.subnets = append(m.subnets, subnet{format("rack-%d", z), format("rack-%d", z), 1 + 10*z})
	}
	router := "name: router"
	if !m.yes(6) {
		router += ", public: 203.0.113.3"
	}
	m.ground = append(m.ground, needed("  router: {%s}", router))
}

// workers makes one to three nodes with one or two cards, each with one to four pods.
func (m *maker) workers() {
	for i := range weigh(m.source, weighted[int]{1, 1}, weighted[int]{4, 2}, weighted[int]{2, 3}) {
		s := m.subnets[m.IntN(len(m.subnets))]
		n := &node{part: *optional("node-%c", 'a'+rune(i)), fields: []*part{}}
		first := m.card(s, 10+i)
		if !m.features.site() {
			if m.yes(3) {
				n.fields = append(n.fields, optional("image: al2"))
			}
			if !m.yes(4) {
				first.fields = append(first.fields, optional("public: %v", addr(203, 0, 113, 10+i)))
			}
		}
		first.need = true
		n.cards = []*card{first}
		if m.yes(2) {
			second := s
			for _, x := range m.subnets {
				if x.zone == s.zone && m.yes(2) {
					second = x
				}
			}
			// On premises two cards on one switch both answer ARP for either's address, and the first answer counts: that is the
			// moment's, not the network's. A VPC's fabric answers itself.
			if second != s || !m.features.site() {
				n.cards = append(n.cards, m.card(second, 40+i))
			}
		}
		m.nodes = append(m.nodes, n)
		for k := range 1 + m.IntN(4) {
			m.workload(n, s, i, k)
		}
	}
}

func (m *maker) card(s subnet, last int) *card {
	c := &card{part: *optional("subnet: %s, address: %v", s.name, addr(10, 0, s.third, last))}
	if m.groups != "" {
		c.fields = append(c.fields, optional("securityGroups: [%s]", m.groups))
	}
	return c
}

// workload adds pod k of node i.
func (m *maker) workload(n *node, home subnet, i, k int) {
	p := &pod{key: format("pod/default/%c%d", 'a'+i, k), node: n}
	name := format("%c%d", 'a'+i, k)
	ns := "default"
	if m.yes(6) {
		ns, p.key = "other", "pod/other/"+name
	}
	p.text = format("namespace: %s, name: %s, node: %s", ns, name, n.text)
	switch m.features.cni {
	case kindVPCCalico, kindOnPremCalico:
		p.text += format(", address: %v", addr(10, 244, 0, 64*i+1+k))
	default:
		p.card = n.cards[m.IntN(len(n.cards))]
		at := 0
		if p.card != n.cards[0] {
			at = 1
		}
		base := p.card.text[strings.LastIndex(p.card.text, " ")+1 : strings.LastIndex(p.card.text, ".")]
		p.text += format(", address: %s.%d, eni: %d", base, 96+32*i+16*at+k, at) // a delegated prefix of 16 is one card's
	}
	p.fields = []*part{optional("labels: {app: %s}", pick(m.source, "web", "web", "db", "client")),
		optional("ports: [{name: http, port: %d}, {name: dns, port: %d, protocol: UDP}]", portOpen, portOpen)}
	m.pods = append(m.pods, p)
}

// plugin says which CNI there is, and draws its options.
func (m *maker) plugin() {
	opt := func(n int, key string, values ...string) {
		if m.yes(n) {
			m.options = append(m.options, optional("%s=%s", key, pick(m.source, values...)))
		}
	}
	modes := []string{"VXLAN", "VXLAN", "VXLANCrossSubnet", "VXLANCrossSubnet", "None"}
	ids := []string{"calico-vxlan", "calico-vxlan-crosssubnet", "calico-bgp"}
	if m.features.IPIP {
		modes, ids = append(modes, "IPIP", "IPIPCrossSubnet"), append(ids, "calico-ipip", "calico-ipip-crosssubnet")
	}
	calico := func() {
		opt(3, "natoutgoing", "false")
		opt(6, "networkpolicy", "default-deny", "allow-web", "egress-dns")
	}
	switch m.features.cni {
	case kindAWS:
		m.cni = needed("name: aws-vpc-cni")
		opt(3, "externalsnat", "true")
		opt(3, "randomizesnat", "prng", "hashrandom", "none")
		opt(5, "excludesnatcidrs", "198.51.100.0/24", "10.0.0.0/8", "198.51.100.80/32,203.0.113.0/24")
		opt(4, "nodeport", "false")
		opt(8, "externalservicecidrs", "198.51.100.0/24", "10.100.0.0/16")
		opt(6, "vpccidrs", "100.64.0.0/16", "172.16.0.0/12", "198.51.100.0/24")
		opt(6, "customnetworking", "true")
		opt(6, "prefixdelegation", "true")
		if m.features.Branches {
			opt(4, "securitygroups", "strict", "standard")
		}
		m.proxyMode()
	case kindAWSReplaced:
		m.cni = needed("name: aws-vpc-cni")
		m.options = append(m.options, &part{text: "cni=" + pick(m.source, ids...), need: true})
		calico()
	default:
		mode := pick(m.source, modes...)
		if m.cni = needed("name: calico, encapsulation: %s", mode); m.yes(4) {
			m.cni = needed("name: calico")
			m.pool(mode)
		}
		calico()
		if m.features.site() {
			opt(2, "bgp", "true")
		}
	}
	if !m.features.site() {
		opt(4, "sourcecheck", "false")
		if m.features.cni != kindAWS {
			opt(2, "podingress", "true")
		}
	}
	opt(5, "masqueradeall", "true")
	opt(5, "clustercidr", "10.244.0.0/16", "10.0.0.0/16", "10.0.1.0/24", "172.16.0.0/12")
}

// proxyMode draws kube-proxy's mode and who was registered last, from a stream of its own: the rest of a seed's network stays what
// it was before there were these options.
func (m *maker) proxyMode() {
	s := newSource(m.Seed, streamProxy)
	for _, o := range []string{"kubeproxy=nftables", "connmark=iptables", "natfirst=kube-proxy"} {
		if s.yes(3) {
			m.options = append(m.options, optional("%s", o))
		}
	}
}

// pool says in an IPPool what cni.encapsulation says in short.
func (m *maker) pool(mode string) {
	device, when := "vxlanMode", "Always"
	if strings.HasPrefix(mode, "IPIP") {
		device = "ipipMode"
	}
	switch {
	case mode == "None":
		when = "Never"
	case strings.HasSuffix(mode, "CrossSubnet"):
		when = "CrossSubnet"
	}
	o := &object{part: *optional("IPPool")} // without it the pool has the mode that one gets by default
	for _, l := range []string{"apiVersion: projectcalico.org/v3", "kind: IPPool", "metadata: {name: pods}",
		format("spec: {cidr: 10.244.0.0/16, %s: %s, natOutgoing: %v, blockSize: %d}", device, when, !m.yes(3), pick(m.source, 26, 26, 27, 28))} {
		o.lines = append(o.lines, needed("%s", l))
	}
	m.objects = append(m.objects, o)
}
