package fuzz

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/snapshot"
	"github.com/podpath/podpath/internal/topology"
)

// Edit is one change to a namespace, a line of a case:
//
//	node-a: sysctl net.ipv4.conf.ens5.rp_filter=1
//	node-a: rule 1500:	from all fwmark 0x1 lookup 77          as `ip rule` prints it
//	node-a: route default via 10.0.1.1 dev ens5 table 77     as `ip route show table all` prints it
//	node-a: address 10.9.0.1/24 dev ens5
//	node-a: iptables -t mangle -A PREROUTING -j MARK --set-xmark 0x1/0x1
type Edit struct {
	Namespace string
	Verb      string // sysctl, rule, route, address, iptables
	Text      string // what stands behind the verb
}

// Verbs are what an edit can do.
var Verbs = []string{"sysctl", "rule", "route", "address", "iptables"}

// ParseEdit reads a line of a case's edits.
func ParseEdit(l string) (Edit, error) {
	ns, rest, ok := strings.Cut(l, ": ")
	verb, text, _ := strings.Cut(rest, " ")
	if ok && ns != "" {
		for _, v := range Verbs {
			if v == verb && text != "" {
				return Edit{ns, verb, text}, nil
			}
		}
	}
	return Edit{}, fmt.Errorf("edit %q: want NAMESPACE: and one of %s with what to change", l, strings.Join(Verbs, ", "))
}

// ApplyEdits changes a topology that no trace has used yet, line by line.
func ApplyEdits(t *topology.Topology, edits []string) error {
	ruled := map[string]*topology.Namespace{}
	for n, l := range edits {
		e, err := ParseEdit(l)
		if err == nil {
			err = e.apply(t, ruled)
		}
		if err != nil {
			return fmt.Errorf("edits:%d: %s: %w", n+1, l, err)
		}
	}
	for _, ns := range ruled {
		f := ns.Netfilter
		six := f.Rules6
		ns.Netfilter = netfilter.NewAfter(f.NativeFirst, f.Rules, f.Native, f.Sets)
		ns.Netfilter.Rules6 = six
	}
	return nil
}

func (e *Edit) apply(t *topology.Topology, ruled map[string]*topology.Namespace) error {
	ns, err := t.Namespace(e.Namespace)
	if err != nil {
		return err
	}
	switch e.Verb {
	case "sysctl":
		return e.sysctl(ns)
	case "rule":
		r, err := snapshot.ParseRule(e.Text)
		if err != nil {
			return err
		}
		ns.Rules = append(ns.Rules, r)
	case "route":
		r, err := snapshot.ParseRoute(e.Text)
		if err != nil {
			return err
		}
		for _, h := range r.Nexthops {
			if ns.Interface(h.Dev) == nil {
				return fmt.Errorf("namespace %s has no device %q", ns.Name, h.Dev)
			}
		}
		ns.Routes = append(ns.Routes, r)
	case "address":
		if err := e.address(ns); err != nil {
			return err
		}
	case "iptables":
		if ns.Netfilter.Rules == nil {
			ns.Netfilter.Rules = &iptables.Ruleset{}
		}
		ruled[ns.Name] = ns
		return ns.Netfilter.Rules.Apply("iptables " + e.Text)
	}
	ns.Renew()
	return nil
}

// sysctl sets a switch as `sysctl -w` does. Two of them the kernel hands on: ip_forward and conf.all.forwarding are one, and
// writing either sets forwarding of every device (inet_forward_change in net/ipv4/devinet.c).
func (e *Edit) sysctl(ns *topology.Namespace) error {
	k, v, ok := strings.Cut(e.Text, "=")
	if !ok || !strings.HasPrefix(k, "net.") {
		return fmt.Errorf("want net.…=value")
	}
	ns.SetSysctl(k, v)
	if k == "net.ipv4.ip_forward" || k == "net.ipv4.conf.all.forwarding" {
		ns.SetSysctl("net.ipv4.ip_forward", v)
		ns.SetSysctl("net.ipv4.conf.all.forwarding", v)
		for _, i := range ns.Interfaces {
			ns.SetSysctl(topology.ConfName(i.Name, "forwarding"), v)
		}
	}
	return nil
}

// address adds an address with the routes that the kernel makes for it (fib_add_ifaddr in net/ipv4/fib_frontend.c). Only for
// one in a subnet that the device has no address of: others would be secondary ones.
func (e *Edit) address(ns *topology.Namespace) error {
	w := strings.Fields(e.Text)
	if len(w) != 3 || w[1] != "dev" {
		return fmt.Errorf("want ADDRESS/LENGTH dev DEVICE")
	}
	p, err := netip.ParsePrefix(w[0])
	if err != nil || !p.Addr().Is4() {
		return fmt.Errorf("%q: want an IPv4 address with its prefix length", w[0])
	}
	i := ns.Interface(w[2])
	if i == nil {
		return fmt.Errorf("namespace %s has no device %q", ns.Name, w[2])
	}
	for _, a := range i.Addresses {
		if a.Prefix.Masked() == p.Masked() {
			return fmt.Errorf("%s has %v in the same subnet (want another subnet)", i.Name, a.Prefix)
		}
	}
	a := topology.Address{Prefix: p}
	if p.Bits() < 31 {
		a.Broadcast = topology.BroadcastOf(p)
	}
	i.Addresses = append(i.Addresses, a)
	ns.Routes = append(ns.Routes, topology.LocalRoutes(p, i.Name)...)
	if p.Bits() < 32 {
		ns.Routes = append(ns.Routes, topology.ConnectedRoute(p, i.Name))
	}
	return nil
}
