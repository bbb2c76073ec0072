package build

import (
	"fmt"
	"hash/crc32"
	"net/netip"
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

func crc(s string) uint32 { return crc32.ChecksumIEEE([]byte(s)) }

// rules are the router's, as nft reads them. In the order in which a packet meets them: where it came from (ingress), the
// source check and the egress groups of its card, load balancers, and behind all translation the ingress groups and the
// destination check of the card that it goes to; then the frame's sender (egress).
func (x *fabric) rules() string {
	var b strings.Builder
	b.WriteString(silent)
	x.links(&b)
	b.WriteString("table ip fabric {\n")
	x.egress(&b)
	x.balancers(&b)
	x.ingress(&b)
	b.WriteString("}\n")
	return b.String()
}

// links is layer 2 as far as a VPC has one: a frame for another card of the subnet goes there, though the router takes it in
// hand, and comes with the sender's MAC.
func (x *fabric) links(b *strings.Builder) {
	b.WriteString("table netdev fabric {\n")
	n := 0
	for _, c := range x.f.Cards {
		dev, ok := x.ports[c]
		if !ok {
			continue
		}
		s := x.f.Subnet(c.Subnet)
		n++
		fmt.Fprintf(b, "\tchain in%d { type filter hook ingress device %q priority 0; policy accept;\n\t\tmeta mark set %d\n", n, dev, x.marks[c])
		for o := range x.ports {
			if o != c && o.Subnet == c.Subnet {
				fmt.Fprintf(b, "\t\tether daddr %v ip daddr != %v meta mark set 0x%x\n", o.MAC, s.CIDR.Masked(), x.marks[o]<<cardShift|x.marks[c])
			}
		}
		fmt.Fprintf(b, "\t\tether type ip ether daddr != %v ether daddr set %v meta pkttype set host\n\t}\n", s.RouterMAC, s.RouterMAC)
		fmt.Fprintf(b, "\tchain out%d { type filter hook egress device %q priority 0; policy accept;\n", n, dev)
		for _, o := range x.f.Cards {
			if o != c && o.Subnet == c.Subnet {
				fmt.Fprintf(b, "\t\tether type ip meta mark and 0xffff == %d ether saddr set %v\n", x.marks[o], o.MAC)
			}
		}
		b.WriteString("\t}\n")
	}
	b.WriteString("}\n")
}

// set is a set of addresses and prefixes as nft writes it.
func set(of []netip.Prefix) string {
	var out []string
	for _, p := range of {
		if p.IsSingleIP() {
			out = append(out, p.Addr().String())
		} else {
			out = append(out, p.Masked().String())
		}
	}
	slices.Sort(out)
	return "{ " + strings.Join(slices.Compact(out), ", ") + " }"
}

// egress is what the router asks of a packet that a card sends. The TTL that a router takes is given back before it does.
func (x *fabric) egress(b *strings.Builder) {
	fmt.Fprintf(b, "\tchain sent { type filter hook prerouting priority -140; policy accept;\n")
	for _, c := range x.f.Cards {
		dev, ok := x.ports[c]
		if ok && c.SourceCheck {
			fmt.Fprintf(b, "\t\tiifname %q ip saddr != %s drop\n", dev, set(owned(c)))
		}
	}
	for _, c := range x.f.Cards {
		if dev, ok := x.ports[c]; ok && len(c.Groups) > 0 {
			fmt.Fprintf(b, "\t\tiifname %q jump egress-%d\n", dev, x.marks[c])
		}
		if c.Balancer != nil && len(c.Groups) > 0 {
			fmt.Fprintf(b, "\t\tip daddr %s jump ingress-%d\n", set(owned(c)), x.marks[c])
		}
	}
	b.WriteString("\t}\n")
	for _, c := range x.f.Cards {
		if len(c.Groups) > 0 {
			x.group(b, c, false)
			x.group(b, c, true)
		}
	}
}

// groupBits gives every card that has security groups a bit of a connection's mark, of which there are 32 (u_int32_t mark in struct
// nf_conn). Two cards that shared one would let through what only the other has seen.
func groupBits(cards []*topology.ENICard) (map[*topology.ENICard]uint32, error) {
	const bits = 32
	out := map[*topology.ENICard]uint32{}
	for _, c := range cards {
		if len(c.Groups) == 0 {
			continue
		}
		if len(out) == bits {
			return nil, fmt.Errorf("card %s: more than %d cards have security groups: the lab tells their connections apart by the bits of a mark, and has no more", c.ID, bits)
		}
		out[c] = 1 << len(out)
	}
	return out, nil
}

// group is the chain of a card's security groups in one direction: what none of them lets through is dropped. A card lets through
// what belongs to a connection that it let through itself, by the card's bit of the connection's mark.
func (x *fabric) group(b *strings.Builder, c *topology.ENICard, ingress bool) {
	name, side := "egress", "daddr"
	if ingress {
		name, side = "ingress", "saddr"
	}
	bit := x.bits[c]
	fmt.Fprintf(b, "\tchain %s-%d {\n\t\tct state established,related ct mark and 0x%x != 0 return\n", name, x.marks[c], bit)
	for _, id := range c.Groups {
		g := x.f.Group(id)
		if g == nil {
			continue
		}
		rules := g.Egress
		if ingress {
			rules = g.Ingress
		}
		for _, r := range rules {
			far := []netip.Prefix{r.CIDR}
			if r.Group != "" {
				far = nil
				for _, o := range x.f.Cards {
					if slices.Contains(o.Groups, r.Group) {
						far = append(far, owned(o)...)
					}
				}
				if len(far) == 0 {
					continue
				}
			}
			fmt.Fprintf(b, "\t\tip %s %s%s ct mark set ct mark or 0x%x return\n", side, set(far), ports(&r), bit)
		}
	}
	b.WriteString("\t\tdrop\n\t}\n")
}

// ports is the protocol and port range of a group's rule.
func ports(r *topology.GroupRule) string {
	if r.Protocol == 0 {
		return ""
	}
	if (r.Protocol == packet.TCP || r.Protocol == packet.UDP) && (r.FromPort != 0 || r.ToPort != 0) {
		return fmt.Sprintf(" %v dport %d-%d", r.Protocol, r.FromPort, r.ToPort)
	}
	return fmt.Sprintf(" meta l4proto %d", uint8(r.Protocol))
}

// balancers rewrites what load balancers take: the first target that a node of theirs reaches, which is also the tracer's. What
// they have no listener for ends here. An answer needs no rule: the connection's entry takes it back.
func (x *fabric) balancers(b *strings.Builder) {
	var dnat, snat, marks, mine strings.Builder
	for _, lb := range x.f.Balancers {
		for _, n := range lb.Nodes {
			at := set(owned(n.Card))
			fmt.Fprintf(&mine, "\t\tip daddr %s drop\n", at)
			fmt.Fprintf(&marks, "\t\tct original ip daddr %s ct status dnat meta mark set 0x%x\n", n.Card.Primary, balancedMark<<cardShift|x.marks[n.Card])
			for _, l := range lb.Listeners {
				targets := lb.Reachable(n, l)
				if len(targets) == 0 {
					continue
				}
				fmt.Fprintf(&dnat, "\t\tip daddr %v %v dport %d dnat to %v:%d\n", n.Card.Primary, l.Protocol, l.Port, targets[0].Address, targets[0].Port)
				if !l.KeepClient {
					fmt.Fprintf(&snat, "\t\tct original ip daddr %v meta l4proto %d ct original proto-dst %d snat to %v fully-random\n", n.Card.Primary, uint8(l.Protocol), l.Port, n.Card.Primary)
				}
			}
		}
	}
	fmt.Fprintf(b, "\tchain balance { type nat hook prerouting priority dstnat; policy accept;\n%s\t}\n", dnat.String())
	fmt.Fprintf(b, "\tchain balanced { type filter hook prerouting priority -90; policy accept;\n%s%s\t}\n", marks.String(), mine.String())
	fmt.Fprintf(b, "\tchain hide { type nat hook postrouting priority srcnat; policy accept;\n%s\t}\n", snat.String())
}

// ingress is what a card asks of a packet that comes to it.
func (x *fabric) ingress(b *strings.Builder) {
	fmt.Fprintf(b, "\tchain arriving { type filter hook postrouting priority 150; policy accept;\n")
	for _, c := range x.f.Cards {
		dev, ok := x.ports[c]
		if !ok {
			continue
		}
		if len(c.Groups) > 0 {
			fmt.Fprintf(b, "\t\toifname %q jump ingress-%d\n", dev, x.marks[c])
		}
		if c.SourceCheck {
			fmt.Fprintf(b, "\t\toifname %q ip daddr != %s drop\n", dev, set(owned(c)))
		}
	}
	b.WriteString("\t}\n")
}
