package fuzz

import (
	"net/netip"

	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// aimed is how many of a network's flows its edits are aimed at. A rule about any address of a network hardly ever meets a
// packet; one about what passed here does.
const aimed = 10

// sight is a packet as it came to a namespace, or was made there.
type sight struct {
	space   string
	in, out string // devices; "" for none
	p       packet.Frame
	proto   string
}

// look traces the first flows through the network as it is before any edit, and keeps what passes where.
func (e *editor) look() error {
	for i := range aimed {
		q, err := (&lab.Recording{Flow: e.Flow(i), Topology: e.compiled.Topology}).Query(true)
		if err != nil {
			return err
		}
		t, err := trace.Run(e.compiled.Topology, q)
		if err != nil {
			return err
		}
		for n := range t.Legs {
			if n > 3 {
				break // the rest of a conversation goes where its beginning went
			}
			for _, h := range t.Hops(&t.Legs[n]) {
				if h.NS == nil || h.Kind != topology.Node && h.Kind != topology.Pod {
					continue
				}
				p := &t.Packets[t.Steps(&h)[0].Before]
				f := p.Innermost()
				e.seen = append(e.seen, sight{h.Name, h.In, h.Out, *f, f.IP.Protocol.String()})
			}
		}
	}
	return nil
}

// aim chooses where the next edit goes, and which packet it is about, if any.
func (e *editor) aim() *topology.Namespace {
	e.now = nil
	if len(e.seen) > 0 && !e.yes(5) {
		s := &e.seen[e.IntN(len(e.seen))]
		if ns, err := e.top.Namespace(s.space); err == nil {
			e.now = s
			return ns
		}
	}
	return e.spaces[e.IntN(len(e.spaces))]
}

// about says whether what comes next is to be about the packet aimed at.
func (e *editor) about() bool { return e.now != nil && !e.yes(4) }

// address is one that packets are sent to or from.
func (e *editor) address() netip.Addr {
	if e.about() {
		if a := pick(e.source, e.now.p.IP.Src, e.now.p.IP.Dst); a.Is4() && !a.IsLoopback() {
			return a
		}
	}
	return e.addresses[e.IntN(len(e.addresses))]
}

// prefix is a range with an address in it that packets are sent to or from. An address is one way or the other where sides
// matter: a rule about the source of what has it as a destination never meets it.
func (e *editor) prefix(dst bool) string {
	if e.about() {
		a := e.now.p.IP.Src
		if dst {
			a = e.now.p.IP.Dst
		}
		if a.Is4() && !a.IsLoopback() {
			return netip.PrefixFrom(a, pick(e.source, 32, 32, 32, 26, 24, 16)).Masked().String()
		}
	}
	return e.ranges[e.IntN(len(e.ranges))]
}

// device is one of a namespace's devices other than the loopback: the one that the packet came in by, or leaves by.
func (e *editor) device(ns *topology.Namespace, out bool) string {
	if e.about() {
		name := e.now.in
		if out {
			name = e.now.out
		}
		if name != "" {
			return name
		}
	}
	var names []string
	for _, i := range ns.Interfaces {
		if i.Kind != topology.Loopback {
			names = append(names, i.Name)
		}
	}
	if len(names) == 0 {
		return "lo"
	}
	return names[e.IntN(len(names))]
}

// protocol is the packet's, or any.
func (e *editor) protocol() string {
	if e.about() {
		return e.now.proto
	}
	return pick(e.source, "tcp", "tcp", "udp", "icmp")
}

// port is the packet's; other where there is none.
func (e *editor) port(dst bool, other string) string {
	if e.about() && (e.now.proto == "tcp" || e.now.proto == "udp") {
		if dst {
			return format("%d", e.now.p.L4.DstPort)
		}
		return format("%d", e.now.p.L4.SrcPort)
	}
	return other
}

// icmpType is the type of an ICMP message, often the packet's own with its code or with another.
func (e *editor) icmpType() string {
	if e.about() && e.now.proto == "icmp" {
		l := &e.now.p.L4
		return pick(e.source, format("%d", l.ICMPType), format("%d/%d", l.ICMPType, l.ICMPCode), format("%d/%d", l.ICMPType, l.ICMPCode+1), format("%d/%d", l.ICMPType, l.ICMPCode+1))
	}
	return pick(e.source, "8", "8/1", "0", "3/4", "3/3", "3/1", "11", "any")
}
