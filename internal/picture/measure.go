package picture

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// longest is how many characters of a text are looked at; no picture has room for more.
const longest = 400

// clean makes a text fit to be shown: one line, nothing that XML forbids, nothing that turns the rest of the line around.
// What it cannot show is the replacement character, so that nobody thinks there was nothing.
func clean(s string) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			space = b.Len() > 0
			continue
		case r < ' ', unicode.Is(unicode.Cc, r), unicode.Is(unicode.Cf, r), r&0xfffe == 0xfffe:
			r = utf8.RuneError
		}
		if n++; n > longest {
			b.WriteRune('…')
			break
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return b.String()
}

// cut is a text no wider than there is room: with an ellipsis where it had to be cut, empty where not even that fits.
func (p *pen) cut(s string, st style, room float64) string {
	if p.width(s, st) <= room {
		return s
	}
	room -= p.width("…", st)
	if room < 0 {
		return ""
	}
	return strings.TrimRight(s[:p.fits(s, st, room)], " ") + "…"
}

// fits is how many bytes of a text fit.
func (p *pen) fits(s string, st style, room float64) int {
	n := len(s)
	p.walk(s, st, func(g glyph, at float64, i int) bool {
		if (at+g.advance)*st.size > room {
			n = i
			return false
		}
		return true
	})
	return n
}

// least is how small a text may become before it is cut, as a share of its size.
const least = 0.86

// fit is a text that is no wider than there is room: smaller first, cut if that is not enough.
func (p *pen) fit(s string, st style, room, least float64) (string, style) {
	if w := p.width(s, st); w > room && w > 0 {
		st.size *= max(room/w, least)
		if w*least > room {
			s = p.cut(s, st, room)
		}
	}
	return s, st
}

// wrap breaks a text into at most n lines between words; a word too long for a line breaks anywhere, and the last line is
// cut.
func (p *pen) wrap(s string, st style, room float64, n int) []string {
	var out []string
	for s != "" && len(out) < n {
		if len(out) == n-1 {
			return append(out, p.cut(s, st, room))
		}
		at := p.fits(s, st, room)
		if at < len(s) {
			if space := strings.LastIndexByte(s[:at+1], ' '); space > 0 {
				at = space
			} else if at == 0 {
				_, at = utf8.DecodeRuneInString(s)
			}
		}
		out = append(out, s[:at])
		s = strings.TrimLeft(s[at:], " ")
	}
	return out
}
