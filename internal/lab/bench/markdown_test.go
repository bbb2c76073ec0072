package bench

import (
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/lab/measure"
)

// TestMarkdown: times and ratios of made-up figures, and what they say of the targets.
func TestMarkdown(t *testing.T) {
	us := func(median, best int64) Times { return Times{Best: best * 1000, Median: median * 1000, Count: 9} }
	r := &Report{Machine: measure.Machine{CPU: "Some CPU", Cores: 2, Kernel: "6.18.0", Date: "2026-01-02"}, CPU: 1, Trips: 5, Runs: 3, Bare: us(20, 16),
		Lacks: []string{"pod to pod, IP-IP: this kernel has no ipip"},
		Rows: []Row{
			{Flow: "a", Backend: "nf_tables", Rules: 75, Steps: 124, Known: us(31, 30), First: us(40, 38), Trace: us(10, 8), Full: us(160, 152)},
			{Flow: "b", Backend: "nf_tables", Services: 1000, Rules: 1553, Steps: 117, Known: us(31, 30), First: us(50, 40), Trace: us(50, 44), Full: us(800, 600)},
			{Flow: "c", Backend: "x_tables", Services: 10_000, Rules: 15053, Steps: 117, Known: us(31, 30), First: us(200, 200), Trace: us(12, 12), Full: us(9000, 8000)},
		}}
	var b strings.Builder
	if err := r.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Some CPU, 2 cores; Linux 6.18.0; 2026-01-02. 3 rounds of 5 of each, on CPU 1.",
		"| a | 1 | 0.25 / 0.21 | met | 4.00 / 4.00 | missed |",
		"| b, nf_tables | 1 | 1.00 / 1.10 | met by one of the two | 16 / 15 | missed |",
		"| c, x_tables | 0.1 | 0.060 / 0.060 | met | 45 / 40 | missed |",
		"| a | 75 | 124 | 40.0 / 38.0 | 31.0 / 30.0 | 10.0 / 8.0 | 160 / 152 |",
		"Left out: pod to pod, IP-IP: this kernel has no ipip.",
		"take 20.0 / 16.0.",
		"decisions come to 0.50 / 0.50, 2.50 / 2.75, 0.60 / 0.75 in the order",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}
