package fuzz

import (
	"fmt"
	"os"

	"github.com/podpath/podpath/internal/lab"
)

// Replay reads a case that a kernel recorded and compares it with the tracer as it is today. It needs no kernel. The report is
// that of the first comparison that finds a difference, else of the whole exchange.
func Replay(file string) (*lab.Report, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	c, err := Parse(data, file)
	if err != nil {
		return nil, err
	}
	rec, err := c.Recording()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	v, err := Judge(rec)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	out := *v.Report
	out.Differences = nil
	switch {
	case v.Difference != nil:
		out.Differences = []lab.Difference{*v.Difference}
	case (v.Partly || v.Not) && !c.Recorded.Part:
		out.Differences = []lab.Difference{{What: "outcome", Kernel: "known as a whole when it was recorded", Tracer: v.Outcome + ", which is compared in part or not at all"}}
	}
	return &out, nil
}
