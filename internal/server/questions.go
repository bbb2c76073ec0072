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
	// further are traces that the answer speaks of and the columns do not show; the links are called question.<id>-<key>.
	further []further
}

// further is a trace that is a link only.
type further struct {
	key   string
	query Query
}

// column is one of the traces; its words are question.<id>-<key> and question.<id>-<key>-note. Its cluster is the query's preset,
// "" for the first one. Where chance decides, it is to come by endpoint, an address and port; "" for any.
type column struct {
	key      string
	query    Query
	endpoint string
}

// Clusters of the questions about pods' addresses and policies.
const (
	onPremises = "onprem-study"
	oneSubnet  = "eks-two-subnets"
)

// bare is a packet between pods of two nodes that Calico does not put into another one.
func bare(preset, to string, options map[string]string) Query {
	return Query{Preset: preset, CNI: "calico-bgp", From: "pod/default/netshoot-1", To: to, Options: options}
}

// toWeb is a packet to a pod of app=web on node-b, under a set of NetworkPolicies.
func toWeb(from, policy string) Query {
	q := Query{Preset: onPremises, From: from, To: "pod/default/web-2", Port: 8080}
	if policy != "" {
		q.Options = map[string]string{"networkpolicy": policy}
	}
	return q
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
	{id: "ranges", paragraphs: 3, columns: []column{
		{"untold", bare(onPremises, "pod/default/netshoot-4", nil), ""},
		{"told", bare(onPremises, "pod/default/netshoot-4", map[string]string{"bgp": "true"}), ""},
		{"vpc", Query{From: "pod/default/netshoot-1", To: "pod/default/netshoot-4"}, ""},
	}, further: []further{
		{"vxlan", Query{Preset: onPremises, CNI: "calico-vxlan", From: "pod/default/netshoot-1", To: "pod/default/netshoot-4"}},
	}},
	{id: "source-check", paragraphs: 3, columns: []column{
		{"on", bare(oneSubnet, "pod/default/netshoot-3", nil), ""},
		{"off", bare(oneSubnet, "pod/default/netshoot-3", map[string]string{"sourcecheck": "false"}), ""},
		{"allowed", bare(oneSubnet, "pod/default/netshoot-3", map[string]string{"sourcecheck": "false", "podingress": "true"}), ""},
	}, further: []further{
		{"across", bare(oneSubnet, "pod/default/netshoot-4", map[string]string{"sourcecheck": "false", "podingress": "true"})},
		{"within", Query{Preset: oneSubnet, CNI: "calico-vxlan-crosssubnet", From: "pod/default/netshoot-1", To: "pod/default/netshoot-3"}},
		{"vxlan", Query{Preset: oneSubnet, CNI: "calico-vxlan", From: "pod/default/netshoot-1", To: "pod/default/netshoot-4"}},
	}},
	{id: "policy", paragraphs: 3, columns: []column{
		{"none", toWeb("pod/default/netshoot-1", ""), ""},
		{"deny", toWeb("pod/default/netshoot-1", "default-deny"), ""},
		{"allow", toWeb("pod/default/netshoot-1", "allow-web"), ""},
	}, further: []further{
		{"host", toWeb("node/node-b", "default-deny")},
		{"other-host", toWeb("node/node-a", "default-deny")},
	}},
}

// column is a column's trace: the choice that leads to its endpoint is found in a trace that makes none.
func (s *Server) column(ctx context.Context, ask *request, endpoint string) (*topology.Topology, *trace.Document, error) {
	topo, doc, err := s.engine.Trace(ctx, ask.Query)
	if err != nil || endpoint == "" {
		return topo, doc, err
	}
	if id, value, ok := doc.ChoiceTo(endpoint); ok {
		ask.Choices = map[string]string{id: value}
		return s.engine.Trace(ctx, ask.Query)
	}
	return nil, nil, fmt.Errorf("no choice leads to %s", endpoint)
}

// questions lists them.
func (s *Server) questions(w http.ResponseWriter, r *http.Request) error {
	req := parse(r.URL.Query())
	shell := s.shell(w, r, req, "/questions")
	shell.Title, shell.Description = shell.L.T("ui.nav-questions"), shell.L.T("ui.questions-lead")
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

// asked is the request for a question's trace, in the reader's language and theme.
func (s *Server) asked(req *request, q Query) *request {
	ask := req.plain()
	if q.Preset == "" {
		q.Preset = s.engine.Presets()[0].ID
	}
	ask.set(q)
	return ask
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, q *question) error {
	req := parse(r.URL.Query())
	shell := s.shell(w, r, req, "/questions/"+q.id)
	l := shell.L
	shell.Title, shell.Description = l.T("question."+q.id), l.T("question."+q.id+"-lead")
	in := templates.QuestionInput{Shell: shell, Title: shell.Title, Lead: l.T("question." + q.id + "-lead"), AllHref: "/questions" + req.display()}
	for n := range q.paragraphs {
		in.Answer = append(in.Answer, l.T(fmt.Sprintf("question.%s-answer-%d", q.id, n+1)))
	}
	for _, f := range q.further {
		in.Further = append(in.Further, templates.QuestionFurther{Title: l.T("question." + q.id + "-" + f.key), Href: s.asked(req, f.query).href("/trace")})
	}
	for _, c := range q.columns {
		ask := s.asked(req, c.query)
		topo, doc, err := s.column(r.Context(), ask, c.endpoint)
		if err != nil {
			return fmt.Errorf("question %s, column %s: %w", q.id, c.key, err)
		}
		places, err := s.engine.Places(r.Context(), ask.Preset, ask.Settings())
		if err != nil {
			return err
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
