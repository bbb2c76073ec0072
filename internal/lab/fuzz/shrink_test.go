package fuzz

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/topology"
)

// planted are switches that decide about no packet: the tracer does not see them, and the fake kernel below does.
const (
	planted      = "net.ipv4.conf.all.log_martians"
	plantedTwice = "net.ipv4.conf.all.bootp_relay"
)

// plant makes a kernel that does something odd where node-a has all the switches.
func plant(switches ...string) *fake {
	return &fake{plant: func(t *topology.Topology, r *lab.Recording) {
		ns, err := t.Namespace("node-a")
		if err != nil {
			return
		}
		for _, k := range switches {
			if ns.Sysctl[k] != "1" {
				return
			}
		}
		r.Path = append(r.Path, map[string]any{"ns": "node-a", "dev": "nowhere"})
	}}
}

// TestShrink plants a disagreement that hangs on one edit among others, or on two, and asks for exactly these and for no more
// of the cluster than the flow needs to be sent.
func TestShrink(t *testing.T) {
	shrunk := 0
	for seed := uint64(0); shrunk < 12; seed++ {
		d, err := Generate(seed, Features{})
		if err != nil {
			t.Fatal(err)
		}
		if len(d.edits) < 3 || len(d.nodes) < 2 || len(d.objects) == 0 {
			continue
		}
		shrunk++
		want := []string{planted}
		if shrunk%2 == 0 {
			want = append(want, plantedTwice)
		}
		for i, k := range want {
			d.edits = slices.Insert(d.edits, 1+i, optional("node-a: sysctl %s=1", k))
		}
		f := d.Flow(0)
		c, v, err := Shrink(t.Context(), d, f, plant(want...))
		if err != nil {
			t.Fatal(err)
		}
		if c == nil || v.Difference == nil || !strings.Contains(v.Difference.Kernel, "nowhere") {
			t.Fatalf("seed %d: got %v, %v, want the planted difference", seed, c, v)
		}
		for i, k := range want {
			if len(c.Edits) != len(want) || c.Edits[i] != "node-a: sysctl "+k+"=1" {
				t.Errorf("seed %d: edits %q, want the planted of %q", seed, c.Edits, want)
				break
			}
		}
		for _, o := range c.Options {
			if !strings.HasPrefix(o, "cni=") { // another plugin is another network, not a part of one
				t.Errorf("seed %d: option %s stayed", seed, o)
			}
		}
		nodes, pods := 1, 0
		if strings.HasPrefix(f.From, "pod/") {
			pods = 1
			if !strings.Contains(c.Cluster, "node: node-a") {
				nodes = 2
			}
		} else if f.From != "node-a" && f.From != "internet" {
			nodes = 2
		}
		if n, p, o := strings.Count(c.Cluster, "- name: node-"), strings.Count(c.Cluster, "{namespace: "), strings.Count(c.Cluster, "---\n"); n != nodes || p != pods || o != 0 {
			t.Errorf("seed %d: %d nodes, %d pods, %d objects, want %d, %d and none:\n%s", seed, n, p, o, nodes, pods, c.Cluster)
		}
		if g := c.Flow; g.TTL != 64 || g.Payload != 4 || len(g.Servers) != 0 || g.Source != "" || g.Protocol == "tcp" {
			t.Errorf("seed %d: flow %+v, want plain values", seed, g)
		}
		d.restore()
		if again := len(d.Edits()); again != len(d.edits) {
			t.Errorf("seed %d: restored to %d edits, want %d", seed, again, len(d.edits))
		}
	}
}

// TestShrinkFleeting holds that a difference which does not come again is no case.
func TestShrinkFleeting(t *testing.T) {
	d, err := Generate(1, Features{})
	if err != nil {
		t.Fatal(err)
	}
	if c, _, err := Shrink(t.Context(), d, d.Flow(0), &fake{}); c != nil || err != nil {
		t.Errorf("got %v, %v, want neither", c, err)
	}
}

// TestShrinkStops holds that shrinking that has no time left gives what it has: the whole case.
func TestShrinkStops(t *testing.T) {
	d, err := Generate(1, Features{})
	if err != nil {
		t.Fatal(err)
	}
	d.edits = append(d.edits, optional("node-a: sysctl %s=1", planted))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	k := plant(planted)
	c, v, err := Shrink(ctx, d, d.Flow(0), k)
	if err != nil || c == nil || v.Difference == nil {
		t.Fatalf("got %v, %v, %v, want the case as it was", c, v, err)
	}
	if !slices.Equal(c.Edits, d.Edits()) || k.built != 1 {
		t.Errorf("edits %q after %d networks, want all of them after 1", c.Edits, k.built)
	}
}
