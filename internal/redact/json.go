package redact

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strconv"

	"go.yaml.in/yaml/v3"
)

var errDeep = errors.New("redact: too many values, or too deep")

// readJSON reads a value into nodes, which keep the order of its keys.
func readJSON(data []byte) (*yaml.Node, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	n, err := readValue(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return n, nil
}

func readValue(dec *json.Decoder, depth int) (*yaml.Node, error) {
	if depth > 100 {
		return nil, errDeep
	}
	t, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case json.Delim:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		if t == '[' {
			n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		}
		for dec.More() {
			if n.Kind == yaml.MappingNode {
				key, err := dec.Token()
				if err != nil {
					return nil, err
				}
				s, ok := key.(string)
				if !ok {
					return nil, errors.New("a key that is no text")
				}
				n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s})
			}
			v, err := readValue(dec, depth+1)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, v)
		}
		_, err := dec.Token() // its end
		return n, err
	case string:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: t}, nil
	case json.Number:
		if _, err := strconv.ParseInt(string(t), 10, 64); err != nil {
			return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: string(t)}, nil
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: string(t)}, nil
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(t)}, nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
}

// writeJSON writes nodes that a walker has made.
func writeJSON(out *bytes.Buffer, n *yaml.Node) {
	text := func(s string) {
		b, _ := json.Marshal(s) // of a string it always can
		out.Write(b)
	}
	switch {
	case n.Kind == yaml.MappingNode:
		out.WriteByte('{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				out.WriteByte(',')
			}
			text(n.Content[i].Value)
			out.WriteByte(':')
			writeJSON(out, n.Content[i+1])
		}
		out.WriteByte('}')
	case n.Kind == yaml.SequenceNode:
		out.WriteByte('[')
		for i, x := range n.Content {
			if i > 0 {
				out.WriteByte(',')
			}
			writeJSON(out, x)
		}
		out.WriteByte(']')
	case n.Tag == "!!str":
		text(n.Value)
	default:
		out.WriteString(n.Value)
	}
}

var (
	anyWord = scalar(func(b *book, s string) (string, bool) { return b.word(s), true })
	anyDst  = scalar(func(b *book, s string) (string, bool) {
		if s == "default" || s == "all" || s == "" {
			return s, true
		}
		return b.literal(s)
	})
	// hardware is a MAC, or of a tunnel device an address.
	hardware = scalar(func(b *book, s string) (string, bool) { return b.literal(s) })
	words    = list{anyWord}

	hops     = list{object{"gateway": anyAddr, "dev": anyIface, "weight": anyNumber, "flags": words}}
	addrJSON = list{object{"ifindex": anyNumber, "ifname": anyIface, "link_index": anyNumber, "link": anyIface, "flags": words, "mtu": anyNumber, "master": anyIface,
		"link_type": anyWord, "address": hardware, "broadcast": hardware, "link_netnsid": anyNumber,
		"linkinfo": object{"info_kind": anyWord, "info_data": object{"id": anyNumber, "protocol": anyWord, "link": anyIface, "local": anyAddr, "remote": anyAddr,
			"port": anyNumber, "learning": anyBool, "ttl": anyNumber, "df": anyWord, "pmtudisc": anyBool, "nf_call_iptables": anyNumber}},
		"addr_info": list{object{"family": anyWord, "local": anyAddr, "prefixlen": anyNumber, "scope": anyWord, "broadcast": anyAddr, "secondary": anyBool, "label": anyIface}}}}
	routeJSON = list{object{"type": anyWord, "dst": anyDst, "gateway": anyAddr, "dev": anyIface, "table": anyWord, "protocol": anyWord, "scope": anyWord, "prefsrc": anyAddr,
		"metric": anyNumber, "tos": anyWord, "flags": words, "metrics": list{object{"mtu": anyNumber}}, "nexthops": hops}}
	ruleJSON = list{object{"priority": anyNumber, "not": anyBool, "src": anyDst, "srclen": anyNumber, "dst": anyDst, "dstlen": anyNumber, "fwmark": anyWord, "fwmask": anyWord,
		"tos": anyWord, "iif": anyIface, "oif": anyIface, "ipproto": anyWord, "sport": anyWord, "sport_start": anyNumber, "sport_end": anyNumber, "dport": anyWord,
		"dport_start": anyNumber, "dport_end": anyNumber, "table": anyWord, "goto": anyWord, "action": anyWord, "suppress_prefixlen": anyNumber, "protocol": anyWord,
		"tun_id": anyWord, "uid_start": anyNumber, "uid_end": anyNumber, "l3mdev": anyBool}}
	neighJSON = list{object{"dst": anyDst, "dev": anyIface, "lladdr": hardware, "state": words, "proxy": anyBool}}
	fdbJSON   = list{object{"mac": hardware, "ifname": anyIface, "dst": anyDst, "viaIf": anyIface, "master": anyIface, "state": anyWord, "flags": words, "vlan": anyNumber}}
	podJSON   = object{"namespace": named(Namespace), "name": named(Pod), "addr": addrJSON, "route": routeJSON, "neigh": neighJSON, "rule": ruleJSON}
	labJSON   = object{"namespaces": list{named(Node)}, "traced": list{named(Node)}}
)

// jsonShape knows a value by its keys, as internal/snapshot does; nil for what is of no use.
func jsonShape(n *yaml.Node) shape {
	has := func(n *yaml.Node, key string) bool {
		for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				return true
			}
		}
		return false
	}
	if n.Kind == yaml.MappingNode {
		switch {
		case has(n, "traced") && has(n, "namespaces"):
			return labJSON
		case has(n, "apiVersion") && has(n, "kind"):
			return objectShape("")(n)
		case has(n, "addr") && has(n, "route") && has(n, "name"):
			return podJSON
		}
		return nil
	}
	i := slices.IndexFunc(n.Content, func(x *yaml.Node) bool { return len(x.Content) > 0 })
	if i < 0 {
		return nil
	}
	first := n.Content[i]
	switch {
	case has(first, "ifindex") && has(first, "ifname"):
		return addrJSON
	case has(first, "priority"):
		return ruleJSON
	case has(first, "mac") && has(first, "ifname"):
		return fdbJSON
	case has(first, "dst") && (has(first, "state") || has(first, "lladdr")):
		return neighJSON
	case has(first, "dst") && (has(first, "dev") || has(first, "type") || has(first, "nexthops")):
		return routeJSON
	}
	return nil
}

// subnetsOf finds the subnets of interfaces ("local" beside "prefixlen"), and writes a rule's prefix in one ("src" with "srclen").
func (b *book) subnetsOf(n *yaml.Node) {
	for _, x := range n.Content {
		b.subnetsOf(x)
	}
	if n.Kind != yaml.MappingNode {
		return
	}
	if p, ok := prefixOf(field(n, "local"), field(n, "prefixlen")); ok {
		b.frame(p)
		b.prefix(p)
	}
	for _, key := range []string{"src", "dst"} {
		p, ok := prefixOf(field(n, key), field(n, key+"len"))
		for i := 0; ok && i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				n.Content[i+1].Value = p.Masked().String()
			}
		}
		if ok {
			n.Content = slices.Clone(n.Content)
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == key+"len" {
					n.Content = slices.Delete(n.Content, i, i+2)
					break
				}
			}
		}
	}
}

func prefixOf(addr, bits string) (netip.Prefix, bool) {
	if addr == "" || bits == "" {
		return netip.Prefix{}, false
	}
	p, err := netip.ParsePrefix(addr + "/" + bits)
	return p, err == nil
}
