package compare

import (
	"maps"
	"slices"

	"github.com/podpath/podpath/internal/trace"
)

// Drift is a station of which two documents of the same question say different things: an older engine's and today's. Was or
// Now is -1 where the document does not have the station.
type Drift struct {
	ID       string
	Was, Now int // indexes into the documents' stations
}

// Drifts are the stations in which two documents differ, in the order of the way: those of was, with those that only now has
// between them. What a step decided counts, by its line, its verdict and its arguments, and the packet as it goes on; how many
// rules were passed over does not, nor what the steps cost.
func Drifts(was, now *trace.Document) []Drift {
	var out []Drift
	next := 0
	for i := range was.Stations {
		id := was.Stations[i].ID
		at := slices.IndexFunc(now.Stations, func(s trace.StationDocument) bool { return s.ID == id })
		if at < 0 {
			out = append(out, Drift{id, i, -1})
			continue
		}
		for ; next < at; next++ {
			if !has(was, now.Stations[next].ID) {
				out = append(out, Drift{now.Stations[next].ID, -1, next})
			}
		}
		next = max(next, at+1)
		if !sameStation(was, now, &was.Stations[i], &now.Stations[at]) {
			out = append(out, Drift{id, i, at})
		}
	}
	for ; next < len(now.Stations); next++ {
		if !has(was, now.Stations[next].ID) {
			out = append(out, Drift{now.Stations[next].ID, -1, next})
		}
	}
	return out
}

func has(d *trace.Document, id string) bool {
	return slices.ContainsFunc(d.Stations, func(s trace.StationDocument) bool { return s.ID == id })
}

func sameStation(da, db *trace.Document, a, b *trace.StationDocument) bool {
	sa, sb := stepsOf(da, a), stepsOf(db, b)
	if len(sa) != len(sb) {
		return false
	}
	for i := range sa {
		x, y := &sa[i], &sb[i]
		if x.Stage != y.Stage || x.Code != y.Code || x.Text != y.Text || x.Verdict != y.Verdict || x.Target != y.Target || !maps.Equal(x.Args, y.Args) || !slices.Equal(x.Changes, y.Changes) {
			return false
		}
	}
	return true
}

func stepsOf(d *trace.Document, s *trace.StationDocument) []trace.StepDocument {
	return d.Legs[s.Leg].Hops[s.Hop].Steps[s.First : s.Last+1]
}
