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

// Again sends a flow that was sent n times before. Whoever sends a flow again doubts what came of it: from the second time on it
// rests first, is sent from another port, and there is more time for everything.
func (r *Recorder) Again(f lab.Flow, n int) (*lab.Recording, error) {
	if n == 0 {
		return r.Record(f)
	}
	if err := r.check(&f); err != nil {
		return nil, err
	}
	defer func(d time.Duration) { r.Patience = d }(r.Patience)
	r.Patience <<= n
	f.ClientPort += uint16(n) * otherPort
	time.Sleep(pause)
	return r.Record(f)
}

// Judge sends a flow and compares what the kernel did with the trace. A flow that differs is sent again: what it gives is the first
// that agrees, else the last, and how often the flow was sent.
func (r *Recorder) Judge(f lab.Flow) (*lab.Recording, *lab.Report, int, error) {
	for n := 0; ; n++ {
		rec, err := r.Again(f, n)
		if err != nil {
			return nil, nil, n + 1, err
		}
		rep, err := lab.Verify(rec, true)
		if err != nil || len(rep.Differences) == 0 || n+1 == tries {
			return rec, rep, n + 1, err
		}
	}
}
