package compare

import (
	"net/netip"

	"github.com/podpath/podpath/internal/latency"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// Summary is a column in a few figures.
type Summary struct {
	Outcome trace.Outcome `json:"outcome"`
	Ended   *Ended        `json:"ended,omitempty"`   // where a packet ended early; nil: all arrived
	Request Counts        `json:"request"`           // of the first leg
	All     Counts        `json:"all"`               // of every leg
	Nodes   []Node        `json:"nodes"`             // in the order in which the request comes by them
	Wire    *Wire         `json:"wire,omitempty"`    // between the nodes; nil where the request crosses no network
	PodMTU  int           `json:"podMTU"`            // of the sending end's device, bytes; 0: not known
	Goodput *Goodput      `json:"goodput,omitempty"` // nil where no TCP segment arrives
	// Headers are those of a full segment as it leaves the sender's machine, outermost first: what the bytes-to-scale picture
	// draws. Of TCP they have the time stamps: 32 bytes.
	Headers []Header `json:"headers"`
	// AddressesPerPod is how many of the network's own addresses a pod takes: 1 where its address is one of a card's, or of
	// the nodes' own subnet, 0 where it is not; nil where neither end is a pod.
	AddressesPerPod *int    `json:"addressesPerPod,omitempty"`
	Latency         Latency `json:"latency"`
}

// Ended is where a leg ended before its destination, and why.
type Ended struct {
	Leg       int                   `json:"leg"`
	Role      Role                  `json:"role"`
	Namespace string                `json:"namespace"`
	Station   string                `json:"station"` // its ID
	Code      string                `json:"code"`
	Args      map[string]string     `json:"args,omitempty"`
	Would     *trace.ReasonDocument `json:"would,omitempty"`
}

// Counts are how much happens on a way.
type Counts struct {
	Stations int `json:"stations"`
	Steps    int `json:"steps"`
	Rules    int `json:"rules"` // traversed, passed over and met
}

// Node is what the request asks of one node.
type Node struct {
	Namespace    string `json:"namespace"`
	Role         Role   `json:"role"`
	RouteLookups int    `json:"routeLookups"` // of the request
	Conntrack    int    `json:"conntrack"`    // entries after the whole trace
	Rules        int    `json:"rules"`        // traversed by the request
}

// Header is one header of a packet.
type Header struct {
	Name  string `json:"name"` // Ethernet, IPv4, TCP, UDP, ICMP, VXLAN
	Bytes int    `json:"bytes"`
	Outer bool   `json:"outer,omitempty"` // a tunnel's
}

// Wire is the request as the network between the nodes sees it.
type Wire struct {
	MTU   int    `json:"mtu"`   // of the card that it leaves by
	Extra int    `json:"extra"` // bytes that a tunnel adds
	Encap string `json:"encap"` // "", vxlan, ipip
	Src   string `json:"src"`
	Dst   string `json:"dst"`
	// SrcOf and DstOf say whose the addresses are: pod, node, external, load-balancer, gateway; "" for nobody's on the way.
	SrcOf string `json:"srcOf"`
	DstOf string `json:"dstOf"`
}

func (w *Wire) extra() int {
	if w == nil {
		return 0
	}
	return w.Extra
}

// Goodput is what is left for a program's data of what goes over the wire in full TCP segments with time stamps: 52 bytes of
// IP and TCP header, and 14 of Ethernet; preamble and FCS are left out (underlay.md, "Byte costs").
type Goodput struct {
	Payload int     `json:"payload"` // bytes of data in a segment
	Frame   int     `json:"frame"`   // bytes of the frame that carries it
	Ratio   float64 `json:"ratio"`   // Payload / Frame
}

// Latency is what the round trip costs.
type Latency struct {
	RoundTrip  latency.Total       `json:"roundTrip"`
	Tunnel     latency.Cost        `json:"tunnel"`
	Statements []latency.Statement `json:"statements"`
}

// Header lengths of a full TCP segment with time stamps (RFC 791, RFC 9293, RFC 7323).
const (
	ethernetBytes = 14
	ipBytes       = 20
	tcpBytes      = 32
)

// GoodputOf is the goodput of full TCP segments where the inner packet may have mtu bytes and a tunnel adds extra.
func GoodputOf(mtu, extra int) *Goodput {
	data := mtu - ipBytes - tcpBytes
	if data <= 0 {
		return nil
	}
	frame := mtu + extra + ethernetBytes
	return &Goodput{data, frame, float64(data) / float64(frame)}
}

// Summarize gives the figures of a column.
func Summarize(c *Column) Summary {
	c.fill()
	t, d := c.Trace, c.Document
	s := Summary{Outcome: t.Outcome, Nodes: []Node{}, Headers: []Header{},
		Latency: Latency{c.Report.RoundTrip, c.Report.Tunnel, c.Report.Statements}}
	for i := range d.Stations {
		if d.Stations[i].Leg == 0 {
			s.Request.Stations++
		}
	}
	s.All.Stations = len(d.Stations)
	for l := range d.Legs {
		n := Counts{}
		for h := range d.Legs[l].Hops {
			steps := d.Legs[l].Hops[h].Steps
			n.Steps += len(steps)
			for i := range steps {
				n.Rules += latency.Traversed(&steps[i])
			}
		}
		s.All.Steps, s.All.Rules = s.All.Steps+n.Steps, s.All.Rules+n.Rules
		if l == 0 {
			s.Request.Steps, s.Request.Rules = n.Steps, n.Rules
		}
		if s.Ended == nil && d.Legs[l].Outcome != trace.Delivered {
			s.Ended = ended(d, l)
		}
	}
	if len(t.Legs) == 0 {
		return s
	}
	s.Nodes = nodes(c)
	w := newWay(t)
	s.PodMTU, s.Wire = w.sender, w.wire()
	if s.PodMTU > 0 && t.Query.Protocol == packet.TCP && t.Legs[0].Outcome == trace.Delivered {
		s.Goodput = GoodputOf(w.largest(s.Wire), s.Wire.extra())
	}
	s.Headers = w.headers()
	s.AddressesPerPod = w.perPod()
	return s
}

func ended(d *trace.Document, l int) *Ended {
	out := &Ended{Leg: l}
	for i := range d.Stations {
		s := &d.Stations[i]
		if s.Leg != l {
			continue
		}
		out.Station, out.Namespace, out.Role = s.ID, s.Namespace, roles(&d.Legs[l])[s.Hop]
		last := &d.Legs[l].Hops[s.Hop].Steps[s.Last]
		out.Code, out.Args, out.Would = last.Code, last.Args, last.Would
	}
	return out
}

// isLookup says whether a step is the answer of one route lookup. Policy rules on the way to it, and the check of the
// reverse path, are none.
func isLookup(s *trace.StepDocument) bool {
	switch trace.Code(s.Code) {
	case trace.RouteUnicast, trace.RouteLink, trace.RouteLocal, trace.RouteBroadcast, trace.RouteBlackhole, trace.RouteUnreachable, trace.RouteProhibit, trace.RouteNone:
		return s.Stage == "route" || s.Stage == "send" || s.Stage == "drop"
	}
	return false
}

func nodes(c *Column) []Node {
	out := []Node{}
	leg := &c.Document.Legs[0]
	role := roles(leg)
	at := map[string]int{}
	for h := range leg.Hops {
		hop := &leg.Hops[h]
		if topology.Kind(hop.Kind) != topology.Node {
			continue
		}
		i, ok := at[hop.Namespace]
		if !ok {
			i = len(out)
			at[hop.Namespace] = i
			out = append(out, Node{Namespace: hop.Namespace, Role: role[h], Conntrack: len(c.Trace.Conntrack(hop.Namespace))})
		}
		for k := range hop.Steps {
			out[i].Rules += latency.Traversed(&hop.Steps[k])
			if isLookup(&hop.Steps[k]) && (k == 0 || !isLookup(&hop.Steps[k-1])) { // a drop repeats the lookup that it follows from
				out[i].RouteLookups++
			}
		}
	}
	return out
}

// way is the request's way, for what depends on devices and bytes.
type way struct {
	t                *trace.Trace
	hops             []trace.Hop
	sender, receiver int                 // MTU of the ends' devices; 0: not known
	uplink           *topology.Interface // the device by which it leaves the last machine before the network
	out              *packet.Packet      // as it leaves there, or the sender where there is no network
}

func newWay(t *trace.Trace) *way {
	w := &way{t: t, hops: t.Hops(&t.Legs[0])}
	if len(w.hops) == 0 {
		return w
	}
	mtu := func(h *trace.Hop, dev string) int {
		if h.NS != nil {
			if i := h.NS.Interface(dev); i != nil && i.Kind != topology.Loopback {
				return i.MTU
			}
		}
		return 0
	}
	first, last := &w.hops[0], &w.hops[len(w.hops)-1]
	w.sender = mtu(first, first.Out)
	if t.Legs[0].Outcome == trace.Delivered {
		w.receiver = mtu(last, last.In)
	}
	w.out = w.leaving(first)
	for h := range w.hops {
		if h > 0 && w.hops[h].Kind.Network() {
			before := &w.hops[h-1]
			if before.NS != nil {
				w.uplink = before.NS.Interface(before.Out)
			}
			w.out = w.leaving(before)
			break
		}
	}
	return w
}

// leaving is the packet as it leaves a hop.
func (w *way) leaving(h *trace.Hop) *packet.Packet {
	steps := w.t.Steps(h)
	if len(steps) == 0 {
		return nil
	}
	return &w.t.Packets[steps[len(steps)-1].Packet]
}

func (w *way) wire() *Wire {
	if w.uplink == nil || w.out == nil {
		return nil
	}
	out := &Wire{MTU: w.uplink.MTU, Extra: ExtraBytes(w.out), Encap: w.out.Encap.String(), Src: w.out.IP.Src.String(), Dst: w.out.IP.Dst.String()}
	out.SrcOf, out.DstOf = w.owner(w.out.IP.Src), w.owner(w.out.IP.Dst)
	return out
}

// ExtraBytes is what a tunnel adds to a packet: VXLAN 50 (Ethernet 14, VXLAN 8, UDP 8, IP 20), IP-IP 20. It is the outer
// packet's length less the inner one's; both have an Ethernet header in front on a wire.
func ExtraBytes(p *packet.Packet) int { return int(p.IP.Len) - int(p.Innermost().IP.Len) }

// owner says what kind of place on the way has an address.
func (w *way) owner(a netip.Addr) string {
	for l := range w.t.Legs {
		for _, h := range w.t.Hops(&w.t.Legs[l]) {
			if h.NS != nil && h.NS.Owns(a) {
				return string(h.Kind)
			}
		}
	}
	f := w.t.Topology.Fabric
	if f == nil {
		return ""
	}
	for _, g := range f.Gateways {
		if g.Private == a || g.Public == a {
			return string(topology.Gateway)
		}
	}
	if c := f.CardOf(a); c != nil && c.Balancer != nil {
		return string(topology.LoadBalancer)
	} else if c != nil && c.Primary == a {
		return string(topology.Node)
	} else if c != nil {
		return string(topology.Pod) // an address of a card that is not its own is for a pod
	}
	return ""
}

// largest is the largest inner packet that fits the whole way: what both ends' devices allow, and the wire behind a tunnel.
func (w *way) largest(wire *Wire) int {
	n := w.sender
	if w.receiver > 0 {
		n = min(n, w.receiver)
	}
	if wire != nil && wire.MTU > 0 {
		n = min(n, wire.MTU-wire.Extra)
	}
	return n
}

// headers are those of a full segment: the traced packet's, and of TCP the usual options instead of a SYN's.
func (w *way) headers() []Header {
	out := []Header{}
	if w.out == nil {
		return out
	}
	for _, l := range w.out.Layers() {
		switch l.Type {
		case "Payload":
			continue
		case "TCP":
			l.Length = tcpBytes
		}
		out = append(out, Header{l.Type, l.Length, l.Outer})
	}
	return out
}

// perPod is how many of the network's addresses the pod at one of the ends takes.
func (w *way) perPod() *int {
	for _, h := range []int{0, len(w.hops) - 1} {
		if h < 0 || w.hops[h].NS == nil || w.hops[h].Kind != topology.Pod {
			continue
		}
		a := w.hops[h].NS.PrimaryAddress()
		n := 0
		if f := w.t.Topology.Fabric; f != nil {
			if f.CardOf(a) != nil {
				n = 1
			}
		} else if w.uplink != nil {
			for _, x := range w.uplink.Addresses {
				if x.Prefix.Contains(a) {
					n = 1
				}
			}
		}
		return &n
	}
	return nil
}
