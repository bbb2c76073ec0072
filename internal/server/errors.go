package server

import (
	"bytes"
	"errors"
	"net/http"
	"runtime/debug"

	"github.com/podpath/podpath/web/templates"
)

var errNotFound = errors.New("not found")

// page turns a handler that returns an error into one that shows it. Only unexpected errors are logged.
func (s *Server) page(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, key := http.StatusInternalServerError, "error-500"
	switch {
	case errors.Is(err, errNotFound):
		status, key = http.StatusNotFound, "error-404"
	case isTimeout(err):
		status = http.StatusGatewayTimeout
		s.log.Warn("request timed out", "url", r.URL.String(), "error", err)
	default:
		s.log.Error("request failed", "url", r.URL.String(), "error", err)
	}
	req := parse(r.URL.Query())
	shell := s.shell(w, r, req, r.URL.Path)
	view := &templates.ErrorView{Shell: shell, Status: status, Heading: shell.L.T("ui." + key), Text: shell.L.T("ui." + key + "-text")}
	view.Title = view.Heading
	var buf bytes.Buffer
	if err := templates.ErrorPage(view).Render(r.Context(), &buf); err != nil {
		http.Error(w, http.StatusText(status), status)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes())
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
			s.log.Error("panic", "url", r.URL.String(), "value", v, "stack", string(debug.Stack()))
			s.fail(w, r, errors.New("panic"))
		}()
		next.ServeHTTP(w, r)
	})
}

// securityHeaders forbid what the pages do not use: scripts and styles from anywhere but here, framing, sniffing.
func securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		next.ServeHTTP(w, r)
	})
}
