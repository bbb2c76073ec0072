package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/podpath/podpath/internal/live"
	"github.com/podpath/podpath/internal/share"
)

// purgeEvery is how often links that have expired are taken out of the store.
const purgeEvery = time.Hour

// openLinks opens the store of what is shared: a PostgreSQL by PODPATH_DATABASE_URL, else the file that --links names, else
// one in the user's own folder. It is nil for --links none.
func openLinks(ctx context.Context, file string) (*share.Store, error) {
	if file == "none" {
		return nil, nil
	}
	dsn := os.Getenv("PODPATH_DATABASE_URL")
	switch {
	case dsn != "" && file != "":
		return nil, errors.New("--links and PODPATH_DATABASE_URL: want one")
	case dsn == "" && file == "":
		dir, err := dataDir()
		if err != nil {
			return nil, fmt.Errorf("no place for links: %w (say --links FILE, or --links none)", err)
		}
		dsn = filepath.Join(dir, "links.db")
	case dsn == "":
		dsn = file
	}
	return share.Open(ctx, dsn, time.Now)
}

// dataDir is the folder of podpath's own data, made if it is not there: XDG_DATA_HOME/podpath, by default
// ~/.local/share/podpath (XDG Base Directory Specification 0.8).
func dataDir() (string, error) {
	base := os.Getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(base) { // the specification has relative ones ignored
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		base = filepath.Join(home, ".local", "share")
	}
	dir := filepath.Join(base, "podpath")
	return dir, os.MkdirAll(dir, 0o700)
}

// purge takes expired links out of the store until ctx ends.
func purge(ctx context.Context, s *share.Store, log *slog.Logger) {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		if n, err := s.Purge(ctx, time.Now()); err != nil && ctx.Err() == nil {
			log.Error("links that have expired are still there", "error", err)
		} else if n > 0 {
			log.Info("links have expired", "count", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sweep ends rooms that are idle until ctx ends.
func sweep(ctx context.Context, r *live.Rooms, log *slog.Logger) {
	tick := time.NewTicker(10 * time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := r.Sweep(ctx); err != nil && ctx.Err() == nil {
			log.Error("rooms that are idle are still there", "error", err)
		}
	}
}
