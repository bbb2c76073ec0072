package bench

import (
	"fmt"
	"io"
	"strings"
	"text/template"
)

// The targets: a trace is to take no longer than the packet itself, and a tenth of it where there are many Services, whose rules
// the kernel walks one by one.
const (
	target         = 1.0
	targetServices = 0.1
	manyServices   = 10_000
)

// Target is the row's.
func (r *Row) Target() float64 {
	if r.Services >= manyServices {
		return targetServices
	}
	return target
}

// Ratio is one time over another, of the medians and of the best.
type Ratio struct{ Median, Best float64 }

func ratio(a, b Times) Ratio {
	return Ratio{float64(a.Median) / float64(b.Median), float64(a.Best) / float64(b.Best)}
}

func (r Ratio) String() string { return digits(r.Median) + " / " + digits(r.Best) }

// digits are as many as the figure deserves.
func digits(v float64) string {
	switch {
	case v < 0.1:
		return fmt.Sprintf("%.3f", v)
	case v < 10:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// verdict says of a trace beside a kernel's round trip whether it meets the row's target, by medians and by the best.
func verdict(r *Row, t Times) string {
	x := ratio(t, r.First)
	switch met, best := x.Median <= r.Target(), x.Best <= r.Target(); {
	case met && best:
		return "met"
	case met != best:
		return "met by one of the two"
	}
	return "missed"
}

func (t Times) String() string {
	return fmt.Sprintf("%s / %s", micros(t.Median), micros(t.Best))
}

func micros(ns int64) string {
	if us := float64(ns) / 1000; us < 100 {
		return fmt.Sprintf("%.1f", us)
	}
	return fmt.Sprintf("%.0f", float64(ns)/1000)
}

// title is a row's in a table: where rules are loaded in two ways, by which.
func (r *Row) title() string {
	if r.Services == 0 {
		return r.Flow
	}
	return r.Flow + ", " + r.Backend
}

var page = template.Must(template.New("benchmarks").Funcs(template.FuncMap{
	"title":   func(r Row) string { return r.title() },
	"ratio":   ratio,
	"verdict": func(r Row, t Times) string { return verdict(&r, t) },
	"target":  func(r Row) string { return fmt.Sprintf("%g", r.Target()) },
	"micros":  micros,
	"join":    strings.Join,
}).Parse(`# Benchmarks: tracing a packet, and sending it

This page was written by ` + "`make bench-kernel`" + ` (` + "`podpath lab bench -o docs/benchmarks.md`" + `), which measures both sides in one run; no figure
is copied from anywhere.

{{.Machine.CPU}}, {{.Machine.Cores}} cores; Linux {{.Machine.Kernel}}; {{.Machine.Date}}. {{.Runs}} rounds of {{.Trips}} of each, on CPU {{.CPU}}.

Times are microseconds, median / best: the least of the rounds' medians, and the best of all. Ratios are of medians and of the
best in the same order.

## Ratios

A trace, there and back, over the kernel's round trip of the first packet of a new flow with its answer: the same packets, and
nat chains are asked on both sides. *Decisions* is the walk with every decision recorded (trace.Runner.Run). *Explained* is what
a page gets: the walk, every line, packet and reason as data, with the rules that were passed over and why, and what each hop
costs (query.Request.Document). That is a line for every rule passed over, which among many Services is nearly all of it.

| flow | target | decisions ÷ kernel | | explained ÷ kernel | |
| --- | --- | --- | --- | --- | --- |
{{- range .Rows}}
| {{title .}} | {{target .}} | {{ratio .Trace .First}} | {{verdict . .Trace}} | {{ratio .Full .First}} | {{verdict . .Full}} |
{{- end}}

## Times

| flow | rules | steps | kernel, first packet | kernel, known flow | decisions | explained |
| --- | --- | --- | --- | --- | --- | --- |
{{- range .Rows}}
| {{title .}} | {{.Rules}} | {{.Steps}} | {{.First}} | {{.Known}} | {{.Trace}} | {{.Full}} |
{{- end}}
{{range .Lacks}}
Left out: {{.}}.
{{end}}
Rules are those that the first packet and its answer go through, steps the decisions of the trace. For comparison: two nodes
with a pod each, routed, without a rule or conntrack, take {{.Bare}}.

## What is measured

- **The kernel**: a UDP datagram of 64 bytes and its answer between network namespaces, both ends blocking threads on one CPU, so
  nothing waits for another CPU to wake up. System calls are within it, as are the two switches between the threads. A known
  flow is in conntrack already; a first packet comes from a port of its own. Making its socket is not timed.
- **The tracer**: the same query on the same CPU, in turns with the kernel, with the topology compiled, as a server keeps it.
  Go's garbage collector runs as it likes.
- **The networks**: the first three are the preset ` + "`eks-study`" + `, the third with ` + "`--cni calico-vxlan`" + `. The others have two nodes and so many
  Services of type ClusterIP with one UDP port and one endpoint; the flow goes to the one in the middle of KUBE-SERVICES, and
  what is loaded is what podpath compiles for kube-proxy. nf_tables and x_tables are the two ways in which iptables hands the
  same rules to the kernel.

## What is not

- No network card, no driver and no wire: namespaces are joined by veths.
- A VPC is no Linux. A namespace of the lab's own imitates it, and its work (a router, and security groups as nft rules) is
  within the kernel's times. Against the bare two nodes above, decisions come to {{range $i, $r := .Rows}}{{if $i}}, {{end}}{{ratio $r.Trace $.Bare}}{{end}} in the order of the
  tables: stricter than is fair, since those two have no rules.
- Compiling a cluster, drawing a trace and HTTP: nobody sends packets to compare them with.
- No lab records while this runs, so nothing slows the kernel down; other programs of the machine may.

## Again

    make bench-kernel                      # writes this page; needs root
    sudo podpath lab bench --trips 1000    # prints it, quicker
    make bench                             # the tracer alone, as Go benchmarks
`))

// Markdown writes the report as a page.
func (r *Report) Markdown(w io.Writer) error { return page.Execute(w, r) }
