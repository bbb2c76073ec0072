package templates

import (
	"context"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/podpath/podpath/internal/diagram"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// LineView is one line of the decision: kernel output with its verdict, or a sentence where a step has no text of its
// own.
type LineView struct {
	Class   string // is-match, is-drop, is-jump, is-miss, is-met, cap
	Sign    string
	Verdict string // the sign in words
	Parts   []Part // verbatim text
	Plain   string // a sentence instead
	Note    string
	Misses  []MissView // passed over just before this line
	Passed  string     // how many, in words
	Because []CauseView
}

// Part is a piece of verbatim text; Strong is what decides in it; Href leads to the chain that it names, or selects the
// Thing of a node's anatomy that it names.
type Part struct {
	Text   string
	Strong bool
	Href   string
	Thing  string
}

// MissView is a rule or route that was tried in vain.
type MissView struct {
	Parts []Part
	Note  string
}

// deciding marks what to read first in a line of kernel output.
var deciding = regexp.MustCompile(`--to-source \S+|--to-destination \S+|lookup \S+|-[jg] [A-Za-z][A-Za-z0-9_.-]*|lladdr \S+|dev \S+|--set-xmark \S+|--reject-with \S+`)

func parts(text string) []Part {
	var out []Part
	at := 0
	for _, m := range deciding.FindAllStringIndex(text, -1) {
		if m[0] > at {
			out = append(out, Part{Text: text[at:m[0]]})
		}
		out = append(out, Part{Text: text[m[0]:m[1]], Strong: true})
		at = m[1]
	}
	if at < len(text) {
		out = append(out, Part{Text: text[at:]})
	}
	return out
}

// lines are a station's decision in the order in which the kernel took it.
func (b *builder) lines(s *diagram.Station, hop *trace.HopDocument, steps []trace.StepDocument, drop bool) []LineView {
	var out []LineView
	table := ""
	rule := drop && ended(steps)
	if rule {
		steps = steps[:len(steps)-1]
	}
	for i := range steps {
		st := &steps[i]
		if st.Table != "" && st.Table != table {
			table = st.Table
			name := st.Table
			if st.Family == "" || st.Family == "ip" {
				name += " · " + st.Hook
			} else {
				name = st.Family + " " + name + " · " + st.Hook
			}
			out = append(out, LineView{Class: "cap", Plain: name})
		}
		last := i == len(steps)-1
		out = append(out, b.line(s, hop, st, s.First+i == s.Decisive || rule && last, drop && last))
	}
	return out
}

// ended says whether the last step only repeats what the rule before it decided: that the packet ends here.
func ended(steps []trace.StepDocument) bool {
	n := len(steps)
	return n > 1 && steps[n-1].Text == "" && steps[n-2].Text != "" && steps[n-2].Code == steps[n-1].Code
}

func (b *builder) line(s *diagram.Station, hop *trace.HopDocument, st *trace.StepDocument, decisive, drop bool) LineView {
	l := LineView{Class: "is-met", Sign: "•", Verdict: b.l.T("ui.verdict-none")}
	set := func(class, sign, verdict string) { l.Class, l.Sign, l.Verdict = class, sign, b.l.T("ui."+verdict) }
	switch {
	case drop:
		set("is-drop", "✕", "verdict-drop")
	case decisive:
		set("is-match", "✓", "verdict-match")
	case st.Code == string(trace.RuleJump) || st.Code == string(trace.RuleGoto):
		set("is-jump", "↳", "verdict-jump")
	case st.Text != "":
		set("is-met", "✓", "verdict-match")
	}
	sentence := b.l.Code(st.Code, st.Args)
	switch {
	case st.Text == "" && decisive:
		l.Parts = parts(facts(st)) // the sentence itself stands above
	case st.Text == "":
		l.Plain = sentence
	default:
		l.Parts = b.linked(parts(strings.ReplaceAll(st.Text, "\t", " ")), hop, st)
		if !decisive && noteworthy(trace.Code(st.Code)) {
			l.Note = sentence
		}
	}
	for _, e := range st.Evidence {
		m := MissView{Parts: []Part{{Text: strings.ReplaceAll(e.Text, "\t", " ")}}}
		switch {
		case e.Code != "":
			m.Note, _ = b.l.Lookup("evidence."+e.Code, nil)
		case e.Verdict == "lost":
			m.Note = b.l.T("ui.verdict-lost")
		}
		l.Misses = append(l.Misses, m)
	}
	for _, x := range st.Misses {
		l.Misses = append(l.Misses, MissView{Parts: b.linked(parts(x.Text), hop, st), Note: b.missNote(x)})
	}
	l.Because = b.because(st, s.Index)
	if n := max(st.Passed, len(l.Misses)); n > 0 {
		id := "ui.passed"
		if len(st.Evidence) > 0 && st.Evidence[0].Verdict == "lost" {
			id = "ui.passed-routes"
		}
		l.Passed = b.l.T(id, "count", itoa(n))
	}
	return l
}

// linked lets a jump in a rule's text be followed, to the chain on the node's page.
func (b *builder) linked(in []Part, hop *trace.HopDocument, st *trace.StepDocument) []Part {
	if b.in.NodeHref == nil || st.Table == "" || hop.Kind != string(topology.Node) {
		return in
	}
	ns, err := b.topo.Namespace(hop.Namespace)
	if err != nil || ns.Netfilter.Rules == nil {
		return in
	}
	t := ns.Netfilter.Rules.Table(st.Table)
	if t == nil {
		return in
	}
	for i := range in {
		if name := chainIn(in[i].Text); t.Chain(name) != nil {
			in[i].Href = b.in.NodeHref(hop.Namespace, st.Table, name)
		}
	}
	return in
}

// chainIn is the chain that a part of a rule jumps or goes to; "" where it does not.
func chainIn(part string) string {
	how, name, _ := strings.Cut(part, " ")
	if how == "-j" || how == "-g" {
		return name
	}
	return ""
}

// facts are what a step without kernel output of its own rests on: what it changed, or else what it looked at.
func facts(st *trace.StepDocument) string {
	var out []string
	for _, c := range st.Changes {
		out = append(out, c.Field+" "+c.Before+" → "+c.After)
	}
	if len(out) == 0 {
		for _, k := range slices.Sorted(maps.Keys(st.Args)) {
			if v := st.Args[k]; v != "" {
				out = append(out, k+" "+v)
			}
		}
	}
	if len(out) == 0 {
		return st.Verdict
	}
	return strings.Join(out, " · ")
}

// verbatim writes text as it is: not a blank more or less than the kernel's tool printed.
func verbatim(parts []Part) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		for _, p := range parts {
			s := templ.EscapeString(p.Text)
			if p.Strong {
				s = "<b>" + s + "</b>"
			}
			switch {
			case p.Thing != "":
				s = `<a class="tok" data-thing="` + templ.EscapeString(p.Thing) + `" href="` + templ.EscapeString(p.Href) + `">` + s + "</a>"
			case p.Href != "":
				s = `<a class="jump" href="` + templ.EscapeString(p.Href) + `">` + s + "</a>"
			}
			if _, err := io.WriteString(w, s); err != nil {
				return err
			}
		}
		return nil
	})
}

// breakable lets a narrow column break an address before its port.
func breakable(text string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, port.ReplaceAllString(templ.EscapeString(text), "$1<wbr>$2"))
		return err
	})
}

var port = regexp.MustCompile(`(\.\d+)(:\d)`)

// missNote is why a rule did not match, where the catalogue has words for it; a match's own name is shown as it is.
func (b *builder) missNote(m trace.MissDocument) string {
	if m.Code == "" {
		return ""
	}
	args := maps.Clone(m.Args)
	if args != nil && args["have"] == "" {
		args["have"] = b.l.T("ui.nothing")
	}
	s, _ := b.l.Lookup("miss."+m.Code, args)
	return s
}

// noteworthy says whether a step beside the decisive one needs its sentence: it changed something, or is not plain from
// its text.
func noteworthy(c trace.Code) bool {
	switch c {
	case trace.RuleJump, trace.RuleGoto, trace.RuleReturn, trace.ChainEnd, trace.ChainPolicy, trace.RuleMatched,
		trace.PolicyRule, trace.RouteUnicast, trace.RouteLink, trace.RouteLocal:
		return false
	}
	return true
}

// PacketView is a packet after a station beside what it was before.
type PacketView struct {
	Layers []LayerView
	Bytes  []ByteView
	Marks  []Value
	Outer  bool // it is in a tunnel
	Tunnel bool // it is, or was
}

// LayerView is one header.
type LayerView struct {
	Type    string
	Class   string // e Ethernet, i IP and transport, o outer
	Badge   string // +14 B, −14 B
	Gone    bool
	Wide    bool
	Rows    []Value // changed headers: one row a field
	One     string  // unchanged headers: one line
	Side    string
	Changed bool
}

// Value is a field with what it was before, where it changed.
type Value struct {
	Name, Before, After string
	Changed             bool
}

// ByteView is a stripe of the byte strip.
type ByteView struct {
	Class string
	Bytes int
	Label string
}

// packet compares two packets; before is -1 at the start of a leg.
func (b *builder) packet(before, after int) PacketView {
	if after < 0 || after >= len(b.doc.Packets) {
		return PacketView{}
	}
	now := b.doc.Packets[after]
	var was *trace.PacketDocument
	if before >= 0 && before < len(b.doc.Packets) {
		was = &b.doc.Packets[before]
	}
	v := PacketView{Outer: now.Wrapped(), Tunnel: now.Wrapped() || was != nil && was.Wrapped()}
	pairs := trace.PairLayers(was, &now)
	for _, p := range pairs {
		x := layerView(p, was != nil)
		if p.Was != nil && p.Now != nil && p.Now.Type == "Ethernet" && now.Wrapped() && !was.Wrapped() {
			x.Badge = "+" + itoa(p.Now.Length) + " B" // a tunnel that carries frames: their own header becomes part of what it adds
		}
		v.Layers = append(v.Layers, x)
	}
	v.Bytes = byteStrip(pairs, was != nil, b.l.T("ui.payload-short"))
	mark := func(name string, was, now uint32, known bool) {
		val := Value{Name: name, After: hex(now)}
		if known && was != now {
			val.Before, val.Changed = hex(was), true
		}
		v.Marks = append(v.Marks, val)
	}
	var wm, wc uint32
	if was != nil {
		wm, wc = was.Mark, was.CTMark
	}
	mark("skb mark", wm, now.Mark, was != nil)
	if now.CTMark != 0 || wc != 0 {
		mark("ctmark", wc, now.CTMark, was != nil)
	}
	return v
}

// shown are the fields that stand in a header's one line, by layer type; the others only when they change.
var shown = map[string][]string{
	"Ethernet": {"src", "dst"},
	"IPv4":     {"src", "dst", "ttl"},
	"TCP":      {"srcPort", "dstPort", "flags"},
	"UDP":      {"srcPort", "dstPort"},
	"ICMP":     {"type", "code", "id", "mtu"},
	"VXLAN":    {"vni"},
}

func layerClass(l *trace.LayerDocument) string {
	switch {
	case l.Outer:
		return "o"
	case l.Type == "Ethernet":
		return "e"
	case l.Type == "Payload":
		return "p"
	}
	return "i"
}

// shortName is a field's name in the narrow column.
func shortName(name string) string {
	switch name {
	case "srcPort":
		return "sport"
	case "dstPort":
		return "dport"
	}
	return name
}

func layerView(p trace.LayerPair, compared bool) LayerView {
	l := p.Now
	if l == nil {
		l = p.Was
	}
	v := LayerView{Type: l.Type, Class: layerClass(l)}
	switch {
	case p.Now == nil:
		v.Gone, v.Badge = true, "−"+itoa(l.Length)+" B"
	case p.Was == nil && compared:
		v.Badge, v.Changed = "+"+itoa(l.Length)+" B", true
	}
	var changed []Value
	if p.Was != nil && p.Now != nil {
		for _, f := range p.Now.Fields {
			if old, ok := p.Was.Field(f.Name); ok && old != f.Value && f.Telling() {
				changed = append(changed, Value{Name: shortName(f.Name), Before: old, After: f.Value, Changed: true})
			}
		}
	}
	if len(changed) == 0 || v.Gone {
		v.One, v.Side = oneLine(l)
		return v
	}
	v.Changed = true
	v.Wide = l.Type == "Ethernet"
	names := map[string]bool{}
	for _, c := range changed {
		names[c.Name] = true
	}
	for _, name := range shown[l.Type] {
		if val, ok := l.Field(name); ok && !names[shortName(name)] {
			changed = append(changed, Value{Name: shortName(name), After: val})
		}
	}
	slices.SortStableFunc(changed, func(a, b Value) int { return fieldOrder(l, a.Name) - fieldOrder(l, b.Name) })
	v.Rows = changed
	return v
}

func fieldOrder(l *trace.LayerDocument, short string) int {
	for i, f := range l.Fields {
		if shortName(f.Name) == short {
			return i
		}
	}
	return len(l.Fields)
}

// oneLine is an unchanged header: who to whom, and one thing at the right.
func oneLine(l *trace.LayerDocument) (line, side string) {
	get := func(name string) string { s, _ := l.Field(name); return s }
	switch l.Type {
	case "Ethernet":
		return get("src") + " → " + get("dst"), ""
	case "IPv4":
		return get("src") + " → " + get("dst"), "ttl " + get("ttl")
	case "TCP", "UDP":
		return get("srcPort") + " → " + get("dstPort"), get("flags")
	case "Payload":
		return "", ""
	}
	var parts []string
	for _, name := range shown[l.Type] {
		if s := get(name); s != "" && (name != "mtu" || s != "0") {
			parts = append(parts, name+" "+s)
		}
	}
	if len(parts) == 0 {
		for _, f := range l.Fields {
			parts = append(parts, f.Name+" "+f.Value)
		}
	}
	return strings.Join(parts, "  "), ""
}

// byteStrip is the packet as stripes as wide as their headers are long.
func byteStrip(pairs []trace.LayerPair, compared bool, payload string) []ByteView {
	var out []ByteView
	hasPayload := false
	for _, p := range pairs {
		if p.Now == nil {
			continue
		}
		v := ByteView{Class: layerClass(p.Now), Bytes: max(p.Now.Length, 1), Label: itoa(p.Now.Length)}
		if compared && (p.Was == nil || p.Differs()) {
			v.Class += " c"
		}
		if p.Now.Type == "Payload" {
			hasPayload = true
			v.Label = payload
			v.Bytes = min(max(v.Bytes, 30), 60)
		}
		out = append(out, v)
	}
	if !hasPayload {
		return out
	}
	return out
}

// chipClass is the chip's state as CSS classes.
func chipClass(c diagram.Chip) string {
	var on []string
	for _, f := range []struct {
		set  bool
		name string
	}{{!c.Eth, "no-eth"}, {c.Wrapped, "is-wrapped"}, {c.ChangedEth, "c-eth"}, {c.ChangedIP, "c-ip"}, {c.ChangedL4, "c-l4"}, {c.Mark != "", "has-mark"}, {c.Tight, "tight"}} {
		if f.set {
			on = append(on, f.name)
		}
	}
	return strings.Join(on, " ")
}

// changeTag is what changed at a station, as short as the list needs it.
func changeTag(steps []trace.StepDocument) string {
	var tags []string
	add := func(t string) {
		if !slices.Contains(tags, t) {
			tags = append(tags, t)
		}
	}
	mac := false
	for _, st := range steps {
		for _, c := range st.Changes {
			layer, name, _ := strings.Cut(c.Field, ".")
			switch {
			case c.Before == c.After:
			case layer == "eth":
				mac = true
			case layer == "ip" && (name == "src" || name == "dst" || name == "ttl"):
				add(name)
			case c.Field == "mark" || c.Field == "ctmark":
				add("mark")
			case name == "srcPort":
				if !slices.Contains(tags, "src") {
					add("sport")
				}
			case name == "dstPort":
				if !slices.Contains(tags, "dst") {
					add("dport")
				}
			}
		}
	}
	for _, st := range steps {
		switch trace.Code(st.Code) {
		case trace.VXLANEncap, trace.IPIPEncap:
			add("+" + st.Args["bytes"] + " B")
		case trace.VXLANDecap, trace.IPIPDecap:
			add("−" + st.Args["bytes"] + " B")
		}
	}
	if len(tags) == 0 && mac {
		return "mac"
	}
	return strings.Join(tags, " ")
}

// hookOf is the box of the netfilter map that a kind of station stands in.
func hookOf(kind string) string {
	switch kind {
	case "receive", "decap":
		return "rx"
	case "PREROUTING":
		return "pre"
	case "route":
		return "rt"
	case "FORWARD":
		return "fwd"
	case "POSTROUTING":
		return "post"
	case "transmit", "encap":
		return "tx"
	case "INPUT":
		return "in"
	case "deliver", "send", "reject":
		return "sock"
	case "OUTPUT":
		return "out"
	}
	return ""
}

func itoa(n int) string { return strconv.Itoa(n) }

func hex(n uint32) string { return "0x" + strconv.FormatUint(uint64(n), 16) }
