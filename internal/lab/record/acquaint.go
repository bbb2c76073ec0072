package record

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/podpath/podpath/internal/topology"
)

// discard is the port of a datagram that nobody waits for (RFC 863).
const discardPort = 9

// acquaint has the hosts of every bridge know each other: each that shares a subnet with it is sent a datagram and sends one
// back. A bridge that shows its frames to iptables takes another way where the neighbour of a rewritten address is not known yet
// (br_nf_pre_routing_finish_bridge), and a node that runs knows its pods.
func (r *Recorder) acquaint() error {
	type host struct {
		ns   string
		addr netip.Prefix
	}
	var hosts, bridges []host
	for _, name := range r.net.Topology.Names() {
		ns, err := r.net.Topology.Namespace(name)
		if err != nil {
			return err
		}
		for _, i := range ns.Interfaces {
			for _, a := range i.Addresses {
				hosts = append(hosts, host{name, a.Prefix})
				if i.Kind == topology.Bridge {
					bridges = append(bridges, host{name, a.Prefix})
				}
			}
		}
	}
	for _, b := range bridges {
		for _, h := range hosts {
			if h.ns == b.ns || !b.addr.Contains(h.addr.Addr()) {
				continue
			}
			for _, way := range [][2]host{{b, h}, {h, b}} {
				if err := r.greet(way[0].ns, way[1].addr.Addr()); err != nil {
					return err
				}
			}
		}
	}
	if len(bridges) > 0 {
		for len(await(r.taps, r.Patience)) > 0 {
		}
	}
	return nil
}

// greet sends an empty datagram.
func (r *Recorder) greet(ns string, to netip.Addr) error {
	return r.net.Space(ns).Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		_ = unix.Sendto(fd, nil, 0, address(to, discardPort)) // a host that cannot be reached stays unknown
		return nil
	})
}
