package fuzz

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzParse: an archive that somebody has edited is read or refused, and what was read can be written. (That a case says the same
// when it is read again is TestCaseRoundTrip's.)
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.txtar"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no cases: %v", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 8000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(data, "fuzz")
		if err != nil {
			return
		}
		if _, err := c.Format(); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
		_, _ = c.Recording() // it may be refused: its cluster, its edits
	})
}

// FuzzEdit: an edit is read or refused.
func FuzzEdit(f *testing.F) {
	for _, e := range []string{"node-a: sysctl net.ipv4.conf.all.rp_filter=2", "node-a: rule 1500:\tfrom all fwmark 0x1 lookup 77", "a: route blackhole 10.0.0.0/8 table 7",
		"a: iptables -t mangle -A OUTPUT -j MARK --set-xmark 0x1/0x1", "a: address 10.0.0.1/24 dev eth0", "a:", ": :"} {
		f.Add(e)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if e, err := ParseEdit(line); err == nil && e.Namespace == "" {
			t.Errorf("%q is an edit of no namespace", line)
		}
	})
}
