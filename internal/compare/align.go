package compare

import (
	"slices"
	"strconv"

	"github.com/podpath/podpath/internal/latency"
	"github.com/podpath/podpath/internal/trace"
)

// State says how a cell compares with the first column.
type State string

// The states. Each has a name in every language (web/locales, [compare]).
const (
	Same    State = "same"
	Differs State = "differs"
	Extra   State = "extra"   // only here: the first column has no such stop
	Missing State = "missing" // not here: the first column has it
	Absent  State = "absent"  // neither here nor in the first column
)

// Row is a stop that at least one column has.
type Row struct {
	// State is the row's as a whole: extra where the first column has no such stop, missing where one of the others has not,
	// differs or same where all have it.
	State State  `json:"state"`
	Leg   string `json:"leg"` // request, reply, request-2, icmp-error …
	Role  Role   `json:"role"`
	Kind  string `json:"kind"`            // the stations'
	Outer bool   `json:"outer,omitempty"` // of a tunnel's outer packet, or the tunnel's own
	Cells []Cell `json:"cells"`           // one a column
	// Differences are what differs among the columns that have the stop.
	Differences []Difference `json:"differences,omitempty"`
}

// Cell is a column's part of a row: a station, or a gap.
type Cell struct {
	State     State             `json:"state"`
	Station   int               `json:"station"` // index into the document's stations; -1: a gap
	ID        string            `json:"id,omitempty"`
	Namespace string            `json:"namespace,omitempty"`
	Interface string            `json:"interface,omitempty"`
	Table     string            `json:"table,omitempty"` // of the step that decides
	Text      string            `json:"text,omitempty"`  // its line, verbatim
	Code      string            `json:"code,omitempty"`
	Args      map[string]string `json:"args,omitempty"`
	Verdict   string            `json:"verdict,omitempty"`
	Steps     int               `json:"steps,omitempty"`
	Rules     int               `json:"rules,omitempty"`   // traversed
	Bytes     int               `json:"bytes,omitempty"`   // by which a tunnel's headers make the packet longer or shorter
	Wrapped   bool              `json:"wrapped,omitempty"` // the packet has a tunnel's headers when it leaves the stop
	Cost      *latency.Cost     `json:"cost,omitempty"`    // nil: costs nothing
	Note      string            `json:"note,omitempty"`    // of an extra stop: what it is for (see Notes)
}

// Notes say what an extra stop is for. Each has a sentence in every language (web/locales, [compare-note]); bytes has the
// argument bytes, signed.
const (
	NoteBytes    = "bytes"    // a tunnel's headers come or go
	NoteLookup   = "lookup"   // a route for the outer packet
	NoteDelivery = "delivery" // the outer packet is for the node itself
	NotePass     = "pass"     // one more pass of the outer packet
	NoteDevice   = "device"   // a tunnel's device
)

// Notes are all of them.
var Notes = []string{NoteBytes, NoteLookup, NoteDelivery, NotePass, NoteDevice}

// Difference is one thing that columns differ in; Values has one a column, "" for a gap.
type Difference struct {
	What   string   `json:"what"` // of Whats
	Values []string `json:"values"`
}

// What can differ. Each has a name in every language (web/locales, [compare-what]).
const (
	WhatLine    = "line"    // the rule, route or neighbour that decides
	WhatDecided = "decided" // the tables and kinds of chain gone through, or the codes, and the code that decides
	WhatRules   = "rules"   // how many rules were traversed
	WhatRoute   = "route"   // policy rule and route, by kind
	WhatFields  = "fields"  // which fields changed
	WhatHeaders = "headers" // which headers the packet has
)

// Whats are all of them.
var Whats = []string{WhatLine, WhatDecided, WhatRules, WhatRoute, WhatFields, WhatHeaders}

// Costs of an alignment. A pair that differs is cheaper than the two gaps it stands for; stations with different keys are
// never paired.
const (
	gapCost    = 1
	differCost = 1
)

// pairs aligns two columns by the least cost and gives for each station of a the one of b, or -1. Which of two alignments of
// one cost is taken does not depend on which column is first.
func pairs(a, b []station) []int {
	if slices.CompareFunc(a, b, func(x, y station) int { return compareText(x.text, y.text) }) > 0 {
		back := pairs(b, a)
		out := none(len(a))
		for j, i := range back {
			if i >= 0 {
				out[i] = j
			}
		}
		return out
	}
	n, m := len(a), len(b)
	cost := make([][]int, n+1) // cost[i][j]: of aligning a[i:] with b[j:]
	for i := n; i >= 0; i-- {
		cost[i] = make([]int, m+1)
		for j := m; j >= 0; j-- {
			switch {
			case i == n:
				cost[i][j] = (m - j) * gapCost
			case j == m:
				cost[i][j] = (n - i) * gapCost
			default:
				c := min(cost[i+1][j], cost[i][j+1]) + gapCost
				if a[i].key == b[j].key {
					c = min(c, cost[i+1][j+1]+differ(&a[i], &b[j]))
				}
				cost[i][j] = c
			}
		}
	}
	out := none(n)
	for i, j := 0, 0; i < n && j < m; {
		switch {
		case a[i].key == b[j].key && cost[i][j] == cost[i+1][j+1]+differ(&a[i], &b[j]):
			out[i] = j
			i, j = i+1, j+1
		case cost[i][j] == cost[i+1][j]+gapCost:
			i++
		default:
			j++
		}
	}
	return out
}

func none(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = -1
	}
	return out
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func differ(a, b *station) int {
	if a.sign == b.sign {
		return 0
	}
	return differCost
}

// raw is a row in the making: a station of each column, nil for a gap.
type raw []*station

// Align sets the stations of columns side by side. Each is aligned with the first; what the first does not have stands
// between its stations, and is aligned among the others. Every station is in exactly one row, in its column's order.
func Align(cols []*Column) []Row {
	all := make([][]station, len(cols))
	for i, c := range cols {
		c.fill()
		all[i] = stations(c)
	}
	rows := []Row{}
	for _, r := range mergeLegs(all) {
		rows = append(rows, row(cols, r))
	}
	return rows
}

// mergeLegs aligns leg by leg: legs first, by what they are, then the stations of each. A leg that only one column has, such
// as an ICMP error, is never torn apart by the others'.
func mergeLegs(all [][]station) []raw {
	legs := make([][]station, len(all))    // a station for each leg
	parts := make([][][]station, len(all)) // and the leg's own
	for c := range all {
		for i, s := range all[c] {
			if i == 0 || s.leg != all[c][i-1].leg {
				legs[c] = append(legs[c], station{key: key{leg: s.leg}, text: s.leg, at: len(parts[c])})
				parts[c] = append(parts[c], nil)
			}
			last := len(parts[c]) - 1
			parts[c][last] = append(parts[c][last], s)
		}
	}
	var out []raw
	for _, r := range merge(legs) {
		of := make([][]station, len(all))
		for c, leg := range r {
			if leg != nil {
				of[c] = parts[c][leg.at]
			}
		}
		out = append(out, merge(of)...)
	}
	return out
}

// merge joins the alignments.
func merge(all [][]station) []raw {
	if len(all) == 0 {
		return nil
	}
	k, first := len(all), all[0]
	spine := make([]raw, len(first))
	for i := range first {
		spine[i] = make(raw, k)
		spine[i][0] = &first[i]
	}
	between := make([][]raw, len(first)+1) // rows before the first column's station i
	for c := 1; c < k; c++ {
		to := pairs(first, all[c])
		from := none(len(all[c]))
		for i, j := range to {
			if j >= 0 {
				from[j], spine[i][c] = i, &all[c][j]
			}
		}
		slot := 0
		var run []station
		flush := func() {
			between[slot] = insert(between[slot], run, c, k)
			run = nil
		}
		for j := range all[c] {
			if i := from[j]; i >= 0 {
				flush()
				slot = i + 1
				continue
			}
			run = append(run, all[c][j])
		}
		flush()
	}
	var out []raw
	for i := range between {
		out = append(out, between[i]...)
		if i < len(spine) {
			out = append(out, spine[i])
		}
	}
	return out
}

// insert aligns stations that the first column does not have with those of the columns before.
func insert(rows []raw, run []station, col, width int) []raw {
	if len(run) == 0 {
		return rows
	}
	have := make([]station, len(rows))
	for i, r := range rows {
		have[i] = *r.any()
	}
	to := pairs(have, run)
	var out []raw
	j := 0
	add := func(end int) {
		for ; j < end; j++ {
			r := make(raw, width)
			r[col] = &run[j]
			out = append(out, r)
		}
	}
	for i, r := range rows {
		if to[i] >= 0 {
			add(to[i])
			r[col] = &run[to[i]]
			j++
		}
		out = append(out, r)
	}
	add(len(run))
	return out
}

// any is the first station of a row.
func (r raw) any() *station {
	for _, s := range r {
		if s != nil {
			return s
		}
	}
	return nil
}

func row(cols []*Column, r raw) Row {
	s := r.any()
	out := Row{State: Same, Leg: s.leg, Role: s.role, Kind: s.kind, Outer: s.outer || s.dev == devTunnel || s.kind == "encap" || s.kind == "decap"}
	for c := range cols {
		cell := Cell{Station: -1, State: Missing}
		if x := r[c]; x != nil {
			cell = fillCell(cols[c], x)
		}
		switch {
		case r[0] == nil && r[c] == nil:
			cell.State = Absent
		case r[0] == nil:
			cell.State, cell.Note = Extra, note(s, &cell)
		case r[c] == nil:
			out.State = Missing
		case r[c].sign != r[0].sign:
			cell.State = Differs
			if out.State == Same {
				out.State = Differs
			}
		default:
			cell.State = Same
		}
		out.Cells = append(out.Cells, cell)
	}
	if r[0] == nil {
		out.State = Extra
	}
	out.Differences = differences(r, out.Cells)
	return out
}

func note(s *station, c *Cell) string {
	switch {
	case c.Bytes != 0:
		return NoteBytes
	case s.dev == devTunnel:
		return NoteDevice
	case !s.outer:
		return ""
	case s.kind == "send":
		return NoteLookup
	case s.kind == "INPUT" || s.kind == "route":
		return NoteDelivery
	}
	return NotePass
}

func fillCell(c *Column, x *station) Cell {
	s := &c.Document.Stations[x.at]
	hop := &c.Document.Legs[s.Leg].Hops[s.Hop]
	d := &hop.Steps[s.Decisive]
	out := Cell{Station: x.at, ID: s.ID, Namespace: s.Namespace, Interface: s.Interface, Table: d.Table, Text: d.Text, Code: d.Code, Args: d.Args, Verdict: d.Verdict,
		Steps: s.Last - s.First + 1, Rules: x.sign.rules, Wrapped: wrapped(c.Document, hop.Steps[s.Last].Packet)}
	if s.Leg < len(c.Report.Legs) && s.Hop < len(c.Report.Legs[s.Leg].Hops) {
		if cost := c.Report.Legs[s.Leg].Hops[s.Hop].Between(s.First, s.Last); !cost.Zero() {
			out.Cost = &cost
		}
	}
	for i := s.First; i <= s.Last; i++ {
		switch st := &hop.Steps[i]; trace.Code(st.Code) {
		case trace.VXLANEncap, trace.IPIPEncap:
			out.Bytes += number(st.Args["bytes"])
		case trace.VXLANDecap, trace.IPIPDecap:
			out.Bytes -= number(st.Args["bytes"])
		}
	}
	return out
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// differences lists what is not the same in the columns that have a stop.
func differences(r raw, cells []Cell) []Difference {
	s := r.any()
	differ := false
	for _, x := range r {
		differ = differ || x != nil && x.sign != s.sign
	}
	if !differ {
		return nil
	}
	var out []Difference
	each := func(what string, of func(c int) string, same func(a, b *sign) bool) {
		d, have := Difference{What: what}, false
		for c, x := range r {
			if x == nil {
				d.Values = append(d.Values, "")
				continue
			}
			d.Values = append(d.Values, of(c))
			have = have || !same(&x.sign, &s.sign)
		}
		if have {
			out = append(out, d)
		}
	}
	// The line itself has names in it: it is shown where something about the decision differs.
	each(WhatLine, func(c int) string { return cells[c].Text }, func(a, b *sign) bool { return a.steps == b.steps && a.route == b.route })
	each(WhatDecided, func(c int) string { return r[c].sign.seen }, func(a, b *sign) bool { return a.seen == b.seen })
	each(WhatRules, func(c int) string { return strconv.Itoa(r[c].sign.rules) }, func(a, b *sign) bool { return a.rules == b.rules })
	each(WhatRoute, func(c int) string { return r[c].sign.route }, func(a, b *sign) bool { return a.route == b.route })
	each(WhatFields, func(c int) string { return r[c].sign.fields }, func(a, b *sign) bool { return a.fields == b.fields })
	each(WhatHeaders, func(c int) string { return r[c].sign.headers }, func(a, b *sign) bool { return a.headers == b.headers })
	return out
}
