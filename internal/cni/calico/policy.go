package calico

import (
	"fmt"
	"net/netip"
)

// chains writes the policy's chain in one direction.
func (p *policy) chains(w *writer, sets *sets, d direction) {
	list, word := p.in, "ingress"
	if d.egress {
		list, word = p.out, "egress"
	}
	var rules []rule
	for _, a := range list {
		rules = append(rules, a.rules(sets)...)
	}
	for len(rules) > 0 && rules[len(rules)-1].returns() {
		rules = rules[:len(rules)-1] // a chain returns at its end by itself
	}
	if len(rules) == 0 {
		rules = []rule{{}} // only to say whose the chain is: nothing is let through
	}
	rules[0] = rules[0].saying(fmt.Sprintf("%s %s/%s %s", kindKNP, p.namespace, p.name, word))
	w.chain("filter", chainName(d.policy, p.id()), rules...)
}

// rules are those of one rule of a policy (ProtoRuleToIptablesRules, felix/rules/policy.go). What one iptables rule cannot
// say is said by blocks of rules before it, which leave their answer in a bit.
func (a allow) rules(sets *sets) []rule {
	var b blocks
	peer := source
	if a.to {
		peer = destination
	}
	nets, but, ok := a.v4()
	if !ok {
		return nil // for the other IP version
	}
	ports, named := splitPorts(a.ports), a.namedSets(sets)
	if len(ports)+len(named) > 1 {
		b.ports(a.protocol, ports, named)
		ports, named = nil, nil
	}
	if len(nets)+len(but) > 1 {
		b.none(peer, but)
		but = nil
	}
	var match []fragment
	add := func(f ...fragment) { match = append(match, f...) }
	if a.protocol != "" {
		add(protocol(a.protocol))
	}
	for _, n := range nets {
		add(peer.net(n))
	}
	// With named ports alone the peer is in their sets already, where it is the side that the ports are of.
	if a.peer != nil && (!a.to || len(a.named) == 0 || len(a.ports) > 0) {
		add(peer.set(sets.selector(*a.peer)))
	}
	for _, p := range ports {
		add(destination.ports(p...))
	}
	for _, set := range named {
		add(destination.ipPortSet(set))
	}
	if b.used {
		add(markSet(markScratch0))
	}
	return append(b.rules, to(setMark(markAccept), match...), to(returning, markSet(markAccept)))
}

// v4 are the peer's prefixes that are IPv4; false where there are prefixes and all are IPv6.
func (a allow) v4() (nets, but []netip.Prefix, ok bool) {
	only := func(list []netip.Prefix) []netip.Prefix {
		var out []netip.Prefix
		for _, p := range list {
			if p.Addr().Is4() {
				out = append(out, p)
			}
		}
		return out
	}
	nets, but = only(a.nets), only(a.notNets)
	return nets, but, (len(a.nets) == 0 || len(nets) > 0) && (len(a.notNets) == 0 || len(but) > 0)
}

// namedSets are the sets of the rule's named ports, of the peer's pods where these are who is sent to.
func (a allow) namedSets(sets *sets) []string {
	var whose selector
	if a.to && a.peer != nil {
		whose = *a.peer
	}
	var out []string
	for _, name := range a.named {
		out = append(out, sets.namedPort(whose, a.protocol, name))
	}
	return out
}

// blocks are rules before a rule that say together what it cannot (matchBlockBuilder). The first bit is set as long as
// all blocks so far hold; the second is for a positive block that is not the first, which a NetworkPolicy never has: it has
// one list of ports, and its peers are rules of their own.
type blocks struct {
	rules []rule
	used  bool
}

// start clears both bits, or sets the first for a block that takes it away.
func (b *blocks) start(bits uint32) {
	if !b.used {
		b.rules = append(b.rules, to(setMaskedMark(bits, markScratch0|markScratch1)))
	}
	b.used = true
}

// ports holds for a packet to any of the ports.
func (b *blocks) ports(proto string, ports [][]portRange, named []string) {
	b.start(0)
	for _, p := range ports {
		var match []fragment
		if proto != "" {
			match = append(match, protocol(proto))
		}
		b.rules = append(b.rules, to(setMark(markScratch0), append(match, destination.ports(p...))...))
	}
	for _, set := range named {
		b.rules = append(b.rules, to(setMark(markScratch0), destination.ipPortSet(set)))
	}
}

// none holds for a packet of none of the prefixes.
func (b *blocks) none(s side, but []netip.Prefix) {
	b.start(markScratch0)
	for _, p := range but {
		b.rules = append(b.rules, to(clearMark(markScratch0), s.net(p)))
	}
}
