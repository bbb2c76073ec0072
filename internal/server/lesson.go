package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/podpath/podpath/internal/anatomy"
	"github.com/podpath/podpath/internal/lesson"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
	"github.com/podpath/podpath/web/locales"
	"github.com/podpath/podpath/web/templates"
)

// lessonList lists the walkthroughs.
func (s *Server) lessonList(w http.ResponseWriter, r *http.Request) error {
	req := parse(r.URL.Query())
	shell := s.shell(w, r, req, "/lessons")
	shell.Title, shell.Description = shell.L.T("ui.nav-lessons"), shell.L.T("lesson.all-lead")
	w.Header().Add("Vary", "Accept-Language, Cookie")
	return render(w, r, http.StatusOK, templates.Lessons(&templates.LessonsPage{Shell: shell, Lessons: s.lessonCards(shell.L, req)}))
}

func (s *Server) lessonCards(l *locales.Printer, req *request) []templates.LessonCard {
	var out []templates.LessonCard
	for _, x := range s.lessons {
		out = append(out, s.lessonCard(l, req, x))
	}
	return out
}

func (s *Server) lessonCard(l *locales.Printer, req *request, x *lesson.Lesson) templates.LessonCard {
	t := x.Texts[l.Lang]
	return templates.LessonCard{ID: x.ID, Title: t.Title, Lead: t.Lead, Href: lessonHref(req, x, ""), Number: x.Number, Steps: len(x.Steps), Topic: x.Topic, Mini: s.thumbnail(x)}
}

// lessonHref is a lesson's permalink, at a step and with an answer.
func lessonHref(req *request, x *lesson.Lesson, step string, extra ...string) string {
	return req.plain().href("/lessons/"+x.ID, append([]string{"step", step}, extra...)...)
}

// lesson shows a lesson at a step.
func (s *Server) lesson(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "id")
	at := slices.IndexFunc(s.lessons, func(x *lesson.Lesson) bool { return x.ID == id })
	if at < 0 {
		return errNotFound
	}
	x := s.lessons[at]
	values := r.URL.Query()
	req := parse(values)
	current := 0
	if req.step != "" {
		if current = x.Step(req.step); current < 0 {
			return errNotFound
		}
	}
	shell := s.shell(w, r, &request{step: req.step, lang: req.lang, theme: req.theme}, "/lessons/"+id)
	b := &lessonBuilder{s: s, req: req, lesson: x, l: shell.L, text: x.Texts[shell.L.Lang], answer: values.Get("answer"), current: current}
	in := templates.LessonInput{ID: x.ID, Number: x.Number, Title: b.text.Title,
		AllHref: req.plain().href("/lessons"), Current: current}
	if err := b.build(r.Context(), &in); err != nil {
		return fmt.Errorf("lesson %s: %w", x.ID, err)
	}
	if at+1 < len(s.lessons) {
		next := s.lessonCard(shell.L, req, s.lessons[at+1])
		in.Next = &next
	}
	shell.Title = fmt.Sprintf("%d. %s", x.Number, b.text.Title)
	shell.Description = b.text.Lead
	in.Shell, in.Trace.Shell = shell, shell
	in.Trace.Form.Summary = b.text.Title
	page := templates.NewLessonPage(in)
	component := templates.Lesson(page)
	w.Header().Add("Vary", "HX-Request, HX-Request-Type, Accept-Language, Cookie")
	if isPartial(r) {
		component = templates.LessonWork(page)
	}
	return render(w, r, http.StatusOK, component)
}

// isPartial says whether htmx asks for the work area alone.
func isPartial(r *http.Request) bool {
	return r.Header.Get("HX-Request") == "true" && r.Header.Get("HX-Request-Type") != "full"
}

// lessonBuilder makes a lesson's page at a step.
type lessonBuilder struct {
	s       *Server
	req     *request
	lesson  *lesson.Lesson
	l       *locales.Printer
	text    *lesson.Text
	answer  string // to the current step's question
	current int
	world   *lesson.World
	ask     *request // the trace of the current step
}

func (b *lessonBuilder) build(ctx context.Context, in *templates.LessonInput) error {
	now := &b.lesson.Steps[b.current]
	scene := now.Trace
	var err error
	if b.world, err = b.s.worldOf(ctx, b.lesson, b.current); err != nil {
		return err
	}
	b.ask = b.s.asked(b.req, queryOf(b.world.Queries[scene]))
	for i := range b.lesson.Steps {
		step, err := b.step(i)
		if err != nil {
			return fmt.Errorf("step %s: %w", b.lesson.Steps[i].ID, err)
		}
		in.Steps = append(in.Steps, step)
	}
	switch {
	case now.Type != "":
		in.Pods = podCountOf(now.Type, now.Mode).embedded(b.l, b.req)
		return nil
	case now.Node != "":
		in.Figure, err = b.figure(now)
		return err
	}
	places, err := b.s.engine.Places(ctx, b.ask.Preset, b.ask.Settings())
	if err != nil {
		return err
	}
	in.Trace = templates.Input{Topology: b.world.Topologies[scene], Document: b.world.Documents[scene], PlaceName: placeNames(places),
		StepHref:   func(id string) string { return b.ask.href("/trace", "step", id) },
		ChoiceHref: func(id, value, step string) string { return b.ask.withChoice("/trace", id, value, "step", step) },
		NodeHref:   b.ask.nodeHref}
	return nil
}

// figure is the node of a step, from inside.
func (b *lessonBuilder) figure(s *lesson.Step) (*templates.FigureView, error) {
	topo := b.world.Topologies[s.Trace]
	ns, err := topo.Namespace(s.Node)
	if err != nil {
		return nil, err
	}
	page := func(extra ...string) string {
		return b.ask.href("/node", append([]string{"node", s.Node}, extra...)...)
	}
	return &templates.FigureView{L: b.l, Name: s.Node, Anatomy: anatomy.Build(topo, ns), Selected: s.Select,
		SelectHref: func(thing string) string { return page("select", thing) },
		PanelHref:  func(target string) string { return page("tab", templates.PanelTab(target)) },
		PanelAt:    func(string) string { return "" }}, nil
}

// step makes one step. Those of other traces are only named: their claims are not asked here.
func (b *lessonBuilder) step(i int) (templates.LessonStep, error) {
	s := &b.lesson.Steps[i]
	t := b.text.Steps[s.ID]
	v := templates.LessonStep{ID: s.ID, N: i + 1, Title: t.Title, Href: lessonHref(b.req, b.lesson, s.ID), Scene: s.Scene(), Select: s.Select, Station: s.At, Wait: s.Wait, Marks: s.Marks, Asks: len(s.Ask) > 0}
	if s.Scene() != b.lesson.Steps[b.current].Scene() {
		return v, nil
	}
	switch {
	case s.Type != "":
		v.TraceHref, v.Opens = b.req.plain().href("/maxpods", podCountOf(s.Type, s.Mode).params("")...), "open-pods"
	case s.Node != "":
		v.TraceHref, v.Opens = b.ask.href("/node", "node", s.Node, "select", s.Select), "open-node"
	default:
		v.TraceHref, v.Opens = b.ask.href("/trace", "step", s.At), "open"
	}
	if i == b.current && s.Ask[b.answer] != nil {
		v.Answer = b.answer
	}
	proofs, err := b.prove(s)
	if err != nil {
		return v, err
	}
	r := &lesson.Renderer{Href: func(name string) string { return proofs[name].Href }}
	for _, x := range []struct {
		to     *string
		source string
		make   func(string) (string, error)
	}{{&v.Body, t.Body, r.HTML}, {&v.Question, t.Question, r.Inline}, {&v.Then, t.Then, r.HTML}} {
		if *x.to, err = x.make(x.source); err != nil {
			return v, err
		}
	}
	for _, o := range t.Options {
		text, err := r.Inline(o.Text)
		if err != nil {
			return v, err
		}
		_, wrong := s.Ask[o.Name].Prove(b.world)
		v.Options = append(v.Options, templates.LessonOption{Name: o.Name, Text: text, Right: wrong == nil,
			Href: lessonHref(b.req, b.lesson, s.ID, "answer", o.Name)})
	}
	for n, name := range r.Order {
		p := proofs[name]
		p.N = n + 1
		v.Proofs = append(v.Proofs, p)
	}
	return v, nil
}

// prove asks a step's claims. One that does not hold is an error of the lesson, which its test finds before a reader does.
func (b *lessonBuilder) prove(s *lesson.Step) (map[string]templates.LessonProof, error) {
	out := map[string]templates.LessonProof{}
	for name, c := range s.Claims {
		p, err := c.Prove(b.world)
		if err != nil {
			return nil, fmt.Errorf("claim %s: %w", name, err)
		}
		v := templates.LessonProof{Parts: templates.ProofParts(p.Text), Field: p.Field, Before: p.Before, After: p.After, Not: c.Denies()}
		if p.Code != "" {
			v.Plain = b.l.Code(p.Code, p.Args)
		}
		if c.Outcome != "" {
			v.Plain, v.Parts = b.l.T("ui.outcome-"+c.Outcome), nil
		}
		ask := b.s.asked(b.req, queryOf(b.world.Queries[p.Trace]))
		switch {
		case p.Type != "":
			v.Where, v.Href = p.Type, b.req.plain().href("/maxpods", podCountOf(p.Type, p.Mode).params("")...)
			v.Field = b.l.T("lesson.count-" + p.Field)
		case p.Part == "conntrack":
			v.Where, v.Href = p.Node+" · conntrack", ask.href("/trace", "step", s.At)
		case p.Node != "":
			v.Where, v.Href = p.Node+" · "+p.Part, ask.href("/node", "node", p.Node, "tab", p.Part)
		case p.Station != "":
			v.Where, v.Href = stationLabel(p.Station), ask.href("/trace", "step", p.Station)
		default:
			v.Href = ask.href("/trace")
		}
		out[name] = v
	}
	return out, nil
}

// queryOf is a lesson's query as the server has it.
func queryOf(q lesson.Query) Query {
	return Query{Preset: q.Preset, From: q.From, To: q.To, Protocol: q.Protocol, Port: q.Port, Payload: q.Payload, CNI: q.CNI, Options: q.Options, Choices: q.Choices}
}

// worldOf traces what the claims of a step's neighbours need: its own trace, and those that their claims name.
func (s *Server) worldOf(ctx context.Context, x *lesson.Lesson, current int) (*lesson.World, error) {
	return x.Around(&x.Steps[current], s.tracer(ctx))
}

// tracer runs lessons' queries.
func (s *Server) tracer(ctx context.Context) lesson.Tracer {
	return func(q lesson.Query) (*topology.Topology, *trace.Document, error) {
		topo, doc, err := s.engine.Trace(ctx, queryOf(q))
		if err == nil && doc == nil {
			err = errors.New("no trace")
		}
		return topo, doc, err
	}
}

// stationLabel is a station's identifier as one reads it: the place and the stage, with an arrow on the way back.
func stationLabel(id string) string {
	leg, rest, _ := strings.Cut(id, "/")
	parts := strings.Split(rest, "/")
	if len(parts) < 3 {
		return id
	}
	label := strings.Join(parts[:len(parts)-2], "/") + " · " + strings.ReplaceAll(parts[len(parts)-1], "-", " ")
	if leg != string(trace.Request) {
		return "← " + label
	}
	return label
}
