// Package nftables holds native nftables rules as `nft list ruleset` prints them: it reads that text, prints it back, and
// evaluates one packet against a base chain.
//
// What is modelled are the expressions and statements of the tables that network plugins write beside iptables, such as
// the AWS VPC CNI's:
//
//	table ip aws-cni {
//		chain nat-prerouting {
//			type nat hook prerouting priority dstnat + 10; policy accept;
//			fib daddr type local return
//			iifname "eni*" counter packets 0 bytes 0 jump snat-mark
//			counter packets 0 bytes 0 meta mark set ct mark & 0x00000080
//		}
//	}
//
// and kube-proxy's table, with its sets, maps and draws:
//
//	ip daddr . meta l4proto . th dport vmap @service-ips
//	meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.0.1.5 . 80, 1 : 10.0.2.7 . 80 }
//
// Chance and what a dynamic set remembers are asked of the environment. `update @set` counts as done and changes nothing for the
// packet. Everything else is kept as its text: a rule that uses it is not understood, and its table stays whole. Unlike an
// iptables rule, an nft rule runs its statements from left to right: a mark set before a match that fails stays set.
package nftables

import (
	"net/netip"

	"github.com/podpath/podpath/internal/packet"
)

// Ruleset is everything one listing says, in its order.
type Ruleset struct {
	Tables []*Table
	// Trailing are the comment and blank lines behind the last table.
	Trailing []string
}

// Table is one `table FAMILY NAME { … }`.
type Table struct {
	Family string // ip, ip6, inet, arp, bridge, netdev
	Name   string
	Chains []*Chain
	Sets   []*Set // its sets and maps
	// Dormant says that the table has `flags dormant`: its chains are there but the kernel does not call them.
	Dormant bool
	// Leading are the comment and blank lines before the table.
	Leading []string

	open  string // its first line
	items []item // everything within, in order
}

// item is a chain, or lines that are printed as they came: sets, maps, comments, blank lines.
type item struct {
	chain *Chain
	lines []string
}

// Chain is one `chain NAME { … }`: a base chain where Hook is set.
type Chain struct {
	Name  string
	Table *Table
	// Type (filter, nat, route), Hook (prerouting …), Priority and Policy (accept, drop) are those of a base chain.
	Type, Hook   string
	Priority     int
	PriorityText string // as it stands: "dstnat + 10"
	Policy       string
	Rules        []*Rule

	open  string
	lines []line // everything within, in order
}

// line is a rule, or a line that is kept as it is: the hook, a comment.
type line struct {
	rule *Rule
	text string
}

// Base says whether the kernel calls the chain by itself.
func (c *Chain) Base() bool { return c.Hook != "" }

// Rule is one rule: a line of a chain.
type Rule struct {
	Chain      *Chain
	Number     int // from 1 in its chain
	Line       int // in the input, from 1
	Statements []Statement
	Comment    string
	// NotUnderstood is the part from the first word on that podpath does not model; "" for a rule that is understood
	// whole. What stands before that part is in Statements.
	NotUnderstood string

	text string
}

// Text is the rule as nft prints it.
func (r *Rule) Text() string { return r.text }

// Tri is the answer to a question that the model may not be able to answer.
type Tri uint8

// The answers.
const (
	No Tri = iota
	Yes
	Unknown
)

// AddrType is the type of a route as the fib expression names it (RTN_* in uapi/linux/rtnetlink.h). It has the numbers of
// the kernel, and so of the iptables package's type.
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

// Env answers what an expression needs to know beyond the packet.
type Env interface {
	// RouteType is what the namespace's FIB calls addr; with dev, only what is on that interface counts
	// (`fib daddr . iif type`).
	RouteType(addr netip.Addr, dev string) AddrType
	// Draw is the option that chance takes at a rule, as an index.
	Draw(r *Rule, options []Option) int
	// Remembers says whether a dynamic set that a rule asks has the packet from an earlier connection.
	Remembers(r *Rule, set *Set) bool
}

// Input is one packet at one hook.
type Input struct {
	Packet  *packet.Packet // statements write its mark
	Conn    *packet.Conn   // never nil; State CTNone before conntrack
	In, Out string         // interface names, "" where there is none
	Local   bool           // made by a socket of this namespace
	Env     Env

	rule *Rule // the one that is run
}

// Statement is one expression or statement of a rule.
type Statement interface {
	// Run tests or changes the packet. It writes *v where it decides. No ends the rule: it did not match.
	Run(in *Input, v *Verdict) Tri
	// Effect says whether Run can change anything; a statement without effect is a match.
	Effect() bool
	// Why says in a code and arguments what the packet had where the statement failed.
	Why(in *Input) Reason
	// Text is the statement as it stood in the rule.
	Text() string
}

// Reason is a code with arguments; the sentence is looked up per language.
type Reason struct {
	Code string
	Args [][2]string
}

// VerdictKind says how evaluation goes on.
type VerdictKind uint8

// The verdicts, with the numbers and meanings of the iptables package's.
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
	// Undecided: a rule that is not understood, or an expression that cannot be answered, stands here.
	Undecided
)

var verdictNames = [...]string{"continue", "accept", "drop", "reject", "return", "jump", "goto", "queue", "snat", "dnat", "masquerade", "redirect", "undecided"}

// String is the verdict as nft writes it.
func (k VerdictKind) String() string { return verdictNames[k] }

// Verdict is the outcome of a rule or a chain.
type Verdict struct {
	Kind   VerdictKind
	Chain  *Chain    // for Jump and Goto
	NAT    *NATRange // for SNAT, DNAT, Masquerade, Redirect
	Reject string    // for Reject, in iptables' words: icmp-port-unreachable, tcp-reset, …
}

// NATRange is where a NAT statement maps to (nf_nat_range2).
type NATRange struct {
	Min, Max                        netip.Addr // invalid: keep the address (port only), or the interface's own
	MinPort, MaxPort                uint16     // 0: keep the port where possible
	Random, RandomFully, Persistent bool
}

// Miss is a rule that was tried and did not match: the index of its failing statement.
type Miss struct {
	Rule      *Rule
	Statement int
}

// Event is one thing that happened in a chain: a rule was executed to its end (Rule set), a chain ran out (Rule nil,
// Verdict Return), or a base chain's policy decided (Rule nil, Policy true).
type Event struct {
	Chain   *Chain
	Rule    *Rule
	Policy  bool
	Verdict Verdict
	// Misses are the rules of this chain tried since the last event in this visit of it. Only valid during the call.
	Misses []Miss
	// Before is what the packet and its connection carried when the rule of the event began. A rule in Misses that set a
	// mark before it failed has done so already.
	Before Marks
}

// Marks is what a statement of this package can change.
type Marks struct{ Mark, CTMark uint32 }

// Sink receives the events of an evaluation in order, each after its rule's statements ran.
type Sink interface{ Event(Event) }
