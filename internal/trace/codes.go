package trace

// Code names a reason or explanation. The set is closed: every code has a sentence in each language (web/locales), and
// a test holds both to this list. A trace never stores a sentence.
type Code string

// The codes, by stage. Arguments are named behind each; all are strings.
const (
	// send
	SourceByRoute Code = "source-by-route" // src, dst, dev: the route gave the source address
	SourceBound   Code = "source-bound"    // src: the socket was bound to it

	// receive
	FrameForUs    Code = "frame-for-us"     // dev, mac
	FrameNotForUs Code = "frame-not-for-us" // dev, mac, want: dropped, SKB_DROP_REASON_OTHERHOST
	FrameOnPort   Code = "frame-on-port"    // dev, bridge: a bridge port hands it to its bridge
	FrameRaw      Code = "frame-raw"        // dev: a device without link layer

	// conntrack
	ConnNew         Code = "ct-new"         // tuple
	ConnEstablished Code = "ct-established" // tuple, direction: original or reply
	ConnRelated     Code = "ct-related"     // tuple
	ConnInvalid     Code = "ct-invalid"     // tuple
	ConnUntracked   Code = "ct-untracked"
	ConnNAT         Code = "ct-nat"       // what: src or dst, from, to: the entry's mapping applied without asking a chain
	ConnNATUndo     Code = "ct-nat-undo"  // what, from, to: the reply gets its old address back
	ConnConfirmed   Code = "ct-confirmed" // tuple, reply: the entry enters the table

	// netfilter
	RuleMatched       Code = "rule-matched"        // target
	RuleJump          Code = "rule-jump"           // chain
	RuleGoto          Code = "rule-goto"           // chain
	RuleReturn        Code = "rule-return"         // chain
	RuleAccept        Code = "rule-accept"         //
	MasqueradeMoved   Code = "masquerade-moved"    // was, dev: NETFILTER_DROP
	RuleDrop          Code = "rule-drop"           // reason: NETFILTER_DROP; comment: the rule's own
	RuleReject        Code = "rule-reject"         // with; comment: the rule's own
	RuleMark          Code = "rule-mark"           // before, after: fwmark
	RuleMarkSame      Code = "rule-mark-same"      // mark: nothing changed
	RuleConnmark      Code = "rule-connmark"       // before, after
	RuleConnmarkSame  Code = "rule-connmark-same"  // mark
	RuleRestored      Code = "rule-restored"       // before, after: fwmark from the connection's mark
	RuleRestoredSame  Code = "rule-restored-same"  // mark
	RuleSNAT          Code = "rule-snat"           // from, to
	RuleDNAT          Code = "rule-dnat"           // from, to
	RuleMasquerade    Code = "rule-masquerade"     // from, to, dev
	RuleRedirect      Code = "rule-redirect"       // from, to
	RuleTTL           Code = "rule-ttl"            // before, after
	RuleNotrack       Code = "rule-notrack"        //
	RuleCounts        Code = "rule-counts"         // a rule without a verdict: it only counts or logs
	ChainEnd          Code = "chain-end"           // chain
	ChainPolicy       Code = "chain-policy"        // policy
	ChainPolicyDrop   Code = "chain-policy-drop"   //
	RuleNotUnderstood Code = "rule-not-understood" // text: podpath does not model it; the trace goes on as if it had not matched
	RuleUndecided     Code = "rule-undecided"      // what a match needs was not given
	OutputRerouted    Code = "output-rerouted"     // dst or mark changed in OUTPUT, so the route is looked up again

	// route
	PolicyRule        Code = "policy-rule"       // priority, table
	RouteUnicast      Code = "route-unicast"     // table, dst, via, dev
	RouteLink         Code = "route-link"        // table, dst, dev: on the link, no gateway
	RouteLocal        Code = "route-local"       // dst
	RouteBroadcast    Code = "route-broadcast"   // dst
	RouteBlackhole    Code = "route-blackhole"   // dst
	RouteUnreachable  Code = "route-unreachable" // dst
	RouteProhibit     Code = "route-prohibit"    // dst
	RouteNone         Code = "route-none"        // dst: no route in any table
	TableMissing      Code = "table-missing"     // table: the snapshot does not have it
	ReversePathOK     Code = "rp-filter-ok"      // dev, src, mode: strict or loose
	ReversePathFailed Code = "rp-filter-failed"  // dev, src, mode, back: the reverse route leaves by back; IP_RPFILTER
	MartianSource     Code = "martian-source"    // src: IP_LOCAL_SOURCE or IP_INVALID_SOURCE
	MartianDest       Code = "martian-dest"      // dst
	ForwardingOff     Code = "forwarding-off"    // dev
	SourceNotLocal    Code = "source-not-local"  // src: no address of this host
	RouteMulticast    Code = "route-multicast"   // dst: multicast is not modelled
	LoopbackToOutside Code = "loopback-localnet" // dst: route_localnet is off

	// forward
	TTLDecremented Code = "ttl-decremented" // before, after
	TTLExceeded    Code = "ttl-exceeded"    // ttl
	TooBig         Code = "too-big"         // len, mtu, dev: DF is set
	Fragmented     Code = "fragmented"      // len, mtu, dev, count

	// neighbour
	NeighbourPermanent Code = "neighbour-permanent" // ip, mac, dev
	NeighbourKnown     Code = "neighbour-known"     // ip, mac, dev, state
	NeighbourARP       Code = "neighbour-arp"       // ip, mac, dev, who: asked, and who answered
	NeighbourProxy     Code = "neighbour-proxy"     // ip, mac, dev, who: answered by proxy ARP
	NeighbourFabric    Code = "neighbour-fabric"    // ip, mac, dev: the fabric answers from its mapping
	NeighbourFailed    Code = "neighbour-failed"    // ip, dev: nobody answers; NEIGH_FAILED

	// bridge
	BridgePort    Code = "bridge-port"    // mac, port: FDB entry
	BridgeLearned Code = "bridge-learned" // mac, port: found behind the port
	BridgeFlood   Code = "bridge-flood"   // mac
	BridgeUp      Code = "bridge-up"      // mac, bridge: for the bridge itself
	// BridgeCopy says that a promiscuous bridge hands up a copy of what it forwards, BridgeCopyPasses that nothing stops the
	// copy, so that it goes out a second time.
	BridgeCopy       Code = "bridge-copy"        // bridge
	BridgeCopyPasses Code = "bridge-copy-passes" // bridge

	// transmit, decap, encap
	Transmitted  Code = "transmitted"   // dev, to
	LinkDown     Code = "link-down"     // dev
	PeerUnknown  Code = "peer-unknown"  // dev: what is behind it was not given
	TunnelUnread Code = "tunnel-device" // dev, kind: the dump does not say what the device puts around a packet
	VXLANFDB     Code = "vxlan-fdb"     // mac, far, dev: the FDB entry that gives the outer destination
	VXLANFlood   Code = "vxlan-flood"   // mac, far, dev: the entry for MACs that are not known
	VXLANRemote  Code = "vxlan-remote"  // far, dev: the device's own far end
	VXLANNoFDB   Code = "vxlan-no-fdb"  // mac, dev: NO_TX_TARGET
	VXLANEncap   Code = "vxlan-encap"   // from, to, vni, port, bytes, dev
	VXLANDecap   Code = "vxlan-decap"   // far, vni, bytes, dev
	IPIPEncap    Code = "ipip-encap"    // from, to, bytes, dev, ttl
	IPIPDecap    Code = "ipip-decap"    // far, bytes, dev
	TunnelLoop   Code = "tunnel-loop"   // dev, dst: the way to the far end is the tunnel itself
	NoVXLANPort  Code = "no-vxlan-port" // port: no vxlan device listens on it
	NoVNI        Code = "no-vni"        // vni: VXLAN_VNI_NOT_FOUND
	NoIPIP       Code = "no-ipip"       // no ipip device

	// fabric
	SourceCheckOK     Code = "source-check-ok"          // eni, src
	SourceCheckFailed Code = "source-check-failed"      // eni, src: the card does not own it
	DestCheckFailed   Code = "destination-check"        // eni, dst
	GroupEgressOK     Code = "group-egress-allowed"     // group, rule
	GroupEgressNo     Code = "group-egress-denied"      // groups
	GroupIngressOK    Code = "group-ingress-allowed"    // group, rule
	GroupIngressNo    Code = "group-ingress-denied"     // groups
	GroupTracked      Code = "group-tracked"            // eni: the answer to something it let through before
	VPCRoute          Code = "vpc-route"                // table, dst, target
	VPCNoRoute        Code = "vpc-no-route"             // table, dst
	VPCMapped         Code = "vpc-mapped"               // dst, eni, node: the mapping service knows the card
	VPCByMAC          Code = "vpc-by-mac"               // mac, eni, node: a frame for a neighbour in the subnet
	VPCNoCard         Code = "vpc-no-card"              // dst: no card has the address
	GatewayNAT        Code = "internet-gateway-nat"     // from, to
	GatewayNoPublic   Code = "internet-gateway-none"    // src: no public address
	GatewayUnknownDst Code = "internet-gateway-dst"     // dst: no card has this public address
	GatewayPrivateDst Code = "internet-gateway-private" // dst: an address that the Internet does not carry
	NATGatewaySNAT    Code = "nat-gateway-snat"         // from, to
	NATGatewayUndo    Code = "nat-gateway-undo"         // from, to
	NATGatewayNoEntry Code = "nat-gateway-unexpected"   // dst: nothing inside asked for it
	NobodyOutside     Code = "nobody-outside"           // dst: no host beyond the gateway has it
	FabricTooBig      Code = "fabric-too-big"           // len, mtu

	// a load balancer of the fabric
	BalancerTargetInstance Code = "lb-target-instance" // from, to, target, zone, listener: a machine's node port
	BalancerTargetIP       Code = "lb-target-ip"       // from, to, target, zone, listener: the pod itself
	BalancerKeepsClient    Code = "lb-client-kept"     // src
	BalancerHidesClient    Code = "lb-client-hidden"   // src: the load balancer's own
	BalancerFlow           Code = "lb-flow"            // balancer: the answer to a packet of its; it goes back there
	BalancerUndo           Code = "lb-undo"            // from, to
	BalancerNoListener     Code = "lb-no-listener"     // balancer, port, protocol
	BalancerNoTarget       Code = "lb-no-target"       // balancer, zone: no healthy target that this zone's node may use
	BalancerICMP           Code = "lb-icmp"            // an ICMP error of a target: what becomes of it is not documented

	// deliver, drop
	DeliveredHere Code = "delivered"    // dst, port
	ClosedPort    Code = "closed-port"  // dst, port: nothing listens
	LoopDetected  Code = "loop"         // limit: the packet was still on its way after so many hops
	NotModelled   Code = "not-modelled" // what

	// what the trace takes to be so
	AssumeSysctl  Code = "assume-sysctl"   // namespace, name, value
	AssumeRule    Code = "assume-rule"     // namespace, text: not understood, taken as not matching
	AssumeListens Code = "assume-listens"  // namespace, port
	AssumePort    Code = "assume-port"     // namespace, port: the kernel would draw at random
	AssumeNoRules Code = "assume-no-rules" // namespace: no `ip rule` given, the kernel's three taken
	AssumeChoice  Code = "assume-choice"   // id: a choice was given for what the packet does not meet
	// AssumePending says that a Service asks for a load balancer by a class that is not known here.
	AssumePending Code = "assume-pending-balancer" // service, class
	// AssumeUnplaced says that no subnet will do for an internet-facing load balancer, so that there is none.
	AssumeUnplaced Code = "assume-unplaced-balancer" // service
	// AssumeClassic says that a load balancer that a Service asks for is not modelled.
	AssumeClassic Code = "assume-classic-balancer" // service

	// what would have to change
	WouldRaiseTTL     Code = "would-raise-ttl"      // at least
	WouldClearDF      Code = "would-clear-df"       // mtu
	WouldLoosen       Code = "would-loosen-rp"      // name, value
	WouldAddRoute     Code = "would-add-route"      // dst
	WouldAllow        Code = "would-allow"          // rule
	WouldDisableCheck Code = "would-disable-check"  // eni
	WouldPublic       Code = "would-public-address" // src
	WouldListen       Code = "would-listen"         // port
	WouldForward      Code = "would-forward"        // name
	WouldNeighbour    Code = "would-neighbour"      // ip
	WouldGive         Code = "would-give"           // command
	WouldGroupRule    Code = "would-group-rule"     // group, protocol, port, from
	WouldTarget       Code = "would-target"         // zone
	WouldFDB          Code = "would-fdb"            // mac, dev
)

// AssumeFlowPort says that the outer source port of a tunnel is a hash of the inner flow with a secret of the kernel's.
const AssumeFlowPort Code = "assume-flow-port" // namespace, port

// AssumeNotActedOn says that a description has something that its network plugin passes over, so that it changes no packet's way.
const AssumeNotActedOn Code = "assume-not-acted-on" // what

// AssumeIgnored says that a piece of a snapshot was not recognised.
const AssumeIgnored Code = "assume-ignored" // file

// AssumeWhole says that a packet that the kernel would send in fragments is shown as one.
const AssumeWhole Code = "assume-whole" // namespace

// AssumeOrder is that of two nat chains at one priority the first was registered later, so that the kernel asks it first. Of
// filter chains it is not said: all are asked, and the packet lives only where all let it pass, whatever their order. Of nat
// chains the first that maps is the last one asked.
const AssumeOrder Code = "assume-order" // namespace, hook, first, second
