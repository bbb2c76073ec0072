package picture

import (
	"bytes"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/diagram"
)

// evil are texts that a name in somebody's cluster could be.
var evil = []string{
	"", " ", "\x00\x01\x1b[2J", "<script>alert(1)</script>", "</text><image href='//x'/>", "]]>", "&amp;&#0;&lt;", `" onload="x`,
	"\xff\xfe\xfd", "\u202edesrever\u202c", "שלום עולם", "مرحبا بالعالم", "👩‍👩‍👧 ☸", "e\u0301\u0301\u0301\u0301", "\ufffe\uffff",
	strings.Repeat("넓은이름", 5000), strings.Repeat("wide ", 5000), strings.Repeat("\u0300", 3000), "a\nb\r\nc\td",
}

// spoilt is a picture of which every text is s.
func spoilt(s string, from *Picture) *Picture {
	p, sc := *from, *from.Scene
	texts := func(in []diagram.Text) []diagram.Text {
		out := make([]diagram.Text, len(in))
		for i, t := range in {
			out[i] = diagram.Text{X: t.X, Y: t.Y, S: s, Class: t.Class + " " + s, End: t.End}
		}
		return out
	}
	sc.Notes = texts(sc.Notes)
	sc.Boxes = append([]diagram.Box(nil), sc.Boxes...)
	for i := range sc.Boxes {
		b := &sc.Boxes[i]
		b.Texts = texts(b.Texts)
		b.Pills = append([]diagram.Pill(nil), b.Pills...)
		for k := range b.Pills {
			b.Pills[k].Name = s
		}
	}
	sc.Ports = append([]diagram.Port(nil), sc.Ports...)
	for i := range sc.Ports {
		sc.Ports[i].Texts = texts(sc.Ports[i].Texts)
	}
	sc.Stations = append([]diagram.Station(nil), sc.Stations...)
	p.Titles = nil
	for i := range sc.Stations {
		sc.Stations[i].Sub = s
		p.Titles = append(p.Titles, s)
	}
	p.Scene, p.Title, p.Caption, p.Lang, p.Chip.Mark = &sc, s, s, s, s
	p.Say = func(t *diagram.Text) string { return t.S }
	return &p
}

// TestHostile: whatever the names are, the picture is one, nothing leaves it, and nothing is silently left out.
func TestHostile(t *testing.T) {
	pen := testPen(t)
	s := named(t, "tunnel")
	for i, e := range evil {
		p := spoilt(e, s.at(10, "en", i%2 == 0))
		all := svgOf(t, p)
		inside(t, pen, p)
		if c := clean(e); c != "" {
			begin := string([]rune(c)[0])
			n := 0
			for _, s := range texts(all) {
				if strings.HasPrefix(s, begin) || strings.HasPrefix(s, "…") {
					n++
				}
			}
			if n < 20 {
				t.Errorf("%.40q is shown %d times", e, n)
			}
		}
		var b, c bytes.Buffer
		if err := p.PNG(&b, 500); err != nil {
			t.Errorf("%.40q: %v", e, err)
		}
		decode(t, b.Bytes())
		if err := p.Card(&c, 600, 315); err != nil {
			t.Errorf("%.40q: %v", e, err)
		}
		decode(t, c.Bytes())
	}
}

func FuzzSVG(f *testing.F) {
	for _, e := range evil {
		f.Add(e[:min(len(e), 300)])
	}
	s := named(f, "refused")
	f.Fuzz(func(t *testing.T, e string) { svgOf(t, spoilt(e, s.at(3, "en", false))) })
}
