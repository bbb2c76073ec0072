package live

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"sync"
	"time"
)

// memory keeps rooms in the process.
type memory struct {
	mu    sync.Mutex
	rooms map[ID]*kept
}

type kept struct {
	hash  [sha256.Size]byte
	state State
}

func (m *memory) create(_ context.Context, id ID, hash [sha256.Size]byte, href string, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.rooms) >= MaxRooms {
		return ErrTooMany
	}
	m.rooms[id] = &kept{hash, State{Seq: 1, Href: href, At: now}}
	return nil
}

// room is a room that has not ended.
func (m *memory) room(id ID, now time.Time) (*kept, error) {
	k := m.rooms[id]
	if k == nil || !k.state.At.Add(IdleAfter).After(now) {
		return nil, ErrNotFound
	}
	return k, nil
}

func (m *memory) present(_ context.Context, id ID, hash [sha256.Size]byte, href string, now time.Time) (State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, err := m.room(id, now)
	if err != nil {
		return State{}, err
	}
	if subtle.ConstantTimeCompare(k.hash[:], hash[:]) == 0 {
		return State{}, ErrWrongKey
	}
	k.state = State{Seq: k.state.Seq + 1, Href: href, At: now}
	return k.state, nil
}

func (m *memory) get(_ context.Context, id ID, now time.Time) (State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, err := m.room(id, now)
	if err != nil {
		return State{}, err
	}
	return k.state, nil
}

func (m *memory) end(_ context.Context, id ID, hash [sha256.Size]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.rooms[id]
	if k == nil {
		return ErrNotFound
	}
	if subtle.ConstantTimeCompare(k.hash[:], hash[:]) == 0 {
		return ErrWrongKey
	}
	delete(m.rooms, id)
	return nil
}

func (m *memory) sweep(_ context.Context, since time.Time) ([]ID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ended []ID
	for id, k := range m.rooms {
		if !k.state.At.After(since) {
			ended = append(ended, id)
			delete(m.rooms, id)
		}
	}
	return ended, nil
}
