package calico

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/golden"
	"github.com/podpath/podpath/internal/iptables"
	"github.com/podpath/podpath/internal/netfilter"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// goldenCase is one folder of golden/calico: what the harness fed to Felix, as a description, and the machine before.
type goldenCase struct {
	dir     string
	c       *cluster.Cluster
	node    *cluster.Node
	gateway netip.Addr
	mac     packet.MAC
	birdRan bool // whoever owns the routes between nodes wrote them
}

func goldenCases(t *testing.T) []*goldenCase {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(golden.Dir(t, "calico"), "*", "input.yaml"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	var out []*goldenCase
	for _, f := range dirs {
		out = append(out, readCase(t, f))
	}
	return out
}

// readCase turns a case's objects into a description: Nodes and Pods by the harness's annotations, the rest as it is.
func readCase(t *testing.T, name string) *goldenCase {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	g := &goldenCase{dir: filepath.Dir(name), birdRan: true}
	c := &cluster.Cluster{Name: filepath.Base(g.dir), CNI: cluster.CNI{Name: cluster.CalicoName}}
	c.VPC.CIDRs = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}
	g.c = c
	for _, doc := range bytes.Split(data, []byte("\n---\n")) {
		var head metav1.TypeMeta
		if err := yaml.Unmarshal(doc, &head); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		switch head.Kind {
		case "IPPool":
			c.IPPools = append(c.IPPools, object[cluster.IPPool](t, doc))
		case "IPAMBlock":
			c.IPAMBlocks = append(c.IPAMBlocks, object[cluster.IPAMBlock](t, doc))
		case "FelixConfiguration":
			c.Felix = object[cluster.FelixConfiguration](t, doc)
		case "NetworkPolicy":
			c.NetworkPolicies = append(c.NetworkPolicies, object[networkingv1.NetworkPolicy](t, doc))
		case "Namespace":
			c.Namespaces = append(c.Namespaces, object[corev1.Namespace](t, doc))
		case "ServiceAccount":
			c.ServiceAccounts = append(c.ServiceAccounts, object[corev1.ServiceAccount](t, doc))
		case "Node":
			g.addNode(t, object[corev1.Node](t, doc))
		case "Pod":
			p := object[corev1.Pod](t, doc)
			c.Pods = append(c.Pods, &cluster.Pod{Namespace: p.Namespace, Name: p.Name, Node: p.Spec.NodeName, Address: netip.MustParseAddr(p.Status.PodIP),
				Labels: p.Labels, ServiceAccount: p.Spec.ServiceAccountName})
		case "Tier", "Profile": // the default ones, which are always there
		default:
			t.Fatalf("%s: what is a %s?", name, head.Kind)
		}
	}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	return g
}

func object[T any](t *testing.T, doc []byte) *T {
	t.Helper()
	x := new(T)
	if err := yaml.UnmarshalStrict(doc, x); err != nil {
		t.Fatal(err)
	}
	return x
}

func (g *goldenCase) addNode(t *testing.T, o *corev1.Node) {
	t.Helper()
	says := func(name string) string { return o.Annotations["golden/"+name] }
	p := netip.MustParsePrefix(says("node-address"))
	if subnet := p.Masked().String(); g.c.VPC.Subnet(subnet) == nil {
		g.c.VPC.Subnets = append(g.c.VPC.Subnets, &cluster.Subnet{Name: subnet, CIDR: p.Masked()})
	}
	n := &cluster.Node{Name: o.Name, ENIs: []*cluster.ENI{{Subnet: p.Masked().String(), Address: p.Addr(), Interface: says("uplink-interface")}}}
	g.c.Nodes, g.c.NodeObjects = append(g.c.Nodes, n), append(g.c.NodeObjects, o)
	if says("under-test") != "true" {
		return
	}
	mtu, err := strconv.Atoi(says("uplink-mtu"))
	if err != nil {
		t.Fatal(err)
	}
	mac, err := packet.ParseMAC(says("uplink-mac"))
	if err != nil {
		t.Fatal(err)
	}
	n.MTU, g.node, g.mac, g.gateway = mtu, n, mac, netip.MustParseAddr(says("default-gateway"))
	g.birdRan = says("cluster-route-owner") != "bird-not-run"
}

// machine is the node before Calico comes.
func (g *goldenCase) machine() *topology.Namespace {
	return bareMachine(g.c, g.node, g.gateway, g.mac)
}

// machineOf is a node of any description before Calico comes.
func machineOf(c *cluster.Cluster, n *cluster.Node) *topology.Namespace {
	return bareMachine(c, n, c.NodePrefix(n).Masked().Addr().Next(), packet.MAC{2, 0, 0, 0, 0, 1})
}

func bareMachine(c *cluster.Cluster, n *cluster.Node, gateway netip.Addr, mac packet.MAC) *topology.Namespace {
	dev, p := n.InterfaceOf(0), c.NodePrefix(n)
	return &topology.Namespace{Name: n.Name, Kind: topology.Node, Sysctl: map[string]string{},
		Interfaces: []*topology.Interface{topology.LoopbackInterface(), {Index: 2, Name: dev, Kind: topology.ENI, MAC: mac, MTU: c.HostMTU(n), Up: true, LinkNetNS: -1,
			Addresses: []topology.Address{{Prefix: p, Scope: topology.ScopeGlobal, Broadcast: topology.BroadcastOf(p)}}}},
		Rules: topology.DefaultRules(),
		Routes: slices.Concat([]*topology.Route{
			{Type: topology.Unicast, Dst: topology.Everywhere(), Table: topology.TableMain, Nexthops: []topology.Nexthop{{Dev: dev, Gateway: gateway}}},
			topology.ConnectedRoute(p, dev),
		}, topology.LocalRoutes(p, dev), topology.LocalRoutes(netip.MustParsePrefix("127.0.0.1/8"), "lo"))}
}

// TestGolden compiles each case's node and compares with what the real Felix left in a real kernel.
func TestGolden(t *testing.T) {
	for _, g := range goldenCases(t) {
		t.Run(g.c.Name, func(t *testing.T) {
			ns := g.machine()
			rules, err := Node(g.c, g.node, ns)
			if err != nil {
				t.Fatal(err)
			}
			diff(t, "ip route", g.lines(t, "ip-route.txt"), mainRoutes(ns, !g.birdRan))
			diff(t, "ip neigh", sorted(g.lines(t, "ip-neigh.txt")), sorted(texts(ns.Neighbours)))
			diff(t, "bridge fdb", sorted(g.lines(t, "bridge-fdb.txt")), sorted(fdb(ns)))
			diff(t, "ip rule", g.lines(t, "ip-rule.txt"), texts(ns.Rules))
			diff(t, "ip addr", g.readLinks(g.text(t, "ip-addr.txt")), links(ns))
			diff(t, "vxlan", vxlanDetails(g.text(t, "ip-d-link.txt")), vxlanOf(ns))
			diff(t, "ipset save", readSets(g.lines(t, "ipset-save.txt")), setTexts(rules.Sets))
			diff(t, "iptables-save", parsedTables(t, g.text(t, "iptables-save.txt")), joined(rules))
			g.sysctls(t, ns)
			g.pod(t, ns)
			golden.Count(t, "Calico cases compiled", 1)
		})
	}
}

func (g *goldenCase) text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(g.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (g *goldenCase) lines(t *testing.T, name string) []string {
	t.Helper()
	return linesOf(g.text(t, name))
}

func linesOf(text string) []string {
	out := []string{}
	for l := range strings.Lines(text) {
		if l = strings.TrimRight(l, " \n"); l != "" {
			out = append(out, l)
		}
	}
	return out
}

func diff(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s: Calico's (-) and ours (+):\n%s", what, d)
	}
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

func texts[T fmt.Stringer](list []T) []string {
	out := []string{}
	for _, x := range list {
		out = append(out, x.String())
	}
	return out
}

// mainRoutes are the routes of table main; where BIRD did not run, without its.
func mainRoutes(ns *topology.Namespace, withoutBIRD bool) []string {
	out := []string{}
	for _, r := range ns.Routes {
		if r.Table == topology.TableMain && (r.Protocol != "bird" || !withoutBIRD) {
			out = append(out, r.String())
		}
	}
	return out
}

func fdb(ns *topology.Namespace) []string {
	var out []string
	for _, e := range ns.FDB {
		s := e.MAC + " dev " + e.Dev + " dst " + e.Dst.String()
		if e.Self {
			s += " self"
		}
		out = append(out, s+" "+e.State)
	}
	return out
}

var (
	reLink = regexp.MustCompile(`^(\d+): ([^:@]+)(?:@if(\d+))?: <([^>]*)> mtu (\d+)`)
	reMAC  = regexp.MustCompile(`^link/\w+ (\S+)`)
	reInet = regexp.MustCompile(`^inet (\S+)(?: brd (\S+))? scope (\w+)`)
)

// readLinks reads `ip addr`: index, name, the index of the other end, state, MTU, MAC, IPv4 addresses. With IP-in-IP the
// veth that stood for tunl0 took the indexes 3 and 4.
func (g *goldenCase) readLinks(text string) []string {
	var out []string
	index := func(s string) string {
		if n, err := strconv.Atoi(s); err == nil && n > 2 && g.c.IPPools[0].IPIP() {
			return strconv.Itoa(n - 2)
		}
		return s
	}
	for _, l := range linesOf(text) {
		l = strings.TrimSpace(l)
		if m := reLink.FindStringSubmatch(l); m != nil {
			peer := index(m[3])
			if m[2] == "eth0" && m[3] == "2" {
				peer = "" // the harness's own veth, which stands for a card
			}
			out = append(out, fmt.Sprintf("%s %s peer %q up %t mtu %s", index(m[1]), m[2], peer, slices.Contains(strings.Split(m[4], ","), "UP"), m[5]))
		} else if m := reMAC.FindStringSubmatch(l); m != nil {
			out[len(out)-1] += " mac " + m[1]
		} else if m := reInet.FindStringSubmatch(l); m != nil {
			out[len(out)-1] += " inet " + m[1] + " brd " + m[2] + " scope " + m[3]
		}
	}
	return out
}

// links are the same of a namespace. tunl0 is left out: the harness's kernel had none.
func links(ns *topology.Namespace) []string {
	var out []string
	for _, i := range ns.Interfaces {
		if i.Kind == topology.IPIP {
			continue
		}
		peer := ""
		if i.LinkIndex != 0 {
			peer = strconv.Itoa(i.LinkIndex)
		}
		s := fmt.Sprintf("%d %s peer %q up %t mtu %d mac %v", i.Index, i.Name, peer, i.Up, i.MTU, i.MAC)
		for _, a := range i.Addresses {
			brd := ""
			if a.Broadcast.IsValid() {
				brd = a.Broadcast.String()
			}
			s += fmt.Sprintf(" inet %v brd %s scope %v", a.Prefix, brd, a.Scope)
		}
		out = append(out, s)
	}
	return out
}

var reVXLAN = regexp.MustCompile(`^vxlan id (\d+) local (\S+) dev (\S+) srcport 0 0 dstport (\d+) nolearning ttl auto `)

func vxlanDetails(text string) string {
	for _, l := range linesOf(text) {
		if m := reVXLAN.FindStringSubmatch(strings.TrimSpace(l)); m != nil {
			return strings.Join(m[1:], " ")
		}
	}
	return ""
}

func vxlanOf(ns *topology.Namespace) string {
	i := ns.Interface(vxlanDevice)
	if i == nil {
		return ""
	}
	x := i.Tunnel
	if i.Kind != topology.VXLAN || x.Learning || x.TTL != 0 || x.Remote.IsValid() || x.DF != "" {
		return fmt.Sprintf("%s %+v", i.Kind, x)
	}
	return fmt.Sprintf("%d %v %s %d", x.VNI, x.Local, x.Dev, x.Port)
}

func readSets(lines []string) map[string][]string {
	out := map[string][]string{}
	for _, l := range lines {
		w := strings.Fields(l)
		if w[0] == "create" {
			out[w[1]] = append(out[w[1]], w[2])
		} else {
			out[w[1]] = append(out[w[1]], w[2])
			slices.Sort(out[w[1]])
		}
	}
	return out
}

func setTexts(sets map[string]*netfilter.Set) map[string][]string {
	out := map[string][]string{}
	for name, s := range sets {
		out[name] = sorted(append(s.Members(), s.Type))
	}
	return out
}

// parsedTables are the chains of `iptables-save` with their rules; built-in chains without rules count as absent.
func parsedTables(t *testing.T, text string) map[string][]string {
	t.Helper()
	rs, err := iptables.Parse(strings.NewReader(text), "iptables-save.txt")
	if err != nil {
		t.Fatal(err)
	}
	return chainTexts(rs)
}

func chainTexts(rs *iptables.Ruleset) map[string][]string {
	out := map[string][]string{}
	for _, table := range rs.Tables {
		for _, c := range table.Chains {
			if c.BuiltIn() && len(c.Rules) == 0 {
				continue
			}
			list := []string{}
			for _, r := range c.Rules {
				list = append(list, r.Text())
			}
			out[table.Name+" "+c.Name] = list
		}
	}
	return out
}

// joined are the rules of a node that nobody but Felix writes to.
func joined(r *Rules) map[string][]string {
	out := chainTexts(r.Head)
	for chain, list := range chainTexts(r.Tail) {
		out[chain] = append(out[chain], list...)
	}
	return out
}

// sysctls compares what was dumped; what we do not set is the kernel's 0. What we set on a pod's host end was dumped,
// or is known not to have been.
func (g *goldenCase) sysctls(t *testing.T, ns *topology.Namespace) {
	t.Helper()
	dumped := map[string]bool{}
	for _, l := range g.lines(t, "sysctl.txt") {
		name, want, _ := strings.Cut(l, " = ")
		dumped[name] = true
		got := ns.Sysctl[name]
		if got == "" {
			got = "0"
		}
		if got != want {
			t.Errorf("%s: Calico's %s, ours %s", name, want, got)
		}
	}
	for name := range ns.Sysctl {
		if strings.Contains(name, "calia7a3e029a7b") && !dumped[name] && name != "net.ipv4.neigh.calia7a3e029a7b.proxy_delay" {
			t.Errorf("%s = %s: not in the dump", name, ns.Sysctl[name])
		}
	}
}

// pod compares the namespace of the pod that was dumped, and that both ends of its veth name each other.
func (g *goldenCase) pod(t *testing.T, node *topology.Namespace) {
	t.Helper()
	p := g.c.PodsOn(g.node.Name)[0]
	ns, err := Pod(g.c, p)
	if err != nil {
		t.Fatal(err)
	}
	text := g.text(t, "pod-client.txt")
	part := func(from, to string) string {
		_, s, _ := strings.Cut(text, "# "+from+"\n")
		s, _, _ = strings.Cut(s, "# "+to+"\n")
		return s
	}
	mac := regexp.MustCompile(` mac (..:){5}..`) // the pod's is random
	without := func(list []string) []string {
		for i := range list {
			if !strings.HasPrefix(list[i], "1 ") {
				list[i] = mac.ReplaceAllString(list[i], "")
			}
		}
		return list
	}
	diff(t, p.Key()+" ip addr", without(g.readLinks(part("ip addr", "ip route"))), without(links(ns)))
	diff(t, p.Key()+" ip route", linesOf(part("ip route", "ip neigh")), mainRoutes(ns, false))
	diff(t, p.Key()+" ip neigh", linesOf(part("ip neigh", "end")), texts(ns.Neighbours))
	own, host := ns.Interface("eth0"), node.Interface(HostVeth(p.Namespace, p.Name))
	if own.Peer != (topology.Port{Namespace: node.Name, Interface: host.Name}) || host.Peer != (topology.Port{Namespace: ns.Name, Interface: "eth0"}) ||
		own.LinkIndex != host.Index || host.LinkIndex != own.Index || own.MTU != host.MTU {
		t.Errorf("veth: %+v and %+v", own, host)
	}
}
