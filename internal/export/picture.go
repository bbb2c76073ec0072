package export

import (
	"io"

	"github.com/podpath/podpath/internal/picture"
)

// The size of a card in pixels, as chat programs show it whole (ogp.me has none; Facebook's and X's guides ask for 1.91 to 1).
const CardWidth, CardHeight = 1200, 630

// Card writes the picture of a chat's preview, a PNG: the question, the map around the station, its sentence.
func (t *Trace) Card(w io.Writer) error {
	p := t.picture()
	p.Mark = true
	return p.Card(w, CardWidth, CardHeight)
}

// picture is the drawing at the trace's station, with the question above it and the station's sentence below.
func (t *Trace) picture() *picture.Picture {
	x := t.told()
	p := &picture.Picture{Scene: x.scene, Dark: t.Dark, Lang: x.l.Lang, Say: x.Label, Title: x.title(), Current: max(0, t.Document.FindStation(t.Step))}
	for i := range t.Document.Stations {
		p.Titles = append(p.Titles, x.Title(i))
	}
	if len(p.Titles) > 0 {
		p.Chip = x.scene.Chip(t.Document, p.Current)
		p.Caption = x.Sentence(p.Current)
	}
	return p
}
