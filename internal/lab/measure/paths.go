package measure

import (
	"net/netip"
	"os/exec"

	"github.com/podpath/podpath/internal/lab/build"
	"github.com/podpath/podpath/internal/latency"
)

// The paths, by name.
const (
	Loopback  = "loopback"
	VethPair  = "veth"
	Bridged   = "bridge"
	Routed    = "routed"
	Tracked   = "conntrack"
	Chains    = "chains"
	Rules100  = "rules-100"
	Rules1000 = "rules-1000"
	Rules5000 = "rules-5000"
	Native    = "nodes"
	VXLAN     = "vxlan"
	IPIP      = "ipip"
)

// Legacy is the name of a path with rules that the older iptables has loaded: x_tables walks them, not nf_tables.
func Legacy(path string) string { return path + "-legacy" }

// Path is a small network and a flow through it.
type Path struct {
	Name  string
	Title string
	// Parts are what latency counts on a packet's way through it, one way. Rules are single ones here.
	Parts map[latency.Item]int

	make   func(*maker, *Path) error
	rules  int  // that match nothing, in filter FORWARD of the router
	legacy bool // loaded by iptables-legacy
	needs  string
}

// serverPort is where the servers listen.
const serverPort = 9000

// Paths are all of them, in the order of a table. Each is longer by one thing than one before it.
var Paths = []Path{
	{Name: Loopback, Title: "loopback, one namespace", make: (*maker).loopback, Parts: parts{latency.Socket: 2}},
	{Name: VethPair, Title: "one veth pair", make: (*maker).vethPair, Parts: parts{latency.Socket: 2, latency.Veth: 1}},
	{Name: Bridged, Title: "two veths through a bridge", make: (*maker).bridged, needs: "bridge", Parts: parts{latency.Socket: 2, latency.Veth: 2, latency.Bridge: 1}},
	{Name: Routed, Title: "two veths routed", make: (*maker).routed, Parts: parts{latency.Socket: 2, latency.Veth: 2, latency.Routing: 1}},
	{Name: Tracked, Title: "routed + conntrack", make: (*maker).routed, Parts: tracked(0, 0)},
	{Name: Chains, Title: "routed + conntrack + 5 chains that jump and return", make: (*maker).routed, Parts: tracked(5, 10)},
	{Name: Rules100, Title: "routed + conntrack + 100 rules", make: (*maker).routed, rules: 100, Parts: tracked(1, 100)},
	{Name: Rules1000, Title: "routed + conntrack + 1000 rules", make: (*maker).routed, rules: 1000, Parts: tracked(1, 1000)},
	{Name: Rules5000, Title: "routed + conntrack + 5000 rules", make: (*maker).routed, rules: 5000, Parts: tracked(1, 5000)},
	{Name: Legacy(Rules100), Title: "the same 100 rules, iptables-legacy", make: (*maker).routed, rules: 100, legacy: true, Parts: tracked(1, 100)},
	{Name: Legacy(Rules5000), Title: "the same 5000 rules, iptables-legacy", make: (*maker).routed, rules: 5000, legacy: true, Parts: tracked(1, 5000)},
	{Name: Native, Title: "two nodes, native routed", make: (*maker).nodes, Parts: parts{latency.Socket: 2, latency.Veth: 3, latency.Routing: 2}},
	{Name: VXLAN, Title: "two nodes, VXLAN", make: (*maker).nodes, needs: "vxlan",
		Parts: parts{latency.Socket: 2, latency.Veth: 3, latency.Routing: 2, latency.VXLANEncap: 1, latency.VXLANDecap: 1}},
	{Name: IPIP, Title: "two nodes, IP-IP", make: (*maker).nodes, needs: "ipip",
		Parts: parts{latency.Socket: 2, latency.Veth: 3, latency.Routing: 2, latency.IPIPEncap: 1, latency.IPIPDecap: 1}},
}

type parts = map[latency.Item]int

// tracked are the parts of a routed path with conntrack, base chains and rules.
func tracked(chains, rules int) parts {
	out := parts{latency.Socket: 2, latency.Veth: 2, latency.Routing: 1, latency.Conntrack: 1}
	if chains > 0 {
		out[latency.Hook], out[latency.Rules] = chains, rules
	}
	return out
}

// title is a path's title by its name.
func title(name string) string {
	for i := range Paths {
		if Paths[i].Name == name {
			return Paths[i].Title
		}
	}
	return name
}

// lacks says what this machine does not have for the path; "" where it has all.
func (p *Path) lacks() string {
	if p.needs != "" && !build.Has(p.needs) {
		return "this kernel has no " + p.needs
	}
	if p.legacy {
		if _, err := exec.LookPath(build.LegacyRestore); err != nil {
			return build.LegacyRestore + " is not installed"
		}
		if !build.Has("x_tables") {
			return "this kernel has no x_tables for iptables-legacy"
		}
	}
	return ""
}

// finish does what a topology has no word for.
func (p *Path) finish(net *build.Net) error {
	if !p.legacy {
		return nil
	}
	_, err := net.Space(p.router()).Run(nonMatching(p.rules), build.LegacyRestore)
	return err
}

func (p *Path) router() string { return p.Name + "-router" }

// conversation is the path's flow in a network that is built.
func (p *Path) conversation(net *build.Net, e Ends, cpu int) *Conversation {
	at := netip.AddrPortFrom(e.To, serverPort)
	return &Conversation{CPU: cpu, Client: net.Space(e.Client), From: e.From, To: at, Servers: []Server{{net.Space(e.Server), at}}}
}
