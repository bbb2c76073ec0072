package locales

import (
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/checked"
	"github.com/podpath/podpath/internal/compare"
	"github.com/podpath/podpath/internal/latency"
)

// closedSets are sections whose sentences are looked up by a closed list of codes elsewhere in the program.
func closedSets() map[string][]string {
	bases := []string{}
	for _, b := range latency.Bases {
		bases = append(bases, string(b))
	}
	roles := []string{}
	for _, r := range compare.Roles {
		roles = append(roles, string(r))
	}
	known, whys := []string{}, []string{}
	for _, s := range checked.States {
		known = append(known, string(s))
	}
	for _, w := range checked.Whys {
		whys = append(whys, string(w))
	}
	return map[string][]string{"checked": known, "checked-why": whys, "latency": latency.Codes, "latency-basis": bases, "latency-source": latency.Sources(),
		"compare-what": compare.Whats, "compare-note": compare.Notes, "compare-figure": compare.FigureCodes, "compare-word": compare.Words,
		"role": roles}
}

// TestClosedSets: each code has a sentence in each language, and no sentence is without a code.
func TestClosedSets(t *testing.T) {
	for section, codes := range closedSets() {
		known := map[string]bool{}
		for _, c := range codes {
			known[c] = true
		}
		for _, lang := range Languages {
			all := catalogue(t, lang)
			for _, code := range codes {
				if _, ok := all[section+"."+code]; !ok {
					t.Errorf("%s.toml has no %s.%s", lang, section, code)
				}
			}
			for id := range all {
				if code, ok := strings.CutPrefix(id, section+"."); ok && !known[code] {
					t.Errorf("%s.toml: %s is no code", lang, id)
				}
			}
		}
	}
}
