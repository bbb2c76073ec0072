package templates

import (
	"fmt"
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// MarksView is the marks' timeline: the packet's own (nfmark) and its connection's (ctmark), bit by bit, from hook to hook.
// It runs downwards; a visit to a node is a run of rows.
type MarksView struct {
	Bits   []MarkBit
	Visits []MarkVisit
}

// MarkBit is a column: one bit of one of the two marks.
type MarkBit struct {
	Field string // nfmark, ctmark
	Bit   uint32
}

// Name is the bit as rules write it.
func (b MarkBit) Name() string { return fmt.Sprintf("%#x", b.Bit) }

// MarkVisit is a packet's way through one node. The mark of a packet begins at zero there: it is in no header.
type MarkVisit struct {
	Place string
	Reply bool
	Rows  []MarkRow
}

// MarkRow is a station: what each bit was before and is behind it, and the rules that changed one.
type MarkRow struct {
	N, Index    int
	Href, Title string
	Cells       []string // by bit: off, on, set, cleared, or flash where it was set and cleared again
	Rules       []MarkRule
	Current     bool
}

// MarkRule is a rule that changed a mark.
type MarkRule struct {
	Field, Before, After string
	Parts                []Part
	Because              string // a sentence, where it was no rule
}

// marks makes the timeline; nil where no packet of the trace and no connection had a mark.
func (b *builder) marks(views []StationView, current int) *MarksView {
	v := &MarksView{}
	var used, usedCT uint32
	for i := range b.doc.Packets {
		used |= b.doc.Packets[i].Mark
		usedCT |= b.doc.Packets[i].CTMark
	}
	if used|usedCT == 0 {
		return nil
	}
	v.bits("nfmark", used)
	v.bits("ctmark", usedCT)
	for from := 0; from < len(views); {
		to := from + 1
		for to < len(views) && views[to].Leg == views[from].Leg && views[to].Hop == views[from].Hop {
			to++
		}
		if visit, ok := b.markVisit(v, views[from:to], current); ok {
			v.Visits = append(v.Visits, visit)
		}
		from = to
	}
	return v
}

func (v *MarksView) bits(field string, used uint32) {
	for bit := uint32(1); bit != 0; bit <<= 1 {
		if used&bit != 0 {
			v.Bits = append(v.Bits, MarkBit{field, bit})
		}
	}
}

// markVisit is one visit; those in which every bit stays off are left out.
func (b *builder) markVisit(v *MarksView, views []StationView, current int) (MarkVisit, bool) {
	hop := &b.doc.Legs[views[0].Leg].Hops[views[0].Hop]
	visit := MarkVisit{Place: b.scene.Places[views[0].Station.Place].Name, Reply: views[0].Reply}
	if hop.Kind != string(topology.Node) {
		return visit, false
	}
	var mark, ctmark uint32
	lit := false
	for i := range views {
		s := &views[i]
		row := MarkRow{N: s.N, Index: s.Index, Href: s.Href, Title: s.Title, Current: s.Index == current}
		states := make([][2]uint32, 0, 8) // nfmark and ctmark: before the station, then after each step
		states = append(states, [2]uint32{mark, ctmark})
		for k := s.First; k <= s.Last; k++ {
			p := &b.doc.Packets[hop.Steps[k].Packet]
			mark, ctmark = p.Mark, p.CTMark
			states = append(states, [2]uint32{mark, ctmark})
			row.Rules = append(row.Rules, b.markRules(&hop.Steps[k])...)
		}
		for _, bit := range v.Bits {
			c := cellState(states, bit)
			lit = lit || c != "off"
			row.Cells = append(row.Cells, c)
		}
		visit.Rows = append(visit.Rows, row)
	}
	return visit, lit
}

// cellState is how a bit went through a station.
func cellState(states [][2]uint32, bit MarkBit) string {
	which := 0
	if bit.Field == "ctmark" {
		which = 1
	}
	on := func(s [2]uint32) bool { return s[which]&bit.Bit != 0 }
	before, after := on(states[0]), on(states[len(states)-1])
	switch {
	case before && after:
		return "on"
	case after:
		return "set"
	case before:
		return "cleared"
	case slices.ContainsFunc(states, on):
		return "flash"
	}
	return "off"
}

// markRules are a step's changes of a mark with the rule that made them.
func (b *builder) markRules(st *trace.StepDocument) []MarkRule {
	var out []MarkRule
	for _, c := range st.Changes {
		if c.Field != "mark" && c.Field != "ctmark" {
			continue
		}
		r := MarkRule{Field: "nfmark", Before: c.Before, After: c.After, Parts: parts(st.Text)}
		if c.Field == "ctmark" {
			r.Field = c.Field
		}
		if st.Text == "" {
			r.Because = b.l.T("marks.by-connection")
		}
		out = append(out, r)
	}
	return out
}

// Names are the bits in a line, for the summary.
func (v *MarksView) Names() string {
	var out []string
	for _, b := range v.Bits {
		out = append(out, b.Field+" "+b.Name())
	}
	return strings.Join(out, ", ")
}
