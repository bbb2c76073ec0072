package picture

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	long := strings.Repeat("가", longest)
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{" a \t\n b ", "a b"},
		{"a\x00b\x1b[31m\x7f", "a\ufffdb\ufffd[31m\ufffd"},
		{"ok \xff\xfe", "ok \ufffd\ufffd"},
		{"\u202enowt", "\ufffdnowt"},                     // turns the line around
		{"a\u200db\ufeff", "a\ufffdb\ufffd"},             // invisible
		{"\ufffe\uffff\U0001fffe", "\ufffd\ufffd\ufffd"}, // no characters
		{"<a href='x'>&]]>", "<a href='x'>&]]>"},         // the SVG quotes it
		{"שלום", "שלום"},
		{long, long},
		{long + "나다", long + "…"},
	} {
		if got := clean(tt.in); got != tt.want {
			t.Errorf("%.40q: got %.40q, want %.40q", tt.in, got, tt.want)
		}
	}
}

func TestCut(t *testing.T) {
	p := testPen(t)
	st := style{size: 10}
	for _, tt := range []struct {
		s    string
		room float64
		want string
	}{
		{"podpath", 1000, "podpath"},
		{"podpath", p.width("podpath", st), "podpath"},
		{"podpath", p.width("pod…", st) + 0.1, "pod…"},
		{"pod path", p.width("pod …", st) + 0.1, "pod…"},
		{"podpath", p.width("…", st), "…"},
		{"podpath", 1, ""},
		{"podpath", -5, ""},
		{"", -5, ""},
	} {
		if got := p.cut(tt.s, st, tt.room); got != tt.want {
			t.Errorf("%q in %v: got %q, want %q", tt.s, tt.room, got, tt.want)
		}
	}
}

func TestFit(t *testing.T) {
	p := testPen(t)
	st := style{size: 10}
	w := p.width("podpath", st)
	for _, tt := range []struct {
		room float64
		want string
		size float64
	}{
		{w + 1, "podpath", 10},
		{w * 0.9, "podpath", 9},
		{w * 0.5, "p", 8},
	} {
		got, small := p.fit("podpath", st, tt.room, 0.8)
		if !strings.HasPrefix(got, tt.want) || small.size < tt.size-0.01 || small.size > tt.size+0.01 || p.width(got, small) > tt.room+0.01 {
			t.Errorf("in %v: %q at %v, %v wide", tt.room, got, small.size, p.width(got, small))
		}
	}
}

func TestWrap(t *testing.T) {
	p := testPen(t)
	st := style{size: 10, mono: true} // 6 units a character
	for _, tt := range []struct {
		s    string
		room float64
		n    int
		want string
	}{
		{"", 60, 2, ""},
		{"one two", 60, 2, "one two"},
		{"one two three four", 60, 3, "one two|three four"},
		{"one two three four", 60, 2, "one two|three four"},
		{"one two three four five", 60, 2, "one two|three fou…"},
		{"onetwothreefour five", 60, 3, "onetwothre|efour five"},
		{"one two", 60, 0, ""},
		{"abc", 1, 9, "a|b|c"}, // no room for one: still nothing is lost
	} {
		if got := strings.Join(p.wrap(tt.s, st, tt.room, tt.n), "|"); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.s, got, tt.want)
		}
	}
}

func FuzzMeasure(f *testing.F) {
	for _, s := range []string{"", "a b", "파드 간 통신", "\x00]]>&<", "\u202eabc\xff", strings.Repeat("x ", 500)} {
		f.Add(s, 80.0)
	}
	p := testPen(f)
	f.Fuzz(func(t *testing.T, s string, room float64) {
		if !(room >= 12 && room < 1e6) {
			return
		}
		c := clean(s)
		if !utf8.ValidString(c) || clean(c) != c {
			t.Fatalf("%q is cleaned to %q and then to %q", s, c, clean(c))
		}
		st := style{size: 12}
		if got := p.cut(c, st, room); p.width(got, st) > room+1e-6 {
			t.Errorf("%q in %v: %q is %v wide", c, room, got, p.width(got, st))
		}
		lines := p.wrap(c, st, room, 1000)
		if got := strings.ReplaceAll(strings.Join(lines, ""), " ", ""); got != strings.ReplaceAll(c, " ", "") {
			t.Errorf("%q: wrapped it says %q", c, got)
		}
	})
}

// TestParagraph: a text is smaller before it loses its end, and its last line is more than a word.
func TestParagraph(t *testing.T) {
	d := &drawing{pen: testPen(t)}
	st := style{size: 10, mono: true} // 6 units a character
	for _, tt := range []struct {
		s    string
		room float64
		want string
		size float64
	}{
		{"", 60, "", 10},
		{"one two three", 80, "one two three", 10},
		{"one two three four", 84, "one two|three four", 10}, // not "four" alone
		{"one two three four five six", 79, "one two three|four five six", 10},
		{"one two three four five", 70, "one two three|four five", 8.95},
		{"one two three four five six seven eight", 60, "one two|three four…", 8.6},
	} {
		lines, got := d.paragraph(tt.s, st, tt.room, 2)
		if strings.Join(lines, "|") != tt.want || got.size < tt.size-0.01 || got.size > tt.size+0.01 {
			t.Errorf("%q in %v: got %q at %v", tt.s, tt.room, lines, got.size)
		}
	}
}
