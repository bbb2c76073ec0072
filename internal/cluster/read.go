package cluster

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
)

func itoa(n int) string { return strconv.Itoa(n) }

// MaxSize is the largest description that is read, in bytes. 5,000 nodes with 30 pods each take some 15 MB.
const MaxSize = 32 << 20

// Problem is one thing wrong with a description.
type Problem struct {
	File   string
	Line   int // 0: not known
	Field  string
	Reason string
}

func (p *Problem) Error() string {
	s := p.File
	if p.Line > 0 {
		s += ":" + itoa(p.Line)
	}
	if p.Field != "" {
		s += ": " + p.Field
	}
	return s + ": " + p.Reason
}

// Read reads a description from YAML and checks it: the first document is the cluster, those behind it are Kubernetes
// objects (Nodes, Services, EndpointSlices, a KubeProxyConfiguration, NetworkObjects; any other is a problem). The error lists every
// problem with its line and field.
func Read(data []byte, file string) (*Cluster, error) {
	if len(data) > MaxSize {
		return nil, &Problem{File: file, Reason: fmt.Sprintf("%d bytes; a cluster may have %d", len(data), MaxSize)}
	}
	docs := splitDocuments(data)
	if len(docs) == 0 {
		return nil, &Problem{File: file, Line: 1, Reason: "empty (want name, vpc, nodes, pods)"}
	}
	data = docs[0].padded()
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return nil, yamlError(file, err, nil)
	}
	if len(root.Content) == 0 || root.Content[0].ShortTag() == "!!null" {
		return nil, &Problem{File: file, Line: docs[0].before + 1, Reason: "empty (want name, vpc, nodes, pods)"}
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	var c Cluster
	if err := dec.Decode(&c); err != nil {
		return nil, yamlError(file, err, &root)
	}
	ck := &checker{file: file, root: root.Content[0]}
	o, err := readDocuments(docs[1:], file, &c).done()
	if err != nil {
		ck.problems = append(ck.problems, err)
	}
	// Also what is wrong is there: nothing else may be said to miss it.
	c.KubeProxy, c.Services, c.EndpointSlices, c.NodeObjects = o.KubeProxy, o.Services, o.EndpointSlices, o.Nodes
	c.NetworkObjects = o.NetworkObjects
	c.sourceChecks()
	ck.cluster(&c)
	return &c, errors.Join(ck.problems...)
}

// Check checks a description that was not read from a file.
func (c *Cluster) Check() error {
	ck := &checker{file: c.Name}
	ck.cluster(c)
	objects := Objects{KubeProxy: c.KubeProxy, Nodes: c.NodeObjects, Services: c.Services, EndpointSlices: c.EndpointSlices, NetworkObjects: c.NetworkObjects}
	return errors.Join(append(ck.problems, objects.check(c.Name, c)...)...)
}

// checker collects what is wrong, with the line of the field where the description came from a file.
type checker struct {
	file     string
	root     *yaml.Node
	problems []error
}

// at reports a problem at a path of keys and indexes.
func (k *checker) at(reason string, path ...any) {
	field, line := "", 0
	n := k.root
	for _, p := range path {
		switch p := p.(type) {
		case string:
			if field != "" {
				field += "."
			}
			field += p
		case int:
			field += "[" + itoa(p) + "]"
		}
		if n = child(n, p); n != nil {
			line = n.Line
		}
	}
	k.problems = append(k.problems, &Problem{File: k.file, Line: line, Field: field, Reason: reason})
}

func child(n *yaml.Node, key any) *yaml.Node {
	if n == nil {
		return nil
	}
	switch key := key.(type) {
	case string:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Kind == yaml.MappingNode && n.Content[i].Value == key {
				return n.Content[i+1]
			}
		}
	case int:
		if n.Kind == yaml.SequenceNode && key < len(n.Content) {
			return n.Content[key]
		}
	}
	return nil
}

// empties reports list entries that are there but empty (`- `), which nothing behind could be asked of.
func empties[T any](k *checker, list []*T, path ...any) bool {
	found := false
	for i, x := range list {
		if x == nil {
			k.at("empty", append(slices.Clone(path), i)...)
			found = true
		}
	}
	return found
}

// noEmpties looks for empty entries everywhere.
func (k *checker) noEmpties(c *Cluster) bool {
	bad := empties(k, c.VPC.Subnets, "vpc", "subnets")
	bad = empties(k, c.VPC.RouteTables, "vpc", "routeTables") || bad
	bad = empties(k, c.VPC.NATGateways, "vpc", "natGateways") || bad
	bad = empties(k, c.VPC.SecurityGroups, "vpc", "securityGroups") || bad
	bad = empties(k, c.VPC.LoadBalancers, "vpc", "loadBalancers") || bad
	if c.Site != nil {
		bad = empties(k, c.Site.Subnets, "onPremises", "subnets") || bad
	}
	bad = empties(k, c.Nodes, "nodes") || bad
	bad = empties(k, c.Pods, "pods") || bad
	bad = empties(k, c.Hosts, "hosts") || bad
	for i, n := range c.Nodes {
		if n != nil {
			bad = empties(k, n.ENIs, "nodes", i, "enis") || bad
			bad = empties(k, n.NICs, "nodes", i, "nics") || bad
		}
	}
	return !bad
}

// unique reports a name that is there a second time.
func (k *checker) unique(seen map[string]bool, what, name string, path ...any) {
	if name != "" && seen[name] {
		k.at(what+" "+name+" is there twice", path...)
	}
	seen[name] = true
}

func (k *checker) cluster(c *Cluster) {
	if c.Name == "" {
		k.at("missing (want a name)", "name")
	}
	if !k.noEmpties(c) {
		return
	}
	if c.Site != nil {
		k.site(c)
	} else {
		k.vpc(&c.VPC)
	}
	names, nodes := map[string]bool{}, make(map[string]*Node, len(c.Nodes))
	addresses, pool := map[netip.Addr]string{}, map[netip.Addr]string{}
	own := func(a netip.Addr, who string, path ...any) {
		if !a.Is4() {
			k.at("want an IPv4 address", path...)
			return
		}
		if other, ok := addresses[a]; ok {
			k.at(fmt.Sprintf("%v is %s's already", a, other), path...)
		}
		addresses[a] = who
	}
	if len(c.Nodes) == 0 {
		k.at("missing (want at least one node)", "nodes")
	}
	type delegation struct {
		prefix netip.Prefix
		to     string
	}
	var delegated []delegation
	for i, n := range c.Nodes {
		if n.Name == "" {
			k.at("missing (want a name)", "nodes", i, "name")
		}
		k.unique(names, "node", n.Name, "nodes", i, "name")
		nodes[n.Name] = n
		switch n.Image {
		case "", AL2023, AL2:
		default:
			k.at(fmt.Sprintf("%q (want al2023 or al2)", n.Image), "nodes", i, "image")
		}
		if n.MTU != 0 && (n.MTU < 576 || n.MTU > 65535) {
			k.at(fmt.Sprintf("%d (want 576 to 65535)", n.MTU), "nodes", i, "mtu")
		}
		if n.MTU != 0 && c.CNI.Name != CalicoName {
			k.at("the AWS VPC CNI sets its cards' MTU itself (want AWS_VPC_ENI_MTU in cni.env)", "nodes", i, "mtu")
		}
		cards, field := k.cards(c, n, i)
		card := map[string]string{"enis": "ENI ", "nics": "NIC "}[field]
		if len(cards) == 0 {
			k.at("missing (want the primary card first)", "nodes", i, field)
		}
		for j, e := range cards {
			own(e.Address, card+itoa(j)+" of "+n.Name, "nodes", i, field, j, "address")
			s := c.Subnet(e.Subnet)
			switch {
			case s == nil:
				k.at(fmt.Sprintf("%q (want one of %s)", e.Subnet, subnetNames(c.Subnets())), "nodes", i, field, j, "subnet")
			case !s.CIDR.Contains(e.Address):
				k.at(fmt.Sprintf("%v is not in subnet %s (%v)", e.Address, s.Name, s.CIDR), "nodes", i, field, j, "address")
			}
			for x, a := range e.Secondary { // pods may have them: a pool is no owner, but it is one ENI's
				switch other, ok := pool[a]; {
				case !a.Is4():
					k.at("want an IPv4 address", "nodes", i, "enis", j, "secondary", x)
				case ok:
					k.at(fmt.Sprintf("%v is %s's already", a, other), "nodes", i, "enis", j, "secondary", x)
				}
				pool[a] = "ENI " + itoa(j) + " of " + n.Name
			}
			for x, p := range e.Prefixes {
				k.prefix(p, "nodes", i, "enis", j, "prefixes", x)
				here := "ENI " + itoa(j) + " of " + n.Name
				for _, d := range delegated { // EC2 gives a prefix to one interface
					if d.to != here && p.IsValid() && d.prefix.Overlaps(p) {
						k.at(fmt.Sprintf("%v overlaps with %v of %s", p, d.prefix, d.to), "nodes", i, "enis", j, "prefixes", x)
					}
				}
				delegated = append(delegated, delegation{p, here})
			}
			if e.Device != nil && *e.Device < 0 {
				k.at(fmt.Sprintf("%d (want 0 and up)", *e.Device), "nodes", i, "enis", j, "device")
			}
			k.groups(c, e.Groups, "nodes", i, "enis", j, "securityGroups")
		}
	}
	pods := map[string]bool{}
	for i, p := range c.Pods {
		if p.Name == "" || p.Namespace == "" {
			k.at("want namespace and name", "pods", i)
		}
		k.unique(pods, "pod", p.Key(), "pods", i, "name")
		n := nodes[p.Node]
		if n == nil {
			k.at(fmt.Sprintf("%q (want one of %s)", p.Node, some(slices.Sorted(maps.Keys(names)))), "pods", i, "node")
			continue
		}
		own(p.Address, p.Key(), "pods", i, "address")
		if cards := n.Cards(); c.CNI.Name == CalicoName {
			// its own check is below, in calico
		} else if p.ENI < 0 || p.ENI >= len(cards) {
			k.at(fmt.Sprintf("%d (node %s has %d, counted from 0)", p.ENI, n.Name, len(cards)), "pods", i, "eni")
		} else if s := c.Subnet(cards[p.ENI].Subnet); s != nil && p.Branch == nil && p.Address.Is4() && !s.CIDR.Contains(p.Address) {
			k.at(fmt.Sprintf("%v is not in the subnet of its ENI, %s (%v)", p.Address, s.Name, s.CIDR), "pods", i, "address")
		}
		for x, q := range p.Ports {
			if q.Name == "" || q.Port == 0 {
				k.at("want a name and a port from 1 to 65535", "pods", i, "ports", x)
			}
			switch q.Protocol {
			case "", "TCP", "UDP", "SCTP":
			default:
				k.at(fmt.Sprintf("%q (want TCP, UDP or SCTP)", q.Protocol), "pods", i, "ports", x, "protocol")
			}
		}
		if p.Branch != nil && (p.Branch.VLAN < 1 || p.Branch.VLAN > 4094 || p.Branch.VLAN >= 153 && p.Branch.VLAN <= 155) {
			k.at(fmt.Sprintf("%d (want 1 to 4094, but for 153 to 155, whose tables the kernel has itself)", p.Branch.VLAN), "pods", i, "branch", "vlan")
		}
	}
	for i, h := range c.Hosts {
		if h.Name == "" {
			k.at("missing (want a name)", "hosts", i, "name")
		}
		k.unique(names, "a node or host", h.Name, "hosts", i, "name")
		own(h.Address, "host "+h.Name, "hosts", i, "address")
	}
	k.loadBalancers(c, own)
	switch c.CNI.Name {
	case "", "aws-vpc-cni", CalicoName:
	default:
		k.at(fmt.Sprintf("%q (want aws-vpc-cni or calico)", c.CNI.Name), "cni", "name")
	}
	k.calico(c)
	switch c.CNI.Backend {
	case "", "nft", "legacy":
	default:
		k.at(fmt.Sprintf("%q (want nft or legacy)", c.CNI.Backend), "cni", "backend")
	}
	switch c.CNI.Connmark {
	case "", ConnmarkNFT, ConnmarkIPTables:
	default:
		k.at(fmt.Sprintf("%q (want nft or iptables)", c.CNI.Connmark), "cni", "connmark")
	}
	switch c.CNI.NATFirst {
	case "", NATFirstPlugin, NATFirstKubeProxy:
	default:
		k.at(fmt.Sprintf("%q (want plugin or kube-proxy)", c.CNI.NATFirst), "cni", "natFirst")
	}
}

func (k *checker) vpc(v *VPC) {
	if len(v.CIDRs) == 0 {
		k.at("missing (want at least one prefix)", "vpc", "cidrs")
	}
	for i, p := range v.CIDRs {
		k.prefix(p, "vpc", "cidrs", i)
	}
	targets := map[string]bool{"local": true, v.InternetGateway: v.InternetGateway != ""}
	for _, g := range v.NATGateways {
		targets[g.ID] = true
	}
	tables := map[string]bool{}
	for i, t := range v.RouteTables {
		k.unique(tables, "route table", t.Name, "vpc", "routeTables", i, "name")
		for j, r := range t.Routes {
			k.prefix(r.To, "vpc", "routeTables", i, "routes", j, "to")
			if !targets[r.Via] && !strings.HasPrefix(r.Via, "eni-") {
				k.at(fmt.Sprintf("%q (want local, the Internet gateway, a NAT gateway or an ENI by ID)", r.Via), "vpc", "routeTables", i, "routes", j, "via")
			}
		}
	}
	tables[""], tables["main"] = true, true
	subnets := map[string]bool{}
	for i, s := range v.Subnets {
		if s.Name == "" {
			k.at("missing (want a name)", "vpc", "subnets", i, "name")
		}
		k.unique(subnets, "subnet", s.Name, "vpc", "subnets", i, "name")
		k.prefix(s.CIDR, "vpc", "subnets", i, "cidr")
		in := false
		for _, p := range v.CIDRs {
			in = in || p.Overlaps(s.CIDR) && p.Bits() <= s.CIDR.Bits()
		}
		if !in {
			k.at(fmt.Sprintf("%v is in none of the VPC's CIDRs", s.CIDR), "vpc", "subnets", i, "cidr")
		}
		if !tables[s.RouteTable] {
			k.at(fmt.Sprintf("%q: no such route table", s.RouteTable), "vpc", "subnets", i, "routeTable")
		}
	}
	for i, g := range v.NATGateways {
		if v.Subnet(g.Subnet) == nil {
			k.at(fmt.Sprintf("%q (want one of %s)", g.Subnet, subnetNames(v.Subnets)), "vpc", "natGateways", i, "subnet")
		}
		if !g.Private.Is4() {
			k.at("want an IPv4 address", "vpc", "natGateways", i, "private")
		}
		if !g.Public.Is4() {
			k.at("want an IPv4 address", "vpc", "natGateways", i, "public")
		}
	}
	groups := map[string]bool{}
	for i, g := range v.SecurityGroups {
		if g.ID == "" {
			k.at("missing (want an ID)", "vpc", "securityGroups", i, "id")
		}
		k.unique(groups, "security group", g.ID, "vpc", "securityGroups", i, "id")
	}
}

// loadBalancers checks the pinned addresses: each for a Service that asks for a load balancer, in a subnet, once a zone.
func (k *checker) loadBalancers(c *Cluster, own func(a netip.Addr, who string, path ...any)) {
	wanting := map[string]bool{}
	for _, s := range c.Services {
		if s != nil && s.Spec.Type == corev1.ServiceTypeLoadBalancer { // that it is nil, the objects' check says
			wanting[s.Namespace+"/"+s.Name] = true
		}
	}
	seen := map[string]bool{}
	for i, b := range c.VPC.LoadBalancers {
		if !wanting[b.Service] {
			k.at(fmt.Sprintf("%q is no Service of type LoadBalancer (there are %s)", b.Service, cmp.Or(some(slices.Sorted(maps.Keys(wanting))), "none")), "vpc", "loadBalancers", i, "service")
		}
		k.unique(seen, "a load balancer for", b.Service, "vpc", "loadBalancers", i, "service")
		if len(b.Nodes) == 0 {
			k.at("missing (want a subnet and an address a zone)", "vpc", "loadBalancers", i, "nodes")
		}
		zones := map[string]bool{}
		for x, n := range b.Nodes {
			own(n.Address, "load balancer of "+b.Service, "vpc", "loadBalancers", i, "nodes", x, "address")
			s := c.VPC.Subnet(n.Subnet)
			switch {
			case s == nil:
				k.at(fmt.Sprintf("%q (want one of %s)", n.Subnet, subnetNames(c.VPC.Subnets)), "vpc", "loadBalancers", i, "nodes", x, "subnet")
				continue
			case !s.CIDR.Contains(n.Address):
				k.at(fmt.Sprintf("%v is not in subnet %s (%v)", n.Address, s.Name, s.CIDR), "vpc", "loadBalancers", i, "nodes", x, "address")
			}
			k.unique(zones, "zone", s.Zone, "vpc", "loadBalancers", i, "nodes", x, "subnet")
			if n.Public.IsValid() && !n.Public.Is4() {
				k.at("want an IPv4 address", "vpc", "loadBalancers", i, "nodes", x, "public")
			}
		}
		k.groups(c, b.Groups, "vpc", "loadBalancers", i, "securityGroups")
	}
}

func (k *checker) prefix(p netip.Prefix, path ...any) {
	switch {
	case !p.IsValid() || !p.Addr().Is4():
		k.at("want an IPv4 prefix such as 10.0.0.0/16", path...)
	case p != p.Masked():
		k.at(fmt.Sprintf("%v has host bits set (want %v)", p, p.Masked()), path...)
	}
}

func (k *checker) groups(c *Cluster, ids []string, path ...any) {
	for _, id := range ids {
		if !slices.ContainsFunc(c.VPC.SecurityGroups, func(g *SecurityGroup) bool { return g.ID == id }) {
			k.at(fmt.Sprintf("security group %q is not in vpc.securityGroups", id), path...)
		}
	}
}

// some names the first few of a list that may be long.
func some(names []string) string {
	const few = 12
	if len(names) > few {
		return strings.Join(names[:few], ", ") + " and " + itoa(len(names)-few) + " more"
	}
	return strings.Join(names, ", ")
}
