package live_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/podpath/podpath/internal/live"
	"github.com/podpath/podpath/internal/share/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// patience is how long anything may take before it counts as broken; no test's result depends on how long it took.
const patience = 30 * time.Second

// clock is set by hand.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

// start is when tests begin: with nanoseconds, which no row keeps.
func start() *clock { return &clock{t: time.Date(2026, 11, 27, 9, 0, 0, 123_456_789, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// servers are one or more processes that have the same rooms.
type servers struct {
	clock *clock
	all   []*live.Rooms
}

func open(t testing.TB, c *clock, dsn string) *live.Rooms {
	t.Helper()
	r, err := live.Open(t.Context(), dsn, c.now, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// each runs a test on every kind of rooms: in memory, and on a PostgreSQL that two servers share.
func each(t *testing.T, f func(t *testing.T, s *servers)) {
	t.Run("memory", func(t *testing.T) {
		c := start()
		f(t, &servers{c, []*live.Rooms{open(t, c, "")}})
	})
	t.Run("postgres", func(t *testing.T) {
		dsn := pgtest.Database(t)
		c := start()
		f(t, &servers{c, []*live.Rooms{open(t, c, dsn), open(t, c, dsn)}})
	})
}

// here and there are servers: the same one where there is only one.
func (s *servers) here() *live.Rooms  { return s.all[0] }
func (s *servers) there() *live.Rooms { return s.all[len(s.all)-1] }

func create(t testing.TB, r *live.Rooms, href string) live.Room {
	t.Helper()
	room, err := r.Create(t.Context(), live.State{Href: href})
	if err != nil {
		t.Fatal(err)
	}
	return room
}

func follow(t testing.TB, ctx context.Context, r *live.Rooms, id live.ID) <-chan live.Event {
	t.Helper()
	c, err := r.Follow(ctx, id, true)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// until reads events until one fits, and fails where none does.
func until(t testing.TB, c <-chan live.Event, what string, fits func(e live.Event) bool) live.Event {
	t.Helper()
	over := time.After(patience)
	for {
		select {
		case e, ok := <-c:
			if !ok {
				t.Fatalf("%s: the stream ended", what)
			}
			if fits(e) {
				return e
			}
		case <-over:
			t.Fatalf("%s: nothing came", what)
		}
	}
}

func at(href string) func(live.Event) bool {
	return func(e live.Event) bool { return e.State.Href == href && !e.Ended }
}

func present(t testing.TB, r *live.Rooms, room live.Room, href string) live.State {
	t.Helper()
	s, err := r.Present(t.Context(), room.ID, room.Key, live.State{Href: href})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestPresent: a follower here and one there see each move; who comes late sees the present state; the presenter goes on with the
// key from another page.
func TestPresent(t *testing.T) {
	each(t, func(t *testing.T, s *servers) {
		room := create(t, s.here(), "/trace?a")
		one, two := follow(t, t.Context(), s.here(), room.ID), follow(t, t.Context(), s.there(), room.ID)
		until(t, one, "here at first", at("/trace?a"))
		until(t, two, "there at first", at("/trace?a"))
		if got := present(t, s.here(), room, "/trace?a&step=1"); got.Seq != 2 {
			t.Errorf("seq %d", got.Seq)
		}
		until(t, one, "here", at("/trace?a&step=1"))
		until(t, two, "there", at("/trace?a&step=1"))
		late := follow(t, t.Context(), s.there(), room.ID)
		if e := until(t, late, "late", at("/trace?a&step=1")); e.State.Seq != 2 {
			t.Errorf("who comes late has seq %d", e.State.Seq)
		}
		// The presenter's page is loaded anew, from the other server, with the key as its cookie has it.
		key, err := live.ParseKey(room.Key.Text())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.there().Get(t.Context(), room.ID); err != nil || got.Href != "/trace?a&step=1" {
			t.Errorf("%v, %v", got, err)
		}
		room.Key = key
		present(t, s.there(), room, "/node?b")
		for i, c := range []<-chan live.Event{one, two, late} {
			if e := until(t, c, fmt.Sprint("follower ", i), at("/node?b")); e.State.Seq != 3 {
				t.Errorf("follower %d has seq %d", i, e.State.Seq)
			}
		}
		if err := s.there().End(t.Context(), room.ID, room.Key); err != nil {
			t.Fatal(err)
		}
		for i, c := range []<-chan live.Event{one, two, late} {
			until(t, c, fmt.Sprint("the end, follower ", i), func(e live.Event) bool { return e.Ended })
			if _, ok := <-c; ok {
				t.Errorf("follower %d hears more after the end", i)
			}
		}
		for _, r := range s.all {
			if _, err := r.Get(t.Context(), room.ID); !errors.Is(err, live.ErrNotFound) {
				t.Errorf("after the end: %v", err)
			}
			if _, err := r.Follow(t.Context(), room.ID, true); !errors.Is(err, live.ErrNotFound) {
				t.Errorf("following after the end: %v", err)
			}
		}
	})
}

func TestErrors(t *testing.T) {
	each(t, func(t *testing.T, s *servers) {
		room, other := create(t, s.here(), "/"), create(t, s.here(), "/")
		ctx := t.Context()
		if room.ID == other.ID || room.Key == other.Key {
			t.Error("two rooms are alike")
		}
		if _, err := s.there().Present(ctx, room.ID, other.Key, live.State{Href: "/x"}); !errors.Is(err, live.ErrWrongKey) {
			t.Errorf("another's key: %v", err)
		}
		if err := s.there().End(ctx, room.ID, other.Key); !errors.Is(err, live.ErrWrongKey) {
			t.Errorf("ending with another's key: %v", err)
		}
		if got, err := s.here().Get(ctx, room.ID); err != nil || got.Href != "/" || got.Seq != 1 {
			t.Errorf("%v, %v", got, err)
		}
		var none live.ID
		if _, err := s.here().Present(ctx, none, room.Key, live.State{Href: "/x"}); !errors.Is(err, live.ErrNotFound) {
			t.Errorf("no room: %v", err)
		}
		if err := s.here().End(ctx, none, room.Key); !errors.Is(err, live.ErrNotFound) {
			t.Errorf("ending no room: %v", err)
		}
		for _, href := range []string{"", "x", "//evil.example/", "/\\evil.example", "https://evil.example/", "javascript:x", "/a\nb", "/a\x00", "/\xff", "/" + strings.Repeat("x", live.MaxHref)} {
			if _, err := s.here().Present(ctx, room.ID, room.Key, live.State{Href: href}); !errors.Is(err, live.ErrHref) {
				t.Errorf("%.20q: %v", href, err)
			}
			if _, err := s.here().Create(ctx, live.State{Href: href}); !errors.Is(err, live.ErrHref) {
				t.Errorf("a room at %.20q: %v", href, err)
			}
		}
	})
}

// TestIdle: a room ends two hours after the last that was presented.
func TestIdle(t *testing.T) {
	each(t, func(t *testing.T, s *servers) {
		room, idle := create(t, s.here(), "/a"), create(t, s.here(), "/b")
		c := follow(t, t.Context(), s.there(), idle.ID)
		until(t, c, "at first", at("/b"))
		s.clock.add(live.IdleAfter - time.Minute)
		present(t, s.there(), room, "/a2")
		if n, err := s.here().Sweep(t.Context()); n != 0 || err != nil {
			t.Errorf("swept %d, %v, before their time", n, err)
		}
		s.clock.add(time.Minute)
		if _, err := s.there().Get(t.Context(), idle.ID); !errors.Is(err, live.ErrNotFound) {
			t.Errorf("a room that is idle: %v", err)
		}
		if _, err := s.there().Present(t.Context(), idle.ID, idle.Key, live.State{Href: "/x"}); !errors.Is(err, live.ErrNotFound) {
			t.Errorf("presenting in it: %v", err)
		}
		if n, err := s.here().Sweep(t.Context()); n != 1 || err != nil {
			t.Errorf("swept %d, %v", n, err)
		}
		until(t, c, "the end", func(e live.Event) bool { return e.Ended })
		if _, err := s.here().Get(t.Context(), room.ID); err != nil {
			t.Errorf("the other: %v", err)
		}
	})
}

// TestSlow: who takes nothing for a while has the newest then, and no backlog.
func TestSlow(t *testing.T) {
	each(t, func(t *testing.T, s *servers) {
		room := create(t, s.here(), "/0")
		c := follow(t, t.Context(), s.there(), room.ID)
		seen := follow(t, t.Context(), s.there(), room.ID)
		for i := 1; i <= 50; i++ {
			present(t, s.here(), room, fmt.Sprint("/", i))
		}
		until(t, seen, "the newest is known there", at("/50"))
		follow(t, t.Context(), s.there(), room.ID) // joins when all others have been told
		if e := <-c; e.State.Href != "/50" {
			t.Errorf("the next that it takes is %s", e.State.Href)
		}
	})
}

func TestFollowers(t *testing.T) {
	each(t, func(t *testing.T, s *servers) {
		room := create(t, s.here(), "/")
		presenter, err := s.here().Follow(t.Context(), room.ID, false)
		if err != nil {
			t.Fatal(err)
		}
		count := func(n int) func(live.Event) bool { return func(e live.Event) bool { return e.Followers == n } }
		until(t, presenter, "nobody", count(0))
		ctx, leave := context.WithCancel(t.Context())
		follow(t, ctx, s.here(), room.ID)
		follow(t, t.Context(), s.here(), room.ID)
		until(t, presenter, "two", count(2))
		leave()
		until(t, presenter, "one left", count(1))
	})
}

// TestMany: two hundred followers, and each has the last that was presented.
func TestMany(t *testing.T) {
	each(t, func(t *testing.T, s *servers) {
		before := runtime.NumGoroutine()
		room := create(t, s.here(), "/0")
		ctx, leave := context.WithCancel(t.Context())
		var all []<-chan live.Event
		for i := range 200 {
			all = append(all, follow(t, ctx, s.all[i%len(s.all)], room.ID))
		}
		if n := runtime.NumGoroutine() - before; n > 20 {
			t.Errorf("%d goroutines for 200 followers", n)
		}
		for i := 1; i <= 100; i++ {
			present(t, s.here(), room, fmt.Sprint("/", i))
		}
		for i, c := range all {
			until(t, c, fmt.Sprint("follower ", i), at("/100"))
		}
		leave()
		for _, c := range all {
			for range c { // ends once it has left
			}
		}
	})
}

// TestPostgresGone: the database is killed while followers wait, and started again; what is presented then reaches them.
func TestPostgresGone(t *testing.T) {
	pg := pgtest.Start(t)
	dsn := pg.Database(t)
	c := start()
	s := &servers{c, []*live.Rooms{open(t, c, dsn), open(t, c, dsn)}}
	room := create(t, s.here(), "/before")
	one, two := follow(t, t.Context(), s.here(), room.ID), follow(t, t.Context(), s.there(), room.ID)
	until(t, one, "here before", at("/before"))
	until(t, two, "there before", at("/before"))
	pg.Kill(t)
	// The postmaster's children end when they notice; the one that serves this connection may do its work before.
	lost, lostErr := s.here().Present(t.Context(), room.ID, room.Key, live.State{Href: "/lost"})
	pg.Restart(t)
	over := time.Now().Add(patience)
	for {
		got, err := s.here().Present(t.Context(), room.ID, room.Key, live.State{Href: "/after"})
		if err == nil {
			if lostErr == nil && got.Seq <= lost.Seq {
				t.Errorf("seq %d was acknowledged, and is lost: the next is %d", lost.Seq, got.Seq)
			}
			break
		}
		if time.Now().After(over) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	until(t, one, "here after", at("/after"))
	until(t, two, "there after", at("/after"))
}

// BenchmarkFollowers200 is one move told to two hundred followers.
func BenchmarkFollowers200(b *testing.B) {
	c := &clock{t: time.Now()}
	r := open(b, c, "")
	room := create(b, r, "/0")
	var all []<-chan live.Event
	for range 200 {
		all = append(all, follow(b, b.Context(), r, room.ID))
	}
	for b.Loop() {
		present(b, r, room, "/x")
		for _, f := range all {
			<-f
		}
	}
}
