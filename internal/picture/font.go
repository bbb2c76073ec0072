package picture

import (
	"embed"
	"fmt"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// fontFiles are what a PNG is written with, and what both pictures are measured with; fonts/README.md says where from.
//
//go:embed fonts/*.otf fonts/*.ttf
var fontFiles embed.FS

// face is one of the fonts.
type face int

const (
	sans face = iota
	sansBold
	mono
	monoBold
)

var faceNames = [...]string{sans: "sans.otf", sansBold: "sans-bold.otf", mono: "mono.ttf", monoBold: "mono-bold.ttf"}

// faces are the parsed fonts, by face.
var faces = sync.OnceValues(func() ([]*sfnt.Font, error) {
	out := make([]*sfnt.Font, len(faceNames))
	for i, name := range faceNames {
		data, err := fontFiles.ReadFile("fonts/" + name)
		if err == nil {
			out[i], err = sfnt.Parse(data)
		}
		if err != nil {
			return nil, fmt.Errorf("picture: font %s: %w", name, err)
		}
	}
	return out, nil
})

// style is how a text is written.
type style struct {
	size float64
	bold bool
	mono bool
}

// face is the font of the style.
func (s style) face() face {
	switch {
	case s.mono && s.bold:
		return monoBold
	case s.mono:
		return mono
	case s.bold:
		return sansBold
	}
	return sans
}

// glyph is a character in the font that has it.
type glyph struct {
	font    *sfnt.Font // nil where none has it: a box is drawn
	index   sfnt.GlyphIndex
	advance float64 // in ems
}

// pen finds, measures and outlines characters. It belongs to one picture: the fonts are shared, its buffer is not.
type pen struct {
	faces []*sfnt.Font
	buf   sfnt.Buffer
}

func newPen() (*pen, error) {
	f, err := faces()
	return &pen{faces: f}, err
}

// missing is how wide the box is that stands for a character which no font has.
const missing = 0.6

// glyph finds a character: a mono text borrows from the sans what the mono font has not, Hangul above all.
func (p *pen) glyph(r rune, s style) glyph {
	for _, f := range []face{s.face(), s.face() % 2} {
		font_ := p.faces[f]
		i, err := font_.GlyphIndex(&p.buf, r)
		if err != nil || i == 0 {
			continue
		}
		em := font_.UnitsPerEm()
		adv, err := font_.GlyphAdvance(&p.buf, i, fixed.I(int(em)), font.HintingNone)
		if err != nil {
			continue
		}
		return glyph{font_, i, float64(adv) / 64 / float64(em)}
	}
	return glyph{advance: missing}
}

// kern is how much closer two glyphs stand than their widths say, in ems.
func (p *pen) kern(a, b glyph) float64 {
	if a.font == nil || a.font != b.font {
		return 0
	}
	em := a.font.UnitsPerEm()
	k, err := a.font.Kern(&p.buf, a.index, b.index, fixed.I(int(em)), font.HintingNone)
	if err != nil {
		return 0
	}
	return float64(k) / 64 / float64(em)
}

// walk calls f with each glyph of a text and where it starts, in ems, until f says no; it returns where it stopped.
func (p *pen) walk(s string, st style, f func(g glyph, at float64, i int) bool) float64 {
	at := 0.0
	var last glyph
	for i, r := range s {
		g := p.glyph(r, st)
		at += p.kern(last, g)
		if !f(g, at, i) {
			return at
		}
		at += g.advance
		last = g
	}
	return at
}

// width is how wide a text is.
func (p *pen) width(s string, st style) float64 {
	return st.size * p.walk(s, st, func(glyph, float64, int) bool { return true })
}

// outline is a text's shape with its baseline's start at x, y, scaled.
func (p *pen) outline(s string, st style, x, y, size float64) segments {
	var out segments
	p.walk(s, st, func(g glyph, at float64, _ int) bool {
		if g.font == nil {
			out = append(out, tofu.moved(x+at*size, y, size)...)
			return true
		}
		em := int(g.font.UnitsPerEm())
		loaded, err := g.font.LoadGlyph(&p.buf, g.index, fixed.I(em), nil)
		if err != nil {
			out = append(out, tofu.moved(x+at*size, y, size)...)
			return true
		}
		scale := size / 64 / float64(em)
		for _, l := range loaded {
			seg := segment{op: "MLQC"[l.Op]}
			for i := range pairs(seg.op) {
				seg.at[2*i] = x + at*size + float64(l.Args[i].X)*scale
				seg.at[2*i+1] = y + float64(l.Args[i].Y)*scale
			}
			out = append(out, seg)
		}
		return true
	})
	return out
}

// tofu is the box for a character that no font has, one em high: a frame, as its inside runs the other way round.
var tofu = parsePath("M.06-.74H.54V.02H.06ZM.12-.68V-.04H.48V-.68Z")
