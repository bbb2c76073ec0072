package live_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/podpath/podpath/internal/live"
	"github.com/podpath/podpath/internal/share/pgtest"
)

// TestAtOnce: what several present at once, by two servers, is one sequence without a gap, and both servers have its last.
func TestAtOnce(t *testing.T) {
	const presenters, moves = 8, 5
	each(t, func(t *testing.T, s *servers) {
		room := create(t, s.here(), "/")
		here, there := follow(t, t.Context(), s.here(), room.ID), follow(t, t.Context(), s.there(), room.ID)
		var mu sync.Mutex
		hrefs := map[int64]string{1: "/"}
		var wg sync.WaitGroup
		for i := range presenters {
			wg.Go(func() {
				for j := range moves {
					href := "/" + strings.Repeat("i", i) + strings.Repeat("j", j)
					got, err := s.all[i%len(s.all)].Present(t.Context(), room.ID, room.Key, live.State{Href: href})
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					hrefs[got.Seq] = got.Href
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		const last = 1 + presenters*moves
		for seq := int64(1); seq <= last; seq++ {
			if hrefs[seq] == "" {
				t.Errorf("nothing was presented as %d", seq)
			}
		}
		if got, err := s.there().Get(t.Context(), room.ID); err != nil || got.Seq != last || got.Href != hrefs[last] {
			t.Errorf("%+v, %v; want %d, %s", got, err, last, hrefs[last])
		}
		for _, c := range []<-chan live.Event{here, there} {
			if e := until(t, c, "the last", func(e live.Event) bool { return e.State.Seq == last }); e.State.Href != hrefs[last] {
				t.Errorf("a follower has %+v, want %s", e.State, hrefs[last])
			}
		}
	})
}

// TestTimes: what Create and Present give is what others get.
func TestTimes(t *testing.T) {
	each(t, func(t *testing.T, s *servers) {
		room := create(t, s.here(), "/a")
		if got, err := s.there().Get(t.Context(), room.ID); err != nil || got != room.State {
			t.Errorf("created %+v, got %+v, %v", room.State, got, err)
		}
		s.clock.add(time.Hour)
		want := present(t, s.here(), room, "/b")
		if got, err := s.there().Get(t.Context(), room.ID); err != nil || got != want {
			t.Errorf("presented %+v, got %+v, %v", want, got, err)
		}
		if !want.At.Equal(s.clock.now().Truncate(time.Millisecond)) {
			t.Errorf("presented at %s, now is %s", want.At, s.clock.now())
		}
	})
}

// full fails unless no room can be opened, and one can when those that are idle have been swept.
func full(t *testing.T, c *clock, r *live.Rooms) {
	t.Helper()
	if room, err := r.Create(t.Context(), live.State{Href: "/"}); !errors.Is(err, live.ErrTooMany) || room != (live.Room{}) {
		t.Errorf("one room too many: %+v, %v", room, err)
	}
	c.add(live.IdleAfter)
	if n, err := r.Sweep(t.Context()); n != live.MaxRooms || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	create(t, r, "/")
}

func TestFull(t *testing.T) {
	t.Run("memory", func(t *testing.T) {
		c := start()
		r := open(t, c, "")
		for range live.MaxRooms {
			create(t, r, "/")
		}
		full(t, c, r)
	})
	t.Run("postgres", func(t *testing.T) {
		dsn, c := pgtest.Database(t), start()
		r := open(t, c, dsn)
		create(t, r, "/")
		// Ids of 26 digits whose last is 0 are of the alphabet, and of 128 bits.
		run(t, dsn, "INSERT INTO rooms SELECT lpad(n::text, 25, '0') || '0', '', 1, '/', $1 FROM generate_series(1, $2::int) n", c.now().UnixMilli(), live.MaxRooms-1)
		full(t, c, r)
	})
}
