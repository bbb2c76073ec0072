package build

import (
	"fmt"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// neighbours enters what the ARP tables know. An entry that a node has learned stays for good here: a lab does not age.
func (n *Net) neighbours(ns *topology.Namespace) error {
	h := n.spaces[ns.Name].Netlink()
	known := ns.Neighbours
	if n.fabric != nil { // the topology's own come last, and stand
		known = append(slices.Clone(n.fabric.known[ns.Name]), known...)
	}
	for _, x := range known {
		if !x.IP.Is4() || !x.Proxy && !x.Valid() {
			continue
		}
		index := n.devIndex(ns, x.Dev)
		if index == 0 {
			return fmt.Errorf("neighbour %v: its device is not there", x)
		}
		e := &netlink.Neigh{LinkIndex: index, Family: unix.AF_INET, IP: ipOf(x.IP)}
		if x.Proxy {
			e.Flags = netlink.NTF_PROXY
		} else {
			m, err := packet.ParseMAC(x.MAC)
			if err != nil {
				return fmt.Errorf("neighbour %v: %w", x, err)
			}
			e.State, e.HardwareAddr = netlink.NUD_PERMANENT, net.HardwareAddr(m[:])
		}
		if err := h.NeighSet(e); err != nil {
			return fmt.Errorf("neighbour %v: %w", x, err)
		}
	}
	return nil
}

// fdb enters what bridges and vxlan devices know. A port's own address is there already, and multicast is none of a packet's
// business.
func (n *Net) fdb(ns *topology.Namespace) error {
	h := n.spaces[ns.Name].Netlink()
	for _, e := range ns.FDB {
		m, err := packet.ParseMAC(e.MAC)
		if err != nil {
			return fmt.Errorf("fdb %v: %w", e, err)
		}
		dev := ns.Interface(e.Dev)
		if dev == nil {
			return fmt.Errorf("fdb %v: its device is not there", e)
		}
		own := dev.MAC == m || dev.Kind == topology.Bridge
		if m[0]&1 == 1 || dev.Kind != topology.VXLAN && own {
			continue
		}
		x := &netlink.Neigh{LinkIndex: n.devIndex(ns, e.Dev), Family: unix.AF_BRIDGE, HardwareAddr: net.HardwareAddr(m[:]), State: netlink.NUD_NOARP, Vlan: e.VLAN}
		switch {
		case e.Dst.IsValid():
			x.IP, x.Flags, x.State = ipOf(e.Dst), netlink.NTF_SELF, netlink.NUD_PERMANENT
		case e.Master != "" || dev.Master != "":
			x.Flags = netlink.NTF_MASTER
			if e.State == "permanent" {
				x.State = netlink.NUD_PERMANENT
			}
		default:
			continue
		}
		if e.Via != "" {
			if _, err := n.spaces[ns.Name].Run("", "bridge", "fdb", "append", e.MAC, "dev", e.Dev, "dst", e.Dst.String(), "via", e.Via, "self", "permanent"); err != nil {
				return err
			}
			continue
		}
		if err := h.NeighSet(x); err != nil {
			return fmt.Errorf("fdb %v: %w", e, err)
		}
	}
	return nil
}
