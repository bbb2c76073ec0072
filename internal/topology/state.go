package topology

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// State prints a part of the namespace as the kernel's own tools would: addresses (`ip addr`), rules, routes,
// neighbours, iptables (`iptables-save`), ip6tables, nft (`nft list ruleset`, without iptables-nft's own tables), ipsets. It is ""
// for what there is none of.
func (ns *Namespace) State(part string) string {
	var b strings.Builder
	switch part {
	case "addresses":
		for _, i := range ns.Interfaces {
			ns.writeAddress(&b, i)
		}
	case "rules":
		for _, r := range ns.Rules {
			b.WriteString(r.String() + "\n")
		}
	case "routes":
		for _, r := range ns.Routes {
			b.WriteString(r.String() + "\n")
		}
	case "neighbours":
		for _, n := range ns.Neighbours {
			b.WriteString(n.String() + "\n")
		}
	case "iptables":
		if ns.Netfilter.Rules != nil {
			return ns.Netfilter.Rules.String()
		}
	case "ip6tables":
		if ns.Netfilter.Rules6 != nil {
			return ns.Netfilter.Rules6.String()
		}
	case "nft":
		if ns.Netfilter.Native != nil {
			return ns.Netfilter.Native.String()
		}
	case "ipsets":
		for _, name := range slices.Sorted(maps.Keys(ns.Netfilter.Sets)) {
			s := ns.Netfilter.Sets[name]
			fmt.Fprintf(&b, "create %s %s\n", s.Name, s.Type)
			for _, m := range s.Members() {
				fmt.Fprintf(&b, "add %s %s\n", s.Name, m)
			}
		}
	}
	return b.String()
}

// writeAddress prints an interface as `ip addr` does, without what decides nothing (queue lengths, lifetimes).
func (ns *Namespace) writeAddress(b *strings.Builder, i *Interface) {
	name := i.Name
	switch {
	case i.Parent != "":
		name += "@" + i.Parent
	case i.LinkIndex != 0:
		name += fmt.Sprintf("@if%d", i.LinkIndex)
	}
	flags, state, link := "BROADCAST,MULTICAST", "DOWN", "link/ether "+i.MAC.String()+" brd ff:ff:ff:ff:ff:ff"
	if i.Up {
		flags, state = flags+",UP,LOWER_UP", "UP"
	}
	if i.Kind == Loopback {
		flags, state, link = "LOOPBACK,UP,LOWER_UP", "UNKNOWN", "link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00"
	}
	fmt.Fprintf(b, "%d: %s: <%s> mtu %d state %s\n    %s\n", i.Index, name, flags, i.MTU, state, link)
	for _, a := range i.Addresses {
		fmt.Fprintf(b, "    inet %v", a.Prefix)
		if a.Broadcast.IsValid() {
			fmt.Fprintf(b, " brd %v", a.Broadcast)
		}
		fmt.Fprintf(b, " scope %v %s\n", a.Scope, i.Name)
	}
}
