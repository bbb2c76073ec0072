package iptables

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/golden"
)

// sharedDir is where the recordings and dumps lie: beside the repository, or where PODPATH_SHARED says.
func sharedDir(t testing.TB) string {
	t.Helper()
	return filepath.Dir(golden.Dir(t))
}

// goldenDumps are all dumps under golden/ as name and text.
func goldenDumps(t testing.TB) map[string][]byte {
	dir := filepath.Join(sharedDir(t), "golden")
	dumps := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		base := filepath.Base(path)
		inFolder := strings.HasPrefix(name, "iptables-save"+string(filepath.Separator)) && strings.HasSuffix(base, ".txt")
		if inFolder || (strings.HasPrefix(base, "iptables-save") || strings.HasPrefix(base, "ip6tables-save")) && strings.HasSuffix(base, ".txt") {
			dumps[filepath.ToSlash(name)], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	dumps["kube-proxy/scale-1k.iptables-save.txt.gz"] = scale1k(t)
	return dumps
}

func scale1k(t testing.TB) []byte {
	f, err := os.Open(filepath.Join(sharedDir(t), "golden/kube-proxy/scale-1k.iptables-save.txt.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// notSaveOutput are the dumps that are no output of iptables-save: restore input written by hand, and `iptables -S`.
// They are compared with what the real tools make of them, in TestGoldenAgainstIptables.
var notSaveOutput = map[string]bool{
	"iptables-save/antrea-encap-full.txt":               true,
	"iptables-save/antrea-networkpolicyonly-on-eks.txt": true,
	"iptables-save/docker-28-swarm-portmap-S.txt":       true,
	"iptables-save/docker-28-usernet-portmap-S.txt":     true,
	"iptables-save/istio-ztunnel-dpu.txt":               true,
	"iptables-save/kube-proxy-docker-2019.txt":          true,
}

// jumpsOut counts the rules of a dump that jump to chains which are not in it: these two were cut from larger ones.
var jumpsOut = map[string]int{
	"iptables-save/antrea-networkpolicyonly-on-eks.txt": 1,
	"iptables-save/istio-ztunnel-dpu.txt":               4,
}

func TestGoldenPrintsBack(t *testing.T) {
	dumps := goldenDumps(t)
	rules, odd := 0, 0
	for name, text := range dumps {
		rs, err := Parse(bytes.NewReader(text), name)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		for _, r := range rs.NotUnderstood() {
			odd++
			if jumpsOut[name] == 0 || !strings.HasPrefix(r.NotUnderstood, "jump to unknown chain ") {
				t.Errorf("%s:%d: not understood: %s", name, r.Line, r.NotUnderstood)
			}
		}
		if n := len(rs.NotUnderstood()); n != jumpsOut[name] {
			t.Errorf("%s: %d rules not understood, want %d", name, n, jumpsOut[name])
		}
		for _, table := range rs.Tables {
			for _, c := range table.Chains {
				rules += len(c.Rules)
			}
		}
		if notSaveOutput[name] {
			continue
		}
		if got := rs.String(); got != string(text) {
			t.Errorf("%s does not print back:\n%s", name, firstDifference(got, string(text)))
		}
	}
	t.Logf("%d dumps, %d rules, %d not understood", len(dumps), rules, odd)
	if len(dumps) < 60 {
		t.Errorf("only %d dumps found", len(dumps))
	}
	golden.Count(t, "iptables dumps read", len(dumps))
	golden.Count(t, "iptables dumps printed back byte for byte", len(dumps)-len(notSaveOutput))
	golden.Count(t, "iptables rules not understood", odd)
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return "got  " + g[i] + "\nwant " + w[i]
		}
	}
	return "one is longer"
}
