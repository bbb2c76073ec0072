package compare_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/compare"
	"github.com/podpath/podpath/internal/golden"
	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/trace"
)

// recorded traces the flow of a recording, its first packet and the answer.
func recorded(t *testing.T, flow string) *trace.Trace {
	t.Helper()
	r, err := lab.Open(golden.Dir(t, "kernel", flow))
	if err != nil {
		t.Fatal(err)
	}
	tr, err := r.Trace(false)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// calico compares pod to pod across nodes without encapsulation, by VXLAN and by IP-IP.
func calico(t *testing.T) *compare.Comparison {
	t.Helper()
	return compare.Of([]compare.Column{{Name: "direct", Trace: recorded(t, "calico-direct/pod-pod-other-node")},
		{Name: "vxlan", Trace: recorded(t, "calico-vxlan/pod-pod-other-node")}, {Name: "ipip", Trace: recorded(t, "calico-ipip/pod-pod-other-node")}})
}

// TestBytes recomputes "Byte costs" of underlay.md from packets as they leave a node, and finds each figure there.
func TestBytes(t *testing.T) {
	c := calico(t)
	text, err := os.ReadFile(filepath.Join(golden.Shared(t), "facts", "underlay.md"))
	if err != nil {
		t.Skipf("the facts are compared only where they are: %v", err)
	}
	facts := string(text)[strings.Index(string(text), "## Byte costs"):]
	have := func(want string) {
		t.Helper()
		if !strings.Contains(facts, want) {
			t.Errorf("Byte costs do not say %q", want)
		}
	}
	sums := map[string]compare.Summary{}
	for _, x := range c.Columns {
		if x.Summary.Wire == nil || x.Summary.Goodput == nil {
			t.Fatalf("%s: no wire between the nodes: %+v", x.Name, x.Summary)
		}
		sums[x.Name] = x.Summary
	}
	have(fmt.Sprintf("VXLAN %d (14 inner", sums["vxlan"].Wire.Extra))
	have(fmt.Sprintf("IPIP %d.", sums["ipip"].Wire.Extra))
	if n := sums["direct"].Wire.Extra; n != 0 {
		t.Errorf("without a tunnel there are %d bytes more", n)
	}
	goodput := func(name string, mtu int) *compare.Goodput {
		extra := sums[name].Wire.Extra
		return compare.GoodputOf(mtu-extra, extra)
	}
	for name, word := range map[string]string{"direct": "native", "ipip": "IPIP", "vxlan": "VXLAN"} {
		g := goodput(name, 1500)
		have(fmt.Sprintf("%s %d/%d = %.1f %%", word, g.Payload, g.Frame, 100*g.Ratio))
	}
	have(fmt.Sprintf("At 9001: %.1f / %.1f / %.1f %%", 100*goodput("direct", 9001).Ratio, 100*goodput("ipip", 9001).Ratio, 100*goodput("vxlan", 9001).Ratio))
	// A plugin that gives its pods the right MTU reaches them; the lab's nodes have 1500.
	for name, s := range sums {
		if s.Wire.MTU == 1500 && s.PodMTU == 1500-s.Wire.Extra && math.Abs(s.Goodput.Ratio-goodput(name, 1500).Ratio) > 1e-9 {
			t.Errorf("%s: goodput %+v", name, s.Goodput)
		}
		sum := 0
		for _, h := range s.Headers {
			sum += h.Bytes
		}
		if sum+s.Goodput.Payload != s.Goodput.Frame {
			t.Errorf("%s: headers %v and %d bytes of data are not a frame of %d", name, s.Headers, s.Goodput.Payload, s.Goodput.Frame)
		}
	}
	if s := sums["vxlan"].Headers; fmt.Sprint(s) != "[{Ethernet 14 true} {IPv4 20 true} {UDP 8 true} {VXLAN 8 true} {Ethernet 14 false} {IPv4 20 false} {TCP 32 false}]" {
		t.Errorf("VXLAN's headers are %v", s)
	}
	if s := sums["ipip"].Headers; fmt.Sprint(s) != "[{Ethernet 14 true} {IPv4 20 true} {IPv4 20 false} {TCP 32 false}]" {
		t.Errorf("IP-IP's headers are %v", s)
	}
}

// TestExtraBytes does the same with packets made by hand.
func TestExtraBytes(t *testing.T) {
	inner := packet.Frame{IP: packet.IPv4{Len: 1450}}
	for _, x := range []struct {
		name string
		p    packet.Packet
		want int
	}{
		{"plain", packet.Packet{Frame: inner}, 0},
		{"vxlan", packet.Packet{Frame: packet.Frame{IP: packet.IPv4{Len: 20 + 8 + 8 + 14 + 1450}}, Inner: inner, Encap: packet.EncapVXLAN}, 50},
		{"ipip", packet.Packet{Frame: packet.Frame{IP: packet.IPv4{Len: 20 + 1450}}, Inner: inner, Encap: packet.EncapIPIP}, 20},
	} {
		if got := compare.ExtraBytes(&x.p); got != x.want {
			t.Errorf("%s: %d bytes more, want %d", x.name, got, x.want)
		}
	}
}

// TestCalico: what a tunnel adds to the same plugin's way is the tunnel, and nothing of the way is missing.
func TestCalico(t *testing.T) {
	c := calico(t)
	for i := range c.Rows {
		r := &c.Rows[i]
		if r.State == compare.Missing {
			t.Errorf("%s %s %s is missing in a column", r.Leg, r.Role, r.Kind)
		}
		if r.State == compare.Extra && !r.Outer {
			t.Errorf("%s %s %s is extra and has nothing to do with the tunnel", r.Leg, r.Role, r.Kind)
		}
	}
	extra := func(leg string, col int) string {
		var out []string
		for i := range c.Rows {
			if r := &c.Rows[i]; r.Leg == leg && r.Cells[col].State == compare.Extra {
				out = append(out, string(r.Role)+" "+r.Kind)
			}
		}
		return strings.Join(out, ", ")
	}
	// kernel/README.md's recordings of both: into the device, wrap, the second route, OUTPUT and POSTROUTING for the outer
	// packet; at the far end PREROUTING, route and INPUT for it, unwrap, and in by the device.
	want := "sender-node transmit, sender-node encap, sender-node send, sender-node OUTPUT, sender-node POSTROUTING, " +
		"receiver-node PREROUTING, receiver-node route, receiver-node INPUT, receiver-node decap, receiver-node receive"
	for col := 1; col <= 2; col++ {
		for _, leg := range []string{"request", "reply"} {
			if got := extra(leg, col); got != want {
				t.Errorf("%s, %s: extra are\n%s\nwant\n%s", c.Columns[col].Name, leg, got, want)
			}
		}
	}
	for _, x := range c.Columns {
		s := x.Summary
		lookups := 2
		who := "node"
		if x.Name == "direct" {
			lookups, who = 1, "pod"
		}
		if len(s.Nodes) != 2 || s.Nodes[0].RouteLookups != lookups || s.Nodes[1].RouteLookups != lookups {
			t.Errorf("%s: nodes %+v, want %d lookups each", x.Name, s.Nodes, lookups)
		}
		if s.Wire.SrcOf != who || s.Wire.DstOf != who {
			t.Errorf("%s: the network sees %+v", x.Name, s.Wire)
		}
		if s.AddressesPerPod == nil || *s.AddressesPerPod != 0 {
			t.Errorf("%s: addresses per pod %v", x.Name, s.AddressesPerPod)
		}
	}
	if c.Columns[1].Delta.CPU <= c.Columns[2].Delta.CPU || c.Columns[2].Delta.CPU <= 0 {
		t.Errorf("VXLAN costs %d ns more, IP-IP %d", c.Columns[1].Delta.CPU, c.Columns[2].Delta.CPU)
	}
}
