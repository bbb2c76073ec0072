package compare

import (
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// Role is what a place is to a packet's way, so that places of different clusters compare whatever they are called. It is
// of one leg: in a reply the server's end is the sender.
type Role string

// The roles, in the order of a way.
const (
	Sender       Role = "sender"        // the sending end: a pod, a node's own process, a host
	SenderNode   Role = "sender-node"   // the node that the sender is on
	Network      Role = "network"       // the fabric's router, switches and routers on premises
	Balancer     Role = "load-balancer" //
	Gateway      Role = "gateway"       // to the Internet, NAT, a provider
	MiddleNode   Role = "middle-node"   // a node that neither end is on: a node port's, say
	ReceiverNode Role = "receiver-node" // the node that the receiver is on, or the last that was reached
	Receiver     Role = "receiver"      // the receiving end, where it was reached
)

// Roles are all of them. Each has a name in every language (web/locales, [role]).
var Roles = []Role{Sender, SenderNode, Network, Balancer, Gateway, MiddleNode, ReceiverNode, Receiver}

// Fabric says whether a role is the network's and not an end's or a node's.
func (r Role) Fabric() bool { return r == Network || r == Gateway || r == Balancer }

// roles says what each hop of a leg is. The kind of a hop says whether it is the network's; which node it is follows from
// what lies before and behind it.
func roles(leg *trace.LegDocument) []Role {
	out := make([]Role, len(leg.Hops))
	first, last := -1, -1 // of the network's hops
	for h := range leg.Hops {
		kind := topology.Kind(leg.Hops[h].Kind)
		if !kind.Network() {
			continue
		}
		switch kind {
		case topology.LoadBalancer:
			out[h] = Balancer
		case topology.Gateway:
			out[h] = Gateway
		default:
			out[h] = Network
		}
		if first < 0 {
			first = h
		}
		last = h
	}
	for h := range leg.Hops {
		if out[h] != "" {
			continue
		}
		end := h == len(leg.Hops)-1
		switch {
		case h == 0:
			out[h] = Sender
		case end && (leg.Outcome == trace.Delivered || topology.Kind(leg.Hops[h].Kind) != topology.Node):
			out[h] = Receiver
		case first < 0 || h < first:
			out[h] = SenderNode
		case h > last:
			out[h] = ReceiverNode
		default:
			out[h] = MiddleNode
		}
	}
	return out
}
