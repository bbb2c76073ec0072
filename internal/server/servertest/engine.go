// Package servertest is an engine of hand-composed traces, so that pages can be tested without the real one.
package servertest

import (
	"context"

	"github.com/podpath/podpath/internal/diagram/diagramtest"
	"github.com/podpath/podpath/internal/server"
	"github.com/podpath/podpath/internal/share"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// Engine answers from the hand-composed scenarios.
type Engine struct{}

// Presets are a public and a private cluster.
func (Engine) Presets() []server.Preset {
	start := server.Query{From: "pod/default/web-7c9f5", To: "pod/default/api-5d4b8", Protocol: "tcp", Port: 8080}
	return []server.Preset{{ID: "eks-study", Start: start}, {ID: "eks-private", Start: start}}
}

// Options are a few of the AWS VPC CNI's.
func (Engine) Options(string, map[string]string) []server.Option {
	return []server.Option{{Key: "externalsnat", Values: []string{"false", "true"}, Default: "false"}, {Key: "excludesnatcidrs"}}
}

// Places are those that a scenario leads to.
func (Engine) Places(context.Context, string, map[string]string) ([]server.Place, error) {
	return []server.Place{
		{Name: "pod/default/web-7c9f5", Label: "web-7c9f5", Detail: "192.168.1.143", Kind: server.PodPlace, Node: "node-a"},
		{Name: "pod/default/coredns-6b9d", Label: "coredns-6b9d", Detail: "192.168.1.52", Kind: server.PodPlace, Node: "node-a"},
		{Name: "pod/default/api-5d4b8", Label: "api-5d4b8", Detail: "192.168.2.57", Kind: server.PodPlace, Node: "node-b"},
		{Name: "node/node-a", Label: "node-a", Detail: "192.168.1.10", Kind: server.NodePlace},
		{Name: "internet", Label: "internet", Detail: "203.0.113.80", Kind: server.OutsidePlace},
	}, nil
}

// Topology is the cluster that the scenarios run in.
func (Engine) Topology(_ context.Context, preset string, _ map[string]string) (*topology.Topology, error) {
	return diagramtest.Topology(preset == "eks-private"), nil
}

// Trace gives the scenario of the two places.
func (Engine) Trace(_ context.Context, q server.Query) (*topology.Topology, *trace.Document, error) {
	private := q.Preset == "eks-private"
	if q.From == "node/node-a" && q.To == "pod/default/web-7c9f5" {
		return diagramtest.Topology(private), diagramtest.NodeToPod(), nil
	}
	if q.From != "pod/default/web-7c9f5" {
		return diagramtest.Topology(private), nil, &server.FieldError{Field: "from", Code: "unknown-place", Args: map[string]string{"value": q.From}}
	}
	docs := map[string]func() *trace.Document{
		"pod/default/api-5d4b8": diagramtest.PodToPod, "pod/default/coredns-6b9d": diagramtest.SameNode, "node/node-a": diagramtest.OwnNode, "10.100.171.8": diagramtest.Refused, "10.9.9.9": diagramtest.Unknown,
		"internet": func() *trace.Document { return diagramtest.PodToInternet(private) },
	}
	if f := docs[q.To]; f != nil {
		return diagramtest.Topology(private), f(), nil
	}
	return diagramtest.Topology(private), nil, &server.FieldError{Field: "to", Code: "unknown-place", Args: map[string]string{"value": q.To}}
}

// Run has no walk to give: scenarios are composed by hand.
func (e Engine) Run(ctx context.Context, q server.Query) (*topology.Topology, *trace.Trace, *trace.Document, error) {
	topo, doc, err := e.Trace(ctx, q)
	return topo, &trace.Trace{Query: &trace.Query{}, Topology: topo}, doc, err
}

// Own has no network but its own.
func (e Engine) Own(context.Context, *share.Input) (server.Engine, error) { return e, nil }
