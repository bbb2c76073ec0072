package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/podpath/podpath/internal/capture"
	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/lab/build"
	"github.com/podpath/podpath/internal/lab/record"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// ownLab is the lab of a command that builds, sends and takes down: named by its process, so that any number may run.
func ownLab() string { return fmt.Sprintf("run%d", os.Getpid()) }

// within builds a topology under the name of a lab, runs f in it, and takes it down again, also where ctx ends. f looks at ctx
// between one flow and the next.
func within(ctx context.Context, lab string, t *topology.Topology, f func(*build.Net, *record.Recorder) error) (err error) {
	if err := build.Needs(); err != nil {
		return err
	}
	if err := checkLab(lab); err != nil {
		return err
	}
	net, err := build.Build(lab, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, net.Close()) }()
	if err := ctx.Err(); err != nil {
		return err
	}
	rec, err := record.New(net)
	if err != nil {
		return err
	}
	defer rec.Close()
	return f(net, rec)
}

func labRecordCommand() *cobra.Command {
	var q question
	own := ownLab()
	c := &cobra.Command{
		Use:   "record DIR --from PLACE --to PLACE",
		Short: "Send a flow through a lab of its own, and write down what the kernel did",
		Long: `Build the cluster out of network namespaces, send the flow, write down what the kernel did with it, and take the cluster down.

DIR gets path.json (every frame on every interface), rules.json (every rule that matched), conntrack.txt, drops.json (why the
kernel threw packets away), flow.json, frames.pcapng (for Wireshark), the network's description, and state (what each
namespace says of itself). "podpath verify DIR" compares it with the trace.`,
		Example: `  sudo podpath lab record out --preset eks-study --from pod/default/netshoot-1 --to internet --dport 80`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			q.packets = "all"
			n, t, err := q.run()
			if err != nil {
				return err
			}
			ctx, stop := interrupted(cmd)
			defer stop()
			return brokenOff(own, within(ctx, own, n.topology, func(net *build.Net, r *record.Recorder) error {
				rec, err := r.Record(lab.FlowOf(q.request.From+" → "+q.request.To, t))
				if err == nil {
					err = ctx.Err()
				}
				if err != nil {
					return err
				}
				if err := rec.Write(args[0]); err != nil {
					return err
				}
				if err := q.keep(n, args[0]); err != nil {
					return err
				}
				if err := frames(filepath.Join(args[0], "frames.pcapng"), rec); err != nil {
					return err
				}
				if err := record.SaveState(net, filepath.Join(args[0], "state")); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %d packets, %d path rows, %d rules, %d connections; the client saw %q (Linux %s)\n", args[0],
					rec.Flow.Packets, len(rec.Path), len(rec.Rules), len(rec.Conntrack), rec.Flow.ClientSaw, rec.Flow.Kernel)
				return nil
			}))
		},
	}
	q.flags(c)
	c.Flags().StringVar(&own, "lab", own, "the name of the lab that is built for it")
	return c
}

// keep writes the description of a network that podpath compiled beside its recording.
func (q *question) keep(n *network, dir string) error {
	if n.compiled == nil {
		return nil
	}
	out := lab.Network{Options: n.options}
	for _, name := range []string{q.request.From, q.request.To} {
		if _, err := netip.ParseAddr(name); err == nil {
			out.Named = append(out.Named, name)
		}
	}
	var err error
	if q.source.file != "" {
		out.Cluster, err = os.ReadFile(q.source.file)
	} else {
		id := q.source.preset
		if id == "" {
			id = compile.Presets()[0]
		}
		out.Cluster, err = compile.PresetText(id)
	}
	if err != nil {
		return err
	}
	return out.Write(dir)
}

func frames(name string, rec *lab.Recording) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	var all []capture.Frame
	for _, x := range rec.Frames {
		all = append(all, capture.Frame{Time: x.Time, Interface: x.NS + "/" + x.Dev, Raw: x.Raw, Data: x.Data})
	}
	return errors.Join(capture.WriteFrames(f, all), f.Close())
}

func labVerifyCommand() *cobra.Command {
	var q question
	own := ownLab()
	c := &cobra.Command{
		Use:   "verify [--from PLACE --to PLACE]",
		Short: "Ask the kernel whether a trace is true",
		Long: `Build the cluster out of network namespaces, send the flow, and compare what the kernel did with what the trace says: path,
rules, connections, drop reason and what the client saw. Without --from and --to, every place sends to every other.

Each difference is printed, the kernel beside the tracer. Exit 0: none; 1: some.`,
		Example: `  sudo podpath lab verify --preset eks-study --from pod/default/netshoot-1 --to svc/default/web
  sudo podpath lab verify --preset onprem-study --cni calico-vxlan`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			q.packets = "all"
			ctx, stop := interrupted(cmd)
			defer stop()
			if q.request.From == "" && q.request.To == "" {
				n, err := q.source.open()
				if err != nil {
					return err
				}
				if n.compiled == nil {
					return fmt.Errorf("--from and --to are needed for a snapshot; places here: %v", n.places())
				}
				return brokenOff(own, verifyAll(ctx, cmd.OutOrStdout(), own, n))
			}
			n, t, err := q.run()
			if err != nil {
				return err
			}
			return brokenOff(own, within(ctx, own, n.topology, func(_ *build.Net, r *record.Recorder) error {
				same, err := verifyOne(cmd.OutOrStdout(), r, q.request.From+" → "+q.request.To+" "+t.Query.Protocol.String(), t)
				if err == nil && !same {
					err = errDiffers
				}
				return err
			}))
		},
	}
	q.flags(c)
	c.Flags().StringVar(&own, "lab", own, "the name of the lab that is built for it")
	return c
}

// verifyOne sends a traced flow and says whether the kernel agrees.
func verifyOne(w io.Writer, r *record.Recorder, name string, t *trace.Trace) (bool, error) {
	if t.Outcome == trace.Undetermined {
		fmt.Fprintf(w, "open     %s  (the trace does not say how it goes on: %v)\n", name, t.End(&t.Legs[len(t.Legs)-1]).Code)
		return true, nil
	}
	rec, rep, _, err := r.Judge(lab.FlowOf(name, t))
	if err != nil {
		return false, err
	}
	if len(rep.Differences) == 0 {
		fmt.Fprintf(w, "agrees   %s  (%s; %d path rows, %d rules, %d connections; Linux %s)\n", name, t.Outcome, rep.PathRows, rep.RuleRows, rep.Entries, rec.Flow.Kernel)
		return true, nil
	}
	fmt.Fprintf(w, "differs  %s\n", name)
	for _, d := range rep.Differences {
		fmt.Fprintf(w, "%v\n", d)
	}
	return false, nil
}

// protocols are what pairs of places are tried with, in turn.
var protocols = []string{"tcp", "udp", "icmp"}

// pairs are all flows of a network that can be asked for: every place that sends to every other, with the protocols in turn.
func pairs(n *network) []query.Request {
	var out []query.Request
	k := 0
	for _, from := range n.compiled.Places {
		if !from.Sends() {
			continue
		}
		for _, to := range n.compiled.Places {
			if from.Name == to.Name {
				continue
			}
			r := query.Request{From: from.Name, To: to.Name, Protocol: protocols[k%len(protocols)], Payload: 4, Exchange: true, Options: n.options}
			if to.Kind == compile.Service || to.Kind == topology.LoadBalancer {
				r.Protocol = "" // what the Service's first port has
			}
			if _, err := r.Query(n.compiled.Places); err == nil {
				out = append(out, r)
				k++
			}
		}
	}
	return out
}

func verifyAll(ctx context.Context, w io.Writer, own string, n *network) error {
	differ, all := 0, 0
	err := within(ctx, own, n.topology, func(_ *build.Net, r *record.Recorder) error {
		for _, x := range pairs(n) {
			if err := ctx.Err(); err != nil {
				return err
			}
			t, err := x.Trace(n.compiled)
			if err != nil {
				return err
			}
			same, err := verifyOne(w, r, x.From+" → "+x.To+" "+t.Query.Protocol.String(), t)
			if err != nil {
				return err
			}
			all++
			if !same {
				differ++
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d flows, %d differ\n", all, differ)
	if differ > 0 {
		return errDiffers
	}
	return nil
}
