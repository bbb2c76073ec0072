package trace

import "fmt"

// Check says what is wrong with a document that came from elsewhere, so that whoever shows it need not ask at every index
// whether there is something. It is nil for what [Trace.Document] makes.
func (d *Document) Check() error {
	if d.Version != 1 {
		return fmt.Errorf("document: version %d, want 1", d.Version)
	}
	if len(d.Stations) == 0 {
		return fmt.Errorf("document: no stations")
	}
	for l := range d.Legs {
		for h := range d.Legs[l].Hops {
			for i := range d.Legs[l].Hops[h].Steps {
				if p := d.Legs[l].Hops[h].Steps[i].Packet; p < 0 || p >= len(d.Packets) {
					return fmt.Errorf("document: leg %d, hop %d, step %d: packet %d of %d", l, h, i, p, len(d.Packets))
				}
				for _, b := range d.Legs[l].Hops[h].Steps[i].Because {
					if !d.there(b.Leg, b.Hop, b.Step) {
						return fmt.Errorf("document: leg %d, hop %d, step %d: because of a step that is not there", l, h, i)
					}
				}
			}
		}
	}
	for i := range d.Stations {
		s := &d.Stations[i]
		if s.First > s.Last || s.Decisive < s.First || s.Decisive > s.Last || !d.there(s.Leg, s.Hop, s.First) || !d.there(s.Leg, s.Hop, s.Last) {
			return fmt.Errorf("document: station %d, %q, is of steps that are not there", i, s.ID)
		}
	}
	return nil
}

func (d *Document) there(leg, hop, step int) bool {
	return leg >= 0 && leg < len(d.Legs) && hop >= 0 && hop < len(d.Legs[leg].Hops) && step >= 0 && step < len(d.Legs[leg].Hops[hop].Steps)
}
