package trace

import (
	"strconv"

	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// balancedFlow is a flow that a load balancer has given a target: as the client sent it, and as the target gets it.
type balancedFlow struct {
	balancer *topology.NetworkLoadBalancer
	card     *topology.ENICard
	client   packet.Tuple
	target   packet.Tuple
	step     int32 // that chose the target
}

// balance is a load balancer's card taking a packet: a client's, or a target's answer where the target does not know the
// client.
func (w *walker) balance(card *topology.ENICard, from string) (topology.Port, bool) {
	b := card.Balancer
	w.beginHop(b.ID, topology.LoadBalancer, nil, from)
	end := func() (topology.Port, bool) {
		w.endHop("")
		return topology.Port{}, false
	}
	if w.group(card, true) == stop {
		return end()
	}
	t, _ := netfilter.TupleOf(&w.p.Frame)
	if back, ok := netfilter.Invert(t); ok {
		for i := range w.fabric.balanced {
			if f := &w.fabric.balanced[i]; f.balancer == b && f.target == back {
				return w.unbalance(f)
			}
		}
	}
	listener := b.Listener(t.Protocol, t.DstPort)
	node := b.Node(t.Dst)
	if listener == nil || node == nil || t.Protocol == packet.ICMP {
		s := w.drop(BalancerNoListener, "")
		w.more(s).Text[0] = b.Name
		if t.Protocol != packet.ICMP {
			w.more(s).Number[0] = int(t.DstPort)
		}
		w.more(s).Text[1] = t.Protocol.String()
		return end()
	}
	target := w.targetFor(b, node, listener, t)
	if target == nil {
		s := w.drop(BalancerNoTarget, "")
		w.more(s).Text[0], w.more(s).Text[1] = b.Name, node.Zone
		w.more(s).Would, w.more(s).WouldT[0] = WouldTarget, node.Zone
		return end()
	}
	w.p.IP.Dst, w.p.L4.DstPort = target.Address, target.Port
	if !listener.KeepClient {
		w.p.IP.Src = card.Primary
		w.p.L4.SrcPort = netfilter.RandomPort(packet.Tuple{Src: card.Primary, Dst: target.Address, SrcPort: t.SrcPort, DstPort: target.Port, Protocol: t.Protocol})
		w.assume(AssumePort, "namespace", b.ID, "port", strconv.Itoa(int(w.p.L4.SrcPort)))
	}
	code := BalancerTargetIP
	if listener.ByInstance {
		code = BalancerTargetInstance
	}
	s := w.step(StageFabric, VerdictNAT, code)
	w.more(s).Text = [3]string{target.Name, node.Zone, listenerText(listener)}
	if w.p.IP.Src == t.Src {
		w.step(StageFabric, VerdictOK, BalancerKeepsClient)
	} else {
		w.step(StageFabric, VerdictOK, BalancerHidesClient)
	}
	after, _ := netfilter.TupleOf(&w.p.Frame)
	w.fabric.balanced = append(w.fabric.balanced, balancedFlow{b, card, t, after, int32(len(w.t.steps) - 2)})
	if w.group(card, false) == stop {
		return end()
	}
	return w.fromBalancer(card)
}

// listenerText is a listener as a console lists it: TCP:80.
func listenerText(l *topology.LBListener) string {
	return l.Protocol.String() + ":" + strconv.Itoa(int(l.Port))
}

// targetFor is where a flow goes: where it went before, else by the hash of its addresses and ports, which nobody outside
// can compute: a choice among equals.
func (w *walker) targetFor(b *topology.NetworkLoadBalancer, n *topology.LBNode, l *topology.LBListener, t packet.Tuple) *topology.LBTarget {
	targets := b.Reachable(n, l)
	for i := range w.fabric.balanced {
		f := &w.fabric.balanced[i]
		if f.balancer != b || f.client != t {
			continue
		}
		for k := range targets {
			if targets[k].Address == f.target.Dst && targets[k].Port == f.target.DstPort {
				return &targets[k]
			}
		}
	}
	if len(targets) == 0 {
		return nil
	}
	options := make([]Option, len(targets))
	for i, x := range targets {
		options[i] = Option{Value: x.Name, Label: x.Address.String() + ":" + strconv.Itoa(int(x.Port)), Probability: 1 / float64(len(targets))}
	}
	return &targets[w.choose(b.ID, "flow-hash", options)]
}

// fromBalancer takes a packet that a load balancer sends on to the card that has its destination, over the fabric.
func (w *walker) fromBalancer(card *topology.ENICard) (topology.Port, bool) {
	f := w.top.Fabric
	w.endHop(f.Name)
	w.beginHop(f.Name, topology.Router, nil, card.ID)
	return w.toCard(card, w.p.IP.Dst)
}

// answersBalancer finds the flow that a packet from a target answers, be it that the target knows the client's address
// and not the load balancer's: the fabric takes the answer back to the load balancer, no route table does.
func (w *walker) answersBalancer() *balancedFlow {
	if len(w.fabric.balanced) == 0 {
		return nil
	}
	t, _ := netfilter.TupleOf(&w.p.Frame)
	back, ok := netfilter.Invert(t)
	if !ok {
		return nil
	}
	for i := range w.fabric.balanced {
		if f := &w.fabric.balanced[i]; f.target == back && !f.card.Owns(w.p.IP.Dst) {
			return f
		}
	}
	return nil
}

// aboutBalanced says whether an ICMP error is about a packet that a load balancer sent.
func (w *walker) aboutBalanced() bool {
	if w.p.IP.Protocol != packet.ICMP || !packet.IsICMPError(w.p.L4.ICMPType) {
		return false
	}
	t, _ := netfilter.TupleOf(&packet.Frame{IP: w.p.About.IP, L4: w.p.About.L4})
	for i := range w.fabric.balanced {
		if w.fabric.balanced[i].target == t {
			return true
		}
	}
	return false
}

// unbalance gives an answer the addresses that the client knows, and sends it to the client.
func (w *walker) unbalance(f *balancedFlow) (topology.Port, bool) {
	to, _ := netfilter.Invert(f.client)
	w.p.IP.Src, w.p.L4.SrcPort = to.Src, to.SrcPort
	w.p.IP.Dst, w.p.L4.DstPort = to.Dst, to.DstPort
	s := w.step(StageFabric, VerdictNAT, BalancerUndo)
	s.cause = f.step + 1
	if w.group(f.card, false) == stop {
		w.endHop("")
		return topology.Port{}, false
	}
	if w.top.Fabric.CardOf(to.Dst) != nil {
		return w.fromBalancer(f.card)
	}
	igw := w.top.Fabric.InternetGateway()
	if igw == nil {
		s := w.drop(VPCNoRoute, "")
		w.more(s).Addr = to.Dst
		w.endHop("")
		return topology.Port{}, false
	}
	w.endHop(igw.ID)
	return w.internetGateway(igw, f.card.Public[f.card.Primary])
}
