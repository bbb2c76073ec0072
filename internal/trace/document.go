package trace

import "slices"

// Document is a trace as data: the one schema of the command line's --output json, the HTTP API, frozen links and the
// pages. It is made from a [Trace] when someone asks; the walk itself never builds it. Version changes when a reader of
// the old form would misread the new one; additions do not change it.
type Document struct {
	Version     int               `json:"version"`
	Engine      string            `json:"engine"`
	Query       QueryDocument     `json:"query"`
	Outcome     Outcome           `json:"outcome"`
	Reason      *ReasonDocument   `json:"reason"`
	Assumptions []ReasonDocument  `json:"assumptions"`
	Legs        []LegDocument     `json:"legs"`
	Packets     []PacketDocument  `json:"packets"`
	Conntrack   []ConnDocument    `json:"conntrack"`
	Choices     []ChoiceDocument  `json:"choices"`
	Stations    []StationDocument `json:"stations"`
}

// Outcome is how a packet's way, or the whole trace, ended.
type Outcome string

// The outcomes.
const (
	Delivered Outcome = "delivered"
	Dropped   Outcome = "dropped"
	Rejected  Outcome = "rejected"
	// Undetermined: the model was not given what the next step needs, or does not understand it.
	Undetermined Outcome = "unknown"
)

// QueryDocument is what was asked, with every default filled in.
type QueryDocument struct {
	Source          string            `json:"source"`
	Destination     string            `json:"destination"`
	Protocol        string            `json:"protocol"`
	SourcePort      int               `json:"sourcePort,omitempty"`
	DestinationPort int               `json:"destinationPort,omitempty"`
	TTL             int               `json:"ttl"`
	Size            int               `json:"size"` // the first packet's IP length in bytes
	DontFragment    bool              `json:"dontFragment"`
	Options         map[string]string `json:"options,omitempty"`
	Choices         map[string]string `json:"choices,omitempty"`
}

// ReasonDocument is a code from the closed set in codes.go, with arguments. Sentences are looked up per language.
type ReasonDocument struct {
	Code string            `json:"code"`
	Args map[string]string `json:"args,omitempty"`
	// Would is what would have to change for the packet to go on, again by code.
	Would *ReasonDocument `json:"would,omitempty"`
}

// LegDocument is one packet's way from its sender to where it ended.
type LegDocument struct {
	Kind    string        `json:"kind"`  // request, reply, icmp-error, proxied
	Label   string        `json:"label"` // SYN, SYN-ACK, UDP, ICMP …
	Outcome Outcome       `json:"outcome"`
	Hops    []HopDocument `json:"hops"`
}

// HopDocument is one visit to one namespace (or fabric device): in by one interface, out by another. In and Out are
// null where the hop begins or ends the leg.
type HopDocument struct {
	Namespace string `json:"namespace"`
	Kind      string `json:"kind"` // pod, node, router, switch, gateway, load-balancer, external
	// Device is what stands here where it is no Linux but a fabric's: router, internet-gateway, nat-gateway, load-balancer, or
	// host for a machine outside. "" where a kernel is modelled.
	Device string         `json:"device,omitempty"`
	Visit  int            `json:"visit"`
	In     *string        `json:"in"`
	Out    *string        `json:"out"`
	Steps  []StepDocument `json:"steps"`
	// Latency is what the hop costs in time, where someone has added it up (internal/latency); the walk does not.
	Latency *LatencyDocument `json:"latency,omitempty"`
}

// The devices of a fabric, as [HopDocument].Device has them.
const (
	DeviceRouter          = "router"
	DeviceInternetGateway = "internet-gateway"
	DeviceNATGateway      = "nat-gateway"
	DeviceLoadBalancer    = "load-balancer"
	DeviceHost            = "host"
)

// LatencyDocument is a time in nanoseconds with the range that it may lie in, what it rests on (measured-here, measured,
// published, estimate) and the code of its source.
type LatencyDocument struct {
	NS     int64  `json:"ns"`
	Low    int64  `json:"low"`
	High   int64  `json:"high"`
	Basis  string `json:"basis"`
	Source string `json:"source"`
}

// StepDocument is one decision.
type StepDocument struct {
	Stage   string            `json:"stage"`
	Hook    string            `json:"hook,omitempty"`
	Family  string            `json:"family,omitempty"`
	Table   string            `json:"table,omitempty"`
	Chain   string            `json:"chain,omitempty"`
	Rule    int               `json:"rule,omitempty"`
	Text    string            `json:"text,omitempty"` // verbatim: the rule, route or neighbour line as the kernel's tool prints it
	Verdict string            `json:"verdict"`
	Target  string            `json:"target,omitempty"`
	Passed  int               `json:"passed,omitempty"`
	Misses  []MissDocument    `json:"misses,omitempty"`
	Code    string            `json:"code"`
	Args    map[string]string `json:"args,omitempty"`
	Would   *ReasonDocument   `json:"would,omitempty"`
	Changes []Change          `json:"changes,omitempty"`
	Packet  int               `json:"packet"` // index into packets: the packet after this step
	// Interface is where the step happens, for the stages that are at an interface (receive, transmit, bridge).
	Interface string `json:"interface,omitempty"`
	// Because are the steps that this one follows from: the rule that set up the mapping that is applied or undone here; the
	// rule that set the mark which a rule here asks for, and the rule that led to it.
	Because []CauseDocument `json:"because,omitempty"`
	// Evidence are further verbatim lines in evaluation order: the rules or routes passed over before the deciding one.
	Evidence []EvidenceDocument `json:"evidence,omitempty"`
}

// CauseDocument names another step of the trace and repeats its text.
type CauseDocument struct {
	Kind    string `json:"kind"` // mapping, mark, jump
	Leg     int    `json:"leg"`
	Hop     int    `json:"hop"`
	Step    int    `json:"step"`    // index into the hop's steps
	Station string `json:"station"` // the station that it is in
	Text    string `json:"text"`
}

// MissDocument is a rule that was tried and did not match, with its first failing match.
type MissDocument struct {
	Rule int               `json:"rule"`
	Text string            `json:"text"`
	Code string            `json:"code"`
	Args map[string]string `json:"args,omitempty"`
}

// EvidenceDocument is one line of kernel output that was looked at: an `ip rule` that did not apply, a route that lost.
type EvidenceDocument struct {
	Text    string `json:"text"`
	Verdict string `json:"verdict"` // miss, match, lost
	Code    string `json:"code,omitempty"`
}

// Change is a header field or mark that a step changed: ip.src, ip.dst, ip.ttl, tcp.srcPort, eth.src, mark, ctmark …
type Change struct {
	Field  string `json:"field"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// PacketDocument is one packet at one moment: its layers, outermost first, its bytes, and the marks beside it.
type PacketDocument struct {
	Layers []LayerDocument `json:"layers"`
	Bytes  string          `json:"bytes"` // base64 of the frame
	Mark   uint32          `json:"mark"`
	CTMark uint32          `json:"ctmark"`
}

// Wrapped says whether a packet has a tunnel's outer headers.
func (p *PacketDocument) Wrapped() bool {
	return slices.ContainsFunc(p.Layers, func(l LayerDocument) bool { return l.Outer })
}

// LayerDocument is one header: type Ethernet, IPv4, TCP, UDP, ICMP, VXLAN or Payload, its length in bytes, and its
// fields in the header's order.
type LayerDocument struct {
	Type   string          `json:"type"`
	Length int             `json:"length"`
	Outer  bool            `json:"outer,omitempty"` // belongs to a tunnel's outer headers
	Fields []FieldDocument `json:"fields,omitempty"`
}

// FieldDocument is one header field as text.
type FieldDocument struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// ConnDocument is one conntrack entry as it stands after the trace.
type ConnDocument struct {
	Namespace string `json:"namespace"`
	Protocol  string `json:"protocol"`
	Original  string `json:"original"`
	Reply     string `json:"reply"`
	NAT       string `json:"nat,omitempty"` // src, dst, or both
	Mark      uint32 `json:"mark"`
	Unreplied bool   `json:"unreplied,omitempty"`
	Assured   bool   `json:"assured,omitempty"`
}

// ChoiceDocument is a place where chance decides on a real node: every option with its probability, and the one taken.
type ChoiceDocument struct {
	ID      string           `json:"id"`
	Kind    string           `json:"kind"` // statistic, numgen, recent, ecmp, flow-hash, dns
	Chosen  string           `json:"chosen"`
	Options []OptionDocument `json:"options"`
}

// OptionDocument is one way a choice can go.
type OptionDocument struct {
	Value       string  `json:"value"`
	Label       string  `json:"label,omitempty"` // where it leads: an endpoint's address and port
	Probability float64 `json:"probability"`     // 0 where nobody knows it: of kind recent
}

// StationDocument is what pages, links and lessons name: consecutive steps of one stage and hook in one hop, drawn as
// one stop. ID is `leg/namespace/visit/stage` ("request/n1/1/nat-POSTROUTING"), never an ordinal.
type StationDocument struct {
	ID        string `json:"id"`
	Leg       int    `json:"leg"`
	Hop       int    `json:"hop"`
	First     int    `json:"first"` // indexes into the hop's steps, inclusive
	Last      int    `json:"last"`
	Decisive  int    `json:"decisive"`  // the step whose sentence stands for the station
	Namespace string `json:"namespace"` // the hop's
	Kind      string `json:"kind"`      // send, receive, PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING, route, transmit, bridge, switch, decap, encap, fabric, deliver, drop, reject
	Interface string `json:"interface,omitempty"`
}

// ChoiceTo finds the choice with an option that leads to an endpoint, by the option's label.
func (d *Document) ChoiceTo(label string) (id, value string, ok bool) {
	for _, c := range d.Choices {
		for _, o := range c.Options {
			if o.Label == label {
				return c.ID, o.Value, true
			}
		}
	}
	return "", "", false
}
