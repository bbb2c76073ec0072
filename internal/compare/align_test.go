package compare

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// column makes stations from words: "a" is a stop with the key a; "a'" the same stop that decides otherwise.
func column(words string) []station {
	var out []station
	for i, w := range strings.Fields(words) {
		k := strings.TrimRight(w, "'*")
		out = append(out, station{key: key{leg: "request", kind: k}, sign: sign{steps: w}, text: w, at: i})
	}
	return out
}

// draw writes merged rows: a line a column, a dot for a gap.
func draw(rows []raw, col int) string {
	var out []string
	for _, r := range rows {
		if r[col] == nil {
			out = append(out, ".")
		} else {
			out = append(out, r[col].text)
		}
	}
	return strings.Join(out, " ")
}

func TestMerge(t *testing.T) {
	for _, x := range []struct {
		name string
		cols []string
		want []string
	}{
		{name: "equal", cols: []string{"a b c", "a b c"}, want: []string{"a b c", "a b c"}},
		{name: "both empty", cols: []string{"", ""}, want: []string{"", ""}},
		{name: "one empty", cols: []string{"a b", ""}, want: []string{"a b", ". ."}},
		{name: "the first empty", cols: []string{"", "a b"}, want: []string{". .", "a b"}},
		{name: "extra at the start", cols: []string{"b c", "a b c"}, want: []string{". b c", "a b c"}},
		{name: "extra in the middle", cols: []string{"a c", "a b c"}, want: []string{"a . c", "a b c"}},
		{name: "extra at the end", cols: []string{"a b", "a b c"}, want: []string{"a b .", "a b c"}},
		{name: "missing in the middle", cols: []string{"a b c", "a c"}, want: []string{"a b c", "a . c"}},
		{name: "decides otherwise", cols: []string{"a b c", "a b' c"}, want: []string{"a b c", "a b' c"}},
		{name: "another stop", cols: []string{"a b c", "a x c"}, want: []string{"a . b c", "a x . c"}},
		// Of two stops with one key the equal one is taken.
		{name: "the equal one", cols: []string{"a b", "a b' b"}, want: []string{"a . b", "a b' b"}},
		// A tunnel's stops in two columns stand in the same rows.
		{name: "three", cols: []string{"a d", "a b c d", "a b e d"}, want: []string{"a . . . d", "a b c . d", "a b . e d"}},
		{name: "three, nothing in the first", cols: []string{"", "a b", "b c"}, want: []string{". . .", "a b .", ". b c"}},
	} {
		var all [][]station
		for _, c := range x.cols {
			all = append(all, column(c))
		}
		rows := merge(all)
		for c := range x.cols {
			if got := draw(rows, c); got != x.want[c] {
				t.Errorf("%s: column %d is %q, want %q", x.name, c, got, x.want[c])
			}
		}
		whole(t, x.name, all, rows)
	}
}

// whole holds rows to what any alignment has: every station once, in order; keys agree within a row; no row is empty.
func whole(t *testing.T, name string, all [][]station, rows []raw) {
	t.Helper()
	for c := range all {
		var got []string
		for _, r := range rows {
			if r[c] != nil {
				got = append(got, fmt.Sprint(r[c].at))
			}
		}
		var want []string
		for i := range all[c] {
			want = append(want, fmt.Sprint(i))
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%s: column %d has the stations %v, want %v", name, c, got, want)
		}
	}
	for i, r := range rows {
		s := r.any()
		if s == nil {
			t.Fatalf("%s: row %d is empty", name, i)
		}
		for _, x := range r {
			if x != nil && x.key != s.key {
				t.Errorf("%s: row %d pairs %q with %q", name, i, x.text, s.text)
			}
		}
	}
}

// edits takes stations out, puts others in and lets some decide otherwise.
func edits(r *rand.Rand, words []string) []string {
	var out []string
	for _, w := range words {
		switch r.IntN(8) {
		case 0:
		case 1:
			out = append(out, w, string(rune('a'+r.IntN(6))))
		case 2:
			out = append(out, w+"'")
		default:
			out = append(out, w)
		}
	}
	return out
}

// TestRandomEdits: a column aligned with itself is all the same; with one that was edited every station is there once and
// in order, the cost is no more than the edits', and swapping the columns swaps extra with missing.
func TestRandomEdits(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 2000 {
		var words []string
		for range r.IntN(14) {
			words = append(words, string(rune('a'+r.IntN(6))))
		}
		base := column(strings.Join(words, " "))
		other := column(strings.Join(edits(r, words), " "))
		third := column(strings.Join(edits(r, words), " "))
		name := fmt.Sprintf("seed %d: %q, %q, %q", n, words, draw(merge([][]station{other}), 0), draw(merge([][]station{third}), 0))

		for _, row := range merge([][]station{base, base}) {
			if row[0] == nil || row[1] == nil || row[0].sign != row[1].sign {
				t.Fatalf("%s: not the same as itself", name)
			}
		}
		there, back := merge([][]station{base, other}), merge([][]station{other, base})
		whole(t, name, [][]station{base, other}, there)
		whole(t, name, [][]station{other, base}, back)
		count := func(rows []raw) (same, differs, extra, missing int) {
			for _, x := range rows {
				switch {
				case x[0] == nil:
					extra++
				case x[1] == nil:
					missing++
				case x[0].sign != x[1].sign:
					differs++
				default:
					same++
				}
			}
			return
		}
		s1, d1, e1, m1 := count(there)
		s2, d2, e2, m2 := count(back)
		if s1 != s2 || d1 != d2 || e1 != m2 || m1 != e2 {
			t.Fatalf("%s: same %d differs %d extra %d missing %d; swapped %d %d %d %d", name, s1, d1, e1, m1, s2, d2, e2, m2)
		}
		if cost, least := d1*differCost+(e1+m1)*gapCost, slow(base, other); cost != least {
			t.Fatalf("%s: costs %d, the least is %d", name, cost, least)
		}
		whole(t, name, [][]station{base, other, third}, merge([][]station{base, other, third}))
		if t.Failed() {
			return
		}
	}
}

// slow is the least cost by trying every alignment, with what was tried remembered.
func slow(a, b []station) int {
	memo := map[[2]int]int{}
	var f func(i, j int) int
	f = func(i, j int) int {
		if i == len(a) || j == len(b) {
			return len(a) - i + len(b) - j
		}
		if v, ok := memo[[2]int{i, j}]; ok {
			return v
		}
		best := 1 + min(f(i+1, j), f(i, j+1))
		if a[i].key == b[j].key {
			step := 0
			if a[i].sign != b[j].sign {
				step = 1
			}
			best = min(best, step+f(i+1, j+1))
		}
		memo[[2]int{i, j}] = best
		return best
	}
	return f(0, 0)
}

// TestLegs: a leg of one column stands whole beside the others', and no station is lost.
func TestLegs(t *testing.T) {
	legs := func(words string) []station {
		out := column(words)
		for i := range out {
			name, kind, _ := strings.Cut(out[i].kind, ":")
			out[i].key = key{leg: name, kind: kind}
		}
		return out
	}
	all := [][]station{legs("q:a q:b q:c p:a p:b"), legs("q:a e:x e:a"), legs("q:a q:b q:c p:a")}
	rows := mergeLegs(all)
	whole(t, "legs", all, rows)
	want := []string{"q:a q:b q:c . . p:a p:b", "q:a . . e:x e:a . .", "q:a q:b q:c . . p:a ."}
	for c := range all {
		if got := draw(rows, c); got != want[c] {
			t.Errorf("column %d is %q, want %q", c, got, want[c])
		}
	}
}

func TestChainKind(t *testing.T) {
	for chain, want := range map[string]string{
		"KUBE-SVC-NPX46M4PTMTKRN6Y": "KUBE-SVC", "KUBE-SEP-ABC": "KUBE-SEP", "KUBE-SERVICES": "KUBE-SERVICES", "cali-fw-cali2ca070a7e2d": "cali-fw",
		"cali-pri-kns.default": "cali-pri", "cali-FORWARD": "cali-FORWARD", "AWS-SNAT-CHAIN-0": "AWS-SNAT-CHAIN-0", "": "",
	} {
		if got := ChainKind(chain); got != want {
			t.Errorf("ChainKind(%s) = %s, want %s", chain, got, want)
		}
	}
}
