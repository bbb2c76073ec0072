package templates

import (
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/diagram"
)

// LessonsPage lists the walkthroughs.
type LessonsPage struct {
	Shell
	Lessons []LessonCard
}

// LessonCard leads to a lesson.
type LessonCard struct {
	ID, Title, Lead, Href string
	Number, Steps         int
	Topic                 string // its name is the sentence `topic.<Topic>`
	Hidden                bool   // another topic is asked for
	Mini                  *diagram.Mini
}

// LessonInput is what a lesson's page is made of: the words, and the trace of the step that is shown.
type LessonInput struct {
	Shell
	ID      string
	Number  int
	Title   string
	AllHref string
	Steps   []LessonStep
	Current int // of Steps
	// Of these one is set: what the step is drawn on.
	Trace  Input
	Figure *FigureView
	Pods   *MaxPodsView
	// Next is the lesson after this one; nil behind the last.
	Next *LessonCard
}

// LessonPage is a lesson at a step.
type LessonPage struct {
	LessonInput
	Trace *TracePage
	// First and Last are the steps that the page can show without asking the server: those around the current one with its
	// trace.
	First, Last int
}

// LessonStep is one step of a lesson as the page shows it. Body, Question, Then and the options' text are HTML.
type LessonStep struct {
	ID, Title, Href string
	N               int
	Scene           string // the trace's name: steps of one scene move in place
	Station         string // where the packet is, by ID
	Select          string // of a step about a node: what stands out
	Marks           bool   // the marks' timeline is shown
	Wait            string // where it is while the question is open; "": where the step before left it
	Body, Then      string
	Asks            bool // it has a question, shown here or not
	Question        string
	Options         []LessonOption
	Answer          string // the option that the reader chose; "" while the question is open
	Proofs          []LessonProof
	TraceHref       string // the open trace, at the station; or the page of the node, or of the type
	Opens           string // which: open, open-node, open-pods

	At, Before int // indexes of the stations in the page's trace: of the step, and of the step before it
}

// LessonOption is one answer.
type LessonOption struct {
	Name, Text, Href string
	Right            bool
}

// LessonProof is what bears a sentence out.
type LessonProof struct {
	N             int
	Where, Href   string
	Parts         []Part // verbatim
	Plain         string // a sentence, where the kernel prints no line
	Field         string
	Before, After string
	Not           bool // it shows that something is not there
}

// Open says that a step's question waits for its answer.
func (s *LessonStep) Open() bool { return s.Question != "" && s.Answer == "" }

// NewLessonPage makes the page.
func NewLessonPage(in LessonInput) *LessonPage {
	p := &LessonPage{LessonInput: in, First: in.Current, Last: in.Current}
	scene := in.Steps[in.Current].Scene
	for p.First > 0 && in.Steps[p.First-1].Scene == scene {
		p.First--
	}
	for p.Last < len(in.Steps)-1 && in.Steps[p.Last+1].Scene == scene {
		p.Last++
	}
	if in.Figure != nil || in.Pods != nil {
		return p
	}
	in.Trace.Step = in.Steps[in.Current].Station
	p.Trace = NewTracePage(in.Trace)
	at := func(id string) int {
		i := in.Trace.Document.FindStation(id)
		if i < 0 {
			return 0
		}
		id = in.Trace.Document.Stations[i].ID
		return max(slices.IndexFunc(p.Trace.Stations, func(s StationView) bool { return s.ID == id }), 0)
	}
	before := 0
	for i := p.First; i <= p.Last; i++ {
		s := &p.Steps[i]
		s.At, s.Before = at(s.Station), before
		switch {
		case s.Wait != "":
			s.Before = at(s.Wait)
		case i == p.First && s.Question == "":
			s.Before = s.At // it comes from another trace, and is simply there
		}
		before = s.At
	}
	if s := &p.Steps[in.Current]; s.Open() {
		p.Trace.Current = s.Before
	}
	return p
}

// stage is how the picture's part is drawn: as an answer, as the packet's end.
func (p *LessonPage) stage() string {
	if p.Trace == nil {
		return ""
	}
	s := &p.Trace.Stations[p.Trace.Current]
	return when(s.Reply, "is-rep") + when(s.Drop, "is-drop")
}

// InPlace says whether a step can be shown without asking the server.
func (p *LessonPage) InPlace(i int) bool { return i >= p.First && i <= p.Last }

// ProofParts are a proof's words with what decides in them marked.
func ProofParts(text string) []Part { return parts(strings.ReplaceAll(text, "\t", " ")) }
