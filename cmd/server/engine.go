package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/server"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// maxCompiled is how many compiled clusters are kept: every preset with the options that people try on it.
const maxCompiled = 64

// engine answers the pages' questions from the presets.
type engine struct {
	presets []server.Preset

	mu       sync.Mutex
	compiled map[string]*compiled
	order    []string // oldest first
}

// compiled is a preset with options, ready to be traced by any number of requests.
type compiled struct {
	places   []compile.Place
	topology *topology.Topology
}

func newEngine() (server.Engine, error) {
	e := &engine{compiled: map[string]*compiled{}}
	for _, id := range compile.Presets() {
		c, err := compile.Preset(id)
		if err != nil {
			return nil, err
		}
		p := server.Preset{ID: id, CNI: c.CNI.Name, Start: start(c)}
		for _, o := range compile.Options(c) {
			p.Options = append(p.Options, server.Option{Key: o.Key, Values: o.Values, Default: o.Default})
		}
		e.presets = append(e.presets, p)
	}
	return e, nil
}

// start is the trace a preset opens with: from a pod on a second card, where there is one, to a pod on another node, so
// that source routing has something to say.
func start(c *cluster.Cluster) server.Query {
	q := server.Query{Protocol: "tcp", Port: query.DefaultPort}
	places := compile.Places(c)
	var from *cluster.Pod
	for i := range c.Nodes {
		for _, p := range c.PodsOn(c.Nodes[i].Name) {
			if from == nil || p.ENI > 0 && from.ENI == 0 && p.Node == from.Node {
				from = p
			}
		}
	}
	if from == nil {
		return q
	}
	q.From = from.Key()
	for _, p := range places {
		if p.Kind == topology.Pod && p.Node != from.Node {
			q.To = p.Name
			break
		}
	}
	return q
}

func (e *engine) Presets() []server.Preset { return e.presets }

// Places leaves wrong options to Trace, which says what is wrong with them.
func (e *engine) Places(_ context.Context, preset string, options map[string]string) ([]server.Place, error) {
	c, err := e.compile(preset, options)
	if err != nil {
		if c, err = e.compile(preset, nil); err != nil {
			return nil, err
		}
	}
	var out []server.Place
	for _, p := range c.places {
		s := server.Place{Name: p.Name, Label: p.Label, Detail: p.Address.String(), Node: p.Node}
		switch p.Kind {
		case topology.Pod:
			s.Kind = server.PodPlace
		case topology.Node:
			s.Kind, s.Node = server.NodePlace, ""
		default:
			s.Kind = server.OutsidePlace
		}
		out = append(out, s)
	}
	return out, nil
}

func (e *engine) Trace(ctx context.Context, q server.Query) (*topology.Topology, *trace.Document, error) {
	c, err := e.compile(q.Preset, q.Options)
	if err != nil {
		return nil, nil, fieldError(err)
	}
	req := query.Request{From: q.From, To: q.To, Protocol: q.Protocol, SrcPort: q.SourcePort, DstPort: q.Port, TTL: q.TTL, Payload: q.Payload, Options: q.Options}
	query, err := req.Query(c.places)
	if err != nil {
		return c.topology, nil, fieldError(err)
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	t, err := trace.Run(c.topology, query)
	if err != nil {
		return nil, nil, fmt.Errorf("tracing %s to %s: %w", q.From, q.To, err)
	}
	return c.topology, t.Document(), nil
}

// compile gives a preset with options, from memory where it was asked for before.
func (e *engine) compile(preset string, options map[string]string) (*compiled, error) {
	key := preset
	for _, k := range slices.Sorted(maps.Keys(options)) {
		key += "\x00" + k + "=" + options[k]
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := e.compiled[key]; c != nil {
		return c, nil
	}
	description, err := compile.Preset(preset)
	if err != nil {
		return nil, err
	}
	if err := compile.Apply(description, options); err != nil {
		return nil, err
	}
	t, err := compile.Cluster(description)
	if err != nil {
		return nil, fmt.Errorf("compiling %s: %w", strings.ReplaceAll(key, "\x00", " "), err)
	}
	c := &compiled{places: compile.Places(description), topology: t}
	if len(e.order) == maxCompiled {
		delete(e.compiled, e.order[0])
		e.order = e.order[1:]
	}
	e.compiled[key] = c
	e.order = append(e.order, key)
	return c, nil
}

// fieldError turns a wrong choice into the page's form of it.
func fieldError(err error) error {
	var f *compile.FieldError
	if errors.As(err, &f) {
		args := maps.Clone(f.Args)
		return &server.FieldError{Field: f.Field, Code: f.Code, Args: args}
	}
	return err
}
