package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/podpath/podpath/internal/maxpods"
	"github.com/podpath/podpath/internal/terminal"
)

func maxpodsCommand() *cobra.Command {
	var o maxpods.Options
	var output, lang string
	c := &cobra.Command{
		Use:   "maxpods [TYPE]",
		Short: "Say how many pods fit on an EC2 instance type, and who limits them",
		Long: `Say how many pods fit on an EC2 instance type with the AWS VPC CNI: the formula with its numbers, the ceiling that AWS
recommends, what a managed node group, nodeadm and the kubelet make of it by themselves, and how many addresses the node
takes from its subnet. Without TYPE, the types that podpath knows are listed by family. JSON has the form of
maxpods.Result.`,
		Example: `  podpath maxpods t3.medium
  podpath maxpods m5.4xlarge --prefix --output json
  podpath maxpods t3.medium --custom-networking`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, begin string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var out []string
			for _, t := range maxpods.Types() {
				if strings.HasPrefix(t, begin) {
					out = append(out, t)
				}
			}
			return out, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("--output %s: want text or json", output)
			}
			w := cmd.OutOrStdout()
			if len(args) == 0 {
				return listTypes(w, output == "json")
			}
			t, err := maxpods.Find(args[0])
			if err != nil {
				return err
			}
			r := maxpods.Compute(t, o)
			if output == "json" {
				return printJSON(w, r)
			}
			p := &podCount{Printer: terminal.New(w, lang), r: &r}
			return p.print()
		},
	}
	f := c.Flags()
	f.BoolVar(&o.Prefix, "prefix", false, "with prefix delegation (ENABLE_PREFIX_DELEGATION): a /28 in each slot")
	f.BoolVar(&o.CustomNetworking, "custom-networking", false, "with custom networking: the primary ENI gets no pods")
	f.StringVarP(&output, "output", "o", "text", "text or json")
	f.StringVar(&lang, "lang", "en", "language of the sentences: en or ko")
	return c
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// listTypes prints a family a line.
func listTypes(w io.Writer, asJSON bool) error {
	types := maxpods.Types()
	if asJSON {
		return printJSON(w, types)
	}
	last := ""
	for _, t := range types {
		family, size, _ := strings.Cut(t, ".")
		switch {
		case last == "":
			fmt.Fprintf(w, "%-12s", family)
		case family != last:
			fmt.Fprintf(w, "\n%-12s", family)
		}
		last = family
		fmt.Fprint(w, " ", size)
	}
	_, err := fmt.Fprintf(w, "\n%d types; podpath maxpods TYPE says how many pods fit on one\n", len(types))
	return err
}

// podCount prints how many pods fit on a type.
type podCount struct {
	terminal.Printer
	r *maxpods.Result
}

func (p *podCount) t(id string, pairs ...any) string {
	var args []string
	for _, v := range pairs {
		args = append(args, fmt.Sprint(v))
	}
	return p.Say.T("maxpods."+id, args...)
}

func (p *podCount) print() error {
	r, t := p.r, &p.r.Type
	kind := t.Hypervisor
	if t.BareMetal {
		kind = p.t("bare-metal")
	}
	mode := "mode-secondary"
	if r.Prefixes() {
		mode = "mode-prefix"
	}
	modes := p.t(mode)
	if r.Options.CustomNetworking {
		modes += ", " + p.t("custom")
	}
	p.Printf("%s  %s · %s · %s\n%s\n\n", p.Paint(terminal.Bold, t.Name), p.t("limits", "enis", t.ENIs, "ips", t.IPv4),
		p.t("vcpus-"+string(t.VCPUSource), "n", t.VCPUs), kind, modes)

	p.Printf("  %s = %d", r.Expression(), r.Formula)
	if small, large := r.Either(); small != large {
		p.Printf(" → %s\n", p.Paint(terminal.Bold, p.t("either", "small", small, "large", large)))
	} else if r.Capped() {
		p.Printf(" → %s\n", p.Paint(terminal.Bold, strconv.Itoa(r.Pods)))
	} else {
		p.Printf("\n")
	}
	for _, x := range r.Why() {
		p.Printf("  %s\n", p.Say.Args("maxpods-why."+x.Code, x.Args))
	}

	p.Printf("\n%s\n", p.Paint(terminal.Bold, p.t("who")))
	rows := [][]string{{"", p.t("sets"), p.t("most")}}
	known := func(n int) string {
		if n == 0 {
			return p.t("not-known")
		}
		return strconv.Itoa(n)
	}
	for _, a := range r.Appliers {
		rows = append(rows, []string{p.t("who-" + string(a.Who)), known(a.Sets), known(a.Most)})
	}
	for i, line := range aligned(rows) {
		p.Printf("  %s\n", line)
		if i == 0 {
			continue
		}
		for _, x := range r.Says(r.Appliers[i-1]) {
			p.Printf("    %s\n", p.Paint(terminal.Dim, p.Say.Args("maxpods-who."+x.Code, x.Args)))
		}
	}

	p.Printf("\n%s\n", p.Paint(terminal.Bold, p.t("subnet")))
	var sums [][]string
	add := func(n int, what string) { sums = append(sums, []string{what, strconv.Itoa(n)}) }
	s, suffix := r.Subnet, ""
	if r.Prefixes() {
		suffix = "-prefix"
	}
	if s.Own > 0 {
		add(s.Own, p.t("subnet-own"))
	}
	add(s.PerENI, p.t("subnet-eni"+suffix, "slots", r.Slots))
	add(s.Full, p.t("subnet-full", "enis", r.ENIs))
	add(s.Busy.Addresses, p.t("subnet-busy"+suffix, "pods", s.Busy.Pods, "enis", s.Busy.ENIs, "slots", s.Busy.Slots))
	for _, line := range aligned(sums) {
		p.Printf("  %s\n", line)
	}
	p.Printf("  %s\n", p.Paint(terminal.Dim, p.t("subnet-note"+suffix)))
	if s.Own > 0 {
		p.Printf("  %s\n", p.Paint(terminal.Dim, p.t("subnet-note-custom")))
	}
	return p.Err
}

// aligned puts cells under each other: the first of a row to the left, the others, which are numbers, to the right.
func aligned(rows [][]string) []string {
	wide := make([]int, len(rows[0]))
	for _, r := range rows {
		for i, c := range r {
			wide[i] = max(wide[i], width(c))
		}
	}
	out := make([]string, len(rows))
	for k, r := range rows {
		out[k] = pad(r[0], wide[0])
		for i, c := range r[1:] {
			out[k] += "  " + right(c, wide[i+1])
		}
	}
	return out
}
