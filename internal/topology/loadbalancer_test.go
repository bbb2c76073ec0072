package topology

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/packet"
)

// TestReachable follows facts/underlay.md, section 2: a load balancer's address in a zone uses the targets of that zone, with
// cross-zone those of all; unhealthy ones get nothing, unless none of all the listener's targets is healthy.
func TestReachable(t *testing.T) {
	const sick = "!"
	for _, tt := range []struct {
		rule    string
		cross   bool
		targets string // name/zone, "!" for an unhealthy one
		zone    string
		want    string
	}{
		{"own zone only", false, "a1/a a2/a b1/b", "a", "a1 a2"},
		{"own zone only", false, "a1/a a2/a b1/b", "b", "b1"},
		{"no target there", false, "a1/a a2/a b1/b", "c", ""},
		{"cross-zone: all", true, "a1/a a2/a b1/b", "a", "a1 a2 b1"},
		{"cross-zone: a zone without targets too", true, "a1/a b1/b", "c", "a1 b1"},
		{"unhealthy: left out", false, "a1/a a2/a! b1/b", "a", "a1"},
		{"unhealthy: left out with cross-zone", true, "a1/a! a2/a b1/b", "b", "a2 b1"},
		{"a healthy one elsewhere keeps a zone shut", false, "a1/a! a2/a! b1/b", "a", ""},
		{"fail open: none is healthy anywhere", false, "a1/a! a2/a! b1/b!", "a", "a1 a2"},
		{"fail open with cross-zone", true, "a1/a! b1/b!", "a", "a1 b1"},
		{"no targets at all", true, "", "a", ""},
	} {
		l := &LBListener{}
		for _, text := range strings.Fields(tt.targets) {
			name, zone, _ := strings.Cut(strings.TrimSuffix(text, sick), "/")
			l.Targets = append(l.Targets, LBTarget{Name: name, Zone: zone, Unhealthy: strings.HasSuffix(text, sick)})
		}
		b := &NetworkLoadBalancer{CrossZone: tt.cross}
		var got []string
		for _, x := range b.Reachable(&LBNode{Zone: tt.zone}, l) {
			got = append(got, x.Name)
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: targets %q from zone %s: got %q, want %q", tt.rule, tt.targets, tt.zone, s, tt.want)
		}
	}
}

// TestListenerAndNode: a listener is found by protocol and port, a node by its private address.
func TestListenerAndNode(t *testing.T) {
	tcp80, udp80, tcp53 := &LBListener{Protocol: packet.TCP, Port: 80}, &LBListener{Protocol: packet.UDP, Port: 80}, &LBListener{Protocol: packet.TCP, Port: 53}
	one := &LBNode{Card: &ENICard{Primary: addr("10.0.0.9"), Addresses: []netip.Addr{addr("10.0.0.9")}}}
	two := &LBNode{Card: &ENICard{Primary: addr("10.0.1.9"), Addresses: []netip.Addr{addr("10.0.1.9")}}}
	b := &NetworkLoadBalancer{Listeners: []*LBListener{tcp80, udp80, tcp53}, Nodes: []*LBNode{one, two}}
	for _, tt := range []struct {
		p    packet.Protocol
		port uint16
		want *LBListener
	}{
		{packet.TCP, 80, tcp80}, {packet.UDP, 80, udp80}, {packet.TCP, 53, tcp53},
		{packet.UDP, 53, nil}, {packet.TCP, 81, nil}, {packet.ICMP, 0, nil},
	} {
		if got := b.Listener(tt.p, tt.port); got != tt.want {
			t.Errorf("listener %v %d: got %+v, want %+v", tt.p, tt.port, got, tt.want)
		}
	}
	for a, want := range map[string]*LBNode{"10.0.0.9": one, "10.0.1.9": two, "10.0.2.9": nil} {
		if got := b.Node(addr(a)); got != want {
			t.Errorf("node of %s: got %+v, want %+v", a, got, want)
		}
	}
}
