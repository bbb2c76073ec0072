package checked

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func sample() Results {
	return Results{Kernel: "6.18.44", Date: "2026-11-26", Networks: []Network{
		{Preset: "eks", Topology: "abc", Flows: []Flow{
			{From: "pod/d/a", To: "pod/d/b", Protocol: "tcp", Port: 80, Outcome: "delivered"},
			{From: "pod/d/a", To: "pod/d/b", Protocol: "udp", Port: 53, Payload: 4, Outcome: "delivered"},
			{From: "pod/d/a", To: "svc/d/web", Protocol: "tcp", Port: 80, Choices: map[string]string{"KUBE-SVC-A": "KUBE-SEP-2"}, Outcome: "delivered"},
			{From: "pod/d/a", To: "internet", Protocol: "icmp", TTL: 1, Outcome: "dropped", Differences: 2, First: "path row 3\n kernel: <a> & b"},
			{From: "internet", To: "pod/d/a", Protocol: "tcp", Port: 80, Why: NotSent},
		}},
		{Preset: "eks", Options: map[string]string{"cni": "calico-ipip", "bgp": "true"}, Skipped: []Skip{{"ipip", KernelLacks}}},
		{Preset: "empty", Topology: "abc"},
	}}
}

func TestWriteAndRead(t *testing.T) {
	want := sample()
	var b bytes.Buffer
	if err := Write(&b, want); err != nil {
		t.Fatal(err)
	}
	written := b.String()
	got, err := Read(&b)
	if err != nil {
		t.Fatalf("%v in\n%s", err, written)
	}
	var again bytes.Buffer
	if err := Write(&again, *got); err != nil {
		t.Fatal(err)
	}
	if again.String() != written {
		t.Errorf("written again:\n%s\nwant\n%s", &again, written)
	}
	if !reflect.DeepEqual(got.Networks[0].Flows, want.Networks[0].Flows) || !reflect.DeepEqual(got.Networks[1].Skipped, want.Networks[1].Skipped) {
		t.Errorf("read %+v, want %+v", got.Networks, want.Networks)
	}
	for _, f := range want.Networks[0].Flows { // a flow is one line of a diff
		n := 0
		for _, l := range strings.Split(written, "\n") {
			if strings.Contains(l, text(f)) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%+v is on %d lines of\n%s", f, n, written)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	flow := func(f string) string {
		return `{"kernel":"6.18","date":"2026-11-26","networks":[{"preset":"p","options":{},"topology":"a","flows":[` + f + `]}]}`
	}
	for _, tt := range []struct{ name, in, want string }{
		{"no JSON", `kernel`, "invalid character"},
		{"no kernel", `{"date":"2026-11-26","networks":[]}`, "kernel"},
		{"a date of another form", `{"kernel":"6.18","date":"26.11.2026","networks":[]}`, "2006-01-02"},
		{"a key that nobody knows", `{"kernel":"6.18","date":"2026-11-26","network":[]}`, "unknown field"},
		{"no topology", strings.Replace(flow(`{"from":"a","to":"b","protocol":"tcp","outcome":"delivered"}`), `"a","flows`, `"","flows`, 1), "topology"},
		{"no place", flow(`{"from":"a","protocol":"tcp","outcome":"delivered"}`), "want from, to"},
		{"no outcome", flow(`{"from":"a","to":"b","protocol":"tcp"}`), `outcome ""`},
		{"an outcome that there is not", flow(`{"from":"a","to":"b","protocol":"tcp","outcome":"lost"}`), `outcome "lost"`},
		{"differences that are not said", flow(`{"from":"a","to":"b","protocol":"tcp","outcome":"delivered","differences":2}`), "2 differences"},
		{"a reason without a sentence", flow(`{"from":"a","to":"b","protocol":"tcp","why":"tired"}`), `"tired" is no reason`},
		{"a reason about nothing", flow(`{"from":"a","to":"b","protocol":"tcp","why":"kernel-lacks"}`), "kernel-lacks of"},
		{"skipped for nothing", strings.Replace(flow(""), `[]}]}`, `[],"skipped":[{"what":"ipip"}]}]}`, 1), `"" is no reason`},
	} {
		if _, err := Read(strings.NewReader(tt.in)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one about %q", tt.name, err, tt.want)
		}
	}
}

// TestStored: what comes with podpath can be read, and is as Write would write it.
func TestStored(t *testing.T) {
	r, err := Stored()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Write(&b, *r); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), stored) {
		t.Errorf("results.json is not as Write writes it:\n%s", &b)
	}
}

func TestFind(t *testing.T) {
	r := sample()
	defaults := map[string]string{"cni": "aws", "bgp": "false", "snat": "true"}
	type options = map[string]string
	for _, tt := range []struct {
		name    string
		preset  string
		options options
		want    int // -1: none
	}{
		{"nothing set", "eks", nil, 0},
		{"set to the default", "eks", options{"snat": "true", "cni": "aws"}, 0},
		{"set to nothing, where that is the default", "eks", options{"cidrs": " "}, 0},
		{"set to something else", "eks", options{"snat": "false"}, -1},
		{"another preset", "gke", nil, -1},
		{"another plugin", "eks", options{"cni": "calico-ipip", "bgp": "true"}, 1},
		{"another plugin, in another case", "eks", options{"CNI": "calico-ipip", "BGP": "true"}, 1},
		{"another plugin, one option less", "eks", options{"cni": "calico-ipip"}, -1},
		{"another plugin, with a default more", "eks", options{"cni": "calico-ipip", "bgp": "true", "snat": "true"}, 1},
	} {
		got := r.Find(tt.preset, tt.options, defaults)
		if tt.want < 0 && got != nil || tt.want >= 0 && got != &r.Networks[max(tt.want, 0)] {
			t.Errorf("%s: found %+v, want number %d", tt.name, got, tt.want)
		}
	}
	if got := (*Results)(nil).Find("eks", nil, nil); got != nil {
		t.Errorf("no results: found %+v", got)
	}
}

func TestJudge(t *testing.T) {
	r := sample()
	eks, ipip, empty := &r.Networks[0], &r.Networks[1], &r.Networks[2]
	tcp := Flow{From: "pod/d/a", To: "pod/d/b", Protocol: "tcp", Port: 80, Outcome: "delivered"}
	with := func(change func(f *Flow)) Flow { f := tcp; change(&f); return f }
	web := with(func(f *Flow) { f.To = "svc/d/web" })
	for _, tt := range []struct {
		name    string
		network *Network
		stale   bool
		sent    Flow
		want    State
	}{
		{"this packet", eks, false, tcp, Agrees},
		{"defaults that are spelt out", eks, false, with(func(f *Flow) { f.TTL, f.SourcePort = 64, 40000 }), Agrees},
		{"data of TCP comes later", eks, false, with(func(f *Flow) { f.Payload = 1000 }), Agrees},
		{"another port", eks, false, with(func(f *Flow) { f.Port = 81 }), Others},
		{"another source port", eks, false, with(func(f *Flow) { f.SourcePort = 40001 }), Others},
		{"another TTL", eks, false, with(func(f *Flow) { f.TTL = 3 }), Others},
		{"without DF", eks, false, with(func(f *Flow) { f.NoDF = true }), Others},
		{"the other way", eks, false, with(func(f *Flow) { f.From, f.To = f.To, f.From }), Others},
		{"another protocol", eks, false, with(func(f *Flow) { f.Protocol = "udp" }), Others},
		{"UDP without its data", eks, false, with(func(f *Flow) { f.Protocol, f.Port = "udp", 53 }), Others},
		{"UDP with it", eks, false, with(func(f *Flow) { f.Protocol, f.Port, f.Payload = "udp", 53, 4 }), Agrees},
		{"chance drew the same", eks, false, func() Flow { f := web; f.Choices = map[string]string{"KUBE-SVC-A": "KUBE-SEP-2"}; return f }(), Agrees},
		{"chance drew another", eks, false, func() Flow { f := web; f.Choices = map[string]string{"KUBE-SVC-A": "KUBE-SEP-1"}; return f }(), Others},
		{"it differs", eks, false, Flow{From: "pod/d/a", To: "internet", Protocol: "icmp", TTL: 1, Outcome: "dropped"}, Differs},
		{"it was not sent", eks, false, Flow{From: "internet", To: "pod/d/a", Protocol: "tcp", Port: 80, Outcome: "delivered"}, Skipped},
		{"it was not sent, so nothing was drawn", eks, false, Flow{From: "internet", To: "pod/d/a", Protocol: "tcp", Port: 80, Outcome: "delivered",
			Choices: map[string]string{"dns lb/d/web": "zone-b"}}, Skipped},
		{"the trace ends another way today", eks, false, with(func(f *Flow) { f.Outcome = "dropped" }), Changed},
		{"the network is another today", eks, true, tcp, Changed},
		{"the kernel lacks it", ipip, false, tcp, Skipped},
		{"the kernel lacks it, whatever the network is today", ipip, true, tcp, Skipped},
		{"nothing was sent", empty, false, tcp, Unchecked},
		{"no such network", nil, false, tcp, Unchecked},
	} {
		v := r.Judge(tt.network, !tt.stale, tt.sent)
		if v.State != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, v.State, tt.want)
		}
		if found := v.State == Agrees || v.State == Differs; found && v.Flow == nil {
			t.Errorf("%s: %s of no flow", tt.name, v.State)
		}
		if tt.network == eks && !tt.stale && (v.Compared != 4 || v.Agree != 3) {
			t.Errorf("%s: %d of %d agree, want 3 of 4", tt.name, v.Agree, v.Compared)
		}
	}
	if v := (*Results)(nil).Judge(eks, true, tcp); v.State != Unchecked {
		t.Errorf("no results: %s", v.State)
	}
}

// TestFlowComparedFirst: where a packet was sent twice, the time that the kernel was asked counts.
func TestFlowComparedFirst(t *testing.T) {
	f := Flow{From: "a", To: "b", Protocol: "icmp"}
	failed := f
	failed.Why = NotSent
	f.Outcome = "delivered"
	n := Network{Flows: []Flow{failed, f, failed}}
	if got := n.Flow(f); got != &n.Flows[1] {
		t.Errorf("found %+v, want the one that was compared", got)
	}
}
