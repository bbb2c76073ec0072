package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/export"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/terminal"
	"github.com/podpath/podpath/internal/trace"
)

func traceCommand() *cobra.Command {
	var q question
	var output, lang string
	var step string
	var explain, dark bool
	var width int
	c := &cobra.Command{
		Use:   "trace --from PLACE --to PLACE",
		Short: "Follow a packet and its answer, decision by decision",
		Long: `Follow a packet and its answer through the network, decision by decision.

Places are pods, nodes, Services, load balancers, hosts and addresses: pod/default/netshoot-1, node/node-a,
svc/default/web, lb/default/web, internet, 192.168.2.57. In a snapshot the namespaces are called as their folders are.

Where chance decides, the first option is taken unless --choose picks another: the endpoint of a Service by its chains
(KUBE-SVC-…=KUBE-SEP-…), the target of a load balancer by its name (nlb-default-web=node-b).`,
		Example: `  podpath trace --from pod/default/netshoot-2 --to internet --dport 80
  podpath trace --preset eks-private --from pod/default/netshoot-1 --to 8.8.8.8 --proto icmp
  podpath trace --snapshot state --from a --to 198.51.100.7 --dport 80 --output path`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			n, t, err := q.run()
			if err != nil {
				return err
			}
			doc := t.Document()
			if step != "" && doc.FindStation(step) < 0 {
				return fmt.Errorf("--step %s: this trace has %s", step, stations(doc))
			}
			return write(cmd.OutOrStdout(), &export.Trace{Topology: n.topology, Walk: t, Document: doc, Lang: lang, Explain: explain, Step: step, Dark: dark, Width: width}, output)
		},
	}
	q.flags(c)
	f := c.Flags()
	f.StringVarP(&output, "output", "o", "text", outputs())
	f.StringVar(&lang, "lang", "en", "language of the sentences: en or ko")
	f.StringVar(&step, "step", "", "the step that a picture shows, by its name in the JSON's stations: request/node-a/1/nat-POSTROUTING (default the first)")
	f.BoolVar(&dark, "dark", false, "a picture on a dark ground")
	f.IntVar(&width, "width", 0, "a PNG's width in pixels (default twice the drawing's own)")
	f.BoolVar(&explain, "explain", false, "say each step in a sentence, and list the rules passed over")
	return c
}

func (n *network) places() []string {
	var out []string
	if n.compiled == nil {
		out = append(out, n.topology.Names()...)
		for i := range n.topology.Services {
			out = append(out, n.topology.Services[i].Key())
		}
		return out
	}
	for _, p := range n.compiled.Places {
		out = append(out, p.Name)
	}
	return out
}

func (n *network) trace(r *query.Request, source string) (*trace.Trace, error) {
	var bound netip.Addr
	if source != "" {
		a, err := netip.ParseAddr(source)
		if err != nil {
			return nil, fmt.Errorf("--source %s: want an address", source)
		}
		bound = a
	}
	if n.compiled != nil {
		q, err := r.Query(n.compiled.Places)
		if err != nil {
			return nil, err
		}
		q.Source = bound
		t, err := trace.Run(n.topology, q)
		return t, query.ChoiceError(err)
	}
	ns, err := n.namespace(r.From)
	if err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}
	to, err := n.destination(r.To)
	if err != nil {
		return nil, err
	}
	q, err := r.Query([]compile.Place{{Name: r.From, Address: ns.PrimaryAddress()}, to})
	if err != nil {
		return nil, err
	}
	q.From, q.To, q.Source = ns.Name, to.Address, bound
	if n.topology.Traced != nil {
		// The servers of a recording answer with their names (golden/kernel/README.md, "The exchange").
		q.Answer = func(ns string) int { return len("pong from " + ns) }
	}
	if q.Protocol == packet.ICMP {
		q.Answer = nil
	}
	return trace.Run(n.topology, q)
}

func write(w io.Writer, t *export.Trace, output string) error {
	switch output {
	case "path":
		return rows(w, t.Walk.Path())
	case "rules":
		return rows(w, t.Walk.Rules())
	}
	f, ok := export.ByName(output)
	if !ok {
		return fmt.Errorf("--output %s: want %s", output, outputs())
	}
	if f.Binary && terminal.Is(w) {
		return fmt.Errorf("--output %s: this is for a file or a program, not for a terminal (podpath trace … -o %s > trace.%s)", f.Name, f.Name, f.Ext)
	}
	return t.Write(w, f)
}

// stations are the names of a trace's steps, as a sentence has them.
func stations(d *trace.Document) string {
	var names []string
	for i := range d.Stations {
		names = append(names, d.Stations[i].ID)
	}
	return strings.Join(names, ", ")
}

// outputs are what --output takes, as a sentence has them.
func outputs() string {
	var names []string
	for _, f := range export.Forms {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ") + ", path or rules"
}

// rows prints a JSON array with a row a line, as recordings have it, so that diff shows single rows.
func rows[T any](w io.Writer, all []T) error {
	if _, err := io.WriteString(w, "["); err != nil {
		return err
	}
	for i, r := range all {
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(r); err != nil {
			return err
		}
		sep := ",\n "
		if i == 0 {
			sep = "\n "
		}
		if _, err := io.WriteString(w, sep+strings.TrimSpace(b.String())); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "\n]\n")
	return err
}
