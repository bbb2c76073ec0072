// Package lesson holds the walkthroughs: prose in every language beside the traces that prove it. A lesson is a folder
// of data:
//
//	lessons/05-internet/lesson.yaml   the traces, and for each step: where to look, what is claimed, what is asked
//	lessons/05-internet/en.md         the words: front matter (title, lead), then a section for each step
//	lessons/05-internet/ko.md
//
// What both languages share stands once, in lesson.yaml, so that they cannot disagree. A sentence that states a fact is a
// link to a claim, and a claim names what carries it: a rule, a route, a header field, a drop reason.
//
//	steps:
//	  - id: mark
//	    trace: out
//	    at: request/node-a/1/nat-PREROUTING
//	    claims:
//	      marked: {field: mark, is: "0x80"}
//
//	## mark: The packet gets a mark
//
//	It now carries the [mark `0x80`](#marked).
//
// [Check] refuses a lesson whose traces no longer say what its text says.
package lesson

import (
	"embed"
	"io/fs"

	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

//go:embed lessons
var embedded embed.FS

// Files are the lessons that come with podpath.
func Files() fs.FS {
	sub, err := fs.Sub(embedded, "lessons")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	return sub
}

// Lesson is one walkthrough. ID is its folder's name behind the number; it is part of the permalink.
type Lesson struct {
	ID     string
	Number int // the folder's
	Folder string
	Topic  string           // the gallery's: vpc-cni, services, overlay
	Card   string           // the step that its picture is of; "" for the first
	Traces map[string]Query // by the names that steps call them
	// Terms are words in code letters and numbers that are no claim: names of programs, of fields that no trace here shows.
	Terms []string
	Steps []Step
	Texts map[string]*Text // by language
}

// Query is a trace as a lesson names it; see the server's query of the same form.
type Query struct {
	Preset   string            `yaml:"preset"`
	From     string            `yaml:"from"`
	To       string            `yaml:"to"`
	Protocol string            `yaml:"proto"`
	Port     int               `yaml:"dport"`
	Payload  int               `yaml:"payload"`
	CNI      string            `yaml:"cni"`
	Options  map[string]string `yaml:"set"`
	// Endpoint is where the packet is to end up where chance decides: the label of a choice's option.
	Endpoint string `yaml:"endpoint"`
	// Choices are what Endpoint came to; a lesson does not write them.
	Choices map[string]string `yaml:"-"`
}

// Step is one page of a lesson: a trace at a station, what is to be seen there, and perhaps a question first.
type Step struct {
	ID string `yaml:"id"`
	// Trace names one of the lesson's; a step that says nothing stays with the trace of the step before.
	Trace string `yaml:"trace"`
	// Node makes the step about a node of the trace's network, drawn from inside, and not about the packet: Select is the
	// interface (if-ens5) or address (ip-192.168.1.52) that stands out in it.
	Node   string `yaml:"node"`
	Select string `yaml:"select"`
	// Type makes the step about how many pods fit on an instance type; Mode is prefix for prefix delegation.
	Type string `yaml:"type"`
	Mode string `yaml:"mode"`
	// At is the station, as a URL names it, where the packet is when the step is told.
	At string `yaml:"at"`
	// Wait is the station where it is while a question is open; "" leaves it where the step before did.
	Wait string `yaml:"wait"`
	// Marks shows the timeline of the trace's marks.
	Marks bool `yaml:"marks"`
	// Claims are the facts of the text, by the names that its links have.
	Claims map[string]*Claim `yaml:"claims"`
	// Ask are the answers to choose from, by the names that the text has; each is a claim, and exactly one holds.
	Ask map[string]*Claim `yaml:"ask"`
}

// Text is a lesson's words in one language.
type Text struct {
	Title, Lead string
	Steps       map[string]*StepText
}

// StepText is a step's words. Body, Then and the options are Markdown.
type StepText struct {
	Title    string
	Body     string
	Question string
	Options  []OptionText
	Then     string // shown when the question is answered
	Line     int    // where the step begins in its file
}

// OptionText is one answer to choose from.
type OptionText struct{ Name, Text string }

// World is what a lesson's claims are held against: its traces by name, with the networks that they ran in.
type World struct {
	Documents  map[string]*trace.Document
	Topologies map[string]*topology.Topology
	Queries    map[string]Query // with the choices made
}

// Tracer runs a query. What is wrong with it is the error.
type Tracer func(Query) (*topology.Topology, *trace.Document, error)

// Run traces everything that a lesson speaks of.
func (l *Lesson) Run(t Tracer) (*World, error) {
	w := newWorld()
	for name := range l.Traces {
		if err := w.run(l, name, t); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Around traces what the page of a step needs: its trace, and those that the claims of the steps of its scene name.
func (l *Lesson) Around(now *Step, t Tracer) (*World, error) {
	need := map[string]bool{}
	for i := range l.Steps {
		s := &l.Steps[i]
		if s.Scene() != now.Scene() {
			continue
		}
		if s.Type == "" {
			need[s.Trace] = true
		}
		for _, claims := range []map[string]*Claim{s.Claims, s.Ask} {
			for _, c := range claims {
				if c.Count == "" {
					need[c.Trace] = true
				}
			}
		}
	}
	w := newWorld()
	for _, n := range sortedKeys(need) {
		if err := w.run(l, n, t); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Only traces one of a lesson's traces.
func (l *Lesson) Only(name string, t Tracer) (*World, error) {
	w := newWorld()
	return w, w.run(l, name, t)
}

func newWorld() *World {
	return &World{Documents: map[string]*trace.Document{}, Topologies: map[string]*topology.Topology{}, Queries: map[string]Query{}}
}

func (w *World) run(l *Lesson, name string, t Tracer) error {
	q := l.Traces[name]
	topo, doc, err := t(q)
	if err != nil {
		return l.errorf("trace %s: %w", name, err)
	}
	if q.Endpoint != "" {
		id, value, ok := doc.ChoiceTo(q.Endpoint)
		if !ok {
			return l.errorf("trace %s: no choice leads to endpoint %s", name, q.Endpoint)
		}
		q.Choices = map[string]string{id: value}
		if topo, doc, err = t(q); err != nil {
			return l.errorf("trace %s: %w", name, err)
		}
	}
	w.Documents[name], w.Topologies[name], w.Queries[name] = doc, topo, q
	return nil
}

// Scene is what a step is drawn on: steps of one scene follow each other in place.
func (s *Step) Scene() string {
	switch {
	case s.Type != "":
		return "type " + s.Type + " " + s.Mode
	case s.Node != "":
		return s.Trace + " " + s.Node
	}
	return s.Trace
}

// Step finds a step by its ID; -1 where there is none.
func (l *Lesson) Step(id string) int {
	for i := range l.Steps {
		if l.Steps[i].ID == id {
			return i
		}
	}
	return -1
}
