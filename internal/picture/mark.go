package picture

import "github.com/podpath/podpath/internal/diagram"

// appName is what the app is called.
const appName = "podpath"

// The mark as web/src/icon.svg draws it, in a square of 26: a line that runs into a box.
const markSide = 26

var markLine = parsePath("M2 22.5H11C13.209 22.5 15 20.709 15 18.5V10")

// mark draws the mark with its corner at x, y.
func (d *drawing) mark(x, y, side float64) {
	k := side / markSide
	d.add(
		&rect{diagram.Rect{X: x + 8.5*k, Y: y + 2.5*k, W: 15 * k, H: 15 * k}, 3.5 * k, paint{stroke: "line-3", width: 1.8 * k}},
		&path{markLine.moved(x, y, k), paint{stroke: "pkt", width: 3.4 * k, cap: round}},
		&circle{x + 15*k, y + 10*k, 3.4 * k, paint{fill: "surface", stroke: "pkt", width: 2.4 * k}})
}
