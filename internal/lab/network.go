package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/snapshot"
	"github.com/podpath/podpath/internal/topology"
)

// A recording of a network that podpath compiled keeps the description and its options: dumps of the namespaces say nothing
// of a cloud's fabric, which is no Linux.
const (
	clusterFile = "cluster.yaml"
	optionsFile = "options.txt"
	stateFolder = "state"
)

// Network is what a recording's network was made of.
type Network struct {
	Cluster []byte            // a cluster's description; nil where the network was read from dumps
	Options map[string]string // what it was compiled with
	Named   []string          // addresses on the Internet that the flow names
}

// Write keeps the description beside a recording's files.
func (n *Network) Write(dir string) error {
	if n.Cluster == nil {
		return nil
	}
	var b strings.Builder
	for k, v := range n.Options {
		fmt.Fprintf(&b, "%s=%s\n", k, v)
	}
	for _, a := range n.Named {
		fmt.Fprintf(&b, "%s\n", a)
	}
	return errors.Join(os.WriteFile(filepath.Join(dir, clusterFile), n.Cluster, 0o644), os.WriteFile(filepath.Join(dir, optionsFile), []byte(b.String()), 0o644))
}

// openNetwork reads the network of a recording: the description beside it, or the folder `state` in it or beside it.
func openNetwork(dir string) (*topology.Topology, error) {
	data, err := os.ReadFile(filepath.Join(dir, clusterFile))
	if errors.Is(err, os.ErrNotExist) {
		state := filepath.Join(dir, stateFolder)
		if _, err := os.Stat(state); err != nil {
			state = filepath.Join(filepath.Dir(filepath.Clean(dir)), stateFolder)
		}
		return snapshot.Open(state)
	}
	if err != nil {
		return nil, err
	}
	c, err := cluster.Read(data, filepath.Join(dir, clusterFile))
	if err != nil {
		return nil, err
	}
	options := map[string]string{}
	var named []string
	text, err := os.ReadFile(filepath.Join(dir, optionsFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for _, l := range strings.Fields(string(text)) {
		if k, v, ok := strings.Cut(l, "="); ok {
			options[k] = v
		} else {
			named = append(named, l)
		}
	}
	made, err := compile.Compile(c, options, named...)
	if err != nil {
		return nil, err
	}
	return made.Topology, nil
}
