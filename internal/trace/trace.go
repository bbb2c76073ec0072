// Package trace walks one packet, and what answers it, through a topology the way the kernel does: legs, hops, steps.
// It knows Linux, never a CNI: what a plugin does is in the topology.
//
// The walk records values and references only. Text, bytes and JSON are made when asked for (see [Trace.Document]).
package trace

import (
	"net/netip"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/nftables"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// Query is one flow: who sends what to whom.
type Query struct {
	From     string     // the namespace of the sending socket
	Source   netip.Addr // bound address; invalid: the route chooses
	To       netip.Addr
	Protocol packet.Protocol // TCP, UDP or ICMP (echo)
	SrcPort  uint16          // 0: 40000; for ICMP the echo identifier
	DstPort  uint16
	TTL      uint8 // 0: 64
	Payload  int   // bytes of the first datagram, or of the client's data in a whole TCP exchange
	DF       bool  // don't fragment
	// Exchange follows the whole conversation of a recording (handshake, data, close) instead of the first packet and
	// its answer.
	Exchange bool
	// RulesTraced says that the packet is sent while nf_tables' trace events are recorded, as they are in golden/kernel.
	RulesTraced bool
	// Listeners, where not nil, says what listens in each namespace; else every port is taken to be open, and the
	// trace says so.
	Listeners map[string][]topology.Listener
	// Answer is the number of bytes a server sends back, by its namespace; nil: as many as it got.
	Answer func(namespace string) int
	// Choices picks where chance decides: the choice's id (a chain) to the option (a rule's target).
	Choices map[string]string
	// Drawn are choices that were made before the packet was sent, such as which of a name's addresses DNS gave.
	Drawn []Choice
	// Names the query as the user put it, for the document.
	SourceName, DestinationName string
	Options                     map[string]string
}

// Stage is what kind of decision a step is.
type Stage uint8

// The stages, in the order of architecture.md.
const (
	StageSend Stage = iota
	StageReceive
	StageDecap
	StageEncap
	StageConntrack
	StageNetfilter
	StageRoute
	StageForward
	StageNeighbour
	StageBridge
	StageFabric
	StageTransmit
	StageDeliver
	StageDrop
	StageReject
)

var stageNames = [...]string{"send", "receive", "decap", "encap", "conntrack", "netfilter", "route", "forward", "neighbour",
	"bridge", "fabric", "transmit", "deliver", "drop", "reject"}

func (s Stage) String() string { return stageNames[s] }

// Verdict is what a step decided: a closed list.
type Verdict uint8

// The verdicts. The first group are netfilter's own words.
const (
	VerdictContinue Verdict = iota
	VerdictAccept
	VerdictDrop
	VerdictReject
	VerdictReturn
	VerdictJump
	VerdictGoto
	VerdictPolicyAccept
	VerdictPolicyDrop
	VerdictQueue
	VerdictUndecided
	VerdictOK     // a check passed, a value was found
	VerdictLookup // a policy rule named a table
	VerdictForward
	VerdictLocal
	VerdictUnreachable
	VerdictNew
	VerdictEstablished
	VerdictRelated
	VerdictInvalid
	VerdictUntracked
	VerdictNAT
	VerdictConfirmed
	VerdictDelivered
)

var verdictNames = [...]string{"continue", "accept", "drop", "reject", "return", "jump", "goto", "policy accept", "policy drop",
	"queue", "undecided", "ok", "lookup", "forward", "local", "unreachable", "new", "established", "related", "invalid",
	"untracked", "nat", "confirmed", "delivered"}

func (v Verdict) String() string { return verdictNames[v] }

// Step is one decision, by reference. Which fields are set depends on the stage.
type Step struct {
	Stage   Stage
	Verdict Verdict
	Hook    netfilter.Hook
	HasHook bool
	First   bool // the first event of a base chain
	Reply   bool // conntrack's direction at that moment
	State   packet.ConnState
	Code    Code
	Before  int32 // index into Packets: as the step found it
	Packet  int32 // as the step left it
	missAt  int32 // the rules tried in vain: Trace.misses[missAt:missAt+missN]
	missN   int32
	// passed rules of Chain were passed over, from passedAt on: of iptables, which leaves out what cannot match. Of nft all
	// were tried.
	passedAt, passed int32
	cause            int32 // 1 + the index of the step that set up the mapping that this one applies

	Base     *netfilter.BaseChain
	Chain    *iptables.Chain
	Rule     *iptables.Rule
	NFTChain *nftables.Chain
	NFTRule  *nftables.Rule
	Target   string     // the chain of a jump; the far end of a transmit; who answered; strict or loose
	Addr     netip.Addr // the next hop of a neighbour step

	Entry     *netfilter.Entry // conntrack's, where the step is about it
	Policy    *topology.Rule
	Route     *topology.Route
	Neighbour *topology.Neighbour
	FDB       *topology.FDBEntry // of a tunnel's far end
	Interface *topology.Interface
	In, Out   *topology.Interface // at a hook: where the packet came in, where it is to leave
	extra     *Extra              // what only some steps have
}

// Extra is what only some steps have; its meaning depends on the code.
type Extra struct {
	Addr   netip.Addr
	Number [3]int
	Text   [3]string
	Would  Code
	WouldT [2]string
}

var noExtra Extra

// more is the step's Extra, for reading.
func (s *Step) more() *Extra {
	if s.extra == nil {
		return &noExtra
	}
	return s.extra
}

// Miss is a rule that was tried in vain: of iptables or of nft.
type Miss struct {
	Rule    *iptables.Rule
	NFTRule *nftables.Rule
	Match   int
}

// Hop is one visit to one namespace or fabric device.
type Hop struct {
	Name    string
	Kind    topology.Kind
	NS      *topology.Namespace // nil for a fabric device
	Visit   int
	In, Out string // "" where the hop begins or ends the leg
	first   int32  // into Trace.steps
	last    int32  // behind the last
}

// LegKind says what a leg is to the one before.
type LegKind string

// The kinds of leg.
const (
	Request   LegKind = "request"
	Reply     LegKind = "reply"
	ICMPError LegKind = "icmp-error"
	Proxied   LegKind = "proxied"
)

// Leg is one packet's way.
type Leg struct {
	Kind    LegKind
	Label   string // SYN, SYN-ACK, ACK, DATA, FIN, RST, UDP, ICMP …
	Outcome Outcome
	firstH  int32
	lastH   int32
	end     int32 // the step that ended it
}

// Assumption is something the trace rests on.
type Assumption struct {
	Code Code
	Args map[string]string
}

// Trace is the whole: immutable once made.
type Trace struct {
	Query       *Query
	Topology    *topology.Topology
	Outcome     Outcome
	Legs        []Leg
	Packets     []packet.Packet
	Assumptions []Assumption
	Choices     []Choice

	hops   []Hop
	steps  []Step
	misses []Miss
	tables []nsConntrack
}

// Choice is a place where chance decides on a real node.
type Choice struct {
	ID      string
	Kind    string
	Chosen  string
	Options []Option
}

// Option is one way it can go.
type Option struct {
	Value       string
	Label       string // where it leads, in a word: an endpoint's address; "" where the value says it
	Probability float64
}

type nsConntrack struct {
	ns *topology.Namespace
	ct *netfilter.Conntrack
}

// Hops are the hops of a leg.
func (t *Trace) Hops(l *Leg) []Hop { return t.hops[l.firstH:l.lastH] }

// Steps are the steps of a hop.
func (t *Trace) Steps(h *Hop) []Step { return t.steps[h.first:h.last] }

// End is the step that ended the leg.
func (t *Trace) End(l *Leg) *Step { return &t.steps[l.end] }

// Conntrack gives the connections of a namespace as they stand after the trace.
func (t *Trace) Conntrack(ns string) []*netfilter.Entry {
	for _, c := range t.tables {
		if c.ns != nil && c.ns.Name == ns {
			return c.ct.Entries
		}
	}
	return nil
}

// DropReason is the kernel's name for why a leg ended (skb_drop_reason); "" where it did not end by a drop of a kernel.
func (t *Trace) DropReason(l *Leg) string {
	s := t.End(l)
	if s.Stage != StageDrop || s.Verdict != VerdictDrop {
		return ""
	}
	return s.more().Text[2]
}
