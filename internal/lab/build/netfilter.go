package build

import (
	"fmt"
	"strings"

	"github.com/podpath/podpath/internal/lab/space"
	"github.com/podpath/podpath/internal/topology"
)

// netfilter loads the ipsets, then the rules that ask them. iptables is the nft variant whatever the node has: it evaluates
// the same, and only nf_tables says which rules a packet met.
func (n *Net) netfilter(ns *topology.Namespace) error {
	s := n.spaces[ns.Name]
	if sets := ns.State("ipsets"); sets != "" {
		if _, err := s.Run(ordered(sets), "ipset", "restore"); err != nil {
			return err
		}
	}
	first, last := native(ns)
	if err := n.nft(s, first); err != nil {
		return err
	}
	if rules := ns.State("iptables"); strings.Contains(rules, "\n*") || strings.HasPrefix(rules, "*") {
		if err := accounts(s, rules); err != nil {
			return err
		}
		if _, err := s.Run(rules, "iptables-nft-restore"); err != nil {
			return fmt.Errorf("%w%s", err, failing(rules, err))
		}
	}
	if err := n.nft(s, last); err != nil {
		return err
	}
	if n.fabric != nil && n.fabric.scripts[ns.Name] != "" {
		if _, err := s.Run(n.fabric.scripts[ns.Name], "nft", "-f", "-"); err != nil {
			return err
		}
		// A cloud's network is no IP hop: it gives back the TTL that a router takes, which nft has no word for. Two are given before
		// one is taken again, for a router looks at the TTL first, and a rule of a node may have left none.
		if _, err := s.Run("*mangle\n-A PREROUTING -j TTL --ttl-inc 2\n-A POSTROUTING -j TTL --ttl-dec 1\nCOMMIT\n", "iptables-nft-restore", "--noflush"); err != nil {
			return err
		}
	}
	return nil
}

// native are the native tables that are there before iptables', and those that come after: of chains at one priority the kernel
// asks the one that was registered last first.
func native(ns *topology.Namespace) (first, last string) {
	f := ns.Netfilter
	if f == nil || f.Native == nil {
		return "", ""
	}
	for i, t := range f.Native.Tables {
		if i < f.NativeFirst {
			first += t.String()
		} else {
			last += t.String()
		}
	}
	return first, last
}

func (n *Net) nft(s *space.Space, tables string) error {
	if tables == "" {
		return nil
	}
	_, err := s.Run(tables, "nft", "-f", "-")
	return err
}

// ordered puts the sets that hold other sets last: a member must be there.
func ordered(sets string) string {
	var first, last []string
	lists := map[string]bool{}
	for _, l := range strings.Split(strings.TrimSpace(sets), "\n") {
		w := strings.Fields(l)
		if len(w) > 2 && w[0] == "create" && w[2] == "list:set" {
			lists[w[1]] = true
		}
		if len(w) > 1 && lists[w[1]] {
			last = append(last, l)
		} else {
			first = append(first, l)
		}
	}
	return strings.Join(append(first, last...), "\n") + "\n"
}

// failing is the line that iptables-restore complains of, where it names one.
func failing(rules string, err error) string {
	_, rest, ok := strings.Cut(err.Error(), "line ")
	if !ok {
		return ""
	}
	var at int
	if _, serr := fmt.Sscan(strings.TrimRight(strings.Fields(rest + " 0")[0], ":"), &at); serr != nil {
		return ""
	}
	lines := strings.Split(rules, "\n")
	if at < 1 || at > len(lines) {
		return ""
	}
	return ": " + lines[at-1]
}
