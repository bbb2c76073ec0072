package diagram

import (
	"github.com/podpath/podpath/internal/topology"
)

// A site on premises: each subnet is a zone with its switch at the bottom, drawn as a strip under the node's card; router,
// provider and hosts are blocks below.
//
//	┌ site ──────────────────────────────────────┐
//	│ ┌ rack-1 ────────────┐ ┌ rack-2 ─────────┐ │
//	│ │ ┌ node ──────────┐ │ │                 │ │
//	│ │ └─▣──────────────┘ │ │                 │ │
//	│ │ ╞═switch═══════════╡ │ ╞═══════════════╡ │
//	│ └───┼────────────────┘ └───┼─────────────┘ │
//	│     └──┐ router            │               │
//	│        ├ PREROUTING        │               │
//	│        └───────────────────┘               │
//	└────────────────────────────────────────────┘
const stripHeight = 34

// drawSite draws the outermost box of a site; its height is set once the router is placed.
func (l *layout) drawSite() {
	s := l.m.topo.Site
	if s == nil {
		return
	}
	b := Box{ID: "vpc", Class: VPC, Radius: 14, Rect: Rect{6, 4, Width - 12, 0}}
	b.Texts = []Text{{X: 22, Y: 25, Key: "box.site", Class: "b"}}
	if s.Name != "" {
		b.Texts = append(b.Texts, Text{X: 820, Y: 25, S: s.Name, Class: "s", End: true})
	}
	l.s.Boxes = append(l.s.Boxes, b)
}

// drawSwitch draws a subnet's switch across its zone.
func (l *layout) drawSwitch(s *topology.Subnet, zone string, r Rect) {
	site := l.m.topo.Site
	if site == nil || s == nil {
		return
	}
	name := site.Switches[s.ID]
	b := Box{ID: "dev-" + slug("ns-"+name), Parent: zone, Class: Device, Radius: 8, Quiet: !l.used(name),
		Rect: Rect{r.X + 10, l.stripY - stripHeight/2, r.W - 20, stripHeight}}
	b.Texts = []Text{{X: r.X + r.W - 24, Y: l.stripY + 4.5, S: name, Class: "b s", End: true}}
	l.s.Boxes = append(l.s.Boxes, b)
}

// onStrip says whether a hop is at a switch that is drawn in a zone.
func (l *layout) onStrip(h *hop) bool {
	return l.m.topo.Site != nil && h.Kind == string(topology.Switch)
}

// beyond is the hop next to the one at i in a direction, past switches and further visits of the same place.
func (w *walker) beyond(i, step int) int {
	at := w.leg[i].Namespace
	for i += step; i >= 0 && i < len(w.leg) && (w.l.onStrip(w.leg[i]) || w.leg[i].Namespace == at); i += step {
	}
	return i
}

// strip: a switch's station stands under the card that the frame came by, or that it leaves by.
func (w *walker) strip(i int) {
	h := w.leg[i]
	y := w.l.stripY + w.o/2
	column := func(j int, dev func(*hop) *string) (float64, bool) {
		if j < 0 || j >= len(w.leg) {
			return 0, false
		}
		g := w.l.nodes[w.leg[j].Namespace]
		if g == nil {
			return 0, false
		}
		if w.l.side(g.m, w.leg[j].dev(dev(w.leg[j]))) == botRight {
			return g.col[1] + w.o, true
		}
		return g.col[0] + w.o, true
	}
	from, comes := column(i-1, func(h *hop) *string { return h.Out })
	to, goes := column(i+1, func(h *hop) *string { return h.In })
	x := from
	if !comes {
		x = to
	}
	if !comes && !goes {
		x = w.l.chainX() + w.o
	}
	stations := append(append(append([]int(nil), h.in...), h.inside...), h.out...)
	for _, s := range stations {
		w.stop(s, x, y, "dev-"+slug("ns-"+h.Namespace), nil)
	}
	if len(stations) == 0 {
		w.at(x, y)
	}
	if comes && goes {
		w.at(to, y)
	}
}

// chainX is the vertical of the blocks below the nodes.
func (l *layout) chainX() float64 { return blockTrunk }

// siteNotes writes what the router knows beside it: its routes, that of pods among them or not.
func (l *layout) siteNotes() {
	site := l.m.topo.Site
	d := l.devs["ns-"+site.Router]
	if d == nil || d.ns == nil {
		return
	}
	const left, most = 500, 9
	y := d.top + 22
	l.s.Notes = append(l.s.Notes, Text{X: left, Y: y, Key: "box.routes", Args: map[string]string{"name": d.name}, Class: "b s"})
	n := 0
	for _, r := range d.ns.Routes {
		if r.Table != topology.TableMain || len(r.Nexthops) == 0 {
			continue
		}
		if n++; n > most {
			l.s.Notes = append(l.s.Notes, Text{X: left, Y: y + float64(n)*15, S: "…", Class: "m s"})
			return
		}
		dst, to := r.Dst.String(), r.Nexthops[0].Dev
		if r.Dst.Bits() == 0 {
			dst = "default"
		}
		if g := r.Nexthops[0].Gateway; g.IsValid() {
			to = g.String()
		}
		l.s.Notes = append(l.s.Notes, Text{X: left, Y: y + float64(n)*15, S: dst + " → " + to, Class: "m s"})
	}
}
