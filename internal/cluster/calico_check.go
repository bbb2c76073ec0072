package cluster

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// calico checks what Calico asks of a description: pods' addresses are a pool's, of no card and no other node's block.
func (k *checker) calico(c *Cluster) {
	switch c.CNI.Encapsulation {
	case "", EncapVXLAN, EncapVXLANCrossSubnet, EncapIPIP, EncapIPIPCrossSubnet, EncapNone:
	default:
		k.at(fmt.Sprintf("%q (want VXLAN, VXLANCrossSubnet, IPIP, IPIPCrossSubnet or None)", c.CNI.Encapsulation), "cni", "encapsulation")
	}
	if c.CNI.Encapsulation != "" && len(c.IPPools) > 0 {
		k.at("beside an IPPool (want it there, in vxlanMode or ipipMode: this is for a file without one)", "cni", "encapsulation")
	}
	if c.CNI.Name != CalicoName {
		return
	}
	k.tunnels(c)
	owner := map[netip.Prefix]*Pod{}
	for i, p := range c.Pods {
		if p.ENI != 0 {
			k.at(fmt.Sprintf("%d (want 0: with Calico a pod's address is no card's)", p.ENI), "pods", i, "eni")
		}
		if p.Branch != nil {
			k.at("is the AWS VPC CNI's (want none with cni.name calico)", "pods", i, "branch")
		}
		if !p.Address.Is4() {
			continue // which is told already
		}
		pool := c.PoolOf(p.Address)
		if pool == nil {
			k.at(fmt.Sprintf("%v is in no IPPool (want one of %s)", p.Address, poolNames(c)), "pods", i, "address")
			continue
		}
		if !pool.For("Workload") {
			k.at(fmt.Sprintf("%v is in IPPool %s, which is not for workloads (spec.allowedUses)", p.Address, pool.Name), "pods", i, "address")
		}
		if len(c.IPAMBlocks) > 0 || pool.BlockBits() > 32 {
			continue
		}
		block := netip.PrefixFrom(p.Address, pool.BlockBits()).Masked()
		if other := owner[block]; other == nil {
			owner[block] = p
		} else if other.Node != p.Node {
			k.at(fmt.Sprintf("%v is in block %v, which node %s has for %s (want an address of another block, or IPAMBlocks that say whose it is)",
				p.Address, block, other.Node, other.Key()), "pods", i, "address")
		}
	}
}

// tunnels reports a tunnel that Felix is told to have without a pool for it, or not to have in spite of one.
func (k *checker) tunnels(c *Cluster) {
	if c.Felix == nil {
		return
	}
	for _, x := range []struct {
		field string
		told  *bool
		of    func(*IPPool) bool
	}{{"vxlanEnabled", c.Felix.Spec.VXLANEnabled, (*IPPool).VXLAN}, {"ipipEnabled", c.Felix.Spec.IPIPEnabled, (*IPPool).IPIP}} {
		if needed := slices.ContainsFunc(c.Pools(), x.of); x.told != nil && *x.told != needed {
			k.problems = append(k.problems, &Problem{File: k.file, Field: "FelixConfiguration " + c.Felix.Name + ": spec." + x.field,
				Reason: fmt.Sprintf("%t cannot be acted on (want %t or nothing: what the IPPools need)", *x.told, needed)})
		}
	}
}

func poolNames(c *Cluster) string {
	var names []string
	for _, p := range c.Pools() {
		names = append(names, fmt.Sprintf("%s %v", p.Name, p.Prefix()))
	}
	return some(names)
}

// sourceChecks turns the source/destination check of each node's first card as Felix does where it is told to
// (felix/aws/ec2.go).
func (c *Cluster) sourceChecks() {
	if c.CNI.Name != CalicoName || c.Felix == nil {
		return
	}
	for _, n := range c.Nodes {
		if n == nil || len(n.ENIs) == 0 || n.ENIs[0] == nil {
			continue
		}
		switch strings.ToLower(c.Felix.Spec.AWSSrcDstCheck) {
		case "enable":
			n.ENIs[0].NoSourceCheck = false
		case "disable":
			n.ENIs[0].NoSourceCheck = true
		}
	}
}
