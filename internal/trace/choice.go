package trace

import (
	"github.com/podpath/podpath/internal/iptables"
)

// choiceOfRule lists, once for a chain, where its drawing rules can lead, each with its real chance.
func (w *walker) choiceOfRule(r *iptables.Rule) {
	c := r.Chain
	for _, have := range w.t.Choices {
		if have.ID == c.Name {
			return
		}
	}
	choice := Choice{ID: c.Name, Kind: "statistic"}
	left := 1.0
	for _, x := range c.Rules {
		p, ok := probability(x)
		if !ok {
			continue
		}
		choice.Options = append(choice.Options, Option{targetName(x), left * p})
		left *= 1 - p
	}
	// What the last drawing leaves goes to the rule behind it.
	if last := c.Rules[len(c.Rules)-1]; left > 0 {
		if _, ok := probability(last); !ok {
			choice.Options = append(choice.Options, Option{targetName(last), left})
		}
	}
	choice.Chosen = choice.Options[0].Value
	if want, ok := w.t.Query.Choices[c.Name]; ok {
		choice.Chosen = want
	}
	w.t.Choices = append(w.t.Choices, choice)
}

// targetName is what a rule's option is called: the chain it jumps to, else its text.
func targetName(r *iptables.Rule) string {
	if j, ok := r.Target.(*iptables.JumpTarget); ok {
		return j.Name
	}
	return r.Text()
}

// probability is a rule's chance, where it draws.
func probability(r *iptables.Rule) (float64, bool) {
	for _, m := range r.Matches {
		if s, ok := m.(*iptables.StatisticMatch); ok {
			p := float64(s.Share) / (1 << 31)
			if !s.Random {
				p = 1 / float64(s.Every)
			}
			if s.Not {
				p = 1 - p
			}
			return p, true
		}
	}
	return 0, false
}
