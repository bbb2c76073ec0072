package snapshot

import (
	"encoding/json"
	"slices"
)

// lab is a recording's lab.json.
type lab struct {
	Namespaces []string          `json:"namespaces"`
	Traced     []string          `json:"traced"`
	Addresses  map[string]string `json:"addresses"`
}

func readLab(f file) (*lab, error) {
	var l lab
	if err := json.Unmarshal(f.data, &l); err != nil {
		return nil, jsonError(f, err)
	}
	return &l, nil
}

func (l *lab) traced(ns string) bool { return slices.Contains(l.Traced, ns) }

// sorted puts names into the lab's order; those it does not list come last.
func (l *lab) sorted(names []string) []string {
	out := slices.Clone(names)
	slices.SortStableFunc(out, func(a, b string) int { return l.index(a) - l.index(b) })
	return out
}

func (l *lab) index(ns string) int {
	if i := slices.Index(l.Namespaces, ns); i >= 0 {
		return i
	}
	return len(l.Namespaces)
}
