package fuzz

import (
	"errors"
	"strings"

	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/lab/build"
	recorder "github.com/podpath/podpath/internal/lab/record"
	"github.com/podpath/podpath/internal/topology"
)

// Linux is the running kernel: it builds networks out of namespaces of one lab, one network at a time.
type Linux struct {
	Lab string // the lab's name
}

// Features says what of it the running kernel has.
func (k Linux) Features() Features {
	return Features{IPIP: build.Has("ipip"), Branches: build.Has("vlan")}
}

// Build makes a network's namespaces and begins to watch them.
func (k Linux) Build(t *topology.Topology) (Network, error) {
	net, err := build.Build(k.Lab, t)
	var lacks *build.LacksError
	if errors.As(err, &lacks) {
		return nil, &LacksError{strings.Join(lacks.What, ", ")}
	}
	if err != nil {
		return nil, err
	}
	rec, err := recorder.New(net)
	if err != nil {
		return nil, errors.Join(err, net.Close())
	}
	return &linuxNetwork{net: net, rec: rec}, nil
}

type linuxNetwork struct {
	net *build.Net
	rec *recorder.Recorder
}

func (n *linuxNetwork) Record(f lab.Flow, before int) (*lab.Recording, error) {
	return n.rec.Again(f, before)
}

func (n *linuxNetwork) Close() error {
	n.rec.Close()
	return n.net.Close()
}
