// Package capture writes a trace's packets as a capture file, the way tcpdump on every interface at once would have seen
// them: Wireshark and tshark read it.
package capture

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/podpath/podpath/internal/latency"
	"github.com/podpath/podpath/internal/packet"
	"github.com/podpath/podpath/internal/pcap"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

// epoch is when the first packet is made. A trace has no clock: what follows is as much later as the latency model says.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// Write writes every crossing of an interface as one packet of a pcapng file, with an interface block for each interface
// crossed, named `namespace/device`. A device without link layer, such as tunl0, has raw IP. Each packet has as its comment
// what decided since it was last seen, line by line as the kernel's tools print it, and the time that the table of costs
// gives it, in nanoseconds; where nothing between two of them costs anything, they are one apart.
//
// d is the trace's document.
func Write(w io.Writer, t *trace.Trace, d *trace.Document, costs *latency.Table) error {
	crossings := t.Crossings()
	if len(crossings) == 0 {
		return errors.New("capture: the trace crosses no interface")
	}
	f := newFile(w, trace.Engine)
	at := times(crossings, latency.Of(t, d, costs))
	said := comments(crossings, d)
	for i := range crossings {
		c := &crossings[i]
		raw, err := frame(c.Packet, linkLayer(c.Interface))
		if err != nil {
			return fmt.Errorf("capture: packet %d: %w", i+1, err)
		}
		f.write(describe(c), &pcap.Packet{Time: epoch.UnixNano() + at[i], Data: raw, Comment: said[i]})
	}
	return f.close()
}

func describe(c *trace.Crossing) pcap.Interface {
	link := pcap.Raw
	if linkLayer(c.Interface) {
		link = pcap.Ethernet
	}
	return pcap.Interface{Name: c.Namespace.Name + "/" + c.Interface.Name, Description: string(c.Interface.Kind) + " of " + string(c.Namespace.Kind), Link: link}
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
