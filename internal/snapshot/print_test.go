package snapshot

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/podpath/podpath/internal/topology"
)

// joined is one line each, as a command prints a list.
func joined[T fmt.Stringer](list []T) string {
	var b strings.Builder
	for _, x := range list {
		b.WriteString(x.String() + "\n")
	}
	return b.String()
}

// addrText prints interfaces as `ip -d addr` does, as far as they are read: a test's own printer, so that what is read can
// be printed and read again.
func addrText(list []*topology.Interface) string {
	var b strings.Builder
	for _, i := range list {
		name := i.Name
		switch {
		case i.LinkIndex != 0:
			name += fmt.Sprintf("@if%d", i.LinkIndex)
		case i.Parent != "":
			name += "@" + i.Parent
		}
		flags := []string{"BROADCAST"}
		if i.Kind == topology.Loopback {
			flags[0] = "LOOPBACK"
		}
		if i.Up {
			flags = append(flags, "UP", "LOWER_UP")
		}
		if i.Promisc {
			flags = append(flags, "PROMISC")
		}
		fmt.Fprintf(&b, "%d: %s: <%s> mtu %d qdisc noqueue", i.Index, name, strings.Join(flags, ","), i.MTU)
		if i.Master != "" {
			b.WriteString(" master " + i.Master)
		}
		link := "link/ether " + i.MAC.String()
		switch i.Kind {
		case topology.Loopback:
			link = "link/loopback 00:00:00:00:00:00"
		case topology.IPIP:
			link = "link/ipip 0.0.0.0"
		}
		b.WriteString(" state UP\n    " + link + " brd ff:ff:ff:ff:ff:ff")
		if i.LinkNetNS >= 0 {
			fmt.Fprintf(&b, " link-netnsid %d", i.LinkNetNS)
		}
		b.WriteByte('\n')
		switch i.Kind {
		case topology.VLAN:
			fmt.Fprintf(&b, "    vlan protocol 802.1Q id %d <REORDER_HDR>\n", i.VLANID)
		case topology.VXLAN, topology.IPIP:
			b.WriteString(tunnelText(i))
		case topology.Bridge:
			nf := 0
			if i.CallIPTables {
				nf = 1
			}
			fmt.Fprintf(&b, "    bridge forward_delay 1500 nf_call_iptables %d nf_call_ip6tables 0\n", nf)
		case topology.Veth, topology.MACVLAN, topology.Dummy:
			fmt.Fprintf(&b, "    %s addrgenmode eui64\n", i.Kind)
		}
		for _, a := range i.Addresses {
			fmt.Fprintf(&b, "    inet %s", a.Prefix)
			if a.Broadcast.IsValid() {
				fmt.Fprintf(&b, " brd %s", a.Broadcast)
			}
			fmt.Fprintf(&b, " scope %s", a.Scope)
			if a.Secondary {
				b.WriteString(" secondary")
			}
			fmt.Fprintf(&b, " %s\n       valid_lft forever preferred_lft forever\n", i.Name)
		}
	}
	return b.String()
}

// tunnelText is the line of `ip -d` for a tunnel device; nothing where the dump did not say.
func tunnelText(i *topology.Interface) string {
	t := i.Tunnel
	if t == nil {
		return ""
	}
	ttl := "auto"
	if i.Kind == topology.IPIP {
		ttl = "inherit"
	}
	if t.TTL != 0 {
		ttl = fmt.Sprint(t.TTL)
	}
	end := func(word string, a netip.Addr) string {
		if a.IsValid() {
			return " " + word + " " + a.String()
		}
		if i.Kind == topology.IPIP {
			return " " + word + " any"
		}
		return ""
	}
	dev := ""
	if t.Dev != "" {
		dev = " dev " + t.Dev
	}
	if i.Kind == topology.IPIP {
		pmtu := "nopmtudisc"
		if t.DF == "set" {
			pmtu = "pmtudisc"
		}
		return "    ipip any" + end("remote", t.Remote) + end("local", t.Local) + dev + " ttl " + ttl + " " + pmtu + "\n"
	}
	learning := ""
	if !t.Learning {
		learning = " nolearning"
	}
	df := ""
	if t.DF != "" {
		df = " df " + t.DF
	}
	return fmt.Sprintf("    vxlan id %d%s%s%s srcport 0 0 dstport %d%s ttl %s%s ageing 300 udpcsum\n", t.VNI, end("remote", t.Remote), end("local", t.Local), dev,
		t.Port, learning, ttl, df)
}
