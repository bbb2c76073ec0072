package live

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/podpath/podpath/internal/share"
)

// Rooms are all rooms of a server, or of several on one PostgreSQL. Its methods may be called at the same time.
type Rooms struct {
	store store
	hub   hub
	now   func() time.Time
	close func()
}

// store keeps what is presented. The hash is of the presenter's key.
type store interface {
	create(ctx context.Context, id ID, hash [sha256.Size]byte, href string, now time.Time) error
	// present sets the state, if the hash is the room's, and counts it up.
	present(ctx context.Context, id ID, hash [sha256.Size]byte, href string, now time.Time) (State, error)
	get(ctx context.Context, id ID, now time.Time) (State, error)
	end(ctx context.Context, id ID, hash [sha256.Size]byte) error
	// sweep ends the rooms in which nothing was presented since a time, and gives them.
	sweep(ctx context.Context, since time.Time) ([]ID, error)
}

// Open opens the rooms. dsn is a PostgreSQL's URL; with anything else they are in memory. Close ends what Open began.
func Open(ctx context.Context, dsn string, now func() time.Time, log *slog.Logger) (*Rooms, error) {
	r := &Rooms{now: now, close: func() {}}
	r.hub.topics = map[ID]*topic{}
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		r.store = &memory{rooms: map[ID]*kept{}}
		return r, nil
	}
	if err := openPostgres(ctx, dsn, r, log); err != nil {
		return nil, fmt.Errorf("opening the rooms (PostgreSQL): %w", err) // a URL may have a password
	}
	return r, nil
}

// at is the time now, as a row keeps it: Create and Present give what Get gives.
func (r *Rooms) at() time.Time { return r.now().UTC().Truncate(time.Millisecond) }

// LetGo ends what every follower here follows. The rooms go on: by other servers, or by this one when it is asked again.
func (r *Rooms) LetGo() { r.hub.closeAll() }

// Close lets every follower go, and ends the connections.
func (r *Rooms) Close() {
	r.close()
	r.hub.closeAll()
}

// Create opens a room, which presents s.Href. The error is ErrHref or ErrTooMany.
func (r *Rooms) Create(ctx context.Context, s State) (Room, error) {
	if err := s.check(); err != nil {
		return Room{}, err
	}
	room := Room{ID: newID(), Key: share.NewKey(), State: State{Seq: 1, Href: s.Href, At: r.at()}}
	if err := r.store.create(ctx, room.ID, room.Key.Hash(), s.Href, room.State.At); err != nil {
		return Room{}, err
	}
	return room, nil
}

// Get is what is presented in a room. The error is ErrNotFound.
func (r *Rooms) Get(ctx context.Context, id ID) (State, error) { return r.store.get(ctx, id, r.now()) }

// Present shows something else: s.Href. It gives the state that follows from it; whoever presents at the same time gets another.
// The error is ErrHref, ErrNotFound or ErrWrongKey. After another, of the database, it may have been presented or not; to present
// it again is right then.
func (r *Rooms) Present(ctx context.Context, id ID, key Key, s State) (State, error) {
	if err := s.check(); err != nil {
		return State{}, err
	}
	got, err := r.store.present(ctx, id, key.Hash(), s.Href, r.at())
	if err == nil {
		r.hub.publish(id, got)
	}
	return got, err
}

// End closes a room for everybody. The error is ErrNotFound or ErrWrongKey.
func (r *Rooms) End(ctx context.Context, id ID, key Key) error {
	if err := r.store.end(ctx, id, key.Hash()); err != nil {
		return err
	}
	r.hub.end(id)
	return nil
}

// Sweep ends the rooms that are idle, and says how many.
func (r *Rooms) Sweep(ctx context.Context) (int, error) {
	ended, err := r.store.sweep(ctx, r.now().Add(-IdleAfter))
	for _, id := range ended {
		r.hub.end(id)
	}
	return len(ended), err
}

// Follow tells what is presented, at once and whenever it changes: always the newest, so that who is slow has no backlog. The
// channel is closed after the room has ended, and when ctx has. counted says whether the follower counts as one: the presenter
// follows too, and does not. The error is ErrNotFound.
func (r *Rooms) Follow(ctx context.Context, id ID, counted bool) (<-chan Event, error) {
	// It listens before it reads, so that nothing is missed between the two.
	f := r.hub.join(id, counted)
	s, err := r.store.get(ctx, id, r.now())
	if err != nil {
		r.hub.leave(f)
		return nil, err
	}
	r.hub.publish(id, s)
	context.AfterFunc(ctx, func() { r.hub.leave(f) })
	return f.events, nil
}

// refresh reads a room again that others have changed, if anybody here follows it.
func (r *Rooms) refresh(ctx context.Context, id ID) error {
	if !r.hub.followed(id) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, refreshing)
	defer cancel()
	s, err := r.store.get(ctx, id, r.now())
	switch {
	case err == nil:
		r.hub.publish(id, s)
	case errors.Is(err, ErrNotFound):
		r.hub.end(id)
	default:
		return err
	}
	return nil
}
