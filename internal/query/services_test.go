package query_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// seen is what a trace comes to: how it ended and where, what the server saw, and why it ended there.
type seen struct {
	outcome  trace.Outcome
	end      string // the namespace where the request ended
	src, dst string // of the request as it ended
	code     string // of the deciding step; "" where it was delivered
}

func see(tr *trace.Trace) seen {
	leg := &tr.Legs[0]
	hops := tr.Hops(leg)
	last := hops[len(hops)-1]
	p := tr.Packets[tr.End(leg).Packet]
	s := seen{tr.Outcome, last.Name, p.IP.Src.String(), fmt.Sprintf("%v:%d", p.IP.Dst, p.L4.DstPort), ""}
	if tr.Outcome != trace.Delivered {
		s.code = tr.Document().Reason.Code
	}
	return s
}

// sep gives the choice of a Service's endpoint by the pod that it leads to.
func sep(t *testing.T, c *compile.Compiled, node, service, pod string) map[string]string {
	t.Helper()
	ns, err := c.Topology.Namespace(node)
	if err != nil {
		t.Fatal(err)
	}
	var address string
	for _, p := range c.Places {
		if p.Name == pod {
			address = p.Address.String()
		}
	}
	for _, chain := range ns.Netfilter.Rules.Table("nat").Chains {
		for _, r := range chain.Rules {
			if strings.HasPrefix(chain.Name, "KUBE-SV") && strings.HasPrefix(r.Comment(), service+":") && strings.Contains(r.Comment(), "-> "+address+":") {
				text := r.Text()
				return map[string]string{chain.Name: text[strings.LastIndexByte(text, ' ')+1:]}
			}
		}
	}
	t.Fatalf("%s: no rule of %s leads to %s", node, service, pod)
	return nil
}

// TestServices follows the table "A packet's way" of facts/kube-proxy-iptables.md through the study's cluster, whose
// kube-proxy has no way to tell pods' traffic from other traffic, and facts/underlay.md section 2 through its load
// balancers.
func TestServices(t *testing.T) {
	const pod1, internet = "192.168.1.143", "198.51.100.80"
	c := open(t, "eks-study", nil)
	choose := func(node, service, pod string) map[string]string { return sep(t, c, node, service, pod) }
	for _, tt := range []struct {
		name string
		r    query.Request
		want seen
	}{
		// cluster IP: DNAT, and the source stays
		{"pod to cluster IP", query.Request{From: "pod/default/netshoot-1", To: "svc/default/web"},
			seen{trace.Delivered, "pod/default/web-1", pod1, "192.168.1.91:8080", ""}},
		{"pod to cluster IP, an endpoint on another node", query.Request{From: "pod/default/netshoot-1", To: "svc/default/web", Choices: choose("node-a", "default/web", "pod/default/web-3")},
			seen{trace.Delivered, "pod/default/web-3", pod1, "192.168.3.91:8080", ""}},
		{"pod of a second ENI to cluster IP", query.Request{From: "pod/default/netshoot-2", To: "svc/default/web", Choices: choose("node-a", "default/web", "pod/default/web-2")},
			seen{trace.Delivered, "pod/default/web-2", "192.168.1.52", "192.168.2.91:8080", ""}},
		{"pod to itself through its Service: masqueraded", query.Request{From: "pod/default/web-1", To: "svc/default/web", Choices: choose("node-a", "default/web", "pod/default/web-1")},
			seen{trace.Delivered, "pod/default/web-1", "192.168.1.10", "192.168.1.91:8080", ""}},
		{"node to cluster IP, by OUTPUT", query.Request{From: "node/node-b", To: "svc/default/web", Choices: choose("node-b", "default/web", "pod/default/web-3")},
			seen{trace.Delivered, "pod/default/web-3", "192.168.2.10", "192.168.3.91:8080", ""}},
		{"DNS over UDP", query.Request{From: "pod/default/netshoot-4", To: "svc/kube-system/kube-dns", PortName: "dns", Protocol: "udp"},
			seen{trace.Delivered, "pod/kube-system/coredns-a", "192.168.3.31", "192.168.1.77:53", ""}},
		{"DNS over TCP", query.Request{From: "pod/default/netshoot-4", To: "svc/kube-system/kube-dns", PortName: "dns-tcp"},
			seen{trace.Delivered, "pod/kube-system/coredns-a", "192.168.3.31", "192.168.1.77:53", ""}},
		{"session affinity, a client not seen before", query.Request{From: "pod/default/netshoot-1", To: "svc/default/web-sticky"},
			seen{trace.Delivered, "pod/default/web-1", pod1, "192.168.1.91:8080", ""}},
		{"headless: DNS gives a pod", query.Request{From: "pod/default/netshoot-1", To: "svc/default/web-headless", Choices: map[string]string{"dns svc/default/web-headless": "web-2"}},
			seen{trace.Delivered, "pod/default/web-2", pod1, "192.168.2.91:8080", ""}},
		{"no endpoints", query.Request{From: "pod/default/netshoot-1", To: "svc/default/web-empty"},
			seen{trace.Rejected, "node-a", pod1, "10.100.20.6:80", "rule-reject"}},
		{"no endpoints, from the node", query.Request{From: "node/node-a", To: "svc/default/web-empty"},
			seen{trace.Rejected, "node-a", "192.168.1.10", "10.100.20.6:80", "rule-reject"}},
		{"a port that the Service does not have goes by", query.Request{From: "pod/default/netshoot-1", To: "svc/default/web", DstPort: 81},
			seen{trace.Dropped, "igw", "203.0.113.10", "10.100.20.1:81", "internet-gateway-private"}},
		{"ping a cluster IP", query.Request{From: "pod/default/netshoot-1", To: "svc/default/web", Protocol: "icmp"},
			seen{trace.Dropped, "igw", "203.0.113.10", "10.100.20.1:0", "internet-gateway-private"}},

		// node ports
		{"node port, Cluster: masqueraded", query.Request{From: "internet", To: "node/node-a", DstPort: 30080, Choices: choose("node-a", "default/web-nodeport", "pod/default/web-2")},
			seen{trace.Delivered, "pod/default/web-2", "192.168.1.10", "192.168.2.91:8080", ""}},
		{"node port, Cluster, own node: masqueraded all the same", query.Request{From: "internet", To: "node/node-a", DstPort: 30080, Choices: choose("node-a", "default/web-nodeport", "pod/default/web-1")},
			seen{trace.Delivered, "pod/default/web-1", "192.168.1.10", "192.168.1.91:8080", ""}},
		{"node port, Local: the client's address is kept", query.Request{From: "internet", To: "node/node-a", DstPort: 30081},
			seen{trace.Delivered, "pod/default/web-1", internet, "192.168.1.91:8080", ""}},
		{"node port, Local, no endpoint there", query.Request{From: "internet", To: "node/node-c", DstPort: 30081},
			seen{trace.Dropped, "node-c", internet, "192.168.3.10:30081", "rule-drop"}},
		{"node port, Local, from a process of the node itself: any endpoint, masqueraded", query.Request{From: "node/node-c", To: "192.168.3.10", DstPort: 30081},
			seen{trace.Delivered, "pod/default/web-1", "192.168.3.10", "192.168.1.91:8080", ""}},
		{"node port from a pod", query.Request{From: "pod/default/netshoot-1", To: "node/node-b", DstPort: 30080, Choices: choose("node-b", "default/web-nodeport", "pod/default/web-3")},
			seen{trace.Delivered, "pod/default/web-3", "192.168.2.10", "192.168.3.91:8080", ""}},

		// load balancers
		{"instance targets: two hops of NAT, the client's address is lost on the node", query.Request{From: "internet", To: "lb/default/web-nlb-instance", Choices: choose("node-a", "default/web-nlb-instance", "pod/default/web-3")},
			seen{trace.Delivered, "pod/default/web-3", "192.168.1.10", "192.168.3.91:8080", ""}},
		{"IP targets: straight to the pod, from the load balancer's address", query.Request{From: "internet", To: "lb/default/web-nlb-ip"},
			seen{trace.Delivered, "pod/default/web-1", "192.168.1.202", "192.168.1.91:8080", ""}},
		{"another zone's address", query.Request{From: "internet", To: "lb/default/web-nlb-ip", Choices: map[string]string{"dns lb/default/web-nlb-ip": "ap-northeast-2c"}},
			seen{trace.Delivered, "pod/default/web-3", "192.168.3.202", "192.168.3.91:8080", ""}},
		{"a port without a listener", query.Request{From: "internet", To: "lb/default/web-nlb-ip", DstPort: 443},
			seen{trace.Dropped, "nlb-default-web-nlb-ip", internet, "192.168.1.202:443", "lb-no-listener"}},
		{"hairpin by instance: a node that is its own target", query.Request{From: "node/node-a", To: "192.168.1.201", DstPort: 80},
			seen{trace.Dropped, "node-a", "192.168.1.10", "192.168.1.91:8080", "martian-source"}},
		{"a pod through its node's load balancer: the answer does not come from where it sent to", query.Request{From: "pod/default/netshoot-1", To: "192.168.1.201", DstPort: 80, Choices: choose("node-a", "default/web-nlb-instance", "pod/default/web-2")},
			seen{trace.Rejected, "pod/default/web-2", "192.168.1.10", "192.168.2.91:8080", "closed-port"}},
		{"hairpin by address without preservation works", query.Request{From: "pod/default/web-1", To: "192.168.1.202", DstPort: 80},
			seen{trace.Delivered, "pod/default/web-1", "192.168.1.202", "192.168.1.91:8080", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr, err := tt.r.Trace(c)
			if err != nil {
				t.Fatal(err)
			}
			if got := see(tr); got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			answers(t, tr)
		})
	}
}

// TestKubeProxyOptions: what tells pods' traffic from other traffic, and what masqueradeAll does (the same table).
func TestKubeProxyOptions(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options map[string]string
		r       query.Request
		want    seen
	}{
		{"masqueradeAll", map[string]string{"masqueradeall": "true"}, query.Request{From: "pod/default/netshoot-1", To: "svc/default/web"},
			seen{trace.Delivered, "pod/default/web-1", "192.168.1.10", "192.168.1.91:8080", ""}},
		{"a pod within the cluster CIDR", map[string]string{"clustercidr": "192.168.0.0/16"}, query.Request{From: "pod/default/netshoot-1", To: "svc/default/web"},
			seen{trace.Delivered, "pod/default/web-1", "192.168.1.143", "192.168.1.91:8080", ""}},
		{"a pod outside the cluster CIDR", map[string]string{"clustercidr": "10.0.0.0/8"}, query.Request{From: "pod/default/netshoot-1", To: "svc/default/web"},
			seen{trace.Delivered, "pod/default/web-1", "192.168.1.10", "192.168.1.91:8080", ""}},
		{"the node outside the cluster CIDR", map[string]string{"clustercidr": "10.0.0.0/8"}, query.Request{From: "node/node-b", To: "svc/default/web"},
			seen{trace.Delivered, "pod/default/web-1", "192.168.2.10", "192.168.1.91:8080", ""}},
		{"a pod to a Local node port: any endpoint, not masqueraded", map[string]string{"clustercidr": "192.168.0.0/16"}, query.Request{From: "pod/default/netshoot-4", To: "node/node-c", DstPort: 30081},
			seen{trace.Delivered, "pod/default/web-1", "192.168.3.31", "192.168.1.91:8080", ""}},
		{"the same without a way to tell: as from outside", nil, query.Request{From: "pod/default/netshoot-4", To: "node/node-c", DstPort: 30081},
			seen{trace.Dropped, "node-c", "192.168.3.31", "192.168.3.10:30081", "rule-drop"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr, err := tt.r.Trace(open(t, "eks-study", tt.options))
			if err != nil {
				t.Fatal(err)
			}
			if got := see(tr); got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			answers(t, tr)
		})
	}
}

// answers holds what every delivered packet's answer must be: from the address and port that the client sent to.
func answers(t *testing.T, tr *trace.Trace) {
	t.Helper()
	if tr.Outcome != trace.Delivered {
		return
	}
	sent := tr.Packets[tr.Steps(&tr.Hops(&tr.Legs[0])[0])[0].Before]
	back := tr.Packets[tr.End(&tr.Legs[1]).Packet]
	if back.IP.Src != sent.IP.Dst || back.IP.Dst != sent.IP.Src || back.L4.SrcPort != sent.L4.DstPort || back.L4.DstPort != sent.L4.SrcPort {
		t.Errorf("sent %v:%d → %v:%d, answered %v:%d → %v:%d", sent.IP.Src, sent.L4.SrcPort, sent.IP.Dst, sent.L4.DstPort,
			back.IP.Src, back.L4.SrcPort, back.IP.Dst, back.L4.DstPort)
	}
}

// TestPreservedHairpin: with IP targets and client IP preservation on, a pod that is its own target gets a packet from
// itself, and the kernel drops it as martian (facts/underlay.md, section 2, "Hairpin").
func TestPreservedHairpin(t *testing.T) {
	c := open(t, "eks-study", map[string]string{"preserveclientip": "true"})
	for _, tt := range []struct {
		from string
		want seen
	}{
		{"pod/default/web-1", seen{trace.Dropped, "pod/default/web-1", "192.168.1.91", "192.168.1.91:8080", "martian-source"}},
		{"pod/default/netshoot-3", seen{trace.Delivered, "pod/default/web-1", "192.168.2.57", "192.168.1.91:8080", ""}},
		{"internet", seen{trace.Delivered, "pod/default/web-1", "198.51.100.80", "192.168.1.91:8080", ""}},
	} {
		r := query.Request{From: tt.from, To: "192.168.1.202", DstPort: 80}
		if tt.from == "internet" {
			r.To = "lb/default/web-nlb-ip"
		}
		tr, err := r.Trace(c)
		if err != nil {
			t.Fatal(err)
		}
		if got := see(tr); got != tt.want {
			t.Errorf("from %s: got  %+v\nwant %+v", tt.from, got, tt.want)
		}
		answers(t, tr)
	}
}

// TestBalancerOptions: instance targets without preservation, and cross-zone, which lets a zone's node use all targets.
func TestBalancerOptions(t *testing.T) {
	c := open(t, "eks-study", map[string]string{"preserveclientip": "false", "crosszone": "true"})
	for _, tt := range []struct {
		target string
		want   seen
	}{
		{"node-a", seen{trace.Delivered, "pod/default/web-1", "192.168.1.10", "192.168.1.91:8080", ""}},
		{"node-c", seen{trace.Delivered, "pod/default/web-1", "192.168.3.10", "192.168.1.91:8080", ""}},
	} {
		r := query.Request{From: "internet", To: "lb/default/web-nlb-instance", Choices: map[string]string{"nlb-default-web-nlb-instance": tt.target}}
		tr, err := r.Trace(c)
		if err != nil {
			t.Fatal(err)
		}
		if got := see(tr); got != tt.want {
			t.Errorf("target %s: got  %+v\nwant %+v", tt.target, got, tt.want)
		}
		answers(t, tr)
	}
	// A node that is its own target is reached all the same: what arrives has the load balancer's address.
	tr, err := (&query.Request{From: "node/node-a", To: "192.168.1.201", DstPort: 80}).Trace(c)
	if err != nil {
		t.Fatal(err)
	}
	if got := see(tr); got.outcome != trace.Delivered {
		t.Errorf("hairpin without preservation: %+v", got)
	}
}

// TestAffinity: a client that a node remembers goes where it went before.
func TestAffinity(t *testing.T) {
	c := open(t, "eks-study", nil)
	r := query.Request{From: "pod/default/netshoot-1", To: "svc/default/web-sticky"}
	tr, err := r.Trace(c)
	if err != nil {
		t.Fatal(err)
	}
	var recent *trace.Choice
	for i := range tr.Choices {
		if tr.Choices[i].Kind == "recent" {
			recent = &tr.Choices[i]
		}
	}
	if recent == nil || len(recent.Options) != 4 || recent.Chosen != trace.Unseen {
		t.Fatalf("choices %+v, want one of kind recent with three endpoints and %q", tr.Choices, trace.Unseen)
	}
	r.Choices = map[string]string{recent.ID: recent.Options[3].Value}
	if tr, err = r.Trace(c); err != nil {
		t.Fatal(err)
	}
	if got, want := see(tr).dst, recent.Options[3].Label; got != want {
		t.Errorf("went to %s, want %s, which it is remembered for", got, want)
	}
	if len(tr.Choices) != 1 {
		t.Errorf("choices %+v: nothing is drawn for a client that is remembered", tr.Choices)
	}
}

// TestServiceChoices: what cannot be chosen is an error that names what can.
func TestServiceChoices(t *testing.T) {
	c := open(t, "eks-study", nil)
	chain := ""
	for k := range sep(t, c, "node-a", "default/web", "pod/default/web-1") {
		chain = k
	}
	for _, tt := range []struct {
		r          query.Request
		code, want string
	}{
		{query.Request{From: "pod/default/netshoot-1", To: "svc/default/web", Choices: map[string]string{chain: "KUBE-SEP-NONE"}}, "unknown-choice", "KUBE-SEP-"},
		{query.Request{From: "internet", To: "lb/default/web-nlb-ip", Choices: map[string]string{"dns lb/default/web-nlb-ip": "2d"}}, "unknown-choice", "ap-northeast-2a"},
		{query.Request{From: "internet", To: "lb/default/web-nlb-ip", Choices: map[string]string{"nlb-default-web-nlb-ip": "web-9"}}, "unknown-choice", "default/web-1"},
		{query.Request{From: "pod/default/netshoot-1", To: "svc/default/web", PortName: "https"}, "unknown-port", "http (tcp)"},
		{query.Request{From: "svc/default/web", To: "node/node-a"}, "not-source", "pod/default/netshoot-1"},
	} {
		_, err := tt.r.Trace(c)
		f, ok := err.(*compile.FieldError)
		if !ok || f.Code != tt.code || !strings.Contains(f.Args["want"], tt.want) {
			t.Errorf("%+v: %v, want %s (%s)", tt.r, err, tt.code, tt.want)
		}
	}
	tr, err := (&query.Request{From: "pod/default/netshoot-1", To: "pod/default/web-2", Choices: map[string]string{chain: "KUBE-SEP-X"}}).Trace(c)
	if err != nil {
		t.Fatal(err)
	}
	met := false
	for _, a := range tr.Assumptions {
		met = met || a.Code == trace.AssumeChoice && a.Args["id"] == chain
	}
	if !met {
		t.Errorf("assumptions %v: a choice that the packet does not come by is not named", tr.Assumptions)
	}
}

// TestCauses: each un-NAT leads to the rule of the request that caused it; a masquerade leads to the mark it rests on, and
// to the rule that asked for the mark.
func TestCauses(t *testing.T) {
	c := open(t, "eks-study", nil)
	r := query.Request{From: "internet", To: "lb/default/web-nlb-instance", Choices: sep(t, c, "node-a", "default/web-nlb-instance", "pod/default/web-3")}
	d, err := r.Document(c)
	if err != nil {
		t.Fatal(err)
	}
	undone, masqueraded := 0, 0
	for _, leg := range d.Legs {
		for _, hop := range leg.Hops {
			for _, s := range hop.Steps {
				switch trace.Code(s.Code) {
				case trace.ConnNATUndo, trace.BalancerUndo:
					undone++
					if len(s.Because) != 1 {
						t.Errorf("%s %s: causes %v, want one", hop.Namespace, s.Code, s.Because)
						continue
					}
					b := s.Because[0]
					cause := d.Legs[b.Leg].Hops[b.Hop].Steps[b.Step]
					if b.Leg != 0 || cause.Verdict == "" || d.FindStation(b.Station) < 0 {
						t.Errorf("%s: cause %+v is no step of the request", s.Code, b)
					}
					if got, want := cause.Changes, s.Changes; len(got) == 0 || len(want) == 0 {
						t.Errorf("%s: cause %s changed nothing", s.Code, cause.Text)
					}
				case trace.RuleMasquerade:
					masqueraded++
					var kinds []string
					for _, b := range s.Because {
						kinds = append(kinds, b.Kind+" "+b.Text)
					}
					if len(kinds) != 2 || !strings.Contains(kinds[1], "jump -A KUBE-EXT-") || !strings.Contains(kinds[1], "-j KUBE-MARK-MASQ") ||
						kinds[0] != "mark -A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000" {
						t.Errorf("masquerade because of %q", kinds)
					}
				}
			}
		}
	}
	// the source at PREROUTING and the destination at POSTROUTING of node-a, and the load balancer
	if undone != 3 || masqueraded != 1 {
		t.Errorf("%d un-NATs and %d masquerades, want 3 and 1", undone, masqueraded)
	}
}

// TestEveryService traces every place to every Service, node port and load balancer, each way that chance can take. What
// is delivered is answered from where it was sent to, and each option of a choice leads to another end.
func TestEveryService(t *testing.T) {
	for _, preset := range compile.Presets() {
		variants := []map[string]string{{"securitygroups": "off"}, {"securitygroups": "strict"}, {"securitygroups": "standard"}, {"cni": "calico-vxlan"}}
		if preset == "onprem-study" {
			variants = []map[string]string{{"cni": "calico-vxlan-crosssubnet"}, {"cni": "calico-ipip"}, {"cni": "calico-bgp", "bgp": "true"}}
		}
		for _, groups := range variants {
			c := open(t, preset, groups)
			n, delivered := 0, 0
			for _, from := range c.Places {
				if !from.Sends() {
					continue
				}
				for _, to := range c.Places {
					ports := to.Ports
					switch {
					case to.Why != "" || to.Name == from.Name && to.Kind != topology.Node:
						continue
					case to.Kind == topology.Node:
						ports = []topology.ServicePort{{Protocol: packet.TCP, Port: 30080}, {Protocol: packet.TCP, Port: 30081}}
					}
					for _, p := range ports {
						all := ways(t, c, query.Request{From: from.Name, To: to.Name, Protocol: p.Protocol.String(), DstPort: int(p.Port)})
						n += len(all)
						for _, tr := range all {
							answers(t, tr)
							if tr.Outcome == trace.Delivered {
								delivered++
							}
							if tr.Outcome == trace.Undetermined {
								t.Errorf("%s %v: %s → %s: %v", preset, groups, from.Name, to.Name, tr.Document().Reason)
							}
						}
					}
				}
			}
			t.Logf("%s, %v: %d traces, %d delivered", preset, groups, n, delivered)
			if delivered < n/2 {
				t.Errorf("%s, %v: only %d of %d were delivered", preset, groups, delivered, n)
			}
		}
	}
}

// ways traces a request in every way that chance can take.
func ways(t *testing.T, c *compile.Compiled, r query.Request) []*trace.Trace {
	t.Helper()
	tr, err := r.Trace(c)
	if err != nil {
		t.Fatalf("%s → %s: %v", r.From, r.To, err)
	}
	out := []*trace.Trace{tr}
	for _, ch := range tr.Choices {
		if _, made := r.Choices[ch.ID]; made {
			continue
		}
		for _, o := range ch.Options[1:] {
			x := r
			x.Choices = map[string]string{ch.ID: o.Value}
			for _, before := range tr.Choices { // those before it stay as they were
				if before.ID == ch.ID {
					break
				}
				x.Choices[before.ID] = before.Chosen
			}
			out = append(out, ways(t, c, x)...)
		}
	}
	return out
}
