package server

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/share"
	"github.com/podpath/podpath/web/locales"
	"github.com/podpath/podpath/web/templates"
)

// maxInput is how many bytes a packed input may have, as a request brings it.
const maxInput = 3 << 20

// asksOwn says whether an address is about the asker's own network, which it does not hold: it is in the fragment, and the
// browser keeps that to itself.
func asksOwn(v url.Values) bool {
	return v.Get("preset") == OwnPreset || slices.ContainsFunc(v["with"], func(w string) bool { return strings.Contains(" "+w, " preset="+OwnPreset) })
}

// own serves a page about the asker's own network too. A GET is answered with a page whose script sends the same address again,
// with the input from the fragment as the body of a POST; that is answered with the page itself. The input is forgotten with the
// request.
func (s *Server) own(h func(*Server, http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return s.page(func(w http.ResponseWriter, r *http.Request) error {
		v := r.URL.Query()
		switch {
		case r.Method != http.MethodPost && asksOwn(v):
			return s.unpack(w, r)
		case r.Method != http.MethodPost:
			return h(s, w, r)
		case !asksOwn(v):
			return malformed{errors.New("a POST is for one's own network")}
		}
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return bodyError(err)
		}
		own, err := s.with(r, string(data))
		if err != nil {
			return err
		}
		return h(own, w, r)
	})
}

// ofForm is the server for a form that may bring the asker's own network along.
func (s *Server) ofForm(r *http.Request, v url.Values) (*Server, error) {
	if packed := v.Get("input"); packed != "" {
		return s.with(r, packed)
	}
	return s, nil
}

// with is the server for one request about the asker's own network.
func (s *Server) with(r *http.Request, packed string) (*Server, error) {
	in, err := share.ParseFragment(packed)
	if err != nil {
		return nil, err
	}
	own, err := s.withInput(r, in)
	if err == nil {
		own.packed = strings.TrimPrefix(strings.TrimSpace(packed), "#")
	}
	return own, err
}

func (s *Server) withInput(r *http.Request, in *share.Input) (*Server, error) {
	e, err := s.engine.Own(r.Context(), in)
	if err != nil {
		return nil, err
	}
	c := *s
	c.engine, c.input = e, in
	if c.packed, err = in.Fragment(); err != nil {
		return nil, err
	}
	return &c, nil
}

// unpack is the page that has the browser send what only it knows. Without a script it says that it needs one.
func (s *Server) unpack(w http.ResponseWriter, r *http.Request) error {
	req := parse(r.URL.Query())
	shell := s.shell(w, r, req, r.URL.Path)
	shell.Title = shell.L.T("own.title")
	if r.URL.Path == embedPath {
		framed(w, &shell, req.href("/trace", "step", req.step))
	}
	return render(w, r, http.StatusOK, templates.Unpack(&templates.UnpackPage{Shell: shell, PasteHref: "/own" + req.display()}))
}

// paste is the page that takes a network of one's own.
func (s *Server) paste(w http.ResponseWriter, r *http.Request) error {
	req := parse(r.URL.Query())
	shell := s.shell(w, r, req, "/own")
	shell.Title = shell.L.T("own.title")
	return render(w, r, http.StatusOK, templates.Own(&templates.OwnPage{Shell: shell, Href: (&request{Query: Query{Preset: OwnPreset}, lang: req.lang, theme: req.theme}).href("/trace")}))
}

// inputFault is what is wrong with an input; nil where the error is about something else.
func inputFault(l *locales.Printer, err error) *fault {
	var f *share.FragmentError
	var field *FieldError
	switch {
	case errors.As(err, &f):
		return &fault{http.StatusUnprocessableEntity, l.T("own.fault"), l.T("own.fault-"+string(f.Why), "limit", bytesText(f.Limit))}
	case errors.As(err, new(*share.ContentError)):
		return &fault{http.StatusUnprocessableEntity, l.T("own.fault"), l.T("own.fault-damaged")}
	case errors.As(err, &field) && field.Field == "input":
		return &fault{http.StatusUnprocessableEntity, l.T("own.unread"), l.T("own.unread-text") + " " + field.Args["what"]}
	}
	return nil
}
