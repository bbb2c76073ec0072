package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/share"
)

// TestTamperedValues puts another value in the place of every kind of value that a link has, one at a time: the first and the
// last of each. The page is shown, or says that it cannot be; it is no failure of the server. Every 41st is tried, all
// of them with PODPATH_TAMPER=all (four minutes).
func TestTamperedValues(t *testing.T) {
	files, err := filepath.Glob("testdata/links/*.json")
	if err != nil {
		t.Fatal(err)
	}
	s := keeping(t, 0)
	tried, turn := 0, 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var root any
		if err := json.Unmarshal(data, &root); err != nil {
			t.Fatal(err)
		}
		type sets = map[string]func(any)
		first, last := sets{}, sets{}
		places(root, "", func(any) {}, func(kind string, set func(any)) {
			if first[kind] == nil {
				first[kind] = set
			}
			last[kind] = set
		})
		for _, which := range []sets{first, last} {
			for _, kind := range slices.Sorted(maps.Keys(which)) {
				set := which[kind]
				for _, value := range []any{nil, -1, 1 << 40, 1e300, "", "\x00<b>", strings.Repeat("x", 5000), []any{}, map[string]any{}, true} {
					if turn++; turn%41 != 0 && os.Getenv("PODPATH_TAMPER") != "all" {
						continue
					}
					set(value)
					content, err := json.Marshal(root)
					set(restore{})
					if err != nil {
						t.Fatal(err)
					}
					got, err := s.store.Put(t.Context(), share.Link{Kind: share.Plain, Version: 1, Content: content})
					if err != nil {
						t.Fatalf("%s = %.20v: %v", kind, value, err)
					}
					tried++
					for _, path := range []string{"", ".md"} {
						if code, body := s.page(t, "/s/"+got.ID.String()+path); code >= 500 {
							t.Errorf("%s = %.20v: %s: %d %.100s", kind, value, path, code, body)
						}
					}
				}
			}
		}
	}
	t.Logf("%d links, each with another value changed", tried)
	if tried < 200 {
		t.Errorf("only %d values were changed", tried)
	}
}

// restore puts back what was there.
type restore struct{}

// places calls visit with every value below v: its path without indexes, and how to put another in its place.
func places(v any, path string, set func(any), visit func(kind string, set func(any))) {
	if path != "" {
		visit(path, func(x any) {
			if _, ok := x.(restore); ok {
				x = v
			}
			set(x)
		})
	}
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			places(x, path+"."+k, func(y any) { v[k] = y }, visit)
		}
	case []any:
		for i, x := range v {
			places(x, path+"[]", func(y any) { v[i] = y }, visit)
		}
	}
}
