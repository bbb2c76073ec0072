package live_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/podpath/podpath/internal/live"
	"github.com/podpath/podpath/internal/share/pgtest"
)

// run runs a statement behind the rooms' back, and says how many rows it was for.
func run(t *testing.T, dsn, statement string, args ...any) int64 {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	tag, err := conn.Exec(t.Context(), statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	return tag.RowsAffected()
}

// TestMissed: what changed while a server did not listen reaches its followers once it does again. The rows are changed without
// a notification, so that nothing but the reading after a loss can tell of it.
func TestMissed(t *testing.T) {
	dsn, c := pgtest.Database(t), start()
	all := []*live.Rooms{open(t, c, dsn), open(t, c, dsn)}
	moved, gone, same := create(t, all[0], "/a"), create(t, all[0], "/b"), create(t, all[0], "/c")
	var movedHere, goneHere, sameHere []<-chan live.Event
	for _, r := range all {
		movedHere = append(movedHere, follow(t, t.Context(), r, moved.ID))
		goneHere = append(goneHere, follow(t, t.Context(), r, gone.ID))
		sameHere = append(sameHere, follow(t, t.Context(), r, same.ID))
	}
	if n := run(t, dsn, "UPDATE rooms SET seq = 5, href = '/missed' WHERE id = $1", moved.ID.String()); n != 1 {
		t.Fatalf("%d rooms moved", n)
	}
	if n := run(t, dsn, "DELETE FROM rooms WHERE id = $1", gone.ID.String()); n != 1 {
		t.Fatalf("%d rooms deleted", n)
	}
	if n := run(t, dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'"); n != int64(len(all)) {
		t.Fatalf("%d connections listen, want one a server", n)
	}
	for i := range all {
		if e := until(t, movedHere[i], "what was missed", at("/missed")); e.State.Seq != 5 {
			t.Errorf("server %d: seq %d", i, e.State.Seq)
		}
		until(t, goneHere[i], "the end that was missed", func(e live.Event) bool { return e.Ended })
	}
	present(t, all[0], same, "/c2") // they listen again
	for i := range all {
		until(t, sameHere[i], "what came after", at("/c2"))
	}
}

// TestOpenAtOnce: servers that start at once on an empty database make its tables once, and have the same rooms.
func TestOpenAtOnce(t *testing.T) {
	dsn, c := pgtest.Database(t), start()
	all := make([]*live.Rooms, 4)
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			var err error
			if all[i], err = live.Open(t.Context(), dsn, c.now, slog.New(slog.DiscardHandler)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, r := range all {
		if r != nil {
			defer r.Close()
		}
	}
	if t.Failed() {
		return
	}
	room := create(t, all[0], "/")
	for i, r := range all {
		if _, err := r.Get(t.Context(), room.ID); err != nil {
			t.Errorf("server %d: %v", i, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	newer := pgtest.Database(t)
	open(t, start(), newer).Close()
	run(t, newer, "INSERT INTO rooms_version (version_id, is_applied) VALUES (99, true)")
	for _, x := range []struct {
		dsn, want string
		is        error
	}{
		{"postgres://podpath:secret@localhost:port/x", "invalid port", nil},
		{"postgresql://podpath:secret@%2Fnowhere/x", "/nowhere", nil},
		{newer, "version 99", live.ErrNewer},
	} {
		var log bytes.Buffer
		r, err := live.Open(t.Context(), x.dsn, time.Now, slog.New(slog.NewTextHandler(&log, nil)))
		if err == nil {
			r.Close()
			t.Errorf("%s was opened", x.dsn)
			continue
		}
		if r != nil || !strings.Contains(err.Error(), x.want) || x.is != nil && !errors.Is(err, x.is) {
			t.Errorf("%s: %v, want an error about %q", x.dsn, err, x.want)
		}
		if strings.Contains(err.Error()+log.String(), "secret") {
			t.Errorf("%s: the password is in %v, or the log: %s", x.dsn, err, &log)
		}
	}
}
