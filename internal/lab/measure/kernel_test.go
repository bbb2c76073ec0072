package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/podpath/podpath/internal/lab/build"
	"github.com/podpath/podpath/internal/lab/space"
	"github.com/podpath/podpath/internal/latency"
)

// need skips where nothing can be measured, in one sentence.
func need(t *testing.T) {
	t.Helper()
	if err := build.Needs(); err != nil {
		t.Skipf("measuring is skipped: %v", err)
	}
}

// lab is this test's own: several may run at the same time.
func lab(word string) string { return fmt.Sprintf("test%s%d", word, os.Getpid()) }

// TestRun measures every path in few round trips. How long they take is not judged.
func TestRun(t *testing.T) {
	need(t)
	cpu, err := CPU()
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Lab: lab("run"), Trips: 50, Runs: 2, CPU: cpu}
	m, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Times)+len(m.Lacks) != len(Paths) || m.Time(Loopback) == nil || m.Time(Native) == nil {
		t.Errorf("%d paths measured and %d left out (%v), of %d", len(m.Times), len(m.Lacks), m.Lacks, len(Paths))
	}
	for _, x := range m.Times {
		if x.Answered != o.Trips*o.Runs || len(x.Best) != o.Runs || len(x.Median) != o.Runs {
			t.Errorf("%s: %d answers, best %v, median %v; want %d answers in %d runs", x.Path, x.Answered, x.Best, x.Median, o.Trips*o.Runs, o.Runs)
		}
		for run := range x.Best {
			if x.Best[run] <= 0 || x.Best[run] > x.Median[run] {
				t.Errorf("%s, run %d: best %d, median %d", x.Path, run, x.Best[run], x.Median[run])
			}
		}
	}
	data, err := File(Derive(m), "here")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := latency.Read(data, "costs.json"); err != nil {
		t.Error(err)
	}
	gone(t, o.Lab)
	var text strings.Builder
	if err := Print(&text, m, Derive(m)); err != nil {
		t.Fatal(err)
	}
	for i := range Paths {
		if !strings.Contains(text.String(), Paths[i].Title) {
			t.Errorf("%s is not in what is printed:\n%s", Paths[i].Title, text.String())
		}
	}
}

// gone checks that a lab left no namespace.
func gone(t *testing.T, lab string) {
	t.Helper()
	left, err := space.List(lab)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestRunEnds: a measurement that is broken off takes its namespaces down.
func TestRunEnds(t *testing.T) {
	need(t)
	ctx, stop := context.WithCancel(context.Background())
	stop()
	o := Options{Lab: lab("ends"), Trips: 1, Runs: 1}
	if _, err := Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	gone(t, o.Lab)
	o.Lab, o.CPU = lab("cpu"), 1<<9 // no machine that this runs on has so many
	if _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "CPU 512") {
		t.Errorf("on a CPU that is not there: %v", err)
	}
	gone(t, o.Lab)
}

func TestRunRefuses(t *testing.T) {
	for _, o := range []Options{{Trips: 0, Runs: 1}, {Trips: 1, Runs: 0}} {
		if _, err := Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "want at least one of each") {
			t.Errorf("%+v: got %v", o, err)
		}
	}
}

// TestFresh: each first packet comes from another port, and makes a connection of its own in conntrack.
func TestFresh(t *testing.T) {
	need(t)
	var path *Path
	for i := range Paths {
		if Paths[i].Name == Tracked {
			path = &Paths[i]
		}
	}
	laid, err := Lay([]*Path{path})
	if err != nil {
		t.Fatal(err)
	}
	net, err := build.Build(lab("fresh"), laid.Topology)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := net.Close(); err != nil {
			t.Error(err)
		}
		gone(t, net.Lab)
	}()
	cpu, err := CPU()
	if err != nil {
		t.Fatal(err)
	}
	const n = 30
	c := path.conversation(net, laid.Ends[path.Name], cpu)
	times, err := c.Fresh(n)
	if err != nil || len(times) != n {
		t.Errorf("%d times, %v; want %d", len(times), err, n)
	}
	flows, err := net.Space(path.router()).Netlink().ConntrackTableList(netlink.ConntrackTable, unix.AF_INET)
	if err != nil || len(flows) != n+warmUp {
		t.Errorf("conntrack has %d connections, %v; want %d", len(flows), err, n+warmUp)
	}
	c.Servers = nil
	if _, err := c.Fresh(1); err == nil {
		t.Error("nobody listens, and something answers")
	}
	if _, err := c.Fresh(MaxFresh + 1); err == nil || !strings.Contains(err.Error(), "there are ports for") {
		t.Errorf("more first packets than ports: %v", err)
	}
}
