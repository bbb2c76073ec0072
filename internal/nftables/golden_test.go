package nftables

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sharedDir is where the recordings and dumps lie: beside the repository, or where PODPATH_SHARED says.
func sharedDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("PODPATH_SHARED")
	if dir == "" {
		root, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
				break
			}
			if root == filepath.Dir(root) {
				t.Fatal("no go.mod above the test")
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared")
	}
	if _, err := os.Stat(filepath.Join(dir, "golden")); err != nil {
		t.Skipf("no golden data: %v (set PODPATH_SHARED to the folder that has golden/)", err)
	}
	return dir
}

func goldenListings(t testing.TB) map[string][]byte {
	dir := filepath.Join(sharedDir(t), "golden")
	listings := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if base := filepath.Base(path); strings.HasPrefix(base, "nft") && strings.HasSuffix(base, ".txt") {
			name, _ := filepath.Rel(dir, path)
			listings[filepath.ToSlash(name)], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return listings
}

func TestGoldenPrintsBack(t *testing.T) {
	listings := goldenListings(t)
	if len(listings) < 9 {
		t.Errorf("only %d listings found", len(listings))
	}
	for name, text := range listings {
		rs, err := Parse(bytes.NewReader(text), name)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := rs.String(); got != string(text) {
			t.Errorf("%s does not print back", name)
		}
		rules, odd := 0, 0
		for _, table := range rs.Tables {
			for _, c := range table.Chains {
				rules += len(c.Rules)
			}
		}
		for _, r := range rs.NotUnderstood() {
			odd++
			if r.Chain.Table.Name == "aws-cni" {
				t.Errorf("%s:%d: not understood: %s", name, r.Line, r.NotUnderstood)
			}
		}
		t.Logf("%s: %d rules, %d not understood", name, rules, odd)
		if rules == 0 && !strings.Contains(name, "external-snat-nft") {
			t.Errorf("%s: no rules", name)
		}
	}
}
