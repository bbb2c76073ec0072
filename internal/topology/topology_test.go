package topology

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestLazy: of 5,000 nodes only those that are asked for are built, each once, whoever asks at the same time.
func TestLazy(t *testing.T) {
	const nodes = 5000
	var top Topology
	built := make([]atomic.Int32, nodes)
	for i := range nodes {
		name := fmt.Sprintf("node-%d", i)
		top.Add(name, func() (*Namespace, error) {
			built[i].Add(1)
			return &Namespace{Name: name, Routes: []*Route{to(TableMain, "0.0.0.0/0", "eth0")}}, nil
		})
	}
	if n := len(top.Names()); n != nodes {
		t.Fatalf("%d names, want %d", n, nodes)
	}
	if top.Names()[17] != "node-17" {
		t.Errorf("names are not in the order of adding: %s", top.Names()[17])
	}
	var wg sync.WaitGroup
	for range 16 {
		for _, i := range []int{3, 4999} {
			wg.Go(func() {
				ns, err := top.Namespace(fmt.Sprintf("node-%d", i))
				if err != nil {
					t.Error(err)
				} else if got := ns.Route(&Lookup{Dst: addr("10.0.0.1")}); got.Nexthop == nil {
					t.Error("a namespace was handed out before it was ready")
				}
			})
		}
	}
	wg.Wait()
	for i := range built {
		want := int32(0)
		if i == 3 || i == 4999 {
			want = 1
		}
		if n := built[i].Load(); n != want {
			t.Errorf("node-%d was built %d times, want %d", i, n, want)
		}
	}
}

func TestNamespaceErrors(t *testing.T) {
	var top Topology
	calls := 0
	top.Add("bad", func() (*Namespace, error) { calls++; return nil, errors.New("no such card") })
	for range 2 {
		if _, err := top.Namespace("bad"); err == nil || err.Error() != "no such card" {
			t.Errorf("error %v, want the builder's", err)
		}
	}
	if calls != 1 {
		t.Errorf("built %d times, want once: what failed fails again", calls)
	}
	if _, err := top.Namespace("nope"); err == nil || !strings.Contains(err.Error(), `"nope"`) {
		t.Errorf("unknown namespace: %v", err)
	}
	var many Topology
	for i := range 5000 {
		many.AddNamespace(&Namespace{Name: fmt.Sprintf("node-%d", i)})
	}
	if _, err := many.Namespace("nope"); len(err.Error()) > 1000 {
		t.Errorf("the error for an unknown name has %d bytes", len(err.Error()))
	}
}

// TestSysctl holds the joining of conf.all with conf.<dev> to the kernel's (IN_DEV_MAXCONF, IN_DEV_ORCONF).
func TestSysctl(t *testing.T) {
	for _, x := range []struct {
		name   string
		sysctl map[string]string
		want   string
	}{
		{"none", nil, "rp=0 fwd=false arp=false mark=false"},
		{"the larger of all and the device", map[string]string{"net.ipv4.conf.all.rp_filter": "1", "net.ipv4.conf.eth0.rp_filter": "2"}, "rp=2 fwd=false arp=false mark=false"},
		{"all over the device", map[string]string{"net.ipv4.conf.all.rp_filter": "1", "net.ipv4.conf.eth0.rp_filter": "0"}, "rp=1 fwd=false arp=false mark=false"},
		{"default for a device that says nothing", map[string]string{"net.ipv4.conf.default.rp_filter": "1"}, "rp=1 fwd=false arp=false mark=false"},
		{"ip_forward", map[string]string{"net.ipv4.ip_forward": "1"}, "rp=0 fwd=true arp=false mark=false"},
		{"forwarding off on one device", map[string]string{"net.ipv4.ip_forward": "1", "net.ipv4.conf.eth0.forwarding": "0"}, "rp=0 fwd=false arp=false mark=false"},
		{"either is enough", map[string]string{"net.ipv4.conf.all.src_valid_mark": "1", "net.ipv4.conf.eth0.proxy_arp": "1"}, "rp=0 fwd=false arp=true mark=true"},
	} {
		ns := &Namespace{Sysctl: x.sysctl, Interfaces: []*Interface{{Name: "eth0"}}}
		ns.prepare()
		i := ns.Interface("eth0")
		got := fmt.Sprintf("rp=%d fwd=%v arp=%v mark=%v", i.RPFilter(), i.Forwarding(), i.ProxyARP(), i.SrcValidMark())
		if got != x.want {
			t.Errorf("%s: %s, want %s", x.name, got, x.want)
		}
	}
	ns := &Namespace{Interfaces: []*Interface{{Name: "eth0.100"}}}
	ns.SetSysctl("net.ipv4.conf.eth0/100.rp_filter", "2") // a dot in a name is written as a slash
	if got := ns.Interface("eth0.100").RPFilter(); got != 2 {
		t.Errorf("rp_filter of eth0.100: %d, want 2", got)
	}
}

func TestNames(t *testing.T) {
	for _, s := range []string{"main", "local", "default", "0", "1", "252", "4294967295"} {
		if id, err := ParseTable(s); err != nil || id.String() != s {
			t.Errorf("table %s: %v, %v", s, id, err)
		}
	}
	for _, s := range []string{"", "Main", "-1", "4294967296", "1x"} {
		if _, err := ParseTable(s); err == nil {
			t.Errorf("table %q was read", s)
		}
	}
	for n := range 256 {
		s := Scope(n)
		if got, err := ParseScope(s.String()); err != nil || got != s {
			t.Errorf("scope %d is %q, read as %v, %v", n, s, got, err)
		}
	}
	if _, err := ParseScope("256"); err == nil {
		t.Error("scope 256 was read")
	}
}

func TestNeighbours(t *testing.T) {
	for _, x := range []struct {
		n     Neighbour
		text  string
		valid bool
	}{
		{Neighbour{IP: addr("10.0.0.1"), Dev: "eth0", MAC: "02:00:00:00:00:01", State: "REACHABLE"}, "10.0.0.1 dev eth0 lladdr 02:00:00:00:00:01 REACHABLE", true},
		{Neighbour{IP: addr("10.0.0.1"), Dev: "eth0", MAC: "02:00:00:00:00:01", State: "STALE"}, "10.0.0.1 dev eth0 lladdr 02:00:00:00:00:01 STALE", true},
		{Neighbour{IP: addr("10.0.0.1"), Dev: "eth0", State: "FAILED"}, "10.0.0.1 dev eth0 FAILED", false},
		{Neighbour{IP: addr("10.0.0.1"), Dev: "eth0", State: "INCOMPLETE"}, "10.0.0.1 dev eth0 INCOMPLETE", false},
		{Neighbour{IP: addr("10.0.0.1"), Dev: "eth0", Proxy: true}, "10.0.0.1 dev eth0 proxy", false},
	} {
		if x.n.String() != x.text || x.n.Valid() != x.valid {
			t.Errorf("%+v: %q valid=%v, want %q valid=%v", x.n, x.n, x.n.Valid(), x.text, x.valid)
		}
	}
}
