// Package lab is where the kernel judges the tracer: it reads recordings of what a real kernel did with single flows
// (golden/kernel) and compares each with a trace of the same flow.
package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// Flow is a recording's flow.json: who sent what to whom.
type Flow struct {
	Name        string   `json:"flow"`
	What        string   `json:"what"`
	Protocol    string   `json:"proto"`
	From        string   `json:"from"`
	To          string   `json:"to"`
	Source      string   `json:"source,omitempty"` // the address that the client binds; "" for the route's choice
	Port        uint16   `json:"port"`
	ClientPort  uint16   `json:"client_port"`
	ListenPort  uint16   `json:"listen_port"`
	Servers     []string `json:"servers"`
	TTL         uint8    `json:"ttl"`
	Payload     int      `json:"payload"`
	DF          bool     `json:"df"`
	ClientSaw   string   `json:"client_saw"`
	RandomPorts []int    `json:"random_ports"`
	Packets     int      `json:"packets"`
	Kernel      string   `json:"kernel"`
	// Choices are what chance decided beyond what the rules show: a hash of the flow (ECMP, a load balancer), by the id and
	// option that the trace has for it.
	Choices map[string]string `json:"choices,omitempty"`
	// Listeners are what every server listens on, where that is more than ListenPort.
	Listeners []topology.Listener `json:"listeners,omitempty"`
	// ServerSaw are the namespaces whose server got something. Recordings of the reference lab do not have it.
	ServerSaw []string `json:"server_saw,omitempty"`
}

// Bound is the address that the client binds to; an invalid one leaves it to the route.
func (f *Flow) Bound() (netip.Addr, error) {
	if f.Source == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(f.Source)
	if err != nil || !a.Is4() {
		return a, fmt.Errorf("flow.json: source %q: want an IPv4 address", f.Source)
	}
	return a, nil
}

// Names says whether a port is one that the flow's description has: any other was drawn.
func (f *Flow) Names(port int) bool {
	for _, p := range []uint16{f.ClientPort, f.Port, f.ListenPort} {
		if int(p) == port {
			return true
		}
	}
	return port == vxlan || slices.ContainsFunc(f.Listeners, func(l topology.Listener) bool { return int(l.Port) == port })
}

// Sockets are what listens in each of the flow's servers.
func (f *Flow) Sockets() []topology.Listener {
	if len(f.Listeners) > 0 {
		return f.Listeners
	}
	return []topology.Listener{{Protocol: f.Protocol, Port: f.ListenPort}}
}

// Answer is what a lab's server says, by the namespace that it is in.
func Answer(ns string) string { return "pong from " + ns }

// EmptyAnswer is what a client saw that was answered with an empty datagram.
const EmptyAnswer = "empty answer"

// EchoReply is what a client of ICMP saw that was answered.
const EchoReply = "echo reply"

// Drop is a place where the kernel threw a packet away, and why: its function and its skb_drop_reason.
type Drop struct {
	Location string `json:"location"`
	Reason   string `json:"reason"`
}

// Frame is one sight of a packet on an interface.
type Frame struct {
	Time    int64 // nanoseconds since 1970
	NS, Dev string
	Raw     bool // without a link layer's header
	Data    []byte
}

// Recording is one flow of one recorded network.
type Recording struct {
	Dir       string
	Flow      Flow
	Topology  *topology.Topology
	Path      []map[string]any
	Rules     []map[string]any
	Conntrack []string // "n1: tcp src=… mark=0"
	// Drops are what the kernel threw away, where it was asked (HasDrops).
	Drops    []Drop
	HasDrops bool
	// Frames are what was captured. They are written beside the recording, as one frames.pcapng, and not read again.
	Frames []Frame
}

// Open reads a recording's folder. The network is in a cluster.yaml in it, else in the folder `state` beside it or in it.
func Open(dir string) (*Recording, error) {
	r := &Recording{Dir: dir}
	if err := readJSON(filepath.Join(dir, "flow.json"), &r.Flow); err != nil {
		return nil, err
	}
	var err error
	if r.Topology, err = openNetwork(dir); err != nil {
		return nil, err
	}
	if err := readJSON(filepath.Join(dir, "path.json"), &r.Path); err != nil {
		return nil, err
	}
	if err := readJSON(filepath.Join(dir, "rules.json"), &r.Rules); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "conntrack.txt"))
	if err != nil {
		return nil, err
	}
	r.Conntrack = ParseConntrack(string(text))
	err = readJSON(filepath.Join(dir, "drops.json"), &r.Drops)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	r.HasDrops = err == nil
	return r, nil
}

// ParseConntrack reads a conntrack.txt: lines of `conntrack -L -o extended`, each behind its namespace ("n1: ipv4 2 tcp …").
func ParseConntrack(text string) []string {
	var out []string
	for _, l := range strings.Split(strings.TrimSpace(text), "\n") {
		if l != "" {
			out = append(out, ConntrackLine(l))
		}
	}
	return out
}

func readJSON(name string, v any) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s: %v", name, err)
	}
	return nil
}

// ConntrackLine takes the timers and use counts out of a line of `conntrack -L -o extended`, and the TCP state, which
// goes with the timers.
func ConntrackLine(l string) string {
	ns, rest, _ := strings.Cut(l, ": ")
	w := strings.Fields(rest)
	var out []string
	proto := ""
	for i, x := range w {
		switch {
		case i == 2:
			proto = x
		case strings.Contains(x, "=") && !strings.HasPrefix(x, "use="), x == "[UNREPLIED]", x == "[ASSURED]":
			out = append(out, x)
		}
	}
	return ns + ": " + proto + " " + strings.Join(out, " ")
}

// Trace traces the flow through the recording's own state.
func (r *Recording) Trace(exchange bool) (*trace.Trace, error) {
	q, err := r.Query(exchange)
	if err != nil {
		return nil, err
	}
	return trace.Run(r.Topology, q)
}

// Query is the flow as the tracer takes it. choices picks the options that the kernel happened to draw.
func (r *Recording) Query(exchange bool) (trace.Query, error) {
	f := &r.Flow
	to, err := netip.ParseAddr(f.To)
	if err != nil {
		return trace.Query{}, fmt.Errorf("flow.json: to: %v", err)
	}
	proto, err := packet.ParseProtocol(f.Protocol)
	if err != nil {
		return trace.Query{}, fmt.Errorf("flow.json: %v", err)
	}
	q := trace.Query{From: f.From, To: to, Protocol: proto, SrcPort: f.ClientPort, DstPort: f.Port, TTL: f.TTL, Payload: f.Payload,
		DF: f.DF, Exchange: exchange, RulesTraced: true, Listeners: map[string][]topology.Listener{}, Choices: r.choices(),
		Answer: func(ns string) int { return len(Answer(ns)) }}
	if q.Source, err = f.Bound(); err != nil {
		return trace.Query{}, err
	}
	maps.Copy(q.Choices, f.Choices)
	for _, s := range f.Servers {
		q.Listeners[s] = f.Sockets()
	}
	return q, nil
}

// choices reads from the recording's rules where chance decided: a jump out of a KUBE-SVC chain, or of any chain with
// a drawing rule, is the option that the kernel drew.
func (r *Recording) choices() map[string]string {
	out := map[string]string{}
	for _, row := range r.Rules {
		verdict, _ := row["verdict"].(string)
		chain, _ := row["chain"].(string)
		if text := fmt.Sprint(row["text"]); strings.Contains(text, "numgen random ") {
			if drawn := r.drawn(fmt.Sprint(row["ns"]), text, verdict); drawn != "" {
				out[chain] = drawn
			}
			continue
		}
		target, ok := strings.CutPrefix(verdict, "jump ")
		if !ok {
			continue
		}
		ns, err := r.Topology.Namespace(fmt.Sprint(row["ns"]))
		if err != nil || ns.Netfilter.Rules == nil {
			continue
		}
		t := ns.Netfilter.Rules.Table(fmt.Sprint(row["table"]))
		if t == nil {
			continue
		}
		c := t.Chain(chain)
		if c == nil {
			continue
		}
		for _, rule := range c.Rules {
			if strings.Contains(rule.Text(), "-m statistic") {
				out[chain] = target
			}
		}
	}
	return out
}

// drawnAddress is an option of nft's `numgen random mod N map { 0 : ADDR . PORT, … }`.
var drawnAddress = regexp.MustCompile(`: ([0-9.]+) \. ([0-9]+)`)

// drawn is what `numgen random` of a native rule came to: the chain that its verdict names, or the address of its map that a
// connection of the namespace was led to. "" where the recording does not say.
func (r *Recording) drawn(ns, text, verdict string) string {
	for _, word := range []string{"goto ", "jump "} {
		if chain, ok := strings.CutPrefix(verdict, word); ok {
			return chain
		}
	}
	for _, m := range drawnAddress.FindAllStringSubmatch(text, -1) {
		for _, line := range r.Conntrack {
			answer := line[strings.LastIndex(line, " src=")+1:]
			if strings.HasPrefix(line, ns+": ") && strings.HasPrefix(answer, "src="+m[1]+" ") && strings.Contains(answer, " sport="+m[2]+" ") {
				return m[1] + ":" + m[2]
			}
		}
	}
	return ""
}

func portOf(v any) string {
	switch v := v.(type) {
	case float64:
		return strconv.Itoa(int(v))
	case int:
		return strconv.Itoa(v)
	}
	return fmt.Sprint(v)
}
