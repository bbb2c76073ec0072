package capture

import (
	"fmt"
	"io"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
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
		return fmt.Errorf("capture: no frame was seen")
	}
	block := func(f *Frame) pcapgo.NgInterface {
		i := pcapgo.NgInterface{Name: f.Interface, LinkType: layers.LinkTypeEthernet, SnapLength: 0, TimestampResolution: 9}
		if f.Raw {
			i.LinkType = layers.LinkTypeRaw
		}
		return i
	}
	out, err := pcapgo.NewNgWriterInterface(w, block(&frames[0]), pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{Application: "podpath lab"}})
	if err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	ids := map[string]int{frames[0].Interface: 0}
	for i := range frames {
		f := &frames[i]
		id, ok := ids[f.Interface]
		if !ok {
			if id, err = out.AddInterface(block(f)); err != nil {
				return fmt.Errorf("capture: %w", err)
			}
			ids[f.Interface] = id
		}
		ci := gopacket.CaptureInfo{Timestamp: time.Unix(0, f.Time), CaptureLength: len(f.Data), Length: len(f.Data), InterfaceIndex: id}
		if err := out.WritePacket(ci, f.Data); err != nil {
			return fmt.Errorf("capture: packet %d: %w", i+1, err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	return nil
}
