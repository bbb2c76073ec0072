package trace

import (
	"net/netip"
	"testing"

	"github.com/podpath/podpath/internal/packet"
)

// What the kernel did with the source ports of VXLAN in the recordings of golden/kernel/calico-vxlan and of lab/fuzz/testdata.
func TestFlowPort(t *testing.T) {
	frame := func(p packet.Protocol, src, dst string, sport, dport uint16) packet.Frame {
		return packet.Frame{IP: packet.IPv4{Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), Protocol: p},
			L4: packet.Transport{SrcPort: sport, DstPort: dport}}
	}
	port := func(f packet.Frame) uint16 {
		w := walker{}
		w.p.Frame = f
		return w.flowPort()
	}
	echo, reply := frame(packet.ICMP, "10.244.0.1", "10.244.0.65", 0, 0), frame(packet.ICMP, "10.244.0.65", "10.244.0.1", 0, 0)
	if a, b := port(echo), port(reply); a != b {
		t.Errorf("an echo leaves by %d, its reply by %d", a, b)
	}
	ask, answer := frame(packet.UDP, "10.244.0.1", "10.244.0.65", 40000, 8080), frame(packet.UDP, "10.244.0.65", "10.244.0.1", 8080, 40000)
	if a, b := port(ask), port(answer); a == b {
		t.Errorf("both sides of a UDP flow leave by %d, though each socket has its own hash", a)
	}

	w := walker{}
	w.p.Frame = ask
	first := w.flowPort()
	w.p.Frame = answer // as NAT might
	if got := w.flowPort(); got != first {
		t.Errorf("translated, the packet leaves by %d, not %d as before", got, first)
	}
	if w.skb.leave(); w.flowPort() != first {
		t.Error("a tunnel forgets a hash with ports in it")
	}
	w = walker{}
	w.p.Frame = echo
	first = w.flowPort()
	w.skb.leave()
	w.p.Frame = ask // the headers around it, at the tunnel's OUTPUT
	if w.flowPort() == first {
		t.Error("a tunnel keeps a hash without ports")
	}
}
