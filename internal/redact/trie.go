package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/netip"
	"slices"
	"strconv"
)

// trie is a permutation of the IPv4 addresses that keeps common prefixes: each node stands for some leading bits, and says
// whether the bit behind them is turned over. It is the idea of Crypto-PAn (Xu, Fan, Ammar, Moon: Prefix-Preserving IP Address
// Anonymization, ICNP 2002) with one difference: where the input has addresses on both sides of a bit, the bit stays, so that
// addresses keep their order too. That leaves the bits in which no two of the input's addresses differ first, which in a
// cluster are most.
type trie struct {
	nodes []trieNode
	items []netip.Prefix // what the input has
}

type trieNode struct {
	kid    [2]int32 // 0: none
	pinned bool     // never turned
	same   bool     // nothing below is turned
	host   bool     // an address of the input is below
	flip   bool
}

func newTrie() *trie {
	t := &trie{nodes: make([]trieNode, 1)}
	for _, c := range stays {
		t.nodes[t.insert(c, 0, false)].same = true
	}
	for _, c := range classes {
		t.insert(c, 0, false)
	}
	return t
}

func number(a netip.Addr) uint32 {
	b := a.As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

func address(n uint32) netip.Addr {
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// insert makes a prefix's nodes and gives the last. Those from depth pin on are pinned.
func (t *trie) insert(p netip.Prefix, pin int, host bool) int32 {
	n, at := number(p.Addr()), int32(0)
	for d := range p.Bits() {
		t.nodes[at].pinned = t.nodes[at].pinned || d >= pin
		t.nodes[at].host = t.nodes[at].host || host
		bit := n >> (31 - d) & 1
		if t.nodes[at].kid[bit] == 0 {
			t.nodes = append(t.nodes, trieNode{})
			t.nodes[at].kid[bit] = int32(len(t.nodes) - 1)
		}
		at = t.nodes[at].kid[bit]
	}
	t.nodes[at].host = t.nodes[at].host || host
	return at
}

// add notes a prefix of the input.
func (t *trie) add(p netip.Prefix) {
	t.insert(p.Masked(), 32, p.Bits() == 32)
	t.items = append(t.items, p.Masked())
}

// pin keeps an address's place in a prefix: the bits behind the prefix stay as they are.
func (t *trie) pin(p netip.Prefix, a netip.Addr) {
	t.insert(netip.PrefixFrom(a, 32), p.Bits(), false)
}

// image is what becomes of an address. What the input has nothing of stays as far as nothing above it changes.
func (t *trie) image(a netip.Addr) netip.Addr {
	n, out, at := number(a), number(a), int32(0)
	for d := 0; d < 32; d++ {
		x := &t.nodes[at]
		if x.same {
			break
		}
		if x.flip {
			out ^= 1 << (31 - d)
		}
		if at = x.kid[n>>(31-d)&1]; at == 0 {
			break
		}
	}
	return address(out)
}

func (t *trie) prefix(p netip.Prefix) netip.Prefix {
	return netip.PrefixFrom(t.image(p.Masked().Addr()), p.Bits()).Masked()
}

// free says whether a node's bit can be turned: all that is below is on one side of it.
func (x *trieNode) free() bool {
	return !x.pinned && !x.same && (x.kid[0] == 0) != (x.kid[1] == 0)
}

// draw chooses the bits to turn. kube-proxy sorts endpoints by their text ("10.0.1.134:80" before "10.0.1.77:80"), so a bit
// is turned only where the texts of an octet's values keep their order as well.
func (t *trie) draw(key []byte) {
	t.octet(key, 0, 0, 0)
	slices.SortFunc(t.items, func(a, b netip.Prefix) int {
		if a.Bits() != b.Bits() {
			return a.Bits() - b.Bits()
		}
		return a.Addr().Compare(b.Addr())
	})
	for _, p := range slices.Compact(t.items) {
		if t.prefix(p) == p {
			t.force(p)
		}
	}
}

// octet draws the bits of one octet and then those of the octets below it. path are the leading bits of root.
func (t *trie) octet(key []byte, root int32, depth int, path uint32) {
	if t.nodes[root].same || depth == 32 {
		return
	}
	var walk func(at int32, d int, path uint32, visit func(at int32, d int, path uint32))
	walk = func(at int32, d int, path uint32, visit func(at int32, d int, path uint32)) {
		visit(at, d, path)
		if d == depth+8 {
			return
		}
		for bit, kid := range t.nodes[at].kid {
			if kid != 0 {
				walk(kid, d+1, path|uint32(bit)<<(31-d), visit)
			}
		}
	}
	walk(root, depth, path, func(at int32, d int, path uint32) {
		if d < depth+8 && t.nodes[at].free() && coin(key, d, path) {
			t.turn(at, root, depth)
		}
	})
	walk(root, depth, path, func(at int32, d int, path uint32) {
		if d == depth+8 {
			t.octet(key, at, d, path)
		}
	})
}

// turn turns a node's bit over, if the order of texts survives it.
func (t *trie) turn(at, root int32, depth int) bool {
	t.nodes[at].flip = true
	if t.nodes[at].host && !t.ordered(root, depth) {
		t.nodes[at].flip = false
		return false
	}
	return true
}

// ordered says whether the octet's values of addresses sort after the change as they did before, as text.
func (t *trie) ordered(root int32, depth int) bool {
	type value struct{ from, to string }
	var all []value
	end := "." // of the octet, as it stands in the text of an address and port
	if depth == 24 {
		end = ":"
	}
	var walk func(at int32, d int, from, to int)
	walk = func(at int32, d int, from, to int) {
		x := &t.nodes[at]
		if !x.host {
			return
		}
		if d == 8 {
			all = append(all, value{strconv.Itoa(from) + end, strconv.Itoa(to) + end})
			return
		}
		if x.same { // what is below keeps its bits, and its order
			return
		}
		for bit, kid := range x.kid {
			if kid != 0 {
				turned := bit
				if x.flip {
					turned ^= 1
				}
				walk(kid, d+1, from<<1|bit, to<<1|turned)
			}
		}
	}
	walk(root, 0, 0, 0)
	slices.SortFunc(all, func(a, b value) int {
		if a.from < b.from {
			return -1
		}
		return 1
	})
	return slices.IsSortedFunc(all, func(a, b value) int {
		if a.to < b.to {
			return -1
		}
		return 1
	})
}

// force turns one bit of a prefix that chance has left as it was, the last that can be.
func (t *trie) force(p netip.Prefix) {
	n, at := number(p.Addr()), int32(0)
	var path []int32
	for d := range p.Bits() {
		path = append(path, at)
		if t.nodes[at].same {
			return
		}
		at = t.nodes[at].kid[n>>(31-d)&1]
	}
	for d, at := range slices.Backward(path) {
		if t.nodes[at].free() && !t.nodes[at].flip && t.turn(at, path[d/8*8], d/8*8) {
			return
		}
	}
}

// coin is one bit that follows from the key and some leading bits.
func coin(key []byte, depth int, path uint32) bool {
	return digest(key, "bit", string([]byte{byte(depth), byte(path >> 24), byte(path >> 16), byte(path >> 8), byte(path)}))[0]&1 == 1
}

// digest is what all replacements are drawn from.
func digest(key []byte, what, of string) []byte {
	h := hmac.New(sha256.New, key)
	_, _ = h.Write([]byte(what + "\x00" + of)) // a hash takes all
	return h.Sum(nil)
}
