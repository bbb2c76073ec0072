package iptables

import (
	"slices"
	"strings"
)

// LogTarget is -j LOG: it has no effect on the packet.
type LogTarget struct {
	Prefix    string
	hasPrefix bool
	Level     uint8
	flags     [len(logFlags)]bool
}

const (
	defaultLogLevel = 4  // warning (libxt_LOG.c)
	maxLogPrefix    = 29 // struct xt_log_info
	maxNFLogPrefix  = 63 // struct xt_nflog_info
)

var logFlags = [...]string{"log-tcp-sequence", "log-tcp-options", "log-ip-options", "log-uid", "log-macdecode"}

var logLevels = [...]string{"emerg", "alert", "crit", "error", "warning", "notice", "info", "debug"}

func (t *LogTarget) option(name string, not bool, a *args) error {
	if not {
		return errValue
	}
	switch name {
	case "log-prefix":
		v, ok := a.next()
		if !ok || len(v) > maxLogPrefix || strings.Contains(v, "\n") {
			return errValue
		}
		t.Prefix, t.hasPrefix = v, v != ""
		return nil
	case "log-level":
		v, _ := a.next()
		n, ok := parseUint(v, uint64(len(logLevels)-1))
		if i := slices.Index(logLevels[:], logLevelName(v)); i >= 0 {
			n, ok = uint64(i), true
		}
		if !ok {
			return errValue
		}
		t.Level = uint8(n)
		return nil
	}
	i := slices.Index(logFlags[:], name)
	if i < 0 {
		return errNoOption
	}
	t.flags[i] = true
	return nil
}

func logLevelName(s string) string {
	switch s = strings.ToLower(s); s {
	case "panic":
		return "emerg"
	case "err":
		return "error"
	case "warn":
		return "warning"
	}
	return s
}

func (t *LogTarget) done(*basics) error { return nil }

// Apply implements [Target].
func (t *LogTarget) Apply(*Input) Verdict { return Verdict{Kind: Continue} }

// AppendTo implements [Target].
func (t *LogTarget) AppendTo(b []byte) []byte {
	b = append(b, "-j LOG"...)
	if t.hasPrefix {
		b = appendQuoted(append(b, " --log-prefix "...), t.Prefix)
	}
	if t.Level != defaultLogLevel {
		b = appendUint(append(b, " --log-level "...), t.Level)
	}
	for i, on := range t.flags {
		if on {
			b = append(append(b, " --"...), logFlags[i]...)
		}
	}
	return b
}

// NFLogTarget is -j NFLOG: it has no effect on the packet.
type NFLogTarget struct {
	Prefix           string
	Group, Threshold uint16
	Length           uint32
	length           string // the option that gave Length: nflog-size, nflog-range or none
}

func (t *NFLogTarget) option(name string, not bool, a *args) error {
	v, ok := "", true
	switch name {
	case "nflog-prefix":
		v, ok = a.next()
		t.Prefix = v
		if ok = ok && v != "" && len(v) <= maxNFLogPrefix; ok && !not {
			return nil
		}
		return errValue
	case "nflog-group", "nflog-threshold", "nflog-size", "nflog-range":
		v, _ = a.next()
	default:
		return errNoOption
	}
	limit := uint64(0xffff)
	if name == "nflog-size" || name == "nflog-range" {
		limit = 0xffffffff
	}
	n, ok := parseUint(v, limit)
	if !ok || not {
		return errValue
	}
	switch name {
	case "nflog-group":
		t.Group = uint16(n)
	case "nflog-threshold":
		t.Threshold = uint16(n)
	default:
		if t.length != "" {
			return errValue
		}
		t.Length, t.length = uint32(n), name
	}
	return nil
}

func (t *NFLogTarget) done(*basics) error { return nil }

// Apply implements [Target].
func (t *NFLogTarget) Apply(*Input) Verdict { return Verdict{Kind: Continue} }

// AppendTo implements [Target].
func (t *NFLogTarget) AppendTo(b []byte) []byte {
	b = append(b, "-j NFLOG"...)
	if t.Prefix != "" {
		b = appendQuoted(append(b, " --nflog-prefix "...), t.Prefix)
	}
	if t.Group != 0 {
		b = appendUint(append(b, " --nflog-group "...), t.Group)
	}
	if t.length == "nflog-size" || t.Length != 0 {
		b = appendUint(append(append(append(b, " --"...), t.length...), ' '), t.Length)
	}
	if t.Threshold != 0 {
		b = appendUint(append(b, " --nflog-threshold "...), t.Threshold)
	}
	return b
}

// TTLTarget is -j TTL.
type TTLTarget struct {
	Op    string // ttl-set, ttl-inc or ttl-dec
	Value uint8
}

func (t *TTLTarget) option(name string, not bool, a *args) error {
	switch name {
	case "ttl-set", "ttl-inc", "ttl-dec":
	default:
		return errNoOption
	}
	v, _ := a.next()
	n, ok := parseUint(v, 255)
	if not || !ok || t.Op != "" || n == 0 && name != "ttl-set" {
		return errValue
	}
	t.Op, t.Value = name, uint8(n)
	return nil
}

func (t *TTLTarget) done(*basics) error {
	if t.Op == "" {
		return errValue
	}
	return nil
}

// Apply implements [Target]; the TTL stops at its ends (ttl_tg in xt_HL.c).
func (t *TTLTarget) Apply(in *Input) Verdict {
	ttl := &in.Packet.IP.TTL
	switch t.Op {
	case "ttl-set":
		*ttl = t.Value
	case "ttl-inc":
		*ttl += min(t.Value, 255-*ttl)
	case "ttl-dec":
		*ttl -= min(t.Value, *ttl)
	}
	return Verdict{Kind: Continue}
}

// AppendTo implements [Target].
func (t *TTLTarget) AppendTo(b []byte) []byte {
	return appendUint(append(append(append(b, "-j TTL --"...), t.Op...), ' '), t.Value)
}
