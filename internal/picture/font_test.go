package picture

import (
	"io/fs"
	"os"
	"testing"

	"golang.org/x/text/encoding/korean"
)

func testPen(t testing.TB) *pen {
	t.Helper()
	p, err := newPen()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// every style of text, one of each face.
var everyStyle = []style{{size: 12}, {size: 12, bold: true}, {size: 12, mono: true}, {size: 12, mono: true, bold: true}}

// TestCatalogue holds the fonts to what the app says in either language.
func TestCatalogue(t *testing.T) {
	p := testPen(t)
	for _, lang := range []string{"ko", "en"} {
		text, err := os.ReadFile("../../web/locales/" + lang + ".toml")
		if err != nil {
			t.Fatal(err)
		}
		if len(text) < 1000 {
			t.Fatalf("%s: a catalogue of %d bytes", lang, len(text))
		}
		hasAll(t, p, string(text))
	}
}

// TestKSX1001 holds them to Korean: the names of a reader's own pods and Services are nobody's catalogue.
func TestKSX1001(t *testing.T) {
	n := 0
	p := testPen(t)
	for row := byte(0xb0); row <= 0xc8; row++ {
		for cell := byte(0xa1); cell <= 0xfe; cell++ {
			s, err := korean.EUCKR.NewDecoder().Bytes([]byte{row, cell})
			if err != nil {
				t.Fatal(err)
			}
			n++
			hasAll(t, p, string(s))
		}
	}
	if n != 2350 {
		t.Errorf("%d syllables", n)
	}
}

func TestSigns(t *testing.T) {
	hasAll(t, testPen(t), "→←↑↓↳✓·…–—×÷−≥≤≠≈“”‘’ÅéñüßØ°µ«»")
}

func hasAll(t *testing.T, p *pen, text string) {
	t.Helper()
	for _, r := range text {
		for _, st := range everyStyle {
			if r >= ' ' && p.glyph(r, st).font == nil {
				t.Errorf("%q (%U) is not in %s", r, r, faceNames[st.face()])
			}
		}
	}
}

// TestMissing: what no font has is a box as wide as it is measured, in every style.
func TestMissing(t *testing.T) {
	p := testPen(t)
	for _, st := range everyStyle {
		for _, s := range []string{"漢", "\U0001f9ea", "ש"} {
			if got, want := p.outline(s, st, 0, 0, 10).String(), tofu.moved(0, 0, 10).String(); got != want {
				t.Errorf("%q: %s", s, got)
			}
			if got, want := p.width(s, st), missing*st.size; got != want {
				t.Errorf("%q is %v wide, not %v", s, got, want)
			}
		}
	}
}

// TestOutlineInMetrics: a text's shape lies where its measure says.
func TestOutlineInMetrics(t *testing.T) {
	p := testPen(t)
	for _, st := range everyStyle {
		for _, s := range []string{"podpath", "파드", "192.168.1.10", "AVAToWa"} {
			w := p.width(s, st)
			outline := p.outline(s, st, 100, 50, st.size)
			if len(outline) < 10 {
				t.Errorf("%s: hardly an outline, %s", s, outline)
			}
			for _, g := range outline {
				for i := range pairs(g.op) {
					if x, y := g.at[2*i], g.at[2*i+1]; x < 99 || x > 101+w || y < 50-st.size || y > 50+st.size/2 {
						t.Fatalf("%s at 100, 50 and %v wide reaches %v, %v", s, w, x, y)
					}
				}
			}
		}
	}
}

// TestWeight holds the fonts to what a repository and a binary can bear, and to their licences.
func TestWeight(t *testing.T) {
	sum := int64(0)
	err := fs.WalkDir(fontFiles, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		sum += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if sum < 100_000 || sum > 1_500_000 {
		t.Errorf("the fonts are %d bytes", sum)
	}
	for _, name := range []string{"OFL-Pretendard.txt", "OFL-JetBrainsMono.txt"} {
		if info, err := os.Stat("fonts/" + name); err != nil || info.Size() < 4000 {
			t.Errorf("%s is not beside its font: %v", name, err)
		}
	}
}

// TestReservedName: a subset of Pretendard may not call itself that.
func TestReservedName(t *testing.T) {
	p := testPen(t)
	for i, f := range p.faces[:mono] {
		got, err := f.Name(&p.buf, 1)
		if err != nil || got != "Podpath Sans" {
			t.Errorf("%s calls itself %q: %v", faceNames[i], got, err)
		}
	}
}
