package snapshot

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// The forms of `ip -j`: only what decides about a packet is read (iproute2, ip/ipaddress.c, iproute.c, iprule.c,
// ipneigh.c, bridge/fdb.c).
type addrJSON struct {
	IfIndex     int      `json:"ifindex"`
	IfName      string   `json:"ifname"`
	LinkIndex   int      `json:"link_index"`
	Link        string   `json:"link"`
	Flags       []string `json:"flags"`
	MTU         int      `json:"mtu"`
	Master      string   `json:"master"`
	LinkType    string   `json:"link_type"`
	Address     string   `json:"address"`
	LinkNetNSID *int     `json:"link_netnsid"`
	LinkInfo    struct {
		Kind string `json:"info_kind"`
		Data struct {
			ID           int    `json:"id"`
			Protocol     string `json:"protocol"`
			Link         string `json:"link"`
			Local        string `json:"local"`
			Remote       string `json:"remote"`
			Port         int    `json:"port"`
			Learning     bool   `json:"learning"`
			TTL          int    `json:"ttl"`
			DF           string `json:"df"`
			PMTUDisc     *bool  `json:"pmtudisc"`
			CallIPTables int    `json:"nf_call_iptables"`
		} `json:"info_data"`
	} `json:"linkinfo"`
	AddrInfo []struct {
		Family    string `json:"family"`
		Local     string `json:"local"`
		Prefix    int    `json:"prefixlen"`
		Scope     string `json:"scope"`
		Broadcast string `json:"broadcast"`
		Secondary bool   `json:"secondary"`
	} `json:"addr_info"`
}

func readAddrJSON(f file) ([]*topology.Interface, error) {
	var in []addrJSON
	if err := json.Unmarshal(f.data, &in); err != nil {
		return nil, jsonError(f, err)
	}
	var out []*topology.Interface
	for n, a := range in {
		if a.IfName == "" {
			continue // ip prints {} for what it filters out
		}
		i := &topology.Interface{Index: a.IfIndex, Name: a.IfName, MTU: a.MTU, Master: a.Master, LinkIndex: a.LinkIndex,
			Parent: a.Link, LinkNetNS: -1, Kind: interfaceKind(a.LinkInfo.Kind, a.LinkType)}
		if a.LinkNetNSID != nil {
			i.LinkNetNS = *a.LinkNetNSID
		}
		if i.Kind == topology.VLAN {
			i.VLANID = a.LinkInfo.Data.ID
		}
		for _, fl := range a.Flags {
			i.Up = i.Up || fl == "UP"
			i.Promisc = i.Promisc || fl == "PROMISC"
		}
		i.CallIPTables = a.LinkInfo.Data.CallIPTables == 1
		if err := a.tunnel(i); err != nil {
			return nil, errorf(f.name, 0, "[%d] linkinfo of %s: %v", n, a.IfName, err)
		}
		if a.LinkType == "ether" || a.LinkType == "loopback" {
			mac, err := packet.ParseMAC(a.Address)
			if err != nil {
				return nil, errorf(f.name, 0, "[%d] address of %s: %v", n, a.IfName, err)
			}
			i.MAC = mac
		}
		for _, x := range a.AddrInfo {
			if x.Family != "inet" {
				continue
			}
			ip, err := parseIPv4(x.Local)
			if err != nil {
				return nil, errorf(f.name, 0, "[%d] addr_info.local of %s: %v", n, a.IfName, err)
			}
			sc, err := topology.ParseScope(x.Scope)
			if err != nil {
				return nil, errorf(f.name, 0, "[%d] addr_info.scope of %s: %v", n, a.IfName, err)
			}
			if x.Prefix < 0 || x.Prefix > 32 {
				return nil, errorf(f.name, 0, "[%d] addr_info.prefixlen of %s: %d (want 0 to 32)", n, a.IfName, x.Prefix)
			}
			bc, _ := netip.ParseAddr(x.Broadcast)
			i.Addresses = append(i.Addresses, topology.Address{Prefix: netip.PrefixFrom(ip, x.Prefix), Scope: sc, Broadcast: bc, Secondary: x.Secondary})
		}
		out = append(out, i)
	}
	return out, nil
}

// tunnel reads what a tunnel device puts around packets. Without `ip -d` nothing is said of it.
func (a *addrJSON) tunnel(i *topology.Interface) error {
	d := &a.LinkInfo.Data
	if i.Kind != topology.VXLAN && i.Kind != topology.IPIP || a.LinkInfo.Kind == "" {
		return nil
	}
	if d.ID < 0 || d.ID >= 1<<24 || d.Port < 0 || d.Port > 65535 || d.TTL < 0 || d.TTL > 255 {
		return fmt.Errorf("id %d, port %d, ttl %d: want up to 16777215, 65535 and 255", d.ID, d.Port, d.TTL)
	}
	t := &topology.Tunnel{Dev: d.Link, TTL: uint8(d.TTL), Learning: d.Learning, DF: d.DF}
	if t.DF == "unset" {
		t.DF = "" // what the text form does not print
	}
	if i.Kind == topology.VXLAN {
		t.VNI, t.Port = uint32(d.ID), uint16(d.Port)
	} else {
		i.Parent = ""
		t.Dev = a.Link
		if d.PMTUDisc != nil && *d.PMTUDisc {
			t.DF = "set"
		}
	}
	for _, x := range []struct {
		text string
		to   *netip.Addr
	}{{d.Local, &t.Local}, {d.Remote, &t.Remote}} {
		if x.text == "" || x.text == "any" {
			continue
		}
		ip, err := netip.ParseAddr(x.text)
		if err != nil {
			return fmt.Errorf("%q: want an address or any", x.text)
		}
		*x.to = ip
	}
	i.Tunnel = t
	return nil
}

func interfaceKind(info, linkType string) topology.InterfaceKind {
	switch info {
	case "veth":
		return topology.Veth
	case "bridge":
		return topology.Bridge
	case "vxlan":
		return topology.VXLAN
	case "ipip":
		return topology.IPIP
	case "vlan":
		return topology.VLAN
	case "macvlan":
		return topology.MACVLAN
	case "dummy":
		return topology.Dummy
	}
	switch linkType {
	case "loopback":
		return topology.Loopback
	case "ipip":
		return topology.IPIP
	}
	return topology.Other
}

// text is a JSON value that ip prints as a string or as a number, by version and option.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(t))
	}
	*t = text(b)
	return nil
}

type routeJSON struct {
	Type     string   `json:"type"`
	Dst      string   `json:"dst"`
	Gateway  string   `json:"gateway"`
	Dev      string   `json:"dev"`
	Table    text     `json:"table"`
	Protocol text     `json:"protocol"`
	Scope    text     `json:"scope"`
	PrefSrc  string   `json:"prefsrc"`
	Metric   uint32   `json:"metric"`
	TOS      text     `json:"tos"`
	Flags    []string `json:"flags"`
	Metrics  []struct {
		MTU int `json:"mtu"`
	} `json:"metrics"`
	Nexthops []struct {
		Gateway string   `json:"gateway"`
		Dev     string   `json:"dev"`
		Weight  int      `json:"weight"`
		Flags   []string `json:"flags"`
	} `json:"nexthops"`
}

func readRouteJSON(f file) ([]*topology.Route, error) {
	var in []routeJSON
	if err := json.Unmarshal(f.data, &in); err != nil {
		return nil, jsonError(f, err)
	}
	var out []*topology.Route
	for n, r := range in {
		if r.Dst == "" {
			continue
		}
		route, err := r.route()
		if err != nil {
			return nil, errorf(f.name, 0, "[%d] %v", n, err)
		}
		if route != nil {
			out = append(out, route)
		}
	}
	return out, nil
}

func (r *routeJSON) route() (*topology.Route, error) {
	dst, v6, err := parseDst(r.Dst)
	if err != nil || v6 {
		return nil, err
	}
	out := &topology.Route{Type: topology.RouteType(r.Type), Dst: dst, Table: topology.TableMain, Metric: r.Metric, Protocol: string(r.Protocol)}
	if r.Type == "" {
		out.Type = topology.Unicast
	}
	if r.Table != "" {
		if out.Table, err = topology.ParseTable(string(r.Table)); err != nil {
			return nil, err
		}
	}
	if r.Scope != "" {
		if out.Scope, err = topology.ParseScope(string(r.Scope)); err != nil {
			return nil, err
		}
	}
	if r.TOS != "" {
		tos, err := strconv.ParseUint(string(r.TOS), 0, 8)
		if err != nil {
			return nil, fmt.Errorf("tos %q: want a number up to 0xff", r.TOS)
		}
		out.TOS = uint8(tos)
	}
	if r.PrefSrc != "" {
		if out.Src, err = parseIPv4(r.PrefSrc); err != nil {
			return nil, fmt.Errorf("prefsrc: %v", err)
		}
	}
	for _, m := range r.Metrics {
		out.MTU = max(out.MTU, m.MTU) // one object, or one a metric, by version
	}
	hop := func(gw, dev string, weight int, flags []string) error {
		n := topology.Nexthop{Dev: dev, Weight: weight}
		if gw != "" {
			if n.Gateway, err = parseIPv4(gw); err != nil {
				return fmt.Errorf("gateway: %v", err)
			}
		}
		for _, fl := range flags {
			switch fl {
			case "dead":
				n.Dead = true
			case "linkdown":
				n.LinkDown = true
			case "onlink":
				n.OnLink = true
			}
		}
		out.Nexthops = append(out.Nexthops, n)
		return nil
	}
	for _, h := range r.Nexthops {
		if err := hop(h.Gateway, h.Dev, h.Weight, h.Flags); err != nil {
			return nil, err
		}
	}
	if len(r.Nexthops) == 0 && r.Dev != "" {
		return out, hop(r.Gateway, r.Dev, 0, r.Flags)
	}
	return out, nil
}

// parseDst reads "default", an address or a prefix; v6 says that it is not for this model.
func parseDst(s string) (p netip.Prefix, v6 bool, err error) {
	if s == "default" || s == "all" {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte{}), 0), false, nil
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), a.Is6(), nil
	}
	p, err = netip.ParsePrefix(s)
	if err != nil {
		return p, false, fmt.Errorf("dst %q: want default, an address or a prefix", s)
	}
	return p.Masked(), p.Addr().Is6(), nil
}

type ruleJSON struct {
	Priority uint32          `json:"priority"`
	Not      json.RawMessage `json:"not"`
	Src      string          `json:"src"`
	SrcLen   *int            `json:"srclen"`
	Dst      string          `json:"dst"`
	DstLen   *int            `json:"dstlen"`
	FWMark   text            `json:"fwmark"`
	FWMask   text            `json:"fwmask"`
	TOS      text            `json:"tos"`
	IIF      string          `json:"iif"`
	OIF      string          `json:"oif"`
	IPProto  text            `json:"ipproto"`
	SPort    text            `json:"sport"`
	SPortLo  int             `json:"sport_start"`
	SPortHi  int             `json:"sport_end"`
	DPort    text            `json:"dport"`
	DPortLo  int             `json:"dport_start"`
	DPortHi  int             `json:"dport_end"`
	Table    text            `json:"table"`
	Goto     text            `json:"goto"`
	Action   string          `json:"action"`
	Suppress *int            `json:"suppress_prefixlen"`
	Protocol text            `json:"protocol"`
	TunID    text            `json:"tun_id"`
	UIDStart *int            `json:"uid_start"`
	L3MDev   json.RawMessage `json:"l3mdev"`
}

func readRuleJSON(f file) ([]*topology.Rule, error) {
	var in []ruleJSON
	if err := json.Unmarshal(f.data, &in); err != nil {
		return nil, jsonError(f, err)
	}
	var out []*topology.Rule
	for n, r := range in {
		rule, err := r.rule()
		if err != nil {
			return nil, errorf(f.name, 0, "[%d] %v", n, err)
		}
		if rule != nil {
			out = append(out, rule)
		}
	}
	return out, nil
}

func (r *ruleJSON) rule() (*topology.Rule, error) {
	out := &topology.Rule{Priority: r.Priority, Not: r.Not != nil, IIF: r.IIF, OIF: r.OIF, Action: topology.ToTable, SuppressPrefixLength: -1}
	var err error
	for _, x := range []struct {
		s   string
		n   *int
		dst *netip.Prefix
	}{{r.Src, r.SrcLen, &out.Src}, {r.Dst, r.DstLen, &out.Dst}} {
		if x.s == "" || x.s == "all" {
			continue
		}
		s := x.s
		if x.n != nil {
			s += "/" + strconv.Itoa(*x.n)
		}
		p, v6, err := parseDst(s)
		if err != nil {
			return nil, err
		}
		if v6 {
			return nil, nil
		}
		*x.dst = p
	}
	if r.FWMark != "" {
		if err := setMark(out, string(r.FWMark), string(r.FWMask)); err != nil {
			return nil, err
		}
	}
	if r.TOS != "" {
		tos, err := strconv.ParseUint(string(r.TOS), 0, 8)
		if err != nil {
			return nil, fmt.Errorf("tos %q: want a number up to 0xff", r.TOS)
		}
		out.TOS = uint8(tos)
	}
	if r.IPProto != "" {
		if out.Protocol, err = packet.ParseProtocol(string(r.IPProto)); err != nil {
			return nil, err
		}
	}
	if out.SrcPorts, err = ports(r.SPort, r.SPortLo, r.SPortHi); err != nil {
		return nil, err
	}
	if out.DstPorts, err = ports(r.DPort, r.DPortLo, r.DPortHi); err != nil {
		return nil, err
	}
	if r.Suppress != nil {
		out.SuppressPrefixLength = max(*r.Suppress, -1)
	}
	if r.TunID != "" || r.UIDStart != nil || r.L3MDev != nil {
		out.NotUnderstood = "tun_id, uidrange or l3mdev"
	}
	switch {
	case r.Table != "":
		out.Table, err = topology.ParseTable(string(r.Table))
	case r.Goto != "":
		out.Action = topology.GotoRule
		var n uint64
		n, err = strconv.ParseUint(string(r.Goto), 10, 32)
		out.Goto = uint32(n)
	case r.Action == "unreachable", r.Action == "prohibit", r.Action == "blackhole", r.Action == "nop":
		out.Action = topology.RuleAction(r.Action)
	case out.NotUnderstood != "": // l3mdev has no table of its own
	default:
		return nil, fmt.Errorf("rule %d has neither table, goto nor a known action (%q)", r.Priority, r.Action)
	}
	return out, err
}

func setMark(r *topology.Rule, mark, mask string) error {
	m, err := strconv.ParseUint(mark, 0, 32)
	if err != nil {
		return fmt.Errorf("fwmark %q: want a number", mark)
	}
	r.HasMark, r.Mark, r.Mask = true, uint32(m), 0xffffffff
	if mask != "" {
		k, err := strconv.ParseUint(mask, 0, 32)
		if err != nil {
			return fmt.Errorf("fwmask %q: want a number", mask)
		}
		r.Mask = uint32(k)
	}
	return nil
}

func ports(one text, lo, hi int) (topology.PortRange, error) {
	if one == "" {
		if lo < 0 || hi > 65535 || lo > hi {
			return topology.PortRange{}, fmt.Errorf("ports %d to %d: want a range of numbers up to 65535", lo, hi)
		}
		return topology.PortRange{From: uint16(lo), To: uint16(hi)}, nil
	}
	return parsePorts(string(one))
}

type neighJSON struct {
	Dst    string          `json:"dst"`
	Dev    string          `json:"dev"`
	LLAddr string          `json:"lladdr"`
	State  []string        `json:"state"`
	Proxy  json.RawMessage `json:"proxy"`
}

func readNeighJSON(f file) ([]topology.Neighbour, error) {
	var in []neighJSON
	if err := json.Unmarshal(f.data, &in); err != nil {
		return nil, jsonError(f, err)
	}
	out := []topology.Neighbour{}
	for n, x := range in {
		if x.Dst == "" {
			continue
		}
		ip, err := netip.ParseAddr(x.Dst)
		if err != nil {
			return nil, errorf(f.name, 0, "[%d] dst: %v", n, err)
		}
		if ip.Is6() {
			continue
		}
		e := topology.Neighbour{IP: ip, Dev: x.Dev, MAC: x.LLAddr, Proxy: x.Proxy != nil}
		if len(x.State) > 0 {
			e.State = x.State[len(x.State)-1]
		}
		out = append(out, e)
	}
	return out, nil
}

type fdbJSON struct {
	MAC    string   `json:"mac"`
	IfName string   `json:"ifname"`
	Dst    string   `json:"dst"`
	Via    string   `json:"viaIf"`
	Master string   `json:"master"`
	State  string   `json:"state"`
	Flags  []string `json:"flags"`
	VLAN   int      `json:"vlan"`
}

func readFDBJSON(f file) ([]topology.FDBEntry, error) {
	var in []fdbJSON
	if err := json.Unmarshal(f.data, &in); err != nil {
		return nil, jsonError(f, err)
	}
	out := []topology.FDBEntry{}
	for n, x := range in {
		e := topology.FDBEntry{MAC: x.MAC, Dev: x.IfName, Via: x.Via, Master: x.Master, State: x.State, VLAN: x.VLAN}
		if x.Dst != "" {
			var err error
			if e.Dst, err = netip.ParseAddr(x.Dst); err != nil {
				return nil, errorf(f.name, 0, "[%d] dst: %v", n, err)
			}
		}
		for _, fl := range x.Flags {
			e.Self = e.Self || fl == "self"
		}
		out = append(out, e)
	}
	return out, nil
}
