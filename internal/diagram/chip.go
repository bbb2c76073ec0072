package diagram

import (
	"math"
	"strconv"

	"github.com/podpath/podpath/internal/trace"
)

// Chip is how the packet looks at a station: stripes for its headers, those that changed there set off, a frame around
// them inside a tunnel, a flag for its fwmark.
type Chip struct {
	Eth, Wrapped                     bool
	ChangedEth, ChangedIP, ChangedL4 bool
	Mark                             string // fwmark as the tools print it, "0x80"; "" for none
	Tight                            bool   // there is no room above it for the mark's flag
}

// Chip is the packet of a station of the scene, compared with the station before it on the same leg.
func (s *Scene) Chip(d *trace.Document, station int) Chip {
	now, was := packetAfter(d, &s.Stations[station].StationDocument), (*trace.PacketDocument)(nil)
	if now == nil {
		return Chip{}
	}
	if station > 0 && s.Stations[station-1].Leg == s.Stations[station].Leg {
		was = packetAfter(d, &s.Stations[station-1].StationDocument)
	}
	c := Chip{Wrapped: now.Wrapped()}
	for _, p := range trace.PairLayers(was, now) {
		if p.Now == nil {
			continue
		}
		changed := was != nil && p.Was == nil || p.Differs()
		switch {
		case p.Now.Outer:
		case p.Now.Type == "Ethernet":
			c.Eth = true
			c.ChangedEth = c.ChangedEth || changed
		case p.Now.Type == "IPv4":
			c.ChangedIP = changed
		case p.Now.Type != "Payload":
			c.ChangedL4 = c.ChangedL4 || changed
		}
	}
	if now.Mark != 0 {
		c.Mark = "0x" + strconv.FormatUint(uint64(now.Mark), 16)
		c.Tight = s.below(station)
	}
	return c
}

// packetAfter is the packet as it leaves a station.
func packetAfter(d *trace.Document, s *trace.StationDocument) *trace.PacketDocument {
	i := d.Legs[s.Leg].Hops[s.Hop].Steps[s.Last].Packet
	if i < 0 || i >= len(d.Packets) {
		return nil
	}
	return &d.Packets[i]
}

// below says whether another station of the lane stands right above this one.
func (s *Scene) below(station int) bool {
	at := &s.Stations[station]
	for i := range s.Stations {
		o := &s.Stations[i]
		if dy := at.Y - o.Y; o.Lane == at.Lane && math.Abs(at.X-o.X) < 30 && dy > 0 && dy < 40 {
			return true
		}
	}
	return false
}
