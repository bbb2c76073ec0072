package netfilter

import "github.com/podpath/podpath/internal/packet"

// tcpState is the state that conntrack keeps of a TCP connection, as far as it shows: in what is invalid, and in
// ASSURED (tcp_conntracks in nf_conntrack_proto_tcp.c).
type tcpState uint8

const (
	tcpNone tcpState = iota
	tcpSynSent
	tcpSynRecv
	tcpEstablished
	tcpClosing
)

// trackTCP moves the state on with a packet. It returns false for what is invalid in the state. A RST while no answer but
// itself was seen forgets the connection, whoever sent it (the IPS_SEEN_REPLY_BIT branch of nf_conntrack_tcp_packet,
// which runs before the bit is set for the packet at hand).
func (c *Conntrack) trackTCP(e *Entry, fl packet.TCPFlags, reply bool) bool {
	old := e.tcp
	switch {
	case fl&packet.RST != 0:
		if old == tcpSynSent || e.Status&packet.StatusSeenReply == 0 {
			c.Forget(e)
		}
		e.tcp = tcpClosing
	case fl&(packet.SYN|packet.ACK) == packet.SYN|packet.ACK:
		if !reply && old != tcpNone {
			return false
		}
		if old == tcpSynSent {
			e.tcp = tcpSynRecv
		}
	case fl&packet.SYN != 0:
		if old == tcpNone {
			e.tcp = tcpSynSent
		}
	case old == tcpSynSent && !reply && fl&(packet.FIN|packet.ACK) != 0:
		return false // who asked for a connection goes on before an answer passed here: one that was not tracked, say
	case fl&packet.FIN != 0:
		e.tcp = tcpClosing
	case fl&packet.ACK != 0:
		switch old {
		case tcpNone:
			e.tcp = tcpEstablished
		case tcpSynRecv, tcpEstablished:
			if !reply || old == tcpEstablished {
				e.tcp = tcpEstablished
				if e.Status&packet.StatusSeenReply != 0 { // of a connection of which only one side passes here, nothing is sure
					e.Status |= packet.StatusAssured
				}
			}
		}
	}
	return true
}
