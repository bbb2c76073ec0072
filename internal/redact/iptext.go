package redact

import (
	"net/netip"
	"regexp"
	"strings"
)

var (
	reLink      = regexp.MustCompile(`^(\d+): ([^@: ]+)(?:@([^:]+))?: <([^>]*)>(.*)$`)
	reNeighLine = regexp.MustCompile(`^\d+\.\d+\.\d+\.\d+ dev \S+`)
	// rePriority is what a rule of `ip rule` begins with.
	rePriority = regexp.MustCompile(`^(\d{1,10}:)(\s+)`)
)

// devices are the words behind which an interface's name stands.
var devices = set("dev iif oif master via_if link-netdev")

// routing replaces a line of ip route, ip rule, ip neigh or bridge fdb, word by word. ok says that it is one.
func (b *book) routing(l string, ok bool) (string, bool) {
	if !ok {
		return "", false
	}
	head := ""
	if m := rePriority.FindStringSubmatch(l); m != nil {
		head, l = m[1]+m[2], l[len(m[0]):]
	} else if l[0] == ' ' || l[0] == '\t' {
		head = "\t"
	}
	w := strings.Fields(l)
	for i, x := range w {
		if i > 0 && (devices[w[i-1]] || w[i-1] == "via" && !strings.ContainsAny(x, ".:")) {
			w[i] = b.iface(x)
		} else {
			w[i] = b.word(x)
		}
	}
	return head + strings.Join(w, " "), true
}

// kinds are the words with which `ip -d` begins the line about a device's kind.
var kinds = set("veth bridge vxlan ipip macvlan dummy vlan bridge_slave tun wireguard")

// linkLine replaces a line of ip addr or ip link. IPv6 addresses are left out: no packet has one.
func (b *book) linkLine(l string) (string, bool) {
	if m := reLink.FindStringSubmatch(l); m != nil {
		head := m[1] + ": " + b.iface(m[2])
		if m[3] != "" {
			peer := m[3]
			if !reIfIndex.MatchString(peer) && peer != "NONE" {
				peer = b.iface(peer)
			}
			head += "@" + peer
		}
		flags := strings.Split(m[4], ",")
		for i, f := range flags {
			flags[i] = b.word(f)
		}
		return head + ": <" + strings.Join(flags, ",") + ">" + b.details(m[5]), true
	}
	w := strings.Fields(l)
	if l[0] != ' ' && l[0] != '\t' {
		return "", false
	}
	switch {
	case strings.HasPrefix(w[0], "link/"), w[0] == "valid_lft", kinds[w[0]]:
		return "    " + strings.TrimPrefix(b.details(" "+strings.TrimSpace(l)), " "), true
	case w[0] == "inet" && len(w) > 1:
		if p, err := netip.ParsePrefix(w[1]); err == nil {
			b.frame(p)
		}
		if last := len(w) - 1; last > 1 && !vocabulary[w[last]] { // the label
			return "    " + strings.TrimPrefix(b.details(" "+strings.Join(w[:last], " ")), " ") + " " + b.iface(w[last]), true
		}
		return "    " + strings.TrimPrefix(b.details(" "+strings.Join(w, " ")), " "), true
	}
	return "", false
}

// details replaces words behind a device's name.
func (b *book) details(l string) string {
	var out strings.Builder
	last := ""
	for _, x := range strings.Fields(l) {
		out.WriteByte(' ')
		switch {
		case devices[last]:
			out.WriteString(b.iface(x))
		case strings.HasPrefix(x, "0x") || reBridgeID.MatchString(x): // made of MACs
			out.WriteString("0")
		default:
			out.WriteString(b.word(x))
		}
		last = x
	}
	return out.String()
}

// reBridgeID is a bridge's identifier, which has its MAC in it (8000.02:42:…).
var reBridgeID = regexp.MustCompile(`^[0-9a-f]{4}\.[0-9a-fA-F:]+$`)

// setLine replaces a line of ipset save.
func (b *book) setLine(l string) (string, bool) {
	w := strings.Fields(l)
	if len(w) < 3 || w[0] != "create" && w[0] != "add" {
		return "", false
	}
	out := []string{w[0], b.set(w[1])}
	rest := w[2:]
	if i := strings.Index(l, ` comment "`); i >= 0 {
		rest = strings.Fields(l[:i])[2:]
	}
	for i, x := range rest {
		switch {
		case i > 0 && rest[i-1] == "initval": // a seed of the kernel's
			out = append(out, "0x0")
		case w[0] == "add" && i == 0 && b.words[x] != nil && b.words[x].kinds[Set]:
			out = append(out, b.set(x))
		case w[0] == "add" && i == 0 && (reSetFixed.MatchString(x) || reSetCali.MatchString(x)):
			out = append(out, b.set(x))
		default:
			out = append(out, b.word(x))
		}
	}
	return strings.Join(out, " "), true
}

var (
	reConf  = regexp.MustCompile(`^(net\.ipv[46]\.(?:conf|neigh)\.)(.+)\.([a-z_0-9]+)$`)
	reValue = regexp.MustCompile(`^-?[0-9]{1,10}([ \t]+-?[0-9]{1,10}){0,3}$`)
)

// sysctls are those that may decide something about a packet, behind net.ipv4. and the like, and behind an interface's name.
var (
	sysctls = set(`net.ipv4.ip_forward net.ipv4.fwmark_reflect net.ipv4.tcp_early_demux net.ipv4.udp_early_demux net.ipv4.ip_early_demux net.ipv4.ip_local_port_range
		net.ipv4.ip_default_ttl net.ipv4.ip_no_pmtu_disc net.ipv4.ip_forward_use_pmtu net.ipv4.tcp_fwmark_accept net.ipv4.fib_multipath_hash_policy net.ipv4.icmp_echo_ignore_all
		net.ipv4.icmp_echo_ignore_broadcasts net.ipv4.ip_nonlocal_bind net.ipv4.conf.all.forwarding net.ipv4.icmp_errors_use_inbound_ifaddr net.ipv4.fib_sync_mem
		net.ipv4.tcp_l3mdev_accept net.ipv4.fwmark_accept net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables net.bridge.bridge-nf-call-arptables
		net.bridge.bridge-nf-filter-vlan-tagged net.netfilter.nf_conntrack_tcp_be_liberal net.netfilter.nf_conntrack_tcp_loose net.netfilter.nf_conntrack_checksum
		net.netfilter.nf_conntrack_max net.netfilter.nf_conntrack_acct net.ipv4.vs.conntrack net.ipv4.vs.conn_reuse_mode net.ipv6.conf.all.forwarding
		net.ipv4.ip_unprivileged_port_start net.netfilter.nf_log_all_netns net.netfilter.nf_conntrack_events net.netfilter.nf_conntrack_helper`)
	confs = set(`forwarding rp_filter arp_filter arp_ignore arp_announce arp_accept arp_notify accept_local route_localnet proxy_arp proxy_arp_pvlan send_redirects
		accept_redirects secure_redirects shared_media src_valid_mark bc_forwarding mc_forwarding accept_source_route log_martians promote_secondaries medium_id
		disable_policy disable_xfrm force_igmp_version ignore_routes_with_linkdown drop_gratuitous_arp drop_unicast_in_l2_multicast bootp_relay tag disable_ipv6
		arp_evict_nocarrier proxy_ndp accept_ra`)
)

// sysctlKey replaces the interface's name in a sysctl's.
func sysctlKey(b *book, s string) (string, bool) {
	if m := reConf.FindStringSubmatch(s); m != nil && confs[m[3]] {
		if strings.Contains(m[2], "/") { // sysctl writes a name's dots so
			return m[1] + strings.ReplaceAll(b.iface(strings.ReplaceAll(m[2], "/", ".")), ".", "/") + "." + m[3], true
		}
		return m[1] + b.iface(m[2]) + "." + m[3], true
	}
	return s, sysctls[s]
}

func sysctlValue(s string) (string, bool) { return s, reValue.MatchString(s) }

// sysctlLine replaces a line of sysctl -a.
func (b *book) sysctlLine(l string) (string, bool) {
	key, value, ok := strings.Cut(l, "=")
	if !ok {
		return "", false
	}
	key, known := sysctlKey(b, strings.TrimSpace(key))
	value, figures := sysctlValue(strings.TrimSpace(value))
	return key + " = " + value, known && figures
}
