package picture

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/diagram"
)

// element is one of an SVG, with the text in it.
type element struct {
	name string
	attr map[string]string
	text string
}

// wellFormed reads an SVG and fails on what does not open alone: styles, scripts, classes, variables, addresses.
func wellFormed(t *testing.T, data []byte) []element {
	t.Helper()
	known := map[string]bool{"svg": true, "title": true, "desc": true, "rect": true, "circle": true, "path": true, "text": true}
	paints := regexp.MustCompile(`^(none|#[0-9a-f]{6})$`)
	var out []element
	var open []int
	dec := xml.NewDecoder(bytes.NewReader(data))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in\n%.2000s", err, data)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			e := element{name: tok.Name.Local, attr: map[string]string{}}
			if !known[e.name] || tok.Name.Space != "http://www.w3.org/2000/svg" {
				t.Errorf("element %v", tok.Name)
			}
			for _, a := range tok.Attr {
				e.attr[a.Name.Local] = a.Value
				switch a.Name.Local {
				case "class", "style", "id", "href", "onload":
					t.Errorf("<%s %s=%q>", e.name, a.Name.Local, a.Value)
				case "fill", "stroke":
					if !paints.MatchString(a.Value) {
						t.Errorf("<%s %s=%q>", e.name, a.Name.Local, a.Value)
					}
				case "x", "y", "width", "height", "r", "rx", "cx", "cy", "opacity", "font-size":
					if _, err := strconv.ParseFloat(a.Value, 64); err != nil {
						t.Errorf("<%s %s=%q>", e.name, a.Name.Local, a.Value)
					}
				}
				if strings.Contains(a.Value, "var(") || strings.Contains(a.Value, "url(") {
					t.Errorf("<%s %s=%q>", e.name, a.Name.Local, a.Value)
				}
			}
			out = append(out, e)
			open = append(open, len(out)-1)
		case xml.CharData:
			if len(open) > 0 {
				out[open[len(open)-1]].text += string(tok)
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.Directive, xml.Comment:
			t.Errorf("%s", tok)
		}
	}
	if len(out) < 3 || out[0].name != "svg" {
		t.Fatalf("%d elements", len(out))
	}
	return out
}

func svgOf(t *testing.T, p *Picture) []element {
	t.Helper()
	var b bytes.Buffer
	if err := p.SVG(&b); err != nil {
		t.Fatal(err)
	}
	return wellFormed(t, b.Bytes())
}

// texts are what an SVG says, in order.
func texts(all []element) []string {
	var out []string
	for _, e := range all {
		if e.name == "text" {
			out = append(out, e.text)
		}
	}
	return out
}

// TestSVG: the file says which language it is in and how large it is, names every station of the trace for who cannot see
// it, and shows those of the lane that the packet is on.
func TestSVG(t *testing.T) {
	every(t, func(t *testing.T, p *Picture) {
		all := svgOf(t, p)
		root := all[0].attr
		l, err := p.sheet()
		if err != nil {
			t.Fatal(err)
		}
		if root["lang"] != p.Lang || root["width"] != num(l.W) || root["height"] != num(l.H) || root["viewBox"] == "" || !strings.Contains(root["font-family"], "Apple SD Gothic Neo") {
			t.Errorf("root: %v", root)
		}
		if all[1].name != "title" || all[1].text != p.Title || all[2].name != "desc" || !strings.HasPrefix(all[2].text, p.Caption) {
			t.Errorf("%v, %v", all[1], all[2])
		}
		shown := map[string]bool{}
		for _, s := range texts(all) {
			shown[s] = true
		}
		octagons := 0
		for _, e := range all {
			if e.name == "path" && e.attr["fill"] == colour("drop").hex(p.Dark) {
				octagons++
			}
		}
		lane := p.Scene.Stations[p.Current].Lane
		for i := range p.Scene.Stations {
			n := strconv.Itoa(i + 1)
			if !strings.Contains(all[2].text, "\n"+n+". "+p.Titles[i]) {
				t.Errorf("station %s is not in the description", n)
			}
			switch s := &p.Scene.Stations[i]; {
			case s.Lane != lane:
			case s.Mark == diagram.StopDrop:
				if octagons--; octagons < 0 {
					t.Errorf("station %s is no octagon", n)
				}
			case !shown[n]:
				t.Errorf("station %s has no number", n)
			}
		}
	})
}

// TestSameList: an SVG has an element for each item of the list and no other, so that it shows what the PNG shows.
func TestSameList(t *testing.T) {
	p := named(t, "tunnel").at(10, "ko", true)
	l, err := p.sheet()
	if err != nil {
		t.Fatal(err)
	}
	if got := len(svgOf(t, p)) - 3; got != len(l.items) {
		t.Errorf("%d elements for %d items", got, len(l.items))
	}
}

// TestTextsFit: no text leaves the picture, nor its tag, in either language and theme.
func TestTextsFit(t *testing.T) {
	pen := testPen(t)
	every(t, func(t *testing.T, p *Picture) {
		inside(t, pen, p)
		for _, s := range texts(svgOf(t, p)) {
			for _, r := range s {
				if pen.glyph(r, style{}).font == nil {
					t.Errorf("%q of %q is in no font", r, s)
				}
			}
		}
	})
}

func inside(t *testing.T, pen *pen, p *Picture) {
	t.Helper()
	l, err := p.sheet()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range l.items {
		s, ok := i.(*text)
		if !ok {
			continue
		}
		x, w := s.x, pen.width(s.s, s.style)
		switch s.anchor {
		case middle:
			x -= w / 2
		case end:
			x -= w
		}
		if x < l.X || x+w > l.X+l.W || s.y-s.style.size < l.Y || s.y > l.Y+l.H {
			t.Errorf("%q at %v, %v is %v wide and leaves the picture", s.s, x, s.y, w)
		}
	}
}
