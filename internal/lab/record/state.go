package record

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/podpath/podpath/internal/lab/build"
)

// dumps are what is written of a namespace: the kernel's own account of itself, as a snapshot reads it.
var dumps = []struct {
	file string
	run  []string
	json bool
}{
	{"addr.json", []string{"ip", "-j", "-d", "addr"}, true},
	{"route.json", []string{"ip", "-j", "-d", "route", "show", "table", "all"}, true},
	{"rule.json", []string{"ip", "-j", "rule"}, true},
	{"neigh.json", []string{"ip", "-j", "neigh"}, true},
	{"fdb.json", []string{"bridge", "-j", "fdb"}, true},
	{"iptables-save.txt", []string{"iptables-nft-save"}, false},
	{"ipset-save.txt", []string{"ipset", "save"}, false},
}

// volatile are the keys of a dump that are another the next moment.
var volatile = []string{"used", "confirmed", "updated", "probes", "refcnt"}

var (
	counters = regexp.MustCompile(`\[\d+:\d+\]`)
	remarks  = regexp.MustCompile(`(?m)^#.*\n`)
	modelled = regexp.MustCompile(`^net\.(ipv4\.(ip_forward|ip_default_ttl|ip_no_pmtu_disc|icmp_errors_use_inbound_ifaddr|conf\..*\.(forwarding|rp_filter|src_valid_mark|proxy_arp|route_localnet|accept_local|send_redirects|arp_ignore|arp_announce)|neigh\..*\.proxy_delay)|bridge\.bridge-nf-call-iptables|netfilter\.nf_conntrack_(tcp_be_liberal|tcp_loose|checksum)) `)
)

// SaveState writes what a built network is, a folder a namespace, in the form of golden/kernel's state.
func SaveState(net *build.Net, dir string) error {
	for _, name := range net.Topology.Names() {
		out := filepath.Join(dir, strings.ReplaceAll(name, "/", "."))
		if err := os.MkdirAll(out, 0o755); err != nil {
			return err
		}
		s := net.Space(name)
		for _, d := range dumps {
			text, err := s.Run("", d.run[0], d.run[1:]...)
			if err != nil && !strings.Contains(d.file, "ipset") { // a kernel without ipset has none to save
				return err
			}
			if text, err = tidy(text, d.json); err != nil {
				return fmt.Errorf("%s: %s: %w", name, strings.Join(d.run, " "), err)
			}
			if text == "" {
				continue
			}
			if err := os.WriteFile(filepath.Join(out, d.file), []byte(text), 0o644); err != nil {
				return err
			}
		}
		sysctls, err := s.Run("", "sysctl", "-a")
		if err != nil && sysctls == "" {
			return err
		}
		var kept []string
		for _, l := range strings.Split(sysctls, "\n") {
			if modelled.MatchString(l) {
				kept = append(kept, l)
			}
		}
		if err := os.WriteFile(filepath.Join(out, "sysctl.txt"), []byte(strings.Join(kept, "\n")+"\n"), 0o644); err != nil {
			return err
		}
	}
	var traced, names []string
	for _, n := range net.Topology.Names() {
		names = append(names, strings.ReplaceAll(n, "/", "."))
		ns, err := net.Topology.Namespace(n)
		if err != nil {
			return err
		}
		if net.Topology.IsTraced(ns) {
			traced = append(traced, strings.ReplaceAll(n, "/", "."))
		}
	}
	b, err := json.MarshalIndent(map[string]any{"kernel": Kernel(), "namespaces": names, "traced": traced}, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "lab.json"), append(b, '\n'), 0o644)
}

// tidy takes out of a dump what changes by itself.
func tidy(text string, isJSON bool) (string, error) {
	if !isJSON {
		return remarks.ReplaceAllString(counters.ReplaceAllString(text, "[0:0]"), ""), nil
	}
	if strings.TrimSpace(text) == "" {
		text = "[]"
	}
	var rows []map[string]any
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("[")
	for i, r := range rows {
		for _, k := range volatile {
			delete(r, k)
		}
		line, err := json.Marshal(r)
		if err != nil {
			return "", err
		}
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n ")
		b.Write(line)
	}
	b.WriteString("\n]\n")
	return b.String(), nil
}
