package netfilter

import (
	"net/netip"

	"github.com/podpath/podpath/internal/iptables"
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
		for _, name := range s.Sets {
			member := all[name]
			if member == nil {
				return iptables.Unknown
			}
			if t := member.Contains(q, all); t != iptables.No {
				return t
			}
		}
	default:
		return iptables.Unknown
	}
	if len(s.Unread) > 0 {
		return iptables.Unknown
	}
	return iptables.No
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
