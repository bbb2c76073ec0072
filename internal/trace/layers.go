package trace

import (
	"slices"
	"strings"
)

// LayerPair is one header of a packet at two moments; either is nil where the packet does not have it then.
type LayerPair struct{ Was, Now *LayerDocument }

// PairLayers matches the headers of one packet at two moments from the inside out, so that a header that was put around
// it pairs with nothing. was may be nil.
func PairLayers(was, now *PacketDocument) []LayerPair {
	var out []LayerPair
	if was == nil {
		for i := range now.Layers {
			out = append(out, LayerPair{nil, &now.Layers[i]})
		}
		return out
	}
	n, w := len(now.Layers), len(was.Layers)
	for i := range max(n, w) {
		var p LayerPair
		if k := n - 1 - i; k >= 0 {
			p.Now = &now.Layers[k]
		}
		if k := w - 1 - i; k >= 0 {
			p.Was = &was.Layers[k]
		}
		if p.Was != nil && p.Now != nil && p.Was.Type != p.Now.Type {
			out = append(out, LayerPair{nil, p.Now}, LayerPair{p.Was, nil})
			continue
		}
		out = append(out, p)
	}
	slices.Reverse(out)
	return out
}

// Differs says whether a header that is there at both moments has changed.
func (p LayerPair) Differs() bool {
	if p.Was == nil || p.Now == nil {
		return false
	}
	for _, f := range p.Now.Fields {
		if old, ok := p.Was.Field(f.Name); ok && old != f.Value && f.Telling() {
			return true
		}
	}
	return false
}

// Field is a header field's value, and whether the header has it.
func (l *LayerDocument) Field(name string) (string, bool) {
	for _, f := range l.Fields {
		if f.Name == name {
			return f.Value, true
		}
	}
	return "", false
}

// Telling says whether a field is more than what follows from the others: a checksum is not.
func (f FieldDocument) Telling() bool { return !strings.Contains(strings.ToLower(f.Name), "checksum") }
