package lab

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/golden"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/snapshot"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// observed is one entry of flows.json (golden/aws-vpc-cni/README.md says what each field means).
type observed struct {
	Name  string
	Proto string
	Src   struct {
		NS   string
		IP   netip.Addr
		Port uint16
	}
	Dst struct {
		IP   netip.Addr
		Port uint16
	}
	Setup  []string
	Expect struct {
		Delivered, Answered bool
		LeavesBy            *string `json:"leaves_by"`
		EntersBy            *string `json:"enters_by"`
		ReplyLeavesBy       *string `json:"reply_leaves_by"`
		ReplyEntersBy       *string `json:"reply_enters_by"`
		SourceSeen          *string `json:"source_seen"`
		SourceRewritten     *bool   `json:"source_rewritten"`
		RequestOnWire       *wire   `json:"request_on_wire"`
		ReplyOnWire         *wire   `json:"reply_on_wire"`
	}
}

type wire struct{ Src, Dst string }

// fabric is fabric.json: the namespaces around the node.
type fabric struct {
	Namespaces map[string]struct {
		Pod     string
		Servers []server
		ENIs    []struct {
			Name, MAC string
			Peer      port
		} `json:"enis"`
		PodVeths []struct {
			Name string
			Peer port
		} `json:"pod_veths"`
		SysctlB   map[string]string `json:"sysctl_base"`
		Sysctl    map[string]string
		Interface []struct {
			Name, Type, Master string
			MTU                int
			MAC                *string
			Addresses          []netip.Prefix
			Peer               port
		} `json:"interfaces"`
		Routes []struct {
			Dst               netip.Prefix
			Dev, Scope, Proto string
			Src               netip.Addr
		}
		Neighbours []struct {
			IP, MAC, Dev, State string
		}
		Firewall []string
	}
}

type server struct {
	Proto string
	IP    netip.Addr
	Port  uint16
}

type port struct{ NS, Name string }

// TestFlows replays each variant's flows.json on its dumps and fabric.json.
func TestFlows(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(golden.Dir(t, "aws-vpc-cni"), "*", "flows.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no flows.json: %v", err)
	}
	for _, name := range files {
		dir := filepath.Dir(name)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			var flows []observed
			if err := readJSON(name, &flows); err != nil {
				t.Fatal(err)
			}
			for _, f := range flows {
				t.Run(f.Name, func(t *testing.T) { replay(t, dir, &f) })
			}
			golden.Count(t, "VPC CNI flows replayed", len(flows))
		})
	}
}

func replay(t *testing.T, dir string, f *observed) {
	top, listeners := around(t, dir)
	node, err := top.Namespace("node")
	if err != nil {
		t.Fatal(err)
	}
	for _, cmd := range f.Setup {
		if kv, ok := strings.CutPrefix(cmd, "sysctl "); ok {
			k, v, _ := strings.Cut(kv, "=")
			node.SetSysctl(k, v)
			continue
		}
		_, args, _ := strings.Cut(cmd, " ")
		if err := node.Netfilter.Rules.Apply("iptables " + args); err != nil {
			t.Fatalf("%s: %v", cmd, err)
		}
	}
	node.Netfilter = netfilter.NewAfter(node.Netfilter.NativeFirst, node.Netfilter.Rules, node.Netfilter.Native, node.Netfilter.Sets)
	from := spaceOf(t, dir, f.Src.NS)
	q := trace.Query{From: from, To: f.Dst.IP, Protocol: packet.UDP, SrcPort: f.Src.Port, DstPort: f.Dst.Port, Payload: 4, DF: true, Listeners: listeners}
	if from == "outside" {
		q.Source = f.Src.IP
	}
	tr, err := trace.Run(top, q)
	if err != nil {
		t.Fatal(err)
	}
	got := observe(tr, node)
	e := &f.Expect
	check := func(what string, want, got any) {
		t.Helper()
		if fmt.Sprint(want) != fmt.Sprint(got) {
			t.Errorf("%s: the kernel: %v, the tracer: %v", what, want, got)
		}
	}
	check("delivered", e.Delivered, got.delivered)
	check("answered", e.Answered, got.answered)
	check("leaves_by", deref(e.LeavesBy), got.leaves[0])
	check("enters_by", deref(e.EntersBy), got.enters[0])
	check("reply_leaves_by", deref(e.ReplyLeavesBy), got.leaves[1])
	check("reply_enters_by", deref(e.ReplyEntersBy), got.enters[1])
	if e.SourceSeen != nil && e.Delivered {
		check("source_seen", host(*e.SourceSeen), host(got.source))
	}
	if e.SourceRewritten != nil {
		check("source_rewritten", *e.SourceRewritten, got.source != fmt.Sprintf("%v:%d", f.Src.IP, f.Src.Port))
	}
	if e.RequestOnWire != nil {
		check("request_on_wire", host(e.RequestOnWire.Src)+" "+host(e.RequestOnWire.Dst), host(got.wire[0].Src)+" "+host(got.wire[0].Dst))
	}
	if e.ReplyOnWire != nil {
		check("reply_on_wire", host(e.ReplyOnWire.Src)+" "+host(e.ReplyOnWire.Dst), host(got.wire[1].Src)+" "+host(got.wire[1].Dst))
	}
	if t.Failed() {
		for _, r := range tr.Path() {
			b, _ := json.Marshal(r)
			t.Logf("%s", b)
		}
		for i := range tr.Legs {
			t.Logf("leg %d: %v %v", i, tr.Legs[i].Outcome, tr.End(&tr.Legs[i]).Code)
		}
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// host is the address of an address and port; ports are random in each run.
func host(s string) string {
	h, _, _ := strings.Cut(s, ":")
	return h
}

type sight struct {
	delivered, answered bool
	leaves, enters      [2]string
	source              string
	wire                [2]wire
}

// observe reads off a trace what flows.json says of a flow.
func observe(tr *trace.Trace, node *topology.Namespace) sight {
	var s sight
	for i := range tr.Legs {
		if i < 2 && tr.Legs[i].Outcome == trace.Delivered {
			if i == 0 {
				s.delivered = true
			} else {
				s.answered = tr.Legs[i].Kind == trace.Reply
			}
		}
	}
	for _, r := range tr.Path() {
		leg := r.Packet - 1
		if leg > 1 || tr.Legs[leg].Kind == trace.ICMPError {
			continue
		}
		src, dst := fmt.Sprintf("%s:%d", r.IP.Src, *r.L4.SrcPort), fmt.Sprintf("%s:%d", r.IP.Dst, *r.L4.DstPort)
		if leg == 0 {
			s.source = src
		}
		i := node.Interface(r.Dev)
		if r.NS != "node" || i == nil || !strings.HasPrefix(r.Dev, "e") || i.Peer.Namespace != "outside" {
			continue
		}
		if r.Dir == "out" {
			s.leaves[leg] = r.Dev
		} else {
			s.enters[leg] = r.Dev
		}
		s.wire[leg] = wire{src, dst}
	}
	return s
}

func spaceOf(t *testing.T, dir, ns string) string {
	t.Helper()
	var f fabric
	if err := readJSON(filepath.Join(dir, "fabric.json"), &f); err != nil {
		t.Fatal(err)
	}
	if p := f.Namespaces[ns].Pod; p != "" {
		return "pod/" + p
	}
	return ns
}

// around joins a variant's dumps with the namespaces of its fabric.json.
func around(t *testing.T, dir string) (*topology.Topology, map[string][]topology.Listener) {
	t.Helper()
	var f fabric
	if err := readJSON(filepath.Join(dir, "fabric.json"), &f); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "ip-addr.json")); err != nil {
		t.Fatal(err)
	}
	top, err := snapshot.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	listeners := map[string][]topology.Listener{}
	node, err := top.Namespace("node")
	if err != nil {
		t.Fatal(err)
	}
	for name, ns := range f.Namespaces {
		key := name
		if ns.Pod != "" {
			key = "pod/" + ns.Pod
		}
		listeners[key] = []topology.Listener{}
		for _, s := range ns.Servers {
			listeners[key] = append(listeners[key], topology.Listener{Protocol: s.Proto, Address: s.IP, Port: s.Port})
		}
	}
	n := f.Namespaces["node"]
	for _, e := range n.ENIs {
		node.Interface(e.Name).Peer = topology.Port{Namespace: e.Peer.NS, Interface: e.Peer.Name}
	}
	for _, v := range n.PodVeths {
		peer := topology.Port{Namespace: "pod/" + f.Namespaces[v.Peer.NS].Pod, Interface: v.Peer.Name}
		if have := node.Interface(v.Name).Peer; have != peer {
			t.Errorf("the dump pairs %s with %v, the fabric with %v", v.Name, have, peer)
		}
	}
	for k, v := range n.SysctlB {
		node.SetSysctl(k, v)
	}
	o := f.Namespaces["outside"]
	if len(o.Firewall) > 0 {
		t.Fatalf("fabric.json: firewall: this test reads none")
	}
	out := &topology.Namespace{Name: "outside", Kind: topology.External, Sysctl: o.Sysctl, Rules: topology.DefaultRules(), Netfilter: &netfilter.Stack{}}
	for n, i := range o.Interface {
		x := &topology.Interface{Index: n + 1, Name: i.Name, MTU: i.MTU, Up: true, Master: i.Master, Kind: topology.InterfaceKind(i.Type), LinkNetNS: -1,
			Peer: topology.Port{Namespace: i.Peer.NS, Interface: i.Peer.Name}}
		if i.Name == "lo" {
			x.Kind = topology.Loopback
		} else {
			x.MAC = packet.MAC{0x02, 0xff, 0, 0, 0, byte(n)}
		}
		for _, p := range i.Addresses {
			x.Addresses = append(x.Addresses, topology.Address{Prefix: p})
			out.Routes = append(out.Routes, &topology.Route{Type: topology.LocalRoute, Dst: netip.PrefixFrom(p.Addr(), 32), Table: topology.TableLocal,
				Scope: topology.ScopeHost, Src: p.Addr(), Nexthops: []topology.Nexthop{{Dev: i.Name}}})
		}
		out.Interfaces = append(out.Interfaces, x)
	}
	for _, r := range o.Routes {
		sc, err := topology.ParseScope(r.Scope)
		if err != nil {
			t.Fatal(err)
		}
		out.Routes = append(out.Routes, &topology.Route{Type: topology.Unicast, Dst: r.Dst, Table: topology.TableMain, Scope: sc, Src: r.Src, Protocol: r.Proto,
			Nexthops: []topology.Nexthop{{Dev: r.Dev}}})
	}
	for _, n := range o.Neighbours {
		out.Neighbours = append(out.Neighbours, topology.Neighbour{IP: netip.MustParseAddr(n.IP), MAC: n.MAC, Dev: n.Dev, State: strings.ToUpper(n.State)})
	}
	top.AddNamespace(out)
	return top, listeners
}
