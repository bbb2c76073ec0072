package diagramtest

import (
	"fmt"
	"strconv"

	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// A Scenario is a topology and a trace through it.
type Scenario struct {
	Name     string
	Topology *topology.Topology
	Document *trace.Document
}

// Scenarios are all shapes that a page has to draw.
func Scenarios() []Scenario {
	pub, priv, lab := Topology(false), Topology(true), Recording()
	return []Scenario{
		{"pod-pod-other-node", pub, PodToPod()},
		{"pod-pod-same-node", pub, SameNode()},
		{"pod-internet", pub, PodToInternet(false)},
		{"pod-internet-nat", priv, PodToInternet(true)},
		{"pod-own-node", pub, OwnNode()},
		{"node-pod", pub, NodeToPod()},
		{"rejected", pub, Refused()},
		{"unknown", pub, Unknown()},
		{"lab-pod-pod", lab, Lab()},
		{"pod-pod-same-node-vpc", pub, SameNodeThroughVPC("ens6", "ens5")},
		{"pod-pod-same-node-hairpin", pub, SameNodeThroughVPC("ens5", "ens5")},
	}
}

const (
	vethA, vethB, vethDNS = "eni7d2f9c4a1b8", "enid40c7b1e93a", "eni1c80e5f37d2"
	web, api, dns         = "192.168.1.143", "192.168.2.57", "192.168.1.52"
	host                  = "203.0.113.80"
)

func syn(src, dst string, dport int) frame {
	return frame{src: src, dst: dst, ttl: 64, sport: 40000, dport: dport, flags: "S"}
}

// podSends is the hop in which a packet leaves a pod.
func (c *composer) podSends(ns string) {
	c.hop(ns, "pod", "", "eth0")
	c.station("send", "send", "", step("send", "ok", trace.SourceByRoute, "", "src", c.f.src, "dst", c.f.dst, "dev", "eth0"))
	c.station("route", "route", "", evidence(step("route", "lookup", trace.PolicyRule, "32766:\tfrom all lookup main", "priority", "32766", "table", "main"), "0:\tfrom all lookup local"),
		step("route", "forward", trace.RouteUnicast, "default via 169.254.1.1 dev eth0", "table", "main", "dst", "default", "via", "169.254.1.1", "dev", "eth0"))
	c.station("transmit", "transmit", "eth0",
		chosen(change(step("neighbour", "ok", trace.NeighbourPermanent, "169.254.1.1 dev eth0 lladdr 02:00:00:00:00:85 PERMANENT", "ip", "169.254.1.1", "mac", "02:00:00:00:00:85", "dev", "eth0"),
			"eth.src", "02:00:00:00:00:03", "eth.dst", "02:00:00:00:00:85")),
		step("transmit", "ok", trace.Transmitted, "", "dev", "eth0", "to", "node"))
}

// podReceives is the hop in which a packet reaches a pod.
func (c *composer) podReceives(ns, port string) {
	c.hop(ns, "pod", "eth0", "")
	c.station("receive", "receive", "eth0", step("receive", "ok", trace.FrameForUs, "", "dev", "eth0", "mac", c.f.ethDst))
	c.station("route", "route-in", "", step("route", "local", trace.RouteLocal, "local "+c.f.dst+" dev eth0 table local proto kernel scope host src "+c.f.dst, "dst", c.f.dst))
	c.station("deliver", "deliver", "", step("deliver", "delivered", trace.DeliveredHere, "", "dst", c.f.dst, "port", port))
}

// forward is a hop through a node.
func (c *composer) forward(ns, in, out, prio, table, route, via string, marked bool, snat string, reply bool) {
	c.hop(ns, "node", in, out)
	c.station("receive", "receive", in, step("receive", "ok", trace.FrameForUs, "", "dev", in, "mac", c.f.ethDst))
	tuple := fmt.Sprintf("tcp %s:%d → %s:%d", c.f.src, c.f.sport, c.f.dst, c.f.dport)
	pre := []trace.StepDocument{step("conntrack", "new", trace.ConnNew, "", "tuple", tuple)}
	if reply {
		pre[0] = step("conntrack", "established", trace.ConnEstablished, "", "tuple", tuple, "direction", "reply")
		if snat != "" {
			pre = append(pre, chosen(change(step("conntrack", "nat", trace.ConnNATUndo, "", "what", "dst", "from", "192.168.1.10:34871", "to", snat+":40000"), "ip.dst", snat, "tcp.dstPort", "40000")))
		}
	} else {
		pre = append(pre, rule("PREROUTING", "mangle", "PREROUTING", 2, passed(step("netfilter", "continue", trace.RuleRestoredSame, "-A PREROUTING -i eni+ -m comment --comment \"AWS, primary ENI\" -j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80", "mark", "0x0"),
			"-A PREROUTING -i ens5 -m comment --comment \"AWS, primary ENI\" -m addrtype --dst-type LOCAL --limit-iface-in -j CONNMARK --set-xmark 0x80/0x80")))
		pre = append(pre, rule("PREROUTING", "nat", "PREROUTING", 2, passed(step("netfilter", "jump", trace.RuleJump, "-A PREROUTING -i eni+ -m comment --comment \"AWS, outbound connections\" -j AWS-CONNMARK-CHAIN-0", "chain", "AWS-CONNMARK-CHAIN-0"),
			"-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES")))
		if marked {
			pre = append(pre, rule("PREROUTING", "nat", "AWS-CONNMARK-CHAIN-0", 2, chosen(change(passed(step("netfilter", "continue", trace.RuleConnmark, "-A AWS-CONNMARK-CHAIN-0 -m comment --comment \"AWS, CONNMARK\" -j CONNMARK --set-xmark 0x80/0x80", "before", "0x0", "after", "0x80"),
				"-A AWS-CONNMARK-CHAIN-0 -d 192.168.0.0/16 -m comment --comment \"AWS CONNMARK CHAIN\" -j RETURN"), "ctmark", "0x80"))))
			pre = append(pre, rule("PREROUTING", "nat", "PREROUTING", 3, change(step("netfilter", "continue", trace.RuleRestored, "-A PREROUTING -m comment --comment \"AWS, CONNMARK\" -j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80", "before", "0x0", "after", "0x80"), "mark", "0x80")))
		} else {
			pre = append(pre, rule("PREROUTING", "nat", "AWS-CONNMARK-CHAIN-0", 1, chosen(step("netfilter", "return", trace.RuleReturn, "-A AWS-CONNMARK-CHAIN-0 -d 192.168.0.0/16 -m comment --comment \"AWS CONNMARK CHAIN\" -j RETURN", "chain", "PREROUTING"))))
		}
		pre = append(pre, rule("PREROUTING", "nat", "PREROUTING", 0, step("netfilter", "policy accept", trace.ChainPolicy, "-P PREROUTING ACCEPT", "policy", "ACCEPT")))
	}
	c.station("PREROUTING", "PREROUTING", "", pre...)
	ruleText := map[string]string{"512": "512:\tfrom all to " + c.f.dst + " lookup main", "1024": "1024:\tfrom all fwmark 0x80/0x80 lookup main", "1536": "1536:\tfrom " + c.f.src + " lookup 2", "32766": "32766:\tfrom all lookup main"}[prio]
	rt := step("route", "forward", trace.RouteUnicast, route, "table", table, "dst", "default", "via", via, "dev", out)
	if via == "" {
		rt = step("route", "forward", trace.RouteLink, route, "table", table, "dst", c.f.dst, "dev", out)
	}
	c.station("route", "route", "", evidence(step("route", "lookup", trace.PolicyRule, ruleText, "priority", prio, "table", table), "0:\tfrom all lookup local", "512:\tfrom all to 192.168.1.52 lookup main"), rt)
	ttl := strconv.Itoa(c.f.ttl - 1)
	c.station("FORWARD", "FORWARD", "",
		chosen(change(step("forward", "ok", trace.TTLDecremented, "", "before", strconv.Itoa(c.f.ttl), "after", ttl), "ip.ttl", ttl)),
		rule("FORWARD", "filter", "FORWARD", 0, step("netfilter", "policy accept", trace.ChainPolicy, "-P FORWARD ACCEPT", "policy", "ACCEPT")))
	post := []trace.StepDocument{step("conntrack", "confirmed", trace.ConnConfirmed, "", "tuple", tuple, "reply", fmt.Sprintf("tcp %s:%d → %s:%d", c.f.dst, c.f.dport, c.f.src, c.f.sport))}
	switch {
	case reply:
		post = []trace.StepDocument{step("netfilter", "ok", trace.RuleCounts, "")}
	case snat != "":
		post = append([]trace.StepDocument{
			rule("POSTROUTING", "nat", "POSTROUTING", 2, passed(step("netfilter", "jump", trace.RuleJump, "-A POSTROUTING -m comment --comment \"AWS SNAT CHAIN\" -j AWS-SNAT-CHAIN-0", "chain", "AWS-SNAT-CHAIN-0"), "-A POSTROUTING -m comment --comment \"kubernetes postrouting rules\" -j KUBE-POSTROUTING")),
			rule("POSTROUTING", "nat", "AWS-SNAT-CHAIN-0", 2, chosen(change(passed(step("netfilter", "nat", trace.RuleSNAT, "-A AWS-SNAT-CHAIN-0 ! -o vlan+ -m comment --comment \"AWS, SNAT\" -m addrtype ! --dst-type LOCAL -j SNAT --to-source 192.168.1.10 --random-fully", "from", c.f.src+":40000", "to", snat+":34871"),
				"-A AWS-SNAT-CHAIN-0 -d 192.168.0.0/16 -m comment --comment \"AWS SNAT CHAIN\" -j RETURN"), "ip.src", snat, "tcp.srcPort", "34871")))}, post...)
	default:
		post = append([]trace.StepDocument{
			rule("POSTROUTING", "nat", "AWS-SNAT-CHAIN-0", 1, chosen(step("netfilter", "return", trace.RuleReturn, "-A AWS-SNAT-CHAIN-0 -d 192.168.0.0/16 -m comment --comment \"AWS SNAT CHAIN\" -j RETURN", "chain", "POSTROUTING")))}, post...)
	}
	c.station("POSTROUTING", "POSTROUTING", "", post...)
	mac := "02:00:00:00:00:f0"
	if via == "" {
		mac = "02:00:00:00:00:03"
		via = c.f.dst
	}
	c.station("transmit", "transmit", out,
		chosen(change(step("neighbour", "ok", trace.NeighbourKnown, via+" dev "+out+" lladdr "+mac+" REACHABLE", "ip", via, "mac", mac, "dev", out, "state", "REACHABLE"), "eth.src", "02:00:00:00:00:01", "eth.dst", mac)),
		step("transmit", "ok", trace.Transmitted, "", "dev", out, "to", "vpc"))
}

// router is a hop of the VPC's router.
func (c *composer) router(target, dst string) {
	c.hop("vpc", "router", "", "")
	text := dst + "   " + target
	if target == "local" {
		c.station("fabric", "fabric", "", step("fabric", "ok", trace.SourceCheckOK, "", "eni", "ENI0", "src", c.f.src),
			chosen(step("fabric", "ok", trace.VPCRoute, text, "table", "rtb-public", "dst", dst, "target", target)),
			change(step("fabric", "ok", trace.VPCMapped, "", "dst", c.f.dst, "eni", "ENI0", "node", "node-b"), "eth.dst", "02:00:00:00:00:10"))
	} else {
		c.station("fabric", "fabric", "", evidence(step("fabric", "ok", trace.VPCRoute, text, "table", "rtb-public", "dst", dst, "target", target), "192.168.0.0/16   local"))
	}
	c.f.mark, c.f.ctmark = 0, 0
}

// gateway is a hop of an internet or NAT gateway.
func (c *composer) gateway(id string, code trace.Code, field, to string) {
	c.hop(id, "gateway", "", "")
	c.station("fabric", "fabric", "", change(step("fabric", "nat", code, c.f.src+"  ⇄  "+to, "from", c.f.get(field), "to", to), field, to))
}

func (c *composer) swap(src, dst, flags string) {
	c.f = frame{src: src, dst: dst, ttl: 64, sport: c.f.dport, dport: c.f.sport, flags: flags}
}

// PodToPod is a connection from a pod on a second card to a pod on another node.
func PodToPod() *trace.Document {
	c := compose("pod/default/web-7c9f5", "pod/default/api-5d4b8", "tcp", syn(web, api, 8080))
	c.startLeg("request", "SYN")
	c.podSends("web-7c9f5")
	c.forward("node-a", vethA, "ens6", "1536", "2", "default via 192.168.1.1 dev ens6", "192.168.1.1", false, "", false)
	c.router("local", "192.168.0.0/16")
	c.forward("node-b", "ens5", vethB, "512", "main", "192.168.2.57 dev enid40c7b1e93a scope link", "", false, "", false)
	c.podReceives("api-5d4b8", "8080")
	c.startLeg("reply", "SYN-ACK")
	c.swap(api, web, "SA")
	c.podSends("api-5d4b8")
	c.forward("node-b", vethB, "ens5", "32766", "main", "default via 192.168.2.1 dev ens5 proto dhcp src 192.168.2.10 metric 512", "192.168.2.1", false, "", true)
	c.router("local", "192.168.0.0/16")
	c.forward("node-a", "ens6", vethA, "512", "main", "192.168.1.143 dev eni7d2f9c4a1b8 scope link", "", false, "", true)
	c.podReceives("web-7c9f5", "40000")
	c.doc.Conntrack = []trace.ConnDocument{{Namespace: "node-a", Protocol: "tcp", Original: "192.168.1.143:40000 → 192.168.2.57:8080", Reply: "192.168.2.57:8080 → 192.168.1.143:40000"}}
	c.doc.Assumptions = []trace.ReasonDocument{{Code: string(trace.AssumeListens), Args: map[string]string{"namespace": "api-5d4b8", "port": "8080"}}}
	return c.doc
}

// SameNodeThroughVPC is a connection between two pods of one node that leaves it by one card and comes back by another,
// or the same, so that each leg visits the node twice: security groups for pods do that.
func SameNodeThroughVPC(out, back string) *trace.Document {
	c := compose("pod/default/web-7c9f5", "pod/default/coredns-6b9d", "tcp", syn(web, dns, 53))
	c.startLeg("request", "SYN")
	c.podSends("web-7c9f5")
	c.forward("node-a", vethA, out, "1536", "2", "default via 192.168.1.1 dev "+out, "192.168.1.1", false, "", false)
	c.router("local", "192.168.0.0/16")
	c.forward("node-a", back, vethDNS, "512", "main", "192.168.1.52 dev eni1c80e5f37d2 scope link", "", false, "", false)
	c.podReceives("coredns-6b9d", "53")
	c.startLeg("reply", "SYN-ACK")
	c.swap(dns, web, "SA")
	c.podSends("coredns-6b9d")
	c.forward("node-a", vethDNS, back, "1536", "2", "default via 192.168.1.1 dev "+back, "192.168.1.1", false, "", true)
	c.router("local", "192.168.0.0/16")
	c.forward("node-a", out, vethA, "512", "main", "192.168.1.143 dev eni7d2f9c4a1b8 scope link", "", false, "", true)
	c.podReceives("web-7c9f5", "40000")
	return c.doc
}

// SameNode is a connection between two pods of one node.
func SameNode() *trace.Document {
	c := compose("pod/default/web-7c9f5", "pod/default/coredns-6b9d", "tcp", syn(web, dns, 53))
	c.startLeg("request", "SYN")
	c.podSends("web-7c9f5")
	c.forward("node-a", vethA, vethDNS, "512", "main", "192.168.1.52 dev eni1c80e5f37d2 scope link", "", false, "", false)
	c.podReceives("coredns-6b9d", "53")
	c.startLeg("reply", "SYN-ACK")
	c.swap(dns, web, "SA")
	c.podSends("coredns-6b9d")
	c.forward("node-a", vethDNS, vethA, "512", "main", "192.168.1.143 dev eni7d2f9c4a1b8 scope link", "", false, "", true)
	c.podReceives("web-7c9f5", "40000")
	return c.doc
}

// PodToInternet leaves by the first card and the internet gateway, or a NAT gateway before it.
func PodToInternet(nat bool) *trace.Document {
	c := compose("pod/default/web-7c9f5", "internet", "tcp", syn(web, host, 443))
	public := "198.51.100.24"
	c.startLeg("request", "SYN")
	c.podSends("web-7c9f5")
	c.forward("node-a", vethA, "ens5", "1024", "main", "default via 192.168.1.1 dev ens5 proto dhcp src 192.168.1.10 metric 512", "192.168.1.1", true, "192.168.1.10", false)
	if nat {
		c.router("nat-07be", "0.0.0.0/0")
		c.gateway("nat-07be", trace.NATGatewaySNAT, "ip.src", "192.168.100.7")
		c.router("igw-0a4f", "0.0.0.0/0")
	} else {
		c.router("igw-0a4f", "0.0.0.0/0")
	}
	c.gateway("igw-0a4f", trace.GatewayNAT, "ip.src", public)
	c.hop("internet", "external", "eth0", "")
	c.station("receive", "receive", "eth0", step("receive", "ok", trace.FrameForUs, "", "dev", "eth0", "mac", "02:00:00:00:00:50"))
	c.station("deliver", "deliver", "", step("deliver", "delivered", trace.DeliveredHere, "", "dst", host, "port", "443"))
	c.startLeg("reply", "SYN-ACK")
	c.swap(host, public, "SA")
	c.hop("internet", "external", "", "eth0")
	c.station("send", "send", "", step("send", "ok", trace.SourceByRoute, "", "src", host, "dst", public, "dev", "eth0"))
	if nat {
		c.gateway("igw-0a4f", trace.GatewayNAT, "ip.dst", "192.168.100.7")
		c.router("local", "192.168.0.0/16")
		c.gateway("nat-07be", trace.NATGatewayUndo, "ip.dst", "192.168.1.10")
	} else {
		c.gateway("igw-0a4f", trace.GatewayNAT, "ip.dst", "192.168.1.10")
	}
	c.router("local", "192.168.0.0/16")
	c.forward("node-a", "ens5", vethA, "512", "main", "192.168.1.143 dev eni7d2f9c4a1b8 scope link", "", false, web, true)
	c.podReceives("web-7c9f5", "40000")
	c.doc.Conntrack = []trace.ConnDocument{{Namespace: "node-a", Protocol: "tcp", Original: "192.168.1.143:40000 → 203.0.113.80:443", Reply: "203.0.113.80:443 → 192.168.1.10:34871", NAT: "src", Mark: 128}}
	return c.doc
}

// input is the hop of a packet that ends in a node.
func (c *composer) input(ns, in, port string) {
	c.hop(ns, "node", in, "")
	if in != "" {
		c.station("receive", "receive", in, step("receive", "ok", trace.FrameForUs, "", "dev", in, "mac", c.f.ethDst))
	}
	c.station("PREROUTING", "PREROUTING", "", step("conntrack", "new", trace.ConnNew, "", "tuple", "tcp"))
	c.station("route", "route", "", step("route", "local", trace.RouteLocal, "local "+c.f.dst+" dev ens5 table local proto kernel scope host src "+c.f.dst, "dst", c.f.dst))
	c.station("INPUT", "INPUT", "", rule("INPUT", "filter", "INPUT", 0, step("netfilter", "policy accept", trace.ChainPolicy, "-P INPUT ACCEPT", "policy", "ACCEPT")))
	c.station("deliver", "deliver", "", step("deliver", "delivered", trace.DeliveredHere, "", "dst", c.f.dst, "port", port))
}

// output is the hop of a packet that a node itself sends.
func (c *composer) output(ns, out, route string) {
	c.hop(ns, "node", "", out)
	c.station("send", "send", "", step("send", "ok", trace.SourceByRoute, "", "src", c.f.src, "dst", c.f.dst, "dev", out))
	c.station("OUTPUT", "OUTPUT", "", step("conntrack", "new", trace.ConnNew, "", "tuple", "tcp"))
	c.station("route", "route", "", step("route", "forward", trace.RouteLink, route, "table", "main", "dst", c.f.dst, "dev", out))
	c.station("POSTROUTING", "POSTROUTING", "", step("netfilter", "ok", trace.RuleCounts, ""))
	c.station("transmit", "transmit", out, change(step("neighbour", "ok", trace.NeighbourARP, c.f.dst+" dev "+out+" lladdr 02:00:00:00:00:03 REACHABLE", "ip", c.f.dst, "mac", "02:00:00:00:00:03", "dev", out, "who", "pod"), "eth.src", "02:00:00:00:00:85", "eth.dst", "02:00:00:00:00:03"))
}

// OwnNode is a connection from a pod to its own node.
func OwnNode() *trace.Document {
	c := compose("pod/default/web-7c9f5", "node/node-a", "tcp", syn(web, "192.168.1.10", 10250))
	c.startLeg("request", "SYN")
	c.podSends("web-7c9f5")
	c.input("node-a", vethA, "10250")
	c.startLeg("reply", "SYN-ACK")
	c.swap("192.168.1.10", web, "SA")
	c.output("node-a", vethA, "192.168.1.143 dev eni7d2f9c4a1b8 scope link")
	c.podReceives("web-7c9f5", "40000")
	return c.doc
}

// NodeToPod is a connection from a node to its own pod.
func NodeToPod() *trace.Document {
	c := compose("node/node-a", "pod/default/web-7c9f5", "tcp", syn("192.168.1.10", web, 8080))
	c.startLeg("request", "SYN")
	c.output("node-a", vethA, "192.168.1.143 dev eni7d2f9c4a1b8 scope link")
	c.podReceives("web-7c9f5", "8080")
	c.startLeg("reply", "SYN-ACK")
	c.swap(web, "192.168.1.10", "SA")
	c.podSends("web-7c9f5")
	c.input("node-a", vethA, "40000")
	return c.doc
}

// Refused ends in FORWARD with a REJECT, answered by an ICMP error.
func Refused() *trace.Document {
	c := compose("pod/default/web-7c9f5", "10.100.171.8", "tcp", syn(web, "10.100.171.8", 80))
	c.startLeg("request", "SYN")
	c.podSends("web-7c9f5")
	c.hop("node-a", "node", vethA, "")
	c.station("receive", "receive", vethA, step("receive", "ok", trace.FrameForUs, "", "dev", vethA, "mac", c.f.ethDst))
	c.station("PREROUTING", "PREROUTING", "", step("conntrack", "new", trace.ConnNew, "", "tuple", "tcp"))
	c.station("route", "route", "", step("route", "lookup", trace.PolicyRule, "1024:\tfrom all fwmark 0x80/0x80 lookup main", "priority", "1024", "table", "main"),
		step("route", "forward", trace.RouteUnicast, "default via 192.168.1.1 dev ens5", "table", "main", "dst", "default", "via", "192.168.1.1", "dev", "ens5"))
	rej := rule("FORWARD", "filter", "KUBE-SERVICES", 1, step("netfilter", "reject", trace.RuleReject, "-A KUBE-SERVICES -d 10.100.171.8/32 -p tcp -m comment --comment \"default/api:http has no endpoints\" -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable", "with", "icmp-port-unreachable"))
	rej.Would = &trace.ReasonDocument{Code: string(trace.WouldAllow), Args: map[string]string{"rule": "KUBE-SERVICES 1"}}
	c.station("FORWARD", "FORWARD", "", rule("FORWARD", "filter", "FORWARD", 1, step("netfilter", "jump", trace.RuleJump, "-A FORWARD -m conntrack --ctstate NEW -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES", "chain", "KUBE-SERVICES")), rej)
	c.fail(trace.Rejected)
	c.startLeg("icmp-error", "ICMP")
	c.swap("192.168.1.10", web, "")
	c.output("node-a", vethA, "192.168.1.143 dev eni7d2f9c4a1b8 scope link")
	c.podReceives("web-7c9f5", "40000")
	return c.doc
}

// Unknown ends where the model was not given what it needs.
func Unknown() *trace.Document {
	c := compose("pod/default/web-7c9f5", "10.9.9.9", "tcp", syn(web, "10.9.9.9", 80))
	c.startLeg("request", "SYN")
	c.podSends("web-7c9f5")
	c.hop("node-a", "node", vethA, "")
	c.station("receive", "receive", vethA, step("receive", "ok", trace.FrameForUs, "", "dev", vethA, "mac", c.f.ethDst))
	st := step("route", "undecided", trace.TableMissing, "1536:\tfrom 192.168.1.143 lookup 2", "table", "2")
	st.Would = &trace.ReasonDocument{Code: string(trace.WouldGive), Args: map[string]string{"command": "ip route show table 2"}}
	c.station("route", "route", "", st)
	c.fail(trace.Undetermined)
	return c.doc
}

// Lab is a connection between pods of two nodes in a recording.
func Lab() *trace.Document {
	c := compose("a", "192.168.32.21", "tcp", syn("192.168.0.21", "192.168.32.21", 80))
	plain := func(ns, in, out string) {
		c.hop(ns, "router", in, out)
		hops := c.doc.Legs[len(c.doc.Legs)-1].Hops
		hops[len(hops)-1].Device = "" // a recording's routers are kernels
		c.station("receive", "receive", in, step("receive", "ok", trace.FrameForUs, "", "dev", in, "mac", c.f.ethDst))
		c.station("route", "route", "", step("route", "forward", trace.RouteLink, "192.168.0.0/19 dev "+out, "table", "main", "dst", c.f.dst, "dev", out))
		c.station("transmit", "transmit", out, step("transmit", "ok", trace.Transmitted, "", "dev", out, "to", "n"))
	}
	c.startLeg("request", "SYN")
	c.podSends("a")
	c.forward("n1", "eniacd53aa4120", "eth0", "32766", "main", "default via 192.168.0.1 dev eth0", "192.168.0.1", false, "", false)
	plain("vpc", "n1-eth0", "n2-eth0")
	c.forward("n2", "eth0", "eni2ca070a7e2d", "512", "main", "192.168.32.21 dev eni2ca070a7e2d scope link", "", false, "", false)
	c.podReceives("d", "80")
	c.startLeg("reply", "SYN-ACK")
	c.swap("192.168.32.21", "192.168.0.21", "SA")
	c.podSends("d")
	c.forward("n2", "eni2ca070a7e2d", "eth0", "32766", "main", "default via 192.168.32.1 dev eth0", "192.168.32.1", false, "", true)
	plain("vpc", "n2-eth0", "n1-eth0")
	c.forward("n1", "eth0", "eniacd53aa4120", "512", "main", "192.168.0.21 dev eniacd53aa4120 scope link", "", false, "", true)
	c.podReceives("a", "40000")
	return c.doc
}
