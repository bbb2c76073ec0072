package picture

import "github.com/podpath/podpath/internal/diagram"

// wrapWidth is how wide the outer chip is.
const wrapWidth = 56

// packet is the chip at its station: its stripes are the headers, yellow where they changed here; in a tunnel it lies in
// another chip. Where the packet was dropped there is none.
func (d *drawing) packet(s *diagram.Station) {
	if s.Mark == diagram.StopDrop {
		return
	}
	hue := colour("pkt")
	if d.replies(s) {
		hue = "reply"
	}
	c := d.Chip
	at := func(x, y, w, h float64) diagram.Rect { return diagram.Rect{X: s.X + x, Y: s.Y + y, W: w, H: h} }
	halo := 27.0
	if c.Wrapped {
		halo = 33
	}
	d.add(&circle{s.X, s.Y, halo, paint{fill: hue, opacity: 0.16}})
	if c.Wrapped {
		d.add(&rect{at(-wrapWidth/2, -17, wrapWidth, 34), 6, paint{fill: "outer", stroke: "ink", width: 1.8}})
	}
	d.add(&rect{at(-22, -12, 44, 24), 5, paint{fill: "surface", stroke: "ink", width: 1.8}})
	eth := paint{fill: "line-3"}
	if !c.Eth {
		eth.opacity = 0.18
	}
	for _, stripe := range []struct {
		x, w    float64
		paint   paint
		changed bool
	}{
		{-18, 7, eth, c.ChangedEth},
		{-9, 9, paint{fill: hue}, c.ChangedIP},
		{2, 8, paint{fill: hue, opacity: 0.55}, c.ChangedL4},
		{12, 6, paint{fill: "surface-3"}, false},
	} {
		p := stripe.paint
		if stripe.changed {
			p = paint{fill: "chg", stroke: "chg-ink", width: 1}
		}
		d.add(&rect{at(stripe.x, -8, stripe.w, 16), 1.5, p})
	}
	flag := paint{fill: "chg", stroke: "ink", width: 1.2}
	switch {
	case c.Mark == "":
	case c.Tight:
		d.add(&rect{at(-27, -21, 13, 11), 3, flag})
	default:
		d.add(&rect{at(-27, -32, 54, 17), 3, flag})
		d.write(text{x: s.X, y: s.Y - 19, s: c.Mark, style: style{size: 11, bold: true, mono: true}, fill: "chg-ink", anchor: middle}, 50)
	}
}
