package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/trace"
)

// question is a flow in a network, as the flags of trace and compare put it.
type question struct {
	source        source
	request       query.Request
	port, packets string
	bound         string // the address that the socket is bound to
	choose        []string
	df            bool
}

func (q *question) flags(c *cobra.Command) {
	q.source.flags(c)
	f, r := c.Flags(), &q.request
	f.StringVar(&r.From, "from", "", "where the packet starts")
	f.StringVar(&r.To, "to", "", "where it goes")
	f.StringVar(&q.bound, "source", "", "the address that the socket is bound to (default: the route chooses)")
	f.StringVar(&r.Protocol, "proto", "", "tcp, udp or icmp (default tcp, or what the Service's first port has)")
	f.IntVar(&r.SrcPort, "sport", 0, "source port (default 40000)")
	f.StringVar(&q.port, "dport", "", fmt.Sprintf("destination port, or its name in the Service (default the Service's first, else %d)", query.DefaultPort))
	f.IntVar(&r.TTL, "ttl", 0, "time to live (default 64)")
	f.IntVar(&r.Payload, "payload", 4, "bytes that the client sends")
	f.BoolVar(&q.df, "df", true, "don't fragment")
	f.StringVar(&q.packets, "packets", "first", "first: the first packet and its answer; all: the whole exchange")
	f.StringArrayVar(&q.choose, "choose", nil, "where chance decides: ID=OPTION, as a trace lists them")
}

// run opens the network and traces the flow in it.
func (q *question) run() (*network, *trace.Trace, error) {
	r := q.request
	r.NoDF = !q.df
	if n, err := strconv.Atoi(q.port); err == nil {
		r.DstPort = n
	} else {
		r.PortName = q.port
	}
	switch q.packets {
	case "first":
	case "all":
		r.Exchange = true
	default:
		return nil, nil, fmt.Errorf("--packets %s: want first (the first packet and its answer) or all (the whole exchange)", q.packets)
	}
	r.Choices = maps.Clone(r.Choices)
	for _, kv := range q.choose {
		k, v, ok := strings.Cut(kv, "=")
		if !ok {
			return nil, nil, fmt.Errorf("--choose %s: want ID=OPTION, as a trace lists them", kv)
		}
		if r.Choices == nil {
			r.Choices = map[string]string{}
		}
		r.Choices[k] = v
	}
	n, err := q.source.open(r.From, r.To)
	if err != nil {
		return nil, nil, err
	}
	if r.From == "" || r.To == "" {
		return nil, nil, fmt.Errorf("--from and --to are needed; places here: %s", strings.Join(n.places(), ", "))
	}
	r.Options = n.options
	t, err := n.trace(&r, q.bound)
	return n, t, err
}

// changeKeys are what --with may change.
var changeKeys = []string{"name", "preset", "cluster", "snapshot", "cni", "set", "from", "to", "source", "proto", "sport", "dport", "ttl", "payload", "df", "packets",
	"choice"}

// with is the question with changes: key=value, separated by spaces; a value with spaces stands in double quotes. set and
// choice may be given several times and add to what there is. What another network or destination does not have of the
// question stays behind: options, the port, choices. name is the column's title, "" where none is given.
func (q *question) with(changes string) (changed *question, name string, err error) {
	x := *q
	x.source.set, x.choose = slices.Clone(q.source.set), slices.Clone(q.choose)
	x.source.inherited = len(x.source.set)
	words, err := split(changes)
	if err != nil {
		return nil, "", fmt.Errorf("--with %s: %w", changes, err)
	}
	if names(words, "to") && !names(words, "dport") {
		x.port = "" // a port is its destination's
	}
	if (names(words, "preset") || names(words, "cni") || names(words, "from") || names(words, "to")) && !names(words, "choice") {
		x.choose = nil // so are the names that chance goes by
	}
	for _, w := range words {
		k, v, ok := strings.Cut(w, "=")
		if !ok {
			return nil, "", fmt.Errorf("--with %s: %s: want key=value", changes, w)
		}
		number := func(to *int) {
			n, e := strconv.Atoi(v)
			if e != nil {
				err = fmt.Errorf("--with %s: %s: want a number", changes, w)
			}
			*to = n
		}
		switch k {
		case "name":
			name = v
		case "preset":
			x.source.preset, x.source.file, x.source.snapshot = v, "", ""
		case "cluster":
			x.source.preset, x.source.file, x.source.snapshot = "", v, ""
		case "snapshot":
			x.source.preset, x.source.file, x.source.snapshot = "", "", v
		case "cni":
			x.source.cni = v
		case "set":
			x.source.set = append(x.source.set, v)
		case "from":
			x.request.From = v
		case "to":
			x.request.To = v
		case "source":
			x.bound = v
		case "proto":
			x.request.Protocol = v
		case "sport":
			number(&x.request.SrcPort)
		case "dport":
			x.port = v
		case "ttl":
			number(&x.request.TTL)
		case "payload":
			number(&x.request.Payload)
		case "df":
			if x.df, err = strconv.ParseBool(v); err != nil {
				err = fmt.Errorf("--with %s: %s: want true or false", changes, w)
			}
		case "packets":
			x.packets = v
		case "choice":
			x.choose = append(x.choose, v)
		default:
			return nil, "", fmt.Errorf("--with %s: no key %s; want one of %s", changes, k, strings.Join(changeKeys, ", "))
		}
		if err != nil {
			return nil, "", err
		}
	}
	return &x, name, nil
}

// names says whether changes name a key.
func names(words []string, key string) bool {
	return slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, key+"=") })
}

// split cuts at spaces outside double quotes, and takes the quotes away.
func split(s string) ([]string, error) {
	var out []string
	var b strings.Builder
	quoted, any := false, false
	for _, r := range s {
		switch {
		case r == '"':
			quoted, any = !quoted, true
		case r == ' ' && !quoted:
			if any {
				out = append(out, b.String())
			}
			b.Reset()
			any = false
		default:
			b.WriteRune(r)
			any = true
		}
	}
	if quoted {
		return nil, fmt.Errorf("a double quote is not closed")
	}
	if any {
		out = append(out, b.String())
	}
	return out, nil
}
