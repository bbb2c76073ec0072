// Package share keeps frozen links: a trace that somebody shared, with its query and input, under a short id. Opening the id
// shows what was shared, as it was, whatever the engine says of the same query by then.
//
//	store, err := share.Open(ctx, "links.db", time.Now)  // or postgres://…
//	link, err := content.Link()                          // a Content, made ready to be stored
//	receipt, err := store.Put(ctx, link)                 // receipt.ID: 4hbdkz1hpjz0v6xw2s5e7ymr3c
//	link, err = store.Get(ctx, receipt.ID)
//	open, err := store.Delete(ctx, receipt.ID, receipt.Key)
//
// An id is a hash of what is stored, so sharing the same twice gives the same id. Each sharer has a key of their own and takes
// back their own share; the link goes when no share is left.
package share

import "time"

// Kind says who can read a link's content.
type Kind string

// The kinds.
const (
	// Plain content is a [Content] that the server can read and show.
	Plain Kind = "plain"
	// Encrypted content was encrypted in the sharer's browser; the server has no key.
	Encrypted Kind = "encrypted"
)

// Kinds are all kinds.
var Kinds = []Kind{Plain, Encrypted}

// MaxContent is how long a link's content may be, in bytes. A trace of a whole exchange has about 100 kB; what takes room is
// the dump of a large cluster.
const MaxContent = 8 << 20

// Link is one frozen link. The store does not look into Content.
type Link struct {
	ID      ID // given by Put
	Kind    Kind
	Version int       // of the content's form, per kind, from 1
	Content []byte    // 1 to MaxContent bytes
	Created time.Time // given by Put: when the link was first shared, or first again after it had gone
	// Expires is when the link goes by itself. The zero time is never. In Put it is this share's wish; a link that several
	// have shared goes with the last of them. Times are kept in milliseconds, UTC.
	Expires time.Time
}

// Receipt is what a sharer gets.
type Receipt struct {
	ID  ID
	Key Key // takes this share back; kept nowhere else
	// Created and Expires are the link's, as [Link] has them: another's share may be older or last longer than this one.
	Created, Expires time.Time
}
