package picture

import (
	"io"
	"testing"
)

func BenchmarkPicture(b *testing.B) {
	p := named(b, "two nodes").at(6, "ko", false)
	for _, x := range []struct {
		name  string
		print func() error
	}{
		{"SVG", func() error { return p.SVG(io.Discard) }},
		{"PNG", func() error { return p.PNG(io.Discard, 1200) }},
		{"Card", func() error { return p.Card(io.Discard, 1200, 630) }},
	} {
		b.Run(x.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := x.print(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
