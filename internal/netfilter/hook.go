// Package netfilter joins what hangs on the hooks of one network namespace, whoever wrote it: base chains of iptables
// and of native nftables by hook and priority, connection tracking with NAT, and ipsets.
package netfilter

// Hook is a place in the packet's way where base chains are called (enum nf_inet_hooks).
type Hook uint8

// The hooks, in the kernel's order.
const (
	PreRouting Hook = iota
	LocalIn
	Forward
	LocalOut
	PostRouting
	NumHooks
)

var hookNames = [NumHooks]string{"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}

// String is the name that iptables gives the hook.
func (h Hook) String() string { return hookNames[h] }

// HookByName finds a hook by iptables' or nft's name for it (PREROUTING, prerouting, input …).
func HookByName(name string) (Hook, bool) {
	switch name {
	case "PREROUTING", "prerouting":
		return PreRouting, true
	case "INPUT", "input":
		return LocalIn, true
	case "FORWARD", "forward":
		return Forward, true
	case "OUTPUT", "output":
		return LocalOut, true
	case "POSTROUTING", "postrouting":
		return PostRouting, true
	}
	return 0, false
}

// Manip is which end of a connection a NAT mapping changes (enum nf_nat_manip_type).
type Manip uint8

// The two kinds of mapping.
const (
	ManipSrc Manip = iota
	ManipDst
)

// Manip is the kind of mapping made at the hook (HOOK2MANIP in nf_nat.h).
func (h Hook) Manip() Manip {
	if h == PostRouting || h == LocalIn {
		return ManipSrc
	}
	return ManipDst
}

// Priorities (enum nf_ip_hook_priorities in uapi/linux/netfilter_ipv4.h).
const (
	PriorityRaw       = -300
	PriorityConntrack = -200
	PriorityMangle    = -150
	PriorityNATDst    = -100
	PriorityFilter    = 0
	PrioritySecurity  = 50
	PriorityNATSrc    = 100
)

// natPriority is where the nat core hangs on a hook. All nat chains of a hook, iptables' and nft's, run there one
// after another by their own priority, until one sets a mapping up (nf_nat_inet_fn): a native nat chain at -90 does
// not run between mangle and filter on its own.
func natPriority(h Hook) int {
	if h.Manip() == ManipSrc {
		return PriorityNATSrc
	}
	return PriorityNATDst
}
