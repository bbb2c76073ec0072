package snapshot

import (
	"net/netip"
	"strings"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
)

// readServices reads the names of Services from Kubernetes objects, as kubectl prints them. Nothing else is taken from
// them: what kube-proxy made of them is in the node's own dump.
func readServices(f file) ([]topology.Service, error) {
	o, err := cluster.ReadObjects(f.data, f.name)
	if err != nil {
		return nil, err
	}
	var out []topology.Service
	for _, s := range o.Services {
		x := topology.Service{Namespace: s.Namespace, Name: s.Name}
		if a, err := netip.ParseAddr(s.Spec.ClusterIP); err == nil && a.Is4() {
			x.Address = a
		}
		for _, p := range s.Spec.Ports {
			protocol, err := packet.ParseProtocol(strings.ToLower(string(p.Protocol)))
			if err != nil {
				return nil, errorf(f.name, 0, "Service %s/%s: %v", s.Namespace, s.Name, err)
			}
			x.Ports = append(x.Ports, topology.ServicePort{Name: p.Name, Protocol: protocol, Port: uint16(p.Port)})
		}
		out = append(out, x)
	}
	return out, nil
}
