package cluster

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The decoder's own messages. They name a line but no field, and what UnmarshalText refuses has neither: both are found
// again in the parsed document.
var (
	reLine    = regexp.MustCompile(`(?s)^(?:yaml: )?line (\d+): (.*)$`)
	reUnknown = regexp.MustCompile(`(?s)^field (.+) not found in type `)
	reType    = regexp.MustCompile("(?s)^cannot unmarshal (!!\\w+)(?: `(.*)`)? into (.+)$")
	reText    = regexp.MustCompile(`(?s)Parse(?:Addr|Prefix|AddrPort)\(("(?:[^"\\]|\\.)*")\): (.*)$`)
)

// yamlError turns what the decoder says into problems with line and field. root is nil where the text is no YAML at all.
func yamlError(file string, err error, root *yaml.Node) error {
	var te *yaml.TypeError
	if !errors.As(err, &te) {
		return problemOf(file, err.Error(), root)
	}
	all := make([]error, 0, len(te.Errors))
	for _, m := range te.Errors {
		all = append(all, problemOf(file, m, root))
	}
	return errors.Join(all...)
}

func problemOf(file, message string, root *yaml.Node) error {
	p := &Problem{File: file, Reason: strings.TrimPrefix(message, "yaml: ")}
	if m := reLine.FindStringSubmatch(message); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
		p.Reason = m[2]
	}
	if m := reUnknown.FindStringSubmatch(p.Reason); m != nil {
		p.Reason = "unknown field"
		p.Field, _ = find(root, func(key, _ *yaml.Node) bool { return key != nil && key.Line == p.Line && key.Value == m[1] })
		if p.Field == "" {
			p.Field = strings.Join(strings.Fields(m[1]), " ")
		}
	} else if m := reType.FindStringSubmatch(p.Reason); m != nil {
		value := m[2]
		p.Field, _ = find(root, func(_, n *yaml.Node) bool {
			ok := n.Line == p.Line && n.ShortTag() == m[1] && strings.HasPrefix(n.Value, strings.TrimSuffix(m[2], "..."))
			if ok && len(n.Value) < 80 {
				value = n.Value // the decoder cuts it short
			}
			return ok
		})
		p.Reason = fmt.Sprintf("%s, want %s", words[m[1]], wanted(m[3]))
		if value != "" {
			p.Reason = fmt.Sprintf("%q, want %s", value, wanted(m[3]))
		}
	} else if m := reText.FindStringSubmatch(p.Reason); m != nil {
		value, _ := strconv.Unquote(m[1])
		want := "an address such as 10.0.0.1"
		if strings.Contains(p.Reason, "ParsePrefix") {
			want = "a prefix such as 10.0.0.0/16"
		}
		p.Reason = fmt.Sprintf("%q, want %s (%s)", value, want, m[2])
		p.Field, p.Line = find(root, func(_, n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Value == value })
	}
	return p
}

// words are what YAML's tags are called in a message.
var words = map[string]string{"!!str": "text", "!!int": "a number", "!!float": "a number", "!!bool": "true or false",
	"!!map": "a mapping", "!!seq": "a list", "!!null": "nothing", "!!timestamp": "a date"}

// wanted says in words what a Go type takes.
func wanted(goType string) string {
	switch {
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case strings.HasPrefix(goType, "map["), strings.HasPrefix(goType, "cluster."):
		if goType == "cluster.Image" {
			return "text"
		}
		return "a mapping"
	}
	switch goType {
	case "int":
		return "a number"
	case "bool":
		return "true or false"
	case "string":
		return "text"
	}
	return goType
}

// find gives the path and line of the first node, in the document's order, that a test takes.
func find(root *yaml.Node, test func(key, value *yaml.Node) bool) (path string, line int) {
	var walk func(n *yaml.Node, at string) bool
	visit := func(key, n *yaml.Node, at string) bool {
		if test(key, n) {
			path, line = at, n.Line
			if key != nil {
				line = key.Line
			}
			return true
		}
		return walk(n, at)
	}
	walk = func(n *yaml.Node, at string) bool {
		switch n.Kind {
		case yaml.DocumentNode:
			for _, c := range n.Content {
				if visit(nil, c, at) {
					return true
				}
			}
		case yaml.MappingNode:
			for i := 0; i+1 < len(n.Content); i += 2 {
				below := n.Content[i].Value
				if at != "" {
					below = at + "." + below
				}
				if visit(n.Content[i], n.Content[i+1], below) {
					return true
				}
			}
		case yaml.SequenceNode:
			for i, c := range n.Content {
				if visit(nil, c, at+"["+itoa(i)+"]") {
					return true
				}
			}
		}
		return false
	}
	if root != nil {
		walk(root, "")
	}
	return path, line
}
