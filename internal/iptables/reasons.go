package iptables

// The codes of [Reason]: which field a match asked for. Each has the arguments want (as the rule says it, with "! " before
// it where the match is inverted) and have (what the packet had; "" for nothing); not-understood has text instead.
const (
	ReasonSource        = "source"
	ReasonDestination   = "destination"
	ReasonInInterface   = "in-interface"
	ReasonOutInterface  = "out-interface"
	ReasonProtocol      = "protocol"
	ReasonFragment      = "fragment"
	ReasonSourcePort    = "source-port"
	ReasonDestPort      = "destination-port"
	ReasonPorts         = "ports"
	ReasonTCPFlags      = "tcp-flags"
	ReasonICMPType      = "icmp-type"
	ReasonSourceType    = "source-type"
	ReasonDestType      = "destination-type"
	ReasonMark          = "mark"
	ReasonConnmark      = "connmark"
	ReasonCTState       = "ctstate"
	ReasonCTDirection   = "ctdir"
	ReasonCTStatus      = "ctstatus"
	ReasonCTProtocol    = "ctproto"
	ReasonCTAddress     = "ct-address"
	ReasonCTPort        = "ct-port"
	ReasonStatistic     = "statistic"
	ReasonSet           = "set"
	ReasonRecent        = "recent"
	ReasonMAC           = "mac"
	ReasonPhysdev       = "physdev"
	ReasonOwner         = "owner"
	ReasonRPFilter      = "rpfilter"
	ReasonNotUnderstood = "not-understood"
)

// ReasonCodes are all codes that a [Reason] of this package can have.
var ReasonCodes = []string{
	ReasonSource, ReasonDestination, ReasonInInterface, ReasonOutInterface, ReasonProtocol, ReasonFragment,
	ReasonSourcePort, ReasonDestPort, ReasonPorts, ReasonTCPFlags, ReasonICMPType, ReasonSourceType, ReasonDestType,
	ReasonMark, ReasonConnmark, ReasonCTState, ReasonCTDirection, ReasonCTStatus, ReasonCTProtocol, ReasonCTAddress,
	ReasonCTPort, ReasonStatistic, ReasonSet, ReasonRecent, ReasonMAC, ReasonPhysdev, ReasonOwner, ReasonRPFilter,
	ReasonNotUnderstood,
}

func reason(code string, not bool, want, have string) Reason {
	if not {
		want = "! " + want
	}
	return Reason{Code: code, Args: [][2]string{{"want", want}, {"have", have}}}
}
