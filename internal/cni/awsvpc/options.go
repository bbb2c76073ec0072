// Package awsvpc compiles a cluster into what the AWS VPC CNI programs on its nodes: interfaces, addresses, policy
// rules, routes, neighbours, iptables rules and the native table ip aws-cni. It follows amazon-vpc-cni-k8s v1.23.2
// (pkg/networkutils, cmd/routed-eni-cni-plugin); golden/aws-vpc-cni holds it to what that code really writes.
package awsvpc

import (
	"math"
	"net/netip"
	"strconv"
	"strings"
)

// The plugin's environment variables that change what it programs.
const (
	EnvExternalSNAT     = "AWS_VPC_K8S_CNI_EXTERNALSNAT"
	EnvRandomizeSNAT    = "AWS_VPC_K8S_CNI_RANDOMIZESNAT"
	EnvExcludeSNATCIDRs = "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS"
	EnvNodePortSupport  = "AWS_VPC_CNI_NODE_PORT_SUPPORT"
	EnvExternalServices = "AWS_EXTERNAL_SERVICE_CIDRS"
	EnvPodENI           = "ENABLE_POD_ENI"
	EnvEnforcingMode    = "POD_SECURITY_GROUP_ENFORCING_MODE"
	EnvConnmark         = "AWS_VPC_K8S_CNI_CONNMARK"
	EnvVethPrefix       = "AWS_VPC_K8S_CNI_VETHPREFIX"
	EnvENIMTU           = "AWS_VPC_ENI_MTU"
	EnvPodMTU           = "POD_MTU"
	EnvEarlyDemux       = "DISABLE_TCP_EARLY_DEMUX"
	EnvPrefixDelegation = "ENABLE_PREFIX_DELEGATION"
	EnvCustomNetwork    = "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG"
)

// options is what the plugin makes of its environment: like it, a value that cannot be read counts as not given
// (getBoolEnvVar, typeOfSNAT, getConnmark in pkg/networkutils/network.go).
type options struct {
	externalSNAT     bool
	randomFlag       string // --random-fully, --random or ""
	exclude          []netip.Prefix
	nodePort         bool
	externalServices []netip.Prefix
	strict           bool // security groups for pods, strict mode
	podENI           bool
	mark             uint32
	prefix           string
	eniMTU, podMTU   int
	earlyDemux       bool
}

const defaultMark = 0x80

func parse(env map[string]string) options {
	o := options{
		externalSNAT:     boolean(env[EnvExternalSNAT], false),
		nodePort:         boolean(env[EnvNodePortSupport], true),
		exclude:          prefixes(env[EnvExcludeSNATCIDRs]),
		externalServices: prefixes(env[EnvExternalServices]),
		podENI:           boolean(env[EnvPodENI], false),
		mark:             defaultMark,
		prefix:           "eni",
		eniMTU:           mtu(env[EnvENIMTU], 9001),
		earlyDemux:       !boolean(env[EnvEarlyDemux], false),
	}
	o.podMTU = mtu(env[EnvPodMTU], o.eniMTU)
	o.strict = o.podENI && env[EnvEnforcingMode] != "standard"
	switch env[EnvRandomizeSNAT] {
	case "none":
	case "hashrandom":
		o.randomFlag = " --random"
	default:
		o.randomFlag = " --random-fully"
	}
	if v, ok := env[EnvVethPrefix]; ok && v != "" {
		o.prefix = v
	}
	if m, err := strconv.ParseInt(env[EnvConnmark], 0, 64); err == nil && m > 0 && m <= math.MaxUint32 {
		o.mark = uint32(m)
	}
	return o
}

func boolean(s string, def bool) bool {
	if v, err := strconv.ParseBool(s); err == nil {
		return v
	}
	return def
}

// mtu reads an MTU; outside 576 to 9001 it counts as not given.
func mtu(s string, def int) int {
	if n, err := strconv.Atoi(s); err == nil && n >= 576 && n <= 9001 {
		return n
	}
	return def
}

// prefixes reads a list of CIDRs; IPv6 ones and what is none are left out, as parseCIDRString does.
func prefixes(s string) []netip.Prefix {
	var out []netip.Prefix
	for _, x := range strings.Split(s, ",") {
		if p, err := netip.ParsePrefix(strings.TrimSpace(x)); err == nil && p.Addr().Is4() {
			out = append(out, p.Masked())
		}
	}
	return out
}
