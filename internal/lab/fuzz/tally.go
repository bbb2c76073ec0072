package fuzz

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Tally counts what a run came to.
type Tally struct {
	Networks, Flows, Differences int
	Partly, Not                  int                       // compared as far as the tracer determines them; not at all, for a VPC's gateway turns them round
	Fleeting                     int                       // differences that did not come again when they were to be shrunk
	Unbuilt                      int                       // networks that the kernel refused, each with its reason printed
	Skipped                      map[string]int            // networks, by what the kernel lacks
	CNIs                         map[string]int            // networks
	Outcomes                     map[string]map[string]int // flows, by CNI and how the tracer says they ended
}

func newTally() *Tally {
	return &Tally{Skipped: map[string]int{}, CNIs: map[string]int{}, Outcomes: map[string]map[string]int{}}
}

func (t *Tally) network(d *Design) {
	t.Networks++
	t.CNIs[d.CNI()]++
}

func (t *Tally) flow(d *Design, v *Verdict) {
	t.Flows++
	cni := d.CNI()
	if t.Outcomes[cni] == nil {
		t.Outcomes[cni] = map[string]int{}
	}
	t.Outcomes[cni][v.Outcome]++
	switch {
	case v.Not:
		t.Not++
	case v.Partly:
		t.Partly++
	}
	if v.Difference != nil {
		t.Differences++
	}
}

// Print writes the counts.
func (t *Tally) Print(out io.Writer) {
	fmt.Fprintf(out, "%d networks, %d flows, %d differences\n", t.Networks, t.Flows, t.Differences)
	fmt.Fprintf(out, "compared in part, for the tracer does not know how they go on: %d; not compared, for a NAT gateway turns them round: %d\n", t.Partly, t.Not)
	if t.Fleeting > 0 {
		fmt.Fprintf(out, "differences that did not come again: %d\n", t.Fleeting)
	}
	if t.Unbuilt > 0 {
		fmt.Fprintf(out, "networks that could not be built: %d\n", t.Unbuilt)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Skipped)) {
		fmt.Fprintf(out, "networks skipped, for the kernel lacks %s: %d\n", name, t.Skipped[name])
	}
	for _, cni := range slices.Sorted(maps.Keys(t.CNIs)) {
		fmt.Fprintf(out, "%s: %d networks\n", cni, t.CNIs[cni])
		all := t.Outcomes[cni]
		for _, o := range slices.SortedFunc(maps.Keys(all), func(a, b string) int { return cmp.Or(cmp.Compare(all[b], all[a]), cmp.Compare(a, b)) }) {
			fmt.Fprintf(out, "%7d %s\n", all[o], o)
		}
	}
}
