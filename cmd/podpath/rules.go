package main

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/podpath/podpath/internal/iptables"
)

func rulesCommand() *cobra.Command {
	c := &cobra.Command{Use: "rules", Short: "Read iptables rules: iptables-save, iptables-restore input, iptables -S"}
	c.AddCommand(&cobra.Command{
		Use:   "print FILE|-",
		Short: "Read rules and print them back as iptables-save does",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rs, err := readRules(args[0])
			if err != nil {
				return err
			}
			_, err = rs.WriteTo(cmd.OutOrStdout())
			return err
		},
	}, &cobra.Command{
		Use:   "check FILE|-",
		Short: "Read rules, count them, and name what is not understood (exit 1 if anything is)",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			rs, err := readRules(args[0])
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			chains, rules := 0, 0
			for _, t := range rs.Tables {
				n := 0
				for _, c := range t.Chains {
					n += len(c.Rules)
				}
				fmt.Fprintf(w, "%-10s %6d chains %7d rules\n", t.Name, len(t.Chains), n)
				chains += len(t.Chains)
				rules += n
			}
			odd := rs.NotUnderstood()
			fmt.Fprintf(w, "%-10s %6d chains %7d rules, %d not understood\n", "in all", chains, rules, len(odd))
			for _, r := range odd {
				fmt.Fprintf(w, "%s:%d: not understood: %s\n    %s\n", args[0], r.Line, r.NotUnderstood, r.Text())
			}
			if len(odd) > 0 {
				return errDiffers
			}
			return nil
		},
	})
	c.AddCommand(rulesKubeProxyCommand())
	return c
}

func readRules(name string) (*iptables.Ruleset, error) {
	in := io.Reader(os.Stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	} else {
		name = "standard input"
	}
	// All of it at once: what has a length is read on all cores.
	text, err := io.ReadAll(io.LimitReader(in, iptables.MaxInput+1))
	if err != nil {
		return nil, err
	}
	return iptables.Parse(bytes.NewReader(text), name)
}
