package anatomy

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/diagram"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/topology"
)

// The picture's measures.
const (
	left       = 10.0
	podColumns = 4
	podWidth   = 174.0
	podGap     = 183.0
	podTop     = 48.0
	podHeight  = 94.0
	rootTop    = 190.0
	rootLeft   = 22.0
	rootWidth  = 736.0
	rowHeight  = 18.0
	maxCards   = 4
	maxMore    = 12 // veths of further pods, drawn as ports alone
)

func (b *builder) draw() {
	y := b.root(b.drawPods())
	y = b.hooks(y)
	b.frame(b.drawCards(y + 20))
}

// drawPods draws the first pods in full. What it gives back are the others.
func (b *builder) drawPods() []pod {
	for i, p := range b.pods {
		if i == podColumns {
			return b.pods[i:]
		}
		x := 30 + float64(i)*podGap
		box := diagram.Box{ID: "pod-" + p.veth.Name, Class: diagram.Pod, Radius: 8, Rect: diagram.Rect{X: x, Y: podTop, W: podWidth, H: podHeight}}
		box.Hex = &diagram.Point{X: x + 18, Y: podTop + 17}
		box.Texts = []diagram.Text{{X: x + 32, Y: podTop + 22, S: diagram.Clip(label(p.ns), 13, podWidth-44), Class: "b"}}
		for k, a := range podAddresses(p) {
			if k < 2 {
				box.Texts = append(box.Texts, diagram.Text{X: x + 12, Y: podTop + 44 + float64(k)*16, S: a, Class: "m"})
			}
		}
		b.a.Boxes = append(b.a.Boxes, box)
		if p.eth != nil {
			name := ifName(p.eth)
			b.a.Parts = append(b.a.Parts, Part{Port: port(x+14, podTop+podHeight-11, 46+diagram.TextWidth(name, 11, true), name)})
		}
		b.a.Cables = append(b.a.Cables, diagram.Line{{X: x + 27, Y: podTop + podHeight + 10}, {X: x + 27, Y: rootTop - 10}})
		// Names of veths are up to fifteen letters long (IFNAMSIZ); with @if and an index they still fit their column.
		b.part(p.veth, port(x+6, rootTop-12, min(176, max(166, 44+diagram.TextWidth(ifName(p.veth), 11, true))), ifName(p.veth)))
	}
	return nil
}

// part is an interface that can be selected. Who hears the page hears what is written at it, and whose it is.
func (b *builder) part(i *topology.Interface, p diagram.Port) {
	name := ""
	if k := slices.IndexFunc(b.pods, func(x pod) bool { return x.veth == i }); k >= 0 {
		name = p.Texts[0].S + ", " + label(b.pods[k].ns)
	}
	p.ID = "part-" + interfaceID(i.Name)
	b.a.Parts = append(b.a.Parts, Part{Port: p, Thing: interfaceID(i.Name), Name: name})
}

func port(x, y, w float64, name string) diagram.Port {
	p := diagram.Port{Rect: diagram.Rect{X: x, Y: y, W: w, H: 24}, Jack: diagram.Rect{X: x + 9, Y: y + 4, W: 24, H: 16}}
	p.Texts = []diagram.Text{{X: x + 38, Y: y + 16, S: clipChain(name, w-38), Class: "m v"}}
	return p
}

// ifName is an interface as `ip link` writes a veth: name@ifN.
func ifName(i *topology.Interface) string {
	if i.LinkIndex > 0 {
		return i.Name + "@if" + strconv.Itoa(i.LinkIndex)
	}
	return i.Name
}

// root draws what is in the root namespace above the hooks, and gives its lower edge.
func (b *builder) root(others []pod) float64 {
	top := rootTop + 28
	leftEnd := b.hostSide(top)
	rules := b.panel(270, top, 232, diagram.Text{Key: "anatomy.rules"}, b.ruleLines(), "rules")
	y := top
	for _, table := range b.tables() {
		lines := b.routeLines(table)
		if len(lines) == 0 {
			continue
		}
		p := b.panel(530, y, 212, diagram.Text{S: "table " + table.String()}, lines, "routes")
		from := min(p.Y+16, rules.Y+rules.H-10)
		b.a.Wires = append(b.a.Wires, diagram.Line{{X: rules.X + rules.W, Y: from}, {X: 516, Y: from}, {X: 516, Y: p.Y + 16}, {X: 530, Y: p.Y + 16}})
		y = p.Y + p.H + 12
	}
	end := max(leftEnd, rules.Y+rules.H, y-12)
	return b.otherPods(others, end)
}

// hostSide draws the pods on the node's own network and the node's own devices.
func (b *builder) hostSide(top float64) float64 {
	b.a.Notes = append(b.a.Notes, diagram.Text{X: 40, Y: top + 14, S: "root netns", Class: "b"})
	y := top + 14
	if len(b.ns.Place.HostPods) > 0 {
		y += 18
		b.a.Notes = append(b.a.Notes, diagram.Text{X: 40, Y: y, Key: "anatomy.host-network", Class: "s"})
		y += 12
		x := 40.0
		box := diagram.Box{ID: "host-pods", Class: "hosts"}
		for _, name := range b.ns.Place.HostPods {
			w := 30 + diagram.TextWidth(name, 11.5, false)
			if x > 40 && x+w > 256 {
				x, y = 40, y+24
			}
			box.Pills = append(box.Pills, diagram.Pill{Rect: diagram.Rect{X: x, Y: y, W: w, H: 18}, Name: name})
			x += w + 8
		}
		b.a.Boxes = append(b.a.Boxes, box)
		y += 18
	}
	for _, i := range b.devices() {
		y += 12
		p := port(40, y, 60+diagram.TextWidth(i.Name, 11, true), i.Name)
		p.Class = "virt"
		b.part(i, p)
		y += 24
	}
	return y
}

// otherPods draws the veths of pods for which there was no room, pods and all in one port each.
func (b *builder) otherPods(others []pod, y float64) float64 {
	if len(others) == 0 {
		return y
	}
	y += 16
	for k, p := range others {
		if k == maxMore {
			y += 30
			b.a.Notes = append(b.a.Notes, diagram.Text{X: 40, Y: y + 8, Key: "anatomy.more-pods", Args: map[string]string{"n": strconv.Itoa(len(others) - maxMore)}, Class: "s"})
			break
		}
		if k > 0 && k%podColumns == 0 {
			y += 30
		}
		b.part(p.veth, port(40+float64(k%podColumns)*176, y, 168, label(p.ns)))
	}
	return y + 24
}

func (b *builder) panel(x, y, w float64, title diagram.Text, lines []diagram.Text, target string) Panel {
	title.X, title.Y, title.Class = x+12, y+20, "b"
	p := Panel{Rect: diagram.Rect{X: x, Y: y, W: w, H: 32 + float64(len(lines))*rowHeight}, Title: title, Target: target}
	for i, l := range lines {
		l.X, l.Y = x+12, y+40+float64(i)*rowHeight
		l.S = clipMono(l.S, w-22)
		p.Lines = append(p.Lines, l)
	}
	b.a.Panels = append(b.a.Panels, p)
	return p
}

// clipMono shortens a line of a terminal.
func clipMono(s string, width float64) string {
	r := []rune(s)
	if n := int(width / (11.5 * 0.61)); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// hooks draws the five hooks with what hangs on them.
func (b *builder) hooks(y float64) float64 {
	y += 30
	b.a.Notes = append(b.a.Notes, diagram.Text{X: 40, Y: y, S: "netfilter", Class: "b"}, diagram.Text{X: 104, Y: y, Key: "anatomy.hooks", Class: "s"})
	y += 12
	rows := 1
	var lines [netfilter.NumHooks][]diagram.Text
	for h := range netfilter.NumHooks {
		lines[h] = b.hookLines(h)
		rows = max(rows, len(lines[h]))
	}
	const w, gap = 136.0, 8.0
	bottom := y
	for h := range netfilter.NumHooks {
		x := 34 + float64(h)*(w+gap)
		p := Panel{Rect: diagram.Rect{X: x, Y: y, W: w, H: 32 + float64(rows)*16}, Target: h.String(),
			Title: diagram.Text{X: x + 10, Y: y + 20, S: h.String(), Class: "b"}}
		for i, l := range lines[h] {
			l.X, l.Y = x+10, y+39+float64(i)*16
			l.S = clipChain(l.S, w-16)
			p.Lines = append(p.Lines, l)
		}
		b.a.Panels = append(b.a.Panels, p)
		bottom = y + p.H
	}
	return bottom
}

func clipChain(s string, width float64) string {
	r := []rune(s)
	if n := int(width / (11 * 0.61)); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// drawCards draws the cards across the lower edge, and gives the lower edge of the root namespace.
func (b *builder) drawCards(y float64) float64 {
	cards := b.cards()
	hidden := max(0, len(cards)-maxCards)
	cards = cards[:len(cards)-hidden]
	if len(cards) == 0 {
		return y
	}
	const gap = 14.0
	n := float64(max(2, len(cards))) // a single card does not take the whole width
	w := (720 - (n-1)*gap) / n
	height := 50.0
	for _, i := range cards {
		if len(cardAddresses(i)) > 1 || i.ENI != nil && len(i.ENI.Prefixes) > 0 {
			height = 88
		}
	}
	for k, i := range cards {
		b.card(i, diagram.Rect{X: 30 + float64(k)*(w+gap), Y: y, W: w, H: height})
	}
	if hidden > 0 {
		b.a.Notes = append(b.a.Notes, diagram.Text{X: 742, Y: y - 6, Key: "anatomy.more-cards", Args: map[string]string{"n": strconv.Itoa(hidden)}, Class: "s", End: true})
	}
	b.a.Height = y + height + 10
	return y + 30
}

func (b *builder) card(i *topology.Interface, r diagram.Rect) {
	addresses := cardAddresses(i)
	title := i.Name
	if i.ENI != nil && i.ENI.Name != "" {
		title = i.ENI.Name + " · " + i.Name
	}
	p := diagram.Port{Rect: r, Jack: diagram.Rect{X: r.X + 8, Y: r.Y + 4, W: 26, H: r.H - 8}}
	p.Texts = []diagram.Text{{X: r.X + 44, Y: r.Y + 21, S: title, Class: "b"}}
	if i.ENI != nil && r.H > 60 {
		used := 0
		for _, a := range addresses[min(1, len(addresses)):] {
			if b.isPods(a) {
				used++
			}
		}
		p.Texts = append(p.Texts, diagram.Text{X: r.X + 44, Y: r.Y + 82, Key: "anatomy.secondary", Class: "s",
			Args: map[string]string{"used": strconv.Itoa(used), "all": strconv.Itoa(max(0, len(addresses)-1))}})
	} else {
		p.Texts = append(p.Texts, diagram.Text{X: r.X + 44, Y: r.Y + 40, Key: "anatomy.mtu", Args: map[string]string{"mtu": strconv.Itoa(i.MTU)}, Class: "s"})
	}
	b.part(i, p)
	if len(addresses) > 0 {
		w := 16 + diagram.TextWidth(addresses[0], 12, true)
		b.chip(diagram.Rect{X: r.X + r.W - w - 8, Y: r.Y + 6, W: w, H: 22}, addresses[0], addressID(addresses[0]), addresses[0], "pri")
	}
	if i.ENI != nil {
		b.chips(i, addresses, r)
	}
}

// chip is an address, or a delegated prefix, that stands by itself. Class is use where a pod has it, pri where it is a
// card's own.
func (b *builder) chip(r diagram.Rect, text, thing, name, class string) {
	p := Part{Port: diagram.Port{Rect: r, Class: class}, Thing: thing, Name: name, Chip: true}
	if thing != "" {
		p.ID = "part-" + thing
	}
	p.Texts = []diagram.Text{{X: r.X + 8, Y: r.Y + r.H/2 + 4, S: text, Class: "m"}}
	b.a.Parts = append(b.a.Parts, p)
}

// chips are a card's secondary addresses and delegated prefixes.
func (b *builder) chips(i *topology.Interface, addresses []string, r diagram.Rect) {
	x, end := r.X+44, r.X+r.W-8
	type chip struct {
		text, thing, name string
		used              bool
	}
	var all []chip
	for _, p := range i.ENI.Prefixes {
		n := 0
		for _, pod := range b.pods {
			for _, a := range podAddresses(pod) {
				if addr, err := netip.ParseAddr(a); err == nil && p.Contains(addr) {
					n++
				}
			}
		}
		all = append(all, chip{text: p.String() + " ×" + strconv.Itoa(n), name: p.String(), used: n > 0})
	}
	for _, a := range addresses[min(1, len(addresses)):] {
		all = append(all, chip{text: shortAddress(a, addresses[0]), thing: addressID(a), name: a, used: b.isPods(a)})
	}
	for k, c := range all {
		w := 16 + diagram.TextWidth(c.text, 11.5, true)
		if x+w > end || x+w+44 > end && k < len(all)-1 {
			b.a.Notes = append(b.a.Notes, diagram.Text{X: x + 2, Y: r.Y + 53, S: "+" + strconv.Itoa(len(all)-k), Class: "s"})
			return
		}
		class := ""
		if c.used {
			class = "use"
		}
		b.chip(diagram.Rect{X: x, Y: r.Y + 36, W: w, H: 26}, c.text, c.thing, c.name, class)
		x += w + 5
	}
}

// shortAddress leaves out what an address shares with the card's own: 192.168.1.52 beside 192.168.1.10 is .52.
func shortAddress(a, primary string) string {
	cut := strings.LastIndexByte(a, '.')
	if cut > 0 && strings.HasPrefix(primary, a[:cut+1]) {
		return a[cut:]
	}
	return a
}

// frame draws the boxes around everything, behind it.
func (b *builder) frame(rootBottom float64) {
	node := diagram.Box{ID: "the-node", Class: diagram.Node, Radius: 12, Rect: diagram.Rect{X: left, Y: 8, W: Width - 2*left, H: rootBottom + 28 - 8}}
	node.Texts = []diagram.Text{{X: 28, Y: 34, S: label(b.ns), Class: "h"}}
	if m := b.ns.Place.Machine; m != "" {
		node.Texts = append(node.Texts, diagram.Text{X: 28 + diagram.TextWidth(label(b.ns), 14, false) + 14, Y: 34, S: m, Class: "s"})
	}
	root := diagram.Box{ID: "the-root", Parent: node.ID, Class: diagram.Root, Radius: 10,
		Rect: diagram.Rect{X: rootLeft, Y: rootTop, W: rootWidth, H: rootBottom - rootTop}}
	b.a.Boxes = append([]diagram.Box{node, root}, b.a.Boxes...)
	b.a.Height = max(b.a.Height, rootBottom+28+10)
}
