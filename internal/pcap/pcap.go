// Package pcap writes pcapng capture files (draft-ietf-opsawg-pcapng) with what gopacket's writer lacks: a comment on each
// packet.
package pcap

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

// LinkType says what a frame on an interface begins with (draft-ietf-opsawg-pcaplinktype).
type LinkType uint16

// The link types.
const (
	Ethernet LinkType = 1
	Raw      LinkType = 101 // IP, without a link layer
)

// Interface is what frames were seen on.
type Interface struct {
	Name, Description string
	Link              LinkType
}

// Packet is one frame.
type Packet struct {
	Interface int   // what [Writer.Add] returned
	Time      int64 // nanoseconds since 1970
	Data      []byte
	Comment   string
}

// Block types and option codes (draft-ietf-opsawg-pcapng, sections 4.1 to 4.3 and 3.5).
const (
	sectionHeader    = 0x0A0D0D0A
	interfaceBlock   = 1
	enhancedPacket   = 6
	byteOrderMagic   = 0x1A2B3C4D
	optComment       = 1
	shbUserAppl      = 4
	ifName           = 2
	ifDescription    = 3
	ifTimeResolution = 9
	nanoseconds      = 9 // a time unit is 10^-9 s
)

// Writer writes one section. It keeps the first error, which [Writer.Err] gives; after it nothing more is written.
type Writer struct {
	w          io.Writer
	interfaces int
	err        error
}

// NewWriter begins a file that says which program wrote it.
func NewWriter(w io.Writer, application string) *Writer {
	p := &Writer{w: w}
	b := binary.LittleEndian.AppendUint32(nil, byteOrderMagic)
	b = binary.LittleEndian.AppendUint16(b, 1) // version 1.0
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint64(b, math.MaxUint64) // how long the section is, is not said
	p.block(sectionHeader, b, option{shbUserAppl, []byte(application)})
	return p
}

// Add declares an interface and returns its number, which packets have. The name is what readers show.
func (p *Writer) Add(i Interface) int {
	b := binary.LittleEndian.AppendUint16(nil, uint16(i.Link))
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint32(b, 0) // frames are never cut
	p.block(interfaceBlock, b, option{ifName, []byte(i.Name)}, option{ifDescription, []byte(i.Description)}, option{ifTimeResolution, []byte{nanoseconds}})
	p.interfaces++
	return p.interfaces - 1
}

// Write writes a packet. Its interface must have been added, and its time be after 1970.
func (p *Writer) Write(x *Packet) {
	switch {
	case x.Interface < 0 || x.Interface >= p.interfaces:
		p.fail(fmt.Errorf("interface %d of %d", x.Interface, p.interfaces))
		return
	case x.Time < 0:
		p.fail(fmt.Errorf("time %d ns is before 1970", x.Time))
		return
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(x.Interface))
	b = binary.LittleEndian.AppendUint32(b, uint32(uint64(x.Time)>>32))
	b = binary.LittleEndian.AppendUint32(b, uint32(x.Time))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(x.Data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(x.Data)))
	b = padded(b, x.Data)
	p.block(enhancedPacket, b, option{optComment, []byte(x.Comment)})
}

// Err is what went wrong, or nil.
func (p *Writer) Err() error {
	if p.err == nil {
		return nil
	}
	return fmt.Errorf("pcapng: %w", p.err)
}

type option struct {
	code  uint16
	value []byte
}

// block writes a block with those of its options that have a value.
func (p *Writer) block(kind uint32, body []byte, options ...option) {
	some := false
	for _, o := range options {
		if len(o.value) == 0 {
			continue
		}
		if len(o.value) > math.MaxUint16 {
			p.fail(fmt.Errorf("option %d has %d bytes, more than %d", o.code, len(o.value), math.MaxUint16))
			return
		}
		body = binary.LittleEndian.AppendUint16(body, o.code)
		body = binary.LittleEndian.AppendUint16(body, uint16(len(o.value)))
		body = padded(body, o.value)
		some = true
	}
	if some {
		body = append(body, 0, 0, 0, 0) // the end of the options
	}
	if p.err != nil {
		return
	}
	total := uint32(len(body)) + 12
	out := binary.LittleEndian.AppendUint32(make([]byte, 0, total), kind)
	out = binary.LittleEndian.AppendUint32(out, total)
	out = append(out, body...)
	out = binary.LittleEndian.AppendUint32(out, total)
	if _, err := p.w.Write(out); err != nil {
		p.fail(err)
	}
}

func (p *Writer) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// padded appends a value and zeros up to a multiple of four bytes.
func padded(b, value []byte) []byte {
	b = append(b, value...)
	return append(b, make([]byte, -len(value)&3)...)
}
