package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// parts are what a node's state is printed as, in order, with the command that prints the same on a node.
var parts = []struct{ name, command string }{
	{"addresses", "ip addr"}, {"rules", "ip rule"}, {"routes", "ip route show table all"}, {"neighbours", "ip neigh"},
	{"iptables", "iptables-save"}, {"ip6tables", "ip6tables-save"}, {"nft", "nft list ruleset"}, {"ipsets", "ipset save"},
}

func stateCommand() *cobra.Command {
	var src source
	var node, only string
	c := &cobra.Command{
		Use:   "state --node NODE",
		Short: "Print a node's or pod's state as the kernel's own tools would",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			n, err := src.open()
			if err != nil {
				return err
			}
			if node == "" {
				return fmt.Errorf("--node is needed; namespaces here: %s", strings.Join(n.topology.Names(), ", "))
			}
			ns, err := n.namespace(node)
			if err != nil {
				return err
			}
			var names []string
			for _, p := range parts {
				names = append(names, p.name)
			}
			if only != "" && !slices.Contains(names, only) {
				return fmt.Errorf("--only %s: want one of %s", only, strings.Join(names, ", "))
			}
			w := cmd.OutOrStdout()
			for _, p := range parts {
				if only != "" && only != p.name {
					continue
				}
				text := ns.State(p.name)
				if only == "" {
					if text == "" {
						continue
					}
					fmt.Fprintf(w, "# %s\n", p.command)
				}
				fmt.Fprint(w, text)
				if only == "" {
					fmt.Fprintln(w)
				}
			}
			return nil
		},
	}
	src.flags(c)
	c.Flags().StringVar(&node, "node", "", "the node, pod or namespace")
	c.Flags().StringVar(&only, "only", "", "one part: addresses, rules, routes, neighbours, iptables, ip6tables, nft or ipsets")
	return c
}
