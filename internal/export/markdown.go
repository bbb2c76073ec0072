package export

import (
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/narrate"
)

// markdown prints the trace for a blog post: the picture and the link, then each leg place by place, its stations numbered
// as on the page, with the line that decided and what changed. Where there is no picture, the sequence diagram stands in
// its place: GitHub and others draw it (CommonMark 0.31; "mermaid" as the fence's info string).
func (x *told) markdown() {
	x.printf("# %s\n\n", escaped(x.title()))
	x.printf("%s\n\n", escaped(x.outcome()))
	switch {
	case x.of.Picture != "" && x.of.Link != "":
		x.printf("[![%s](<%s>)](<%s>)\n\n", escaped(x.title()), destination(x.of.Picture), destination(x.of.Link))
	case x.of.Picture != "":
		x.printf("![%s](<%s>)\n\n", escaped(x.title()), destination(x.of.Picture))
	default:
		diagram := &told{of: x.of, Story: x.Story, l: x.l, scene: x.scene}
		diagram.mermaid()
		x.fence("mermaid", diagram.out.String(), "")
	}
	if x.of.Link != "" {
		x.printf("[%s](<%s>)\n\n", escaped(x.l.T("export.open")), destination(x.of.Link))
	}
	d := x.of.Document
	leg, place := -1, -1
	for i := range d.Stations {
		s := &d.Stations[i]
		if s.Leg != leg {
			leg, place = s.Leg, -1
			x.printf("## %s: %s\n\n", escaped(x.Leg(d.Legs[leg].Kind)), escaped(d.Legs[leg].Label))
		}
		if p := x.scene.Stations[i].Place; p != place {
			place = p
			x.printf("### %s\n\n", escaped(x.Place(p)))
		}
		x.station(i)
	}
	for _, a := range d.Assumptions {
		x.printf("> %s: %s\n\n", escaped(x.l.T("export.assumed")), escaped(x.l.Code(a.Code, a.Args)))
	}
	x.printf("%s\n", escaped(x.l.T("export.made", "engine", d.Engine)))
}

func (x *told) station(i int) {
	// The number is a list's own, so that what belongs to the station can be indented below it.
	head := strconv.Itoa(i+1) + ". "
	indent := strings.Repeat(" ", len(head))
	cross := ""
	if x.dropped(i) {
		cross = "✕ "
	}
	x.printf("%s%s**%s.** %s\n\n", head, cross, escaped(x.Title(i)), escaped(x.Sentence(i)))
	if line := x.decided(i); line != "" {
		x.fence("", line+"\n", indent)
	}
	for _, c := range narrate.Changes(x.steps(i)) {
		x.printf("%s%s %s → %s\n\n", indent, code(c.Field), code(c.Before), code(c.After))
	}
	if w := x.Would(i); w != "" {
		x.printf("%s%s\n\n", indent, escaped(w))
	}
}

// fence prints text as a code block, with a fence that the text does not have.
func (x *told) fence(info, text, indent string) {
	mark := "```"
	for strings.Contains(text, mark) {
		mark += "`"
	}
	x.printf("%s%s%s\n", indent, mark, info)
	for line := range strings.Lines(text) {
		x.printf("%s%s", indent, line)
	}
	x.printf("%s%s\n\n", indent, mark)
}

// code is a code span; its fence is longer than any run of backticks in it (CommonMark 6.1).
func code(s string) string {
	s = oneLine(s)
	mark := "`"
	for strings.Contains(s, mark) {
		mark += "`"
	}
	if s == "" {
		return "–"
	}
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return mark + s + mark
}

// special are the characters that begin or end something in Markdown or in the HTML that it may hold.
var special = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "#", `\#`,
	"|", `\|`, "~", `\~`, "&", `\&`, "!", `\!`, "+", `\+`, "=", `\=`, "$", `\$`, "{", `\{`, "}", `\}`, "://", `\://`)

// escaped is a text that Markdown shows as it is, in the middle of a line.
func escaped(s string) string { return special.Replace(oneLine(s)) }

// destination is a link's target between angle brackets.
func destination(url string) string {
	return strings.NewReplacer("<", "%3C", ">", "%3E", "\\", "%5C", "\n", "%0A").Replace(url)
}
