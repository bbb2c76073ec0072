package fuzz

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/topology"
)

// builtIn is a table with one of its chains.
type builtIn struct{ table, chain string }

var builtIns = []builtIn{{"raw", "PREROUTING"}, {"raw", "OUTPUT"},
	{"mangle", "PREROUTING"}, {"mangle", "INPUT"}, {"mangle", "FORWARD"}, {"mangle", "OUTPUT"}, {"mangle", "POSTROUTING"},
	{"nat", "PREROUTING"}, {"nat", "INPUT"}, {"nat", "OUTPUT"}, {"nat", "POSTROUTING"},
	{"filter", "INPUT"}, {"filter", "FORWARD"}, {"filter", "OUTPUT"}}

// match is a random condition that a rule of the chain may have, "" for none; proto is what -p it has.
func (e *editor) match(ns *topology.Namespace, at builtIn) (text, proto string) {
	if !e.yes(3) {
		proto = e.protocol()
		text += " -p " + proto
		switch {
		case proto == "icmp":
			if !e.yes(8) {
				text += " -m icmp --icmp-type " + e.icmpType()
			}
		case e.yes(3):
			text += format(" -m %s --dport %s", proto, e.port(true, pick(e.source, "8080", "80", "30080:30090", "40000")))
		case e.yes(4):
			text += format(" -m %s ! --sport %s", proto, pick(e.source, "8080", "1024:65535"))
		case e.yes(4):
			text += " -m multiport --" + pick(e.source, "dports", "sports", "ports") + " " + pick(e.source, "80,8080", "8080,9090,30080:30085", e.port(true, "8080")+",40000:41000")
		case proto == "tcp" && e.yes(4):
			text += " -m tcp --tcp-flags " + pick(e.source, "FIN,SYN,RST,ACK SYN", "SYN SYN", "ACK ACK", "RST RST")
		}
	}
	for range e.IntN(3) {
		if x := e.condition(ns, at); !strings.Contains(text, firstWords(x)) {
			text += x
		}
	}
	return text, proto
}

// exactly is a condition that the packet aimed at meets, and few others; or any.
func (e *editor) exactly(ns *topology.Namespace, at builtIn) (text, proto string) {
	if e.now == nil || e.yes(2) {
		return e.match(ns, at)
	}
	text = format(" -d %v/32 -p %s", e.now.p.IP.Dst, e.now.proto)
	if e.now.proto == "icmp" && e.yes(2) {
		text += " -m icmp --icmp-type " + e.icmpType()
	}
	return text, e.now.proto
}

// firstWords tells conditions apart that a rule may have once only.
func firstWords(s string) string {
	w := strings.Fields(strings.ReplaceAll(s, "! ", ""))
	if len(w) > 1 && w[0] == "-m" {
		return "-m " + w[1]
	}
	return " " + w[0] + " "
}

func (e *editor) condition(ns *topology.Namespace, at builtIn) string {
	not := pick(e.source, "", "", "", "! ")
	switch e.IntN(12) {
	case 0, 1:
		return " " + not + "-s " + e.prefix(false)
	case 2, 3:
		return " " + not + "-d " + e.prefix(true)
	case 4:
		return " -m mark " + not + "--mark " + e.mark()
	case 5:
		return " -m connmark " + not + "--mark " + e.mark()
	case 6, 7:
		return " -m conntrack " + pick(e.source, "--ctstate NEW", "--ctstate RELATED,ESTABLISHED", "--ctstate INVALID", "--ctstate INVALID,NEW", "! --ctstate NEW", "--ctstate DNAT",
			"--ctstate SNAT", "--ctstate ESTABLISHED --ctdir REPLY", "--ctstate UNTRACKED", "--ctorigdst "+e.prefix(true))
	case 8:
		return " -m addrtype " + not + pick(e.source, "--dst-type LOCAL", "--src-type LOCAL", "--src-type UNICAST", "--dst-type UNICAST,LOCAL")
	case 9:
		return e.set(ns)
	case 10:
		return e.device2(ns, at, not)
	}
	if at.chain == "PREROUTING" && at.table != "nat" && e.yes(2) {
		return " -m rpfilter" + pick(e.source, "", " --loose", " --validmark", " --invert")
	}
	return ` -m comment --comment "podpath ` + pick(e.source, "one", "two") + `"`
}

// device2 is a condition on the device, where the chain's packets have one.
func (e *editor) device2(ns *topology.Namespace, at builtIn, not string) string {
	out := at.chain == "OUTPUT" || at.chain == "POSTROUTING" || at.chain == "FORWARD" && e.yes(2)
	name := pick(e.source, e.device(ns, out), e.device(ns, out), "e+", "cali+", "lo")
	if out {
		return " " + not + "-o " + name
	}
	return " " + not + "-i " + name
}

// set is a look into one of the sets that the plugin made.
func (e *editor) set(ns *topology.Namespace) string {
	var names []string
	for n, s := range ns.Netfilter.Sets {
		if strings.HasPrefix(s.Type, "hash:net") || s.Type == "hash:ip" {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		return " -s " + e.prefix(false)
	}
	return " -m set --match-set " + names[e.IntN(len(names))] + " " + pick(e.source, "src", "dst")
}

// target is what a rule of the chain may do; proto is the rule's -p.
func (e *editor) target(ns *topology.Namespace, at builtIn, proto string) string {
	mark := func() string {
		return "MARK --" + pick(e.source, "set-xmark "+e.mark(), "set-xmark "+e.mark(), "or-mark 0x2", "and-mark 0xfffffffe", "xor-mark 0x1")
	}
	switch at.table {
	case "raw":
		return pick(e.source, "CT --notrack", "CT --notrack", mark(), "ACCEPT", "RETURN")
	case "mangle":
		return pick(e.source, mark(), mark(), mark(), e.connmarking(), e.connmarking(), "TTL --"+pick(e.source, "ttl-set 1", "ttl-set 9", "ttl-dec 1", "ttl-inc 1"), "ACCEPT", "DROP", "RETURN")
	case "nat":
		if e.yes(4) {
			return pick(e.source, "ACCEPT", "RETURN", mark())
		}
		return e.translation(ns, at.chain, proto)
	}
	return pick(e.source, "ACCEPT", "DROP", "REJECT --reject-with "+e.rejection(proto), mark(), "RETURN")
}

func (e *editor) connmarking() string {
	return "CONNMARK " + pick(e.source, "--save-mark --nfmask 0xff --ctmask 0xff", "--restore-mark --nfmask 0xff --ctmask 0xff", "--set-xmark "+e.mark(), "--save-mark", "--restore-mark --mask 0x1")
}

func (e *editor) rejection(proto string) string {
	if proto == "tcp" && e.yes(2) {
		return "tcp-reset"
	}
	return pick(e.source, "icmp-port-unreachable", "icmp-host-unreachable", "icmp-net-unreachable", "icmp-proto-unreachable", "icmp-net-prohibited", "icmp-host-prohibited", "icmp-admin-prohibited")
}

// translation is a NAT target that the chain may have, with ports where the rule is about a protocol with ports.
func (e *editor) translation(ns *topology.Namespace, chain, proto string) string {
	ports := proto == "tcp" || proto == "udp"
	to := func(a netip.Addr, port int) string {
		if ports && e.yes(2) {
			return format("%v:%d", a, port)
		}
		return a.String()
	}
	switch chain {
	case "PREROUTING", "OUTPUT":
		if e.yes(3) {
			if ports {
				return format("REDIRECT --to-ports %d", pick(e.source, portOpen, portOther))
			}
			return "REDIRECT"
		}
		if e.yes(4) { // which only route_localnet lets in from outside
			return "DNAT --to-destination " + to(addr(127, 0, 0, 1), portOpen)
		}
		return "DNAT --to-destination " + to(e.address(), portOpen)
	case "POSTROUTING":
		if e.yes(2) {
			return "MASQUERADE" + pick(e.source, "", "", " --random-fully")
		}
	}
	a := e.own(ns)
	if !a.IsValid() || e.yes(4) {
		a = e.address()
	}
	return "SNAT --to-source " + to(a, 51000)
}

// rule adds one rule to a chain, at its head or at its end.
func (e *editor) rule(ns *topology.Namespace, at builtIn, chain, match, target string) {
	where := "-A " + chain
	if chain == at.chain && !e.yes(3) {
		where = "-I " + chain
	}
	e.edit(ns, "iptables -t %s %s%s %s", at.table, where, match, target)
}

// builtIn is a chain that fits, and that the packet aimed at comes to if there is one.
func (e *editor) builtIn(only func(builtIn) bool) builtIn {
	var fit, met []builtIn
	for _, b := range builtIns {
		if only != nil && !only(b) {
			continue
		}
		fit = append(fit, b)
		if e.now != nil && e.now.meets(b.chain) {
			met = append(met, b)
		}
	}
	if len(met) > 0 && !e.yes(6) {
		return met[e.IntN(len(met))]
	}
	return fit[e.IntN(len(fit))]
}

// meets says whether the packet came to a hook.
func (s *sight) meets(hook string) bool {
	switch hook {
	case "PREROUTING":
		return s.in != ""
	case "INPUT":
		return s.in != "" && s.out == ""
	case "FORWARD":
		return s.in != "" && s.out != ""
	case "OUTPUT":
		return s.in == ""
	}
	return s.out != ""
}

// hook is one of two that the packet aimed at comes to.
func (e *editor) hook(a, b string) string {
	switch {
	case e.now == nil || e.yes(6) || e.now.meets(a) == e.now.meets(b):
		return pick(e.source, a, b)
	case e.now.meets(a):
		return a
	}
	return b
}

// firewall adds a rule, or a chain with a few that a rule jumps to.
func (e *editor) firewall(ns *topology.Namespace) {
	at := e.builtIn(nil)
	if e.yes(2) {
		match, proto := e.match(ns, at)
		e.rule(ns, at, at.chain, match, "-j "+e.target(ns, at, proto))
		return
	}
	chain := e.chain(ns, at)
	for range 1 + e.IntN(3) {
		match, proto := e.match(ns, at)
		e.rule(ns, at, chain, match, "-j "+e.target(ns, at, proto))
	}
	match, _ := e.match(ns, at)
	e.rule(ns, at, at.chain, match, pick(e.source, "-j ", "-j ", "-g ")+chain)
}

// chain makes a chain.
func (e *editor) chain(ns *topology.Namespace, at builtIn) string {
	e.chains++
	name := format("FUZZ-%d", e.chains)
	e.edit(ns, "iptables -t %s -N %s", at.table, name)
	return name
}

// marking marks packets and routes them by the mark, which is how plugins and their users do it.
func (e *editor) marking(ns *topology.Namespace) {
	at := builtIn{"mangle", e.hook("PREROUTING", "OUTPUT")}
	mark := e.mark()
	match := ""
	if e.yes(2) {
		match, _ = e.match(ns, at)
	}
	e.rule(ns, at, at.chain, match, "-j MARK --set-xmark "+mark)
	t := e.table()
	e.route(ns, t)
	look := strings.TrimSuffix(mark, "/0xffffffff")
	if e.yes(4) {
		look = pick(e.source, "0x3", "0x1/0x3", "0x1/0xff")
	}
	e.edit(ns, "rule %d:\tfrom all fwmark %s %s", e.priority(), look, pick(e.source, format("lookup %d", t), format("lookup %d", t), "blackhole", "prohibit", "unreachable", "lookup main"))
}

// rejecting lets a namespace answer with an error of its own.
func (e *editor) rejecting(ns *topology.Namespace) {
	at := e.builtIn(func(b builtIn) bool { return b.table == "filter" })
	match, proto := e.exactly(ns, at)
	e.rule(ns, at, at.chain, match, "-j REJECT --reject-with "+e.rejection(proto))
}

// translating sends connections to another destination.
func (e *editor) translating(ns *topology.Namespace) {
	at := builtIn{"nat", e.hook("PREROUTING", "OUTPUT")}
	match, proto := e.exactly(ns, at)
	e.rule(ns, at, at.chain, match, "-j "+e.translation(ns, at.chain, proto))
}

// inwards sends what comes from outside to the loopback's address, which a device takes with route_localnet only.
func (e *editor) inwards(ns *topology.Namespace) {
	if e.now == nil || e.now.in == "" {
		return
	}
	e.edit(ns, "iptables -t nat -I PREROUTING -d %v/32 -p %s -j DNAT --to-destination 127.0.0.1", e.now.p.IP.Dst, e.now.proto)
	e.edit(ns, "sysctl net.ipv4.conf.all.route_localnet=%d", e.IntN(2))
	if e.yes(2) {
		e.edit(ns, "sysctl %s=%d", topology.ConfName(e.now.in, "route_localnet"), e.IntN(2))
	}
}

// masquerading gives connections another source.
func (e *editor) masquerading(ns *topology.Namespace) {
	at := builtIn{"nat", e.hook("POSTROUTING", "INPUT")}
	match, proto := e.exactly(ns, at)
	e.rule(ns, at, at.chain, match, "-j "+e.translation(ns, at.chain, proto))
}

// untracked takes packets from conntrack's sight.
func (e *editor) untracked(ns *topology.Namespace) {
	at := builtIn{"raw", e.hook("PREROUTING", "OUTPUT")}
	match, _ := e.match(ns, at)
	e.rule(ns, at, at.chain, match, "-j CT --notrack")
}

// ttl changes how far a packet gets.
func (e *editor) ttl(ns *topology.Namespace) {
	at := e.builtIn(func(b builtIn) bool { return b.table == "mangle" })
	match, _ := e.match(ns, at)
	e.rule(ns, at, at.chain, match, "-j TTL --"+pick(e.source, "ttl-set 1", "ttl-set 2", "ttl-dec 1", "ttl-dec 60", "ttl-inc 5"))
}

// connmark keeps a mark with the connection and puts it back on the answer, as the AWS VPC CNI does for node ports.
func (e *editor) connmark(ns *topology.Namespace) {
	mark, saved := e.mark(), builtIn{"mangle", pick(e.source, "PREROUTING", "FORWARD", "OUTPUT", "POSTROUTING")}
	match, _ := e.match(ns, saved)
	e.rule(ns, saved, saved.chain, match, "-j CONNMARK --set-xmark "+mark)
	e.rule(ns, builtIn{"mangle", "PREROUTING"}, "PREROUTING", "", "-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff")
	t := e.table()
	e.route(ns, t)
	e.edit(ns, "rule %d:\tfrom all fwmark %s lookup %d", e.priority(), strings.TrimSuffix(mark, "/0xffffffff"), t)
}

// drawing adds a chain that draws between two others, as kube-proxy's do: the recording's rules then show what was drawn. It
// is one of nat's, which a connection meets once; elsewhere every packet would draw anew. The first of the two keeps what it
// gets, or both would be met.
func (e *editor) drawing(ns *topology.Namespace) {
	at := builtIn{"nat", pick(e.source, "PREROUTING", "OUTPUT", "POSTROUTING")}
	draw, one, two := e.chain(ns, at), e.chain(ns, at), e.chain(ns, at)
	e.rule(ns, at, one, "", "-j "+e.translation(ns, at.chain, ""))
	e.rule(ns, at, two, "", "-j "+pick(e.source, "ACCEPT", e.translation(ns, at.chain, "")))
	e.edit(ns, "iptables -t nat -A %s -m statistic --mode random --probability 0.50000000000 -j %s", draw, one)
	e.edit(ns, "iptables -t nat -A %s -j %s", draw, two)
	match, _ := e.match(ns, at)
	e.rule(ns, at, at.chain, match, "-j "+draw)
}
