package netfilter

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/nftables"
	"github.com/podpath/podpath/internal/packet"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// flow makes a packet from text such as "10.0.0.1:1000 > 10.0.0.2:80".
func flow(t testing.TB, proto packet.Protocol, s string) *packet.Packet {
	t.Helper()
	from, to, ok := strings.Cut(s, " > ")
	if !ok {
		t.Fatalf("flow %q: want src:port > dst:port", s)
	}
	src, dst := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	p := &packet.Packet{}
	p.IP = packet.IPv4{Src: src.Addr(), Dst: dst.Addr(), TTL: 64, Protocol: proto}
	p.L4 = packet.Transport{SrcPort: src.Port(), DstPort: dst.Port()}
	return p
}

func tcp(t testing.TB, s string, fl packet.TCPFlags) *packet.Packet {
	p := flow(t, packet.TCP, s)
	p.L4.Flags = fl
	return p
}

func icmp(src, dst string, typ uint8, id uint16) *packet.Packet {
	p := &packet.Packet{}
	p.IP = packet.IPv4{Src: addr(src), Dst: addr(dst), TTL: 64, Protocol: packet.ICMP}
	p.L4 = packet.Transport{ICMPType: typ, ICMPID: id}
	return p
}

// icmpError is a router's message about a packet.
func icmpError(router string, about *packet.Packet) *packet.Packet {
	p := icmp(router, about.IP.Src.String(), packet.ICMPTimeExceeded, 0)
	p.About = packet.Quote{IP: about.IP, L4: about.L4}
	return p
}

// ends prints a packet's addresses as flow reads them.
func ends(f *packet.Frame) string {
	return netip.AddrPortFrom(f.IP.Src, f.L4.SrcPort).String() + " > " + netip.AddrPortFrom(f.IP.Dst, f.L4.DstPort).String()
}

func quoted(p *packet.Packet) string {
	return ends(&packet.Frame{IP: p.About.IP, L4: p.About.L4})
}

func mustRules(t testing.TB, text string) *iptables.Ruleset {
	t.Helper()
	rs, err := iptables.Parse(strings.NewReader(text), "test")
	if err != nil {
		t.Fatal(err)
	}
	return rs
}

func mustNative(t testing.TB, text string) *nftables.Ruleset {
	t.Helper()
	rs, err := nftables.Parse(strings.NewReader(text), "test")
	if err != nil {
		t.Fatal(err)
	}
	return rs
}
