package picture

import (
	"math"
	"strconv"

	"github.com/podpath/podpath/internal/diagram"
)

// Measures of a card of 1200 by 630; another size has them in proportion.
const (
	cardWidth, cardHeight = 1200, 630
	cardMargin            = 48
	cardHead              = 106 // as high as the title's band
	cardRow               = 38  // of the sentence
	cardFade              = 24  // over which the map comes out of the paper
)

var (
	cardTitle   = style{size: 42, bold: true}
	cardStation = style{size: 30, bold: true}
	cardText    = style{size: 28}
	cardName    = style{size: 26, bold: true}
)

const (
	legible   = 1    // the least scale at which the map is shown whole
	beside    = 420  // the room for what is written beside a line
	narrowest = 0.64 // of the map's width is shown at least
	widest    = 0.88 // of it is as good as all
)

// card draws the map as wide as the card and puts over it what does not belong to its band.
func (p *Picture) card(width, height int) (*raster, error) {
	d, err := p.draw()
	if err != nil {
		return nil, err
	}
	c, err := newRaster(width, height, p.Dark)
	if err != nil {
		return nil, err
	}
	k := min(float64(width)/cardWidth, float64(height)/cardHeight)
	t := &drawing{Picture: p, pen: d.pen, current: d.current}
	t.Rect = diagram.Rect{W: float64(width) / k, H: float64(height) / k}
	band := t.frame()

	view, scale := d.window(band)
	c.show(&list{items: []item{&rect{Rect: t.Rect, paint: paint{fill: "paper"}}}}, 0, 0, k)
	c.show(&d.list, view.X-band.X/scale, view.Y-band.Y/scale, scale*k)
	c.show(fade(band, view.X > 0, view.X+view.W < d.W), 0, 0, k)
	c.show(&t.list, 0, 0, k)
	return c, nil
}

// window is the part of the map that a band shows, and how large: all of it if that is legible, else as wide as the
// packet's way is, around the packet.
func (d *drawing) window(band diagram.Rect) (diagram.Rect, float64) {
	const edge = 10 // around the map
	w, h := d.W+2*edge, d.H+2*edge
	scale := min(band.W/w, band.H/h)
	if scale < legible {
		shown := max(d.span()+beside, narrowest*w)
		if shown > widest*w {
			shown = w
		}
		scale = band.W / shown
	}
	v := diagram.Rect{W: band.W / scale, H: band.H / scale}
	at := diagram.Point{}
	if d.current >= 0 {
		s := &d.Scene.Stations[d.current]
		at = diagram.Point{X: s.X + beside/4, Y: s.Y}
	}
	v.X = slide(at.X, v.W, -edge, w)
	v.Y = slide(at.Y, v.H, -edge, h)
	return v, scale
}

// slide is where a window of some length begins that has a point in its middle as far as the ends of what is looked at
// allow; what is shorter than the window is in the middle of it.
func slide(at, window, from, length float64) float64 {
	if window >= length {
		return from + (length-window)/2
	}
	return max(from, min(at-window/2, from+length-window))
}

// span is how wide the packet's way is.
func (d *drawing) span() float64 {
	lo, hi := math.Inf(1), math.Inf(-1)
	for i := range d.Scene.Stations {
		if s := &d.Scene.Stations[i]; s.Lane == d.lane() {
			lo, hi = min(lo, s.X), max(hi, s.X)
		}
	}
	return max(hi-lo, 0)
}

// frame draws what is above and below the map, on paper that covers the rest of it, and gives the band between.
func (d *drawing) frame() diagram.Rect {
	room := d.W - 2*cardMargin
	head := 0.0
	if d.Title != "" || d.Mark {
		head = cardHead
	}
	left := cardMargin + 58.0 // beside the number
	station, hasStation := d.stationName()
	if !hasStation {
		left = cardMargin
	}
	lines, body := d.paragraph(d.Caption, cardText, room-(left-cardMargin), 2)
	rows := float64(len(lines))
	if station != "" {
		rows++
	}
	foot := 0.0
	if rows > 0 || hasStation {
		foot = 30 + 28 + cardRow*max(rows, 1) - 8
	}
	band := diagram.Rect{Y: head, W: d.W, H: max(d.H-head-foot, 1)}
	d.cover(band)

	if head > 0 {
		d.cardHeading(room)
	}
	y := band.Y + band.H + 30 + 22
	if hasStation {
		d.badge(cardMargin+20, y-10)
	}
	if station != "" {
		d.write(text{x: left, y: y, s: station, style: cardStation, fill: "ink"}, d.W-cardMargin-left)
		y += cardRow + 2
	}
	for _, l := range lines {
		d.add(&text{x: left, y: y, s: l, style: body, fill: "ink-2"})
		y += cardRow
	}
	return band
}

// cover is the paper above and below the band.
func (d *drawing) cover(band diagram.Rect) {
	below := band.Y + band.H
	for _, r := range []diagram.Rect{{W: d.W, H: band.Y}, {Y: below, W: d.W, H: d.H - below}} {
		if r.H > 0 {
			d.add(&rect{Rect: r, paint: paint{fill: "paper"}})
		}
	}
}

// fade is paper that thins out from the band's edges inwards, where the map goes on behind them.
func fade(band diagram.Rect, left, right bool) *list {
	var l list
	for i := range cardFade {
		at := float64(i)
		thin := paint{fill: "paper", opacity: math.Pow(1-(at+0.5)/cardFade, 1.5)}
		strip := func(on bool, r diagram.Rect) {
			if on {
				l.add(&rect{Rect: r, paint: thin})
			}
		}
		strip(true, diagram.Rect{Y: band.Y + at, W: band.W, H: 1})
		strip(true, diagram.Rect{Y: band.Y + band.H - at - 1, W: band.W, H: 1})
		strip(left, diagram.Rect{X: at, Y: band.Y, W: 1, H: band.H})
		strip(right, diagram.Rect{X: band.W - at - 1, Y: band.Y, W: 1, H: band.H})
	}
	return &l
}

// cardHeading is the question and, on the right, whose picture it is.
func (d *drawing) cardHeading(room float64) {
	const baseline = 68
	if d.Mark {
		w := d.width(appName, cardName)
		d.add(&text{x: d.W - cardMargin, y: baseline - 4, s: appName, style: cardName, fill: "ink-3", anchor: end})
		d.mark(d.W-cardMargin-w-48, baseline-34, 38)
		room -= w + 48 + 32
	}
	s, st := d.fit(clean(d.Title), cardTitle, room, 0.66)
	d.add(&text{x: cardMargin, y: baseline, s: s, style: st, fill: "ink"})
}

// stationName is what the current station is called; ok is false where there is none.
func (d *drawing) stationName() (name string, ok bool) {
	if d.current < 0 {
		return "", false
	}
	if d.current < len(d.Titles) {
		name = clean(d.Titles[d.current])
	}
	return name, true
}

// badge is the current station's circle or octagon, large.
func (d *drawing) badge(x, y float64) {
	s := &d.Scene.Stations[d.current]
	if s.Mark == diagram.StopDrop {
		d.octagon(x, y, 1.9)
		return
	}
	fill := colour("pkt")
	if d.replies(s) {
		fill = "reply-ink"
	}
	d.add(&circle{x, y, 21, paint{fill: fill}})
	d.write(text{x: x, y: y + 8.5, s: strconv.Itoa(d.current + 1), style: style{size: 24, bold: true}, fill: "d-node", anchor: middle}, 36)
}
