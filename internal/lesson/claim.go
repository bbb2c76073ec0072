package lesson

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/anatomy"
	"github.com/podpath/podpath/internal/trace"
)

// Claim is one fact of a lesson's text and what carries it. Trace and At default to the step's; of the other fields one
// says what is claimed, with those that go with it.
type Claim struct {
	Trace string `yaml:"trace"`
	At    string `yaml:"at"`

	// Rule is a part of a line that decided there: a rule of a chain, an ip rule, a route, a neighbour.
	Rule string `yaml:"rule"`
	// Passed is a part of a line that was looked at there and did not apply.
	Passed string `yaml:"passed"`
	// Unasked is a part of a line that no step of that station looked at.
	Unasked string `yaml:"unasked"`
	// Field is a header field or mark as it is when the packet leaves the station: ip.src, outer.ip.dst, mark. Is is its value.
	Field string `yaml:"field"`
	Is    string `yaml:"is"`
	// Changes is a field that changes there, From one value To another. Its name is the one that the step has (packet.Diff): of a
	// packet that is wrapped, ip.ttl is the wrapping's and inner.ip.ttl the pod's, which Field names outer.ip.ttl and ip.ttl.
	Changes string `yaml:"changes"`
	From    string `yaml:"from"`
	To      string `yaml:"to"`
	// Keeps is a field that is the same at the station Until as here.
	Keeps string `yaml:"keeps"`
	Until string `yaml:"until"`
	// Code is a decision by its code (internal/trace/codes.go), with the arguments that are given.
	Code string            `yaml:"code"`
	Args map[string]string `yaml:"args"`
	// Interface is crossed there, in or out.
	Interface string `yaml:"interface"`
	// Outcome is how the trace ended, Reason the kernel's name for it.
	Outcome string `yaml:"outcome"`
	Reason  string `yaml:"reason"`
	// Passes and Never are a station that is on the way, and stations that are not; * stands for a part of an identifier.
	Passes string `yaml:"passes"`
	Never  string `yaml:"never"`
	// Connection is a part of a conntrack entry of the namespace In: one of its tuples, or its mark as mark=0x80.
	Connection string `yaml:"connection"`
	In         string `yaml:"in"`
	// Headers is what the packet's headers are when it leaves the station, outermost first: IPv4 UDP VXLAN Ethernet IPv4 TCP.
	Headers string `yaml:"headers"`
	// Adds is how many bytes longer the packet leaves the station than it came.
	Adds int `yaml:"adds"`
	// Line is a part of a line of a node's state: Of is addresses, rules, routes, neighbours, iptables or nft.
	Line string `yaml:"line"`
	Node string `yaml:"node"`
	Of   string `yaml:"of"`
	// Count is a number of how many pods fit on an instance Type (internal/maxpods), and Is its value: enis, ips, slots, vcpus,
	// formula, ceiling, pods, addresses, or what managed, nodeadm or kubelet would set. Mode is prefix for prefix delegation.
	Count string `yaml:"count"`
	Type  string `yaml:"type"`
	Mode  string `yaml:"mode"`
	// No says that the node's state has no such line.
	No bool `yaml:"no"`
}

// Proof is what bears a claim out: where, and the words of the kernel's tools, or the packet's own.
type Proof struct {
	Trace   string // the lesson's name for it
	Station string // "" for what is true of the whole trace, or of a node
	Type    string // the instance type whose pods are counted
	Mode    string
	Node    string // of a line of its state
	Part    string // addresses, rules …
	Text    string // verbatim
	// Code and Args are the decision's, where it has no line of its own.
	Code string
	Args map[string]string
	// Field, Before and After are of a header field; Before is "" where it did not change.
	Field, Before, After string
}

// shape says whether a claim claims one thing.
func (c *Claim) shape() error {
	n := 0
	for _, set := range []bool{c.Rule != "", c.Passed != "", c.Unasked != "", c.Field != "", c.Changes != "", c.Keeps != "", c.Code != "", c.Interface != "",
		c.Outcome != "" || c.Reason != "", c.Passes != "", c.Never != "", c.Connection != "", c.Headers != "", c.Adds != 0, c.Line != "", c.Count != ""} {
		if set {
			n++
		}
	}
	switch {
	case n == 0:
		return errors.New("want what is claimed: rule, passed, field, changes, keeps, code, interface, outcome, passes, never, connection, headers, adds, line or count")
	case n > 1:
		return errors.New("claims several things; make it several claims")
	case c.Count != "" && (c.Is == "" || c.Type == ""):
		return errors.New("count: want the instance type and the number, as type and is")
	case c.Field != "" && c.Is == "":
		return errors.New("field: want the value that it has, as is")
	case c.Changes != "" && c.To == "":
		return errors.New("changes: want the value that it changes to, as to")
	case c.Keeps != "" && c.Until == "":
		return errors.New("keeps: want the station until which it stays the same, as until")
	case c.Line != "" && (c.Node == "" || c.Of == ""):
		return errors.New("line: want the node and which part of its state: node, of")
	case c.Connection != "" && c.In == "":
		return errors.New("connection: want the namespace that has the entry, as in")
	}
	return nil
}

// Prove holds a claim against the world. The error says what is there instead.
func (c *Claim) Prove(w *World) (*Proof, error) {
	if c.Count != "" {
		return c.count()
	}
	doc := w.Documents[c.Trace]
	if doc == nil {
		return nil, fmt.Errorf("trace %s was not run", c.Trace)
	}
	p := &Proof{Trace: c.Trace}
	switch {
	case c.Line != "":
		return c.line(w, p)
	case c.Outcome != "" || c.Reason != "":
		return c.outcome(doc, p)
	case c.Passes != "", c.Never != "":
		return c.way(doc, p)
	case c.Connection != "":
		return c.connection(doc, p)
	}
	at, err := station(doc, c.At)
	if err != nil {
		return nil, err
	}
	s := &doc.Stations[at]
	p.Station = s.ID
	hop := &doc.Legs[s.Leg].Hops[s.Hop]
	steps := hop.Steps[s.First : s.Last+1]
	switch {
	case c.Rule != "":
		return c.rule(steps, p)
	case c.Passed != "":
		return c.passed(steps, p)
	case c.Unasked != "":
		return c.unasked(steps, p)
	case c.Code != "":
		return c.code(steps, p)
	case c.Interface != "":
		return c.crossed(hop, s, p)
	case c.Changes != "":
		return c.changes(steps, p)
	}
	last := &doc.Packets[steps[len(steps)-1].Packet]
	switch {
	case c.Field != "":
		v := value(last, c.Field)
		if v != c.Is {
			return nil, fmt.Errorf("%s: %s is %q there, not %q", s.ID, c.Field, v, c.Is)
		}
		p.Field, p.After = c.Field, v
	case c.Keeps != "":
		return c.keeps(doc, last, p)
	case c.Headers != "":
		if h := headers(last); h != c.Headers {
			return nil, fmt.Errorf("%s: the headers are %s there, not %s", s.ID, h, c.Headers)
		}
		p.Text = c.Headers
	case c.Adds != 0:
		return c.adds(doc, s, last, p)
	}
	return p, nil
}

func station(doc *trace.Document, id string) (int, error) {
	at := doc.FindStation(id)
	if at >= 0 {
		return at, nil
	}
	var ids []string
	for _, s := range doc.Stations {
		ids = append(ids, s.ID)
	}
	return -1, fmt.Errorf("the trace has no station %q (it has %s)", id, strings.Join(ids, ", "))
}

// rule finds a line that decided.
func (c *Claim) rule(steps []trace.StepDocument, p *Proof) (*Proof, error) {
	var got []string
	for i := range steps {
		if strings.Contains(steps[i].Text, c.Rule) {
			p.Text = steps[i].Text
			return p, nil
		}
		if steps[i].Text != "" {
			got = append(got, steps[i].Text)
		}
	}
	return nil, fmt.Errorf("%s: nothing that decides there says %q (it has %s)", p.Station, c.Rule, strings.Join(got, "; "))
}

func (c *Claim) passed(steps []trace.StepDocument, p *Proof) (*Proof, error) {
	for _, line := range lookedAt(steps) {
		if strings.Contains(line, c.Passed) {
			p.Text = line
			return p, nil
		}
	}
	return nil, fmt.Errorf("%s: no line that was passed over there says %q", p.Station, c.Passed)
}

func (c *Claim) unasked(steps []trace.StepDocument, p *Proof) (*Proof, error) {
	for i := range steps {
		if strings.Contains(steps[i].Text, c.Unasked) {
			return nil, fmt.Errorf("%s: %q was met there", p.Station, steps[i].Text)
		}
	}
	for _, line := range lookedAt(steps) {
		if strings.Contains(line, c.Unasked) {
			return nil, fmt.Errorf("%s: %q was looked at there", p.Station, line)
		}
	}
	p.Text = c.Unasked
	return p, nil
}

// lookedAt are the lines that did not apply.
func lookedAt(steps []trace.StepDocument) []string {
	var out []string
	for i := range steps {
		for _, m := range steps[i].Misses {
			out = append(out, m.Text)
		}
		for _, e := range steps[i].Evidence {
			if e.Verdict != "match" {
				out = append(out, e.Text)
			}
		}
	}
	return out
}

func (c *Claim) code(steps []trace.StepDocument, p *Proof) (*Proof, error) {
	var got []string
	for i := range steps {
		s := &steps[i]
		if s.Code != c.Code {
			got = append(got, s.Code)
			continue
		}
		if k := differs(c.Args, s.Args); k != "" {
			got = append(got, fmt.Sprintf("%s with %s=%s", s.Code, k, s.Args[k]))
			continue
		}
		if p.Text = s.Text; p.Text == "" {
			p.Code, p.Args = s.Code, s.Args
		}
		return p, nil
	}
	return nil, fmt.Errorf("%s: no decision %s %v there (it has %s)", p.Station, c.Code, c.Args, strings.Join(got, ", "))
}

// differs is the first argument that is not as it is wanted.
func differs(want, got map[string]string) string {
	for _, k := range sortedKeys(want) {
		if got[k] != want[k] {
			return k
		}
	}
	return ""
}

func (c *Claim) crossed(hop *trace.HopDocument, s *trace.StationDocument, p *Proof) (*Proof, error) {
	got := s.Interface
	if got == "" && hop.In != nil && s.Kind == "receive" {
		got = *hop.In
	}
	if got != c.Interface {
		return nil, fmt.Errorf("%s: the interface there is %q, not %q", s.ID, got, c.Interface)
	}
	p.Text = got
	return p, nil
}

func (c *Claim) changes(steps []trace.StepDocument, p *Proof) (*Proof, error) {
	var got []string
	for i := range steps {
		for _, ch := range steps[i].Changes {
			if ch.Field == c.Changes && ch.After == c.To && (c.From == "" || ch.Before == c.From) {
				p.Text, p.Field, p.Before, p.After = steps[i].Text, ch.Field, ch.Before, ch.After
				return p, nil
			}
			got = append(got, fmt.Sprintf("%s %s → %s", ch.Field, ch.Before, ch.After))
		}
	}
	return nil, fmt.Errorf("%s: %s does not change from %s to %s there (it has %s)", p.Station, c.Changes, c.From, c.To, strings.Join(got, ", "))
}

func (c *Claim) keeps(doc *trace.Document, last *trace.PacketDocument, p *Proof) (*Proof, error) {
	at, err := station(doc, c.Until)
	if err != nil {
		return nil, err
	}
	s := &doc.Stations[at]
	a := value(last, c.Keeps)
	b := value(&doc.Packets[doc.Legs[s.Leg].Hops[s.Hop].Steps[s.Last].Packet], c.Keeps)
	if a != b {
		return nil, fmt.Errorf("%s is %q at %s and %q at %s", c.Keeps, a, p.Station, b, s.ID)
	}
	p.Station, p.Field, p.After = s.ID, c.Keeps, b
	return p, nil
}

func (c *Claim) adds(doc *trace.Document, s *trace.StationDocument, last *trace.PacketDocument, p *Proof) (*Proof, error) {
	before := arrives(doc, s)
	if before == nil {
		return nil, fmt.Errorf("%s: the packet begins there", s.ID)
	}
	if got := length(last) - length(before); got != c.Adds {
		return nil, fmt.Errorf("%s: the packet gets %+d bytes longer there, not %+d", s.ID, got, c.Adds)
	}
	p.Text, p.Field, p.Before, p.After = headers(last), "length", strconv.Itoa(length(before)), strconv.Itoa(length(last))
	return p, nil
}

// arrives is the packet as it comes to a station; nil at the leg's first.
func arrives(doc *trace.Document, s *trace.StationDocument) *trace.PacketDocument {
	hops := doc.Legs[s.Leg].Hops
	switch {
	case s.First > 0:
		return &doc.Packets[hops[s.Hop].Steps[s.First-1].Packet]
	case s.Hop > 0:
		steps := hops[s.Hop-1].Steps
		return &doc.Packets[steps[len(steps)-1].Packet]
	}
	return nil
}

func (c *Claim) outcome(doc *trace.Document, p *Proof) (*Proof, error) {
	if c.Outcome != "" && string(doc.Outcome) != c.Outcome {
		return nil, fmt.Errorf("the trace ends %s, not %s", doc.Outcome, c.Outcome)
	}
	p.Text = c.Outcome
	for i := range doc.Stations { // the last one that fits: where the leg ended
		s := &doc.Stations[i]
		if c.Reason == "" && string(doc.Legs[s.Leg].Outcome) == c.Outcome || c.Reason != "" && reasonAt(doc, s) == c.Reason {
			p.Station = s.ID
		}
	}
	if c.Reason != "" {
		if p.Station == "" {
			return nil, fmt.Errorf("nothing in the trace ends with %s", c.Reason)
		}
		p.Text = c.Reason
	}
	return p, nil
}

func reasonAt(doc *trace.Document, s *trace.StationDocument) string {
	return doc.Legs[s.Leg].Hops[s.Hop].Steps[s.Last].Args["reason"]
}

// way looks for stations by a pattern.
func (c *Claim) way(doc *trace.Document, p *Proof) (*Proof, error) {
	pattern := c.Passes + c.Never
	at := slices.IndexFunc(doc.Stations, func(s trace.StationDocument) bool { return match(pattern, s.ID) })
	if c.Passes != "" {
		if at < 0 {
			if at = doc.FindStation(c.Passes); at < 0 {
				return nil, fmt.Errorf("the way has no station %s", c.Passes)
			}
		}
		p.Station, p.Text = doc.Stations[at].ID, doc.Stations[at].ID
		return p, nil
	}
	if at < 0 && !strings.Contains(pattern, "*") {
		at = doc.FindStation(pattern)
	}
	if at >= 0 {
		return nil, fmt.Errorf("the way has a station %s", doc.Stations[at].ID)
	}
	p.Text = c.Never
	return p, nil
}

// match says whether an identifier fits a pattern in which * stands for anything, slashes too.
func match(pattern, id string) bool {
	flat := strings.NewReplacer("/", "\x00")
	ok, err := path.Match(flat.Replace(pattern), flat.Replace(id))
	return ok && err == nil
}

func (c *Claim) connection(doc *trace.Document, p *Proof) (*Proof, error) {
	var got []string
	for _, e := range doc.Conntrack {
		if e.Namespace != c.In {
			continue
		}
		text := e.Original + " | " + e.Reply
		if e.Mark != 0 {
			text += fmt.Sprintf(" | mark=%#x", e.Mark)
		}
		if strings.Contains(text, c.Connection) {
			p.Node, p.Part, p.Text = e.Namespace, "conntrack", text
			return p, nil
		}
		got = append(got, text)
	}
	return nil, fmt.Errorf("no conntrack entry of %s says %q (it has %s)", c.In, c.Connection, strings.Join(got, "; "))
}

func (c *Claim) line(w *World, p *Proof) (*Proof, error) {
	ns, err := w.Topologies[c.Trace].Namespace(c.Node)
	if err != nil {
		return nil, err
	}
	p.Node, p.Part = c.Node, c.Of
	for _, line := range strings.Split(ns.State(c.Of), "\n") {
		if !strings.Contains(line, c.Line) {
			continue
		}
		if c.No {
			return nil, fmt.Errorf("%s: %s has %q", c.Node, c.Of, line)
		}
		p.Text = strings.TrimSpace(line)
		return p, nil
	}
	if c.No {
		p.Text = c.Line
		return p, nil
	}
	return nil, fmt.Errorf("%s: no line of its %s says %q", c.Node, c.Of, c.Line)
}

// Says tells whether a proof has a word in it: the text names what is there, not something near it.
func (p *Proof) Says(word string) bool {
	return slices.ContainsFunc(p.words(), func(s string) bool { return anatomy.Says(s, word) })
}

// words are everything that a proof says.
func (p *Proof) words() []string {
	out := []string{p.Station, p.Type, p.Node, p.Part, p.Text, p.Code}
	for _, k := range sortedKeys(p.Args) {
		out = append(out, k+"="+p.Args[k])
	}
	out = append(out, p.Field, p.Before, p.After)
	return slices.DeleteFunc(out, func(s string) bool { return s == "" })
}

// String is a proof in one line, for errors.
func (p *Proof) String() string { return strings.Join(p.words(), " ") }

// Denies says whether a claim is that something is not there.
func (c *Claim) Denies() bool { return c.Never != "" || c.Unasked != "" || c.No }
