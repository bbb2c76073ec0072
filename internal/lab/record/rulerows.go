package record

import (
	"fmt"
	"net/netip"
	"sort"

	"github.com/podpath/podpath/internal/trace"
)

// Attributes of a trace event (enum nft_trace_attributes).
const (
	traceTableName = 1
	traceChain     = 2
	traceHandle    = 3
	traceType      = 4
	traceVerdict   = 5
	traceID        = 6
	traceNetwork   = 8
	traceTransport = 9
	traceIIF       = 10
	traceOIF       = 12
	traceMark      = 14
	tracePolicy    = 16
	traceCTDir     = 19
	traceCTState   = 21
)

// typePolicy is NFT_TRACETYPE_POLICY.
const typePolicy = 1

// verdicts are the kernel's numbers for what a rule says (nft_verdicts in nf_tables.h, NF_* in netfilter.h).
var verdicts = map[int32]string{0: "drop", 1: "accept", 2: "stolen", 3: "queue", 4: "repeat", -1: "continue", -2: "break", -3: "jump", -4: "goto", -5: "return"}

// states are conntrack's, as nft has them in bits (NF_CT_STATE_BIT).
var states = map[uint32]string{1: "invalid", 2: "established", 4: "related", 8: "new", 64: "untracked"}

// buildRules makes rows of the trace events: which rule a packet met, where, and what it was then. Rows of one packet stand in
// the order in which it visited the namespaces.
func (r *Recorder) buildRules(events [][]map[uint16][]byte, path []row, numbers map[string]numbered) []trace.RuleRow {
	var out []trace.RuleRow
	for i, t := range r.rules {
		out = append(out, t.rows(events[i], numbers, r)...)
	}
	visits := map[string]int{}
	for i, p := range path {
		k := fmt.Sprint(p.Packet, " ", p.NS)
		if _, ok := visits[k]; !ok {
			visits[k] = i
		}
	}
	order := func(x *trace.RuleRow) int {
		if at, ok := visits[fmt.Sprint(x.Packet, " ", x.NS)]; ok {
			return at
		}
		return len(path)
	}
	sort.SliceStable(out, func(a, b int) bool {
		if out[a].Packet != out[b].Packet {
			return out[a].Packet < out[b].Packet
		}
		return order(&out[a]) < order(&out[b])
	})
	return out
}

// walking is a packet on its way through one base chain.
type walking struct {
	row  trace.RuleRow // what all its rows share
	at   *trace.AtRow  // the packet at the hook, until a row has it
	skip bool
}

// rows reads the events of one namespace, which are in the kernel's order.
func (t *ruleTrace) rows(events []map[uint16][]byte, numbers map[string]numbered, r *Recorder) []trace.RuleRow {
	var out []trace.RuleRow
	current := map[uint32]*walking{}
	marks := map[int]string{}
	for _, a := range events {
		c := chainAt{text(a[traceTableName]), text(a[traceChain])}
		if c.table == traceTable {
			continue
		}
		id := be32(a[traceID])
		mark := fmt.Sprintf("0x%x", be32(a[traceMark]))
		if net := a[traceNetwork]; net != nil { // the first event of a base chain has the headers
			current[id] = t.begin(a, c, net, mark, numbers, r)
		}
		w := current[id]
		if w == nil || w.skip {
			continue
		}
		e := w.row
		e.Chain = c.chain
		switch known, ok := t.rules[ruleAt{c, be64(a[traceHandle])}]; {
		case be32(a[traceType]) == typePolicy:
			e.Verdict = "policy " + verdicts[int32(be32(a[tracePolicy]))]
		case a[traceHandle] != nil && ok:
			e.Verdict, e.Rule, e.Text = verdictOf(a), known.number, known.text
		case t.hooks[c].hook != "":
			continue // no rule of a base chain matched: its policy comes next
		default:
			e.Verdict, e.Text = "return", "(end of chain)"
		}
		last, ok := marks[e.Packet]
		if !ok {
			last = "0x0"
		}
		if mark != last {
			e.Mark = mark
		}
		marks[e.Packet] = mark
		e.At, w.at = w.at, nil
		out = append(out, e)
	}
	return out
}

func verdictOf(a map[uint16][]byte) string {
	v := attributes(a[traceVerdict])
	s := verdicts[int32(be32(v[1]))]
	if chain := text(v[2]); chain != "" {
		s += " " + chain
	}
	return s
}

// begin is a packet's entry into a base chain.
func (t *ruleTrace) begin(a map[uint16][]byte, c chainAt, net []byte, mark string, numbers map[string]numbered, r *Recorder) *walking {
	base := t.hooks[c]
	ihl := int(net[0]&15) * 4
	whole := append(append([]byte(nil), net[:min(ihl, len(net))]...), a[traceTransport]...)
	p, ok := parseIP(whole)
	dst, err := netip.ParseAddr(p.ip.Dst)
	if !ok || p.offset > 0 || err != nil || dst.IsMulticast() {
		return &walking{skip: true}
	}
	n, known := numbers[p.key]
	if n.again {
		return &walking{skip: true}
	}
	if !known {
		n = numbered{label: label(&p.ip, &p.l4)}
	}
	dev := func(kind uint16) *string {
		if a[kind] == nil {
			return nil
		}
		name := r.nameOf(t.ns.Name, int(be32(a[kind])))
		return &name
	}
	at := &trace.AtRow{In: dev(traceIIF), Out: dev(traceOIF), Src: p.ip.Src, Dst: p.ip.Dst, TTL: p.ip.TTL, Proto: p.ip.Proto, SPort: p.l4.SrcPort, DPort: p.l4.DstPort, Mark: mark}
	if s := a[traceCTState]; s != nil { // kernels since 6.16 say what conntrack thinks
		at.CT = states[be32(s)]
		at.CTDir = "original"
		if d := a[traceCTDir]; len(d) > 0 && d[0] != 0 {
			at.CTDir = "reply"
		}
	}
	return &walking{row: trace.RuleRow{Packet: n.n, Label: n.label, NS: t.ns.Name, Hook: base.hook, Family: base.family, Table: c.table}, at: at}
}

// nameOf is a namespace's device with an index, as its tap knows it; "" where there is none.
func (r *Recorder) nameOf(ns string, index int) string {
	for _, t := range r.taps {
		if t.ns == ns {
			return t.names[index]
		}
	}
	return ""
}
