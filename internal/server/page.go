package server

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
	"github.com/podpath/podpath/web/locales"
	"github.com/podpath/podpath/web/templates"
)

// Cookies hold the reader's choices for a year; a parameter of the same name in the URL goes before them.
const (
	langCookie  = "lang"
	themeCookie = "theme"
	// projectCookie is there while a page is projected; it ends with the browser.
	projectCookie = "project"
	cookieAge     = 365 * 24 * 3600
)

// embedPath is a trace for a frame of another page.
const embedPath = "/embed"

// trace shows a trace, or what is wrong with the query beside the field that it is about.
func (s *Server) trace(w http.ResponseWriter, r *http.Request) error {
	values := r.URL.Query()
	if !values.Has("preset") && !values.Has("from") && !values.Has("to") {
		http.Redirect(w, r, s.firstTrace(parse(values)), http.StatusFound)
		return nil
	}
	req := parse(values)
	if s.input != nil && req.From == "" && req.To == "" { // just pasted
		start := s.engine.Presets()[0].Start
		start.Preset = OwnPreset
		req.set(start)
		req.canonical = false
	}
	partial := isPartial(r)
	preset := s.preset(req)
	options := s.settle(req)
	topo, doc, err := s.ask(r.Context(), req)
	if err != nil {
		return err
	}
	if !req.canonical && !partial && len(req.errors) == 0 {
		http.Redirect(w, r, req.href(r.URL.Path, "step", req.step), http.StatusSeeOther)
		return nil
	}
	own := "/trace"
	if r.URL.Path == embedPath {
		own = embedPath
	}
	shell := s.shell(w, r, req, own)
	places, err := s.engine.Places(r.Context(), preset.ID, req.Settings())
	if err != nil {
		return err
	}
	in := templates.Input{Shell: shell, Step: req.step, Topology: topo, Document: doc,
		StepHref:   func(id string) string { return req.href(own, "step", id) },
		ChoiceHref: func(id, value, step string) string { return req.withChoice(own, id, value, "step", step) },
		NodeHref:   req.nodeHref, PlaceName: placeNames(places)}
	in.Form = s.form(shell.L, req, options, places, doc)
	if in.Document != nil {
		in.Form.ShareHref = req.href("/share", "step", req.step)
		j, err := s.judge(r.Context(), req, options, places, topo, doc)
		if err != nil {
			return err
		}
		in.Checked = j.view(shell.L, req, places, doc)
		in.Shell.Title = in.Form.Summary
		in.Shell.Description = shell.L.T("about.trace", "outcome", shell.L.T("ui.outcome-"+string(doc.Outcome)), "n", strconv.Itoa(len(doc.Stations)),
			"cluster", shell.L.T("preset."+preset.ID))
		if s.input == nil { // whose pictures nobody can ask for by their address
			s.previews(r, &in.Shell, func(path string) string { return req.href(path, "step", req.step) }, "/trace")
		}
	}
	if own == embedPath {
		framed(w, &in.Shell, req.href("/trace", "step", req.step))
	}
	page := templates.NewTracePage(in)
	if req.step != "" && page.HasTrace() {
		page.Description = page.Stations[page.Current].Preview()
	}
	status := http.StatusOK
	if len(req.errors) > 0 {
		status = http.StatusUnprocessableEntity
	}
	component := templates.Trace(page)
	w.Header().Add("Vary", "HX-Request, HX-Request-Type, Accept-Language, Cookie")
	if partial {
		component = templates.Work(page)
		w.Header().Set("HX-Push-Url", req.href("/trace", "step", req.step))
	}
	return render(w, r, status, component)
}

// previews gives a trace's page what others show of it: its address, its picture, how it is put into a page. page is the path
// below which these are, "/trace" or a link's own.
func (s *Server) previews(r *http.Request, shell *templates.Shell, href func(path string) string, page string) {
	base := s.base(r)
	shell.Address = base + href(page)
	shell.Picture = base + href(path.Join(page, "card.png"))
	shell.OEmbed = base + "/oembed?format=json&url=" + url.QueryEscape(shell.Address)
}

// framed lets a page stand in a frame of any other.
func framed(w http.ResponseWriter, shell *templates.Shell, top string) {
	shell.Framed, shell.TopHref = true, top
	h := w.Header()
	h.Set("Content-Security-Policy", strings.Replace(h.Get("Content-Security-Policy"), "frame-ancestors 'self'", "frame-ancestors *", 1))
	h.Del("Cross-Origin-Opener-Policy") // of use to windows only
}

// ask has the query traced, if nothing is wrong with it so far. What is wrong with it is added to its errors. Choices that
// the form sent along from the trace before are dropped where this packet does not meet them.
func (s *Server) ask(ctx context.Context, req *request) (*topology.Topology, *trace.Document, error) {
	if len(req.errors) > 0 {
		return nil, nil, nil
	}
	for {
		topo, doc, err := s.engine.Trace(ctx, req.Query)
		var field *FieldError
		switch {
		case errors.As(err, &field):
			if id := field.Args["id"]; req.formChoices && field.Field == "choice" && req.Choices[id] != "" {
				delete(req.Choices, id)
				continue
			}
			req.errors = append(req.errors, field)
			return topo, nil, nil
		case err != nil:
			return nil, nil, err
		}
		if !req.formChoices {
			return topo, doc, nil
		}
		stale := false
		for id := range req.Choices {
			if !slices.ContainsFunc(doc.Choices, func(c trace.ChoiceDocument) bool { return c.ID == id }) {
				delete(req.Choices, id)
				stale = true
			}
		}
		if req.formChoices = false; !stale {
			return topo, doc, nil
		}
	}
}

// placeNames finds the place that has an address.
func placeNames(places []Place) func(string) string {
	return func(address string) string {
		for _, p := range places {
			if p.Detail == address && p.Kind != ServicePlace {
				return p.Label
			}
		}
		return ""
	}
}

// render writes a component once all of it is there, so that an error half way does not leave half a page.
func render(w http.ResponseWriter, r *http.Request, status int, c templ.Component) error {
	var buf bytes.Buffer
	if err := c.Render(r.Context(), &buf); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "private, no-cache")
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes())
	return nil
}

// preset is the one asked for; where there is none of that name, the first, and the field says so.
func (s *Server) preset(req *request) Preset {
	presets := s.engine.Presets()
	for _, p := range presets {
		if p.ID == req.Preset {
			return p
		}
	}
	if req.Preset != "" {
		req.bad("preset", "unknown-preset", "value", req.Preset)
	}
	req.Preset = presets[0].ID
	return presets[0]
}

// settle gives the options that the query's cluster has. Those that a form sent along from another cluster or plugin are
// dropped where this one does not have them.
func (s *Server) settle(req *request) []Option {
	options := s.engine.Options(req.Preset, req.Settings())
	if !req.formOptions {
		return options
	}
	for _, o := range options {
		if o.Key == CNIKey && req.CNI != "" && (!slices.Contains(o.Values, req.CNI) || req.CNI == o.Own) {
			req.CNI = ""
			options = s.engine.Options(req.Preset, req.Settings())
			break
		}
	}
	for key := range req.Options {
		if !slices.ContainsFunc(options, func(o Option) bool { return o.Key == key }) {
			delete(req.Options, key)
		}
	}
	return options
}

// shell is the frame of a page: language and theme from the URL, else from the cookie, else from what the browser wants.
func (s *Server) shell(w http.ResponseWriter, r *http.Request, req *request, path string, extra ...string) templates.Shell {
	lang := s.language(r, req)
	if req.lang != "" {
		s.remember(w, r, langCookie, lang)
	}
	theme := req.theme
	if theme == "light" || theme == "dark" {
		s.remember(w, r, themeCookie, theme)
	} else if c, err := r.Cookie(themeCookie); err == nil && (c.Value == "light" || c.Value == "dark") {
		theme = c.Value
	} else {
		theme = ""
	}
	return templates.Shell{
		L: locales.New(lang), Theme: theme, Asset: s.assets.href, Project: projects(w, r),
		ProjectHref: func(on string) string { return req.href(path, append(extra, "step", req.step, "project", on)...) },
		LangHref:    func(l string) string { return req.href(path, append(extra, "step", req.step, "lang", l)...) },
		ThemeHref:   func(t string) string { return req.href(path, append(extra, "step", req.step, "theme", t)...) },
		Nav:         s.nav(req, path),
		HomeHref:    "/" + req.display(),
	}
}

// language is the reader's: as the URL says, else as chosen before, else what the browser wants.
func (s *Server) language(r *http.Request, req *request) string {
	if req.lang != "" {
		return locales.Match(req.lang)
	}
	if c, err := r.Cookie(langCookie); err == nil {
		return locales.Match(c.Value)
	}
	return locales.Match(r.Header.Get("Accept-Language"))
}

// nav is the main menu. What a reader looks at comes along from page to page: the cluster and its options, the packet.
func (s *Server) nav(req *request, path string) []templates.NavLink {
	trace := s.firstTrace(req)
	if req.From != "" {
		trace = req.href("/trace")
	}
	return []templates.NavLink{
		{Key: "lessons", Href: "/lessons" + req.display(), Current: strings.HasPrefix(path, "/lessons")},
		{Key: "trace", Href: trace, Current: path == "/trace"},
		{Key: "compare", Href: compareHref(req), Current: path == "/compare"},
		{Key: "node", Href: req.href("/node"), Current: path == "/node"},
		{Key: "questions", Href: "/questions" + req.display(), Current: strings.HasPrefix(path, "/questions")},
	}
}

// compareHref leads from a trace to the comparison of it: with the other plugins, where it says nothing else.
func compareHref(req *request) string {
	if req.From == "" || req.To == "" {
		return "/compare" + req.display()
	}
	return req.href("/compare")
}

// display is the part of a query that is about how it is shown, where the address says so.
func (r *request) display() string {
	return r.plain().href("")
}

// plain is the request without its query: what a link to another subject keeps.
func (r *request) plain() *request { return &request{lang: r.lang, theme: r.theme} }

// projects says whether pages are shown for a projector: as the URL says, else as it did before.
func projects(w http.ResponseWriter, r *http.Request) bool {
	c, err := r.Cookie(projectCookie)
	on := err == nil && c.Value == "1"
	switch want := r.URL.Query().Get("project"); {
	case want == "1" && !on:
		http.SetCookie(w, &http.Cookie{Name: projectCookie, Value: "1", Path: "/", SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil})
	case want == "0" && on:
		http.SetCookie(w, &http.Cookie{Name: projectCookie, Path: "/", MaxAge: -1, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil})
	default:
		return on
	}
	return !on
}

func (s *Server) remember(w http.ResponseWriter, r *http.Request, name, value string) {
	if c, err := r.Cookie(name); err == nil && c.Value == value {
		return
	}
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: cookieAge, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil})
}
