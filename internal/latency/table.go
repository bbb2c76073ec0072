package latency

// Table has a cost for every item. It is data: a user's own measurements replace the default's figures (see [Read]).
type Table struct {
	Host  string // where it was measured; "" for the default
	costs map[Item]Cost
}

// Cost is the cost of an item.
func (t *Table) Cost(i Item) Cost { return t.costs[i] }

// rules is the cost of walking n rules.
func (t *Table) rules(n int) Cost {
	c := t.costs[Rules]
	k := int64(n)
	c.NS, c.Low, c.High = (c.NS*k+500)/1000, c.Low*k/1000, (c.High*k+999)/1000
	return c
}

const us = 1000 // nanoseconds

// Default is the table of shared/facts/underlay.md, section 5.
//
// Section 5a gives round trips over paths, each longer by one thing than another. A step's cost is half the difference of two
// of them, and nothing is counted in two steps:
//
//	socket     14.9 / 2 / 2            loopback: a send and a receive each way. They were not measured apart; each gets half.
//	veth       (16.3 - 14.9) / 2       0.7
//	bridge     (19.1 - 16.3) / 2 - veth    1.4 each way is "bridge + second veth", so 0.7 for the bridge
//	routing    (18.0 - 16.3) / 2 - veth    0.85 each way is "routing + second veth", so 0.15
//	conntrack  (19.1 - 18.0) / 2       0.55, which the table rounds to 0.5; carried as 0.5
//	rules      4 to 5 ns per rule      carried per thousand; measured with rules that do not match
//	hook       (22.2 - 18.7) / 2 = 1.75 is a real Calico rule set with conntrack. Without conntrack (0.55), and without
//	           some 40 rules at 4.5 ns (0.2), 1.0 is left for the five base chains that an established packet meets there:
//	           0.2 each. That is what rules that match, jump and return cost over those that are passed.
//	vxlan      (25.5 - 19.5) / 2       3.0 for both ends. They were not measured apart; each gets half. The second route
//	           lookup and the outer delivery are within it, so the outer packet's own routing costs nothing more; what
//	           conntrack and rules do to the outer packet was not within it and is counted.
//
// The route lookup of a socket that sends, and of a packet that is for this machine, is within the loopback's floor. Best
// round trips are stable to 0.2 us either way, so half the difference of two has 0.2 to either side; medians are a quarter
// higher. Hence Low = figure - 0.2 us (not below 0), High = 1.25 x figure + 0.2 us. Per rule, 4 and 5 ns are the ends.
//
// Section 5b gives round trips between machines; one way is half. They hold the machines' cards and drivers, which therefore
// cost nothing of their own. In a zone: average 0.26 ms, from 0.20 to 0.56. Across zones: 0.83 ms (the newest average), from
// 0.5 to 1.5 (the contrast named as typical; single pairs go from 0.25 to 3.37).
//
// Section 5c gives ranges only, and says "estimate". The figure is their middle. IP-IP is 0.6 to 0.8 of VXLAN.
func Default() *Table {
	t := &Table{costs: map[Item]Cost{}}
	measured := func(i Item, ns int64) {
		t.costs[i] = Cost{ns, max(0, ns-200), ns*5/4 + 200, Measured, string(i)}
	}
	// half is half of something that was measured as one: half of its range too.
	half := func(ns int64, items ...Item) {
		for _, i := range items {
			t.costs[i] = Cost{ns / 2, max(0, ns-200) / 2, (ns*5/4 + 200) / 2, Measured, string(i)}
		}
	}
	half(7450, Socket)
	measured(Veth, 700)
	measured(Bridge, 700)
	measured(Routing, 150)
	measured(Conntrack, 500)
	measured(Hook, 200)
	t.costs[Rules] = Cost{4500, 4000, 5000, Measured, string(Rules)}
	half(3000, VXLANEncap, VXLANDecap)
	for ipip, vxlan := range map[Item]Item{IPIPEncap: VXLANEncap, IPIPDecap: VXLANDecap} {
		v := t.costs[vxlan]
		t.costs[ipip] = Cost{v.NS * 7 / 10, v.Low * 6 / 10, v.High * 8 / 10, Estimate, string(ipip)}
	}
	t.costs[SameZone] = Cost{130 * us, 100 * us, 280 * us, Published, string(SameZone)}
	t.costs[CrossZone] = Cost{415 * us, 250 * us, 750 * us, Published, string(CrossZone)}
	estimate := func(i Item, low, high int64) {
		t.costs[i] = Cost{(low + high) / 2, low, high, Estimate, string(i)}
	}
	estimate(Balancer, 100*us, 400*us)
	estimate(NATGateway, 100*us, 300*us)
	estimate(InternetGateway, 100*us, 300*us)
	estimate(SwitchHop, 500, 5*us)
	return t
}
