package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/podpath/podpath/internal/lab/build"
	"github.com/podpath/podpath/internal/lab/fuzz"
)

func labFuzzCommand() *cobra.Command {
	cfg := fuzz.Config{FlowsPerNetwork: 10, ShrinkFor: 3 * time.Minute}
	name := ownLab()
	c := &cobra.Command{
		Use:   "fuzz",
		Short: "Random networks and flows: the kernel against the tracer",
		Long: `Make random clusters and flows, build each out of network namespaces, send the flow, and compare what the kernel did with what
the trace says: path, rules, connections, drop reason, outcome. A difference is shrunk to its smallest case and written to
DIR as a txtar file, which becomes a regression test in internal/lab/fuzz/testdata.

The seed is printed; the same seed makes the same networks and flows.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := build.Needs(); err != nil {
				return err
			}
			if err := checkLab(name); err != nil {
				return err
			}
			if cfg.Seed == 0 {
				cfg.Seed = uint64(time.Now().Unix())
			}
			ctx, stop := interrupted(cmd)
			defer stop()
			kernel := fuzz.Linux{Lab: name}
			cfg.Features = kernel.Features()
			t, err := fuzz.Run(ctx, cfg, kernel, cmd.OutOrStdout())
			if err != nil {
				return brokenOff(name, err)
			}
			if t.Differences > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "the differences are in %s\n", cfg.Dir)
				return errDiffers
			}
			return brokenOff(name, ctx.Err())
		},
	}
	f := c.Flags()
	f.IntVarP(&cfg.Flows, "flows", "n", 200, "how many flows to send")
	f.IntVar(&cfg.FlowsPerNetwork, "per-network", cfg.FlowsPerNetwork, "flows in each network")
	f.Uint64Var(&cfg.Seed, "seed", 0, "seed of the first network (0: from the clock)")
	f.StringVar(&cfg.Dir, "dir", "fuzz-differences", "where differences are written")
	f.BoolVar(&cfg.Keep, "keep", false, "write every case, with what the kernel did")
	f.DurationVar(&cfg.ShrinkFor, "shrink", cfg.ShrinkFor, "how long to shrink a difference")
	f.StringVar(&name, "lab", name, "the name of the lab that is built for it")
	return c
}
