package iptables

import "github.com/podpath/podpath/internal/packet"

// maxSlab is how many values of a kind are allocated at once.
const maxSlab = 256

// slab hands out zero values, many to an allocation: a node of a large cluster has some hundred thousand rules, each of
// five or six small values, and making them one by one takes longer than reading them. The first allocation is of one
// value, the next of two, so that a single rule costs no more than it needs. What was handed out is never taken back.
type slab[T any] struct {
	free []T
	size int
}

func (s *slab[T]) take() *T {
	if len(s.free) == 0 {
		s.size = min(max(2*s.size, 1), maxSlab)
		s.free = make([]T, s.size)
	}
	v := &s.free[0]
	s.free = s.free[1:]
	return v
}

// arena has the slabs of what most rules are made of.
type arena struct {
	rules      slab[Rule]
	addresses  slab[AddressMatch]
	ports      slab[PortsMatch]
	comments   slab[CommentMatch]
	statistics slab[StatisticMatch]
	recents    slab[RecentMatch]
	jumps      slab[JumpTarget]
	nats       slab[NATTarget]
	protocols  []*ProtocolMatch // the few of -p without ! and by name: a match never changes, so that rules can share it
	matches    []Match          // lists of matches are cut from it
	listSize   int
}

// list is an empty list with room for n matches. Appending more than that makes a list of its own.
func (a *arena) list(n int) []Match {
	if n == 0 {
		return nil
	}
	if n > cap(a.matches)-len(a.matches) {
		a.listSize = min(max(2*a.listSize, n), max(4*maxSlab, n))
		a.matches = make([]Match, 0, a.listSize)
	}
	at := len(a.matches)
	a.matches = a.matches[:at+n]
	return a.matches[at : at : at+n]
}

// newMatch is newMatch out of the slabs.
func (a *arena) newMatch(name string) extension {
	switch name {
	case "comment":
		return a.comments.take()
	case "tcp":
		return newPortsMatch(a.ports.take(), packet.TCP)
	case "udp":
		return newPortsMatch(a.ports.take(), packet.UDP)
	case "statistic":
		return a.statistics.take()
	case "recent":
		return a.recents.take()
	}
	return newMatch(name)
}

// newTarget is newTarget out of the slabs.
func (a *arena) newTarget(name string) extension {
	if name != "DNAT" {
		return newTarget(name)
	}
	t := a.nats.take()
	t.Kind, t.Name = DNAT, "DNAT"
	return t
}

func (a *arena) newJump(name string, isGoto bool) *JumpTarget {
	t := a.jumps.take()
	t.Name, t.Goto = name, isGoto
	return t
}

// newProtocol is the -p test of a protocol.
func (a *arena) newProtocol(m ProtocolMatch) *ProtocolMatch {
	if m.Not || m.Number {
		return &m
	}
	for _, have := range a.protocols {
		if have.Protocol == m.Protocol {
			return have
		}
	}
	a.protocols = append(a.protocols, &m)
	return &m
}
