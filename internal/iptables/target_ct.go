package iptables

import (
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/packet"
)

// CTTarget is -j CT, and -j NOTRACK where OldName is set.
type CTTarget struct {
	OldName, NoTrack bool
	Zone             uint16
	HasZone          bool // Zone, or the packet's mark where ZoneFromMark
	ZoneFromMark     bool
	zoneOption       string                 // zone, zone-orig or zone-reply
	further          [len(ctOptions)]string // values of what has no effect on a packet's way
}

// ctOptions are options of libxt_CT in the order it prints them, zones last.
var ctOptions = [...]string{"helper", "timeout", "ctevents", "expevents"}

func (t *CTTarget) option(name string, not bool, a *args) error {
	if t.OldName {
		return errNoOption
	}
	if not {
		return errValue
	}
	switch name {
	case "notrack":
		t.NoTrack = true
		return nil
	case "zone", "zone-orig", "zone-reply":
		v, _ := a.next()
		n, ok := parseUint(v, 0xffff)
		if t.ZoneFromMark = v == "mark"; t.ZoneFromMark {
			n, ok = 0, true
		}
		if t.HasZone || !ok {
			return errValue
		}
		t.Zone, t.HasZone, t.zoneOption = uint16(n), true, name
		return nil
	}
	i := slices.Index(ctOptions[:], name)
	if i < 0 {
		return errNoOption
	}
	v, ok := a.next()
	if !ok || v == "" || strings.ContainsAny(v, " \t\"\\'") {
		return errValue
	}
	t.further[i] = v
	return nil
}

func (t *CTTarget) done(*basics) error { return nil }

// Apply implements [Target]. A packet that already has an entry, or is untracked, is left alone (xt_ct_target in
// xt_CT.c). A zone of one direction only (--zone-orig) is kept and printed but not applied.
func (t *CTTarget) Apply(in *Input) Verdict {
	if in.Conn.State == packet.CTNone {
		switch {
		case t.NoTrack:
			in.Conn.State = packet.CTUntracked
		case t.zoneOption == "zone" && t.ZoneFromMark:
			in.Conn.Zone = uint16(in.Packet.Mark)
		case t.zoneOption == "zone":
			in.Conn.Zone = t.Zone
		}
	}
	return Verdict{Kind: Continue}
}

// AppendTo implements [Target].
func (t *CTTarget) AppendTo(b []byte) []byte {
	if t.OldName {
		return append(b, "-j NOTRACK"...)
	}
	b = append(b, "-j CT"...)
	if t.NoTrack {
		b = append(b, " --notrack"...)
	}
	for i, v := range t.further {
		if v != "" {
			b = append(append(append(append(b, " --"...), ctOptions[i]...), ' '), v...)
		}
	}
	if t.HasZone {
		b = append(append(append(b, " --"...), t.zoneOption...), ' ')
		if t.ZoneFromMark {
			return append(b, "mark"...)
		}
		b = appendUint(b, t.Zone)
	}
	return b
}
