package fuzz

import (
	"path/filepath"
	"testing"
)

// TestRegressions replays what kernels did in cases that were found by chance and kept: each made the tracer and a kernel
// differ once, or would have.
func TestRegressions(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("testdata has no recorded case: nothing was replayed")
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			rep, err := Replay(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range rep.Differences {
				t.Error(d)
			}
		})
	}
}
