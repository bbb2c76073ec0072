package live

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

const (
	// channel is what servers notify each other by. The payload is the room's id alone: a payload has at most 8,000 bytes
	// (PostgreSQL's manual, NOTIFY), and an address may have more.
	channel = "podpath_rooms"
	// connections is how many connections a server has at most for rooms, beside the one that listens.
	connections = 4
	// again is how long a server that has lost its listening connection waits before it tries anew, at first and at most.
	again, againMost = 50 * time.Millisecond, 5 * time.Second
	// refreshing is how long reading one room may take before the connection counts as lost. A server that has vanished would
	// otherwise hold up what is heard for as long as TCP repeats what it sent: a quarter of an hour (tcp(7), tcp_retries2).
	refreshing = 10 * time.Second
	// versionTable is where goose notes what it has run.
	versionTable = "rooms_version"
)

// postgres keeps rooms in a table.
type postgres struct{ db *sql.DB }

// openPostgres makes the tables, and listens until the rooms are closed.
func openPostgres(ctx context.Context, dsn string, r *Rooms, log *slog.Logger) error {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(connections)
	if err := migrate(ctx, db); err != nil {
		return errors.Join(err, db.Close())
	}
	listening, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	r.store = &postgres{db}
	r.close = func() {
		stop()
		<-done
		if err := db.Close(); err != nil {
			log.Error("closing the rooms", "error", err)
		}
	}
	ready := make(chan struct{})
	go func() {
		defer close(done)
		r.listen(listening, config, ready, log)
	}()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		r.close()
		return ctx.Err()
	}
}

// migrate brings the tables up to date. Those of a newer podpath are left alone: this one would not know what it breaks.
func migrate(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60)) // servers that start at once migrate once
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker), goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	has, knows, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	if has > knows {
		return fmt.Errorf("%w: its tables of rooms are of version %d, and this podpath knows up to %d", ErrNewer, has, knows)
	}
	return nil
}

// listen hears of rooms that other servers change, and tells who follows them here. A connection that is lost is made anew; what
// was missed meanwhile is read then. ready is closed once it listens for the first time.
func (r *Rooms) listen(ctx context.Context, config *pgx.ConnConfig, ready chan struct{}, log *slog.Logger) {
	wait := again
	for ctx.Err() == nil {
		err := r.hear(ctx, config, func() {
			wait = again
			select {
			case <-ready:
			default:
				close(ready)
			}
		})
		if ctx.Err() != nil {
			return
		}
		log.Warn("rooms: the connection that listens is lost", "error", err, "again", wait)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, againMost)
	}
}

// hear listens until the connection is lost. It listens before it reads the rooms that are followed here, so that nothing is
// missed between the two.
func (r *Rooms) hear(ctx context.Context, config *pgx.ConnConfig, listening func()) error {
	conn, err := pgx.ConnectConfig(ctx, config.Copy())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	for _, id := range r.hub.all() {
		if err := r.refresh(ctx, id); err != nil {
			return err
		}
	}
	listening()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		id, err := ParseID(n.Payload)
		if err != nil {
			continue // of something else that uses the channel
		}
		if err := r.refresh(ctx, id); err != nil {
			return err
		}
	}
}

// transact runs f and notifies of the room, both or neither.
func (p *postgres) transact(ctx context.Context, id ID, f func(tx *sql.Tx) error) error {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if err := f(tx); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "SELECT pg_notify($1, $2)", channel, id.String()); err != nil {
		return err
	}
	return tx.Commit()
}

// create counts before it inserts: servers that do so at once may come to a few more than MaxRooms, which nobody notices.
func (p *postgres) create(ctx context.Context, id ID, hash [sha256.Size]byte, href string, now time.Time) error {
	var n int
	if err := p.db.QueryRowContext(ctx, "SELECT count(*) FROM rooms").Scan(&n); err != nil {
		return err
	}
	if n >= MaxRooms {
		return ErrTooMany
	}
	_, err := p.db.ExecContext(ctx, "INSERT INTO rooms (id, key_hash, seq, href, at) VALUES ($1, $2, 1, $3, $4)", id.String(), hash[:], href, now.UnixMilli())
	return err
}

// locked is a room whose presenter the hash is of, locked until tx ends.
func locked(ctx context.Context, tx *sql.Tx, id ID, hash [sha256.Size]byte) (seq, at int64, err error) {
	var have []byte
	err = tx.QueryRowContext(ctx, "SELECT key_hash, seq, at FROM rooms WHERE id = $1 FOR UPDATE", id.String()).Scan(&have, &seq, &at)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, 0, ErrNotFound
	case err == nil && subtle.ConstantTimeCompare(have, hash[:]) == 0:
		return 0, 0, ErrWrongKey
	}
	return seq, at, err
}

func (p *postgres) present(ctx context.Context, id ID, hash [sha256.Size]byte, href string, now time.Time) (State, error) {
	s := State{Href: href, At: now}
	err := p.transact(ctx, id, func(tx *sql.Tx) error {
		seq, at, err := locked(ctx, tx, id, hash)
		if err != nil {
			return err
		}
		if idle(at, now) {
			return ErrNotFound
		}
		s.Seq = seq + 1
		_, err = tx.ExecContext(ctx, "UPDATE rooms SET seq = $1, href = $2, at = $3 WHERE id = $4", s.Seq, href, now.UnixMilli(), id.String())
		return err
	})
	if err != nil {
		return State{}, err
	}
	return s, nil
}

// idle says whether a room has ended by itself.
func idle(at int64, now time.Time) bool { return !time.UnixMilli(at).Add(IdleAfter).After(now) }

func (p *postgres) get(ctx context.Context, id ID, now time.Time) (State, error) {
	var s State
	var at int64
	err := p.db.QueryRowContext(ctx, "SELECT seq, href, at FROM rooms WHERE id = $1", id.String()).Scan(&s.Seq, &s.Href, &at)
	if errors.Is(err, sql.ErrNoRows) || err == nil && idle(at, now) {
		return State{}, ErrNotFound
	}
	s.At = time.UnixMilli(at).UTC()
	return s, err
}

func (p *postgres) end(ctx context.Context, id ID, hash [sha256.Size]byte) error {
	return p.transact(ctx, id, func(tx *sql.Tx) error {
		if _, _, err := locked(ctx, tx, id, hash); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM rooms WHERE id = $1", id.String())
		return err
	})
}

// sweep notifies of each that it ends, so that followers on other servers hear of it too.
func (p *postgres) sweep(ctx context.Context, since time.Time) ([]ID, error) {
	rows, err := p.db.QueryContext(ctx, "WITH ended AS (DELETE FROM rooms WHERE at <= $1 RETURNING id) SELECT id, pg_notify($2, id) FROM ended", since.UnixMilli(), channel)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ended []ID
	for rows.Next() {
		var text string
		var nothing any
		if err := rows.Scan(&text, &nothing); err != nil {
			return nil, err
		}
		id, err := ParseID(text)
		if err != nil {
			return nil, err
		}
		ended = append(ended, id)
	}
	return ended, rows.Err()
}
