package trace

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/iptables"
)

// ChoiceError is a choice that the query makes and that cannot be made: the packet meets the place, and nothing there has
// that name.
type ChoiceError struct {
	ID, Value string
	Options   []string
}

func (e *ChoiceError) Error() string {
	return fmt.Sprintf("choice %s: %q is none of its options (want %s)", e.ID, e.Value, strings.Join(e.Options, ", "))
}

// choose lists a place where chance decides, once, and gives the option that is taken: the query's, else the first.
func (w *walker) choose(id, kind string, options []Option) int {
	is := func(want string) int {
		return slices.IndexFunc(options, func(o Option) bool { return o.Value == want })
	}
	for i := range w.t.Choices {
		if c := &w.t.Choices[i]; c.ID == id {
			return max(is(c.Chosen), 0)
		}
	}
	at := 0
	if want, ok := w.t.Query.Choices[id]; ok {
		if at = is(want); at < 0 {
			e := &ChoiceError{ID: id, Value: want}
			for _, o := range options {
				e.Options = append(e.Options, o.Value)
			}
			w.err, at = e, 0
		}
	}
	w.t.Choices = append(w.t.Choices, Choice{ID: id, Kind: kind, Chosen: options[at].Value, Options: options})
	return at
}

// unmet says which of the query's choices the packet did not come by.
func (w *walker) unmet() {
	for id := range w.t.Query.Choices {
		if !slices.ContainsFunc(w.t.Choices, func(c Choice) bool { return c.ID == id }) {
			w.assume(AssumeChoice, "id", id)
		}
	}
}

// chooseRule says whether a rule that draws matches. The rules of a chain that draw, and the one behind them, are the
// options of one choice, each with its real chance.
func (w *walker) chooseRule(r *iptables.Rule) bool {
	for i := range w.t.Choices {
		if c := &w.t.Choices[i]; c.ID == r.Chain.Name {
			return c.Chosen == targetName(r)
		}
	}
	options := ruleOptions(r.Chain)
	return options[w.choose(r.Chain.Name, "statistic", options)].Value == targetName(r)
}

// ruleOptions are where a chain's drawing rules can lead.
func ruleOptions(c *iptables.Chain) []Option {
	var out []Option
	left := 1.0
	add := func(r *iptables.Rule, p float64) { out = append(out, Option{targetName(r), destination(r), p}) }
	for _, x := range c.Rules {
		if p, ok := probability(x); ok {
			add(x, left*p)
			left *= 1 - p
		}
	}
	// What the last drawing leaves goes to the rule behind it.
	if last := c.Rules[len(c.Rules)-1]; left > 0 {
		if _, ok := probability(last); !ok {
			add(last, left)
		}
	}
	return out
}

// Unseen is the option of a choice of kind "recent" that no list of the chain has the client.
const Unseen = "none"

// remembered is the list of a chain's `-m recent` rules that has the client from an earlier connection; Unseen for none.
func (w *walker) remembered(c *iptables.Chain) string {
	id := "recent " + c.Name
	for i := range w.t.Choices {
		if x := &w.t.Choices[i]; x.ID == id {
			return x.Chosen
		}
	}
	options := []Option{{Value: Unseen}}
	for _, r := range c.Rules {
		for _, m := range r.Matches {
			if x, ok := m.(*iptables.RecentMatch); ok && (x.Op == iptables.RecentCheck || x.Op == iptables.RecentUpdate) {
				options = append(options, Option{Value: x.Name, Label: destination(r)})
			}
		}
	}
	return options[w.choose(id, "recent", options)].Value
}

// targetName is what a rule's option is called: the chain it jumps to, else its text.
func targetName(r *iptables.Rule) string {
	if j, ok := r.Target.(*iptables.JumpTarget); ok {
		return j.Name
	}
	return r.Text()
}

// destination is the address that a rule's option rewrites packets to: its own DNAT, or that of the chain it leads to.
// It is "" where there is none.
func destination(r *iptables.Rule) string {
	text := func(r *iptables.Rule) string {
		if t, ok := r.Target.(*iptables.NATTarget); ok && t.Kind == iptables.DNAT && t.Range.Min.IsValid() {
			s := t.Range.Min.String()
			if t.Range.MinPort != 0 {
				s += ":" + strconv.Itoa(int(t.Range.MinPort))
			}
			return s
		}
		return ""
	}
	if j, ok := r.Target.(*iptables.JumpTarget); ok && j.Chain != nil {
		for _, x := range j.Chain.Rules {
			if s := text(x); s != "" {
				return s
			}
		}
	}
	return text(r)
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
