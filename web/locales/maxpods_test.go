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

// TestMaxPodsAnswers: the numbers that the answers name are those of internal/maxpods.
func TestMaxPodsAnswers(t *testing.T) {
	of := func(name string, o maxpods.Options) maxpods.Result {
		ty, err := maxpods.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		return maxpods.Compute(ty, o)
	}
	medium, large := of("t3.medium", maxpods.Options{}), of("m5.24xlarge", maxpods.Options{})
	if medium.Formula != 17 || medium.Appliers[1].Sets != 17 || large.Appliers[1].Sets != 737 || maxpods.SmallCeiling != 110 || maxpods.LargeCeiling != 250 {
		t.Errorf("t3.medium %+v, m5.24xlarge %+v", medium, large)
	}
	for _, lang := range Languages {
		all := catalogue(t, lang)
		for id, numbers := range map[string][]string{
			"q-formula": {"17"}, "a-formula": {"t3.medium", "3 × (6 − 1) = 15", "15 + 2 = 17"},
			"q-ceiling": {"110", "250"}, "a-ceiling": {"110", "250", "30"}, "a-128": {"128"},
			"a-prefix": {"t3.medium", "17", "16", "/28"}, "a-raise-3": {"110", "250", "30"}, "a-raise-4": {"16"}, "a-nodeadm": {"m5.24xlarge", "737", "110"},
		} {
			for _, n := range numbers {
				if !strings.Contains(all["maxpods."+id], n) {
					t.Errorf("%s.toml: maxpods.%s does not name %s", lang, id, n)
				}
			}
		}
		for id, s := range all {
			if strings.HasPrefix(id, "maxpods") && strings.Count(s, "`")%2 != 0 {
				t.Errorf("%s.toml: %s: a backtick is not closed", lang, id)
			}
		}
	}
}
