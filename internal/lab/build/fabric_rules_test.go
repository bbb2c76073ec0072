package build

import (
	"fmt"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/topology"
)

// TestGroupBits holds that no two cards share a bit, that cards without groups need none, and that one card too many is said.
func TestGroupBits(t *testing.T) {
	var cards []*topology.ENICard
	for n := range 64 { // every other has groups
		c := &topology.ENICard{ID: fmt.Sprintf("eni-%d", n)}
		if n%2 == 0 {
			c.Groups = []string{"sg-1"}
		}
		cards = append(cards, c)
	}
	bits, err := groupBits(cards)
	if err != nil || len(bits) != 32 {
		t.Fatalf("64 cards, 32 with groups: %d bits, %v, want 32", len(bits), err)
	}
	var all uint32
	for c, b := range bits {
		if b == 0 || all&b != 0 || len(c.Groups) == 0 {
			t.Errorf("%s: bit 0x%x, with 0x%x taken already", c.ID, b, all)
		}
		all |= b
	}
	_, err = groupBits(append(cards, &topology.ENICard{ID: "eni-64", Groups: []string{"sg-2"}}))
	if want := "card eni-64: more than 32 cards have security groups"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("33 cards with groups: %v, want %q", err, want)
	}
}
