package redact

import (
	"maps"
	"regexp"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// shape is what a value of a description may be. What has no shape is left out.
type shape interface{ isShape() }

type (
	// object is a mapping with these keys.
	object map[string]shape
	// list is a sequence of one shape.
	list struct{ of shape }
	// dict is a mapping with any keys.
	dict struct {
		key   func(*book, string) (string, bool)
		value func(b *book, key, value string) (string, bool)
	}
	// scalar replaces one value; false leaves it out.
	scalar func(*book, string) (string, bool)
	// choice finds the shape by looking at the value.
	choice func(*yaml.Node) shape
)

func (object) isShape() {}
func (list) isShape()   {}
func (dict) isShape()   {}
func (scalar) isShape() {}
func (choice) isShape() {}

// mostNodes is how many values a description may have with its aliases written out: five thousand nodes with thirty pods each
// have some five million.
const mostNodes = 20_000_000

// walker copies values by their shapes.
type walker struct {
	b     *book
	count int
	deep  bool // too many values, or one in itself
}

// copy gives a value's replacement; nil where it is left out.
func (w *walker) copy(n *yaml.Node, s shape, depth int) *yaml.Node {
	if w.count++; w.count > mostNodes || depth > 100 {
		w.deep = true
		return nil
	}
	if n.Kind == yaml.AliasNode {
		return w.copy(n.Alias, s, depth+1)
	}
	if c, ok := s.(choice); ok {
		s = c(n)
	}
	if s == nil {
		w.cut(n)
		return nil
	}
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	}
	switch s := s.(type) {
	case object:
		if n.Kind == yaml.MappingNode {
			return w.mapping(n, depth, func(key string) (string, shape, bool) { x, ok := s[key]; return key, x, ok })
		}
	case dict:
		if n.Kind == yaml.MappingNode {
			return w.mapping(n, depth, func(key string) (string, shape, bool) {
				to, ok := s.key(w.b, key)
				return to, scalar(func(b *book, v string) (string, bool) { return s.value(b, key, v) }), ok
			})
		}
	case list:
		if n.Kind == yaml.SequenceNode {
			out := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: n.Style & yaml.FlowStyle}
			for _, x := range n.Content {
				if y := w.copy(x, s.of, depth+1); y != nil {
					out.Content = append(out.Content, y)
				}
			}
			return out
		}
	case scalar:
		if n.Kind == yaml.ScalarNode {
			return w.scalar(n, s)
		}
	}
	w.cut(n)
	return nil
}

func (w *walker) scalar(n *yaml.Node, s scalar) *yaml.Node {
	tag := n.ShortTag()
	switch tag {
	case "!!str", "!!int", "!!bool":
	default: // floats, dates, binary: nothing that is read
		w.cut(n)
		return nil
	}
	v, ok := s(w.b, n.Value)
	if !ok {
		w.cut(n)
		return nil
	}
	if v != n.Value {
		tag = "!!str"
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: v}
}

// mapping copies a mapping's pairs, with those that a merge brings (<<).
func (w *walker) mapping(n *yaml.Node, depth int, shapeOf func(string) (string, shape, bool)) *yaml.Node {
	out := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Style: n.Style & yaml.FlowStyle}
	have := map[string]bool{}
	var add func(n *yaml.Node, depth int)
	add = func(n *yaml.Node, depth int) {
		for ; n != nil && n.Kind == yaml.AliasNode && depth < 100; depth++ {
			n = n.Alias
		}
		if w.count++; w.count > mostNodes || depth >= 100 || n == nil {
			w.deep = true
			return
		}
		if n.Kind == yaml.SequenceNode { // of merges
			for _, x := range n.Content {
				add(x, depth+1)
			}
			return
		}
		if n.Kind != yaml.MappingNode {
			return
		}
		var merged []*yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if key.ShortTag() == "!!merge" {
				merged = append(merged, value)
				continue
			}
			for key.Kind == yaml.AliasNode {
				key = key.Alias
			}
			if have[key.Value] {
				continue
			}
			have[key.Value] = true
			to, s, ok := shapeOf(key.Value)
			if !ok || key.Kind != yaml.ScalarNode {
				w.cut(value)
				continue
			}
			if v := w.copy(value, s, depth+1); v != nil {
				out.Content = append(out.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: to}, v)
			}
		}
		for _, m := range merged {
			add(m, depth+1)
		}
	}
	add(n, depth)
	return out
}

// cut counts the values that are left out.
func (w *walker) cut(n *yaml.Node) {
	if !w.b.sealed {
		return
	}
	if len(n.Content) == 0 {
		w.b.cut++
		return
	}
	w.b.cut += len(n.Content) / max(1, map[bool]int{true: 2, false: 1}[n.Kind == yaml.MappingNode])
}

// The shapes of single values.

func named(k Kind) scalar {
	return func(b *book, s string) (string, bool) { return b.name(k, s), true }
}

// spoken are the words of closed sets, which stand in an output whatever the input's names are.
var spoken = map[string]bool{}

// oneOf is a word of a closed set, or nothing.
func oneOf(words string) scalar {
	allowed := set(words)
	maps.Copy(spoken, allowed)
	return func(_ *book, s string) (string, bool) { return s, s == "" || allowed[s] }
}

var (
	reNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,9}|0x[0-9a-fA-F]{1,8})$`)

	anyNumber = scalar(func(_ *book, s string) (string, bool) { return s, reNumber.MatchString(s) })
	anyBool   = scalar(func(_ *book, s string) (string, bool) {
		switch strings.ToLower(s) {
		case "true", "false", "yes", "no", "on", "off":
			return s, true
		}
		return s, false
	})
	anyAddr = scalar(func(b *book, s string) (string, bool) {
		if s == "" || s == "None" || s == "any" {
			return s, true
		}
		return b.literal(s)
	})
	anyPrefixes = scalar(func(b *book, s string) (string, bool) { // with commas between
		parts := strings.Split(s, ",")
		for i, p := range parts {
			if p = strings.TrimSpace(p); p != "" {
				to, ok := b.literal(p)
				if !ok {
					return "", false
				}
				parts[i] = to
			}
		}
		return strings.Join(parts, ","), true
	})
	anyPorts = scalar(func(_ *book, s string) (string, bool) { return s, s == "" || rePorts.MatchString(s) })
	anyMAC   = scalar(func(b *book, s string) (string, bool) {
		if s == "" {
			return s, true
		}
		if !reMAC.MatchString(s) {
			return "", false
		}
		return b.mac(s), true
	})
	anyID    = scalar(func(b *book, s string) (string, bool) { return b.id(s), true })
	anyIface = scalar(func(b *book, s string) (string, bool) { return b.iface(s), true })
	// a beginning of interfaces' names
	anyBegin = scalar(func(b *book, s string) (string, bool) { return b.beginning(s), true })
	// a port is a number or a name
	anyPort = scalar(func(b *book, s string) (string, bool) {
		if reNumber.MatchString(s) {
			return s, true
		}
		return b.name(Port, s), true
	})
)

// fields are the keys of all shapes.
var fields = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	var add func(shape)
	add = func(s shape) {
		switch s := s.(type) {
		case object:
			for k, x := range s {
				out[k] = true
				add(x)
			}
		case list:
			add(s.of)
		}
	}
	for _, s := range []shape{clusterShape, addrJSON, routeJSON, ruleJSON, neighJSON, fdbJSON, podJSON, labJSON} {
		add(s)
	}
	for _, o := range objects {
		add(o.shape)
	}
	return out
})
