package main

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/snapshot"
	"github.com/podpath/podpath/internal/topology"
)

// source is where a network comes from: a preset, a cluster's description, or a snapshot of real nodes.
type source struct {
	preset, file, snapshot string
	set                    []string
	inherited              int // so many of set come from the question that a column changes: what the network does not have of these is left out
	cni                    string
}

func (s *source) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&s.preset, "preset", "", "a cluster that comes with podpath (see podpath presets); the default is "+compile.Presets()[0])
	f.StringVar(&s.file, "cluster", "", "a cluster's description, YAML")
	f.StringVar(&s.snapshot, "snapshot", "", "dumps of real nodes: a folder, a txtar file, or - for standard input")
	f.StringArrayVar(&s.set, "set", nil, "an option, key=value; may be given several times (see podpath presets)")
	f.StringVar(&s.cni, "cni", "", "another network plugin for the same nodes and pods: calico-vxlan, calico-ipip … (see podpath presets)")
	c.MarkFlagsMutuallyExclusive("preset", "cluster", "snapshot")
}

// network is what was read or compiled.
type network struct {
	topology *topology.Topology
	compiled *compile.Compiled // nil for a snapshot
	options  map[string]string
}

// open reads the network; named are places a query names, among which may be addresses on the Internet.
func (s *source) open(named ...string) (*network, error) {
	options := map[string]string{}
	for _, kv := range s.set {
		k, v, ok := strings.Cut(kv, "=")
		if !ok {
			return nil, fmt.Errorf("--set %s: want key=value", kv)
		}
		options[k] = v
	}
	if s.snapshot != "" {
		if len(options) > 0 || s.cni != "" {
			return nil, fmt.Errorf("--set and --cni change a cluster that podpath compiles; a snapshot is as it is")
		}
		t, err := snapshot.Open(s.snapshot)
		return &network{topology: t}, err
	}
	var c *cluster.Cluster
	var err error
	if s.file != "" {
		data, rerr := os.ReadFile(s.file)
		if rerr != nil {
			return nil, rerr
		}
		c, err = cluster.Read(data, s.file)
	} else {
		id := s.preset
		if id == "" {
			id = compile.Presets()[0]
		}
		c, err = compile.Preset(id)
	}
	if err != nil {
		return nil, err
	}
	if s.cni != "" {
		if other, ok := compile.CNISet(options); ok && other != s.cni {
			return nil, fmt.Errorf("--cni %s and --set cni=%s: want one", s.cni, other)
		}
		options[compile.CNIKey] = s.cni
	}
	if s.inherited > 0 {
		if err := s.leave(c, options); err != nil {
			return nil, err
		}
	}
	made, err := compile.Compile(c, options, named...)
	if err != nil {
		return nil, err
	}
	return &network{topology: made.Topology, compiled: made, options: options}, nil
}

// leave takes out of options what is inherited and no option of this cluster.
func (s *source) leave(c *cluster.Cluster, options map[string]string) error {
	if cni, ok := compile.CNISet(options); ok {
		if err := compile.Set(c, compile.CNIKey, cni); err != nil {
			return err
		}
	}
	have := compile.Options(c)
	for _, kv := range s.set[:s.inherited] {
		k, _, _ := strings.Cut(kv, "=")
		own := slices.ContainsFunc(s.set[s.inherited:], func(x string) bool { return strings.HasPrefix(x, k+"=") })
		if !own && !slices.ContainsFunc(have, func(o compile.Option) bool { return o.Key == k }) {
			delete(options, k)
		}
	}
	return nil
}

// namespace finds a namespace by name, or by the name of the place that it is.
func (n *network) namespace(name string) (*topology.Namespace, error) {
	if ns, err := n.topology.Namespace(strings.TrimPrefix(name, "node/")); err == nil {
		return ns, nil
	}
	return n.topology.Namespace(name)
}

// destination resolves a snapshot's destination: an address, a Service's, or a namespace's primary one.
func (n *network) destination(name string) (compile.Place, error) {
	p := compile.Place{Name: name, Kind: topology.External}
	if a, err := netip.ParseAddr(name); err == nil {
		p.Address = a
		return p, nil
	}
	for i := range n.topology.Services {
		if s := &n.topology.Services[i]; s.Key() == name {
			if p.Address, p.Ports = s.Address, s.Ports; !s.Address.IsValid() {
				return p, fmt.Errorf("--to %s: this Service has no IPv4 address of its own (give an endpoint's)", name)
			}
			return p, nil
		}
	}
	ns, err := n.namespace(name)
	if err != nil {
		return p, fmt.Errorf("--to %s: want an address or one of %s", name, strings.Join(n.places(), ", "))
	}
	if p.Address = ns.PrimaryAddress(); !p.Address.IsValid() {
		return p, fmt.Errorf("--to %s: this namespace has no address", name)
	}
	return p, nil
}
