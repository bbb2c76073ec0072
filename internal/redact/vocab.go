package redact

import (
	"net/netip"
	"regexp"
	"strings"
)

// vocabulary are the words of the tools whose output is read, and of what Kubernetes' components write in comments. A word of a
// dump that is none of them, and no number, is taken for a name: what is not known is replaced, never passed on.
var vocabulary = set(`
	default all any none local main broadcast unicast multicast anycast blackhole unreachable prohibit throw nat via dev table proto scope src dst metric mtu lock tos
	dsfield onlink dead linkdown nexthop weight advmss hoplimit pref link host global site nowhere kernel boot static dhcp bird bgp zebra ra redirect ospf eigrp isis
	rip babel keepalived gated mrt dnrouted xorp ntk mrouted pervasive offload trap rt_offload rt_trap notify from to fwmark iif oif ipproto sport dport lookup
	goto nop suppress_prefixlength suppress_ifgroup protocol realms not uidrange l3mdev tun_id detached unresolved
	lladdr PERMANENT REACHABLE STALE DELAY PROBE FAILED NOARP INCOMPLETE proxy router extern_learn managed self permanent master vlan extern_valid sticky added_by_user
	mtu qdisc state group qlen mode noqueue mq pfifo_fast fq_codel fq UP DOWN UNKNOWN LOWERLAYERDOWN DORMANT NO-CARRIER LOOPBACK BROADCAST MULTICAST POINTOPOINT LOWER_UP
	PROMISC ALLMULTI SLAVE MASTER M-DOWN DYNAMIC NOARP ECHO link/ether link/loopback link/ipip link/none link/sit link/gre brd peer promiscuity allmulti minmtu maxmtu
	link-netnsid link-netns addrgenmode eui64 numtxqueues numrxqueues gso_max_size gso_max_segs tso_max_size tso_max_segs gro_max_size gso_ipv4_max_size
	gro_ipv4_max_size parentbus parentdev inet valid_lft preferred_lft forever dynamic secondary noprefixroute mngtmpaddr temporary tentative deprecated
	veth bridge vxlan ipip macvlan dummy vlan tun wireguard id remote local srcport dstport ttl auto inherit ageing udpcsum noudpcsum nolearning learning udp6zerocsumtx
	noudp6zerocsumtx noudp6zerocsumrx nopmtudisc pmtudisc df set unset nf_call_iptables noencap encap encap-sport encap-dport noencap-csum noencap-csum6 noencap-remcsum
	reorder_hdr 802.1Q forward_delay hello_time max_age ageing_time stp_state priority vlan_filtering vlan_protocol bridge_id designated_root root_port root_path_cost
	ether loopback sit gre infiniband inet inet6 bridge_slave info_kind
	raw mangle filter security COMMIT ACCEPT DROP QUEUE RETURN REJECT LOG NFLOG TRACE NOTRACK CT MARK CONNMARK SNAT DNAT MASQUERADE REDIRECT TTL TPROXY SET TCPMSS
	comment addrtype conntrack mark connmark multiport statistic recent state limit hashlimit set physdev owner tcp udp icmp icmp6 ipv6-icmp sctp mac rpfilter nfacct socket
	pkttype iprange length ttl string u32 random nth NEW ESTABLISHED RELATED INVALID UNTRACKED SNAT DNAT NONE EXPECTED SEEN_REPLY ASSURED CONFIRMED LOCAL UNICAST
	ANYCAST BLACKHOLE UNREACHABLE PROHIBIT THROW ORIGINAL REPLY SYN ACK FIN RST URG PSH ALL echo-request echo-reply icmp-port-unreachable icmp-host-prohibited
	icmp-admin-prohibited icmp-net-unreachable icmp-host-unreachable icmp-proto-unreachable tcp-reset icmp6-port-unreachable icmp6-adm-prohibited 
	src,dst dst,src dst,dst src,src src,src,dst original reply warn warning err error info debug notice crit alert emerg panic localhost_nps_accepted_pkts localhost_nps_dropped_pkts
	ct_state_invalid_dropped_pkts
	hash:ip hash:net hash:ip,port hash:net,port hash:ip,port,ip hash:ip,port,net hash:net,iface hash:mac bitmap:port bitmap:ip list:set family hashsize maxelem
	bucketsize timeout counters skbinfo size range netmask nomatch markmask initval create add
	ip ip6 arp netdev chain map type hook device prerouting input forward output postrouting ingress egress policy accept drop continue return jump queue flags
	interval constant elements typeof comment counter packets bytes meta ct mark iifname oifname iif oif saddr daddr fib missing nftrace snat dnat masquerade redirect
	fully-random random persistent reject with icmpx icmp6 icmpv6 port-unreachable admin-prohibited host-unreachable no-route tcp reset log prefix level new established
	related invalid untracked srcnat dstnat raw mangle filter security out l4proto nfproto ipv4 ipv6 th and or xor numgen inc mod offset vmap vmap verdict
	ipv4_addr ipv6_addr inet_proto inet_service ifname ether_addr iface_index update delete add dynamic xt match target rate over burst second minute hour day week
	last direction status zone expiration count notrack helper expectation gc-interval auto-merge handle index fwd dup rt ether type
	kubernetes load balancer firewall health check service ports externally-visible portals forwarding rules conntrack rule block incoming localnet connections
	requiring cluster IP external loadbalancer has no endpoints traffic masquerade destinations pod pods accepted by other will be dropped nodeports node port
	this must the last this chain NOTE allow for kube-proxy hairpin Active ClusterIPs IPs that NodePort services nodeport with in route cali AWS CHAIN EXCLUSION CONNMARK
	primary ENI outbound SNAT: local Unknown interface Policy explicitly accepted packet profile Mark Start Return on verdict Drop if no policies passed profiles matched
	ipencap esp ah igmp ipv6 udplite vrrp pim dccp ipcomp ipv6-frag ipv6-route ipv6-nonxt ipv6-opts l2tp eigrp rsvp mobility-header
	tier of Start Profile VXLAN IPIP WireGuard Drop Allow Accept encapped packets originating from to workloads hosts whitelisted non-Calico tunneled host endpoint unmarked
	request reply UDP TCP ICMP SCTP IPv4 IPv6 Ethernet
	Process endpoints ingress egress marked vlan0 flannel flanneld masq docker allow only through`)

var (
	reFigure   = regexp.MustCompile(`^-?([0-9]{1,9}|4294967295|0x[0-9a-fA-F]{1,8})([/:,-]([0-9]{1,9}|4294967295|0x[0-9a-fA-F]{1,8}))*$`)
	reDuration = regexp.MustCompile(`^([0-9]{1,6}(ms|s|m|h|d))+$`)
	reRate     = regexp.MustCompile(`^[0-9]{1,6}/(sec|second|min|minute|hour|day|s|m|h|d|week)$`)
	reFraction = regexp.MustCompile(`^[01]\.[0-9]{1,14}$`)
	reProto    = regexp.MustCompile(`^(tcp|udp|sctp|icmp|icmp6):([0-9]{1,5}(-[0-9]{1,5})?)$`)
	reIfIndex  = regexp.MustCompile(`^if[0-9]{1,6}$`)
)

// word replaces a word of a dump. Figures stay where they are no one's: marks, ports, lengths, times.
func (b *book) word(s string) string {
	if s == "" || vocabulary[s] || known[s] || reFixed.MatchString(s) || reIfIndex.MatchString(s) {
		return s
	}
	if !strings.ContainsFunc(s, func(r rune) bool {
		return r != '!' && r != '.' && r != '(' && r != ')' && r != '<' && r != '>' && r != '=' && r != '&' && r != '^' && r != '|' && r != '-' && r != '+'
	}) {
		return s // signs only
	}
	if reFigure.MatchString(s) && !longFigure(s) || reDuration.MatchString(s) || reRate.MatchString(s) || reFraction.MatchString(s) || reProto.MatchString(s) {
		return s
	}
	if to, ok := b.literal(s); ok {
		return to
	}
	if parts := strings.Split(s, ","); len(parts) > 1 {
		for i, p := range parts {
			parts[i] = b.word(p)
		}
		return strings.Join(parts, ",")
	}
	if reCard.MatchString(s) {
		return s
	}
	if _, ok := b.tokens[token{"interface", s}]; ok || reHashed.MatchString(s) {
		return b.iface(s)
	}
	if kube := reKube.MatchString(s); kube || reCali.MatchString(s) || reNFT.MatchString(s) {
		return b.chain(s)
	}
	return b.name(Word, s)
}

// longFigure is a figure of so many parts that it may be an address written in another way: ip-10-0-1-5 is a node's name.
func longFigure(s string) bool {
	return strings.Count(s, ",") > 15 || strings.Count(s, ":") > 1 || strings.Count(s, "-") > 1 || strings.Count(s, "/") > 1
}

var (
	reCaliComment = regexp.MustCompile(`^(cali:)([A-Za-z0-9_-]{16})$`)
	reNFTParts    = regexp.MustCompile(`^((?:service|local|external|firewall|endpoint|affinity)-)([A-Z2-7]{8}-.+)$`)
	reIDParts     = regexp.MustCompile(`^([a-z-]+-)([0-9a-f]{8,17})$`)
)

// remark replaces a comment, word by word: names of Services in it are the names that they have elsewhere.
func (b *book) remark(s string) string {
	return eachWord(s, func(s string) string {
		if m := reCaliComment.FindStringSubmatch(s); m != nil {
			return m[1] + b.opaque("comment", m[2], func(d []byte) string { return encode64(d)[:16] })
		}
		core := strings.TrimRight(s, ".:")
		if to, ok := b.literal(s); ok {
			return to
		}
		named := strings.Contains(core, "/") // a Service's, namespace/name:port
		return b.inside(core, func(p string) string {
			if named && !known[p] || len(p) > 5 && reFigure.MatchString(p) {
				return b.name(Word, p)
			}
			return b.word(p)
		}) + s[len(core):]
	})
}

// asPrefix reads an address or a prefix.
func asPrefix(s string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p, err == nil
}
