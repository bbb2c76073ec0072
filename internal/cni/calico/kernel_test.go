package calico

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/cluster"
)

// TestKernel gives rules and sets to the kernel, in a network namespace of its own, and compares with what iptables-save
// prints back. It needs root and the tools; elsewhere it is skipped.
func TestKernel(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root for a network namespace")
	}
	for _, tool := range []string{"unshare", "ipset", "iptables-nft-restore", "iptables-nft-save"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s: %v", tool, err)
		}
	}
	if out, err := exec.Command("unshare", "-n", "sh", "-c", "ipset create x hash:net && iptables-nft -t raw -A PREROUTING -m set --match-set x src -m rpfilter --invert -j ACCEPT").CombinedOutput(); err != nil {
		t.Skipf("needs a kernel with sets: %v: %s", err, out)
	}
	for name, change := range map[string]func(*cluster.Cluster){"plain": func(*cluster.Cluster) {}, "settings": unusual} {
		t.Run(name, func(t *testing.T) {
			c := policiesCluster(t)
			change(c)
			r, err := Node(c, c.Nodes[0], machineOf(c, c.Nodes[0]))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			write(t, filepath.Join(dir, "sets"), setFile(r))
			write(t, filepath.Join(dir, "rules"), r.Head.String())
			write(t, filepath.Join(dir, "tail"), r.Tail.String())
			cmd := exec.Command("unshare", "-n", "sh", "-ec", "ipset restore <sets; iptables-nft-restore <rules; iptables-nft-restore -n <tail; iptables-nft-save")
			cmd.Dir = dir
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, stderr(err))
			}
			diff(t, "iptables-nft-save", parsedTables(t, string(out)), joined(r))
		})
	}
}

func stderr(err error) []byte {
	if e, ok := err.(*exec.ExitError); ok {
		return e.Stderr
	}
	return nil
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func setFile(r *Rules) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(r.Sets)) {
		s := r.Sets[name]
		fmt.Fprintf(&b, "create %s %s\n", s.Name, s.Type)
		for _, m := range s.Members() {
			fmt.Fprintf(&b, "add %s %s\n", s.Name, m)
		}
	}
	return b.String()
}
