// Package bench sets what it takes to trace a packet beside what it takes a kernel to send it: the same flow through the same
// topology, traced in memory and sent through network namespaces, in one run on one CPU.
package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/lab/build"
	"github.com/podpath/podpath/internal/lab/measure"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/trace"
)

// Options say how to measure.
type Options struct {
	Lab   string // the lab that each network is made in, one after the other
	CPU   int    // where the kernel's two ends and the tracer run, in turns
	Trips int    // round trips, and traces, of each kind in a round
	Runs  int    // rounds
	// Services are the sizes of the clusters whose Services' rules are loaded, beside the presets; nil for none.
	Services []int
	Progress func(what string) // nil for none
}

// The defaults: of Trips, more would need more ports than there are (see measure.MaxFresh).
const (
	DefaultTrips = 5000
	DefaultRuns  = 3
)

// Times are of one kind of thing, in nanoseconds: the best of all rounds, and the least of the rounds' medians. Another
// process that takes the CPU for a while spoils one round and not the figure.
type Times struct {
	Best, Median int64
	Count        int // all rounds
}

func (t *Times) add(round []time.Duration) {
	best, median := measure.Summary(round)
	if t.Count == 0 || int64(best) < t.Best {
		t.Best = int64(best)
	}
	if t.Count == 0 || int64(median) < t.Median {
		t.Median = int64(median)
	}
	t.Count += len(round)
}

// Row is one flow, both ways.
type Row struct {
	Flow     string // what flow it is
	Backend  string // which iptables has loaded the rules in the kernel
	Services int    // of the cluster, where it was made for this
	Rules    int    // that a traced first packet and its answer go through
	Steps    int    // of the trace: there and back

	Known Times // the kernel's round trip of an established flow
	First Times // of a flow's first packet, with its answer
	Trace Times // the walk: every decision, there and back, in a runner's memory
	Full  Times // the same with all explanations as data: query.Request.Document
}

// Report is what came of it.
type Report struct {
	Machine measure.Machine
	CPU     int
	Trips   int
	Runs    int
	Bare    Times // two nodes, routed, without a rule: the least that a kernel has to do for a packet between two nodes
	Rows    []Row
	Lacks   []string // flows left out, with what the kernel does not have
}

// Run measures everything. Each network is taken down before the next is built, also where it fails or ctx ends.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Trips < 1 || o.Runs < 1 || o.Trips > measure.MaxFresh {
		return nil, fmt.Errorf("%d round trips in %d runs: want 1 to %d, and at least one run", o.Trips, o.Runs, measure.MaxFresh)
	}
	r := &Report{CPU: o.CPU, Trips: o.Trips, Runs: o.Runs, Machine: measure.Here(time.Now())}
	o.say("two nodes without rules")
	m, err := measure.Run(ctx, measure.Options{Lab: o.Lab, Trips: o.Trips, Runs: o.Runs, CPU: o.CPU, Only: []string{measure.Native}})
	if err != nil {
		return nil, err
	}
	bare := m.Time(measure.Native)
	for i := range bare.Best {
		r.Bare.add([]time.Duration{time.Duration(bare.Best[i]), time.Duration(bare.Median[i])})
	}
	r.Bare.Count = bare.Answered
	for _, f := range flows(o.Services) {
		rows, err := o.flow(ctx, &f)
		var lacks *build.LacksError
		if errors.As(err, &lacks) {
			r.Lacks = append(r.Lacks, f.title+": "+err.Error())
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.title, err)
		}
		r.Rows = append(r.Rows, rows...)
	}
	return r, nil
}

func (o *Options) say(what string) {
	if o.Progress != nil {
		o.Progress(what)
	}
}

// flow builds a flow's network, measures, and takes it down.
func (o *Options) flow(ctx context.Context, f *flow) (rows []Row, err error) {
	o.say(f.title)
	made, request, err := f.open()
	if err != nil {
		return nil, err
	}
	t, err := request.Trace(made)
	if err != nil {
		return nil, err
	}
	if t.Outcome != trace.Delivered {
		return nil, fmt.Errorf("the trace ends otherwise: %s", t.Outcome)
	}
	net, err := build.Build(o.Lab, made.Topology)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, net.Close()) }()
	c, err := conversation(net, made, t, o.CPU)
	if err != nil {
		return nil, err
	}
	row := Row{Flow: f.title, Backend: "nf_tables", Services: f.services, Rules: rules(t), Steps: steps(t)}
	if err := o.measure(ctx, &row, net, c, made, request); err != nil {
		return nil, err
	}
	rows = []Row{row}
	if f.services == 0 || !build.Has("x_tables") {
		return rows, nil
	}
	o.say(f.title + ", x_tables")
	if err := legacy(net, made.Topology); err != nil {
		return nil, err
	}
	row.Backend, row.Known, row.First, row.Trace, row.Full = "x_tables", Times{}, Times{}, Times{}, Times{}
	if err := o.measure(ctx, &row, net, c, made, request); err != nil {
		return nil, err
	}
	return append(rows, row), nil
}

// measure takes all times of a row, round by round, so that what disturbs the machine disturbs both sides.
func (o *Options) measure(ctx context.Context, row *Row, net *build.Net, c *measure.Conversation, made *compile.Compiled, request *query.Request) error {
	for range o.Runs {
		if err := net.ForgetConnections(); err != nil { // a port that has been used is no new flow
			return err
		}
		for _, x := range []struct {
			into *Times
			take func(int) ([]time.Duration, error)
		}{
			{&row.First, c.Fresh},
			{&row.Known, c.Established},
			{&row.Trace, func(n int) ([]time.Duration, error) { return o.traced(n, walk(made, request)) }},
			{&row.Full, func(n int) ([]time.Duration, error) { return o.traced(n, full(made, request)) }},
		} {
			if err := ctx.Err(); err != nil {
				return err
			}
			times, err := x.take(o.Trips)
			if err != nil {
				return err
			}
			x.into.add(times)
		}
	}
	return nil
}
