package capture_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/capture"
	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/query"
)

// TestTshark has tshark dissect whole exchanges with every network plugin: the layers of each packet, inner and outer, and
// no checksum or length that it finds wrong.
func TestTshark(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed: who reads captures is missing (make setup installs it)")
	}
	const vxlan, ipip = "eth:ethertype:ip:udp:vxlan:eth:ethertype:ip:", "eth:ethertype:ip:ip:"
	for _, tt := range []struct {
		cni, proto string
		wire       string // the layers between the nodes
		tunnel     string // on the tunnel's device
	}{
		{"aws-vpc-cni", "tcp", "eth:ethertype:ip:tcp", ""},
		{"calico-vxlan", "tcp", vxlan + "tcp", "eth:ethertype:ip:tcp"},
		{"calico-vxlan", "udp", vxlan + "udp", "eth:ethertype:ip:udp"},
		{"calico-vxlan", "icmp", vxlan + "icmp", "eth:ethertype:ip:icmp"},
		{"calico-ipip", "tcp", ipip + "tcp", "raw:ip:tcp"},
		{"calico-ipip", "udp", ipip + "udp", "raw:ip:udp"},
		{"calico-ipip", "icmp", ipip + "icmp", "raw:ip:icmp"},
	} {
		t.Run(tt.cni+"/"+tt.proto, func(t *testing.T) {
			rows := dissect(t, tt.cni, query.Request{From: "pod/default/netshoot-1", To: "pod/default/netshoot-3", Protocol: tt.proto, DstPort: 9999, Payload: 700, Exchange: true})
			wires, tunnels := 0, 0
			for _, r := range rows {
				layers := strings.TrimSuffix(r.layers, ":data")
				switch {
				case strings.HasSuffix(r.name, "/ens5"):
					wires++
					if layers != tt.wire {
						t.Errorf("frame %s on %s: %s, want %s", r.frame, r.name, layers, tt.wire)
					}
				case strings.HasSuffix(r.name, "/vxlan.calico"), strings.HasSuffix(r.name, "/tunl0"):
					tunnels++
					if layers != tt.tunnel {
						t.Errorf("frame %s on %s: %s, want %s", r.frame, r.name, layers, tt.tunnel)
					}
				}
			}
			packets := map[string]int{"tcp": 10, "udp": 2, "icmp": 2}[tt.proto]
			if wires != 2*packets {
				t.Errorf("%d frames between the nodes, want each of %d packets out and in", wires, packets)
			}
			if want := 2 * packets; tt.tunnel != "" && tunnels != want {
				t.Errorf("%d frames on the tunnels' devices, want %d", tunnels, want)
			}
		})
	}
}

// TestTsharkError has an ICMP error inside a tunnel dissected: the packet that it quotes is inside it.
func TestTsharkError(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed: who reads captures is missing (make setup installs it)")
	}
	rows := dissect(t, "calico-vxlan", query.Request{From: "pod/default/netshoot-1", To: "pod/default/netshoot-3", Protocol: "udp", DstPort: 9999, TTL: 2})
	found := false
	for _, r := range rows {
		found = found || r.layers == "eth:ethertype:ip:udp:vxlan:eth:ethertype:ip:icmp:ip:udp"
	}
	if !found {
		t.Errorf("no time exceeded in a tunnel among %v", rows)
	}
}

type row struct{ frame, name, layers, expert string }

func dissect(t *testing.T, cni string, r query.Request) []row {
	t.Helper()
	c, err := compile.Preset("eks-study")
	if err != nil {
		t.Fatal(err)
	}
	made, err := compile.Compile(c, map[string]string{compile.CNIKey: cni})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := r.Trace(made)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := capture.Write(&b, tr); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "trace.pcapng")
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("tshark", "-r", name, "-T", "fields", "-e", "frame.number", "-e", "frame.interface_name", "-e", "frame.protocols", "-e", "_ws.expert.message",
		"-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "tcp.analyze_sequence_numbers:FALSE")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark: %v\n%s", err, stderr.String())
	}
	var rows []row
	for _, l := range strings.Split(strings.TrimRight(string(out), "\n"), "\n") {
		w := strings.Split(l, "\t")
		if len(w) != 4 {
			t.Fatalf("tshark printed %q", l)
		}
		x := row{w[0], w[1], w[2], w[3]}
		if strings.Contains(strings.ToLower(x.expert), "checksum") || strings.Contains(strings.ToLower(x.expert), "length") || strings.Contains(x.layers, "malformed") {
			t.Errorf("frame %s on %s: %s (%s)", x.frame, x.name, x.expert, x.layers)
		}
		rows = append(rows, x)
	}
	if len(rows) != len(tr.Crossings()) {
		t.Errorf("tshark read %d frames, the trace has %d crossings", len(rows), len(tr.Crossings()))
	}
	return rows
}
