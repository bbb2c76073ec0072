package share

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/podpath/podpath/internal/share/pgtest"
)

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, bytes.Repeat([]byte("not a database\n"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ dsn, want string }{
		{"", "want the path of a file"},
		{":memory:", "want the path of a file"},
		{"file:links.db", "want the path of a file"},
		{"mysql://root:secret@localhost/x", "want the path of a file"},
		{filepath.Join(dir, "nowhere", "links.db"), "unable to open database file"},
		{dir, "unable to open database file"},
		{text, "file is not a database"},
		{"postgres://podpath:secret@localhost:port/x", "invalid port"},
		{"postgres://podpath:secret@%2Fnowhere/x", "/nowhere"},
		{"postgresql://podpath:secret@%2Fnowhere/x", "/nowhere"},
	} {
		s, err := Open(t.Context(), x.dsn, time.Now)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%q: %v, want an error about %q", x.dsn, err, x.want)
		} else if strings.HasPrefix(x.dsn, "postgres") && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error has the password: %v", x.dsn, err)
		}
	}
}

func TestOpenNewer(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := open(t, dsn, time.Now)
		if _, err := s.write.Exec("INSERT INTO " + versionTable + " (version_id, is_applied) VALUES (99, true)"); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s, err := Open(t.Context(), dsn, time.Now); !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "99") {
			t.Errorf("opened %v, %v", s, err)
		}
	})
}

// TestSQLiteSettings: a commit is on disk, on every connection, of files that are the owner's alone.
func TestSQLiteSettings(t *testing.T) {
	path := filepath.Join(t.TempDir(), "an odd%20name?mode=memory#1.db")
	s := open(t, path, time.Now)
	put(t, s, "x", time.Time{})
	for _, pool := range []struct {
		db        *sql.DB
		queryOnly string
	}{{s.write, "0"}, {s.read, "1"}} {
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000",
			"secure_delete": "1", "query_only": pool.queryOnly} {
			var got string
			if err := pool.db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s is %q, %v; want %q (query_only %s)", pragma, got, err, want, pool.queryOnly)
			}
		}
	}
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// TestSQLiteOverwrites: what was deleted is not in the file any more.
func TestSQLiteOverwrites(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "links.db"), time.Now)
	short, long := "a secret of one page", strings.Repeat("a secret of many pages. ", 5000)
	stays := put(t, s, "what stays", time.Time{})
	for _, content := range []string{short, long} {
		r := put(t, s, content, time.Time{})
		wantDelete(t, s, r.ID, r.Key, false)
	}
	wantState(t, s, stays.ID, "open")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	kept := false
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte("a secret")) {
			t.Errorf("%s still has what was deleted", f.Name())
		}
		kept = kept || bytes.Contains(b, []byte("what stays"))
	}
	if !kept {
		t.Error("no file has what was not deleted: are these the files?")
	}
}

// TestPostgresDurable: a commit waits for the disk on a server that is set up not to, and one that is set up to wait for more is
// left alone.
func TestPostgresDurable(t *testing.T) {
	for value, want := range map[string]string{"off": "on", "local": "local", "remote_apply": "remote_apply"} {
		dsn := pgtest.Database(t)
		s := open(t, dsn, time.Now)
		var name string
		if err := s.read.QueryRow("SELECT current_database()").Scan(&name); err != nil {
			t.Fatal(err)
		}
		if _, err := s.write.Exec(fmt.Sprintf("ALTER DATABASE %s SET synchronous_commit = %s", name, value)); err != nil {
			t.Fatal(err)
		}
		var got string
		if err := open(t, dsn, time.Now).write.QueryRow("SHOW synchronous_commit").Scan(&got); err != nil || got != want {
			t.Errorf("%s: commits with %q, %v; want %q", value, got, err, want)
		}
	}
}
