package lesson

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Languages are those that every lesson has.
var Languages = []string{"en", "ko"}

// folderName is a lesson's folder: its number and its ID.
var folderName = regexp.MustCompile(`^(\d\d)-([a-z0-9-]+)$`)

// Read reads all lessons, in the order of their numbers. It gives those that can be read and every error of the others.
func Read(files fs.FS) ([]*Lesson, error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, err
	}
	var out []*Lesson
	var errs []error
	seen := map[string]string{}
	for _, e := range entries {
		l, err := read(files, e.Name())
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if other := seen[l.ID]; other != "" {
			errs = append(errs, fmt.Errorf("%s: lesson %s is there already, in %s", e.Name(), l.ID, other))
			continue
		}
		seen[l.ID] = e.Name()
		out = append(out, l)
	}
	return out, errors.Join(errs...)
}

func (l *Lesson) errorf(format string, args ...any) error {
	return fmt.Errorf(l.Folder+"/lesson.yaml: "+format, args...)
}

func read(files fs.FS, folder string) (*Lesson, error) {
	m := folderName.FindStringSubmatch(folder)
	if m == nil {
		return nil, fmt.Errorf("%s: want a folder's name like 05-internet", folder)
	}
	l := &Lesson{ID: m[2], Folder: folder, Texts: map[string]*Text{}}
	l.Number, _ = strconv.Atoi(m[1])
	data, err := fs.ReadFile(files, folder+"/lesson.yaml")
	if err != nil {
		return nil, err
	}
	var f struct {
		Topic  string           `yaml:"topic"`
		Card   string           `yaml:"card"`
		Terms  []string         `yaml:"terms"`
		Traces map[string]Query `yaml:"traces"`
		Steps  []Step           `yaml:"steps"`
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	d.KnownFields(true)
	if err := d.Decode(&f); err != nil && !errors.Is(err, io.EOF) {
		return nil, l.errorf("%w", err)
	}
	l.Topic, l.Card, l.Terms, l.Traces, l.Steps = f.Topic, f.Card, f.Terms, f.Traces, f.Steps
	if err := l.settle(); err != nil {
		return nil, err
	}
	for _, lang := range Languages {
		name := folder + "/" + lang + ".md"
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		if l.Texts[lang], err = readText(name, string(data)); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// settle fills in what a step leaves to the one before, and finds what does not fit together.
func (l *Lesson) settle() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, l.errorf(format, args...)) }
	if len(l.Steps) == 0 {
		bad("no steps")
	}
	if l.Card != "" && l.Step(l.Card) < 0 {
		bad("card: there is no step %q", l.Card)
	}
	seen := map[string]bool{}
	for i := range l.Steps {
		s := &l.Steps[i]
		if s.ID == "" {
			bad("step %d has no id", i+1)
			continue
		}
		if seen[s.ID] {
			bad("step %s: there are two of that id", s.ID)
		}
		seen[s.ID] = true
		if s.Trace == "" && i > 0 {
			s.Trace = l.Steps[i-1].Trace
		}
		if _, ok := l.Traces[s.Trace]; !ok && s.Type == "" {
			bad("step %s: there is no trace %q", s.ID, s.Trace)
		}
		switch {
		case s.Type != "" && (s.Node != "" || s.At != "" || s.Wait != ""):
			bad("step %s: type: neither a node nor the packet is in the picture", s.ID)
		case s.Type == "" && s.Mode != "":
			bad("step %s: mode: want the instance type that it is about, as type", s.ID)
		case s.Node != "" && (s.At != "" || s.Wait != ""):
			bad("step %s: node: the packet is not in the picture, so it is at no station", s.ID)
		case s.Node == "" && s.Select != "":
			bad("step %s: select: want the node that it is in", s.ID)
		case s.Node == "" && s.Type == "" && s.At == "":
			bad("step %s: at: want the station where the packet waits", s.ID)
		}
		if s.Wait != "" && len(s.Ask) == 0 {
			bad("step %s: wait: there is no question to wait for", s.ID)
		}
		if len(s.Ask) == 1 {
			bad("step %s: ask: one answer is no question", s.ID)
		}
		for _, set := range []struct {
			what   string
			claims map[string]*Claim
		}{{"claim", s.Claims}, {"answer", s.Ask}} {
			for name, c := range set.claims {
				if c == nil {
					bad("step %s: %s %s says nothing", s.ID, set.what, name)
					continue
				}
				if c.Node == "" && c.Line != "" {
					c.Node = s.Node
				}
				if c.Count != "" && c.Type == "" {
					c.Type, c.Mode = s.Type, s.Mode
				}
				if c.Trace == "" {
					c.Trace = s.Trace
					if c.At == "" {
						c.At = s.At
					}
				}
				if _, ok := l.Traces[c.Trace]; !ok && c.Count == "" {
					bad("step %s: %s %s: there is no trace %q", s.ID, set.what, name, c.Trace)
				}
				if err := c.shape(); err != nil {
					bad("step %s: %s %s: %w", s.ID, set.what, name, err)
				}
			}
		}
	}
	return errors.Join(errs...)
}
