package share

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
)

const (
	// busy is how long a connection waits for another's lock, starting how long it waits for another process to migrate.
	busy     = 10 * time.Second
	starting = time.Minute
	// readers is how many links can be read at once. WAL lets them read while one writes.
	readers = 4
)

func openSQLite(ctx context.Context, path string) (*engine, error) {
	if path == "" || path == ":memory:" || strings.HasPrefix(path, "file:") || strings.Contains(path, "://") {
		return nil, fmt.Errorf("%q: want the path of a file, or postgres://…", path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	unlock, err := lockSQLite(ctx, path+"-lock")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := createSQLite(path); err != nil {
		return nil, err
	}
	var e engine
	if e.write, err = sqlitePool(path, 1, url.Values{"_txlock": {"immediate"}}); err != nil {
		return nil, err
	}
	if e.read, err = sqlitePool(path, readers, url.Values{"_query_only": {"true"}}); err != nil {
		return nil, err
	}
	if err := migrate(ctx, e.write, goose.DialectSQLite3, "sqlite"); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return &e, nil
}

// lockSQLite waits until no other process is opening the same file. goose has no lock for SQLite; an empty database beside the
// file is one, and goes with its process.
func lockSQLite(ctx context.Context, path string) (unlock func(), err error) {
	db, err := sqliteOpen(path, url.Values{"_txlock": {"exclusive"}, "_busy_timeout": {fmt.Sprint(starting.Milliseconds())}})
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return func() { tx.Rollback(); db.Close() }, nil
}

// createSQLite makes the file if it is not there. SQLite would make it readable by everyone; its -wal and -shm get the rights
// that the file has. A file that is there is not opened: to close it would lose the locks that this process has on it
// (https://www.sqlite.org/howtocorrupt.html, 2.2).
func createSQLite(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// sqlitePool is a pool of connections with the settings that all have (https://www.sqlite.org/pragma.html), and more.
func sqlitePool(path string, size int, more url.Values) (*sql.DB, error) {
	more.Set("_busy_timeout", fmt.Sprint(busy.Milliseconds()))
	more.Set("_foreign_keys", "on")
	more.Set("_journal_mode", "WAL")
	more.Set("_synchronous", "FULL")         // with WAL, NORMAL would lose what was committed last when the power fails
	more.Set("_pragma", "secure_delete(on)") // what is deleted is overwritten, not only left out of the tables
	db, err := sqliteOpen(path, more)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// sqliteOpen makes a pool of connections to a file. The driver's settings are listed at sqlite.Driver.Open.
func sqliteOpen(path string, settings url.Values) (*sql.DB, error) {
	name := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: settings.Encode()}
	c, err := sqlite.NewConnector(name.String())
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(c), nil
}
