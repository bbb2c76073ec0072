package iptables

import "github.com/podpath/podpath/internal/packet"

// MarkMatch is -m mark, or -m connmark where Conn is set.
type MarkMatch struct {
	Value, Mask uint32
	Conn, Not   bool
	given       bool
}

func (m *MarkMatch) option(name string, not bool, a *args) error {
	if name != "mark" {
		return errNoOption
	}
	v, _ := a.next()
	var ok bool
	if m.Value, m.Mask, ok = parseMarkMask(v); !ok {
		return errValue
	}
	m.Not, m.given = not, true
	return nil
}

func (m *MarkMatch) done(*basics) error {
	if !m.given {
		return errValue
	}
	return nil
}

// tracked says whether the packet has a conntrack entry: none before conntrack, for invalid and for untracked packets
// (nf_ct_get gives NULL).
func tracked(c *packet.Conn) bool {
	switch c.State {
	case packet.CTNew, packet.CTEstablished, packet.CTRelated:
		return true
	}
	return false
}

// Matches implements [Match]. Without a conntrack entry a connmark match fails, inverted or not (xt_connmark.c).
func (m *MarkMatch) Matches(in *Input) Tri {
	mark := in.Packet.Mark
	if m.Conn {
		if !tracked(in.Conn) {
			return No
		}
		mark = in.Conn.Mark
	}
	return yes((mark&m.Mask == m.Value) != m.Not)
}

func (m *MarkMatch) appendValue(b []byte) []byte {
	b = appendHex(b, m.Value)
	if m.Mask != 0xffffffff {
		b = appendHex(append(b, '/'), m.Mask)
	}
	return b
}

// AppendTo implements [Match].
func (m *MarkMatch) AppendTo(b []byte) []byte {
	if m.Conn {
		b = append(b, "-m connmark "...)
	} else {
		b = append(b, "-m mark "...)
	}
	return m.appendValue(append(appendNot(b, m.Not), "--mark "...))
}

// Why implements [Match].
func (m *MarkMatch) Why(in *Input) Reason {
	want := string(m.appendValue(nil))
	switch {
	case !m.Conn:
		return reason(ReasonMark, m.Not, want, string(appendHex(nil, in.Packet.Mark)))
	case !tracked(in.Conn):
		return reason(ReasonConnmark, m.Not, want, "")
	}
	return reason(ReasonConnmark, m.Not, want, string(appendHex(nil, in.Conn.Mark)))
}
