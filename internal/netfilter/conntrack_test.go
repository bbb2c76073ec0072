package netfilter

import (
	"testing"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/packet"
)

const (
	syn    = packet.SYN
	synAck = packet.SYN | packet.ACK
	ack    = packet.ACK
)

// step is one packet of an exchange and how conntrack is to see it.
type step struct {
	flow  string
	flags packet.TCPFlags
	want  packet.ConnState
	reply bool
}

func TestTCPStates(t *testing.T) {
	const there, back = "10.0.0.1:1000 > 10.0.0.2:80", "10.0.0.2:80 > 10.0.0.1:1000"
	for _, x := range []struct {
		name    string
		steps   []step
		assured bool
		entries int
	}{
		{"handshake", []step{
			{there, syn, packet.CTNew, false}, {back, synAck, packet.CTEstablished, true}, {there, ack, packet.CTEstablished, false}}, true, 1},
		{"half open", []step{{there, syn, packet.CTNew, false}, {back, synAck, packet.CTEstablished, true}}, false, 1},
		{"syn again", []step{{there, syn, packet.CTNew, false}, {there, syn, packet.CTNew, false}}, false, 1},
		{"picked up in the middle", []step{{there, ack, packet.CTNew, false}}, false, 1},
		{"picked up, answered", []step{{there, ack, packet.CTNew, false}, {back, ack, packet.CTEstablished, true}}, true, 1},
		{"answer without question", []step{{back, synAck, packet.CTInvalid, false}}, false, 0},
		{"rst without connection", []step{{there, packet.RST, packet.CTInvalid, false}}, false, 0},
		{"fin without connection", []step{{there, packet.FIN | ack, packet.CTInvalid, false}}, false, 0},
		{"no flags", []step{{there, 0, packet.CTInvalid, false}}, false, 0},
		{"syn-ack from the client", []step{{there, syn, packet.CTNew, false}, {there, synAck, packet.CTInvalid, false}}, false, 1},
		{"refused: the rst forgets", []step{{there, syn, packet.CTNew, false}, {back, packet.RST | ack, packet.CTEstablished, true}}, false, 0},
		{"given up: the client's rst forgets", []step{{there, syn, packet.CTNew, false}, {there, packet.RST, packet.CTNew, false}}, false, 0},
		{"reset later: the entry stays", []step{
			{there, syn, packet.CTNew, false}, {back, synAck, packet.CTEstablished, true}, {there, ack, packet.CTEstablished, false},
			{back, packet.RST, packet.CTEstablished, true}}, true, 1},
	} {
		t.Run(x.name, func(t *testing.T) {
			var c Conntrack
			var e *Entry
			for i, s := range x.steps {
				r := c.In(tcp(t, s.flow, s.flags), 0)
				if r.State != s.want || r.Reply != s.reply {
					t.Errorf("packet %d (%s %v): %v reply=%v, want %v reply=%v", i+1, s.flow, s.flags, r.State, r.Reply, s.want, s.reply)
				}
				if r.Entry != nil {
					e = r.Entry
					c.Confirm(e)
				}
			}
			if got := e != nil && e.Status&packet.StatusAssured != 0; got != x.assured {
				t.Errorf("assured: %v, want %v", got, x.assured)
			}
			if len(c.Entries) != x.entries {
				t.Errorf("%d entries, want %d", len(c.Entries), x.entries)
			}
		})
	}
}

func TestUDPAndICMPStates(t *testing.T) {
	var c Conntrack
	q := flow(t, packet.UDP, "10.0.0.1:1000 > 10.0.0.2:53")
	r := c.In(q, 0)
	if r.State != packet.CTNew || r.Reply {
		t.Fatalf("first datagram: %v reply=%v", r.State, r.Reply)
	}
	if len(c.Entries) != 0 {
		t.Error("an entry is in the table before it is confirmed")
	}
	if !c.Confirm(r.Entry) || c.Confirm(r.Entry) {
		t.Error("an entry is confirmed once")
	}
	if r := c.In(q, 0); r.State != packet.CTNew {
		t.Errorf("second datagram, not answered: %v, want new", r.State)
	}
	if r := c.In(flow(t, packet.UDP, "10.0.0.2:53 > 10.0.0.1:1000"), 0); r.State != packet.CTEstablished || !r.Reply {
		t.Errorf("answer: %v reply=%v", r.State, r.Reply)
	}
	if r := c.In(q, 0); r.State != packet.CTEstablished || r.Reply {
		t.Errorf("datagram after the answer: %v reply=%v", r.State, r.Reply)
	}

	ping := c.In(icmp("10.0.0.1", "10.0.0.2", packet.ICMPEcho, 7), 0)
	c.Confirm(ping.Entry)
	for _, x := range []struct {
		name  string
		p     *packet.Packet
		want  packet.ConnState
		reply bool
	}{
		{"echo reply", icmp("10.0.0.2", "10.0.0.1", packet.ICMPEchoReply, 7), packet.CTEstablished, true},
		{"echo reply of another identifier", icmp("10.0.0.2", "10.0.0.1", packet.ICMPEchoReply, 8), packet.CTInvalid, false},
		{"echo of another identifier", icmp("10.0.0.1", "10.0.0.2", packet.ICMPEcho, 9), packet.CTNew, false},
		{"router advertisement", icmp("10.0.0.2", "10.0.0.1", 9, 0), packet.CTInvalid, false},
		{"error about the datagram", icmpError("10.9.9.9", q), packet.CTRelated, true},
		{"error about nothing known", icmpError("10.9.9.9", flow(t, packet.UDP, "10.0.0.1:9 > 10.0.0.2:9")), packet.CTInvalid, false},
	} {
		if r := c.In(x.p, 0); r.State != x.want || r.Reply != x.reply {
			t.Errorf("%s: %v reply=%v, want %v reply=%v", x.name, r.State, r.Reply, x.want, x.reply)
		}
	}

	second := *q
	second.IP.Offset = 1480
	if r := c.In(&second, 0); r.State != packet.CTInvalid {
		t.Errorf("fragment behind the first: %v, want invalid: it has no ports", r.State)
	}
	if got := (Ref{State: packet.CTUntracked}).Conn(); got.State != packet.CTUntracked || got.Status != 0 {
		t.Errorf("untracked packet's view: %+v", got)
	}
}

func TestZonesAreApart(t *testing.T) {
	var c Conntrack
	p := flow(t, packet.UDP, "10.0.0.1:1000 > 10.0.0.2:53")
	c.Confirm(c.In(p, 1).Entry)
	answer := flow(t, packet.UDP, "10.0.0.2:53 > 10.0.0.1:1000")
	if r := c.In(answer, 2); r.State != packet.CTNew {
		t.Errorf("answer in another zone: %v, want new", r.State)
	}
	if r := c.In(answer, 1); r.State != packet.CTEstablished {
		t.Errorf("answer in the zone: %v, want established", r.State)
	}
}

// TestNAT sets mappings up and follows a packet, its answer and an error through them, at the hooks' kinds in the order
// in which the packet meets them: destination first, then source.
func TestNAT(t *testing.T) {
	snat := &iptables.NATRange{Min: addr("192.0.2.1")}
	dnat := &iptables.NATRange{Min: addr("10.0.9.9"), MinPort: 8080, MaxPort: 8080}
	for _, x := range []struct {
		name            string
		src, dst        *iptables.NATRange
		out, back       string // the packet behind the node, and its answer as it comes there
		undone          string // the answer as the client gets it
		status          packet.ConnStatus
		errorAbout, err string // what a router's error quotes, once translated, and its own ends
	}{
		{"none", nil, nil, "10.0.0.1:1000 > 10.0.0.2:80", "10.0.0.2:80 > 10.0.0.1:1000", "10.0.0.2:80 > 10.0.0.1:1000", 0,
			"10.0.0.1:1000 > 10.0.0.2:80", "10.7.7.7:0 > 10.0.0.1:0"},
		{"source", snat, nil, "192.0.2.1:1000 > 10.0.0.2:80", "10.0.0.2:80 > 192.0.2.1:1000", "10.0.0.2:80 > 10.0.0.1:1000", packet.StatusSNAT,
			"10.0.0.1:1000 > 10.0.0.2:80", "10.7.7.7:0 > 10.0.0.1:0"},
		{"destination", nil, dnat, "10.0.0.1:1000 > 10.0.9.9:8080", "10.0.9.9:8080 > 10.0.0.1:1000", "10.0.0.2:80 > 10.0.0.1:1000", packet.StatusDNAT,
			// The kernel gives the error the address that the client asked, as if the service had sent it.
			"10.0.0.1:1000 > 10.0.0.2:80", "10.0.0.2:0 > 10.0.0.1:0"},
		{"both", snat, dnat, "192.0.2.1:1000 > 10.0.9.9:8080", "10.0.9.9:8080 > 192.0.2.1:1000", "10.0.0.2:80 > 10.0.0.1:1000",
			packet.StatusSNAT | packet.StatusDNAT, "10.0.0.1:1000 > 10.0.0.2:80", "10.0.0.2:0 > 10.0.0.1:0"},
	} {
		t.Run(x.name, func(t *testing.T) {
			var c Conntrack
			p := tcp(t, "10.0.0.1:1000 > 10.0.0.2:80", syn)
			r := c.In(p, 0)
			for _, m := range []Manip{ManipDst, ManipSrc} {
				if r.Entry.Initialised(m) {
					t.Errorf("%v set up before its hook", m)
				}
				nat := x.dst
				if m == ManipSrc {
					nat = x.src
				}
				c.Setup(r.Entry, m, nat, RandomPort)
				if !r.Entry.Initialised(m) {
					t.Errorf("%v not set up", m)
				}
				r.Mangle(p, m)
			}
			c.Confirm(r.Entry)
			if got := ends(&p.Frame); got != x.out {
				t.Errorf("out: %s, want %s", got, x.out)
			}
			if got := r.Entry.Status & (packet.StatusSNAT | packet.StatusDNAT); got != x.status {
				t.Errorf("status %b, want %b", got, x.status)
			}
			answer := tcp(t, x.back, synAck)
			ra := c.In(answer, 0)
			if !ra.Reply {
				t.Fatal("the answer is not known as one")
			}
			ra.Mangle(answer, ManipDst)
			ra.Mangle(answer, ManipSrc)
			if got := ends(&answer.Frame); got != x.undone {
				t.Errorf("answer: %s, want %s", got, x.undone)
			}
			// The second packet of the connection gets the same treatment without a rule being asked.
			again := tcp(t, "10.0.0.1:1000 > 10.0.0.2:80", ack)
			rr := c.In(again, 0)
			rr.Mangle(again, ManipDst)
			rr.Mangle(again, ManipSrc)
			if got := ends(&again.Frame); got != x.out {
				t.Errorf("second packet: %s, want %s", got, x.out)
			}
			e := icmpError("10.7.7.7", again)
			re := c.In(e, 0)
			if re.State != packet.CTRelated {
				t.Fatalf("error: %v, want related", re.State)
			}
			re.MangleICMPError(e, ManipDst)
			re.MangleICMPError(e, ManipSrc)
			if got := quoted(e); got != x.errorAbout {
				t.Errorf("error quotes %s, want %s", got, x.errorAbout)
			}
			if got := ends(&e.Frame); got != x.err {
				t.Errorf("error goes %s, want %s", got, x.err)
			}
		})
	}
}

func TestPingNAT(t *testing.T) {
	var c Conntrack
	for i, want := range []uint16{7, 8} { // the second client's identifier is taken: the next one stands in
		p := icmp([]string{"10.0.0.1", "10.0.0.5"}[i], "10.0.0.2", packet.ICMPEcho, 7)
		r := c.In(p, 0)
		c.Setup(r.Entry, ManipSrc, &iptables.NATRange{Min: addr("192.0.2.1")}, RandomPort)
		r.Mangle(p, ManipSrc)
		c.Confirm(r.Entry)
		if p.IP.Src != addr("192.0.2.1") || p.L4.ICMPID != want {
			t.Errorf("ping %d leaves from %v with identifier %d, want 192.0.2.1 and %d", i+1, p.IP.Src, p.L4.ICMPID, want)
		}
		answer := icmp("10.0.0.2", "192.0.2.1", packet.ICMPEchoReply, want)
		ra := c.In(answer, 0)
		ra.Mangle(answer, ManipDst)
		if answer.L4.ICMPID != 7 || answer.IP.Dst != r.Entry.Original.Src {
			t.Errorf("answer %d goes to %v with identifier %d", i+1, answer.IP.Dst, answer.L4.ICMPID)
		}
	}
}

func TestPortClash(t *testing.T) {
	masquerade := &iptables.NATRange{Min: addr("192.0.2.1")}
	for _, x := range []struct {
		name   string
		nat    *iptables.NATRange
		second string
		want   uint16
	}{
		{"same port, same far end: the next one", masquerade, "10.0.0.5:1000 > 10.0.0.2:80", 1001},
		{"same port, another far end: kept", masquerade, "10.0.0.5:1000 > 10.0.0.3:80", 1000},
		{"another port: kept", masquerade, "10.0.0.5:2000 > 10.0.0.2:80", 2000},
		{"a range whose first is taken", &iptables.NATRange{Min: addr("192.0.2.1"), MinPort: 1000, MaxPort: 1003}, "10.0.0.5:1000 > 10.0.0.2:80", 1001},
		{"a range that does not have the port", &iptables.NATRange{Min: addr("192.0.2.1"), MinPort: 5000, MaxPort: 5003}, "10.0.0.5:2000 > 10.0.0.2:80", 5000},
		{"no mapping, but the tuple is taken", nil, "192.0.2.1:1000 > 10.0.0.2:80", 1001},
	} {
		t.Run(x.name, func(t *testing.T) {
			var c Conntrack
			first := c.In(tcp(t, "10.0.0.1:1000 > 10.0.0.2:80", syn), 0)
			c.Setup(first.Entry, ManipSrc, masquerade, RandomPort)
			c.Confirm(first.Entry)
			p := tcp(t, x.second, syn)
			r := c.In(p, 0)
			c.Setup(r.Entry, ManipSrc, x.nat, RandomPort)
			r.Mangle(p, ManipSrc)
			if p.L4.SrcPort != x.want {
				t.Errorf("%s leaves from port %d, want %d", x.second, p.L4.SrcPort, x.want)
			}
		})
	}
}

func TestRandomPort(t *testing.T) {
	var c Conntrack
	nat := &iptables.NATRange{Min: addr("192.0.2.1"), RandomFully: true}
	seen := map[uint16]bool{}
	for i := range 8 {
		p := tcp(t, "10.0.0.1:41000 > 10.0.0.2:80", syn)
		p.L4.SrcPort += uint16(i)
		was := p.L4.SrcPort
		r := c.In(p, 0)
		c.Setup(r.Entry, ManipSrc, nat, RandomPort)
		r.Mangle(p, ManipSrc)
		c.Confirm(r.Entry)
		if p.L4.SrcPort == was || p.L4.SrcPort < 1024 || seen[p.L4.SrcPort] {
			t.Errorf("port %d became %d", was, p.L4.SrcPort)
		}
		seen[p.L4.SrcPort] = true
	}
	for _, x := range []struct{ from, lo, hi uint16 }{{100, 1, 511}, {700, 600, 1023}, {40000, 1024, 65535}} {
		tu := packet.Tuple{Src: addr("10.0.0.1"), Dst: addr("10.0.0.2"), SrcPort: x.from, DstPort: 80, Protocol: packet.TCP}
		if p := RandomPort(tu); p < x.lo || p > x.hi || p != RandomPort(tu) {
			t.Errorf("a port drawn for %d is %d, want %d to %d, the same each time", x.from, p, x.lo, x.hi)
		}
	}
}

// TestInvertTwice: the answer to the answer is the question, wherever there is an answer.
func TestInvertTwice(t *testing.T) {
	for typ := range 256 {
		tu := packet.Tuple{Src: addr("10.0.0.1"), Dst: addr("10.0.0.2"), SrcPort: 7, DstPort: uint16(typ) << 8, Protocol: packet.ICMP}
		inv, ok := Invert(tu)
		if !ok {
			continue
		}
		if back, ok := Invert(inv); !ok || back != tu {
			t.Errorf("ICMP type %d: inverted twice is %+v", typ, back)
		}
	}
}
