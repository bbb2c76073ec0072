// Package pgtest gives tests a PostgreSQL of their own: Debian's server in a temporary folder, on a Unix socket, with every
// setting that makes it safe left on. Where it is not installed, tests that ask for one skip.
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }
//
//	func TestX(t *testing.T) {
//		dsn := pgtest.Database(t) // empty, and of this test alone
//
// A test that kills the server starts one for itself with [Start].
package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// shared is the server that all tests of a binary use, started by the first that asks.
var shared struct {
	sync.Once
	server *Server
	err    error
}

// Run runs a binary's tests and stops the server that they shared.
func Run(m *testing.M) (code int) {
	defer func() {
		if s := shared.server; s != nil {
			if err := s.remove(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				code = 1
			}
		}
	}()
	return m.Run()
}

// Database makes an empty database on the server that the binary's tests share, and gives its DSN. It is dropped after the
// test.
func Database(tb testing.TB) string {
	tb.Helper()
	bin := binaries(tb)
	shared.Do(func() { shared.server, shared.err = create(bin) })
	if shared.err != nil {
		tb.Fatal(shared.err)
	}
	return shared.server.Database(tb)
}

// Start starts a server for one test, which it may kill.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s, err := create(binaries(tb))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.remove(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

var databases atomic.Int64

// Database makes an empty database and gives its DSN. It is dropped after the test, if the server runs then.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	name := fmt.Sprintf("test_%d", databases.Add(1))
	if err := s.exec("CREATE DATABASE " + name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if s.process == nil {
			return
		}
		if err := s.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			tb.Error(err)
		}
	})
	return s.dsn(name)
}

// dsn is a database's URL. The host is the folder of the socket.
func (s *Server) dsn(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/" + database, RawQuery: url.Values{"host": {s.dir}}.Encode()}
	return u.String()
}

// exec runs one statement in the database that every server has.
func (s *Server) exec(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.dsn("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// patience is how long anything may take before it counts as broken. A test's result does not depend on how long it took.
const patience = 2 * time.Minute
