// Package lab is where the kernel judges the tracer: it reads recordings of what a real kernel did with single flows
// (golden/kernel) and compares each with a trace of the same flow.
package lab

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/snapshot"
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
}

// Recording is one flow of one recorded network.
type Recording struct {
	Dir       string
	Flow      Flow
	Topology  *topology.Topology
	Path      []map[string]any
	Rules     []map[string]any
	Conntrack []string // "n1: tcp src=… mark=0"
}

// Open reads a recording's folder. The network's state is in the folder `state` beside it, or within it.
func Open(dir string) (*Recording, error) {
	r := &Recording{Dir: dir}
	if err := readJSON(filepath.Join(dir, "flow.json"), &r.Flow); err != nil {
		return nil, err
	}
	state := filepath.Join(dir, "state")
	if _, err := os.Stat(state); err != nil {
		state = filepath.Join(filepath.Dir(filepath.Clean(dir)), "state")
	}
	var err error
	if r.Topology, err = snapshot.Open(state); err != nil {
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
	return r, nil
}

// ParseConntrack reads a conntrack.txt: lines of `conntrack -L -o extended`, each behind its namespace ("n1: ipv4 2 tcp …").
func ParseConntrack(text string) []string {
	var out []string
	for _, l := range strings.Split(strings.TrimSpace(text), "\n") {
		if l != "" {
			out = append(out, conntrackLine(l))
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

// conntrackLine takes the timers and use counts out of a line of `conntrack -L -o extended`, and the TCP state, which
// goes with the timers.
func conntrackLine(l string) string {
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
		DF: f.DF, Exchange: exchange, Listeners: map[string][]topology.Listener{}, Choices: r.choices(),
		Answer: func(ns string) int { return len("pong from " + ns) }}
	if f.Source != "" {
		if q.Source, err = netip.ParseAddr(f.Source); err != nil {
			return trace.Query{}, fmt.Errorf("flow.json: source: %v", err)
		}
	}
	maps.Copy(q.Choices, f.Choices)
	for _, s := range f.Servers {
		q.Listeners[s] = []topology.Listener{{Protocol: f.Protocol, Port: f.ListenPort}}
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

// firstAndAnswer cuts rows to the first packet and its answer.
func firstAndAnswer(rows []map[string]any) []map[string]any {
	return slices.DeleteFunc(slices.Clone(rows), func(r map[string]any) bool {
		n, _ := r["packet"].(float64)
		return n > 2
	})
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
