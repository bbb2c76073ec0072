package fuzz

import (
	"fmt"
	"strings"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/lab"
)

// Design is a network in parts. Each can be taken out, which is how a network shrinks: what is left renders to a
// cluster.yaml anew. A part that others need takes them along where that is plain (a node its pods, a namespace its edits);
// where it is not, what is left does not compile, and the shrinker puts the part back.
type Design struct {
	Seed uint64

	name     string
	ground   []*part // the lines of vpc: or onPremises:
	nodes    []*node
	pods     []*pod
	hosts    []*part
	cni      *part
	objects  []*object
	options  []*part // key=value
	edits    []*part
	features Features

	compiled *compile.Compiled // as generated: what flows are drawn from
}

// part is a piece of text that may be taken out.
type part struct {
	text string
	need bool // may not
	off  bool
}

func needed(format string, args ...any) *part {
	return &part{text: fmt.Sprintf(format, args...), need: true}
}
func optional(format string, args ...any) *part { return &part{text: fmt.Sprintf(format, args...)} }

// node is a node with its cards.
type node struct {
	part           // text is its name
	fields []*part // "image: al2"
	cards  []*card
}

// card is an ENI or a NIC.
type card struct {
	part           // text is "subnet: a, address: 10.0.1.10"
	fields []*part // "public: 203.0.113.10"
}

// pod is a pod.
type pod struct {
	part          // text is "namespace: default, name: a, node: node-a, address: …"
	key    string // pod/default/a
	node   *node
	card   *card // nil with Calico
	fields []*part
}

// object is a Kubernetes object: lines of YAML.
type object struct {
	part  // text is its name, for people
	lines []*part
	node  *node // goes with that node; nil for others
}

// on says whether a pod is there: it is not without its node or card.
func (p *pod) on() bool { return !p.off && !p.node.off && (p.card == nil || !p.card.off) }

func (o *object) on() bool { return !o.off && (o.node == nil || !o.node.off) }

// parts are all that may be taken out, what takes the most along first.
func (d *Design) parts() [][]*part {
	var objects, pods, nodes, small []*part
	for _, o := range d.objects {
		if !o.on() {
			continue
		}
		objects = append(objects, &o.part)
		small = append(small, o.lines...)
	}
	for _, p := range d.pods {
		if p.on() {
			pods = append(pods, &p.part)
			small = append(small, p.fields...)
		}
	}
	for _, n := range d.nodes {
		if n.off {
			continue
		}
		nodes = append(nodes, &n.part)
		small = append(small, n.fields...)
		for _, c := range n.cards {
			if !c.off {
				small = append(append(small, &c.part), c.fields...)
			}
		}
	}
	small = append(append(small, d.hosts...), d.ground...)
	out := [][]*part{d.edits, objects, pods, nodes, d.options, small}
	for i, l := range out {
		var in []*part
		for _, p := range l {
			if !p.off && !p.need {
				in = append(in, p)
			}
		}
		out[i] = in
	}
	return out
}

// Case is the network as it is now, with a flow.
func (d *Design) Case(f lab.Flow) *Case {
	return &Case{Cluster: d.cluster(), Options: d.Options(), Edits: d.Edits(), Flow: f}
}

// Options are the network's options that are not taken out.
func (d *Design) Options() []string {
	var out []string
	for _, o := range d.options {
		if !o.off {
			out = append(out, o.text)
		}
	}
	return out
}

// Edits are the network's edits that are not taken out, of namespaces that are there.
func (d *Design) Edits() []string {
	gone := map[string]bool{}
	for _, n := range d.nodes {
		gone[n.text] = n.off
	}
	for _, p := range d.pods {
		gone[p.key] = !p.on()
	}
	var out []string
	for _, e := range d.edits {
		if ns, _, _ := strings.Cut(e.text, ": "); !e.off && !gone[ns] {
			out = append(out, e.text)
		}
	}
	return out
}

// cluster renders the description.
func (d *Design) cluster() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("name: %s", d.name)
	for _, p := range d.ground {
		if !p.off {
			line("%s", p.text)
		}
	}
	line("nodes:")
	word := "enis"
	if d.features.site() {
		word = "nics"
	}
	for _, n := range d.nodes {
		if n.off {
			continue
		}
		line("  - name: %s", n.text)
		for _, f := range n.fields {
			if !f.off {
				line("    %s", f.text)
			}
		}
		line("    %s:", word)
		for _, c := range n.cards {
			if !c.off {
				line("      - {%s}", joined(c.text, c.fields))
			}
		}
	}
	head := "pods:"
	for _, p := range d.pods {
		if p.on() {
			if head != "" {
				line("%s", head)
				head = ""
			}
			line("  - {%s}", joined(p.text, p.fields))
		}
	}
	head = "hosts:"
	for _, h := range d.hosts {
		if !h.off {
			if head != "" {
				line("%s", head)
				head = ""
			}
			line("  - {%s}", h.text)
		}
	}
	line("cni: {%s}", d.cni.text)
	for _, o := range d.objects {
		if !o.on() {
			continue
		}
		line("---")
		for _, l := range o.lines {
			if !l.off {
				line("%s", l.text)
			}
		}
	}
	return b.String()
}

func joined(text string, fields []*part) string {
	for _, f := range fields {
		if !f.off {
			text += ", " + f.text
		}
	}
	return text
}
