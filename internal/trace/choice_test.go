package trace_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/snapshot"
	"github.com/podpath/podpath/internal/trace"
)

// natOf is the router's nat table with these rules.
func natOf(rules ...string) map[string]string {
	return map[string]string{"router/iptables-save.txt": "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n" + strings.Join(rules, "\n") + "\nCOMMIT\n"}
}

// TestChoices: what chance decides is what the rules say, whoever wrote them: rules that draw one after the other, from the
// first that the packet meets, and the one behind them (xt_statistic.c); a path that two routers choose alike in name only.
func TestChoices(t *testing.T) {
	half := " -m statistic --mode random --probability 0.50000000000 -j DNAT --to-destination "
	two := natOf(
		"-A PREROUTING -d 10.9.9.1/32 -p tcp"+half+"10.0.2.3:80", "-A PREROUTING -d 10.9.9.1/32 -p tcp -j DNAT --to-destination 10.0.2.4:80",
		"-A PREROUTING -d 10.9.9.2/32 -p tcp"+half+"10.0.2.5:80", "-A PREROUTING -d 10.9.9.2/32 -p tcp -j DNAT --to-destination 10.0.2.2:80",
		"-A PREROUTING -j LOG")
	drop := map[string]string{"router/iptables-save.txt": "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n" +
		"-A FORWARD -s 10.0.1.2/32 -m statistic --mode random --probability 0.25000000000 -j DROP\nCOMMIT\n"}
	// The same prefix has two next hops at the client, and two others at the router.
	paths := map[string]string{
		"client/addr.txt": "12: eth1@if99: <BROADCAST,UP,LOWER_UP> mtu 1500\n    link/ether 02:00:00:00:00:12 brd ff:ff:ff:ff:ff:ff\n    inet 10.0.4.2/24 scope global eth1\n",
		"client/route.txt": "10.0.4.0/24 dev eth1 proto kernel scope link src 10.0.4.2\nlocal 10.0.4.2 dev eth1 table local proto kernel scope host src 10.0.4.2\n" +
			"10.7.0.0/16\n\tnexthop via 10.0.1.1 dev eth0 weight 1\n\tnexthop via 10.0.4.1 dev eth1 weight 1\n",
		"router/route.txt": "10.7.0.0/16\n\tnexthop via 10.0.3.9 dev spare weight 1\n\tnexthop via 10.0.2.2 dev right weight 1\n",
	}
	rule := func(add map[string]string, n int) string {
		return strings.Split(add["router/iptables-save.txt"], "\n")[n]
	}
	for _, tt := range []struct {
		name    string
		add     map[string]string
		to      string
		picks   map[string]string
		want    []trace.Choice // without labels
		outcome trace.Outcome
		source  string
	}{
		{"the second of two draws", two, "10.9.9.2", nil, []trace.Choice{{ID: "PREROUTING", Kind: "statistic", Chosen: rule(two, 7),
			Options: []trace.Option{{Value: rule(two, 7), Probability: 0.5}, {Value: rule(two, 8), Probability: 0.5}}}}, trace.Dropped, ""},
		{"the rule behind it", two, "10.9.9.2", map[string]string{"PREROUTING": rule(two, 8)}, []trace.Choice{{ID: "PREROUTING", Kind: "statistic", Chosen: rule(two, 8),
			Options: []trace.Option{{Value: rule(two, 7), Probability: 0.5}, {Value: rule(two, 8), Probability: 0.5}}}}, trace.Delivered, ""},
		{"nothing behind it", drop, "10.0.2.2", nil, []trace.Choice{{ID: "FORWARD", Kind: "statistic", Chosen: rule(drop, 4),
			Options: []trace.Option{{Value: rule(drop, 4), Probability: 0.25}, {Value: "policy ACCEPT", Probability: 0.75}}}}, trace.Dropped, ""},
		{"past it", drop, "10.0.2.2", map[string]string{"FORWARD": "policy ACCEPT"}, []trace.Choice{{ID: "FORWARD", Kind: "statistic", Chosen: "policy ACCEPT",
			Options: []trace.Option{{Value: rule(drop, 4), Probability: 0.25}, {Value: "policy ACCEPT", Probability: 0.75}}}}, trace.Delivered, ""},
		{"two routers, one prefix", paths, "10.7.0.1", map[string]string{"main 10.7.0.0/16 @router": "10.0.2.2 right"}, []trace.Choice{
			{ID: "main 10.7.0.0/16", Kind: "ecmp", Chosen: "10.0.1.1 eth0", Options: []trace.Option{{Value: "10.0.1.1 eth0", Probability: 0.5}, {Value: "10.0.4.1 eth1", Probability: 0.5}}},
			{ID: "main 10.7.0.0/16 @router", Kind: "ecmp", Chosen: "10.0.2.2 right", Options: []trace.Option{{Value: "10.0.3.9 spare", Probability: 0.5}, {Value: "10.0.2.2 right", Probability: 0.5}}},
		}, trace.Dropped, "10.0.1.2"},
		{"the path gives the source", paths, "10.7.0.1", map[string]string{"main 10.7.0.0/16": "10.0.4.1 eth1"}, []trace.Choice{
			{ID: "main 10.7.0.0/16", Kind: "ecmp", Chosen: "10.0.4.1 eth1", Options: []trace.Option{{Value: "10.0.1.1 eth0", Probability: 0.5}, {Value: "10.0.4.1 eth1", Probability: 0.5}}},
		}, trace.Dropped, "10.0.4.2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			top, err := snapshot.ReadArchive(archive(tt.add), tt.name)
			if err != nil {
				t.Fatal(err)
			}
			tr, err := trace.Run(top, trace.Query{From: "client", To: netip.MustParseAddr(tt.to), Protocol: packet.TCP, DstPort: 80, Choices: tt.picks})
			if err != nil {
				t.Fatal(err)
			}
			for i := range tr.Choices {
				for k := range tr.Choices[i].Options {
					tr.Choices[i].Options[k].Label = ""
				}
			}
			if d := cmp.Diff(tt.want, tr.Choices); d != "" {
				t.Errorf("choices: want -, got +\n%s", d)
			}
			if tr.Outcome != tt.outcome {
				t.Errorf("outcome %s, want %s", tr.Outcome, tt.outcome)
			}
			if got := tr.Packets[0].IP.Src.String(); tt.source != "" && got != tt.source {
				t.Errorf("source %s, want %s", got, tt.source)
			}
		})
	}
}

// TestUnmetChoices: what a query picks in vain is told in one order.
func TestUnmetChoices(t *testing.T) {
	top, err := snapshot.ReadArchive(archive(nil), "unmet")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"A", "B", "C", "D", "E", "F"}
	picks := map[string]string{}
	for _, id := range want {
		picks[id] = "x"
	}
	for range 10 {
		tr, err := trace.Run(top, trace.Query{From: "client", To: netip.MustParseAddr("10.0.2.2"), Protocol: packet.TCP, DstPort: 80, Choices: picks})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range tr.Assumptions {
			if a.Code == trace.AssumeChoice {
				got = append(got, a.Args["id"])
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("unmet %v, want %v", got, want)
		}
	}
}
