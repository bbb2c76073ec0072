// Package anatomy lays out the inside of one node: its pods on their veth pairs, the root namespace with what decides in
// it, and the cards below. It knows Linux, not the plugin that programmed it: what is drawn is what the namespace has.
//
//	┌ node ───────────────────────────────────────────┐
//	│ ┌ pod ───┐ ┌ pod ───┐ ┌ pod ───┐ ┌ pod ───┐     │
//	│ └─▢──────┘ └─▢──────┘ └─▢──────┘ └─▢──────┘     │
//	│ ┌─▢──root────▢───────────▢──────────▢─────────┐ │
//	│ │ host pods     ┌ ip rule ┐ ─ ┌ table main ┐  │ │
//	│ │ ┌ vxlan ┐     └─────────┘ ─ ┌ table 2 ───┐  │ │
//	│ │ ┌ PREROUTING ┐ ┌ INPUT ┐ ┌ FORWARD ┐ …      │ │
//	│ └─▣ card ─────────────▣ card ─────────────────┘ │
//	└───▣───────────────────▣──────────────────────────┘
package anatomy

import (
	"github.com/podpath/podpath/internal/diagram"
	"github.com/podpath/podpath/internal/topology"
)

// Width is the width of the picture's coordinate system; the height grows with what is drawn.
const Width = 780

// Anatomy is a node, laid out.
type Anatomy struct {
	Height float64
	Boxes  []diagram.Box // outermost first; a pod's ID is that of its thing
	Cables []diagram.Line
	Wires  []diagram.Line // from the rules to the tables
	Parts  []Part         // interfaces and addresses that can be selected
	Panels []Panel
	Notes  []diagram.Text
	// Things are what lines of the node's state can be about, those that are drawn and those that are not.
	Things []Thing
}

// Part is something that can be selected: an interface as a port, or an address as a chip.
type Part struct {
	diagram.Port
	Thing string // the ID of what it stands for
	Name  string // for who hears the page; "" where the texts say it
	Chip  bool   // an address: its class is use where a pod has it, pri where it is the card's own
}

// Panel is a list within the root namespace: the rules, a table, a hook's chains.
type Panel struct {
	diagram.Rect
	Title diagram.Text
	Lines []diagram.Text
	// Target is the state that the panel is about: rules, routes, or a hook's name.
	Target string
}

// Build lays a node out. The namespace has to be one of the topology's.
func Build(t *topology.Topology, ns *topology.Namespace) *Anatomy {
	b := &builder{t: t, ns: ns, a: &Anatomy{}}
	b.pods = b.findPods()
	b.a.Things = b.things()
	b.draw()
	return b.a
}

type builder struct {
	t    *topology.Topology
	ns   *topology.Namespace
	a    *Anatomy
	pods []pod
}

// pod is a pod with the veth pair that leads to it.
type pod struct {
	ns   *topology.Namespace
	eth  *topology.Interface // the pod's end; nil where it is not known
	veth *topology.Interface
}

// findPods are the pods at the node's veths, in the node's order.
func (b *builder) findPods() []pod {
	var out []pod
	for _, i := range b.ns.Interfaces {
		if i.Kind != topology.Veth || i.Peer.Namespace == "" {
			continue
		}
		ns, err := b.t.Namespace(i.Peer.Namespace)
		if err != nil || ns.Kind != topology.Pod {
			continue
		}
		out = append(out, pod{ns, ns.Interface(i.Peer.Interface), i})
	}
	return out
}

// cards are the interfaces that lead out of the node.
func (b *builder) cards() []*topology.Interface {
	var out []*topology.Interface
	for _, i := range b.ns.Interfaces {
		switch {
		case i.Kind == topology.ENI, i.Kind == topology.NIC:
			out = append(out, i)
		case i.Kind == topology.Veth && i.Peer.Namespace != "":
			if ns, err := b.t.Namespace(i.Peer.Namespace); err == nil && ns.Kind != topology.Pod {
				out = append(out, i)
			}
		}
	}
	return out
}

// devices are the node's own devices: tunnels, bridges.
func (b *builder) devices() []*topology.Interface {
	var out []*topology.Interface
	for _, i := range b.ns.Interfaces {
		switch i.Kind {
		case topology.VXLAN, topology.IPIP, topology.Bridge, topology.VLAN, topology.MACVLAN, topology.Dummy:
			out = append(out, i)
		}
	}
	return out
}

// label is a namespace's title.
func label(ns *topology.Namespace) string {
	if ns.Place.Label != "" {
		return ns.Place.Label
	}
	return ns.Name
}
