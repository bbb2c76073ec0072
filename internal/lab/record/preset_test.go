package record

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/lab/build"
	"github.com/podpath/podpath/internal/query"
)

// TestPresets sends flows of every kind through the presets.
func TestPresets(t *testing.T) {
	need(t)
	for _, id := range compile.Presets() {
		if o := os.Getenv("PODPATH_PRESET"); o != "" && o != id {
			continue
		}
		c, err := compile.Preset(id)
		if err != nil {
			t.Fatal(err)
		}
		for _, cni := range compile.CNIs(c) {
			t.Run(id+"/"+cni, func(t *testing.T) { preset(t, id, cni) })
		}
	}
}

func preset(t *testing.T, id, cni string) {
	c, err := compile.Preset(id)
	if err != nil {
		t.Fatal(err)
	}
	made, err := compile.Compile(c, map[string]string{"cni": cni})
	if err != nil {
		t.Fatal(err)
	}
	net, err := build.Build("preset", made.Topology)
	var lacks *build.LacksError
	if errors.As(err, &lacks) {
		t.Logf("not built: %v", err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer net.Close()
	rec, err := New(net)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	n, bad := 0, 0
	for _, from := range made.Places {
		if !from.Sends() {
			continue
		}
		for k, to := range made.Places {
			if from.Name == to.Name {
				continue
			}
			r := query.Request{From: from.Name, To: to.Name, Protocol: []string{"tcp", "udp", "icmp"}[(k+n)%3], Exchange: true, Payload: 4}
			q, err := r.Query(made.Places)
			if err != nil {
				continue
			}
			tr, err := r.Trace(made)
			if err != nil {
				t.Fatal(err)
			}
			if tr.Outcome == "undetermined" {
				continue
			}
			_ = q
			name := fmt.Sprint(from.Name, " → ", to.Name, " ", r.Protocol)
			own, err := rec.Record(lab.FlowOf(name, tr))
			if err != nil {
				t.Fatal(err)
			}
			rep, err := lab.Verify(own, true)
			if err != nil {
				t.Fatal(err)
			}
			n++
			if len(rep.Differences) > 0 {
				bad++
			}
			for _, d := range rep.Differences {
				if bad < 12 {
					t.Errorf("%s: %v", name, d)
				}
			}
			if o := os.Getenv("PODPATH_SHOW"); o != "" && strings.Contains(name, o) {
				for _, p := range own.Path {
					t.Logf("%v", p)
				}
			}
		}
	}
	t.Logf("%d flows, %d differ", n, bad)
}
