package trace

import (
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/packet"
)

// skbHash is skb->hash: taken of the packet as it is when somebody first asks, and kept whatever is translated afterwards
// (skb_get_hash). On a veth it stays with the packet; a card that receives from a real wire may give it another, which one no
// kernel says.
type skbHash struct {
	value uint32
	taken bool
	l4    bool // it has ports in it (skb->l4_hash)
}

// leave is skb_clear_hash_if_not_l4: a tunnel's end forgets what has no ports in it, when it puts headers around a packet
// (iptunnel_xmit) and when it takes them off (iptunnel_pull_header in net/ipv4/ip_tunnel_core.c).
func (h *skbHash) leave() {
	if !h.l4 {
		*h = skbHash{}
	}
}

// flowHash is skb_get_hash. It stands for the kernel's hash of a flow, which has a secret of its own: always the same for the same flow.
func (w *walker) flowHash() uint32 {
	if w.skb.taken {
		return w.skb.value
	}
	t, _ := netfilter.TupleOf(&w.p.Frame)
	if t.Protocol == packet.ICMP {
		// Of ICMP the hash takes the two addresses alone, whichever is the source: an echo and its reply have the same
		// (flow_keys_dissector_keys, __flow_hash_consistentify in net/core/flow_dissector.c).
		t.SrcPort, t.DstPort = 0, 0
		if t.Dst.Less(t.Src) {
			t.Src, t.Dst = t.Dst, t.Src
		}
	}
	w.skb = skbHash{netfilter.FlowHash(t), true, t.Protocol.HasPorts()}
	return w.skb.value
}

// flowPort is the source port that VXLAN makes of the hash, within the local ports as they are by default (udp_flow_src_port).
func (w *walker) flowPort() uint16 {
	const low, high = 32768, 60999
	return uint16(low + w.flowHash()%(high-low+1))
}

// traceRules is what a rule `meta nftrace set 1` before all others does to the packet: the trace's id has the hash in it
// (nf_tables_trace.c), so it is taken before anything is translated.
func (w *walker) traceRules(h netfilter.Hook) {
	if w.t.Query.RulesTraced && (h == netfilter.PreRouting || h == netfilter.LocalOut) && w.top.IsTraced(w.ns) {
		w.flowHash()
	}
}
