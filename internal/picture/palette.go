package picture

import "fmt"

// colour is a token of the page's style sheet, by its name there.
type colour string

// tokens are the colours of web/src/css/tokens.css, light and dark, as a picture that opens alone needs them. The test
// compares them with that file.
var tokens = map[colour][2]string{
	"paper":     {"#f6f5f1", "#121418"},
	"surface":   {"#ffffff", "#191c21"},
	"surface-3": {"#e6e4dc", "#2d323a"},
	"ink":       {"#1a1d22", "#eceef1"},
	"ink-2":     {"#454b55", "#bcc2cb"},
	"ink-3":     {"#5f6672", "#97a0ad"},
	"line":      {"#dbd9d0", "#2e333b"},
	"line-3":    {"#858a93", "#747d8a"},

	"pkt":        {"#1769d2", "#5aa5ff"},
	"pkt-ink":    {"#0f56b3", "#86bcff"},
	"pkt-soft":   {"#e0ecfb", "#16304f"},
	"outer":      {"#bf6c00", "#f2a03d"},
	"reply":      {"#c2549b", "#dd86c0"},
	"reply-ink":  {"#96306f", "#eba6d4"},
	"reply-soft": {"#f8e4f0", "#42213a"},
	"drop":       {"#a81c12", "#ff6f5e"},
	"drop-soft":  {"#fae1dd", "#4a1813"},
	"chg":        {"#ffdd55", "#ffd84a"},
	"chg-ink":    {"#3a2e00", "#2b2200"},

	"d-vpc":       {"#eceae3", "#16181c"},
	"d-vpc-line":  {"#a3a29a", "#565d68"},
	"d-az":        {"#f3f2ed", "#1a1d22"},
	"d-az-line":   {"#a9a8a0", "#4a515c"},
	"d-node":      {"#ffffff", "#22262d"},
	"d-node-line": {"#8d9199", "#6a7380"},
	"d-root":      {"#f1f3f6", "#1a1e25"},
	"d-root-line": {"#b4bac4", "#454d59"},
	"d-pod":       {"#ffffff", "#2a2f37"},
	"d-pod-line":  {"#8d9199", "#6a7380"},
	"d-port":      {"#ffffff", "#2f353e"},
	"d-port-line": {"#5f6672", "#8b94a1"},
	"d-link":      {"#a7abb2", "#5d6571"},
}

// hex is the colour in a theme, as SVG writes it.
func (c colour) hex(dark bool) string {
	if dark {
		return tokens[c][1]
	}
	return tokens[c][0]
}

// rgb is the colour in a theme, each channel from 0 to 255. A colour that is no token is black, as in SVG.
func (c colour) rgb(dark bool) (r, g, b uint8) {
	if _, err := fmt.Sscanf(c.hex(dark), "#%02x%02x%02x", &r, &g, &b); err != nil {
		return 0, 0, 0
	}
	return r, g, b
}
