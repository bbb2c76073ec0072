package fuzz

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	envReplay = "PODPATH_FUZZ_REPLAY" // the folder that TestReplayDir replays
	envFake   = "PODPATH_FUZZ_FAKE"   // how many networks the tracer itself records for TestMutants, where no kernel does
)

// TestMutants plants mistakes in the tracer one by one and asks whether the recorded cases show each. Every mutant is a test
// binary of this package, built with an overlay, that replays the folder.
func TestMutants(t *testing.T) {
	dir := t.TempDir()
	if n := os.Getenv(envFake); n != "" {
		recordFake(t, dir, n)
	} else {
		needKernel(t)
		record(t, dir)
	}
	cases, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases were recorded: %v", err)
	}
	if bad := replayDir(t, dir); bad != "" {
		t.Fatalf("the tracer as it is differs already: %s", bad)
	}
	for name := range soon {
		if !slices.ContainsFunc(mutants, func(m mutant) bool { return m.name == name }) {
			t.Errorf("no mutant is called %q", name)
		}
	}
	for _, m := range mutants {
		if !soon[m.name] && os.Getenv(envMutants) != "all" {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			bin := m.build(t)
			cmd := exec.Command(bin, "-test.run", "^TestReplayDir$", "-test.timeout", "10m")
			cmd.Env = append(os.Environ(), envReplay+"="+dir)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Errorf("survives %d cases", len(cases))
				return
			}
			t.Logf("%s", firstDifference(string(out)))
		})
	}
}

var reCase = regexp.MustCompile(`difference \d+ of \d+: \S+`)

// firstDifference is what a replay says of the first case that differs; else the head of what it says (a mutant may panic).
func firstDifference(out string) string {
	if m := reCase.FindString(out); m != "" {
		return m
	}
	return out[:min(300, len(out))]
}

// TestMutantsApply holds that every mutant's snippet is where it is looked for, once: a tracer that changes takes its mutants
// along.
func TestMutantsApply(t *testing.T) {
	root := moduleRoot(t)
	names := map[string]bool{}
	for _, m := range mutants {
		data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(m.file)))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(data), m.old); n != 1 || m.old == m.new || names[m.name] {
			t.Errorf("%s: its snippet is %d times in %s, want once, another than the new one, and a name of its own", m.name, n, m.file)
		}
		names[m.name] = true
	}
}

// build makes the test binary with the mistake in it.
func (m *mutant) build(t *testing.T) string {
	t.Helper()
	root, dir := moduleRoot(t), t.TempDir()
	file := filepath.Join(root, filepath.FromSlash(m.file))
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(data), m.old) != 1 {
		t.Fatalf("its snippet is not once in %s", m.file)
	}
	changed := filepath.Join(dir, filepath.Base(m.file))
	if err := os.WriteFile(changed, []byte(strings.Replace(string(data), m.old, m.new, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {file: changed}})
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o644); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "mutant.test")
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-overlay", list, "-o", bin, ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("does not compile: %v\n%s", err, out)
	}
	return bin
}

// moduleRoot is the folder of go.mod; tests run in their package's.
func moduleRoot(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		t.Fatalf("go list -m: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// TestReplayDir is what a mutant's binary runs: it replays a folder and fails at the first difference.
func TestReplayDir(t *testing.T) {
	dir := os.Getenv(envReplay)
	if dir == "" {
		t.Skip(envReplay + " names no folder of recorded cases: TestMutants runs this in binaries of its own")
	}
	if bad := replayDir(t, dir); bad != "" {
		t.Error(bad)
	}
}

// replayDir replays a folder's cases in order and says where the first difference is; "" for none.
func replayDir(t *testing.T, dir string) string {
	t.Helper()
	cases, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("%s: no cases: %v", dir, err)
	}
	for i, name := range cases {
		rep, err := Replay(name)
		if err != nil {
			return fmt.Sprintf("difference %d of %d: %s %v", i+1, len(cases), filepath.Base(name), err)
		}
		if len(rep.Differences) > 0 {
			return fmt.Sprintf("difference %d of %d: %s %v", i+1, len(cases), filepath.Base(name), rep.Differences[0])
		}
	}
	return ""
}

// recordFake has the tracer itself record the cases of so many networks.
func recordFake(t *testing.T, dir, networks string) {
	t.Helper()
	var n int
	if _, err := fmt.Sscan(networks, &n); err != nil || n < 1 {
		t.Fatalf("%s=%q: want a number of networks", envFake, networks)
	}
	if _, err := Run(t.Context(), Config{Seed: 1, Networks: n, Dir: dir, Keep: true}, &fake{}, io.Discard); err != nil {
		t.Fatal(err)
	}
}
