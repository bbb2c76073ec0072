package server

import (
	"context"
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
	"github.com/podpath/podpath/web/templates"
)

// question is a question that two or three traces answer, side by side. Its words are the sentences question.<id>-….
type question struct {
	id      string
	columns []column
	// paragraphs is how many there are of the answer: question.<id>-answer-1 and on.
	paragraphs int
}

// column is one of the traces; its words are question.<id>-<key> and question.<id>-<key>-note. Where chance decides, it is to
// come by endpoint, an address and port; "" for any.
type column struct {
	key      string
	query    Query
	endpoint string
}

// questions are those that a study of EKS networking left open.
var questions = []question{
	{id: "controllers", paragraphs: 3, columns: []column{
		{"instance", Query{From: "internet", To: "lb/default/web-nlb-instance"}, "192.168.3.91:8080"},
		{"ip", Query{From: "internet", To: "lb/default/web-nlb-ip"}, ""},
	}},
	{id: "client-address", paragraphs: 3, columns: []column{
		{"cluster", Query{From: "internet", To: "node/node-a", Port: 30080}, "192.168.2.91:8080"},
		{"local", Query{From: "internet", To: "node/node-a", Port: 30081}, ""},
		{"elsewhere", Query{From: "internet", To: "node/node-c", Port: 30081}, ""},
	}},
	{id: "no-endpoints", paragraphs: 3, columns: []column{
		{"with", Query{From: "pod/default/netshoot-1", To: "svc/default/web"}, ""},
		{"without", Query{From: "pod/default/netshoot-1", To: "svc/default/web-empty"}, ""},
		{"ping", Query{From: "pod/default/netshoot-1", To: "svc/default/web-empty", Protocol: "icmp"}, ""},
	}},
}

// column is a column's trace: the choice that leads to its endpoint is found in a trace that makes none.
func (s *Server) column(ctx context.Context, ask *request, endpoint string) (*topology.Topology, *trace.Document, error) {
	topo, doc, err := s.engine.Trace(ctx, ask.Query)
	if err != nil || endpoint == "" {
		return topo, doc, err
	}
	for _, c := range doc.Choices {
		for _, o := range c.Options {
			if o.Label == endpoint {
				ask.Choices = map[string]string{c.ID: o.Value}
				return s.engine.Trace(ctx, ask.Query)
			}
		}
	}
	return nil, nil, fmt.Errorf("no choice leads to %s", endpoint)
}

// questions lists them.
func (s *Server) questions(w http.ResponseWriter, r *http.Request) error {
	req := parse(r.URL.Query())
	shell := s.shell(w, r, req, "/questions")
	shell.Title = shell.L.T("ui.nav-questions")
	p := &templates.QuestionsPage{Shell: shell}
	for i, q := range questions {
		p.Questions = append(p.Questions, templates.QuestionLink{N: i + 1, Title: shell.L.T("question." + q.id), Lead: shell.L.T("question." + q.id + "-lead"),
			Href: "/questions/" + q.id + req.display()})
	}
	w.Header().Add("Vary", "Accept-Language, Cookie")
	return render(w, r, http.StatusOK, templates.Questions(p))
}

// question shows one: the answer in words, and the traces that prove it.
func (s *Server) question(w http.ResponseWriter, r *http.Request) error {
	id := chi.URLParam(r, "id")
	for i := range questions {
		if questions[i].id == id {
			return s.answer(w, r, &questions[i])
		}
	}
	return errNotFound
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, q *question) error {
	req := parse(r.URL.Query())
	shell := s.shell(w, r, req, "/questions/"+q.id)
	l := shell.L
	shell.Title = l.T("question." + q.id)
	in := templates.QuestionInput{Shell: shell, Title: shell.Title, Lead: l.T("question." + q.id + "-lead"), AllHref: "/questions" + req.display()}
	for n := range q.paragraphs {
		in.Answer = append(in.Answer, l.T(fmt.Sprintf("question.%s-answer-%d", q.id, n+1)))
	}
	preset := s.engine.Presets()[0]
	places, err := s.engine.Places(r.Context(), preset.ID, nil)
	if err != nil {
		return err
	}
	for _, c := range q.columns {
		ask := &request{lang: req.lang, theme: req.theme}
		c.query.Preset = preset.ID
		ask.set(c.query)
		topo, doc, err := s.column(r.Context(), ask, c.endpoint)
		if err != nil {
			return fmt.Errorf("question %s, column %s: %w", q.id, c.key, err)
		}
		key := "question." + q.id + "-" + c.key
		in.Columns = append(in.Columns, templates.QuestionInputColumn{
			Title: l.T(key), Note: l.T(key + "-note"), Href: ask.href("/trace"),
			Trace: templates.Input{Shell: shell, Topology: topo, Document: doc, PlaceName: placeNames(places),
				StepHref:   func(id string) string { return ask.href("/trace", "step", id) },
				ChoiceHref: func(id, value, step string) string { return ask.withChoice("/trace", id, value, "step", step) }},
		})
	}
	w.Header().Add("Vary", "Accept-Language, Cookie")
	return render(w, r, http.StatusOK, templates.Question(templates.NewQuestionPage(in)))
}
