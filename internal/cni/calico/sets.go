package calico

import (
	"net/netip"
	"slices"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// IDs of the sets that have readable ones (felix/rules/rule_defs.go).
const (
	setDSCP       = "dscp-src-net"
	setPools      = "network-ip-pools"
	setMasquerade = "masq-ipam-pools"
	setAllHosts   = "all-hosts-net"
	setVXLAN      = "all-vxlan-net"
	setThisHost   = "this-host"
)

// sets makes a node's IP sets. Those of selectors have all pods of the cluster as members, wherever they run.
type sets struct {
	c          *cluster.Cluster
	labels     map[*cluster.Pod]map[string]string
	namespaces map[string]map[string]string // labels of namespaces
	accounts   map[[2]string]map[string]string
	made       map[string]*netfilter.Set
}

func newSets(c *cluster.Cluster) *sets {
	s := &sets{c: c, labels: map[*cluster.Pod]map[string]string{}, namespaces: map[string]map[string]string{},
		accounts: map[[2]string]map[string]string{}, made: map[string]*netfilter.Set{}}
	for _, a := range c.ServiceAccounts {
		if a != nil {
			s.accounts[[2]string{a.Namespace, a.Name}] = a.Labels
		}
	}
	return s
}

func (s *sets) put(id, kind string, members ...netip.Prefix) {
	name := setName(id)
	slices.SortFunc(members, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	s.made[name] = &netfilter.Set{Name: name, Type: kind, Prefixes: members}
}

// podLabels are a pod's labels as selectors see them.
func (s *sets) podLabels(p *cluster.Pod) map[string]string {
	if l := s.labels[p]; l != nil {
		return l
	}
	of, ok := s.namespaces[p.Namespace]
	if !ok {
		of = s.c.NamespaceLabels(p.Namespace)
		s.namespaces[p.Namespace] = of
	}
	s.labels[p] = labelsOf(p, of, s.accounts[[2]string{p.Namespace, p.Account()}])
	return s.labels[p]
}

// selector is the name of the set of the pods that a selector takes.
func (s *sets) selector(sel selector) string {
	id := sel.id()
	name := setName(id)
	if s.made[name] != nil {
		return name
	}
	var members []netip.Prefix
	for _, p := range s.c.Pods {
		if p.Address.Is4() && sel.matches(s.podLabels(p)) {
			members = append(members, topology.Single(p.Address))
		}
	}
	s.put(id, "hash:net", members...)
	return name
}

// protocols of named ports.
var protocols = map[string]packet.Protocol{"tcp": packet.TCP, "udp": packet.UDP, "sctp": packet.SCTP}

// namedPort is the name of the set of addresses and ports that pods of a selector have under a port's name
// (IPSetData.UniqueID, felix/calc/rule_scanner.go).
func (s *sets) namedPort(sel selector, protocol, port string) string {
	name := setName(uniqueID("n", sel.id()+","+protocol+","+port))
	if s.made[name] != nil {
		return name
	}
	set := &netfilter.Set{Name: name, Type: "hash:ip,port"}
	for _, p := range s.c.Pods {
		if !p.Address.Is4() || !sel.matches(s.podLabels(p)) {
			continue
		}
		for _, q := range p.Ports {
			of := protocols["tcp"]
			switch q.Protocol {
			case "UDP":
				of = protocols["udp"]
			case "SCTP":
				of = protocols["sctp"]
			}
			if q.Name == port && of == protocols[protocol] {
				set.Ports = append(set.Ports, netfilter.PortMember{Prefix: topology.Single(p.Address), Protocol: uint8(of), From: q.Port, To: q.Port})
			}
		}
	}
	s.made[name] = set
	return name
}

// fixed are the sets that every node has. ns is the node's namespace with everything that has an address in it.
func (s *sets) fixed(x *settings, n *cluster.Node, ns *topology.Namespace) {
	var pools, masquerade []netip.Prefix
	for _, p := range x.pools {
		if p.For("Workload") || p.For("Tunnel") {
			pools = append(pools, p.Prefix())
		}
		if p.Spec.NATOutgoing {
			masquerade = append(masquerade, p.Prefix())
		}
	}
	s.put(setPools, "hash:net", pools...)
	s.put(setMasquerade, "hash:net", masquerade...)
	s.put(setDSCP, "hash:net") // pods that ask for a DSCP mark: none
	var all, others []netip.Prefix
	for _, m := range s.c.Nodes {
		all = append(all, topology.Single(m.Address()))
		if m != n {
			others = append(others, topology.Single(m.Address()))
		}
	}
	if x.ipip || x.natSpareHosts {
		s.put(setAllHosts, "hash:net", append(all, x.externalNodes...)...)
	}
	if x.vxlan {
		s.put(setVXLAN, "hash:net", append(others, x.externalNodes...)...)
	}
	// Felix takes the node's addresses from table local, where the loopback's network stands too
	// (felix/ifacemonitor/update_filter.go, felix/dataplane/linux/hostip_mgr.go).
	var own []netip.Prefix
	for _, r := range ns.Routes {
		if r.Type == topology.LocalRoute && r.Table == topology.TableLocal && r.Dst.Addr().Is4() {
			own = append(own, topology.Single(r.Dst.Addr()))
		}
	}
	slices.SortFunc(own, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	s.put(setThisHost, "hash:ip", slices.Compact(own)...)
}
