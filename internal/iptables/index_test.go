package iptables

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podpath/podpath/internal/packet"
)

// everyRule makes an evaluator the slow twin: no chain has so many rules that it would use an index.
const everyRule = math.MaxInt

// drawingEnv is a namespace where chance and memory depend on nothing but the order in which they are asked, and which
// writes down what it was asked: a rule that is left out must not have been asked, one that is not must.
type drawingEnv struct {
	fakeEnv
	seed  uint64
	seen  map[string]bool // of -m recent, by list and address
	asked []string
}

func (e *drawingEnv) note(what string, r *Rule) uint64 {
	e.asked = append(e.asked, fmt.Sprintf("%s %s %d", what, r.Chain.Name, r.Number))
	h := fnv.New64a()
	fmt.Fprint(h, e.seed, e.asked[len(e.asked)-1])
	return h.Sum64() >> 7
}

func (e *drawingEnv) Choose(r *Rule, _ float64) bool { return e.note("choose", r)%2 == 0 }

func (e *drawingEnv) Recent(q RecentQuery) Tri {
	e.note("recent", q.Rule)
	key := q.List + q.Addr.String()
	found := e.seen[key]
	switch q.Op {
	case RecentSet:
		e.seen[key] = true
	case RecentRemove:
		delete(e.seen, key)
	}
	return yes(found)
}

// outcome is all that an evaluation shows.
type outcome struct {
	Verdict Verdict
	Halted  bool
	Events  []happened
	Further int // events behind the first thousand, of a walk in circles
	Packet  packet.Packet
	Conn    packet.Conn
	Asked   []string
	Seen    map[string]bool
}

// happened is an event with every rule passed over before it.
type happened struct {
	Chain    string
	Rule     string
	Policy   bool
	Verdict  Verdict
	From, To int
	Before   Marks
	Passed   []string
}

// evaluate runs an evaluator on a copy of the input.
func evaluate(e *Evaluator, c *Chain, in Input, seed uint64) outcome {
	p, conn, env := *in.Packet, *in.Conn, &drawingEnv{seed: seed, seen: map[string]bool{}}
	in.Packet, in.Conn, in.Env = &p, &conn, env
	var o outcome
	o.Verdict = e.Run(c, &in, sinkFunc(func(ev Event) {
		if len(o.Events) == 1000 {
			o.Further++
			return
		}
		h := happened{Chain: ev.Chain.Name, Policy: ev.Policy, Verdict: ev.Verdict, From: ev.From, To: ev.To, Before: ev.Before}
		if ev.Rule != nil {
			h.Rule = fmt.Sprintf("%d%s", ev.Rule.Number, ev.Rule.AppendSpec(nil))
		}
		for _, m := range ev.Chain.AppendPassed(nil, &in, ev.From, ev.To, ev.Misses) {
			h.Passed = append(h.Passed, fmt.Sprintf("%d: match %d", m.Rule.Number, m.Match))
		}
		o.Events = append(o.Events, h)
	}))
	o.Halted, o.Packet, o.Conn, o.Asked, o.Seen = e.Halted(), p, conn, env.asked, env.seen
	return o
}

// sameOutcome compares the walks with an index for every chain, for large ones, and for none. It returns how many rules
// the first left out.
func sameOutcome(t *testing.T, c *Chain, in *Input, seed uint64) int {
	t.Helper()
	slow := &Evaluator{minIndexed: everyRule}
	want := evaluate(slow, c, *in, seed)
	var fast *Evaluator
	for _, least := range []int{0, 1} {
		fast = &Evaluator{minIndexed: least}
		got := evaluate(fast, c, *in, seed)
		if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b *Chain) bool { return a == b })); d != "" {
			t.Fatalf("%s of %s for %+v %+v: plain -, indexed +\n%s", c.Name, c.Table.Name, in.Packet.IP, in.Packet.L4, d)
		}
	}
	if fast.examined > slow.examined {
		t.Fatalf("%s: %d rules examined with an index, %d without", c.Name, fast.examined, slow.examined)
	}
	return slow.examined - fast.examined
}

// universe is what packets are made of.
type universe struct {
	addrs      []netip.Addr
	ports      []uint16
	interfaces []string
	marks      []uint32
}

// universeOf is what the rules ask for, and something that none of them does.
func universeOf(rs *Ruleset) *universe {
	addrs, ports, interfaces, marks := map[netip.Addr]bool{netip.MustParseAddr("8.8.4.4"): true}, map[uint16]bool{1: true}, map[string]bool{"": true, "eth0": true}, map[uint32]bool{0: true}
	for _, t := range rs.Tables {
		for _, c := range t.Chains {
			for _, r := range c.Rules {
				for _, m := range r.Matches {
					switch m := m.(type) {
					case *AddressMatch:
						addrs[toAddr(m.Addr|^m.Mask&1)] = true
					case *PortsMatch:
						ports[m.Dst.First] = true
					case *InterfaceMatch:
						interfaces[strings.TrimSuffix(m.Name, "+")+"0"], interfaces[m.Name] = true, true
					case *MarkMatch:
						marks[m.Value] = true
					}
				}
			}
		}
	}
	less := func(a, b netip.Addr) int { return a.Compare(b) }
	return &universe{slices.SortedFunc(maps.Keys(addrs), less), slices.Sorted(maps.Keys(ports)), slices.Sorted(maps.Keys(interfaces)), slices.Sorted(maps.Keys(marks))}
}

// packet makes an input; pick chooses one of n.
func (u *universe) packet(pick func(n int) int) *Input {
	p := &packet.Packet{Mark: u.marks[pick(len(u.marks))]}
	p.IP.Src, p.IP.Dst, p.IP.TTL = u.addrs[pick(len(u.addrs))], u.addrs[pick(len(u.addrs))], 64
	p.IP.Protocol = [...]packet.Protocol{packet.TCP, packet.TCP, packet.UDP, packet.ICMP, packet.SCTP}[pick(5)]
	p.L4 = packet.Transport{SrcPort: u.ports[pick(len(u.ports))], DstPort: u.ports[pick(len(u.ports))], Flags: packet.SYN}
	if pick(16) == 0 {
		p.IP.Offset = 185
	}
	conn := &packet.Conn{State: []packet.ConnState{packet.CTNew, packet.CTEstablished, packet.CTNone, packet.CTInvalid}[pick(4)], Mark: u.marks[pick(len(u.marks))]}
	return &Input{Packet: p, Conn: conn, In: u.interfaces[pick(len(u.interfaces))], Out: u.interfaces[pick(len(u.interfaces))], Local: pick(2) == 0}
}

// TestIndexOnGolden: on every dump the walk with an index shows what the walk without shows.
func TestIndexOnGolden(t *testing.T) {
	packets := 60
	if testing.Short() {
		packets = 8
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	runs, left := 0, 0
	for name, text := range goldenDumps(t) {
		rs, err := Parse(bytes.NewReader(text), name)
		if err != nil {
			t.Fatal(err)
		}
		u := universeOf(rs)
		for _, table := range rs.Tables {
			for _, c := range table.Chains {
				for range packets {
					if c.BuiltIn() {
						left += sameOutcome(t, c, u.packet(rnd.IntN), rnd.Uint64())
						runs++
					}
				}
			}
		}
	}
	t.Logf("%d walks, %d rules left out", runs, left)
	if left < runs {
		t.Errorf("only %d rules left out in %d walks", left, runs)
	}
}

// randomRules makes a filter table of five chains in a small universe, so that many rules match many packets.
func randomRules(pick func(n int) int) string {
	chains := []string{"INPUT", "A", "B", "C", "D"}
	var b strings.Builder
	b.WriteString("*filter\n:INPUT ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n:C - [0:0]\n:D - [0:0]\n")
	for i, c := range chains {
		n := pick(12)
		if pick(2) == 0 {
			n += 20
		}
		for range n {
			b.WriteString("-A " + c + randomMatches(pick) + randomTarget(pick, chains[min(i+1, 4):]) + "\n")
		}
	}
	return b.String() + "COMMIT\n"
}

func one(pick func(n int) int, of ...string) string { return of[pick(len(of))] }

func randomMatches(pick func(n int) int) string {
	var b strings.Builder
	address := func() string {
		return fmt.Sprintf("10.0.0.%d%s", pick(4), one(pick, "", "", "", "/31", "/255.0.255.3"))
	}
	if pick(3) == 0 {
		b.WriteString(one(pick, " ", " ", " ! ") + "-s " + one(pick, address(), address(), address(), "fd00::1"))
	}
	if pick(2) == 0 {
		b.WriteString(one(pick, " ", " ", " ! ") + "-d " + one(pick, address(), address(), address(), "10.0.0.1,10.0.0.2"))
	}
	if pick(6) == 0 {
		b.WriteString(one(pick, " -i eth0", " -i eth+", " ! -i lan"))
	}
	proto := one(pick, "", "", "tcp", "tcp", "udp", "icmp")
	if proto != "" {
		b.WriteString(" -p " + proto)
	}
	for range pick(3) {
		b.WriteString(one(pick, " -m comment --comment x", " -m mark --mark 0x1", " -m statistic --mode random --probability 0.5",
			" -m recent --set --name L", " -m recent --rcheck --name L", " -m recent ! --update --name L", " -m recent --remove --name L",
			" -m foo --bar", " -m limit --limit 1/s", " -m conntrack --ctstate NEW", " -m addrtype --dst-type LOCAL", " -m set --match-set no dst"))
		if proto == "tcp" || proto == "udp" {
			port := fmt.Sprint(1 + pick(3))
			b.WriteString(one(pick, "", " -m "+proto+" --dport "+port, " -m "+proto+" ! --dport "+port, " -m "+proto+" --sport "+port+" --dport 1:2",
				" -m multiport --dports "+port, " -m multiport --ports 1,3"))
			proto = "" // once is enough
		}
	}
	return b.String()
}

func randomTarget(pick func(n int) int, below []string) string {
	to := below[0]
	if pick(40) == 0 {
		to = one(pick, "A", "B", "C", "D") // may go in a circle
	}
	return one(pick, "", "", "", " -j RETURN", " -j ACCEPT", " -j DROP", " -j "+to, " -j "+to, " -g "+to, " -j LOG", " -j MARK --set-xmark 0x1/0x1", " -j MARK --set-xmark 0x0/0x1",
		" -j TTL --ttl-dec 1", " -j CONNMARK --set-xmark 0x1/0x1", " -j NOTRACK", " -j TPROXY --on-port 1")
}

var smallUniverse = &universe{
	addrs: []netip.Addr{netip.MustParseAddr("10.0.0.0"), netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.3")},
	ports: []uint16{1, 2, 3}, interfaces: []string{"eth0", "lan", ""}, marks: []uint32{0, 1},
}

func indexOf(t *testing.T, pick func(n int) int) int {
	text := randomRules(pick)
	rs, err := Parse(strings.NewReader(text), "random")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	left := 0
	for range 4 {
		left += sameOutcome(t, rs.Table("filter").Chain("INPUT"), smallUniverse.packet(pick), uint64(pick(1000)))
	}
	return left
}

// TestIndexOnRandomRules: likewise on rulesets that no plugin would write.
func TestIndexOnRandomRules(t *testing.T) {
	rulesets := 3000
	if testing.Short() {
		rulesets = 300
	}
	left := 0
	for seed := range rulesets {
		left += indexOf(t, rand.New(rand.NewPCG(uint64(seed), 0)).IntN)
	}
	t.Logf("%d rules left out", left)
	if left < rulesets {
		t.Errorf("only %d rules left out", left)
	}
}

func FuzzIndex(f *testing.F) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 8 {
		b := make([]byte, 600)
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		indexOf(t, func(n int) int {
			if len(data) == 0 {
				return 0
			}
			v := int(data[0])
			data = data[1:]
			return v % n
		})
	})
}

// TestIndexFollowsChanges: an index that was made before a chain changed is not used after.
func TestIndexFollowsChanges(t *testing.T) {
	table := NewTable("filter")
	rs := &Ruleset{Tables: []*Table{table}}
	c := table.Chain("FORWARD")
	for i := range 40 {
		c.MustAppend(fmt.Sprintf("-d 10.0.1.%d/32 -j DROP", i))
	}
	in := probe()
	for _, tt := range []struct {
		cmd  string
		want VerdictKind
	}{
		{"-A FORWARD -i eth7", Accept}, {"-I FORWARD 5 -d 10.0.0.1 -j DROP", Drop}, {"-R FORWARD 5 -d 10.0.0.9 -j DROP", Accept},
		{"-R FORWARD 7 -d 10.0.0.1 -j DROP", Drop}, {"-D FORWARD 7", Accept}, {"-A FORWARD -j DROP", Drop}, {"-F FORWARD", Accept},
	} {
		if err := rs.Apply(tt.cmd); err != nil {
			t.Fatal(err)
		}
		sameOutcome(t, c, in, 1)
		if v := c.Evaluate(in, nil); v.Kind != tt.want {
			t.Errorf("after %s: verdict %d, want %d", tt.cmd, v.Kind, tt.want)
		}
	}
}

// TestIndexMadeAtOnce: a ruleset that nobody has walked yet is walked by many at once.
func TestIndexMadeAtOnce(t *testing.T) {
	rs, err := Parse(strings.NewReader(cutServices(t, 100)), "services")
	if err != nil {
		t.Fatal(err)
	}
	in := toLastService(t, rs)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			mine, p := *in, *in.Packet
			mine.Packet = &p
			if v := rs.Table("nat").Chain("PREROUTING").Evaluate(&mine, nil); v.Kind != DNAT {
				t.Errorf("verdict %d", v.Kind)
			}
		})
	}
	wg.Wait()
}

// TestExamined: how many rules are tried does not depend on how many Services there are, and a walk needs no memory.
func TestExamined(t *testing.T) {
	examined := map[int]int{}
	for _, n := range []int{10, 100, 1000} {
		rs, err := Parse(strings.NewReader(cutServices(t, n)), "services")
		if err != nil {
			t.Fatal(err)
		}
		if n == 1000 {
			rs, _ = Parse(bytes.NewReader(scale1k(t)), "scale-1k")
		}
		var e Evaluator
		if v := e.Run(rs.Table("nat").Chain("PREROUTING"), toLastService(t, rs), nil); v.Kind != DNAT {
			t.Fatalf("%d Services: verdict %d", n, v.Kind)
		}
		examined[n] = e.examined
		in, c := toLastService(t, rs), rs.Table("nat").Chain("PREROUTING")
		if allocs := testing.AllocsPerRun(10, func() { e.Run(c, in, nil) }); allocs != 0 {
			t.Errorf("%d Services: %v allocations per run", n, allocs)
		}
	}
	// Ten Services are few enough to be tried one after another.
	if examined[100] != examined[1000] || examined[1000] > 8 || examined[10] > minIndexed {
		t.Errorf("rules examined by number of Services: %v", examined)
	}
}

// cutServices is scale-1k with its first n ClusterIP Services only.
func cutServices(t testing.TB, n int) string {
	text := string(scale1k(t))
	kept := map[string]bool{}
	follow := func(prefix string, toKept bool) { // keeps what kept chains lead to, or what leads to them
		for line := range strings.Lines(text) {
			f := strings.Fields(line)
			if len(f) < 4 || f[0] != "-A" {
				continue
			}
			from, to := f[1], f[len(f)-1]
			if toKept && kept[to] && strings.HasPrefix(from, prefix) {
				kept[from] = true
			} else if !toKept && kept[from] && strings.HasPrefix(to, prefix) {
				kept[to] = true
			}
		}
	}
	services := 0
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "-A KUBE-SERVICES ") && strings.Contains(line, " cluster IP") && services < n {
			services++
			kept[line[strings.LastIndex(line, "KUBE-SVC-"):len(line)-1]] = true
		}
	}
	if services != n {
		t.Fatalf("%d Services in scale-1k, want %d", services, n)
	}
	follow("KUBE-SEP-", false)
	follow("KUBE-EXT-", true)
	generated := func(name string) bool {
		return strings.HasPrefix(name, "KUBE-SVC-") || strings.HasPrefix(name, "KUBE-SEP-") || strings.HasPrefix(name, "KUBE-EXT-")
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case f[0][0] == ':' && generated(f[0][1:]) && !kept[f[0][1:]]:
		case f[0] == "-A" && (generated(f[1]) && !kept[f[1]] || generated(f[len(f)-1]) && !kept[f[len(f)-1]]):
		default:
			b.WriteString(line)
		}
	}
	return b.String()
}

// toLastService is the first packet of a connection to the last ClusterIP of KUBE-SERVICES, from a pod.
func toLastService(t testing.TB, rs *Ruleset) *Input {
	in := &Input{Packet: &packet.Packet{}, Conn: &packet.Conn{State: packet.CTNew}, In: "eni0", Env: fakeEnv{choose: true}}
	in.Packet.IP = packet.IPv4{Src: netip.MustParseAddr("10.0.63.200"), TTL: 64, Protocol: packet.TCP}
	in.Packet.L4 = packet.Transport{SrcPort: 40000, Flags: packet.SYN}
	for _, r := range rs.Table("nat").Chain("KUBE-SERVICES").Rules {
		for _, m := range r.Matches {
			switch m := m.(type) {
			case *AddressMatch:
				in.Packet.IP.Dst = toAddr(m.Addr)
			case *PortsMatch:
				in.Packet.L4.DstPort = m.Dst.First
			}
		}
	}
	if !in.Packet.IP.Dst.IsValid() {
		t.Fatal("no Service")
	}
	return in
}
