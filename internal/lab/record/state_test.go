package record

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/golden"
	"github.com/podpath/podpath/internal/lab/build"
	"github.com/podpath/podpath/internal/snapshot"
	"github.com/podpath/podpath/internal/topology"
)

// TestReadBack builds every network that golden data has dumps of, has the kernel's own tools print what they find in it, and
// reads that again: rules, routes and rulesets are those of the dump, and so is what each namespace is and whether its rules
// are recorded.
func TestReadBack(t *testing.T) {
	need(t)
	var dirs []string
	for _, pattern := range []string{filepath.Join(golden.Dir(t, "kernel"), "*", "state"), filepath.Join(golden.Dir(t, "aws-vpc-cni"), "*", "ip-addr.json")} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, f := range found {
			dirs = append(dirs, strings.TrimSuffix(f, "/ip-addr.json"))
		}
	}
	read := 0
	for _, dir := range dirs {
		t.Run(filepath.Base(strings.TrimSuffix(dir, "/state")), func(t *testing.T) {
			if readBack(t, dir) {
				read++
			}
		})
	}
	golden.Count(t, "dumped networks built and read back", read)
}

func readBack(t *testing.T, dir string) bool {
	top, err := snapshot.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	net, err := build.Build(own("readback"), top)
	var lacks *build.LacksError
	if errors.As(err, &lacks) {
		t.Logf("not built: %v", err)
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	}()
	out := t.TempDir()
	if err := SaveState(net, out); err != nil {
		t.Fatal(err)
	}
	again, err := snapshot.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range top.Names() {
		a, err := top.Namespace(name)
		if err != nil {
			t.Fatal(err)
		}
		b, err := again.Namespace(strings.ReplaceAll(name, "/", "."))
		if err != nil {
			t.Fatal(err)
		}
		if a.Kind != b.Kind {
			t.Errorf("%s: kind %q in the topology, %q in what was saved", name, a.Kind, b.Kind)
		}
		if x, y := top.IsTraced(a), again.IsTraced(b); x != y {
			t.Errorf("%s: traced %t in the topology, %t in what was saved", name, x, y)
		}
		for _, part := range []string{"rules", "routes", "iptables", "ipsets"} {
			if x, y := tidied(a, part), tidied(b, part); x != y {
				t.Errorf("%s: %s: the topology has\n%s\nand the kernel\n%s", name, part, x, y)
			}
		}
	}
	return true
}

// tidied is a part of a namespace's state without what the kernel may say otherwise: a route whose next hop nothing reaches any
// more is built as onlink; sets and tables come in an order of their own, and a dump has remarks.
func tidied(ns *topology.Namespace, part string) string {
	s := ns.State(part)
	switch part {
	case "routes":
		return strings.ReplaceAll(s, " onlink", "")
	case "ipsets":
		lines := strings.Split(s, "\n")
		slices.Sort(lines)
		return strings.Join(lines, "\n")
	case "iptables":
		tables := strings.Split(remarks.ReplaceAllString(counters.ReplaceAllString(s, "[0:0]"), ""), "*")
		slices.Sort(tables)
		return strings.Join(tables, "*")
	}
	return s
}
