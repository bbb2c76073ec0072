package iptables

import (
	"net/netip"

	"github.com/podpath/podpath/internal/packet"
)

// fakeEnv is a namespace for tests: 10.0.0.1 is its own (on eth0), 224/4 multicast, the rest unicast; the set "yes" has
// every address, "no" none, others are not given.
type fakeEnv struct{ choose, reverse bool }

func (fakeEnv) AddrType(a netip.Addr, dev string) AddrType {
	switch {
	case a == netip.MustParseAddr("10.0.0.1") && (dev == "" || dev == "eth0"):
		return AddrLocal
	case a.IsMulticast():
		return AddrMulticast
	}
	return AddrUnicast
}

func (fakeEnv) InSet(q SetQuery) Tri {
	switch q.Name {
	case "yes":
		return Yes
	case "no":
		return No
	}
	return Unknown
}

func (e fakeEnv) ReversePath(_ *packet.Packet, _ string, loose, _, _ bool) Tri {
	return yes(e.reverse || loose)
}

func (e fakeEnv) Choose(*Rule, float64) bool { return e.choose }
