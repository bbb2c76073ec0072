package query

import (
	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/topology"
)

// noIPv4 is why nothing can be sent to a place without an address; the sentence is field.no-address-no-ipv4.
const noIPv4 = "no-ipv4"

// Snapshot is a network that was read and not compiled, with its places: each namespace by its name, and the Services that the
// snapshot has. Its Cluster is nil.
func Snapshot(t *topology.Topology) (*compile.Compiled, error) {
	c := &compile.Compiled{Topology: t}
	for _, name := range t.Names() {
		ns, err := t.Namespace(name)
		if err != nil {
			return nil, err
		}
		kind := ns.Kind
		if kind != topology.Pod && kind != topology.Node {
			kind = topology.Pod // a namespace that a socket may be in
		}
		p := compile.Place{Name: name, Label: name, Address: ns.PrimaryAddress(), Node: name, Kind: kind}
		if !p.Address.IsValid() {
			p.Why = noIPv4
		}
		c.Places = append(c.Places, p)
	}
	for i := range t.Services {
		s := &t.Services[i]
		p := compile.Place{Name: s.Key(), Label: s.Name, Address: s.Address, Ports: s.Ports, Kind: compile.Service}
		if !s.Address.IsValid() {
			p.Why = noIPv4
		}
		c.Places = append(c.Places, p)
	}
	return c, nil
}
