package pgtest

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestMain(m *testing.M) { os.Exit(Run(m)) }

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

// TestDatabase: a database is empty, of its test alone, and gone after it; what it acknowledges is on disk.
func TestDatabase(t *testing.T) {
	var dsn string
	t.Run("one", func(t *testing.T) {
		dsn = Database(t)
		conn, other := connect(t, dsn), connect(t, Database(t))
		if _, err := conn.Exec(t.Context(), "CREATE TABLE x (n int)"); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Exec(t.Context(), "SELECT n FROM x"); err == nil {
			t.Error("another database has the same table")
		}
		for _, name := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
			var value string
			if err := conn.QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&value); err != nil || value != "on" {
				t.Errorf("%s is %q, %v", name, value, err)
			}
		}
	})
	if t.Failed() || dsn == "" {
		t.SkipNow()
	}
	if conn, err := pgx.Connect(t.Context(), dsn); err == nil {
		conn.Close(t.Context())
		t.Error("the database outlived its test")
	}
}

// TestKill: what was committed is there after kill -9, what was not is not.
func TestKill(t *testing.T) {
	s := Start(t)
	dsn := s.Database(t)
	conn := connect(t, dsn)
	for _, q := range []string{"CREATE TABLE x (n int)", "INSERT INTO x VALUES (1)", "BEGIN", "INSERT INTO x VALUES (2)"} {
		if _, err := conn.Exec(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	s.Kill(t)
	if _, err := pgx.Connect(t.Context(), dsn); err == nil {
		t.Fatal("a server that was killed answers")
	}
	s.Restart(t)
	var n, sum int
	if err := connect(t, dsn).QueryRow(t.Context(), "SELECT count(*), sum(n) FROM x").Scan(&n, &sum); err != nil || n != 1 || sum != 1 {
		t.Errorf("%d rows of sum %d, %v; want the one that was committed", n, sum, err)
	}
}

// TestRemove: nothing is left of a server, killed or not.
func TestRemove(t *testing.T) {
	for _, kill := range []bool{false, true} {
		var s *Server
		t.Run("", func(t *testing.T) {
			s = Start(t)
			if kill {
				s.Kill(t)
			}
		})
		if s == nil {
			t.SkipNow()
		}
		if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("killed %v: the folder %s is left (%v)", kill, s.dir, err)
		}
		if s.orphaned() {
			t.Errorf("killed %v: processes are left in %s", kill, s.dir)
		}
	}
}
