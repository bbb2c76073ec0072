package capture

import (
	"strings"

	"github.com/podpath/podpath/internal/latency"
	"github.com/podpath/podpath/internal/trace"
)

// place is a step of a trace.
type place struct{ leg, hop, step int }

func placeOf(c *trace.Crossing) place { return place{c.Leg, c.Hop, c.Step} }

func (p place) after(q place) bool {
	if p.leg != q.leg {
		return p.leg > q.leg
	}
	if p.hop != q.hop {
		return p.hop > q.hop
	}
	return p.step > q.step
}

// times are the nanoseconds from the beginning to each crossing: the costs of all that was done until then, leg after leg,
// for what answers has waited for what it answers.
func times(crossings []trace.Crossing, r *latency.Report) []int64 {
	type cost struct {
		place
		ns int64
	}
	var costs []cost
	for l := range r.Legs {
		for h := range r.Legs[l].Hops {
			for _, s := range r.Legs[l].Hops[h].Steps {
				costs = append(costs, cost{place{l, h, s.Step}, s.Cost.NS})
			}
		}
	}
	out := make([]int64, len(crossings))
	now := int64(0)
	for i := range crossings {
		if i > 0 {
			now++
		}
		for len(costs) > 0 && !costs[0].after(placeOf(&crossings[i])) {
			now += costs[0].ns
			costs = costs[1:]
		}
		out[i] = now
	}
	return out
}

// comments are what decided about a packet since it was seen before: the deciding line of each station on the way, behind the
// station's name. What comes after a leg's last crossing, such as the rule that drops the packet, is said there.
func comments(crossings []trace.Crossing, d *trace.Document) []string {
	out := make([]string, len(crossings))
	at := 0
	for i := range d.Stations {
		s := &d.Stations[i]
		first := place{s.Leg, s.Hop, s.First}
		for at+1 < len(crossings) && crossings[at+1].Leg <= s.Leg && first.after(placeOf(&crossings[at])) {
			at++
		}
		if crossings[at].Leg != s.Leg {
			continue // a leg that crosses nothing
		}
		if out[at] != "" {
			out[at] += "\n"
		}
		out[at] += line(d, s)
	}
	return out
}

// line is a station's name and what decided there, word for word.
func line(d *trace.Document, s *trace.StationDocument) string {
	name := s.ID[strings.LastIndexByte(s.ID, '/')+1:]
	step := &d.Legs[s.Leg].Hops[s.Hop].Steps[s.Decisive]
	text := step.Text
	if text == "" {
		text = step.Verdict
	}
	if step.Stage == "drop" || step.Stage == "reject" {
		text += " (" + step.Code + ")"
	}
	return s.Namespace + " " + name + ": " + text
}
