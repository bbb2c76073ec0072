package live

import (
	"context"
	"log/slog"
	"runtime"
	"testing"
	"time"
)

// take gives the event that waits for a follower; ok is false where none does.
func take(c <-chan Event) (e Event, ok bool) {
	select {
	case e, ok = <-c:
	default:
	}
	return e, ok
}

func TestHub(t *testing.T) {
	h := hub{topics: map[ID]*topic{}}
	one := h.join(ID{1}, true)
	if e, ok := take(one.events); ok {
		t.Errorf("before the state is known: %+v", e)
	}
	// What is published, one after the other, and what the follower is told of it. 0 is nothing.
	for _, x := range []struct{ seq, want int64 }{
		{3, 3},
		{3, 0}, // the same, by the database's notification
		{2, 0}, // one that was overtaken
		{4, 4},
		{7, 7}, // those between were presented while the connection was lost
	} {
		h.publish(ID{1}, State{Seq: x.seq})
		if e, _ := take(one.events); e.State.Seq != x.want || e.Ended {
			t.Errorf("published %d: told %+v, want %d", x.seq, e, x.want)
		}
	}

	h.publish(ID{2}, State{Seq: 8}) // nobody follows it
	two := h.join(ID{1}, true)
	for name, f := range map[string]*follower{"one that was there": one, "one that is new": two} {
		if e, _ := take(f.events); e.State.Seq != 7 || e.Followers != 2 {
			t.Errorf("when a second joins, %s is told %+v, want 7 and 2 followers", name, e)
		}
	}
	h.publish(ID{1}, State{Seq: 8})
	h.publish(ID{1}, State{Seq: 9})
	h.leave(two)
	if e, _ := take(one.events); e.State.Seq != 9 || e.Followers != 1 {
		t.Errorf("when the second has left: %+v, want 9 and 1 follower", e)
	}
	h.publish(ID{1}, State{Seq: 10})
	h.end(ID{1})
	if e, _ := take(one.events); !e.Ended || e.State.Seq != 10 {
		t.Errorf("the end in place of what was not taken: %+v", e)
	}
	if _, open := <-one.events; open {
		t.Error("there is more after the end")
	}
	for range 2 { // they leave when their connections end, after the room
		h.leave(one)
		h.leave(two)
	}
	if len(h.topics) != 0 {
		t.Errorf("the hub keeps %v", h.topics)
	}
}

// TestLeave: followers that have left leave nothing: no goroutine, no entry in the hub.
func TestLeave(t *testing.T) {
	before := runtime.NumGoroutine()
	r, err := Open(t.Context(), "", time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	room, err := r.Create(t.Context(), State{Href: "/"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(t.Context())
	var all []<-chan Event
	for range 200 {
		c, err := r.Follow(ctx, room.ID, true)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	if _, err := r.Follow(ctx, ID{}, true); err == nil {
		t.Error("a room that there is not is followed")
	}
	if got := r.hub.all(); len(got) != 1 || got[0] != room.ID {
		t.Errorf("followed here: %v, want %s", got, room.ID)
	}
	leave()
	for _, c := range all {
		for range c { // ends when its follower has left
		}
	}
	if got := r.hub.all(); len(got) != 0 {
		t.Errorf("the hub keeps %v", got)
	}
	for over := time.Now().Add(time.Minute); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(over) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}
