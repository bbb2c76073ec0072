package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"maps"
	"slices"
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

// Read reads a description from YAML and checks it. The error lists every problem with its line and field.
func Read(data []byte, file string) (*Cluster, error) {
	if len(data) > MaxSize {
		return nil, &Problem{File: file, Reason: fmt.Sprintf("%d bytes; a cluster may have %d", len(data), MaxSize)}
	}
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return nil, yamlError(file, err)
	}
	if len(root.Content) == 0 {
		return nil, &Problem{File: file, Line: 1, Reason: "empty (want name, vpc, nodes, pods)"}
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	var c Cluster
	if err := dec.Decode(&c); err != nil {
		return nil, yamlError(file, err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, &Problem{File: file, Reason: "more than one document (want one cluster a file)"}
	}
	ck := &checker{file: file, root: root.Content[0]}
	ck.cluster(&c)
	return &c, errors.Join(ck.problems...)
}

// Check checks a description that was not read from a file.
func (c *Cluster) Check() error {
	ck := &checker{file: c.Name}
	ck.cluster(c)
	return errors.Join(ck.problems...)
}

// yamlError gives yaml's own messages, which carry lines, the file's name.
func yamlError(file string, err error) error {
	var te *yaml.TypeError
	if errors.As(err, &te) {
		var all []error
		for _, m := range te.Errors {
			all = append(all, problemOf(file, m))
		}
		return errors.Join(all...)
	}
	return problemOf(file, strings.TrimPrefix(err.Error(), "yaml: "))
}

func problemOf(file, message string) error {
	if rest, ok := strings.CutPrefix(message, "line "); ok {
		if n, reason, ok := strings.Cut(rest, ": "); ok {
			if line, err := strconv.Atoi(n); err == nil {
				return &Problem{File: file, Line: line, Reason: reason}
			}
		}
	}
	return &Problem{File: file, Reason: message}
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

func (k *checker) cluster(c *Cluster) {
	if c.Name == "" {
		k.at("missing (want a name)", "name")
	}
	k.vpc(&c.VPC)
	names := map[string]bool{}
	addresses := map[netip.Addr]string{}
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
	for i, n := range c.Nodes {
		switch {
		case n == nil || n.Name == "":
			k.at("missing (want a name)", "nodes", i, "name")
			if n == nil {
				continue
			}
		case names[n.Name]:
			k.at("node "+n.Name+" is there twice", "nodes", i, "name")
		}
		names[n.Name] = true
		switch n.Image {
		case "", AL2023, AL2:
		default:
			k.at(fmt.Sprintf("%q (want al2023 or al2)", n.Image), "nodes", i, "image")
		}
		if len(n.ENIs) == 0 {
			k.at("missing (want the primary ENI first)", "nodes", i, "enis")
		}
		for j, e := range n.ENIs {
			if e == nil {
				k.at("empty", "nodes", i, "enis", j)
				continue
			}
			own(e.Address, "ENI "+itoa(j)+" of "+n.Name, "nodes", i, "enis", j, "address")
			s := c.VPC.Subnet(e.Subnet)
			switch {
			case s == nil:
				k.at(fmt.Sprintf("%q (want one of %s)", e.Subnet, c.VPC.subnetNames()), "nodes", i, "enis", j, "subnet")
			case !s.CIDR.Contains(e.Address):
				k.at(fmt.Sprintf("%v is not in subnet %s (%v)", e.Address, s.Name, s.CIDR), "nodes", i, "enis", j, "address")
			}
			k.groups(c, e.Groups, "nodes", i, "enis", j, "securityGroups")
		}
	}
	pods := map[string]bool{}
	for i, p := range c.Pods {
		if p == nil {
			k.at("empty", "pods", i)
			continue
		}
		if p.Name == "" || p.Namespace == "" {
			k.at("want namespace and name", "pods", i)
		}
		if pods[p.Key()] {
			k.at(p.Key()+" is there twice", "pods", i, "name")
		}
		pods[p.Key()] = true
		n := c.Node(p.Node)
		if n == nil {
			k.at(fmt.Sprintf("%q (want one of %s)", p.Node, strings.Join(slices.Sorted(maps.Keys(names)), ", ")), "pods", i, "node")
			continue
		}
		own(p.Address, p.Key(), "pods", i, "address")
		if p.ENI < 0 || p.ENI >= len(n.ENIs) {
			k.at(fmt.Sprintf("%d (node %s has %d, counted from 0)", p.ENI, n.Name, len(n.ENIs)), "pods", i, "eni")
		}
		if p.Branch != nil && (p.Branch.VLAN < 1 || p.Branch.VLAN > 4094 || p.Branch.VLAN >= 153 && p.Branch.VLAN <= 155) {
			k.at(fmt.Sprintf("%d (want 1 to 4094, but for 153 to 155, whose tables the kernel has itself)", p.Branch.VLAN), "pods", i, "branch", "vlan")
		}
	}
	for i, h := range c.Hosts {
		if h == nil || h.Name == "" {
			k.at("missing (want a name)", "hosts", i, "name")
			continue
		}
		own(h.Address, "host "+h.Name, "hosts", i, "address")
	}
	switch c.CNI.Name {
	case "", "aws-vpc-cni":
	default:
		k.at(fmt.Sprintf("%q (want aws-vpc-cni)", c.CNI.Name), "cni", "name")
	}
	switch c.CNI.Backend {
	case "", "nft", "legacy":
	default:
		k.at(fmt.Sprintf("%q (want nft or legacy)", c.CNI.Backend), "cni", "backend")
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
	tables := map[string]bool{"": true}
	for i, t := range v.RouteTables {
		tables[t.Name] = true
		for j, r := range t.Routes {
			k.prefix(r.To, "vpc", "routeTables", i, "routes", j, "to")
			if !targets[r.Via] && !strings.HasPrefix(r.Via, "eni-") {
				k.at(fmt.Sprintf("%q (want local, the Internet gateway, a NAT gateway or an ENI by ID)", r.Via), "vpc", "routeTables", i, "routes", j, "via")
			}
		}
	}
	for i, s := range v.Subnets {
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
			k.at(fmt.Sprintf("%q (want one of %s)", g.Subnet, v.subnetNames()), "vpc", "natGateways", i, "subnet")
		}
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

func (v *VPC) subnetNames() string {
	var out []string
	for _, s := range v.Subnets {
		out = append(out, s.Name)
	}
	return strings.Join(out, ", ")
}
