package trace

import (
	"fmt"
	"maps"
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

// Take is the option of a choice that picks name by the choice's id; the first where they do not. It fails with a
// ChoiceError where they name one that is not there.
func (c *Choice) Take(picks map[string]string) (int, error) {
	want, ok := picks[c.ID]
	if !ok {
		return 0, nil
	}
	if at := c.option(want); at >= 0 {
		return at, nil
	}
	e := &ChoiceError{ID: c.ID, Value: want}
	for _, o := range c.Options {
		e.Options = append(e.Options, o.Value)
	}
	return 0, e
}

func (c *Choice) option(value string) int {
	return slices.IndexFunc(c.Options, func(o Option) bool { return o.Value == value })
}

// choose lists a place where chance decides, once, and gives the option that is taken: the query's, else the first. Where
// the same name has other options than before, it is another place: the id then also says in which namespace, and, from the
// third on, which one.
func (w *walker) choose(id, kind string, options []Option) int {
	c := Choice{ID: id, Kind: kind, Options: options}
	for n := 2; ; n++ {
		i := slices.IndexFunc(w.t.Choices, func(x Choice) bool { return x.ID == c.ID })
		if i < 0 {
			break
		}
		if have := &w.t.Choices[i]; slices.EqualFunc(have.Options, options, func(a, b Option) bool { return a.Value == b.Value }) {
			return have.option(have.Chosen)
		}
		c.ID = id + choiceIn + w.ns.Name
		if n > 2 {
			c.ID += " " + strconv.Itoa(n)
		}
	}
	at, err := c.Take(w.t.Query.Choices)
	if err != nil {
		w.err = err
	}
	c.Chosen = options[at].Value
	w.t.Choices = append(w.t.Choices, c)
	return at
}

// choiceIn stands in a choice's id before the namespace, where there is one.
const choiceIn = " @"

// ChoicePlace takes a choice's id apart: what is met there, and the namespace where the id has one.
func ChoicePlace(id string) (what, namespace string) {
	what, rest, _ := strings.Cut(id, choiceIn)
	namespace, _, _ = strings.Cut(rest, " ")
	return what, namespace
}

// unmet says which of the query's choices the packet did not come by.
func (w *walker) unmet() {
	for _, id := range slices.Sorted(maps.Keys(w.t.Query.Choices)) {
		if !slices.ContainsFunc(w.t.Choices, func(c Choice) bool { return c.ID == id }) {
			w.assume(AssumeChoice, "id", id)
		}
	}
}

// drawing is what chance has decided in the chain that the packet is in: rules from first to last draw in turn, and the one
// with this target matches.
type drawing struct {
	chain       *iptables.Chain
	first, last int
	target      string
}

// chooseRule says whether a rule that draws matches. Rules that draw one after the other, from the first that the packet
// meets, and the one behind them are the options of one choice, each with its real chance.
func (w *walker) chooseRule(r *iptables.Rule) bool {
	if d := &w.drawn; d.chain != r.Chain || r.Number < d.first || r.Number > d.last {
		options, rules := ruleOptions(r)
		*d = drawing{r.Chain, r.Number, r.Number + rules - 1, options[w.choose(r.Chain.Name, "statistic", options)].Value}
	}
	return w.drawn.target == targetName(r)
}

// ruleOptions are where a drawing rule and those right behind it can lead, and how many of them draw.
func ruleOptions(r *iptables.Rule) (out []Option, drawing int) {
	left := 1.0
	for _, x := range r.Chain.Rules[r.Number-1:] {
		p, draws := probability(x)
		if !draws {
			break
		}
		out = append(out, Option{targetName(x), destination(x), left * p})
		left *= 1 - p
		drawing++
	}
	if left <= 0 {
		return out, drawing
	}
	// What the last drawing leaves goes to the rule behind it, and at the chain's end out of the chain.
	if behind := r.Number - 1 + drawing; behind < len(r.Chain.Rules) {
		x := r.Chain.Rules[behind]
		return append(out, Option{targetName(x), destination(x), left}), drawing
	}
	return append(out, Option{Value: chainEnd(r.Chain), Probability: left}), drawing
}

// chainEnd is what becomes of a packet that no rule of a chain keeps.
func chainEnd(c *iptables.Chain) string {
	if c.BuiltIn() {
		return "policy " + c.Policy
	}
	return "RETURN"
}

// KindNumgen is the kind of a choice that nft's `numgen random` makes.
const KindNumgen = "numgen"

// Unseen is the option of a choice of kind "recent" that no list of the chain has the client.
const Unseen = "none"

// remembered is the list of a chain's `-m recent` rules that has the client from an earlier connection; Unseen for none.
func (w *walker) remembered(c *iptables.Chain) string {
	if w.recalled.chain != c {
		options := []Option{{Value: Unseen}}
		for _, r := range c.Rules {
			for _, m := range r.Matches {
				x, ok := m.(*iptables.RecentMatch)
				if !ok || x.Op != iptables.RecentCheck && x.Op != iptables.RecentUpdate {
					continue
				}
				if !slices.ContainsFunc(options, func(o Option) bool { return o.Value == x.Name }) {
					options = append(options, Option{Value: x.Name, Label: destination(r)})
				}
			}
		}
		w.recalled = recalled{c, options[w.choose("recent "+c.Name, "recent", options)].Value}
	}
	return w.recalled.list
}

// recalled is which list of the chain that the packet is in has the client.
type recalled struct {
	chain *iptables.Chain
	list  string
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
