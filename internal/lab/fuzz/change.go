package fuzz

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/podpath/podpath/internal/topology"
)

// editor makes edits of a network. It applies each at once, so that the next can build on it.
type editor struct {
	*maker
	top       *topology.Topology
	spaces    []*topology.Namespace // those that edits are about: nodes and pods
	addresses []netip.Addr          // what packets are sent to and from
	ranges    []string              // prefixes with some of these in them
	chains    int
	ruled     map[string]*topology.Namespace
	seen      []sight // what passes where without edits
	now       *sight  // what the edit that is being made is about; nil for nothing in particular
	err       error
}

// change makes the network's edits: none for two networks of fifteen, so that what the plugins write is also seen as they write it.
func (m *maker) change() error {
	c := &Case{Cluster: m.cluster(), Options: m.Options()}
	made, err := c.compile()
	if err != nil {
		return err
	}
	e := &editor{maker: m, top: made.Topology, ruled: map[string]*topology.Namespace{}}
	if err := e.survey(); err != nil {
		return err
	}
	if err := e.look(); err != nil {
		return err
	}
	recipes := []weighted[func(*topology.Namespace)]{{5, e.sysctls}, {7, e.policyRule}, {6, e.extraRoute}, {5, e.firewall}, {4, e.marking}, {5, e.rejecting},
		{5, e.translating}, {2, e.masquerading}, {1, e.untracked}, {2, e.ttl}, {1, e.connmark}, {1, e.extraAddress}, {1, e.drawing}, {3, e.narrow}, {6, e.asymmetry},
		{5, e.jumping}, {3, e.sourced}, {4, e.asking}, {2, e.inwards}, {2, e.standing}, {3, e.wall}}
	count := weigh(m.source, weighted[int]{2, 0}, weighted[int]{2, 3}, weighted[int]{4, 6}, weighted[int]{4, 10}, weighted[int]{2, 16}, weighted[int]{1, 22})
	for range count {
		weigh(m.source, recipes...)(e.aim())
		if e.err != nil {
			return e.err
		}
	}
	whole := &Case{Cluster: m.cluster(), Options: m.Options(), Edits: m.Edits()}
	top, err := whole.Topology()
	if err != nil {
		return err
	}
	return understood(top)
}

// survey collects what edits can be about.
func (e *editor) survey() error {
	c := e.compiled.Cluster
	seen := map[string]bool{}
	add := func(a netip.Addr) {
		if !a.IsValid() {
			return
		}
		e.addresses = append(e.addresses, a)
		for _, bits := range []int{32, 32, 26, 24, 16} {
			if p := netip.PrefixFrom(a, bits).Masked().String(); bits == 32 || !seen[p] {
				seen[p] = true
				e.ranges = append(e.ranges, p)
			}
		}
	}
	for _, n := range c.Nodes {
		for _, x := range n.Cards() {
			add(x.Address)
		}
	}
	for _, p := range c.Pods {
		add(p.Address)
	}
	for _, s := range c.Services {
		if a, err := netip.ParseAddr(s.Spec.ClusterIP); err == nil {
			add(a)
		}
	}
	add(hostAddr)
	for _, n := range c.Nodes {
		for range 3 { // most of what decides stands on nodes
			if err := e.know(n.Name); err != nil {
				return err
			}
		}
	}
	for _, p := range c.Pods {
		if err := e.know(p.Key()); err != nil {
			return err
		}
	}
	return nil
}

func (e *editor) know(name string) error {
	ns, err := e.top.Namespace(name)
	if err == nil {
		e.spaces = append(e.spaces, ns)
	}
	return err
}

// edit adds an edit, unless the same was made before, and applies it.
func (e *editor) edit(ns *topology.Namespace, format string, args ...any) bool {
	l := ns.Name + ": " + fmt.Sprintf(format, args...)
	if e.err != nil || e.used[l] {
		return false
	}
	e.used[l] = true
	x, err := ParseEdit(l)
	if err == nil {
		err = x.apply(e.top, e.ruled)
	}
	if err != nil {
		e.err = fmt.Errorf("%s: %w", l, err)
		return false
	}
	e.edits = append(e.edits, optional("%s", l))
	return true
}

// own is an address that a namespace has itself.
func (e *editor) own(ns *topology.Namespace) netip.Addr {
	out := addressesOf(ns)
	if len(out) == 0 {
		return netip.Addr{}
	}
	return out[e.IntN(len(out))]
}

// addressesOf are a namespace's own, but for the loopback's.
func addressesOf(ns *topology.Namespace) []netip.Addr {
	var out []netip.Addr
	for _, i := range ns.Interfaces {
		for _, a := range i.Addresses {
			if i.Kind != topology.Loopback {
				out = append(out, a.Prefix.Addr())
			}
		}
	}
	return out
}

// sysctls changes a switch or two of the kind that decides about packets.
func (e *editor) sysctls(ns *topology.Namespace) {
	for range 1 + e.IntN(2) {
		dev := e.device(ns, false)
		if e.yes(3) {
			dev = "all"
		}
		name, value := "rp_filter", pick(e.source, "0", "1", "1", "2")
		switch e.IntN(9) {
		case 0:
			name, value = "src_valid_mark", pick(e.source, "0", "1")
		case 1:
			name, value = "accept_local", "1"
		case 2:
			name, value = "route_localnet", pick(e.source, "0", "1")
		case 3, 7:
			name, value = "forwarding", pick(e.source, "0", "0", "1")
		case 4:
			name, value = "arp_ignore", pick(e.source, "0", "1", "1", "2")
		case 5:
			name, value = "proxy_arp", pick(e.source, "0", "1")
		case 6:
			if e.yes(2) {
				e.edit(ns, "sysctl net.ipv4.ip_forward=%d", e.IntN(2))
				continue
			}
		}
		e.edit(ns, "sysctl %s=%s", topology.ConfName(dev, name), value)
	}
}

// standing takes forwarding from the device that a packet comes in by.
func (e *editor) standing(ns *topology.Namespace) {
	if e.now != nil && e.now.in != "" && e.now.out != "" {
		e.edit(ns, "sysctl %s=0", topology.ConfName(e.now.in, "forwarding"))
	}
}

// extraAddress gives a device an address of a subnet that nobody else is in.
func (e *editor) extraAddress(ns *topology.Namespace) {
	p := netip.PrefixFrom(addr(10, 9, len(e.edits)%250, 1+e.IntN(3)), pick(e.source, 24, 32))
	dev := e.device(ns, e.yes(2))
	if i := ns.Interface(dev); i != nil && slices.ContainsFunc(i.Addresses, func(a topology.Address) bool { return a.Prefix.Overlaps(p) }) {
		return
	}
	e.edit(ns, "address %v dev %s", p, dev)
}
