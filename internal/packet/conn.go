package packet

import "net/netip"

// Tuple identifies one direction of a connection, as conntrack sees it (nf_conntrack_tuple.h). For ICMP echo the
// identifier stands in both ports' place: SrcPort is the id, DstPort is type<<8 | code.
type Tuple struct {
	Src, Dst         netip.Addr
	SrcPort, DstPort uint16
	Protocol         Protocol
}

// ConnState is what conntrack calls the packet (enum ip_conntrack_info, and the two cases without an entry).
type ConnState uint8

// The states that `-m conntrack --ctstate` and nft's `ct state` name. The zero value means that conntrack has not seen
// the packet: the hook comes before it, or nothing in the namespace asks for it.
const (
	CTNone ConnState = iota
	CTInvalid
	CTNew
	CTEstablished
	CTRelated
	CTUntracked
)

// String gives the kernel's word in lower case, as nft prints it.
func (s ConnState) String() string {
	return [...]string{"", "invalid", "new", "established", "related", "untracked"}[s]
}

// ConnStatus are the status bits of a conntrack entry (enum ip_conntrack_status in nf_conntrack_common.h).
type ConnStatus uint8

// Status bits that a rule can ask for, or that conntrack -L prints.
const (
	StatusSeenReply ConnStatus = 1 << iota
	StatusAssured
	StatusConfirmed
	StatusExpected
	StatusSNAT // the source of the original direction is rewritten
	StatusDNAT // its destination is
)

// Conn is what conntrack knows about a packet at a hook: the part of its entry that rules read and write. A rule that
// sets the connection's mark writes Mark; NOTRACK sets State to CTUntracked.
type Conn struct {
	State    ConnState
	Reply    bool // the packet runs against the direction of the first one
	Status   ConnStatus
	Mark     uint32
	Zone     uint16
	Original Tuple
	ReplyDir Tuple // the tuple expected of the answer, NAT included
}
