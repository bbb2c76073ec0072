package lab

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/podpath/podpath/internal/golden"
)

// TestRecordings holds the tracer to the kernel: path, rules and conntrack of every recorded flow.
func TestRecordings(t *testing.T) {
	root := golden.Dir(t, "kernel")
	for _, scenario := range []string{"aws-vpc-cni", "aws-vpc-cni-nft", "calico-direct", "calico-vxlan", "calico-ipip", "kubenet"} {
		entries, err := os.ReadDir(filepath.Join(root, scenario))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() == "state" {
				continue
			}
			dir := filepath.Join(root, scenario, e.Name())
			t.Run(scenario+"/"+e.Name(), func(t *testing.T) {
				r, err := Open(dir)
				if err != nil {
					t.Fatal(err)
				}
				for _, exchange := range []bool{false, true} {
					rep, err := Verify(r, exchange)
					if err != nil {
						t.Fatal(err)
					}
					for _, d := range rep.Differences {
						t.Errorf("exchange=%v: %v", exchange, d)
					}
				}
				golden.Count(t, "kernel recordings", 1)
			})
		}
	}
}
