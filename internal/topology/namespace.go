package topology

import (
	"net/netip"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/netfilter"
)

// Namespace is one network namespace: everything that decides about a packet in it.
type Namespace struct {
	Name       string
	Kind       Kind
	Place      Place
	Interfaces []*Interface
	Rules      []*Rule  // in order of evaluation: by priority, then as given
	Routes     []*Route // of all tables, in the dump's order
	Neighbours []Neighbour
	FDB        []FDBEntry
	Sysctl     map[string]string // net.ipv4.ip_forward → 1
	Netfilter  *netfilter.Stack
	// Listeners are the sockets that answer; nil means that it is not known what listens here.
	Listeners []Listener

	ownRouting bool
	byName     map[string]*Interface
	tables     map[TableID]*Table
	local      *Table
}

// Listener is a socket that accepts a protocol on a port; an invalid address is 0.0.0.0.
type Listener struct {
	Protocol string
	Address  netip.Addr
	Port     uint16
}

// Neighbour is an entry of the ARP table, as `ip neigh` shows it.
type Neighbour struct {
	IP    netip.Addr
	Dev   string
	MAC   string
	State string // PERMANENT, REACHABLE, STALE, NOARP, FAILED …
	Proxy bool   // `ip neigh add proxy`: answered for others
}

// String is the entry as `ip neigh` prints it.
func (n Neighbour) String() string {
	s := n.IP.String() + " dev " + n.Dev
	if n.Proxy {
		return s + " proxy"
	}
	if n.MAC != "" {
		s += " lladdr " + n.MAC
	}
	return s + " " + n.State
}

// Valid says whether the entry gives a MAC that the kernel would use (NUD_VALID).
func (n Neighbour) Valid() bool {
	switch n.State {
	case "FAILED", "INCOMPLETE", "NONE", "":
		return false
	}
	return !n.Proxy && n.MAC != ""
}

// FDBEntry is a line of `bridge fdb`.
type FDBEntry struct {
	MAC    string
	Dev    string
	Dst    netip.Addr // vxlan: the tunnel's far end
	Via    string     // vxlan: the device that the outer packet has to leave by; "" for any
	Master string
	State  string // permanent, static, "" for learned
	Self   bool
	VLAN   int
}

// String is the entry as `bridge fdb` prints it (fdb_print in iproute2's bridge/fdb.c).
func (e FDBEntry) String() string {
	s := e.MAC + " dev " + e.Dev
	if e.Dst.IsValid() {
		s += " dst " + e.Dst.String()
	}
	if e.VLAN != 0 {
		s += " vlan " + strconv.Itoa(e.VLAN)
	}
	if e.Via != "" {
		s += " via " + e.Via
	}
	if e.Self {
		s += " self"
	}
	if e.Master != "" {
		s += " master " + e.Master
	}
	if e.State != "" {
		s += " " + e.State
	}
	return s
}

// ifaceSysctl are the per-interface switches, already joined with conf.all as the kernel joins them
// (IN_DEV_MAXCONF, IN_DEV_ORCONF and IN_DEV_ANDCONF in linux/inetdevice.h).
type ifaceSysctl struct {
	rpFilter     int
	forwarding   bool
	srcValidMark bool
	acceptLocal  bool
	routeLocal   bool
	proxyARP     bool
	arpIgnore    int
}

// RPFilter is the effective rp_filter: the larger of conf.all and conf.<dev>. 0 off, 1 strict, 2 loose.
func (i *Interface) RPFilter() int { return i.sysctl.rpFilter }

// Forwarding is conf.<dev>.forwarding.
func (i *Interface) Forwarding() bool { return i.sysctl.forwarding }

// SrcValidMark says whether the reverse path check uses the packet's mark.
func (i *Interface) SrcValidMark() bool { return i.sysctl.srcValidMark }

// AcceptLocal says whether packets with a local source address may come in.
func (i *Interface) AcceptLocal() bool { return i.sysctl.acceptLocal }

// RouteLocalnet says whether 127.0.0.0/8 may be routed.
func (i *Interface) RouteLocalnet() bool { return i.sysctl.routeLocal }

// ProxyARP says whether the interface answers ARP for addresses that are routed elsewhere.
func (i *Interface) ProxyARP() bool { return i.sysctl.proxyARP }

// ARPIgnore is the effective arp_ignore.
func (i *Interface) ARPIgnore() int { return i.sysctl.arpIgnore }

// Interface finds an interface by name; nil if there is none.
func (ns *Namespace) Interface(name string) *Interface {
	if ns.byName != nil {
		return ns.byName[name]
	}
	for _, i := range ns.Interfaces {
		if i.Name == name {
			return i
		}
	}
	return nil
}

// ConfName is the sysctl of an interface; sysctl(8) writes a dot in an interface's name as a slash.
func ConfName(dev, name string) string {
	return "net.ipv4.conf." + strings.ReplaceAll(dev, ".", "/") + "." + name
}

// conf reads net.ipv4.conf.<dev>.<name>; without a value for dev the default's counts, then the kernel's own.
func (ns *Namespace) conf(dev, name string, kernel int) int {
	for _, d := range []string{dev, "default"} {
		if v, err := strconv.Atoi(ns.Sysctl[ConfName(d, name)]); err == nil {
			return v
		}
	}
	return kernel
}

func (ns *Namespace) confAll(name string) int {
	v, err := strconv.Atoi(ns.Sysctl["net.ipv4.conf.all."+name])
	if err != nil {
		return 0
	}
	return v
}

// SetSysctl changes one switch, as sysctl -w does, and keeps what is derived from it in step. Only for a namespace
// that no trace uses yet.
func (ns *Namespace) SetSysctl(name, value string) {
	if ns.Sysctl == nil {
		ns.Sysctl = map[string]string{}
	}
	ns.Sysctl[name] = value
	ns.prepare()
}

// Renew derives the indexes again after rules, routes or addresses were changed. Only for a namespace that no trace uses yet.
func (ns *Namespace) Renew() { ns.prepare() }

// prepare derives the indexes. It is called once when the namespace is first handed out.
func (ns *Namespace) prepare() {
	if ns.Netfilter == nil {
		ns.Netfilter = &netfilter.Stack{}
	}
	ns.byName = make(map[string]*Interface, len(ns.Interfaces))
	forward := ns.Sysctl["net.ipv4.ip_forward"] == "1" || ns.confAll("forwarding") == 1
	for _, i := range ns.Interfaces {
		ns.byName[i.Name] = i
		fwd := 0
		if forward {
			fwd = 1
		}
		i.sysctl = ifaceSysctl{
			rpFilter:     max(ns.confAll("rp_filter"), ns.conf(i.Name, "rp_filter", 0)),
			forwarding:   ns.conf(i.Name, "forwarding", fwd) == 1,
			srcValidMark: ns.confAll("src_valid_mark")+ns.conf(i.Name, "src_valid_mark", 0) > 0,
			acceptLocal:  ns.confAll("accept_local")+ns.conf(i.Name, "accept_local", 0) > 0,
			routeLocal:   ns.confAll("route_localnet")+ns.conf(i.Name, "route_localnet", 0) > 0,
			proxyARP:     ns.confAll("proxy_arp")+ns.conf(i.Name, "proxy_arp", 0) > 0,
			arpIgnore:    max(ns.confAll("arp_ignore"), ns.conf(i.Name, "arp_ignore", 0)),
		}
	}
	if len(ns.Rules) == 0 {
		ns.Rules = DefaultRules()
	}
	sort.SliceStable(ns.Rules, func(a, b int) bool { return ns.Rules[a].Priority < ns.Rules[b].Priority })
	byTable := map[TableID][]*Route{TableLocal: nil}
	for _, r := range ns.Routes {
		byTable[r.Table] = append(byTable[r.Table], r)
	}
	ns.tables = make(map[TableID]*Table, len(byTable))
	for id, routes := range byTable {
		ns.tables[id] = newTable(id, routes)
	}
	ns.local = ns.tables[TableLocal]
	if ns.defaultRules() {
		// Until a rule is added, the kernel keeps main's routes in the same trie as local's (fib_new_table and fib_unmerge in
		// net/ipv4/fib_frontend.c): who asks table local finds both.
		ns.local = newTable(TableLocal, slices.Concat(byTable[TableLocal], byTable[TableMain]))
	}
	ns.ownRouting = ns.findOwnRouting()
}

// OwnRouting says whether the namespace has policy rules beside the kernel's three, or local routes beside those of its addresses:
// then the kernel looks a way back up for every source (fib_has_custom_rules, fib_has_custom_local_routes in netns/ipv4.h).
func (ns *Namespace) OwnRouting() bool { return ns.ownRouting }

func (ns *Namespace) findOwnRouting() bool {
	if !ns.defaultRules() {
		return true
	}
	return slices.ContainsFunc(ns.Routes, func(r *Route) bool { return r.Type == LocalRoute && (r.Table != TableLocal || r.Protocol != "kernel") })
}

// defaultRules says whether the namespace has the three rules alone that the kernel makes.
func (ns *Namespace) defaultRules() bool {
	return slices.EqualFunc(ns.Rules, DefaultRules(), func(a, b *Rule) bool { return a.String() == b.String() })
}

// Owns says whether an address is one of the namespace's interfaces'.
func (ns *Namespace) Owns(a netip.Addr) bool {
	for _, i := range ns.Interfaces {
		for _, x := range i.Addresses {
			if x.Prefix.Addr() == a {
				return true
			}
		}
	}
	return false
}

// Table gives a routing table by number; nil where no route of it was given.
func (ns *Namespace) Table(id TableID) *Table { return ns.tables[id] }

// PrimaryAddress is the first global address of the first interface that is not the loopback.
func (ns *Namespace) PrimaryAddress() netip.Addr {
	for _, i := range ns.Interfaces {
		if i.Kind == Loopback {
			continue
		}
		for _, a := range i.Addresses {
			if a.Scope == ScopeGlobal {
				return a.Prefix.Addr()
			}
		}
	}
	return netip.Addr{}
}
