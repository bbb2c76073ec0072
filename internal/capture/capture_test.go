package capture_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/capture"
	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/latency"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/topology"
)

// TestTshark has tshark dissect whole exchanges with every network plugin: the layers of each packet, inner and outer, and
// no checksum or length that it finds wrong.
func TestTshark(t *testing.T) {
	needTshark(t)
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
	needTshark(t)
	rows := dissect(t, "calico-vxlan", query.Request{From: "pod/default/netshoot-1", To: "pod/default/netshoot-3", Protocol: "udp", DstPort: 9999, TTL: 2})
	found := false
	for _, r := range rows {
		found = found || r.layers == "eth:ethertype:ip:udp:vxlan:eth:ethertype:ip:icmp:ip:udp"
	}
	if !found {
		t.Errorf("no time exceeded in a tunnel among %v", rows)
	}
}

// TestTsharkPresets has tshark read a capture of every preset with every plugin, with a packet from a pod to each place that
// there is: nothing is malformed, no checksum is wrong, each interface has its name, each packet its comment, and time goes on.
func TestTsharkPresets(t *testing.T) {
	needTshark(t)
	for _, id := range compile.Presets() {
		c, err := compile.Preset(id)
		if err != nil {
			t.Fatal(err)
		}
		for _, cni := range compile.CNIs(c) {
			t.Run(id+"/"+cni, func(t *testing.T) {
				t.Parallel()
				made := compiled(t, id, cni)
				places := map[string]string{} // one of each kind, and of the pods the last; with another plugin the pod alone
				var from string
				for _, p := range made.Places {
					switch {
					case p.Why != "":
					case p.Kind == topology.Pod && from == "":
						from = p.Name
					case p.Kind == topology.Pod || cni == c.CNI.Name && places[string(p.Kind)] == "":
						places[string(p.Kind)] = p.Name
					}
				}
				for kind, to := range places {
					tr, err := (&query.Request{From: from, To: to}).Trace(made)
					if err != nil {
						t.Fatalf("%s to the %s %s: %v", from, kind, to, err)
					}
					var b bytes.Buffer
					if err := capture.Write(&b, tr, tr.Document(), latency.Default()); err != nil {
						t.Fatalf("%s to %s: %v", from, to, err)
					}
					rows, want := tshark(t, b.Bytes()), tr.Crossings()
					if len(rows) != len(want) {
						t.Fatalf("%s to %s: tshark read %d frames, the trace has %d crossings", from, to, len(rows), len(want))
					}
					for i, r := range rows {
						if name := want[i].Namespace.Name + "/" + want[i].Interface.Name; r.name != name {
							t.Errorf("%s to %s: frame %s is on %s, want %s", from, to, r.frame, r.name, name)
						}
					}
				}
				if len(places) < 1 || cni == c.CNI.Name && len(places) < 3 {
					t.Errorf("only %v were tried", places)
				}
			})
		}
	}
}

// TestTsharkComment has the rule that rewrites and the rule that drops read as comments, and the model's time beside them.
func TestTsharkComment(t *testing.T) {
	needTshark(t)
	tr, err := (&query.Request{From: "pod/default/netshoot-2", To: "internet", Protocol: "tcp", DstPort: 80}).Trace(compiled(t, "eks-study", "aws-vpc-cni"))
	if err != nil {
		t.Fatal(err)
	}
	d := tr.Document()
	var b bytes.Buffer
	if err := capture.Write(&b, tr, d, latency.Default()); err != nil {
		t.Fatal(err)
	}
	rows := tshark(t, b.Bytes())
	snat := ""
	for _, r := range rows {
		if strings.HasSuffix(r.name, "/ens5") && snat == "" {
			snat = r.comment
		}
	}
	for _, want := range []string{"nat-POSTROUTING: -A AWS-SNAT-CHAIN-0", "--to-source 192.168.1.10", "route: "} {
		if !strings.Contains(snat, want) {
			t.Errorf("the first frame on ens5 says %q, which has no %q", snat, want)
		}
	}
	// All that the model counts has been spent at the last frame, but for what its receiver still does with it.
	var spent int64
	var end latency.HopReport
	for _, l := range latency.Of(tr, d, latency.Default()).Legs {
		spent += l.Total.Sum.NS
		end = l.Hops[len(l.Hops)-1]
	}
	if end.Cost.NS == 0 || spent < 100_000 {
		t.Fatalf("the model gives %d ns to all of it, %d to its end", spent, end.Cost.NS)
	}
	if last := rows[len(rows)-1].ns - epoch; last < spent-end.Cost.NS || last > spent+int64(len(rows)) {
		t.Errorf("the last frame is at %d ns, of %d that the model gives to all of it and %d to its end", last, spent, end.Cost.NS)
	}
	for _, c := range []string{rows[1].comment, rows[7].comment} {
		if strings.Contains(c, ": ok") || strings.Contains(c, ": \\n") {
			t.Errorf("%q says what is no decision", c)
		}
	}
}

// TestTsharkDrop has the rule that drops a packet, and the kernel's word for it, on the last frame that there is.
func TestTsharkDrop(t *testing.T) {
	needTshark(t)
	c, err := compile.Preset("onprem-study")
	if err != nil {
		t.Fatal(err)
	}
	made, err := compile.Compile(c, map[string]string{"networkpolicy": "default-deny"})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := (&query.Request{From: "pod/default/netshoot-1", To: "pod/default/web-2"}).Trace(made)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := capture.Write(&b, tr, tr.Document(), latency.Default()); err != nil {
		t.Fatal(err)
	}
	rows := tshark(t, b.Bytes())
	if last := rows[len(rows)-1].comment; !strings.Contains(last, "-j DROP") || !strings.Contains(last, "filter-FORWARD: -A cali-") {
		t.Errorf("the last frame says %q, which has no rule that drops", last)
	}
}

// TestNoInterface is a trace that crosses nothing: there is no capture of it.
func TestNoInterface(t *testing.T) {
	if err := capture.WriteFrames(&bytes.Buffer{}, nil); err == nil {
		t.Error("a capture of nothing is written")
	}
}

func needTshark(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("tshark"); err != nil {
		t.Skip("tshark is not installed: who reads captures is missing (make setup installs it)")
	}
}

func compiled(t *testing.T, preset, cni string) *compile.Compiled {
	t.Helper()
	c, err := compile.Preset(preset)
	if err != nil {
		t.Fatal(err)
	}
	made, err := compile.Compile(c, map[string]string{compile.CNIKey: cni})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

type row struct {
	frame, name, layers, expert, comment string
	ns                                   int64 // since 1970
}

func dissect(t *testing.T, cni string, r query.Request) []row {
	t.Helper()
	tr, err := r.Trace(compiled(t, "eks-study", cni))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := capture.Write(&b, tr, tr.Document(), latency.Default()); err != nil {
		t.Fatal(err)
	}
	rows := tshark(t, b.Bytes())
	if len(rows) != len(tr.Crossings()) {
		t.Errorf("tshark read %d frames, the trace has %d crossings", len(rows), len(tr.Crossings()))
	}
	return rows
}

// tshark dissects a file, and fails on what it finds wrong.
func tshark(t *testing.T, data []byte) []row {
	t.Helper()
	name := filepath.Join(t.TempDir(), "trace.pcapng")
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("tshark", "-r", name, "-T", "fields", "-e", "frame.number", "-e", "frame.interface_name", "-e", "frame.protocols", "-e", "_ws.expert.message",
		"-e", "frame.time_epoch", "-e", "frame.comment", "-E", "occurrence=a",
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
		if len(w) != 6 {
			t.Fatalf("tshark printed %q", l)
		}
		sec, nano, _ := strings.Cut(w[4], ".")
		ns, err := strconv.ParseInt(sec+nano, 10, 64)
		if err != nil || len(nano) != 9 {
			t.Fatalf("frame %s: time %s", w[0], w[4])
		}
		x := row{frame: w[0], name: w[1], layers: w[2], expert: w[3], ns: ns, comment: w[5]}
		expert := strings.ToLower(x.expert)
		if strings.Contains(expert, "checksum") || strings.Contains(expert, "length") || strings.Contains(expert, "malformed") || strings.Contains(x.layers, "malformed") {
			t.Errorf("frame %s on %s: %s (%s)", x.frame, x.name, x.expert, x.layers)
		}
		if x.comment == "" {
			t.Errorf("frame %s on %s has no comment", x.frame, x.name)
		}
		if len(rows) > 0 && x.ns <= rows[len(rows)-1].ns {
			t.Errorf("frame %s is at %d ns, the one before it at %d", x.frame, x.ns, rows[len(rows)-1].ns)
		}
		rows = append(rows, x)
	}
	return rows
}

// epoch is when each capture begins: 2026-01-01.
const epoch = 1767225600_000_000_000
