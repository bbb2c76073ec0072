package fuzz

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/podpath/podpath/internal/lab/build"
)

// needKernel skips where no lab can be built, in one sentence.
func needKernel(t *testing.T) {
	t.Helper()
	if err := build.Needs(); err != nil {
		if os.Getenv(envMutants) == "all" {
			t.Fatal(err) // who asks for every mutant is not told that all is well
		}
		t.Skipf("the kernel lab is skipped: %v", err)
	}
}

// envNetworks is how many networks the kernel records for the mutants, envMutants is "all" for every mutant; without them, as in
// `make test`, it is some that show themselves soon.
const (
	envNetworks = "PODPATH_FUZZ_NETWORKS"
	envMutants  = "PODPATH_MUTANTS"
	fewNetworks = 15
)

// record fills a folder with cases that this machine's kernel recorded.
func record(t *testing.T, dir string) {
	t.Helper()
	networks := fewNetworks
	if s := os.Getenv(envNetworks); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("%s=%s: want a number", envNetworks, s)
		}
		networks = n
	}
	kernel := Linux{Lab: fmt.Sprintf("mutants%d", os.Getpid())}
	tally, err := Run(t.Context(), Config{Seed: 1, Networks: networks, Dir: dir, Keep: true, Features: kernel.Features()}, kernel, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	if tally.Differences > 0 {
		t.Fatalf("the kernel and the tracer differ %d times before any mistake is planted", tally.Differences)
	}
}
