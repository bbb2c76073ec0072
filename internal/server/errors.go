package server

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"

	"github.com/podpath/podpath/internal/live"
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

func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, heading, args := http.StatusInternalServerError, "ui.error-500", map[string]string{}
	text := ""
	var gone *share.GoneError
	var newer *share.VersionError
	var large tooLarge
	switch {
	case errors.Is(err, errNotFound):
		status, heading = http.StatusNotFound, "ui.error-404"
	case errors.Is(err, errNoLinks):
		status, heading = http.StatusNotFound, "share.off"
	case errors.Is(err, share.ErrNotFound):
		status, heading = http.StatusNotFound, "share.none"
	case errors.As(err, &gone):
		status, heading = http.StatusGone, "share.gone-"+string(gone.Reason)
		args["day"] = day(gone.At)
	case errors.As(err, &newer):
		status, heading, text = http.StatusUnprocessableEntity, "share.unreadable", "share.newer-text"
		args["version"], args["known"] = strconv.Itoa(newer.Version), strconv.Itoa(newer.Known)
	case errors.As(err, new(unreadable)), errors.Is(err, share.ErrDamaged):
		status, heading, text = http.StatusUnprocessableEntity, "share.unreadable", "share.damaged-text"
		s.log.Warn("a link cannot be shown", "url", r.URL.Path, "error", err)
	case errors.As(err, &large):
		status, heading = http.StatusRequestEntityTooLarge, "share.too-large"
		args["limit"] = bytesText(large.limit)
	case errors.Is(err, share.ErrTooLarge):
		status, heading = http.StatusRequestEntityTooLarge, "share.too-large"
		args["limit"] = bytesText(share.MaxContent)
	case errors.As(err, new(malformed)), errors.Is(err, live.ErrHref):
		status, heading = http.StatusBadRequest, "ui.error-400"
	case isInputFault(err):
		status = http.StatusUnprocessableEntity
	case isRoomFault(err):
		status, heading, _ = roomFault(err)
	case isTimeout(err):
		status = http.StatusGatewayTimeout
		s.log.Warn("request timed out", "url", r.URL.String(), "error", err)
	default:
		s.log.Error("request failed", "url", r.URL.String(), "error", err)
	}
	if text == "" {
		text = heading + "-text"
	}
	req := parse(r.URL.Query())
	shell := s.shell(w, r, req, r.URL.Path)
	view := &templates.ErrorView{Shell: shell, Status: status, Heading: shell.L.T(heading), Text: shell.L.Args(text, args)}
	if h, t, ok := inputFault(shell.L, err); ok {
		view.Heading, view.Text = h, t
	}
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

func isInputFault(err error) bool {
	_, _, ok := inputFault(locales.New(locales.Languages[0]), err)
	return ok
}

func isRoomFault(err error) bool {
	_, _, ok := roomFault(err)
	return ok
}
