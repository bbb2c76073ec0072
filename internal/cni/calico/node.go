package calico

import (
	"fmt"
	"net/netip"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/topology"
)

// Node adds to a machine's root namespace what Calico programs on a node: the host ends of its pods' veths, the tunnel
// device, routes, neighbours and sysctls; and gives the rules and sets that Felix writes. ns is the machine as it is before
// a plugin comes; the description must have been checked.
func Node(c *cluster.Cluster, n *cluster.Node, ns *topology.Namespace) (*Rules, error) {
	rules, err := compileNode(c, n, ns)
	if err != nil {
		return nil, fmt.Errorf("node %s: calico: %w", n.Name, err)
	}
	return rules, nil
}

func compileNode(c *cluster.Cluster, n *cluster.Node, ns *topology.Namespace) (*Rules, error) {
	s, err := settingsOf(c)
	if err != nil {
		return nil, err
	}
	p, err := planOf(c)
	if err != nil {
		return nil, err
	}
	b := &builder{settings: s, plan: p, n: n, ns: ns, uplink: n.InterfaceOf(0)}
	if err := b.checkUplink(); err != nil {
		return nil, err
	}
	b.vxlanMTU, b.ipipMTU, b.podMTU = s.mtus(n)
	b.veths()
	for _, add := range []func() error{b.addVXLAN, b.addIPIP, b.routes} {
		if err := add(); err != nil {
			return nil, err
		}
	}
	b.sysctls()
	sets := newSets(c)
	sets.fixed(s, n, ns)
	head, tail, err := s.rulesets(b.pods, sets)
	if err != nil {
		return nil, err
	}
	return &Rules{Head: head, Tail: tail, Sets: sets.made}, nil
}

// builder adds to one node's namespace.
type builder struct {
	*settings
	plan   *plan
	n      *cluster.Node
	ns     *topology.Namespace
	pods   []workload
	uplink string // the device with the node's address

	vxlanMTU, ipipMTU, podMTU int
}

// checkUplink makes sure that the namespace is the described machine's: pods are compiled from the description alone and
// must come to the same MTU.
func (b *builder) checkUplink() error {
	i := b.ns.Interface(b.uplink)
	switch want := b.c.HostMTU(b.n); {
	case i == nil:
		return fmt.Errorf("no interface %s in the node's namespace", b.uplink)
	case i.MTU != want:
		return fmt.Errorf("%s has MTU %d, the description says %d (nodes[].mtu)", b.uplink, i.MTU, want)
	}
	return nil
}

// nextIndex is the index of the next device that is made.
func (b *builder) nextIndex() int {
	last := 0
	for _, i := range b.ns.Interfaces {
		last = max(last, i.Index)
	}
	return last + 1
}

// veths adds the pods' host ends in the pods' order. They have no address.
func (b *builder) veths() {
	for _, p := range b.c.PodsOn(b.n.Name) {
		w := workload{Pod: p, veth: HostVeth(p.Namespace, p.Name)}
		b.pods = append(b.pods, w)
		b.ns.Interfaces = append(b.ns.Interfaces, &topology.Interface{Index: b.nextIndex(), Name: w.veth, Kind: topology.Veth, MAC: hostMAC,
			MTU: b.podMTU, Up: true, LinkIndex: podIndex, LinkNetNS: 0, Peer: topology.Port{Namespace: p.Key(), Interface: "eth0"}})
	}
}

// addVXLAN adds vxlan.calico with what it needs to know of every other node: a permanent neighbour gives the far end's
// MAC, and the FDB the node behind the MAC. They are there for nodes of the same subnet too, to which a CrossSubnet pool
// sends nothing through the tunnel (felix/vxlanfdb, felix/dataplane/linux/vxlan_mgr.go).
func (b *builder) addVXLAN() error {
	if !b.vxlan {
		return nil
	}
	addr, err := b.plan.tunnelAddress(b.n.Name, vxlanTunnel)
	if err != nil {
		return err
	}
	mac, err := macOf(b.c, b.n.Name)
	if err != nil {
		return err
	}
	b.device(&topology.Interface{Name: vxlanDevice, Kind: topology.VXLAN, MAC: mac, MTU: b.vxlanMTU,
		Tunnel: &topology.Tunnel{VNI: b.vni, Port: b.port, Local: b.n.Address(), Dev: b.uplink}}, addr)
	for _, m := range b.c.Nodes {
		if m == b.n {
			continue
		}
		far, err := b.plan.tunnelAddress(m.Name, vxlanTunnel)
		if err != nil {
			return err
		}
		mac, err := macOf(b.c, m.Name)
		if err != nil {
			return err
		}
		b.ns.Neighbours = append(b.ns.Neighbours, topology.Neighbour{IP: far, Dev: vxlanDevice, MAC: mac.String(), State: "PERMANENT"})
		b.ns.FDB = append(b.ns.FDB, topology.FDBEntry{MAC: mac.String(), Dev: vxlanDevice, Dst: m.Address(), State: "permanent", Self: true})
	}
	return nil
}

// addIPIP adds tunl0, the device that the kernel's ipip module makes by itself: no far end and no local address, so that
// routes and their gateways choose both. Its TTL is the inner packet's, and though it is nopmtudisc a packet that must not
// be fragmented stays so outside (ip_tunnel_xmit, net/ipv4/ip_tunnel.c).
func (b *builder) addIPIP() error {
	if !b.ipip {
		return nil
	}
	addr, err := b.plan.tunnelAddress(b.n.Name, ipipTunnel)
	if err != nil {
		return err
	}
	b.device(&topology.Interface{Name: ipipDevice, Kind: topology.IPIP, MTU: b.ipipMTU, Tunnel: &topology.Tunnel{}}, addr)
	return nil
}

// device adds a tunnel device with its address.
func (b *builder) device(i *topology.Interface, addr netip.Addr) {
	i.Index, i.Up, i.LinkNetNS = b.nextIndex(), true, -1
	i.Addresses = []topology.Address{{Prefix: topology.Single(addr), Scope: topology.ScopeGlobal}}
	b.ns.Interfaces = append(b.ns.Interfaces, i)
	b.ns.Routes = append(b.ns.Routes, topology.LocalRoutes(topology.Single(addr), i.Name)...)
}

// sysctls are what Felix sets: forwarding on the whole machine, and on each pod's host end what lets it answer for the
// pod's gateway, which it has not (configureProcSysForInterface, felix/dataplane/linux/endpoint_mgr.go). What the
// description sets by itself stays.
func (b *builder) sysctls() {
	if b.ns.Sysctl == nil {
		b.ns.Sysctl = map[string]string{}
	}
	set := func(name, value string) {
		if _, given := b.n.Sysctls[name]; !given {
			b.ns.Sysctl[name] = value
		}
	}
	if b.forwarding { // the kernel copies it to every device (inet_forward_change)
		set("net.ipv4.ip_forward", "1")
		for _, dev := range []string{"all", "default"} {
			set(topology.ConfName(dev, "forwarding"), "1")
		}
		for _, i := range b.ns.Interfaces {
			set(topology.ConfName(i.Name, "forwarding"), "1")
		}
	}
	rpFilter := b.ns.Sysctl[topology.ConfName("default", "rp_filter")]
	if rpFilter == "" {
		rpFilter = "0"
	}
	for _, p := range b.pods {
		for name, value := range map[string]string{"route_localnet": "1", "proxy_arp": "1", "forwarding": "1", "rp_filter": rpFilter} {
			set(topology.ConfName(p.veth, name), value)
		}
		set("net.ipv4.neigh."+p.veth+".proxy_delay", "0") // else the first answer waits up to 0.8 s
	}
}
