package share

import (
	"errors"
	"fmt"
	"time"
)

// What the store says, beside errors of the database.
var (
	// ErrNotFound: nothing was ever shared under this id.
	ErrNotFound = errors.New("no such link")
	// ErrGone is what every [*GoneError] is.
	ErrGone = errors.New("the link is gone")
	// ErrWrongKey: the key is of no share of this link, or of one that was taken back.
	ErrWrongKey = errors.New("the delete key is not of this link")
	// ErrInvalid: Put was given what no link can be.
	ErrInvalid = errors.New("this cannot be shared")
	// ErrTooLarge: the content is longer than MaxContent.
	ErrTooLarge = errors.New("the content is too large to share")
	// ErrTaken: another content has this id. It was made so on purpose; see [ID].
	ErrTaken = errors.New("another link has this id")
	// ErrDamaged: the content that is stored does not give its id. The database was written to by something else.
	ErrDamaged = errors.New("the link's content is damaged")
	// ErrNewer: Open found tables that a newer podpath has made.
	ErrNewer = errors.New("the database is of a newer podpath")
)

// Reason is why a link is gone.
type Reason string

// The reasons.
const (
	Deleted Reason = "deleted" // its last sharer took it back
	Expired Reason = "expired"
)

// GoneError is a link that there was. Only that there was one is kept, so that its page can say so. It is an [ErrGone].
type GoneError struct {
	ID     ID
	Reason Reason
	At     time.Time // when it was deleted, or when it expired
}

func (e *GoneError) Error() string {
	return fmt.Sprintf("link %s was there, and %s at %s", e.ID, e.Reason, e.At.Format(time.RFC3339))
}

// Unwrap is ErrGone.
func (e *GoneError) Unwrap() error { return ErrGone }
