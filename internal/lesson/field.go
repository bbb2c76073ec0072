package lesson

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/trace"
)

// value is a packet's field by the name that [trace.Change] has for it; "" where the packet has no such header.
func value(p *trace.PacketDocument, field string) string {
	switch field {
	case "mark":
		return fmt.Sprintf("%#x", p.Mark)
	case "ctmark":
		return fmt.Sprintf("%#x", p.CTMark)
	}
	name, outer := strings.CutPrefix(field, "outer.")
	header, key, _ := strings.Cut(name, ".")
	for _, l := range p.Layers {
		if l.Outer != outer || short(l.Type) != header {
			continue
		}
		for _, f := range l.Fields {
			if f.Name == key {
				return f.Value
			}
		}
	}
	return ""
}

// short is a header's part of a field's name.
func short(layer string) string {
	switch layer {
	case "Ethernet":
		return "eth"
	case "IPv4":
		return "ip"
	}
	return strings.ToLower(layer)
}

// headers are a packet's headers, outermost first.
func headers(p *trace.PacketDocument) string {
	var out []string
	for _, l := range p.Layers {
		if l.Type != "Payload" {
			out = append(out, l.Type)
		}
	}
	return strings.Join(out, " ")
}

// length is a packet's in bytes, all headers included.
func length(p *trace.PacketDocument) int {
	n := 0
	for _, l := range p.Layers {
		n += l.Length
	}
	return n
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
