package record

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/lab/build"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// perPreset is how many flows a test sends through each preset with each plugin. `make verify-presets` sends all.
const perPreset = 14

// TestPresets sends flows through every preset with every plugin that this kernel can build, and holds the tracer to them.
func TestPresets(t *testing.T) {
	need(t)
	for _, id := range compile.Presets() {
		c, err := compile.Preset(id)
		if err != nil {
			t.Fatal(err)
		}
		for _, cni := range compile.CNIs(c) {
			t.Run(id+"/"+cni, func(t *testing.T) { preset(t, id, map[string]string{compile.CNIKey: cni}) })
		}
	}
	// kube-proxy in nftables mode, beside the plugin's rules as they are today and as they were before v1.23.
	for _, connmark := range []string{"nft", "iptables"} {
		t.Run("eks-study/nftables-"+connmark, func(t *testing.T) {
			preset(t, "eks-study", map[string]string{"kubeproxy": "nftables", "connmark": connmark})
		})
	}
}

// made compiles a preset with options and builds it; nil where this kernel cannot.
func made(t *testing.T, id string, options map[string]string) (*compile.Compiled, *Recorder) {
	t.Helper()
	c, err := compile.Preset(id)
	if err != nil {
		t.Fatal(err)
	}
	made, err := compile.Compile(c, options)
	if err != nil {
		t.Fatal(err)
	}
	net, err := build.Build(own("presets"), made.Topology)
	var lacks *build.LacksError
	if errors.As(err, &lacks) {
		t.Logf("not built: %v", err)
		return nil, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	})
	rec, err := New(net)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rec.Close)
	return made, rec
}

func preset(t *testing.T, id string, options map[string]string) {
	made, rec := made(t, id, options)
	if made == nil {
		return
	}
	flows := some(made.Places)
	if len(flows) != perPreset {
		t.Fatalf("%d flows, want %d", len(flows), perPreset)
	}
	for _, r := range flows {
		tr, err := r.Trace(made)
		if err != nil {
			t.Fatal(err)
		}
		if tr.Outcome == trace.Undetermined {
			continue
		}
		name := fmt.Sprint(r.From, " → ", r.To, " ", tr.Query.Protocol)
		_, rep, _, err := rec.Judge(lab.FlowOf(name, tr))
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range rep.Differences {
			t.Errorf("%s: %v", name, d)
		}
	}
}

// some takes flows out of all pairs of places at equal distances, with the protocols in turn.
func some(places []compile.Place) []query.Request {
	var all []query.Request
	for _, from := range places {
		for _, to := range places {
			if !from.Sends() || from.Name == to.Name {
				continue
			}
			r := query.Request{From: from.Name, To: to.Name, Exchange: true, Payload: 4}
			if to.Kind != compile.Service && to.Kind != topology.LoadBalancer {
				r.Protocol = []string{"tcp", "udp", "icmp"}[len(all)%3]
			}
			if _, err := r.Query(places); err == nil {
				all = append(all, r)
			}
		}
	}
	var out []query.Request
	for i := range perPreset {
		out = append(out, all[i*len(all)/perPreset])
	}
	return out
}

// TestIncident holds the model to the kernel in aws/amazon-vpc-cni-k8s#3563: a pod on the second card asks a Service of a
// kube-proxy in nftables mode. What decides is which of two nat chains at -100 the kernel asks first; it is the one that was
// registered last.
func TestIncident(t *testing.T) {
	need(t)
	const remote = "192.168.2.91:8080"
	for _, x := range []struct {
		name    string
		options map[string]string
		dev     string // by which the packet leaves the node, with the pod's address
		outcome trace.Outcome
	}{
		{"as it was", map[string]string{"connmark": "iptables"}, "ens5", trace.Dropped},
		{"kube-proxy started again", map[string]string{"connmark": "iptables", "natfirst": "kube-proxy"}, "ens6", trace.Delivered},
		{"the Service range excepted", map[string]string{"connmark": "iptables", "excludesnatcidrs": "10.100.0.0/16"}, "ens6", trace.Delivered},
		{"as it is since v1.23", map[string]string{"connmark": "nft"}, "ens6", trace.Delivered},
	} {
		t.Run(x.name, func(t *testing.T) {
			x.options["kubeproxy"] = "nftables"
			made, rec := made(t, "eks-study", x.options)
			if made == nil {
				return
			}
			tr, err := (&query.Request{From: "pod/default/netshoot-2", To: "svc/default/web", Exchange: true, Payload: 4}).Trace(made)
			if err != nil {
				t.Fatal(err)
			}
			// The kernel draws one of three endpoints; it is asked until it draws one on another node.
			for try := range 20 {
				f := lab.FlowOf(x.name, tr)
				f.ClientPort += uint16(try)
				r, rep, _, err := rec.Judge(f)
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range rep.Differences {
					t.Errorf("%v", d)
				}
				if !slices.ContainsFunc(rep.Trace.Choices, func(c trace.Choice) bool { return c.Chosen == remote }) {
					continue
				}
				if rep.Trace.Outcome != x.outcome {
					t.Errorf("the trace ends %v, want %v", rep.Trace.Outcome, x.outcome)
				}
				left := ""
				for _, row := range r.Path {
					ip, _ := row["ip"].(map[string]any)
					if row["ns"] == "node-a" && row["dir"] == "out" && fmt.Sprint(ip["src"]) == "192.168.1.52" && fmt.Sprint(ip["dst"]) == "192.168.2.91" && left == "" {
						left = fmt.Sprint(row["dev"])
					}
				}
				if left != x.dev {
					t.Errorf("the kernel sent it out of %q, want %s: %v", left, x.dev, r.Path)
				}
				return
			}
			t.Fatal("the kernel drew no endpoint on another node")
		})
	}
}

// TestForgetSets: what a node with kube-proxy in nftables mode remembers of a flow's client is forgotten before the next.
func TestForgetSets(t *testing.T) {
	need(t)
	made, rec := made(t, "eks-study", map[string]string{"kubeproxy": "nftables"})
	if made == nil {
		return
	}
	tr, err := (&query.Request{From: "pod/default/netshoot-1", To: "svc/default/web-sticky", Exchange: true, Payload: 4}).Trace(made)
	if err != nil {
		t.Fatal(err)
	}
	f := lab.FlowOf("sticky", tr)
	for try := range 4 { // a client that is remembered would meet another rule
		f.ClientPort += uint16(try)
		_, rep, _, err := rec.Judge(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range rep.Differences {
			t.Errorf("flow %d: %v", try+1, d)
		}
	}
}
