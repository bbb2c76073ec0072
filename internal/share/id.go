package share

import (
	"crypto/sha256"
	"fmt"
)

// ID names a link: the first 128 bits of a SHA-256 over the link's kind, version and content. Two contents with the same id do
// not occur by chance; Put refuses those that are made on purpose.
type ID [16]byte

// IDOf is the id of a content.
func IDOf(kind Kind, version int, content []byte) ID {
	sum := digest(kind, version, content)
	return ID(sum[:len(ID{})])
}

// digest is the whole hash. Kind and version stand before the content on a line of their own, so that the same bytes in
// another form have another id.
func digest(kind Kind, version int, content []byte) [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprintf(h, "podpath link %s %d\n", kind, version)
	h.Write(content)
	return [sha256.Size]byte(h.Sum(nil))
}

// String is the id as links have it: 26 lower-case letters and digits. It ends in no character that a chat program would take
// for the end of the sentence.
func (id ID) String() string { return encode(id) }

// ParseID reads an id. Upper case counts as lower case, i and l as 1, o as 0, as Crockford's base 32 has it. The error is an
// [*IDError].
func ParseID(text string) (ID, error) {
	b, why := decode(text)
	if why != "" {
		return ID{}, &IDError{Text: text, Why: why}
	}
	return b, nil
}

// IDError is a text that is no id.
type IDError struct {
	Text string
	Why  string // "want 26 letters and digits, got 12"
}

func (e *IDError) Error() string {
	const most = 60 // as much as an id and what may have stuck to it
	text := e.Text
	if len(text) > most {
		text = text[:most] + "…"
	}
	return fmt.Sprintf("link id %q: %s", text, e.Why)
}
