package diagram

import "slices"

// A leg can come to the same node twice: a branch card's traffic leaves for the VPC's router even where both pods are on
// one node. Every visit then has stations of its own in a block of rows; the blocks share the trunk and stand one below
// the other, an empty row apart. A block's ends that cannot be reached along the trunk are reached through that row and
// along one of two gutters at the right, so that the visits cross at a right angle and never run over each other.
//
//	├ veth ┐        ├ veth ┐
//	│      └──────────┐
//	3 PREROUTING      │
//	7 POSTROUTING     │        first visit
//	└─────────────────┼─┐
//	┌─────────────────┘ │
//	15 POSTROUTING      │      second visit, upwards
//	12 PREROUTING       │
//	│      ┌────────────┘
//	▣ ENI1 ▣ ENI2
const (
	gutterIn   = 4  // the outer gutter lies this far inside the loop, off the namespace's border
	gutterGap  = 22 // between the two gutters
	belowBlock = 24 // from a block's last row to the line that leaves its lower end
	aboveBlock = 34 // from the line that leaves a block's upper end to its first row
)

// stack gives every visit of a leg that comes to a node more than once a block, and finds how many rows each needs.
func (l *layout) stack(n *nodeModel) {
	legs := make([][]*hop, len(l.hops))
	most := 0
	for i, leg := range l.hops {
		for _, h := range leg {
			if h.Namespace == n.ns.Name {
				legs[i] = append(legs[i], h)
			}
		}
		if reply(l.m.doc.Legs[i].Kind) {
			slices.Reverse(legs[i])
		}
		most = max(most, len(legs[i]))
	}
	for _, visits := range legs {
		if len(visits) < 2 {
			continue
		}
		slices.SortStableFunc(visits, func(a, b *hop) int { return l.rankOf(n, a) - l.rankOf(n, b) })
		first, blocks := 0, len(visits)
		if n.tunnel != nil { // its device stands above the last block of every leg
			first, blocks = most-blocks, most
		}
		caps := l.caps[n]
		for k, h := range visits {
			h.block, h.blocks = first+k, blocks
			for len(caps) <= h.block {
				caps = append(caps, 1)
			}
			caps[h.block] = max(caps[h.block], len(h.inside))
		}
		l.caps[n] = caps
	}
	if caps := l.caps[n]; caps != nil {
		l.cross = true
		rows := 0
		for k, c := range caps {
			rows += c
			if k < len(caps)-1 {
				rows += n.gap(k, len(caps))
			}
		}
		l.rows = max(l.rows, rows)
	}
}

// rankOf sorts a leg's visits of a node: the one that uses the trunk's upper end is the first block, the one that uses its
// lower end the last. Of those at a tunnel, the one at a card is the last, and the other one the last but one.
func (l *layout) rankOf(n *nodeModel, h *hop) int {
	in, out := l.side(n, h.dev(h.In)), l.side(n, h.dev(h.Out))
	card := func(s side) bool { return s == botLeft || s == botRight }
	if n.tunnel != nil {
		switch {
		case in != inside && out != inside:
			return 0
		case card(out):
			return 3
		case card(in):
			return 2
		}
		return 1
	}
	switch {
	case in == topLeft || out == topLeft:
		return 0
	case in == botLeft || out == botLeft:
		return 2
	}
	return 1
}

// visit is one of several visits of a leg to a node.
func (w *walker) visit(g *nodeGeo, i int) {
	h := w.leg[i]
	l := w.l
	in, out := l.side(g.m, h.dev(h.In)), l.side(g.m, h.dev(h.Out))
	down := true
	switch in {
	case nowhere:
		down = !out.top()
	case topRight:
		down = out != topLeft
	case botLeft:
		down = false
	case botRight:
		down = out == botLeft
	}
	if in == inside || out == inside {
		down = h.downwards(in, out)
	}
	x := g.col[0] + w.o
	box := boxID(g.m.ns.Name)

	if in == inside {
		w.atTunnel(g, i, true, down)
	} else if in != nowhere {
		px, py := w.port(g, in)
		if !in.top() && i > 0 && !l.onStrip(w.leg[i-1]) {
			w.at(px, l.busY+w.o)
		}
		py += w.aside(g, i, in, true)
		if len(h.in) == 0 {
			w.at(px, py)
		}
		for _, s := range h.in {
			w.stop(s, px, py, portID(g.m.ns.Name, l.m.cardOf(g.m.ns, h.dev(h.In))), nil)
		}
		for _, p := range w.way(g, h, in, down) {
			w.at(p.X, p.Y)
		}
	}
	for j, s := range h.inside {
		y := g.blockY(h, j, down)
		w.stop(s, x, y, box, &Label{X: g.col[0] + w.gap(), Y: y, Max: g.loopX - gutterIn - gutterGap - 22 - (g.col[0] + w.gap())})
	}
	if out == inside {
		w.atTunnel(g, i, false, down)
		return
	}
	if out == nowhere {
		return
	}
	way := w.way(g, h, out, !down)
	slices.Reverse(way)
	for _, p := range way {
		w.at(p.X, p.Y)
	}
	px, py := w.port(g, out)
	py += w.aside(g, i, out, false)
	for _, s := range h.out {
		w.stop(s, px, py, portID(g.m.ns.Name, l.m.cardOf(g.m.ns, h.dev(h.Out))), nil)
	}
	w.at(px, py)
}

// top says whether an end is at a pod rather than at a card.
func (s side) top() bool { return s == topLeft || s == topRight }

// aside moves the station at a port that the leg uses more than once, so that both fit on it.
func (w *walker) aside(g *nodeGeo, i int, s side, in bool) float64 {
	uses, before := 0, 0
	use := func(j int, dev *string, comes bool) {
		if w.l.side(g.m, w.leg[j].dev(dev)) != s {
			return
		}
		if j < i || j == i && comes && !in {
			before++
		}
		uses++
	}
	for j, h := range w.leg {
		if h.Namespace == g.m.ns.Name {
			use(j, h.In, true)
			use(j, h.Out, false)
		}
	}
	if uses < 2 {
		return 0
	}
	return float64(before)*22 - 11
}

// way leads from the port at an end of the trunk to the upper or lower end of the hop's block.
func (w *walker) way(g *nodeGeo, h *hop, s side, upper bool) []Point {
	x, px := g.col[0]+w.o, g.col[0]+w.o
	if s == topRight || s == botRight {
		px = g.col[1] + w.o
	}
	gutter, portY := g.loopX-gutterIn+w.o, g.jogY+w.o
	if s.top() {
		gutter, portY = gutter-gutterGap, g.loopY+w.o
	}
	if s.top() == upper && (upper && h.block == 0 || !upper && h.block == h.blocks-1) {
		if px == x {
			return nil
		}
		return []Point{{px, portY}, {x, portY}}
	}
	end := g.blockEnd(h, upper) + w.o
	return []Point{{px, portY}, {gutter, portY}, {gutter, end}, {x, end}}
}

// blockRow is the height of the first row of the k-th block.
func (g *nodeGeo) blockRow(k int) float64 {
	row := 0
	for i, c := range g.caps[:k] {
		row += c + g.m.gap(i, len(g.caps))
	}
	return g.row0 + float64(row)*rowPitch
}

// blockEnd is where the line turns off the trunk above or below a hop's block.
func (g *nodeGeo) blockEnd(h *hop, upper bool) float64 {
	switch {
	case upper && h.block == 0:
		return g.loopY
	case upper:
		return g.blockRow(h.block) - aboveBlock
	case h.block == h.blocks-1:
		return g.jogY
	}
	return g.blockRow(h.block) + float64(g.caps[h.block]-1)*rowPitch + belowBlock
}

// blockY is the height of a hop's j-th station; few of them spread over the block's rows.
func (g *nodeGeo) blockY(h *hop, j int, down bool) float64 {
	n := len(h.inside)
	if !down {
		j = n - 1 - j
	}
	span := float64(g.caps[h.block]-1) * rowPitch
	if n <= 1 {
		return g.blockRow(h.block) + span/2
	}
	pitch := min(span/float64(n-1), 60)
	return g.blockRow(h.block) + (span-pitch*float64(n-1))/2 + float64(j)*pitch
}

// reply says whether a leg of this kind is drawn as an answer.
func reply(kind string) bool { return kind == "reply" || kind == "icmp-error" }
