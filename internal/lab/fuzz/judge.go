package fuzz

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// Verdict is what a recording and the tracer come to.
type Verdict struct {
	// Difference is the first, nil where there is none.
	Difference *lab.Difference
	Exchange   bool // found in the whole exchange, not in the first packet and its answer
	// Outcome is how the tracer says the flow ended: "delivered", or a code.
	Outcome string
	// Partly says that only what the tracer determines was compared; Not, that nothing was.
	Partly, Not bool
	Report      *lab.Report
}

// maxWays bounds the ways of chance that are tried for one recording.
const maxWays = 32

// Judge compares a recording with the tracer, the first packet with its answer and then the whole exchange. Where a hash of
// the flow decides that no rule shows (ECMP, a load balancer), the kernel is right about which way was taken: only if no way
// agrees is there a difference.
func Judge(r *lab.Recording) (*Verdict, error) {
	var first *Verdict
	for _, exchange := range []bool{false, true} {
		v, err := judgeWays(r, exchange)
		if err != nil {
			return nil, err
		}
		if v.Difference != nil || v.Not {
			return v, nil
		}
		first = v
	}
	return first, nil
}

// judgeWays tries the options of chance one after another, depth first.
func judgeWays(r *lab.Recording, exchange bool) (*Verdict, error) {
	queue := []map[string]string{r.Flow.Choices}
	var first *Verdict
	for n := 0; len(queue) > 0 && n < maxWays; n++ {
		x := *r
		x.Flow.Choices, queue = queue[0], queue[1:]
		v, err := judge(&x, exchange)
		if err != nil {
			return nil, err
		}
		if v.Difference == nil {
			return v, nil
		}
		if first == nil {
			first = v
		}
		queue = append(otherWays(v.Report.Trace, x.Flow.Choices), queue...)
	}
	return first, nil
}

// otherWays are all options of the first choice that is not made yet and that no rule shows; the one taken is among them, for only
// what is picked lets the next choice come up.
func otherWays(t *trace.Trace, made map[string]string) []map[string]string {
	for _, c := range t.Choices {
		if _, ok := made[c.ID]; ok || c.Kind == "statistic" || c.Kind == "recent" {
			continue
		}
		var out []map[string]string
		for _, o := range c.Options {
			more := maps.Clone(made)
			if more == nil {
				more = map[string]string{}
			}
			more[c.ID] = o.Value
			out = append(out, more)
		}
		return out
	}
	return nil
}

// judge compares once.
func judge(r *lab.Recording, exchange bool) (*Verdict, error) {
	rep, err := lab.Verify(r, exchange)
	if err != nil {
		return nil, err
	}
	v := &Verdict{Exchange: exchange, Outcome: Outcome(rep.Trace), Report: rep}
	switch {
	case turnsAtGateway(rep.Trace):
		v.Not = true // a VPC's own affair, which no kernel judges
		return v, nil
	case undetermined(rep.Trace):
		v.Partly = true
		x := *r
		x.Path = firstRows(slices.DeleteFunc(slices.Clone(r.Path), func(row map[string]any) bool { return row["otherhost"] == true }), len(rep.Trace.Path()))
		x.Rules = firstRows(r.Rules, len(rep.Trace.Rules()))
		if rep, err = lab.Verify(&x, exchange); err != nil {
			return nil, err
		}
		rep.Differences = slices.DeleteFunc(rep.Differences, func(d lab.Difference) bool { return d.What == "conntrack" })
	}
	if len(rep.Differences) > 0 {
		v.Difference = &rep.Differences[0]
	}
	return v, nil
}

// turnsAtGateway says whether a packet leaves by a NAT gateway for an address of the VPC's own, or an answer leaves by one as if it
// began something.
func turnsAtGateway(t *trace.Trace) bool {
	if t.Topology.Fabric == nil {
		return false
	}
	for i := range t.Legs {
		nat, inside := false, false
		for _, h := range t.Hops(&t.Legs[i]) {
			if g := t.Topology.Fabric.Gateway(h.Name); g != nil && g.Kind == topology.NATGateway {
				nat = true
			}
			inside = nat && h.NS != nil && h.NS.Kind != topology.External
		}
		if inside && t.Legs[i].Kind == trace.Request {
			return true
		}
		if nat && t.Legs[i].Kind != trace.Request && opens(t, &t.Legs[i]) {
			return true
		}
	}
	return false
}

// opens says whether a leg has a NAT gateway make a mapping.
func opens(t *trace.Trace, l *trace.Leg) bool {
	for _, h := range t.Hops(l) {
		for _, s := range t.Steps(&h) {
			if s.Code == trace.NATGatewaySNAT {
				return true
			}
		}
	}
	return false
}

func firstRows(rows []map[string]any, n int) []map[string]any { return rows[:min(n, len(rows))] }

func undetermined(t *trace.Trace) bool {
	return slices.ContainsFunc(t.Legs, func(l trace.Leg) bool { return l.Outcome == trace.Undetermined })
}

// Outcome names how a trace ended, for statistics: "delivered", or how the first leg that was not ended and why.
func Outcome(t *trace.Trace) string {
	for i := range t.Legs {
		l := &t.Legs[i]
		if l.Outcome == trace.Delivered {
			continue
		}
		s := fmt.Sprintf("%s: %s", l.Outcome, t.End(l).Code)
		if l.Kind != trace.Request {
			s += " (" + strings.ToLower(fmt.Sprint(l.Kind)) + ")"
		}
		return s
	}
	return "delivered"
}
