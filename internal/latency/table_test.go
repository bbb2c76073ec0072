package latency

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/golden"
)

// roundTrips are the rows of underlay.md, section 5a, as the sum of what we carry, one way. The paths are read off the rows'
// names: a veth at each side of a router or bridge, "two nodes" two routers and three veths.
var roundTrips = []struct {
	row   string
	us    float64 // as the file has it
	parts map[Item]int
}{
	{"loopback, one ns", 14.9, map[Item]int{Socket: 2}},
	{"one veth pair", 16.3, map[Item]int{Socket: 2, Veth: 1}},
	{"two veths through a Linux bridge", 19.1, map[Item]int{Socket: 2, Veth: 2, Bridge: 1}},
	{"two veths routed (Calico shape, no iptables)", 18.0, map[Item]int{Socket: 2, Veth: 2, Routing: 1}},
	{"+ conntrack", 19.1, map[Item]int{Socket: 2, Veth: 2, Routing: 1, Conntrack: 1}},
	{"two nodes, native routed", 19.5, map[Item]int{Socket: 2, Veth: 3, Routing: 2}},
	{"two nodes, VXLAN", 25.5, map[Item]int{Socket: 2, Veth: 3, Routing: 2, VXLANEncap: 1, VXLANDecap: 1}},
}

// TestRoundTrips: a step's costs add up to the round trips that they were taken from, within what those are stable to: 0.2 us.
func TestRoundTrips(t *testing.T) {
	table := Default()
	for _, x := range roundTrips {
		var sum Cost
		for item, n := range x.parts {
			for range n {
				sum = sum.Plus(table.Cost(item))
			}
		}
		if got := 2 * float64(sum.NS) / us; got < x.us-0.21 || got > x.us+0.21 {
			t.Errorf("%s: the parts are %.2f us there and back, measured %.1f", x.row, got, x.us)
		}
	}
	// Rules: 100, 1000 and 5000 of them on top of the row with conntrack.
	for n, rtt := range map[int]float64{100: 20.0, 1000: 27.0, 5000: 67} {
		c := table.rules(n)
		if each := rtt - 19.1; 2*float64(c.Low)/us > each+0.21 || 2*float64(c.High)/us < each-0.21 {
			t.Errorf("%d rules: %d to %d ns one way, measured %.1f us there and back", n, c.Low, c.High, each)
		}
	}
}

// TestFigures holds what we carry to the file that it is from: each row with its figure must be there.
func TestFigures(t *testing.T) {
	name := filepath.Join(golden.Shared(t), "facts", "underlay.md")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Skipf("the facts are compared only where they are: %v", err)
	}
	have := func(want string) {
		t.Helper()
		if !strings.Contains(string(text), want) {
			t.Errorf("underlay.md does not say %q any more", want)
		}
	}
	for _, x := range roundTrips {
		us := fmt.Sprintf("%.1f", x.us)
		have("| " + x.row + " | " + us + " |")
	}
	have("| + 100 / 1000 / 5000 non-matching filter rules on every packet | 20.0 / 27.0 / 67 |")
	have("22.2 vs 18.7")
	table := Default()
	micro := func(i Item) string { return fmt.Sprintf("%.1f", float64(table.Cost(i).NS)/us) }
	have("veth crossing ~" + micro(Veth) + " us each way")
	have("conntrack ~" + micro(Conntrack) + " us each way")
	have(fmt.Sprintf("~%d-%d ns per rule", table.Cost(Rules).Low/1000, table.Cost(Rules).High/1000))
	have(fmt.Sprintf("encap+decap ~%.1f us each way", float64(table.Cost(VXLANEncap).NS+table.Cost(VXLANDecap).NS)/us))
	have(fmt.Sprintf("bridge + second veth +%.1f us", float64(table.Cost(Bridge).NS+table.Cost(Veth).NS)/us))
	have(fmt.Sprintf("routing + second veth +%.2f us", float64(table.Cost(Routing).NS+table.Cost(Veth).NS)/us))
	// 5b: round trips in ms.
	ms := func(ns int64) string { return fmt.Sprintf("%.2f", 2*float64(ns)/1e6) }
	same, cross := table.Cost(SameZone), table.Cost(CrossZone)
	have("| same-AZ RTT | " + ms(same.Low) + "-0.35 ms (a,b), avg " + ms(same.NS) + " ms ; 0.34-" + ms(same.High) + " in c |")
	have("| cross-AZ RTT | avg 0.82-" + ms(cross.NS) + " ms")
	have(fmt.Sprintf("| AZ pair spread | %.1f vs %.1f ms named as typical contrast |", 2*float64(cross.Low)/1e6, 2*float64(cross.High)/1e6))
	// 5c: estimates, one way.
	span := func(i Item) string {
		return fmt.Sprintf("%.1f-%.1f ms", float64(table.Cost(i).Low)/1e6, float64(table.Cost(i).High)/1e6)
	}
	have("| NLB added | " + span(Balancer) + " per direction")
	have("| NAT gateway, IGW | " + span(NATGateway) + " |")
	have("| NAT gateway, IGW | " + span(InternetGateway) + " |")
	sw := table.Cost(SwitchHop)
	have(fmt.Sprintf("| on-prem switch hop | %.1f-%d us |", float64(sw.Low)/us, sw.High/us))
	have("| IPIP encap+decap | 0.6-0.8x of VXLAN's")
}

// TestTable: every item has a cost, in order, with a basis; estimates are called estimates.
func TestTable(t *testing.T) {
	table := Default()
	for _, i := range Items {
		c := table.Cost(i)
		if c.Low < 0 || c.Low > c.NS || c.NS > c.High || c.NS == 0 {
			t.Errorf("%s: %+v is not in order", i, c)
		}
		want := Measured
		switch i {
		case SameZone, CrossZone:
			want = Published
		case IPIPEncap, IPIPDecap, Balancer, NATGateway, InternetGateway, SwitchHop:
			want = Estimate
		}
		if c.Basis != want || c.Source != string(i) {
			t.Errorf("%s: basis %q and source %q, want %q", i, c.Basis, c.Source, want)
		}
	}
	v, p := table.Cost(VXLANEncap), table.Cost(IPIPEncap)
	if float64(p.NS) < 0.6*float64(v.NS) || float64(p.NS) > 0.8*float64(v.NS) {
		t.Errorf("IP-IP %d ns is not 0.6 to 0.8 of VXLAN's %d", p.NS, v.NS)
	}
}

func TestPlus(t *testing.T) {
	a := Cost{10, 5, 20, Measured, "veth"}
	b := Cost{100, 50, 200, Estimate, "switch"}
	if got, want := a.Plus(b), (Cost{110, 55, 220, Estimate, SourceSeveral}); got != want || b.Plus(a) != want {
		t.Errorf("a + b = %+v, want %+v", got, want)
	}
	if a.Plus(Cost{}) != a || (Cost{}).Plus(a) != a {
		t.Error("nothing added changes a cost")
	}
	if got := a.Plus(a); got.Source != "veth" {
		t.Errorf("twice the same: source %s", got.Source)
	}
}

func TestMicros(t *testing.T) {
	for ns, want := range map[int64]string{0: "0", 150: "0.15", 700: "0.7", 999: "1", 3725: "3.7", 42_400: "42", 830_000: "830"} {
		if got := Micros(ns); got != want {
			t.Errorf("Micros(%d) = %s, want %s", ns, got, want)
		}
	}
}
