package lab

import (
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// FlowOf is a traced query as a lab sends it. Where the query does not say what listens, every pod, node and outside host
// does, on the port that was asked for and on the one that the trace says it becomes: the trace took the port to be open, so
// here it is, wherever the packet ends.
func FlowOf(name string, t *trace.Trace) Flow {
	q := t.Query
	f := Flow{Name: name, Protocol: q.Protocol.String(), From: q.From, To: q.To.String(), Port: q.DstPort, ClientPort: q.SrcPort,
		ListenPort: q.DstPort, TTL: q.TTL, Payload: q.Payload, DF: q.DF, Servers: []string{}}
	if q.Source.IsValid() {
		f.Source = q.Source.String()
	}
	if q.Protocol == packet.ICMP {
		return f
	}
	ports := []uint16{q.DstPort}
	if port := t.Packets[t.End(&t.Legs[0]).Packet].L4.DstPort; port != 0 && port != q.DstPort {
		ports = append(ports, port)
	}
	for _, p := range ports {
		f.Listeners = append(f.Listeners, topology.Listener{Protocol: f.Protocol, Port: p})
	}
	for _, n := range t.Topology.Names() {
		if ns, err := t.Topology.Namespace(n); err == nil && !ns.Kind.Network() {
			f.Servers = append(f.Servers, n)
		}
	}
	return f
}
