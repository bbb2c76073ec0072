// Package server is the web server: routes, handlers and what stands around them. It knows how to ask for a trace and
// how to show one; how a trace is made is behind [Engine].
//
//	s, err := server.New(server.Config{Engine: engine, Log: slog.Default()})
//	http.ListenAndServe(addr, s.Handler())
package server

import (
	"context"
	"fmt"
	"maps"

	"github.com/podpath/podpath/internal/share"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// Engine makes traces. Its methods are called by many requests at the same time.
type Engine interface {
	// Presets are the clusters that there are, the default first.
	Presets() []Preset
	// Options are the switches of a preset under what is set already: another network plugin has others. Settings that do not fit
	// are ignored.
	Options(preset string, options map[string]string) []Option
	// Places are what a trace in a preset can start from and go to, in the order of a list. Options may add or remove
	// some; unknown ones are ignored.
	Places(ctx context.Context, preset string, options map[string]string) ([]Place, error)
	// Trace walks a packet. What is wrong with the query is a [*FieldError]; the topology may be given all the same, so
	// that the page can show the cluster beside the message.
	Trace(ctx context.Context, q Query) (*topology.Topology, *trace.Document, error)
	// Run is Trace with the walk itself, for pages that count in it.
	Run(ctx context.Context, q Query) (*topology.Topology, *trace.Trace, *trace.Document, error)
	// Own is the engine with one preset more, OwnPreset, first: the network that an input describes. It is for one request. What
	// is wrong with the input is a [*FieldError] of the field "input".
	Own(ctx context.Context, in *share.Input) (Engine, error)
	// Topology is a preset's network with options, for pages that show it without a packet.
	Topology(ctx context.Context, preset string, options map[string]string) (*topology.Topology, error)
}

// OwnPreset is the preset that stands for the asker's own network, which comes with the request.
const OwnPreset = "own"

// Preset is a cluster that comes with podpath. Its name on the page is the sentence `preset.<ID>`.
type Preset struct {
	ID string
	// From, To and so on are the trace that the page starts with.
	Start Query
}

// CNIKey is the option that is the network plugin. In a URL it is a parameter of its own, cni=…; its values are called
// `cni.<value>`.
const CNIKey = "cni"

// Option is a switch of the cluster. Its name on the page is the sentence `option.<Key>`, or the key itself.
type Option struct {
	Key     string
	Values  []string // what it takes; nil: any text
	Default string   // the value without a setting
	Own     string   // of the network plugin: the preset's own
	Beside  []string // of the network plugin: those that a comparison begins with
}

// Place is where a trace can start or end, named as architecture.md names places: pod/<namespace>/<name>, node/<name>,
// internet.
type Place struct {
	Name    string
	Label   string // as the list shows it: web-0
	Detail  string // beside it: its address
	Kind    PlaceKind
	Node    string // a pod's
	NoStart bool   // nothing can be sent from it
	Ports   []Port // a Service's
}

// Port is a port of a Service.
type Port struct {
	Name, Protocol string
	Number         int
}

// PlaceKind groups places in a list.
type PlaceKind string

// The kinds of place.
const (
	PodPlace     PlaceKind = "pod"
	NodePlace    PlaceKind = "node"
	ServicePlace PlaceKind = "service"
	// BalancerPlace is a load balancer by its name.
	BalancerPlace PlaceKind = "load-balancer"
	OutsidePlace  PlaceKind = "external"
)

// Query is what to trace. Zero numbers are the engine's defaults.
type Query struct {
	Preset     string
	From, To   string
	Protocol   string // tcp, udp, icmp
	Port       int
	PortName   string // the destination port by a Service's name for it, in place of Port
	SourcePort int
	TTL        int
	Payload    int
	CNI        string // "": the preset's own
	Options    map[string]string
	Choices    map[string]string // where chance decides: the choice's ID to the option
}

// Settings are the options with the network plugin among them, as an engine takes them.
func (q *Query) Settings() map[string]string {
	if q.CNI == "" {
		return q.Options
	}
	out := maps.Clone(q.Options)
	if out == nil {
		out = map[string]string{}
	}
	out[CNIKey] = q.CNI
	return out
}

// FieldError is something wrong with one parameter of a query. Code is the sentence `field.<Code>` of the catalogue.
type FieldError struct {
	Field string // the URL's parameter: from, to, proto, dport, sport, ttl, payload, preset, cni, choice, or an option's key
	Code  string
	Args  map[string]string
}

// Error gives the field and code; pages show the sentence instead.
func (e *FieldError) Error() string {
	return fmt.Sprintf("%s: %s %v", e.Field, e.Code, e.Args)
}
