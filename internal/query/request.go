// Package query is a question as people ask it, on the command line or in a URL: places by name, ports, protocol. It
// resolves the names in a compiled cluster and has the packet traced.
package query

import (
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// Request is a query as the command line and the URL give it. Zero numbers are defaults.
type Request struct {
	From, To         string
	Protocol         string
	SrcPort, DstPort int
	TTL, Payload     int
	NoDF             bool
	Exchange         bool
	Options          map[string]string
	Choices          map[string]string
}

// DefaultPort is the destination port where a request names none.
const DefaultPort = 8080

// Query resolves a request's names in a topology's cluster. The error is a [*compile.FieldError].
func (r *Request) Query(places []compile.Place) (trace.Query, error) {
	q := trace.Query{SourceName: r.From, DestinationName: r.To, DF: !r.NoDF, Payload: r.Payload, Exchange: r.Exchange, Options: r.Options, Choices: r.Choices}
	src, err := find(places, "from", r.From)
	if err != nil {
		return q, err
	}
	if src.Name == "" {
		return q, &compile.FieldError{Field: "from", Code: "not-source", Args: map[string]string{"value": r.From, "want": names(places)}}
	}
	dst, err := find(places, "to", r.To)
	if err != nil {
		return q, err
	}
	if src.Name == dst.Name && src.Address == dst.Address {
		return q, &compile.FieldError{Field: "to", Code: "same-place", Args: map[string]string{"value": r.To}}
	}
	q.From, q.To = src.Name, dst.Address
	if src.Kind == topology.Node {
		q.From = src.Node
	}
	return q, r.numbers(&q)
}

// numbers fills in protocol and ports.
func (r *Request) numbers(q *trace.Query) error {
	name := r.Protocol
	if name == "" {
		name = "tcp"
	}
	p, err := packet.ParseProtocol(name)
	if err != nil || p != packet.TCP && p != packet.UDP && p != packet.ICMP {
		return &compile.FieldError{Field: "proto", Code: "bad-protocol", Args: map[string]string{"value": name, "want": "tcp, udp, icmp"}}
	}
	q.Protocol = p
	for _, x := range []struct {
		field    string
		n        int
		min, max int
		set      func(int)
	}{
		{"sport", r.SrcPort, 1, 65535, func(n int) { q.SrcPort = uint16(n) }},
		{"dport", r.DstPort, 1, 65535, func(n int) { q.DstPort = uint16(n) }},
		{"ttl", r.TTL, 1, 255, func(n int) { q.TTL = uint8(n) }},
		{"payload", r.Payload, 0, 65000, func(n int) { q.Payload = n }},
	} {
		if x.n == 0 {
			continue
		}
		if x.n < x.min || x.n > x.max {
			return &compile.FieldError{Field: x.field, Code: "bad-number", Args: map[string]string{"value": strconv.Itoa(x.n), "min": strconv.Itoa(x.min), "max": strconv.Itoa(x.max),
				"want": strconv.Itoa(x.min) + " to " + strconv.Itoa(x.max)}}
		}
		x.set(x.n)
	}
	if q.DstPort == 0 && p != packet.ICMP {
		q.DstPort = DefaultPort
	}
	return nil
}

// find resolves a place's name, or an address. An address that is nobody's has no name.
func find(places []compile.Place, field, name string) (compile.Place, error) {
	if name == "" {
		return compile.Place{}, &compile.FieldError{Field: field, Code: "missing", Args: map[string]string{"want": names(places)}}
	}
	for _, p := range places {
		if p.Name == name || p.Kind == topology.Node && p.Label == name {
			return p, nil
		}
	}
	a, err := netip.ParseAddr(name)
	if err != nil || !a.Is4() {
		return compile.Place{}, &compile.FieldError{Field: field, Code: "unknown-place", Args: map[string]string{"value": name, "want": names(places) + ", or an IPv4 address"}}
	}
	for _, p := range places {
		if p.Address == a {
			return p, nil
		}
	}
	return compile.Place{Address: a}, nil
}

func names(places []compile.Place) string {
	var out []string
	for _, p := range places {
		out = append(out, p.Name)
	}
	return strings.Join(out, ", ")
}

// Trace runs a request in a compiled cluster.
func (r *Request) Trace(c *compile.Compiled) (*trace.Trace, error) {
	q, err := r.Query(c.Places)
	if err != nil {
		return nil, err
	}
	return trace.Run(c.Topology, q)
}

// runners are reused by requests that need a trace only until it is rendered.
var runners = sync.Pool{New: func() any { return new(trace.Runner) }}

// Document runs a request and renders its trace.
func (r *Request) Document(c *compile.Compiled) (*trace.Document, error) {
	q, err := r.Query(c.Places)
	if err != nil {
		return nil, err
	}
	run := runners.Get().(*trace.Runner)
	defer runners.Put(run)
	t, err := run.Run(c.Topology, q)
	if err != nil {
		return nil, err
	}
	return t.Document(), nil
}
