package record

import (
	"time"

	"github.com/podpath/podpath/internal/lab"
)

// tries is how often a flow is sent before a difference counts. Two things are the moment's and not the network's: a server that
// the machine did not let run in time sends an acknowledgement of its own; and the kernel sends no more than one "no route" a
// second to a host, after five (ip_error in net/ipv4/route.c), which no namespace can change for itself.
const (
	tries = 3
	pause = 1200 * time.Millisecond
	// otherPort is added to the client's port: the kernel may not be done with the last one.
	otherPort = 1000
)

// Judge sends a flow and compares what the kernel did with the trace. A flow that differs is sent again, with more patience: what
// it gives is the first that agrees, else the last, and how often the flow was sent.
func (r *Recorder) Judge(f lab.Flow) (*lab.Recording, *lab.Report, int, error) {
	defer func(d time.Duration) { r.Patience = d }(r.Patience)
	for n := 1; ; n++ {
		if n > 1 {
			f.ClientPort += otherPort
		}
		rec, err := r.Record(f)
		if err != nil {
			return nil, nil, n, err
		}
		rep, err := lab.Verify(rec, true)
		if err != nil || len(rep.Differences) == 0 || n == tries {
			return rec, rep, n, err
		}
		time.Sleep(pause)
		r.Patience *= 2
	}
}
