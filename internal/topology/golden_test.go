package topology_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/golden"
	"github.com/podpath/podpath/internal/snapshot"
	"github.com/podpath/podpath/internal/topology"
)

// TestTextsPrintBack: what `ip rule` and `ip route` print of real nodes is read and printed back, line by line.
func TestTextsPrintBack(t *testing.T) {
	root := golden.Dir(t)
	for _, x := range []struct {
		name  string
		lines func(t *testing.T, text string) []string
	}{
		{"ip-rule.txt", func(t *testing.T, text string) []string {
			var out []string
			for _, l := range split(text) {
				r, err := snapshot.ParseRule(l)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, r.String())
			}
			return out
		}},
		{"ip-route.txt", func(t *testing.T, text string) []string {
			top, err := snapshot.ReadArchive([]byte("-- n/ip-route.txt --\n"+text), "route")
			if err != nil {
				t.Fatal(err)
			}
			ns, err := top.Namespace("n")
			if err != nil {
				t.Fatal(err)
			}
			return split(printed(ns.Routes))
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join(root, "*", "*", x.name))
			if err != nil || len(files) < 20 {
				t.Fatalf("%d files: %v", len(files), err)
			}
			lines := 0
			for _, f := range files {
				b, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				got, want := x.lines(t, string(b)), split(string(b))
				for i := range max(len(got), len(want)) {
					if i >= len(got) || i >= len(want) || got[i] != want[i] {
						t.Errorf("%s, line %d:\n got %q\nwant %q", f, i+1, at(got, i), at(want, i))
						break
					}
				}
				lines += len(want)
			}
			golden.Count(t, "lines of "+x.name+" printed back", lines)
		})
	}
}

// printed is the routes as ip prints them.
func printed(routes []*topology.Route) string {
	var b strings.Builder
	for _, r := range routes {
		b.WriteString(r.String() + "\n")
	}
	return b.String()
}

// split gives the lines without the blank that ip leaves at their ends.
func split(text string) []string {
	var out []string
	for _, l := range strings.Split(text, "\n") {
		if l = strings.TrimRight(l, " "); l != "" {
			out = append(out, l)
		}
	}
	return out
}

func at(l []string, i int) string {
	if i < len(l) {
		return l[i]
	}
	return ""
}
