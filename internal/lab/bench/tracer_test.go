package bench

import "testing"

// BenchmarkTracer is the tracer's side of the page alone, which needs no root: to see where its time goes.
func BenchmarkTracer(b *testing.B) {
	for _, f := range flows([]int{1000, 10_000}) {
		made, r, err := f.open()
		if err != nil {
			b.Fatal(err)
		}
		for _, x := range []struct {
			name string
			once func() error
		}{{"decisions", walk(made, r)}, {"explained", full(made, r)}} {
			b.Run(f.title+"/"+x.name, func(b *testing.B) {
				if err := x.once(); err != nil { // builds the namespaces
					b.Fatal(err)
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := x.once(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
