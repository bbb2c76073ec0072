package redact

import (
	"fmt"
	"testing"

	"github.com/podpath/podpath/internal/cluster"
	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/query"
)

// presetText is a preset's description, with every plugin and option that the questions then set.
func presetText(t testing.TB, id string) string {
	t.Helper()
	data, err := compile.PresetText(id)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var testKey = []byte("a key for tests")

func redacted(t testing.TB, in Input) *Output {
	t.Helper()
	out, err := Redact(in, testKey)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// compiled reads and compiles a description.
func compiled(t testing.TB, text string, options map[string]string) *compile.Compiled {
	t.Helper()
	c, err := cluster.Read([]byte(text), "test")
	if err != nil {
		t.Fatal(err)
	}
	out, err := compile.Compile(c, options)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestPresets asks every pair of places of every preset, with every plugin, of the original and of the redacted description.
func TestPresets(t *testing.T) {
	total := 0
	for _, id := range compile.Presets() {
		text := presetText(t, id)
		out := redacted(t, Input{Description, text})
		c, err := compile.Preset(id)
		if err != nil {
			t.Fatal(err)
		}
		sets := []map[string]string{{}}
		for _, o := range compile.Options(c) {
			for _, v := range o.Values {
				if o.Key == "networkpolicy" && v == "allow-web" {
					continue // podpath's own policy, for pods of its own presets: it names labels that the redacted ones do not have
				}
				if v != o.Default {
					sets = append(sets, map[string]string{o.Key: v})
				}
			}
		}
		for _, options := range sets {
			t.Run(fmt.Sprint(id, options), func(t *testing.T) {
				a, b := compiled(t, text, options), compiled(t, out.Text, options)
				under, err := out.Under(a.Cluster, b.Cluster)
				if err != nil {
					t.Fatal(err)
				}
				p := newPairing(t, under)
				for i, from := range a.Places {
					if !from.Sends() {
						continue
					}
					for j, to := range a.Places {
						if i == j || len(options) > 0 && (i*7+j)%17 != 0 {
							continue
						}
						r := query.Request{From: from.Name, To: to.Name, Options: options}
						total += p.compare(a, b, r)
						if to.Kind == compile.Service && i < 2 {
							total += p.choices(a, b, r)
						}
					}
				}
			})
		}
	}
	t.Logf("%d traces compared", total)
	if total < 1000 {
		t.Errorf("%d traces compared", total)
	}
}
