package nftables

// maxJumpDepth is NFT_JUMP_STACK_SIZE: the kernel refuses rules that could go deeper, and drops a packet that does.
const maxJumpDepth = 16

// effort bounds one run: a rule tried costs 1, an event and a chain entered eventCost. The kernel refuses rules that jump
// in a circle; a text that was pasted may have them, or chains that fan out so far that a walk would not end today.
const (
	effort    = 1 << 23
	eventCost = 1 << 6
)

// Evaluator walks chains. It keeps its buffers between runs; it is for one goroutine at a time. The zero value is ready.
type Evaluator struct {
	misses []Miss
	stack  [maxJumpDepth]frame
	left   int
	halted bool
}

// Halted says whether the last run was given up: jumps too deep (the kernel drops such a packet), or in a circle, or more
// work than any real ruleset makes. Its verdict is Drop.
func (e *Evaluator) Halted() bool { return e.halted }

// enter pays for a chain's rules; false where the run has to be given up.
func (e *Evaluator) enter(c *Chain, depth int) bool {
	e.left -= eventCost + len(c.Rules)
	e.halted = e.left < 0 || depth > maxJumpDepth
	return !e.halted
}

// frame is where a jump came from.
type frame struct {
	chain *Chain
	next  int
}

// Evaluate runs one packet through a base chain. It is Run of a fresh [Evaluator].
func (c *Chain) Evaluate(in *Input, sink Sink) Verdict {
	var e Evaluator
	return e.Run(c, in, sink)
}

// Run runs one packet through a base chain (nft_do_chain in nf_tables_core.c). A rule that cannot be decided is reported
// to the sink as Undecided and taken not to match.
func (e *Evaluator) Run(base *Chain, in *Input, sink Sink) Verdict {
	c, depth, i := base, 0, 0
	e.misses = e.misses[:0]
	e.left, e.halted = effort, false
	for {
		if i == len(c.Rules) {
			if depth == 0 {
				if c != base {
					e.event(sink, Event{Chain: c, Verdict: Verdict{Kind: Return}, Before: marks(in)})
				}
				return e.policy(base, in, sink)
			}
			e.event(sink, Event{Chain: c, Verdict: Verdict{Kind: Return}, Before: marks(in)})
			depth--
			c, i = e.stack[depth].chain, e.stack[depth].next
			continue
		}
		r := c.Rules[i]
		i++
		before := marks(in)
		v, failed := r.run(in)
		if failed >= 0 {
			e.misses = append(e.misses, Miss{r, failed})
			continue
		}
		e.event(sink, Event{Chain: c, Rule: r, Verdict: v, Before: before})
		switch v.Kind {
		case Continue, Undecided:
		case Return:
			if depth == 0 {
				return e.policy(base, in, sink)
			}
			depth--
			c, i = e.stack[depth].chain, e.stack[depth].next
		case Jump:
			if !e.enter(v.Chain, depth+1) {
				return Verdict{Kind: Drop}
			}
			e.stack[depth] = frame{c, i}
			depth++
			c, i = v.Chain, 0
		case Goto:
			if !e.enter(v.Chain, depth) {
				return Verdict{Kind: Drop}
			}
			c, i = v.Chain, 0
		default:
			return v
		}
	}
}

// run executes a rule's statements. It gives the index of the one that failed, or -1. Where a statement cannot be
// answered, the matches right after it may still settle that the rule fails; effects behind it are not carried out.
func (r *Rule) run(in *Input) (v Verdict, failed int) {
	unsure := false
	in.rule = r
	for k, s := range r.Statements {
		if unsure && s.Effect() {
			break
		}
		switch s.Run(in, &v) {
		case No:
			return v, k
		case Unknown:
			unsure = true
		}
		if v.Kind != Continue {
			break
		}
		if decides(s) && !unsure {
			return v, -1 // `continue` ends the rule
		}
	}
	if unsure || r.NotUnderstood != "" {
		return Verdict{Kind: Undecided}, -1
	}
	return v, -1
}

func (e *Evaluator) policy(base *Chain, in *Input, sink Sink) Verdict {
	v := Verdict{Kind: Accept}
	if base.Policy == "drop" {
		v.Kind = Drop
	}
	e.event(sink, Event{Chain: base, Policy: true, Verdict: v, Before: marks(in)})
	return v
}

func (e *Evaluator) event(sink Sink, ev Event) {
	e.left -= eventCost
	ev.Misses = e.misses
	if sink != nil {
		sink.Event(ev)
	}
	e.misses = e.misses[:0]
}

func marks(in *Input) Marks {
	m := Marks{Mark: in.Packet.Mark}
	if in.Conn != nil {
		m.CTMark = in.Conn.Mark
	}
	return m
}
