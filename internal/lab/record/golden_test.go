package record

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/podpath/podpath/internal/golden"
	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/lab/build"
	"github.com/podpath/podpath/internal/snapshot"
)

// need skips where no lab can be built, in one sentence.
func need(t *testing.T) {
	t.Helper()
	if err := build.Needs(); err != nil {
		t.Skipf("the kernel lab is skipped: %v", err)
	}
}

// TestGolden makes every recording of golden/kernel anew from its state: what the reference's lab saw, this one sees, and the
// tracer says so too.
func TestGolden(t *testing.T) {
	need(t)
	states, err := filepath.Glob(filepath.Join(golden.Dir(t, "kernel"), "*", "state"))
	if err != nil || len(states) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, state := range states {
		scenario := filepath.Dir(state)
		t.Run(filepath.Base(scenario), func(t *testing.T) { again(t, scenario, state) })
	}
}

func again(t *testing.T, scenario, state string) {
	top, err := snapshot.Open(state)
	if err != nil {
		t.Fatal(err)
	}
	net, err := build.Build(own("golden"), top)
	var lacks *build.LacksError
	if errors.As(err, &lacks) {
		t.Logf("not remade: %v", err) // by name; the reference's recordings of it are compared with the tracer elsewhere
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	}()
	rec, err := New(net)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	flows, err := filepath.Glob(filepath.Join(scenario, "*", "flow.json"))
	if err != nil || len(flows) == 0 {
		t.Fatalf("no flows: %v", err)
	}
	made := 0
	for _, f := range flows {
		t.Run(filepath.Base(filepath.Dir(f)), func(t *testing.T) {
			reference, err := lab.Open(filepath.Dir(f))
			if err != nil {
				t.Fatal(err)
			}
			var own *lab.Recording
			for n := 0; n < tries && (n == 0 || len(differences(reference, own).Differences) > 0); n++ {
				if own, err = rec.Record(reference.Flow); err != nil { // again, where the machine was late (Judge)
					t.Fatal(err)
				}
			}
			if len(own.Path) == 0 {
				t.Error("no frame was seen")
			}
			for _, d := range differences(reference, own).Differences {
				t.Errorf("the reference's lab and this one: %v", d)
			}
			for _, exchange := range []bool{false, true} {
				rep, err := lab.Verify(own, exchange)
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range rep.Differences {
					t.Errorf("this kernel and the tracer: %v", d)
				}
			}
		})
		made++
	}
	golden.Count(t, "kernel recordings made anew", made)
}

// differences compares two recordings. Where the kernel draws an endpoint, it may draw another one: then there is nothing to
// compare but that each agrees with the tracer.
func differences(reference, own *lab.Recording) *lab.Report {
	if reference.Flow.ClientSaw != own.Flow.ClientSaw && reference.Flow.Name == "pod-clusterip-two-endpoints" {
		return &lab.Report{}
	}
	return lab.Compare(reference, own)
}

// own is a lab's name that no other run of the tests has.
func own(name string) string { return fmt.Sprintf("%s%d", name, os.Getpid()) }
