package lab

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/trace"
)

// Difference is one place where the tracer does not say what the kernel did.
type Difference struct {
	What   string // path row 3, rule row 7, conntrack n1
	Kernel string
	Tracer string
	Rule   string   // the rule's text where the row is about one
	Where  []string // the fields that differ: "ip.ttl: 63, not 64" (the kernel's first)
}

// String shows the kernel beside the tracer.
func (d Difference) String() string {
	s := d.What + "\n    kernel: " + d.Kernel + "\n    tracer: " + d.Tracer
	if d.Rule != "" {
		s += "\n    rule:   " + d.Rule
	}
	if len(d.Where) > 0 {
		s += "\n    where:  " + strings.Join(d.Where, "; ")
	}
	return s
}

// Report is what a comparison found.
type Report struct {
	Flow        Flow
	Exchange    bool
	PathRows    int
	RuleRows    int
	Entries     int
	Differences []Difference
	Trace       *trace.Trace
}

// Verify traces a recording's flow and compares path, rules and, for the whole exchange, conntrack, as
// golden/kernel/README.md defines agreement.
func Verify(r *Recording, exchange bool) (*Report, error) {
	t, err := r.Trace(exchange)
	if err != nil {
		return nil, err
	}
	out := &Report{Flow: r.Flow, Exchange: exchange, Trace: t}
	wantPath, wantRules := r.Path, r.Rules
	path, rules := Rows(t)
	gotPath, gotRules := Generic(path), Generic(rules)
	last, label := 2, "" // an error that the answer meets with is a third packet
	broken := false
	switch {
	case exchange:
		last, label, broken = breaks(t)
	case len(t.Legs) > 1 && t.Legs[0].Outcome == trace.Delivered && t.Legs[1].Outcome == trace.Delivered:
		label = none // what nobody saw comes after the two
	}
	if !exchange || broken {
		wantPath, wantRules = upTo(wantPath, last, label), upTo(wantRules, last, label)
		gotPath, gotRules = upTo(gotPath, last, label), upTo(gotRules, last, label)
	}
	c := newComparison(out, r)
	c.path(forUs(wantPath), gotPath)
	c.rules(wantRules, gotRules)
	if exchange {
		if !broken {
			var lines []string
			for _, ns := range t.Topology.Names() {
				for _, l := range t.ConntrackLines(ns) {
					lines = append(lines, ns+": "+l)
				}
			}
			c.conntrack(r.Conntrack, lines)
		}
		c.outcome(r, t)
	}
	return out, nil
}

// none is no packet's label.
const none = "-"

// breaks says whether a conversation that had begun ends in the middle, with the packet that was lost: by its number, 0 where no
// interface saw it, and its label. A trace ends there, while both sides of a TCP go on: they send what they have again, and close.
func breaks(t *trace.Trace) (packet int, label string, broken bool) {
	const handshake = 2
	path := t.Path()
	number := 0
	seen := map[int]bool{}
	for i := range t.Legs {
		l := &t.Legs[i]
		for _, r := range path {
			if r.Packet == i+1 && !seen[i] {
				seen[i] = true
				number++
			}
		}
		if i >= handshake && l.Outcome != trace.Delivered && l.Kind != trace.ICMPError && t.Legs[0].Label == "SYN" && t.Legs[1].Label == "SYN-ACK" {
			return number, l.Label, true
		}
	}
	return 0, "", false
}

// upTo cuts rows behind a packet. Of those that no interface saw, the ones with the label stay.
func upTo(rows []map[string]any, packet int, label string) []map[string]any {
	return slices.DeleteFunc(slices.Clone(rows), func(r map[string]any) bool {
		n, _ := r["packet"].(float64)
		return int(n) > packet || n == 0 && label != "" && r["label"] != label
	})
}

// Rows gives a trace's rows as a recording would have them. A packet that no interface saw, such as one that OUTPUT rejects, has
// the number 0 there. A packet's rules stand in the order in which it first came to their namespaces.
func Rows(t *trace.Trace) ([]trace.PathRow, []trace.RuleRow) {
	path, rules := t.Path(), t.Rules()
	number := map[int]int{}
	visit := map[string]int{}
	for i := range path {
		r := &path[i]
		if number[r.Packet] == 0 {
			number[r.Packet] = len(number) + 1
		}
		r.Packet = number[r.Packet]
		if k := fmt.Sprint(r.Packet, " ", r.NS); visit[k] == 0 {
			visit[k] = i + 1
		}
	}
	tunnelled := map[int]bool{}
	for i := range path {
		tunnelled[path[i].Packet] = tunnelled[path[i].Packet] || path[i].Outer != nil
	}
	outer := false
	marks := map[string]string{}
	for i := range rules {
		r := &rules[i]
		r.Packet = number[r.Packet]
		if r.At != nil {
			outer = r.At.DPort != nil && *r.At.DPort == vxlan && r.At.Proto == "udp"
		}
		if outer && !tunnelled[r.Packet] { // nobody saw the packet around the one that is known
			r.Packet, r.Label = 0, "UDP"
			if r.At != nil && r.At.Mark != cmp.Or(marks[r.NS], "0x0") {
				r.Mark = r.At.Mark
			}
			marks[r.NS] = cmp.Or(r.Mark, marks[r.NS])
		}
	}
	at := func(r *trace.RuleRow) int {
		if n := visit[fmt.Sprint(r.Packet, " ", r.NS)]; n != 0 {
			return n
		}
		return len(path) + 1
	}
	slices.SortStableFunc(rules, func(a, b trace.RuleRow) int {
		return cmp.Or(cmp.Compare(a.Packet, b.Packet), cmp.Compare(at(&a), at(&b)))
	})
	return path, rules
}

// Compare compares two recordings of one flow, as [Verify] compares a recording with a trace: again is shown as the tracer is.
func Compare(first, again *Recording) *Report {
	out := &Report{Flow: first.Flow, Exchange: true}
	c := newComparison(out, first)
	c.path(forUs(first.Path), forUs(again.Path))
	c.rules(first.Rules, again.Rules)
	c.conntrack(first.Conntrack, again.Conntrack)
	if a, b := first.Flow.ClientSaw, again.Flow.ClientSaw; a != b {
		out.Differences = append(out.Differences, Difference{What: "client", Kernel: a, Tracer: b})
	}
	return out
}

func newComparison(out *Report, r *Recording) *comparison {
	c := &comparison{report: out, ports: ports{to: map[string]string{}, from: map[string]string{}}, random: map[string]bool{}}
	for _, p := range r.Flow.RandomPorts {
		c.random[fmt.Sprint(p)] = true
	}
	return c
}

// forUs leaves out what a device saw that was not for it.
func forUs(path []map[string]any) []map[string]any {
	return slices.DeleteFunc(slices.Clone(path), func(row map[string]any) bool { return row["otherhost"] == true })
}

// outcome compares what came of the flow: what the client saw, and why the kernel threw the packet away, where it said so.
func (c *comparison) outcome(r *Recording, t *trace.Trace) {
	differ := func(what, kernel, tracer string) {
		c.report.Differences = append(c.report.Differences, Difference{What: what, Kernel: kernel, Tracer: tracer})
	}
	answered := r.Flow.ClientSaw == EchoReply || r.Flow.ClientSaw == EmptyAnswer || strings.HasPrefix(r.Flow.ClientSaw, Answer(""))
	if answered != (t.Outcome == trace.Delivered) {
		differ("client", r.Flow.ClientSaw, string(t.Outcome))
	}
	if !r.HasDrops {
		return
	}
	for i := range t.Legs {
		l := &t.Legs[i]
		reason := t.DropReason(l)
		if l.Outcome != trace.Dropped || reason == "" {
			continue
		}
		if !slices.ContainsFunc(r.Drops, func(d Drop) bool { return d.Reason == reason }) {
			differ("drop reason", fmt.Sprint(r.Drops), reason)
		}
	}
}

// Generic gives rows as JSON has them, so that both sides are compared alike.
func Generic[T any](rows []T) []map[string]any {
	b, err := json.Marshal(rows)
	if err != nil {
		panic(fmt.Sprintf("rows of a projection are plain data: %v", err))
	}
	var out []map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		panic(fmt.Sprintf("rows of a projection are plain data: %v", err))
	}
	return out
}

// ports maps what the kernel drew to what the model chose, one to one.
type ports struct{ to, from map[string]string }

type comparison struct {
	report *Report
	ports  ports
	random map[string]bool
}

// same compares two values; ports that the kernel drew at random are mapped.
func (c *comparison) same(key string, kernel, tracer any) bool {
	if key == "sport" || key == "dport" {
		return c.samePort(portOf(kernel), portOf(tracer), c.random[portOf(kernel)])
	}
	if m, ok := kernel.(map[string]any); ok {
		n, ok := tracer.(map[string]any)
		return ok && c.sameMap(m, n, nil, false)
	}
	return reflect.DeepEqual(kernel, tracer)
}

func (c *comparison) samePort(kernel, tracer string, random bool) bool {
	if !random {
		_, taken := c.ports.from[tracer]
		return kernel == tracer && !taken
	}
	if have, ok := c.ports.to[kernel]; ok {
		return have == tracer
	}
	if _, taken := c.ports.from[tracer]; taken || c.random[tracer] && tracer != kernel {
		return false
	}
	c.ports.to[kernel], c.ports.from[tracer] = tracer, kernel
	return true
}

// sameMap compares keys of the kernel's row. exact also asks that the tracer has no key more.
func (c *comparison) sameMap(kernel, tracer map[string]any, skip map[string]bool, exact bool) bool {
	for k, v := range kernel {
		if skip[k] {
			continue
		}
		w, ok := tracer[k]
		if !ok {
			if v == nil {
				continue
			}
			return false
		}
		if !c.same(k, v, w) {
			return false
		}
	}
	if exact {
		for k, v := range tracer {
			if _, ok := kernel[k]; !ok && !skip[k] && v != nil {
				return false
			}
		}
	}
	return true
}

func (c *comparison) path(kernel, tracer []map[string]any) {
	c.report.PathRows = len(kernel)
	skip := map[string]bool{"csum_partial": true}
	c.rows("path row", kernel, tracer, func(a, b map[string]any) bool {
		if o, ok := a["outer"].(map[string]any); ok { // the source port of VXLAN is a hash with a random seed
			if p, ok := o["sport"]; ok {
				c.random[portOf(p)] = true
			}
		}
		if l4, ok := a["l4"].(map[string]any); ok { // so is that of a tunnel's packet that an error is about
			if about, ok := l4["about"].(map[string]any); ok && portOf(about["dport"]) == fmt.Sprint(vxlan) {
				c.random[portOf(about["sport"])] = true
			}
		}
		return c.sameMap(a, b, skip, true)
	})
}

// vxlan is IANA's port for VXLAN (RFC 7348).
const vxlan = 4789

func (c *comparison) rules(kernel, tracer []map[string]any) {
	kernel, tracer = byLabel(kernel), byLabel(tracer)
	c.report.RuleRows = len(kernel)
	c.rows("rule row", kernel, tracer, func(a, b map[string]any) bool { return c.sameMap(a, b, nil, false) })
}

// byLabel puts the rows of packets that no interface saw beside each other, by what they are called: an error that a rule of
// OUTPUT sends passes OUTPUT itself before the kernel is through with the rule.
func byLabel(rows []map[string]any) []map[string]any {
	n := 0
	for n < len(rows) && portOf(rows[n]["packet"]) == "0" {
		n++
	}
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows[:n], func(a, b map[string]any) int { return cmp.Compare(fmt.Sprint(a["label"]), fmt.Sprint(b["label"])) })
	return rows
}

// rows compares two lists row by row; behind the first difference the rest is only counted, for one row too many makes
// all after it differ.
func (c *comparison) rows(what string, kernel, tracer []map[string]any, same func(a, b map[string]any) bool) {
	for i := 0; i < max(len(kernel), len(tracer)); i++ {
		var a, b map[string]any
		if i < len(kernel) {
			a = kernel[i]
		}
		if i < len(tracer) {
			b = tracer[i]
		}
		if a != nil && b != nil && same(a, b) {
			continue
		}
		d := Difference{What: fmt.Sprintf("%s %d of %d (tracer has %d)", what, i+1, len(kernel), len(tracer)), Kernel: show(a), Tracer: show(b)}
		if t, ok := a["text"].(string); ok {
			d.Rule = t
		}
		if a != nil && b != nil {
			d.Where = c.where("", a, b)
		}
		c.report.Differences = append(c.report.Differences, d)
		return
	}
}

// where lists the fields of two rows that differ. A port that was drawn is compared by what it is mapped to, so one that is only
// another number may be listed.
func (c *comparison) where(prefix string, kernel, tracer map[string]any) []string {
	keys := map[string]bool{}
	for k := range kernel {
		keys[k] = true
	}
	for k := range tracer {
		keys[k] = true
	}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		a, b := kernel[k], tracer[k]
		x, nested := a.(map[string]any)
		y, both := b.(map[string]any)
		switch {
		case nested && both:
			out = append(out, c.where(prefix+k+".", x, y)...)
		case k == "csum_partial" || reflect.DeepEqual(a, b) || (k == "sport" || k == "dport") && c.ports.to[portOf(a)] == portOf(b):
		default:
			out = append(out, fmt.Sprintf("%s%s: %v, not %v", prefix, k, value(a), value(b)))
		}
	}
	return out
}

// value is a field's value for a message.
func value(v any) any {
	if v == nil {
		return "nothing"
	}
	return v
}

func show(row map[string]any) string {
	if row == nil {
		return "(no row)"
	}
	b, _ := json.Marshal(row)
	return string(b)
}

// drawnPorts maps the ports of a connection that are in no description. One that is in no row of the path, as of a packet that was
// dropped behind its translation, has nothing to be mapped by and only has to be drawn on both sides; so has an identifier of ICMP.
func (c *comparison) drawnPorts(line string, as func(port string) string) string {
	w := strings.Fields(line)
	for i, x := range w {
		key, v, ok := strings.Cut(x, "=")
		n, err := strconv.Atoi(v)
		switch {
		case !ok || err != nil:
		case key == "id" && n != int(c.report.Flow.ClientPort):
			w[i] = "id=(drawn)"
		case (key == "sport" || key == "dport") && !c.report.Flow.Names(n):
			w[i] = key + "=" + as(v)
		}
	}
	return strings.Join(w, " ")
}

// conntrack compares entries as a set: `conntrack -L` lists them in the order of a hash table.
func (c *comparison) conntrack(kernel, tracer []string) {
	tracer = slices.Clone(tracer)
	c.report.Entries = len(kernel)
	for i := range tracer {
		tracer[i] = c.drawnPorts(tracer[i], func(p string) string {
			if _, taken := c.ports.from[p]; taken {
				return p
			}
			return "(drawn)"
		})
	}
	mapped := make([]string, len(kernel))
	for i, l := range kernel {
		mapped[i] = c.drawnPorts(l, func(p string) string {
			if to, ok := c.ports.to[p]; ok {
				return to
			}
			return "(drawn)"
		})
	}
	sort.Strings(mapped)
	sort.Strings(tracer)
	if slices.Equal(mapped, tracer) {
		return
	}
	c.report.Differences = append(c.report.Differences, Difference{What: "conntrack", Kernel: strings.Join(mapped, "\n            "), Tracer: strings.Join(tracer, "\n            ")})
}
