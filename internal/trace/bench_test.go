package trace_test

import (
	"testing"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/trace"
)

// BenchmarkRoundTrip is one explained round trip in memory, request and answer with every decision recorded, across two
// nodes of the preset, in a runner's memory. The aim is less than the kernel's own, about 20 µs; 10 µs (trace-format.md).
func BenchmarkRoundTrip(b *testing.B) {
	for _, bb := range []struct{ name, from, to string }{
		{"pod-pod-other-node", "pod/default/netshoot-1", "pod/default/netshoot-3"},
		{"pod-pod-same-node", "pod/default/netshoot-1", "pod/default/netshoot-2"},
		{"pod-internet", "pod/default/netshoot-2", "internet"},
	} {
		for _, backend := range []string{"nft", "legacy"} {
			b.Run(bb.name+"/"+backend, func(b *testing.B) {
				c, err := compile.Preset("eks-study")
				if err != nil {
					b.Fatal(err)
				}
				made, err := compile.Compile(c, map[string]string{"iptables": backend})
				if err != nil {
					b.Fatal(err)
				}
				q, err := (&query.Request{From: bb.from, To: bb.to}).Query(made.Places)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := trace.Run(made.Topology, q); err != nil { // builds the namespaces, once
					b.Fatal(err)
				}
				b.ReportAllocs()
				steps := 0
				var r trace.Runner
				for b.Loop() {
					t, err := r.Run(made.Topology, q)
					if err != nil {
						b.Fatal(err)
					}
					steps = 0
					for i := range t.Legs {
						for h := range t.Hops(&t.Legs[i]) {
							steps += len(t.Steps(&t.Hops(&t.Legs[i])[h]))
						}
					}
				}
				b.ReportMetric(float64(steps), "steps/op")
			})
		}
	}
}

// BenchmarkFreshRoundTrip is the same with a trace of its own each time, as a caller has it that keeps traces.
func BenchmarkFreshRoundTrip(b *testing.B) {
	c, err := compile.Preset("eks-study")
	if err != nil {
		b.Fatal(err)
	}
	made, err := compile.Compile(c, nil)
	if err != nil {
		b.Fatal(err)
	}
	q, err := (&query.Request{From: "pod/default/netshoot-1", To: "pod/default/netshoot-3"}).Query(made.Places)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := trace.Run(made.Topology, q); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDocument is rendering a trace as data.
func BenchmarkDocument(b *testing.B) {
	c, err := compile.Preset("eks-study")
	if err != nil {
		b.Fatal(err)
	}
	made, err := compile.Compile(c, nil)
	if err != nil {
		b.Fatal(err)
	}
	t, err := (&query.Request{From: "pod/default/netshoot-1", To: "pod/default/netshoot-3"}).Trace(made)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		t.Document()
	}
}
