package topology

import "net/netip"

// Tunnel is what a vxlan or ipip device puts around a packet (`ip -d link`: linkinfo.info_data).
type Tunnel struct {
	VNI    uint32     // vxlan: id
	Port   uint16     // vxlan: destination port
	Local  netip.Addr // source of the outer header; invalid: the route to the far end chooses
	Remote netip.Addr // the far end where it is fixed; invalid: by FDB (vxlan), by the route's gateway (ipip)
	Dev    string     // the device that the outer packet has to leave by; "" for any (vxlan: only towards Remote)
	TTL    uint8      // outer TTL; 0: 64 for vxlan (auto), the inner's for ipip (inherit)
	// Learning says that a vxlan device learns far ends from what it receives. A trace takes the FDB as it is: what is learnt in the
	// meantime changes no packet of a trace.
	Learning bool
	// DF is what the outer header has of its own: "" (clear for vxlan, the inner packet's for ipip), set (`df set`,
	// `pmtudisc`), inherit (vxlan: the inner packet's).
	DF string
}
