package fuzz

import (
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/topology"
)

// target is somewhere a flow may go, with the port that something may answer on.
type target struct {
	what string
	addr netip.Addr
	port int
	// proto is what the Service has the port for; "" where any will do.
	proto string
}

func at(what string, a netip.Addr, port int) target { return target{what: what, addr: a, port: port} }

// Flow is the network's flow number i. It is the same whatever other flows were asked for.
func (d *Design) Flow(i int) lab.Flow {
	s := newSource(d.Seed, streamFlows+uint64(i))
	f := lab.Flow{Name: format("seed-%d-flow-%d", d.Seed, i), TTL: 64, Payload: 4, DF: true}
	f.Protocol = weigh(s, weighted[string]{5, "tcp"}, weighted[string]{4, "udp"}, weighted[string]{3, "icmp"})
	from, internet := d.client(s)
	f.From = from
	to := d.target(s, from, internet)
	f.What = from + " to " + to.what
	if to.proto != "" && !s.yes(8) {
		f.Protocol = to.proto
	}
	f.To = to.addr.String()
	f.ListenPort = uint16(weigh(s, weighted[int]{9, portOpen}, weighted[int]{1, portOther}))
	f.ClientPort = uint16(portClient + i)
	if f.Protocol == "icmp" {
		f.ClientPort = uint16(1 + i)
	} else {
		f.Port = uint16(to.port)
		if s.yes(20) {
			f.Port = uint16(pick(s, portOther, portOpen, portVIP, portNode))
		}
	}
	for _, ns := range d.sockets() {
		if !s.yes(10) {
			f.Servers = append(f.Servers, ns)
		}
	}
	if s.yes(40) { // nobody listens
		f.Servers = nil
	}
	if s.yes(6) {
		f.TTL = uint8(pick(s, 1, 1, 2, 2, 3, 4))
	}
	d.size(s, &f)
	d.bind(s, &f)
	return f
}

// sockets are the namespaces where something may listen.
func (d *Design) sockets() []string {
	var out []string
	for _, n := range d.compiled.Cluster.Nodes {
		out = append(out, n.Name)
	}
	for _, p := range d.compiled.Cluster.Pods {
		out = append(out, p.Key())
	}
	for _, h := range d.outside() {
		out = append(out, h.Name)
	}
	return out
}

// outside are the hosts on the Internet, where the network leads there: a site's router without a public address does not.
func (d *Design) outside() []*cluster.Host {
	return slices.DeleteFunc(slices.Clone(d.compiled.Cluster.Hosts), func(h *cluster.Host) bool {
		_, err := d.compiled.Topology.Namespace(h.Name)
		return err != nil
	})
}

// client is a namespace that sends; internet says that it is a host there.
func (d *Design) client(s source) (name string, internet bool) {
	c, hosts := d.compiled.Cluster, d.outside()
	if d.features.site() && !s.yes(4) {
		hosts = nil // its router lets nobody in
	}
	switch n := s.IntN(10); {
	case n < 6:
		return c.Pods[s.IntN(len(c.Pods))].Key(), false
	case n < 9 || len(hosts) == 0:
		return c.Nodes[s.IntN(len(c.Nodes))].Name, false
	}
	return hosts[s.IntN(len(hosts))].Name, true
}

// target is somewhere that the client may send to: what has an address, a name or a port, and now and then nothing.
func (d *Design) target(s source, from string, internet bool) target {
	c := d.compiled.Cluster
	pod := func() target {
		p := c.Pods[s.IntN(len(c.Pods))]
		return at(p.Key(), p.Address, portOpen)
	}
	node := func() (*cluster.Node, netip.Addr) {
		n := c.Nodes[s.IntN(len(c.Nodes))]
		e := n.Cards()[0]
		if s.yes(4) {
			e = n.Cards()[s.IntN(len(n.Cards()))]
		}
		if e.Public.IsValid() && (internet || s.yes(8)) {
			return n, e.Public
		}
		return n, e.Address
	}
	var services []*corev1.Service
	for _, x := range c.Services {
		services = append(services, x)
		if len(x.Spec.Ports) > 0 && x.Spec.Ports[0].NodePort != 0 {
			services = append(services, x) // which has more ways in
		}
	}
	kind := weigh(s, weighted[string]{6, "pod"}, weighted[string]{3, "node"}, weighted[string]{3, "host"}, weighted[string]{2, "odd"}, weighted[string]{8, "service"})
	if kind == "service" && len(services) == 0 {
		kind = pick(s, "pod", "node", "host")
	}
	if internet && kind != "service" && !s.yes(4) {
		kind = "node"
	}
	switch kind {
	case "node":
		n, a := node()
		return at(n.Name, a, portOpen)
	case "host":
		h := c.Hosts[s.IntN(len(c.Hosts))]
		return at(h.Name, h.Address, portOpen)
	case "service":
		x := services[s.IntN(len(services))]
		if port := x.Spec.Ports[0].NodePort; port != 0 && !strings.HasPrefix(from, "pod/") && !internet && s.yes(6) {
			t := at("node port of its own by 127.0.0.1", addr(127, 0, 0, 1), int(port))
			t.proto = strings.ToLower(string(x.Spec.Ports[0].Protocol))
			return t
		}
		return d.service(s, x, node, internet)
	case "odd":
		return d.odd(s, from, pod)
	}
	return pod()
}

// service is one of a Service's ways in.
func (d *Design) service(s source, x *corev1.Service, node func() (*cluster.Node, netip.Addr), internet bool) target {
	p := x.Spec.Ports[s.IntN(len(x.Spec.Ports))]
	name := "Service " + x.Name
	var ways []target
	if !internet || s.yes(8) {
		if a, err := netip.ParseAddr(x.Spec.ClusterIP); err == nil {
			ways = append(ways, at(name, a, int(p.Port)))
		}
	}
	for _, e := range x.Spec.ExternalIPs {
		if a, err := netip.ParseAddr(e); err == nil {
			ways = append(ways, at(name+", external IP", a, int(p.Port)))
		}
	}
	if p.NodePort != 0 {
		n, a := node()
		ways = append(ways, at(name+", node port of "+n.Name, a, int(p.NodePort)), at(name+", node port of "+n.Name, a, int(p.NodePort)))
	}
	if f := d.compiled.Topology.Fabric; f != nil {
		for _, b := range f.Balancers {
			if b.Name != x.Namespace+"/"+x.Name {
				continue
			}
			for _, n := range b.Nodes {
				a := n.Card.Primary
				if p, ok := n.Card.Public[a]; ok && p.IsValid() && internet {
					a = p
				}
				ways = append(ways, at(name+", load balancer", a, int(p.Port)), at(name+", load balancer", a, int(p.Port)))
			}
		}
	}
	if len(ways) == 0 {
		_, a := node()
		return at(name+", which has no way in", a, portOpen)
	}
	t := ways[s.IntN(len(ways))]
	t.proto = strings.ToLower(string(p.Protocol))
	return t
}

// odd is where nobody expects a packet to go.
func (d *Design) odd(s source, from string, pod func() target) target {
	switch s.IntN(8) {
	case 0:
		return at("itself by 127.0.0.1", addr(127, 0, 0, 1), portOpen)
	case 1, 2:
		if ns, err := d.compiled.Topology.Namespace(from); err == nil {
			if a := ns.PrimaryAddress(); a.IsValid() {
				return at("itself", a, portOpen)
			}
		}
	case 3:
		return at("an address of the nodes' range that nothing has", addr(10, 0, 1, 250), portOpen)
	case 4:
		return at("a pod address that nothing has", addr(10, 244, 0, pick(s, 50, 110, 180, 250)), portOpen)
	case 5:
		return at("a cluster IP that nothing has", addr(10, 100, 0, 200), portVIP)
	case 6:
		return at("an address that an edit may have made", addr(10, 9, s.IntN(5), 1+s.IntN(3)), portOpen)
	}
	return pod()
}

// The headers of a datagram without its payload: IPv4 and UDP or ICMP, 20 and 8 bytes; VXLAN puts 50 around it, IP-in-IP 20.
const (
	headers      = 28
	vxlanHeaders = 50
	ipipHeaders  = 20
)

// size gives some datagrams a size that one of the links on its way just takes, or just not. TCP cuts its data into segments
// that fit, so a large payload would say nothing there.
func (d *Design) size(s source, f *lab.Flow) {
	switch f.Protocol {
	case "tcp":
		if s.yes(6) {
			f.Payload = pick(s, 1, 100, 500)
		}
		return
	case "icmp":
		f.Payload, f.DF = 56, s.yes(2)
	default:
		f.DF = !s.yes(3)
	}
	if !s.yes(2) {
		return
	}
	mtu := pick(s, d.mtus()...)
	f.Payload = max(1, mtu-headers+pick(s, -1, 0, 1, 0, 1)-pick(s, 0, 0, vxlanHeaders, ipipHeaders))
	if ns, err := d.compiled.Topology.Namespace(f.From); err == nil && f.Payload+headers > ownMTU(ns) && !s.yes(3) {
		f.Payload = ownMTU(ns) - headers // more leaves in fragments, whatever DF says
	}
	if !s.yes(5) {
		f.DF = true
	}
}

func ownMTU(ns *topology.Namespace) int {
	mtu := 0
	for _, i := range ns.Interfaces {
		if i.Kind != topology.Loopback && (mtu == 0 || i.MTU < mtu) {
			mtu = i.MTU
		}
	}
	return mtu
}

// mtus are those of the links, and some that an edit may make a route's.
func (d *Design) mtus() []int {
	out := []int{1280, 1400, 600}
	for _, name := range d.compiled.Topology.Names() {
		ns, err := d.compiled.Topology.Namespace(name)
		if err != nil {
			continue
		}
		for _, i := range ns.Interfaces {
			if i.Kind != topology.Loopback && i.MTU > 0 && i.MTU < 65000 && !slices.Contains(out, i.MTU) {
				out = append(out, i.MTU, i.MTU)
			}
		}
	}
	return out
}

// bind gives some clients a source of their own choice: another address of the host.
func (d *Design) bind(s source, f *lab.Flow) {
	if !s.yes(12) {
		return
	}
	ns, err := d.compiled.Topology.Namespace(f.From)
	if err != nil {
		return
	}
	if own := addressesOf(ns); len(own) > 0 {
		f.Source = own[s.IntN(len(own))].String()
	}
}
