package fuzz

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/topology"
)

// TestRunAgrees holds that the tracer agrees with itself: what differs here is a mistake of the comparison, or something that
// a trace of the first packet says otherwise than a trace of the exchange.
func TestRunAgrees(t *testing.T) {
	var out bytes.Buffer
	tally, err := Run(t.Context(), Config{Seed: 5000, Flows: 301, Features: Features{IPIP: true, Branches: true}}, &fake{}, &out)
	if err != nil {
		t.Fatal(err)
	}
	if tally.Differences != 0 || tally.Fleeting != 0 || tally.Flows != 301 || tally.Networks != 31 {
		t.Errorf("%d differences, %d fleeting, %d flows, %d networks, want 0, 0, 301, 31:\n%s", tally.Differences, tally.Fleeting, tally.Flows, tally.Networks, out.String())
	}
	flows := 0
	for _, all := range tally.Outcomes {
		for _, n := range all {
			flows += n
		}
	}
	if flows != tally.Flows {
		t.Errorf("the outcomes sum up to %d, want %d", flows, tally.Flows)
	}
	for _, want := range []string{"seed 5000, 31 networks", "25 networks, 250 flows, 0 differences", "aws-vpc-cni: ", " delivered"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

// TestRunSkips holds that a network which the kernel cannot build is counted by what it lacks, and the run goes on.
func TestRunSkips(t *testing.T) {
	site := func(t *topology.Topology) string {
		if t.Site != nil {
			return "switches"
		}
		return ""
	}
	var out bytes.Buffer
	tally, err := Run(t.Context(), Config{Seed: 1, Networks: 30, FlowsPerNetwork: 1}, &fake{lacks: site}, &out)
	if err != nil {
		t.Fatal(err)
	}
	n := tally.Skipped["switches"]
	if n == 0 || n+tally.Networks != 30 || len(tally.Skipped) != 1 {
		t.Errorf("skipped %v and built %d, want 30 together", tally.Skipped, tally.Networks)
	}
	if want := "networks skipped, for the kernel lacks switches: "; !strings.Contains(out.String(), want) {
		t.Errorf("no %q in\n%s", want, out.String())
	}
}

// TestRunWrites holds that a difference is written, says what it is, and is there again when it is replayed; and that cases
// that are kept replay without one.
func TestRunWrites(t *testing.T) {
	dir := t.TempDir()
	odd := &fake{plant: func(_ *topology.Topology, r *lab.Recording) {
		if r.Flow.Protocol == "icmp" && len(r.Path) > 0 {
			r.Path[0]["dev"] = "nowhere"
		}
	}}
	var out bytes.Buffer
	tally, err := Run(t.Context(), Config{Seed: 1, Networks: 6, FlowsPerNetwork: 3, Dir: dir}, odd, &out)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "seed-*.txtar"))
	if err != nil || len(files) == 0 || len(files) != tally.Differences {
		t.Fatalf("%d files for %d differences (%v), want one each and some", len(files), tally.Differences, err)
	}
	for _, f := range files {
		rep, err := Replay(f)
		if err != nil {
			t.Fatal(err)
		}
		if len(rep.Differences) != 1 || !strings.Contains(rep.Differences[0].Kernel, "nowhere") {
			t.Errorf("%s: %v, want the planted difference", f, rep.Differences)
		}
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Parse(data, f)
		if err != nil {
			t.Fatal(err)
		}
		if c.Recorded.Kernel != "6.1.0" || !strings.HasPrefix(c.Comment, "Seed ") || !strings.Contains(c.Comment, "kernel: {") {
			t.Errorf("%s: kernel %q, comment %q", f, c.Recorded.Kernel, c.Comment)
		}
	}
	kept := t.TempDir()
	if tally, err = Run(t.Context(), Config{Seed: 1, Networks: 6, FlowsPerNetwork: 3, Dir: kept, Keep: true}, &fake{}, &out); err != nil {
		t.Fatal(err)
	}
	files, err = filepath.Glob(filepath.Join(kept, "case-*.txtar"))
	if err != nil || len(files) != tally.Flows-tally.Not {
		t.Fatalf("%d cases kept of %d flows less %d not compared (%v)", len(files), tally.Flows, tally.Not, err)
	}
	if bad := replayDir(t, kept); bad != "" {
		t.Error(bad)
	}
}
