package diagram

import (
	"slices"

	"github.com/podpath/podpath/internal/topology"
)

// A tunnel's device is drawn inside the root namespace, on no border, beside the trunk: the line turns off to it, and what
// comes out of it is another packet, that passes the stack a second time. The two visits are blocks of the trunk (see
// chain.go), one above the device and one below, the last of the node's.
//
//	3 PREROUTING
//	7 POSTROUTING
//	└────────┐
//	      ┌┄┄8┄┄┄┄┄┄┄┄┄┄┐
//	      ┆  9 vxlan    ┆
//	      └┄┄┆┄┄┄┄┄┄┄┄┄┄┘
//	┌────────┘
//	11 OUTPUT
//	▣ ENI0
const (
	tunnelGap    = 2   // empty rows between the blocks, for the device
	tunnelHeight = 50  // of its port
	tunnelWidth  = 130 // the way around the labels passes at its right
	tunnelTurn   = 9   // from the port to the line's turn
)

// fillTunnel finds the tunnel device that the packet goes through.
func (m *model) fillTunnel(n *nodeModel) {
	for _, leg := range m.doc.Legs {
		for _, h := range leg.Hops {
			if h.Namespace != n.ns.Name {
				continue
			}
			for _, dev := range []*string{h.In, h.Out} {
				if dev == nil {
					continue
				}
				if i := n.ns.Interface(*dev); i != nil && (i.Kind == topology.VXLAN || i.Kind == topology.IPIP) {
					n.tunnel = i
					return
				}
			}
		}
	}
}

// gap is how many empty rows stand behind the k-th of several blocks of the node.
func (n *nodeModel) gap(k, blocks int) int {
	if n.tunnel != nil && k == blocks-2 {
		return tunnelGap
	}
	return 1
}

// tunnelY is the middle of the device's port: between the last two blocks.
func (g *nodeGeo) tunnelY() float64 {
	n := len(g.caps)
	if n < 2 {
		return (g.loopY + g.jogY) / 2
	}
	above := g.blockRow(n-2) + float64(g.caps[n-2]-1)*rowPitch
	return (above + g.blockRow(n-1)) / 2
}

// drawTunnel draws the device.
func (l *layout) drawTunnel(g *nodeGeo, root string) {
	t := g.m.tunnel
	if t == nil {
		return
	}
	y := g.tunnelY()
	p := Port{ID: portID(g.m.ns.Name, t.Name), Owner: root, Class: "virt", Rect: Rect{g.col[1] - 12, y - tunnelHeight/2, tunnelWidth, tunnelHeight},
		Jack: Rect{g.col[1] - 8, y - tunnelHeight/2 + 4, 26, tunnelHeight - 8}}
	p.Texts = []Text{{X: g.col[1] + 32, Y: y - 4, S: t.Name, Class: "b"}, {X: g.col[1] + 32, Y: y + 13, S: ifaceAddress(t), Class: "m"}}
	l.s.Ports = append(l.s.Ports, p)
}

// downwards says which way a visit with an end at the tunnel runs: its block stands above the device or below it.
func (h *hop) downwards(in, out side) bool {
	if h.block < h.blocks-1 {
		return out == inside
	}
	return in == inside
}

// tunnelStop is the height of the k-th of all stations that a leg has at the node's tunnel.
func (w *walker) tunnelStop(g *nodeGeo, i, k int, comes bool) float64 {
	const pitch = 22
	before, all, down := 0, 0, true
	for j, h := range w.leg {
		if h.Namespace != g.m.ns.Name {
			continue
		}
		in, out := w.l.side(g.m, h.dev(h.In)), w.l.side(g.m, h.dev(h.Out))
		for _, end := range []struct {
			at    side
			list  []int
			comes bool
		}{{in, h.in, true}, {out, h.out, false}} {
			if end.at != inside {
				continue
			}
			if j == i {
				down = h.downwards(in, out)
			}
			if j < i || j == i && end.comes && !comes {
				before += len(end.list)
			}
			all += len(end.list)
		}
	}
	at := float64(before+k) - float64(all-1)/2
	if !down {
		at = -at
	}
	return g.tunnelY() + at*pitch
}

// atTunnel draws one end of a visit at the tunnel: its stations, and the turn between the device and the trunk.
func (w *walker) atTunnel(g *nodeGeo, i int, comes, down bool) {
	h := w.leg[i]
	x, px := g.col[0]+w.o, g.col[1]+w.o
	turn := g.tunnelY() - tunnelHeight/2 - tunnelTurn + w.o
	if comes == down { // below the device
		turn = g.tunnelY() + tunnelHeight/2 + tunnelTurn + w.o
	}
	list := h.out
	if comes {
		list = h.in
	}
	way := []Point{{x, turn}, {px, turn}}
	stops := func() {
		for k, s := range list {
			w.stop(s, px, w.tunnelStop(g, i, k, comes), portID(g.m.ns.Name, g.m.tunnel.Name), nil)
		}
	}
	if comes {
		stops()
		slices.Reverse(way)
	}
	for _, p := range way {
		w.at(p.X, p.Y)
	}
	if !comes {
		stops()
		if len(list) == 0 {
			w.at(px, g.tunnelY())
		}
	}
}
