package fuzz

import (
	"errors"
	"reflect"
	"strings"
	"time"

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
	net  *build.Net
	rec  *recorder.Recorder
	last *lab.Flow
	// times is how often the last flow was sent again, each time from another port: the kernel may not be done with one.
	times uint16
}

const otherPort = 1000

// again is how long a network rests before the same flow is sent once more: the kernel sends one "no route" a second to a host
// once five have gone (ip_error in net/ipv4/route.c).
const again = 1200 * time.Millisecond

// Record sends a flow. Whoever sends the same flow again doubts what came of it: then there is more time for everything.
func (n *linuxNetwork) Record(f lab.Flow) (*lab.Recording, error) {
	if n.last != nil && reflect.DeepEqual(*n.last, f) {
		time.Sleep(again)
		n.rec.Patience *= 2
		n.times++
	} else {
		n.rec.Patience, n.times = recorder.DefaultPatience, 0
	}
	last := f
	n.last = &last
	f.ClientPort += n.times * otherPort
	return n.rec.Record(f)
}

func (n *linuxNetwork) Close() error {
	n.rec.Close()
	return n.net.Close()
}
