package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/podpath/podpath/internal/compare"
	"github.com/podpath/podpath/internal/latency"
	"github.com/podpath/podpath/internal/terminal"
	"github.com/podpath/podpath/internal/topology"
)

func compareCommand() *cobra.Command {
	var q question
	var output, lang, costs string
	var onlyDifferences bool
	var with []string
	c := &cobra.Command{
		Use:   "compare --from PLACE --to PLACE --with CHANGES",
		Short: "Set the ways of one packet through several networks side by side",
		Long: `Set the ways of one packet through several networks side by side.

The flags of trace put the question that all columns share; it is the first column as it is. Each --with is a further
column and says what it changes, key=value, separated by spaces (a value with spaces in double quotes): ` + strings.Join(changeKeys, ", ") + `.
set and choice may be given several times.

A row is a stop, the same in all columns (=), decided otherwise (≠), one that only a later column has (+), or one that it
does not have (−). Names do not count: addresses, MACs and interfaces may differ. Times are microseconds, from a table of
costs: nothing is measured, unless you measured it (--costs). JSON has the form of compare.Comparison.`,
		Example: `  podpath compare --from pod/default/netshoot-1 --to pod/default/netshoot-3 --with cni=calico-vxlan --with cni=calico-ipip
  podpath compare --from pod/default/netshoot-1 --to internet --with "set=externalsnat=true" --only-differences`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("--output %s: want text or json", output)
			}
			table, err := costTable(costs)
			if err != nil {
				return err
			}
			cols, err := columns(&q, with)
			if err != nil {
				return err
			}
			for i := range cols {
				x := &cols[i]
				x.Document = x.Trace.Document()
				x.Report = latency.Of(x.Trace, x.Document, table)
			}
			made := compare.Of(cols)
			if output == "json" {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", " ")
				e.SetEscapeHTML(false)
				return e.Encode(made)
			}
			w := cmd.OutOrStdout()
			p := &sideBySide{Printer: terminal.New(w, lang), c: made, only: onlyDifferences}
			return p.print()
		},
	}
	q.flags(c)
	f := c.Flags()
	f.StringArrayVar(&with, "with", nil, "a further column: what it changes, key=value, separated by spaces; the first may be empty, for the question as it is")
	f.BoolVar(&onlyDifferences, "only-differences", false, "leave out the stops that are the same in all columns")
	f.StringVar(&costs, "costs", "", "a table of costs measured on your own machine (see podpath lab measure)")
	f.StringVarP(&output, "output", "o", "text", "text or json")
	f.StringVar(&lang, "lang", "en", "language of the sentences: en or ko")
	return c
}

// costTable is the table of costs in a file, or the one that comes with podpath.
func costTable(file string) (*latency.Table, error) {
	if file == "" {
		return latency.Default(), nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return latency.Read(data, file)
}

// columns traces each column's question. The first is the common one, be it that the first --with is empty or left out.
func columns(q *question, with []string) ([]compare.Column, error) {
	if len(with) == 0 || strings.TrimSpace(with[0]) != "" {
		with = append([]string{""}, with...)
	}
	if len(with) < 2 {
		return nil, fmt.Errorf("--with is needed, once for each further column: what it changes, such as --with cni=calico-vxlan; keys: %s", strings.Join(changeKeys, ", "))
	}
	var out []compare.Column
	var first *network
	for i, changes := range with {
		x, name, err := q.with(changes)
		if err != nil {
			return nil, err
		}
		n, t, err := x.run()
		if i == 0 {
			first = n
		} else if err == nil && len(x.choose) == 0 { // chance leads every column to the same pod
			if picked := compare.SameEnd(out[0].Trace, t, first.nameOf, n.nameOf); picked != nil {
				y := *x
				y.request.Choices = picked
				if _, same, err := y.run(); err == nil { // another way may have other choices: then what chance takes first will do
					t = same
				}
			}
		}
		if err != nil {
			if i > 0 {
				err = fmt.Errorf("--with %s: %w", changes, err)
			}
			return nil, err
		}
		if name == "" {
			name = strings.TrimSpace(changes)
		}
		if name == "" {
			name = x.title(n)
		}
		out = append(out, compare.Column{Name: name, Trace: t})
	}
	return out, nil
}

// nameOf is the pod or node that has an address; of a snapshot's nobody is known.
func (n *network) nameOf(address string) string {
	if n.compiled != nil {
		for _, p := range n.compiled.Places {
			if (p.Kind == topology.Pod || p.Kind == topology.Node) && p.Address.String() == address {
				return p.Name
			}
		}
	}
	return ""
}

// title names a column that changes nothing: by its network plugin, or by its snapshot.
func (q *question) title(n *network) string {
	if n.compiled != nil {
		return n.compiled.Cluster.CNI.Name
	}
	return filepath.Base(q.source.snapshot)
}
