package diagram

import (
	"fmt"

	"github.com/podpath/podpath/internal/trace"
)

// minLabel is as wide as a letter.
const minLabel = 10

// Check says why a scene that came from elsewhere is not the drawing of a document. It is nil for what [Build] makes of it.
func (s *Scene) Check(d *trace.Document) error {
	if len(s.Stations) != len(d.Stations) {
		return fmt.Errorf("scene: %d stations, and the document has %d", len(s.Stations), len(d.Stations))
	}
	for i := range s.Stations {
		st := &s.Stations[i]
		switch {
		case st.StationDocument != d.Stations[i] || st.Index != i:
			return fmt.Errorf("scene: station %d is not the document's %q", i, d.Stations[i].ID)
		case st.Lane < 0 || st.Lane >= len(s.Lanes):
			return fmt.Errorf("scene: station %d is on lane %d of %d", i, st.Lane, len(s.Lanes))
		case st.Place < 0 || st.Place >= len(s.Places):
			return fmt.Errorf("scene: station %d is in place %d of %d", i, st.Place, len(s.Places))
		case st.Label != nil && !(st.Label.Max >= minLabel):
			return fmt.Errorf("scene: station %d has a label of %v", i, st.Label.Max)
		}
	}
	for i := range s.Lanes {
		if l := s.Lanes[i].Leg; l < 0 || l >= len(d.Legs) {
			return fmt.Errorf("scene: lane %d is of leg %d of %d", i, l, len(d.Legs))
		}
	}
	return nil
}
