package templates

import (
	"strconv"

	"github.com/podpath/podpath/internal/diagram"
)

// timeline places the dots. A column is as wide as the lane with more stations in it needs; the other lane's stand in
// its middle. The answer runs back, so its first station of a column is the rightmost.
func (b *builder) timeline(views []StationView) Timeline {
	places := len(b.scene.Places)
	count := make([][2]int, places)
	lane := func(v *StationView) int {
		if v.Reply {
			return 1
		}
		return 0
	}
	for i := range views {
		count[views[i].Station.Place][lane(&views[i])]++
	}
	t := Timeline{}
	start := make([]int, places)
	width := make([]int, places)
	for i := range count {
		start[i] = t.Total
		width[i] = max(1, count[i][0], count[i][1])
		t.Total += width[i]
	}
	for i := range count {
		t.Cols = append(t.Cols, TimelineCol{Label: b.column(i, float64(width[i])*float64(t.atLeast())/float64(t.Total)), At: float64(start[i]), Span: float64(width[i])})
	}
	seen := make([][2]int, places)
	ends := [2][2]float64{{-1, -1}, {-1, -1}}
	for i := range views {
		v := &views[i]
		p, l := v.Station.Place, lane(v)
		n := seen[p][l]
		seen[p][l]++
		pad := float64(width[p]-count[p][l]) / 2
		at := float64(start[p]) + float64(n) + pad + 0.5
		if l == 1 {
			at = float64(start[p]+width[p]-1-n) - pad + 0.5
		}
		t.Dots = append(t.Dots, TimelineDot{Index: i, Lane: l, At: at})
		if ends[l][0] < 0 || at < ends[l][0] {
			ends[l][0] = at
		}
		ends[l][1] = max(ends[l][1], at)
	}
	for l := range ends {
		if ends[l][0] >= 0 {
			t.Rails = append(t.Rails, TimelineRail{Lane: l, From: ends[l][0], To: ends[l][1]})
		}
	}
	return t
}

// atLeast is how many pixels a timeline has wherever it is shown, by its number of dots side by side; the strip around it
// scrolls. The style sheet has a class for each.
func (t *Timeline) atLeast() int {
	switch {
	case t.Total <= 22:
		return 860
	case t.Total <= 28:
		return 1000
	}
	return 1500
}

// column is a column's name, as much of it as there is room for.
func (b *builder) column(place int, room float64) string {
	label := b.told.Place(place)
	if p := b.scene.Places[place]; diagram.TextWidth(label, 12, false) > room {
		switch p.Class {
		case diagram.PlacePod:
			label = p.Name // without the word for it
		case diagram.PlaceSwitch:
			label = b.l.T("place.switch-kind") // which one, the nodes at its sides say
		}
	}
	return diagram.Clip(label, 12, room)
}

// pct is a position as a share of the timeline's hundred units.
func (t *Timeline) pct(at float64) string {
	return strconv.FormatFloat(at/float64(t.Total)*100, 'f', 3, 64) + "%"
}
