package trace

import (
	"github.com/podpath/podpath/internal/iptables"
)

// causes fills in what each step follows from. Stations have to be there already: a cause names one.
func (t *Trace) causes(d *Document) {
	for l := range t.Legs {
		hops := t.Hops(&t.Legs[l])
		for h := range hops {
			steps := t.Steps(&hops[h])
			for i := range steps {
				s := &steps[i]
				doc := &d.Legs[l].Hops[h].Steps[i]
				if s.cause > 0 {
					t.because(d, doc, "mapping", s.cause-1)
				}
				if mark, ok := markCause(steps[:i], s); ok {
					t.because(d, doc, "mark", hops[h].first+int32(mark))
					if from, ok := jumpTo(steps[:mark], &steps[mark]); ok {
						t.because(d, doc, "jump", hops[h].first+int32(from))
					}
				}
			}
		}
	}
}

// because adds one cause, by the step's index in the whole trace.
func (t *Trace) because(d *Document, doc *StepDocument, kind string, step int32) {
	for l := range t.Legs {
		for h, hop := range t.Hops(&t.Legs[l]) {
			if step < hop.first || step >= hop.last {
				continue
			}
			c := CauseDocument{Kind: kind, Leg: l, Hop: h, Step: int(step - hop.first)}
			c.Text = d.Legs[l].Hops[h].Steps[c.Step].Text
			for i := range d.Stations {
				if s := &d.Stations[i]; s.Leg == l && s.Hop == h && s.First <= c.Step && c.Step <= s.Last {
					c.Station = s.ID
				}
			}
			doc.Because = append(doc.Because, c)
			return
		}
	}
}

// markCause finds the step of this visit that set the bits of the mark which decided about s: bits that its own rule asks
// for, or where it maps addresses, a rule before it in its chain that would have led away from it.
func markCause(before []Step, s *Step) (int, bool) {
	if s.Rule == nil {
		return 0, false
	}
	mask := markMask(s.Rule)
	switch s.Code {
	case RuleSNAT, RuleMasquerade, RuleDNAT, RuleRedirect:
		for _, r := range s.Chain.Rules[:s.Rule.Number-1] {
			mask |= markMask(r)
		}
	}
	if mask == 0 {
		return 0, false
	}
	for i := len(before) - 1; i >= 0; i-- {
		if m, ok := before[i].markTarget(); ok && m.Value&m.Mask&mask != 0 {
			return i, true
		}
	}
	return 0, false
}

// markTarget is the step's MARK target, where its rule has one.
func (s *Step) markTarget() (*iptables.MarkTarget, bool) {
	if s.Rule == nil {
		return nil, false
	}
	m, ok := s.Rule.Target.(*iptables.MarkTarget)
	return m, ok
}

// markMask are the bits of the mark that a rule asks for.
func markMask(r *iptables.Rule) uint32 {
	var mask uint32
	for _, m := range r.Matches {
		if x, ok := m.(*iptables.MarkMatch); ok && !x.Conn {
			mask |= x.Mask
		}
	}
	return mask
}

// jumpTo finds the step that led to a step's chain.
func jumpTo(before []Step, s *Step) (int, bool) {
	for i := len(before) - 1; i >= 0; i-- {
		if x := &before[i]; (x.Verdict == VerdictJump || x.Verdict == VerdictGoto) && x.Target == s.Chain.Name {
			return i, true
		}
	}
	return 0, false
}
