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
	spent, last := int64(0), int64(-1)
	for i := range crossings {
		for len(costs) > 0 && !costs[0].after(placeOf(&crossings[i])) {
			spent += costs[0].ns
			costs = costs[1:]
		}
		last = max(spent, last+1)
		out[i] = last
	}
	return out
}

// comments are what decided about a packet since it was seen before: a line for each station on the way that has one. What
// comes after a leg's last crossing, such as the rule that drops the packet, is said there. Where nothing decided, the comment
// names the station.
func comments(crossings []trace.Crossing, d *trace.Document) []string {
	said, names := make([][]string, len(crossings)), make([]string, len(crossings))
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
		name := s.Namespace + " " + s.ID[strings.LastIndexByte(s.ID, '/')+1:]
		if by := decision(d.Legs[s.Leg].Hops[s.Hop].Steps, s); by != "" {
			said[at] = append(said[at], name+": "+by)
		} else if names[at] == "" {
			names[at] = name
		}
	}
	for i := range said {
		if len(said[i]) > 0 {
			names[i] = strings.Join(said[i], "\n")
		}
	}
	return names
}

// decision is the line that decided at a station, word for word; where no tool prints one, what changed, or how the packet's
// way ended. "" where the packet was let be.
func decision(steps []trace.StepDocument, st *trace.StationDocument) string {
	s := &steps[st.Decisive]
	text := s.Text
	switch s.Stage {
	case "drop", "reject":
		for i := st.Decisive - 1; text == "" && i >= st.First; i-- {
			text = steps[i].Text // the rule or route that led to it
		}
		return strings.TrimSpace(text + " (" + s.Code + ")")
	case "fabric", "deliver":
		if text == "" {
			return s.Verdict
		}
	}
	if text != "" {
		return text
	}
	var changes []string
	for _, c := range s.Changes {
		changes = append(changes, c.Field+" "+c.Before+" → "+c.After)
	}
	return strings.Join(changes, ", ")
}
