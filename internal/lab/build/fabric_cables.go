package build

import (
	"fmt"
	"net/netip"
)

// The cables between the router and the gateways have link-local addresses (RFC 3927), 169.254.<cables>.<end>: nothing but the
// fabric's own routing tables names them. The router's end is 1.
const (
	igwCables = 100 // from the router to the Internet gateway
	natCables = 101 // from the router to each NAT gateway
	upCables  = 102 // from each NAT gateway to the Internet gateway
	routerEnd = 1
)

func cableAddress(cables, end int) netip.Addr {
	return netip.AddrFrom4([4]byte{169, 254, byte(cables), byte(end)})
}

// igwCable is the router's cable to the Internet gateway, and the address of its far end.
func igwCable() (dev string, far netip.Addr) { return toGateway, cableAddress(igwCables, routerEnd+1) }

// natCable is the router's cable to the NAT gateway with a number, and the address of its far end.
func natCable(n int) (dev string, far netip.Addr) {
	return fmt.Sprintf("nat%d", n), cableAddress(natCables, routerEnd+1+n)
}

// upCable are the addresses of the cable from the NAT gateway with a number to the Internet gateway.
func upCable(n int) (near, far netip.Addr) {
	return cableAddress(upCables, 2+2*n), cableAddress(upCables, 1+2*n)
}
