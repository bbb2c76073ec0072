package live

import "sync"

// hub tells the followers of this process. A follower's channel has room for one event, which a newer one takes the place of.
type hub struct {
	mu     sync.Mutex
	topics map[ID]*topic
}

// topic is a room that is followed here.
type topic struct {
	state     State
	followers map[*follower]struct{}
	counted   int
}

// follower is one stream of events.
type follower struct {
	id      ID
	counted bool
	events  chan Event
	gone    bool
}

// join begins a stream. Its first event comes with join where the state is known here, else with publish.
func (h *hub) join(id ID, counted bool) *follower {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[id]
	if t == nil {
		t = &topic{followers: map[*follower]struct{}{}}
		h.topics[id] = t
	}
	f := &follower{id: id, counted: counted, events: make(chan Event, 1)}
	t.followers[f] = struct{}{}
	if counted {
		t.counted++
	}
	t.tell() // that one more is there
	return f
}

// leave ends a stream, if it has not ended by itself.
func (h *hub) leave(f *follower) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.gone {
		return
	}
	f.gone = true
	close(f.events)
	t := h.topics[f.id]
	delete(t.followers, f)
	if f.counted {
		t.counted--
	}
	if len(t.followers) == 0 {
		delete(h.topics, f.id)
		return
	}
	t.tell()
}

// publish tells a state to who follows, unless they know it already, or a newer one. Each state comes here more than once: from
// who presents it, from the database's notification, and from each that begins to follow.
func (h *hub) publish(id ID, s State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.topics[id]; t != nil && s.Seq > t.state.Seq {
		t.state = s
		t.tell()
	}
}

// tell gives every follower the newest, in place of what they have not taken yet.
func (t *topic) tell() {
	if t.state.Seq == 0 {
		return // nothing is known yet
	}
	for f := range t.followers {
		f.offer(Event{State: t.state, Followers: t.counted})
	}
}

// offer never waits: the hub holds its lock, and only the hub sends.
func (f *follower) offer(e Event) {
	select {
	case <-f.events:
	default:
	}
	f.events <- e
}

// end tells who follows that the room has ended, and ends their streams.
func (h *hub) end(id ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[id]
	if t == nil {
		return
	}
	for f := range t.followers {
		f.offer(Event{State: t.state, Ended: true})
		f.gone = true
		close(f.events)
	}
	delete(h.topics, id)
}

// closeAll ends all streams; the rooms go on.
func (h *hub) closeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, t := range h.topics {
		for f := range t.followers {
			f.gone = true
			close(f.events)
		}
		delete(h.topics, id)
	}
}

// followed says whether anybody here follows a room.
func (h *hub) followed(id ID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.topics[id] != nil
}

// all are the rooms that are followed here.
func (h *hub) all() []ID {
	h.mu.Lock()
	defer h.mu.Unlock()
	var ids []ID
	for id := range h.topics {
		ids = append(ids, id)
	}
	return ids
}
