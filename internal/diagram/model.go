package diagram

import (
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// How much of a cluster one scene shows.
const (
	maxOpenNodes  = 2 // nodes on the packet's way, drawn open side by side
	maxPodColumns = 2
	maxBriefNodes = 6 // other nodes, one line each
	maxCountPods  = 64
)

// model is what the layout needs to know of a topology: the nodes that are drawn, what is in them, and the places the
// packet visits. Namespaces that no leg visits are asked for only as far as they are drawn.
type model struct {
	topo   *topology.Topology
	doc    *trace.Document
	nodes  []*nodeModel // open, in the order in which the packet meets them
	brief  []*topology.Namespace
	more   int // nodes beyond those in brief
	spaces map[string]*topology.Namespace
}

// nodeModel is one open node.
type nodeModel struct {
	ns      *topology.Namespace
	pods    []*podModel
	hidden  int // pods that are not drawn
	uplinks []*uplink
	subnet  *topology.Subnet
	tunnel  *topology.Interface // the vxlan or ipip device that the packet goes through; nil for none
	// cross: the packet goes from one pod of this node to the other, or from the left column to the right some other way.
	cross bool
}

// podModel is one pod of an open node with its veth pair.
type podModel struct {
	ns   *topology.Namespace
	eth  *topology.Interface // the pod's end; nil where the dump does not say
	veth *topology.Interface // the node's end
}

// uplink is an interface of a node that leads out of it.
type uplink struct {
	iface *topology.Interface
	used  bool
}

func newModel(t *topology.Topology, d *trace.Document) *model {
	m := &model{topo: t, doc: d, spaces: map[string]*topology.Namespace{}}
	m.openNodes()
	for _, n := range m.nodes {
		m.fillPods(n)
		m.fillUplinks(n)
		m.fillTunnel(n)
	}
	m.briefNodes()
	return m
}

// space asks for a namespace; nil where the topology does not have it (a fabric's router) or cannot build it.
func (m *model) space(name string) *topology.Namespace {
	if ns, ok := m.spaces[name]; ok {
		return ns
	}
	var ns *topology.Namespace
	if slices.Contains(m.topo.Names(), name) {
		ns, _ = m.topo.Namespace(name)
	}
	m.spaces[name] = ns
	return ns
}

// visited are the namespaces of the trace in the order of their first visit.
func (m *model) visited() []trace.HopDocument {
	var hops []trace.HopDocument
	seen := map[string]bool{}
	for _, leg := range m.doc.Legs {
		for _, h := range leg.Hops {
			if !seen[h.Namespace] {
				seen[h.Namespace] = true
				hops = append(hops, h)
			}
		}
	}
	return hops
}

// openNodes finds the nodes on the packet's way: those visited, and those that visited pods run on.
func (m *model) openNodes() {
	add := func(name string) {
		ns := m.space(name)
		if ns == nil || ns.Kind != topology.Node || len(m.nodes) == maxOpenNodes {
			return
		}
		for _, n := range m.nodes {
			if n.ns == ns {
				return
			}
		}
		m.nodes = append(m.nodes, &nodeModel{ns: ns, subnet: m.subnet(ns.Place.Subnet)})
	}
	for _, h := range m.visited() {
		switch h.Kind {
		case string(topology.Node):
			add(h.Namespace)
		case string(topology.Pod):
			if ns := m.space(h.Namespace); ns != nil {
				add(m.nodeOf(ns))
			}
		}
	}
	if len(m.nodes) > 0 {
		return
	}
	// The packet never reaches a node, or there is none yet: the first ones stand for the cluster.
	for _, name := range m.nodeNames() {
		add(name)
		if len(m.nodes) == maxOpenNodes {
			return
		}
	}
}

// nodeNames are the namespaces that can be nodes. In a fabric they are the owners of its cards, so that a large
// cluster's other namespaces are not built; in a recording all are, and they are few.
func (m *model) nodeNames() []string {
	f := m.topo.Fabric
	switch {
	case m.topo.Site != nil:
		return m.topo.Site.Nodes
	case f == nil:
		return m.topo.Names()
	}
	var names []string
	for _, c := range f.Cards {
		if c.Port.Namespace != "" && !slices.Contains(names, c.Port.Namespace) {
			names = append(names, c.Port.Namespace)
		}
	}
	return names
}

// nodeOf is the node that a pod runs on: as its place says, or else where the far end of its first interface is.
func (m *model) nodeOf(pod *topology.Namespace) string {
	if pod.Place.Node != "" {
		return pod.Place.Node
	}
	for _, i := range pod.Interfaces {
		if i.Peer.Namespace != "" {
			return i.Peer.Namespace
		}
	}
	return ""
}

func (m *model) subnet(id string) *topology.Subnet {
	var list []*topology.Subnet
	switch {
	case m.topo.Fabric != nil:
		list = m.topo.Fabric.Subnets
	case m.topo.Site != nil:
		list = m.topo.Site.Subnets
	}
	for _, s := range list {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// fillPods chooses the pods that are drawn: those the packet visits first, in the order in which it meets them, so that
// the traced pod stands in the left column; then its destination; then others as the node lists them.
func (m *model) fillPods(n *nodeModel) {
	drawn := map[string]bool{}
	add := func(name string, veth *topology.Interface) {
		if drawn[name] || len(n.pods) == maxPodColumns {
			return
		}
		ns := m.space(name)
		if ns == nil || ns.Kind != topology.Pod {
			return
		}
		drawn[name] = true
		p := &podModel{ns: ns, veth: veth}
		for _, i := range ns.Interfaces {
			if i.Peer.Namespace == n.ns.Name && (veth == nil || i.Peer.Interface == veth.Name) {
				p.eth = i
				if p.veth == nil {
					p.veth = n.ns.Interface(i.Peer.Interface)
				}
				break
			}
		}
		n.pods = append(n.pods, p)
	}
	visitedPods := 0
	for _, h := range m.visited() {
		if h.Kind != string(topology.Pod) {
			continue
		}
		if ns := m.space(h.Namespace); ns != nil && m.nodeOf(ns) == n.ns.Name {
			add(h.Namespace, nil)
			visitedPods++
		}
	}
	n.cross = visitedPods > 1
	// Where the packet is dropped before it, its destination shows all the same how far it came.
	if ns := m.space(m.doc.Query.Destination); ns != nil && m.nodeOf(ns) == n.ns.Name {
		add(ns.Name, nil)
	}
	total := 0
	for _, i := range n.ns.Interfaces {
		if i.Kind != topology.Veth || i.Peer.Namespace == "" {
			continue
		}
		if len(n.pods) < maxPodColumns {
			add(i.Peer.Namespace, i)
		}
		if total < maxCountPods && m.isPod(i.Peer.Namespace, n.ns.Name) {
			total++
		}
	}
	n.hidden = max(0, total-len(n.pods))
}

// isPod says whether the far end of a veth is a pod. On a node every veth's far end is one, apart from links to routers
// in a recording, which are few.
func (m *model) isPod(name, node string) bool {
	ns := m.space(name)
	return ns != nil && ns.Kind == topology.Pod && name != node
}

// fillUplinks chooses the interfaces at the node's bottom edge: those the packet uses and the first ones beside them, in
// the node's own order.
func (m *model) fillUplinks(n *nodeModel) {
	used := map[string]bool{}
	for _, leg := range m.doc.Legs {
		for _, h := range leg.Hops {
			if h.Namespace != n.ns.Name {
				continue
			}
			for _, dev := range []*string{h.In, h.Out} {
				if dev != nil {
					used[m.cardOf(n.ns, *dev)] = true
				}
			}
		}
	}
	var all []*uplink
	for _, i := range n.ns.Interfaces {
		switch {
		case i.Kind == topology.ENI, i.Kind == topology.NIC:
		case i.Kind == topology.Veth && i.Peer.Namespace != "" && !m.isPod(i.Peer.Namespace, n.ns.Name):
		default:
			continue
		}
		all = append(all, &uplink{iface: i, used: used[i.Name]})
	}
	for len(all) > maxPodColumns {
		drop := -1
		for i := len(all) - 1; i >= 0 && drop < 0; i-- {
			if !all[i].used {
				drop = i
			}
		}
		if drop < 0 {
			drop = len(all) - 1
		}
		all = slices.Delete(all, drop, drop+1)
	}
	n.uplinks = all
}

// cardOf is the network card that a packet through dev leaves or enters by: the parent of a VLAN or macvlan device.
func (m *model) cardOf(ns *topology.Namespace, dev string) string {
	for range 4 {
		i := ns.Interface(dev)
		if i == nil || i.Parent == "" {
			return dev
		}
		dev = i.Parent
	}
	return dev
}

// briefNodes finds the nodes that are drawn as one line.
func (m *model) briefNodes() {
	open := map[string]bool{}
	for _, n := range m.nodes {
		open[n.ns.Name] = true
	}
	for _, h := range m.visited() {
		open[h.Namespace] = true // a third node on the way is drawn as a device of its own
	}
	for _, name := range m.nodeNames() {
		if open[name] {
			continue
		}
		if len(m.brief) == maxBriefNodes {
			m.more++
			continue
		}
		if ns := m.space(name); ns != nil && ns.Kind == topology.Node {
			m.brief = append(m.brief, ns)
		}
	}
}

// label is a namespace's title.
func label(ns *topology.Namespace) string {
	if ns.Place.Label != "" {
		return ns.Place.Label
	}
	return ns.Name
}

// address is a namespace's primary address as text.
func address(ns *topology.Namespace) string {
	if a := ns.PrimaryAddress(); a.IsValid() {
		return a.String()
	}
	return ""
}

// ifaceAddress is an interface's first address as text.
func ifaceAddress(i *topology.Interface) string {
	if i.ENI != nil && i.ENI.Primary.IsValid() {
		return i.ENI.Primary.String()
	}
	for _, a := range i.Addresses {
		return a.Prefix.Addr().String()
	}
	return ""
}

// boxID is the ID of a namespace's box.
func boxID(name string) string { return "box-" + slug(name) }

// portID is the ID of an interface's port.
func portID(ns, dev string) string { return "port-" + slug(ns) + "-" + slug(dev) }

func slug(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '_'
	}, s)
}
