package share

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// Store keeps links in a database: one file of SQLite, or PostgreSQL where several servers share it. Its methods may be called
// at the same time, here and in other processes.
type Store struct {
	engine
	now func() time.Time
}

// engine is what differs between the two databases; all queries are the same.
type engine struct {
	// write is for what changes something. read sees what write has committed, at once.
	write, read *sql.DB
	isolation   sql.IsolationLevel
	// forUpdate ends a query that locks the row it finds until its transaction ends.
	forUpdate string
}

// Open opens the database of a DSN and brings its tables up to date. postgres:// or postgresql:// is a PostgreSQL; all else
// is the path of SQLite's file, which is made if it is not there, in a folder that is. now is the clock, time.Now but in tests.
func Open(ctx context.Context, dsn string, now func() time.Time) (*Store, error) {
	open, name := openSQLite, dsn
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		open, name = openPostgres, "PostgreSQL" // a URL may have a password
	}
	e, err := open(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("opening the store of links (%s): %w", name, err)
	}
	return &Store{*e, now}, nil
}

// Close ends the store. What Put has acknowledged is on disk already.
func (e *engine) Close() error {
	if e.read == e.write {
		return e.write.Close()
	}
	return errors.Join(e.read.Close(), e.write.Close())
}

// transact runs f in a transaction. Every transaction locks one row of links, or the whole file, before it decides anything, and
// no second one: so none sees what another is about to change, and no two wait for each other.
func (s *Store) transact(ctx context.Context, f func(tx *sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, &sql.TxOptions{Isolation: s.isolation})
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Times are stored as milliseconds since 1970. never is the greatest number there is, so that the latest of several is MAX.
const never = math.MaxInt64

func stored(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return t.UnixMilli()
}

func loaded(ms int64) time.Time {
	if ms == never {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// row is a link's row in the database, without its content.
type row struct {
	digest           []byte
	created, expires int64
	gone             Reason // "" where it is there
	goneAt           int64
}

// locked is the row of a link, locked until tx ends. The error is ErrNotFound where there is none.
func (s *Store) locked(ctx context.Context, tx *sql.Tx, id ID) (*row, error) {
	var r row
	err := tx.QueryRowContext(ctx, "SELECT digest, created, expires, gone, gone_at FROM links WHERE id = $1"+s.forUpdate, id.String()).
		Scan(&r.digest, &r.created, &r.expires, &r.gone, &r.goneAt)
	if err == sql.ErrNoRows {
		return nil, ErrNotFound
	}
	return &r, err
}

// goneBy is the link's end, nil if it is there. A link that has expired is gone, whether Purge has come by or not.
func (r *row) goneBy(id ID, now int64) *GoneError {
	switch {
	case r.gone != "":
		return &GoneError{ID: id, Reason: r.gone, At: loaded(r.goneAt)}
	case r.expires <= now:
		return &GoneError{ID: id, Reason: Expired, At: loaded(r.expires)}
	}
	return nil
}

// bury leaves of a link only that there was one.
func bury(ctx context.Context, tx *sql.Tx, id ID, why Reason, at int64) error {
	if _, err := tx.ExecContext(ctx, "UPDATE links SET content = NULL, gone = $1, gone_at = $2 WHERE id = $3", why, at, id.String()); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM shares WHERE link = $1", id.String())
	return err
}
