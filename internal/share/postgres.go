package share

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// connections is how many connections a server has at most. PostgreSQL takes 100 by default, from all servers together.
const connections = 8

func openPostgres(ctx context.Context, dsn string) (*engine, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	// Servers that start at once migrate once: the others ask for the lock every second, for a minute.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(durable))
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	// A statement sees what was committed before it began. That is enough where the row is locked first, and nothing has to be
	// tried again, as SERIALIZABLE would ask for (PostgreSQL's manual, 13.2).
	e := &engine{write: db, read: db, isolation: sql.LevelReadCommitted, forUpdate: " FOR UPDATE"}
	if err := migrate(ctx, db, goose.DialectPostgres, "postgres", goose.WithSessionLocker(locker)); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// durable makes commits wait for the disk on a server that is set up not to (synchronous_commit = off), and leaves what waits
// for more, a standby, as it is.
func durable(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'")
	return err
}
