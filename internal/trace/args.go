package trace

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/packet"
)

// would renders what would have to change.
func (t *Trace) would(s *Step) *ReasonDocument {
	if s.more().Would == "" {
		return nil
	}
	a := map[string]string{}
	x, y := s.more().WouldT[0], s.more().WouldT[1]
	switch s.more().Would {
	case WouldRaiseTTL:
		a["least"] = strconv.Itoa(t.hopsSoFar(s) + 1)
	case WouldClearDF:
		a["mtu"] = x
	case WouldLoosen:
		a["name"], a["value"] = x, y
	case WouldAddRoute:
		a["dst"] = x
	case WouldAllow:
		a["rule"] = x
	case WouldDisableCheck:
		a["eni"] = x
	case WouldPublic:
		a["src"] = x
	case WouldTarget:
		a["zone"] = x
	case WouldListen:
		a["port"] = x
	case WouldForward:
		a["name"] = x
	case WouldNeighbour:
		a["ip"] = x
	case WouldFDB:
		a["mac"], a["dev"] = x, y
	case WouldGive:
		a["command"] = x
	case WouldGroupRule:
		p := &t.Packets[s.Packet]
		a["group"], a["from"], a["protocol"], a["port"] = x, y, p.IP.Protocol.String(), strconv.Itoa(int(p.L4.DstPort))
	}
	return &ReasonDocument{Code: string(s.more().Would), Args: a}
}

// hopsSoFar is by how many the TTL would have had to be larger to pass here: what was taken before, and the one here.
func (t *Trace) hopsSoFar(s *Step) int {
	for i := range t.Legs {
		l := &t.Legs[i]
		if t.End(l) == s {
			return int(t.first(l).IP.TTL) - int(t.Packets[s.Packet].Innermost().IP.TTL) + 1
		}
	}
	return 1
}

// args names a step's arguments as codes.go lists them.
func (t *Trace) args(s *Step) map[string]string {
	a := map[string]string{}
	before, after := &t.Packets[s.Before], &t.Packets[s.Packet]
	dev := ""
	if s.Interface != nil {
		dev = s.Interface.Name
	}
	num := func(i int) string { return strconv.Itoa(s.more().Number[i]) }
	switch s.Code {
	case SourceByRoute, SourceBound:
		a["src"], a["dst"], a["dev"] = after.IP.Src.String(), after.IP.Dst.String(), dev
	case FrameForUs:
		a["dev"], a["mac"] = dev, after.Eth.Dst.String()
	case FrameNotForUs:
		a["dev"], a["mac"] = dev, after.Eth.Dst.String()
		if s.Interface != nil {
			a["want"] = s.Interface.MAC.String()
		}
	case FrameOnPort:
		a["dev"], a["bridge"] = dev, s.more().Text[0]
	case FrameRaw:
		a["dev"] = dev
	case ConnNew, ConnEstablished, ConnRelated, ConnInvalid:
		a["tuple"], a["direction"] = flowText(&after.Frame), "original"
		if s.Reply {
			a["direction"] = "reply"
		}
	case ConnConfirmed:
		if s.Entry != nil {
			a["tuple"], a["reply"] = tupleText(s.Entry.Original), tupleText(s.Entry.Reply)
		}
	case ConnNAT, ConnNATUndo, RuleSNAT, RuleDNAT, RuleMasquerade, RuleRedirect:
		a["what"], a["from"], a["to"] = rewritten(before, after)
		if s.Code == RuleSNAT || s.Code == RuleMasquerade {
			a["from"], a["to"] = endText(&before.Frame, true), endText(&after.Frame, true)
		}
		if s.Code == RuleDNAT || s.Code == RuleRedirect {
			a["from"], a["to"] = endText(&before.Frame, false), endText(&after.Frame, false)
		}
		a["dev"] = nameOf(s.Out)
	case RuleMatched:
		a["target"] = s.Target
	case RuleJump, RuleGoto:
		a["chain"] = s.Target
	case RuleReturn, ChainEnd:
		chain, _, _ := s.place()
		a["chain"] = chain
	case MasqueradeMoved:
		a["was"], a["dev"] = s.more().Text[0], s.more().Text[1]
	case RuleDrop:
		a["comment"] = orElse(s.comment(), s.more().Text[1])
	case RuleReject:
		a["comment"] = orElse(s.comment(), s.more().Text[1])
		a["with"] = s.more().Text[2]
		if s.Stage == StageReject {
			a["with"] = s.more().Text[0]
		}
	case RuleMark, RuleRestored:
		a["before"], a["after"] = hexMark(before.Mark), hexMark(after.Mark)
	case RuleConnmark:
		a["before"], a["after"] = hexMark(before.CTMark), hexMark(after.CTMark)
	case RuleMarkSame, RuleRestoredSame:
		a["mark"] = hexMark(after.Mark)
	case RuleConnmarkSame:
		a["mark"] = hexMark(after.CTMark)
	case RuleTTL, TTLDecremented:
		a["before"], a["after"] = strconv.Itoa(int(before.IP.TTL)), strconv.Itoa(int(after.IP.TTL))
	case ChainPolicy, ChainPolicyDrop:
		a["policy"] = policyWord(s)
	case RuleNotUnderstood, RuleUndecided:
		_, _, a["text"] = s.place()
		a["target"] = targetOf(s)
	case PolicyRule:
		a["priority"], a["table"] = strconv.FormatUint(uint64(s.Policy.Priority), 10), s.Policy.Table.String()
	case RouteUnicast, RouteLink, RouteLocal, RouteBroadcast, RouteBlackhole, RouteUnreachable, RouteProhibit:
		a["dst"] = after.IP.Dst.String()
		if r := s.Route; r != nil {
			a["table"] = r.Table.String()
			if s.Code == RouteUnicast || s.Code == RouteLink {
				a["dst"] = dstText(r.Dst)
			}
			if len(r.Nexthops) > 0 {
				a["dev"], a["via"] = r.Nexthops[0].Dev, ""
				if g := r.Nexthops[0].Gateway; g.IsValid() {
					a["via"] = g.String()
				}
			}
		}
	case NobodyOutside, GatewayPrivateDst, RouteNone, MartianDest, RouteMulticast, LoopbackToOutside, VPCNoRoute, GatewayUnknownDst, NATGatewayNoEntry, VPCNoCard:
		a["dst"], a["table"] = after.IP.Dst.String(), s.more().Text[0]
	case TableMissing:
		a["table"] = s.more().Text[0]
	case ReversePathOK, ReversePathFailed:
		a["dev"], a["mode"], a["src"] = dev, s.Target, after.IP.Src.String()
		if s.Route != nil {
			a["back"] = s.Route.Dev()
		}
	case MartianSource, SourceNotLocal, GatewayNoPublic:
		a["src"] = after.IP.Src.String()
	case ForwardingOff:
		a["dev"] = s.more().Text[0]
	case TTLExceeded:
		a["ttl"] = num(0)
	case TooBig, Fragmented, FabricTooBig:
		a["len"], a["mtu"], a["count"], a["dev"] = num(0), num(1), num(2), s.more().Text[0]
	case NeighbourPermanent, NeighbourKnown, NeighbourARP, NeighbourProxy, NeighbourFabric, NeighbourFailed:
		a["ip"], a["dev"] = s.Addr.String(), dev
		if s.Code != NeighbourFailed {
			a["mac"] = after.Eth.Dst.String()
		}
		if s.Neighbour != nil {
			a["state"] = s.Neighbour.State
		} else {
			a["who"] = s.Target
		}
	case BridgePort, BridgeLearned:
		a["mac"], a["port"] = s.more().Text[0], dev
	case BridgeFlood:
		a["mac"] = s.more().Text[0]
	case BridgeUp:
		a["mac"], a["bridge"] = after.Eth.Dst.String(), dev
	case BridgeCopy, BridgeCopyPasses:
		a["bridge"] = dev
	case VXLANFDB, VXLANFlood:
		a["mac"], a["far"], a["dev"] = s.FDB.MAC, s.FDB.Dst.String(), dev
	case VXLANRemote:
		a["far"], a["dev"] = s.more().Addr.String(), dev
	case VXLANNoFDB:
		a["mac"], a["dev"] = s.more().Text[0], dev
	case VXLANEncap, IPIPEncap:
		a["from"], a["to"], a["dev"], a["ttl"] = after.IP.Src.String(), after.IP.Dst.String(), dev, strconv.Itoa(int(after.IP.TTL))
		a["bytes"] = strconv.Itoa(int(after.IP.Len) - int(before.IP.Len))
		if s.Code == VXLANEncap {
			a["vni"], a["port"] = strconv.FormatUint(uint64(after.VNI), 10), strconv.Itoa(int(after.L4.DstPort))
		}
	case VXLANDecap, IPIPDecap:
		a["far"], a["dev"], a["bytes"] = s.more().Addr.String(), dev, strconv.Itoa(int(before.IP.Len)-int(after.IP.Len))
		if s.Code == VXLANDecap {
			a["vni"] = strconv.FormatUint(uint64(before.VNI), 10)
		}
	case TunnelLoop:
		a["dev"], a["dst"] = dev, s.more().Addr.String()
	case NoVXLANPort:
		a["port"] = strconv.Itoa(int(after.L4.DstPort))
	case NoVNI:
		a["vni"] = num(0)
	case Transmitted:
		a["dev"], a["to"] = dev, s.Target
	case LinkDown, PeerUnknown, TunnelUnread:
		a["dev"], a["kind"] = orElse(s.more().Text[0], dev), s.more().Text[1]
	case SourceCheckOK, SourceCheckFailed:
		a["eni"], a["src"] = s.more().Text[0], s.more().Addr.String()
	case DestCheckFailed:
		a["eni"], a["dst"] = s.more().Text[0], s.more().Addr.String()
	case GroupEgressOK, GroupIngressOK:
		a["group"], a["rule"], a["eni"] = s.more().Text[0], s.more().Text[1], s.more().Text[2]
	case GroupEgressNo, GroupIngressNo:
		a["eni"], a["groups"] = s.more().Text[0], s.more().Text[1]
	case GroupTracked:
		a["eni"] = s.more().Text[0]
	case VPCRoute:
		a["table"], a["dst"], a["target"] = s.more().Text[0], s.more().Text[1], s.more().Text[2]
	case VPCByMAC:
		a["eni"], a["node"], a["mac"] = s.more().Text[0], s.more().Text[1], s.more().Text[2]
	case VPCMapped:
		a["dst"], a["eni"], a["node"] = s.more().Addr.String(), s.more().Text[0], s.more().Text[1]
	case GatewayNAT, NATGatewaySNAT, NATGatewayUndo:
		_, a["from"], a["to"] = rewritten(before, after)
	case BalancerUndo:
		a["from"], a["to"] = endText(&before.Frame, true), endText(&after.Frame, true)
	case BalancerTargetInstance, BalancerTargetIP:
		a["from"], a["to"] = endText(&before.Frame, false), endText(&after.Frame, false)
		a["target"], a["zone"], a["listener"] = s.more().Text[0], s.more().Text[1], s.more().Text[2]
	case BalancerKeepsClient, BalancerHidesClient:
		a["src"] = after.IP.Src.String()
	case BalancerFlow:
		a["balancer"] = s.more().Text[0]
	case BalancerNoListener:
		a["balancer"], a["protocol"], a["port"] = s.more().Text[0], s.more().Text[1], strings.TrimPrefix(num(0), "0")
	case BalancerNoTarget:
		a["balancer"], a["zone"] = s.more().Text[0], s.more().Text[1]
	case DeliveredHere, ClosedPort:
		a["dst"] = after.IP.Dst.String()
		if after.IP.Protocol != packet.ICMP {
			a["port"] = strconv.Itoa(int(after.L4.DstPort))
		}
	case LoopDetected:
		a["limit"] = num(0)
	case NotModelled:
		a["what"] = s.more().Text[0]
	}
	if s.Stage == StageDrop || s.Stage == StageReject {
		a["reason"] = s.more().Text[2]
	}
	for k, v := range a {
		if v == "" && k != "via" {
			delete(a, k)
		}
	}
	if len(a) == 0 {
		return nil
	}
	return a
}

func dstText(p netip.Prefix) string {
	if p.Bits() == 0 {
		return "default"
	}
	return p.String()
}

// targetOf is what a rule that could not be decided would do if it matched.
func targetOf(s *Step) string {
	if s.Rule == nil {
		_, _, text := s.place()
		w := strings.Fields(text)
		return w[len(w)-1] // nft's verdict stands last
	}
	if s.Rule.Target == nil {
		return "(no target)"
	}
	return string(s.Rule.Target.AppendTo(nil))
}

// rewritten says which end of a packet a mapping changed, and from what to what.
func rewritten(before, after *packet.Packet) (what, from, to string) {
	if before.IP.Src != after.IP.Src || before.L4.SrcPort != after.L4.SrcPort {
		return "src", endText(&before.Frame, true), endText(&after.Frame, true)
	}
	return "dst", endText(&before.Frame, false), endText(&after.Frame, false)
}

// endText is one end of a packet: address and port.
func endText(f *packet.Frame, src bool) string {
	a, p := f.IP.Dst, f.L4.DstPort
	if src {
		a, p = f.IP.Src, f.L4.SrcPort
	}
	if !f.IP.Protocol.HasPorts() {
		return a.String()
	}
	return fmt.Sprintf("%v:%d", a, p)
}

func flowText(f *packet.Frame) string {
	return f.IP.Protocol.String() + " " + endText(f, true) + " → " + endText(f, false)
}

func tupleText(t packet.Tuple) string {
	if t.Protocol == packet.ICMP {
		return fmt.Sprintf("icmp %v → %v id %d", t.Src, t.Dst, t.SrcPort)
	}
	if !t.Protocol.HasPorts() {
		return fmt.Sprintf("%v %v → %v", t.Protocol, t.Src, t.Dst)
	}
	return fmt.Sprintf("%v %v:%d → %v:%d", t.Protocol, t.Src, t.SrcPort, t.Dst, t.DstPort)
}
