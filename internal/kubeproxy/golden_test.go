package kubeproxy

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/golden"
	"github.com/podpath/podpath/internal/iptables"
)

// dump is what a ruleset says, by table and chain: the text of every rule as iptables-save prints it. It is taken from
// text, not from parsed rules, so that it does not depend on what internal/iptables understands.
type dump struct {
	rules map[string][]string // "nat KUBE-SERVICES"
	order []string            // chains, table by table
}

func readDump(t testing.TB, text []byte) dump {
	t.Helper()
	d := dump{rules: map[string][]string{}}
	table := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "" || line[0] == '#' || line == "COMMIT":
		case line[0] == '*':
			table = line[1:]
		case line[0] == ':':
			name := table + " " + strings.Fields(line[1:])[0]
			d.order = append(d.order, name)
			if d.rules[name] != nil {
				t.Fatalf("chain %s is there twice", name)
			}
			d.rules[name] = []string{}
		case strings.HasPrefix(line, "-A "):
			chain, rule, _ := strings.Cut(line[len("-A "):], " ")
			name := table + " " + chain
			if d.rules[name] == nil {
				t.Fatalf("rule of a chain that was not declared: %s", line)
			}
			d.rules[name] = append(d.rules[name], rule)
		default:
			t.Fatalf("line %q", line)
		}
	}
	return d
}

func print(t testing.TB, rs *iptables.Ruleset) dump {
	t.Helper()
	var b bytes.Buffer
	if _, err := rs.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return readDump(t, b.Bytes())
}

// random are the chains in which the order among Service ports is that of a Go map in kube-proxy.
var random = map[string]bool{"nat KUBE-SERVICES": true, "nat KUBE-NODEPORTS": true, "filter KUBE-NODEPORTS": true,
	"filter KUBE-SERVICES": true, "filter KUBE-EXTERNAL-SERVICES": true, "filter KUBE-PROXY-FIREWALL": true}

const lastJump = "kubernetes service nodeports; NOTE: this must be the last rule in this chain"

// arrange brings the rules of a random chain into one order: those of a Service port stay as they are and together, the
// jumps to node ports, which must be last, are sorted.
func arrange(t *testing.T, chain string, rules []string) []string {
	groups := map[string][]string{}
	var jumps []string
	previous := ""
	for _, r := range rules {
		_, note, ok := strings.Cut(r, `--comment "`)
		if !ok {
			t.Fatalf("%s: no comment in %s", chain, r)
		}
		if strings.HasPrefix(note, lastJump) {
			jumps = append(jumps, r)
			continue
		}
		if jumps != nil {
			t.Errorf("%s: after the jump to node ports: %s", chain, r)
		}
		name := note[:strings.IndexAny(note, ` "`)]
		if groups[name] != nil && name != previous {
			t.Errorf("%s: rules of %s stand apart", chain, name)
		}
		groups[name] = append(groups[name], r)
		previous = name
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		out = append(out, groups[name]...)
	}
	slices.Sort(jumps)
	return append(out, jumps...)
}

// compare compares all tables, chain by chain, and gives how many rules are the same.
func compare(t *testing.T, got, want dump) int {
	t.Helper()
	if d := cmp.Diff(want.order, got.order); d != "" {
		t.Errorf("chains (-kube-proxy +podpath):\n%s", d)
	}
	same := 0
	for name, rules := range want.rules {
		mine := got.rules[name]
		if random[name] {
			rules, mine = arrange(t, name, rules), arrange(t, name, mine)
		}
		if d := cmp.Diff(rules, mine); d != "" && !(len(rules) == 0 && len(mine) == 0) {
			t.Errorf("%s (-kube-proxy +podpath):\n%s", name, d)
			continue
		}
		same += len(rules)
	}
	return same
}

// inputOf makes the input of a recording from its objects and its host.txt.
func inputOf(t testing.TB, objects []byte, host string) *Input {
	t.Helper()
	o, err := cluster.ReadObjects(objects, "input.yaml")
	if err != nil {
		t.Fatal(err)
	}
	in := &Input{Config: o.KubeProxy, Services: o.Services, EndpointSlices: o.EndpointSlices}
	for _, n := range o.Nodes {
		if n.Name == o.KubeProxy.HostnameOverride {
			in.Node = n
		}
	}
	in.KubeletFirst = in.Node.Annotations["golden/kubelet-rules-first"] == "true"
	if host != "" {
		if in.HostAddresses, err = ParseHostAddresses(host); err != nil {
			t.Fatal(err)
		}
	}
	return in
}

func read(t testing.TB, elem ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func gunzip(t testing.TB, file string) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(read(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestGolden compiles the input of every recording of the real kube-proxy and compares every rule.
func TestGolden(t *testing.T) {
	dir := golden.Dir(t, "kube-proxy")
	inputs, err := filepath.Glob(filepath.Join(dir, "*", "input.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	cases, rules := 0, 0
	run := func(name string, in *Input, f Family, want []byte) {
		t.Run(name, func(t *testing.T) {
			rs, err := Rules(in, f)
			if err != nil {
				t.Fatal(err)
			}
			n := compare(t, print(t, rs), readDump(t, want))
			if len(rs.NotUnderstood()) > 0 {
				t.Errorf("not understood: %s", rs.NotUnderstood()[0].Text())
			}
			if !t.Failed() {
				cases, rules = cases+1, rules+n
			}
		})
	}
	for _, input := range inputs {
		folder := filepath.Dir(input)
		name := filepath.Base(folder)
		if name == "nftables-sample" {
			continue
		}
		in := inputOf(t, read(t, input), string(read(t, folder, "host.txt")))
		run(name, in, IPv4, read(t, folder, "iptables-save.txt"))
		if _, err := os.Stat(filepath.Join(folder, "ip6tables-save.txt")); err == nil {
			run(name+"-v6", in, IPv6, read(t, folder, "ip6tables-save.txt"))
		}
	}
	in := inputOf(t, gunzip(t, filepath.Join(dir, "scale-1k.input.yaml.gz")), "")
	run("scale-1k", in, IPv4, gunzip(t, filepath.Join(dir, "scale-1k.iptables-save.txt.gz")))
	if cases < 30 {
		t.Errorf("only %d cases", cases)
	}
	t.Logf("%d rules the same", rules)
	golden.Count(t, "kube-proxy cases compiled", cases)
}

// TestCompareFinds holds the comparison to its word: each kind of difference shows.
func TestCompareFinds(t *testing.T) {
	rule := func(service, what string) string {
		return fmt.Sprintf(`-m comment --comment "%s %s" -j X`, service, what)
	}
	jump := `-m comment --comment "` + lastJump + `" -j KUBE-NODEPORTS`
	base := []string{rule("a/a", "1"), rule("a/a", "2"), rule("b/b", "1"), jump}
	for _, x := range []struct {
		name  string
		rules []string
		same  bool
	}{
		{"the same", base, true},
		{"other order among ports", []string{base[2], base[0], base[1], jump}, true},
		{"other order within a port", []string{base[1], base[0], base[2], jump}, false},
		{"a rule missing", []string{base[0], base[2], jump}, false},
		{"a rule twice", []string{base[0], base[0], base[1], base[2], jump}, false},
	} {
		got := slices.Equal(arrange(t, "nat KUBE-SERVICES", x.rules), arrange(t, "nat KUBE-SERVICES", base))
		if got != x.same {
			t.Errorf("%s: same %v, want %v", x.name, got, x.same)
		}
	}
}
