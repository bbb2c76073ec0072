package iptables

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// printRow is one line of testdata/print-1.8.9.txt, or of print6-1.8.9.txt, where six is set.
type printRow struct {
	table, chain, spec, want string
	six                      bool
}

func printRows(t testing.TB) []printRow {
	return append(printRowsOf(t, "testdata/print-1.8.9.txt"), printRowsOf(t, "testdata/print6-1.8.9.txt")...)
}

func printRowsOf(t testing.TB, file string) []printRow {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rows []printRow
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if len(f) != 3 {
			t.Fatalf("row %q has %d fields", line, len(f))
		}
		table, _, _ := strings.Cut(f[0], "-")
		rows = append(rows, printRow{table, strings.Fields(f[2])[1], f[1], f[2], strings.Contains(file, "print6")})
	}
	return rows
}

// notModelled are extensions in the table that podpath keeps as text; it cannot normalise those.
var notModelled = []string{
	"-m pkttype", "-m iprange", "-m length", "-m ttl", "-m tcpmss", "-m string", "-m hashlimit", "-m dscp", "-m u32",
	"--tcp-option", "--chunk-types", "--ctexpire", "-j NFQUEUE", "-j NETMAP", "-j TCPMSS", "-j TOS", "-j DSCP",
	"-j TPROXY", "-j CHECKSUM", "-j CLASSIFY", "-j SET",
}

func TestPrint(t *testing.T) {
	modelled := 0
	for _, row := range printRows(t) {
		table := NewTable(row.table)
		table.AddChain("UCHAIN")
		c := table.Chain(row.chain)
		if err := c.Append(row.spec); err != nil {
			t.Errorf("%s: %v", row.spec, err)
			continue
		}
		r := c.Rules[0]
		if slices.ContainsFunc(notModelled, func(s string) bool { return strings.Contains(row.spec, s) }) {
			if r.NotUnderstood == "" {
				t.Errorf("%s: understood", row.spec)
			}
		} else {
			modelled++
			if r.NotUnderstood != "" {
				t.Errorf("%s: not understood: %s", row.spec, r.NotUnderstood)
			}
			if got := r.Text(); got != row.want {
				t.Errorf("%s\ngot  %s\nwant %s", row.spec, got, row.want)
			}
		}
		// What iptables printed comes back as it is, modelled or not.
		again := &Ruleset{}
		again.AddTable(row.table).AddChain("UCHAIN")
		if err := again.Table(row.table).Chain(row.chain).Append(strings.TrimPrefix(row.want, "-A "+row.chain)); err != nil {
			t.Errorf("%s: %v", row.want, err)
		} else if got := again.Table(row.table).Chain(row.chain).Rules[0].Text(); got != row.want {
			t.Errorf("printed rule does not print back\ngot  %s\nwant %s", got, row.want)
		}
	}
	t.Logf("%d rules of modelled matches and targets", modelled)
}

// inNamespace runs a command in a network namespace of its own that ends with it, or skips the test.
func inNamespace(t *testing.T, stdin []byte, script string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("not root: the real iptables is not asked")
	}
	for _, prog := range []string{"unshare", "iptables-nft-restore", "iptables-nft-save", "iptables-legacy-restore", "ip6tables-nft-restore", "ip6tables-legacy-restore"} {
		if _, err := exec.LookPath(prog); err != nil {
			t.Skipf("the real iptables is not asked: %v", err)
		}
	}
	cmd := exec.Command("unshare", "-n", "sh", "-c", script)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	return string(out)
}

// TestPrintAgainstIptables gives every rule of the table to the real tools, one at a time, and compares what they print
// with the table, which TestPrint compares with ours. Rules that the nf_tables backend refuses are taken from legacy.
func TestPrintAgainstIptables(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some twenty seconds")
	}
	rows := printRows(t)
	asked, same := 0, 0
	for _, backend := range []string{"nft", "legacy"} {
		var script strings.Builder
		script.WriteString("ipset create pp hash:ip; ipset create pp2 hash:ip,port; nfacct add pp 2>/dev/null\n")
		for i, row := range rows {
			tool := "iptables-" + backend
			if row.six {
				tool = "ip6tables-" + backend
			}
			fmt.Fprintf(&script, "echo '%d'; %s-restore <<'EOF' >/dev/null 2>&1 && %s-save -t %s | grep -e '^-A %s'\n*%s\n:UCHAIN - [0:0]\n-A %s %s\nCOMMIT\nEOF\n",
				i, tool, tool, row.table, row.chain, row.table, row.chain, row.spec)
			fmt.Fprintf(&script, "%s -t %s -F; %s -t %s -X\n", tool, row.table, tool, row.table)
		}
		out := inNamespace(t, nil, script.String())
		i := -1
		for line := range strings.Lines(out) {
			line = strings.TrimRight(line, "\n")
			if !strings.HasPrefix(line, "-A") {
				fmt.Sscan(line, &i)
				continue
			}
			asked++
			if line == rows[i].want {
				same++
			} else if backend == "nft" && !strings.Contains(line, "nflog-range") {
				t.Errorf("%s %s: %s\nreal  %s\ntable %s", backend, rows[i].table, rows[i].spec, line, rows[i].want)
			}
		}
	}
	t.Logf("%d rules printed by the real tools, %d as in the table", asked, same)
	if asked < len(rows) {
		t.Errorf("the real tools answered %d times for %d rules", asked, len(rows))
	}
}

// TestGoldenAgainstIptables loads the dumps that are not output of iptables-save into the real iptables and compares
// what it then prints with our canonical form, chain by chain.
func TestGoldenAgainstIptables(t *testing.T) {
	dir := filepath.Join(sharedDir(t), "golden")
	for name := range notSaveOutput {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		rs, err := Parse(bytes.NewReader(text), name)
		if err != nil {
			t.Error(err)
			continue
		}
		// Chains that the dump jumps to without having them, and sets it asks for, are made beforehand.
		var setup strings.Builder
		sets := map[string]int{}
		input := string(text)
		for _, table := range rs.Tables {
			for _, c := range table.Chains {
				for _, r := range c.Rules {
					for _, m := range r.Matches {
						if s, ok := m.(*SetMatch); ok {
							sets[s.Name] = len(s.Dirs)
						}
					}
					if _, missing, ok := strings.Cut(r.NotUnderstood, "jump to unknown chain "); ok {
						fmt.Fprintf(&setup, "iptables-nft -t %s -N %s 2>/dev/null\n", table.Name, missing)
					}
				}
			}
		}
		for set, dims := range sets {
			fmt.Fprintf(&setup, "ipset create %s hash:%s\n", set, [...]string{1: "ip", 2: "ip,port"}[dims])
		}
		if strings.HasSuffix(name, "-S.txt") {
			input = ""
			table := ""
			for line := range strings.Lines(string(text)) {
				if rest, ok := strings.CutPrefix(line, "# iptables -t "); ok {
					table = strings.Fields(rest)[0]
				} else {
					fmt.Fprintf(&setup, "iptables-nft -t %s %s", table, line)
				}
			}
		}
		got := map[string][]string{}
		real := inNamespace(t, []byte(input), setup.String()+"iptables-nft-restore --noflush && iptables-nft-save")
		want := chainsOf(t, real)
		for key, rules := range chainsOf(t, rs.String()) {
			got[key] = rules
			if !slices.Equal(want[key], rules) {
				t.Errorf("%s: %s\ngot\n%s\nreal\n%s", name, key, strings.Join(rules, "\n"), strings.Join(want[key], "\n"))
			}
		}
		for key, rules := range want {
			if len(rules) > 0 && got[key] == nil {
				t.Errorf("%s: the real iptables has %s, we do not", name, key)
			}
		}
	}
}

// chainsOf cuts a dump into the rules of each chain, by "table chain", without our parser.
func chainsOf(t *testing.T, text string) map[string][]string {
	chains := map[string][]string{}
	table := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "*"):
			table = line[1:]
		case strings.HasPrefix(line, "-A "):
			key := table + " " + strings.Fields(line)[1]
			chains[key] = append(chains[key], line)
		}
	}
	return chains
}
