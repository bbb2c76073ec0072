package measure

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// ErrNothing is what a file cannot be made of.
var ErrNothing = errors.New("no cost came out of it: nothing to write")

// File writes what was found in the form that latency.Read reads. machine says where it was measured (see Machine).
func File(found []Found, machine string) ([]byte, error) {
	var b bytes.Buffer
	host, err := json.Marshal(machine)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&b, "{\n\t\"version\": 1,\n\t\"host\": %s,\n\t\"costs\": {", host)
	n := 0
	for _, f := range found {
		if f.Why != "" {
			continue
		}
		if n > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n\t\t%q: {\"ns\": %d, \"low\": %d, \"high\": %d, \"basis\": %q}", f.Item, f.Cost.NS, f.Cost.Low, f.Cost.High, f.Cost.Basis)
		n++
	}
	if n == 0 {
		return nil, ErrNothing
	}
	b.WriteString("\n\t}\n}\n")
	return b.Bytes(), nil
}
