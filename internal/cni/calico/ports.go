package calico

import (
	"cmp"
	"slices"
	"strconv"
)

// portRange is a port, or those from first to last.
type portRange struct{ first, last uint16 }

func one(port uint16) portRange { return portRange{port, port} }

// String is the range as the multiport match has it.
func (r portRange) String() string {
	if r.first == r.last {
		return strconv.Itoa(int(r.first))
	}
	return strconv.Itoa(int(r.first)) + ":" + strconv.Itoa(int(r.last))
}

// splitPorts cuts a list where a multiport match is full: it has 15 places, and a range takes two of them
// (XT_MULTI_PORTS; SplitPortList, felix/rules/policy.go).
func splitPorts(ports []portRange) [][]portRange {
	const places = 15
	var out [][]portRange
	left := 0
	for _, p := range ports {
		need := 2
		if p.first == p.last {
			need = 1
		}
		if left < need {
			out, left = append(out, nil), places
		}
		out[len(out)-1] = append(out[len(out)-1], p)
		left -= need
	}
	return out
}

// joinPorts sorts ranges and joins those that touch (SimplifyPorts, libcalico-go/lib/backend/k8s/conversion/conversion.go).
func joinPorts(ports []portRange) []portRange {
	if len(ports) < 2 {
		return ports
	}
	sorted := slices.SortedFunc(slices.Values(ports), func(a, b portRange) int { return cmp.Compare(a.first, b.first) })
	out := sorted[:1]
	for _, p := range sorted[1:] {
		if at := &out[len(out)-1]; int(p.first) <= int(at.last)+1 {
			at.last = max(at.last, p.last)
		} else {
			out = append(out, p)
		}
	}
	return out
}
