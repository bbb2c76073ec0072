// Package record sends single flows through a lab's network and writes down what the kernel did with them: every frame on
// every interface, every rule that a packet met, the connections it left, the drop reasons. Recordings have the form of
// golden/kernel (package lab reads and compares them).
package record

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/lab/build"
	"github.com/podpath/podpath/internal/topology"
)

// Recorder watches a built network.
type Recorder struct {
	net    *build.Net
	traced []string // the namespaces whose rules are recorded
	taps   []*tap
	rules  []*ruleTrace
	drops  *dropTrace      // nil where the kernel has no tracefs
	ports  map[uint16]bool // UDP ports that carry VXLAN
	warm   bool
	// Patience is how long nothing may happen anywhere before a flow counts as over.
	Patience time.Duration
}

// DefaultPatience is longer than the kernel is ever silent while something is still going on (a lab's neighbours are asked every
// 15 ms, TCP acknowledges within 40 ms), with room for a machine that has other things to do. Only what is dropped takes it.
const DefaultPatience = 200 * time.Millisecond

// New begins to watch. Rules are recorded in the namespaces that the topology says are traced, else in all of its own.
func New(net *build.Net) (*Recorder, error) {
	r := &Recorder{net: net, ports: map[uint16]bool{4789: true}, Patience: DefaultPatience}
	for _, name := range net.Topology.Names() {
		ns, err := net.Topology.Namespace(name)
		if err != nil {
			return nil, err
		}
		for _, i := range ns.Interfaces {
			r.warm = r.warm || i.Kind == topology.Bridge
			if i.Kind == topology.VXLAN && i.Tunnel != nil {
				r.ports[i.Tunnel.Port] = true
			}
		}
		if net.Topology.IsTraced(ns) {
			r.traced = append(r.traced, name)
		}
	}
	if err := r.open(); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *Recorder) open() error {
	for _, name := range r.net.Topology.Names() {
		t, err := openTap(r.net.Space(name), name)
		if err != nil {
			return err
		}
		r.taps = append(r.taps, t)
	}
	for _, name := range r.traced {
		ns, err := r.net.Topology.Namespace(name)
		if err != nil {
			return err
		}
		t, err := openRules(r.net.Space(name), ns)
		if err != nil {
			return err
		}
		r.rules = append(r.rules, t)
	}
	r.drops = openDrops()
	return r.acquaint()
}

// Close stops watching. The network stays as it was before.
func (r *Recorder) Close() {
	for _, t := range r.taps {
		unix.Close(t.fd)
	}
	for _, t := range r.rules {
		t.close()
	}
	if r.drops != nil {
		r.drops.close()
	}
}

// Record sends a flow and writes down what became of it. The network forgets its connections and learned path MTUs first.
func (r *Recorder) Record(f lab.Flow) (*lab.Recording, error) {
	if err := r.check(&f); err != nil {
		return nil, err
	}
	if r.warm { // a bridge that has not seen a sender floods what is for it
		if _, err := r.exchange(f); err != nil {
			return nil, err
		}
	}
	if err := r.net.ForgetConnections(); err != nil {
		return nil, err
	}
	for _, t := range r.taps {
		s := r.net.Space(t.ns)
		_ = s.Sysctl("net.ipv4.route.flush", "1")
		if err := forgetRecent(s); err != nil {
			return nil, err
		}
		ns, err := r.net.Topology.Namespace(t.ns)
		if err != nil {
			return nil, err
		}
		if err := forgetSets(s, ns); err != nil {
			return nil, err
		}
	}
	r.forget()
	sent, err := r.exchange(f)
	if err != nil {
		return nil, err
	}
	path, numbers := buildPath(sent.frames, r.ports)
	rules := r.buildRules(sent.events, path, numbers)
	out := &lab.Recording{Flow: f, Topology: r.net.Topology}
	out.Path, out.Rules = lab.Generic(path), lab.Generic(rules)
	out.Flow.ClientSaw, out.Flow.ServerSaw = sent.client, sent.server
	out.Flow.Kernel = Kernel()
	out.Flow.RandomPorts = drawn(path, rules, sent.conns, &f)
	out.Flow.Packets = packets(path)
	out.Conntrack, out.Drops, out.HasDrops = sent.conns, sent.drops, r.drops != nil
	out.Frames = sent.captured()
	return out, nil
}

// check fills in a flow's defaults and refuses what cannot be sent.
func (r *Recorder) check(f *lab.Flow) error {
	if r.net.Space(f.From) == nil {
		return fmt.Errorf("flow %s: from %q: no such namespace", f.Name, f.From)
	}
	for _, s := range f.Servers {
		if r.net.Space(s) == nil {
			return fmt.Errorf("flow %s: server %q: no such namespace", f.Name, s)
		}
	}
	if f.ClientPort == 0 {
		f.ClientPort = 40000
	}
	if f.TTL == 0 {
		f.TTL = 64
	}
	return nil
}

// forget throws away what was seen so far.
func (r *Recorder) forget() {
	for _, t := range r.taps {
		t.discard()
	}
	for _, t := range r.rules {
		t.discard()
	}
	if r.drops != nil {
		r.drops.clear()
	}
}

// Kernel is the running kernel's version: 6.18.44, without what its builder called it.
func Kernel() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	release := unix.ByteSliceToString(u.Release[:])
	if end := strings.IndexFunc(release, func(r rune) bool { return r != '.' && (r < '0' || r > '9') }); end >= 0 {
		release = release[:end]
	}
	return strings.TrimRight(release, ".")
}
