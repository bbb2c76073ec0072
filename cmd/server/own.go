package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/server"
	"github.com/podpath/podpath/internal/share"
	"github.com/podpath/podpath/internal/snapshot"
)

// ownNetwork is the network that a request brings along. It is kept for the request and no longer.
type ownNetwork struct {
	input *share.Input
	made  map[string]*compile.Compiled // by options and named addresses: a page asks for the same more than once
}

// inputName is what an input is called in messages about its lines.
const inputName = "input"

// Own implements server.Engine.
func (e *engine) Own(_ context.Context, in *share.Input) (server.Engine, error) {
	x := *e
	x.own = &ownNetwork{input: in, made: map[string]*compile.Compiled{}}
	made, err := x.own.compiled(nil)
	if err != nil {
		var f *compile.FieldError
		if errors.As(err, &f) {
			err = errors.New(f.Error())
		}
		return nil, &server.FieldError{Field: "input", Code: "bad-input", Args: map[string]string{"what": strings.ReplaceAll(err.Error(), "\n", "; ")}}
	}
	x.presets = slices.Concat([]server.Preset{{ID: server.OwnPreset, Start: start(made)}}, e.presets)
	return &x, nil
}

// cluster reads the description; it is nil for a snapshot.
func (n *ownNetwork) cluster() (*cluster.Cluster, error) {
	if n.input.Kind != share.ClusterInput {
		return nil, nil
	}
	return cluster.Read([]byte(n.input.Text), inputName)
}

func (n *ownNetwork) compiled(options map[string]string, named ...string) (*compile.Compiled, error) {
	var key strings.Builder
	keys := slices.Sorted(maps.Keys(options))
	for _, k := range keys {
		key.WriteString(k + "=" + options[k] + "\n")
	}
	key.WriteString(strings.Join(named, "\n"))
	if have := n.made[key.String()]; have != nil {
		return have, nil
	}
	c, err := n.cluster()
	if err != nil {
		return nil, err
	}
	var made *compile.Compiled
	if c != nil {
		made, err = compile.Compile(c, options, named...)
	} else if len(options) > 0 {
		err = &compile.FieldError{Field: keys[0], Code: "unknown-option"}
	} else if t, rerr := snapshot.ReadArchive([]byte(n.input.Text), inputName); rerr != nil {
		err = rerr
	} else {
		made, err = query.Snapshot(t)
	}
	if err == nil {
		n.made[key.String()] = made
	}
	return made, err
}
