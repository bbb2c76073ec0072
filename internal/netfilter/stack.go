package netfilter

import (
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/nftables"
)

// BaseChain is one chain that hangs on a hook: an iptables built-in chain or an nft base chain.
type BaseChain struct {
	Hook     Hook
	Priority int
	NAT      bool   // asked for the first packet of a connection only
	Route    bool   // mangle OUTPUT, nft's type route: a change of mark or address looks the route up again
	Family   string // "ip", "inet"; iptables' own tables are "ip"
	Table    string
	IPT      *iptables.Chain // one of the two is set
	NFT      *nftables.Chain
}

// Stack is the netfilter state of one namespace that does not change while a packet walks: rulesets and sets.
type Stack struct {
	Rules  *iptables.Ruleset
	Rules6 *iptables.Ruleset // ip6tables': shown, not walked, since packets are IPv4
	Native *nftables.Ruleset
	Sets   map[string]*Set
	// Tracks says that connection tracking is on: some rule asks for it (nf_ct_netns_get). A namespace without such a
	// rule has no conntrack, and so no NAT.
	Tracks bool
	// NativeFirst is how many of Native's tables registered their chains before iptables' did; those behind did so later, in the
	// order of the listing. Of chains at one priority the kernel asks the one that was registered last first, for a new one is put
	// before the others (nf_hook_entries_grow in net/netfilter/core.c; the nat core keeps its chains the same way,
	// nf_nat_register_fn).
	NativeFirst int

	hooks [NumHooks][]BaseChain
}

// New hangs the chains of both rulesets (either may be nil) on their hooks, iptables' as if they had been registered first.
func New(rules *iptables.Ruleset, native *nftables.Ruleset, sets map[string]*Set) *Stack {
	return NewAfter(0, rules, native, sets)
}

// NewAfter is [New] where the first tables of the native ruleset, as many as nativeFirst says, were there before iptables'.
func NewAfter(nativeFirst int, rules *iptables.Ruleset, native *nftables.Ruleset, sets map[string]*Set) *Stack {
	s := &Stack{Rules: rules, Native: native, Sets: sets, NativeFirst: nativeFirst}
	var tables []*nftables.Table
	if native != nil {
		tables = native.Tables
	}
	for _, t := range tables[:nativeFirst] {
		s.addNative(t)
	}
	if rules != nil {
		for _, t := range rules.Tables {
			s.addTable(t)
		}
	}
	for _, t := range tables[nativeFirst:] {
		s.addNative(t)
	}
	s.hangNATCore()
	for h := range s.hooks {
		slices.Reverse(s.hooks[h]) // who came last is asked first
		slices.SortStableFunc(s.hooks[h], func(a, b BaseChain) int {
			if d := a.at() - b.at(); d != 0 {
				return d
			}
			if a.NAT != b.NAT { // the nat core's chains stay together
				if a.NAT {
					return -1
				}
				return 1
			}
			return a.Priority - b.Priority
		})
	}
	return s
}

// Name is the chain with its table, as nft calls it: "ip nat PREROUTING".
func (b *BaseChain) Name() string {
	name := b.Family + " " + b.Table
	switch {
	case b.NFT != nil:
		return name + " " + b.NFT.Name
	case b.IPT != nil:
		return name + " " + b.IPT.Name
	}
	return name
}

// Empty says whether the chain has no rules.
func (b *BaseChain) Empty() bool {
	return (b.NFT == nil || len(b.NFT.Rules) == 0) && (b.IPT == nil || len(b.IPT.Rules) == 0)
}

// at is the priority at which the chain is called: its own, or the nat core's.
func (b *BaseChain) at() int {
	if b.NAT {
		return natPriority(b.Hook)
	}
	return b.Priority
}

// hangNATCore makes sure that mappings are applied at every hook once a namespace has any nat chain, as
// nf_nat_register_fn does: a hook without a chain of its own gets an entry without one.
func (s *Stack) hangNATCore() {
	isNAT := func(b BaseChain) bool { return b.NAT }
	any := false
	for _, l := range s.hooks {
		any = any || slices.ContainsFunc(l, isNAT)
	}
	if !any {
		return
	}
	for _, h := range []Hook{PreRouting, LocalIn, LocalOut, PostRouting} {
		if !slices.ContainsFunc(s.hooks[h], isNAT) {
			s.hooks[h] = append(s.hooks[h], BaseChain{Hook: h, Priority: natPriority(h), NAT: true, Family: "ip", Table: "nat"})
		}
	}
}

// BeforeConntrack says whether the chain is called before connection tracking looks at the packet.
func (b *BaseChain) BeforeConntrack() bool { return b.at() < PriorityConntrack }

// At gives the base chains of a hook in the order in which the kernel calls them.
func (s *Stack) At(h Hook) []BaseChain { return s.hooks[h] }

// iptablesPriority is where a table hangs on a hook (iptable_*.c, xt_table.priority).
func iptablesPriority(table string, h Hook) (priority int, ok bool) {
	switch table {
	case "raw":
		return PriorityRaw, true
	case "mangle":
		return PriorityMangle, true
	case "nat":
		return natPriority(h), true
	case "filter":
		return PriorityFilter, true
	case "security":
		return PrioritySecurity, true
	}
	return 0, false
}

func (s *Stack) addTable(t *iptables.Table) {
	for _, c := range t.Chains {
		if !s.Tracks && slices.ContainsFunc(c.Rules, ruleTracks) {
			s.Tracks = true
		}
		if !c.BuiltIn() {
			continue
		}
		h, ok := HookByName(c.Name)
		if !ok {
			continue
		}
		p, ok := iptablesPriority(t.Name, h)
		if !ok {
			continue
		}
		s.hooks[h] = append(s.hooks[h], BaseChain{Hook: h, Priority: p, NAT: t.Name == "nat",
			Route: t.Name == "mangle" && h == LocalOut, Family: "ip", Table: t.Name, IPT: c})
	}
}

// ruleTracks says whether a rule makes the kernel track connections: a match on them, or NAT (nf_ct_netns_get is
// called by their checkentry functions).
func ruleTracks(r *iptables.Rule) bool {
	if ct, ok := r.Target.(*iptables.CTTarget); ok && !ct.NoTrack { // --notrack asks for nothing (xt_ct_tg_check)
		return true
	}
	text := r.Text()
	for _, w := range []string{"-m conntrack ", "-m state ", "-m connmark ", "-j CONNMARK ", "-j SNAT ", "-j DNAT ", "-j MASQUERADE", "-j REDIRECT"} {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}

func (s *Stack) addNative(t *nftables.Table) {
	switch t.Family {
	case "ip", "inet":
	default:
		return // other families do not see IPv4 packets at these hooks
	}
	for _, c := range t.Chains {
		if !s.Tracks && slices.ContainsFunc(c.Rules, nativeTracks) {
			s.Tracks = true
		}
		h, ok := HookByName(c.Hook)
		if !ok || t.Dormant {
			// A dormant table's hooks are not registered (nf_tables_table_disable); its rules still hold what they
			// took when they were made, connection tracking among it.
			continue
		}
		s.hooks[h] = append(s.hooks[h], BaseChain{Hook: h, Priority: c.Priority, NAT: c.Type == "nat",
			Route: c.Type == "route", Family: t.Family, Table: t.Name, NFT: c})
	}
}

func nativeTracks(r *nftables.Rule) bool {
	text := r.Text()
	for _, w := range []string{"ct ", "snat ", "dnat ", "masquerade", "redirect"} {
		if strings.Contains(text, w) {
			return true
		}
	}
	return false
}
