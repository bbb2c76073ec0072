package pcap

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

type full struct{ left int }

func (f *full) Write(b []byte) (int, error) {
	if f.left--; f.left < 0 {
		return 0, errors.New("no space left on device")
	}
	return len(b), nil
}

// TestErrors is what cannot be written: it is said, and nothing is written behind it. That the rest is right, tshark says in
// internal/capture.
func TestErrors(t *testing.T) {
	ok := Packet{Time: 1, Data: []byte{0x45}}
	for _, tt := range []struct {
		name string
		room int
		x    Packet
		want string
	}{
		{"no such interface", 99, Packet{Interface: 1}, "interface 1 of 1"},
		{"negative interface", 99, Packet{Interface: -1}, "interface -1 of 1"},
		{"before 1970", 99, Packet{Time: -1}, "before 1970"},
		{"comment too long", 99, Packet{Comment: strings.Repeat("x", 1<<16)}, "65536 bytes"},
		{"disk full at the beginning", 0, ok, "no space left"},
		{"disk full at the packet", 2, ok, "no space left"},
		{"longest comment", 99, Packet{Comment: strings.Repeat("x", 1<<16-1)}, ""},
	} {
		f := &full{tt.room}
		w := NewWriter(f, "test")
		w.Add(Interface{Name: "eth0", Link: Ethernet})
		w.Write(&tt.x)
		err := w.Err()
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		before := f.left
		w.Write(&ok)
		if f.left != before {
			t.Errorf("%s: something is written after the error", tt.name)
		}
	}
}

// TestBlocks is how long blocks are: a multiple of four bytes, said at both ends, whatever the data's length.
func TestBlocks(t *testing.T) {
	for n := range 9 {
		var b bytes.Buffer
		w := NewWriter(&b, strings.Repeat("a", n))
		w.Add(Interface{Name: strings.Repeat("e", n+1), Link: Raw})
		w.Write(&Packet{Data: make([]byte, n), Comment: strings.Repeat("c", n)})
		if err := w.Err(); err != nil {
			t.Fatal(err)
		}
		blocks := 0
		for rest := b.Bytes(); len(rest) > 0; blocks++ {
			size := int(rest[4]) | int(rest[5])<<8
			if size%4 != 0 || size > len(rest) || !bytes.Equal(rest[4:8], rest[size-4:size]) {
				t.Fatalf("%d: block %d: length %d of %d bytes", n, blocks, size, len(rest))
			}
			rest = rest[size:]
		}
		if blocks != 3 {
			t.Errorf("%d: %d blocks, want 3", n, blocks)
		}
	}
}
