package query

import (
	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/topology"
)

// noIPv4 is why nothing can be sent to a place without an address; the sentence is field.no-address-no-ipv4.
const noIPv4 = "no-ipv4"

// Snapshot is a network that was read and not compiled, with its places: each namespace, and the Services that the snapshot has.
// A pod goes by its namespace's name; any other is a machine, and goes by that or as node/<name>. Its Cluster is nil.
func Snapshot(t *topology.Topology) (*compile.Compiled, error) {
	c := &compile.Compiled{Topology: t}
	for _, name := range t.Names() {
		ns, err := t.Namespace(name)
		if err != nil {
			return nil, err
		}
		p := compile.Place{Name: name, Label: name, Address: ns.PrimaryAddress(), Kind: topology.Pod}
		if ns.Kind != topology.Pod {
			p.Name, p.Node, p.Kind = "node/"+name, name, topology.Node
		}
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
