// Package iptables holds the rules of one network namespace as iptables writes them: it reads `iptables-save`,
// `iptables-restore` input and `iptables -S`, prints `iptables-save` back, and evaluates one packet against a chain,
// saying for each rule met whether it matched or which match failed first and why.
//
// A match or target that is not modelled becomes an explicit not-understood rule that keeps its text; it never voids
// its table.
//
// The hooks of a packet's way through a namespace (netfilter.org packet flow; NF_INET_* in uapi/linux/netfilter.h):
//
//	          PREROUTING ──► routing ──► FORWARD ──► POSTROUTING ──► out
//	in ──►  (raw, conntrack,   │      (mangle,filter)  (mangle, nat)
//	         mangle, nat)      ▼                            ▲
//	                         INPUT                       OUTPUT (raw, conntrack, mangle, nat, filter)
//	                  (mangle, filter, nat)                 ▲
//	                           ▼                            │
//	                         socket ────────────────────────┘
package iptables

import (
	"net/netip"
	"sync/atomic"

	"github.com/podpath/podpath/internal/packet"
)

// Ruleset is everything one dump says, in its order.
type Ruleset struct {
	Tables []*Table
	// Trailing are comment and blank lines after the last table.
	Trailing []string
}

// Table is one `*name` section.
type Table struct {
	Name   string
	Chains []*Chain
	// Leading are the comment and blank lines before the table's `*name` line; Completed those after its COMMIT that
	// belong to it (`# Completed on …`).
	Leading, Completed []string

	index   map[string]*Chain // of Chains by name; rebuilt where it is out of step, see Chain
	chains  slab[Chain]       // what AddChain takes from
	reading bool              // by a parser, which links all jumps at the table's end
}

// Chain is a built-in chain (Policy is ACCEPT or DROP) or a user's (Policy is "-").
type Chain struct {
	Name     string
	Table    *Table
	Policy   string
	Counters *Counters // nil where the input had none
	Rules    []*Rule   // changed by the methods of this package only: an index depends on it

	index    atomic.Pointer[chainIndex] // see indexed
	declared int                        // the line of the input that declared it, while the table is read
	nth      int                        // its place in Table.Chains when it was added
}

// BuiltIn says whether the kernel calls the chain by itself at a hook, so that it has a policy.
func (c *Chain) BuiltIn() bool { return c.Policy != "-" }

// Counters are a chain's or rule's packets and bytes, as `[packets:bytes]`.
type Counters struct{ Packets, Bytes uint64 }

// Rule is one line of a chain.
type Rule struct {
	Chain    *Chain
	Number   int // from 1, as `iptables -L --line-numbers` counts
	Counters *Counters
	Line     int // in the input, from 1; 0 for a rule that a compiler made
	Matches  []Match
	Target   Target // nil: the rule only counts
	// NotUnderstood is what podpath does not model, as it stood in the input ("-m foo --bar 1"); "" for a rule that is
	// understood whole. Such a rule keeps its text and is never evaluated by guess.
	NotUnderstood string
}

// AddrType is the type of a route as addrtype and nft's fib expression name it (RTN_* in uapi/linux/rtnetlink.h).
type AddrType uint8

// The address types.
const (
	AddrUnspec AddrType = iota
	AddrUnicast
	AddrLocal
	AddrBroadcast
	AddrAnycast
	AddrMulticast
	AddrBlackhole
	AddrUnreachable
	AddrProhibit
	AddrThrow
)

// Tri is the answer to a question that the model may not be able to answer.
type Tri uint8

// The answers.
const (
	No Tri = iota
	Yes
	Unknown
)

// SetQuery asks whether a packet's addresses and ports are in an ipset (`-m set --match-set NAME src,dst`).
type SetQuery struct {
	Name   string
	Dirs   []bool // one per dimension: true is src
	Packet *packet.Packet
	In     string // for dimensions that are interfaces
	Out    string
}

// Env answers what a match needs to know beyond the packet. The namespace that the packet is in implements it.
type Env interface {
	// AddrType is what the namespace's FIB calls addr; with dev, only what is on that interface counts
	// (addrtype --limit-iface-in/out; nft `fib daddr . iif type`).
	AddrType(addr netip.Addr, dev string) AddrType
	// InSet looks an ipset up; Unknown where the set was not given.
	InSet(q SetQuery) Tri
	// ReversePath says whether the reverse route of the packet that came in by `in` leaves by it
	// (xt_rpfilter: --loose, --validmark, --accept-local).
	ReversePath(p *packet.Packet, in string, loose, validmark, acceptLocal bool) Tri
	// Choose draws for a `statistic` rule and says whether the rule matches; probability is that it does, `!` taken into
	// account. Chance is a choice: the first option is taken unless the query picks another.
	Choose(rule *Rule, probability float64) bool
}

// RecentOp is what a `-m recent` rule does with its list (xt_recent.h).
type RecentOp uint8

// The operations. Set adds the address and always matches; Check and Update look it up, Remove takes it out.
const (
	RecentSet RecentOp = iota + 1
	RecentCheck
	RecentUpdate
	RecentRemove
)

// RecentQuery is one use of a `-m recent` list.
type RecentQuery struct {
	Op                RecentOp
	List              string
	Addr              netip.Addr // already under the rule's mask
	Seconds, HitCount uint32
	Rule              *Rule
}

// RecentEnv is an [Env] that keeps the lists of `-m recent`. Without it every list is empty: an address is not found,
// and adding one has no effect on rules after it.
type RecentEnv interface {
	Recent(q RecentQuery) Tri
}

// Input is one packet at one hook.
type Input struct {
	Packet          *packet.Packet // targets write its mark, TTL and TOS
	Conn            *packet.Conn   // never nil; State CTNone before conntrack
	In, Out         string         // interface names, "" where there is none
	PhysIn, PhysOut string         // bridge ports
	Local           bool           // made by a socket of this namespace: OUTPUT and what follows it
	Env             Env

	rule *Rule // the rule being tried, for a match that asks Env about it (statistic)
}

// Match is one `-m name --options` or one of the basic -s -d -i -o -p tests.
type Match interface {
	// Matches says whether the packet passes. Unknown: it cannot be said from what the model was given.
	Matches(in *Input) Tri
	// AppendTo appends the match as iptables-save prints it, without a leading space: "-s 10.0.0.0/8", "! -i eth0",
	// "-m mark --mark 0x1/0x1".
	AppendTo(b []byte) []byte
	// Why says in a code and arguments what the packet had where the match failed: for example
	// ("in-interface", {"want": "eth+", "have": "lo"}). Texts are looked up by code elsewhere.
	Why(in *Input) Reason
}

// Reason is a code with arguments; the sentence is looked up per language.
type Reason struct {
	Code string
	Args [][2]string
}

// Target is what a rule does to a packet that matched.
type Target interface {
	// Apply changes the packet or connection and says how evaluation goes on.
	Apply(in *Input) Verdict
	// AppendTo appends the target as iptables-save prints it: "-j MARK --set-xmark 0x80/0x80".
	AppendTo(b []byte) []byte
}

// VerdictKind says how evaluation goes on.
type VerdictKind uint8

// The verdicts. Continue goes to the next rule (MARK, LOG, no target). NAT kinds end the nat table's walk, as in the
// kernel (they return NF_ACCEPT after setting the mapping up).
const (
	Continue VerdictKind = iota
	Accept
	Drop
	Reject
	Return
	Jump
	Goto
	Queue
	SNAT
	DNAT
	Masquerade
	Redirect
	// Undecided: a rule that is not understood, or a match that cannot be answered, stands here.
	Undecided
)

// Verdict is the outcome of a rule or a chain.
type Verdict struct {
	Kind   VerdictKind
	Chain  *Chain    // for Jump and Goto
	NAT    *NATRange // for SNAT, DNAT, Masquerade, Redirect
	Reject string    // for Reject: icmp-port-unreachable, tcp-reset, …
}

// NATRange is where a NAT target maps to (nf_nat_range2).
type NATRange struct {
	Min, Max                        netip.Addr // invalid: keep the address (port only), or the interface's own
	MinPort, MaxPort                uint16     // 0: keep the port where possible
	Random, RandomFully, Persistent bool
}

// Miss is a rule that was tried and did not match: the index of its first failing match in Rule.Matches.
type Miss struct {
	Rule  *Rule
	Match int
}

// Event is one thing that happened in a chain: a rule matched (Rule set), a user chain ran out (Rule nil, Verdict
// Return), or a base chain's policy decided (Rule nil, Policy true).
type Event struct {
	Chain   *Chain
	Rule    *Rule
	Policy  bool
	Verdict Verdict
	// Chain.Rules[From:To] were passed over since the last event in this visit of the chain: none of them matched.
	From, To int
	// Misses are those of them that were tried. What the others fail on is found only when asked for: see
	// [Chain.AppendPassed]. The slice is only valid during the call.
	Misses []Miss
	// Before is what the packet and its connection carried until this rule's target was applied: what the misses saw.
	Before Marks
}

// Marks is what a target of this package can change and a match can ask for.
type Marks struct {
	Mark, CTMark uint32
	Zone         uint16
	TTL          uint8
	State        packet.ConnState
}

// Sink receives the events of an evaluation in order, each after its target was applied.
type Sink interface{ Event(Event) }
