package kubeproxy

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// The prefixes of the chains that one Service port has in nat (proxier.go, servicePortPolicyClusterChainNamePrefix and
// those beside it).
const (
	SVC = "KUBE-SVC-" // endpoints by policy Cluster
	SVL = "KUBE-SVL-" // endpoints by policy Local
	EXT = "KUBE-EXT-" // entry for node ports, external IPs and load balancers
	FW  = "KUBE-FW-"  // loadBalancerSourceRanges
	SEP = "KUBE-SEP-" // one endpoint
)

// portName is how kube-proxy calls a Service port, in comments and in the hash of chain names: "namespace/name:port", with
// no colon where the port has no name (ServicePortName.String, pkg/proxy/types.go).
func portName(namespace, name, port string) string {
	if port == "" {
		return namespace + "/" + name
	}
	return namespace + "/" + name + ":" + port
}

// chainName is the chain of a Service port: prefix is SVC, SVL, EXT or FW. The four share their suffix.
func chainName(prefix, portName string, protocol corev1.Protocol) string {
	return prefix + suffix(portName+strings.ToLower(string(protocol)))
}

// endpointChainName is the chain of one endpoint of a Service port; endpoint is "10.244.1.5:8080" or "[fd00::5]:8080".
func endpointChainName(portName string, protocol corev1.Protocol, endpoint string) string {
	return SEP + suffix(portName+strings.ToLower(string(protocol))+endpoint)
}

// suffix is a hash, since a chain's name may have 28 characters only (portProtoHash, proxier.go).
func suffix(s string) string {
	sum := sha256.Sum256([]byte(s))
	var b [16]byte
	base32.StdEncoding.Encode(b[:], sum[:10]) // 10 bytes are 16 characters
	return string(b[:])
}
