// Package calico compiles a cluster into what Calico v3.32 programs on its nodes with the iptables dataplane, for IPv4:
// veths, tunnel devices, routes, neighbours, sysctls, iptables rules and IP sets. Felix, Calico's agent, writes all of
// these but the routes between nodes of pools without VXLAN, which are BIRD's unless Felix is told to write them.
//
// For a pod default/web and a NetworkPolicy that lets app=client in, a packet to the pod walks
//
//	filter FORWARD ─► cali-FORWARD ─► cali-to-wl-dispatch ─► cali-tw-cali68caf03a5f4
//	                                                           ├─ established: ACCEPT; invalid: DROP
//	                                                           ├─► cali-pi-… : from cali40s:…: mark 0x10000
//	                                                           ├─ mark 0x10000: RETURN, all the way back
//	                                                           └─ no policy took it: DROP
//	filter FORWARD, at its end: mark 0x10000: ACCEPT
//
// Chains, rules and their hash comments are text for text those of v3.32.1: recordings of the real Felix are compared with
// in golden_test.go. What no recording has (chains of policy groups, trees of dispatch chains, named ports, blocks of several
// ports, settings of Felix away from their defaults) is compared in oracle_test.go with what Felix's code makes of the same
// objects. Routes of borrowed addresses are in neither, and BIRD never ran: its routes are reconstructed from its templates.
// Files named in comments are Calico's.
package calico
