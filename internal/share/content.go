package share

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ContentVersion is the version of Content that Encode writes, and the newest that Decode reads. It changes with every field
// that Content gets: a reader that did not know the field would show less than was shared. Decode reads every older version
// for ever (testdata/links).
const ContentVersion = 1

// Content is what a plain link keeps.
type Content struct {
	Version int    `json:"version"` // Encode writes ContentVersion
	Engine  string `json:"engine"`  // name and version of what made the trace: "podpath 0.3.0"
	// Query is the trace page's URL query in its canonical form, without "?": the same query can be asked again of today's
	// engine. It is empty where only the input was given.
	Query string `json:"query"`
	Input *Input `json:"input,omitempty"` // nil where the query names a preset
	// Trace is the trace.Document as JSON, whatever its own version.
	Trace json.RawMessage `json:"trace"`
	// Scene is the trace's drawing as JSON, a diagram.Scene, so that a page can show it as it was drawn then; nil for none.
	Scene json.RawMessage `json:"scene,omitempty"`

	// What the sharer adds.
	Title string            `json:"title,omitempty"`
	Notes map[string]string `json:"notes,omitempty"` // by station id; a line ends with \n alone
	Step  string            `json:"step,omitempty"`  // the station that the page opens at
	Lang  string            `json:"lang,omitempty"`  // the language that the sharer saw: "ko"
}

// Input is the sharer's own network, as it was typed or uploaded.
type Input struct {
	Kind InputKind `json:"kind"`
	Text string    `json:"text"`
}

// InputKind says how an input's text is read.
type InputKind string

// The kinds of input.
const (
	ClusterInput  InputKind = "cluster"  // a cluster's description (internal/cluster)
	SnapshotInput InputKind = "snapshot" // dumps of nodes, as one txtar text (internal/snapshot)
)

// Link makes a link of c, to be put. expires may be zero: never.
func (c *Content) Link(expires time.Time) (Link, error) {
	b, err := c.Encode()
	if err != nil {
		return Link{}, err
	}
	return Link{Kind: Plain, Version: ContentVersion, Content: b, Expires: expires}, nil
}

// Encode writes c as JSON, the same content always as the same bytes: fields in the struct's order, keys sorted, no white
// space. A field that no link may have is a [*ContentError].
func (c *Content) Encode() ([]byte, error) {
	v := *c
	v.Version = ContentVersion
	if err := v.check(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(&v); err != nil {
		return nil, fmt.Errorf("content: %w", err)
	}
	if b.Len()-1 > MaxContent {
		return nil, ErrTooLarge
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Decode reads what Encode wrote, now or in an older version. A newer version is a [*VersionError]. What is cut off, or has
// been changed so that it is no content any more, is an error; that the bytes are those that were shared is for their id to
// say.
func Decode(data []byte) (*Content, error) {
	if len(data) > MaxContent {
		return nil, ErrTooLarge
	}
	var head struct {
		Version *int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, decodeError(data, err)
	}
	switch v := head.Version; {
	case v == nil:
		return nil, errors.New("content: no version: this is no link's content")
	case *v < 1:
		return nil, fmt.Errorf("content: version %d: the first is 1", *v)
	case *v > ContentVersion:
		return nil, &VersionError{Version: *v, Known: ContentVersion}
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var c Content
	if err := d.Decode(&c); err != nil {
		return nil, decodeError(data, err)
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return &c, nil
}

// decodeError says where JSON goes wrong: at its end, where it was cut off.
func decodeError(data []byte, err error) error {
	if syntax := new(json.SyntaxError); errors.As(err, &syntax) {
		return fmt.Errorf("content: cut off or damaged at byte %d of %d: %w", syntax.Offset, len(data), err)
	}
	return fmt.Errorf("content: %w", err)
}

// VersionError is a content that a newer podpath wrote.
type VersionError struct {
	Version, Known int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("content: version %d, and this podpath knows up to %d: it was shared with a newer one", e.Version, e.Known)
}
