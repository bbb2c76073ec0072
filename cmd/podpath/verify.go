package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/podpath/podpath/internal/lab"
)

func verifyCommand() *cobra.Command {
	packets := "both"
	c := &cobra.Command{
		Use:   "verify DIR…",
		Short: "Compare the tracer with recordings of the real kernel",
		Long: `Compare the tracer with recordings of the real kernel. DIR is a recording (its flow.json, path.json, rules.json and
conntrack.txt, with the network's state in the folder state within it or beside it), or a folder of recordings. Each
difference is printed, the kernel beside the tracer. Exit 0: none.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var modes []bool
			switch packets {
			case "first":
				modes = []bool{false}
			case "all":
				modes = []bool{true}
			case "both":
				modes = []bool{false, true}
			default:
				return fmt.Errorf("--packets %s: want first, all or both", packets)
			}
			dirs, err := recordings(args)
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			bad := 0
			for _, d := range dirs {
				r, err := lab.Open(d)
				if err != nil {
					return err
				}
				n := 0
				var last *lab.Report
				for _, exchange := range modes {
					rep, err := lab.Verify(r, exchange)
					if err != nil {
						return fmt.Errorf("%s: %w", d, err)
					}
					last = rep
					n += len(rep.Differences)
					for _, x := range rep.Differences {
						fmt.Fprintf(w, "%s: %v\n", d, x)
					}
				}
				if n == 0 {
					fmt.Fprintf(w, "agrees   %s  (%d path rows, %d rules, %d connections; Linux %s)\n", d, last.PathRows, last.RuleRows, last.Entries, r.Flow.Kernel)
				} else {
					fmt.Fprintf(w, "differs  %s\n", d)
					bad++
				}
			}
			fmt.Fprintf(w, "%d recordings, %d differ\n", len(dirs), bad)
			if bad > 0 {
				return errDiffers
			}
			return nil
		},
	}
	c.Flags().StringVar(&packets, "packets", packets, "first: the first packet and its answer; all: the whole exchange; both")
	return c
}

// recordings finds the folders with a flow.json.
func recordings(args []string) ([]string, error) {
	var out []string
	for _, a := range args {
		n := len(out)
		err := filepath.WalkDir(a, func(p string, d os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if !d.IsDir() && d.Name() == "flow.json" {
				out = append(out, filepath.Dir(p))
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if len(out) == n {
			return nil, fmt.Errorf("%s: no recording here (want a folder with flow.json)", a)
		}
	}
	return out, nil
}
