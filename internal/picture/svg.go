package picture

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// The families of the page, quoted as an attribute needs it: the reader's own fonts, each list with Hangul at its end.
// Mono text is names and addresses.
const (
	uiFonts   = "system-ui, -apple-system, 'Segoe UI', 'Apple SD Gothic Neo', 'Malgun Gothic', 'Noto Sans KR', 'Noto Sans CJK KR', sans-serif"
	monoFonts = "ui-monospace, 'SF Mono', 'Cascadia Mono', 'JetBrains Mono', 'D2Coding', Consolas, 'Noto Sans Mono', 'Noto Sans Mono CJK KR', monospace"
)

// svg prints a list as SVG 1.1 elements whose paint is in their attributes, which every program that reads SVG knows.
type svg struct {
	out  bytes.Buffer
	dark bool
}

// writeSVG writes the list as a file.
func (p *Picture) writeSVG(w io.Writer, l *list) error {
	s := &svg{dark: p.Dark}
	s.out.WriteString(xml.Header)
	s.out.WriteString("<svg")
	s.attr("xmlns", "http://www.w3.org/2000/svg")
	s.number("width", l.W)
	s.number("height", l.H)
	s.attr("viewBox", strings.Join([]string{num(l.X), num(l.Y), num(l.W), num(l.H)}, " "))
	s.attr("role", "img")
	if p.Lang != "" {
		s.attr("xml:lang", p.Lang)
	}
	s.attr("font-family", uiFonts)
	s.out.WriteString(">\n")
	s.element("title", p.about())
	s.element("desc", p.inWords())
	l.print(s)
	s.out.WriteString("</svg>\n")
	_, err := w.Write(s.out.Bytes())
	return err
}

// about is what the picture is called by who cannot see it.
func (p *Picture) about() string {
	if t := clean(p.Title); t != "" {
		return t
	}
	return appName
}

// inWords is the picture for who cannot see it: what happens at the station, and the way of the packet.
func (p *Picture) inWords() string {
	var lines []string
	if c := clean(p.Caption); c != "" {
		lines = append(lines, c)
	}
	for i := range p.Scene.Stations {
		if i < len(p.Titles) {
			lines = append(lines, strconv.Itoa(i+1)+". "+clean(p.Titles[i]))
		}
	}
	return strings.Join(lines, "\n")
}

func (s *svg) attr(name, value string) {
	s.out.WriteString(" " + name + `="`)
	_ = xml.EscapeText(&s.out, []byte(value)) // a buffer takes everything
	s.out.WriteByte('"')
}

func (s *svg) element(name, content string) {
	if content == "" {
		return
	}
	s.out.WriteString("<" + name + ">")
	_ = xml.EscapeText(&s.out, []byte(content))
	s.out.WriteString("</" + name + ">\n")
}

func (s *svg) number(name string, x float64) { s.attr(name, num(x)) }

func (s *svg) paint(p *paint) {
	fill := "none"
	if p.fill != "" {
		fill = p.fill.hex(s.dark)
	}
	s.attr("fill", fill)
	if p.stroke != "" {
		s.attr("stroke", p.stroke.hex(s.dark))
		s.number("stroke-width", p.width)
		s.attr("stroke-linejoin", "round")
		if p.cap != butt {
			s.attr("stroke-linecap", string(p.cap))
		}
		if len(p.dash) > 0 {
			s.attr("stroke-dasharray", strings.Trim(fmt.Sprint(p.dash), "[]"))
		}
	}
	if p.opacity != 0 {
		s.number("opacity", p.opacity)
	}
	s.out.WriteString("/>\n")
}

func (s *svg) rect(r *rect) {
	s.out.WriteString("<rect")
	s.number("x", r.X)
	s.number("y", r.Y)
	s.number("width", r.W)
	s.number("height", r.H)
	if r.radius > 0 {
		s.number("rx", r.radius)
	}
	s.paint(&r.paint)
}

func (s *svg) circle(c *circle) {
	s.out.WriteString("<circle")
	s.number("cx", c.x)
	s.number("cy", c.y)
	s.number("r", c.r)
	s.paint(&c.paint)
}

func (s *svg) path(p *path) {
	s.out.WriteString("<path")
	s.attr("d", p.String())
	s.paint(&p.paint)
}

func (s *svg) text(t *text) {
	s.out.WriteString("<text")
	s.number("x", t.x)
	s.number("y", t.y)
	s.number("font-size", t.style.size)
	if t.style.mono {
		s.attr("font-family", monoFonts)
	}
	if t.style.bold {
		s.attr("font-weight", "700")
	}
	if t.anchor != start {
		s.attr("text-anchor", string(t.anchor))
	}
	s.attr("fill", t.fill.hex(s.dark))
	s.out.WriteByte('>')
	_ = xml.EscapeText(&s.out, []byte(t.s))
	s.out.WriteString("</text>\n")
}
