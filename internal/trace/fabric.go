package trace

import (
	"net/netip"

	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// internetMTU is what an Internet gateway carries: jumbo frames end at the VPC's edge (facts/underlay.md, section 1).
const internetMTU = 1500

// fabricState is what a cloud's fabric remembers: connections that security groups let through, the mappings of its NAT
// gateways, and the flows of its load balancers.
type fabricState struct {
	groups   []groupEntry
	nat      []natEntry
	balanced []balancedFlow
}

type groupEntry struct {
	card  *topology.ENICard
	tuple packet.Tuple
}

type natEntry struct {
	gateway *topology.CloudGateway
	inside  packet.Tuple
	outside packet.Tuple // as the Internet sees it
}

// fabricFrom takes the frame that a card put on the fabric to the card or gateway that its subnet's route table names.
func (w *walker) fabricFrom(card *topology.ENICard) (topology.Port, bool) {
	f := w.top.Fabric
	w.scrub()
	w.in = nil
	w.beginHop(f.Name, topology.Router, nil, card.ID)
	end := func() (topology.Port, bool) {
		w.endHop("")
		return topology.Port{}, false
	}
	if card.SourceCheck {
		if !card.Owns(w.p.IP.Src) {
			s := w.drop(SourceCheckFailed, "")
			w.more(s).Text[0], w.more(s).Addr = card.ID, w.p.IP.Src
			w.more(s).Would, w.more(s).WouldT[0] = WouldDisableCheck, card.ID
			return end()
		}
		s := w.step(StageFabric, VerdictOK, SourceCheckOK)
		w.more(s).Text[0], w.more(s).Addr = card.ID, w.p.IP.Src
	}
	if w.group(card, false) == stop {
		return end()
	}
	if flow := w.answersBalancer(); flow != nil {
		s := w.step(StageFabric, VerdictForward, BalancerFlow)
		w.more(s).Text[0] = flow.balancer.Name
		w.endHop(flow.balancer.ID)
		w.beginHop(flow.balancer.ID, topology.LoadBalancer, nil, f.Name)
		if w.group(flow.card, true) == stop {
			return end()
		}
		return w.unbalance(flow)
	}
	if w.aboutBalanced() {
		w.unknown(BalancerICMP)
		return end()
	}
	subnet := f.Subnet(card.Subnet)
	dst := w.p.IP.Dst
	if subnet != nil && !subnet.CIDR.Contains(dst) && w.p.Eth.Dst != subnet.RouterMAC {
		// A frame for a neighbour in the subnet goes there, whatever address is inside; the neighbour's own check then says
		// what it thinks of that (facts/calico.md, section 8).
		if target := f.CardByMAC(card.Subnet, w.p.Eth.Dst); target != nil {
			s := w.step(StageFabric, VerdictForward, VPCByMAC)
			w.more(s).Text[0], w.more(s).Text[1], w.more(s).Text[2] = target.ID, target.Port.Namespace, w.p.Eth.Dst.String()
			return w.deliverTo(card, target)
		}
	}
	if subnet != nil && subnet.CIDR.Contains(dst) {
		return w.toCard(card, dst) // within a subnet the mapping decides, not the route table
	}
	route, table := f.RouteFor(subnet, dst)
	if route == nil {
		s := w.drop(VPCNoRoute, "")
		w.more(s).Addr = dst
		w.more(s).Would, w.more(s).WouldT[0] = WouldAddRoute, dst.String()
		if table != nil {
			w.more(s).Text[0] = table.ID
		}
		return end()
	}
	s := w.step(StageFabric, VerdictForward, VPCRoute)
	w.more(s).Text = [3]string{table.ID, route.Destination.String(), route.Target}
	w.more(s).Addr = dst
	if route.Target == "local" {
		return w.toCard(card, dst)
	}
	if target := f.CardByID(route.Target); target != nil {
		return w.into(card, target)
	}
	gw := f.Gateway(route.Target)
	if gw == nil {
		w.more(w.unknown(NotModelled)).Text[0] = route.Target
		return end()
	}
	w.endHop(gw.ID)
	if gw.Kind == topology.NATGateway {
		return w.natGateway(gw)
	}
	return w.internetGateway(gw, card.Public[w.p.IP.Src])
}

// toCard finds the card that has an address: the VPC's mapping service.
func (w *walker) toCard(from *topology.ENICard, dst netip.Addr) (topology.Port, bool) {
	target := w.top.Fabric.CardOf(dst)
	if target == nil {
		s := w.drop(VPCNoCard, "")
		w.more(s).Addr = dst
		w.endHop("")
		return topology.Port{}, false
	}
	return w.into(from, target)
}

// into delivers to a card: its ingress groups, the destination check, and the frame with the card's MAC.
func (w *walker) into(from, target *topology.ENICard) (topology.Port, bool) {
	f := w.top.Fabric
	s := w.step(StageFabric, VerdictForward, VPCMapped)
	w.more(s).Addr = w.p.IP.Dst
	w.more(s).Text[0], w.more(s).Text[1] = target.ID, target.Port.Namespace
	if b := target.Balancer; b != nil {
		w.more(s).Text[1] = b.ID
		w.endHop(b.ID)
		return w.balance(target, f.Name)
	}
	return w.deliverTo(from, target)
}

// deliverTo is the last of the fabric: what the card that it found thinks of the packet.
func (w *walker) deliverTo(from, target *topology.ENICard) (topology.Port, bool) {
	f := w.top.Fabric
	if w.group(target, true) == stop {
		w.endHop("")
		return topology.Port{}, false
	}
	if target.SourceCheck && !target.Owns(w.p.IP.Dst) {
		s := w.drop(DestCheckFailed, "")
		w.more(s).Text[0], w.more(s).Addr = target.ID, w.p.IP.Dst
		w.more(s).Would, w.more(s).WouldT[0] = WouldDisableCheck, target.ID
		w.endHop("")
		return topology.Port{}, false
	}
	w.p.Eth.Dst = target.MAC
	w.p.Eth.Src = f.RouterMAC(target.Subnet)
	if from != nil && from != target && from.Subnet == target.Subnet {
		w.p.Eth.Src = from.MAC
	}
	w.step(StageTransmit, VerdictOK, Transmitted).Target = target.Port.Namespace
	w.endHop(target.ID)
	return target.Port, true
}

// group asks a card's security groups. They are stateful: what they let through once, they let through in both
// directions.
func (w *walker) group(card *topology.ENICard, ingress bool) verdict {
	if len(card.Groups) == 0 {
		return goOn
	}
	t, _ := netfilter.TupleOf(&w.p.Frame)
	if w.p.IP.Protocol == packet.ICMP && packet.IsICMPError(w.p.L4.ICMPType) {
		quoted := packet.Frame{IP: w.p.About.IP, L4: w.p.About.L4}
		t, _ = netfilter.TupleOf(&quoted)
	}
	back, _ := netfilter.Invert(t)
	for _, e := range w.fabric.groups {
		if e.card == card && (e.tuple == back || e.tuple == t) {
			w.more(w.step(StageFabric, VerdictOK, GroupTracked)).Text[0] = card.ID
			return goOn
		}
	}
	far := w.p.IP.Dst
	if ingress {
		far = w.p.IP.Src
	}
	f := w.top.Fabric
	for _, id := range card.Groups {
		g := f.Group(id)
		if g == nil {
			continue
		}
		rules := g.Egress
		code := GroupEgressOK
		if ingress {
			rules, code = g.Ingress, GroupIngressOK
		}
		for i := range rules {
			if f.Allows(&rules[i], &w.p, far) {
				w.fabric.groups = append(w.fabric.groups, groupEntry{card, t})
				s := w.step(StageFabric, VerdictOK, code)
				w.more(s).Text = [3]string{g.ID, rules[i].String(), card.ID}
				return goOn
			}
		}
	}
	code := GroupEgressNo
	if ingress {
		code = GroupIngressNo
	}
	s := w.drop(code, "")
	w.more(s).Text[0], w.more(s).Text[1] = card.ID, card.Groups[0]
	w.more(s).Addr = far
	w.more(s).Number[0] = int(w.p.L4.DstPort)
	w.more(s).Would, w.more(s).WouldT[0], w.more(s).WouldT[1] = WouldGroupRule, card.Groups[0], far.String()
	return stop
}

// internetGateway is the 1:1 NAT between a card's private address and its public one, on the way out.
func (w *walker) internetGateway(gw *topology.CloudGateway, public netip.Addr) (topology.Port, bool) {
	w.beginHop(gw.ID, topology.Gateway, nil, "vpc")
	if !public.IsValid() {
		s := w.drop(GatewayNoPublic, "")
		w.more(s).Addr = w.p.IP.Src
		w.more(s).Would, w.more(s).WouldT[0] = WouldPublic, w.p.IP.Src.String()
		w.endHop("")
		return topology.Port{}, false
	}
	if int(w.p.IP.Len) > internetMTU && w.p.IP.DF {
		s := w.drop(FabricTooBig, "")
		w.more(s).Number = [3]int{int(w.p.IP.Len), internetMTU}
		w.more(s).Would, w.more(s).WouldT[0] = WouldClearDF, itoa(internetMTU)
		w.endHop("")
		return topology.Port{}, false
	}
	quoted(&w.p, &w.p.About.IP.Dst, w.p.IP.Src, public)
	w.p.IP.Src = public
	w.step(StageFabric, VerdictNAT, GatewayNAT)
	return w.toInternet()
}

// toInternet hands the packet to the host beyond the gateway that has its destination. The Internet's own routers are
// not drawn: the way there is one hop that takes no TTL.
func (w *walker) toInternet() (topology.Port, bool) {
	f := w.top.Fabric
	port, ok := f.OutsideFor(w.p.IP.Dst)
	if !ok {
		// A public address of the VPC's own: the gateway translates this end too, and the packet turns back.
		if port, ok, known := w.inward(f.InternetGateway().ID); known {
			return port, ok
		}
		if dst := w.p.IP.Dst; topology.PrivateUse(dst) {
			s := w.drop(GatewayPrivateDst, "")
			w.more(s).Addr = dst
			w.endHop("")
			return topology.Port{}, false
		}
		w.unknown(NobodyOutside)
		w.endHop("")
		return topology.Port{}, false
	}
	w.p.Eth = packet.Ethernet{Src: f.OutsideMAC, Dst: f.MACOf(w.top, port)}
	w.step(StageTransmit, VerdictOK, Transmitted).Target = port.Namespace
	w.endHop("internet")
	return port, true
}

// natGateway is many-to-one SNAT to the gateway's own address, then the Internet gateway.
func (w *walker) natGateway(gw *topology.CloudGateway) (topology.Port, bool) {
	f := w.top.Fabric
	w.beginHop(gw.ID, topology.Gateway, nil, f.Name)
	t, _ := netfilter.TupleOf(&w.p.Frame)
	port := uint16(0)
	for _, e := range w.fabric.nat {
		if e.gateway == gw && e.inside == t {
			port = e.outside.SrcPort
		}
	}
	if port == 0 {
		port = netfilter.RandomPort(packet.Tuple{Src: gw.Public, Dst: t.Dst, SrcPort: t.SrcPort, DstPort: t.DstPort, Protocol: t.Protocol})
		out := t
		out.Src, out.SrcPort = gw.Public, port
		w.fabric.nat = append(w.fabric.nat, natEntry{gw, t, out})
	}
	w.p.IP.Src = gw.Private
	if w.p.IP.Protocol == packet.ICMP {
		w.p.L4.ICMPID = port
	} else {
		w.p.L4.SrcPort = port
	}
	w.step(StageFabric, VerdictNAT, NATGatewaySNAT)
	igw := f.InternetGateway()
	if igw == nil {
		s := w.drop(VPCNoRoute, "")
		w.more(s).Addr = w.p.IP.Dst
		w.endHop("")
		return topology.Port{}, false
	}
	w.endHop(igw.ID)
	return w.internetGateway(igw, gw.Public)
}

// fabricInbound is the way in from the Internet: the gateway knows a public address, or nothing does.
func (w *walker) fabricInbound() (topology.Port, bool) {
	f := w.top.Fabric
	igw := f.InternetGateway()
	w.scrub()
	w.in = nil
	dst := w.p.IP.Dst
	if port, ok := f.OutsideFor(dst); ok && igw == nil {
		return port, true
	}
	name := "internet-gateway"
	if igw != nil {
		name = igw.ID
	}
	w.beginHop(name, topology.Gateway, nil, "internet")
	port, ok, known := w.inward(name)
	if !known {
		s := w.drop(GatewayUnknownDst, "")
		w.more(s).Addr = dst
		w.endHop("")
	}
	return port, ok
}

// inward is the Internet gateway's other direction: a public address becomes the private one behind it. known is false
// where nothing in the VPC has the address.
func (w *walker) inward(name string) (port topology.Port, ok, known bool) {
	f, dst := w.top.Fabric, w.p.IP.Dst
	if gw := f.NATGatewayByPublic(dst); gw != nil {
		quoted(&w.p, &w.p.About.IP.Src, w.p.IP.Dst, gw.Private)
		w.p.IP.Dst = gw.Private
		w.step(StageFabric, VerdictNAT, GatewayNAT)
		w.endHop(gw.ID)
		port, ok = w.natGatewayBack(gw, dst)
		return port, ok, true
	}
	card, private := f.CardByPublic(dst)
	if card == nil {
		return port, false, false
	}
	quoted(&w.p, &w.p.About.IP.Src, w.p.IP.Dst, private)
	w.p.IP.Dst = private
	w.step(StageFabric, VerdictNAT, GatewayNAT)
	port, ok = w.fromGateway(name, card)
	return port, ok, true
}

// fromGateway takes a packet that an Internet gateway lets in to a card. A load balancer's is met first, the router
// behind it.
func (w *walker) fromGateway(name string, card *topology.ENICard) (topology.Port, bool) {
	f := w.top.Fabric
	if card.Balancer != nil {
		w.endHop(card.Balancer.ID)
		return w.balance(card, name)
	}
	w.endHop(f.Name)
	w.beginHop(f.Name, topology.Router, nil, name)
	return w.into(nil, card)
}

// natGatewayBack undoes a NAT gateway's mapping for what answers it; nothing else gets in.
func (w *walker) natGatewayBack(gw *topology.CloudGateway, public netip.Addr) (topology.Port, bool) {
	f := w.top.Fabric
	w.beginHop(gw.ID, topology.Gateway, nil, "vpc")
	if w.natGatewayError(gw, public) {
		w.step(StageFabric, VerdictNAT, NATGatewayUndo)
		w.endHop(f.Name)
		w.beginHop(f.Name, topology.Router, nil, gw.ID)
		return w.toCard(nil, w.p.IP.Dst)
	}
	t, _ := netfilter.TupleOf(&w.p.Frame)
	t.Dst = public
	for _, e := range w.fabric.nat {
		if back, _ := netfilter.Invert(e.outside); e.gateway == gw && back == t {
			w.p.IP.Dst = e.inside.Src
			if w.p.IP.Protocol == packet.ICMP {
				w.p.L4.ICMPID = e.inside.SrcPort
			} else {
				w.p.L4.DstPort = e.inside.SrcPort
			}
			w.step(StageFabric, VerdictNAT, NATGatewayUndo)
			w.endHop(f.Name)
			w.beginHop(f.Name, topology.Router, nil, gw.ID)
			return w.toCard(nil, w.p.IP.Dst)
		}
	}
	s := w.drop(NATGatewayNoEntry, "")
	w.more(s).Addr = public
	w.endHop("")
	return topology.Port{}, false
}

// natGatewayError undoes a mapping for an ICMP error about a packet that went out by it, in the quote too (RFC 5508, section 4.2).
func (w *walker) natGatewayError(gw *topology.CloudGateway, public netip.Addr) bool {
	if w.p.IP.Protocol != packet.ICMP || !packet.IsICMPError(w.p.L4.ICMPType) {
		return false
	}
	about := packet.Frame{IP: w.p.About.IP, L4: w.p.About.L4}
	about.IP.Src = public
	t, _ := netfilter.TupleOf(&about)
	for _, e := range w.fabric.nat {
		if e.gateway != gw || e.outside != t {
			continue
		}
		w.p.IP.Dst, w.p.About.IP.Src = e.inside.Src, e.inside.Src
		if t.Protocol == packet.ICMP {
			w.p.About.L4.ICMPID = e.inside.SrcPort
		} else {
			w.p.About.L4.SrcPort = e.inside.SrcPort
		}
		return true
	}
	return false
}

// quoted has a translation of addresses reach into an ICMP error: the packet that it quotes came the other way, so that its
// source is the error's destination (RFC 5508, section 4.2).
func quoted(p *packet.Packet, side *netip.Addr, from, to netip.Addr) {
	if p.IP.Protocol == packet.ICMP && packet.IsICMPError(p.L4.ICMPType) && *side == from {
		*side = to
	}
}
