package build

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/podpath/podpath/internal/topology"
)

// routeTypes are RTN_* by ip(8)'s words.
var routeTypes = map[topology.RouteType]int{
	topology.Unicast: unix.RTN_UNICAST, topology.LocalRoute: unix.RTN_LOCAL, topology.Broadcast: unix.RTN_BROADCAST, topology.Anycast: unix.RTN_ANYCAST,
	topology.Multicast: unix.RTN_MULTICAST, topology.Blackhole: unix.RTN_BLACKHOLE, topology.Unreachable: unix.RTN_UNREACHABLE,
	topology.Prohibit: unix.RTN_PROHIBIT, topology.Throw: unix.RTN_THROW,
}

// protocols are RTPROT_* by the names of rt_protos; any other is a number or, where it has none here, static.
var protocols = map[string]int{"kernel": unix.RTPROT_KERNEL, "boot": unix.RTPROT_BOOT, "static": unix.RTPROT_STATIC, "dhcp": unix.RTPROT_DHCP,
	"bird": unix.RTPROT_BIRD, "bgp": unix.RTPROT_BGP, "zebra": unix.RTPROT_ZEBRA}

func protocol(name string) int {
	if p, ok := protocols[name]; ok {
		return p
	}
	if p, err := strconv.ParseUint(name, 0, 8); err == nil {
		return int(p)
	}
	if name == "" {
		return unix.RTPROT_BOOT
	}
	return unix.RTPROT_STATIC
}

// routes makes the tables what the topology says they are.
func (n *Net) routes(ns *topology.Namespace) error {
	if err := n.localTable(ns); err != nil {
		return err
	}
	var todo []*topology.Route
	for _, r := range ns.Routes {
		if r.Table != topology.TableLocal {
			todo = append(todo, r)
		}
	}
	// A next hop must be reachable by a route that is there already (fib_check_nh), and a dump is not in that order.
	for len(todo) > 0 {
		var left []*topology.Route
		var first error
		for _, r := range todo {
			err := n.addRoute(ns, r, false)
			switch {
			case err == nil:
			case tolerated(err, unix.ENETUNREACH, unix.EINVAL, unix.EHOSTUNREACH):
				left = append(left, r)
				if first == nil {
					first = err
				}
			default:
				return fmt.Errorf("route %v: %w", r, err)
			}
		}
		if len(left) == len(todo) {
			return n.insist(ns, left)
		}
		todo = left
	}
	return nil
}

// insist adds routes whose next hop nothing reaches any more: they were added while something did, and stayed.
func (n *Net) insist(ns *topology.Namespace, routes []*topology.Route) error {
	for _, r := range routes {
		if err := n.addRoute(ns, r, true); err != nil {
			return fmt.Errorf("route %v: %w", r, err)
		}
	}
	return nil
}

func (n *Net) addRoute(ns *topology.Namespace, r *topology.Route, onlink bool) error {
	x := &netlink.Route{Table: int(r.Table), Type: routeTypes[r.Type], Scope: netlink.Scope(r.Scope), Protocol: netlink.RouteProtocol(protocol(r.Protocol)),
		Priority: int(r.Metric), Tos: int(r.TOS), MTU: r.MTU, Dst: ipNet(r.Dst), Family: unix.AF_INET}
	if r.Src.IsValid() {
		x.Src = ipOf(r.Src)
	}
	for i := range r.Nexthops {
		h := &r.Nexthops[i]
		if h.Dead {
			continue // what is down has no route in a running kernel
		}
		info := &netlink.NexthopInfo{Hops: max(h.Weight, 1) - 1}
		if h.Dev != "" {
			info.LinkIndex = n.devIndex(ns, h.Dev)
			if info.LinkIndex == 0 {
				return fmt.Errorf("its device %s is not there", h.Dev)
			}
		}
		if h.Gateway.IsValid() {
			info.Gw = ipOf(h.Gateway)
		}
		if h.OnLink || onlink && h.Gateway.IsValid() {
			info.Flags |= int(netlink.FLAG_ONLINK)
		}
		if len(r.Nexthops) == 1 {
			x.LinkIndex, x.Gw, x.Flags = info.LinkIndex, info.Gw, info.Flags
		} else {
			x.MultiPath = append(x.MultiPath, info)
		}
	}
	if r.Type == topology.Unicast && x.LinkIndex == 0 && len(x.MultiPath) == 0 {
		return nil
	}
	return n.spaces[ns.Name].Netlink().RouteAppend(x)
}

// devIndex is the index of a device of a namespace; 0 where there is none.
func (n *Net) devIndex(ns *topology.Namespace, dev string) int {
	if i := ns.Interface(dev); i != nil && i.Kind == topology.Loopback {
		return 1
	}
	return n.named[topology.Port{Namespace: ns.Name, Interface: dev}]
}

// localTable makes table local the topology's: the kernel has filled it with the addresses, and what was added or taken away
// by hand is done here. A topology that was not given the table has none of its routes.
func (n *Net) localTable(ns *topology.Namespace) error {
	want := map[string]*topology.Route{}
	for _, r := range ns.Routes {
		if r.Table == topology.TableLocal {
			want[localKey(r.Type, r.Dst, r.Dev(), int(r.Metric))] = r
		}
	}
	if len(want) == 0 {
		return nil
	}
	h := n.spaces[ns.Name].Netlink()
	have, err := h.RouteListFiltered(unix.AF_INET, &netlink.Route{Table: unix.RT_TABLE_LOCAL}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return fmt.Errorf("table local: %w", err)
	}
	for i := range have {
		r := &have[i]
		dst, ok := prefixOf(r)
		if !ok {
			continue
		}
		key := ""
		for word, t := range routeTypes {
			if t == r.Type {
				key = localKey(word, dst, n.nameOf(ns, r.LinkIndex), r.Priority)
			}
		}
		if want[key] != nil {
			delete(want, key)
			continue
		}
		if err := h.RouteDel(r); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("table local: taking %v away: %w", dst, err)
		}
	}
	for _, r := range ns.Routes {
		if r.Table != topology.TableLocal || want[localKey(r.Type, r.Dst, r.Dev(), int(r.Metric))] != r {
			continue
		}
		if dev := ns.Interface(r.Dev()); dev != nil && !dev.Up {
			continue // a device that is down has none
		}
		if err := n.addRoute(ns, r, false); err != nil && !tolerated(err, unix.EEXIST) {
			return fmt.Errorf("route %v: %w", r, err)
		}
	}
	return nil
}

// nameOf is a namespace's device with an index; "" where there is none.
func (n *Net) nameOf(ns *topology.Namespace, index int) string {
	if index == 1 { // LOOPBACK_IFINDEX in include/net/flow.h
		return "lo"
	}
	for p, i := range n.named {
		if p.Namespace == ns.Name && i == index {
			return p.Interface
		}
	}
	return ""
}

func localKey(t topology.RouteType, dst netip.Prefix, dev string, metric int) string {
	return fmt.Sprint(t, " ", dst, " ", dev, " ", metric)
}

func prefixOf(r *netlink.Route) (netip.Prefix, bool) {
	if r.Dst == nil {
		return netip.Prefix{}, false
	}
	a, ok := netip.AddrFromSlice(r.Dst.IP.To4())
	bits, _ := r.Dst.Mask.Size()
	return netip.PrefixFrom(a, bits), ok
}

// ruleActions are FR_ACT_* (uapi/linux/fib_rules.h).
var ruleActions = map[topology.RuleAction]uint8{topology.ToTable: nl.FR_ACT_TO_TBL, topology.GotoRule: nl.FR_ACT_GOTO, topology.NopRule: nl.FR_ACT_NOP,
	topology.BlackholeRule: nl.FR_ACT_BLACKHOLE, topology.UnreachableRule: nl.FR_ACT_UNREACHABLE, topology.ProhibitRule: nl.FR_ACT_PROHIBIT}

// rules takes the three away that the kernel makes, and adds the topology's in their order. Where these are the same three they
// stay: a kernel that has never been given a rule looks routes up in one table, local and main merged, and is the faster for it
// (fib_has_custom_rules in net/ipv4/fib_rules.c).
func (n *Net) rules(ns *topology.Namespace) error {
	if slices.EqualFunc(ns.Rules, topology.DefaultRules(), func(a, b *topology.Rule) bool { return *a == *b }) {
		return nil
	}
	h := n.spaces[ns.Name].Netlink()
	have, err := h.RuleList(unix.AF_INET)
	if err != nil {
		return fmt.Errorf("rules: %w", err)
	}
	for i := range have {
		if err := h.RuleDel(&have[i]); err != nil {
			return fmt.Errorf("rule %d: taking it away: %w", have[i].Priority, err)
		}
	}
	for _, r := range ns.Rules {
		if r.NotUnderstood != "" {
			return fmt.Errorf("rule %v: the model does not understand it, so it is not built", r)
		}
		if err := h.RuleAdd(kernelRule(r)); err != nil {
			return fmt.Errorf("rule %v: %w", r, err)
		}
	}
	return nil
}

func kernelRule(r *topology.Rule) *netlink.Rule {
	x := netlink.NewRule()
	x.Family, x.Priority, x.Type, x.Invert = unix.AF_INET, int(r.Priority), ruleActions[r.Action], r.Not
	x.Tos, x.IifName, x.OifName, x.IPProto = uint(r.TOS), r.IIF, r.OIF, int(r.Protocol)
	if r.Action == topology.ToTable {
		x.Table, x.SuppressPrefixlen = int(r.Table), r.SuppressPrefixLength
	}
	if r.Action == topology.GotoRule {
		x.Goto = int(r.Goto)
	}
	if r.Src.IsValid() {
		x.Src = ipNet(r.Src)
	}
	if r.Dst.IsValid() {
		x.Dst = ipNet(r.Dst)
	}
	if r.HasMark {
		x.Mark, x.Mask = r.Mark, &r.Mask
	}
	ports := func(p topology.PortRange) *netlink.RulePortRange {
		if p == (topology.PortRange{}) {
			return nil
		}
		return netlink.NewRulePortRange(p.From, p.To)
	}
	x.Sport, x.Dport = ports(r.SrcPorts), ports(r.DstPorts)
	return x
}
