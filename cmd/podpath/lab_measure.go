package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/podpath/podpath/internal/lab/build"
	"github.com/podpath/podpath/internal/lab/measure"
)

// anyCPU is no CPU: package measure chooses one.
const anyCPU = -1

func cpuFlag(c *cobra.Command, cpu *int) {
	c.Flags().IntVar(cpu, "cpu", anyCPU, "the CPU that both ends run on (default: the last that this process may use)")
}

func chooseCPU(cpu int) (int, error) {
	if cpu == anyCPU {
		return measure.CPU()
	}
	return cpu, nil
}

func labMeasureCommand() *cobra.Command {
	var file string
	o := measure.Options{}
	c := &cobra.Command{
		Use:   "measure",
		Short: "Measure what a packet's steps cost on this machine",
		Long: `Time this kernel's own round trips through small networks of namespaces, each longer by one thing than another, and take from
them what each step costs: a veth, a bridge, routing, conntrack, a rule, a tunnel. A datagram of 64 bytes goes there and its
answer back, both ends on one CPU; the best of each run counts.

FILE is what "podpath compare --costs FILE" reads. It names the kernel, the CPU and the day, and no host. What this machine
cannot do, or what is within the noise, is not in it: podpath's own figure stands. What the network between machines takes is
not measured.`,
		Example: `  sudo podpath lab measure -o costs.json
  podpath compare --costs costs.json --from pod/default/netshoot-1 --to pod/default/netshoot-3 --with cni=calico-vxlan`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := build.Needs(); err != nil {
				return err
			}
			if o.CPU, err = chooseCPU(o.CPU); err != nil {
				return err
			}
			o.Lab = ownLab()
			ctx, stop := interrupted(cmd)
			defer stop()
			m, err := measure.Run(ctx, o)
			if err != nil {
				return brokenOff(o.Lab, err)
			}
			found := measure.Derive(m)
			here := measure.Here(time.Now()).String()
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n", here)
			if err := measure.Print(cmd.OutOrStdout(), m, found); err != nil {
				return err
			}
			if file == "" {
				return nil
			}
			data, err := measure.File(found, here)
			if err != nil {
				return err
			}
			if err := os.WriteFile(file, data, 0o644); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "\n%s: podpath compare --costs %s …\n", file, file)
			return nil
		},
	}
	f := c.Flags()
	f.StringVarP(&file, "output", "o", "", "write the costs to this file")
	f.IntVar(&o.Trips, "trips", measure.DefaultTrips, "round trips a path and run")
	f.IntVar(&o.Runs, "runs", measure.DefaultRuns, "how often all paths are measured")
	cpuFlag(c, &o.CPU)
	return c
}
