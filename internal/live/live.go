// Package live has rooms in which one person presents and others follow: the address that is presented, told to everybody in
// the room as it changes.
//
//	rooms, err := live.Open(ctx, os.Getenv("PODPATH_DATABASE_URL"), time.Now, log) // "": in this process alone
//	room, err := rooms.Create(ctx, live.State{Href: "/trace?…"})
//	_, err = rooms.Present(ctx, room.ID, room.Key, live.State{Href: "/trace?…&step=…"})
//	for e := range follow { … }                                                    // rooms.Follow(ctx, room.ID, true)
//
// With PostgreSQL several servers have the same rooms: the state is a row, and LISTEN and NOTIFY say that it has changed. Without,
// rooms are in the server's memory and end with it.
package live

import (
	"crypto/rand"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/podpath/podpath/internal/share"
)

// ID names a room: 128 random bits, written as a frozen link's id is.
type ID = share.ID

// Key lets its holder present. Only its hash is kept.
type Key = share.Key

// ParseID reads an id; ParseKey a key.
var (
	ParseID  = share.ParseID
	ParseKey = share.ParseKey
)

// What a room says, beside errors of the database.
var (
	ErrNotFound = errors.New("no such room")                     // there was never one, or it has ended
	ErrWrongKey = share.ErrWrongKey                              // the key is not the presenter's
	ErrTooMany  = errors.New("there are too many rooms")         // MaxRooms
	ErrHref     = errors.New("this address cannot be presented") // of another server, too long, or none
	ErrNewer    = share.ErrNewer                                 // Open found tables that a newer podpath has made
)

const (
	// IdleAfter is how long a room lasts after the last that was presented in it.
	IdleAfter = 2 * time.Hour
	// MaxRooms is how many rooms there may be at once, so that nobody fills the memory or the disk.
	MaxRooms = 10_000
	// MaxHref is how long an address may be, in bytes: it may hold a network of its own (share.Input.Fragment).
	MaxHref = 20_000
)

// State is what is presented.
type State struct {
	Seq  int64     // grows by one with each Present, from 1
	Href string    // a path of this server with its query and fragment
	At   time.Time // when it was presented: in milliseconds, UTC
}

// Room is what who opens one gets.
type Room struct {
	ID    ID
	Key   Key
	State State
}

// Event is what a follower hears: the newest state, who is there, and at last that the room has ended.
type Event struct {
	State State
	// Followers is how many follow by this server. Those of other servers are not counted: a presenter wants to know that somebody
	// is there, and a number that many servers agree on costs a write for every one that comes or goes.
	Followers int
	Ended     bool
}

// check says what is wrong with a state.
func (s *State) check() error {
	h := s.Href
	if !strings.HasPrefix(h, "/") || strings.HasPrefix(h, "//") || strings.HasPrefix(h, "/\\") || len(h) > MaxHref || !utf8.ValidString(h) {
		return ErrHref
	}
	for _, c := range h {
		if c < ' ' || c == 0x7f {
			return ErrHref
		}
	}
	return nil
}

// newID draws an id. crypto/rand.Read never fails.
func newID() ID {
	var id ID
	rand.Read(id[:])
	return id
}
