package picture

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// properties are the custom properties of the page's style sheet.
func properties(t *testing.T) map[string]string {
	t.Helper()
	css, err := os.ReadFile("../../web/src/css/tokens.css")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, m := range regexp.MustCompile(`--([a-z0-9-]+):\s*([^;]+);`).FindAllStringSubmatch(string(css), -1) {
		out[m[1]] = strings.Join(strings.Fields(m[2]), " ")
	}
	return out
}

func TestTokensAreThePages(t *testing.T) {
	css := properties(t)
	for name, value := range tokens {
		if want, got := css[string(name)], "light-dark("+value[0]+", "+value[1]+")"; got != want {
			t.Errorf("--%s is %s here and %q on the page", name, got, want)
		}
	}
	for name, got := range map[string]string{"font-ui": uiFonts, "font-mono": monoFonts} {
		if want := strings.ReplaceAll(css[name], `"`, `'`); got != want {
			t.Errorf("--%s is\n%s here and\n%s on the page", name, got, want)
		}
	}
}

func TestRGB(t *testing.T) {
	for _, tt := range []struct {
		colour  colour
		dark    bool
		r, g, b uint8
	}{
		{"pkt", false, 0x17, 0x69, 0xd2},
		{"pkt", true, 0x5a, 0xa5, 0xff},
		{"no such token", false, 0, 0, 0},
	} {
		if r, g, b := tt.colour.rgb(tt.dark); r != tt.r || g != tt.g || b != tt.b {
			t.Errorf("%s, dark %v: %d %d %d", tt.colour, tt.dark, r, g, b)
		}
	}
}
