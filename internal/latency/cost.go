// Package latency says what a packet's way costs in time: per step and per hop, as a range with what it rests on.
//
//	doc := t.Document()
//	r := latency.Of(t, doc, latency.Default())
//	r.RoundTrip.CPU       // what kernels work, there and back
//	r.RoundTrip.Network   // what the network between takes
//
// Nothing here was measured on the network that is traced. The figures are those of shared/facts/underlay.md, section 5:
// measured on one small machine (5a), published by others (5b), or estimates (5c), and each cost says which.
package latency

// Basis says what a figure rests on.
type Basis string

// The bases, the firmest first.
const (
	MeasuredHere Basis = "measured-here" // on the user's own machine
	Measured     Basis = "measured"      // by podpath's makers, on one small machine (underlay.md, 5a)
	Published    Basis = "published"     // by others (underlay.md, 5b)
	Estimate     Basis = "estimate"      // nobody measured it (underlay.md, 5c)
)

// Bases are all of them, the firmest first. A sum is only as firm as its weakest part.
var Bases = []Basis{MeasuredHere, Measured, Published, Estimate}

// weaker is the less firm of two bases; "" is that of a sum without parts.
func weaker(a, b Basis) Basis {
	rank := func(x Basis) int {
		for i, y := range Bases {
			if x == y {
				return i
			}
		}
		return -1
	}
	if rank(b) > rank(a) {
		return b
	}
	return a
}

// Item is what a table has a cost for. Its name is also the code of the sentence that says where the default figure is from.
type Item string

// The items. Costs are one way, of one packet of a connection that is known already.
const (
	Socket          Item = "socket"           // half of the floor: a send, or a wake-up and a receive
	Veth            Item = "veth"             // one crossing of a veth pair
	Bridge          Item = "bridge"           // a bridge's work on a frame, without the veths at its sides
	Routing         Item = "routing"          // a forwarding namespace's work on a packet, without the veths at its sides
	Conntrack       Item = "conntrack"        // one lookup
	Hook            Item = "hook"             // entering a base chain, beyond its rules
	Rules           Item = "rules"            // per thousand rules traversed
	VXLANEncap      Item = "vxlan-encap"      // headers, FDB, the second route
	VXLANDecap      Item = "vxlan-decap"      // the outer delivery, and once more through the stack's entry
	IPIPEncap       Item = "ipip-encap"       //
	IPIPDecap       Item = "ipip-decap"       //
	SameZone        Item = "same-zone"        // between two machines of one zone
	CrossZone       Item = "cross-zone"       // between zones of one region
	Balancer        Item = "load-balancer"    // added by a network load balancer
	NATGateway      Item = "nat-gateway"      //
	InternetGateway Item = "internet-gateway" //
	SwitchHop       Item = "switch"           // a switch or router on premises
)

// Items are all of them, in the order of a table.
var Items = []Item{Socket, Veth, Bridge, Routing, Conntrack, Hook, Rules, VXLANEncap, VXLANDecap, IPIPEncap, IPIPDecap, SameZone, CrossZone, Balancer,
	NATGateway, InternetGateway, SwitchHop}

// Sources that are no item's: of a sum of several, of a crossing whose zones are not known, and of the user's own figures.
const (
	SourceSeveral     = "several"
	SourceZoneUnknown = "zone-unknown"
	SourceOwn         = "own"
)

// Sources is the closed list of what a cost can name as its source. Each has a sentence in every language
// (web/locales, [latency-source]).
func Sources() []string {
	var out []string
	for _, i := range Items {
		out = append(out, string(i))
	}
	return append(out, SourceSeveral, SourceZoneUnknown, SourceOwn)
}

// Cost is a time in nanoseconds: the figure, the range that it may lie in, what it rests on and where it is from.
type Cost struct {
	NS     int64  `json:"ns"`
	Low    int64  `json:"low"`
	High   int64  `json:"high"`
	Basis  Basis  `json:"basis,omitempty"`  // "" where nothing costs anything
	Source string `json:"source,omitempty"` // of Sources
}

// Zero says whether there is nothing to it.
func (c Cost) Zero() bool { return c == Cost{} }

// Plus is both costs, one after the other. The ends of a sum's range are where every part is at its end, so it is wider than
// chance would make it.
func (c Cost) Plus(d Cost) Cost {
	if c.Zero() {
		return d
	}
	if d.Zero() {
		return c
	}
	source := c.Source
	if source != d.Source {
		source = SourceSeveral
	}
	return Cost{c.NS + d.NS, c.Low + d.Low, c.High + d.High, weaker(c.Basis, d.Basis), source}
}

// either is a cost of which only is known that it is one of two: the middle, from the lowest of both to the highest.
func either(a, b Cost) Cost {
	return Cost{(a.NS + b.NS) / 2, min(a.Low, b.Low), max(a.High, b.High), weaker(a.Basis, b.Basis), SourceZoneUnknown}
}
