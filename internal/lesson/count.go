package lesson

import (
	"fmt"
	"strconv"

	"github.com/podpath/podpath/internal/maxpods"
)

// Pods is the result that a claim or a step about an instance type speaks of.
func Pods(typ, mode string) (*maxpods.Result, error) {
	t, err := maxpods.Find(typ)
	if err != nil {
		return nil, err
	}
	if mode != "" && mode != "prefix" {
		return nil, fmt.Errorf("mode %q: want prefix, or nothing for secondary addresses", mode)
	}
	r := maxpods.Compute(t, maxpods.Options{Prefix: mode == "prefix"})
	return &r, nil
}

// count holds a number against what internal/maxpods makes of the type.
func (c *Claim) count() (*Proof, error) {
	r, err := Pods(c.Type, c.Mode)
	if err != nil {
		return nil, err
	}
	p := &Proof{Type: c.Type, Mode: c.Mode, Text: r.Expression() + " = " + strconv.Itoa(r.Formula), Field: c.Count}
	n := map[string]int{"enis": r.ENIs, "ips": r.Type.IPv4, "slots": r.Slots, "vcpus": r.Type.VCPUs, "formula": r.Formula, "ceiling": r.Ceiling,
		"pods": r.Pods, "addresses": r.Subnet.Busy.Addresses}
	for _, a := range r.Appliers {
		n[string(a.Who)] = a.Sets
	}
	got, ok := n[c.Count]
	if !ok {
		return nil, fmt.Errorf("count %q: want one of %v", c.Count, sortedKeys(n))
	}
	if p.After = strconv.Itoa(got); p.After != c.Is {
		return nil, fmt.Errorf("%s: %s is %d, not %s", c.Type, c.Count, got, c.Is)
	}
	if c.Count != "formula" {
		p.Text = ""
	}
	return p, nil
}
