package redact

import (
	"compress/gzip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/golden"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/snapshot"
)

// folder is a folder's dumps as one text.
func folder(t testing.TB, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch filepath.Ext(p) {
		case ".json", ".txt", ".yaml":
		default:
			return nil
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		fmt.Fprintf(&out, "-- %s --\n%s\n", filepath.ToSlash(rel), data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// dumps are all snapshots of the golden data, by name.
func dumps(t testing.TB) map[string]string {
	t.Helper()
	root := golden.Dir(t)
	out := map[string]string{}
	for _, pattern := range []string{"kernel/*/state", "aws-vpc-cni/*", "calico/*"} {
		dirs, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil || len(dirs) < 5 {
			t.Fatalf("%s: %d folders: %v", pattern, len(dirs), err)
		}
		for _, d := range dirs {
			if st, err := os.Stat(d); err == nil && st.IsDir() {
				rel, _ := filepath.Rel(root, d)
				out[rel] = folder(t, d)
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(root, "iptables-save", "*.txt"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d rule dumps: %v", len(files), err)
	}
	more, err := filepath.Glob(filepath.Join(root, "kube-proxy", "*", "*-*.txt"))
	if err != nil || len(more) < 20 {
		t.Fatalf("%d kube-proxy dumps: %v", len(more), err)
	}
	for _, f := range append(files, more...) {
		if strings.HasPrefix(filepath.Base(f), "ip6") {
			continue
		}
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		rel, _ := filepath.Rel(root, f)
		out[rel] = "-- node-1/iptables-save.txt --\n" + string(data)
		if in, err := os.ReadFile(filepath.Join(filepath.Dir(f), "input.yaml")); err == nil {
			out[rel] += "\n-- cluster/objects.yaml --\n" + string(in)
		}
	}
	out["kube-proxy/scale-1k"] = "-- n/iptables-save.txt --\n" + unzipped(t, filepath.Join(root, "kube-proxy", "scale-1k.iptables-save.txt.gz"))
	return out
}

func unzipped(t testing.TB, name string) string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func readDump(t testing.TB, text string) *compile.Compiled {
	t.Helper()
	top, err := snapshot.ReadArchive([]byte(text), "test")
	if err != nil {
		t.Fatal(err)
	}
	c, err := query.Snapshot(top)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestDumps traces between all places of all dumps, of the original and of the redacted ones.
func TestDumps(t *testing.T) {
	total, snapshots := 0, 0
	for name, text := range dumps(t) {
		t.Run(name, func(t *testing.T) {
			if _, err := snapshot.ReadArchive([]byte(text), name); err != nil {
				t.Skip("podpath does not read it: ", err)
			}
			out := redacted(t, Input{Snapshot, text})
			snapshots++
			a, b := readDump(t, text), readDump(t, out.Text)
			p := newPairing(t, out)
			far := []string{"8.8.8.8", "10.0.9.9"}
			for i := range a.Places {
				for j := range a.Places {
					if i != j && a.Places[i].Sends() {
						total += p.compare(a, b, query.Request{From: a.Places[i].Name, To: a.Places[j].Name})
					}
				}
				for _, to := range far {
					if a.Places[i].Sends() {
						total += p.compare(a, b, query.Request{From: a.Places[i].Name, To: to, Protocol: "udp", DstPort: 53})
					}
				}
			}
			same(t, a, b, out)
		})
	}
	t.Logf("%d snapshots, %d traces compared", snapshots, total)
	golden.Count(t, "snapshots that trace alike when they are redacted", snapshots)
}

var reCount = regexp.MustCompile(`\[[0-9]+:[0-9]+\]`)

// said are the lines of a text that say something: comments are left out when dumps are redacted, and counters set to zero.
func said(s string) []string {
	s = reCount.ReplaceAllString(s, "[0:0]")
	s = strings.ReplaceAll(s, "[0:0] -", "-")
	return slices.DeleteFunc(strings.Split(s, "\n"), func(l string) bool { l = strings.TrimSpace(l); return l == "" || l[0] == '#' })
}

// same holds every line of the state of every namespace to its replacement: addresses, rules, routes, neighbours, sets, rulesets.
func same(t *testing.T, a, b *compile.Compiled, out *Output) {
	t.Helper()
	namesA, namesB := a.Topology.Names(), b.Topology.Names()
	if len(namesA) != len(namesB) {
		t.Fatalf("%d namespaces, redacted %d", len(namesA), len(namesB))
	}
	p := newPairing(t, out)
	for i, n := range namesA {
		x, err1 := a.Topology.Namespace(n)
		y, err2 := b.Topology.Namespace(namesB[i])
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		for _, what := range []string{"addresses", "rules", "routes", "neighbours", "iptables", "nft", "ipsets"} {
			s, t1 := x.State(what), y.State(what)
			linesA, linesB := said(s), said(t1)
			if len(linesA) != len(linesB) {
				t.Errorf("%s: %s: %d lines, redacted %d", n, what, len(linesA), len(linesB))
				continue
			}
			wrong := 0
			for j := range linesA {
				if !p.same(linesA[j], linesB[j]) && wrong < 5 {
					wrong++
					t.Errorf("%s: %s: %s, redacted %s", n, what, linesA[j], linesB[j])
				}
			}
		}
	}
}
