package templates

import "testing"

// TestCellState: what a bit does at a station, from its value before and after each step there.
func TestCellState(t *testing.T) {
	for _, tt := range []struct {
		name   string
		states [][2]uint32
		bit    MarkBit
		want   string
	}{
		{"never", [][2]uint32{{0, 0}, {0, 0}}, MarkBit{"nfmark", 0x80}, "off"},
		{"all the way", [][2]uint32{{0x80, 0}, {0x80, 0}}, MarkBit{"nfmark", 0x80}, "on"},
		{"set", [][2]uint32{{0, 0}, {0, 0}, {0x80, 0}}, MarkBit{"nfmark", 0x80}, "set"},
		{"cleared", [][2]uint32{{0x4000, 0}, {0, 0}}, MarkBit{"nfmark", 0x4000}, "cleared"},
		{"set and cleared", [][2]uint32{{0, 0}, {0x4000, 0}, {0, 0}}, MarkBit{"nfmark", 0x4000}, "flash"},
		{"cleared and set again", [][2]uint32{{0x80, 0}, {0, 0}, {0x80, 0}}, MarkBit{"nfmark", 0x80}, "on"},
		{"another bit of the same mark", [][2]uint32{{0x80, 0}, {0x4080, 0}}, MarkBit{"nfmark", 0x80}, "on"},
		{"the connection's, not the packet's", [][2]uint32{{0x80, 0}, {0x80, 0x80}}, MarkBit{"ctmark", 0x80}, "set"},
		{"the packet's, not the connection's", [][2]uint32{{0, 0x80}, {0, 0x80}}, MarkBit{"nfmark", 0x80}, "off"},
	} {
		if got := cellState(tt.states, tt.bit); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
