package server

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"

	"github.com/podpath/podpath/internal/share"
	"github.com/podpath/podpath/web/locales"
	"github.com/podpath/podpath/web/templates"
)

var (
	errNotFound = errors.New("not found")
	errNoLinks  = errors.New("no links are kept here")
)

// unreadable is a link whose content cannot be shown.
type unreadable struct{ error }

func (u unreadable) Unwrap() error { return u.error }

// tooLarge is a request with more in it than it may have, in bytes.
type tooLarge struct{ limit int64 }

func (e tooLarge) Error() string { return fmt.Sprintf("more than %d bytes", e.limit) }

// bodyError is what reading a request's body came to.
func bodyError(err error) error {
	var m *http.MaxBytesError
	if errors.As(err, &m) {
		return tooLarge{m.Limit}
	}
	return malformed{err}
}

// malformed is a request that is no form, or no JSON.
type malformed struct{ error }

func (m malformed) Unwrap() error { return m.error }

// page turns a handler that returns an error into one that shows it. Only unexpected errors are logged.
func (s *Server) page(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

// fault is what a page says that could not be shown.
type fault struct {
	status        int
	heading, text string
}

// faultOf is the fault whose heading is the sentence key, and whose text key-text.
func faultOf(l *locales.Printer, status int, key string, pairs ...string) *fault {
	return &fault{status, l.T(key), l.T(key+"-text", pairs...)}
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	shell := s.shell(w, r, parse(r.URL.Query()), r.URL.Path)
	f := s.fault(shell.L, r, err)
	view := &templates.ErrorView{Shell: shell, Status: f.status, Heading: f.heading, Text: f.text}
	view.Title = view.Heading
	var buf bytes.Buffer
	if err := templates.ErrorPage(view).Render(r.Context(), &buf); err != nil {
		http.Error(w, http.StatusText(f.status), f.status)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(f.status)
	_, _ = w.Write(buf.Bytes())
}

// fault is what is said of an error. Only the unexpected is logged.
func (s *Server) fault(l *locales.Printer, r *http.Request, err error) *fault {
	var large tooLarge
	for _, of := range []func(*locales.Printer, error) *fault{linkFault, inputFault, roomFault} {
		if f := of(l, err); f != nil {
			return f
		}
	}
	switch {
	case errors.Is(err, errNotFound):
		return faultOf(l, http.StatusNotFound, "ui.error-404")
	case errors.As(err, &large):
		return faultOf(l, http.StatusRequestEntityTooLarge, "share.too-large", "limit", bytesText(large.limit))
	case errors.As(err, new(malformed)):
		return faultOf(l, http.StatusBadRequest, "ui.error-400")
	case isTimeout(err):
		s.log.Warn("request timed out", "url", logged(r), "error", err)
		return &fault{http.StatusGatewayTimeout, l.T("ui.error-500"), l.T("ui.error-500-text")}
	}
	s.log.Error("request failed", "url", logged(r), "error", err)
	return faultOf(l, http.StatusInternalServerError, "ui.error-500")
}

// linkFault is what a frozen link says; nil where the error is about something else.
func linkFault(l *locales.Printer, err error) *fault {
	var gone *share.GoneError
	var newer *share.VersionError
	switch {
	case errors.Is(err, errNoLinks):
		return faultOf(l, http.StatusNotFound, "share.off")
	case errors.Is(err, share.ErrNotFound):
		return faultOf(l, http.StatusNotFound, "share.none")
	case errors.As(err, &gone):
		return faultOf(l, http.StatusGone, "share.gone-"+string(gone.Reason), "day", day(gone.At))
	case errors.As(err, &newer):
		return &fault{http.StatusUnprocessableEntity, l.T("share.unreadable"), l.T("share.newer-text", "version", strconv.Itoa(newer.Version), "known", strconv.Itoa(newer.Known))}
	case errors.As(err, new(unreadable)), errors.Is(err, share.ErrDamaged):
		return &fault{http.StatusUnprocessableEntity, l.T("share.unreadable"), l.T("share.damaged-text")}
	case errors.Is(err, share.ErrTooLarge):
		return faultOf(l, http.StatusRequestEntityTooLarge, "share.too-large", "limit", bytesText(share.MaxContent))
	}
	return nil
}

// logged is a request's address as the log has it. Of the asker's own network it does not say what was asked: the names are in it.
func logged(r *http.Request) string {
	if asksOwn(r.URL.Query()) {
		return r.URL.Path
	}
	return r.URL.String()
}

// recoverer turns a panic into the error page and a line in the log with its stack.
func (s *Server) recoverer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if v == http.ErrAbortHandler {
				panic(v)
			}
			s.log.Error("panic", "url", logged(r), "value", v, "stack", string(debug.Stack()))
			s.fail(w, r, errors.New("panic"))
		}()
		next.ServeHTTP(w, r)
	})
}

// securityHeaders forbid what the pages do not use: scripts and styles from anywhere but here, frames in pages of others (a room has
// one in its own), sniffing.
func securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'self'; object-src 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		next.ServeHTTP(w, r)
	})
}

// bytesText is a size as people say it.
func bytesText(n int64) string {
	if n >= 1<<20 {
		return strconv.FormatInt(n>>20, 10) + " MB"
	}
	return strconv.FormatInt(n>>10, 10) + " kB"
}
