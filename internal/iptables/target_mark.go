package iptables

// MarkTarget is -j MARK. All of its options come down to clearing the bits of Mask and flipping those of Value
// (xt_mark.c), which is how iptables-save prints it.
type MarkTarget struct {
	Value, Mask uint32
	given       bool
}

// setMark reads one of the options that MARK and CONNMARK share, as value and mask of --set-xmark.
func setMark(name string, a *args) (value, mask uint32, err error) {
	switch name {
	case "set-xmark", "set-mark":
		v, _ := a.next()
		value, mask, ok := parseMarkMask(v)
		if name == "set-mark" {
			mask |= value
		}
		if !ok {
			return 0, 0, errValue
		}
		return value, mask, nil
	case "and-mark", "or-mark", "xor-mark":
		v, _ := a.next()
		n, ok := parseUint32(v)
		if !ok {
			return 0, 0, errValue
		}
		switch name {
		case "and-mark":
			return 0, ^n, nil
		case "or-mark":
			return n, n, nil
		}
		return n, 0, nil
	}
	return 0, 0, errNoOption
}

func (t *MarkTarget) option(name string, not bool, a *args) (err error) {
	value, mask, err := setMark(name, a)
	if err == nil && (t.given || not) {
		err = errValue
	}
	if err != errNoOption {
		t.Value, t.Mask, t.given = value, mask, true
	}
	return err
}

func (t *MarkTarget) done(*basics) error {
	if !t.given {
		return errValue
	}
	return nil
}

// Apply implements [Target].
func (t *MarkTarget) Apply(in *Input) Verdict {
	in.Packet.Mark = in.Packet.Mark&^t.Mask ^ t.Value
	return Verdict{Kind: Continue}
}

// AppendTo implements [Target].
func (t *MarkTarget) AppendTo(b []byte) []byte {
	b = appendHex(append(b, "-j MARK --set-xmark "...), t.Value)
	return appendHex(append(b, '/'), t.Mask)
}

// connmarkMode is what a CONNMARK target does.
type connmarkMode uint8

const (
	connmarkSet connmarkMode = iota + 1
	connmarkSave
	connmarkRestore
)

// ConnmarkTarget is -j CONNMARK: it sets the connection's mark, saves the packet's in it, or restores it from there.
type ConnmarkTarget struct {
	Value, CTMask, NFMask uint32
	LeftShift, RightShift uint8
	mode                  connmarkMode
	masked                bool
}

func (t *ConnmarkTarget) option(name string, not bool, a *args) error {
	if not {
		return errValue
	}
	switch name {
	case "save-mark", "restore-mark":
		if t.mode != 0 {
			return errValue
		}
		t.mode = connmarkSave
		if name == "restore-mark" {
			t.mode = connmarkRestore
		}
		return nil
	case "nfmask", "ctmask", "mask":
		return t.maskOption(name, a)
	case "left-shift-mark", "right-shift-mark":
		v, _ := a.next()
		n, ok := parseUint(v, 31)
		if !ok {
			return errValue
		}
		if name == "left-shift-mark" {
			t.LeftShift = uint8(n)
		} else {
			t.RightShift = uint8(n)
		}
		return nil
	}
	value, mask, err := setMark(name, a)
	if err == nil {
		if t.mode != 0 {
			return errValue
		}
		t.mode, t.Value, t.CTMask = connmarkSet, value, mask
	}
	return err
}

func (t *ConnmarkTarget) maskOption(name string, a *args) error {
	v, _ := a.next()
	n, ok := parseUint32(v)
	if !ok {
		return errValue
	}
	if name != "ctmask" {
		t.NFMask = n
	}
	if name != "nfmask" {
		t.CTMask = n
	}
	t.masked = true
	return nil
}

func (t *ConnmarkTarget) done(*basics) error {
	if t.mode == 0 || t.mode == connmarkSet && t.masked || t.LeftShift > 0 && t.RightShift > 0 {
		return errValue
	}
	return nil
}

// Apply implements [Target] (connmark_tg_shift in xt_connmark.c). Without a conntrack entry nothing happens.
func (t *ConnmarkTarget) Apply(in *Input) Verdict {
	c := in.Conn
	if !tracked(c) {
		return Verdict{Kind: Continue}
	}
	switch t.mode {
	case connmarkSet:
		t.setCT(in, t.shift(c.Mark&^t.CTMask^t.Value))
	case connmarkSave:
		t.setCT(in, c.Mark&^t.CTMask^t.shift(in.Packet.Mark&t.NFMask))
	case connmarkRestore:
		in.Packet.Mark = in.Packet.Mark&^t.NFMask ^ t.shift(c.Mark&t.CTMask)
	}
	return Verdict{Kind: Continue}
}

func (t *ConnmarkTarget) shift(n uint32) uint32 { return n << t.LeftShift >> t.RightShift }

func (t *ConnmarkTarget) setCT(in *Input, mark uint32) {
	in.Conn.Mark = mark
	in.Packet.CTMark = mark
}

// AppendTo implements [Target].
func (t *ConnmarkTarget) AppendTo(b []byte) []byte {
	b = append(b, "-j CONNMARK "...)
	switch t.mode {
	case connmarkSet:
		b = appendHex(append(b, "--set-xmark "...), t.Value)
		b = appendHex(append(b, '/'), t.CTMask)
	case connmarkSave, connmarkRestore:
		b = append(b, [...]string{connmarkSave: "--save-mark", connmarkRestore: "--restore-mark"}[t.mode]...)
		b = appendHex(append(b, " --nfmask "...), t.NFMask)
		b = appendHex(append(b, " --ctmask "...), t.CTMask)
	}
	if t.LeftShift > 0 {
		b = appendUint(append(b, " --left-shift-mark "...), t.LeftShift)
	}
	if t.RightShift > 0 {
		b = appendUint(append(b, " --right-shift-mark "...), t.RightShift)
	}
	return b
}

// Restores says whether the target writes the packet's mark from the connection's, not the other way.
func (t *ConnmarkTarget) Restores() bool { return t.mode == connmarkRestore }
