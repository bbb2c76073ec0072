package build

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/podpath/podpath/internal/topology"
)

// addresses gives the interfaces their addresses. The connected routes are not the kernel's to make: they are in the
// topology like any other, or were taken away there.
func (n *Net) addresses(ns *topology.Namespace) error {
	nl := n.spaces[ns.Name].Netlink()
	for _, i := range ns.Interfaces {
		if len(i.Addresses) == 0 {
			continue
		}
		link, err := nl.LinkByName(i.Name)
		if err != nil {
			return fmt.Errorf("%s: %w", i.Name, err)
		}
		for _, a := range i.Addresses {
			x := &netlink.Addr{IPNet: ipNet(a.Prefix), Scope: int(a.Scope), Flags: unix.IFA_F_NOPREFIXROUTE, Broadcast: net.IPv4zero}
			if a.Broadcast.IsValid() {
				x.Broadcast = ipOf(a.Broadcast)
			}
			if err := nl.AddrAdd(link, x); err != nil && !tolerated(err, unix.EEXIST) { // 127.0.0.1 comes with lo
				return fmt.Errorf("%s: address %v: %w", i.Name, a.Prefix, err)
			}
		}
	}
	return nil
}

// ipNet is a prefix with the address as it stands.
func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: ipOf(p.Addr()), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
