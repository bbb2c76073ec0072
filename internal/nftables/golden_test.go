package nftables

import (
	"bytes"
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
			if r.Chain.Table.Name == "aws-cni" || r.Chain.Table.Name == "kube-proxy" && r.Chain.Table.Family == "ip" {
				t.Errorf("%s:%d: not understood: %s", name, r.Line, r.NotUnderstood)
			}
		}
		t.Logf("%s: %d rules, %d not understood", name, rules, odd)
		if rules == 0 && !strings.Contains(name, "external-snat-nft") {
			t.Errorf("%s: no rules", name)
		}
	}
	golden.Count(t, "nft listings printed back byte for byte", len(listings))
}
