package nftables

import "io"

// AppendText appends the ruleset as it was read, byte for byte but for line ends.
func (rs *Ruleset) AppendText(b []byte) ([]byte, error) {
	for _, t := range rs.Tables {
		b, _ = t.AppendText(b)
	}
	return appendLines(b, rs.Trailing), nil
}

// String is the ruleset as nft prints it.
func (rs *Ruleset) String() string {
	b, _ := rs.AppendText(nil)
	return string(b)
}

// WriteTo writes the ruleset as nft prints it.
func (rs *Ruleset) WriteTo(w io.Writer) (int64, error) {
	b, _ := rs.AppendText(nil)
	n, err := w.Write(b)
	return int64(n), err
}

// AppendText appends the table as nft prints it.
func (t *Table) AppendText(b []byte) ([]byte, error) {
	b = appendLines(b, t.Leading)
	b = append(append(b, t.open...), '\n')
	for _, it := range t.items {
		b = appendLines(b, it.lines)
		if it.chain != nil {
			b = it.chain.appendTo(b)
		}
	}
	return b, nil
}

// String is the table as nft prints it.
func (t *Table) String() string {
	b, _ := t.AppendText(nil)
	return string(b)
}

func (c *Chain) appendTo(b []byte) []byte {
	b = append(append(b, c.open...), '\n')
	for _, l := range c.lines {
		b = append(append(b, l.text...), '\n')
	}
	return b
}

func appendLines(b []byte, lines []string) []byte {
	for _, l := range lines {
		b = append(append(b, l...), '\n')
	}
	return b
}
