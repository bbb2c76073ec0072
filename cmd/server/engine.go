package main

import (
	"context"
	"errors"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/server"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// engine is the server's door to the compilers and the tracer.
type engine struct{ cache compile.Cache }

func newEngine() (server.Engine, error) {
	e := &engine{}
	for _, id := range compile.Presets() { // a preset that does not compile is found at start, not by a visitor
		if _, err := e.cache.Preset(id, nil); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// Presets implements server.Engine.
func (e *engine) Presets() []server.Preset {
	var out []server.Preset
	for _, id := range compile.Presets() {
		c, err := compile.Preset(id)
		if err != nil {
			continue // newEngine compiled it
		}
		p := server.Preset{ID: id, CNI: c.CNI.Name, Start: server.Query{Preset: id, From: "pod/default/netshoot-1", To: "pod/default/netshoot-3", Protocol: "tcp", Port: compile.DefaultPort}}
		for _, o := range compile.Options(c) {
			p.Options = append(p.Options, server.Option{Key: o.Key, Values: o.Values, Default: o.Default})
		}
		out = append(out, p)
	}
	return out
}

// Places implements server.Engine.
func (e *engine) Places(_ context.Context, preset string, options map[string]string) ([]server.Place, error) {
	c, err := e.cache.Preset(preset, options)
	if err != nil {
		if c, err = e.cache.Preset(preset, nil); err != nil {
			return nil, field(err)
		}
	}
	var out []server.Place
	for _, p := range c.Places {
		out = append(out, server.Place{Name: p.Name, Label: p.Label, Detail: p.Address.String(), Kind: server.PlaceKind(p.Kind), Node: p.Node})
	}
	return out, nil
}

// Trace implements server.Engine.
func (e *engine) Trace(_ context.Context, q server.Query) (*topology.Topology, *trace.Document, error) {
	c, err := e.cache.Preset(q.Preset, q.Options, q.From, q.To)
	if err != nil {
		bare, bareErr := e.cache.Preset(q.Preset, nil)
		if bareErr != nil {
			return nil, nil, field(err)
		}
		return bare.Topology, nil, field(err)
	}
	if q.CNI != "" && q.CNI != c.Cluster.CNI.Name {
		return c.Topology, nil, &server.FieldError{Field: "cni", Code: "bad-option", Args: map[string]string{"key": "cni", "value": q.CNI, "values": c.Cluster.CNI.Name}}
	}
	t, err := c.Trace(&compile.Request{From: q.From, To: q.To, Protocol: q.Protocol, SrcPort: q.SourcePort, DstPort: q.Port, TTL: q.TTL, Payload: q.Payload, Options: q.Options})
	if err != nil {
		return c.Topology, nil, field(err)
	}
	return c.Topology, t.Document(), nil
}

// field turns a wrong choice into the server's form of it.
func field(err error) error {
	var f *compile.FieldError
	if errors.As(err, &f) {
		return &server.FieldError{Field: f.Field, Code: f.Code, Args: f.Args}
	}
	return err
}
