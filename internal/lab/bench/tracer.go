package bench

import (
	"time"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/lab/measure"
	"github.com/podpath/podpath/internal/latency"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/trace"
)

const (
	// enough is how long traces of one kind are taken in a round; fewer than Trips then, where each is long.
	enough = time.Second
	// atLeast are taken whatever it takes: a median needs some.
	atLeast = 20
)

// traced times traces, on the CPU that the kernel's flow runs on. The first ones build the topology's namespaces and fill what a
// runner keeps: a server has done that before. Go collects its garbage as it likes.
func (o *Options) traced(n int, once func() error) (out []time.Duration, err error) {
	err = measure.OnCPU(o.CPU, func() error {
		for range atLeast {
			if err := once(); err != nil {
				return err
			}
		}
		begin := time.Now()
		for len(out) < n && (len(out) < atLeast || time.Since(begin) < enough) {
			start := time.Now()
			if err := once(); err != nil {
				return err
			}
			out = append(out, time.Since(start))
		}
		return nil
	})
	return out, err
}

// walk is the trace alone, of a query whose names have been looked up.
func walk(made *compile.Compiled, r *query.Request) func() error {
	var run trace.Runner
	q, err := r.Query(made.Places)
	return func() error {
		if err == nil {
			_, err = run.Run(made.Topology, q)
		}
		return err
	}
}

// full is what a page gets.
func full(made *compile.Compiled, r *query.Request) func() error {
	return func() error {
		_, err := r.Document(made)
		return err
	}
}

// rules are those that the first packet and its answer go through.
func rules(t *trace.Trace) int {
	return latency.Of(t, t.Document(), latency.Default()).RoundTrip.Rules
}

func steps(t *trace.Trace) int {
	n := 0
	for i := range t.Legs {
		hops := t.Hops(&t.Legs[i])
		for h := range hops {
			n += len(t.Steps(&hops[h]))
		}
	}
	return n
}
