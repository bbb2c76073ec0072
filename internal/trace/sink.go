package trace

import (
	"github.com/podpath/podpath/internal/iptables"
)

// iptSink records what iptables' rules did.
type iptSink walker

// Event implements iptables.Sink.
func (k *iptSink) Event(e iptables.Event) {
	w := (*walker)(k)
	w.keepConnMark()
	at := int32(len(w.t.misses))
	for _, m := range e.Misses {
		w.t.misses = append(w.t.misses, Miss{Rule: m.Rule, Match: m.Match})
	}
	v, code := eventVerdict(e.Verdict.Kind, e.Policy, e.Rule == nil)
	if code == RuleMatched {
		code = w.effect(e.Rule, &e.Before)
	}
	s := w.step(StageNetfilter, v, code)
	s.Hook, s.HasHook = w.base.Hook, true
	s.Base, s.Chain, s.Rule = w.base, e.Chain, e.Rule
	s.missAt, s.missN, s.passedAt, s.passed = at, int32(len(e.Misses)), int32(e.From), int32(e.To-e.From)
	s.First, w.first = w.first, false
	s.In, s.Out, s.Entry = w.hookIn, w.hookOut, w.ref.Entry
	switch e.Verdict.Kind {
	case iptables.Jump, iptables.Goto:
		s.Target = e.Verdict.Chain.Name
	case iptables.Reject:
		w.more(s).Text[2] = e.Verdict.Reject
	case iptables.Undecided:
		if e.Rule != nil {
			w.assume(AssumeRule, "namespace", w.ns.Name, "text", e.Rule.Text())
			if e.Rule.NotUnderstood != "" {
				w.lastStep().Code = RuleNotUnderstood
			}
		}
	}
}

// effect names what a rule that goes on to the next did.
func (w *walker) effect(r *iptables.Rule, before *iptables.Marks) Code {
	switch t := r.Target.(type) {
	case nil, *iptables.LogTarget, *iptables.NFLogTarget:
		return RuleCounts
	case *iptables.MarkTarget:
		if before.Mark == w.p.Mark {
			return RuleMarkSame
		}
		return RuleMark
	case *iptables.ConnmarkTarget:
		switch {
		case t.Restores() && before.Mark == w.p.Mark:
			return RuleRestoredSame
		case t.Restores():
			return RuleRestored
		case before.CTMark == w.conn.Mark:
			return RuleConnmarkSame
		}
		return RuleConnmark
	case *iptables.TTLTarget:
		return RuleTTL
	case *iptables.CTTarget:
		if t.NoTrack {
			return RuleNotrack
		}
	}
	return RuleMatched
}

// keepConnMark lets a step show the connection's mark as its rule left it.
func (w *walker) keepConnMark() {
	if w.ref.Entry != nil {
		w.p.CTMark = w.conn.Mark
	}
}

func eventVerdict(k iptables.VerdictKind, policy, noRule bool) (Verdict, Code) {
	switch {
	case policy && k == iptables.Drop:
		return VerdictPolicyDrop, ChainPolicyDrop
	case policy:
		return VerdictPolicyAccept, ChainPolicy
	case noRule:
		return VerdictReturn, ChainEnd
	}
	switch k {
	case iptables.Accept:
		return VerdictAccept, RuleAccept
	case iptables.Drop:
		return VerdictDrop, RuleDrop
	case iptables.Reject:
		return VerdictReject, RuleReject
	case iptables.Return:
		return VerdictReturn, RuleReturn
	case iptables.Jump:
		return VerdictJump, RuleJump
	case iptables.Goto:
		return VerdictGoto, RuleGoto
	case iptables.Queue:
		return VerdictQueue, RuleMatched
	case iptables.SNAT:
		return VerdictAccept, RuleSNAT
	case iptables.DNAT:
		return VerdictAccept, RuleDNAT
	case iptables.Masquerade:
		return VerdictAccept, RuleMasquerade
	case iptables.Redirect:
		return VerdictAccept, RuleRedirect
	case iptables.Undecided:
		return VerdictUndecided, RuleUndecided
	}
	return VerdictContinue, RuleMatched
}
