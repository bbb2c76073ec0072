package compile

import (
	"slices"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/cni/calico"
)

// CNI is a network plugin in one of its modes, as a query names it (`--cni`, `cni=`).
type CNI struct {
	ID            string
	Name          string // cni.name of a description
	Encapsulation string // of Calico's pools
}

// AWSVPCCNI is the ID of the AWS VPC CNI.
const AWSVPCCNI = "aws-vpc-cni"

// cnis are all, in the order of the page.
var cnis = []CNI{
	{AWSVPCCNI, "aws-vpc-cni", ""},
	{"calico-vxlan", cluster.CalicoName, cluster.EncapVXLAN},
	{"calico-vxlan-crosssubnet", cluster.CalicoName, cluster.EncapVXLANCrossSubnet},
	{"calico-ipip", cluster.CalicoName, cluster.EncapIPIP},
	{"calico-ipip-crosssubnet", cluster.CalicoName, cluster.EncapIPIPCrossSubnet},
	{"calico-bgp", cluster.CalicoName, cluster.EncapNone},
}

// CNIs are the IDs of those that a cluster can have. The AWS VPC CNI needs a VPC, and pods with addresses there; only a
// description written for it has these.
func CNIs(c *cluster.Cluster) []string {
	var out []string
	for _, x := range cnis {
		if x.Name == cluster.CalicoName || c.Site == nil && c.CNI.Name != cluster.CalicoName {
			out = append(out, x.ID)
		}
	}
	return out
}

// Beside are those of some plugins that show most when they stand beside each other: the native one, and a tunnel of each kind.
func Beside(ids []string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id != AWSVPCCNI && id != "calico-vxlan" && id != "calico-ipip" })
}

// CNIOf is the ID of the cluster's plugin as it is.
func CNIOf(c *cluster.Cluster) string {
	if c.CNI.Name != cluster.CalicoName {
		return AWSVPCCNI
	}
	mode := cluster.EncapNone
	if pools := c.Pools(); len(pools) > 0 {
		mode = pools[0].Encapsulation()
	}
	for _, x := range cnis {
		if x.Name == cluster.CalicoName && x.Encapsulation == mode {
			return x.ID
		}
	}
	return AWSVPCCNI
}

// setCNI gives a cluster another plugin, or its own in another mode. Nodes and pods stay; addresses that the new plugin could
// not have given are given anew.
func setCNI(c *cluster.Cluster, id string) {
	for _, x := range cnis {
		if x.ID == id && id != CNIOf(c) {
			setCalico(c, x.Encapsulation)
		}
	}
}

// setCalico makes Calico the cluster's plugin, in a mode: of the pools that the description has, or of the one that Calico
// gets by default.
func setCalico(c *cluster.Cluster, mode string) {
	first := c.CNI.Name != cluster.CalicoName
	c.CNI.Name = cluster.CalicoName
	if len(c.IPPools) == 0 {
		c.CNI.Encapsulation = mode
	}
	for _, p := range c.IPPools {
		p.SetEncapsulation(mode)
	}
	if !first {
		return
	}
	c.CNI.Env, c.CNI.Previously = nil, nil
	calico.Readdress(c)
	for _, n := range c.Nodes {
		for i, p := range n.HostPods {
			if p == "aws-node" {
				n.HostPods[i] = "calico-node"
			}
		}
	}
}
