package compare

import (
	"slices"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/latency"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// key is what two stations must share to stand in one row: which leg, what place, what kind of stop.
//
// A station spans a hook's tables, so the table that decides is no part of it: FORWARD decided by filter beside FORWARD
// decided by nat is a difference, not two rows. Outer tells the outer packet's pass through a node's hooks and routes from
// the inner packet's. The wire has no such pass: what leaves a node's card, crosses the network and comes in by a card is
// the same stop wrapped or not; what goes into and comes out of a tunnel's device is a stop of its own.
type key struct {
	leg   string // request, reply, request-2
	role  Role
	kind  string // the station's
	outer bool
	dev   string // devTunnel: the stop is at a tunnel's device; pod: at the cable to a pod; "": any other
}

const devTunnel = "tunnel"

// station is a station as it is aligned: its key, and the parts by which two with one key are compared.
type station struct {
	key
	sign sign
	text string // of key and sign, for an order between columns
	at   int    // index into the document's stations
}

// sign is what is compared. Names are left out: addresses, MACs, interfaces, counters, and the part of a chain's name that
// is a hash or an interface. What is left is how the kernel decided: by which codes and verdicts, in which tables and kinds
// of chain, by what kind of route, over how many rules, which fields it changed and which headers the packet has then.
type sign struct {
	steps   string // code, verdict, table and kind of chain of each step
	seen    string // the same for a reader: the chains gone through, or the codes, and the code that decides
	rules   int    // traversed
	route   string // policy rules by priority and table; routes by table, length of prefix and kind of device
	fields  string // header fields and marks that changed
	headers string // the packet's headers after it, outermost first
}

// stations are a column's, ready to be aligned.
func stations(c *Column) []station {
	d := c.Document
	var out []station
	legs := map[string]int{}
	var names []string
	var of [][]Role
	for l := range d.Legs {
		legs[d.Legs[l].Kind]++
		name := d.Legs[l].Kind
		if n := legs[name]; n > 1 {
			name += "-" + strconv.Itoa(n)
		}
		names = append(names, name)
		of = append(of, roles(&d.Legs[l]))
	}
	for i := range d.Stations {
		s := &d.Stations[i]
		hop := &d.Legs[s.Leg].Hops[s.Hop]
		x := station{at: i, key: key{leg: names[s.Leg], role: of[s.Leg][s.Hop], kind: s.Kind}}
		switch s.Kind {
		case "drop", "reject":
			// A fabric has one stop a visit: that it ends the packet there is how it decides, not another stop.
			if x.role.Fabric() {
				x.kind = "fabric"
			} else if s.Kind == "reject" { // nobody listens: the same place as where somebody does
				x.kind = "deliver"
			}
		case "transmit", "receive":
			if isTunnel(c, s.Namespace, s.Interface) {
				x.dev = devTunnel
			} else if deviceKind(c, s.Namespace, s.Interface) == "pod" {
				x.dev = "pod"
			}
		case "encap", "decap", "bridge", "fabric":
		default:
			if !x.role.Fabric() {
				x.outer = wrapped(d, hop.Steps[s.First].Packet)
			}
		}
		x.sign = signOf(c, s, hop.Steps[s.First:s.Last+1])
		x.text = strings.Join([]string{x.leg, string(x.role), x.kind, strconv.FormatBool(x.outer), x.dev, x.sign.steps, strconv.Itoa(x.sign.rules), x.sign.route,
			x.sign.fields, x.sign.headers}, "\x00")
		out = append(out, x)
	}
	return out
}

// wrapped says whether a packet has a tunnel's outer headers.
func wrapped(d *trace.Document, packet int) bool {
	return packet >= 0 && packet < len(d.Packets) && d.Packets[packet].Wrapped()
}

func device(c *Column, ns, dev string) *topology.Interface {
	if c.Trace == nil || c.Trace.Topology == nil || dev == "" {
		return nil
	}
	n, err := c.Trace.Topology.Namespace(ns)
	if err != nil {
		return nil
	}
	return n.Interface(dev)
}

func isTunnel(c *Column, ns, dev string) bool {
	i := device(c, ns, dev)
	return i != nil && i.Tunnel != nil
}

// deviceKind is what kind of device a route leads to. Whatever carries frames between machines is a card: in a lab it is
// a veth.
func deviceKind(c *Column, ns, dev string) string {
	i := device(c, ns, dev)
	switch {
	case i == nil:
		return ""
	case i.Tunnel != nil:
		return string(i.Kind)
	case i.Kind == topology.Veth:
		if far, err := c.Trace.Topology.Namespace(i.Peer.Namespace); err == nil && far.Kind == topology.Pod {
			return "pod"
		}
		return "card"
	case i.ENI != nil || i.Kind == topology.NIC || i.Kind == topology.ENI:
		return "card"
	}
	return string(i.Kind)
}

func signOf(c *Column, s *trace.StationDocument, steps []trace.StepDocument) sign {
	var x sign
	var did, seen, routes []string
	fields := map[string]bool{}
	for i := range steps {
		st := &steps[i]
		parts := []string{st.Stage, st.Code, st.Verdict, st.Table}
		if st.Chain != "" {
			parts = append(parts, ChainKind(st.Chain), ChainKind(st.Target))
		}
		did = append(did, strings.Join(parts, " "))
		in := st.Code
		if st.Chain != "" {
			in = st.Table + " " + ChainKind(st.Chain)
		}
		if len(seen) == 0 || seen[len(seen)-1] != in {
			seen = append(seen, in)
		}
		x.rules += latency.Traversed(st)
		if r := routeKind(c, s.Namespace, st); r != "" {
			routes = append(routes, r)
		}
		for _, ch := range st.Changes {
			if !strings.Contains(ch.Field, "eth.") {
				fields[ch.Field] = true
			}
		}
	}
	var names []string
	for f := range fields {
		names = append(names, f)
	}
	slices.Sort(names)
	d := &steps[s.Decisive-s.First]
	x.seen = strings.Join(append(seen, "→ "+d.Code), ", ")
	x.steps, x.route, x.fields = strings.Join(did, "; "), strings.Join(routes, ", "), strings.Join(names, ", ")
	if n := steps[len(steps)-1].Packet; n >= 0 && n < len(c.Document.Packets) {
		for i, l := range c.Document.Packets[n].Layers {
			// The outermost Ethernet header says only how far down the stack the packet is: a hook sees one left over or none.
			if l.Type != "Payload" && (i > 0 || l.Type != "Ethernet") {
				x.headers += " / " + l.Type
			}
		}
		x.headers = strings.TrimPrefix(x.headers, " / ")
	}
	return x
}

// routeKind is a policy rule or route without its addresses.
func routeKind(c *Column, ns string, st *trace.StepDocument) string {
	switch trace.Code(st.Code) {
	case trace.PolicyRule:
		return "rule " + st.Args["priority"] + " → " + st.Args["table"]
	case trace.RouteUnicast, trace.RouteLink:
		dst := "prefix"
		switch f := strings.Fields(st.Text); {
		case len(f) > 0 && f[0] == "default":
			dst = "default"
		case len(f) > 0 && !strings.Contains(f[0], "/"):
			dst = "host"
		}
		return dst + " in " + st.Args["table"] + " by " + deviceKind(c, ns, st.Args["dev"])
	}
	return ""
}

// hashed are chains of which there is one per Service, endpoint, policy, interface or set of them: what follows the prefix
// is a name (kube-proxy's hashes; Felix's workload and policy chains).
var hashed = []string{"KUBE-SVC-", "KUBE-SVL-", "KUBE-SEP-", "KUBE-EXT-", "KUBE-FW-", "KUBE-XLB-", "cali-fw-", "cali-tw-", "cali-sm-", "cali-pi-", "cali-po-",
	"cali-pri-", "cali-pro-", "cali-fh-", "cali-th-", "cali-fhfw-", "cali-thfw-", "cali-gi-", "cali-go-"}

// ChainKind is a chain's name without what is only a name in it: KUBE-SVC-NPX46M4PTMTKRN6Y is a KUBE-SVC chain.
func ChainKind(chain string) string {
	for _, p := range hashed {
		if strings.HasPrefix(chain, p) {
			return strings.TrimSuffix(p, "-")
		}
	}
	return chain
}
