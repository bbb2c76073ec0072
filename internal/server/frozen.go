package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
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
	asked, step := f.question()
	path := "/s/" + f.id
	top := path
	if strings.HasSuffix(r.URL.Path, embedPath) {
		path += embedPath
	}
	shown := &request{step: step}
	v := r.URL.Query()
	shown.lang, shown.theme = v.Get("lang"), v.Get("theme")
	if x := v.Get("step"); x != "" {
		shown.step = x
	}
	href := func(pairs ...string) string { return shown.href(path, pairs...) }
	shell := s.shell(w, r, shown, path)
	places, err := s.engine.Places(r.Context(), asked.Preset, asked.Settings())
	if err != nil {
		places = nil // the names of a cluster that there is no more; its places go by their own
	}
	in := templates.Input{Shell: shell, Step: shown.step, Document: f.doc, Scene: f.scene, StepHref: func(id string) string { return href("step", id) }, PlaceName: placeNames(places)}
	in.Form.Summary = flowTitle(shell.L, asked, places)
	view := &templates.FrozenView{ID: f.id, Title: f.content.Title, Created: day(f.link.Created), Expires: day(f.link.Expires), Engine: f.content.Engine,
		DeleteHref: "/s/" + f.id + "/delete", Notes: f.content.Notes}
	if view.AgainHref = asked.href("/trace", "step", shown.step); f.content.Input != nil {
		if packed, err := f.content.Input.Fragment(); err == nil {
			view.AgainHref += "#" + packed
		}
	}
	view.Files = slices.DeleteFunc(fileLinks(func(ext string) string { return shown.href("/s/"+f.id+"."+ext, "step", shown.step) }, fileName(asked)),
		func(l templates.FileLink) bool { return l.Ext == export.PCAPNG.Ext })
	view.Drift = s.drift(r.Context(), shell.L, f, asked)
	in.Frozen = view
	in.Shell.Title = in.Form.Summary
	if view.Title != "" {
		in.Shell.Title = view.Title
	}
	if f.link.Kind == share.Plain { // the others no server can show
		s.previews(r, &in.Shell, func(path string) string { return shown.href(path, "step", v.Get("step")) }, top)
	}
	if path != top {
		framed(w, &in.Shell, shown.href(top, "step", v.Get("step")))
	}
	w.Header().Add("Vary", "Accept-Language, Cookie")
	p := templates.NewTracePage(in)
	p.Description = in.Form.Summary + ". " + p.Stations[p.Current].Preview()
	return p, nil
}

// asOf is the server with the network that a link was shared with, if it had one of its own. A network that today's podpath does
// not read any more is none.
func (s *Server) asOf(r *http.Request, f *frozenLink) (*Server, error) {
	if f.content.Input == nil {
		return s, nil
	}
	own, err := s.withInput(r, f.content.Input)
	if isInputFault(err) {
		return s, nil
	}
	return own, err
}

// question is what was asked, and the station that the link opens at.
func (f *frozenLink) question() (*request, string) {
	v, err := url.ParseQuery(f.content.Query)
	if err != nil {
		v = url.Values{}
	}
	return parse(v), f.content.Step
}

// drift is what today's engine says otherwise; nil where it says the same.
func (s *Server) drift(ctx context.Context, l *locales.Printer, f *frozenLink, asked *request) *templates.DriftView {
	d := &templates.DriftView{Engine: trace.Engine}
	now := *asked
	s.preset(&now)
	topo, doc, err := s.ask(ctx, &now)
	if err != nil || doc == nil {
		for _, e := range now.errors {
			d.Failed += l.Args("field."+e.Code, e.Args) + " "
		}
		if d.Failed == "" && err == nil {
			return nil
		}
		return d
	}
	drifts := compare.Drifts(f.doc, doc)
	if len(drifts) == 0 && doc.Outcome == f.doc.Outcome {
		return nil
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
	return d
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
	return writeCard(w, t)
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
	asked, step := f.question()
	v := r.URL.Query()
	asked.lang, asked.theme, asked.step = v.Get("lang"), v.Get("theme"), step
	if x := v.Get("step"); x != "" {
		asked.step = x
	}
	l := locales.New(s.language(r, asked))
	places, err := s.engine.Places(r.Context(), asked.Preset, asked.Settings())
	if err != nil {
		places = nil
	}
	base := s.base(r) + "/s/" + f.id
	t := &export.Trace{Document: f.doc, Scene: f.scene, Lang: l.Lang, Step: asked.step, Dark: asked.theme == "dark", Width: width(r), Title: f.content.Title,
		Link: base + "?step=" + escape(asked.step), Picture: base + ".png?step=" + escape(asked.step)}
	if t.Title == "" {
		t.Title = flowTitle(l, asked, places)
	}
	return asked, t, nil
}

// deleteLink asks for a link's key, or takes it.
func (s *Server) deleteLink(w http.ResponseWriter, r *http.Request) error {
	f, err := s.open(r.Context(), chi.URLParam(r, "id"))
	var bad unreadable
	if err != nil && !errors.As(err, &bad) { // what cannot be shown can be deleted all the same
		return err
	}
	id, err := share.ParseID(chi.URLParam(r, "id"))
	if err != nil {
		return share.ErrNotFound
	}
	_ = f
	req := parse(url.Values{"lang": r.URL.Query()["lang"], "theme": r.URL.Query()["theme"]})
	path := "/s/" + id.String()
	shell := s.shell(w, r, req, path+"/delete")
	if r.Method != http.MethodPost {
		p := &templates.DeletePage{Shell: shell, ID: id.String(), Href: path}
		p.Title = shell.L.T("share.delete")
		return render(w, r, http.StatusOK, templates.Delete(p))
	}
	if err := r.ParseForm(); err != nil {
		return bodyError(err)
	}
	open, err := s.take(r.Context(), id, r.PostForm.Get("key"))
	if errors.Is(err, share.ErrWrongKey) {
		p := &templates.DeletePage{Shell: shell, ID: id.String(), Href: path, Error: shell.L.T("share.wrong-key")}
		p.Title = shell.L.T("share.delete")
		return render(w, r, http.StatusForbidden, templates.Delete(p))
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
