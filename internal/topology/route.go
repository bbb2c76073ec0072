package topology

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// TableID numbers a routing table (RT_TABLE_* in uapi/linux/rtnetlink.h).
type TableID uint32

// The tables that the kernel makes.
const (
	TableDefault TableID = 253
	TableMain    TableID = 254
	TableLocal   TableID = 255
)

// String is the name that ip(8) prints: main, local, default, or the number.
func (t TableID) String() string {
	switch t {
	case TableDefault:
		return "default"
	case TableMain:
		return "main"
	case TableLocal:
		return "local"
	}
	return strconv.FormatUint(uint64(t), 10)
}

// ParseTable reads a table's name or number.
func ParseTable(s string) (TableID, error) {
	switch s {
	case "default":
		return TableDefault, nil
	case "main":
		return TableMain, nil
	case "local":
		return TableLocal, nil
	}
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("routing table %q: want main, local, default or a number", s)
	}
	return TableID(n), nil
}

// Scope is how far an address or route reaches (RT_SCOPE_*).
type Scope uint8

// The scopes.
const (
	ScopeGlobal  Scope = 0
	ScopeSite    Scope = 200
	ScopeLink    Scope = 253
	ScopeHost    Scope = 254
	ScopeNowhere Scope = 255
)

// String is ip(8)'s word.
func (s Scope) String() string {
	switch s {
	case ScopeGlobal:
		return "global"
	case ScopeSite:
		return "site"
	case ScopeLink:
		return "link"
	case ScopeHost:
		return "host"
	case ScopeNowhere:
		return "nowhere"
	}
	return strconv.Itoa(int(s))
}

// ParseScope reads ip(8)'s word or a number.
func ParseScope(s string) (Scope, error) {
	for _, v := range []Scope{ScopeGlobal, ScopeSite, ScopeLink, ScopeHost, ScopeNowhere} {
		if v.String() == s {
			return v, nil
		}
	}
	n, err := strconv.ParseUint(s, 10, 8)
	if err != nil {
		return 0, fmt.Errorf("scope %q: want global, site, link, host or a number", s)
	}
	return Scope(n), nil
}

// RouteType is what a route does with what it matches (RTN_*).
type RouteType string

// The route types, as ip(8) writes them.
const (
	Unicast     RouteType = "unicast"
	LocalRoute  RouteType = "local"
	Broadcast   RouteType = "broadcast"
	Anycast     RouteType = "anycast"
	Multicast   RouteType = "multicast"
	Blackhole   RouteType = "blackhole"
	Unreachable RouteType = "unreachable"
	Prohibit    RouteType = "prohibit"
	Throw       RouteType = "throw"
)

// Nexthop is one way a route can go.
type Nexthop struct {
	Gateway netip.Addr
	Dev     string
	Weight  int // 1 and up; the share of flows, of several next hops
	OnLink  bool
	Dead    bool // passed over (RTNH_F_DEAD)
	// LinkDown says that the device has no carrier. Such a hop is used all the same, unless the sysctl
	// ignore_routes_with_linkdown is on; then the kernel's dump calls it dead too (fib_nexthop_info).
	LinkDown bool
}

// Route is one line of `ip route`.
type Route struct {
	Type     RouteType
	Dst      netip.Prefix // 0.0.0.0/0 for default
	TOS      uint8
	Table    TableID
	Metric   uint32
	Protocol string // kernel, boot, static, dhcp, bird …; "" is boot, as text output leaves it out
	Scope    Scope
	Src      netip.Addr // preferred source
	MTU      int
	Nexthops []Nexthop // one, or several for ECMP; none for blackhole and its like
}

// Dev is the device of the first next hop.
func (r *Route) Dev() string {
	if len(r.Nexthops) == 0 {
		return ""
	}
	return r.Nexthops[0].Dev
}

// String prints the route as `ip route show table all` does, without the trailing blank.
func (r *Route) String() string {
	var b strings.Builder
	if r.Type != Unicast {
		b.WriteString(string(r.Type))
		b.WriteByte(' ')
	}
	switch {
	case r.Dst.Bits() == 0:
		b.WriteString("default")
	case r.Dst.IsSingleIP():
		b.WriteString(r.Dst.Addr().String())
	default:
		b.WriteString(r.Dst.String())
	}
	if r.TOS != 0 {
		fmt.Fprintf(&b, " tos %#x", r.TOS)
	}
	if len(r.Nexthops) == 1 {
		writeNexthop(&b, r.Nexthops[0])
	}
	if r.Table != TableMain {
		b.WriteString(" table " + r.Table.String())
	}
	if r.Protocol != "" && r.Protocol != "boot" {
		b.WriteString(" proto " + r.Protocol)
	}
	if r.Scope != ScopeGlobal {
		b.WriteString(" scope " + r.Scope.String())
	}
	if r.Src.IsValid() {
		b.WriteString(" src " + r.Src.String())
	}
	if r.Metric != 0 {
		fmt.Fprintf(&b, " metric %d", r.Metric)
	}
	if len(r.Nexthops) == 1 {
		writeFlags(&b, r.Nexthops[0])
	}
	if r.MTU != 0 {
		fmt.Fprintf(&b, " mtu %d", r.MTU)
	}
	if len(r.Nexthops) > 1 {
		for _, n := range r.Nexthops {
			b.WriteString("\n\tnexthop")
			writeNexthop(&b, n)
			fmt.Fprintf(&b, " weight %d", max(n.Weight, 1))
			writeFlags(&b, n)
		}
	}
	return b.String()
}

// writeFlags prints in the order of print_rt_flags in iproute2's iproute.c.
func writeFlags(b *strings.Builder, n Nexthop) {
	if n.Dead {
		b.WriteString(" dead")
	}
	if n.OnLink {
		b.WriteString(" onlink")
	}
	if n.LinkDown {
		b.WriteString(" linkdown")
	}
}

func writeNexthop(b *strings.Builder, n Nexthop) {
	if n.Gateway.IsValid() {
		b.WriteString(" via " + n.Gateway.String())
	}
	if n.Dev != "" {
		b.WriteString(" dev " + n.Dev)
	}
}
