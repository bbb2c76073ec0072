package snapshot

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/packet"
)

// readIPSet reads `ipset save`: create lines with a set's type, add lines with its members. A member that the model
// does not read is kept, and makes the set's answers unknown where nothing else decides.
func readIPSet(f file) (map[string]*netfilter.Set, error) {
	sets := map[string]*netfilter.Set{}
	for n, l := range lines(f) {
		w := strings.Fields(l)
		switch {
		case w[0] == "create" && len(w) >= 3:
			sets[w[1]] = &netfilter.Set{Name: w[1], Type: w[2]}
		case w[0] == "add" && len(w) >= 3:
			s := sets[w[1]]
			if s == nil {
				return nil, errorf(f.name, n, "add to set %q, which no create line before it makes", w[1])
			}
			addMember(s, w[2], w[3:])
		}
	}
	return sets, nil
}

func addMember(s *netfilter.Set, member string, opts []string) {
	nomatch := false
	for _, o := range opts {
		nomatch = nomatch || o == "nomatch"
	}
	switch s.Type {
	case "hash:ip", "hash:net", "bitmap:ip":
		p, _, err := parseDst(member)
		switch {
		case err != nil:
			s.Unread = append(s.Unread, member)
		case nomatch:
			s.Exceptions = append(s.Exceptions, p)
		default:
			s.Prefixes = append(s.Prefixes, p)
		}
	case "hash:ip,port", "hash:net,port", "bitmap:port":
		addr, port, two := strings.Cut(member, ",")
		m := netfilter.PortMember{}
		if two {
			p, _, err := parseDst(addr)
			if err != nil {
				s.Unread = append(s.Unread, member)
				return
			}
			m.Prefix = p
		} else {
			port, m.Prefix = addr, netip.Prefix{}
		}
		if name, number, ok := strings.Cut(port, ":"); ok {
			proto, err := packet.ParseProtocol(name)
			if err != nil {
				s.Unread = append(s.Unread, member)
				return
			}
			m.Protocol, port = uint8(proto), number
		}
		r, err := parsePorts(port)
		if err != nil || nomatch {
			s.Unread = append(s.Unread, member)
			return
		}
		m.From, m.To = r.From, r.To
		s.Ports = append(s.Ports, m)
	case "list:set":
		s.Sets = append(s.Sets, member)
	default:
		s.Unread = append(s.Unread, member+" "+strconv.Quote(strings.Join(opts, " ")))
	}
}
