package measure

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/latency"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/nftables"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// Network is the networks of some paths side by side: no link leads from one to another, so all may have the same addresses.
type Network struct {
	Topology *topology.Topology
	Ends     map[string]Ends // by the path's name
}

// Ends are a path's namespaces and addresses.
type Ends struct {
	Client, Server string
	From, To       netip.Addr
}

// Lay makes the networks of paths as data.
func Lay(paths []*Path) (*Network, error) {
	m := &maker{Network: Network{&topology.Topology{Name: "measure"}, map[string]Ends{}}, index: 100}
	for _, p := range paths {
		if err := p.make(m, p); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Title, err)
		}
	}
	return &m.Network, nil
}

// maker makes the namespaces of paths.
type maker struct {
	Network
	index int
}

// The addresses of a path: a subnet for each pod, with the router at .1, and one for the wire between two nodes. A tunnel's ends
// have the first address of their pods' range, as Calico gives it.
var (
	podA, routerA = netip.MustParsePrefix("10.244.1.2/24"), netip.MustParsePrefix("10.244.1.1/24")
	podB, routerB = netip.MustParsePrefix("10.244.2.2/24"), netip.MustParsePrefix("10.244.2.1/24")
	podNext       = netip.MustParsePrefix("10.244.1.3/24") // in podA's subnet
	nodeA, nodeB  = netip.MustParsePrefix("10.0.0.1/24"), netip.MustParsePrefix("10.0.0.2/24")
	endA, endB    = netip.MustParsePrefix("10.244.1.0/32"), netip.MustParsePrefix("10.244.2.0/32")
	loopback      = netip.MustParsePrefix("127.0.0.1/8")
)

const (
	wireMTU   = 1500
	vxlanMTU  = wireMTU - 50 // (underlay.md, "Byte costs")
	ipipMTU   = wireMTU - 20
	vxlanID   = 4096
	vxlanPort = 4789
	forwards  = "net.ipv4.ip_forward"
)

func (m *maker) space(name string, kind topology.Kind) *topology.Namespace {
	ns := &topology.Namespace{Name: name, Kind: kind, Place: topology.Place{Name: name, Label: name}, Rules: topology.DefaultRules(),
		Interfaces: []*topology.Interface{topology.LoopbackInterface()}, Routes: topology.LocalRoutes(loopback, "lo"), Sysctl: map[string]string{}}
	m.Topology.AddNamespace(ns)
	return ns
}

// pod is an end of a path.
func (m *maker) pod(name string) *topology.Namespace { return m.space(name, topology.Pod) }

// node is a namespace that forwards.
func (m *maker) node(name string) *topology.Namespace {
	ns := m.space(name, topology.Node)
	ns.Sysctl[forwards] = "1"
	return ns
}

func (m *maker) device(ns *topology.Namespace, name string, kind topology.InterfaceKind, mtu int) *topology.Interface {
	m.index++
	i := &topology.Interface{Index: m.index, Name: name, Kind: kind, MAC: packet.MAC{0x02, 0, 0, 0, byte(m.index >> 8), byte(m.index)}, MTU: mtu, Up: true, LinkNetNS: -1}
	ns.Interfaces = append(ns.Interfaces, i)
	return i
}

// wire is a veth pair. An end without an address is a bridge's port.
func (m *maker) wire(a *topology.Namespace, dev string, at netip.Prefix, b *topology.Namespace, far string, to netip.Prefix) {
	x, y := m.device(a, dev, topology.Veth, wireMTU), m.device(b, far, topology.Veth, wireMTU)
	x.Peer, y.Peer = topology.Port{Namespace: b.Name, Interface: far}, topology.Port{Namespace: a.Name, Interface: dev}
	address(a, x, at)
	address(b, y, to)
}

func address(ns *topology.Namespace, i *topology.Interface, p netip.Prefix) {
	if !p.IsValid() {
		return
	}
	i.Addresses = append(i.Addresses, topology.Address{Prefix: p, Scope: topology.ScopeGlobal})
	ns.Routes = append(ns.Routes, topology.LocalRoutes(p, i.Name)...)
	if p.Bits() < 32 {
		ns.Routes = append(ns.Routes, topology.ConnectedRoute(p, i.Name))
	}
}

func route(ns *topology.Namespace, dst, via netip.Prefix, dev string, onlink bool) {
	ns.Routes = append(ns.Routes, &topology.Route{Type: topology.Unicast, Dst: dst.Masked(), Table: topology.TableMain,
		Nexthops: []topology.Nexthop{{Dev: dev, Gateway: via.Addr(), OnLink: onlink}}})
}

// ends says where a path's flow goes.
func (m *maker) ends(p *Path, client *topology.Namespace, from netip.Prefix, server *topology.Namespace, to netip.Prefix) {
	m.Ends[p.Name] = Ends{client.Name, server.Name, from.Addr(), to.Addr()}
}

func (m *maker) loopback(p *Path) error {
	ns := m.pod(p.Name + "-pod")
	m.ends(p, ns, loopback, ns, loopback)
	return nil
}

func (m *maker) vethPair(p *Path) error {
	a, b := m.pod(p.Name+"-a"), m.pod(p.Name+"-b")
	m.wire(a, "eth0", podA, b, "eth0", podNext)
	m.ends(p, a, podA, b, podNext)
	return nil
}

func (m *maker) bridged(p *Path) error {
	a, b, host := m.pod(p.Name+"-a"), m.pod(p.Name+"-b"), m.space(p.Name+"-host", topology.Node)
	m.device(host, "br0", topology.Bridge, wireMTU)
	m.wire(a, "eth0", podA, host, "port1", netip.Prefix{})
	m.wire(b, "eth0", podNext, host, "port2", netip.Prefix{})
	for port, pod := range map[string]*topology.Namespace{"port1": a, "port2": b} {
		host.Interface(port).Master = "br0"
		host.FDB = append(host.FDB, topology.FDBEntry{MAC: pod.Interface("eth0").MAC.String(), Dev: port, Master: "br0"})
	}
	m.ends(p, a, podA, b, podNext)
	return nil
}

// routed is a router between two pods, with what the path wants of netfilter.
func (m *maker) routed(p *Path) (err error) {
	a, b, router := m.pod(p.Name+"-a"), m.pod(p.Name+"-b"), m.node(p.router())
	m.wire(a, "eth0", podA, router, "to-a", routerA)
	m.wire(b, "eth0", podB, router, "to-b", routerB)
	route(a, topology.Everywhere(), routerA, "eth0", false)
	route(b, topology.Everywhere(), routerB, "eth0", false)
	m.ends(p, a, podA, b, podB)
	if p.Parts[latency.Conntrack] == 0 {
		return nil
	}
	native, err := nftables.Parse(strings.NewReader(trackOnly), "conntrack")
	if err != nil {
		return err
	}
	var rules *iptables.Ruleset
	switch {
	case p.Name == Chains:
		rules, err = iptables.Parse(strings.NewReader(jumpAndReturn()), p.Name)
	case p.rules > 0 && !p.legacy:
		rules, err = iptables.Parse(strings.NewReader(nonMatching(p.rules)), p.Name)
	}
	router.Netfilter = netfilter.New(rules, native, nil)
	return err
}

// nodes are two of them with a pod each, and a tunnel between them where the path has one.
func (m *maker) nodes(p *Path) error {
	a, b := m.pod(p.Name+"-a"), m.pod(p.Name+"-b")
	left, right := m.node(p.Name+"-node-a"), m.node(p.Name+"-node-b")
	m.wire(a, "eth0", podA, left, "to-a", routerA)
	m.wire(left, "eth0", nodeA, right, "eth0", nodeB)
	m.wire(b, "eth0", podB, right, "to-b", routerB)
	route(a, topology.Everywhere(), routerA, "eth0", false)
	route(b, topology.Everywhere(), routerB, "eth0", false)
	m.ends(p, a, podA, b, podB)
	switch p.Name {
	case VXLAN:
		m.vxlan(left, nodeA, endA, right, nodeB, endB)
	case IPIP:
		m.ipip(left, nodeA, endA)
		m.ipip(right, nodeB, endB)
		route(left, podB, nodeB, "tunl0", true)
		route(right, podA, nodeA, "tunl0", true)
	default:
		route(left, podB, nodeB, "eth0", false)
		route(right, podA, nodeA, "eth0", false)
	}
	return nil
}

// vxlan joins two nodes as Calico does: each knows the other's MAC and where it is, and learns nothing.
func (m *maker) vxlan(a *topology.Namespace, ownA, endA netip.Prefix, b *topology.Namespace, ownB, endB netip.Prefix) {
	const dev = "vxlan0"
	x, y := m.device(a, dev, topology.VXLAN, vxlanMTU), m.device(b, dev, topology.VXLAN, vxlanMTU)
	for _, e := range []struct {
		ns         *topology.Namespace
		own, far   *topology.Interface
		local, end netip.Prefix
		to, farEnd netip.Prefix
		pods       netip.Prefix
	}{{a, x, y, ownA, endA, ownB, endB, podB}, {b, y, x, ownB, endB, ownA, endA, podA}} {
		e.own.Tunnel = &topology.Tunnel{VNI: vxlanID, Port: vxlanPort, Local: e.local.Addr(), Dev: "eth0"}
		address(e.ns, e.own, e.end)
		mac := e.far.MAC.String()
		e.ns.Neighbours = append(e.ns.Neighbours, topology.Neighbour{IP: e.farEnd.Addr(), Dev: dev, MAC: mac, State: "PERMANENT"})
		e.ns.FDB = append(e.ns.FDB, topology.FDBEntry{MAC: mac, Dev: dev, Dst: e.to.Addr(), State: "permanent", Self: true})
		route(e.ns, e.pods, e.farEnd, dev, true)
	}
}

// ipip is the kernel's own tunl0 with an address, as Calico uses it.
func (m *maker) ipip(ns *topology.Namespace, own, end netip.Prefix) {
	i := m.device(ns, "tunl0", topology.IPIP, ipipMTU)
	i.MAC, i.Tunnel = packet.MAC{}, &topology.Tunnel{}
	address(ns, i, end)
}

// trackOnly turns conntrack on and does nothing else: a rule asks for it (nf_ct_netns_get), and its chain hangs on no hook.
const trackOnly = `table ip measure {
	chain unused {
		ct state invalid drop
	}
}
`

// nonMatching is a filter table with rules that a path's packets pass, one after the other: their sources are in a range for
// documentation and benchmarks (RFC 2544).
func nonMatching(n int) string {
	var b strings.Builder
	b.WriteString("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n")
	for i := range n {
		fmt.Fprintf(&b, "-A FORWARD -s 198.18.%d.%d/32 -j DROP\n", i>>8, i&0xff)
	}
	b.WriteString("COMMIT\n")
	return b.String()
}

// jumpAndReturn has the five base chains that a forwarded packet of a known connection meets, each with a jump to a chain that
// returns: what Felix's and kube-proxy's rules do to it, without their matches.
func jumpAndReturn() string {
	var b strings.Builder
	for _, t := range []struct {
		table  string
		chains []string
	}{{"raw", []string{"PREROUTING"}}, {"mangle", []string{"PREROUTING", "FORWARD", "POSTROUTING"}}, {"filter", []string{"FORWARD"}}} {
		fmt.Fprintf(&b, "*%s\n", t.table)
		for _, c := range t.chains {
			fmt.Fprintf(&b, ":%s ACCEPT [0:0]\n", c)
		}
		b.WriteString(":measure - [0:0]\n")
		for _, c := range t.chains {
			fmt.Fprintf(&b, "-A %s -j measure\n", c)
		}
		b.WriteString("-A measure -j RETURN\nCOMMIT\n")
	}
	return b.String()
}
