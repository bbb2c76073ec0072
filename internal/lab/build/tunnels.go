package build

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"

	"github.com/podpath/podpath/internal/topology"
)

// tunnels makes the devices that stand on another one or on none: vxlan, ipip, vlan, macvlan.
func (n *Net) tunnels(ns *topology.Namespace) error {
	s := n.spaces[ns.Name]
	for _, i := range ns.Interfaces {
		at := topology.Port{Namespace: ns.Name, Interface: i.Name}
		a := netlink.NewLinkAttrs()
		a.Name, a.MTU = i.Name, i.MTU
		var link netlink.Link
		switch i.Kind {
		case topology.VXLAN:
			a.HardwareAddr = hardware(i.MAC)
			v := &netlink.Vxlan{UDPCSum: true, Learning: true, Port: 4789}
			if t := i.Tunnel; t != nil {
				v.VxlanId, v.Port, v.SrcAddr, v.Group, v.TTL, v.Learning = int(t.VNI), int(t.Port), ipOf(t.Local), ipOf(t.Remote), int(t.TTL), t.Learning
				v.VtepDevIndex = n.named[topology.Port{Namespace: ns.Name, Interface: t.Dev}]
			}
			v.LinkAttrs = a
			link = v
		case topology.IPIP:
			if fallback(i) {
				if err := n.takeFallback(at, i); err != nil {
					return err
				}
				continue
			}
			v := &netlink.Iptun{PMtuDisc: 1}
			if t := i.Tunnel; t != nil {
				v.Local, v.Remote, v.Ttl, v.Link = ipOf(t.Local), ipOf(t.Remote), t.TTL, uint32(n.named[topology.Port{Namespace: ns.Name, Interface: t.Dev}])
			}
			v.LinkAttrs = a
			link = v
		case topology.VLAN, topology.MACVLAN:
			a.HardwareAddr = hardware(i.MAC)
			a.ParentIndex = n.named[topology.Port{Namespace: ns.Name, Interface: i.Parent}]
			if a.ParentIndex == 0 {
				return fmt.Errorf("%s stands on %q, which is not there", i.Name, i.Parent)
			}
			if i.Kind == topology.VLAN {
				link = &netlink.Vlan{LinkAttrs: a, VlanId: i.VLANID, VlanProtocol: netlink.VLAN_PROTOCOL_8021Q}
			} else {
				link = &netlink.Macvlan{LinkAttrs: a, Mode: netlink.MACVLAN_MODE_BRIDGE}
			}
		default:
			continue
		}
		link.Attrs().Index = n.index(at, i.Index)
		if err := s.Netlink().LinkAdd(link); err != nil {
			return fmt.Errorf("%s (%s): %w", i.Name, i.Kind, err)
		}
		if t := i.Tunnel; i.Kind == topology.VXLAN && t != nil && t.DF != "" { // the library has no word for it
			if _, err := s.Run("", "ip", "link", "set", "dev", i.Name, "type", "vxlan", "df", t.DF); err != nil {
				return err
			}
		}
	}
	return nil
}

// fallback says whether an ipip device is the one that the module makes by itself (ip_tunnel_init_net): it has no far end.
func fallback(i *topology.Interface) bool {
	return i.Name == "tunl0" && (i.Tunnel == nil || !i.Tunnel.Remote.IsValid() && !i.Tunnel.Local.IsValid())
}

// takeFallback uses the kernel's own tunl0.
func (n *Net) takeFallback(at topology.Port, i *topology.Interface) error {
	nl := n.spaces[at.Namespace].Netlink()
	link, err := nl.LinkByName(i.Name)
	if err != nil {
		return fmt.Errorf("%s: %w", i.Name, err)
	}
	n.named[at] = link.Attrs().Index // the kernel's number, the same in every namespace: never looked up without one
	if i.MTU == 0 {
		return nil
	}
	return nl.LinkSetMTU(link, i.MTU)
}

func ipOf(a interface {
	IsValid() bool
	AsSlice() []byte
}) net.IP {
	if !a.IsValid() {
		return nil
	}
	return net.IP(a.AsSlice())
}
