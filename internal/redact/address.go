package redact

import (
	"net/netip"
	"regexp"
	"strings"
)

func prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

var (
	// stays are ranges that mean something to Linux, to a cloud or to a plugin wherever they stand, and are nobody's own: this
	// host, loopback, link-local, multicast and above (RFC 6890).
	stays = prefixes("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")
	// classes map into themselves: who reads an address sees the same kind of network (RFC 1918, RFC 6598). The last
	// three are of what podpath itself gives out: Calico's default pool, custom networking's subnets, load balancers' addresses.
	classes = prefixes("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "10.244.0.0/16", "100.64.0.0/16", "203.0.113.128/25")
)

// public says that a prefix is a word that everybody knows: a class, what lies above it, and what stays.
func public(p netip.Prefix) bool {
	if !p.Addr().Is4() {
		return p.Bits() <= kept6(p.Addr())
	}
	for _, c := range stays {
		if c.Contains(p.Addr()) && c.Bits() <= p.Bits() {
			return true
		}
	}
	for _, c := range classes {
		if p.Bits() <= c.Bits() && p.Contains(c.Addr()) {
			return true
		}
	}
	return p.Bits() == 0
}

// frame keeps the places in a subnet that have a meaning: its own address, the gateway and what a cloud has behind it, and the
// broadcast address.
func (b *book) frame(p netip.Prefix) {
	if b.sealed || !p.IsValid() || !p.Addr().Is4() || p.Bits() > 30 {
		return
	}
	p = p.Masked()
	first := number(p.Addr())
	last := first | (1<<(32-p.Bits()) - 1)
	for _, n := range []uint32{first, first + 1, first + 2, first + 3, last} {
		b.four.pin(p, address(n))
	}
}

// addr is an address's replacement.
func (b *book) addr(a netip.Addr) netip.Addr {
	if a.Is4In6() || a.Zone() != "" {
		return netip.IPv6Unspecified() // not in any dump; nothing is to be learnt of it
	}
	return b.prefix(netip.PrefixFrom(a, a.BitLen())).Addr()
}

// prefix is a prefix's replacement; what is behind its length is cleared.
func (b *book) prefix(p netip.Prefix) netip.Prefix {
	p = p.Masked()
	if !b.sealed {
		if p.Addr().Is4() && !public(p) {
			b.four.add(p)
		}
		b.seen[p] = true
		return p
	}
	if p.Addr().Is4() {
		return b.four.prefix(p)
	}
	return b.six(p)
}

// six replaces an IPv6 prefix by Crypto-PAn's method, bit for bit: no packet of the model has such an address, so nothing but
// the prefixes in common is kept.
func (b *book) six(p netip.Prefix) netip.Prefix {
	raw := p.Addr().As16()
	out := raw
	for i := kept6(p.Addr()); i < p.Bits(); i++ {
		before := raw
		for j := i; j < 128; j++ {
			before[j/8] &^= 0x80 >> (j % 8)
		}
		if digest(b.key, "six", string(before[:])+string(rune(i)))[0]&1 == 1 {
			out[i/8] ^= 0x80 >> (i % 8)
		}
	}
	if out == raw && p.Bits() > kept6(p.Addr()) { // chance left it as it was
		i := p.Bits() - 1
		out[i/8] ^= 0x80 >> (i % 8)
	}
	return netip.PrefixFrom(netip.AddrFrom16(out), p.Bits())
}

// kept6 is how many bits of an IPv6 address say its kind (RFC 4291).
func kept6(a netip.Addr) int {
	switch raw := a.As16(); {
	case a == netip.IPv6Unspecified() || a == netip.IPv6LinkLocalAllNodes() || a == netip.IPv6LinkLocalAllRouters() || a.IsLoopback():
		return 128
	case a.IsLinkLocalUnicast():
		return 64
	case raw[0] == 0xfc || raw[0] == 0xfd, a.IsMulticast():
		return 8
	case raw[0]&0xe0 == 0x20:
		return 3
	}
	return 0
}

// literal replaces a text that is nothing but an address, a prefix, a range, an address with a port, or a MAC. ok is false
// where it is none of these.
func (b *book) literal(s string) (string, bool) {
	if reMAC.MatchString(s) {
		return b.mac(s), true
	}
	if len(s) < 2 || !strings.ContainsAny(s, ".:") || len(s) > 100 {
		return "", false
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return b.addr(a).String(), true
	}
	if p, err := netip.ParsePrefix(s); err == nil {
		if p.Bits() < p.Addr().BitLen() && p != p.Masked() { // an interface's address with its subnet
			b.prefix(p)
			return netip.PrefixFrom(b.addr(p.Addr()), p.Bits()).String(), true
		}
		return b.prefix(p).String(), true
	}
	if addr, mask, ok := strings.Cut(s, "/"); ok { // 10.0.0.0/255.0.0.0, as older rules have it
		a, err1 := netip.ParseAddr(addr)
		m, err2 := netip.ParseAddr(mask)
		if err1 == nil && err2 == nil && a.Is4() && m.Is4() {
			bits := 0
			for n := number(m); n&(1<<31) != 0; n <<= 1 {
				bits++
			}
			return b.prefix(netip.PrefixFrom(a, bits)).Addr().String() + "/" + mask, true
		}
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return netip.AddrPortFrom(b.addr(ap.Addr()), ap.Port()).String(), true
	}
	if from, to, ok := strings.Cut(s, "-"); ok && !reMAC.MatchString(from) && !reMAC.MatchString(to) { // 10.0.0.1-10.0.0.9, with ports behind the last or both ports behind the address
		x, ok1 := b.literal(from)
		if rePorts.MatchString(to) && ok1 && strings.Contains(from, ":") {
			return x + "-" + to, true
		}
		y, ok2 := b.literal(to)
		if ok1 && ok2 {
			return x + "-" + y, true
		}
	}
	return "", false
}

var (
	reMAC   = regexp.MustCompile(`^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$`)
	rePorts = regexp.MustCompile(`^[0-9]{1,5}([-:,][0-9]{1,5})*$`)
)

// mac replaces a hardware address. It stays group or individual, and universal or local (IEEE 802, section 8.2). Multicast and
// broadcast addresses, zeros, and the one that all of Calico's veths have, stay.
func (b *book) mac(s string) string {
	m := strings.ToLower(s)
	switch {
	case strings.HasPrefix(m, "01:00:5e:"), strings.HasPrefix(m, "33:33:"), m == "ff:ff:ff:ff:ff:ff", m == "00:00:00:00:00:00", m == "ee:ee:ee:ee:ee:ee":
		return m
	}
	return b.opaque("mac", m, func(d []byte) string {
		const hex = "0123456789abcdef"
		first := d[0]&^3 | unhex(m[1])&3
		out := []byte{hex[first>>4], hex[first&15]}
		for _, x := range d[1:6] {
			out = append(out, ':', hex[x>>4], hex[x&15])
		}
		return string(out)
	})
}

// unhex is the value of a hexadecimal digit.
func unhex(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	return c - '0'
}
