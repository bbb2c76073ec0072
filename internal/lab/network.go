package lab

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
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

// Write keeps the description beside a recording's files, the options in the form that parseOptions reads.
func (n *Network) Write(dir string) error {
	if n.Cluster == nil {
		return nil
	}
	options, err := n.formatOptions()
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(dir, clusterFile), n.Cluster, 0o644), os.WriteFile(filepath.Join(dir, optionsFile), []byte(options), 0o644))
}

// formatOptions writes a line for each option, key=value, by key so that the same network is the same file, and then one for
// each address.
func (n *Network) formatOptions() (string, error) {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(n.Options)) {
		if strings.Contains(n.Options[k], "\n") {
			return "", fmt.Errorf("%s: option %s=%q: want a value of one line", optionsFile, k, n.Options[k])
		}
		fmt.Fprintf(&b, "%s=%s\n", k, n.Options[k])
	}
	for _, a := range n.Named {
		fmt.Fprintf(&b, "%s\n", a)
	}
	return b.String(), nil
}

// parseOptions reads an options.txt. A value goes to the end of its line, blanks and all.
func parseOptions(text string) (options map[string]string, named []string) {
	options = map[string]string{}
	for l := range strings.Lines(text) {
		l = strings.TrimSuffix(l, "\n")
		if k, v, ok := strings.Cut(l, "="); ok {
			options[k] = v
		} else if l != "" {
			named = append(named, l)
		}
	}
	return options, named
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
	text, err := os.ReadFile(filepath.Join(dir, optionsFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	options, named := parseOptions(string(text))
	made, err := compile.Compile(c, options, named...)
	if err != nil {
		return nil, err
	}
	return made.Topology, nil
}
