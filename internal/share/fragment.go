package share

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A link without a store has its input in the URL's fragment, which browsers send to no server:
//
//	#p1:<base64url of gzip of JSON>z
//
// p1 is the form's version. gzip (RFC 1952) has a checksum and the length, so that what was cut off or changed is noticed; the z
// at the end is not a character that chat programs take for the end of the sentence, as base64url's - and _ may be.
const (
	fragmentPrefix = "p1:"
	fragmentEnd    = "z"
)

// FragmentError is a fragment that holds no input. Why is a code: the page has a sentence for each.
type FragmentError struct {
	Why   FragmentFault
	Limit int64 // of TooLargeFragment, in bytes
}

// FragmentFault is what is wrong with a fragment.
type FragmentFault string

// The faults.
const (
	NoFragment       FragmentFault = "none"      // it does not begin as one of any version
	NewerFragment    FragmentFault = "newer"     // of a version that this podpath does not know
	CutFragment      FragmentFault = "cut"       // its end is missing
	DamagedFragment  FragmentFault = "damaged"   // a character was changed, or it was never one
	TooLargeFragment FragmentFault = "too-large" // more than an input may have
)

func (e *FragmentError) Error() string { return "link: its input is " + string(e.Why) }

// Fragment is the input as a link has it behind the "#".
func (in *Input) Fragment() (string, error) {
	if err := in.check(); err != nil {
		return "", err
	}
	data, err := json.Marshal(in)
	if err != nil {
		return "", fmt.Errorf("link: %w", err)
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return "", fmt.Errorf("link: %w", err)
	}
	if _, err := w.Write(data); err != nil {
		return "", fmt.Errorf("link: %w", err)
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("link: %w", err)
	}
	return fragmentPrefix + base64.RawURLEncoding.EncodeToString(b.Bytes()) + fragmentEnd, nil
}

// ParseFragment reads what Fragment gives. The error is a [*FragmentError] or a [*ContentError].
func ParseFragment(text string) (*Input, error) {
	fault := func(why FragmentFault) (*Input, error) { return nil, &FragmentError{Why: why, Limit: MaxContent} }
	text = strings.TrimPrefix(strings.TrimSpace(text), "#")
	body, ok := strings.CutPrefix(text, fragmentPrefix)
	if !ok {
		if version, _, found := strings.Cut(text, ":"); found && len(version) > 1 && len(version) < 5 && version[0] == 'p' && strings.Trim(version[1:], "0123456789") == "" {
			return fault(NewerFragment)
		}
		return fault(NoFragment)
	}
	body, ended := strings.CutSuffix(body, fragmentEnd)
	raw, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		if !ended {
			return fault(CutFragment)
		}
		return fault(DamagedFragment)
	}
	data, err := inflate(raw)
	switch {
	case errors.Is(err, ErrTooLarge):
		return fault(TooLargeFragment)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), err != nil && !ended:
		return fault(CutFragment)
	case err != nil, !ended:
		return fault(DamagedFragment)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	var in Input
	if err := d.Decode(&in); err != nil || d.More() {
		return fault(DamagedFragment)
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	return &in, nil
}

// inflate reads gzip, and no more of it than an input may have: a few bytes can be made to give gigabytes.
func inflate(raw []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	z.Multistream(false)
	data, err := io.ReadAll(io.LimitReader(z, MaxContent+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxContent {
		return nil, ErrTooLarge
	}
	return data, nil
}
