package kubeproxy

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/golden"
)

// blocks are the sets, maps and chains of a table's text, by name: the lines of each, and of a set its elements sorted, which
// the kernel lists in the order of a hash. It is taken from text, so that it does not depend on what internal/nftables understands.
func blocks(t testing.TB, text string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	name, elements := "", ""
	for line := range strings.Lines(text) {
		bare := strings.TrimSpace(line)
		f := strings.Fields(bare)
		switch {
		case bare == "" || strings.HasPrefix(bare, "table "):
		case elements != "" || strings.HasPrefix(bare, "elements = {"):
			elements += bare + " "
			if !strings.HasSuffix(bare, "}") {
				continue
			}
			_, list, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(elements), "}"), "{")
			var sorted []string
			for _, e := range strings.Split(list, ",") {
				sorted = append(sorted, "element "+strings.TrimSpace(e))
			}
			slices.Sort(sorted)
			out[name], elements = append(out[name], sorted...), ""
		case name == "" && len(f) == 3 && f[2] == "{":
			if name = f[0] + " " + f[1]; out[name] != nil {
				t.Fatalf("%s is there twice", name)
			}
			out[name] = []string{}
		case bare == "}":
			name = ""
		case name == "":
			out["table"] = append(out["table"], bare)
		default:
			out[name] = append(out[name], bare)
		}
	}
	return out
}

// tableText is one table of a listing.
func tableText(t testing.TB, listing, head string) string {
	t.Helper()
	_, rest, ok := strings.Cut(listing, head+" {\n")
	if !ok {
		t.Fatalf("no %s in the listing", head)
	}
	text, _, _ := strings.Cut(rest, "\n}\n")
	return head + " {\n" + text + "\n}\n"
}

// TestGoldenTable compiles the recording of the real kube-proxy in nftables mode and compares both tables, line for line.
func TestGoldenTable(t *testing.T) {
	dir := golden.Dir(t, "kube-proxy")
	in := inputOf(t, read(t, filepath.Join(dir, "nftables-sample", "input.yaml")), string(read(t, filepath.Join(dir, "mix", "host.txt"))))
	want := string(read(t, filepath.Join(dir, "nftables-sample", "nft-list-ruleset.txt")))
	for f, head := range map[Family]string{IPv4: "table ip kube-proxy", IPv6: "table ip6 kube-proxy"} {
		table, err := Table(in, f)
		if err != nil {
			t.Fatal(err)
		}
		got, expected := blocks(t, table.String()), blocks(t, tableText(t, want, head))
		if d := cmp.Diff(expected, got); d != "" {
			t.Errorf("%s (-kube-proxy +podpath):\n%s", head, d)
		}
		lines := 0
		for _, b := range got {
			lines += len(b)
		}
		if f == IPv4 && lines < 184 {
			t.Errorf("only %d lines compared", lines)
		}
		t.Logf("%s: %d blocks, %d lines the same", head, len(got), lines)
	}
	golden.Count(t, "kube-proxy tables of nftables compiled", 2)
}

// TestTableVariants: what the recording does not show.
func TestTableVariants(t *testing.T) {
	dir := golden.Dir(t, "kube-proxy")
	for _, x := range []struct {
		name  string
		input string
		edit  func(c *cluster.KubeProxyConfig)
		block string
		want  []string
	}{
		{"no way to tell pods", "clusterip-3-endpoints", func(c *cluster.KubeProxyConfig) { c.ClusterCIDR = "" }, "chain services",
			[]string{"ip daddr . meta l4proto . th dport vmap @service-ips", "ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports"}},
		{"masqueradeAll", "clusterip-3-endpoints", func(c *cluster.KubeProxyConfig) { c.NFTables.MasqueradeAll = true }, "chain services",
			[]string{`ip daddr @cluster-ips meta mark set meta mark | 0x00004000 comment "masquerade all clusterIP traffic"`,
				"ip daddr . meta l4proto . th dport vmap @service-ips", "ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports"}},
		{"by the interface's name", "clusterip-3-endpoints", func(c *cluster.KubeProxyConfig) {
			c.DetectLocalMode, c.DetectLocal.InterfaceNamePrefix = cluster.LocalModeInterfaceNamePrefix, "eni"
		}, "chain services",
			[]string{`ip daddr @cluster-ips iifname != "eni*" meta mark set meta mark | 0x00004000 comment "masquerade clusterIP traffic from outside cluster"`,
				"ip daddr . meta l4proto . th dport vmap @service-ips", "ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports"}},
		{"node ports everywhere", "nodeport-cluster", func(c *cluster.KubeProxyConfig) { c.NodePortAddresses = []string{"all"} }, "chain nodeport-endpoints-check",
			[]string{"ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @no-endpoint-nodeports"}},
		{"another bit", "clusterip-3-endpoints", func(c *cluster.KubeProxyConfig) { c.NFTables.MasqueradeBit = pointer(int32(15)) }, "chain masquerading",
			[]string{"meta mark & 0x00008000 != 0x00000000 meta mark set meta mark ^ 0x00008000 masquerade fully-random",
				"ct status dnat ip saddr . ip daddr . meta l4proto . th dport @hairpin-connections masquerade fully-random"}},
		{"the node's own address alone", "nodeport-cluster", func(*cluster.KubeProxyConfig) {}, "set nodeport-ips",
			[]string{"type ipv4_addr", `comment "IPs that accept NodePort traffic"`, "element 10.0.1.10"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			in := inputOf(t, read(t, filepath.Join(dir, x.input, "input.yaml")), string(read(t, filepath.Join(dir, x.input, "host.txt"))))
			in.Config.Mode = ModeNFTables
			x.edit(in.Config)
			table, err := Table(in, IPv4)
			if err != nil {
				t.Fatal(err)
			}
			b := blocks(t, table.String())
			if d := cmp.Diff(x.want, b[x.block]); d != "" {
				t.Errorf("%s of %v (-want +got):\n%s", x.block, slices.Sorted(maps.Keys(b)), d)
			}
		})
	}
}

// TestEveryGoldenInput compiles the input of every recording in nftables mode: all of it is understood, and what is left to
// iptables is kubelet's.
func TestEveryGoldenInput(t *testing.T) {
	dir := golden.Dir(t, "kube-proxy")
	inputs, err := filepath.Glob(filepath.Join(dir, "*", "input.yaml"))
	if err != nil || len(inputs) < 25 {
		t.Fatal(len(inputs), err)
	}
	for _, input := range inputs {
		host := ""
		if !strings.Contains(input, "nftables-sample") {
			host = string(read(t, filepath.Join(filepath.Dir(input), "host.txt")))
		}
		in := inputOf(t, read(t, input), host)
		in.Config.Mode = ModeNFTables
		table, err := Table(in, IPv4)
		if err != nil {
			t.Errorf("%s: %v", input, err)
			continue
		}
		for _, c := range table.Chains {
			for _, r := range c.Rules {
				if r.NotUnderstood != "" {
					t.Errorf("%s: %s: not understood: %s", input, r.Text(), r.NotUnderstood)
				}
			}
		}
		for _, s := range table.Sets {
			if s.NotUnderstood != "" {
				t.Errorf("%s: set %s: not understood: %s", input, s.Name, s.NotUnderstood)
			}
		}
		rs, err := Rules(in, IPv4)
		if err != nil {
			t.Errorf("%s: %v", input, err)
			continue
		}
		for name := range print(t, rs).rules {
			if strings.Contains(name, "KUBE-") && !strings.Contains(name, "KUBELET") && !strings.HasSuffix(name, "-HINT") && !strings.HasSuffix(name, "KUBE-FIREWALL") {
				t.Errorf("%s: iptables has %s", input, name)
			}
		}
	}
}

// TestTableRefuses: what is not compiled is said.
func TestTableRefuses(t *testing.T) {
	dir := golden.Dir(t, "kube-proxy")
	for _, x := range []struct {
		name, input string
		edit        func(in *Input)
		want        string
	}{
		{"iptables mode", "mix", func(in *Input) { in.Config.Mode = "" }, `kube-proxy: mode "iptables" has no table of nftables`},
		{"node ports on loopback", "mix", func(in *Input) {
			in.Config.FeatureGates = map[string]bool{localhostNodePortsGate: true}
		}, "kube-proxy: featureGates: KubeProxyNFTablesLocalhostNodePorts is not compiled"},
		{"a mark's bit", "mix", func(in *Input) { in.Config.NFTables.MasqueradeBit = pointer(int32(40)) }, "kube-proxy: nftables.masqueradeBit: 40 (want 0 to 31)"},
	} {
		in := inputOf(t, read(t, filepath.Join(dir, x.input, "input.yaml")), string(read(t, filepath.Join(dir, x.input, "host.txt"))))
		in.Config.Mode = ModeNFTables
		x.edit(in)
		if _, err := Table(in, IPv4); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: got %v, want %s", x.name, err, x.want)
		}
	}
}
