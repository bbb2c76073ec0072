package packet

import (
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// TestBytes decodes what Bytes made with gopacket's reader: the headers must come back, and the length must be IP's.
func TestBytes(t *testing.T) {
	a, b := netip.MustParseAddr("192.168.1.10"), netip.MustParseAddr("198.51.100.7")
	eth := Ethernet{Src: MAC{2, 0, 0, 0, 0, 1}, Dst: MAC{2, 0, 0, 0, 0, 2}}
	ip := func(p Protocol, n uint16) IPv4 { return IPv4{Src: a, Dst: b, Len: n, TTL: 63, Protocol: p, DF: true} }
	for _, tt := range []struct {
		name string
		p    Packet
		want []gopacket.LayerType
		n    int
	}{
		{"syn", Packet{Frame: Frame{eth, ip(TCP, 60), Transport{SrcPort: 40000, DstPort: 80, Flags: SYN}}}, []gopacket.LayerType{layers.LayerTypeEthernet, layers.LayerTypeIPv4, layers.LayerTypeTCP}, 74},
		{"ack with data", Packet{Frame: Frame{eth, ip(TCP, 56), Transport{SrcPort: 40000, DstPort: 80, Flags: ACK | PSH, Payload: 4}}}, []gopacket.LayerType{layers.LayerTypeEthernet, layers.LayerTypeIPv4, layers.LayerTypeTCP, gopacket.LayerTypePayload}, 70},
		{"udp without a link", Packet{Frame: Frame{Ethernet{}, ip(UDP, 32), Transport{SrcPort: 40000, DstPort: 8080, Payload: 4}}}, []gopacket.LayerType{layers.LayerTypeIPv4, layers.LayerTypeUDP}, 32},
		{"icmp error", Packet{Frame: Frame{eth, ip(ICMP, 60), Transport{ICMPType: 11, Payload: 32}}, About: Quote{ip(UDP, 32), Transport{SrcPort: 1, DstPort: 2, Payload: 4}}}, []gopacket.LayerType{layers.LayerTypeEthernet, layers.LayerTypeIPv4, layers.LayerTypeICMPv4, gopacket.LayerTypePayload}, 74},
		{"vxlan", Packet{Frame: Frame{eth, ip(UDP, 82), Transport{SrcPort: 50000, DstPort: 4789}}, Inner: Frame{eth, ip(UDP, 32), Transport{SrcPort: 1, DstPort: 2, Payload: 4}}, Encap: EncapVXLAN, VNI: 4096},
			[]gopacket.LayerType{layers.LayerTypeEthernet, layers.LayerTypeIPv4, layers.LayerTypeUDP, layers.LayerTypeVXLAN, layers.LayerTypeEthernet, layers.LayerTypeIPv4, layers.LayerTypeUDP}, 96},
	} {
		t.Run(tt.name, func(t *testing.T) {
			raw, err := tt.p.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			if len(raw) != tt.n {
				t.Errorf("%d bytes, want %d", len(raw), tt.n)
			}
			first := gopacket.Decoder(layers.LayerTypeEthernet)
			if tt.p.Eth == (Ethernet{}) {
				first = layers.LayerTypeIPv4
			}
			got := gopacket.NewPacket(raw, first, gopacket.Default)
			if e := got.ErrorLayer(); e != nil {
				t.Fatal(e.Error())
			}
			for i, l := range tt.want {
				if i >= len(got.Layers()) || got.Layers()[i].LayerType() != l {
					t.Fatalf("layers %v, want %v", got.Layers(), tt.want)
				}
			}
			v4 := got.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
			if v4.Length != tt.p.IP.Len || v4.TTL != tt.p.IP.TTL {
				t.Errorf("IP length %d ttl %d, want %d %d", v4.Length, v4.TTL, tt.p.IP.Len, tt.p.IP.TTL)
			}
		})
	}
}
