// Package export gives a trace in forms for elsewhere: a terminal, a sequence diagram in Mermaid, Markdown for a blog
// post, a picture, a capture file. The page's download links and the command line's --output print the same.
//
//	t := &export.Trace{Topology: topo, Walk: walk, Document: walk.Document(), Lang: "ko"}
//	err := t.Write(w, export.Mermaid)
package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/podpath/podpath/internal/capture"
	"github.com/podpath/podpath/internal/diagram"
	"github.com/podpath/podpath/internal/latency"
	"github.com/podpath/podpath/internal/narrate"
	"github.com/podpath/podpath/internal/terminal"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
	"github.com/podpath/podpath/web/locales"
)

// Form is one of the forms that a trace can be had in.
type Form struct {
	Name string // of --output
	Ext  string // of a file, and of the page's address
	Type string // media type
	// Binary: no text, and nothing for a terminal.
	Binary bool
}

// The forms.
var (
	Plain    = Form{"text", "txt", "text/plain; charset=utf-8", false}
	JSON     = Form{"json", "json", "application/json", false}
	PCAPNG   = Form{"pcapng", "pcapng", "application/x-pcapng", true} // as Wireshark registers it with the desktop; IANA has none
	Mermaid  = Form{"mermaid", "mmd", "text/vnd.mermaid; charset=utf-8", false}
	SVG      = Form{"svg", "svg", "image/svg+xml", false}
	PNG      = Form{"png", "png", "image/png", true}
	Markdown = Form{"markdown", "md", "text/markdown; charset=utf-8", false}
)

// Forms are all of them.
var Forms = []Form{Plain, JSON, PCAPNG, Mermaid, Markdown, SVG, PNG}

// ByName finds a form by its name; ok is false where there is none.
func ByName(name string) (f Form, ok bool) {
	for _, f := range Forms {
		if f.Name == name {
			return f, true
		}
	}
	return Form{}, false
}

// ByExt finds a form by the ending of its files; ok is false where there is none.
func ByExt(ext string) (f Form, ok bool) {
	for _, f := range Forms {
		if f.Ext == ext {
			return f, true
		}
	}
	return Form{}, false
}

// Trace is what is given away.
type Trace struct {
	// Topology is what was traced, Walk the trace itself, which only PCAPNG needs. Where both are nil, Scene is the drawing.
	Topology *topology.Topology
	Walk     *trace.Trace
	Scene    *diagram.Scene
	Document *trace.Document
	Lang     string
	Step     string // the station that a picture shows, by its ID; "": the first
	Dark     bool   // a picture's theme
	Width    int    // of a PNG in pixels; 0: twice the drawing's own
	// Title is the question in words; "": its places.
	Title string
	// Link is the trace's address and Picture that of its picture; "" for none.
	Link, Picture string
	// Explain has the text say each step in a sentence.
	Explain bool
}

// Write writes the trace in a form.
func (t *Trace) Write(w io.Writer, f Form) error {
	switch f {
	case Plain:
		return Text(terminal.New(w, t.Lang), t.Document, t.Explain)
	case JSON:
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		e.SetEscapeHTML(false)
		if t.Walk != nil {
			latency.Annotate(t.Document, latency.Of(t.Walk, t.Document, latency.Default()))
		}
		return e.Encode(t.Document)
	case PCAPNG:
		if t.Walk == nil {
			return errors.New("export: a capture is made of the walk, which is not here")
		}
		return capture.Write(w, t.Walk, t.Document, latency.Default())
	case Mermaid:
		return t.write(w, (*told).mermaid)
	case Markdown:
		return t.write(w, (*told).markdown)
	case SVG:
		return t.picture().SVG(w)
	case PNG:
		width := t.Width
		if width == 0 {
			width = 2 * diagram.Width
		}
		return t.picture().PNG(w, width)
	}
	return fmt.Errorf("export: no form %q", f.Name)
}

// told is a trace on its way out in words.
type told struct {
	of *Trace
	*narrate.Story
	l     *locales.Printer
	scene *diagram.Scene
	out   strings.Builder
}

func (t *Trace) write(w io.Writer, print func(*told)) error {
	x := t.told()
	print(x)
	_, err := io.WriteString(w, x.out.String())
	return err
}

func (t *Trace) told() *told {
	x := &told{of: t, l: locales.New(t.Lang), scene: t.scene()}
	x.Story = narrate.New(x.l, t.Document, x.scene)
	return x
}

// scene is the drawing.
func (t *Trace) scene() *diagram.Scene {
	if t.Scene == nil {
		t.Scene = diagram.Build(t.Topology, t.Document)
	}
	return t.Scene
}

func (x *told) printf(format string, args ...any) { fmt.Fprintf(&x.out, format, args...) }

// title is the question, in words or by its places.
func (x *told) title() string {
	if x.of.Title != "" {
		return x.of.Title
	}
	q := &x.of.Document.Query
	s := q.Source + " → " + q.Destination
	if q.DestinationPort != 0 {
		s += fmt.Sprintf(":%d", q.DestinationPort)
	}
	return s
}

// outcome is how it ended, with the reason where the packet did not arrive.
func (x *told) outcome() string {
	s := x.l.T("ui.outcome-" + string(x.of.Document.Outcome))
	if r := x.of.Document.Reason; r != nil && x.of.Document.Outcome != trace.Delivered {
		s += ": " + x.l.Code(r.Code, r.Args)
	}
	return s
}

// steps are a station's.
func (x *told) steps(station int) []trace.StepDocument {
	s := &x.of.Document.Stations[station]
	return x.of.Document.Legs[s.Leg].Hops[s.Hop].Steps[s.First : s.Last+1]
}

// dropped says whether a station is where a packet ends badly.
func (x *told) dropped(station int) bool { return x.scene.Stations[station].Mark == diagram.StopDrop }

// decided is the line that decides at a station, as the kernel's tool prints it; "" where no tool prints one.
func (x *told) decided(station int) string {
	s := &x.of.Document.Stations[station]
	steps := x.of.Document.Legs[s.Leg].Hops[s.Hop].Steps
	for i := s.Decisive; i >= s.First; i-- {
		if steps[i].Text != "" {
			return strings.ReplaceAll(steps[i].Text, "\t", " ")
		}
		if stage := steps[i].Stage; stage != "drop" && stage != "reject" {
			break // the rule before a drop is what dropped it; before anything else it is another decision
		}
	}
	return ""
}
