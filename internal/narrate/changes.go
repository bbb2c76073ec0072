package narrate

import (
	"strings"

	"github.com/podpath/podpath/internal/trace"
)

// Changes joins the steps of a station: its changes: the first value before, the last after. A frame that gets its first header is no
// change worth a line.
func Changes(steps []trace.StepDocument) []trace.Change {
	var out []trace.Change
	for i := range steps {
		for _, c := range steps[i].Changes {
			if strings.HasPrefix(c.Field, "eth.") || strings.HasPrefix(c.Field, "outer.") || c.Field == "encap" {
				continue // a tunnel's headers are what the line itself says
			}
			found := false
			for k := range out {
				if out[k].Field == c.Field {
					out[k].After, found = c.After, true
				}
			}
			if !found {
				out = append(out, c)
			}
		}
	}
	return out
}
