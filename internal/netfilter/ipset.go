package netfilter

import (
	"net/netip"
	"strconv"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/packet"
)

// Set is an ipset: named members that a `-m set` rule asks about. Members that the model cannot read are kept as text
// and make the answer unknown.
type Set struct {
	Name string
	Type string // hash:ip, hash:net, hash:ip,port …
	// Prefixes are the members of the one-dimensional address types.
	Prefixes   []netip.Prefix
	Exceptions []netip.Prefix // nomatch
	Ports      []PortMember
	Sets       []string // list:set
	Unread     []string
}

// PortMember is a member with an address and a port range (hash:ip,port, hash:net,port), or a port alone (bitmap:port,
// with an invalid prefix).
type PortMember struct {
	Prefix   netip.Prefix
	Protocol uint8
	From, To uint16
}

// Contains answers a query against the set.
func (s *Set) Contains(q iptables.SetQuery, all map[string]*Set) iptables.Tri {
	if len(q.Dirs) == 0 {
		return iptables.Unknown
	}
	f := &q.Packet.Frame
	addr := func(src bool) netip.Addr {
		if src {
			return f.IP.Src
		}
		return f.IP.Dst
	}
	switch s.Type {
	case "hash:ip", "hash:net", "bitmap:ip":
		return s.containsAddr(addr(q.Dirs[0]))
	case "hash:ip,port", "hash:net,port", "bitmap:port":
		at := 0
		var a netip.Addr
		if s.Type != "bitmap:port" {
			if len(q.Dirs) < 2 {
				return iptables.Unknown
			}
			a, at = addr(q.Dirs[0]), 1
		}
		port := f.L4.DstPort
		if q.Dirs[at] {
			port = f.L4.SrcPort
		}
		for _, m := range s.Ports {
			if m.Prefix.IsValid() && !m.Prefix.Contains(a) || m.Protocol != 0 && m.Protocol != uint8(f.IP.Protocol) {
				continue
			}
			if port >= m.From && port <= m.To {
				return iptables.Yes
			}
		}
	case "list:set":
		return s.containsInMembers(q, all)
	default:
		return iptables.Unknown
	}
	if len(s.Unread) > 0 {
		return iptables.Unknown
	}
	return iptables.No
}

// containsInMembers asks the sets of a list:set. One that has the packet is enough; one that cannot be asked makes a No
// unknown. The kernel lets no list into a list (list_set_uadd), so one that stands there is not followed: a dump that
// was edited could go round in circles.
func (s *Set) containsInMembers(q iptables.SetQuery, all map[string]*Set) iptables.Tri {
	answer := iptables.No
	for _, name := range s.Sets {
		member := all[name]
		if member == nil || member.Type == "list:set" {
			answer = iptables.Unknown
			continue
		}
		switch member.Contains(q, all) {
		case iptables.Yes:
			return iptables.Yes
		case iptables.Unknown:
			answer = iptables.Unknown
		}
	}
	return answer
}

// containsAddr takes the longest prefix, which may be an exception (nomatch).
func (s *Set) containsAddr(a netip.Addr) iptables.Tri {
	best, hit := -1, false
	for _, p := range s.Prefixes {
		if p.Bits() > best && p.Contains(a) {
			best, hit = p.Bits(), true
		}
	}
	for _, p := range s.Exceptions {
		if p.Bits() >= best && p.Contains(a) {
			best, hit = p.Bits(), false
		}
	}
	switch {
	case hit:
		return iptables.Yes
	case len(s.Unread) > 0:
		return iptables.Unknown
	}
	return iptables.No
}

// Members lists the set's members as `ipset save` writes them.
func (s *Set) Members() []string {
	var out []string
	text := func(p netip.Prefix) string {
		if p.IsSingleIP() {
			return p.Addr().String()
		}
		return p.String()
	}
	for _, p := range s.Prefixes {
		out = append(out, text(p))
	}
	for _, p := range s.Exceptions {
		out = append(out, text(p)+" nomatch")
	}
	for _, m := range s.Ports {
		port := strconv.Itoa(int(m.From))
		if m.To != m.From {
			port += "-" + strconv.Itoa(int(m.To))
		}
		if m.Protocol != 0 {
			port = packet.Protocol(m.Protocol).String() + ":" + port
		}
		if m.Prefix.IsValid() {
			port = text(m.Prefix) + "," + port
		}
		out = append(out, port)
	}
	return append(append(out, s.Sets...), s.Unread...)
}
