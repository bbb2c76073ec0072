package iptables

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"

	"github.com/podpath/podpath/internal/packet"
)

func scaleRules(b *testing.B, text []byte) (*Ruleset, int) {
	rs, err := Parse(bytes.NewReader(text), "scale-1k")
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for _, t := range rs.Tables {
		for _, c := range t.Chains {
			n += len(c.Rules)
		}
	}
	return rs, n
}

func BenchmarkParse(b *testing.B) {
	text := scale1k(b)
	_, n := scaleRules(b, text)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(bytes.NewReader(text), "scale-1k"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/rule")
	b.ReportMetric(float64(len(text))/float64(n), "inputB/rule")
}

func BenchmarkPrint(b *testing.B) {
	rs, n := scaleRules(b, scale1k(b))
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf, _ = rs.AppendText(buf[:0])
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/rule")
}

// discard is a sink that keeps nothing.
type discard struct{}

func (*discard) Event(Event) {}

// BenchmarkEvaluate sends a packet that no Service takes through all of nat PREROUTING, rule by rule.
func BenchmarkEvaluate(b *testing.B) {
	rs, _ := scaleRules(b, scale1k(b))
	c := rs.Table("nat").Chain("PREROUTING")
	p := packet.Packet{}
	p.IP.Src, p.IP.Dst, p.IP.Protocol = netip.MustParseAddr("10.1.1.1"), netip.MustParseAddr("8.8.8.8"), packet.TCP
	in := &Input{Packet: &p, Conn: &packet.Conn{State: packet.CTNew}, In: "eth0", Env: fakeEnv{}}
	e := Evaluator{minIndexed: everyRule}
	d := &discard{}
	b.ReportAllocs()
	for b.Loop() {
		e.Run(c, in, d)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(e.examined), "ns/rule")
	b.ReportMetric(float64(e.examined)/float64(b.N), "rules-examined/op")
}

// BenchmarkService sends the first packet of a connection through nat PREROUTING to the DNAT of its Service, the last of
// KUBE-SERVICES: with the indices of large chains, and rule by rule.
func BenchmarkService(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		text := string(scale1k(b))
		if n < 1000 {
			text = cutServices(b, n)
		}
		rs, _ := scaleRules(b, []byte(text))
		c, in := rs.Table("nat").Chain("PREROUTING"), toLastService(b, rs)
		for _, twin := range []struct {
			name       string
			minIndexed int
		}{{"indexed", 0}, {"plain", everyRule}} {
			b.Run(fmt.Sprintf("services=%d/%s", n, twin.name), func(b *testing.B) {
				e := Evaluator{minIndexed: twin.minIndexed}
				d := &discard{}
				if v := e.Run(c, in, d); v.Kind != DNAT {
					b.Fatalf("verdict %d", v.Kind)
				}
				e.examined = 0
				b.ReportAllocs()
				for b.Loop() {
					e.Run(c, in, d)
				}
				b.ReportMetric(float64(e.examined)/float64(b.N), "rules-examined/op")
			})
		}
	}
}

// BenchmarkIndex makes the index of KUBE-SERVICES with 1,000 Services.
func BenchmarkIndex(b *testing.B) {
	rs, _ := scaleRules(b, scale1k(b))
	rules := rs.Table("nat").Chain("KUBE-SERVICES").Rules
	b.ReportAllocs()
	for b.Loop() {
		newChainIndex(rules)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(rules)), "ns/rule")
}
