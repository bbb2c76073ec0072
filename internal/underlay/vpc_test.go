package underlay

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

const description = `name: test
vpc:
  cidrs: [10.0.0.0/16, 100.64.0.0/16]
  internetGateway: igw
  natGateways: [{id: nat-a, subnet: public, private: 10.0.0.200, public: 203.0.113.99}]
  routeTables:
    - name: public
      routes: [{to: 0.0.0.0/0, via: igw}]
    - name: private
      routes: [{to: 0.0.0.0/0, via: nat-a}, {to: 192.0.2.0/24, via: igw}, {to: 10.0.9.0/24, via: eni-appliance}]
  subnets:
    - {name: public, zone: a, cidr: 10.0.0.0/24, routeTable: public}
    - {name: private, zone: a, cidr: 10.0.1.0/24, routeTable: private}
    - {name: alone, zone: b, cidr: 10.0.2.0/24}
  securityGroups:
    - id: sg-nodes
      ingress:
        - {group: sg-nodes}
        - {protocol: tcp, ports: 30000-32767, cidr: 0.0.0.0/0}
        - {protocol: udp, ports: "53", cidr: 10.0.0.0/16}
      egress: [{cidr: 0.0.0.0/0}]
    - id: sg-pods
      egress: [{protocol: tcp, ports: "443", cidr: 0.0.0.0/0}]
nodes:
  - name: n1
    enis:
      - {subnet: public, address: 10.0.0.10, public: 203.0.113.10, securityGroups: [sg-nodes], secondary: [10.0.0.12]}
      - {subnet: private, address: 10.0.1.10, securityGroups: [sg-nodes], prefixes: [10.0.1.32/28], noSourceDestinationCheck: true}
  - name: n2
    enis: [{subnet: alone, address: 10.0.2.10}]
pods:
  - {namespace: d, name: p, node: n1, address: 10.0.0.11}
  - {namespace: d, name: pooled, node: n1, address: 10.0.0.12}
  - {namespace: d, name: q, node: n1, address: 10.0.1.33, eni: 1}
  - {namespace: d, name: own, node: n1, address: 10.0.1.99, eni: 1, branch: {vlan: 7, securityGroups: [sg-pods]}}
`

func build(t *testing.T) *VPC {
	t.Helper()
	c, err := cluster.Read([]byte(description), "test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	v, err := Build(c, c.Slices())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func TestRouteTables(t *testing.T) {
	f := build(t).Fabric
	for _, x := range []struct{ subnet, to, target string }{
		{"public", "10.0.1.10", "local"},
		{"public", "100.64.3.4", "local"}, // every CIDR of the VPC is local
		{"public", "8.8.8.8", "igw"},
		{"private", "8.8.8.8", "nat-a"},
		{"private", "192.0.2.9", "igw"},
		{"private", "10.0.9.9", "eni-appliance"}, // more specific than the local route
		{"alone", "10.0.0.10", "local"},
		{"alone", "8.8.8.8", ""}, // the main table has nothing else
	} {
		r, table := f.RouteFor(f.Subnet(x.subnet), addr(x.to))
		got := ""
		if r != nil {
			got = r.Target
		}
		if got != x.target || table == nil {
			t.Errorf("from %s to %s: %q by %v, want %q", x.subnet, x.to, got, table, x.target)
		}
	}
	if r, table := f.RouteFor(nil, addr("10.0.0.1")); r != nil || table != nil {
		t.Error("a route from no subnet")
	}
	for name, public := range map[string]bool{"public": true, "private": true, "alone": false} {
		if got := f.Subnet(name).Public; got != public {
			t.Errorf("subnet %s public: %v", name, got)
		}
	}
}

func TestGateways(t *testing.T) {
	f := build(t).Fabric
	if g := f.InternetGateway(); g == nil || g.ID != "igw" || f.Gateway("igw") != g {
		t.Errorf("Internet gateway: %+v", g)
	}
	nat := f.Gateway("nat-a")
	if nat == nil || nat.Kind != topology.NATGateway || nat.Private != addr("10.0.0.200") || f.NATGatewayByPublic(addr("203.0.113.99")) != nat {
		t.Errorf("NAT gateway: %+v", nat)
	}
	if f.Gateway("gone") != nil || f.NATGatewayByPublic(addr("203.0.113.10")) != nil {
		t.Error("a gateway that is not there")
	}
	card, private := f.CardByPublic(addr("203.0.113.10"))
	if card == nil || card.Name != "ENI0" || private != addr("10.0.0.10") {
		t.Errorf("203.0.113.10 is %v of %+v", private, card)
	}
	if card, _ := f.CardByPublic(addr("203.0.113.11")); card != nil {
		t.Errorf("203.0.113.11 is of %+v", card)
	}
}

// TestMapping: the fabric knows which card has an address: its own, its pods', its pool's, its prefixes'.
func TestMapping(t *testing.T) {
	v := build(t)
	for _, x := range []struct{ addr, subnet, name string }{
		{"10.0.0.10", "public", "ENI0"},
		{"10.0.0.11", "public", "ENI0"},
		{"10.0.0.12", "public", "ENI0"},
		{"10.0.1.10", "private", "ENI1"},
		{"10.0.1.33", "private", "ENI1"},
		{"10.0.1.47", "private", "ENI1"}, // in the prefix, of no pod yet
		{"10.0.1.48", "", ""},
		{"10.0.1.99", "private", "branch 7"},
		{"10.0.2.10", "alone", "ENI0"},
		{"8.8.8.8", "", ""},
	} {
		c := v.Fabric.CardOf(addr(x.addr))
		switch {
		case c == nil && x.name == "":
		case c == nil || c.Name != x.name || c.Subnet != x.subnet:
			t.Errorf("%s is on %+v, want %s in %s", x.addr, c, x.name, x.subnet)
		case v.Fabric.CardByID(c.ID) != c:
			t.Errorf("%s is not found by its ID %s", c.Name, c.ID)
		}
	}
	cards := v.Cards["n1"]
	if len(cards) != 2 || !cards[0].SourceCheck || cards[1].SourceCheck {
		t.Errorf("cards of n1: %+v", cards)
	}
	if n := len(cards[0].Addresses); n != 3 {
		t.Errorf("ENI0 has %d addresses, want its own, the pod's and the pool's once each", n)
	}
	if len(cards[1].Addresses) != 1 {
		t.Errorf("ENI1 has %v; the pod's is in its prefix", cards[1].Addresses)
	}
	if b := v.Branches["pod/d/own"]; b == nil || b.Port.Interface != "vlan.eth.7" || b.Groups[0] != "sg-pods" {
		t.Errorf("branch: %+v", b)
	}
	seen := map[packet.MAC]string{}
	for _, c := range v.Fabric.Cards {
		if other, ok := seen[c.MAC]; ok || c.MAC.IsZero() || c.MAC[0]&3 != 2 {
			t.Errorf("%s has MAC %v (%s)", c.Name, c.MAC, other)
		}
		seen[c.MAC] = c.Name
	}
	if again := build(t); again.Cards["n1"][0].MAC != cards[0].MAC || again.Cards["n1"][0].ID != cards[0].ID {
		t.Error("the same description gives other MACs or IDs the second time")
	}
}

func TestARP(t *testing.T) {
	v := build(t)
	f, card := v.Fabric, v.Cards["n1"][1]
	router, ok := f.ARP(card, addr("10.0.1.1"))
	if !ok || router != f.RouterMAC("private") || router.IsZero() {
		t.Errorf("the router answers %v, %v", router, ok)
	}
	if mac, ok := f.ARP(card, addr("10.0.1.99")); !ok || mac != v.Branches["pod/d/own"].MAC {
		t.Errorf("a card of the subnet answers %v, %v", mac, ok)
	}
	for _, a := range []string{"10.0.0.10", "10.0.1.200", "8.8.8.8", "10.0.0.1"} {
		if mac, ok := f.ARP(card, addr(a)); ok {
			t.Errorf("%s is answered with %v; it is not in the subnet", a, mac)
		}
	}
}

func TestSecurityGroups(t *testing.T) {
	f := build(t).Fabric
	for _, x := range []struct {
		group   string
		ingress bool
		proto   packet.Protocol
		port    uint16
		far     string
		want    string // the rule that lets it through, as it is shown; "" for none
	}{
		{"sg-nodes", true, packet.TCP, 80, "10.0.1.33", "all traffic from sg-nodes"},       // a pod on a member's card is a member
		{"sg-nodes", true, packet.TCP, 80, "10.0.1.99", ""},                                // a branch has groups of its own
		{"sg-nodes", true, packet.TCP, 80, "10.0.2.10", ""},                                // a card without groups is no member
		{"sg-nodes", true, packet.TCP, 80, "8.8.8.8", ""},                                  // nobody's address
		{"sg-nodes", true, packet.TCP, 30000, "8.8.8.8", "tcp 30000-32767 from 0.0.0.0/0"}, // both ends of the range
		{"sg-nodes", true, packet.TCP, 32767, "8.8.8.8", "tcp 30000-32767 from 0.0.0.0/0"},
		{"sg-nodes", true, packet.TCP, 32768, "8.8.8.8", ""},
		{"sg-nodes", true, packet.UDP, 30000, "8.8.8.8", ""}, // another protocol
		{"sg-nodes", true, packet.UDP, 53, "10.0.2.10", "udp 53 from 10.0.0.0/16"},
		{"sg-nodes", true, packet.UDP, 53, "8.8.8.8", ""},
		{"sg-nodes", false, packet.ICMP, 0, "8.8.8.8", "all traffic to 0.0.0.0/0"},
		{"sg-pods", false, packet.TCP, 443, "8.8.8.8", "tcp 443 to 0.0.0.0/0"},
		{"sg-pods", false, packet.TCP, 80, "8.8.8.8", ""},
		{"sg-pods", true, packet.TCP, 443, "10.0.0.10", ""}, // what has no rule lets nothing in
	} {
		g := f.Group(x.group)
		rules := g.Egress
		if x.ingress {
			rules = g.Ingress
		}
		p := &packet.Packet{}
		p.IP.Protocol, p.L4.DstPort = x.proto, x.port
		got := ""
		for i := range rules {
			if got == "" && f.Allows(&rules[i], p, addr(x.far)) {
				got = rules[i].String()
			}
		}
		if got != x.want {
			t.Errorf("%s ingress=%v %v %d %s: %q, want %q", x.group, x.ingress, x.proto, x.port, x.far, got, x.want)
		}
	}
	if f.Group("gone") != nil {
		t.Error("a group that is not there")
	}
}

func TestErrors(t *testing.T) {
	for _, x := range []struct{ name, old, new, want string }{
		{"ports", "30000-32767", "32767-30000", `security group sg-nodes, rule 2: ports "32767-30000"`},
		{"ports in words", "30000-32767", "http", `ports "http": want a port or a range`},
		{"protocol", "protocol: udp", "protocol: quic", "security group sg-nodes, rule 3"},
		{"neither prefix nor group", "{protocol: udp, ports: \"53\", cidr: 10.0.0.0/16}", "{protocol: udp}", "want a cidr or a group"},
		{"MAC", "public: 203.0.113.10,", "mac: zz,", "node n1, ENI 0"},
		{"branch MAC", "{vlan: 7,", "{vlan: 7, mac: zz,", "pod/d/own: branch"},
	} {
		text := strings.Replace(description, x.old, x.new, 1)
		if text == description {
			t.Fatalf("%s: nothing replaced", x.name)
		}
		c, err := cluster.Read([]byte(text), "test.yaml")
		if err == nil {
			_, err = Build(c, c.Slices())
		}
		if err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: error %v, want %q", x.name, err, x.want)
		}
	}
}

func TestNameless(t *testing.T) {
	c := &cluster.Cluster{Name: "x", VPC: cluster.VPC{CIDRs: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}}}
	v, err := Build(c, c.Slices())
	if err != nil {
		t.Fatal(err)
	}
	f := v.Fabric
	if f.InternetGateway() != nil || f.Subnet("a") != nil || f.CardOf(addr("10.0.0.1")) != nil || !f.RouterMAC("a").IsZero() {
		t.Errorf("a VPC of nothing has %+v", f)
	}
	if len(f.RouteTables) != 1 || f.RouteTables[0].ID != "main" {
		t.Errorf("route tables: %+v", f.RouteTables)
	}
}
