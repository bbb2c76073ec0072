package locales

import (
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/maxpods"
)

// TestMaxPodsCodes: each reason of internal/maxpods has a sentence in each language, and no sentence is without one.
func TestMaxPodsCodes(t *testing.T) {
	var names []string
	for _, w := range maxpods.Whos {
		names = append(names, "who-"+string(w))
	}
	for _, s := range maxpods.Sources {
		names = append(names, "vcpus-"+string(s))
	}
	for _, lang := range Languages {
		all := catalogue(t, lang)
		for _, n := range names {
			if _, ok := all["maxpods."+n]; !ok {
				t.Errorf("%s.toml has no maxpods.%s", lang, n)
			}
		}
		for section, codes := range map[string][]string{"maxpods-why.": maxpods.WhyCodes, "maxpods-who.": maxpods.WhoCodes} {
			known := map[string]bool{}
			for _, c := range codes {
				known[c] = true
				if _, ok := all[section+c]; !ok {
					t.Errorf("%s.toml has no %s%s", lang, section, c)
				}
			}
			for id := range all {
				if c, ok := strings.CutPrefix(id, section); ok && !known[c] {
					t.Errorf("%s.toml: %s is no code", lang, id)
				}
			}
		}
	}
}
