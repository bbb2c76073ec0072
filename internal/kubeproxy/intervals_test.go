package kubeproxy

import (
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// The intervals are what nft 1.0.6 listed for `nft add rule ip t c ip saddr != { ... } drop` with these prefixes;
// TestIntervalsAsNFT asks the nft of this machine again.
var intervalRows = []struct{ in, want string }{
	{"10.0.0.0/8, 10.1.0.0/16", "10.0.0.0/8"},
	{"10.0.0.0/8, 172.16.0.1/32", "10.0.0.0/8, 172.16.0.1"},
	{"10.0.0.0/9, 10.128.0.0/9", "10.0.0.0/8"},
	{"10.1.0.0/16, 10.0.0.0/16, 10.2.0.0/16", "10.0.0.0-10.2.255.255"},
	{"11.0.0.0/16, 11.1.0.0/16, 11.2.0.0/15", "11.0.0.0/14"},
	{"10.0.0.0/8, 172.16.0.2/32, 172.16.0.3/32", "10.0.0.0/8, 172.16.0.2/31"},
	{"10.0.0.0/8, 9.0.0.0/8, 12.0.0.0/8, 12.1.1.1/32", "9.0.0.0-10.255.255.255, 12.0.0.0/8"},
	{"10.0.0.0/24, 10.0.1.0/32", "10.0.0.0-10.0.1.0"},
	{"0.0.0.0/0, 10.0.0.0/8", "0.0.0.0/0"},
	{"0.0.0.0/1, 128.0.0.0/1", "0.0.0.0/0"},
	{"255.0.0.0/8, 10.0.0.0/8", "10.0.0.0/8, 255.0.0.0/8"},
	{"10.0.0.5/32, 10.0.0.5/32", "10.0.0.5"},
}

func TestIntervals(t *testing.T) {
	for _, x := range intervalRows {
		if got := listed(t, x.in); got != x.want {
			t.Errorf("%s: got %s, nft lists %s", x.in, got, x.want)
		}
	}
}

func listed(t *testing.T, in string) string {
	t.Helper()
	var prefixes []netip.Prefix
	for s := range strings.SplitSeq(in, ", ") {
		prefixes = append(prefixes, netip.MustParsePrefix(s))
	}
	var out []string
	for _, r := range intervals(prefixes) {
		out = append(out, r.String())
	}
	return strings.Join(out, ", ")
}

// TestIntervalsAsNFT has the kernel list the rows in a network namespace of its own.
func TestIntervalsAsNFT(t *testing.T) {
	if err := exec.Command("unshare", "-n", "nft", "list", "ruleset").Run(); err != nil {
		t.Skipf("no network namespace with nft in it (want root, unshare and nft): %v", err)
	}
	script := "add table ip t\n"
	for i, x := range intervalRows {
		script += fmt.Sprintf("add chain ip t c%d\nadd rule ip t c%d ip saddr != { %s } drop\n", i, i, x.in)
	}
	cmd := exec.Command("unshare", "-n", "sh", "-c", "nft -f - && nft list table ip t")
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("nft: %v\n%s", err, out)
	}
	lines := strings.Split(string(out), "\n")
	for i, x := range intervalRows {
		at := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(strings.TrimSpace(l), fmt.Sprintf("chain c%d {", i)) })
		if want := "ip saddr != { " + listed(t, x.in) + " } drop"; at < 0 || strings.TrimSpace(lines[at+1]) != want {
			t.Errorf("%s: nft lists %s, want %s", x.in, lines[at+1], want)
		}
	}
}
