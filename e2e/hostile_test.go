package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/export"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/trace"
)

// hostileDiagrams writes sequence diagrams of a trace whose interfaces are called like things that mean something to
// Mermaid, and names.json, which says what each has to show.
func hostileDiagrams(t *testing.T) string {
	need(t)
	dir := t.TempDir()
	cl, err := compile.Preset(compile.Presets()[0])
	if err != nil {
		t.Fatal(err)
	}
	c, err := compile.Compile(cl, nil)
	if err != nil {
		t.Fatal(err)
	}
	d, err := (&query.Request{From: "pod/default/netshoot-2", To: "pod/default/netshoot-3"}).Document(c)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for i, name := range []string{
		"a; b", "x#y;", "#35;", "<script>alert(1)</script>", "<br/>", "`code`", "**b** __b__", "end", "loop", "alt x", "%% c", "%%{init: {}}%%", "-->", "a->>b: c", `"q" \`,
		"&lt;", "&amp;", "$$x^2$$", "{{.x}}", "한글 파드", "participant x", "note over p0: x", "as", "@{ }", "a:b", ":", "+x", "-x", "()", "[link](javascript:x)",
	} {
		quoted, err := json.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		var doc trace.Document
		if err := json.Unmarshal(bytes.ReplaceAll(data, []byte(`"eth0"`), quoted), &doc); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := (&export.Trace{Topology: c.Topology, Document: &doc, Lang: "en", Title: name}).Write(&out, export.Mermaid); err != nil {
			t.Fatal(err)
		}
		file := fmt.Sprintf("%02d.mmd", i)
		names[file] = name
		write(t, filepath.Join(dir, file), out.Bytes())
	}
	list, err := json.Marshal(names)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "names.json"), list)
	return dir
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
