package iptables

import (
	"cmp"
	"slices"

	"github.com/podpath/podpath/internal/packet"
)

// minIndexed is how many rules a chain must have for an index to be worth its memory: looking three keys up takes as long
// as trying some ten rules.
const minIndexed = 16

// A chainIndex says which rules of a chain a packet can match, without trying the others. kube-proxy's KUBE-SERVICES has
// a rule for each Service, and all but one ask for another address.
//
// Each rule is listed under one key that a packet must have to match it, or under rest:
//
//	-A KUBE-SERVICES -d 10.200.0.1/32 -p tcp … -m tcp --dport 443   => destination 10.200.0.1
//	-A KUBE-NODEPORTS -p tcp … -m tcp --dport 30080                 => tcp port 30080
//	-A POSTROUTING -s 10.244.1.7/32 ! -d 10.0.0.0/8                 => source 10.244.1.7
//	-A KUBE-SERVICES … -m addrtype --dst-type LOCAL                 => rest
//
// A walk then merges the rules under the packet's three keys with the rest, in the order of their numbers. A rule that
// is left out this way fails on its key: one match that says No makes the rule fail whatever the others say. Two things
// keep it exact. A key has no match before it that could do more than look at what no target changes, so that leaving
// the rule out leaves nothing undone; and addresses, ports and the protocol stay what they are while one base chain is
// evaluated (NAT happens after it), so that a packet's keys do too.
type chainIndex struct {
	of    int      // the rules that the chain had; another number means that the index is old
	keys  []uint64 // ascending
	ends  []int32  // for each key, where its rules end in rules; they begin where those of the key before it end
	rules []int32  // indices into Chain.Rules, ascending under each key
	rest  []int32  // ascending
}

// A key is a kind and a value. Those of destinations come first because there are most of them, and fewest for a packet.
const (
	destinationKey uint64 = iota << 56
	portKey
	sourceKey
	keyKinds = 3
)

// key is what a packet must have to match the rule, and the match that asks for it: its destination where the rule asks
// for a single one, else its destination port, else its source. The match is -1 where it asks for none of them, or only
// behind a match that may draw, remember or ask the namespace.
func (r *Rule) key() (key uint64, match int) {
	match = -1
	for i, m := range r.Matches {
		take := func(k uint64) {
			if match < 0 || k < key {
				key, match = k, i
			}
		}
		switch m := m.(type) {
		case *AddressMatch:
			switch {
			case m.Not || m.Mask != 0xffffffff:
			case m.Dst:
				take(destinationKey | uint64(m.Addr))
			default:
				take(sourceKey | uint64(m.Addr))
			}
		case *PortsMatch:
			if d := m.Dst; !d.Not && d.First == d.Last {
				take(portKeyOf(m.Protocol, d.First))
			}
		case *Address6Match, *InterfaceMatch, *ProtocolMatch, *FragmentMatch, *CommentMatch, *MultiportMatch, *ICMPMatch, *ICMP6Match,
			*UnknownMatch:
			// They look at what stays as it is, and at nothing else.
		default:
			return key, match
		}
	}
	return key, match
}

func portKeyOf(p packet.Protocol, port uint16) uint64 { return portKey | uint64(p)<<16 | uint64(port) }

// keysOf are the keys that a packet has.
func keysOf(p *packet.Packet) [keyKinds]uint64 {
	return [keyKinds]uint64{destinationKey | uint64(toUint32(p.IP.Dst)), portKeyOf(p.IP.Protocol, p.L4.DstPort), sourceKey | uint64(toUint32(p.IP.Src))}
}

func newChainIndex(rules []*Rule) *chainIndex {
	type entry struct {
		key  uint64
		rule int32
	}
	x := &chainIndex{of: len(rules)}
	entries := make([]entry, 0, len(rules))
	for i, r := range rules {
		if k, match := r.key(); match >= 0 {
			entries = append(entries, entry{k, int32(i)})
		} else {
			x.rest = append(x.rest, int32(i))
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.rule, b.rule)) })
	x.rules = make([]int32, len(entries))
	for i, e := range entries {
		x.rules[i] = e.rule
		if i == 0 || e.key != entries[i-1].key {
			x.keys, x.ends = append(x.keys, e.key), append(x.ends, 0)
		}
		x.ends[len(x.ends)-1] = int32(i + 1)
	}
	return x
}

// under lists the rules of a key.
func (x *chainIndex) under(key uint64) []int32 {
	i, found := slices.BinarySearch(x.keys, key)
	switch {
	case !found:
		return nil
	case i == 0:
		return x.rules[:x.ends[0]]
	}
	return x.rules[x.ends[i-1]:x.ends[i]]
}

// indexed is the chain's index, nil where fewer than least rules have a key. It is made when a walk first needs it: walks
// of many goroutines may then make it at once, each the same.
func (c *Chain) indexed(least int) *chainIndex {
	x := c.index.Load()
	if x == nil || x.of != len(c.Rules) {
		x = newChainIndex(c.Rules)
		c.index.Store(x)
	}
	if len(x.rules) < least {
		return nil
	}
	return x
}

// cursor is a place in the rules of an indexed chain that a packet can match. The zero value is in a chain without an
// index.
type cursor struct {
	index *chainIndex
	lists [keyKinds + 1][]int32 // what is left under each of the packet's keys, and of the rest
}

// open begins a walk of a chain at rule i.
func (k *cursor) open(x *chainIndex, i int, p *packet.Packet) {
	if k.index = x; x == nil {
		return
	}
	for n, key := range keysOf(p) {
		k.lists[n] = k.index.under(key)
	}
	k.lists[keyKinds] = k.index.rest
	if i == 0 {
		return
	}
	for n, l := range k.lists { // come back from a jump
		at, _ := slices.BinarySearch(l, int32(i))
		k.lists[n] = l[at:]
	}
}

// next is the first rule that the packet can match and that was not given yet; false where there is none.
func (k *cursor) next() (int, bool) {
	best := -1
	for n, l := range k.lists {
		if len(l) > 0 && (best < 0 || l[0] < k.lists[best][0]) {
			best = n
		}
	}
	if best < 0 {
		return 0, false
	}
	i := k.lists[best][0]
	k.lists[best] = k.lists[best][1:]
	return int(i), true
}

// AppendPassed appends the rules of c.Rules[from:to], each with its first match that says No to the packet. Those that
// were tried are in tried, as in [Event.Misses]; the others are rules that the chain's index left out, and what they
// fail on is found here.
func (c *Chain) AppendPassed(list []Miss, in *Input, from, to int, tried []Miss) []Miss {
	for _, r := range c.Rules[from:to] {
		if len(tried) > 0 && tried[0].Rule == r {
			list, tried = append(list, tried[0]), tried[1:]
			continue
		}
		list = append(list, Miss{r, r.failing(in)})
	}
	return list
}

// failing is the first match that fails a rule which an index left out: its key, or one before that. None of them asks
// for more than the packet's headers and interfaces.
func (r *Rule) failing(in *Input) int {
	for i, m := range r.Matches {
		if m.Matches(in) == No {
			return i
		}
	}
	_, match := r.key() // the packet is not the one that was evaluated
	return max(match, 0)
}
