package checked

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/podpath/podpath/internal/topology"
)

// stateParts are what [topology.Namespace.State] prints.
var stateParts = []string{"addresses", "rules", "routes", "neighbours", "iptables", "ip6tables", "nft", "ipsets"}

// Fingerprint is a hash over everything of a network that decides about a packet: results of a network are no results of
// another. Where a namespace stands in the diagram and what it is titled is left out.
//
// Interfaces and the fabric are hashed as the structures that they are, not field by field: a field that the model gets later
// changes the hash, and what was checked without it has to be checked again.
func Fingerprint(t *topology.Topology) (string, error) {
	h := sha256.New()
	for _, name := range slices.Sorted(slices.Values(t.Names())) {
		ns, err := t.Namespace(name)
		if err != nil {
			return "", err
		}
		if err := writeNamespace(h, ns); err != nil {
			return "", fmt.Errorf("namespace %s: %w", name, err)
		}
	}
	if t.Fabric != nil {
		if err := writeFabric(h, t.Fabric); err != nil {
			return "", fmt.Errorf("fabric %s: %w", t.Fabric.Name, err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func writeNamespace(w io.Writer, ns *topology.Namespace) error {
	fmt.Fprintf(w, "namespace %s %s\n", ns.Name, ns.Kind)
	for _, part := range stateParts {
		fmt.Fprintf(w, "%s\n%s", part, ns.State(part))
	}
	for _, e := range ns.FDB {
		fmt.Fprintf(w, "fdb %s\n", e)
	}
	e := json.NewEncoder(w)
	for _, i := range ns.Interfaces {
		plain := *i
		plain.ENI = nil // the fabric has it
		if err := e.Encode(&plain); err != nil {
			return err
		}
	}
	return encode(e, ns.Sysctl, ns.Listeners)
}

// writeFabric writes a fabric without its circles: a load balancer has cards, and they know whose they are.
func writeFabric(w io.Writer, f *topology.Fabric) error {
	e := json.NewEncoder(w)
	if err := encode(e, f.CIDRs, f.Subnets, f.RouteTables, f.Gateways, f.Groups, f.Outside, f.OutsideMAC); err != nil {
		return err
	}
	for _, c := range f.Cards {
		plain := *c
		balancer := ""
		if c.Balancer != nil {
			plain.Balancer, balancer = nil, c.Balancer.ID
		}
		if err := encode(e, plain, balancer); err != nil {
			return err
		}
	}
	for _, b := range f.Balancers {
		plain := *b
		plain.Nodes = nil
		if err := e.Encode(&plain); err != nil {
			return err
		}
		for _, n := range b.Nodes {
			if err := encode(e, n.Zone, n.Card.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// encode writes values as JSON, which sorts a map's keys.
func encode(e *json.Encoder, values ...any) error {
	for _, v := range values {
		if err := e.Encode(v); err != nil {
			return err
		}
	}
	return nil
}
