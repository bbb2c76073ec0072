package export

import (
	"strings"

	"github.com/podpath/podpath/internal/trace"
)

// mermaid prints the trace as a sequence diagram (mermaid.js.org, "Sequence diagram"): a lifeline for each place, a note
// for each station, an arrow with the packet's addresses where it goes from place to place. Answers have dashed arrows; a
// packet that is lost ends in a cross.
func (x *told) mermaid() {
	x.printf("---\ntitle: %s\n---\nsequenceDiagram\n", quoted(x.title()))
	for i := range x.scene.Places {
		x.printf("    participant p%d as %s\n", i, label(x.Place(i)))
	}
	d := x.of.Document
	for i := range d.Stations {
		s, place := &d.Stations[i], x.scene.Stations[i].Place
		arrow, lost := "->>", "-x"
		if x.Answer(i) {
			arrow, lost = "-->>", "--x"
		}
		if i > 0 && d.Stations[i-1].Leg == s.Leg {
			if from := x.scene.Stations[i-1].Place; from != place {
				x.printf("    p%d%sp%d: %s\n", from, arrow, place, label(x.onTheWire(i)))
			}
		}
		x.printf("    Note over p%d: %d · %s\n", place, i+1, x.note(i))
		if x.dropped(i) {
			x.printf("    p%d%sp%d: %s\n", place, lost, place, label(x.outcome()))
		}
	}
}

// note is a station in a line of its name and one of the fact that decided.
func (x *told) note(station int) string {
	s := label(x.Title(station))
	if sub := x.scene.Stations[station].Sub; sub != "" {
		s += "<br/>" + label(sub)
	}
	return s
}

// onTheWire is the packet that comes to a station: which of the exchange, and its addresses as they are there, those of a
// tunnel first.
func (x *told) onTheWire(station int) string {
	d := x.of.Document
	before := &d.Stations[station-1]
	p := d.Legs[before.Leg].Hops[before.Hop].Steps[before.Last].Packet
	s := d.Legs[before.Leg].Label
	if p < 0 || p >= len(d.Packets) {
		return s
	}
	var ends []string
	for _, l := range d.Packets[p].Layers {
		if l.Type == "IPv4" {
			ends = append(ends, addresses(&l))
		}
	}
	return s + " " + strings.Join(ends, " | ")
}

func addresses(l *trace.LayerDocument) string {
	src, _ := l.Field("src")
	dst, _ := l.Field("dst")
	return src + " → " + dst
}

// entities are the characters that mean something to Mermaid, in a text or to the line that it stands in, as Mermaid's own
// entity codes: a number sign and a decimal number.
var entities = strings.NewReplacer("#", "#35;", ";", "#59;", "<", "#60;", ">", "#62;", "%", "#37;", "{", "#123;", "}", "#125;", "&", "#38;", "$", "#36;")

// label is a text that Mermaid shows as it is.
func label(s string) string {
	return entities.Replace(oneLine(s))
}

// quoted is a YAML string in double quotes, for the front matter; what JSON escapes, YAML reads (YAML 1.2, section 1.3).
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(oneLine(s)) + `"`
}

// oneLine is a text without what would end its line, or act on a terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s)
}
