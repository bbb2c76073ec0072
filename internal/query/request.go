// Package query is a question as people ask it, on the command line or in a URL: places by name, ports, protocol. It
// resolves the names in a compiled cluster and has the packet traced.
package query

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/latency"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// Request is a query as the command line and the URL give it. Zero numbers are defaults.
type Request struct {
	From, To         string
	Protocol         string
	SrcPort, DstPort int
	PortName         string // the destination port by a Service's name for it, in place of DstPort
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
	if src.Name == "" || !src.Sends() {
		return q, &compile.FieldError{Field: "from", Code: "not-source", Args: map[string]string{"value": r.From, "want": names(senders(places))}}
	}
	dst, err := find(places, "to", r.To)
	if err != nil {
		return q, err
	}
	if src.Name == dst.Name && src.Kind != topology.Node { // a node may ask itself: by a node port that is answered elsewhere
		return q, &compile.FieldError{Field: "to", Code: "same-place", Args: map[string]string{"value": r.To}}
	}
	q.From, q.To = src.Name, dst.Address
	if src.Kind == topology.Node {
		q.From = src.Node
	}
	if src.Kind == topology.External && dst.Public.IsValid() && dst.Name == r.To {
		q.To = dst.Public
	}
	if err := r.resolve(&dst, &q); err != nil {
		return q, err
	}
	return q, r.numbers(&q, dst.Ports)
}

// resolve is what DNS does: of several addresses that a name stands for, a client gets one.
func (r *Request) resolve(dst *compile.Place, q *trace.Query) error {
	if dst.Why != "" {
		return &compile.FieldError{Field: "to", Code: "no-address-" + dst.Why, Args: map[string]string{"value": dst.Name}}
	}
	if len(dst.Addresses) < 2 {
		return nil
	}
	c := trace.Choice{ID: "dns " + dst.Name, Kind: "dns"}
	for _, a := range dst.Addresses {
		c.Options = append(c.Options, trace.Option{Value: a.Name, Label: a.Address.String(), Probability: 1 / float64(len(dst.Addresses))})
	}
	at, err := c.Take(r.Choices)
	if err != nil {
		return ChoiceError(err)
	}
	c.Chosen, q.To = c.Options[at].Value, dst.Addresses[at].Address
	if ports := dst.Addresses[at].Ports; ports != nil {
		dst.Ports = ports
	}
	q.Drawn = append(q.Drawn, c)
	return nil
}

// ChoiceError is a choice that cannot be made, as a wrong field; any other error as it is.
func ChoiceError(err error) error {
	var c *trace.ChoiceError
	if !errors.As(err, &c) {
		return err
	}
	return &compile.FieldError{Field: "choice", Code: "unknown-choice", Args: map[string]string{"id": c.ID, "value": c.Value, "want": strings.Join(c.Options, ", ")}}
}

// senders are the places that have a socket.
func senders(places []compile.Place) []compile.Place {
	return slices.DeleteFunc(slices.Clone(places), func(p compile.Place) bool { return !p.Sends() })
}

// numbers fills in protocol and ports: where the destination is a Service, its first port stands for one that is not given,
// and brings its protocol with it.
func (r *Request) numbers(q *trace.Query, ports []topology.ServicePort) error {
	name := r.Protocol
	if name == "" {
		name = "tcp"
		if len(ports) > 0 && r.DstPort == 0 && r.PortName == "" {
			name = ports[0].Protocol.String()
		}
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
	if p == packet.ICMP {
		return nil
	}
	if r.PortName != "" {
		q.DstPort = portNamed(ports, r.PortName, p)
		if q.DstPort == 0 {
			return &compile.FieldError{Field: "dport", Code: "unknown-port", Args: map[string]string{"value": r.PortName, "want": portNames(ports)}}
		}
	}
	if q.DstPort == 0 {
		q.DstPort = defaultPort(ports, p)
	}
	return nil
}

func portNamed(ports []topology.ServicePort, name string, p packet.Protocol) uint16 {
	for _, x := range ports {
		if x.Name == name && x.Protocol == p {
			return x.Port
		}
	}
	return 0
}

// portNames lists a Service's ports as one would give them.
func portNames(ports []topology.ServicePort) string {
	var out []string
	for _, x := range ports {
		if x.Name != "" {
			out = append(out, x.Name+" ("+x.Protocol.String()+")")
		}
	}
	return strings.Join(append(out, "1 to 65535"), ", ")
}

// defaultPort is the first port of the protocol, else the first.
func defaultPort(ports []topology.ServicePort, p packet.Protocol) uint16 {
	for _, x := range ports {
		if x.Protocol == p {
			return x.Port
		}
	}
	if len(ports) > 0 {
		return ports[0].Port
	}
	return DefaultPort
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
			p.Addresses = nil // whoever names one address of several does not ask DNS
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
	t, err := trace.Run(c.Topology, q)
	return t, ChoiceError(err)
}

// runners are reused by requests that need a trace only until it is rendered.
var runners = sync.Pool{New: func() any { return new(trace.Runner) }}

// Document runs a request and renders its trace, with what each hop costs.
func (r *Request) Document(c *compile.Compiled) (*trace.Document, error) {
	q, err := r.Query(c.Places)
	if err != nil {
		return nil, err
	}
	run := runners.Get().(*trace.Runner)
	defer runners.Put(run)
	t, err := run.Run(c.Topology, q)
	if err != nil {
		return nil, ChoiceError(err)
	}
	d := t.Document()
	latency.Annotate(d, latency.Of(t, d, latency.Default()))
	return d, nil
}
