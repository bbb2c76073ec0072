package build

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// index gives an interface a number that no other of the lab has, so that an event of the kernel that has no more than an index can
// be told from another's: its own where the topology's are unique already.
func (n *Net) index(p topology.Port, want int) int {
	if n.taken[want] || want < firstIndex {
		for n.taken[n.next] {
			n.next++
		}
		want = n.next
	}
	n.taken[want], n.named[p] = true, want
	return want
}

// links makes the devices that stand on their own: veth pairs, one for every cable, and bridges.
func (n *Net) links(ns *topology.Namespace) error {
	for _, i := range ns.Interfaces {
		at := topology.Port{Namespace: ns.Name, Interface: i.Name}
		if n.named[at] != 0 {
			continue // the other end made it
		}
		switch i.Kind {
		case topology.Loopback, topology.VXLAN, topology.IPIP, topology.VLAN, topology.MACVLAN:
			continue
		case topology.Bridge:
			a := netlink.NewLinkAttrs()
			a.Name, a.Index, a.MTU, a.HardwareAddr = i.Name, n.index(at, i.Index), i.MTU, hardware(i.MAC)
			if err := n.spaces[ns.Name].Netlink().LinkAdd(&netlink.Bridge{LinkAttrs: a}); err != nil {
				return fmt.Errorf("bridge %s: %w", i.Name, err)
			}
			continue
		}
		if err := n.cable(at, i); err != nil {
			return fmt.Errorf("%s: %w", i.Name, err)
		}
	}
	return nil
}

// cable makes a veth pair from an interface to its far end. Where the topology does not know the far end, it is a port in the
// same namespace that nothing uses.
func (n *Net) cable(at topology.Port, i *topology.Interface) error {
	far := n.farEnd(at, i)
	peer := &topology.Interface{Name: far.Interface, MTU: i.MTU}
	if p, err := n.interfaceAt(far); err == nil && p != nil {
		peer = p
	}
	if n.spaces[far.Namespace] == nil {
		return fmt.Errorf("its link ends at %s in namespace %s, which is not in the topology", far.Interface, far.Namespace)
	}
	return n.veth(veth{at, n.index(at, i.Index), i.MAC, i.MTU}, veth{far, n.index(far, peer.Index), peer.MAC, peer.MTU})
}

// farEnd is where an interface's cable goes.
func (n *Net) farEnd(at topology.Port, i *topology.Interface) topology.Port {
	if f := n.Topology.Fabric; f != nil {
		if i.ENI != nil {
			return topology.Port{Namespace: f.Name, Interface: n.fabric.ports[i.ENI]}
		}
		if f.IsOutside(at) {
			return topology.Port{Namespace: outsideSpace, Interface: hostPort(at)}
		}
	}
	if i.Peer.Namespace != "" {
		return i.Peer
	}
	return topology.Port{Namespace: at.Namespace, Interface: fmt.Sprintf("nowhere%d", i.Index)}
}

// interfaceAt finds an interface of the topology.
func (n *Net) interfaceAt(p topology.Port) (*topology.Interface, error) {
	if n.fabric != nil {
		for _, ns := range n.fabric.spaces {
			if ns.Name == p.Namespace {
				return ns.Interface(p.Interface), nil
			}
		}
	}
	ns, err := n.Topology.Namespace(p.Namespace)
	if err != nil {
		return nil, err
	}
	return ns.Interface(p.Interface), nil
}

// veth is one end of a pair.
type veth struct {
	at    topology.Port
	index int
	mac   packet.MAC
	mtu   int
}

// veth makes both ends at once, each in its namespace with its index, address and MTU, so that no link is ever in the
// machine's own namespace (veth_newlink in drivers/net/veth.c). The library's own call gives the far end no index.
func (n *Net) veth(a, b veth) error {
	req := nl.NewNetlinkRequest(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK)
	head := func(v veth) []*nl.RtAttr {
		out := []*nl.RtAttr{nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(v.at.Interface)),
			nl.NewRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(n.spaces[v.at.Namespace].FD())))}
		if !v.mac.IsZero() {
			out = append(out, nl.NewRtAttr(unix.IFLA_ADDRESS, v.mac[:]))
		}
		if v.mtu != 0 {
			out = append(out, nl.NewRtAttr(unix.IFLA_MTU, nl.Uint32Attr(uint32(v.mtu))))
		}
		return out
	}
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(a.index)
	req.AddData(msg)
	for _, x := range head(a) {
		req.AddData(x)
	}
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(nl.IFLA_INFO_KIND, nl.NonZeroTerminated("veth"))
	data := info.AddRtAttr(nl.IFLA_INFO_DATA, nil)
	peer := data.AddRtAttr(nl.VETH_INFO_PEER, nil)
	far := nl.NewIfInfomsg(unix.AF_UNSPEC)
	far.Index = int32(b.index)
	peer.AddChild(far)
	for _, x := range head(b) {
		peer.AddChild(x)
	}
	req.AddData(info)
	return n.spaces[a.at.Namespace].Do(func() error {
		if _, err := req.Execute(unix.NETLINK_ROUTE, 0); err != nil {
			return fmt.Errorf("veth to %s in %s: %w", b.at.Interface, b.at.Namespace, err)
		}
		return nil
	})
}

// hardware is a MAC for the library; nil for none, which leaves it to the kernel.
func hardware(m packet.MAC) net.HardwareAddr {
	if m.IsZero() {
		return nil
	}
	return net.HardwareAddr(m[:])
}

// enslave gives ports to their bridges.
func (n *Net) enslave(ns *topology.Namespace) error {
	s := n.spaces[ns.Name]
	for _, i := range ns.Interfaces {
		if i.Master == "" {
			continue
		}
		br := n.named[topology.Port{Namespace: ns.Name, Interface: i.Master}]
		if br == 0 {
			return fmt.Errorf("%s is a port of %s, which is not there", i.Name, i.Master)
		}
		link, err := s.Netlink().LinkByName(i.Name)
		if err != nil {
			return fmt.Errorf("%s: %w", i.Name, err)
		}
		if err := s.Netlink().LinkSetMasterByIndex(link, br); err != nil {
			return fmt.Errorf("%s: into bridge %s: %w", i.Name, i.Master, err)
		}
	}
	return nil
}

// raise sets the interfaces up that are up, with what can only be set on a device that is there.
func (n *Net) raise(ns *topology.Namespace) error {
	s := n.spaces[ns.Name]
	for _, i := range ns.Interfaces {
		link, err := s.Netlink().LinkByName(i.Name)
		if err != nil {
			return fmt.Errorf("%s: %w", i.Name, err)
		}
		if i.Kind == topology.Loopback && i.MTU != 0 && i.MTU != link.Attrs().MTU {
			if err := s.Netlink().LinkSetMTU(link, i.MTU); err != nil {
				return fmt.Errorf("%s: mtu %d: %w", i.Name, i.MTU, err)
			}
		}
		if i.Promisc {
			if err := s.Netlink().SetPromiscOn(link); err != nil {
				return fmt.Errorf("%s: promisc: %w", i.Name, err)
			}
		}
		if i.CallIPTables {
			// Not by /sys/class/net: sysfs shows the network namespace that mounted it (sysfs_init_fs_context in fs/sysfs/mount.c),
			// whatever the thread has entered since.
			if _, err := s.Run("", "ip", "link", "set", i.Name, "type", "bridge", "nf_call_iptables", "1"); err != nil {
				return err
			}
		}
		if i.Up {
			if err := s.Netlink().LinkSetUp(link); err != nil {
				return fmt.Errorf("%s: up: %w", i.Name, err)
			}
		}
	}
	return n.raiseSpare(ns)
}

// raiseSpare sets the far ends up that only the lab knows: without them a device has no carrier.
func (n *Net) raiseSpare(ns *topology.Namespace) error {
	for _, i := range ns.Interfaces {
		far := n.farEnd(topology.Port{Namespace: ns.Name, Interface: i.Name}, i)
		if far.Namespace != ns.Name || ns.Interface(far.Interface) != nil || n.named[far] == 0 {
			continue
		}
		link, err := n.spaces[ns.Name].Netlink().LinkByName(far.Interface)
		if err != nil {
			return fmt.Errorf("%s: %w", far.Interface, err)
		}
		if err := n.spaces[ns.Name].Netlink().LinkSetUp(link); err != nil {
			return fmt.Errorf("%s: up: %w", far.Interface, err)
		}
	}
	return nil
}
