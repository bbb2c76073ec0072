package awsvpc

import (
	"crypto/sha1"
	"encoding/hex"

	"github.com/podpath/podpath/internal/topology"
)

// gateway is the pod's next hop: an address that exists nowhere, with a permanent neighbour entry.
const gateway = "169.254.1.1"

// HostVeth is the name of the host's end of a pod's veth: the prefix and 11 hexadecimal digits of the SHA-1 of
// "namespace.pod" (pkg/networkutils/names.go). Pods with security groups of their own in strict mode have the prefix
// vlan instead, so that rules for eni+ do not see them.
func HostVeth(prefix, namespace, pod string) string {
	h := sha1.Sum([]byte(namespace + "." + pod))
	return prefix + hex.EncodeToString(h[:])[:11]
}

// tableFor is the routing table of an ENI (CalculateRouteTableId in pkg/networkutils/helper.go): main for the primary
// one, device+1 for others on card 0, and 10000 + 100*card + device on further cards.
func tableFor(card, device int) topology.TableID {
	switch {
	case card == 0 && device == 0:
		return topology.TableMain
	case card == 0:
		return topology.TableID(device + 1)
	}
	return topology.TableID(10000 + 100*card + device)
}
