package latency

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxCost bounds a figure: ten seconds is no cost of a step, and sums of it do not overflow.
const maxCost = 10_000_000_000

// Read reads a table of the user's own, the form that measuring writes:
//
//	{"version": 1, "host": "laptop", "costs": {"veth": {"ns": 640, "low": 600, "high": 800}}}
//
// Figures are nanoseconds, one way; "rules" is per thousand rules. Low and high may be left out and are then the figure
// itself; basis may be, and is then measured-here. Items that are left out keep the default. name is the file's, for errors,
// which name the field too, and what would be right there.
func Read(data []byte, name string) (*Table, error) {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(data, &top); err != nil {
		return nil, fmt.Errorf("%s: want a JSON object {\"version\": 1, \"costs\": {…}}: %v", name, err)
	}
	for _, k := range slices.Sorted(maps.Keys(top)) {
		if k != "version" && k != "host" && k != "costs" {
			return nil, fmt.Errorf("%s: %s: no such field; want version, host, costs", name, k)
		}
	}
	var version int
	if json.Unmarshal(top["version"], &version) != nil || version != 1 {
		return nil, fmt.Errorf("%s: version: want 1", name)
	}
	t := Default()
	if h, ok := top["host"]; ok && json.Unmarshal(h, &t.Host) != nil {
		return nil, fmt.Errorf("%s: host: want a string", name)
	}
	var costs map[string]json.RawMessage
	if json.Unmarshal(top["costs"], &costs) != nil || len(costs) == 0 {
		return nil, fmt.Errorf("%s: costs: want an object with at least one of %s", name, itemNames())
	}
	for _, k := range slices.Sorted(maps.Keys(costs)) {
		if !slices.Contains(Items, Item(k)) {
			return nil, fmt.Errorf("%s: costs.%s: no such item; want one of %s", name, k, itemNames())
		}
		c, err := readCost(costs[k], name+": costs."+k)
		if err != nil {
			return nil, err
		}
		t.costs[Item(k)] = c
	}
	return t, nil
}

func itemNames() string {
	var out []string
	for _, i := range Items {
		out = append(out, string(i))
	}
	return strings.Join(out, ", ")
}

func readCost(data []byte, at string) (Cost, error) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil || fields == nil {
		return Cost{}, fmt.Errorf("%s: want an object {\"ns\": …, \"low\": …, \"high\": …}", at)
	}
	c := Cost{Basis: MeasuredHere, Source: SourceOwn}
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		switch k {
		case "ns", "low", "high":
		case "basis":
			if json.Unmarshal(fields[k], &c.Basis) != nil || !slices.Contains(Bases, c.Basis) {
				return Cost{}, fmt.Errorf("%s.basis: want one of %v", at, Bases)
			}
		default:
			return Cost{}, fmt.Errorf("%s.%s: no such field; want ns, low, high, basis", at, k)
		}
	}
	var err error
	read := func(k string, absent int64) int64 {
		v, ok := fields[k]
		if !ok && k != "ns" {
			return absent
		}
		n := int64(-1)
		if (json.Unmarshal(v, &n) != nil || n < 0 || n > maxCost) && err == nil {
			err = fmt.Errorf("%s.%s: want whole nanoseconds, 0 to %d", at, k, int64(maxCost))
		}
		return n
	}
	c.NS = read("ns", 0)
	c.Low, c.High = read("low", c.NS), read("high", c.NS)
	switch {
	case err != nil:
		return Cost{}, err
	case c.Low > c.NS:
		return Cost{}, fmt.Errorf("%s.low: %d is more than ns (%d); want low ≤ ns ≤ high", at, c.Low, c.NS)
	case c.High < c.NS:
		return Cost{}, fmt.Errorf("%s.high: %d is less than ns (%d); want low ≤ ns ≤ high", at, c.High, c.NS)
	}
	return c, nil
}
