package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
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
		if files[name], err = marshalRows(rows); err != nil {
			return err
		}
	}
	if r.HasDrops {
		if files["drops.json"], err = marshalRows(r.Drops); err != nil {
			return err
		}
	}
	var conns strings.Builder
	for _, l := range r.Conntrack { // with the words that ConntrackLine takes out: it reads them by their place
		ns, rest, _ := strings.Cut(l, ": ")
		fmt.Fprintf(&conns, "%s: ipv4 2 %s\n", ns, rest)
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

// marshalRows writes a row a line, so that recordings diff well.
func marshalRows[T any](rows []T) ([]byte, error) {
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
