package compare

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/latency"
)

// Figure is a row of the summary table: a code for its title (web/locales, [compare-figure]) and a value a column. Where
// Words is set the values are codes too ([compare-word]); else they are numbers with their units, the same in every language.
type Figure struct {
	Code    string   `json:"code"`
	Values  []string `json:"values"` // "" where a column has none
	Words   bool     `json:"words,omitempty"`
	Differs []bool   `json:"differs"` // from the first column
}

// FigureCodes are the titles of the summary table, in its order.
var FigureCodes = []string{"outcome", "stations", "steps", "rules", "extra", "pod-mtu", "wire-mtu", "goodput", "seen", "lookups", "conntrack", "per-pod", "cpu",
	"tunnel", "network"}

// Words are the values that are codes.
var Words = []string{"delivered", "dropped", "rejected", "unknown", "pod", "node", "external", "load-balancer", "gateway"}

// Figures is the summary as a table.
func (c *Comparison) Figures() []Figure {
	out := []Figure{}
	for _, code := range FigureCodes {
		f := Figure{Code: code, Words: code == "outcome" || code == "seen"}
		any := false
		for i := range c.Columns {
			v := figure(code, &c.Columns[i].Summary)
			any = any || v != ""
			f.Values = append(f.Values, v)
			f.Differs = append(f.Differs, v != f.Values[0])
		}
		if any {
			out = append(out, f)
		}
	}
	return out
}

func figure(code string, s *Summary) string {
	switch code {
	case "outcome":
		return string(s.Outcome)
	case "stations":
		return strconv.Itoa(s.Request.Stations)
	case "steps":
		return strconv.Itoa(s.Request.Steps)
	case "rules":
		return strconv.Itoa(s.Request.Rules)
	case "lookups":
		return perNode(s, func(n *Node) int { return n.RouteLookups })
	case "conntrack":
		return perNode(s, func(n *Node) int { return n.Conntrack })
	case "pod-mtu":
		if s.PodMTU > 0 {
			return strconv.Itoa(s.PodMTU)
		}
	case "goodput":
		if g := s.Goodput; g != nil {
			return fmt.Sprintf("%.1f %% (%d/%d)", 100*g.Ratio, g.Payload, g.Frame)
		}
	case "per-pod":
		if s.AddressesPerPod != nil {
			return strconv.Itoa(*s.AddressesPerPod)
		}
	case "cpu":
		return Range(s.Latency.RoundTrip.CPU)
	case "network":
		return Range(s.Latency.RoundTrip.Network)
	case "tunnel":
		return Range(s.Latency.Tunnel)
	}
	if s.Wire == nil {
		return ""
	}
	switch code {
	case "extra":
		return fmt.Sprintf("%d B", s.Wire.Extra)
	case "wire-mtu":
		return strconv.Itoa(s.Wire.MTU)
	case "seen":
		return s.Wire.SrcOf
	}
	return ""
}

// perNode writes a figure of each node in the request's order: 2 + 2.
func perNode(s *Summary, of func(*Node) int) string {
	var out []string
	for i := range s.Nodes {
		out = append(out, strconv.Itoa(of(&s.Nodes[i])))
	}
	return strings.Join(out, " + ")
}

// Range writes a cost in microseconds with its range: 27 µs (19–42). A cost of nothing is "".
func Range(c latency.Cost) string {
	if c.Zero() {
		return ""
	}
	s := latency.Micros(c.NS) + " µs"
	if c.Low != c.High {
		s += " (" + latency.Micros(c.Low) + "–" + latency.Micros(c.High) + ")"
	}
	return s
}
