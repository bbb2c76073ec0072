package snapshot

import (
	"bytes"
	"strings"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/nftables"
	"github.com/podpath/podpath/internal/topology"
)

// space is a namespace while its pieces come in.
type space struct {
	ns       *topology.Namespace
	rules    *iptables.Ruleset
	native   *nftables.Ruleset
	sets     map[string]*netfilter.Set
	hasRules bool
	// hasAddrJSON says that the interfaces come from `ip -j addr`; a text form beside it is the same once more.
	hasAddrJSON bool
	pod         bool // from a pod-*.json
}

// rank orders namespaces without a lab.json: nodes first, then pods.
func (s *space) rank() int {
	if s.pod {
		return 1
	}
	return 0
}

func (s *space) read(k kind, f file) error {
	ns := s.ns
	var err error
	switch k {
	case kindAddrJSON:
		var list []*topology.Interface
		list, err = readAddrJSON(f)
		if !s.hasAddrJSON {
			ns.Interfaces, s.hasAddrJSON = nil, true
		}
		ns.Interfaces = mergeInterfaces(ns.Interfaces, list)
	case kindAddrText:
		if !s.hasAddrJSON { // which says more
			var list []*topology.Interface
			list, err = readAddrText(f)
			ns.Interfaces = mergeInterfaces(ns.Interfaces, list)
		}
	case kindRouteJSON:
		ns.Routes, err = readRouteJSON(f)
	case kindRouteText:
		if ns.Routes == nil { // the JSON form of the same dump says more
			ns.Routes, err = readRouteText(f)
		}
	case kindRuleJSON:
		ns.Rules, err = readRuleJSON(f)
		s.hasRules = true
	case kindRuleText:
		if ns.Rules == nil {
			ns.Rules, err = readRuleText(f)
			s.hasRules = true
		}
	case kindNeighJSON:
		ns.Neighbours, err = readNeighJSON(f)
	case kindNeighText:
		if ns.Neighbours == nil {
			ns.Neighbours, err = readNeighText(f)
		}
	case kindFDBJSON:
		ns.FDB, err = readFDBJSON(f)
	case kindFDBText:
		if ns.FDB == nil {
			ns.FDB, err = readFDBText(f)
		}
	case kindIPTables:
		err = s.readRules(f)
	case kindNFT:
		err = s.readNative(f)
	case kindSysctl:
		err = readSysctl(f, ns.Sysctl)
	case kindIPSet:
		s.sets, err = readIPSet(f)
	}
	return err
}

// readRules reads a dump of iptables. Several files may hold a table each (`iptables -t nat -S`, `iptables -t filter -S`);
// the same table twice is a contradiction.
func (s *space) readRules(f file) error {
	rules, err := iptables.Parse(bytes.NewReader(f.data), f.name)
	if err != nil {
		return err
	}
	if s.rules == nil {
		s.rules = rules
		return nil
	}
	for _, t := range rules.Tables {
		if s.rules.Table(t.Name) != nil {
			return errorf(f.name, 0, "table %s of %s was in another file already", t.Name, s.ns.Name)
		}
		s.rules.Tables = append(s.rules.Tables, t)
	}
	return nil
}

func (s *space) readNative(f file) error {
	native, err := nftables.Parse(bytes.NewReader(f.data), f.name)
	if err != nil {
		return err
	}
	if s.native != nil {
		return errorf(f.name, 0, "%s has an nft ruleset from another file already", s.ns.Name)
	}
	s.native = native
	return nil
}

// mergeInterfaces joins two listings of the same devices: `ip addr` has the addresses, `ip -d link` the kinds.
func mergeInterfaces(have, more []*topology.Interface) []*topology.Interface {
	if len(have) == 0 {
		return more
	}
	byName := make(map[string]*topology.Interface, len(have))
	for _, i := range have {
		byName[i.Name] = i
	}
	for _, m := range more {
		i := byName[m.Name]
		if i == nil || i.Index != m.Index {
			have = append(have, m)
			continue
		}
		if len(i.Addresses) == 0 {
			i.Addresses = m.Addresses
		}
		if i.Kind == topology.Other || i.Kind == topology.Veth && m.Kind != topology.Other {
			i.Kind = m.Kind // the text form takes every `name@if5` for a veth; -d says what it is
		}
		i.VLANID = max(i.VLANID, m.VLANID)
		if i.Master == "" {
			i.Master = m.Master
		}
	}
	return have
}

// finish joins the rulesets and says what was not given.
func (s *space) finish(t *topology.Topology) error {
	ns := s.ns
	first := 0
	if s.native != nil && s.rules != nil {
		s.native, first = withoutIPTablesNFT(s.native)
	}
	if s.sets == nil {
		s.sets = map[string]*netfilter.Set{}
	}
	ns.Netfilter = netfilter.NewAfter(first, s.rules, s.native, s.sets)
	if !s.hasRules {
		t.Assumptions = append(t.Assumptions, topology.Assumption{Code: "assume-no-rules", Args: map[string]string{"namespace": ns.Name}})
	}
	if len(ns.Sysctl) == 0 && !s.pod {
		// A Kubernetes node forwards; nothing else is taken to be set.
		t.Assumptions = append(t.Assumptions, topology.Assumption{Code: "assume-sysctl",
			Args: map[string]string{"namespace": ns.Name, "name": "net.ipv4.ip_forward", "value": "1"}})
		ns.Sysctl["net.ipv4.ip_forward"] = "1"
	}
	return nil
}

// withoutIPTablesNFT leaves out the tables that iptables-nft itself keeps: where iptables-save is present they are the
// same rules a second time. first is how many tables were made before those: a listing has them in the order in which they were
// made, which is the best there is to tell whose chains were registered first.
func withoutIPTablesNFT(r *nftables.Ruleset) (rest *nftables.Ruleset, first int) {
	out := *r
	out.Tables = nil
	met := false
	for _, t := range r.Tables {
		if t.Family == "ip" {
			switch t.Name {
			case "nat", "mangle", "filter", "raw", "security":
				if !met {
					first, met = len(out.Tables), true
				}
				continue
			}
		}
		out.Tables = append(out.Tables, t)
	}
	return &out, first
}

// pair joins the ends of veth pairs: each names the other's index, and they are in different namespaces. An index that
// happens to exist in the same namespace is no peer. Where several fit, none is taken, and the far end stays unknown: which
// namespace a link_netnsid means is known to that namespace only.
func pair(list []*space) {
	type end struct {
		s *space
		i *topology.Interface
	}
	byIndex := map[int][]end{}
	far := map[topology.Port]*topology.Interface{}
	for _, s := range list {
		for _, i := range s.ns.Interfaces {
			far[topology.Port{Namespace: s.ns.Name, Interface: i.Name}] = i
			if i.LinkIndex != 0 && (i.Kind == topology.Veth || i.Kind == topology.Other || i.Kind == topology.ENI) {
				byIndex[i.Index] = append(byIndex[i.Index], end{s, i})
			}
		}
	}
	for _, s := range list {
		for _, i := range s.ns.Interfaces {
			if i.LinkIndex == 0 || i.Peer.Namespace != "" || i.Kind == topology.VLAN || i.Kind == topology.MACVLAN {
				continue
			}
			var found []end
			for _, e := range byIndex[i.LinkIndex] {
				if e.s != s && e.i.LinkIndex == i.Index {
					found = append(found, e)
				}
			}
			if len(found) == 1 {
				i.Peer = topology.Port{Namespace: found[0].s.ns.Name, Interface: found[0].i.Name}
			}
		}
	}
	// A pairing counts only where both ends chose each other.
	for _, s := range list {
		for _, i := range s.ns.Interfaces {
			if i.Peer.Namespace == "" {
				continue
			}
			p := far[i.Peer]
			if p == nil || p.Peer != (topology.Port{Namespace: s.ns.Name, Interface: i.Name}) {
				i.Peer = topology.Port{}
			}
		}
	}
}

// classify says what each namespace is to a reader: what a recording traces are nodes; what hangs on a node by a veth
// with an address of its own and does not forward is a pod; what forwards is a router.
func classify(list []*space, l *lab) {
	nodes := map[string]bool{}
	for _, s := range list {
		if l != nil && l.traced(s.ns.Name) || l == nil && !s.pod && s.rules != nil {
			nodes[s.ns.Name] = true
		}
	}
	for _, s := range list {
		ns := s.ns
		ns.Place = topology.Place{Name: ns.Name, Label: ns.Name}
		forwards := ns.Sysctl["net.ipv4.ip_forward"] == "1"
		switch {
		case nodes[ns.Name]:
			ns.Kind = topology.Node
		case s.pod || !forwards && hangsOn(ns, nodes) != "":
			ns.Kind = topology.Pod
			ns.Place.Node = hangsOn(ns, nodes)
			if p, ok := strings.CutPrefix(ns.Name, "pod/"); ok {
				ns.Place.Label = p[strings.LastIndexByte(p, '/')+1:]
			}
		case forwards && strings.Contains(ns.Name, "igw"):
			ns.Kind = topology.Gateway
		case forwards:
			ns.Kind = topology.Router
		default:
			ns.Kind = topology.External
		}
	}
}

func hangsOn(ns *topology.Namespace, nodes map[string]bool) string {
	for _, i := range ns.Interfaces {
		if nodes[i.Peer.Namespace] {
			return i.Peer.Namespace
		}
	}
	return ""
}
