package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/checked"
	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/server"
)

// known is what the API says of a packet's check.
func known(t *testing.T, h http.Handler, query string) (state checked.State, imitated []string) {
	t.Helper()
	var doc struct {
		Checked struct {
			State    checked.State
			Imitated []string
		}
	}
	code, body := get(t, h, "/api/v1/trace?"+query)
	if err := json.Unmarshal([]byte(body), &doc); err != nil || code != 200 {
		t.Fatalf("%s: status %d, %v", query, code, err)
	}
	return doc.Checked.State, doc.Checked.Imitated
}

// TestCheckedNames: whatever a packet's ends are called in a query, it is the same packet; a host that a query adds on the
// Internet makes no other network.
func TestCheckedNames(t *testing.T) {
	results := &checked.Results{Kernel: "6.18.44", Date: "2026-11-26"}
	for _, tt := range []struct {
		preset string
		flows  []checked.Flow
	}{
		{"eks-study", []checked.Flow{
			{From: "pod/default/netshoot-1", To: "pod/default/netshoot-3", Protocol: "tcp", Port: 8080, Outcome: "delivered"},
			{From: "pod/default/netshoot-1", To: "node/node-b", Protocol: "icmp", Outcome: "delivered"},
			{From: "node/node-a", To: "pod/default/netshoot-3", Protocol: "udp", Port: 53, Outcome: "delivered"},
			{From: "pod/default/netshoot-1", To: "8.8.8.8", Protocol: "tcp", Port: 443, Outcome: "delivered"},
			{From: "pod/default/netshoot-1", To: "svc/default/web", Protocol: "tcp", Port: 80, Outcome: "delivered"},
			{From: "pod/default/netshoot-1", To: "pod/default/netshoot-2", Protocol: "tcp", Port: 8080, Outcome: "delivered"},
		}},
		{"onprem-study", []checked.Flow{{From: "pod/default/netshoot-1", To: "pod/default/netshoot-4", Protocol: "tcp", Port: 8080, Outcome: "delivered"}}},
	} {
		c, err := compile.Preset(tt.preset)
		if err != nil {
			t.Fatal(err)
		}
		made, err := compile.Compile(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		topology, err := checked.Fingerprint(made.Topology)
		if err != nil {
			t.Fatal(err)
		}
		results.Networks = append(results.Networks, checked.Network{Preset: tt.preset, Topology: topology, Flows: tt.flows})
	}
	e, err := newEngine()
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(server.Config{Engine: e, Checked: results})
	if err != nil {
		t.Fatal(err)
	}
	h := s.Handler()
	const eks, onprem = "preset=eks-study&", "preset=onprem-study&"
	for _, tt := range []struct {
		query  string
		want   checked.State
		fabric bool
	}{
		{eks + "from=pod/default/netshoot-1&to=pod/default/netshoot-3&proto=tcp&dport=8080", checked.Agrees, true},
		{eks + "from=pod/default/netshoot-1&to=pod/default/netshoot-3", checked.Agrees, true}, // the port that a query has by default
		{eks + "from=192.168.1.143&to=192.168.2.57&dport=8080", checked.Agrees, true},
		{eks + "from=pod/default/netshoot-1&to=node-b&proto=icmp", checked.Agrees, true},
		{eks + "from=pod/default/netshoot-1&to=192.168.2.10&proto=icmp", checked.Agrees, true},
		{eks + "from=node-a&to=192.168.2.57&proto=udp&dport=53", checked.Agrees, true},
		{eks + "from=pod/default/netshoot-1&to=8.8.8.8&dport=443", checked.Agrees, true},
		{eks + "from=pod/default/netshoot-1&to=8.8.4.4&dport=443", checked.Others, true},
		{eks + "from=pod/default/netshoot-1&to=pod/default/netshoot-2", checked.Agrees, false}, // within the node
		{eks + "from=pod/default/netshoot-1&to=svc/default/web", checked.Others, false},        // nobody wrote down which endpoint the kernel drew
		{eks + "from=pod/default/netshoot-1&to=pod/default/netshoot-3&cni=aws-vpc-cni&set=externalsnat=false", checked.Agrees, true},
		{eks + "from=pod/default/netshoot-1&to=pod/default/netshoot-3&cni=calico-vxlan", checked.Unchecked, false},
		{eks + "from=pod/default/netshoot-1&to=internet&set=externalsnat=true", checked.Unchecked, false},
		{onprem + "from=pod/default/netshoot-1&to=pod/default/netshoot-4", checked.Agrees, false}, // its routers are namespaces like any other
	} {
		got, imitated := known(t, h, tt.query)
		if got != tt.want || (len(imitated) > 0) != tt.fabric {
			t.Errorf("%s: %s, imitated %v; want %s, %v", tt.query, got, imitated, tt.want, tt.fabric)
		}
	}
}

// TestStoredResults: a stored flow can be asked for on the page, and its trace is found again as the flow that it is. What is
// stored of a network that has changed since is not looked at.
func TestStoredResults(t *testing.T) {
	results, err := checked.Stored()
	if err != nil {
		t.Fatal(err)
	}
	h := pages(t)
	for _, n := range results.Networks {
		for _, f := range n.Flows {
			q := url.Values{"preset": {n.Preset}, "from": {f.From}, "to": {f.To}, "proto": {f.Protocol}}
			for name, v := range map[string]int{"dport": f.Port, "sport": f.SourcePort, "ttl": f.TTL, "payload": f.Payload} {
				if v != 0 {
					q.Set(name, fmt.Sprint(v))
				}
			}
			for k, v := range n.Options {
				if k == server.CNIKey {
					q.Set(k, v)
				} else {
					q.Add("set", k+"="+v)
				}
			}
			for k, v := range f.Choices {
				q.Add("choice", k+"="+v)
			}
			want := checked.Agrees
			switch {
			case f.NoDF: // the page always forbids fragments
				want = checked.Others
			case !f.Compared():
				want = checked.Skipped
			case !f.Agrees():
				want = checked.Differs
			}
			got, _ := known(t, h, q.Encode())
			if stale := got == checked.Changed && !fresh(t, &n); got != want && !stale {
				t.Errorf("%s: %s, want %s", strings.ReplaceAll(q.Encode(), "%2F", "/"), got, want)
			}
		}
	}
}

// fresh says whether a stored network is still the one that was checked.
func fresh(t *testing.T, n *checked.Network) bool {
	c, err := compile.Preset(n.Preset)
	if err != nil {
		t.Fatal(err)
	}
	made, err := compile.Compile(c, n.Options)
	if err != nil {
		t.Fatal(err)
	}
	topology, err := checked.Fingerprint(made.Topology)
	if err != nil {
		t.Fatal(err)
	}
	return topology == n.Topology
}
