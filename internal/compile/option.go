package compile

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/cni/awsvpc"
	"github.com/podpath/podpath/internal/kubeproxy"
	"github.com/podpath/podpath/internal/underlay"
)

// Option is a switch of a cluster that a query may set (`--set key=value`).
type Option struct {
	Key     string
	Env     string   // the plugin's own name for it; accepted as a key too
	Values  []string // nil: a list of CIDRs
	One     bool     // no list, one CIDR
	Default string

	apply func(c *cluster.Cluster, value string)
	// fits says whether a cluster can have it; nil: every one.
	fits func(c *cluster.Cluster) bool
}

// CNIKey is the option that gives a cluster another network plugin. It is applied first: what the others are depends on it.
const CNIKey = "cni"

func env(key, name string, values []string, def string) Option {
	return Option{Key: key, Env: name, Values: values, Default: def, fits: onAWSVPCCNI, apply: func(c *cluster.Cluster, v string) {
		if c.CNI.Env == nil {
			c.CNI.Env = map[string]string{}
		}
		c.CNI.Env[name] = v
	}}
}

func onAWSVPCCNI(c *cluster.Cluster) bool { return c.CNI.Name != cluster.CalicoName }
func onCalico(c *cluster.Cluster) bool    { return c.CNI.Name == cluster.CalicoName }
func inVPC(c *cluster.Cluster) bool       { return c.Site == nil }
func onSite(c *cluster.Cluster) bool      { return c.Site != nil }

var onOff = []string{"false", "true"}

// options are those of the network plugins, of kube-proxy, of load balancers and of what the nodes stand on, in the order of
// the page.
var options = []Option{
	{Key: CNIKey, apply: setCNI},
	{Key: "natoutgoing", Values: onOff, Default: "true", fits: onCalico, apply: func(c *cluster.Cluster, v string) {
		for _, p := range ownPools(c) {
			p.Spec.NATOutgoing = v == "true"
		}
	}},
	{Key: "networkpolicy", Values: policyNames, Default: "none", fits: onCalico, apply: setPolicies},
	{Key: "sourcecheck", Values: []string{"true", "false"}, Default: "true", fits: inVPC, apply: func(c *cluster.Cluster, v string) {
		for _, n := range c.Nodes {
			for _, e := range n.ENIs {
				e.NoSourceCheck = v == "false"
			}
		}
	}},
	{Key: "podingress", Values: onOff, Default: "false", fits: func(c *cluster.Cluster) bool { return inVPC(c) && onCalico(c) }, apply: podIngress},
	{Key: "bgp", Values: onOff, Default: "false", fits: onSite, apply: func(c *cluster.Cluster, v string) { c.Site.Router.BGP = v == "true" }},
	{Key: "iptables", Values: []string{"nft", "legacy"}, Default: "nft", fits: onAWSVPCCNI, apply: func(c *cluster.Cluster, v string) { c.CNI.Backend = v }},
	{Key: "connmark", Values: []string{cluster.ConnmarkNFT, cluster.ConnmarkIPTables}, Default: cluster.ConnmarkNFT, fits: onAWSVPCCNI,
		apply: func(c *cluster.Cluster, v string) { c.CNI.Connmark = v }},
	env("externalsnat", awsvpc.EnvExternalSNAT, onOff, "false"),
	env("randomizesnat", awsvpc.EnvRandomizeSNAT, []string{"prng", "hashrandom", "none"}, "prng"),
	env("excludesnatcidrs", awsvpc.EnvExcludeSNATCIDRs, nil, ""),
	env("nodeport", awsvpc.EnvNodePortSupport, []string{"true", "false"}, "true"),
	env("externalservicecidrs", awsvpc.EnvExternalServices, nil, ""),
	{Key: "vpccidrs", Default: "", fits: onAWSVPCCNI, apply: func(c *cluster.Cluster, v string) {
		for _, p := range cidrs(v) {
			if !slices.Contains(c.VPC.CIDRs, p) {
				c.VPC.CIDRs = append(c.VPC.CIDRs, p)
			}
		}
	}},
	{Key: "customnetworking", fits: onAWSVPCCNI, Env: awsvpc.EnvCustomNetwork, Values: onOff, Default: "false", apply: customNetworking},
	{Key: "prefixdelegation", fits: onAWSVPCCNI, Env: awsvpc.EnvPrefixDelegation, Values: onOff, Default: "false", apply: prefixDelegation},
	{Key: "securitygroups", fits: onAWSVPCCNI, Values: []string{"off", "strict", "standard"}, Default: "off", apply: securityGroups},
	{Key: "kubeproxy", Values: []string{kubeproxy.ModeIPTables, kubeproxy.ModeNFTables}, Default: kubeproxy.ModeIPTables, fits: onAWSVPCCNI,
		apply: kubeProxy(func(k *cluster.KubeProxyConfig, v string) bool {
			k.Mode = v
			return v != kubeproxy.ModeIPTables
		})},
	{Key: "natfirst", Values: []string{cluster.NATFirstPlugin, cluster.NATFirstKubeProxy}, Default: cluster.NATFirstPlugin, fits: onAWSVPCCNI,
		apply: func(c *cluster.Cluster, v string) { c.CNI.NATFirst = v }},
	{Key: "masqueradeall", Values: onOff, Default: "false", apply: kubeProxy(func(k *cluster.KubeProxyConfig, v string) bool {
		k.IPTables.MasqueradeAll, k.NFTables.MasqueradeAll = v == "true", v == "true" // whichever mode it runs in
		return v == "true"
	})},
	{Key: "clustercidr", One: true, Default: "", apply: kubeProxy(func(k *cluster.KubeProxyConfig, v string) bool {
		k.ClusterCIDR = strings.TrimSpace(v)
		return k.ClusterCIDR != ""
	})},
	{Key: "preserveclientip", fits: inVPC, Values: asIs, Default: "default", apply: balancers(underlay.SetPreserve)},
	{Key: "crosszone", fits: inVPC, Values: asIs, Default: "default", apply: balancers(underlay.SetCrossZone)},
}

// podIngress lets the pods' ranges into every security group. A rule that names a group means the addresses of its cards, of
// which a pod's is none.
func podIngress(c *cluster.Cluster, v string) {
	if v != "true" {
		return
	}
	for _, g := range c.VPC.SecurityGroups {
		for _, p := range c.Pools() {
			g.Ingress = append(g.Ingress, cluster.GroupRule{CIDR: p.Prefix()})
		}
	}
}

// ownPools are the cluster's IPPools; the one that stands for a file without any becomes one of the file's.
func ownPools(c *cluster.Cluster) []*cluster.IPPool {
	if len(c.IPPools) == 0 {
		c.IPPools = []*cluster.IPPool{c.DefaultPool()}
		c.CNI.Encapsulation = ""
	}
	return c.IPPools
}

// asIs are the values of a switch that a description may have set for some and not for others.
var asIs = []string{"default", "true", "false"}

// balancers changes every Service of type LoadBalancer.
func balancers(set func(s *corev1.Service, value string)) func(*cluster.Cluster, string) {
	return func(c *cluster.Cluster, value string) {
		for _, s := range c.Services {
			if s.Spec.Type == corev1.ServiceTypeLoadBalancer && value != "default" {
				set(s, value)
			}
		}
	}
}

// kubeProxy changes the configuration of the cluster's kube-proxy. set says whether its value is another than the default:
// only then is a configuration made where there was none, for with one, if an empty one, kube-proxy runs.
func kubeProxy(set func(k *cluster.KubeProxyConfig, value string) bool) func(*cluster.Cluster, string) {
	return func(c *cluster.Cluster, value string) {
		k := cmp.Or(c.KubeProxy, &cluster.KubeProxyConfig{})
		if set(k, value) {
			c.KubeProxy = k
		}
	}
}

// Options are the switches of a cluster, with the values that it has now as defaults.
func Options(c *cluster.Cluster) []Option {
	out := slices.DeleteFunc(slices.Clone(options), func(o Option) bool { return o.fits != nil && !o.fits(c) })
	for i := range out {
		if v, ok := c.CNI.Env[out[i].Env]; ok && out[i].Env != "" {
			out[i].Default = v
		}
		switch k := c.KubeProxy; {
		case out[i].Key == CNIKey:
			out[i].Values, out[i].Default = CNIs(c), CNIOf(c)
		case out[i].Key == "natoutgoing" && len(c.IPPools) > 0 && !c.IPPools[0].Spec.NATOutgoing:
			out[i].Default = "false"
		case out[i].Key == "networkpolicy" && len(c.NetworkPolicies) > 0:
			out[i].Values, out[i].Default = append([]string{"default"}, policyNames...), "default"
		case out[i].Key == "sourcecheck" && slices.ContainsFunc(c.Nodes, func(n *cluster.Node) bool { return len(n.ENIs) > 0 && n.ENIs[0].NoSourceCheck }):
			out[i].Default = "false"
		case out[i].Key == "bgp" && c.Site.Router.BGP:
			out[i].Default = "true"
		case out[i].Key == "iptables" && c.CNI.Backend != "":
			out[i].Default = c.CNI.Backend
		case out[i].Key == "connmark" && c.CNI.Connmark != "":
			out[i].Default = c.CNI.Connmark
		case out[i].Key == "natfirst" && c.CNI.NATFirst != "":
			out[i].Default = c.CNI.NATFirst
		case k != nil && out[i].Key == "kubeproxy" && k.Mode != "":
			out[i].Default = k.Mode
		case k != nil && out[i].Key == "masqueradeall" && (k.IPTables.MasqueradeAll && k.Mode != kubeproxy.ModeNFTables || k.NFTables.MasqueradeAll && k.Mode == kubeproxy.ModeNFTables):
			out[i].Default = "true"
		case k != nil && out[i].Key == "clustercidr":
			out[i].Default = k.ClusterCIDR
		}
	}
	return out
}

// Set changes a cluster by one option. The error is a [*FieldError].
func Set(c *cluster.Cluster, key, value string) error {
	known := Options(c)
	for _, o := range known {
		if !o.named(key) {
			continue
		}
		bad := func(want string) error {
			return &FieldError{Field: key, Code: "bad-option", Args: map[string]string{"key": key, "value": value, "values": want, "want": want}}
		}
		if o.Values == nil {
			if o.One && strings.Contains(value, ",") {
				return bad("10.0.0.0/8")
			}
			for _, s := range strings.Split(value, ",") {
				if s = strings.TrimSpace(s); s == "" {
					continue
				}
				if p, err := netip.ParsePrefix(s); err != nil || !p.Addr().Is4() {
					return bad("10.0.0.0/8,172.16.0.0/12")
				}
			}
		} else if !slices.Contains(o.Values, value) {
			return bad(strings.Join(o.Values, ", "))
		}
		o.apply(c, value)
		return nil
	}
	var keys []string
	for _, o := range known {
		keys = append(keys, o.Key)
	}
	return &FieldError{Field: key, Code: "unknown-option", Args: map[string]string{"key": key, "want": strings.Join(keys, ", ")}}
}

// Apply sets several options, by key, so that the result does not depend on a map's order.
func Apply(c *cluster.Cluster, options map[string]string) error {
	if v, ok := CNISet(options); ok {
		if err := Set(c, CNIKey, v); err != nil {
			return err
		}
	}
	known := Options(c)
	for _, o := range known { // in the page's order: some build on others
		for _, k := range slices.Sorted(maps.Keys(options)) {
			if o.Key != CNIKey && o.named(k) {
				if err := Set(c, k, options[k]); err != nil {
					return err
				}
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(options)) {
		if !slices.ContainsFunc(known, func(o Option) bool { return o.named(k) }) {
			return Set(c, k, options[k])
		}
	}
	return nil
}

// CNISet is the network plugin that options name, in whatever case they write the key.
func CNISet(options map[string]string) (string, bool) {
	for _, k := range slices.Sorted(maps.Keys(options)) {
		if strings.EqualFold(k, CNIKey) {
			return options[k], true
		}
	}
	return "", false
}

// named says whether a key means the option.
func (o *Option) named(key string) bool {
	return strings.EqualFold(key, o.Key) || key == o.Env && key != ""
}

func cidrs(s string) []netip.Prefix {
	var out []netip.Prefix
	for _, x := range strings.Split(s, ",") {
		if p, err := netip.ParsePrefix(strings.TrimSpace(x)); err == nil {
			out = append(out, p.Masked())
		}
	}
	return out
}

// customNetworking moves pods and secondary ENIs into subnets of their own (100.64.n.0/24, a further VPC CIDR), as an
// ENIConfig a zone does. The primary ENI then carries no pods.
func customNetworking(c *cluster.Cluster, value string) {
	setEnv(c, awsvpc.EnvCustomNetwork, value)
	if value != "true" {
		return
	}
	c.VPC.CIDRs = append(c.VPC.CIDRs, netip.MustParsePrefix("100.64.0.0/16"))
	for i, n := range c.Nodes {
		if len(n.ENIs) < 2 {
			continue
		}
		home := c.VPC.Subnet(n.ENIs[0].Subnet)
		s := &cluster.Subnet{Name: "pods-" + n.Name, Zone: home.Zone, RouteTable: home.RouteTable,
			CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, byte(i + 1), 0}), 24)}
		c.VPC.Subnets = append(c.VPC.Subnets, s)
		for j, e := range n.ENIs[1:] {
			e.Subnet, e.Address = s.Name, netip.AddrFrom4([4]byte{100, 64, byte(i + 1), byte(10 + j)})
			e.Secondary, e.Prefixes = nil, nil
		}
		for k, p := range c.PodsOn(n.Name) {
			p.Address = netip.AddrFrom4([4]byte{100, 64, byte(i + 1), byte(20 + k)})
			if p.ENI == 0 {
				p.ENI = 1
			}
		}
	}
}

// prefixDelegation gives each ENI the /28s that its pods' addresses lie in, in place of single addresses. On the node
// nothing changes: pods are still /32s, and no /28 appears there.
func prefixDelegation(c *cluster.Cluster, value string) {
	setEnv(c, awsvpc.EnvPrefixDelegation, value)
	if value != "true" {
		return
	}
	for _, n := range c.Nodes {
		for _, p := range c.PodsOn(n.Name) {
			for i, e := range n.ENIs { // an address is the card's that its prefix was given to
				if slices.ContainsFunc(e.Prefixes, func(x netip.Prefix) bool { return x.Contains(p.Address) }) {
					p.ENI = i
				}
			}
			e := n.ENIs[p.ENI]
			if prefix := netip.PrefixFrom(p.Address, 28).Masked(); !slices.Contains(e.Prefixes, prefix) {
				e.Prefixes = append(e.Prefixes, prefix)
			}
		}
	}
}

// securityGroups gives the first pod of each node a branch ENI with a security group of its own, on a trunk. No t3 type
// can have one (facts, "Security groups for pods"), so the machines become m5.large.
func securityGroups(c *cluster.Cluster, mode string) {
	if mode == "off" {
		setEnv(c, awsvpc.EnvPodENI, "false")
		return
	}
	setEnv(c, awsvpc.EnvPodENI, "true")
	setEnv(c, awsvpc.EnvEnforcingMode, mode)
	group := "sg-pod"
	var ids []string
	for _, g := range c.VPC.SecurityGroups {
		ids = append(ids, g.ID)
	}
	pod := &cluster.SecurityGroup{ID: group, Egress: []cluster.GroupRule{{CIDR: netip.MustParsePrefix("0.0.0.0/0")}}, Ingress: []cluster.GroupRule{{Group: group}}}
	for _, id := range ids {
		pod.Ingress = append(pod.Ingress, cluster.GroupRule{Group: id})
	}
	for _, g := range c.VPC.SecurityGroups { // the cluster's own group lets the pods' group in, as EKS asks for
		g.Ingress = append(g.Ingress, cluster.GroupRule{Group: group})
	}
	c.VPC.SecurityGroups = append(c.VPC.SecurityGroups, pod)
	for _, n := range c.Nodes {
		n.Machine = "m5.large"
		home := c.VPC.Subnet(n.ENIs[0].Subnet)
		n.ENIs = append(n.ENIs, &cluster.ENI{Subnet: home.Name, Address: free(c, home), Trunk: true, Groups: n.ENIs[0].Groups})
		if pods := c.PodsOn(n.Name); len(pods) > 0 {
			pods[0].ENI = len(n.ENIs) - 1
			pods[0].Branch = &cluster.Branch{VLAN: 1, Subnet: home.Name, Groups: []string{group}}
			if !home.CIDR.Contains(pods[0].Address) {
				pods[0].Address = free(c, home)
			}
		}
	}
}

// free is an address of a subnet that nothing has yet.
func free(c *cluster.Cluster, s *cluster.Subnet) netip.Addr {
	taken := c.Taken()
	a := s.CIDR.Masked().Addr()
	for range 70 { // the first few are the fabric's; what is handed out by the presets lies higher up or is skipped
		a = a.Next()
	}
	for taken[a] {
		a = a.Next()
	}
	return a
}

func setEnv(c *cluster.Cluster, name, value string) {
	if c.CNI.Env == nil {
		c.CNI.Env = map[string]string{}
	}
	c.CNI.Env[name] = value
}

// String is the option as the command line lists it.
func (o Option) String() string {
	v := "a list of CIDRs"
	switch {
	case o.Values != nil:
		v = strings.Join(o.Values, "|")
	case o.One:
		v = "a CIDR"
	}
	return fmt.Sprintf("%s=%s (%s)", o.Key, v, o.Default)
}
