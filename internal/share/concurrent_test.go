package share

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// together runs n functions at once and gives their errors that are not nil.
func together(n int, f func(i int) error) (errs []error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-begin
			if err := f(i); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	close(begin)
	wg.Wait()
	return errs
}

// TestAtOnce: two servers that are asked to share the same many times at once give the same id, and keys that all work.
func TestAtOnce(t *testing.T) {
	const sharers = 16
	onEach(t, func(t *testing.T, dsn string) {
		servers := []*Store{open(t, dsn, time.Now), open(t, dsn, time.Now)}
		link := Link{Kind: Plain, Version: 1, Content: []byte("the same")}
		receipts := make([]Receipt, sharers)
		for _, err := range together(sharers, func(i int) (err error) {
			receipts[i], err = servers[i%2].Put(t.Context(), link)
			return err
		}) {
			t.Fatal(err)
		}
		keys := map[Key]bool{}
		for _, r := range receipts {
			keys[r.Key] = true
			if r.ID != receipts[0].ID || r.Created != receipts[0].Created {
				t.Errorf("%+v and %+v", r, receipts[0])
			}
		}
		if len(keys) != sharers {
			t.Errorf("%d sharers have %d keys", sharers, len(keys))
		}

		var last atomic.Int64
		for _, err := range together(sharers, func(i int) error {
			open, err := servers[i%2].Delete(t.Context(), receipts[i].ID, receipts[i].Key)
			if err == nil && !open {
				last.Add(1)
			}
			return err
		}) {
			t.Error(err)
		}
		if n := last.Load(); n != 1 {
			t.Errorf("%d of them were told that the link is gone, want the last", n)
		}
		wantState(t, servers[0], receipts[0].ID, "deleted")
		wantEmpty(t, servers[1], receipts[0].ID)
	})
}

// TestRaces: what is shared while the last share before it is taken back, or expires, is there.
func TestRaces(t *testing.T) {
	const rounds = 30
	onEach(t, func(t *testing.T, dsn string) {
		clock := newClock()
		servers := []*Store{open(t, dsn, clock.now), open(t, dsn, clock.now)}
		link := Link{Kind: Plain, Version: 1, Content: []byte("the same")}
		for round := range rounds {
			link.Expires = clock.after(time.Hour)
			before, err := servers[0].Put(t.Context(), link)
			if err != nil {
				t.Fatal(err)
			}
			var again Receipt
			for _, err := range together(4, func(i int) (err error) {
				switch i {
				case 0:
					_, err = servers[0].Delete(t.Context(), before.ID, before.Key)
				case 1:
					l := link
					l.Expires = clock.after(3 * time.Hour)
					again, err = servers[1].Put(t.Context(), l)
				case 2, 3: // for whom the first share, and no other, has expired
					_, err = servers[i-2].Purge(t.Context(), clock.after(2*time.Hour))
				}
				// The last share may have gone to Purge first, or the key with it before the link was shared again.
				if i == 0 && (errors.Is(err, ErrGone) || errors.Is(err, ErrWrongKey)) {
					err = nil
				}
				return err
			}) {
				t.Fatal(err)
			}
			s := servers[round%2]
			l, err := s.Get(t.Context(), before.ID)
			if err != nil || l.Expires != again.Expires || again.Expires != clock.after(3*time.Hour) {
				t.Fatalf("round %d: shared anew with %+v, and opened as %+v, %v", round, again, l, err)
			}
			wantDelete(t, s, again.ID, again.Key, false)
			wantEmpty(t, s, again.ID)
		}
	})
}

// TestOpenAtOnce: servers that start at once on an empty database make its tables once.
func TestOpenAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		stores := make([]*Store, 6)
		for _, err := range together(len(stores), func(i int) (err error) {
			stores[i], err = Open(t.Context(), dsn, time.Now)
			return err
		}) {
			t.Error(err)
		}
		for _, s := range stores {
			if s != nil {
				defer s.Close()
			}
		}
		if t.Failed() {
			return
		}
		r := put(t, stores[0], "x", time.Time{})
		wantState(t, stores[1], r.ID, "open")
		var runs int
		if err := stores[0].read.QueryRowContext(context.Background(), "SELECT COUNT(*) FROM "+versionTable+" WHERE version_id = 1").Scan(&runs); err != nil || runs != 1 {
			t.Errorf("the first migration ran %d times, %v", runs, err)
		}
	})
}
