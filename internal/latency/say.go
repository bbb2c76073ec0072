package latency

import (
	"fmt"
	"math"
	"strconv"

	"github.com/podpath/podpath/internal/trace"
)

// The codes of statements; sentences are in web/locales under [latency]. Arguments are named behind each. Times are
// microseconds of a round trip.
const (
	SayModel       = "model"        // always: nothing was measured on this network
	SayOwn         = "own"          // host: some figures are the user's own
	SaySize        = "size"         // cpu, network: kernels' work beside the network's delay
	SayKernelOnly  = "kernel-only"  // cpu: no network between
	SayNotCrossed  = "not-crossed"  // cpu: the network took the packet and did not deliver it
	SayTunnel      = "tunnel"       // added, percent, low, high: what the tunnel adds, and per cent of the rest
	SayZoneSame    = "zone-same"    //
	SayZoneCross   = "zone-cross"   //
	SayZoneUnknown = "zone-unknown" // same, cross: one way
	SayInternet    = "internet"     // the Internet itself has no figure
	SayOneWay      = "one-way"      // nothing came back
	SayFirst       = "first"        // nat chains are walked by a connection's first packet only
)

// Codes are all of them.
var Codes = []string{SayModel, SayOwn, SaySize, SayKernelOnly, SayNotCrossed, SayTunnel, SayZoneSame, SayZoneCross, SayZoneUnknown, SayInternet, SayOneWay, SayFirst}

func (m *meter) statements(r *Report) []Statement {
	out := []Statement{}
	say := func(code string, pairs ...string) {
		s := Statement{Code: code}
		for i := 0; i+1 < len(pairs); i += 2 {
			if s.Args == nil {
				s.Args = map[string]string{}
			}
			s.Args[pairs[i]] = pairs[i+1]
		}
		out = append(out, s)
	}
	trip := &r.RoundTrip
	if trip.Sum.Zero() {
		return out
	}
	switch {
	case trip.Network.NS > 0:
		say(SaySize, "cpu", Micros(trip.CPU.NS), "network", Micros(trip.Network.NS))
	case m.entered():
		say(SayNotCrossed, "cpu", Micros(trip.CPU.NS))
	default:
		say(SayKernelOnly, "cpu", Micros(trip.CPU.NS))
	}
	if c := r.Tunnel; c.NS > 0 {
		rest := Cost{NS: trip.Sum.NS - c.NS, Low: trip.Sum.Low - c.Low, High: trip.Sum.High - c.High}
		say(SayTunnel, "added", Micros(c.NS), "percent", percent(c.NS, rest.NS), "low", percent(c.Low, rest.High), "high", percent(c.High, rest.Low))
	}
	m.zones(r, say)
	if len(roundTrip(m.t)) < 2 {
		say(SayOneWay)
	}
	if m.first() {
		say(SayFirst)
	}
	say(SayModel)
	if m.table.Host != "" {
		say(SayOwn, "host", m.table.Host)
	}
	return out
}

// entered says whether the packet or its answer came to the network at all.
func (m *meter) entered() bool {
	for _, l := range roundTrip(m.t) {
		hops := m.t.Hops(&m.t.Legs[l])
		for h := range hops {
			if hops[h].Kind.Network() {
				return true
			}
		}
	}
	return false
}

// zones says which figure between machines was taken, and that the Internet has none.
func (m *meter) zones(r *Report, say func(string, ...string)) {
	seen := map[string]bool{}
	internet := false
	for _, l := range roundTrip(m.t) {
		hops := m.t.Hops(&m.t.Legs[l])
		for h := range hops {
			if z := r.Legs[l].Hops[h].Zone; z != "" && !seen[z] {
				seen[z] = true
				switch z {
				case ZoneUnknown:
					e := r.Legs[l].Hops[h].Either
					say(SayZoneUnknown, "same", Micros(e[0].NS), "cross", Micros(e[1].NS))
				case ZoneSame:
					say(SayZoneSame)
				default:
					say(SayZoneCross)
				}
			}
			internet = internet || isOutside(&hops[h]) && len(hops) > 1
		}
	}
	if internet {
		say(SayInternet)
	}
}

// first says whether nat chains were asked, which later packets of the connection are spared.
func (m *meter) first() bool {
	for _, l := range roundTrip(m.t) {
		leg := &m.t.Legs[l]
		for h := range m.t.Hops(leg) {
			for i := range m.t.Steps(&m.t.Hops(leg)[h]) {
				if s := &m.t.Steps(&m.t.Hops(leg)[h])[i]; s.Stage == trace.StageNetfilter && s.Base != nil && s.Base.Table == "nat" {
					return true
				}
			}
		}
	}
	return false
}

// Micros writes nanoseconds as microseconds with as many digits as the figures deserve: 0.15, 3.7, 42, 830.
func Micros(ns int64) string {
	v := float64(ns) / us
	switch {
	case ns == 0:
		return "0"
	case v < 1:
		return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
	case v < 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return fmt.Sprintf("%.0f", v)
}

// percent is a part of a whole: 0.4, 3, 25.
func percent(part, whole int64) string {
	if whole <= 0 {
		return "0"
	}
	v := 100 * float64(part) / float64(whole)
	if v < 1 {
		return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
	}
	return fmt.Sprintf("%.0f", v)
}
