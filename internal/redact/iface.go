package redact

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strings"
)

var (
	// reCard are names that the kernel, systemd, a container engine or a plugin gives by counting: they say nothing of anybody.
	reCard = regexp.MustCompile(`^(lo|(eth|ens|eno|wlan|bond|dummy|docker|cni|cbr|veth|tunl|sit|gre|gretap|erspan|br|virbr|tun|tap|wg|ip6tnl|ip6_vti|ip_vti|team|vlan|ipvl|macvlan|vxlan|ifb|flannel\.|vlan\.eth\.)[0-9]{1,4}(\.[0-9]{1,4})?|enp[0-9]{1,3}s[0-9]{1,3}(f[0-9]{1,2})?|vxlan\.calico|vxlan-v6\.calico|wireguard\.cali|kube-ipvs0|kube-bridge|nodelocaldns|all|default)$`)
	// reHashed are names that plugins make of the hash of a pod's or a network's name.
	reHashed = regexp.MustCompile(`^(eni|vlan|cali|veth|br-|azv|lxc|gke|dummy|weave|tap)([0-9a-f]{6,12})$`)
)

// prefixes of interfaces' names that rules ask for by themselves ("eni+").
var reWild = regexp.MustCompile(`^(lo|eth|ens|eno|enp|en|bond|dummy|docker|cni|veth|vethwe|tunl|br|br-|virbr|tun|tap|wg|vlan|vlan\.eth|eni|cali|azv|lxc|gke|weave|flannel|flannel\.|cilium|vxlan|kube|kube-ipvs|nodelocaldns|lbr|nerdctl|ovn|genev|antrea|team)$`)

// iface replaces an interface's name, or the beginning of names ("eni+", "eni*").
func (b *book) iface(s string) string {
	if n := len(s); n > 0 && (s[n-1] == '+' || s[n-1] == '*') {
		return b.beginning(s[:n-1]) + s[n-1:]
	}
	base, alias, labelled := strings.Cut(s, ":") // eth0:1
	if labelled && len(alias) < 4 && rePorts.MatchString(alias) {
		return b.iface(base) + ":" + alias
	}
	if s == "" || reCard.MatchString(s) || known[s] {
		return s
	}
	begin, digits := b.longest(s), 8
	hashed := reHashed.FindStringSubmatch(s)
	if hashed != nil {
		begin, digits = hashed[1], len(hashed[2])
	} else if begin != "" {
		digits = max(1, min(max(6, len(s)-len(begin)), 15-len(begin)))
	} else if to := b.name(Interface, s); len(to) <= 15 { // a name as others are
		return to
	}
	if begin == "" {
		return b.opaque("interface", s, func(d []byte) string { return "if" + hex.EncodeToString(d)[:digits] })
	}
	if !b.sealed && hashed == nil {
		b.name(Interface, s) // which it is, unless some rule is for all that begin so
	}
	return b.opaque("interface", s, func(d []byte) string { return b.beginning(begin) + hex.EncodeToString(d)[:digits] })
}

// beginning replaces what several interfaces' names begin with.
func (b *book) beginning(s string) string {
	if s == "" || reWild.MatchString(s) {
		return s
	}
	t := token{"beginning", s}
	if !b.sealed {
		b.wild[s], b.tokens[t] = true, ""
		return s
	}
	// What begins alike becomes what begins alike: letter for letter, each drawn from what stands before it.
	out := make([]byte, len(s))
	for i := range out {
		out[i] = b.letter(s[:i], s[i])
	}
	b.tokens[t] = string(out)
	return string(out)
}

// letter draws a letter behind a text; the first is one with which no known beginning begins.
func (b *book) letter(before string, c byte) byte {
	shift := digest(b.key, "letter", before)[0]
	const letters = "hjmpqrsuxyz"
	if len(before) == 0 {
		return letters[(int(c)+int(shift))%len(letters)]
	}
	return 'a' + byte((int(c)+int(shift))%26)
}

// longest is the longest beginning that a name has of those that are known or that the input asks for.
func (b *book) longest(s string) string {
	best := ""
	for p := range b.wild {
		if len(p) > len(best) && strings.HasPrefix(s, p) {
			best = p
		}
	}
	for i := len(s) - 1; i > len(best); i-- {
		if reWild.MatchString(s[:i]) {
			return s[:i]
		}
	}
	return best
}

var (
	reKube = regexp.MustCompile(`^(KUBE-(?:SVC|SVL|EXT|FW|SEP|XLB)-)([A-Z2-7]{16})$`)
	// reFixed are chains that plugins call alike on every node.
	reFixed = regexp.MustCompile(`^(PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING|KUBE-(SERVICES|NODEPORTS|POSTROUTING|MARK-MASQ|MARK-DROP|EXTERNAL-SERVICES|FORWARD|FIREWALL|PROXY-FIREWALL|PROXY-CANARY|KUBELET-CANARY|IPTABLES-HINT|LOAD-BALANCER|NODE-PORT|SOURCE-RANGES-FIREWALL|IPVS-FILTER|IPVS-OUT-FILTER|PORTALS-CONTAINER|PORTALS-HOST|NODEPORT-CONTAINER|NODEPORT-HOST)` +
		`|AWS-(SNAT|CONNMARK)-CHAIN-[0-9]{1,2}|cali-(PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING|rpf-skip|egress-dscp|fip-dnat|fip-snat|nat-outgoing|cidr-block|failsafe-in|failsafe-out|forward-check|forward-endpoint-mark|set-endpoint-mark|(from|to)-(wl-dispatch|host-endpoint|hep-forward|endpoint-mark)(-[0-9a-f])?|wl-to-host)` +
		`|DOCKER(-USER|-FORWARD|-BRIDGE|-CT|-INTERNAL|-INGRESS|-ISOLATION-STAGE-[12])?|FLANNEL-(FWD|POSTRTG)|CNI-(ADMIN|FORWARD|HOSTPORT-(DNAT|MASQ|SETMARK))|ISTIO_(INBOUND|OUTPUT|REDIRECT|IN_REDIRECT|PREROUTING)|IP-MASQ-AGENT` +
		`|(filter|nat|mangle|raw)-(prerouting|input|forward|output|postrouting)(-pre-dnat)?|services|service-endpoints-check|firewall-check|firewall-allow-check|cluster-ips-check|nodeport-endpoints-check|masquerading|mark-for-masquerade|reject-chain|snat-mark|prerouting|input|forward|output|postrouting)$`)
	reCali = regexp.MustCompile(`^(cali-(?:pi|po|pri|pro|gi|go|tw|fw|th|fh|thfw|fhfw|sm)-)(.+)$`)
	reNFT  = regexp.MustCompile(`^((?:service|local|external|firewall|endpoint|affinity)-)[A-Z2-7]{8}-.+$`)
)

// chain replaces a chain's name: those with a hash get another of its form, those of no known form are names.
func (b *book) chain(s string) string {
	if s == "" || reFixed.MatchString(s) {
		return s
	}
	if m := reKube.FindStringSubmatch(s); m != nil { // the chains of a Service share their hash
		return m[1] + b.hash32("chain", m[2])
	}
	if m := reCali.FindStringSubmatch(s); m != nil {
		if (m[1] == "cali-tw-" || m[1] == "cali-fw-") && reHashed.MatchString(m[2]) {
			return m[1] + b.iface(m[2])
		}
		return m[1] + b.opaque("calico", m[2], func(d []byte) string { return "_" + base64.RawURLEncoding.EncodeToString(d)[:27-len(m[1])] })
	}
	if m := reNFT.FindStringSubmatch(s); m != nil {
		return m[1] + b.opaque("nft chain", s[len(m[1]):], func(d []byte) string { return base32.StdEncoding.EncodeToString(d)[:16] })
	}
	return b.name(Chain, s)
}

func (b *book) hash32(class, s string) string {
	return b.opaque(class, s, func(d []byte) string { return base32.StdEncoding.EncodeToString(d)[:len(s)] })
}

var (
	reSetFixed = regexp.MustCompile(`^(cali40(dscp-src-net|network-ip-pools|masq-ipam-pools|all-hosts-net|all-vxlan-net|this-host|all-ipam-pools)|KUBE-(CLUSTER-IP|LOOP-BACK|EXTERNAL-IP|LOAD-BALANCER|NODE-PORT-TCP|NODE-PORT-UDP)|hairpin-connections|cluster-ips|nodeport-ips|no-endpoint-services|no-endpoint-nodeports|firewall-ips|service-ips|service-nodeports)$`)
	reSetCali  = regexp.MustCompile(`^(cali40[a-z]:)([A-Za-z0-9_-]+)$`)
)

// set replaces a set's name.
func (b *book) set(s string) string {
	if s == "" || reSetFixed.MatchString(s) {
		return s
	}
	if m := reSetCali.FindStringSubmatch(s); m != nil {
		return m[1] + b.opaque("set", m[2], func(d []byte) string { return base64.RawURLEncoding.EncodeToString(d)[:min(len(m[2]), 24)] })
	}
	if m := reNFT.FindStringSubmatch(s); m != nil {
		return b.chain(s)
	}
	return b.name(Set, s)
}

var (
	reID    = regexp.MustCompile(`^(eni|sg|subnet|vpc|igw|nat|rtb|eipalloc|i|eni-attach|acl|lt|pcx|tgw|vgw)-([0-9a-f]{8,17})$`)
	reIDish = regexp.MustCompile(`^(eni|sg|subnet|vpc|igw|nat|rtb)-`)
)

// id replaces a cloud's identifier and keeps its form: eni-0 and hexadecimal digits. One that is none keeps what it begins with,
// which says what a route leads to.
func (b *book) id(s string) string {
	if m := reID.FindStringSubmatch(s); m != nil {
		return m[1] + "-" + b.opaque("id", m[2], func(d []byte) string { return ("0" + hex.EncodeToString(d))[:len(m[2])] })
	}
	return b.name(ID, s)
}
