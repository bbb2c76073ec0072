package lesson_test

import (
	"maps"
	"testing"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/lesson"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// tracer runs lessons' queries in the presets.
func tracer() lesson.Tracer {
	cache := &compile.Cache{}
	return func(q lesson.Query) (*topology.Topology, *trace.Document, error) {
		options := maps.Clone(q.Options)
		if q.CNI != "" {
			if options == nil {
				options = map[string]string{}
			}
			options[compile.CNIKey] = q.CNI
		}
		made, err := cache.Preset(q.Preset, options)
		if err != nil {
			return nil, nil, err
		}
		r := query.Request{From: q.From, To: q.To, Protocol: q.Protocol, DstPort: q.Port, Payload: q.Payload, Options: q.Options, Choices: q.Choices}
		doc, err := r.Document(made)
		return made.Topology, doc, err
	}
}

// TestLessons holds every lesson to its traces.
func TestLessons(t *testing.T) {
	lessons, err := lesson.Read(lesson.Files())
	if err != nil {
		t.Error(err)
	}
	if len(lessons) == 0 {
		t.Fatal("there are no lessons")
	}
	run := tracer()
	for _, l := range lessons {
		t.Run(l.Folder, func(t *testing.T) {
			w, err := l.Run(run)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Check(w); err != nil {
				t.Error(err)
			}
		})
	}
}
