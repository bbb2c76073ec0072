package narrate

import "github.com/podpath/podpath/internal/trace"

// Brief is a step without a line of the kernel's own, in a few words, the same in every language; the sentence is Code's.
func Brief(d *trace.StepDocument) string {
	a := d.Args
	switch trace.Code(d.Code) {
	case trace.FrameForUs:
		return "frame to " + a["mac"]
	case trace.FrameOnPort:
		return "port of " + a["bridge"]
	case trace.NeighbourARP, trace.NeighbourProxy, trace.NeighbourFabric:
		return "ARP: " + a["ip"] + " is at " + a["mac"] + ", says " + a["who"]
	case trace.TTLDecremented:
		return "forwarded"
	case trace.ConnNAT, trace.ConnNATUndo:
		return "conntrack: " + a["what"] + " " + a["from"] + " → " + a["to"]
	case trace.ConnNew, trace.ConnEstablished, trace.ConnRelated, trace.ConnInvalid:
		return "conntrack: " + d.Verdict
	case trace.VPCRoute:
		return "route table " + a["table"] + ": " + a["dst"] + " → " + a["target"]
	case trace.VPCMapped:
		return a["dst"] + " is on " + a["eni"] + " of " + a["node"]
	case trace.GatewayNAT, trace.NATGatewaySNAT, trace.NATGatewayUndo, trace.BalancerUndo:
		return a["from"] + " → " + a["to"]
	case trace.BalancerTargetInstance, trace.BalancerTargetIP:
		return "listener " + a["listener"] + ": target " + a["target"] + ", " + a["from"] + " → " + a["to"]
	case trace.BalancerFlow:
		return "back to the load balancer of " + a["balancer"]
	case trace.DeliveredHere:
		if a["port"] == "" {
			return "delivered to " + a["dst"]
		}
		return "delivered to the socket on " + a["dst"] + ":" + a["port"]
	case trace.Transmitted:
		return "to " + a["to"]
	case trace.BridgePort, trace.BridgeLearned:
		return a["mac"] + " is behind port " + a["port"]
	case trace.VXLANEncap:
		return "VXLAN " + a["from"] + " → " + a["to"] + " port " + a["port"] + ", VNI " + a["vni"] + ", +" + a["bytes"] + " bytes"
	case trace.IPIPEncap:
		return "IP-IP " + a["from"] + " → " + a["to"] + ", +" + a["bytes"] + " bytes"
	case trace.VXLANDecap:
		return "VXLAN from " + a["far"] + ", VNI " + a["vni"] + ", −" + a["bytes"] + " bytes"
	case trace.IPIPDecap:
		return "IP-IP from " + a["far"] + ", −" + a["bytes"] + " bytes"
	case trace.VPCByMAC:
		return a["mac"] + " is " + a["eni"] + " of " + a["node"]
	}
	return d.Code
}
