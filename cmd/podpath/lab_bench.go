package main

import (
	"bytes"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/podpath/podpath/internal/lab/bench"
	"github.com/podpath/podpath/internal/lab/build"
)

func labBenchCommand() *cobra.Command {
	var file string
	o := bench.Options{}
	c := &cobra.Command{
		Use:   "bench",
		Short: "Set what tracing a packet takes beside what sending it takes this kernel",
		Long: `Build networks out of namespaces, send a flow through each, trace the same flow, and set the times side by side: pod to pod on
two nodes, a ClusterIP, Calico's VXLAN, and a ClusterIP among many Services. Both run in turns on one CPU. What is printed is
a page, Markdown, that says how it was measured.`,
		Example: `  sudo podpath lab bench -o docs/benchmarks.md
  sudo podpath lab bench --trips 1000 --services 1000`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := build.Needs(); err != nil {
				return err
			}
			if o.CPU, err = chooseCPU(o.CPU); err != nil {
				return err
			}
			for _, n := range o.Services {
				if n < 1 || n > bench.MaxServices {
					return fmt.Errorf("--services %d: want 1 to %d", n, bench.MaxServices)
				}
			}
			o.Lab = ownLab()
			o.Progress = func(what string) { fmt.Fprintln(cmd.ErrOrStderr(), what) }
			ctx, stop := interrupted(cmd)
			defer stop()
			r, err := bench.Run(ctx, o)
			if err != nil {
				return brokenOff(o.Lab, err)
			}
			var page bytes.Buffer
			if err := r.Markdown(&page); err != nil {
				return err
			}
			if file != "" {
				return os.WriteFile(file, page.Bytes(), 0o644)
			}
			_, err = page.WriteTo(cmd.OutOrStdout())
			return err
		},
	}
	f := c.Flags()
	f.StringVarP(&file, "output", "o", "", "write the page to this file")
	f.IntVar(&o.Trips, "trips", bench.DefaultTrips, "round trips, and traces, of each kind in a round")
	f.IntVar(&o.Runs, "runs", bench.DefaultRuns, "rounds")
	f.IntSliceVar(&o.Services, "services", []int{1000, 10_000}, "sizes of the clusters with many Services")
	cpuFlag(c, &o.CPU)
	return c
}
