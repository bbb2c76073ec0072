package record

import (
	"testing"
)

// FuzzFrame: whatever a packet socket hands over is read or left out, and never ends the recorder. What two sights of one frame
// are known by is the same.
func FuzzFrame(f *testing.F) {
	udp := []byte{0x45, 0, 0, 32, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x9c, 0x40, 0x1f, 0x90, 0, 12, 0, 0, 'p', 'i', 'n', 'g'}
	ether := append([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0}, udp...)
	f.Add(uint16(1), false, ether)
	f.Add(uint16(768), true, udp)
	vxlan := append([]byte(nil), ether...)
	vxlan[14+22], vxlan[14+23] = 0x12, 0xb5
	f.Add(uint16(1), true, append(append(vxlan[:14+28:14+28], 8, 0, 0, 0, 0, 0, 7, 0), ether...))
	f.Add(uint16(1), false, append([]byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0}, 0x45, 0, 0, 56, 0, 1, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 11, 0, 0, 0, 0, 0, 0, 0, 0x45, 0, 0, 20))
	f.Fuzz(func(t *testing.T, hardware uint16, out bool, data []byte) {
		ports := map[uint16]bool{4789: true}
		frames := []frame{{time: 1, ns: "a", dev: "eth0", out: out, hardware: hardware, data: data}, {time: 2, ns: "b", dev: "eth0", out: !out, hardware: hardware, data: data}}
		path, _ := buildPath(frames, ports)
		for i := range path {
			if path[i].Packet != 1 {
				t.Errorf("row %d of one frame seen twice is packet %d", i, path[i].Packet)
			}
		}
	})
}

// FuzzAttributes: a message that is cut off or lies about its lengths gives what can be read of it.
func FuzzAttributes(f *testing.F) {
	f.Add([]byte{8, 0, 1, 0, 'n', 'a', 't', 0, 5, 0, 2, 0, 'x'})
	f.Add([]byte{255, 255, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		total := 0
		for _, v := range attributes(b) {
			total += len(v)
			_, _, _ = text(v), be32(v), be64(v)
		}
		if total > len(b) {
			t.Errorf("%d bytes of attributes in %d", total, len(b))
		}
	})
}
