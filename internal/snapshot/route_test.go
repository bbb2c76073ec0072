package snapshot

import (
	"strings"
	"testing"
)

// TestParseRoute holds that a route prints back as it was read, but for several next hops, which print on lines of their own.
func TestParseRoute(t *testing.T) {
	for _, l := range []string{
		"default via 10.0.1.1 dev eth0 proto dhcp src 10.0.1.10 metric 512",
		"10.0.1.0/24 dev eth0 table 7 scope link",
		"blackhole 10.9.0.0/16 metric 3",
		"throw 10.9.0.0/16 table 77",
		"10.9.0.1 via 10.8.0.1 dev eth0 onlink mtu 1400",
		"10.9.0.0/16 nexthop via 10.0.1.1 dev eth0 weight 2 nexthop via 10.0.2.1 dev eth1 weight 1",
	} {
		r, err := ParseRoute(l)
		if err != nil {
			t.Errorf("%q: %v", l, err)
			continue
		}
		if got := strings.Join(strings.Fields(r.String()), " "); got != l {
			t.Errorf("%q: got %q", l, got)
		}
	}
	for l, want := range map[string]string{
		"":                   "want `DESTINATION",
		"blackhole":          "without a destination",
		"10.0.0.1 x nexthop": "nexthop without via or dev",
		"10.0.0.1 via 10.0.0.2 dev a nexthop via 10.0.0.3": "want nexthop on a unicast route",
		"10.0.0.1 metric": "without a value",
	} {
		if _, err := ParseRoute(l); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", l, err, want)
		}
	}
}
