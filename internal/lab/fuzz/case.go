package fuzz

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/lab"
	"github.com/podpath/podpath/internal/topology"
)

// The files of a case's archive.
const (
	fileCluster   = "cluster.yaml"
	fileOptions   = "options"
	fileEdits     = "edits"
	fileFlow      = "flow.json"
	filePath      = "path.json"
	fileRules     = "rules.json"
	fileConntrack = "conntrack.txt"
	fileDrops     = "drops"
	fileKernel    = "kernel"
	fileCompared  = "compared"
)

// What the file compared may say. Without it a case is compared as a whole.
const (
	comparedWhole = "whole"
	comparedPart  = "part"
)

// Case is one network and one flow through it, and, where a kernel was asked, what it did.
type Case struct {
	Comment string   // what stands above the first file: why the case was kept
	Cluster string   // a description as [cluster.Read] reads it
	Options []string // key=value, as [compile.Compile] takes them
	Edits   []string // changes to single namespaces, see [Edit]
	Flow    lab.Flow

	// Recorded is what a kernel did with the flow; nil for a case that none has seen.
	Recorded *Recorded
}

// Recorded is a kernel's record in the form of [lab.Recording].
type Recorded struct {
	Kernel    string // its release
	Path      []map[string]any
	Rules     []map[string]any
	Conntrack []string
	// Drops are what the kernel threw away; nil where it was not asked.
	Drops []lab.Drop
	// Part says that the tracer did not know how the flow went on when this was recorded, or that nothing was compared. A case
	// without it has to be known as a whole: a tracer that stops short where it did not before differs.
	Part bool
}

// Topology compiles the case's cluster and applies its edits, from scratch each time: a topology must not change once a
// trace has used it.
func (c *Case) Topology() (*topology.Topology, error) {
	made, err := c.compile()
	if err != nil {
		return nil, err
	}
	if err := ApplyEdits(made.Topology, c.Edits); err != nil {
		return nil, err
	}
	return made.Topology, nil
}

func (c *Case) compile() (*compile.Compiled, error) {
	described, err := cluster.Read([]byte(c.Cluster), fileCluster)
	if err != nil {
		return nil, err
	}
	options := map[string]string{}
	for _, o := range c.Options {
		k, v, ok := strings.Cut(o, "=")
		if !ok {
			return nil, fmt.Errorf("%s: %q: want key=value", fileOptions, o)
		}
		options[k] = v
	}
	return compile.Compile(described, options)
}

// Recording is the case as [lab.Verify] takes it. It needs Recorded.
func (c *Case) Recording() (*lab.Recording, error) {
	if c.Recorded == nil {
		return nil, errors.New("the case has no recording (want path.json, rules.json, conntrack.txt)")
	}
	top, err := c.Topology()
	if err != nil {
		return nil, err
	}
	return &lab.Recording{Flow: c.Flow, Topology: top, Path: c.Recorded.Path, Rules: c.Recorded.Rules, Conntrack: c.Recorded.Conntrack,
		Drops: c.Recorded.Drops, HasDrops: c.Recorded.Drops != nil}, nil
}

// Format writes the case as a txtar archive.
func (c *Case) Format() ([]byte, error) {
	a := &txtar.Archive{}
	if c.Comment != "" {
		a.Comment = []byte(endLine(c.Comment))
	}
	add := func(name, data string) {
		a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(endLine(data))})
	}
	add(fileCluster, c.Cluster)
	add(fileOptions, strings.Join(c.Options, "\n"))
	add(fileEdits, strings.Join(c.Edits, "\n"))
	flow, err := json.MarshalIndent(c.Flow, "", " ")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fileFlow, err)
	}
	add(fileFlow, string(flow))
	if r := c.Recorded; r != nil {
		for _, f := range []struct {
			name string
			rows []map[string]any
		}{{filePath, r.Path}, {fileRules, r.Rules}} {
			rows, err := lab.MarshalRows(f.rows)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.name, err)
			}
			add(f.name, string(rows))
		}
		var lines []string
		for _, l := range r.Conntrack {
			lines = append(lines, lab.ConntrackText(l))
		}
		add(fileConntrack, strings.Join(lines, "\n"))
		if r.Drops != nil {
			var drops []string
			for _, d := range r.Drops {
				drops = append(drops, d.Location+" "+d.Reason)
			}
			add(fileDrops, strings.Join(drops, "\n"))
		}
		add(fileKernel, r.Kernel)
		if r.Part {
			add(fileCompared, comparedPart)
		} else {
			add(fileCompared, comparedWhole)
		}
	}
	return txtar.Format(a), nil
}

func endLine(s string) string {
	if s == "" || strings.HasSuffix(s, "\n") {
		return s
	}
	return s + "\n"
}

// Parse reads a case from its archive; name is for messages.
func Parse(data []byte, name string) (*Case, error) {
	a := txtar.Parse(data)
	c := &Case{Comment: string(a.Comment)}
	have := map[string][]byte{}
	for _, f := range a.Files {
		switch f.Name {
		case fileCluster, fileOptions, fileEdits, fileFlow, filePath, fileRules, fileConntrack, fileDrops, fileKernel, fileCompared:
		default:
			return nil, fmt.Errorf("%s: file %s is none of a case's (cluster.yaml, options, edits, flow.json, path.json, rules.json, conntrack.txt, drops, kernel, compared)", name, f.Name)
		}
		have[f.Name] = f.Data
	}
	for _, need := range []string{fileCluster, fileFlow} {
		if have[need] == nil {
			return nil, fmt.Errorf("%s: no %s (want an archive with `-- %s --`)", name, need, need)
		}
	}
	c.Cluster = string(have[fileCluster])
	c.Options, c.Edits = textLines(have[fileOptions]), textLines(have[fileEdits])
	if err := json.Unmarshal(have[fileFlow], &c.Flow); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", name, fileFlow, err)
	}
	if have[filePath] == nil && have[fileRules] == nil {
		return c, nil
	}
	r := &Recorded{Kernel: strings.TrimSpace(string(have[fileKernel]))}
	for file, rows := range map[string]*[]map[string]any{filePath: &r.Path, fileRules: &r.Rules} {
		if err := json.Unmarshal(have[file], rows); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, file, err)
		}
		if len(*rows) == 0 {
			*rows = nil // as it is before it is written
		}
	}
	if have[fileDrops] != nil {
		r.Drops = []lab.Drop{}
		for _, l := range textLines(have[fileDrops]) {
			where, reason, ok := strings.Cut(l, " ")
			if !ok {
				return nil, fmt.Errorf("%s: %s: %q: want the kernel's function and its skb_drop_reason", name, fileDrops, l)
			}
			r.Drops = append(r.Drops, lab.Drop{Location: where, Reason: reason})
		}
	}
	switch v := strings.TrimSpace(string(have[fileCompared])); v {
	case "", comparedWhole:
	case comparedPart:
		r.Part = true
	default:
		return nil, fmt.Errorf("%s: %s: %q: want %s or %s", name, fileCompared, v, comparedWhole, comparedPart)
	}
	r.Conntrack = lab.ParseConntrack(string(have[fileConntrack]))
	c.Recorded = r
	return c, nil
}

// textLines are the lines of a file; none for an empty one.
func textLines(data []byte) []string {
	var out []string
	for _, l := range strings.Split(string(data), "\n") {
		if l != "" {
			out = append(out, l)
		}
	}
	return out
}
