package checked

// State is what results say about a trace. Its sentence is `checked.<state>` of the catalogue.
type State string

// The states.
const (
	// Agrees: this packet was sent, and the kernel did what the trace says.
	Agrees State = "agrees"
	// Differs: this packet was sent, and the kernel did something else.
	Differs State = "differs"
	// Others: packets were sent through this network, and this one is not among them.
	Others State = "others"
	// Skipped: this packet, or the whole network, could not be checked.
	Skipped State = "skipped"
	// Changed: what was checked is not what this trace walks through, or says, today.
	Changed State = "changed"
	// Unchecked: nobody has checked this network.
	Unchecked State = "unchecked"
)

// States are all states.
var States = []State{Agrees, Differs, Others, Skipped, Changed, Unchecked}

// Verdict is what results say about one trace.
type Verdict struct {
	State        State
	Kernel, Date string
	Flow         *Flow // this packet's, where it is among the flows
	Flows        []Flow
	// Compared of the flows were, and Agree of these agree.
	Compared, Agree int
	Skipped         []Skip
}

// Judge says what is known about a trace. n is its network, from [Results.Find]; current says that its topology is still the one
// that was checked; sent is the packet, with the outcome that the trace has today.
func (r *Results) Judge(n *Network, current bool, sent Flow) Verdict {
	if r == nil || n == nil {
		return Verdict{State: Unchecked}
	}
	v := Verdict{State: Others, Kernel: r.Kernel, Date: r.Date}
	if len(n.Flows) > 0 && !current {
		v.State = Changed
		return v
	}
	v.Flows, v.Skipped, v.Flow = n.Flows, n.Skipped, n.Flow(sent)
	for i := range n.Flows {
		if n.Flows[i].Compared() {
			v.Compared++
		}
		if n.Flows[i].Agrees() {
			v.Agree++
		}
	}
	switch f := v.Flow; {
	case f == nil && v.Compared > 0:
	case f == nil && len(n.Flows)+len(n.Skipped) == 0:
		v.State = Unchecked
	case f == nil || !f.Compared():
		v.State = Skipped
	case f.Differences > 0:
		v.State = Differs
	case f.Outcome != sent.Outcome: // the network is the same, so it is the walk that has changed
		v.State = Changed
	default:
		v.State = Agrees
	}
	return v
}
