package picture

import "github.com/podpath/podpath/internal/diagram"

// Measures of the paper around the map.
const (
	margin     = 14
	titleBand  = 34
	captionGap = 16
	captionRow = 22
)

// otherFont is how much wider a reader's own font may be than the one that is measured here (DejaVu Sans, which Linux has,
// is by 14 per cent): an SVG's lines that nothing bounds are that much shorter than there is room.
const otherFont = 1.16

var (
	titleStyle   = style{size: 17, bold: true}
	captionStyle = style{size: 14}
)

// sheet is the whole picture: the map with its title above and its caption below. The map keeps its coordinates, so that
// the paper begins left of and above zero.
func (p *Picture) sheet() (*list, error) {
	d, err := p.draw()
	if err != nil {
		return nil, err
	}
	scene := d.Rect
	room := scene.W - 2*6 // as wide as the outermost box
	d.Rect = diagram.Rect{X: -margin, Y: -margin, W: scene.W + 2*margin, H: scene.H + 2*margin}
	if p.Title != "" || p.Mark {
		d.Y -= titleBand
		d.H += titleBand
		d.heading(room)
	}
	lines, body := d.paragraph(p.Caption, captionStyle, room/otherFont, 2)
	y := scene.H + captionGap + 12
	for _, l := range lines {
		d.add(&text{x: 6, y: y, s: l, style: body, fill: "ink-2"})
		y += captionRow
	}
	if len(lines) > 0 {
		d.H += captionGap + captionRow*float64(len(lines))
	}
	// What is painted last is on top, and the paper is what everything lies on.
	paper := &rect{Rect: d.Rect, paint: paint{fill: "paper"}}
	d.items = append([]item{paper}, d.items...)
	return &d.list, nil
}

// heading is the line above the map.
func (d *drawing) heading(room float64) {
	y := -margin - 2.0
	if d.Mark {
		st := style{size: 13, bold: true}
		w := d.width(appName, st) * otherFont
		right := 6 + room
		d.add(&text{x: right, y: y, s: appName, style: st, fill: "ink-3", anchor: end})
		d.mark(right-w-22, y-15, 19)
		room -= w + 22 + 20
	}
	d.write(text{x: 6, y: y, s: d.Title, style: titleStyle, fill: "ink"}, room/otherFont)
}
