package awsvpc

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/machine"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// Priorities of the plugin's policy rules (pkg/networkutils/network.go and the driver).
const (
	priorityVLAN            = 10
	priorityLocal           = 20 // table local in strict mode
	priorityToPod           = 512
	priorityMark            = 1024
	priorityExternalService = 1535
	priorityFromPod         = 1536
	priorityFromENI         = 32765
)

// placed is a pod with what its node needs to know about it.
type placed struct {
	*cluster.Pod
	veth   string
	index  int // interface index of the host's end
	branch bool
	table  topology.TableID
	vlan   string // name of the VLAN device of a pod with a branch ENI
}

// layout numbers a node's interfaces: the loopback, the ENIs, then each pod's veth as the pods came, and behind it the
// VLAN device of a pod with a branch ENI.
func layout(c *cluster.Cluster, n *cluster.Node, o *options) []placed {
	var out []placed
	index := 2 + len(n.ENIs)
	for _, p := range c.PodsOn(n.Name) {
		x := placed{Pod: p, index: index, veth: HostVeth(o.prefix, p.Namespace, p.Name)}
		x.table = tableFor(n.ENIs[p.ENI].Card, n.DeviceOf(p.ENI))
		index++
		if p.Branch != nil && o.podENI {
			x.branch = true
			x.table = topology.TableID(100 + p.Branch.VLAN)
			x.vlan = "vlan.eth." + strconv.Itoa(p.Branch.VLAN)
			if o.strict {
				x.veth = HostVeth("vlan", p.Namespace, p.Name)
			}
			index++
		}
		out = append(out, x)
	}
	return out
}

// Node compiles a node's root namespace. cards are its ENIs on the fabric, in the node's order; branches those of its
// pods, by the pod's key.
func Node(c *cluster.Cluster, n *cluster.Node, cards []*topology.ENICard, branches map[string]*topology.ENICard) (*topology.Namespace, error) {
	o := parse(c.CNI.Env)
	pods := layout(c, n, &o)
	ns := &topology.Namespace{Name: n.Name, Kind: topology.Node}
	b := &builder{c: c, n: n, o: &o, pods: pods, ns: ns}
	b.interfaces(cards, branches)
	b.rules()
	if err := b.routes(); err != nil {
		return nil, err
	}
	b.sysctls()
	h, err := stack(c, n)
	if err != nil {
		return nil, err
	}
	ns.Netfilter = h
	return ns, nil
}

func stack(c *cluster.Cluster, n *cluster.Node) (*netfilter.Stack, error) {
	h, err := hostRules(c, n)
	if err != nil {
		return nil, err
	}
	rs, native, err := h.rulesets()
	if err != nil {
		return nil, fmt.Errorf("node %s: %w", n.Name, err)
	}
	return netfilter.New(rs, native, nil), nil
}

type builder struct {
	c    *cluster.Cluster
	n    *cluster.Node
	o    *options
	pods []placed
	ns   *topology.Namespace
}

func (b *builder) interfaces(cards []*topology.ENICard, branches map[string]*topology.ENICard) {
	ns := b.ns
	ns.Interfaces = append(ns.Interfaces, topology.LoopbackInterface())
	for i, e := range b.n.ENIs {
		s := b.c.VPC.Subnet(e.Subnet)
		ns.Interfaces = append(ns.Interfaces, &topology.Interface{Index: 2 + i, Name: b.n.InterfaceOf(i), Kind: topology.ENI,
			MAC: cards[i].MAC, MTU: b.o.eniMTU, Up: true, LinkNetNS: -1, ENI: cards[i],
			Addresses: []topology.Address{{Prefix: netip.PrefixFrom(e.Address, s.CIDR.Bits()), Scope: topology.ScopeGlobal, Broadcast: topology.BroadcastOf(s.CIDR)}}})
	}
	for _, p := range b.pods {
		ns.Interfaces = append(ns.Interfaces, &topology.Interface{Index: p.index, Name: p.veth, Kind: topology.Veth, MAC: hostMAC(p.Pod),
			MTU: b.o.podMTU, Up: true, LinkIndex: podIndex, LinkNetNS: 0, Peer: topology.Port{Namespace: p.Key(), Interface: "eth0"}})
		if p.branch {
			card := branches[p.Key()]
			ns.Interfaces = append(ns.Interfaces, &topology.Interface{Index: p.index + 1, Name: p.vlan, Kind: topology.VLAN, MAC: card.MAC,
				MTU: b.o.eniMTU, Up: true, LinkNetNS: -1, Parent: b.n.InterfaceOf(p.ENI), VLANID: p.Branch.VLAN, ENI: card})
		}
	}
}

// rules are all policy rules, in the order in which the kernel keeps them: by priority, then as they came.
func (b *builder) rules() {
	var out []*topology.Rule
	add := func(r topology.Rule) {
		r.Action, r.SuppressPrefixLength = topology.ToTable, -1
		out = append(out, &r)
	}
	local := uint32(0)
	if b.o.strict {
		local = priorityLocal
	}
	add(topology.Rule{Priority: local, Table: topology.TableLocal})
	add(topology.Rule{Priority: 32766, Table: topology.TableMain})
	add(topology.Rule{Priority: 32767, Table: topology.TableDefault})
	if b.o.nodePort || !b.o.externalSNAT {
		add(topology.Rule{Priority: priorityMark, HasMark: true, Mark: b.o.mark, Mask: b.o.mark, Table: topology.TableMain})
	}
	for i, e := range b.n.ENIs {
		if t := tableFor(e.Card, b.n.DeviceOf(i)); t != topology.TableMain && !e.Trunk {
			add(topology.Rule{Priority: priorityFromENI, Src: topology.Single(e.Address), Table: t})
		}
	}
	for _, p := range b.o.externalServices {
		add(topology.Rule{Priority: priorityExternalService, Dst: p, Table: topology.TableMain})
	}
	for _, p := range b.pods {
		if p.branch && b.o.strict {
			add(topology.Rule{Priority: priorityVLAN, IIF: p.vlan, Table: p.table})
			add(topology.Rule{Priority: priorityVLAN, IIF: p.veth, Table: p.table})
			continue
		}
		add(topology.Rule{Priority: priorityToPod, Dst: topology.Single(p.Address), Table: topology.TableMain})
		if p.table != topology.TableMain {
			add(topology.Rule{Priority: priorityFromPod, Src: topology.Single(p.Address), Table: p.table})
		}
	}
	slices.SortStableFunc(out, func(a, c *topology.Rule) int { return cmp.Compare(a.Priority, c.Priority) })
	b.ns.Rules = out
}

func (b *builder) routes() error {
	var out []*topology.Route
	add := func(r topology.Route, dev string, via netip.Addr) {
		if r.Type == "" {
			r.Type = topology.Unicast
		}
		if r.Table == 0 {
			r.Table = topology.TableMain
		}
		r.Nexthops = []topology.Nexthop{{Dev: dev, Gateway: via}}
		out = append(out, &r)
	}
	link := func(p netip.Prefix, t topology.TableID, dev string) {
		add(topology.Route{Dst: p, Table: t, Scope: topology.ScopeLink}, dev, netip.Addr{})
	}
	for i, e := range b.n.ENIs {
		s := b.c.VPC.Subnet(e.Subnet)
		dev, gw := b.n.InterfaceOf(i), s.Gateway()
		table := tableFor(e.Card, b.n.DeviceOf(i))
		if table == topology.TableMain {
			out = append(out, machine.BaseRoutes(b.c, b.n)...)
		} else {
			add(topology.Route{Dst: topology.Everywhere(), Table: table}, dev, gw)
			link(topology.Single(gw), table, dev)
		}
		out = append(out, topology.LocalRoutes(netip.PrefixFrom(e.Address, s.CIDR.Bits()), dev)...)
	}
	for _, p := range b.pods {
		table := topology.TableMain
		if p.branch {
			subnet := b.n.ENIs[p.ENI].Subnet
			if p.Branch.Subnet != "" {
				subnet = p.Branch.Subnet
			}
			s := b.c.VPC.Subnet(subnet)
			if s == nil {
				return fmt.Errorf("%s: branch: subnet %q is not in vpc.subnets", p.Key(), subnet)
			}
			gw := s.Gateway()
			add(topology.Route{Dst: topology.Everywhere(), Table: p.table}, p.vlan, gw)
			link(topology.Single(gw), p.table, p.vlan)
			if b.o.strict {
				table = p.table
			}
		}
		link(topology.Single(p.Address), table, p.veth)
	}
	out = append(out, topology.LocalRoutes(netip.MustParsePrefix("127.0.0.1/8"), "lo")...)
	topology.SortRoutes(out)
	b.ns.Routes = out
	return nil
}

// sysctls are what the image and the init container set; everything else is the kernel's default (facts, "Who writes
// what").
func (b *builder) sysctls() {
	s := map[string]string{"net.ipv4.ip_forward": "1", "net.ipv4.fwmark_reflect": "0", "net.ipv4.tcp_early_demux": "0"}
	if b.o.earlyDemux {
		s["net.ipv4.tcp_early_demux"] = "1"
	}
	devs := []string{"all", "default"}
	for _, i := range b.ns.Interfaces {
		devs = append(devs, i.Name)
	}
	for _, d := range devs {
		for _, k := range []string{"arp_filter", "bc_forwarding", "mc_forwarding", "rp_filter", "src_valid_mark"} {
			s[topology.ConfName(d, k)] = "0"
		}
		s[topology.ConfName(d, "forwarding")] = "1"
	}
	s[topology.ConfName(b.n.InterfaceOf(0), "rp_filter")] = "2"
	for k, v := range b.n.Sysctls {
		s[k] = v
	}
	b.ns.Sysctl = s
}

func hostMAC(p *cluster.Pod) packet.MAC { return machine.MAC("host " + p.Key()) }
func podMAC(p *cluster.Pod) packet.MAC  { return machine.MAC("pod " + p.Key()) }
