package iptables

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const walkDump = `*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:A - [0:0]
:B - [0:0]
:C - [0:0]
-A INPUT -j A
-A INPUT -p udp -j DROP
-A INPUT -p udp -j DROP
-A INPUT -j RETURN
-A INPUT -j DROP
-A FORWARD -j C
-A FORWARD -g A
-A FORWARD -j ACCEPT
-A OUTPUT -m foo -j DROP
-A OUTPUT -j TPROXY --on-port 1
-A OUTPUT -j NOWHERE
-A A -j B
-A A -m mark --mark 0x12 -j MARK --set-xmark 0x1/0xffffffff
-A A -m mark --mark 0x12 -j DROP
-A B -p udp -j DROP
-A B -j RETURN
-A C -g B
-A C -j ACCEPT
COMMIT
`

func TestWalk(t *testing.T) {
	rs, err := Parse(strings.NewReader(walkDump), "walk")
	if err != nil {
		t.Fatal(err)
	}
	type step struct {
		Chain  string
		Number int
		Kind   VerdictKind
		Policy bool
		Misses int
	}
	for _, tt := range []struct {
		chain string
		want  []step
	}{
		{"INPUT", []step{{"INPUT", 1, Jump, false, 0}, {"A", 1, Jump, false, 0}, {"B", 2, Return, false, 1}, {"A", 2, Continue, false, 0},
			{"A", 0, Return, false, 1}, {"INPUT", 4, Return, false, 2}, {"INPUT", 0, Accept, true, 0}}},
		// A chain left by goto is not come back to: C's own end is passed over, and FORWARD's policy follows A.
		{"FORWARD", []step{{"FORWARD", 1, Jump, false, 0}, {"C", 1, Goto, false, 0}, {"B", 2, Return, false, 1}, {"FORWARD", 2, Goto, false, 0},
			{"A", 1, Jump, false, 0}, {"B", 2, Return, false, 1}, {"A", 2, Continue, false, 0}, {"A", 0, Return, false, 1}, {"FORWARD", 0, Drop, true, 0}}},
		{"OUTPUT", []step{{"OUTPUT", 1, Undecided, false, 0}, {"OUTPUT", 2, Undecided, false, 0}, {"OUTPUT", 3, Undecided, false, 0}, {"OUTPUT", 0, Accept, true, 0}}},
	} {
		var s recorder
		var got []step
		in := probe()
		c := rs.Table("filter").Chain(tt.chain)
		v := c.Evaluate(in, sinkFunc(func(e Event) {
			n := 0
			if e.Rule != nil {
				n = e.Rule.Number
			}
			got = append(got, step{e.Chain.Name, n, e.Verdict.Kind, e.Policy, e.To - e.From})
			for _, m := range e.Chain.AppendPassed(nil, in, e.From, e.To, e.Misses) {
				if m.Rule.Text() == "-A A -m mark --mark 0x12 -j DROP" {
					if why := e.Why(in, m); why.Args[1] != [2]string{"have", "0x1"} {
						t.Errorf("reason %v", why)
					}
				}
			}
			s.Event(e)
		}))
		if d := cmp.Diff(got, tt.want); d != "" {
			t.Errorf("%s: got -, want +\n%s", tt.chain, d)
		}
		if last := s.events[len(s.events)-1].Verdict; v.Kind != last.Kind {
			t.Errorf("%s: verdict %v, last event %v", tt.chain, v.Kind, last.Kind)
		}
	}
}

type sinkFunc func(Event)

func (f sinkFunc) Event(e Event) { f(e) }

// TestBefore: a rule that changes the mark it did not match on before still says why it did not.
func TestBefore(t *testing.T) {
	c := NewTable("mangle").Chain("FORWARD")
	c.MustAppend("-m mark --mark 0x99 -j DROP")
	c.MustAppend("-j MARK --set-xmark 0x99/0xffffffff")
	in := probe()
	var why Reason
	c.Evaluate(in, sinkFunc(func(e Event) {
		for _, m := range e.Misses {
			why = e.Why(in, m)
		}
	}))
	if want := (Reason{ReasonMark, [][2]string{{"want", "0x99"}, {"have", "0x12"}}}); !cmp.Equal(why, want) {
		t.Errorf("got %v, want %v", why, want)
	}
}

// TestHalts: circles and fans that the kernel would refuse, or never leave, end here.
func TestHalts(t *testing.T) {
	for _, tt := range []struct {
		name   string
		rules  []string
		halted bool
	}{
		{"jump to itself", []string{"-A INPUT -j A", "-A A -j A"}, true},
		{"goto itself", []string{"-A INPUT -j A", "-A A -g A"}, true},
		{"two in a circle", []string{"-A INPUT -g A", "-A A -g B", "-A B -g A"}, true},
		{"no circle", []string{"-A INPUT -j A", "-A A -g B", "-A B -j RETURN"}, false},
	} {
		table := NewTable("filter")
		table.AddChain("A")
		table.AddChain("B")
		rs := &Ruleset{Tables: []*Table{table}}
		for _, r := range tt.rules {
			if err := rs.Apply(r); err != nil {
				t.Fatal(err)
			}
		}
		var e Evaluator
		v := e.Run(table.Chain("INPUT"), probe(), &discard{})
		if e.Halted() != tt.halted || (v.Kind == Drop) != tt.halted {
			t.Errorf("%s: halted %v, verdict %v; want %v", tt.name, e.Halted(), v.Kind, tt.halted)
		}
	}
}

// TestFan: sixteen chains, each with ten jumps to the next, would be ten million billion rules.
func TestFan(t *testing.T) {
	table := NewTable("filter")
	c := table.Chain("INPUT")
	for i := range maxJumpDepth {
		next := table.AddChain("F" + string(rune('a'+i)))
		for range 10 {
			c.MustAppend("-j " + next.Name)
		}
		c = next
	}
	var e Evaluator
	if v := e.Run(table.Chain("INPUT"), probe(), &discard{}); v.Kind != Drop || !e.Halted() {
		t.Errorf("verdict %v, halted %v", v.Kind, e.Halted())
	}
}

func TestRunDoesNotAllocate(t *testing.T) {
	rs, err := Parse(strings.NewReader(walkDump), "walk")
	if err != nil {
		t.Fatal(err)
	}
	var e Evaluator
	in, d := probe(), &discard{}
	c := rs.Table("filter").Chain("INPUT")
	e.Run(c, in, d)
	if n := testing.AllocsPerRun(100, func() { e.Run(c, in, d) }); n != 0 {
		t.Errorf("%v allocations per run", n)
	}
}
