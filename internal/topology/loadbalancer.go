package topology

import (
	"net/netip"

	"github.com/podpath/podpath/internal/packet"
)

// NetworkLoadBalancer is a load balancer of layer 4 on the fabric (AWS NLB): it keeps the flow and changes its addresses.
// It is no proxy: the target's packet is the client's (facts/underlay.md, section 2).
type NetworkLoadBalancer struct {
	ID       string // as the hop is called: nlb-default-web
	Name     string // the Service it was made for, namespace/name
	Internet bool   // internet-facing; else internal
	// CrossZone lets the node of one zone use the targets of all.
	CrossZone bool
	Nodes     []*LBNode
	Listeners []*LBListener
}

// LBNode is a load balancer's presence in one zone: a card with an address in one subnet, which DNS gives out.
type LBNode struct {
	Zone string
	Card *ENICard
}

// LBListener takes one port and hands its flows to targets.
type LBListener struct {
	Protocol packet.Protocol
	Port     uint16
	// ByInstance: targets are machines, reached at their primary card and the Service's node port. Else targets are
	// addresses.
	ByInstance bool
	// KeepClient leaves the client's address as the packet's source (preserve_client_ip.enabled); else the target sees the
	// load balancer's own.
	KeepClient bool
	Targets    []LBTarget
}

// LBTarget is where a listener's flows can go.
type LBTarget struct {
	Name    string // node-a, default/web-0
	Address netip.Addr
	Port    uint16
	Zone    string
	// Unhealthy targets get nothing while there is a healthy one.
	Unhealthy bool
}

// Node finds the load balancer's node that has an address; nil if it has none.
func (b *NetworkLoadBalancer) Node(a netip.Addr) *LBNode {
	for _, n := range b.Nodes {
		if n.Card.Owns(a) {
			return n
		}
	}
	return nil
}

// Listener finds what listens on a port; nil where nothing does.
func (b *NetworkLoadBalancer) Listener(p packet.Protocol, port uint16) *LBListener {
	for _, l := range b.Listeners {
		if l.Protocol == p && l.Port == port {
			return l
		}
	}
	return nil
}

// Reachable are the targets that a node of the load balancer spreads flows over: the healthy ones of its own zone, or of
// all with cross-zone. Where none of a listener's targets is healthy anywhere, all count as healthy ("fail open",
// elasticloadbalancing/latest/network, "Target group health checks").
func (b *NetworkLoadBalancer) Reachable(n *LBNode, l *LBListener) []LBTarget {
	open := true
	for _, t := range l.Targets {
		open = open && t.Unhealthy
	}
	var out []LBTarget
	for _, t := range l.Targets {
		if (open || !t.Unhealthy) && (b.CrossZone || t.Zone == n.Zone) {
			out = append(out, t)
		}
	}
	return out
}
