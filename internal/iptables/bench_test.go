package iptables

import (
	"bytes"
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
type discard struct{ misses, events int }

func (d *discard) Event(e Event) { d.events++; d.misses += len(e.Misses) }

// BenchmarkEvaluate sends a packet that no Service takes through all of nat PREROUTING.
func BenchmarkEvaluate(b *testing.B) {
	rs, _ := scaleRules(b, scale1k(b))
	c := rs.Table("nat").Chain("PREROUTING")
	p := packet.Packet{}
	p.IP.Src, p.IP.Dst, p.IP.Protocol = netip.MustParseAddr("10.1.1.1"), netip.MustParseAddr("8.8.8.8"), packet.TCP
	in := &Input{Packet: &p, Conn: &packet.Conn{State: packet.CTNew}, In: "eth0", Env: fakeEnv{}}
	var e Evaluator
	d := &discard{}
	e.Run(c, in, d)
	tried := d.misses + d.events
	b.ReportAllocs()
	for b.Loop() {
		e.Run(c, in, d)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(tried), "ns/rule")
	b.ReportMetric(float64(tried), "rules")
}
