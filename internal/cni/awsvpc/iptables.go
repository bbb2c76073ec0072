package awsvpc

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/nftables"
)

const (
	snatChain     = "AWS-SNAT-CHAIN-0"
	connmarkChain = "AWS-CONNMARK-CHAIN-0"
)

// host is a node's netfilter state while the plugin reconciles it: it looks for each rule, inserts or appends what is
// missing, and deletes what is stale. That order of work, not only its goal, shows in the rules' order, so it is done
// here the same way (buildIptablesSNATRules, updateIptablesRules, iptablesConnmark, nftConnmark).
type host struct {
	chains map[string][]string // "nat PREROUTING" → rules
	marks  []netip.Prefix      // exempt prefixes in the native table, newest first; nil without a table
	native bool
	mark   uint32
	prefix string
	has    map[string]bool // user chains that exist
}

func (h *host) exists(chain, rule string) bool { return slices.Contains(h.chains[chain], rule) }

func (h *host) append(chain, rule string) { h.chains[chain] = append(h.chains[chain], rule) }

func (h *host) insert(chain, rule string) {
	h.chains[chain] = slices.Insert(h.chains[chain], 0, rule)
}

func (h *host) delete(chain, rule string) {
	if i := slices.Index(h.chains[chain], rule); i >= 0 {
		h.chains[chain] = slices.Delete(h.chains[chain], i, i+1)
	}
}

// want brings one rule about: there or not, at the head or at the end.
func (h *host) want(should bool, head bool, chain, rule string) {
	switch exists := h.exists(chain, rule); {
	case should && !exists && head:
		h.insert(chain, rule)
	case should && !exists:
		h.append(chain, rule)
	case !should && exists:
		h.delete(chain, rule)
	}
}

// reconcile is one run of UpdateHostSNATRules. inIPTables says that the rules that mark connections are iptables' own.
func (h *host) reconcile(o *options, inIPTables bool, cidrs []netip.Prefix, primary netip.Addr, dev string) {
	snat := !o.externalSNAT
	h.has[snatChain] = true
	const chain = "nat " + snatChain
	kept := map[string]bool{}
	h.want(snat, false, "nat POSTROUTING", `-m comment --comment "AWS SNAT CHAIN" -j `+snatChain)
	exempt := func(p netip.Prefix, comment string) {
		rule := returnRule(p, comment)
		kept[rule] = true
		h.want(snat, true, chain, rule)
	}
	before := slices.Clone(h.chains[chain]) // stale is what was there when the plugin listed the chain, before its changes
	for _, p := range cidrs {
		exempt(p, "AWS SNAT CHAIN")
	}
	for _, p := range o.exclude {
		exempt(p, "AWS SNAT CHAIN EXCLUSION")
	}
	for _, r := range before {
		if !kept[r] {
			h.delete(chain, r)
		}
	}
	h.want(snat, false, chain, fmt.Sprintf(`! -o vlan+ -m comment --comment "AWS, SNAT" -m addrtype ! --dst-type LOCAL -j SNAT --to-source %v%s`, primary, o.randomFlag))
	const mangle = "mangle PREROUTING"
	h.want(o.nodePort, false, mangle, fmt.Sprintf(`-i %s -m comment --comment "AWS, primary ENI" -m addrtype --dst-type LOCAL --limit-iface-in -j CONNMARK --set-xmark %#x/%#x`, dev, o.mark, o.mark))
	h.want(o.nodePort || snat, false, mangle, restoreFrom(o.prefix, o.mark))
	h.want(o.nodePort, false, mangle, restoreFrom("vlan", o.mark))
	all := slices.Concat(cidrs, o.exclude)
	switch {
	case !snat:
		h.dropConnmark(o)
		h.native = false
	case inIPTables:
		h.native = false
		h.connmark(o, all)
	default:
		h.dropConnmark(o)
		h.nativeTable(o, all)
	}
}

func returnRule(p netip.Prefix, comment string) string {
	rule := fmt.Sprintf("-m comment --comment %q -j RETURN", comment)
	if p.Bits() == 0 {
		return rule // the kernel keeps no -d 0.0.0.0/0
	}
	return "-d " + p.String() + " " + rule
}

func restoreFrom(prefix string, mark uint32) string {
	return fmt.Sprintf(`-i %s+ -m comment --comment "AWS, primary ENI" -j CONNMARK --restore-mark --nfmask %#x --ctmask %#x`, prefix, mark, mark)
}

// connmark is iptablesConnmark.Setup.
func (h *host) connmark(o *options, exempt []netip.Prefix) {
	h.has[connmarkChain] = true
	const chain, pre = "nat " + connmarkChain, "nat PREROUTING"
	restore := fmt.Sprintf(`-m comment --comment "AWS, CONNMARK" -j CONNMARK --restore-mark --nfmask %#x --ctmask %#x`, o.mark, o.mark)
	h.want(true, false, pre, jumpRule(o.prefix))
	before := slices.Clone(h.chains[chain])
	kept := map[string]bool{}
	for _, p := range exempt {
		rule := returnRule(p, "AWS CONNMARK CHAIN")
		kept[rule] = true
		h.want(true, true, chain, rule)
	}
	h.want(false, false, pre, restore) // taken out and put back, so that it stands behind the jump
	h.want(true, false, pre, restore)
	for _, r := range before {
		if !kept[r] {
			h.delete(chain, r)
		}
	}
	h.want(true, false, chain, fmt.Sprintf(`-m comment --comment "AWS, CONNMARK" -j CONNMARK --set-xmark %#x/%#x`, o.mark, o.mark))
}

func jumpRule(prefix string) string {
	return "-i " + prefix + `+ -m comment --comment "AWS, outbound connections" -j ` + connmarkChain
}

// dropConnmark is iptablesConnmark.Cleanup.
func (h *host) dropConnmark(o *options) {
	h.delete("nat PREROUTING", jumpRule(o.prefix))
	h.delete("nat PREROUTING", fmt.Sprintf(`-m comment --comment "AWS, CONNMARK" -j CONNMARK --restore-mark --nfmask %#x --ctmask %#x`, o.mark, o.mark))
	delete(h.chains, "nat "+connmarkChain)
	delete(h.has, connmarkChain)
}

// nativeTable is nftConnmark.Setup. The plugin ranges over a Go map, so the order among prefixes that are new in one run
// is random; here it is as with iptables, the last one first.
func (h *host) nativeTable(o *options, exempt []netip.Prefix) {
	if !h.native {
		h.marks = nil
	}
	h.native, h.mark, h.prefix = true, o.mark, o.prefix
	h.marks = slices.DeleteFunc(h.marks, func(p netip.Prefix) bool { return !slices.Contains(exempt, p) })
	for _, p := range exempt {
		if !slices.Contains(h.marks, p) {
			h.marks = slices.Insert(h.marks, 0, p)
		}
	}
}

// rulesets prints the state as rulesets. Tables that the plugin never touches are not there.
func (h *host) rulesets() (*iptables.Ruleset, *nftables.Ruleset, error) {
	rs := &iptables.Ruleset{}
	for _, name := range []string{"mangle", "nat"} {
		t := rs.AddTable(name)
		for _, c := range []string{connmarkChain, snatChain} {
			if name == "nat" && h.has[c] {
				t.AddChain(c)
			}
		}
		for _, c := range t.Chains {
			for _, spec := range h.chains[name+" "+c.Name] {
				if err := c.Append(spec); err != nil {
					return nil, nil, fmt.Errorf("%s %s: %w", name, c.Name, err)
				}
			}
		}
	}
	if err := rs.Link(); err != nil {
		return nil, nil, err
	}
	if !h.native {
		return rs, nil, nil
	}
	t, err := nftables.ParseTable(h.nativeText())
	if err != nil {
		return nil, nil, err
	}
	return rs, &nftables.Ruleset{Tables: []*nftables.Table{t}}, nil
}

func (h *host) nativeText() string {
	s := "table ip aws-cni {\n\tchain nat-prerouting {\n\t\ttype nat hook prerouting priority dstnat + 10; policy accept;\n" +
		"\t\tfib daddr type local return\n" +
		fmt.Sprintf("\t\tiifname \"%s*\" counter packets 0 bytes 0 jump snat-mark\n", h.prefix) +
		fmt.Sprintf("\t\tcounter packets 0 bytes 0 meta mark set ct mark & 0x%08x\n\t}\n\n\tchain snat-mark {\n", h.mark)
	for _, p := range h.marks {
		text := p.String()
		if p.IsSingleIP() {
			text = p.Addr().String()
		}
		s += "\t\tcounter packets 0 bytes 0 ip daddr " + text + " return\n"
	}
	return s + fmt.Sprintf("\t\tcounter packets 0 bytes 0 ct mark set ct mark | 0x%08x\n\t}\n}\n", h.mark)
}

// hostRules replays the plugin's reconciliations on a node, the earlier states first.
func hostRules(c *cluster.Cluster, n *cluster.Node) (*host, error) {
	h := &host{chains: map[string][]string{}, has: map[string]bool{}}
	run := func(env map[string]string, cidrs []netip.Prefix) {
		o := parse(env)
		h.reconcile(&o, c.CNI.Backend == "legacy" || c.CNI.Connmark == cluster.ConnmarkIPTables, cidrs, n.ENIs[0].Address, n.InterfaceOf(0))
	}
	for _, past := range c.CNI.Previously {
		env, cidrs := past.Env, past.VPCCIDRs
		if env == nil {
			env = c.CNI.Env
		}
		if cidrs == nil {
			cidrs = c.VPC.CIDRs
		}
		run(env, cidrs)
	}
	run(c.CNI.Env, c.VPC.CIDRs)
	return h, nil
}
