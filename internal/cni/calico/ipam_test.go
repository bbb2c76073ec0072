package calico

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/podpath/podpath/internal/cluster"
)

// small is a cluster of three nodes in two subnets; pods are "node/name address".
func small(pods ...string) *cluster.Cluster {
	c := &cluster.Cluster{Name: "small", CNI: cluster.CNI{Name: cluster.CalicoName}}
	c.VPC.CIDRs = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}
	for _, s := range []string{"10.0.1.0/24", "10.0.2.0/24"} {
		c.VPC.Subnets = append(c.VPC.Subnets, &cluster.Subnet{Name: s, CIDR: netip.MustParsePrefix(s)})
	}
	for i, a := range []string{"10.0.1.10", "10.0.1.11", "10.0.2.12"} {
		c.Nodes = append(c.Nodes, &cluster.Node{Name: fmt.Sprintf("n%d", i+1), ENIs: []*cluster.ENI{{Subnet: c.VPC.Subnets[i/2].Name, Address: netip.MustParseAddr(a), Interface: "eth0"}}})
	}
	for _, p := range pods {
		who, address, _ := strings.Cut(p, " ")
		node, name, _ := strings.Cut(who, "/")
		c.Pods = append(c.Pods, &cluster.Pod{Namespace: "default", Name: name, Node: node, Address: netip.MustParseAddr(address), Labels: map[string]string{"app": name}})
	}
	return c
}

func blockTexts(t *testing.T, c *cluster.Cluster) []string {
	t.Helper()
	blocks, err := Blocks(c)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, b := range blocks {
		out = append(out, b.Node+" "+b.Prefix.String())
	}
	return out
}

func TestBlocks(t *testing.T) {
	given := func(cidr, node string) *cluster.IPAMBlock {
		affinity := "host:" + node
		return &cluster.IPAMBlock{ObjectMeta: metav1.ObjectMeta{Name: cidr}, Spec: cluster.IPAMBlockSpec{CIDR: cidr, Affinity: &affinity}}
	}
	for _, x := range []struct {
		name  string
		pods  []string
		given []*cluster.IPAMBlock
		want  []string
	}{
		{"no pods: in the nodes' order", nil, nil, []string{"n1 10.244.0.0/26", "n2 10.244.0.64/26", "n3 10.244.0.128/26"}},
		{"pods say whose", []string{"n2/a 10.244.0.1", "n1/b 10.244.0.65"}, nil, []string{"n1 10.244.0.64/26", "n2 10.244.0.0/26", "n3 10.244.0.128/26"}},
		{"two blocks of a node", []string{"n1/a 10.244.1.1", "n1/b 10.244.0.1"}, nil, []string{"n1 10.244.0.0/26", "n1 10.244.1.0/26", "n2 10.244.0.64/26", "n3 10.244.0.128/26"}},
		{"documents say", []string{"n1/a 10.244.0.1"}, []*cluster.IPAMBlock{given("10.244.0.0/26", "n3"), given("10.244.9.0/24", "n1")}, []string{"n1 10.244.9.0/24", "n3 10.244.0.0/26"}},
	} {
		c := small(x.pods...)
		c.IPAMBlocks = x.given
		if got := blockTexts(t, c); !slices.Equal(got, x.want) {
			t.Errorf("%s: %q, want %q", x.name, got, x.want)
		}
	}
}

func TestBlockErrors(t *testing.T) {
	for _, x := range []struct {
		name   string
		c      *cluster.Cluster
		change func(*cluster.Cluster)
		want   string
	}{
		{"outside", small("n1/a 10.0.0.1"), nil, "pod/default/a: 10.0.0.1 is in no IPPool"},
		{"two nodes in a block", small("n1/a 10.244.0.1", "n2/b 10.244.0.2"), nil, "pod/default/b: 10.244.0.2 is in block 10.244.0.0/26, which node n1 has for pod/default/a"},
		{"full", small(), func(c *cluster.Cluster) {
			c.IPPools = []*cluster.IPPool{{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: cluster.IPPoolSpec{CIDR: "192.168.0.0/25"}}}
		}, "node n3: IPPool p (192.168.0.0/25) has no /26 left for it"},
		{"in no document", small("n1/a 10.244.0.1"), func(c *cluster.Cluster) {
			affinity := "host:n1"
			c.IPAMBlocks = []*cluster.IPAMBlock{{Spec: cluster.IPAMBlockSpec{CIDR: "10.244.1.0/26", Affinity: &affinity}}}
		}, "pod/default/a: 10.244.0.1 is in no IPAMBlock"},
		{"the tunnel's address", small("n1/a 10.244.0.0"), nil, "pod/default/a: 10.244.0.0 is the tunnel's address of node n1"},
		{"an annotation", small("n1/a 10.244.0.1"), func(c *cluster.Cluster) {
			c.NodeObjects = []*corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "n1", Annotations: map[string]string{vxlanAddress: "x"}}}}
		}, `Node n1: metadata.annotations[projectcalico.org/IPv4VXLANTunnelAddr]: "x" is no IPv4 address`},
		{"a MAC", small("n1/a 10.244.0.1"), func(c *cluster.Cluster) {
			c.NodeObjects = []*corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "n2", Annotations: map[string]string{vxlanMAC: "x"}}}}
		}, `Node n2: metadata.annotations[projectcalico.org/VXLANTunnelMACAddr]`},
	} {
		if x.change != nil {
			x.change(x.c)
		}
		_, err := Node(x.c, x.c.Nodes[0], machineOf(x.c, x.c.Nodes[0]))
		if err == nil || !strings.Contains(err.Error(), x.want) || !strings.HasPrefix(err.Error(), "node n1: calico: ") {
			t.Errorf("%s: error %v, want %q", x.name, err, x.want)
		}
	}
	c := small()
	ns := machineOf(c, c.Nodes[0])
	c.Nodes[0].MTU = 1500
	if _, err := Node(c, c.Nodes[0], ns); err == nil || !strings.Contains(err.Error(), "eth0 has MTU 9001, the description says 1500") {
		t.Errorf("another MTU: %v", err)
	}
	ns.Interfaces = ns.Interfaces[:1]
	if _, err := Node(c, c.Nodes[0], ns); err == nil || !strings.Contains(err.Error(), "no interface eth0") {
		t.Errorf("no uplink: %v", err)
	}
}

func TestReaddress(t *testing.T) {
	c := small()
	c.IPPools = []*cluster.IPPool{{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: cluster.IPPoolSpec{CIDR: "192.168.0.0/24", BlockSize: 30, VXLANMode: "Always"}}}
	n := c.Nodes[0]
	n.ENIs = append(n.ENIs, &cluster.ENI{Subnet: "10.0.1.0/24", Address: netip.MustParseAddr("10.0.1.50")})
	n.ENIs[0].Secondary = []netip.Addr{netip.MustParseAddr("10.0.1.51")}
	n.ENIs[0].Prefixes = []netip.Prefix{netip.MustParsePrefix("10.0.1.64/28")}
	for i, node := range []string{"n1", "n3", "n1", "n1", "n1"} {
		c.Pods = append(c.Pods, &cluster.Pod{Namespace: "default", Name: fmt.Sprintf("p%d", i), Node: node, ENI: 1, Address: netip.AddrFrom4([4]byte{10, 0, 1, byte(100 + i)}), Branch: &cluster.Branch{VLAN: 1}})
	}
	c.EndpointSlices = []*discoveryv1.EndpointSlice{{ObjectMeta: metav1.ObjectMeta{Name: "s", Namespace: "default", Labels: map[string]string{discoveryv1.LabelServiceName: "x"}},
		AddressType: discoveryv1.AddressTypeIPv4, Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"10.0.1.101", "10.0.1.10"}}}}}
	Readdress(c)
	var got []string
	for _, p := range c.Pods {
		got = append(got, p.Address.String())
		if p.ENI != 0 || p.Branch != nil {
			t.Errorf("%s: ENI %d, branch %v", p.Name, p.ENI, p.Branch)
		}
	}
	// A /30 has three addresses behind the tunnel's; the fourth pod of n1 is in its next block.
	if want := []string{"192.168.0.1", "192.168.0.13", "192.168.0.2", "192.168.0.3", "192.168.0.4"}; !slices.Equal(got, want) {
		t.Errorf("addresses %q, want %q", got, want)
	}
	if want := []string{"n1 192.168.0.0/30", "n1 192.168.0.4/30", "n2 192.168.0.8/30", "n3 192.168.0.12/30"}; !slices.Equal(blockTexts(t, c), want) {
		t.Errorf("blocks %q, want %q", blockTexts(t, c), want)
	}
	if len(n.ENIs) != 1 || n.ENIs[0].Secondary != nil || n.ENIs[0].Prefixes != nil {
		t.Errorf("cards: %+v", n.ENIs)
	}
	if a := c.EndpointSlices[0].Endpoints[0].Addresses; !slices.Equal(a, []string{"192.168.0.13", "10.0.1.10"}) {
		t.Errorf("endpoints %q", a)
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	before := slices.Clone(got)
	Readdress(c)
	for i, p := range c.Pods {
		if p.Address.String() != before[i] {
			t.Errorf("a second time: %s has %v", p.Name, p.Address)
		}
	}
}

// TestReaddressFull has more pods than the pool has addresses.
func TestReaddressFull(t *testing.T) {
	c := small()
	c.IPPools = []*cluster.IPPool{{ObjectMeta: metav1.ObjectMeta{Name: "p"}, Spec: cluster.IPPoolSpec{CIDR: "192.168.0.0/30", BlockSize: 31}}}
	for i := range 4 {
		c.Pods = append(c.Pods, &cluster.Pod{Namespace: "default", Name: fmt.Sprintf("p%d", i), Node: "n1", Address: netip.AddrFrom4([4]byte{10, 0, 1, byte(100 + i)})})
	}
	Readdress(c)
	if err := c.Check(); err == nil || !strings.Contains(err.Error(), "want an IPv4 address") {
		t.Errorf("too many pods: %v", err)
	}
}
