package capture

import (
	"errors"
	"fmt"
	"io"

	"github.com/podpath/podpath/internal/pcap"
)

// Frame is one sight of a packet on an interface: what a kernel showed, not what a trace says.
type Frame struct {
	Time      int64 // nanoseconds since 1970
	Interface string
	Raw       bool // IP without a link layer
	Data      []byte
}

// WriteFrames writes frames as a pcapng file, with an interface block for each interface.
func WriteFrames(w io.Writer, frames []Frame) error {
	if len(frames) == 0 {
		return errors.New("capture: no frame was seen")
	}
	f := newFile(w, "podpath lab")
	for i := range frames {
		x := &frames[i]
		link := pcap.Ethernet
		if x.Raw {
			link = pcap.Raw
		}
		f.write(pcap.Interface{Name: x.Interface, Link: link}, &pcap.Packet{Time: x.Time, Data: x.Data})
	}
	return f.close()
}

// file is a capture file that declares an interface when the first packet comes by it.
type file struct {
	w   *pcap.Writer
	ids map[string]int // of interfaces, by name
}

func newFile(w io.Writer, application string) *file {
	return &file{pcap.NewWriter(w, application), map[string]int{}}
}

func (f *file) write(on pcap.Interface, p *pcap.Packet) {
	id, ok := f.ids[on.Name]
	if !ok {
		id = f.w.Add(on)
		f.ids[on.Name] = id
	}
	p.Interface = id
	f.w.Write(p)
}

func (f *file) close() error {
	if err := f.w.Err(); err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	return nil
}
