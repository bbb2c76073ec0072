package lab

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
)

// Write writes a recording's files into a folder, in the form that [Open] reads: flow.json, path.json, rules.json,
// conntrack.txt and, where the kernel was asked, drops.json. What the network was is its maker's to write.
func (r *Recording) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	flow, err := marshal(r.Flow)
	if err != nil {
		return err
	}
	files := map[string][]byte{"flow.json": flow}
	for name, rows := range map[string][]map[string]any{"path.json": r.Path, "rules.json": r.Rules} {
		if files[name], err = MarshalRows(rows); err != nil {
			return err
		}
	}
	if r.HasDrops {
		if files["drops.json"], err = MarshalRows(r.Drops); err != nil {
			return err
		}
	}
	var conns strings.Builder
	for _, l := range r.Conntrack {
		conns.WriteString(ConntrackText(l) + "\n")
	}
	files["conntrack.txt"] = []byte(conns.String())
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(v)
	return b.Bytes(), err
}

// ConntrackText gives an entry the form of `conntrack -L -o extended` back that [ConntrackLine] reads: the family, the protocol's
// number and the timer stand before the tuples (nfct_snprintf). Only the protocol's name is read.
func ConntrackText(l string) string {
	ns, rest, _ := strings.Cut(l, ": ")
	proto, tuples, _ := strings.Cut(rest, " ")
	return ns + ": ipv4 2 " + proto + " 0 " + tuples
}

// MarshalRows writes a row a line, so that recordings diff well.
func MarshalRows[T any](rows []T) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("[")
	for i, r := range rows {
		sep := ",\n "
		if i == 0 {
			sep = "\n "
		}
		b.WriteString(sep)
		var row bytes.Buffer
		e := json.NewEncoder(&row)
		e.SetEscapeHTML(false)
		if err := e.Encode(r); err != nil {
			return nil, err
		}
		b.Write(bytes.TrimSpace(row.Bytes()))
	}
	b.WriteString("\n]\n")
	return b.Bytes(), nil
}
