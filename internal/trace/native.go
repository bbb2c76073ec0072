package trace

import (
	"net/netip"
	"slices"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/nftables"
)

// native evaluates an nft base chain. Its verdicts have the numbers and meanings of iptables'.
func (w *walker) native(b *netfilter.BaseChain, in, out string) iptables.Verdict {
	w.input.In, w.input.Out = in, out
	w.ninput = nftables.Input{Packet: &w.p, Conn: &w.conn, In: in, Out: out, Local: in == "", Env: (*nftEnv)(w)}
	v := w.nft.Run(b.NFT, &w.ninput, (*nftSink)(w))
	iv := iptables.Verdict{Kind: iptables.VerdictKind(v.Kind), Reject: v.Reject}
	if r := v.NAT; r != nil {
		iv.NAT = &iptables.NATRange{Min: r.Min, Max: r.Max, MinPort: r.MinPort, MaxPort: r.MaxPort,
			Random: r.Random, RandomFully: r.RandomFully, Persistent: r.Persistent}
	}
	return iv
}

// nftEnv answers expressions from the namespace that the packet is in.
type nftEnv walker

// RouteType implements nftables.Env.
func (k *nftEnv) RouteType(a netip.Addr, dev string) nftables.AddrType {
	return nftables.AddrType((*walker)(k).ns.AddrType(a, dev))
}

// Draw implements nftables.Env: the first option of a rule is taken unless the query picks another.
func (k *nftEnv) Draw(r *nftables.Rule, options []nftables.Option) int {
	own := make([]Option, len(options))
	for i, o := range options {
		own[i] = Option{o.Value, o.Label, o.Probability}
	}
	return (*walker)(k).choose(r.Chain.Name, KindNumgen, own)
}

// Remembers implements nftables.Env. What a node remembers of earlier connections nobody knows here: nothing, unless the query
// says in which of a chain's sets the client is.
func (k *nftEnv) Remembers(r *nftables.Rule, set *nftables.Set) bool {
	w := (*walker)(k)
	if w.recalledNFT.chain != r.Chain {
		options := []Option{{Value: Unseen}}
		for _, x := range r.Chain.Rules {
			for _, name := range x.Dynamic() {
				if !slices.ContainsFunc(options, func(o Option) bool { return o.Value == name }) {
					options = append(options, Option{Value: name, Label: x.Destination()})
				}
			}
		}
		w.recalledNFT = recalledNFT{r.Chain, options[w.choose("recent "+r.Chain.Name, "recent", options)].Value}
	}
	return w.recalledNFT.set == set.Name
}

// recalledNFT is which dynamic set of the chain that the packet is in has the client.
type recalledNFT struct {
	chain *nftables.Chain
	set   string
}

// nftSink records what native rules did.
type nftSink walker

// Event implements nftables.Sink.
func (k *nftSink) Event(e nftables.Event) {
	w := (*walker)(k)
	w.keepConnMark()
	at := int32(len(w.t.misses))
	for _, m := range e.Misses {
		w.t.misses = append(w.t.misses, Miss{NFTRule: m.Rule, Match: m.Statement})
	}
	v, code := eventVerdict(iptables.VerdictKind(e.Verdict.Kind), e.Policy, e.Rule == nil)
	if code == RuleMatched {
		switch {
		case e.Before.Mark != w.p.Mark:
			code = RuleRestored
		case e.Before.CTMark != w.conn.Mark:
			code = RuleConnmark
		case e.Rule.SetsMark():
			code = RuleRestoredSame
		default:
			code = RuleCounts
		}
	}
	s := w.step(StageNetfilter, v, code)
	s.Hook, s.HasHook = w.base.Hook, true
	s.Base, s.NFTChain, s.NFTRule = w.base, e.Chain, e.Rule
	s.missAt, s.missN, s.passed = at, int32(len(e.Misses)), int32(len(e.Misses))
	s.First, w.first = w.first, false
	s.In, s.Out, s.Entry = w.hookIn, w.hookOut, w.ref.Entry
	switch e.Verdict.Kind {
	case nftables.Jump, nftables.Goto:
		s.Target = e.Verdict.Chain.Name
	case nftables.Undecided:
		if e.Rule != nil {
			w.assume(AssumeRule, "namespace", w.ns.Name, "text", e.Rule.Text())
			if e.Rule.NotUnderstood != "" {
				w.lastStep().Code = RuleNotUnderstood
			}
		}
	}
}
