package redact

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/podpath/podpath/internal/cluster"
)

// description redacts a cluster's documents.
func (b *book) description(text string) (string, error) {
	c, err := cluster.Read([]byte(text), "cluster")
	if err != nil {
		return "", fmt.Errorf("redact: what cannot be read cannot be redacted: %w", err)
	}
	docs, err := documents(text)
	if err != nil {
		return "", err
	}
	if _, err := b.documents(docs); err != nil {
		return "", err
	}
	b.places(c)
	b.seal()
	out, err := b.documents(docs)
	if err != nil {
		return "", err
	}
	b.cut += comments(text)
	d, err := cluster.Read([]byte(out), "redacted")
	if err != nil {
		return "", fmt.Errorf("redact: the result would not be read: %w", err)
	}
	return out, b.derive(c, d)
}

// comments counts the lines that are nothing but a comment.
func comments(text string) int {
	n := 0
	for l := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(l), "#") {
			n++
		}
	}
	return n
}

// documents reads YAML documents; those with nothing in them are left out.
func documents(text string) ([]*yaml.Node, error) {
	var out []*yaml.Node
	dec := yaml.NewDecoder(strings.NewReader(text))
	for {
		var n yaml.Node
		err := dec.Decode(&n)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("redact: %w", err)
		}
		if len(n.Content) > 0 && n.Content[0].ShortTag() != "!!null" {
			out = append(out, n.Content[0])
		}
	}
}

// documents replaces what the documents of a description hold: the cluster first, then objects.
func (b *book) documents(docs []*yaml.Node) (string, error) {
	var out bytes.Buffer
	w := &walker{b: b}
	for i, d := range docs {
		var s shape = clusterShape
		if i > 0 {
			s = objectShape("")
		}
		n := w.copy(d, s, 0)
		if w.deep {
			return "", errors.New("redact: too many values, or one that is in itself")
		}
		if n == nil {
			continue
		}
		if err := encode(&out, n); err != nil {
			return "", err
		}
	}
	return out.String(), nil
}

// encode writes one more document.
func encode(out *bytes.Buffer, n *yaml.Node) error {
	if out.Len() > 0 {
		out.WriteString("---\n")
	}
	enc := yaml.NewEncoder(out)
	enc.SetIndent(2)
	if err := enc.Encode(n); err != nil {
		return fmt.Errorf("redact: %w", err)
	}
	return enc.Close()
}

// places notes where the description's addresses and names have a meaning beside their own.
func (b *book) places(c *cluster.Cluster) {
	for _, s := range c.Subnets() {
		b.frame(s.CIDR)
		// A VPC's resolver is its base plus two; a node reaches it over the router, unless it is in the node's own subnet.
		for _, p := range c.VPC.CIDRs {
			if resolver := p.Masked().Addr().Next().Next(); s.CIDR.Contains(resolver) {
				b.four.insert(s.CIDR, p.Bits(), false)
			}
		}
	}
	for _, h := range c.Hosts { // each is on a network of its own, with a gateway
		if p, err := h.Address.Prefix(24); err == nil {
			b.frame(p)
		}
	}
	for _, p := range c.Pods {
		if pool := c.PoolOf(p.Address); pool != nil { // the first address of a node's block is its tunnel's
			if block, err := p.Address.Prefix(pool.BlockBits()); err == nil && pool.Prefix().IsValid() {
				b.four.pin(block, block.Addr())
			}
		}
		b.pods = append(b.pods, podOf{p.Namespace, p.Name, p.Node})
	}
}
