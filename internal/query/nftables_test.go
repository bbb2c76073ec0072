package query_test

import (
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/trace"
)

// TestServicesNFTables sends the flows of TestServices through a kube-proxy in nftables mode: the same end to end, but for what
// a cluster IP does with a port that no Service has (facts/kube-proxy-iptables.md, "nftables and IPVS modes").
func TestServicesNFTables(t *testing.T) {
	const pod1, internet = "192.168.1.143", "198.51.100.80"
	c := open(t, "eks-study", map[string]string{"kubeproxy": "nftables"})
	for _, tt := range []struct {
		name     string
		r        query.Request
		endpoint string // "" for the first
		want     seen
	}{
		{"pod to cluster IP", query.Request{From: "pod/default/netshoot-1", To: "svc/default/web"}, "",
			seen{trace.Delivered, "pod/default/web-1", pod1, "192.168.1.91:8080", ""}},
		{"pod to cluster IP, an endpoint on another node", query.Request{From: "pod/default/netshoot-1", To: "svc/default/web"}, "192.168.3.91:8080",
			seen{trace.Delivered, "pod/default/web-3", pod1, "192.168.3.91:8080", ""}},
		{"pod of a second ENI to cluster IP", query.Request{From: "pod/default/netshoot-2", To: "svc/default/web"}, "192.168.2.91:8080",
			seen{trace.Delivered, "pod/default/web-2", "192.168.1.52", "192.168.2.91:8080", ""}},
		{"pod to itself through its Service: masqueraded", query.Request{From: "pod/default/web-1", To: "svc/default/web"}, "192.168.1.91:8080",
			seen{trace.Delivered, "pod/default/web-1", "192.168.1.10", "192.168.1.91:8080", ""}},
		{"node to cluster IP, by OUTPUT", query.Request{From: "node/node-b", To: "svc/default/web"}, "192.168.3.91:8080",
			seen{trace.Delivered, "pod/default/web-3", "192.168.2.10", "192.168.3.91:8080", ""}},
		{"DNS over UDP", query.Request{From: "pod/default/netshoot-4", To: "svc/kube-system/kube-dns", PortName: "dns", Protocol: "udp"}, "",
			seen{trace.Delivered, "pod/kube-system/coredns-a", "192.168.3.31", "192.168.1.77:53", ""}},
		{"session affinity, a client not seen before", query.Request{From: "pod/default/netshoot-1", To: "svc/default/web-sticky"}, "",
			seen{trace.Delivered, "pod/default/web-1", pod1, "192.168.1.91:8080", ""}},
		{"no endpoints", query.Request{From: "pod/default/netshoot-1", To: "svc/default/web-empty"}, "",
			seen{trace.Rejected, "node-a", pod1, "10.100.20.6:80", "rule-reject"}},
		{"no endpoints, from the node", query.Request{From: "node/node-a", To: "svc/default/web-empty"}, "",
			seen{trace.Rejected, "node-a", "192.168.1.10", "10.100.20.6:80", "rule-reject"}},
		{"a port that the Service does not have is rejected", query.Request{From: "pod/default/netshoot-1", To: "svc/default/web", DstPort: 81}, "",
			seen{trace.Rejected, "node-a", pod1, "10.100.20.1:81", "rule-reject"}},
		{"ping a cluster IP", query.Request{From: "pod/default/netshoot-1", To: "svc/default/web", Protocol: "icmp"}, "",
			seen{trace.Rejected, "node-a", pod1, "10.100.20.1:0", "rule-reject"}},
		{"node port, Cluster: masqueraded", query.Request{From: "internet", To: "node/node-a", DstPort: 30080}, "192.168.2.91:8080",
			seen{trace.Delivered, "pod/default/web-2", "192.168.1.10", "192.168.2.91:8080", ""}},
		{"node port, Local: the client's address is kept", query.Request{From: "internet", To: "node/node-a", DstPort: 30081}, "",
			seen{trace.Delivered, "pod/default/web-1", internet, "192.168.1.91:8080", ""}},
		{"node port, Local, no endpoint there", query.Request{From: "internet", To: "node/node-c", DstPort: 30081}, "",
			seen{trace.Dropped, "node-c", internet, "192.168.3.10:30081", "rule-drop"}},
		{"node port, Local, from a process of the node itself: any endpoint, masqueraded", query.Request{From: "node/node-c", To: "192.168.3.10", DstPort: 30081}, "",
			seen{trace.Delivered, "pod/default/web-1", "192.168.3.10", "192.168.1.91:8080", ""}},
		{"node port on the node's second address: not kube-proxy's, it stays with the node", query.Request{From: "node/node-a", To: "192.168.1.40", DstPort: 30080}, "",
			seen{trace.Delivered, "node-a", "192.168.1.40", "192.168.1.40:30080", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr, err := tt.r.Trace(c)
			if err != nil {
				t.Fatal(err)
			}
			if tt.endpoint != "" {
				id, value, ok := tr.Document().ChoiceTo(tt.endpoint)
				if !ok {
					t.Fatalf("no choice leads to %s: %+v", tt.endpoint, tr.Choices)
				}
				tt.r.Choices = map[string]string{id: value}
				if tr, err = tt.r.Trace(c); err != nil {
					t.Fatal(err)
				}
			}
			if got := see(tr); got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			answers(t, tr)
		})
	}
}

// TestAffinityNFTables: which of the dynamic sets of a Service has the client is a choice; nothing is drawn for one that is known.
func TestAffinityNFTables(t *testing.T) {
	c := open(t, "eks-study", map[string]string{"kubeproxy": "nftables"})
	r := query.Request{From: "pod/default/netshoot-1", To: "svc/default/web-sticky"}
	tr, err := r.Trace(c)
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.Choices) != 2 || tr.Choices[0].Kind != "recent" || len(tr.Choices[0].Options) != 4 || tr.Choices[1].Kind != trace.KindNumgen {
		t.Fatalf("choices %+v, want one of kind recent with three endpoints, and one of kind numgen", tr.Choices)
	}
	last := tr.Choices[0].Options[3]
	if !strings.HasPrefix(last.Value, "affinity-") || last.Label != "192.168.3.91:8080" {
		t.Errorf("option %+v", last)
	}
	r.Choices = map[string]string{tr.Choices[0].ID: last.Value}
	if tr, err = r.Trace(c); err != nil {
		t.Fatal(err)
	}
	if got := see(tr).dst; got != last.Label || len(tr.Choices) != 1 {
		t.Errorf("went to %s with choices %+v, want %s and one choice", got, tr.Choices, last.Label)
	}
}

// TestEqualPriority: two nat chains at one priority, and an order that nobody can see, is an assumption. The native table at -90
// comes behind both and makes none.
func TestEqualPriority(t *testing.T) {
	for _, tt := range []struct {
		connmark, first string
		want            string // asked first at PREROUTING; "" where the order is no question
	}{
		{"iptables", "plugin", "ip nat PREROUTING"}, {"iptables", "kube-proxy", "ip kube-proxy nat-prerouting"}, {"nft", "plugin", ""},
	} {
		c := open(t, "eks-study", map[string]string{"kubeproxy": "nftables", "connmark": tt.connmark, "natfirst": tt.first})
		tr, err := (&query.Request{From: "pod/default/netshoot-2", To: "svc/default/web"}).Trace(c)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, a := range tr.Assumptions {
			if a.Code == trace.AssumeOrder && a.Args["hook"] == "PREROUTING" {
				got = a.Args["first"]
			}
		}
		if got != tt.want {
			t.Errorf("connmark %s, %s first: assumed %q first, want %q", tt.connmark, tt.first, got, tt.want)
		}
	}
}
