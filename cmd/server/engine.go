package main

import (
	"context"
	"errors"
	"maps"
	"sync"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/server"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// engine answers the pages' questions from the presets.
type engine struct {
	presets []server.Preset
	cache   *compile.Cache
	options *sync.Map // preset and network plugin → []server.Option
	own     *ownNetwork
}

func newEngine() (server.Engine, error) {
	e := &engine{cache: &compile.Cache{}, options: &sync.Map{}}
	for _, id := range compile.Presets() {
		made, err := e.cache.Preset(id, nil) // a preset that does not compile is found at start, not by a visitor
		if err != nil {
			return nil, err
		}
		e.presets = append(e.presets, server.Preset{ID: id, Start: start(made)})
	}
	return e, nil
}

// compiled is a preset, or the asker's own network, with options.
func (e *engine) compiled(preset string, options map[string]string, named ...string) (*compile.Compiled, error) {
	if e.isOwn(preset) {
		return e.own.compiled(options, named...)
	}
	return e.cache.Preset(preset, options, named...)
}

// cluster is a preset's description, or that of the asker's own network: nil for a snapshot.
func (e *engine) cluster(preset string) (*cluster.Cluster, error) {
	if e.isOwn(preset) {
		return e.own.cluster()
	}
	return compile.Preset(preset)
}

func (e *engine) isOwn(preset string) bool { return e.own != nil && preset == server.OwnPreset }

// start is the trace a preset opens with: from a pod on a second card, where there is one, to a pod on another node, so
// that source routing has something to say. A snapshot's begins at its first namespace.
func start(made *compile.Compiled) server.Query {
	c := made.Cluster
	q := server.Query{Protocol: "tcp"}
	if c == nil {
		for i := range made.Places {
			p := &made.Places[i]
			if q.From == "" && p.Sends() {
				q.From = p.Name
			} else if q.To == "" {
				q.To = p.Name
			}
		}
		return q
	}
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
	for _, fits := range []func(p *compile.Place) bool{
		func(p *compile.Place) bool { return p.Kind == topology.Pod && p.Node != from.Node },
		func(p *compile.Place) bool { return p.Kind == topology.Pod },
		func(*compile.Place) bool { return true },
	} {
		for i := range made.Places {
			if p := &made.Places[i]; p.Name != q.From && fits(p) {
				q.To = p.Name
				return q
			}
		}
	}
	return q
}

// Presets implements server.Engine.
func (e *engine) Presets() []server.Preset { return e.presets }

// Options implements server.Engine. They depend on the network plugin only.
func (e *engine) Options(preset string, options map[string]string) []server.Option {
	cni, chosen := compile.CNISet(options)
	key := preset + " " + cni
	if e.isOwn(preset) {
		key = "" // nobody else's
	} else if have, ok := e.options.Load(key); ok {
		return have.([]server.Option)
	}
	c, err := e.cluster(preset)
	if err != nil || c == nil {
		return nil
	}
	own, plugins := compile.CNIOf(c), compile.CNIs(c) // as the preset is: no other plugin takes any of them away
	if chosen {
		if compile.Set(c, compile.CNIKey, cni) != nil { // what is wrong with it, Trace says
			key = "" // and nobody fills the memory with plugins that there are not
		}
	}
	var out []server.Option
	for _, o := range compile.Options(c) {
		x := server.Option{Key: o.Key, Values: o.Values, Default: o.Default}
		if o.Key == compile.CNIKey {
			x.Values, x.Own, x.Beside = plugins, own, compile.Beside(plugins)
		}
		out = append(out, x)
	}
	if key != "" {
		e.options.Store(key, out)
	}
	return out
}

// Places implements server.Engine. It leaves wrong options to Trace, which says what is wrong with them.
func (e *engine) Places(_ context.Context, preset string, options map[string]string) ([]server.Place, error) {
	c, err := e.compiled(preset, options)
	if err != nil {
		if c, err = e.compiled(preset, nil); err != nil {
			return nil, fieldError(err)
		}
	}
	var out []server.Place
	for _, p := range c.Places {
		s := server.Place{Name: p.Name, Label: p.Label, Detail: p.Address.String(), Node: p.Node}
		if !p.Address.IsValid() {
			s.Detail = ""
		}
		for _, x := range p.Ports {
			s.Ports = append(s.Ports, server.Port{Name: x.Name, Protocol: x.Protocol.String(), Number: int(x.Port)})
		}
		switch p.Kind {
		case topology.Pod:
			s.Kind = server.PodPlace
		case topology.Node:
			s.Kind, s.Node = server.NodePlace, ""
		case compile.Service:
			s.Kind, s.NoStart = server.ServicePlace, true
		case topology.LoadBalancer:
			s.Kind, s.NoStart = server.BalancerPlace, true
		default:
			s.Kind = server.OutsidePlace
		}
		out = append(out, s)
	}
	return out, nil
}

// Trace implements server.Engine.
func (e *engine) Trace(ctx context.Context, q server.Query) (*topology.Topology, *trace.Document, error) {
	c, r, err := e.request(ctx, q)
	if err != nil {
		return topologyOf(c), nil, err
	}
	d, err := r.Document(c)
	if err != nil {
		return c.Topology, nil, fieldError(err)
	}
	return c.Topology, d, nil
}

// Run implements server.Engine.
func (e *engine) Run(ctx context.Context, q server.Query) (*topology.Topology, *trace.Trace, *trace.Document, error) {
	c, r, err := e.request(ctx, q)
	if err != nil {
		return topologyOf(c), nil, nil, err
	}
	t, err := r.Trace(c)
	if err != nil {
		return c.Topology, nil, nil, fieldError(err)
	}
	return c.Topology, t, t.Document(), nil
}

// request finds a query's cluster. With an error the cluster is as it is without what is wrong, or nil.
func (e *engine) request(ctx context.Context, q server.Query) (*compile.Compiled, *query.Request, error) {
	settings := q.Settings()
	c, err := e.compiled(q.Preset, settings, q.From, q.To)
	if err != nil {
		bare, _ := e.compiled(q.Preset, nil)
		return bare, nil, fieldError(err)
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	return c, &query.Request{From: q.From, To: q.To, Protocol: q.Protocol, SrcPort: q.SourcePort, DstPort: q.Port, PortName: q.PortName, TTL: q.TTL,
		Payload: q.Payload, Options: settings, Choices: q.Choices}, nil
}

func topologyOf(c *compile.Compiled) *topology.Topology {
	if c == nil {
		return nil
	}
	return c.Topology
}

// Topology implements server.Engine.
func (e *engine) Topology(_ context.Context, preset string, options map[string]string) (*topology.Topology, error) {
	c, err := e.compiled(preset, options)
	if err != nil {
		return nil, fieldError(err)
	}
	return c.Topology, nil
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
