package calico

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/topology"
)

// TestRoutes are the routes to other nodes' blocks and the blackhole, by encapsulation and by who writes them. Those of
// BIRD are in no recording.
func TestRoutes(t *testing.T) {
	felix := func(c *cluster.Cluster) {
		c.Felix = &cluster.FelixConfiguration{Spec: cluster.FelixSpec{ProgramClusterRoutes: "Enabled"}}
	}
	nothing := func(*cluster.Cluster) {}
	for _, x := range []struct {
		name, encapsulation string
		change              func(*cluster.Cluster)
		want                []string
	}{
		{"VXLAN", "VXLAN", nothing, []string{"blackhole 10.244.0.0/26 proto 80",
			"10.244.0.64/26 via 10.244.0.64 dev vxlan.calico onlink mtu 8951", "10.244.0.128/26 via 10.244.0.128 dev vxlan.calico onlink mtu 8951"}},
		{"VXLAN between subnets", "VXLANCrossSubnet", nothing, []string{"blackhole 10.244.0.0/26 proto 80",
			"10.244.0.64/26 via 10.0.1.11 dev eth0 proto 80 onlink", "10.244.0.128/26 via 10.244.0.128 dev vxlan.calico onlink mtu 8951"}},
		{"IP-in-IP, BIRD", "IPIP", nothing, []string{"blackhole 10.244.0.0/26 proto bird",
			"10.244.0.64/26 via 10.0.1.11 dev tunl0 proto bird metric 1024 onlink", "10.244.0.128/26 via 10.0.2.12 dev tunl0 proto bird metric 1024 onlink"}},
		{"IP-in-IP between subnets, BIRD", "IPIPCrossSubnet", nothing, []string{"blackhole 10.244.0.0/26 proto bird",
			"10.244.0.64/26 via 10.0.1.11 dev eth0 proto bird metric 1024", "10.244.0.128/26 via 10.0.2.12 dev tunl0 proto bird metric 1024 onlink"}},
		{"IP-in-IP, Felix", "IPIP", felix, []string{"blackhole 10.244.0.0/26 proto 80",
			"10.244.0.64/26 via 10.0.1.11 dev tunl0 proto 80 onlink mtu 8981", "10.244.0.128/26 via 10.0.2.12 dev tunl0 proto 80 onlink mtu 8981"}},
		{"no encapsulation, BIRD: another subnet by the router", "None", nothing, []string{"blackhole 10.244.0.0/26 proto bird",
			"10.244.0.64/26 via 10.0.1.11 dev eth0 proto bird metric 1024", "10.244.0.128/26 via 10.0.1.1 dev eth0 proto bird metric 1024"}},
		{"no encapsulation, Felix: another subnet as a neighbour", "None", felix, []string{"blackhole 10.244.0.0/26 proto 80",
			"10.244.0.64/26 via 10.0.1.11 dev eth0 proto 80 onlink", "10.244.0.128/26 via 10.0.2.12 dev eth0 proto 80 onlink"}},
		{"nobody", "None", func(c *cluster.Cluster) {
			c.BGP = &cluster.BGPConfiguration{Spec: cluster.BGPConfigurationSpec{ProgramClusterRoutes: "Disabled"}}
		}, nil},
		{"not told to others", "None", func(c *cluster.Cluster) {
			p := c.DefaultPool()
			p.Spec.DisableBGPExport = true
			c.IPPools = []*cluster.IPPool{p}
		}, []string{"blackhole 10.244.0.0/26 proto bird"}},
		{"a block of one address", "VXLAN", func(c *cluster.Cluster) {
			blocksFor(c, "10.244.0.1/32", "10.244.0.64/26", "10.244.0.128/26")
			c.NodeObjects = []*corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "n1", Annotations: map[string]string{vxlanAddress: "10.244.9.9"}}}}
		}, []string{"10.244.0.64/26 via 10.244.0.64 dev vxlan.calico onlink mtu 8951", "10.244.0.128/26 via 10.244.0.128 dev vxlan.calico onlink mtu 8951"}},
		{"a borrowed address", "VXLAN", func(c *cluster.Cluster) {
			blocksFor(c, "10.244.0.0/26", "10.244.0.64/26", "10.244.0.128/26")
			c.Pods = append(c.Pods, &cluster.Pod{Namespace: "default", Name: "borrower", Node: "n2", Address: netip.MustParseAddr("10.244.0.9")})
		}, []string{"blackhole 10.244.0.0/26 proto 80", "10.244.0.9 via 10.244.0.64 dev vxlan.calico onlink mtu 8951",
			"10.244.0.64/26 via 10.244.0.64 dev vxlan.calico onlink mtu 8951", "10.244.0.128/26 via 10.244.0.128 dev vxlan.calico onlink mtu 8951"}},
	} {
		c := small("n1/web 10.244.0.1")
		c.CNI.Encapsulation = x.encapsulation
		x.change(c)
		ns := machineOf(c, c.Nodes[0])
		if _, err := Node(c, c.Nodes[0], ns); err != nil {
			t.Errorf("%s: %v", x.name, err)
			continue
		}
		var got []string
		for _, r := range mainRoutes(ns, false) {
			if !strings.Contains(r, "cali") || strings.Contains(r, vxlanDevice) {
				got = append(got, r)
			}
		}
		if got = got[2:]; !slices.Equal(got, x.want) { // behind the machine's own two
			t.Errorf("%s:\n%s\nwant\n%s", x.name, strings.Join(got, "\n"), strings.Join(x.want, "\n"))
		}
	}
}

// blocksFor gives each node a block, by documents.
func blocksFor(c *cluster.Cluster, prefixes ...string) {
	for i, p := range prefixes {
		affinity := "host:" + c.Nodes[i].Name
		c.IPAMBlocks = append(c.IPAMBlocks, &cluster.IPAMBlock{ObjectMeta: metav1.ObjectMeta{Name: p}, Spec: cluster.IPAMBlockSpec{CIDR: p, Affinity: &affinity}})
	}
}

func TestDevices(t *testing.T) {
	c := small("n1/web 10.244.0.1")
	c.NodeObjects = []*corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "n2", Annotations: map[string]string{
		vxlanAddress: "10.244.0.70", ipipAddress: "10.244.0.71", vxlanMAC: "66:01:02:03:04:05"}}}}
	ns := machineOf(c, c.Nodes[0])
	if _, err := Node(c, c.Nodes[0], ns); err != nil {
		t.Fatal(err)
	}
	if got := ns.Neighbours[0].String(); got != "10.244.0.70 dev vxlan.calico lladdr 66:01:02:03:04:05 PERMANENT" {
		t.Errorf("a VTEP of its own: %s", got)
	}
	c.CNI.Encapsulation = cluster.EncapIPIP
	ns = machineOf(c, c.Nodes[1])
	if _, err := Node(c, c.Nodes[1], ns); err != nil {
		t.Fatal(err)
	}
	i := ns.Interface(ipipDevice)
	if i == nil || i.Kind != topology.IPIP || i.MTU != 8981 || i.Addresses[0].Prefix.String() != "10.244.0.71/32" || *i.Tunnel != (topology.Tunnel{}) || !i.MAC.IsZero() {
		t.Errorf("tunl0: %+v", i)
	}
	if len(ns.Neighbours) != 0 || len(ns.FDB) != 0 || ns.Interface(vxlanDevice) != nil {
		t.Error("IP-in-IP needs no neighbours")
	}
}

// TestMTU: pods have that of the tightest tunnel; a card that is not named as Felix knows them counts 1460.
func TestMTU(t *testing.T) {
	number := 1400
	for _, x := range []struct {
		name, encapsulation, card string
		host, want                int
		vxlanMTU                  *int
	}{
		{"VXLAN", "VXLAN", "eth0", 1500, 1450, nil}, {"IP-in-IP", "IPIP", "ens5", 1500, 1480, nil}, {"none", "None", "enp0s3", 9001, 9001, nil},
		{"another card", "VXLAN", "net0", 9001, 1410, nil}, {"as configured", "VXLAN", "eth0", 1500, 1400, &number},
	} {
		c := small("n1/web 10.244.0.1")
		c.CNI.Encapsulation, c.Nodes[0].MTU, c.Nodes[0].ENIs[0].Interface = x.encapsulation, x.host, x.card
		c.Felix = &cluster.FelixConfiguration{Spec: cluster.FelixSpec{VXLANMTU: x.vxlanMTU}}
		ns, err := Pod(c, c.Pods[0])
		if err != nil {
			t.Fatal(err)
		}
		if got := ns.Interface("eth0").MTU; got != x.want {
			t.Errorf("%s: %d, want %d", x.name, got, x.want)
		}
	}
}

// TestSysctls: what the description sets by itself stays, and a pod's host end has the reverse path filter of the machine.
func TestSysctls(t *testing.T) {
	c := small("n1/web 10.244.0.1")
	veth := HostVeth("default", "web")
	c.Nodes[0].Sysctls = map[string]string{"net.ipv4.conf.all.forwarding": "0"}
	ns := machineOf(c, c.Nodes[0])
	ns.Sysctl = map[string]string{"net.ipv4.conf.all.forwarding": "0", "net.ipv4.conf.default.rp_filter": "2"}
	if _, err := Node(c, c.Nodes[0], ns); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"net.ipv4.conf.all.forwarding": "0", "net.ipv4.ip_forward": "1", "net.ipv4.conf." + veth + ".rp_filter": "2",
		"net.ipv4.conf." + veth + ".proxy_arp": "1", "net.ipv4.neigh." + veth + ".proxy_delay": "0", "net.ipv4.conf.vxlan/calico.forwarding": "1"} {
		if got := ns.Sysctl[name]; got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

// TestLarge: a node of a large cluster knows every other one.
func TestLarge(t *testing.T) {
	c := small()
	c.Nodes = nil
	for i := range 1000 {
		a := netip.AddrFrom4([4]byte{10, 0, byte(1 + i/250), byte(2 + i%250)})
		c.Nodes = append(c.Nodes, &cluster.Node{Name: fmt.Sprintf("n%d", i), ENIs: []*cluster.ENI{{Subnet: "10.0.1.0/24", Address: a, Interface: "eth0"}}})
		for j := range 20 {
			c.Pods = append(c.Pods, &cluster.Pod{Namespace: "default", Name: fmt.Sprintf("p-%d-%d", i, j), Node: fmt.Sprintf("n%d", i)})
		}
	}
	Readdress(c)
	ns := machineOf(c, c.Nodes[7])
	r, err := Node(c, c.Nodes[7], ns)
	if err != nil {
		t.Fatal(err)
	}
	if len(ns.Neighbours) != 999 || len(r.Sets[setName(setVXLAN)].Prefixes) != 999 {
		t.Errorf("%d neighbours", len(ns.Neighbours))
	}
}
