// Package picture shows a scene and the packet at one of its stations as a picture of its own: SVG that opens alone
// anywhere, and PNG drawn without a browser. Both are one list of shapes with final colours and places, printed twice; it
// looks as the page's diagram does (web/templates/diagram.templ, web/src/css/diagram.css).
//
//	told := narrate.New(locales.New("ko"), topo, doc, scene)
//	p := &picture.Picture{Scene: scene, Current: 3, Lang: "ko", Titles: titles, Say: told.Label, Chip: scene.Chip(doc, 3)}
//	err := p.SVG(w)
//
// A picture is a function of its fields: no clock, no network, no files but the fonts that are compiled in.
package picture

import (
	"errors"
	"fmt"
	"image/png"
	"io"

	"github.com/podpath/podpath/internal/diagram"
)

// Picture is what is shown. Everything but the scene may be left out.
type Picture struct {
	Scene *diagram.Scene
	// Current is the station shown: the packet is there, the line behind it is past, what is ahead is pale. Below 0 the packet
	// has not set out; behind the last it is at the last.
	Current int
	Dark    bool
	Lang    string                       // of the texts, as xml:lang says it
	Titles  []string                     // the stations' names, by their place in the trace
	Say     func(t *diagram.Text) string // a label's text in the reader's language; nil: as the scene has it
	Chip    diagram.Chip                 // the packet at the current station
	Title   string                       // one line above the map, the question
	Caption string                       // up to two lines below it, what happens at the station
	Mark    bool                         // podpath's mark and name beside the title
}

// MaxSide is how many pixels a PNG is wide or high at most.
const MaxSide = 8192

// maxPixels holds one that is large both ways to what a server can spare.
const maxPixels = 40_000_000

var errNoScene = errors.New("picture: no scene")

// SVG writes the picture as an SVG file.
func (p *Picture) SVG(w io.Writer) error {
	l, err := p.sheet()
	if err != nil {
		return err
	}
	return p.writeSVG(w, l)
}

// PNG writes the picture as a PNG exactly width pixels wide.
func (p *Picture) PNG(w io.Writer, width int) error {
	l, err := p.sheet()
	if err != nil {
		return err
	}
	scale := float64(width) / l.W
	height := int(l.H*scale + 0.5)
	if err := sizeError(width, height); err != nil {
		return err
	}
	c, err := newRaster(width, height, p.Dark)
	if err != nil {
		return err
	}
	c.show(l, l.X, l.Y, scale)
	return encode(w, c)
}

// Card writes a PNG of exactly that size that says what the picture is about where it is small, as chats show a link
// (1200 by 630): the title large, the map around the packet, what happens there.
func (p *Picture) Card(w io.Writer, width, height int) error {
	if err := sizeError(width, height); err != nil {
		return err
	}
	c, err := p.card(width, height)
	if err != nil {
		return err
	}
	return encode(w, c)
}

func sizeError(width, height int) error {
	if min(width, height) < 1 || max(width, height) > MaxSide || width*height > maxPixels {
		return fmt.Errorf("picture: %d by %d pixels: a side is 1 to %d, and the whole %d pixels at most", width, height, MaxSide, maxPixels)
	}
	return nil
}

func encode(w io.Writer, c *raster) error {
	return (&png.Encoder{CompressionLevel: png.DefaultCompression}).Encode(w, c.dc.Image())
}
