package latency

// Report is what a trace's way costs.
type Report struct {
	Legs []LegReport `json:"legs"` // as the trace's
	// RoundTrip is the first packet and the first that answers it; where none does, the first packet alone.
	RoundTrip Total `json:"roundTrip"`
	// RoundTripLegs are the indices of its legs.
	RoundTripLegs []int `json:"roundTripLegs"`
	// Tunnel is the part of RoundTrip that is there only because the packet is wrapped: both ends' work, and the outer
	// packet's own way through conntrack and rules.
	Tunnel Cost `json:"tunnel"`
	// Statements say how large all of it is, by code (see Codes). A page shows them with the figures.
	Statements []Statement `json:"statements"`
}

// Total is a sum, split in what kernels work (of pods and nodes) and what the network between takes.
type Total struct {
	CPU     Cost `json:"cpu"`
	Network Cost `json:"network"`
	Sum     Cost `json:"sum"`
	Rules   int  `json:"rules"` // rules traversed, passed over and met
}

func (t *Total) add(c Cost, network bool) {
	t.Sum = t.Sum.Plus(c)
	if network {
		t.Network = t.Network.Plus(c)
	} else {
		t.CPU = t.CPU.Plus(c)
	}
}

// LegReport is one packet's way.
type LegReport struct {
	Kind  string      `json:"kind"`
	Hops  []HopReport `json:"hops"` // as the leg's
	Total Total       `json:"total"`
}

// Zones of a crossing between two machines.
const (
	ZoneSame    = "same"
	ZoneCross   = "cross"
	ZoneUnknown = "unknown"
)

// HopReport is one visit to a namespace or fabric device.
type HopReport struct {
	Namespace string     `json:"namespace"`
	Network   bool       `json:"network"` // the network's own delay; else a kernel's work
	Cost      Cost       `json:"cost"`
	Rules     int        `json:"rules"` // traversed
	Zone      string     `json:"zone,omitempty"`
	Either    []Cost     `json:"either,omitempty"` // where Zone is unknown: what it costs in a zone, and across zones
	Steps     []StepCost `json:"steps"`            // those that cost something
}

// StepCost is the cost of one step of a hop, by its index.
type StepCost struct {
	Step int  `json:"step"`
	Cost Cost `json:"cost"`
}

// Between sums the costs of the steps first to last, both inclusive: a station's.
func (h *HopReport) Between(first, last int) Cost {
	var sum Cost
	for _, s := range h.Steps {
		if s.Step >= first && s.Step <= last {
			sum = sum.Plus(s.Cost)
		}
	}
	return sum
}

// Statement is a sentence by code, with arguments.
type Statement struct {
	Code string            `json:"code"`
	Args map[string]string `json:"args,omitempty"`
}
