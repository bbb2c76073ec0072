package calico

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"github.com/podpath/podpath/internal/packet"
)

// Names of devices and addresses that are the same on every node.
const (
	vxlanDevice = "vxlan.calico"
	ipipDevice  = "tunl0"
	ifacePrefix = "cali"
	anyWorkload = ifacePrefix + "+"
	podGateway  = "169.254.1.1"
)

// hostMAC is the MAC of every pod's host end: nothing but the pod is on the link, so they may be alike
// (cni-plugin/pkg/dataplane/linux/dataplane_linux.go).
var hostMAC = packet.MAC{0xee, 0xee, 0xee, 0xee, 0xee, 0xee}

// HostVeth is the name of the host's end of a pod's veth: cali and 11 hexadecimal digits of the SHA-1 of "namespace.pod"
// (libcalico-go/lib/backend/k8s/conversion/workload_endpoint_default.go).
func HostVeth(namespace, pod string) string {
	h := sha1.Sum([]byte(namespace + "." + pod))
	return ifacePrefix + hex.EncodeToString(h[:])[:11]
}

// vtepMAC is the MAC of a node's vxlan.calico: an f and the first 5 bytes of the SHA-1 of its name
// (felix/calc/vxlan_resolver.go).
func vtepMAC(node string) packet.MAC {
	h := sha1.Sum([]byte(node))
	return packet.MAC{'f', h[0], h[1], h[2], h[3], h[4]}
}

// chainName is a chain's name: prefix and suffix, or where that is too long a hash of the suffix, marked by "_"
// (libcalico-go/lib/hash/unique_id.go).
func chainName(prefix, suffix string) string {
	const longest = 28 // XT_EXTENSION_MAXNAMELEN less the end
	if suffix == "" {
		suffix = "_"
	}
	if n := len(prefix) + len(suffix); n < longest || n == longest && suffix[0] != '_' {
		return prefix + suffix
	}
	sum := sha256.Sum256([]byte(suffix))
	return prefix + "_" + base64.RawURLEncoding.EncodeToString(sum[:])[:longest-1-len(prefix)]
}

// uniqueID is what Felix calls a selector, or what is made of one.
func uniqueID(kind, content string) string {
	sum := sha256.Sum224([]byte(kind + ":" + content))
	return kind + ":" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// setName is the name of the IPv4 set of an ID, cut to what ipset takes (felix/ipsets/ipset_defs.go).
func setName(id string) string {
	const longest = 31 // IPSET_MAXNAMELEN less the end
	name := "cali40" + id
	return name[:min(len(name), longest)]
}
