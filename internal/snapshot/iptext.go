package snapshot

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// ansi are terminal colours (`ip -c`), which people paste along.
var ansi = regexp.MustCompile("\x1b\\[[0-9;]*m")

// lines gives the lines of a text dump with their numbers, without colours; empty ones are left out.
func lines(f file) func(func(int, string) bool) {
	return func(yield func(int, string) bool) {
		for n, l := range strings.Split(ansi.ReplaceAllString(string(f.data), ""), "\n") {
			l = strings.TrimRightFunc(l, unicode.IsSpace)
			if l == "" {
				continue
			}
			if !yield(n+1, l) {
				return
			}
		}
	}
}

var reLink = regexp.MustCompile(`^(\d+): ([^@: ]+)(?:@([^:]+))?: <([^>]*)>(.*)$`)

func readAddrText(f file) ([]*topology.Interface, error) {
	var out []*topology.Interface
	var cur *topology.Interface
	var err error
	for n, l := range lines(f) {
		if m := reLink.FindStringSubmatch(l); m != nil {
			idx, _ := strconv.Atoi(m[1])
			cur = &topology.Interface{Index: idx, Name: m[2], LinkNetNS: -1}
			if peer, ok := strings.CutPrefix(m[3], "if"); ok {
				if k, err := strconv.Atoi(peer); err == nil {
					cur.LinkIndex, cur.Kind = k, topology.Veth
				}
			}
			if cur.LinkIndex == 0 && m[3] != "" && m[3] != "NONE" {
				cur.Parent = m[3]
			}
			for _, fl := range strings.Split(m[4], ",") {
				cur.Up = cur.Up || fl == "UP"
				cur.Promisc = cur.Promisc || fl == "PROMISC"
				if fl == "LOOPBACK" {
					cur.Kind = topology.Loopback
				}
			}
			w := strings.Fields(m[5])
			for i := 0; i+1 < len(w); i++ {
				switch w[i] {
				case "mtu":
					cur.MTU, _ = strconv.Atoi(w[i+1])
				case "master":
					cur.Master = w[i+1]
				}
			}
			out = append(out, cur)
			continue
		}
		w := strings.Fields(l)
		if cur == nil || l[0] != ' ' && l[0] != '\t' {
			continue // a prompt, or an echoed command
		}
		switch {
		case strings.HasPrefix(w[0], "link/"):
			if w[0] == "link/ether" && len(w) > 1 {
				mac, err := packet.ParseMAC(w[1])
				if err != nil {
					return nil, errorf(f.name, n, "%v", err)
				}
				cur.MAC = mac
			}
			if w[0] == "link/ipip" {
				cur.Kind = topology.IPIP
			}
			for i := 0; i+1 < len(w); i++ {
				if w[i] == "link-netnsid" {
					cur.LinkNetNS, _ = strconv.Atoi(w[i+1])
				}
			}
		case w[0] == "inet" && len(w) > 1:
			a, err := parseInet(w)
			if err != nil {
				return nil, errorf(f.name, n, "%v", err)
			}
			cur.Addresses = append(cur.Addresses, a)
		default: // ip -d prints the device's kind on a line of its own
			if k := interfaceKind(w[0], ""); k != topology.Other {
				cur.Kind = k
				switch k {
				case topology.VLAN:
					for i := 0; i+1 < len(w); i++ {
						if w[i] == "id" {
							cur.VLANID, _ = strconv.Atoi(w[i+1])
						}
					}
				case topology.VXLAN, topology.IPIP:
					if cur.Tunnel, err = parseTunnel(k, w[1:]); err != nil {
						return nil, errorf(f.name, n, "%s: %v", cur.Name, err)
					}
				case topology.Bridge:
					for i := 0; i+1 < len(w); i++ {
						if w[i] == "nf_call_iptables" {
							cur.CallIPTables = w[i+1] == "1"
						}
					}
				}
			}
		}
	}
	return out, nil
}

func parseInet(w []string) (topology.Address, error) {
	a := topology.Address{}
	s := w[1]
	if !strings.Contains(s, "/") {
		s += "/32"
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return a, fmt.Errorf("inet %q: want an address with its prefix length, such as 10.0.0.1/24", w[1])
	}
	if !p.Addr().Is4() {
		return a, fmt.Errorf("inet %q: not an IPv4 address", w[1])
	}
	a.Prefix = p
	for i := 2; i < len(w); i++ {
		switch w[i] {
		case "scope":
			if i+1 < len(w) {
				if a.Scope, err = topology.ParseScope(w[i+1]); err != nil {
					return a, err
				}
			}
		case "brd":
			if i+1 < len(w) {
				a.Broadcast, _ = netip.ParseAddr(w[i+1])
			}
		case "secondary":
			a.Secondary = true
		}
	}
	return a, nil
}

func readRouteText(f file) ([]*topology.Route, error) {
	out := []*topology.Route{}
	var multi *topology.Route
	for n, l := range lines(f) {
		w := strings.Fields(l)
		if w[0] == "nexthop" && multi != nil {
			h, err := parseNexthop(w[1:])
			if err == nil && h.Dev == "" && !h.Gateway.IsValid() {
				err = fmt.Errorf("nexthop without via or dev")
			}
			if err != nil {
				return nil, errorf(f.name, n, "%v", err)
			}
			multi.Nexthops = append(multi.Nexthops, h)
			continue
		}
		if !reRoute.MatchString(l) {
			continue // a prompt, or an IPv6 route
		}
		r, err := parseRoute(w)
		if err != nil {
			return nil, errorf(f.name, n, "%v", err)
		}
		out = append(out, r)
		multi = nil
		if len(r.Nexthops) == 0 && r.Type == topology.Unicast {
			multi = r
		}
	}
	return out, nil
}

// ParseRoute reads one route as `ip route show table all` prints it: "10.0.0.0/8 via 10.0.1.1 dev eth0 table 7". Several
// next hops may stand behind it on the same line, as `ip route add` takes them: "… nexthop via 10.0.1.1 dev eth0 weight 1".
func ParseRoute(l string) (*topology.Route, error) {
	w := strings.Fields(l)
	if len(w) == 0 {
		return nil, fmt.Errorf("route %q: want `DESTINATION via … dev …`", l)
	}
	parts := [][]string{nil}
	for _, x := range w {
		if x == "nexthop" {
			parts = append(parts, nil)
			continue
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], x)
	}
	r, err := parseRoute(parts[0])
	if err != nil {
		return nil, err
	}
	if len(parts) > 1 && (r.Type != topology.Unicast || len(r.Nexthops) > 0) {
		return nil, fmt.Errorf("route %q: want nexthop on a unicast route without via and dev", l)
	}
	for _, p := range parts[1:] {
		h, err := parseNexthop(p)
		if err != nil {
			return nil, err
		}
		if h.Dev == "" && !h.Gateway.IsValid() {
			return nil, fmt.Errorf("route %q: nexthop without via or dev", l)
		}
		r.Nexthops = append(r.Nexthops, h)
	}
	return r, nil
}

// parseRoute reads the words of a route with one next hop or none: [type] dst, then words with values in any order.
func parseRoute(w []string) (*topology.Route, error) {
	if len(w) == 0 {
		return nil, fmt.Errorf("route without a destination")
	}
	r := &topology.Route{Type: topology.Unicast, Table: topology.TableMain}
	switch topology.RouteType(w[0]) {
	case topology.Unicast, topology.LocalRoute, topology.Broadcast, topology.Anycast, topology.Multicast,
		topology.Blackhole, topology.Unreachable, topology.Prohibit, topology.Throw:
		r.Type = topology.RouteType(w[0])
		w = w[1:]
	}
	if len(w) == 0 {
		return nil, fmt.Errorf("route without a destination")
	}
	dst, _, err := parseDst(w[0])
	if err != nil {
		return nil, err
	}
	r.Dst = dst
	var hop topology.Nexthop
	for i := 1; i < len(w); i++ {
		word := w[i]
		switch word {
		case "onlink":
			hop.OnLink = true
			continue
		case "dead":
			hop.Dead = true
			continue
		case "linkdown":
			hop.LinkDown = true
			continue
		case "via", "dev", "table", "proto", "scope", "src", "metric", "mtu", "tos", "dsfield":
		default:
			continue // a flag, or a word with a value that no decision hangs on (advmss 1460)
		}
		if i+1 >= len(w) {
			return nil, fmt.Errorf("route: %q without a value", word)
		}
		i++
		v := w[i]
		switch word {
		case "via":
			if v == "inet6" {
				return nil, fmt.Errorf("route %s via an IPv6 gateway is not traced", w[0])
			}
			hop.Gateway, err = parseIPv4(v)
		case "dev":
			hop.Dev = v
		case "table":
			r.Table, err = topology.ParseTable(v)
		case "proto":
			r.Protocol = v
		case "scope":
			r.Scope, err = topology.ParseScope(v)
		case "src":
			r.Src, err = parseIPv4(v)
		case "metric":
			var m uint64
			m, err = strconv.ParseUint(v, 10, 32)
			r.Metric = uint32(m)
		case "mtu":
			if v == "lock" && i+1 < len(w) {
				i++
				v = w[i]
			}
			r.MTU, err = parseMTU(v)
		case "tos", "dsfield":
			var m uint64
			m, err = strconv.ParseUint(v, 0, 8)
			r.TOS = uint8(m)
		}
		if err != nil {
			return nil, fmt.Errorf("route: %s %q: %v", word, v, err)
		}
	}
	if hop.Dev != "" || hop.Gateway.IsValid() {
		r.Nexthops = []topology.Nexthop{hop}
	}
	return r, nil
}

// parseIPv4 reads an address of the family that is traced.
func parseIPv4(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err == nil && !a.Is4() {
		err = fmt.Errorf("%q is not an IPv4 address", s)
	}
	return a, err
}

func parseMTU(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("want a number of bytes")
	}
	return int(n), nil
}

func parseNexthop(w []string) (topology.Nexthop, error) {
	var h topology.Nexthop
	var err error
	for i := 0; i < len(w); i++ {
		switch {
		case w[i] == "onlink":
			h.OnLink = true
		case w[i] == "dead":
			h.Dead = true
		case w[i] == "linkdown":
			h.LinkDown = true
		case i+1 < len(w):
			i++
			switch w[i-1] {
			case "via":
				h.Gateway, err = parseIPv4(w[i])
			case "dev":
				h.Dev = w[i]
			case "weight":
				h.Weight, err = strconv.Atoi(w[i])
			}
			if err != nil {
				return h, fmt.Errorf("nexthop: %s: %v", w[i-1], err)
			}
		}
	}
	return h, nil
}

func readRuleText(f file) ([]*topology.Rule, error) {
	var out []*topology.Rule
	for n, l := range lines(f) {
		if !reRule.MatchString(l) {
			continue
		}
		r, err := ParseRule(l)
		if err != nil {
			return nil, errorf(f.name, n, "%v", err)
		}
		out = append(out, r)
	}
	return out, nil
}

// ParseRule reads one line of `ip rule`: "1024:	from all fwmark 0x80/0x80 lookup main". A selector that the model
// does not know makes the rule a not-understood one; it is not an error.
func ParseRule(l string) (*topology.Rule, error) {
	prio, rest, ok := strings.Cut(l, ":")
	p, err := strconv.ParseUint(strings.TrimSpace(prio), 10, 32)
	if !ok || err != nil {
		return nil, fmt.Errorf("ip rule %q: want `priority: from …`", l)
	}
	r := &topology.Rule{Priority: uint32(p), Action: topology.ToTable, SuppressPrefixLength: -1}
	w := strings.Fields(rest)
	action := false
	for i := 0; i < len(w); i++ {
		word := w[i]
		switch word {
		case "not":
			r.Not = true
			continue
		case "[detached]", "[unresolved]":
			continue // what ip says of a device or goto target that is not there
		case "nop", "blackhole", "unreachable", "prohibit":
			r.Action, action = topology.RuleAction(word), true
			continue
		case "from", "to", "fwmark", "iif", "oif", "tos", "dsfield", "ipproto", "sport", "dport", "lookup", "table", "goto",
			"suppress_prefixlength", "proto", "protocol", "realms":
		default:
			r.NotUnderstood = strings.TrimSpace(r.NotUnderstood + " " + word)
			continue
		}
		if i+1 >= len(w) {
			return nil, fmt.Errorf("ip rule %q: %s without a value", strings.TrimSpace(l), word)
		}
		i++
		v := w[i]
		switch word {
		case "from":
			r.Src, err = prefixOrAll(v)
		case "to":
			r.Dst, err = prefixOrAll(v)
		case "fwmark":
			mark, mask, _ := strings.Cut(v, "/")
			err = setMark(r, mark, mask)
		case "iif":
			r.IIF = v
		case "oif":
			r.OIF = v
		case "tos", "dsfield":
			var m uint64
			m, err = strconv.ParseUint(v, 0, 8)
			r.TOS = uint8(m)
		case "ipproto":
			r.Protocol, err = packet.ParseProtocol(v)
		case "sport":
			r.SrcPorts, err = parsePorts(v)
		case "dport":
			r.DstPorts, err = parsePorts(v)
		case "lookup", "table":
			action = true
			if v == "[l3mdev-table]" { // the table of a VRF, by the device the packet belongs to
				r.NotUnderstood = strings.TrimSpace(r.NotUnderstood + " l3mdev")
				continue
			}
			r.Table, err = topology.ParseTable(v)
		case "goto":
			var m uint64
			action = true
			r.Action = topology.GotoRule
			m, err = strconv.ParseUint(v, 10, 32)
			r.Goto = uint32(m)
		case "suppress_prefixlength":
			r.SuppressPrefixLength, err = strconv.Atoi(v)
			r.SuppressPrefixLength = max(r.SuppressPrefixLength, -1)
		case "proto", "protocol":
			r.RuleProto = v
		}
		if err != nil {
			return nil, fmt.Errorf("ip rule: %s %q: %v", word, v, err)
		}
	}
	if !action {
		return nil, fmt.Errorf("ip rule %q: want `lookup TABLE`, `goto N` or an action at the end", strings.TrimSpace(l))
	}
	return r, nil
}

func prefixOrAll(s string) (netip.Prefix, error) {
	if s == "all" {
		return netip.Prefix{}, nil
	}
	p, v6, err := parseDst(s)
	if v6 {
		return p, fmt.Errorf("IPv6 is not traced")
	}
	return p, err
}

func parsePorts(s string) (topology.PortRange, error) {
	lo, hi, ok := strings.Cut(s, "-")
	if !ok {
		hi = lo
	}
	a, err := strconv.ParseUint(lo, 10, 16)
	if err != nil {
		return topology.PortRange{}, fmt.Errorf("port %q: want a number up to 65535", lo)
	}
	b, err := strconv.ParseUint(hi, 10, 16)
	if err != nil {
		return topology.PortRange{}, fmt.Errorf("port %q: want a number up to 65535", hi)
	}
	if a > b {
		return topology.PortRange{}, fmt.Errorf("ports %q: the first is larger than the last", s)
	}
	return topology.PortRange{From: uint16(a), To: uint16(b)}, nil
}

func readNeighText(f file) ([]topology.Neighbour, error) {
	out := []topology.Neighbour{}
	for n, l := range lines(f) {
		w := strings.Fields(l)
		ip, err := netip.ParseAddr(w[0])
		if err != nil || ip.Is6() {
			continue
		}
		e := topology.Neighbour{IP: ip}
		for i := 1; i < len(w); i++ {
			switch w[i] {
			case "dev", "lladdr":
				if i+1 >= len(w) {
					return nil, errorf(f.name, n, "neighbour: %s without a value", w[i])
				}
				i++
				if w[i-1] == "dev" {
					e.Dev = w[i]
				} else {
					e.MAC = w[i]
				}
			case "proxy":
				e.Proxy = true
			case "router", "extern_learn", "managed", "offload":
			default:
				e.State = w[i]
			}
		}
		if e.Dev == "" {
			return nil, errorf(f.name, n, "neighbour %v without dev", ip)
		}
		out = append(out, e)
	}
	return out, nil
}

func readFDBText(f file) ([]topology.FDBEntry, error) {
	out := []topology.FDBEntry{}
	for n, l := range lines(f) {
		w := strings.Fields(l)
		if _, err := packet.ParseMAC(w[0]); err != nil {
			continue
		}
		e := topology.FDBEntry{MAC: w[0]}
		for i := 1; i < len(w); i++ {
			switch w[i] {
			case "dev", "dst", "via", "master", "vlan":
				if i+1 >= len(w) {
					return nil, errorf(f.name, n, "fdb: %s without a value", w[i])
				}
				i++
				switch w[i-1] {
				case "dev":
					e.Dev = w[i]
				case "dst":
					a, err := netip.ParseAddr(w[i])
					if err != nil {
						return nil, errorf(f.name, n, "fdb: %v", err)
					}
					e.Dst = a
				case "via":
					e.Via = w[i]
				case "master":
					e.Master = w[i]
				case "vlan":
					e.VLAN, _ = strconv.Atoi(w[i])
				}
			case "self":
				e.Self = true
			case "permanent", "static":
				e.State = w[i]
			}
		}
		out = append(out, e)
	}
	return out, nil
}
