package diagram

import (
	"strings"

	"github.com/podpath/podpath/internal/trace"
)

// summary is a station's deciding fact in a few words that are the same in every language: names of tables, rules,
// targets and addresses, as the kernel's tools write them.
func summary(d *trace.Document, s trace.StationDocument) string {
	steps := stepsOf(d, s)
	if len(steps) == 0 {
		return ""
	}
	if s.Kind == "route" {
		return routeSummary(steps)
	}
	at := s.Decisive - s.First
	if at < 0 || at >= len(steps) {
		at = len(steps) - 1
	}
	if c := trace.Code(steps[at].Code); (c == trace.RuleDrop || c == trace.RuleReject) && steps[at].Chain == "" && at > 0 {
		at-- // the rule that ended it says where
	}
	return stepSummary(&steps[at])
}

// routeSummary joins the rule that chose the table with the route found in it: "1536 → table 2 → ens6".
func routeSummary(steps []trace.StepDocument) string {
	var parts []string
	for _, st := range steps {
		switch trace.Code(st.Code) {
		case trace.PolicyRule:
			parts = []string{"rule " + st.Args["priority"], st.Args["table"]}
		case trace.RouteUnicast, trace.RouteLink:
			parts = append(parts, st.Args["dev"])
		case trace.RouteLocal:
			if len(parts) == 0 || parts[len(parts)-1] != "local" {
				parts = append(parts, "local")
			}
		case trace.RouteBlackhole, trace.RouteUnreachable, trace.RouteProhibit:
			parts = append(parts, st.Verdict)
		}
	}
	return strings.Join(compact(parts), " → ")
}

func compact(parts []string) []string {
	out := parts[:0]
	for _, p := range parts {
		if p != "" {
			out = append(out, p)
		}
	}
	return out
}

// stepSummary is one step's fact.
func stepSummary(st *trace.StepDocument) string {
	arrow := func(what, to string) string {
		if to == "" {
			return what
		}
		return what + " → " + to
	}
	switch trace.Code(st.Code) {
	case trace.RuleSNAT, trace.RuleMasquerade:
		return arrow("SNAT", st.Args["to"])
	case trace.RuleDNAT, trace.RuleRedirect:
		return arrow("DNAT", st.Args["to"])
	case trace.RuleMark, trace.RuleRestored:
		return arrow("mark", st.Args["after"])
	case trace.RuleConnmark:
		return arrow("CONNMARK", st.Args["after"])
	case trace.RuleReturn, trace.RuleAccept, trace.RuleDrop, trace.RuleReject, trace.RuleMatched:
		if st.Chain != "" {
			return st.Chain + ": " + st.Verdict
		}
		return st.Verdict
	case trace.ChainPolicy:
		return "policy " + st.Args["policy"]
	case trace.ChainPolicyDrop:
		return "policy DROP"
	case trace.ConnEstablished:
		return "ct established"
	case trace.ConnNew:
		return "ct new"
	case trace.ConnNATUndo:
		return arrow("un-NAT", st.Args["to"])
	case trace.ConnNAT:
		return arrow("NAT", st.Args["to"])
	case trace.BalancerTargetInstance, trace.BalancerTargetIP, trace.BalancerUndo:
		return arrow("NLB", st.Args["to"])
	case trace.TTLDecremented:
		return "ttl " + st.Args["before"] + " → " + st.Args["after"]
	case trace.DeliveredHere:
		if st.Args["port"] != "" {
			return ":" + st.Args["port"]
		}
	}
	return ""
}
