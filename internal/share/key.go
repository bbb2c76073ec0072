package share

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
)

// Key takes a share back: 128 random bits. The store keeps only its SHA-256, so that nobody who reads the database can delete.
// The bits are hidden from printing and JSON, so that they get into no log by accident; Text gives them.
type Key struct{ secret [16]byte }

// NewKey draws a key. crypto/rand.Read never fails: where there is no randomness it ends the program.
func NewKey() Key {
	var k Key
	rand.Read(k.secret[:])
	return k
}

// Text is the key as the sharer keeps it: 26 lower-case letters and digits, as an id has them.
func (k Key) Text() string { return encode(k.secret) }

// String does not say the key.
func (k Key) String() string { return "(delete key)" }

// GoString does not say it either.
func (k Key) GoString() string { return k.String() }

// Hash is what a store keeps of it.
func (k Key) Hash() [sha256.Size]byte { return sha256.Sum256(k.secret[:]) }

// ParseKey reads what Text gives, as leniently as [ParseID]. Its error is an [ErrWrongKey] and does not repeat the text, which
// may be a key but for one character.
func ParseKey(text string) (Key, error) {
	b, why := decode(text)
	if why != "" {
		return Key{}, fmt.Errorf("%w: %s", ErrWrongKey, why)
	}
	return Key{b}, nil
}
