package compile

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// Place is where a trace can start or end.
type Place struct {
	Name    string // pod/default/web-0, node/node-a, internet
	Label   string
	Address netip.Addr
	Node    string
	Kind    topology.Kind
}

// Places are those of a cluster: pods, nodes, hosts, each in the description's order.
func Places(c *cluster.Cluster) []Place {
	var out []Place
	for _, n := range c.Nodes {
		for _, p := range c.PodsOn(n.Name) {
			out = append(out, Place{p.Key(), p.Name, p.Address, p.Node, topology.Pod})
		}
	}
	for _, n := range c.Nodes {
		out = append(out, Place{n.Key(), n.Name, n.ENIs[0].Address, n.Name, topology.Node})
	}
	for _, h := range c.Hosts {
		out = append(out, Place{h.Name, h.Name, h.Address, "", topology.External})
	}
	return out
}

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

// Apply sets all options of a request, by key, so that the result does not depend on a map's order.
func Apply(c *cluster.Cluster, options map[string]string) error {
	for _, o := range Options(c) { // in the page's order: some build on others
		for _, k := range slices.Sorted(maps.Keys(options)) {
			if strings.EqualFold(k, o.Key) || k == o.Env && k != "" {
				if err := Set(c, k, options[k]); err != nil {
					return err
				}
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(options)) {
		if !slices.ContainsFunc(Options(c), func(o Option) bool { return strings.EqualFold(k, o.Key) || k == o.Env }) {
			return Set(c, k, options[k])
		}
	}
	return nil
}

// Query resolves a request's names in a topology's cluster. The error is a [*FieldError].
func (r *Request) Query(places []Place) (trace.Query, error) {
	q := trace.Query{SourceName: r.From, DestinationName: r.To, DF: !r.NoDF, Payload: r.Payload, Exchange: r.Exchange, Options: r.Options, Choices: r.Choices}
	src, err := find(places, "from", r.From)
	if err != nil {
		return q, err
	}
	if src.Name == "" {
		return q, &FieldError{Field: "from", Code: "not-source", Args: map[string]string{"value": r.From, "want": names(places)}}
	}
	dst, err := find(places, "to", r.To)
	if err != nil {
		return q, err
	}
	if src.Name == dst.Name && src.Address == dst.Address {
		return q, &FieldError{Field: "to", Code: "same-place", Args: map[string]string{"value": r.To}}
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
		return &FieldError{Field: "proto", Code: "bad-protocol", Args: map[string]string{"value": name, "want": "tcp, udp, icmp"}}
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
			return &FieldError{Field: x.field, Code: "bad-number", Args: map[string]string{"value": strconv.Itoa(x.n), "min": strconv.Itoa(x.min), "max": strconv.Itoa(x.max),
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
func find(places []Place, field, name string) (Place, error) {
	if name == "" {
		return Place{}, &FieldError{Field: field, Code: "missing", Args: map[string]string{"want": names(places)}}
	}
	for _, p := range places {
		if p.Name == name || p.Kind == topology.Node && p.Label == name {
			return p, nil
		}
	}
	a, err := netip.ParseAddr(name)
	if err != nil || !a.Is4() {
		return Place{}, &FieldError{Field: field, Code: "unknown-place", Args: map[string]string{"value": name, "want": names(places) + ", or an IPv4 address"}}
	}
	for _, p := range places {
		if p.Address == a {
			return p, nil
		}
	}
	return Place{Address: a}, nil
}

func names(places []Place) string {
	var out []string
	for _, p := range places {
		out = append(out, p.Name)
	}
	return strings.Join(out, ", ")
}
