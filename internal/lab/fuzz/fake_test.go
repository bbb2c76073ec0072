package fuzz

import (
	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// fake is a kernel whose recordings the tracer makes, so that they agree with it, but for what plant does to them.
type fake struct {
	plant func(t *topology.Topology, r *lab.Recording)
	lacks func(t *topology.Topology) string
	built int
}

type fakeNetwork struct {
	*fake
	top *topology.Topology
}

func (k *fake) Build(t *topology.Topology) (Network, error) {
	if k.lacks != nil {
		if name := k.lacks(t); name != "" {
			return nil, &LacksError{name}
		}
	}
	k.built++
	return &fakeNetwork{k, t}, nil
}

func (n *fakeNetwork) Close() error { return nil }

func (n *fakeNetwork) Record(f lab.Flow, _ int) (*lab.Recording, error) {
	r := &lab.Recording{Flow: f, Topology: n.top}
	q, err := r.Query(true)
	if err != nil {
		return nil, err
	}
	tr, err := trace.Run(n.top, q)
	if err != nil {
		return nil, err
	}
	r.Flow.ClientSaw, r.Flow.Kernel = "timeout", "6.1.0"
	if tr.Outcome == trace.Delivered {
		r.Flow.ClientSaw = lab.EchoReply
	}
	path, rules := lab.Rows(tr)
	r.Path, r.Rules = lab.Generic(path), lab.Generic(rules)
	for _, ns := range n.top.Names() {
		for _, l := range tr.ConntrackLines(ns) {
			r.Conntrack = append(r.Conntrack, ns+": "+l)
		}
	}
	if n.plant != nil {
		n.plant(n.top, r)
	}
	return r, nil
}
