package kubeproxy

import (
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// DefaultHostAddresses are the addresses that a node has at least: its InternalIPs and loopback.
func DefaultHostAddresses(node *corev1.Node) []netip.Addr {
	addrs := []netip.Addr{loopback[IPv4], loopback[IPv6]}
	for _, x := range node.Status.Addresses {
		if a, err := parseAddr(x.Address); err == nil && x.Type == corev1.NodeInternalIP {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// ParseHostAddresses reads the addresses of a host's interfaces as `ip -brief address` prints them, an interface a line:
//
//	eth0             UP             10.0.1.10/24 fe80::1/64
func ParseHostAddresses(text string) ([]netip.Addr, error) {
	addrs := []netip.Addr{}
	line := 0
	for l := range strings.Lines(text) {
		line++
		words := strings.Fields(l)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) == 1 {
			return nil, fmt.Errorf("line %d: %q (want interface, state and addresses, as `ip -brief address` prints)", line, words[0])
		}
		for i, w := range words[2:] {
			a, err := hostAddress(w)
			switch before := words[i+1]; {
			case w == "peer" || w == "metric" || before == "metric" && strings.Trim(w, "0123456789") == "":
			case err != nil:
				return nil, fmt.Errorf("line %d: %q is no address (want one such as 10.0.1.10/24)", line, w)
			case before != "peer": // the other end's: kube-proxy takes IFA_LOCAL (newAddr, Go's net/interface_linux.go)
				addrs = append(addrs, a)
			}
		}
	}
	return addrs, nil
}

// hostAddress is an address with its prefix length, or without where a peer's follows.
func hostAddress(word string) (netip.Addr, error) {
	if p, err := netip.ParsePrefix(word); err == nil {
		return p.Addr(), nil
	}
	return netip.ParseAddr(word)
}
