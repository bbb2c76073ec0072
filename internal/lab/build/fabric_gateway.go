package build

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// outsideSpace is the namespace of the Internet gateway, or of the Internet where a VPC has none.
const outsideSpace = "internet-gateway"

// linkMAC is the MAC of a cable of the fabric's own.
func linkMAC(a, b byte) packet.MAC { return packet.MAC{0x02, 0xfa, 0xb0, 0, a, b} }

// outside makes the Internet gateway with the hosts beyond it, the NAT gateways, and the router's cables to them.
func (x *fabric) outside(t *topology.Topology) {
	f, vpc := x.f, x.vpc
	x.spaces = append(x.spaces, vpc)
	name := outsideSpace
	igw := f.InternetGateway()
	if igw == nil && len(f.Outside) == 0 {
		return
	}
	gate := bare(name, topology.Gateway)
	x.spaces = append(x.spaces, gate)
	n := 0
	for _, port := range outsidePorts(f, t) {
		n++
		i := cable(gate, hostPort(port), f.OutsideMAC, internetMTU, port)
		gate.Sysctl[topology.ConfName(i.Name, "proxy_arp")] = "1"
		for a, p := range f.Outside {
			if p == port {
				route(gate, topology.TableMain, topology.Single(a), i.Name, netip.Addr{})
			}
		}
	}
	// What nobody has goes where nothing is: with a route, the gateway answers ARP for it.
	cable(gate, "void", linkMAC(9, 1), internetMTU, topology.Port{Namespace: gate.Name, Interface: "void-end"})
	cable(gate, "void-end", linkMAC(9, 2), internetMTU, topology.Port{Namespace: gate.Name, Interface: "void"})
	route(gate, topology.TableMain, topology.Everywhere(), "void", netip.Addr{})
	if igw == nil {
		x.scripts[gate.Name] = gatewayRules(nil, nil)
		return
	}
	near, far := igwCable()
	x.link(gate, toVPC, far, near)
	route(vpc, balancedTable, topology.Everywhere(), near, far)
	public := map[netip.Addr]netip.Addr{}
	for _, c := range f.Cards {
		for private, p := range c.Public {
			public[private] = p
			route(gate, topology.TableMain, topology.Single(private), toVPC, cableAddress(igwCables, routerEnd))
		}
	}
	for k, g := range f.Gateways {
		if g.Kind == topology.NATGateway {
			public[g.Private] = g.Public
			x.nat(gate, g, k)
		}
	}
	var private []netip.Addr
	for a := range public {
		private = append(private, a)
	}
	x.scripts[gate.Name] = gatewayRules(private, public)
}

// link makes the cable between the router and a gateway.
func (x *fabric) link(gate *topology.Namespace, dev string, far netip.Addr, near string) {
	b := far.As4()
	mine := cableAddress(int(b[2]), routerEnd)
	here := cable(x.vpc, near, linkMAC(b[2], routerEnd), fabricMTU, topology.Port{Namespace: gate.Name, Interface: dev})
	there := cable(gate, dev, linkMAC(b[2], b[3]), fabricMTU, topology.Port{Namespace: x.vpc.Name, Interface: near})
	if near == toGateway {
		here.MTU, there.MTU = internetMTU, internetMTU
	}
	x.vpc.Neighbours = append(x.vpc.Neighbours, topology.Neighbour{IP: far, Dev: near, MAC: there.MAC.String(), State: "PERMANENT"})
	gate.Neighbours = append(gate.Neighbours, topology.Neighbour{IP: mine, Dev: dev, MAC: here.MAC.String(), State: "PERMANENT"})
}

// nat makes a NAT gateway: many to one, then on to the Internet gateway.
func (x *fabric) nat(gate *topology.Namespace, g *topology.CloudGateway, n int) {
	ns := bare("nat-gateway-"+g.ID, topology.Gateway)
	x.spaces = append(x.spaces, ns)
	near, inside := natCable(n)
	x.link(ns, toVPC, inside, near)
	mine, far := upCable(n)
	up := cable(ns, "igw", linkMAC(upCables, byte(2*n)), internetMTU, topology.Port{Namespace: gate.Name, Interface: near})
	down := cable(gate, near, linkMAC(upCables, byte(2*n+1)), internetMTU, topology.Port{Namespace: ns.Name, Interface: "igw"})
	ns.Neighbours = append(ns.Neighbours, topology.Neighbour{IP: far, Dev: "igw", MAC: down.MAC.String(), State: "PERMANENT"})
	gate.Neighbours = append(gate.Neighbours, topology.Neighbour{IP: mine, Dev: near, MAC: up.MAC.String(), State: "PERMANENT"})
	route(gate, topology.TableMain, topology.Single(g.Private), near, mine)
	route(ns, topology.TableMain, topology.Everywhere(), "igw", far)
	for _, p := range x.f.CIDRs {
		route(ns, topology.TableMain, p, toVPC, cableAddress(natCables, routerEnd))
	}
	route(ns, topology.TableMain, topology.Single(g.Private), "", netip.Addr{}) // what answers no connection
	x.scripts[ns.Name] = silent + fmt.Sprintf(`table ip gateway {
	chain out { type nat hook postrouting priority srcnat; policy accept; oifname "igw" snat to %v fully-random; }
}
`, g.Private)
}

// silent has a namespace of the fabric say nothing itself: no echo reply, no ICMP error.
const silent = `table ip silent {
	chain in { type filter hook input priority 0; policy drop; }
	chain out { type filter hook output priority 0; policy drop; }
}
`

// gatewayRules are an Internet gateway's: an address without a public one does not get out, all others are exchanged one for
// one, in both directions, and back where both ends are the VPC's own.
func gatewayRules(private []netip.Addr, public map[netip.Addr]netip.Addr) string {
	if len(private) == 0 {
		return silent + `table ip gateway {
	chain forward { type filter hook forward priority 0; policy accept; iifname "` + toVPC + `" drop; oifname "void" drop; }
}
`
	}
	var in, out, may []string
	for _, a := range private {
		in = append(in, fmt.Sprintf("%v : %v", public[a], a))
		out = append(out, fmt.Sprintf("%v : %v", a, public[a]))
		may = append(may, a.String())
	}
	return silent + fmt.Sprintf(`table ip gateway {
	chain outside { type filter hook prerouting priority raw; policy accept; iifname "to-*" ip daddr { %s } drop; }
	chain pre { type nat hook prerouting priority dstnat; policy accept; dnat to ip daddr map { %s }; }
	chain post { type nat hook postrouting priority srcnat; policy accept; snat to ip saddr map { %s }; }
	chain forward { type filter hook forward priority 0; policy accept; oifname "void" drop; iifname "%s" ip saddr != { %s } drop; }
}
`, strings.Join(may, ", "), strings.Join(in, ", "), strings.Join(out, ", "), toVPC, strings.Join(may, ", "))
}

// outsidePorts are the hosts beyond the gateway, in the topology's order.
func outsidePorts(f *topology.Fabric, t *topology.Topology) []topology.Port {
	var out []topology.Port
	for _, name := range t.Names() {
		for _, p := range f.Outside {
			if p.Namespace == name {
				out = append(out, p)
				break
			}
		}
	}
	return out
}

// hostPort is the gateway's cable to a host.
func hostPort(p topology.Port) string {
	if name := "to-" + strings.ReplaceAll(p.Namespace, "/", "."); len(name) <= maxName {
		return name
	}
	return fmt.Sprintf("to-%x", crc(p.Namespace))
}
