package query_test

import (
	"testing"

	"github.com/podpath/podpath/internal/query"
)

// TestOneAddressOfSeveral: whoever sends to one of the addresses that a name stands for asks no DNS, so nothing is drawn and
// the packet goes there and nowhere else.
func TestOneAddressOfSeveral(t *testing.T) {
	c := open(t, "eks-private", nil)
	for _, p := range c.Places {
		if p.Name != "lb/default/web-nlb-instance" {
			continue
		}
		if len(p.Addresses) < 2 {
			t.Fatalf("%s: addresses %v, want one in each zone", p.Name, p.Addresses)
		}
		for _, a := range p.Addresses {
			r := query.Request{From: "pod/default/netshoot-1", To: a.Address.String(), DstPort: 80}
			tr, err := r.Trace(c)
			if err != nil {
				t.Fatal(err)
			}
			if tr.Query.To != a.Address {
				t.Errorf("to %v: sent to %v", a.Address, tr.Query.To)
			}
			for _, x := range tr.Choices {
				if x.Kind == "dns" {
					t.Errorf("to %v: choice %s of %d addresses, want none", a.Address, x.ID, len(x.Options))
				}
			}
		}
		return
	}
	t.Error("the preset has no internal load balancer")
}
