package topology

import "net/netip"

// Tunnel is what a vxlan or ipip device puts around a packet (`ip -d link`: linkinfo.info_data).
type Tunnel struct {
	VNI    uint32     // vxlan: id
	Port   uint16     // vxlan: destination port
	Local  netip.Addr // source of the outer header; invalid: the route to the far end chooses
	Remote netip.Addr // the far end where it is fixed; invalid: by FDB (vxlan), by the route's gateway (ipip)
	Dev    string     // the device it is bound to
	TTL    uint8      // outer TTL; 0: 64 for vxlan (auto), the inner's for ipip (inherit)
	// Learning says that a vxlan device learns far ends from what it receives.
	Learning bool
	// PMTUDisc copies the inner DF into the outer header (ipip: nopmtudisc clears it); for vxlan `df set|inherit`.
	DF string // "", set, unset, inherit
}
