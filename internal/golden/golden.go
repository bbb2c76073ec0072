// Package golden finds the recordings of real plugins and kernels that tests compare with. They lie beside the
// repository, in ../shared/golden, and are read at run time; where they are absent a test skips and says so.
package golden

import (
	"os"
	"path/filepath"
	"testing"
)

// Dir is a folder of the golden data. It skips the test where the data is absent, unless PODPATH_REQUIRE_SHARED is
// set, as .ci/run does where the folder exists: then a missing one is a failure.
func Dir(tb testing.TB, elem ...string) string {
	tb.Helper()
	dir := filepath.Join(append([]string{Shared(tb), "golden"}, elem...)...)
	if _, err := os.Stat(dir); err != nil {
		skip(tb, "golden data: %v", err)
	}
	return dir
}

// Shared is the folder ../shared beside the repository, or what PODPATH_SHARED names.
func Shared(tb testing.TB) string {
	tb.Helper()
	if dir := os.Getenv("PODPATH_SHARED"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			tb.Fatal("no go.mod above the test's folder")
		}
		dir = up
	}
	shared := filepath.Join(filepath.Dir(dir), "shared")
	if _, err := os.Stat(shared); err != nil {
		skip(tb, "no folder ../shared beside the repository: golden data is compared only where it is (PODPATH_SHARED names another place)")
	}
	return shared
}

func skip(tb testing.TB, format string, args ...any) {
	tb.Helper()
	if os.Getenv("PODPATH_REQUIRE_SHARED") != "" {
		tb.Fatalf(format, args...)
	}
	tb.Skipf(format, args...)
}

// Count notes that n golden cases of a kind ran and passed, in a line that .ci/run adds up.
func Count(tb testing.TB, kind string, n int) {
	tb.Helper()
	if tb.Failed() {
		return
	}
	tb.Logf("golden: %d %s", n, kind)
}
