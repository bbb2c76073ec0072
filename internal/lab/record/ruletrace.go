package record

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"github.com/podpath/podpath/internal/lab/space"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/topology"
)

// nf_tables' numbers (uapi/linux/netfilter/nf_tables.h, nfnetlink.h).
const (
	subsystem   = 10 // NFNL_SUBSYS_NFTABLES
	getRule     = 7  // NFT_MSG_GETRULE
	newRule     = 6  // NFT_MSG_NEWRULE
	traceEvent  = 17 // NFT_MSG_TRACE
	traceGroup  = 9  // NFNLGRP_NFTRACE
	familyIPv4  = 2  // NFPROTO_IPV4
	genMsg      = 4  // sizeof(struct nfgenmsg)
	netlinkHead = 16
)

// traceTable is the table that a recorder adds: it turns tracing on for every packet, before anything else sees it, and
// decides nothing. Its own events are left out.
const traceTable = "podpath-trace"

const traceRules = `table ip ` + traceTable + ` {
	chain in { type filter hook prerouting priority -400; policy accept; meta nftrace set 1; }
	chain out { type filter hook output priority -400; policy accept; meta nftrace set 1; }
}
`

// ruleTrace reads, in one namespace, which rules packets meet: the events that `nft monitor trace` prints.
type ruleTrace struct {
	ns    *topology.Namespace
	space *space.Space
	fd    int
	rules map[ruleAt]rule
	hooks map[chainAt]baseChain
}

type (
	chainAt struct{ table, chain string }
	ruleAt  struct {
		chainAt
		handle uint64
	}
	// rule is what a handle stands for: its place in the chain, from 1, and its text as iptables-save or nft prints it.
	rule struct {
		number int
		text   string
	}
	baseChain struct {
		hook   string
		family string // "" for iptables' own tables
	}
)

func openRules(s *space.Space, ns *topology.Namespace) (*ruleTrace, error) {
	t := &ruleTrace{ns: ns, space: s, fd: -1, hooks: map[chainAt]baseChain{}}
	for h := range netfilter.NumHooks {
		for _, b := range ns.Netfilter.At(h) {
			switch {
			case b.IPT != nil:
				t.hooks[chainAt{b.Table, b.IPT.Name}] = baseChain{hook: h.String()}
			case b.NFT != nil:
				t.hooks[chainAt{b.Table, b.NFT.Name}] = baseChain{h.String(), b.Family}
			}
		}
	}
	var err error
	if t.rules, err = loaded(s); err != nil {
		return nil, err
	}
	if _, err := s.Run(traceRules, "nft", "-f", "-"); err != nil {
		return nil, err
	}
	err = s.Do(func() (err error) {
		t.fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
		if err != nil {
			return err
		}
		if err := unix.SetsockoptInt(t.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, tapBuffer); err != nil {
			return err
		}
		if err := unix.Bind(t.fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			return err
		}
		return unix.SetsockoptInt(t.fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, traceGroup)
	})
	if err != nil {
		t.close()
		return nil, fmt.Errorf("namespace %s: trace events: %w", ns.Name, err)
	}
	return t, nil
}

func (t *ruleTrace) close() {
	if t.fd >= 0 {
		unix.Close(t.fd)
	}
	_, _ = t.space.Run("", "nft", "delete", "table", "ip", traceTable) // it goes with the namespace at the latest
}

// loaded says what the kernel's rules are, by handle: the texts as the kernel's own tools print them, in the order in which
// the kernel lists them.
func loaded(s *space.Space) (map[ruleAt]rule, error) {
	texts, err := printed(s)
	if err != nil {
		return nil, err
	}
	handles, err := listed(s)
	if err != nil {
		return nil, err
	}
	out := map[ruleAt]rule{}
	for c, hs := range handles {
		if len(hs) != len(texts[c]) {
			return nil, fmt.Errorf("namespace %s: chain %s of table %s has %d rules in the kernel, %d as its tools print it", s.Name, c.chain, c.table, len(hs), len(texts[c]))
		}
		for i, h := range hs {
			out[ruleAt{c, h}] = rule{i + 1, texts[c][i]}
		}
	}
	return out, nil
}

// printed are the rules' texts by chain: iptables' tables as iptables-save has them, all others as nft does.
func printed(s *space.Space) (map[chainAt][]string, error) {
	out := map[chainAt][]string{}
	save, err := s.Run("", "iptables-nft-save")
	if err != nil {
		return nil, err
	}
	own := map[string]bool{}
	table := ""
	for _, l := range strings.Split(save, "\n") {
		switch {
		case strings.HasPrefix(l, "*"):
			table = l[1:]
			own[table] = true
		case strings.HasPrefix(l, "-A "):
			at := chainAt{table, strings.Fields(l)[1]}
			out[at] = append(out[at], l)
		}
	}
	tables, err := s.Run("", "nft", "list", "tables")
	if err != nil {
		return nil, err
	}
	for _, l := range strings.Split(strings.TrimSpace(tables), "\n") {
		w := strings.Fields(l)
		if len(w) != 3 || w[1] == "ip" && own[w[2]] || w[1] != "ip" && w[1] != "inet" {
			continue
		}
		listing, err := s.Run("", "nft", "list", "table", w[1], w[2])
		if err != nil {
			return nil, err
		}
		native(counted.ReplaceAllString(listing, "packets 0 bytes 0"), w[2], out)
	}
	return out, nil
}

// counted are the counters of a rule, which a recording has at zero.
var counted = regexp.MustCompile(`packets \d+ bytes \d+`)

// native reads the rules of one table as nft lists it.
func native(listing, table string, out map[chainAt][]string) {
	chain := ""
	for _, l := range strings.Split(listing, "\n") {
		w := strings.Fields(l)
		switch {
		case strings.HasPrefix(l, "\tchain ") && len(w) > 1:
			chain = w[1]
		case strings.HasPrefix(l, "\t}"):
			chain = ""
		case strings.HasPrefix(l, "\t\ttype "), strings.HasPrefix(l, "\t\tcomment "): // the chain's hook, and its comment
		case chain != "" && strings.HasPrefix(l, "\t\t"):
			at := chainAt{table, chain}
			out[at] = append(out[at], strings.TrimSpace(l))
		}
	}
}

// listed are the rules' handles by chain, in the chain's order, of the families that see IPv4.
func listed(s *space.Space) (map[chainAt][]uint64, error) {
	out := map[chainAt][]uint64{}
	for _, family := range []uint8{familyIPv4, unix.NFPROTO_INET} {
		req := nl.NewNetlinkRequest(subsystem<<8|getRule, unix.NLM_F_DUMP)
		req.AddData(&nl.Nfgenmsg{NfgenFamily: family, Version: nl.NFNETLINK_V0})
		err := s.Do(func() error {
			msgs, err := req.Execute(unix.NETLINK_NETFILTER, subsystem<<8|newRule)
			for _, m := range msgs {
				a := attributes(m[genMsg:])
				at := chainAt{text(a[1]), text(a[2])}
				out[at] = append(out[at], be64(a[3]))
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("namespace %s: rules: %w", s.Name, err)
		}
	}
	return out, nil
}

// events takes what has arrived.
func (t *ruleTrace) events() ([]map[uint16][]byte, error) {
	var out []map[uint16][]byte
	buf := make([]byte, 1<<20)
	for {
		n, _, err := unix.Recvfrom(t.fd, buf, 0)
		if err == unix.ENOBUFS {
			return nil, fmt.Errorf("namespace %s: the kernel had more trace events than it keeps", t.ns.Name)
		}
		if err != nil || n <= 0 {
			return out, nil
		}
		for b := buf[:n]; len(b) >= netlinkHead+genMsg; {
			size, kind := int(binary.NativeEndian.Uint32(b)), binary.NativeEndian.Uint16(b[4:])
			if size < netlinkHead+genMsg || size > len(b) {
				break
			}
			if kind == subsystem<<8|traceEvent {
				out = append(out, attributes(append([]byte(nil), b[netlinkHead+genMsg:size]...)))
			}
			b = b[min((size+3)&^3, len(b)):]
		}
	}
}

func (t *ruleTrace) discard() { _, _ = t.events() }
