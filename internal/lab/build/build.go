// Package build makes a topology out of real network namespaces: links, addresses, rules, routes, neighbours, FDBs, sysctls,
// ipsets and rulesets, as they stand in the topology and nothing beside. A cloud's fabric, which is no Linux, is imitated by
// namespaces of the lab's own (fabric.go).
package build

import (
	"errors"
	"fmt"
	"strings"

	"github.com/podpath/podpath/internal/lab/space"
	"github.com/podpath/podpath/internal/topology"
)

// Net is a topology in the kernel.
type Net struct {
	Lab      string
	Topology *topology.Topology
	// Made are the namespaces that the lab added for what is no Linux: a fabric's router and gateways.
	Made []string

	fabric *fabric // nil where there is none
	spaces map[string]*space.Space
	order  []string
	named  map[topology.Port]int // the index of an interface
	taken  map[int]bool          // the indexes that were given
	next   int
}

// LacksError is what a topology needs and the running kernel does not have, by the kernel's own names.
type LacksError struct{ What []string }

func (e *LacksError) Error() string {
	return "this kernel has no " + strings.Join(e.What, ", no ")
}

// Build makes a topology's namespaces, under the name of a lab. Where it fails, it leaves nothing behind. The error is a
// [*LacksError] where the kernel lacks something.
func Build(lab string, t *topology.Topology) (*Net, error) {
	if err := space.Root(); err != nil {
		return nil, err
	}
	if have, err := space.List(lab); err != nil || len(have) > 0 {
		if err == nil {
			err = fmt.Errorf("lab %s is there already (namespace %s): take it down first", lab, have[0])
		}
		return nil, err
	}
	n := &Net{Lab: lab, Topology: t, spaces: map[string]*space.Space{}, named: map[topology.Port]int{}, taken: map[int]bool{}, next: firstIndex}
	if err := n.build(); err != nil {
		n.letGo()
		if _, derr := space.Down(lab); derr != nil {
			err = errors.Join(err, derr)
		}
		return nil, err
	}
	return n, nil
}

// firstIndex is above what the kernel gives by itself: lo is 1, and tunl0 and its like follow.
const firstIndex = 101

// build goes stage by stage through all namespaces: a link has two ends, and a route needs its device's carrier.
func (n *Net) build() error {
	all, err := n.all()
	if err != nil {
		return err
	}
	if err := lacks(all); err != nil {
		return err
	}
	if n.Topology.Fabric != nil {
		if n.fabric, err = imitate(n.Topology); err != nil {
			return err
		}
		all = append(all, n.fabric.spaces...)
		for _, ns := range n.fabric.spaces {
			n.Made = append(n.Made, ns.Name)
		}
	}
	for _, ns := range all {
		s, err := space.Create(space.Name(n.Lab, ns.Name))
		if err != nil {
			return err
		}
		n.spaces[ns.Name] = s
		n.order = append(n.order, ns.Name)
	}
	for _, stage := range []func(*topology.Namespace) error{n.base, n.links, n.tunnels, n.enslave, n.raise, n.sysctls, n.addresses, n.routes, n.rules, n.neighbours, n.fdb, n.netfilter} {
		for _, ns := range all {
			if err := stage(ns); err != nil {
				return fmt.Errorf("%s: %w", ns.Name, err)
			}
		}
	}
	return nil
}

// all are the topology's namespaces, in its order.
func (n *Net) all() ([]*topology.Namespace, error) {
	var out []*topology.Namespace
	taken := map[string]string{}
	for _, name := range n.Topology.Names() {
		ns, err := n.Topology.Namespace(name)
		if err != nil {
			return nil, err
		}
		file := space.Name(n.Lab, name)
		if other, ok := taken[file]; ok {
			return nil, fmt.Errorf("namespaces %s and %s would both be %s", other, name, file)
		}
		taken[file] = name
		out = append(out, ns)
	}
	return out, nil
}

// Space is the namespace that stands for one of the topology's, or of those that the lab made; nil for any other name.
func (n *Net) Space(name string) *space.Space { return n.spaces[name] }

// Names are all namespaces, the topology's first.
func (n *Net) Names() []string { return n.order }

// Close takes the network down.
func (n *Net) Close() error {
	n.letGo()
	_, err := space.Down(n.Lab)
	return err
}

func (n *Net) letGo() {
	for _, s := range n.spaces {
		s.Close()
	}
}
