package calico

import (
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// Block is a slice of a pool that a node has: pods on the node get addresses of it, other nodes route it there.
type Block struct {
	Prefix netip.Prefix
	Pool   *cluster.IPPool
	Node   string
}

// Blocks are the cluster's blocks, by node in the description's order, then by address. IPAMBlock documents say them.
// Without one they follow from the pods: the block that holds a pod's address is its node's, and a node without a pod has
// the next block that is free.
func Blocks(c *cluster.Cluster) ([]Block, error) {
	p, err := planOf(c)
	if err != nil {
		return nil, err
	}
	return p.blocks, nil
}

// plan is who has which addresses.
type plan struct {
	c      *cluster.Cluster
	pools  []*cluster.IPPool
	blocks []Block

	nodes  map[string]*cluster.Node
	pods   map[netip.Addr]*cluster.Pod
	owned  map[string][]Block // by node
	at     map[netip.Prefix]Block
	bits   []int // the lengths that blocks have
	cursor map[*cluster.IPPool]netip.Prefix
}

func planOf(c *cluster.Cluster) (*plan, error) {
	p := &plan{c: c, pools: c.Pools(), nodes: make(map[string]*cluster.Node, len(c.Nodes)), pods: make(map[netip.Addr]*cluster.Pod, len(c.Pods)),
		owned: map[string][]Block{}, at: map[netip.Prefix]Block{}, cursor: map[*cluster.IPPool]netip.Prefix{}}
	for _, x := range c.Pods {
		p.pods[x.Address] = x
	}
	for _, n := range c.Nodes {
		p.nodes[n.Name] = n
	}
	take := p.derived
	if len(c.IPAMBlocks) > 0 {
		take = p.given
	}
	if err := take(); err != nil {
		return nil, err
	}
	for _, n := range c.Nodes {
		slices.SortFunc(p.owned[n.Name], func(x, y Block) int { return x.Prefix.Addr().Compare(y.Prefix.Addr()) })
		p.blocks = append(p.blocks, p.owned[n.Name]...)
	}
	return p, nil
}

// poolOf is the smallest pool that an address is in; nil for none.
func (p *plan) poolOf(a netip.Addr) *cluster.IPPool { return cluster.PoolOf(p.pools, a) }

// take gives a block to a node.
func (p *plan) take(prefix netip.Prefix, pool *cluster.IPPool, node string) {
	b := Block{Prefix: prefix, Pool: pool, Node: node}
	p.at[prefix] = b
	p.owned[node] = append(p.owned[node], b)
	if !slices.Contains(p.bits, prefix.Bits()) {
		p.bits = append(p.bits, prefix.Bits())
	}
}

// blockOf is the block that an address is in.
func (p *plan) blockOf(a netip.Addr) (Block, bool) {
	for _, bits := range p.bits {
		if b, ok := p.at[netip.PrefixFrom(a, bits).Masked()]; ok {
			return b, true
		}
	}
	return Block{}, false
}

// given takes the blocks from the documents. Every pod has to be in one, though it may be another node's: then its address
// was borrowed.
func (p *plan) given() error {
	for _, b := range p.c.IPAMBlocks {
		prefix := b.Prefix()
		if b.Node() == "" || !prefix.IsValid() || !prefix.Addr().Is4() {
			continue
		}
		pool := p.poolOf(prefix.Addr())
		switch {
		case pool == nil:
			return fmt.Errorf("IPAMBlock %s: %v is in no IPPool", b.Name, prefix)
		case p.nodes[b.Node()] == nil:
			return fmt.Errorf("IPAMBlock %s: affinity %q is to no node of the description", b.Name, *b.Spec.Affinity)
		}
		p.take(prefix, pool, b.Node())
	}
	for _, x := range p.c.Pods {
		if _, ok := p.blockOf(x.Address); !ok {
			return fmt.Errorf("%s: %v is in no IPAMBlock that has a node (want one, or no IPAMBlock at all: then they follow from the pods)", x.Key(), x.Address)
		}
	}
	return nil
}

func (p *plan) derived() error {
	first := map[netip.Prefix]*cluster.Pod{}
	for _, x := range p.c.Pods {
		pool := p.poolOf(x.Address)
		if pool == nil {
			return fmt.Errorf("%s: %v is in no IPPool", x.Key(), x.Address)
		}
		block, err := x.Address.Prefix(pool.BlockBits())
		if err != nil {
			return fmt.Errorf("IPPool %s: blockSize: %w", pool.Name, err)
		}
		switch other := first[block]; {
		case other == nil:
			first[block] = x
			p.take(block, pool, x.Node)
		case other.Node != x.Node:
			return fmt.Errorf("%s: %v is in block %v, which node %s has for %s (want an address of another block)", x.Key(), x.Address, block, other.Node, other.Key())
		}
	}
	// A tunnel's address is of a pool with that tunnel, so a node has a block there too.
	wants := []func(*cluster.IPPool) bool{func(*cluster.IPPool) bool { return true }, (*cluster.IPPool).VXLAN, (*cluster.IPPool).IPIP}
	for _, n := range p.c.Nodes {
		for _, want := range wants {
			if err := p.ensure(n.Name, want); err != nil {
				return err
			}
		}
	}
	return nil
}

// ensure gives a node a block of a pool that is as wanted, if there is such a pool and the node has none of it.
func (p *plan) ensure(node string, want func(*cluster.IPPool) bool) error {
	if slices.ContainsFunc(p.owned[node], func(b Block) bool { return want(b.Pool) }) {
		return nil
	}
	pool := usable(p.pools, want)
	if pool == nil {
		return nil
	}
	block, ok := p.free(pool)
	if !ok {
		return fmt.Errorf("node %s: IPPool %s (%v) has no /%d left for it", node, pool.Name, pool.Prefix(), pool.BlockBits())
	}
	p.take(block, pool, node)
	return nil
}

// usable is the first pool of a kind that gives out addresses.
func usable(pools []*cluster.IPPool, want func(*cluster.IPPool) bool) *cluster.IPPool {
	for _, p := range pools {
		if want(p) && !p.Spec.Disabled && (p.For("Workload") || p.For("Tunnel")) {
			return p
		}
	}
	return nil
}

// free is the pool's first block that nobody has.
func (p *plan) free(pool *cluster.IPPool) (netip.Prefix, bool) {
	x, ok := p.cursor[pool]
	if !ok {
		x = netip.PrefixFrom(pool.Prefix().Addr(), pool.BlockBits())
	}
	for ; x.IsValid() && pool.Prefix().Contains(x.Addr()); x = after(x) {
		if _, taken := p.at[x]; !taken {
			p.cursor[pool] = x
			return x, true
		}
	}
	p.cursor[pool] = x
	return netip.Prefix{}, false
}

// after is the next prefix of the same length; invalid behind the last.
func after(p netip.Prefix) netip.Prefix {
	next := topology.BroadcastOf(p).Next()
	if !next.Is4() {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(next, p.Bits())
}

// Annotations that calico-node writes on a Node object: addresses of its tunnel devices, and the MAC of its VTEP where it
// is not the one that follows from its name (libcalico-go/lib/backend/k8s/resources/node.go).
const (
	vxlanAddress = "projectcalico.org/IPv4VXLANTunnelAddr"
	ipipAddress  = "projectcalico.org/IPv4IPIPTunnelAddr"
	vxlanMAC     = "projectcalico.org/VXLANTunnelMACAddr"
)

func nodeObject(c *cluster.Cluster, name string) *corev1.Node {
	for _, o := range c.NodeObjects {
		if o != nil && o.Name == name {
			return o
		}
	}
	return nil
}

// annotation is what a Node object says; "" where there is none.
func annotation(c *cluster.Cluster, node, name string) string {
	if o := nodeObject(c, node); o != nil {
		return o.Annotations[name]
	}
	return ""
}

// tunnel is one of the tunnel devices, as far as its address goes.
type tunnel struct {
	annotation string
	of         func(*cluster.IPPool) bool
}

var (
	vxlanTunnel = tunnel{vxlanAddress, (*cluster.IPPool).VXLAN}
	ipipTunnel  = tunnel{ipipAddress, (*cluster.IPPool).IPIP}
)

// tunnelAddress is the address of a node's tunnel device: what its Node object says, else the first of its first block in
// a pool with that tunnel.
func (p *plan) tunnelAddress(node string, t tunnel) (netip.Addr, error) {
	if text := annotation(p.c, node, t.annotation); text != "" {
		a, err := netip.ParseAddr(text)
		if err != nil || !a.Is4() {
			return a, fmt.Errorf("Node %s: metadata.annotations[%s]: %q is no IPv4 address", node, t.annotation, text)
		}
		return a, nil
	}
	for _, b := range p.owned[node] {
		if !t.of(b.Pool) {
			continue
		}
		a := b.Prefix.Addr()
		if x := p.pods[a]; x != nil {
			return a, fmt.Errorf("%s: %v is the tunnel's address of node %s, the first of its block (want another, or the annotation %s on the Node)", x.Key(), a, node, t.annotation)
		}
		return a, nil
	}
	return netip.Addr{}, fmt.Errorf("node %s: no block in an IPPool with that tunnel for its address (want an IPAMBlock, or the annotation %s on the Node)", node, t.annotation)
}

// macOf is the MAC of a node's VTEP.
func macOf(c *cluster.Cluster, node string) (packet.MAC, error) {
	text := annotation(c, node, vxlanMAC)
	if text == "" {
		return vtepMAC(node), nil
	}
	m, err := packet.ParseMAC(text)
	if err != nil {
		return m, fmt.Errorf("Node %s: metadata.annotations[%s]: %w", node, vxlanMAC, err)
	}
	return m, nil
}
