// Package capture writes a trace's packets as a capture file, the way tcpdump on every interface at once would have seen
// them: Wireshark and tshark read it.
package capture

import (
	"fmt"
	"io"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// epoch is the time of the first packet. A trace has no clock: its packets are a microsecond apart, in their order.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Write writes every crossing of an interface as one packet of a pcapng file (draft-ietf-opsawg-pcapng), with an interface
// block for each interface crossed, named `namespace/device`. A device without link layer, such as tunl0, has raw IP.
func Write(w io.Writer, t *trace.Trace) error {
	crossings := t.Crossings()
	if len(crossings) == 0 {
		return fmt.Errorf("capture: the trace crosses no interface")
	}
	f := &file{ids: map[string]int{}}
	var err error
	first := describe(&crossings[0])
	if f.w, err = pcapgo.NewNgWriterInterface(w, first, pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{Application: trace.Engine}}); err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	f.ids[first.Name] = 0
	for i := range crossings {
		if err := f.add(&crossings[i], epoch.Add(time.Duration(i)*time.Microsecond)); err != nil {
			return fmt.Errorf("capture: packet %d: %w", i+1, err)
		}
	}
	if err := f.w.Flush(); err != nil {
		return fmt.Errorf("capture: %w", err)
	}
	return nil
}

type file struct {
	w   *pcapgo.NgWriter
	ids map[string]int // of interface blocks, by name
}

func (f *file) add(c *trace.Crossing, at time.Time) error {
	about := describe(c)
	id, ok := f.ids[about.Name]
	if !ok {
		var err error
		if id, err = f.w.AddInterface(about); err != nil {
			return err
		}
		f.ids[about.Name] = id
	}
	raw, err := frame(c.Packet, linkLayer(c.Interface))
	if err != nil {
		return err
	}
	return f.w.WritePacket(gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(raw), Length: len(raw), InterfaceIndex: id}, raw)
}

func describe(c *trace.Crossing) pcapgo.NgInterface {
	link := layers.LinkTypeRaw
	if linkLayer(c.Interface) {
		link = layers.LinkTypeEthernet
	}
	return pcapgo.NgInterface{Name: c.Namespace.Name + "/" + c.Interface.Name, Description: string(c.Interface.Kind) + " of " + string(c.Namespace.Kind),
		OS: "Linux", LinkType: link, TimestampResolution: 9, SnapLength: 0}
}

// linkLayer says whether frames on a device begin with Ethernet: all but tunnels of IP in IP.
func linkLayer(i *topology.Interface) bool { return i.Kind != topology.IPIP }

// frame are a packet's bytes on a device. What comes by the loopback has an Ethernet header of zeros.
func frame(p *packet.Packet, ethernet bool) ([]byte, error) {
	raw, err := p.Bytes()
	if err != nil || !ethernet || p.Eth != (packet.Ethernet{}) {
		return raw, err
	}
	return append([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0x00}, raw...), nil
}
