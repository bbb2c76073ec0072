package iptables

import "github.com/podpath/podpath/internal/packet"

// maxJumpDepth is NFT_JUMP_STACK_SIZE: nf_tables refuses rules that could go deeper, and its evaluation drops a packet
// that does. (iptables-legacy allows as many levels as there are chains; nothing real comes near either.)
const maxJumpDepth = 16

// effort bounds one run: each rule of a chain entered costs 1, an event and a chain entered eventCost. The kernel refuses rules that jump
// in a circle; a text that was pasted may have them, or chains that fan out so far that a walk would not end today.
const (
	effort    = 1 << 23
	eventCost = 1 << 6
)

// Evaluator walks chains. It keeps its buffers between runs, so that a run needs no memory; it is for one goroutine at a
// time. The zero value is ready.
type Evaluator struct {
	// examined counts the rules tried, over all runs: those that an index left out are not among them.
	examined int

	// minIndexed is in place of the constant where it is not 0: the tests walk with an index for every chain, and with
	// none at all.
	minIndexed int
	misses     []Miss
	stack      [maxJumpDepth]frame
	cursor     cursor
	left       int
	halted     bool
}

// Halted says whether the last run was given up: jumps too deep (the kernel drops such a packet), or in a circle, or more
// work than any real ruleset makes. Its verdict is Drop.
func (e *Evaluator) Halted() bool { return e.halted }

// enter pays for a chain's rules, tried or left out: where a run is given up does not depend on an index. It is false
// where the run has to be.
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

// Run runs one packet through a base chain: rule by rule, into user chains and back, until something decides or the
// chain's policy does (nft_do_chain in nf_tables_core.c, ipt_do_table in ip_tables.c). The verdict is never Continue,
// Return, Jump, Goto or Undecided: a rule that cannot be decided is reported to the sink and taken not to match.
func (e *Evaluator) Run(c *Chain, in *Input, sink Sink) Verdict {
	base, depth := c, 0
	from, i := 0, 0 // rules from:i were passed over since the last event
	e.misses = e.misses[:0]
	e.left, e.halted = effort, false
	defer func() { in.rule = nil }()
	e.visit(c, 0, in)
	for {
		if e.cursor.index != nil {
			if next, ok := e.cursor.next(); ok {
				i = next
			} else {
				i = len(c.Rules)
			}
		}
		if i == len(c.Rules) {
			if depth == 0 {
				if c != base {
					e.end(c, from, in, sink) // reached by goto: it ends in the base chain's policy
					from, i = 0, 0
				}
				return e.policy(base, from, i, in, sink)
			}
			e.end(c, from, in, sink)
			depth--
			c, i = e.stack[depth].chain, e.stack[depth].next
			from = i
			e.visit(c, i, in)
			continue
		}
		r := c.Rules[i]
		i++
		e.examined++
		in.rule = r
		passed := Yes
		for k, m := range r.Matches {
			if t := m.Matches(in); t != Yes {
				if t == No {
					e.misses = append(e.misses, Miss{r, k})
					passed = No
					break
				}
				passed = Unknown
			}
		}
		if passed == No {
			continue
		}
		before := marks(in)
		v := Verdict{Kind: Undecided}
		if passed == Yes {
			v = r.apply(in)
		}
		e.event(sink, Event{Chain: c, Rule: r, Verdict: v, From: from, To: i - 1, Before: before})
		from = i
		switch v.Kind {
		case Continue, Undecided:
			continue
		case Return:
			if depth == 0 {
				return e.policy(base, 0, 0, in, sink)
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
		from = i
		e.visit(c, i, in)
	}
}

// visit begins to walk a chain at rule i, or comes back to it there.
func (e *Evaluator) visit(c *Chain, i int, in *Input) {
	least := e.minIndexed
	if least == 0 {
		least = minIndexed
	}
	if e.cursor.index = nil; len(c.Rules) >= least {
		e.cursor.open(c.indexed(max(least/2, 1)), i, in.Packet)
	}
}

func (r *Rule) apply(in *Input) Verdict {
	if r.Target == nil {
		return Verdict{Kind: Continue}
	}
	return r.Target.Apply(in)
}

// end reports that a user chain ran out.
func (e *Evaluator) end(c *Chain, from int, in *Input, sink Sink) {
	e.event(sink, Event{Chain: c, Verdict: Verdict{Kind: Return}, From: from, To: len(c.Rules), Before: marks(in)})
}

// policy reports what the base chain decides where no rule did.
func (e *Evaluator) policy(base *Chain, from, to int, in *Input, sink Sink) Verdict {
	v := Verdict{Kind: Accept}
	switch base.Policy {
	case "DROP":
		v.Kind = Drop
	case "QUEUE":
		v.Kind = Queue
	}
	e.event(sink, Event{Chain: base, Policy: true, Verdict: v, From: from, To: to, Before: marks(in)})
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
	m := Marks{Mark: in.Packet.Mark, TTL: in.Packet.IP.TTL}
	if in.Conn != nil {
		m.CTMark, m.Zone, m.State = in.Conn.Mark, in.Conn.Zone, in.Conn.State
	}
	return m
}

// Why says why a rule that was passed over did not match, as the packet was when it was tried: the target of the event's
// own rule may have changed it since.
func (ev *Event) Why(in *Input, m Miss) Reason {
	p, c := *in.Packet, packet.Conn{}
	if in.Conn != nil {
		c = *in.Conn
	}
	p.Mark, p.IP.TTL = ev.Before.Mark, ev.Before.TTL
	c.Mark, c.Zone, c.State = ev.Before.CTMark, ev.Before.Zone, ev.Before.State
	then := *in
	then.Packet, then.Conn, then.rule = &p, &c, m.Rule
	return m.Rule.Matches[m.Match].Why(&then)
}
