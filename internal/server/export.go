package server

import (
	"bytes"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/podpath/podpath/internal/export"
	"github.com/podpath/podpath/web/locales"
)

// export gives a trace in a form for elsewhere: the address is the page's with the form's ending, /trace.md?….
func (s *Server) export(w http.ResponseWriter, r *http.Request) error {
	form, ok := export.ByExt(chi.URLParam(r, "ext"))
	if !ok {
		return errNotFound
	}
	req, t, err := s.exported(w, r)
	if err != nil || t == nil {
		return err
	}
	return s.writeFile(w, t, form, fileName(req))
}

// card gives a trace's picture for a chat's preview.
func (s *Server) card(w http.ResponseWriter, r *http.Request) error {
	_, t, err := s.exported(w, r)
	if err != nil || t == nil {
		return err
	}
	return writeCard(w, t, "public, max-age=3600")
}

// exported is the trace that an address asks for. It is nil where something is wrong with the query, and that has been said.
func (s *Server) exported(w http.ResponseWriter, r *http.Request) (*request, *export.Trace, error) {
	req := parse(r.URL.Query())
	l := locales.New(s.language(r, req))
	preset := s.preset(req)
	if len(req.errors) > 0 {
		return req, nil, plainErrors(w, l, req.errors...)
	}
	topo, walk, doc, err := s.engine.Run(r.Context(), req.Query)
	var field *FieldError
	switch {
	case errors.As(err, &field):
		return req, nil, plainErrors(w, l, field)
	case err != nil:
		return req, nil, err
	}
	places, err := s.engine.Places(r.Context(), preset.ID, req.Settings())
	if err != nil {
		return req, nil, err
	}
	base := s.base(r)
	return req, &export.Trace{Topology: topo, Walk: walk, Document: doc, Lang: l.Lang, Step: req.step, Dark: req.theme == "dark", Width: width(r),
		Title: flowTitle(l, req, places), Link: base + req.href("/trace", "step", req.step), Picture: base + req.href("/trace.png", "step", req.step)}, nil
}

// writeFile answers with a trace in a form; name is the file's without its ending.
func (s *Server) writeFile(w http.ResponseWriter, t *export.Trace, form export.Form, name string) error {
	var buf bytes.Buffer
	if err := t.Write(&buf, form); err != nil {
		return err
	}
	w.Header().Set("Content-Type", form.Type)
	w.Header().Set("Content-Disposition", `inline; filename="`+name+"."+form.Ext+`"`)
	w.Header().Set("Cache-Control", "private, no-cache")
	w.Header().Add("Vary", "Accept-Language, Cookie")
	_, _ = w.Write(buf.Bytes())
	return nil
}

// plainErrors says what is wrong with the query, a line a fault.
func plainErrors(w http.ResponseWriter, l *locales.Printer, errs ...*FieldError) error {
	var b strings.Builder
	for _, e := range errs {
		b.WriteString(e.Field + ": " + l.Args("field."+e.Code, e.Args) + "\n")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusUnprocessableEntity)
	_, _ = w.Write([]byte(b.String()))
	return nil
}

// flowTitle is the question in the reader's words.
func flowTitle(l *locales.Printer, req *request, places []Place) string {
	return l.T("ui.title-flow", "from", placeLabel(l, req.From, places), "to", placeLabel(l, req.To, places))
}

var unfit = regexp.MustCompile(`[^A-Za-z0-9.]+`)

// fileName is what a download is called, without its ending: podpath-netshoot-1-internet.
func fileName(req *request) string {
	last := func(place string) string { return place[strings.LastIndexByte(place, '/')+1:] }
	name := strings.Trim(unfit.ReplaceAllString(last(req.From)+"-"+last(req.To), "-"), "-")
	return "podpath-" + name[:min(len(name), 80)]
}

// base is the address that the server is reached by, without a slash at its end: as its flag says, else as the request
// does.
func (s *Server) base(r *http.Request) string {
	if s.public != "" {
		return s.public
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// writeCard answers with a preview's picture, which others may keep as cache says.
func writeCard(w http.ResponseWriter, t *export.Trace, cache string) error {
	var buf bytes.Buffer
	if err := t.Card(&buf); err != nil {
		return err
	}
	w.Header().Set("Content-Type", export.PNG.Type)
	w.Header().Set("Cache-Control", cache)
	w.Header().Add("Vary", "Accept-Language, Cookie")
	_, _ = w.Write(buf.Bytes())
	return nil
}

// width is how wide a PNG is asked for, in pixels; 0 where the address does not say, or says what no picture has.
func width(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("width"))
	if err != nil || n < 100 || n > 4096 {
		return 0
	}
	return n
}
