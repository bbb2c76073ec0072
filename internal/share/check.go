package share

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what a sharer writes. They may grow and never shrink: Decode holds old links to them too.
const (
	MaxTitle = 200  // characters (Unicode code points) of a title
	MaxNote  = 2000 // characters of one note
	MaxNotes = 200
	// maxName is for what podpath writes itself: engine, language, the id of a station. maxQuery is for the URL's query, which
	// proxies do not let grow much longer.
	maxName  = 400
	maxQuery = 16 << 10
)

// Problem is what is wrong with a field of a content.
type Problem string

// The problems.
const (
	Missing          Problem = "missing"
	TooLong          Problem = "too-long"
	TooMany          Problem = "too-many"
	NotUTF8          Problem = "not-utf8"
	ControlCharacter Problem = "control-character"
	Malformed        Problem = "malformed"
)

// ContentError is a field of a content that no link may have. A page has its own sentence for it.
type ContentError struct {
	Field   string // by its name in JSON; a note's text is "note"
	Station string // whose note; "" for other fields
	Problem Problem
	Limit   int // of TooLong, in characters; of TooMany
}

func (e *ContentError) Error() string {
	where := e.Field
	if e.Station != "" {
		where += fmt.Sprintf(" on %q", e.Station)
	}
	if e.Limit > 0 {
		return fmt.Sprintf("content: %s: %s (at most %d)", where, e.Problem, e.Limit)
	}
	return fmt.Sprintf("content: %s: %s", where, e.Problem)
}

// check is nil, or the first thing wrong with c.
func (c *Content) check() error {
	for _, f := range []field{
		{name: "engine", text: c.Engine, max: maxName, required: true},
		{name: "query", text: c.Query, max: maxQuery},
		{name: "title", text: c.Title, max: MaxTitle},
		{name: "step", text: c.Step, max: maxName},
		{name: "lang", text: c.Lang, max: maxName},
	} {
		if err := f.check(); err != nil {
			return err
		}
	}
	if _, err := url.ParseQuery(c.Query); err != nil || strings.HasPrefix(c.Query, "?") {
		return &ContentError{Field: "query", Problem: Malformed}
	}
	if err := c.Input.check(); err != nil {
		return err
	}
	if len(c.Trace) == 0 {
		return &ContentError{Field: "trace", Problem: Missing}
	}
	if err := checkObject("trace", c.Trace); err != nil {
		return err
	}
	if err := checkObject("scene", c.Scene); err != nil {
		return err
	}
	return c.checkNotes()
}

func (c *Content) checkNotes() error {
	if len(c.Notes) > MaxNotes {
		return &ContentError{Field: "notes", Problem: TooMany, Limit: MaxNotes}
	}
	for _, station := range slices.Sorted(maps.Keys(c.Notes)) { // sorted, so that the same content has the same error
		if err := (field{name: "notes", text: station, max: maxName, required: true}).check(); err != nil {
			return err
		}
		if err := (field{name: "note", station: station, text: c.Notes[station], max: MaxNote, required: true, lines: true}).check(); err != nil {
			return err
		}
	}
	return nil
}

func (in *Input) check() error {
	switch {
	case in == nil:
		return nil
	case in.Kind != ClusterInput && in.Kind != SnapshotInput:
		return &ContentError{Field: "input", Problem: Malformed}
	case in.Text == "":
		return &ContentError{Field: "input", Problem: Missing}
	case !utf8.ValidString(in.Text): // JSON could not give it back as it was
		return &ContentError{Field: "input", Problem: NotUTF8}
	}
	return nil
}

// checkObject wants an object of JSON, or nothing; what is in it is for its reader.
func checkObject(name string, raw json.RawMessage) error {
	switch {
	case len(raw) == 0:
	case string(raw) == "null":
		return &ContentError{Field: name, Problem: Missing}
	case !utf8.Valid(raw):
		return &ContentError{Field: name, Problem: NotUTF8}
	case !json.Valid(raw) || bytes.TrimLeft(raw, " \t\r\n")[0] != '{':
		return &ContentError{Field: name, Problem: Malformed}
	}
	return nil
}

// field is a text and what it may be.
type field struct {
	name, station, text string
	max                 int // characters
	required            bool
	lines               bool // may have line feeds
}

func (f field) check() error {
	bad := func(p Problem, limit int) error {
		return &ContentError{Field: f.name, Station: f.station, Problem: p, Limit: limit}
	}
	switch {
	case f.text == "" && f.required:
		return bad(Missing, 0)
	case !utf8.ValidString(f.text):
		return bad(NotUTF8, 0)
	case strings.ContainsFunc(f.text, func(r rune) bool { return unicode.IsControl(r) && (r != '\n' || !f.lines) }):
		return bad(ControlCharacter, 0)
	case utf8.RuneCountInString(f.text) > f.max:
		return bad(TooLong, f.max)
	}
	return nil
}
