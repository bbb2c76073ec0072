package iptables

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	generatedName = regexp.MustCompile(`KUBE-(?:SVC|SEP|EXT)-[A-Z2-7]{16}`)
	numbered      = regexp.MustCompile(`svc-\d{5}|--dport 2\d{4}\b|\b10\.(?:0|200)\.\d+\.\d+(?:/\d+)?`)
)

// services10k is what kube-proxy gives to iptables-restore for ten times the Services of scale-1k: the same rules ten
// times, each time with other Services, node ports, addresses and chains.
func services10k(t testing.TB) []byte {
	var out bytes.Buffer
	chains, rules := map[string]bool{}, map[string]bool{}
	write := func(line string) {
		switch {
		case line[0] == ':':
			name := strings.Fields(line)[0]
			if chains[name] {
				t.Fatalf("chain %s twice", name)
			}
			chains[name] = true
		case line[0] == '-':
			if rules[line] {
				t.Fatalf("rule twice: %s", line)
			}
			rules[line] = true
		}
		out.WriteString(line)
	}
	var again []string // lines of one kind that follow each other, to be written ten times
	flush := func() {
		for k := range 10 {
			for _, line := range again {
				write(renamed(line, k))
			}
		}
		again = again[:0]
	}
	kind := ""
	for line := range strings.Lines(string(scale1k(t))) {
		if line[0] == '*' {
			clear(chains)
			clear(rules)
		}
		this, _, _ := strings.Cut(line, " ")
		if this == "-A" {
			this = strings.Fields(line)[1]
		}
		this = this[:min(len(this), len(":KUBE-SVC"))]
		if !generatedName.MatchString(line) {
			this = ""
		}
		if this == "" || this != kind {
			flush()
		}
		if kind = this; kind == "" {
			write(line)
			continue
		}
		again = append(again, line)
	}
	flush()
	return out.Bytes()
}

// renamed is a line of the kth thousand Services.
func renamed(line string, k int) string {
	if k == 0 {
		return line
	}
	digit := strconv.Itoa(k)
	line = generatedName.ReplaceAllString(line, "${0}"+digit)
	return numbered.ReplaceAllStringFunc(line, func(s string) string {
		switch {
		case strings.HasPrefix(s, "svc-0"): // svc-00750, svc-01750, …
			return "svc-0" + digit + s[len("svc-00"):]
		case strings.HasPrefix(s, "--dport 2"): // 20750, 21750, …
			return "--dport 2" + digit + s[len("--dport 20"):]
		case strings.HasSuffix(s, "/9"): // the pods of the whole cluster
			return s
		}
		f := strings.SplitN(s, ".", 3)
		n, _ := strconv.Atoi(f[1])
		return fmt.Sprintf("10.%d.%s", n+k, f[2])
	})
}

// BenchmarkRead10k reads the rules of 10,000 Services, and has the real iptables-nft-restore read the same file without
// applying it, in a network namespace of its own.
func BenchmarkRead10k(b *testing.B) {
	text := services10k(b)
	var before, after, live runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	rs, rules := scaleRules(b, text)
	runtime.ReadMemStats(&after)
	runtime.GC()
	runtime.ReadMemStats(&live)
	if got := rs.String(); got != string(text) {
		b.Fatal(firstDifference(got, string(text)))
	}
	if odd := rs.NotUnderstood(); len(odd) > 0 {
		b.Fatalf("%d rules not understood: %s", len(odd), odd[0].Text())
	}
	runtime.KeepAlive(rs)
	rs = nil
	best := time.Duration(1 << 62)
	for b.Loop() {
		start := time.Now()
		if _, err := Parse(bytes.NewReader(text), "10k"); err != nil {
			b.Fatal(err)
		}
		best = min(best, time.Since(start))
	}
	mean := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(float64(rules), "rules")
	b.ReportMetric(float64(mean.Nanoseconds())/float64(rules), "ns/rule")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/1e6, "MB-allocated/op")
	b.ReportMetric(float64(live.HeapAlloc-before.HeapAlloc)/float64(rules), "live-B/rule")
	b.ReportMetric(float64(len(text))/float64(rules), "inputB/rule")
	theirs, why := restoreTime(b, text)
	if why != "" {
		b.Logf("the real iptables-nft-restore is not timed: %s", why)
		return
	}
	b.ReportMetric(theirs.Seconds(), "restore-s")
	b.ReportMetric(float64(theirs)/float64(mean), "times-faster")
	b.ReportMetric(float64(theirs)/float64(best), "times-faster-at-best")
	b.Logf("%d rules, %d bytes: read here in %v on average, %v at best; by iptables-nft-restore --test in %v at best of 3",
		rules, len(text), mean.Round(time.Millisecond), best.Round(time.Millisecond), theirs.Round(time.Millisecond))
}

// restoreTime is the shortest time out of three that iptables-nft-restore --test needs, as the shell in the namespace
// measures it; or why it cannot be known.
func restoreTime(b *testing.B, text []byte) (time.Duration, string) {
	if os.Geteuid() != 0 {
		return 0, "not root"
	}
	for _, prog := range []string{"unshare", "iptables-nft-restore"} {
		if _, err := exec.LookPath(prog); err != nil {
			return 0, err.Error()
		}
	}
	file := filepath.Join(b.TempDir(), "rules")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		b.Fatal(err)
	}
	best := time.Duration(1 << 62)
	for range 3 {
		// What unshare and the shell need to start is taken off: the namespace's making is none of restore's business.
		start := time.Now()
		if out, err := exec.Command("unshare", "-n", "sh", "-c", ":").CombinedOutput(); err != nil {
			return 0, fmt.Sprintf("%v: %s", err, out)
		}
		around := time.Since(start)
		start = time.Now()
		out, err := exec.Command("unshare", "-n", "sh", "-c", "iptables-nft-restore --test < "+file).CombinedOutput()
		if err != nil {
			return 0, fmt.Sprintf("%v: %s", err, short(string(out)))
		}
		best = min(best, time.Since(start)-around)
	}
	return best, ""
}
