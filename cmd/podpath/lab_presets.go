package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/podpath/podpath/internal/checked"
	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/lab/build"
	"github.com/podpath/podpath/internal/lab/record"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

func labPresetsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "presets FILE",
		Short: "Ask the kernel about every preset with every network plugin, and write down what it said",
		Long: `Build every preset with every network plugin that it can have, send packets from each kind of place to every other, compare
what the kernel did with the traces, and write the result to FILE: what the page says under a trace. What this kernel
cannot build is named in it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := build.Needs(); err != nil {
				return err
			}
			ctx, stop := interrupted(cmd)
			defer stop()
			own := ownLab()
			out := checked.Results{Kernel: record.Kernel(), Date: time.Now().UTC().Format(time.DateOnly)}
			differs := false
			for _, id := range compile.Presets() {
				c, err := compile.Preset(id)
				if err != nil {
					return err
				}
				for _, cni := range compile.CNIs(c) {
					n, err := checkPreset(ctx, cmd.OutOrStdout(), own, id, cni)
					if err != nil {
						return brokenOff(own, fmt.Errorf("%s, %s: %w", id, cni, err))
					}
					differs = differs || n.Differing() > 0
					out.Networks = append(out.Networks, *n)
				}
			}
			f, err := os.Create(args[0])
			if err != nil {
				return err
			}
			if err := errors.Join(checked.Write(f, out), f.Close()); err != nil {
				return err
			}
			if differs {
				return errDiffers
			}
			return nil
		},
	}
}

// checkPreset sends packets through one preset with one plugin.
func checkPreset(ctx context.Context, w io.Writer, own, id, cni string) (*checked.Network, error) {
	s := source{preset: id, cni: cni}
	n, err := s.open()
	if err != nil {
		return nil, err
	}
	out := &checked.Network{Preset: id, Options: map[string]string{compile.CNIKey: cni}}
	if out.Topology, err = checked.Fingerprint(n.topology); err != nil {
		return nil, err
	}
	err = within(ctx, own, n.topology, func(_ *build.Net, r *record.Recorder) error {
		for _, x := range questions(n) {
			flows, err := checkFlow(ctx, w, r, n, &x)
			if err != nil {
				return err
			}
			out.Flows = append(out.Flows, flows...)
		}
		return nil
	})
	var lacks *build.LacksError
	if errors.As(err, &lacks) {
		for _, what := range lacks.What {
			out.Skipped = append(out.Skipped, checked.Skip{What: what, Why: checked.KernelLacks})
		}
		fmt.Fprintf(w, "%-16s %-28s not built: %v\n", id, cni, err)
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(w, "%-16s %-28s %d packets sent, %d differ\n", id, cni, len(out.Flows), out.Differing())
	return out, nil
}

// questions are what is asked of a preset: from one pod of every node (on the first, from one on each of its cards), the first
// node and the Internet to every place, and from the first pod by UDP and ICMP too.
func questions(n *network) []query.Request {
	c := n.compiled.Cluster
	senders := map[string]bool{c.Nodes[0].Key(): true}
	for i, node := range c.Nodes {
		cards := map[int]bool{}
		for _, p := range c.PodsOn(node.Name) {
			if !cards[p.ENI] && (len(cards) == 0 || i == 0) {
				cards[p.ENI] = true
				senders[p.Key()] = true
			}
		}
	}
	for _, h := range c.Hosts {
		senders[h.Name] = true
	}
	var out []query.Request
	first := true
	for _, from := range n.compiled.Places {
		if !senders[from.Name] {
			continue
		}
		for _, to := range n.compiled.Places {
			if from.Name == to.Name {
				continue
			}
			ask := []string{"tcp"}
			switch {
			case to.Kind == compile.Service || to.Kind == topology.LoadBalancer:
				ask = []string{""} // what its first port has
			case first:
				ask = protocols
			}
			for _, p := range ask {
				r := query.Request{From: from.Name, To: to.Name, Protocol: p, Options: n.options}
				if q, err := r.Query(n.compiled.Places); err == nil {
					r.Exchange = q.Protocol.String() == "tcp"
					if r.Exchange {
						r.Payload = 4
					}
					out = append(out, r)
				}
			}
		}
		first = first && from.Kind != topology.Pod
	}
	return out
}

// draws is how often a flow is sent in the hope that chance takes every way at least once.
const draws = 24

// checkFlow sends a flow, as often as it takes for chance to have gone every way.
func checkFlow(ctx context.Context, w io.Writer, r *record.Recorder, n *network, x *query.Request) ([]checked.Flow, error) {
	t, err := x.Trace(n.compiled)
	if err != nil {
		return nil, err
	}
	if t.Outcome == trace.Undetermined {
		return nil, nil // nothing is said, so there is nothing to check
	}
	ways := 1
	dns := map[string]string{}
	for _, c := range t.Choices {
		switch {
		case c.Kind == "dns":
			dns[c.ID] = c.Chosen
		case c.Kind == "statistic":
			ways = max(ways, len(c.Options))
		}
	}
	name := x.From + " → " + x.To + " " + t.Query.Protocol.String()
	return everyWay(ways, func() (f checked.Flow, err error) {
		if err := ctx.Err(); err != nil {
			return f, err
		}
		rec, rep, _, err := r.Judge(lab.FlowOf(name, t))
		if err != nil {
			return f, err
		}
		f = checked.Flow{From: x.From, To: x.To, Protocol: rec.Flow.Protocol, Port: int(rec.Flow.Port), Outcome: string(rep.Trace.Outcome), Differences: len(rep.Differences)}
		for _, c := range rep.Trace.Choices {
			if len(c.Options) > 1 {
				if f.Choices == nil {
					f.Choices = maps.Clone(dns)
				}
				f.Choices[c.ID] = c.Chosen
			}
		}
		if f.Choices == nil && len(dns) > 0 {
			f.Choices = dns
		}
		if f.Differences > 0 {
			f.First = rep.Differences[0].String()
			fmt.Fprintf(w, "differs  %s\n%s\n", name, f.First)
		}
		return f, nil
	})
}

// everyWay keeps what came of a flow for each way that chance sent it, and ends with the first difference: chance has nothing to
// do with that.
func everyWay(ways int, send func() (checked.Flow, error)) ([]checked.Flow, error) {
	seen := map[string]bool{}
	var out []checked.Flow
	for n := 0; len(seen) < ways && n < draws; n++ {
		f, err := send()
		if err != nil {
			return nil, err
		}
		k := fmt.Sprint(f.Choices)
		if !seen[k] || !f.Agrees() {
			seen[k] = true
			out = append(out, f)
		}
		if !f.Agrees() {
			break
		}
	}
	return out, nil
}
