package iptables

import "io"

// AppendText appends the ruleset as iptables-save prints it.
func (rs *Ruleset) AppendText(b []byte) ([]byte, error) {
	for _, t := range rs.Tables {
		b = t.appendTo(b)
	}
	return appendLines(b, rs.Trailing), nil
}

// String is the ruleset as iptables-save prints it.
func (rs *Ruleset) String() string {
	b, _ := rs.AppendText(nil)
	return string(b)
}

// WriteTo writes the ruleset as iptables-save prints it, table by table.
func (rs *Ruleset) WriteTo(w io.Writer) (int64, error) {
	var total int64
	var b []byte
	write := func() error {
		n, err := w.Write(b)
		total += int64(n)
		return err
	}
	for _, t := range rs.Tables {
		b = t.appendTo(b[:0])
		if err := write(); err != nil {
			return total, err
		}
	}
	b = appendLines(b[:0], rs.Trailing)
	return total, write()
}

func appendLines(b []byte, lines []string) []byte {
	for _, l := range lines {
		b = append(append(b, l...), '\n')
	}
	return b
}

func (t *Table) appendTo(b []byte) []byte {
	b = appendLines(b, t.Leading)
	b = append(append(append(b, '*'), t.Name...), '\n')
	for _, c := range t.Chains {
		b = append(append(append(append(append(b, ':'), c.Name...), ' '), c.Policy...), ' ')
		n := Counters{}
		if c.Counters != nil {
			n = *c.Counters
		}
		b = append(n.appendTo(b), '\n')
	}
	for _, c := range t.Chains {
		for _, r := range c.Rules {
			if r.Counters != nil {
				b = append(r.Counters.appendTo(b), ' ')
			}
			b, _ = r.AppendText(b)
			b = append(b, '\n')
		}
	}
	b = append(b, "COMMIT\n"...)
	return appendLines(b, t.Completed)
}

func (n Counters) appendTo(b []byte) []byte {
	b = appendUint(append(b, '['), n.Packets)
	return append(appendUint(append(b, ':'), n.Bytes), ']')
}
