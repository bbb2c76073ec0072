package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/podpath/podpath/internal/diagram"
	"github.com/podpath/podpath/internal/export"
	"github.com/podpath/podpath/internal/latency"
	"github.com/podpath/podpath/internal/narrate"
	"github.com/podpath/podpath/internal/share"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
	"github.com/podpath/podpath/web/locales"
	"github.com/podpath/podpath/web/templates"
)

// maxShare is how many bytes a request to share may have: a packed input and 200 notes of 2,000 characters, or what was encrypted, in base64.
const maxShare = 12 << 20

// Links keeps what is shared. It is a [*share.Store] but in tests.
type Links interface {
	Put(ctx context.Context, l share.Link) (share.Receipt, error)
	Get(ctx context.Context, id share.ID) (*share.Link, error)
	Delete(ctx context.Context, id share.ID, key share.Key) (open bool, err error)
}

// sharing is a trace that is about to be shared.
type sharing struct {
	*request
	topo    *topology.Topology
	doc     *trace.Document
	scene   *diagram.Scene
	story   *narrate.Story
	places  []Place
	current int // the station that it opens at
}

// toShare has the query of a request to share traced.
func (s *Server) toShare(ctx context.Context, l *locales.Printer, req *request) (*sharing, error) {
	x := &sharing{request: req}
	preset := s.preset(x.request)
	topo, doc, err := s.ask(ctx, x.request)
	if err != nil || doc == nil {
		return x, err
	}
	x.topo, x.doc, x.scene = topo, doc, diagram.Build(topo, doc)
	x.story = narrate.New(l, doc, x.scene)
	x.current = max(0, doc.FindStation(x.step))
	x.step = doc.Stations[x.current].ID
	x.places, err = s.engine.Places(ctx, preset.ID, x.Settings())
	return x, err
}

// share shows what can be done with a trace elsewhere. What is wrong with the query, the trace's own page says.
func (s *Server) share(w http.ResponseWriter, r *http.Request) error {
	return s.sharePage(w, r, r.URL.Query(), http.StatusOK, nil)
}

func (s *Server) sharePage(w http.ResponseWriter, r *http.Request, v url.Values, status int, wrong *share.ContentError) error {
	req := parse(v)
	shell := s.shell(w, r, req, "/share")
	x, err := s.toShare(r.Context(), shell.L, req)
	if err != nil {
		return err
	}
	if x.doc == nil {
		http.Redirect(w, r, x.href("/trace", "step", x.step), http.StatusSeeOther)
		return nil
	}
	base := s.base(r)
	at := func(path string) string { return x.href(path, "step", x.step) }
	fragment, long := "", false
	if s.input != nil {
		if long = len(s.packed) > templates.LinkMost; !long {
			fragment = "#" + s.packed
		}
	}
	p := &templates.SharePage{Shell: shell, Flow: flowTitle(shell.L, x.request, x.places), TraceHref: at("/trace"), Link: base + at("/trace") + fragment, TooLong: long, Picture: x.href("/trace.svg", "step", x.step, "theme", shell.Theme), PictureDark: x.href("/trace.svg", "step", x.step, "theme", "dark"),
		Station: x.label(x.current), EmbedHref: at(embedPath), Embed: embedding(base+at(embedPath)+fragment, "100%", frameHeight)}
	p.Title = shell.L.T("share.title") + ": " + p.Flow
	p.Files = fileLinks(func(ext string) string { return at("/trace." + ext) }, fileName(x.request))
	if s.rooms != nil {
		shown := *x.request
		shown.lang, shown.theme = "", "" // everybody follows in their own
		p.Present = shown.href("/trace", "step", x.step) + fragment
	}
	if s.links != nil {
		p.Freeze = s.freezeForm(shell.L, x, v, wrong)
	}
	return render(w, r, status, templates.ShareDoc(p))
}

// label is a station as a list has it: "14 · POSTROUTING".
func (x *sharing) label(station int) string {
	return strconv.Itoa(station+1) + " · " + x.story.Title(station)
}

// fileLinks are the forms that a trace can be had in as files, those first that most come for, but for some.
func fileLinks(href func(ext string) string, name string, but ...export.Form) []templates.FileLink {
	var out []templates.FileLink
	for _, f := range []export.Form{export.SVG, export.PNG, export.PCAPNG, export.Markdown, export.Mermaid, export.Plain, export.JSON} {
		if !slices.Contains(but, f) {
			out = append(out, templates.FileLink{Ext: f.Ext, Href: href(f.Ext), Download: name + "." + f.Ext})
		}
	}
	return out
}

func (s *Server) freezeForm(l *locales.Printer, x *sharing, v url.Values, wrong *share.ContentError) *templates.FreezeForm {
	f := &templates.FreezeForm{Title: v.Get("title"), Current: x.current, MaxTitle: share.MaxTitle, MaxNote: share.MaxNote}
	for _, p := range append(x.params(), [2]string{"step", x.step}, [2]string{"lang", l.Lang}) {
		if p[1] != "" {
			f.Query = append(f.Query, p)
		}
	}
	if s.input != nil {
		f.Query = append(f.Query, [2]string{"input", s.packed})
		f.Input = s.input.Text
	}
	for i := range x.doc.Stations {
		name := "note." + x.doc.Stations[i].ID
		f.Notes = append(f.Notes, templates.NoteField{ID: x.doc.Stations[i].ID, Name: name, Label: x.label(i), Text: v.Get(name)})
	}
	if s.ttl > 0 {
		f.Days = strconv.Itoa(int(s.ttl.Hours()+23) / 24)
	}
	if wrong != nil {
		f.Errors = []string{contentFault(l, wrong)}
	}
	return f
}

// contentFault says what a link may not have.
func contentFault(l *locales.Printer, c *share.ContentError) string {
	problem := l.T("share.problem-"+string(c.Problem), "limit", strconv.Itoa(c.Limit))
	switch c.Field {
	case "title":
		return l.T("share.bad-title", "problem", problem)
	case "note", "notes":
		return l.T("share.bad-note", "problem", problem)
	}
	return l.T("share.bad-other", "field", c.Field, "problem", problem)
}

// postShare is the share page of the asker's own network, where a script sends its input alone, or the form that keeps a trace.
func (s *Server) postShare(w http.ResponseWriter, r *http.Request) error {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
		s.own((*Server).share)(w, r)
		return nil
	}
	return s.freeze(w, r)
}

// freeze keeps a trace as it is, and hands its link over.
func (s *Server) freeze(w http.ResponseWriter, r *http.Request) error {
	if s.links == nil {
		return errNoLinks
	}
	if err := r.ParseForm(); err != nil {
		return bodyError(err)
	}
	v := r.PostForm
	if v.Has("sealed") {
		return s.keepSealed(w, r, v)
	}
	s, err := s.ofForm(r, v)
	if err != nil {
		return err
	}
	req := parse(v)
	shell := s.shell(w, r, req, "/share")
	x, err := s.toShare(r.Context(), shell.L, req)
	if err != nil {
		return err
	}
	if x.doc == nil {
		http.Redirect(w, r, x.href("/trace", "step", x.step), http.StatusSeeOther)
		return nil
	}
	receipt, err := s.keep(r.Context(), x, strings.TrimSpace(v.Get("title")), formNotes(v), shell.L.Lang)
	var wrong *share.ContentError
	switch {
	case errors.As(err, &wrong):
		return s.sharePage(w, r, v, http.StatusUnprocessableEntity, wrong)
	case err != nil:
		return err
	}
	base, href := s.base(r), "/s/"+receipt.ID.String()
	p := &templates.SharedPage{Shell: shell, Flow: flowTitle(shell.L, x.request, x.places), Link: base + href, Href: href, Key: receipt.Key.Text(), Expires: day(receipt.Expires),
		TraceHref: x.href("/trace", "step", x.step), Embed: embedding(base+href+embedPath, "100%", frameHeight)}
	p.Title = shell.L.T("share.done")
	w.Header().Set("Location", href)
	return render(w, r, http.StatusCreated, templates.Shared(p))
}

// formNotes are the notes of the form, by station.
func formNotes(v url.Values) map[string]string {
	notes := map[string]string{}
	for name := range v {
		if id, ok := strings.CutPrefix(name, "note."); ok {
			if text := strings.TrimSpace(strings.ReplaceAll(v.Get(name), "\r\n", "\n")); text != "" {
				notes[id] = text
			}
		}
	}
	return notes
}

// keep stores a trace that was asked about.
func (s *Server) keep(ctx context.Context, x *sharing, title string, notes map[string]string, lang string) (share.Receipt, error) {
	c, err := s.content(ctx, x, title, notes, lang)
	if err != nil {
		return share.Receipt{}, err
	}
	link, err := c.Link(s.until())
	if err != nil {
		return share.Receipt{}, err
	}
	return s.links.Put(ctx, link)
}

// until is when a link that is made now goes by itself; the zero time for never.
func (s *Server) until() time.Time {
	if s.ttl == 0 {
		return time.Time{}
	}
	return s.now().Add(s.ttl)
}

// content is what a link of a trace keeps.
func (s *Server) content(ctx context.Context, x *sharing, title string, notes map[string]string, lang string) (*share.Content, error) {
	_, walk, dated, err := s.engine.Run(ctx, x.Query)
	if err != nil {
		return nil, err
	}
	latency.Annotate(dated, latency.Of(walk, dated, latency.Default())) // with what it costs, as the file of a trace has it
	doc, err := json.Marshal(dated)
	if err != nil {
		return nil, err
	}
	scene, err := json.Marshal(x.scene)
	if err != nil {
		return nil, err
	}
	plain := *x.request
	plain.lang, plain.theme = "", ""
	c := share.Content{Engine: x.doc.Engine, Query: strings.TrimPrefix(plain.href(""), "?"), Trace: doc, Scene: scene, Input: s.input, Title: title, Notes: notes, Step: x.step, Lang: lang}
	for id := range notes {
		if x.doc.FindStation(id) < 0 {
			return nil, &share.ContentError{Field: "note", Station: id, Problem: share.Malformed}
		}
	}
	return &c, nil
}

// day is a date as pages show it, UTC; "" for never.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

// embedding is the markup for another page: a frame of a width, in pixels or per cent, and a height in pixels.
func embedding(href, width string, height int) string {
	return `<iframe src="` + strings.NewReplacer("&", "&amp;", `"`, "&quot;", "<", "&lt;", ">", "&gt;").Replace(href) + `" width="` + width + `" height="` + strconv.Itoa(height) +
		`" style="border:0" loading="lazy" allowfullscreen title="podpath"></iframe>`
}
