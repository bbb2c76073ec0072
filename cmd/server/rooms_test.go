package main

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/podpath/podpath/internal/live"
	"github.com/podpath/podpath/internal/server"
)

// hall is a server with rooms, on a port of its own, that stops as main's does.
type hall struct {
	url  string
	stop context.CancelFunc
	done chan error
}

func openHall(t *testing.T) *hall {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	rooms, err := live.Open(t.Context(), "", time.Now, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rooms.Close)
	e, err := newEngine()
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(server.Config{Engine: e, Log: log, Rooms: rooms})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	h := &hall{url: "http://" + l.Addr().String(), stop: stop, done: make(chan error, 1)}
	go func() { h.done <- serve(ctx, l, s.Handler(), rooms.LetGo, log) }()
	t.Cleanup(stop)
	return h
}

// browser keeps cookies and follows no redirect.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{MaxConnsPerHost: 0}}
}

func (h *hall) open(t *testing.T, c *http.Client) string {
	t.Helper()
	r, err := c.PostForm(h.url+"/r", url.Values{"href": {"/trace?" + question}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	path := r.Header.Get("Location")
	if r.StatusCode != http.StatusSeeOther || !strings.HasPrefix(path, "/r/") {
		t.Fatalf("%s to %q", r.Status, path)
	}
	return path
}

func (h *hall) show(t *testing.T, c *http.Client, room, href string) int {
	t.Helper()
	r, err := c.Post(h.url+room+"/present", "application/json", strings.NewReader(`{"href":"`+href+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	return r.StatusCode
}

// stream is a follower's.
type stream struct {
	body io.ReadCloser
	*bufio.Scanner
}

func (h *hall) listen(t *testing.T, c *http.Client, room string) *stream {
	t.Helper()
	r, err := c.Get(h.url + room + "/events")
	if err != nil {
		t.Fatal(err)
	}
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%s, %s", r.Status, r.Header.Get("Content-Type"))
	}
	t.Cleanup(func() { r.Body.Close() })
	return &stream{r.Body, bufio.NewScanner(r.Body)}
}

// until reads lines until one has a text; false where the stream ends before.
func (s *stream) until(text string) bool {
	for s.Scan() {
		if strings.Contains(s.Text(), text) {
			return true
		}
	}
	return false
}

func TestRoom(t *testing.T) {
	h := openHall(t)
	presenter, follower := browser(t), browser(t)
	room := h.open(t, presenter)
	page := func(c *http.Client) (int, string) {
		r, err := c.Get(h.url + room)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		return r.StatusCode, string(read(t, r.Body))
	}
	if code, body := page(presenter); code != 200 || !strings.Contains(body, "data-presenter") || !strings.Contains(body, h.url+room) || rawKey.MatchString(body) {
		t.Errorf("the presenter's page: %d", code)
	}
	code, body := page(follower)
	if code != 200 || strings.Contains(body, "data-presenter") || !strings.Contains(body, `src="/trace?preset=eks-study`) {
		t.Errorf("a follower's page: %d", code)
	}
	events := h.listen(t, follower, room)
	if !events.until(`"href":"/trace?preset=eks-study`) {
		t.Fatal("a follower hears nothing at first")
	}
	if code := h.show(t, follower, room, "/lessons"); code != http.StatusForbidden {
		t.Errorf("a follower presents: %d", code)
	}
	if code := h.show(t, presenter, room, "https://evil.example/"); code != http.StatusBadRequest {
		t.Errorf("another's page is presented: %d", code)
	}
	if code := h.show(t, presenter, room, "/lessons"); code != http.StatusNoContent || !events.until(`"href":"/lessons"`) {
		t.Errorf("presenting: %d, and a follower does not hear it", code)
	}
	if _, body := page(browser(t)); !strings.Contains(body, `src="/lessons"`) {
		t.Error("who comes late does not see the present state")
	}
	r, err := follower.PostForm(h.url+room+"/end", nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Body.Close(); r.StatusCode != http.StatusForbidden {
		t.Errorf("a follower ends it: %s", r.Status)
	}
	if r, err = presenter.PostForm(h.url+room+"/end", nil); err != nil {
		t.Fatal(err)
	}
	if r.Body.Close(); r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/lessons" || !events.until("event: end") {
		t.Errorf("the end: %s to %s", r.Status, r.Header.Get("Location"))
	}
	if code, body := page(follower); code != 404 || !strings.Contains(body, "There is no such room") {
		t.Errorf("afterwards: %d", code)
	}
}

// TestManyFollowers: two hundred streams at once, and each hears the last that was presented. When the server stops, none of them
// keeps it.
func TestManyFollowers(t *testing.T) {
	h := openHall(t)
	presenter, c := browser(t), browser(t)
	room := h.open(t, presenter)
	var all []*stream
	for range 200 {
		all = append(all, h.listen(t, c, room))
	}
	for range 50 {
		if code := h.show(t, presenter, room, "/lessons"); code != http.StatusNoContent {
			t.Fatal(code)
		}
	}
	if code := h.show(t, presenter, room, "/questions"); code != http.StatusNoContent {
		t.Fatal(code)
	}
	for i, s := range all {
		if !s.until(`"href":"/questions"`) {
			t.Fatalf("follower %d does not hear it", i)
		}
	}
	h.stop()
	if err := <-h.done; err != nil {
		t.Errorf("the server does not stop cleanly: %v", err)
	}
	for _, s := range all {
		for s.Scan() { // ends with the server
		}
	}
}

func TestNoRooms(t *testing.T) {
	s := keeping(t, 0)
	if code, body := s.page(t, "/share?"+question); code != 200 || strings.Contains(body, "Open a room") {
		t.Errorf("the share page offers a room: %d", code)
	}
	if code, _ := s.page(t, "/r/"+strings.Repeat("0", 26)); code != 404 {
		t.Errorf("a room: %d", code)
	}
}
