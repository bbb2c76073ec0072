package topology

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/podpath/podpath/internal/packet"
)

// RuleAction is what a policy rule does with what it matches (FR_ACT_*).
type RuleAction string

// The actions. ToTable is the ordinary one.
const (
	ToTable         RuleAction = "lookup"
	GotoRule        RuleAction = "goto"
	NopRule         RuleAction = "nop"
	BlackholeRule   RuleAction = "blackhole"
	UnreachableRule RuleAction = "unreachable"
	ProhibitRule    RuleAction = "prohibit"
)

// PortRange is a range of ports, both ends included; the zero value matches all.
type PortRange struct{ From, To uint16 }

// Rule is one line of `ip rule` (fib_rules.c, fib4_rules.c).
type Rule struct {
	Priority uint32
	Not      bool
	Src, Dst netip.Prefix // invalid: all
	TOS      uint8
	Mark     uint32
	Mask     uint32 // 0: the rule does not ask for a mark
	HasMark  bool
	IIF, OIF string
	Protocol packet.Protocol // 0: all
	SrcPorts PortRange
	DstPorts PortRange
	Action   RuleAction
	Table    TableID
	Goto     uint32
	// SuppressPrefixLength makes a found route count as not found if its prefix is no longer than this; -1: off.
	SuppressPrefixLength int
	RuleProto            string // who added it (`proto`), as ip -d prints it
	// NotUnderstood are selectors the model does not know, as they stood in the input. Such a rule is listed with the
	// trace's assumptions and taken as not matching.
	NotUnderstood string
}

// DefaultRules are the three that the kernel makes (fib_default_rules_init).
func DefaultRules() []*Rule {
	return []*Rule{
		{Priority: 0, Action: ToTable, Table: TableLocal, SuppressPrefixLength: -1},
		{Priority: 32766, Action: ToTable, Table: TableMain, SuppressPrefixLength: -1},
		{Priority: 32767, Action: ToTable, Table: TableDefault, SuppressPrefixLength: -1},
	}
}

// String prints the rule as `ip rule` does: "1024:	from all fwmark 0x80/0x80 lookup main".
func (r *Rule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d:\t", r.Priority)
	if r.Not {
		b.WriteString("not ")
	}
	b.WriteString("from " + prefixOrAll(r.Src))
	if r.Dst.IsValid() {
		b.WriteString(" to " + prefixOrAll(r.Dst))
	}
	if r.TOS != 0 {
		fmt.Fprintf(&b, " tos %#x", r.TOS)
	}
	if r.HasMark {
		fmt.Fprintf(&b, " fwmark %#x", r.Mark)
		if r.Mask != 0xffffffff {
			fmt.Fprintf(&b, "/%#x", r.Mask)
		}
	}
	if r.IIF != "" {
		b.WriteString(" iif " + r.IIF)
	}
	if r.OIF != "" {
		b.WriteString(" oif " + r.OIF)
	}
	if r.Protocol != 0 {
		b.WriteString(" ipproto " + r.Protocol.String())
	}
	writePorts(&b, "sport", r.SrcPorts)
	writePorts(&b, "dport", r.DstPorts)
	if r.NotUnderstood != "" {
		b.WriteString(" " + r.NotUnderstood)
	}
	switch r.Action {
	case ToTable:
		b.WriteString(" lookup " + r.Table.String())
		if r.SuppressPrefixLength >= 0 {
			fmt.Fprintf(&b, " suppress_prefixlength %d", r.SuppressPrefixLength)
		}
	case GotoRule:
		fmt.Fprintf(&b, " goto %d", r.Goto)
	default:
		b.WriteString(" " + string(r.Action))
	}
	return b.String()
}

func writePorts(b *strings.Builder, word string, p PortRange) {
	switch {
	case p == PortRange{}:
	case p.From == p.To:
		fmt.Fprintf(b, " %s %d", word, p.From)
	default:
		fmt.Fprintf(b, " %s %d-%d", word, p.From, p.To)
	}
}

func prefixOrAll(p netip.Prefix) string {
	switch {
	case !p.IsValid():
		return "all"
	case p.IsSingleIP():
		return p.Addr().String()
	}
	return p.String()
}

// Matches says whether the rule applies to a lookup (fib_rule_match and fib4_rule_match).
func (r *Rule) Matches(f *Lookup) bool {
	return r.NotUnderstood == "" && r.selects(f) != r.Not
}

func (r *Rule) selects(f *Lookup) bool {
	switch {
	case r.IIF != "" && r.IIF != f.IIF,
		r.OIF != "" && r.OIF != f.OIF,
		(r.Mark^f.Mark)&r.Mask != 0,
		r.Src.IsValid() && !r.Src.Contains(f.Src),
		r.Dst.IsValid() && !r.Dst.Contains(f.Dst),
		r.TOS != 0 && r.TOS != f.TOS,
		r.Protocol != 0 && r.Protocol != f.Protocol,
		!r.SrcPorts.contains(f.SrcPort), !r.DstPorts.contains(f.DstPort):
		return false
	}
	return true
}

func (p PortRange) contains(port uint16) bool {
	return p == PortRange{} || port >= p.From && port <= p.To
}
