package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/web/locales"
)

func presetsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "presets",
		Short: "List the clusters that come with podpath, their places and options",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := cmd.OutOrStdout()
			say := locales.New("en")
			for i, id := range compile.Presets() {
				c, err := compile.Preset(id)
				if err != nil {
					return err
				}
				made, err := compile.Compile(c, nil)
				if err != nil {
					return err
				}
				if i > 0 {
					fmt.Fprintln(w)
				}
				fmt.Fprintf(w, "%s  %s\n", id, say.T("preset."+id))
				for _, p := range made.Places {
					fmt.Fprintf(w, "  %-34s %-16v %s\n", p.Name, p.Address, p.Node)
				}
				for _, o := range compile.Options(c) {
					fmt.Fprintf(w, "  --set %s\n", o)
				}
			}
			return nil
		},
	}
}
