package checked

import (
	"cmp"
	"maps"
	"strings"
)

// Find is the network of a preset with options; nil if it was not checked. An option with its default value counts as not
// set, there and in the results.
func (r *Results) Find(preset string, options, defaults map[string]string) *Network {
	if r == nil {
		return nil
	}
	want := set(options, defaults)
	for i := range r.Networks {
		if n := &r.Networks[i]; n.Preset == preset && maps.Equal(set(n.Options, defaults), want) {
			return n
		}
	}
	return nil
}

// set are the options that change something. Keys are the same in any case, as a query takes them.
func set(options, defaults map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range options {
		if k, v = strings.ToLower(k), strings.TrimSpace(v); v != defaults[k] {
			out[k] = v
		}
	}
	return out
}

// A trace's defaults (trace.Query).
const (
	defaultTTL        = 64
	defaultSourcePort = 40000
)

// Flow finds a flow by what was sent: what came of it does not count. Of several the first that was compared is taken.
func (n *Network) Flow(sent Flow) *Flow {
	var found *Flow
	for i := range n.Flows {
		if f := &n.Flows[i]; f.same(&sent) && (found == nil || !found.Compared() && f.Compared()) {
			found = f
		}
	}
	return found
}

// same says whether g sends the packet of f, and chance drew the same for it. Where the kernel was not asked, nothing was drawn.
func (f *Flow) same(g *Flow) bool {
	if f.Compared() && !maps.Equal(f.Choices, g.Choices) {
		return false
	}
	if f.From != g.From || f.To != g.To || f.Protocol != g.Protocol || f.NoDF != g.NoDF || cmp.Or(f.TTL, defaultTTL) != cmp.Or(g.TTL, defaultTTL) {
		return false
	}
	switch f.Protocol {
	case "icmp":
		return f.Payload == g.Payload
	case "tcp": // a trace shows SYN and SYN-ACK, which carry no data
	default:
		if f.Payload != g.Payload {
			return false
		}
	}
	return f.Port == g.Port && cmp.Or(f.SourcePort, defaultSourcePort) == cmp.Or(g.SourcePort, defaultSourcePort)
}
