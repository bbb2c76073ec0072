package calico

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/topology"
)

// The bits of Felix's marks, by its default mask 0xffff0000 (felix/dataplane/driver.go; since v3.30 there is one for
// dropped packets too, 0x40000, which the iptables dataplane never sets).
const (
	markAccept   = 0x10000
	markPass     = 0x20000
	markScratch0 = 0x80000
	markScratch1 = 0x100000
	markAll      = markAccept | markPass | markScratch0 | markScratch1
)

// settings is what Felix makes of its configuration and the pools.
type settings struct {
	c     *cluster.Cluster
	pools []*cluster.IPPool

	vxlan, ipip       bool
	vni               uint32
	port              uint16
	vxlanMTU, ipipMTU int // nil values of the configuration: 0, by the host's
	mtuPattern        *regexp.Regexp

	toHost                      fragment // what happens to a packet of a pod to its node that policy lets through
	filterAllow, mangleAllow    fragment
	vxlanFromPods, ipipFromPods bool
	keepInvalid                 bool
	natAddress                  netip.Addr
	natFilter                   string
	natSpareHosts               bool // pods' packets to nodes keep their source
	externalNodes               []netip.Prefix
	felixRoutes, birdRoutes     bool // who writes the routes of pools without VXLAN
	felixPriority, birdPriority uint32
	forwarding                  bool
}

func settingsOf(c *cluster.Cluster) (*settings, error) {
	s := &settings{c: c, pools: c.Pools(), vni: 4096, port: 4789, toHost: accept, filterAllow: accept, mangleAllow: accept,
		felixPriority: 1024, birdPriority: 1024, forwarding: true, birdRoutes: true, mtuPattern: mtuPattern}
	for _, p := range s.pools {
		s.vxlan = s.vxlan || p.VXLAN()
		s.ipip = s.ipip || p.IPIP()
	}
	if c.Felix != nil {
		if err := s.felix(&c.Felix.Spec); err != nil {
			return nil, err
		}
	}
	if c.BGP != nil {
		s.birdRoutes = c.BGP.Spec.ProgramClusterRoutes != "Disabled"
		if p := c.BGP.Spec.IPv4NormalRoutePriority; p != nil {
			s.birdPriority = uint32(*p)
		}
	}
	if s.felixRoutes {
		s.birdRoutes = false
	}
	return s, nil
}

// mtuPattern is Felix's default of mtuIfacePattern.
var mtuPattern = regexp.MustCompile(`^((en|wl|ww|sl|ib)[Pcopsvx].*|(eth|wlan|wwan).*)`)

// felix takes over what a FelixConfiguration says. It was checked (cluster.Read).
func (s *settings) felix(f *cluster.FelixSpec) error {
	actions := map[string]fragment{"drop": drop, "accept": accept, "return": returning}
	action := func(into *fragment, word string) {
		if a, ok := actions[strings.ToLower(word)]; ok {
			*into = a
		}
	}
	action(&s.toHost, f.DefaultEndpointToHostAction)
	action(&s.filterAllow, f.IptablesFilterAllowAction)
	action(&s.mangleAllow, f.IptablesMangleAllowAction)
	if f.VXLANVNI != nil {
		s.vni = uint32(*f.VXLANVNI)
	}
	if f.VXLANPort != nil {
		s.port = uint16(*f.VXLANPort)
	}
	if f.VXLANMTU != nil {
		s.vxlanMTU = *f.VXLANMTU
	}
	if f.IPIPMTU != nil {
		s.ipipMTU = *f.IPIPMTU
	}
	if f.MTUPattern != "" {
		re, err := regexp.Compile(f.MTUPattern)
		if err != nil {
			return err
		}
		s.mtuPattern = re
	}
	s.vxlanFromPods, s.ipipFromPods = is(f.AllowVXLANPacketsFromWorkloads), is(f.AllowIPIPPacketsFromWorkloads)
	s.keepInvalid = is(f.DisableConntrackInvalidCheck)
	if f.NATOutgoingAddress != "" {
		a, err := netip.ParseAddr(f.NATOutgoingAddress)
		if err != nil {
			return err
		}
		s.natAddress = a
	}
	s.natFilter = f.NATOutgoingInterfaceFilter
	s.natSpareHosts = strings.EqualFold(f.NATOutgoingExclusions, "IPPoolsAndHostIPs")
	for _, text := range f.ExternalNodes {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, err := netip.ParseAddr(text)
			if err != nil {
				return err
			}
			p = topology.Single(a)
		}
		if p.Addr().Is4() {
			s.externalNodes = append(s.externalNodes, p.Masked())
		}
	}
	s.felixRoutes = strings.EqualFold(f.ProgramClusterRoutes, "Enabled")
	if f.IPv4NormalRoutePriority != nil {
		s.felixPriority = uint32(*f.IPv4NormalRoutePriority)
	}
	s.forwarding = !strings.EqualFold(f.IPForwarding, "Disabled")
	return nil
}

// is says whether a setting that is off by default is on.
func is(p *bool) bool { return p != nil && *p }

// What a tunnel's headers take of the MTU (felix/dataplane/linux/int_dataplane.go).
const (
	ipipOverhead  = 20
	vxlanOverhead = 50
)

// mtus are the MTUs of the tunnel devices and of pods on a node. Felix takes the host's by its cards' names, and 1460,
// the smallest among cloud providers, where none is like those it knows; a pod gets that of the tightest tunnel there is,
// whichever way its packets go.
func (s *settings) mtus(n *cluster.Node) (vxlan, ipip, pod int) {
	host := s.c.HostMTU(n)
	if !s.mtuPattern.MatchString(n.InterfaceOf(0)) {
		host = 1460
	}
	vxlan, ipip = s.vxlanMTU, s.ipipMTU
	if vxlan == 0 {
		vxlan = host - vxlanOverhead
	}
	if ipip == 0 {
		ipip = host - ipipOverhead
	}
	switch {
	case s.vxlan && s.ipip:
		return vxlan, ipip, min(vxlan, ipip)
	case s.vxlan:
		return vxlan, ipip, vxlan
	case s.ipip:
		return vxlan, ipip, ipip
	}
	return vxlan, ipip, host
}
