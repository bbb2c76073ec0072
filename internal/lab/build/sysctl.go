package build

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/topology"
)

// base sets what every namespace of a lab has before anything else. A new namespace copies the machine's own conf.default
// (inet_init_net in net/ipv4/devinet.c), which a distribution may have changed: here all begin alike.
func (n *Net) base(ns *topology.Namespace) error {
	s := n.spaces[ns.Name]
	for _, c := range []string{"all", "default"} {
		_ = s.Sysctl("net.ipv6.conf."+c+".disable_ipv6", "1") // a kernel without IPv6 has no such switch
		for _, k := range confKeys {
			if err := s.Sysctl("net.ipv4.conf."+c+"."+k, "0"); err != nil {
				return err
			}
		}
	}
	for k, v := range pace {
		if err := s.Sysctl(k, v); err != nil && !errors.Is(err, os.ErrNotExist) { // some are younger than some kernels
			return err
		}
	}
	return nil
}

// confKeys are the switches of an interface that a walk asks for, and send_redirects: an ICMP redirect changes nothing about
// the packet that it is about, so the model has none.
var confKeys = []string{"rp_filter", "src_valid_mark", "accept_local", "route_localnet", "proxy_arp", "arp_ignore", "send_redirects"}

// pace changes when the kernel does things, never what it does: every ICMP error is sent, no closed connection lingers in a
// port's way, nothing that was lost is sent again as long as anyone looks.
var pace = map[string]string{
	"net.ipv4.icmp_ratelimit":     "0",
	"net.ipv4.icmp_msgs_per_sec":  "100000",
	"net.ipv4.icmp_msgs_burst":    "100000",
	"net.ipv4.tcp_max_tw_buckets": "0",
	"net.ipv4.tcp_early_retrans":  "0",
	"net.ipv4.tcp_rto_min_us":     "5000000",
}

// neighbourPace is the same for a device's neighbours: one that does not answer is given up after a fraction of a second, one
// that is found stays, and proxy ARP answers at once.
var neighbourPace = map[string]string{"retrans_time_ms": "15", "base_reachable_time_ms": "600000", "proxy_delay": "0"}

// sysctls writes the topology's switches once all interfaces are there. ip_forward and conf.all.forwarding come first, for
// each resets all that the others set (inet_forward_change in net/ipv4/devinet.c).
func (n *Net) sysctls(ns *topology.Namespace) error {
	s := n.spaces[ns.Name]
	forward := "0"
	if ns.Sysctl["net.ipv4.ip_forward"] == "1" || ns.Sysctl["net.ipv4.conf.all.forwarding"] == "1" {
		forward = "1"
	}
	if err := s.Sysctl("net.ipv4.ip_forward", forward); err != nil {
		return err
	}
	given := func(dev, key string) (string, bool) {
		v, ok := ns.Sysctl[topology.ConfName(dev, key)]
		return v, ok
	}
	for _, k := range append([]string{"forwarding"}, confKeys...) {
		for _, dev := range []string{"all", "default"} {
			if v, ok := given(dev, k); ok && (k != "forwarding" || dev != "all") {
				if err := s.Sysctl(topology.ConfName(dev, k), v); err != nil {
					return err
				}
			}
		}
		for _, i := range ns.Interfaces {
			v, ok := given(i.Name, k)
			if !ok {
				v, ok = given("default", k)
			}
			switch {
			case k == "forwarding" && !ok:
				continue
			case !ok:
				v = "0"
			}
			if err := s.Sysctl(topology.ConfName(i.Name, k), v); err != nil {
				return err
			}
		}
	}
	for _, i := range ns.Interfaces {
		for k, v := range neighbourPace {
			name := "net.ipv4.neigh." + strings.ReplaceAll(i.Name, ".", "/") + "." + k
			if err := s.Sysctl(name, v); err != nil {
				return err
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(ns.Sysctl)) {
		if !other(k) {
			continue
		}
		if err := s.Sysctl(k, ns.Sysctl[k]); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// other says whether a switch is one of a namespace that is neither an interface's nor the lab's own business.
func other(k string) bool {
	if _, ours := pace[k]; ours || k == "net.ipv4.ip_forward" || strings.HasPrefix(k, "net.ipv4.neigh.") {
		return false
	}
	if rest, ok := strings.CutPrefix(k, "net.ipv4.conf."); ok {
		_, key, _ := strings.Cut(rest, ".")
		return key != "forwarding" && !slices.Contains(confKeys, key)
	}
	return strings.HasPrefix(k, "net.ipv4.") || strings.HasPrefix(k, "net.netfilter.") || strings.HasPrefix(k, "net.bridge.")
}
