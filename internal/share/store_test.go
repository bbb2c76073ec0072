package share

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podpath/podpath/internal/share/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// engines are the databases that every test of the store runs on, each with the DSN of an empty one.
var engines = []struct {
	name string
	dsn  func(*testing.T) string
}{
	{"sqlite", func(t *testing.T) string { return filepath.Join(t.TempDir(), "links.db") }},
	{"postgres", func(t *testing.T) string { return pgtest.Database(t) }},
}

func onEach(t *testing.T, f func(t *testing.T, dsn string)) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) { f(t, e.dsn(t)) })
	}
}

// clock is a clock that a test moves.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ms.Store(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

func (c *clock) now() time.Time       { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) move(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// after is d from now; never for 0.
func (c *clock) after(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return c.now().Add(d)
}

func open(t *testing.T, dsn string, now func() time.Time) *Store {
	t.Helper()
	s, err := Open(t.Context(), dsn, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func put(t *testing.T, s *Store, content string, expires time.Time) Receipt {
	t.Helper()
	r, err := s.Put(t.Context(), Link{Kind: Plain, Version: 1, Content: []byte(content), Expires: expires})
	if err != nil {
		t.Fatalf("put %q: %v", content, err)
	}
	return r
}

// state says in a word what Get gives: "open", "deleted", "expired", "not found", or an error nobody expects.
func state(t *testing.T, s *Store, id ID) string {
	t.Helper()
	_, err := s.Get(t.Context(), id)
	var gone *GoneError
	switch {
	case err == nil:
		return "open"
	case errors.As(err, &gone):
		return string(gone.Reason)
	case errors.Is(err, ErrNotFound):
		return "not found"
	}
	return err.Error()
}

func wantState(t *testing.T, s *Store, id ID, want string) {
	t.Helper()
	if got := state(t, s, id); got != want {
		t.Errorf("the link is %s, want %s", got, want)
	}
}

// wantDelete deletes with a key and wants to be told that the link is open still, or not.
func wantDelete(t *testing.T, s *Store, id ID, key Key, open bool) {
	t.Helper()
	if got, err := s.Delete(t.Context(), id, key); err != nil || got != open {
		t.Errorf("delete: open %v, %v; want %v", got, err, open)
	}
}

func TestPutAndGet(t *testing.T) {
	var all []byte
	for i := range 256 {
		all = append(all, byte(i))
	}
	onEach(t, func(t *testing.T, dsn string) {
		clock := newClock()
		s := open(t, dsn, clock.now)
		for _, put := range []Link{
			{Kind: Plain, Version: 1, Content: []byte(`{"version":1,"title":"제목"}`)},
			{Kind: Encrypted, Version: 3, Content: all},
			{Kind: Plain, Version: 1, Content: all}, // the same bytes, another kind
			{Kind: Encrypted, Version: 2, Content: all, Expires: clock.after(time.Hour)},
			{Kind: Plain, Version: 1, Content: []byte(strings.Repeat("x", MaxContent)), Expires: clock.after(time.Millisecond)},
			{Kind: Plain, Version: 1, Content: []byte("in local time"), Expires: clock.after(time.Hour).In(time.FixedZone("KST", 9*3600)).Add(999 * time.Microsecond)},
		} {
			r, err := s.Put(t.Context(), put)
			if err != nil {
				t.Fatal(err)
			}
			want := put
			want.ID, want.Created, want.Expires = IDOf(put.Kind, put.Version, put.Content), clock.now(), put.Expires.UTC().Truncate(time.Millisecond)
			if r.ID != want.ID || r.Created != want.Created || r.Expires != want.Expires || r.Key == (Key{}) {
				t.Errorf("%s %d: receipt %+v, want %s, created %s, expires %s", put.Kind, put.Version, r, want.ID, want.Created, want.Expires)
			}
			got, err := s.Get(t.Context(), r.ID)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*got, want) { // no diff: one is of 8 MB
				t.Errorf("%s %d: got %d bytes, created %s, expires %s; want %d, %s, %s", put.Kind, put.Version,
					len(got.Content), got.Created, got.Expires, len(want.Content), want.Created, want.Expires)
			}
		}
		wantState(t, s, ID{1}, "not found")
		if _, err := s.Delete(t.Context(), ID{1}, Key{}); !errors.Is(err, ErrNotFound) {
			t.Errorf("deleting what is not there: %v", err)
		}
	})
}

func TestPutRefuses(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		clock := newClock()
		s := open(t, dsn, clock.now)
		for _, x := range []struct {
			name   string
			change func(l *Link)
			want   error // nil: it is taken
		}{
			{"as it should be", func(*Link) {}, nil},
			{"no kind", func(l *Link) { l.Kind = "" }, ErrInvalid},
			{"a kind that there is not", func(l *Link) { l.Kind = "public" }, ErrInvalid},
			{"no version", func(l *Link) { l.Version = 0 }, ErrInvalid},
			{"no content", func(l *Link) { l.Content = nil }, ErrInvalid},
			{"as long as it may be", func(l *Link) { l.Content = make([]byte, MaxContent) }, nil},
			{"longer", func(l *Link) { l.Content = make([]byte, MaxContent+1) }, ErrTooLarge},
			{"in a millisecond", func(l *Link) { l.Expires = clock.after(time.Millisecond) }, nil},
			{"now", func(l *Link) { l.Expires = clock.now() }, ErrInvalid},
			{"a microsecond from now", func(l *Link) { l.Expires = clock.after(time.Microsecond) }, ErrInvalid},
		} {
			l := Link{Kind: Plain, Version: 1, Content: []byte(x.name)}
			x.change(&l)
			if _, err := s.Put(t.Context(), l); !errors.Is(err, x.want) {
				t.Errorf("%s: %v, want %v", x.name, err, x.want)
			}
			if x.want != nil {
				if got := state(t, s, IDOf(l.Kind, l.Version, l.Content)); got != "not found" {
					t.Errorf("%s: refused, and the link is %s", x.name, got)
				}
			}
		}
	})
}

// TestShares: each sharer takes back their own share, and the link goes with the last.
func TestShares(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		clock := newClock()
		s := open(t, dsn, clock.now)
		one, other := put(t, s, "the same", time.Time{}), put(t, s, "another", time.Time{})
		clock.move(time.Minute)
		two := put(t, s, "the same", time.Time{})
		if one.ID != two.ID || one.ID == other.ID || one.Key == two.Key || two.Created != one.Created {
			t.Fatalf("shared twice: %+v and %+v; another: %+v", one, two, other)
		}
		for name, key := range map[string]Key{"another link's": other.Key, "nobody's": NewKey(), "no": {}} {
			if _, err := s.Delete(t.Context(), one.ID, key); !errors.Is(err, ErrWrongKey) {
				t.Errorf("deleting with %s key: %v", name, err)
			}
		}
		wantDelete(t, s, one.ID, one.Key, true)
		wantState(t, s, one.ID, "open")
		if _, err := s.Delete(t.Context(), one.ID, one.Key); !errors.Is(err, ErrWrongKey) {
			t.Errorf("deleting twice: %v", err)
		}
		wantDelete(t, s, one.ID, two.Key, false)
		want := &GoneError{ID: one.ID, Reason: Deleted, At: clock.now()}
		clock.move(time.Minute)
		_, getErr := s.Get(t.Context(), one.ID)
		_, deleteErr := s.Delete(t.Context(), one.ID, two.Key)
		for what, err := range map[string]error{"opening": getErr, "deleting": deleteErr} {
			var gone *GoneError
			if !errors.As(err, &gone) || *gone != *want || !errors.Is(err, ErrGone) {
				t.Errorf("%s a link that was deleted: %v, want %v", what, err, want)
			}
		}
		wantState(t, s, other.ID, "open")
		wantEmpty(t, s, one.ID)
	})
}

// wantEmpty: nothing is kept of a link but that there was one.
func wantEmpty(t *testing.T, s *Store, id ID) {
	t.Helper()
	var content sql.NullString
	var shares int
	if err := s.read.QueryRow("SELECT content, (SELECT COUNT(*) FROM shares WHERE link = $1) FROM links WHERE id = $1", id.String()).Scan(&content, &shares); err != nil {
		t.Fatal(err)
	}
	if content.Valid || shares != 0 {
		t.Errorf("of a link that is gone, %d bytes and %d shares are kept", len(content.String), shares)
	}
}

// TestExpires: a link lasts as long as the share that lasts longest, of those that were not taken back.
func TestExpires(t *testing.T) {
	const day = 24 * time.Hour
	onEach(t, func(t *testing.T, dsn string) {
		clock := newClock()
		s := open(t, dsn, clock.now)
		for i, x := range []struct {
			shares []time.Duration // 0 is never
			taken  int             // how many of them, from the front, are taken back
			want   time.Duration
		}{
			{[]time.Duration{0}, 0, 0},
			{[]time.Duration{day}, 0, day},
			{[]time.Duration{day, 7 * day}, 0, 7 * day},
			{[]time.Duration{7 * day, day}, 0, 7 * day},
			{[]time.Duration{day, 0}, 0, 0},
			{[]time.Duration{0, day}, 0, 0},
			// taken back
			{[]time.Duration{0, day}, 1, day},
			{[]time.Duration{7 * day, day, 2 * day}, 1, 2 * day},
			{[]time.Duration{day, 7 * day}, 1, 7 * day},
			{[]time.Duration{day, 0, 0}, 2, 0},
		} {
			var receipts []Receipt
			for _, d := range x.shares {
				receipts = append(receipts, put(t, s, fmt.Sprint("link ", i), clock.after(d)))
			}
			id := receipts[0].ID
			for _, r := range receipts[:x.taken] {
				wantDelete(t, s, id, r.Key, true)
			}
			l, err := s.Get(t.Context(), id)
			if err != nil || l.Expires != clock.after(x.want) {
				t.Errorf("%v, %d taken back: %+v, %v; want it to expire at %s", x.shares, x.taken, l, err, clock.after(x.want))
			}
			if last := receipts[len(receipts)-1]; x.taken == 0 && last.Expires != clock.after(x.want) {
				t.Errorf("%v: the last is told %s, want %s", x.shares, last.Expires, clock.after(x.want))
			}
		}
	})
}

// TestExpired: a link is gone at the millisecond it expires. Purge changes nothing but what is kept.
func TestExpired(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		clock := newClock()
		s := open(t, dsn, clock.now)
		stays, later := put(t, s, "stays", time.Time{}), put(t, s, "later", clock.after(time.Hour))
		r := put(t, s, "goes", clock.after(time.Minute))
		deleted := put(t, s, "deleted", clock.after(time.Minute))
		wantDelete(t, s, deleted.ID, deleted.Key, false)

		clock.move(time.Minute - time.Millisecond)
		wantState(t, s, r.ID, "open")
		if n, err := s.Purge(t.Context(), clock.now()); n != 0 || err != nil {
			t.Errorf("purged %d, %v, of none", n, err)
		}
		clock.move(time.Millisecond)
		want := &GoneError{ID: r.ID, Reason: Expired, At: clock.now()}
		for _, n := range []int{1, 0} {
			_, getErr := s.Get(t.Context(), r.ID)
			_, deleteErr := s.Delete(t.Context(), r.ID, r.Key)
			for what, err := range map[string]error{"opening": getErr, "deleting": deleteErr} {
				if gone := new(GoneError); !errors.As(err, &gone) || *gone != *want {
					t.Errorf("%s, %d to purge: %v, want %v", what, n, err, want)
				}
			}
			clock.move(time.Minute)
			if got, err := s.Purge(t.Context(), clock.now()); got != n || err != nil {
				t.Errorf("purged %d, %v, want %d", got, err, n)
			}
		}
		wantEmpty(t, s, r.ID)
		wantState(t, s, stays.ID, "open")
		wantState(t, s, later.ID, "open")
		wantState(t, s, deleted.ID, "deleted")
	})
}

// TestTakenBackAmongExpired: shares that have expired do not keep a link whose last other share is taken back.
func TestTakenBackAmongExpired(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		clock := newClock()
		s := open(t, dsn, clock.now)
		short, long := put(t, s, "x", clock.after(time.Minute)), put(t, s, "x", clock.after(time.Hour))
		clock.move(2 * time.Minute)
		wantState(t, s, short.ID, "open")
		wantDelete(t, s, short.ID, long.Key, false)
		wantState(t, s, short.ID, "deleted")
	})
}

// TestComesBack: shared again, a link that was gone is there, as new; keys of before are worth nothing.
func TestComesBack(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *Store, *clock, Receipt){
		"deleted": func(t *testing.T, s *Store, _ *clock, r Receipt) { wantDelete(t, s, r.ID, r.Key, false) },
		"expired": func(_ *testing.T, _ *Store, c *clock, _ Receipt) { c.move(2 * time.Hour) },
		"purged": func(t *testing.T, s *Store, c *clock, _ Receipt) {
			c.move(2 * time.Hour)
			if n, err := s.Purge(t.Context(), c.now()); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, dsn string) {
				clock := newClock()
				s := open(t, dsn, clock.now)
				before := put(t, s, "x", clock.after(time.Hour))
				end(t, s, clock, before)
				clock.move(time.Minute)
				again := put(t, s, "x", time.Time{})
				if again.ID != before.ID || again.Created != clock.now() || !again.Expires.IsZero() {
					t.Errorf("shared again: %+v, before %+v", again, before)
				}
				if l, err := s.Get(t.Context(), again.ID); err != nil || string(l.Content) != "x" || l.Created != again.Created || !l.Expires.IsZero() {
					t.Errorf("opened: %+v, %v", l, err)
				}
				if _, err := s.Delete(t.Context(), again.ID, before.Key); !errors.Is(err, ErrWrongKey) {
					t.Errorf("deleting with the key of before: %v", err)
				}
				wantDelete(t, s, again.ID, again.Key, false)
			})
		})
	}
}

// TestTaken: content that was made to have another's id does not take its place, whether the other is there or gone.
func TestTaken(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := open(t, dsn, time.Now)
		r := put(t, s, "x", time.Time{})
		sum := digest(Plain, 1, []byte("x"))
		sum[31] ^= 1 // as if x were the other content
		if _, err := s.write.Exec("UPDATE links SET digest = $1", sum[:]); err != nil {
			t.Fatal(err)
		}
		again := func() error {
			_, err := s.Put(t.Context(), Link{Kind: Plain, Version: 1, Content: []byte("x")})
			return err
		}
		if err := again(); !errors.Is(err, ErrTaken) {
			t.Errorf("there: %v", err)
		}
		wantDelete(t, s, r.ID, r.Key, false)
		if err := again(); !errors.Is(err, ErrTaken) {
			t.Errorf("gone: %v", err)
		}
		wantState(t, s, r.ID, "deleted")
	})
}

func TestDamaged(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := open(t, dsn, time.Now)
		r := put(t, s, "x", time.Time{})
		if _, err := s.write.Exec("UPDATE links SET content = $1", []byte("y")); err != nil {
			t.Fatal(err)
		}
		if l, err := s.Get(t.Context(), r.ID); !errors.Is(err, ErrDamaged) {
			t.Errorf("got %+v, %v", l, err)
		}
	})
}

// TestReopen: what was acknowledged is there after Close and Open.
func TestReopen(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		clock := newClock()
		s := open(t, dsn, clock.now)
		stays, temporary := put(t, s, "stays", time.Time{}), put(t, s, "temporary", clock.after(time.Hour))
		deleted := put(t, s, "deleted", time.Time{})
		wantDelete(t, s, deleted.ID, deleted.Key, false)
		before, err := s.Get(t.Context(), temporary.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(t.Context(), stays.ID); err == nil {
			t.Error("a store that is closed answers")
		}

		s = open(t, dsn, clock.now)
		after, err := s.Get(t.Context(), temporary.ID)
		if d := cmp.Diff(before, after); err != nil || d != "" {
			t.Errorf("%v (-before +after):\n%s", err, d)
		}
		wantState(t, s, stays.ID, "open")
		wantState(t, s, deleted.ID, "deleted")
		wantDelete(t, s, stays.ID, stays.Key, false)
	})
}

// TestCancelled: what was given up is not there.
func TestCancelled(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := open(t, dsn, time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Put(ctx, Link{Kind: Plain, Version: 1, Content: []byte("x")}); !errors.Is(err, context.Canceled) {
			t.Errorf("put: %v", err)
		}
		wantState(t, s, IDOf(Plain, 1, []byte("x")), "not found")
	})
}

// TestCommitFails: what could not be committed is not acknowledged.
func TestCommitFails(t *testing.T) {
	// A constraint that is looked at in the end, and that no share fulfils.
	deferred := map[string][]string{
		"sqlite": {
			"CREATE TABLE absent (x BLOB PRIMARY KEY)",
			"CREATE TABLE broken (x BLOB REFERENCES absent (x) DEFERRABLE INITIALLY DEFERRED)",
			"CREATE TRIGGER breaks AFTER INSERT ON shares BEGIN INSERT INTO broken VALUES (new.key_hash); END",
		},
		"postgres": {
			"CREATE TABLE absent (x bytea PRIMARY KEY)",
			"ALTER TABLE shares ADD FOREIGN KEY (key_hash) REFERENCES absent (x) DEFERRABLE INITIALLY DEFERRED",
		},
	}
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			s := open(t, e.dsn(t), time.Now)
			for _, q := range deferred[e.name] {
				if _, err := s.write.Exec(q); err != nil {
					t.Fatalf("%s: %v", q, err)
				}
			}
			r, err := s.Put(t.Context(), Link{Kind: Plain, Version: 1, Content: []byte("x")})
			if err == nil || !strings.Contains(strings.ToLower(err.Error()), "foreign key constraint") || r != (Receipt{}) {
				t.Errorf("put: %+v, %v", r, err)
			}
			wantState(t, s, IDOf(Plain, 1, []byte("x")), "not found")
		})
	}
}
