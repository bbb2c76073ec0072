package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/podpath/podpath/internal/live"
	"github.com/podpath/podpath/web/locales"
	"github.com/podpath/podpath/web/templates"
)

// beat is how often a follower's stream says that it is there, so that a proxy between does not think it dead.
const beat = 20 * time.Second

// maxPresented is how many bytes a presenter's message may have: an address, which may hold a network (templates.LinkMost).
const maxPresented = 24 << 10

// Rooms are where one presents and others follow. It is a [*live.Rooms] but in tests.
type Rooms interface {
	Create(ctx context.Context, s live.State) (live.Room, error)
	Get(ctx context.Context, id live.ID) (live.State, error)
	Present(ctx context.Context, id live.ID, key live.Key, s live.State) (live.State, error)
	Follow(ctx context.Context, id live.ID, counted bool) (<-chan live.Event, error)
	End(ctx context.Context, id live.ID, key live.Key) error
}

// presenterCookie holds a room's key in the browser of who opened it. Its path is the room's own.
const presenterCookie = "presenter"

// openRoom opens a room that presents the page that the form names.
func (s *Server) openRoom(w http.ResponseWriter, r *http.Request) error {
	if s.rooms == nil {
		return errNotFound
	}
	if err := r.ParseForm(); err != nil {
		return bodyError(err)
	}
	room, err := s.rooms.Create(r.Context(), live.State{Href: r.PostForm.Get("href")})
	if err != nil {
		return err
	}
	path := "/r/" + room.ID.String()
	http.SetCookie(w, &http.Cookie{Name: presenterCookie, Value: room.Key.Text(), Path: path, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil})
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}

// room shows a room.
func (s *Server) room(w http.ResponseWriter, r *http.Request) error {
	id, state, err := s.roomOf(r)
	if err != nil {
		return err
	}
	path := "/r/" + id.String()
	shell := s.shell(w, r, parse(r.URL.Query()).plain(), path)
	shell.Title, shell.Project = shell.L.T("room.title"), false
	_, err = presenterKey(r)
	p := &templates.RoomPage{Shell: shell, ID: id.String(), Href: state.Href, Seq: state.Seq, Presenter: err == nil, Link: s.base(r) + path}
	w.Header().Set("Cache-Control", "no-store")
	return render(w, r, http.StatusOK, templates.Room(p))
}

func (s *Server) roomOf(r *http.Request) (live.ID, live.State, error) {
	if s.rooms == nil {
		return live.ID{}, live.State{}, errNotFound
	}
	id, err := live.ParseID(chi.URLParam(r, "id"))
	if err != nil {
		return live.ID{}, live.State{}, live.ErrNotFound
	}
	state, err := s.rooms.Get(r.Context(), id)
	return id, state, err
}

func presenterKey(r *http.Request) (live.Key, error) {
	c, err := r.Cookie(presenterCookie)
	if err != nil {
		return live.Key{}, live.ErrWrongKey
	}
	return live.ParseKey(c.Value)
}

// present takes what the presenter shows now: a JSON object with href.
func (s *Server) present(w http.ResponseWriter, r *http.Request) error {
	id, _, err := s.roomOf(r)
	if err != nil {
		return err
	}
	key, err := presenterKey(r)
	if err != nil {
		return err
	}
	var in struct {
		Href string `json:"href"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		return bodyError(err)
	}
	if _, err := s.rooms.Present(r.Context(), id, key, live.State{Href: in.Href}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// endRoom closes a room for everybody.
func (s *Server) endRoom(w http.ResponseWriter, r *http.Request) error {
	id, state, err := s.roomOf(r)
	if err != nil {
		return err
	}
	key, err := presenterKey(r)
	if err != nil {
		return err
	}
	if err := s.rooms.End(r.Context(), id, key); err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{Name: presenterCookie, Path: "/r/" + id.String(), MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil})
	http.Redirect(w, r, state.Href, http.StatusSeeOther) // a path of this server (live.State)
	return nil
}

// events tells a follower of a room what is presented, as server-sent events (HTML, section 9.2): state, and at last end.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	id, _, err := s.roomOf(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	_, wrong := presenterKey(r) // the presenter hears who is there, and is none of them
	follow, err := s.rooms.Follow(r.Context(), id, wrong != nil)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	c := http.NewResponseController(w)
	_ = c.SetWriteDeadline(time.Time{}) // it lasts as long as the room; a recorder has none
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx hands on what comes
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case e, ok := <-follow:
			if !ok {
				return
			}
			if err := writeEvent(w, &e); err != nil || c.Flush() != nil || e.Ended {
				return
			}
		case <-tick.C:
			if _, err := fmt.Fprint(w, ":\n\n"); err != nil || c.Flush() != nil {
				return
			}
		}
	}
}

func writeEvent(w http.ResponseWriter, e *live.Event) error {
	name := "state"
	if e.Ended {
		name = "end"
	}
	data, err := json.Marshal(struct {
		Seq       int64  `json:"seq"`
		Href      string `json:"href"`
		Followers int    `json:"followers"`
	}{e.State.Seq, e.State.Href, e.Followers})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "event: %s\nid: %d\ndata: %s\n\n", name, e.State.Seq, data)
	return err
}

// roomFault is what a room says; nil where the error is about something else.
func roomFault(l *locales.Printer, err error) *fault {
	switch {
	case errors.Is(err, live.ErrNotFound):
		return faultOf(l, http.StatusNotFound, "room.none")
	case errors.Is(err, live.ErrWrongKey):
		return faultOf(l, http.StatusForbidden, "room.not-presenter")
	case errors.Is(err, live.ErrTooMany):
		return faultOf(l, http.StatusServiceUnavailable, "room.full")
	case errors.Is(err, live.ErrHref):
		return faultOf(l, http.StatusBadRequest, "ui.error-400")
	}
	return nil
}
