// Package diagramtest is a small made-up cluster and hand-composed traces through it: every shape that a page has to
// draw, without the engine. Pages, the layout and the API are tested on it.
package diagramtest

import (
	"net/netip"

	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

func mac(last byte) packet.MAC { return packet.MAC{2, 0, 0, 0, 0, last} }

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// Topology is three nodes with two cards each in three zones, five pods, and one host on the internet. Private puts the
// nodes into subnets behind a NAT gateway.
func Topology(private bool) *topology.Topology {
	f := &topology.Fabric{Name: "vpc-study", Region: "ap-northeast-2", CIDRs: []netip.Prefix{netip.MustParsePrefix("192.168.0.0/16")}}
	igw := &topology.CloudGateway{ID: "igw-0a4f", Kind: topology.InternetGateway}
	f.Gateways = append(f.Gateways, igw)
	public := &topology.RouteTable{ID: "rtb-public", Routes: []topology.CloudRoute{
		{Destination: f.CIDRs[0], Target: "local"}, {Destination: netip.MustParsePrefix("0.0.0.0/0"), Target: igw.ID}}}
	f.RouteTables = append(f.RouteTables, public)
	table := public.ID
	if private {
		nat := &topology.CloudGateway{ID: "nat-07be", Kind: topology.NATGateway, Subnet: "subnet-p", Private: addr("192.168.100.7"), Public: addr("198.51.100.77")}
		f.Gateways = append(f.Gateways, nat)
		rt := &topology.RouteTable{ID: "rtb-private", Routes: []topology.CloudRoute{
			{Destination: f.CIDRs[0], Target: "local"}, {Destination: netip.MustParsePrefix("0.0.0.0/0"), Target: nat.ID}}}
		f.RouteTables = append(f.RouteTables, rt)
		table = rt.ID
	}
	t := &topology.Topology{Name: "study", Fabric: f}
	for i, z := range []string{"2a", "2b", "2c"} {
		third := string(rune('1' + i))
		f.Subnets = append(f.Subnets, &topology.Subnet{ID: "subnet-" + z, Name: "study-" + z, Zone: "ap-northeast-" + z, Public: !private,
			CIDR: netip.MustParsePrefix("192.168." + third + ".0/24"), RouteTable: table, RouterMAC: mac(byte(0xf0 + i))})
	}
	pod := func(name, node, ip, host string, index, peer int) *topology.Namespace {
		ns := &topology.Namespace{Name: name, Kind: topology.Pod, Place: topology.Place{Name: "pod/default/" + name, Label: name, Node: node},
			Interfaces: []*topology.Interface{{Index: index, Name: "eth0", Kind: topology.Veth, MAC: mac(byte(index)), LinkIndex: peer, Up: true, MTU: 9001,
				Addresses: []topology.Address{{Prefix: netip.PrefixFrom(addr(ip), 32)}}, Peer: topology.Port{Namespace: node, Interface: host}}}}
		t.AddNamespace(ns)
		return ns
	}
	node := func(i int, name, letter string, pods ...[3]string) {
		third := string(rune('1' + i))
		ns := &topology.Namespace{Name: name, Kind: topology.Node, Place: topology.Place{Name: "node/" + name, Label: name, Zone: f.Subnets[i].Zone,
			Subnet: f.Subnets[i].ID, Machine: "t3.medium", HostPods: []string{"kube-proxy", "aws-node"}}}
		for d, dev := range []string{"ens5", "ens6"} {
			primary := addr("192.168." + third + "." + []string{"10", "40"}[d])
			card := &topology.ENICard{ID: "eni-0" + letter + dev, Name: "ENI" + string(rune('0'+d)), Subnet: f.Subnets[i].ID, Device: d, MAC: mac(byte(0x10*i + d)),
				Primary: primary, Addresses: []netip.Addr{primary}, SourceCheck: true, Port: topology.Port{Namespace: name, Interface: dev}}
			f.Cards = append(f.Cards, card)
			ns.Interfaces = append(ns.Interfaces, &topology.Interface{Index: 2 + d, Name: dev, Kind: topology.ENI, MAC: card.MAC, Up: true, MTU: 9001, ENI: card,
				Addresses: []topology.Address{{Prefix: netip.PrefixFrom(primary, 24)}}})
		}
		for k, p := range pods {
			idx := 5 + k
			ns.Interfaces = append(ns.Interfaces, &topology.Interface{Index: idx, Name: p[2], Kind: topology.Veth, LinkIndex: 3, MAC: mac(byte(0x80 + idx)), Up: true, MTU: 9001,
				Peer: topology.Port{Namespace: p[0], Interface: "eth0"}})
			pod(p[0], name, p[1], p[2], 3, idx)
		}
		t.AddNamespace(ns)
	}
	node(0, "node-a", "a", [3]string{"web-7c9f5", "192.168.1.143", "eni7d2f9c4a1b8"}, [3]string{"coredns-6b9d", "192.168.1.52", "eni1c80e5f37d2"}, [3]string{"cart-x2x2q", "192.168.1.77", "eni00c0ffee123"})
	node(1, "node-b", "b", [3]string{"api-5d4b8", "192.168.2.57", "enid40c7b1e93a"}, [3]string{"cart-84cc", "192.168.2.165", "eni62ba9f08c45"})
	node(2, "node-c", "c", [3]string{"db-0", "192.168.3.33", "eni5150ab9d7e0"})
	t.AddNamespace(&topology.Namespace{Name: "internet", Kind: topology.External, Place: topology.Place{Name: "internet", Label: "example.com"},
		Interfaces: []*topology.Interface{{Index: 2, Name: "eth0", Kind: topology.Other, Up: true, MTU: 1500, Addresses: []topology.Address{{Prefix: netip.MustParsePrefix("203.0.113.80/24")}}}}})
	f.Outside = map[netip.Addr]topology.Port{addr("203.0.113.80"): {Namespace: "internet", Interface: "eth0"}}
	return t
}

// Recording is a cluster as the lab lays it out: no fabric, routers and gateways are namespaces.
func Recording() *topology.Topology {
	t := &topology.Topology{Name: "lab"}
	add := func(name string, kind topology.Kind, node string, devs ...[3]string) {
		ns := &topology.Namespace{Name: name, Kind: kind, Place: topology.Place{Name: name, Label: name, Node: node}}
		for i, d := range devs {
			iface := &topology.Interface{Index: i + 2, Name: d[0], Kind: topology.Veth, Up: true, MTU: 1500}
			if d[1] != "" {
				iface.Addresses = []topology.Address{{Prefix: netip.PrefixFrom(addr(d[1]), 24)}}
			}
			if d[2] != "" {
				peer, dev := d[2], "eth0"
				for k, r := range d[2] {
					if r == '/' {
						peer, dev = d[2][:k], d[2][k+1:]
					}
				}
				iface.Peer = topology.Port{Namespace: peer, Interface: dev}
			}
			ns.Interfaces = append(ns.Interfaces, iface)
		}
		t.AddNamespace(ns)
	}
	add("n1", topology.Node, "", [3]string{"eth0", "192.168.0.10", "vpc/n1-eth0"}, [3]string{"eniacd53aa4120", "", "a"})
	add("n2", topology.Node, "", [3]string{"eth0", "192.168.32.10", "vpc/n2-eth0"}, [3]string{"eni2ca070a7e2d", "", "d"})
	add("vpc", topology.Router, "", [3]string{"n1-eth0", "192.168.0.1", "n1/eth0"}, [3]string{"n2-eth0", "192.168.32.1", "n2/eth0"}, [3]string{"igw", "", "igw/vpc"})
	add("igw", topology.Gateway, "", [3]string{"vpc", "", "vpc/igw"}, [3]string{"inet", "", "ext/eth0"})
	add("ext", topology.External, "", [3]string{"eth0", "198.51.100.7", "igw/inet"})
	add("a", topology.Pod, "n1", [3]string{"eth0", "192.168.0.21", "n1/eniacd53aa4120"})
	add("d", topology.Pod, "n2", [3]string{"eth0", "192.168.32.21", "n2/eni2ca070a7e2d"})
	return t
}
