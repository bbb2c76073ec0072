package share

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// fixture is a link as it was shared once: testdata/links/KIND-VERSION-NAME.txtar, with the id that it got and its content.
// The line feed before the end of each file is not part of it. What is there is never changed: a link opens for ever.
type fixture struct {
	file    string
	kind    Kind
	version int
	id      string
	content []byte
}

func fixtures(tb testing.TB) []fixture {
	tb.Helper()
	files, err := filepath.Glob("testdata/links/*.txtar")
	if err != nil || len(files) == 0 {
		tb.Fatalf("no links in testdata/links: %v", err)
	}
	var out []fixture
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		x := fixture{file: filepath.Base(file)}
		for _, f := range a.Files {
			data := bytes.TrimSuffix(f.Data, []byte("\n"))
			switch f.Name {
			case "form":
				if _, err := fmt.Sscanf(string(data), "%s %d", &x.kind, &x.version); err != nil {
					tb.Fatalf("%s: %v", file, err)
				}
			case "id":
				x.id = string(data)
			case "content":
				x.content = data
			default:
				tb.Fatalf("%s has a file %q", file, f.Name)
			}
		}
		out = append(out, x)
	}
	return out
}

// TestFixtures: every link that was ever shared has the id that it had then, and opens.
func TestFixtures(t *testing.T) {
	for _, x := range fixtures(t) {
		if got := IDOf(x.kind, x.version, x.content).String(); got != x.id {
			t.Errorf("%s: its id is %s, and was %s", x.file, got, x.id)
		}
		if x.kind != Plain {
			continue
		}
		c, err := Decode(x.content)
		if err != nil {
			t.Errorf("%s: %v", x.file, err)
			continue
		}
		if c.Version != x.version {
			t.Errorf("%s: version %d, want %d", x.file, c.Version, x.version)
		}
		// Shared anew in the same form, the same content is the same link.
		if c.Version == ContentVersion && !bytes.Equal(encoded(t, c), x.content) {
			t.Errorf("%s: encoded today:\n%s\nwas\n%s", x.file, encoded(t, c), x.content)
		}
	}
}

// TestFixturesStored: a database keeps all of them as they are.
func TestFixturesStored(t *testing.T) {
	onEach(t, func(t *testing.T, dsn string) {
		s := open(t, dsn, time.Now)
		for _, x := range fixtures(t) {
			r, err := s.Put(t.Context(), Link{Kind: x.kind, Version: x.version, Content: x.content})
			if err != nil {
				t.Fatalf("%s: %v", x.file, err)
			}
			l, err := s.Get(t.Context(), r.ID)
			if err != nil || l.ID.String() != x.id || l.Kind != x.kind || l.Version != x.version || !bytes.Equal(l.Content, x.content) {
				t.Errorf("%s: %+v, %v", x.file, l, err)
			}
		}
	})
}
