package server

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/podpath/podpath/internal/anatomy"
	"github.com/podpath/podpath/internal/diagram"
	"github.com/podpath/podpath/internal/lesson"
	"github.com/podpath/podpath/internal/maxpods"
	"github.com/podpath/podpath/internal/trace"
	"github.com/podpath/podpath/web/templates"
)

// home is the first page: the walkthroughs, and what else there is.
func (s *Server) home(w http.ResponseWriter, r *http.Request) error {
	req := parse(r.URL.Query())
	topic := r.URL.Query().Get("topic")
	plain := req.plain()
	shell := s.shell(w, r, plain, "/", "topic", topic)
	l := shell.L
	shell.Title, shell.Description = l.T("home.title"), l.T("home.lead")
	first := plain.href("/lessons")
	if len(s.lessons) > 0 {
		first = lessonHref(req, s.lessons[0], "")
	}
	p := &templates.HomePage{Shell: shell, StartHref: first, TraceHref: s.firstTrace(req), Lessons: s.lessonCards(l, req)}
	var topics []string
	for i := range p.Lessons {
		c := &p.Lessons[i]
		if !slices.Contains(topics, c.Topic) {
			topics = append(topics, c.Topic)
		}
		c.Hidden = topic != "" && c.Topic != topic
	}
	if !slices.Contains(topics, topic) {
		topic = ""
		for i := range p.Lessons {
			p.Lessons[i].Hidden = false
		}
	}
	p.Topics = append(p.Topics, templates.TopicLink{Label: l.T("home.all"), Href: plain.href("/"), Selected: topic == ""})
	for _, t := range topics {
		p.Topics = append(p.Topics, templates.TopicLink{Value: t, Label: l.T("topic." + t), Href: plain.href("/", "topic", t), Selected: topic == t})
	}
	for _, m := range []struct{ key, href string }{{"compare", plain.href("/compare")}, {"node", plain.href("/node")},
		{"pods", plain.href("/maxpods")}, {"questions", plain.href("/questions")}} {
		p.More = append(p.More, templates.MoreLink{Title: l.T("home." + m.key), Lead: l.T("home." + m.key + "-lead"), Href: m.href})
	}
	ask := s.firstQuery()
	topo, doc, err := s.engine.Trace(r.Context(), ask.Query)
	if err != nil {
		return err
	}
	p.Hero = templates.NewTracePage(templates.Input{Shell: shell, Topology: topo, Document: doc,
		StepHref: func(string) string { return "" }, ChoiceHref: func(string, string, string) string { return "" },
		NodeHref: func(string, string, string) string { return "" }, PlaceName: func(string) string { return "" }})
	w.Header().Add("Vary", "Accept-Language, Cookie")
	return render(w, r, http.StatusOK, templates.Home(p))
}

// firstQuery is the trace that podpath opens with.
func (s *Server) firstQuery() *request {
	p := s.engine.Presets()[0]
	req := &request{}
	req.set(p.Start)
	req.Preset = p.ID
	return req
}

// firstTrace is its address.
func (s *Server) firstTrace(shown *request) string {
	req := s.firstQuery()
	req.lang, req.theme = shown.lang, shown.theme
	return req.href("/trace")
}

// thumbnails are the lessons' pictures, by lesson: each a trace of the lesson. They are the same for every reader, so they
// are made once, when someone first sees them.
type thumbnails struct {
	once sync.Once
	all  map[string]*diagram.Mini
}

func (s *Server) thumbnail(x *lesson.Lesson) *diagram.Mini {
	s.minis.once.Do(func() {
		s.minis.all = map[string]*diagram.Mini{}
		for _, l := range s.lessons {
			m, err := s.draw(l)
			if err != nil {
				s.log.Error("a lesson's picture cannot be drawn", "lesson", l.ID, "error", err)
				continue
			}
			s.minis.all[l.ID] = m
		}
	})
	return s.minis.all[x.ID]
}

// draw is a lesson's picture: of the step that its card names, or of its first trace.
func (s *Server) draw(l *lesson.Lesson) (*diagram.Mini, error) {
	step := &l.Steps[0]
	if at := l.Step(l.Card); at >= 0 {
		step = &l.Steps[at]
	}
	if step.Type != "" {
		r, err := lesson.Pods(step.Type, step.Mode)
		if err != nil {
			return nil, err
		}
		return slotsPicture(r), nil
	}
	w, err := l.Only(step.Trace, s.tracer(context.Background()))
	if err != nil {
		return nil, err
	}
	topo, doc := w.Topologies[step.Trace], w.Documents[step.Trace]
	if step.Node != "" {
		ns, err := topo.Namespace(step.Node)
		if err != nil {
			return nil, err
		}
		return anatomy.Thumbnail(anatomy.Build(topo, ns)), nil
	}
	return diagram.Thumbnail(diagram.Build(topo, doc), func(st *diagram.Station) bool { return rewrites(doc, st) }), nil
}

// slotsPicture is a type's ENIs with their slots, an ENI a row.
func slotsPicture(r *maxpods.Result) *diagram.Mini {
	const size, gap = 84.0, 14.0
	m := &diagram.Mini{}
	add := func(x, y int, class diagram.BoxClass) {
		m.Boxes = append(m.Boxes, diagram.MiniBox{Rect: diagram.Rect{X: float64(x) * (size + gap), Y: float64(y) * (size + gap), W: size, H: size}, Class: class, Radius: 10})
		m.View.W, m.View.H = max(m.View.W, float64(x+1)*(size+gap)), float64(y+1)*(size+gap)
	}
	for y, row := range r.Drawing() {
		add(0, y, "own") // the ENI's own address
		for x := range row {
			add(x+1, y, "chip")
		}
	}
	return m
}

// rewrites says whether a station changed who the packet is from or for, its mark, or what it is wrapped in.
func rewrites(doc *trace.Document, st *diagram.Station) bool {
	for _, step := range doc.Legs[st.Leg].Hops[st.Hop].Steps[st.First : st.Last+1] {
		for _, c := range step.Changes {
			switch c.Field {
			case "ip.src", "ip.dst", "mark", "encap":
				return true
			}
		}
	}
	return false
}
