package calico

import (
	"fmt"
	"net/netip"
	"strings"
)

// fragment is a part of a rule, in the two ways it is written: as Felix hands it to iptables-restore, which the hash
// comment is of, and as iptables-save prints it back.
type fragment struct {
	felix, save string
	// place is where iptables-save prints it: before all modules in the order of save_ipv4_addr and its like (iptables.c),
	// or 0: where it stands.
	place place
}

type place uint8

// The places of what iptables-save prints first.
const (
	atSource place = iota + 1
	atDestination
	atIn
	atOut
	atProtocol
)

// same is a fragment that both write alike.
func same(format string, args ...any) fragment {
	s := fmt.Sprintf(format, args...)
	return fragment{felix: s, save: s}
}

// Matches (felix/iptables/match_builder.go).

func markClear(mark uint32) fragment {
	return fragment{felix: fmt.Sprintf("-m mark --mark 0/%#x", mark), save: fmt.Sprintf("-m mark --mark 0x0/%#x", mark)}
}

func markNotClear(mark uint32) fragment {
	return fragment{felix: fmt.Sprintf("-m mark ! --mark 0/%#x", mark), save: fmt.Sprintf("-m mark ! --mark 0x0/%#x", mark)}
}

func markSet(bit uint32) fragment { return same("-m mark --mark %#x/%#x", bit, bit) }

func in(iface string) fragment {
	return fragment{felix: "--in-interface " + iface, save: "-i " + iface, place: atIn}
}

func out(iface string) fragment {
	return fragment{felix: "--out-interface " + iface, save: "-o " + iface, place: atOut}
}

// protocol matches by name, which policies have.
func protocol(name string) fragment {
	return fragment{felix: "-p " + name, save: "-p " + name, place: atProtocol}
}

// The protocols that Felix's own rules match by number.
var (
	protoUDP  = fragment{felix: "-p 17", save: "-p udp", place: atProtocol}
	protoIPIP = fragment{felix: "-p 4", save: "-p ipencap", place: atProtocol}
)

// side is the end of a packet that a match looks at.
type side struct{ long, short, word, felixPorts, savePorts string }

var (
	source      = side{"--source ", "-s ", "src", "--source-ports ", "--sports "}
	destination = side{"--destination ", "-d ", "dst", "--destination-ports ", "--dports "}
)

// net matches a prefix. Everyone is no match: the kernel keeps none and iptables-save prints none.
func (s side) net(p netip.Prefix) fragment {
	f := fragment{felix: s.long + p.String(), save: s.short + p.String(), place: atSource}
	if s == destination {
		f.place = atDestination
	}
	if p.Bits() == 0 {
		f.save = ""
	}
	return f
}

func (s side) set(name string) fragment { return same("-m set --match-set %s %s", name, s.word) }

func (s side) notSet(name string) fragment { return same("-m set ! --match-set %s %s", name, s.word) }

// ipPortSet matches address and port against a set of both.
func (s side) ipPortSet(name string) fragment {
	return same("-m set --match-set %s %s,%s", name, s.word, s.word)
}

func (s side) ports(ranges ...portRange) fragment {
	var text []string
	for _, r := range ranges {
		text = append(text, r.String())
	}
	list := strings.Join(text, ",")
	return fragment{felix: "-m multiport " + s.felixPorts + list, save: "-m multiport " + s.savePorts + list}
}

// udpPort is the match of the udp module itself, which the raw table's rules have.
func udpPort(port uint16) []fragment {
	return []fragment{{felix: "-p udp", save: "-p udp", place: atProtocol}, {felix: fmt.Sprintf("--dport %d", port), save: fmt.Sprintf("-m udp --dport %d", port)}}
}

func ctState(state string) fragment { return same("-m conntrack --ctstate %s", state) }

func notCTState(state string) fragment { return same("-m conntrack ! --ctstate %s", state) }

// Address types.
var (
	srcLocal        = same("-m addrtype --src-type LOCAL")
	dstLocal        = same("-m addrtype --dst-type LOCAL")
	srcNotLocalHere = same("-m addrtype ! --src-type LOCAL --limit-iface-out")
	rpFilterFailed  = fragment{felix: "-m rpfilter --invert --validmark", save: "-m rpfilter --validmark --invert"}
)

// Actions (felix/iptables/actions.go).

func jump(target string) fragment { return fragment{felix: "--jump " + target, save: "-j " + target} }

func gotoChain(chain string) fragment { return fragment{felix: "--goto " + chain, save: "-g " + chain} }

var (
	accept    = jump("ACCEPT")
	drop      = jump("DROP")
	returning = jump("RETURN")
	noTrack   = jump("NOTRACK")
	// masquerade and snat have --random-fully where iptables is 1.6.2 or newer, as on every system of today.
	masquerade = jump("MASQUERADE --random-fully")
)

func snat(to netip.Addr) fragment { return jump("SNAT --to-source " + to.String() + " --random-fully") }

func clearMark(bits uint32) fragment {
	return fragment{felix: fmt.Sprintf("--jump MARK --set-mark 0/%#x", bits), save: fmt.Sprintf("-j MARK --set-xmark 0x0/%#x", bits)}
}

func setMark(bits uint32) fragment { return setMaskedMark(bits, bits) }

// setMaskedMark writes a zero as 0x0, unlike clearMark.
func setMaskedMark(mark, mask uint32) fragment {
	return fragment{felix: fmt.Sprintf("--jump MARK --set-mark %#x/%#x", mark, mask), save: fmt.Sprintf("-j MARK --set-xmark %#x/%#x", mark, mask)}
}
