// Package checked holds what came of sending packets of the presets through a real Linux kernel, and says of a trace
// whether it is among them. The lab writes such results (`podpath lab`), pages and the API show them; nobody has to have
// a kernel at hand to read one.
//
//	r, err := checked.Stored()
//	n := r.Find("eks-study", map[string]string{"cni": "calico-vxlan"}, defaults)
//	v := r.Judge(n, current, checked.Flow{From: "pod/default/netshoot-1", To: "internet", Protocol: "tcp", Port: 443, Outcome: "delivered"})
//	v.State // agrees
package checked

// Results are those of one run: every network and flow was checked by one kernel, on one day.
type Results struct {
	Kernel   string    `json:"kernel"` // as `uname -r` has it
	Date     string    `json:"date"`   // 2026-11-26
	Networks []Network `json:"networks"`
}

// Network is a preset with options, and what was checked in it.
type Network struct {
	Preset string `json:"preset"`
	// Options are what is set, the network plugin among them (cni). What has its default value may be left out.
	Options map[string]string `json:"options"`
	// Topology is the [Fingerprint] of the network that was checked: of the preset as it compiles with the options, without the
	// hosts that a query for an address on the Internet adds.
	Topology string `json:"topology"`
	Flows    []Flow `json:"flows"`
	Skipped  []Skip `json:"skipped,omitempty"` // parts of the network that the lab could not build
}

// Differing is how many packets went otherwise in the kernel than in their traces.
func (n *Network) Differing() int {
	count := 0
	for i := range n.Flows {
		if n.Flows[i].Differences > 0 {
			count++
		}
	}
	return count
}

// Flow is a packet that was sent, and what came of the comparison. Numbers are what was sent; 0 is the default of a trace.
type Flow struct {
	From       string `json:"from"` // places, as a query names them
	To         string `json:"to"`
	Protocol   string `json:"protocol"`
	Port       int    `json:"port,omitempty"` // the destination's; 0 for ICMP
	SourcePort int    `json:"sourcePort,omitempty"`
	TTL        int    `json:"ttl,omitempty"`
	Payload    int    `json:"payload,omitempty"`
	NoDF       bool   `json:"noDF,omitempty"`
	// Choices are what the kernel drew where a trace has more than one option: the choice's ID to the option, as the trace names
	// both. A trace that takes another option is not this flow's.
	Choices map[string]string `json:"choices,omitempty"`

	Outcome string `json:"outcome,omitempty"` // as trace.Outcome: how it ended, for the kernel and, without differences, for the trace
	// Differences counts those between the kernel and the trace; First is the first of them, as the lab prints it.
	Differences int    `json:"differences,omitempty"`
	First       string `json:"first,omitempty"`
	Why         Why    `json:"why,omitempty"`  // set where nothing was compared
	What        string `json:"what,omitempty"` // what that is about: ipip; not for NotSent
}

// Compared says whether the kernel was asked about the flow at all.
func (f *Flow) Compared() bool { return f.Why == "" }

// Agrees says whether the kernel did what the trace says.
func (f *Flow) Agrees() bool { return f.Compared() && f.Differences == 0 }

// Skip is a part of a network that could not be checked.
type Skip struct {
	What string `json:"what"` // ipip, vlan: what it needs, in Linux's words
	Why  Why    `json:"why"`
}

// Why is the reason, by code, that something was not compared. Its sentence is `checked-why.<code>` of the catalogue.
type Why string

// The reasons.
const (
	// KernelLacks: the kernel that checked was built without what this needs.
	KernelLacks Why = "kernel-lacks"
	// NotBuilt: the lab has no stand-in for this, whatever kernel it runs on.
	NotBuilt Why = "not-built"
	// NotSent: the lab built the network and could not send or watch this packet.
	NotSent Why = "not-sent"
)

// Whys are all reasons.
var Whys = []Why{KernelLacks, NotBuilt, NotSent}
