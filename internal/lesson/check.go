package lesson

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/anatomy"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// The length of a lesson in steps: less is a note, more is two lessons.
const (
	minSteps = 5
	maxSteps = 15
)

// Check holds a lesson to its traces. It refuses
//   - a step whose station the trace does not come by, and a claim that does not hold;
//   - a question with no right answer, or with two;
//   - words in code letters that neither a claim nor anything in the traces and their nodes' state bears out;
//   - numbers outside of claims;
//   - a step, claim or answer that one of the languages leaves out.
func (l *Lesson) Check(w *World) error {
	c := &checker{l: l, w: w}
	if n := len(l.Steps); n < minSteps || n > maxSteps {
		c.bad("%d steps (want %d to %d)", n, minSteps, maxSteps)
	}
	for i := range l.Steps {
		c.step(&l.Steps[i])
	}
	for _, lang := range Languages {
		c.text(lang)
	}
	return errors.Join(c.errs...)
}

type checker struct {
	l      *Lesson
	w      *World
	errs   []error
	proofs map[string]*Proof // by step and claim
	corpus []string
}

func (c *checker) bad(format string, args ...any) {
	c.errs = append(c.errs, c.l.errorf(format, args...))
}

func (c *checker) step(s *Step) {
	if err := c.scene(s); err != nil {
		c.bad("step %s: %w", s.ID, err)
		return
	}
	for _, name := range sortedKeys(s.Claims) {
		p, err := s.Claims[name].Prove(c.w)
		if err != nil {
			c.bad("step %s: claim %s: %w", s.ID, name, err)
			continue
		}
		if c.proofs == nil {
			c.proofs = map[string]*Proof{}
		}
		c.proofs[s.ID+" "+name] = p
	}
	if len(s.Ask) > 0 {
		if _, err := s.Answer(c.w); err != nil {
			c.bad("step %s: %w", s.ID, err)
		}
	}
}

// scene looks for what a step is drawn on.
func (c *checker) scene(s *Step) error {
	if s.Type != "" {
		_, err := Pods(s.Type, s.Mode)
		return err
	}
	doc := c.w.Documents[s.Trace]
	if doc == nil {
		return fmt.Errorf("trace %s was not run", s.Trace)
	}
	if s.Node != "" {
		return c.node(s)
	}
	if _, err := station(doc, s.At); err != nil {
		return fmt.Errorf("at: %w", err)
	}
	if s.Wait == "" {
		return nil
	}
	if _, err := station(doc, s.Wait); err != nil {
		return fmt.Errorf("wait: %w", err)
	}
	return nil
}

// node looks for the node of a step, and in it for what is to stand out.
func (c *checker) node(s *Step) error {
	topo := c.w.Topologies[s.Trace]
	ns, err := topo.Namespace(s.Node)
	if err != nil || s.Select == "" {
		return err
	}
	var ids []string
	for _, t := range anatomy.Build(topo, ns).Things {
		if t.ID == s.Select {
			return nil
		}
		ids = append(ids, t.ID)
	}
	return fmt.Errorf("select: there is no %s in it (it has %s)", s.Select, strings.Join(ids, ", "))
}

// Answer is the name of the right answer to a step's question: the one whose claim holds in the trace.
func (s *Step) Answer(w *World) (string, error) {
	var right []string
	var whys []string
	for _, name := range sortedKeys(s.Ask) {
		if _, err := s.Ask[name].Prove(w); err != nil {
			whys = append(whys, fmt.Sprintf("%s: %v", name, err))
			continue
		}
		right = append(right, name)
	}
	switch len(right) {
	case 1:
		return right[0], nil
	case 0:
		return "", fmt.Errorf("ask: no answer is right: %s", strings.Join(whys, "; "))
	}
	return "", fmt.Errorf("ask: several answers are right: %s", strings.Join(right, ", "))
}

func (c *checker) text(lang string) {
	t := c.l.Texts[lang]
	file := c.l.Folder + "/" + lang + ".md"
	bad := func(line int, format string, args ...any) {
		c.errs = append(c.errs, fmt.Errorf("%s:%d: %s", file, line, fmt.Sprintf(format, args...)))
	}
	for id, s := range t.Steps {
		if c.l.Step(id) < 0 {
			bad(s.Line, "lesson.yaml has no step %s", id)
		}
	}
	for _, head := range []string{t.Title, t.Lead} {
		for _, problem := range c.words(head, false) {
			bad(1, "%s", problem)
		}
	}
	for i := range c.l.Steps {
		s := &c.l.Steps[i]
		x := t.Steps[s.ID]
		if x == nil {
			bad(1, "step %s is missing", s.ID)
			continue
		}
		for _, problem := range c.stepText(s, x) {
			bad(x.Line, "step %s: %s", s.ID, problem)
		}
	}
}

// stepText finds what is wrong with a step's words.
func (c *checker) stepText(s *Step, x *StepText) []string {
	var out []string
	if x.Body == "" {
		out = append(out, "it has no text")
	}
	used := map[string]bool{}
	for i, part := range []string{x.Title, x.Body, x.Question, x.Then} {
		for _, m := range mentions(part) {
			if m.claim == "" {
				continue
			}
			used[m.claim] = true
			if s.Claims[m.claim] == nil {
				out = append(out, fmt.Sprintf("lesson.yaml has no claim %s in this step", m.claim))
				continue
			}
			p := c.proofs[s.ID+" "+m.claim]
			if p == nil {
				continue // its claim does not hold, which is said already
			}
			for _, word := range m.stated() {
				if !p.Says(word) {
					out = append(out, fmt.Sprintf("%q is not what claim %s shows: %s", word, m.claim, p))
				}
			}
		}
		out = append(out, c.words(part, i == 1 || i == 3)...)
	}
	for _, name := range sortedKeys(s.Claims) {
		if !used[name] {
			out = append(out, fmt.Sprintf("nothing links to claim %s", name))
		}
	}
	return append(out, c.question(s, x)...)
}

func (c *checker) question(s *Step, x *StepText) []string {
	var out []string
	if (len(s.Ask) > 0) != (x.Question != "") {
		return []string{"the question is in lesson.yaml or in the text, not in both"}
	}
	var names []string
	for _, o := range x.Options {
		if s.Ask[o.Name] == nil {
			out = append(out, fmt.Sprintf("lesson.yaml has no answer %s", o.Name))
		}
		if slices.Contains(names, o.Name) {
			out = append(out, fmt.Sprintf("answer %s is there twice", o.Name))
		}
		names = append(names, o.Name)
		out = append(out, c.words(o.Text, false)...)
	}
	for _, name := range sortedKeys(s.Ask) {
		if !slices.Contains(names, name) {
			out = append(out, fmt.Sprintf("answer %s is missing", name))
		}
	}
	if x.Question != "" && x.Then == "" {
		out = append(out, "nothing is said when the question is answered: want ### then")
	}
	return out
}

// number is a number of two digits or more, a prefix length or a hexadecimal one.
var number = regexp.MustCompile(`0x[0-9a-fA-F]+|[0-9][0-9.,:/]*[0-9]`)

// stated are the words of a mention that its claim must show.
func (m *mention) stated() []string {
	if m.code {
		return []string{m.text}
	}
	return number.FindAllString(m.text, -1)
}

// words finds words in code letters, and numbers, that nothing bears out. In titles and answers, which have no links, it is
// enough that the traces know the number.
func (c *checker) words(part string, strict bool) []string {
	var out []string
	for _, m := range mentions(part) {
		if m.claim != "" {
			continue
		}
		for _, word := range m.stated() {
			switch {
			case slices.Contains(c.l.Terms, word):
			case m.code && !c.known(word):
				out = append(out, fmt.Sprintf("`%s`: neither the traces nor their nodes' state say this (a claim? terms?)", word))
			case !m.code && !strict && !c.known(word):
				out = append(out, fmt.Sprintf("%s: neither the traces nor their nodes' state say this number", word))
			case !m.code && strict:
				out = append(out, fmt.Sprintf("%s: a number outside of a claim (link it to one, or put it into terms)", word))
			}
		}
	}
	return out
}

// known says whether the lesson's traces, or the nodes that they come by, have a word.
func (c *checker) known(word string) bool {
	if c.corpus == nil {
		c.corpus = corpus(c.w)
		for i := range c.l.Steps {
			s := &c.l.Steps[i]
			if s.Node != "" {
				c.corpus = append(c.corpus, state(c.w.Topologies[s.Trace], s.Node)...)
			}
			// What is claimed may be said in a title, and what is asked among the answers.
			for _, claims := range []map[string]*Claim{s.Claims, s.Ask} {
				for _, name := range sortedKeys(claims) {
					c.corpus = append(c.corpus, claims[name].Is)
				}
			}
		}
	}
	return slices.ContainsFunc(c.corpus, func(s string) bool { return anatomy.Says(s, word) })
}

// corpus is everything that the traces and their nodes' state say.
func corpus(w *World) []string {
	out := []string{""}
	for name, doc := range w.Documents {
		seen := map[string]bool{}
		for _, s := range doc.Stations {
			out = append(out, s.ID, s.Kind, s.Interface)
			if seen[s.Namespace] {
				continue
			}
			seen[s.Namespace] = true
			out = append(out, state(w.Topologies[name], s.Namespace)...)
		}
		for i := range doc.Packets {
			for _, l := range doc.Packets[i].Layers {
				for _, f := range l.Fields {
					out = append(out, f.Value)
				}
			}
		}
		out = append(out, stepWords(doc)...)
	}
	return out
}

// state is what the kernel's tools print of a namespace, and the names in the picture of it.
func state(topo *topology.Topology, name string) []string {
	ns, err := topo.Namespace(name)
	if err != nil {
		return nil // a fabric's device is no namespace
	}
	out := append([]string{ns.Name, ns.Place.Label, ns.Place.Machine}, ns.Place.HostPods...)
	for _, part := range []string{"addresses", "rules", "routes", "neighbours", "iptables", "nft", "ipsets"} {
		out = append(out, ns.State(part))
	}
	for _, t := range anatomy.Build(topo, ns).Things {
		out = append(out, t.Of)
	}
	return out
}

func stepWords(doc *trace.Document) []string {
	var out []string
	for _, leg := range doc.Legs {
		for _, hop := range leg.Hops {
			for i := range hop.Steps {
				s := &hop.Steps[i]
				out = append(out, s.Text, s.Table, s.Chain, s.Hook, s.Verdict, s.Target)
				for _, v := range s.Args {
					out = append(out, v)
				}
				for _, ch := range s.Changes {
					out = append(out, ch.Field, ch.Before, ch.After)
				}
			}
		}
	}
	return out
}
