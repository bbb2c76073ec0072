package locales

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/podpath/podpath/internal/iptables"
)

// catalogue reads a language's file as ID → sentence, without the library that shows it.
func catalogue(t *testing.T, lang string) map[string]string {
	t.Helper()
	data, err := files.ReadFile(lang + ".toml")
	if err != nil {
		t.Fatal(err)
	}
	var sections map[string]map[string]string
	if err := toml.Unmarshal(data, &sections); err != nil {
		t.Fatalf("%s.toml: %v", lang, err)
	}
	out := map[string]string{}
	for section, entries := range sections {
		for k, v := range entries {
			out[section+"."+k] = v
		}
	}
	return out
}

var placeholder = regexp.MustCompile(`\{\{\.(\w+)\}\}`)

func placeholders(s string) []string {
	var names []string
	for _, m := range placeholder.FindAllStringSubmatch(s, -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestLanguagesHaveTheSameSentences(t *testing.T) {
	en, ko := catalogue(t, "en"), catalogue(t, "ko")
	for _, id := range slices.Sorted(maps.Keys(en)) {
		k, ok := ko[id]
		if !ok {
			t.Errorf("ko.toml has no %s", id)
			continue
		}
		if a, b := placeholders(en[id]), placeholders(k); !slices.Equal(a, b) {
			t.Errorf("%s: placeholders %v in English, %v in Korean", id, a, b)
		}
		if en[id] == "" || k == "" {
			t.Errorf("%s is empty", id)
		}
	}
	for id := range ko {
		if _, ok := en[id]; !ok {
			t.Errorf("en.toml has no %s", id)
		}
	}
}

// TestEveryCodeHasASentence reads the closed set of codes from its source, so that a new code fails here until it has a
// sentence, and a sentence without a code is found too.
func TestEveryCodeHasASentence(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "../../internal/trace/codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := v.Type.(*ast.Ident); !ok || id.Name != "Code" {
			return true
		}
		for _, val := range v.Values {
			if lit, ok := val.(*ast.BasicLit); ok {
				if s, err := strconv.Unquote(lit.Value); err == nil {
					codes[s] = true
				}
			}
		}
		return true
	})
	if len(codes) < 100 {
		t.Fatalf("found only %d codes in codes.go: is it still where it was?", len(codes))
	}
	for _, lang := range Languages {
		c := catalogue(t, lang)
		for code := range codes {
			if _, ok := c["code."+code]; !ok {
				t.Errorf("%s.toml has no sentence for code %q", lang, code)
			}
		}
		for id := range c {
			if code, ok := cutPrefix(id, "code."); ok && !codes[code] {
				t.Errorf("%s.toml: %s is not in codes.go", lang, id)
			}
		}
	}
}

// TestEveryMissHasASentence: each field that a rule can fail on has its words.
func TestEveryMissHasASentence(t *testing.T) {
	for _, lang := range Languages {
		c := catalogue(t, lang)
		for _, code := range iptables.ReasonCodes {
			if _, ok := c["miss."+code]; !ok {
				t.Errorf("%s.toml has no sentence for the miss %q", lang, code)
			}
		}
	}
}

func TestMissingArgument(t *testing.T) {
	for _, tt := range []struct {
		code string
		args map[string]string
		want string
	}{
		{"delivered", map[string]string{"dst": "10.0.0.1"}, "10.0.0.1 is here, and gets the packet. This direction is complete."},
		{"rule-ttl", nil, "The rule changes the TTL from – to –."},
	} {
		if got := New("en").Code(tt.code, tt.args); got != tt.want {
			t.Errorf("Code(%q, %v) = %q, want %q", tt.code, tt.args, got, tt.want)
		}
	}
}

func cutPrefix(s, prefix string) (string, bool) {
	if len(s) > len(prefix) && s[:len(prefix)] == prefix {
		return s[len(prefix):], true
	}
	return s, false
}

// TestKoreanParticles: a particle whose form depends on the sound before it must not follow a placeholder, whose sound
// is not known.
func TestKoreanParticles(t *testing.T) {
	bad := regexp.MustCompile(`\}\}(을|를|이|가|은|는|과|와|으로|로)([ .,)]|$)`)
	for id, s := range catalogue(t, "ko") {
		if m := bad.FindString(s); m != "" {
			t.Errorf("%s: particle after a placeholder (%q): %s", id, m, s)
		}
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct{ wanted, want string }{
		{"ko-KR,ko;q=0.9,en;q=0.8", "ko"},
		{"ko", "ko"},
		{"en-GB", "en"},
		{"de,fr;q=0.5", "en"},
		{"", "en"},
	} {
		if got := Match(tt.wanted); got != tt.want {
			t.Errorf("Match(%q) = %q, want %q", tt.wanted, got, tt.want)
		}
	}
}

func TestPrinter(t *testing.T) {
	p := New("ko")
	if got, want := p.T("ui.step-n", "n", "3", "title", "라우팅"), "단계 3: 라우팅"; got != want {
		t.Errorf("T = %q, want %q", got, want)
	}
	if got := p.T("ui.no-such-sentence"); got != "ui.no-such-sentence" {
		t.Errorf("missing sentence: got %q", got)
	}
	if got := p.Code("", nil); got != "" {
		t.Errorf("no code: got %q", got)
	}
}

func BenchmarkCode(b *testing.B) {
	p := New("ko")
	args := map[string]string{"from": "192.168.1.143:40000", "to": "192.168.1.10:34871"}
	b.ReportAllocs()
	for b.Loop() {
		p.Code("rule-snat", args)
	}
}
