// Command server serves podpath's pages and API. Everything it needs is inside: no network, and no file but the one that keeps what is shared.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/podpath/podpath/internal/checked"
	"github.com/podpath/podpath/internal/live"
	"github.com/podpath/podpath/internal/server"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

func run() error {
	addr := flag.String("addr", "127.0.0.1:8080", "`host:port` to listen on")
	logJSON := flag.Bool("log-json", false, "write the log as JSON")
	public := flag.String("public-url", "", "the `address` that the server is reached by from outside, for links to send; without it, the one of each request")
	links := flag.String("links", "", "the `file` that keeps what is shared (SQLite), or none; by default one in your own folder, or PostgreSQL by PODPATH_DATABASE_URL")
	ttl := flag.Duration("share-ttl", 0, "how long what is shared is kept, 720h for thirty days; 0: until it is deleted")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	var handler slog.Handler = slog.NewTextHandler(os.Stderr, nil)
	if *logJSON {
		handler = slog.NewJSONHandler(os.Stderr, nil)
	}
	log := slog.New(handler)
	engine, err := newEngine()
	if err != nil {
		return err
	}
	results, err := checked.Stored()
	if err != nil {
		return err
	}
	if err := checkPublic(*public); err != nil {
		return err
	}
	if *ttl < 0 {
		return fmt.Errorf("--share-ttl %s: want a time that is not negative", *ttl)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	config := server.Config{Engine: engine, Log: log, Checked: results, Public: *public, TTL: *ttl}
	store, err := openLinks(ctx, *links)
	if err != nil {
		return err
	}
	if store != nil {
		config.Links = store
		defer func() {
			if err := store.Close(); err != nil {
				log.Error("closing the store of links", "error", err)
			}
		}()
		go purge(ctx, store, log)
	}
	rooms, err := live.Open(ctx, os.Getenv("PODPATH_DATABASE_URL"), time.Now, log)
	if err != nil {
		return err
	}
	defer rooms.Close()
	config.Rooms = rooms
	go sweep(ctx, rooms, log)
	s, err := server.New(config)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	fmt.Printf("podpath is at http://%s\n", l.Addr())
	return serve(ctx, l, s.Handler(), rooms.LetGo, log)
}

// serve answers until ctx ends, then lets running requests finish; letGo ends those that would not.
func serve(ctx context.Context, l net.Listener, h http.Handler, letGo func(), log *slog.Logger) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	srv.RegisterOnShutdown(letGo) // a follower's stream would last for ever
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(stopping); err != nil {
		return err
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// checkPublic says what is wrong with the address that links are made with; "" is none.
func checkPublic(address string) error {
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("--public-url %s: want an address like https://podpath.example", address)
	}
	return nil
}
