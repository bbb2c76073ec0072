package maxpods

// Subnet is what a node takes of its subnet's addresses.
//
// The CNI attaches ahead of need (WARM_ENI_TARGET and, with prefixes, WARM_PREFIX_TARGET are 1 in its manifest): a whole ENI's
// addresses at a time, or one prefix. It first fills the ENIs that it has, and it stops when there are as many addresses as
// the node's max pods (CNI pkg/ipamd).
type Subnet struct {
	PerENI int `json:"perENI"` // an ENI full of pods: its own address, and every slot
	Full   int `json:"full"`   // all ENIs full
	// Own is the primary ENI's address with custom networking, where it gets no pods: it is in the node's subnet, and all
	// other addresses are in the ENIConfig's. Full and Busy have it counted in.
	Own int `json:"own,omitempty"`
	// Busy is the node with Result.Pods pods (with Formula, where Pods is not known).
	Busy Attached `json:"busy"`
}

// Attached is what a node with a number of pods has.
type Attached struct {
	Pods      int `json:"pods"`  // max pods, HostPods among them
	ENIs      int `json:"enis"`  // that carry pods
	Slots     int `json:"slots"` // filled: with an address or a prefix each
	Addresses int `json:"addresses"`
}

func (r *Result) subnet() Subnet {
	s := Subnet{PerENI: 1 + r.Slots*r.PerSlot}
	if r.Options.CustomNetworking {
		s.Own = 1
	}
	s.Full = r.ENIs*s.PerENI + s.Own
	pods := r.Pods
	if pods == 0 {
		pods = r.Formula
	}
	s.Busy = r.attached(pods, s.Own)
	return s
}

func (r *Result) attached(pods, own int) Attached {
	a := Attached{Pods: pods}
	if r.Slots == 0 || r.ENIs == 0 {
		a.Addresses = own
		return a
	}
	if r.Prefixes() {
		a.Slots = min(up(pods, PrefixSize), r.ENIs*r.Slots)
		a.ENIs = up(a.Slots, r.Slots)
	} else {
		a.ENIs = min(up(pods, r.Slots), r.ENIs)
		a.Slots = a.ENIs * r.Slots
	}
	a.Addresses = a.ENIs + a.Slots*r.PerSlot + own
	return a
}

// up divides and rounds up.
func up(a, b int) int { return (a + b - 1) / b }

// Slot is one slot of an ENI.
type Slot struct {
	State     SlotState
	Addresses int // that pods use
}

// SlotState is what a slot holds.
type SlotState string

// The states.
const (
	Used   SlotState = "used"   // an address of a pod, or a prefix with some
	Warm   SlotState = "warm"   // attached, and no pod uses it
	Beyond SlotState = "beyond" // never attached: max pods is reached before
	NoPods SlotState = "none"   // of the primary ENI with custom networking
)

// Drawing is a node with Subnet.Busy.Pods pods, slot by slot: all ENIs of the default card in order, each with its slots.
// Which pod has which address is chance; here they stand from the first on.
func (r *Result) Drawing() [][]Slot {
	var out [][]Slot
	if r.Options.CustomNetworking {
		none := make([]Slot, r.Slots)
		for i := range none {
			none[i].State = NoPods
		}
		out = append(out, none)
	}
	left, attached := r.Subnet.Busy.Pods-HostPods, r.Subnet.Busy.Slots
	for range r.ENIs {
		row := make([]Slot, r.Slots)
		for i := range row {
			switch {
			case left > 0:
				row[i] = Slot{Used, min(left, r.PerSlot)}
			case attached > 0:
				row[i].State = Warm
			default:
				row[i].State = Beyond
			}
			left -= r.PerSlot
			attached--
		}
		out = append(out, row)
	}
	return out
}
