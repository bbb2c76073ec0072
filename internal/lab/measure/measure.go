// Package measure times a kernel's own round trips through small networks of namespaces, each longer by one thing than another,
// and takes from them what each step costs: the table of package latency, for the machine that it runs on.
//
//	m, err := measure.Run(ctx, measure.Options{Lab: "mine", Trips: 20_000, Runs: 3, CPU: cpu})
//	costs := measure.Derive(m)                    // veth = (one veth pair - loopback) / 2, …
//	data := measure.File(costs, machine.String()) // what latency.Read reads
//
// The method is that of shared/facts/underlay.md, section 5a: a UDP datagram of 64 bytes and its answer, both ends blocking
// threads on one CPU, the best of many. Nothing but namespaces, veths and the loopback is in it: no card, no driver, no
// offload.
package measure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/podpath/podpath/internal/lab/build"
)

// The numbers of underlay.md, section 5a.
const (
	DefaultTrips = 20_000
	DefaultRuns  = 3
)

// Options say how to measure.
type Options struct {
	Lab   string   // the lab that the namespaces are made in
	Trips int      // round trips a path and run
	Runs  int      // all paths are measured so many times, one after the other: what disturbs one run is not in the next
	CPU   int      // where both ends run
	Only  []string // these paths; nil for all
}

// Time is what one path took, as nanoseconds of a round trip.
type Time struct {
	Path     string
	Best     []int64 // of each run
	Median   []int64 // of each run
	Answered int     // round trips, all runs
}

// Measured are the times of all paths that this machine could be asked about.
type Measured struct {
	Times []Time   // in the order of Paths
	Lacks []string // paths left out, each with what the kernel or the machine does not have
	Trips int      // a path and run
	Runs  int
	CPU   int // where both ends ran
}

// Time finds a path's; nil where it was left out.
func (m *Measured) Time(path string) *Time {
	for i := range m.Times {
		if m.Times[i].Path == path {
			return &m.Times[i]
		}
	}
	return nil
}

// Run builds all paths, measures them, and takes them down again, also where it fails or ctx ends.
func Run(ctx context.Context, o Options) (m *Measured, err error) {
	if o.Trips < 1 || o.Runs < 1 {
		return nil, fmt.Errorf("%d round trips in %d runs: want at least one of each", o.Trips, o.Runs)
	}
	m = &Measured{Trips: o.Trips, Runs: o.Runs, CPU: o.CPU}
	var paths []*Path
	for i := range Paths {
		p := &Paths[i]
		if o.Only != nil && !slices.Contains(o.Only, p.Name) {
			continue
		}
		if what := p.lacks(); what != "" {
			m.Lacks = append(m.Lacks, p.Title+": "+what)
			continue
		}
		paths = append(paths, p)
		m.Times = append(m.Times, Time{Path: p.Name})
	}
	laid, err := Lay(paths)
	if err != nil {
		return nil, err
	}
	net, err := build.Build(o.Lab, laid.Topology)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, net.Close()) }()
	for _, p := range paths {
		if err := p.finish(net); err != nil {
			return nil, fmt.Errorf("%s: %w", p.Title, err)
		}
	}
	for range o.Runs {
		taken := make([][]time.Duration, len(paths))
		for part := range turns {
			n := o.Trips*(part+1)/turns - o.Trips*part/turns
			for i, p := range paths {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				if n == 0 {
					continue
				}
				trips, err := p.conversation(net, laid.Ends[p.Name], o.CPU).Established(n)
				if err != nil {
					return nil, fmt.Errorf("%s: %w", p.Title, err)
				}
				taken[i] = append(taken[i], trips...)
			}
		}
		for i, trips := range taken {
			t := &m.Times[i]
			best, median := Summary(trips)
			t.Best, t.Median = append(t.Best, int64(best)), append(t.Median, int64(median))
			t.Answered += len(trips)
		}
	}
	return m, nil
}

// turns are how often a run comes to each path, for a part of its round trips: a machine that is slower for a while, or
// faster, is so for all of them.
const turns = 5

// Summary is the least and the middle of some times, which are sorted by it. There is at least one.
func Summary(times []time.Duration) (best, median time.Duration) {
	slices.Sort(times)
	return times[0], times[len(times)/2]
}
