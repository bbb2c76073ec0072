package checked

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"

	"github.com/podpath/podpath/internal/trace"
)

//go:embed results.json
var stored []byte

// Stored are the results that come with podpath.
func Stored() (*Results, error) {
	r, err := Read(bytes.NewReader(stored))
	if err != nil {
		return nil, fmt.Errorf("internal/checked/results.json: %w", err)
	}
	return r, nil
}

// day is a date as results have it.
var day = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)

// Read reads results. What no page could show as it is meant is an error: a reason without a sentence, a flow that has
// neither an outcome nor a reason for having none.
func Read(r io.Reader) (*Results, error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	var out Results
	if err := d.Decode(&out); err != nil {
		return nil, err
	}
	if out.Kernel == "" || !day.MatchString(out.Date) {
		return nil, fmt.Errorf("kernel %q, date %q: want both, the date as 2006-01-02", out.Kernel, out.Date)
	}
	for i := range out.Networks {
		n := &out.Networks[i]
		if err := n.check(); err != nil {
			return nil, fmt.Errorf("network %d (%s %v): %w", i+1, n.Preset, n.Options, err)
		}
	}
	return &out, nil
}

func (n *Network) check() error {
	if n.Preset == "" || len(n.Flows) > 0 && n.Topology == "" {
		return fmt.Errorf("want a preset, and the topology that its flows were sent through")
	}
	for _, s := range n.Skipped {
		if err := s.Why.check(s.What); err != nil {
			return fmt.Errorf("skipped: %w", err)
		}
	}
	for _, f := range n.Flows {
		what := fmt.Sprintf("flow %s to %s %s %d", f.From, f.To, f.Protocol, f.Port)
		switch {
		case f.From == "" || f.To == "" || f.Protocol == "":
			return fmt.Errorf("%s: want from, to and protocol", what)
		case !f.Compared():
			if err := f.Why.check(f.What); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
		case !slices.Contains(outcomes, trace.Outcome(f.Outcome)):
			return fmt.Errorf("%s: outcome %q (want one of %v)", what, f.Outcome, outcomes)
		case (f.Differences > 0) != (f.First != ""):
			return fmt.Errorf("%s: %d differences, the first %q: want both or none", what, f.Differences, f.First)
		}
	}
	return nil
}

// check says what is wrong with a reason that is about something.
func (w Why) check(what string) error {
	if !slices.Contains(Whys, w) {
		return fmt.Errorf("%q is no reason (want one of %v)", w, Whys)
	}
	if (what == "") != (w == NotSent) {
		return fmt.Errorf("%s of %q: only %s is about nothing else", w, what, NotSent)
	}
	return nil
}

var outcomes = []trace.Outcome{trace.Delivered, trace.Dropped, trace.Rejected, trace.Undetermined}

// Write writes results as they are stored: a flow a line, so that a diff shows what has changed.
func Write(w io.Writer, r Results) error {
	b := &bytes.Buffer{}
	fmt.Fprintf(b, "{\n \"kernel\": %s,\n \"date\": %s,\n \"networks\": ", text(r.Kernel), text(r.Date))
	list(b, "  ", r.Networks, func(n Network) {
		options := n.Options
		if options == nil {
			options = map[string]string{}
		}
		fmt.Fprintf(b, "{\"preset\": %s, \"options\": %s,\n   \"topology\": %s,\n   \"flows\": ", text(n.Preset), text(options), text(n.Topology))
		list(b, "    ", n.Flows, func(f Flow) { b.WriteString(text(f)) })
		if len(n.Skipped) > 0 {
			b.WriteString(",\n   \"skipped\": ")
			list(b, "    ", n.Skipped, func(s Skip) { b.WriteString(text(s)) })
		}
		b.WriteString("}")
	})
	b.WriteString("\n}\n")
	_, err := w.Write(b.Bytes())
	return err
}

// list writes an array with an entry a line.
func list[T any](b *bytes.Buffer, indent string, all []T, entry func(T)) {
	b.WriteString("[")
	for i, x := range all {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n" + indent)
		entry(x)
	}
	b.WriteString("]")
}

// text is a value as JSON on one line, with > as it is.
func text(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("results are plain data: %v", err))
	}
	return string(bytes.TrimSpace(b.Bytes()))
}
