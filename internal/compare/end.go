package compare

import (
	"strings"

	"github.com/podpath/podpath/internal/trace"
)

// SameEnd are the choices with which chance takes a trace to where it took another: to the same pods and nodes, whatever
// their addresses are there and whatever the rules are called that lead to them. The functions name who has an address in
// each of the two networks, "" for nobody. What chance takes there anyhow is left out; nil where nothing has to be chosen.
func SameEnd(first, here *trace.Trace, firstName, hereName func(address string) string) map[string]string {
	want := map[string]bool{}
	for _, c := range first.Choices {
		for _, o := range c.Options {
			if o.Value == c.Chosen {
				want[firstName(optionAddress(&o))] = true
			}
		}
	}
	delete(want, "")
	var out map[string]string
	for _, c := range here.Choices {
		for _, o := range c.Options {
			if o.Value == c.Chosen || !want[hereName(optionAddress(&o))] {
				continue
			}
			if out == nil {
				out = map[string]string{}
			}
			out[c.ID] = o.Value
		}
	}
	return out
}

// optionAddress is the address that an option's label begins with, an endpoint's.
func optionAddress(o *trace.Option) string {
	address, _, _ := strings.Cut(o.Label, ":")
	return address
}
