package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/podpath/podpath/internal/compare"
	"github.com/podpath/podpath/internal/diagram"
	"github.com/podpath/podpath/internal/export"
	"github.com/podpath/podpath/internal/narrate"
	"github.com/podpath/podpath/internal/share"
	"github.com/podpath/podpath/internal/trace"
	"github.com/podpath/podpath/web/locales"
	"github.com/podpath/podpath/web/templates"
)

// maxDrifts is how many of the steps that today's engine tells otherwise are listed.
const maxDrifts = 8

// frozenLink is a link with what it keeps.
type frozenLink struct {
	id      string
	link    *share.Link
	content *share.Content
	doc     *trace.Document
	scene   *diagram.Scene
}

// open finds the link that an address names.
func (s *Server) open(ctx context.Context, text string) (*frozenLink, error) {
	if s.links == nil {
		return nil, errNoLinks
	}
	id, err := share.ParseID(text)
	if err != nil {
		return nil, share.ErrNotFound
	}
	link, err := s.links.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	f := &frozenLink{id: id.String(), link: link}
	if link.Kind != share.Plain {
		return f, nil
	}
	if err := f.read(link.Content); err != nil {
		s.log.Warn("a link cannot be shown", "id", f.id, "error", err)
		return nil, err
	}
	return f, nil
}

// read reads the link's content.
func (f *frozenLink) read(data []byte) (err error) {
	if f.content, err = share.Decode(data); err != nil {
		return unreadable{err}
	}
	if f.doc, f.scene, err = thaw(f.content); err != nil {
		return unreadable{err}
	}
	return nil
}

// thaw reads a link's document and drawing, and makes sure that each fits the other: a link's content is what somebody sent.
func thaw(c *share.Content) (*trace.Document, *diagram.Scene, error) {
	var doc trace.Document
	if err := json.Unmarshal(c.Trace, &doc); err != nil {
		return nil, nil, err
	}
	var scene diagram.Scene
	if err := json.Unmarshal(c.Scene, &scene); err != nil {
		return nil, nil, err
	}
	if err := doc.Check(); err != nil {
		return nil, nil, err
	}
	return &doc, &scene, scene.Check(&doc)
}

// frozen shows a link's trace as it was shared.
func (s *Server) frozen(w http.ResponseWriter, r *http.Request) error {
	f, err := s.open(r.Context(), chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	if f.content == nil {
		return s.sealed(w, r, f)
	}
	p, err := s.frozenPage(w, r, f)
	if err != nil {
		return err
	}
	return render(w, r, http.StatusOK, templates.Trace(p))
}

func (s *Server) frozenPage(w http.ResponseWriter, r *http.Request, f *frozenLink) (*templates.TracePage, error) {
	s, err := s.asOf(r, f)
	if err != nil {
		return nil, err
	}
	asked, shown := f.asked(), f.shown(r)
	top := "/s/" + f.id
	path := top
	if strings.HasSuffix(r.URL.Path, embedPath) {
		path += embedPath
	}
	shell := s.shell(w, r, shown, path)
	places := s.placesThen(r.Context(), asked)
	in := templates.Input{Shell: shell, Step: shown.step, Document: f.doc, Scene: f.scene, StepHref: func(id string) string { return shown.href(path, "step", id) },
		PlaceName: placeNames(places)}
	in.Form.Summary = flowTitle(shell.L, asked, places)
	in.Shell.Title = f.title(shell.L, asked, places)
	view := &templates.FrozenView{Title: f.content.Title, Created: day(f.link.Created), Expires: day(f.link.Expires), Engine: f.content.Engine, AgainHref: asked.href("/trace", "step", shown.step),
		DeleteHref: top + "/delete", Notes: f.content.Notes}
	if s.input != nil {
		view.AgainHref += "#" + s.packed
	}
	view.Files = fileLinks(func(ext string) string { return shown.href(top+"."+ext, "step", shown.step) }, fileName(asked), export.PCAPNG)
	if view.Drift, err = s.drift(r.Context(), shell.L, f, asked); err != nil {
		return nil, err
	}
	in.Frozen = view
	here := func(path string) string { return shown.href(path, "step", r.URL.Query().Get("step")) }
	if f.link.Kind == share.Plain { // the others no server can show
		s.previews(r, &in.Shell, here, top)
	}
	if path != top {
		framed(w, &in.Shell, here(top))
	}
	w.Header().Add("Vary", "Accept-Language, Cookie")
	p := templates.NewTracePage(in)
	p.Description = in.Form.Summary + ". " + p.Stations[p.Current].Preview()
	return p, nil
}

// shown is how a request wants a link shown: its language, its theme, its station.
func (f *frozenLink) shown(r *http.Request) *request {
	v := parse(r.URL.Query())
	x := v.plain()
	if x.step = v.step; x.step == "" {
		x.step = f.content.Step
	}
	return x
}

// asked is the question of a link.
func (f *frozenLink) asked() *request {
	v, err := url.ParseQuery(f.content.Query)
	if err != nil {
		v = url.Values{}
	}
	return parse(v)
}

// title is the sharer's, or the question.
func (f *frozenLink) title(l *locales.Printer, asked *request, places []Place) string {
	if f.content.Title != "" {
		return f.content.Title
	}
	return flowTitle(l, asked, places)
}

// placesThen are the places of a question that was asked once: none where its cluster is no more; they go by their own names
// then.
func (s *Server) placesThen(ctx context.Context, asked *request) []Place {
	places, err := s.engine.Places(ctx, asked.Preset, asked.Settings())
	if err != nil {
		return nil
	}
	return places
}

// asOf is the server with the network that a link was shared with, if it had one of its own. A network that today's podpath does
// not read any more is none.
func (s *Server) asOf(r *http.Request, f *frozenLink) (*Server, error) {
	if f.content.Input == nil {
		return s, nil
	}
	own, err := s.withInput(r, f.content.Input)
	if inputFault(locales.New(locales.Languages[0]), err) != nil {
		return s, nil
	}
	return own, err
}

// drift is what today's engine says otherwise; nil where it says the same.
func (s *Server) drift(ctx context.Context, l *locales.Printer, f *frozenLink, asked *request) (*templates.DriftView, error) {
	d := &templates.DriftView{Engine: trace.Engine}
	now := *asked
	s.preset(&now)
	topo, doc, err := s.ask(ctx, &now)
	if err != nil {
		return nil, err
	}
	if doc == nil {
		for _, e := range now.errors {
			d.Failed += l.Args("field."+e.Code, e.Args) + " "
		}
		return d, nil
	}
	drifts := compare.Drifts(f.doc, doc)
	if len(drifts) == 0 && doc.Outcome == f.doc.Outcome {
		return nil, nil
	}
	if doc.Outcome != f.doc.Outcome {
		d.Outcome = l.T("ui.outcome-" + string(doc.Outcome))
	}
	then, today := narrate.New(l, f.doc, f.scene), narrate.New(l, doc, diagram.Build(topo, doc))
	for i, x := range drifts {
		if i == maxDrifts {
			d.More = len(drifts) - i
			break
		}
		st := templates.DriftStation{}
		if x.Now >= 0 {
			st.Title, st.Now = today.Title(x.Now)+", "+today.PlaceOf(x.Now), today.Sentence(x.Now)
		}
		if x.Was >= 0 {
			st.Title, st.Was, st.Href = then.Title(x.Was)+", "+then.PlaceOf(x.Was), then.Sentence(x.Was), "/s/"+f.id+"?step="+escape(x.ID)
		}
		d.Stations = append(d.Stations, st)
	}
	return d, nil
}

// frozenFile gives a link's trace in a form for elsewhere, as it was shared.
func (s *Server) frozenFile(w http.ResponseWriter, r *http.Request) error {
	form, ok := export.ByExt(chi.URLParam(r, "ext"))
	if !ok || form == export.PCAPNG { // which is made of the walk, and that is not kept
		return errNotFound
	}
	asked, t, err := s.thawed(r)
	if err != nil {
		return err
	}
	return s.writeFile(w, t, form, fileName(asked))
}

// frozenCard gives a link's picture for a chat's preview.
func (s *Server) frozenCard(w http.ResponseWriter, r *http.Request) error {
	_, t, err := s.thawed(r)
	if err != nil {
		return err
	}
	return writeCard(w, t, "no-cache") // a link that is deleted is gone
}

// thawed is what a link's address asks for, with what was asked when it was shared.
func (s *Server) thawed(r *http.Request) (*request, *export.Trace, error) {
	f, err := s.open(r.Context(), chi.URLParam(r, "id"))
	if err != nil {
		return nil, nil, err
	}
	if f.content == nil {
		return nil, nil, errNotFound
	}
	return s.thaw(r, f)
}

// thaw is a link's trace as its address asks for it.
func (s *Server) thaw(r *http.Request, f *frozenLink) (*request, *export.Trace, error) {
	s, err := s.asOf(r, f)
	if err != nil {
		return nil, nil, err
	}
	asked, shown := f.asked(), f.shown(r)
	l := locales.New(s.language(r, shown))
	base := s.base(r)
	at := func(path string) string { return base + path + "?step=" + escape(shown.step) }
	t := &export.Trace{Document: f.doc, Scene: f.scene, Lang: l.Lang, Step: shown.step, Dark: shown.theme == "dark", Width: width(r), Link: at("/s/" + f.id), Picture: at("/s/" + f.id + ".png"),
		Title: f.title(l, asked, s.placesThen(r.Context(), asked))}
	return asked, t, nil
}

// deleteLink asks for a link's key, or takes it.
func (s *Server) deleteLink(w http.ResponseWriter, r *http.Request) error {
	// What cannot be shown can be deleted all the same.
	if _, err := s.open(r.Context(), chi.URLParam(r, "id")); err != nil && !errors.As(err, new(unreadable)) {
		return err
	}
	id, err := share.ParseID(chi.URLParam(r, "id"))
	if err != nil {
		return share.ErrNotFound
	}
	path := "/s/" + id.String()
	shell := s.shell(w, r, parse(r.URL.Query()).plain(), path+"/delete")
	ask := func(status int, wrong string) error {
		p := &templates.DeletePage{Shell: shell, ID: id.String(), Href: path, Error: wrong}
		p.Title = shell.L.T("share.delete")
		return render(w, r, status, templates.Delete(p))
	}
	if r.Method != http.MethodPost {
		return ask(http.StatusOK, "")
	}
	if err := r.ParseForm(); err != nil {
		return bodyError(err)
	}
	open, err := s.take(r.Context(), id, r.PostForm.Get("key"))
	if errors.Is(err, share.ErrWrongKey) {
		return ask(http.StatusForbidden, shell.L.T("share.wrong-key"))
	}
	if err != nil {
		return err
	}
	p := &templates.DeleteDone{Shell: shell, Open: open, Href: path}
	p.Title = shell.L.T("share.deleted")
	return render(w, r, http.StatusOK, templates.Deleted(p))
}

// take takes a share back by its key, as it was typed.
func (s *Server) take(ctx context.Context, id share.ID, text string) (open bool, err error) {
	key, err := share.ParseKey(text)
	if err != nil {
		return false, err
	}
	return s.links.Delete(ctx, id, key)
}
