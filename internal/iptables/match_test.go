package iptables

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podpath/podpath/internal/packet"
)

// probe is the packet of the tables: TCP SYN 192.168.1.2:40000 -> 10.0.0.1:80 in by eth0, out by eth1, mark 0x12, source
// MAC 02:…:01, of a new, DNATed connection with mark 0x80.
func probe() *Input {
	p := &packet.Packet{Mark: 0x12, CTMark: 0x80}
	p.Eth = packet.Ethernet{Src: packet.MAC{2, 0, 0, 0, 0, 1}, Dst: packet.MAC{2, 0, 0, 0, 0, 2}}
	p.IP = packet.IPv4{Src: netip.MustParseAddr("192.168.1.2"), Dst: netip.MustParseAddr("10.0.0.1"), TTL: 64, Protocol: packet.TCP}
	p.L4 = packet.Transport{SrcPort: 40000, DstPort: 80, Flags: packet.SYN}
	c := &packet.Conn{State: packet.CTNew, Status: packet.StatusDNAT | packet.StatusConfirmed, Mark: 0x80,
		Original: packet.Tuple{Src: p.IP.Src, Dst: netip.MustParseAddr("172.20.0.1"), SrcPort: 40000, DstPort: 443, Protocol: packet.TCP},
		ReplyDir: packet.Tuple{Src: p.IP.Dst, Dst: p.IP.Src, SrcPort: 80, DstPort: 40000, Protocol: packet.TCP}}
	return &Input{Packet: p, Conn: c, In: "eth0", Out: "eth1", Env: fakeEnv{}}
}

// Variations of the probe.
func udp(in *Input)      { in.Packet.IP.Protocol = packet.UDP }
func fragment(in *Input) { in.Packet.IP.Offset = 185 }
func ping(in *Input) {
	in.Packet.IP.Protocol, in.Packet.L4 = packet.ICMP, packet.Transport{ICMPType: 8}
}
func fragNeeded(in *Input) {
	in.Packet.IP.Protocol, in.Packet.L4 = packet.ICMP, packet.Transport{ICMPType: 3, ICMPCode: 4}
}
func reply(in *Input)     { in.Conn.State, in.Conn.Reply = packet.CTEstablished, true }
func invalid(in *Input)   { *in.Conn = packet.Conn{State: packet.CTInvalid} }
func untracked(in *Input) { *in.Conn = packet.Conn{State: packet.CTUntracked} }
func unseen(in *Input)    { *in.Conn = packet.Conn{} }
func local(in *Input)     { in.Local = true }
func bridged(in *Input)   { in.PhysIn, in.PhysOut = "veth0", "veth1" }
func chosen(in *Input)    { in.Env = fakeEnv{choose: true} }
func symmetric(in *Input) { in.Env = fakeEnv{reverse: true} }
func loopback(in *Input)  { in.In = "lo" }
func noFrame(in *Input)   { in.Packet.Eth = packet.Ethernet{} }

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		spec string
		with func(*Input)
		want Tri
	}{
		{"-s 192.168.0.0/16", nil, Yes}, {"-s 192.169.0.0/16", nil, No},
		{"! -s 192.168.0.0/16", nil, No}, {"! -s 192.169.0.0/16", nil, Yes},
		{"-s 192.168.1.2", nil, Yes}, {"-s 192.168.1.3", nil, No},
		{"-s 192.0.1.0/255.0.255.0", nil, Yes}, {"-s 192.0.2.0/255.0.255.0", nil, No},
		// A packet is IPv4: no test of ip6tables has its address.
		{"-s fd00::/64", nil, No}, {"! -s fd00::/64", nil, Yes}, {"-d fd00::1", nil, No}, {"! -d ::1/128", nil, Yes}, {"-s ::/0", nil, Yes},
		{"-d ::ffff:10.0.0.1", nil, No}, {"-m conntrack --ctorigdst fd00::1", nil, No}, {"-m conntrack ! --ctorigdst fd00::1", nil, Yes},
		{"-p ipv6-icmp -m icmp6 --icmpv6-type 128", nil, No}, {"-m recent --rcheck --mask ffff::", nil, No}, {"-m recent --set --mask ffff::", nil, Yes},
		{"-d 10.0.0.1/32", nil, Yes}, {"-d 10.0.0.2/31", nil, No}, {"! -d 10.0.0.1", nil, No},
		{"-i eth0", nil, Yes}, {"-i eth", nil, No}, {"-i eth+", nil, Yes}, {"-i eni+", nil, No}, {"! -i eth0", nil, No}, {"! -i eni+", nil, Yes},
		{"-o eth1", nil, Yes}, {"-o eth0", nil, No}, {"! -o eth+", nil, No}, {"! -o vlan+", nil, Yes},
		{"-p tcp", nil, Yes}, {"-p udp", nil, No}, {"! -p tcp", nil, No}, {"! -p udp", nil, Yes}, {"-p 6", nil, Yes},
		{"-f", nil, No}, {"-f", fragment, Yes}, {"! -f", nil, Yes}, {"! -f", fragment, No},
		{"-p tcp --dport 80", nil, Yes}, {"-p tcp --dport 81", nil, No}, {"-p tcp --dport 79:81", nil, Yes}, {"-p tcp --dport 81:", nil, No},
		{"-p tcp ! --dport 80", nil, No}, {"-p tcp ! --dport 81", nil, Yes}, {"-p tcp --dport 80", fragment, No},
		{"-p tcp --sport 40000", nil, Yes}, {"-p tcp --sport :1024", nil, No},
		{"-p tcp --syn", nil, Yes}, {"-p tcp ! --syn", nil, No}, {"-p tcp --tcp-flags SYN,ACK SYN,ACK", nil, No},
		{"-p udp --dport 80", udp, Yes}, {"-p udp --dport 80", nil, No},
		{"-p icmp --icmp-type 8", ping, Yes}, {"-p icmp --icmp-type 0", ping, No}, {"-p icmp --icmp-type any", ping, Yes},
		{"-p icmp ! --icmp-type 8", ping, No}, {"-p icmp --icmp-type 3", fragNeeded, Yes}, {"-p icmp --icmp-type 3/4", fragNeeded, Yes},
		{"-p icmp --icmp-type 3/3", fragNeeded, No}, {"-p icmp --icmp-type 8", nil, No},
		{"-p tcp -m multiport --dports 22,80", nil, Yes}, {"-p tcp -m multiport --dports 22,443", nil, No},
		{"-p tcp -m multiport --dports 79:81", nil, Yes}, {"-p tcp -m multiport ! --dports 22,80", nil, No},
		{"-p tcp -m multiport --sports 80", nil, No}, {"-p tcp -m multiport --ports 40000", nil, Yes}, {"-p tcp -m multiport --dports 80", fragment, No},
		{`-m comment --comment "x y"`, nil, Yes}, {"-m nfacct --nfacct-name x", nil, Yes}, {"-m limit --limit 1/day", nil, Yes},
		{"-m addrtype --dst-type LOCAL", nil, Yes}, {"-m addrtype --src-type LOCAL", nil, No}, {"-m addrtype ! --dst-type LOCAL", nil, No},
		{"-m addrtype --dst-type LOCAL --limit-iface-in", nil, Yes}, {"-m addrtype --dst-type LOCAL --limit-iface-out", nil, No},
		{"-m addrtype --src-type UNICAST,LOCAL", nil, Yes}, {"-m addrtype --src-type UNICAST ! --dst-type LOCAL", nil, No},
		{"-m mark --mark 0x12", nil, Yes}, {"-m mark --mark 0x13", nil, No}, {"-m mark --mark 0x2/0x2", nil, Yes}, {"-m mark ! --mark 0x2/0x2", nil, No},
		{"-m mark --mark 0x4/0x2", nil, No},
		{"-m connmark --mark 0x80/0x80", nil, Yes}, {"-m connmark --mark 0x1", nil, No}, {"-m connmark ! --mark 0x1", nil, Yes},
		{"-m connmark ! --mark 0x1", untracked, No}, {"-m connmark --mark 0x0", unseen, No},
		{"-m conntrack --ctstate NEW", nil, Yes}, {"-m conntrack --ctstate RELATED,ESTABLISHED", nil, No},
		{"-m conntrack --ctstate RELATED,ESTABLISHED", reply, Yes}, {"-m conntrack ! --ctstate NEW", nil, No},
		{"-m conntrack --ctstate DNAT", nil, Yes}, {"-m conntrack --ctstate SNAT", nil, No}, {"-m conntrack --ctstate SNAT,DNAT", reply, Yes},
		{"-m conntrack --ctstate INVALID", invalid, Yes}, {"-m conntrack --ctstate INVALID", nil, No}, {"-m conntrack --ctstate INVALID", unseen, Yes},
		{"-m conntrack --ctstate UNTRACKED", untracked, Yes}, {"-m conntrack --ctstate INVALID", untracked, No},
		// Without an entry only the state counts; without --ctstate the match fails (conntrack_mt).
		{"-m conntrack --ctstate INVALID --ctdir REPLY", invalid, Yes}, {"-m conntrack --ctdir ORIGINAL", invalid, No},
		{"-m conntrack --ctdir ORIGINAL", nil, Yes}, {"-m conntrack --ctdir REPLY", nil, No}, {"-m conntrack --ctdir REPLY", reply, Yes},
		{"-m conntrack --ctstatus CONFIRMED", nil, Yes}, {"-m conntrack --ctstatus ASSURED,SEEN_REPLY", nil, No},
		{"-m conntrack ! --ctstatus CONFIRMED", nil, No}, {"-m conntrack --ctstatus NONE", nil, No},
		{"-m conntrack --ctproto tcp", nil, Yes}, {"-m conntrack ! --ctproto tcp", nil, No}, {"-m conntrack --ctproto udp", nil, No},
		{"-m conntrack --ctorigdst 172.20.0.0/16", nil, Yes}, {"-m conntrack --ctorigdst 10.0.0.1", nil, No}, {"-m conntrack ! --ctorigdst 172.20.0.1", nil, No},
		{"-m conntrack --ctorigsrc 192.168.1.2", nil, Yes}, {"-m conntrack --ctreplsrc 10.0.0.1", nil, Yes}, {"-m conntrack --ctrepldst 10.0.0.1", nil, No},
		{"-m conntrack --ctorigdstport 443", nil, Yes}, {"-m conntrack --ctorigdstport 80", nil, No}, {"-m conntrack ! --ctreplsrcport 80", nil, No},
		{"-m state --state NEW", nil, Yes}, {"-m state --state ESTABLISHED", nil, No},
		{"-m statistic --mode random --probability 0.5", nil, No}, {"-m statistic --mode random --probability 0.5", chosen, Yes},
		{"-m statistic --mode random --probability 1", nil, Yes}, {"-m statistic --mode random --probability 0", chosen, No},
		{"-m statistic --mode nth --every 2 --packet 0", chosen, Yes}, {"-m statistic --mode nth --every 1 --packet 0", nil, Yes},
		{"-m set --match-set yes src", nil, Yes}, {"-m set --match-set no src", nil, No}, {"-m set ! --match-set yes src", nil, No},
		{"-m set ! --match-set no src", nil, Yes}, {"-m set --match-set absent src", nil, Unknown}, {"-m set ! --match-set absent src", nil, Unknown},
		{"-m recent --set", nil, Yes}, {"-m recent ! --set", nil, No}, {"-m recent --rcheck", nil, No}, {"-m recent ! --rcheck", nil, Yes},
		{"-m recent --update --seconds 5", nil, No}, {"-m recent --remove", nil, No},
		{"-m mac --mac-source 02:00:00:00:00:01", nil, Yes}, {"-m mac --mac-source 02:00:00:00:00:02", nil, No},
		{"-m mac ! --mac-source 02:00:00:00:00:02", nil, Yes}, {"-m mac ! --mac-source 02:00:00:00:00:02", noFrame, No},
		{"-m physdev --physdev-in veth0", bridged, Yes}, {"-m physdev --physdev-in veth0", nil, No}, {"-m physdev ! --physdev-in veth0", nil, Yes},
		{"-m physdev --physdev-in veth+ --physdev-out veth1", bridged, Yes}, {"-m physdev --physdev-out veth0", bridged, No},
		{"-m physdev --physdev-is-bridged", bridged, Yes}, {"-m physdev ! --physdev-is-bridged", bridged, No}, {"-m physdev ! --physdev-is-bridged", nil, Yes},
		{"-m owner --uid-owner 0", nil, No}, {"-m owner ! --uid-owner 0", nil, Yes}, {"-m owner --uid-owner 0", local, Unknown},
		{"-m owner --socket-exists", local, Yes}, {"-m owner --socket-exists", nil, No}, {"-m owner ! --socket-exists", nil, Yes},
		{"-m rpfilter", nil, No}, {"-m rpfilter", symmetric, Yes}, {"-m rpfilter --invert", nil, Yes}, {"-m rpfilter --invert", symmetric, No},
		{"-m rpfilter --loose", nil, Yes}, {"-m rpfilter --invert", loopback, No},
		{"-m foo --bar 1", nil, Unknown}, {"-m u32 --u32 0=0", nil, Unknown}, {"-p tcp -m tcp --tcp-option 5", nil, Unknown},
		// What fails for certain fails, whatever cannot be answered beside it.
		{"-m foo --bar 1 -s 1.1.1.1", nil, No}, {"-m foo --bar 1 -m mark --mark 1", nil, No},
	} {
		in := probe()
		if tt.with != nil {
			tt.with(in)
		}
		table := NewTable("filter")
		c := table.Chain("FORWARD")
		if err := c.Append(tt.spec + " -j DROP"); err != nil {
			t.Errorf("%s: %v", tt.spec, err)
			continue
		}
		if unknown := tt.want == Unknown; !unknown && c.Rules[0].NotUnderstood != "" && !slices.Contains([]string{"-m foo --bar 1"}, c.Rules[0].NotUnderstood) {
			t.Errorf("%s: not understood: %s", tt.spec, c.Rules[0].NotUnderstood)
		}
		var s recorder
		v := c.Evaluate(in, &s)
		got := No
		switch {
		case v.Kind == Drop:
			got = Yes
		case s.events[0].Verdict.Kind == Undecided:
			got = Unknown
		}
		if got != tt.want {
			t.Errorf("%s: got %d, want %d (0 no, 1 yes, 2 unknown)", tt.spec, got, tt.want)
		}
		if got == No {
			e := &s.events[0]
			if len(s.misses) != 1 {
				t.Fatalf("%s: misses %v", tt.spec, s.misses)
			}
			why := e.Why(in, s.misses[0])
			if !slices.Contains(ReasonCodes, why.Code) || why.Code == ReasonNotUnderstood || len(why.Args) != 2 || why.Args[0][1] == "" {
				t.Errorf("%s: reason %v", tt.spec, why)
			}
		}
	}
}

// recorder keeps what a sink is told.
type recorder struct {
	events []Event
	misses []Miss
}

func (s *recorder) Event(e Event) {
	s.misses = append(s.misses, e.Misses...)
	s.events = append(s.events, e)
}

func TestTargets(t *testing.T) {
	addr := netip.MustParseAddr
	one := addr("1.1.1.1")
	for _, tt := range []struct {
		spec     string
		with     func(*Input)
		want     Verdict
		mark, ct uint32
		ttl      uint8
	}{
		{"-j ACCEPT", nil, Verdict{Kind: Accept}, 0x12, 0x80, 64},
		{"-j DROP", nil, Verdict{Kind: Drop}, 0x12, 0x80, 64},
		{"-j QUEUE", nil, Verdict{Kind: Queue}, 0x12, 0x80, 64},
		{"-j REJECT", nil, Verdict{Kind: Reject, Reject: "icmp-port-unreachable"}, 0x12, 0x80, 64},
		{"-p tcp -j REJECT --reject-with tcp-reset", nil, Verdict{Kind: Reject, Reject: "tcp-reset"}, 0x12, 0x80, 64},
		{"-j MARK --set-mark 0x5", nil, Verdict{}, 0x5, 0x80, 64},
		{"-j MARK --set-xmark 0x4000/0x4000", nil, Verdict{}, 0x4012, 0x80, 64},
		{"-j MARK --and-mark 0x10", nil, Verdict{}, 0x10, 0x80, 64},
		{"-j MARK --or-mark 0x1", nil, Verdict{}, 0x13, 0x80, 64},
		{"-j MARK --xor-mark 0x3", nil, Verdict{}, 0x11, 0x80, 64},
		{"-j CONNMARK --set-xmark 0x1/0x80", nil, Verdict{}, 0x12, 0x1, 64},
		{"-j CONNMARK --save-mark", nil, Verdict{}, 0x12, 0x12, 64},
		{"-j CONNMARK --save-mark --mask 0x2", nil, Verdict{}, 0x12, 0x82, 64},
		{"-j CONNMARK --restore-mark", nil, Verdict{}, 0x80, 0x80, 64},
		{"-j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80", nil, Verdict{}, 0x92, 0x80, 64},
		{"-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff", invalid, Verdict{}, 0x12, 0, 64},
		{"-j TTL --ttl-set 9", nil, Verdict{}, 0x12, 0x80, 9},
		{"-j TTL --ttl-inc 200", nil, Verdict{}, 0x12, 0x80, 255},
		{"-j TTL --ttl-dec 65", nil, Verdict{}, 0x12, 0x80, 0},
		{"-j LOG", nil, Verdict{}, 0x12, 0x80, 64}, {"-j NFLOG", nil, Verdict{}, 0x12, 0x80, 64}, {"-j TRACE", nil, Verdict{}, 0x12, 0x80, 64},
		{"", nil, Verdict{}, 0x12, 0x80, 64},
		{"-j SNAT --to 1.1.1.1", nil, Verdict{Kind: SNAT, NAT: &NATRange{Min: one, Max: one}}, 0x12, 0x80, 64},
		{"-p tcp -j DNAT --to 1.1.1.1:80-90 --persistent", nil, Verdict{Kind: DNAT, NAT: &NATRange{Min: one, Max: one, MinPort: 80, MaxPort: 90, Persistent: true}}, 0x12, 0x80, 64},
		{"-p tcp -j DNAT --to-destination :80", nil, Verdict{Kind: DNAT, NAT: &NATRange{MinPort: 80, MaxPort: 80}}, 0x12, 0x80, 64},
		{"-p tcp -j DNAT --to-destination 1.1.1.1:80-90/8000", nil, Verdict{Kind: Undecided}, 0x12, 0x80, 64},
		{"-j MASQUERADE --random-fully", nil, Verdict{Kind: Masquerade, NAT: &NATRange{RandomFully: true}}, 0x12, 0x80, 64},
		{"-p tcp -j REDIRECT --to-ports 15001", nil, Verdict{Kind: Redirect, NAT: &NATRange{MinPort: 15001, MaxPort: 15001}}, 0x12, 0x80, 64},
		{"-p tcp -j TPROXY --on-port 1", nil, Verdict{Kind: Undecided}, 0x12, 0x80, 64},
	} {
		r, err := ParseRule(tt.spec)
		if err != nil {
			t.Errorf("%s: %v", tt.spec, err)
			continue
		}
		in := probe()
		if tt.with != nil {
			tt.with(in)
		}
		got := r.apply(in)
		if d := cmp.Diff(got, tt.want, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
			t.Errorf("%s: got -, want +\n%s", tt.spec, d)
		}
		if in.Packet.Mark != tt.mark || in.Conn.Mark != tt.ct || in.Packet.IP.TTL != tt.ttl {
			t.Errorf("%s: mark %#x, ct mark %#x, ttl %d; want %#x, %#x, %d", tt.spec, in.Packet.Mark, in.Conn.Mark, in.Packet.IP.TTL, tt.mark, tt.ct, tt.ttl)
		}
	}
}

func TestConntrackTargets(t *testing.T) {
	for _, tt := range []struct {
		spec  string
		with  func(*Input)
		state packet.ConnState
		zone  uint16
	}{
		{"-j NOTRACK", unseen, packet.CTUntracked, 0}, {"-j CT --notrack", unseen, packet.CTUntracked, 0}, {"-j NOTRACK", nil, packet.CTNew, 0},
		{"-j CT --zone 5", unseen, packet.CTNone, 5}, {"-j CT --zone 5", nil, packet.CTNew, 0}, {"-j CT --zone mark", unseen, packet.CTNone, 0x12},
		{"-j CT --zone-orig 5", unseen, packet.CTNone, 0},
	} {
		in := probe()
		if tt.with != nil {
			tt.with(in)
		}
		MustRule(tt.spec).Target.Apply(in)
		if in.Conn.State != tt.state || in.Conn.Zone != tt.zone {
			t.Errorf("%s: state %v zone %d, want %v and %d", tt.spec, in.Conn.State, in.Conn.Zone, tt.state, tt.zone)
		}
	}
}
