package iptables

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// parseAhead parses with rules read ahead in chunks of a size, and says how many of them were: all that can be, where
// eager is set; else those that the workers come to first.
func parseAhead(text string, rules, chunk, workers int, eager bool) (rs *Ruleset, ready int, err error) {
	p := parser{file: "in", rs: &Ruleset{}, rules: rules, chunk: chunk, workers: workers}
	p.begun = func(a *ahead) {
		if !eager {
			return
		}
		var r ruleReader
		for a.help(&r) {
		}
		for i := range a.chunks {
			c := &a.chunks[i]
			if !c.taken.Load() {
				continue // there was no room
			}
			<-c.done
			for _, r := range c.rules {
				if r != nil {
					ready++
				}
			}
		}
	}
	rs, err = p.read(strings.NewReader(text))
	return rs, ready, err
}

// sameAhead demands that reading ahead makes no difference to what a text is read as, or to its error. It returns how many
// rules can be read ahead.
func sameAhead(t *testing.T, name, text string, rules int, chunks ...int) int {
	t.Helper()
	plain := parser{file: "in", rs: &Ruleset{}, rules: rules}
	want, wantErr := plain.read(strings.NewReader(text))
	most := 0
	for i, chunk := range chunks {
		for _, eager := range []bool{true, false} {
			got, ready, err := parseAhead(text, rules, chunk, 1+i%3, eager)
			most = max(most, ready)
			how := fmt.Sprintf("%s, chunks of %d, eager %v", name, chunk, eager)
			if fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Fatalf("%s: error\n%v\nwant\n%v", how, err, wantErr)
			}
			if err != nil {
				if !reflect.DeepEqual(err, wantErr) {
					t.Fatalf("%s: error %#v, want %#v", how, err, wantErr)
				}
				continue
			}
			if g, w := got.String(), want.String(); g != w {
				t.Fatalf("%s: %s", how, firstDifference(g, w))
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: printed the same, but is not", how)
			}
		}
	}
	return most
}

// writtenInput is restore input of all rows of the print tables, as someone wrote them or as they are printed, several
// times; with counters where counted is set.
func writtenInput(t testing.TB, printed, counted bool) string {
	var b strings.Builder
	rows := printRows(t)
	for _, table := range []string{"raw", "mangle", "nat", "filter"} {
		fmt.Fprintf(&b, "*%s\n", table)
		if printed {
			fmt.Fprintf(&b, ":OUTPUT ACCEPT [0:0]\n:UCHAIN - [0:0]\n")
		}
		for _, row := range rows {
			if row.table != table {
				continue
			}
			if counted {
				b.WriteString("[12:345] ")
			}
			if line := row.want; printed {
				fmt.Fprintln(&b, line)
			} else {
				fmt.Fprintln(&b, "-A", row.chain, row.spec)
			}
		}
		b.WriteString("COMMIT\n")
	}
	return b.String()
}

// numbers are rules whose protocol is printed as a number in a dump only; and lists, which make several rules.
const numbers = "-A OUTPUT -p 103 -j ACCEPT\n-A UCHAIN -s 10.0.0.1,10.0.0.2 -d 10.1.0.0/16,10.2.0.0/16 -p 103 -j UCHAIN\n" +
	"-A OUTPUT -p 103 -m foo --bar\n-A OUTPUT -m foo ! -p 103 --bar\n  -A OUTPUT -j UCHAIN \r\n\t[1:2]\t-A OUTPUT -j NOWHERE\n"

func TestReadAhead(t *testing.T) {
	rules, inputs := 0, 0
	same := func(name, text string, chunks ...int) int {
		inputs++
		n := sameAhead(t, name, text, 0, chunks...)
		rules += n
		return n
	}
	for name, text := range goldenDumps(t) {
		if chunks := []int{1, 64, 1000, 5000}; len(text) < 200_000 {
			n := same(name, string(text), chunks...)
			blanks := same(name+" with blanks", strings.ReplaceAll(string(text), "\n", " \r\n\t"), 300, 1)
			if blanks != n {
				t.Errorf("%s: %d rules can be read ahead, %d with blanks around them", name, n, blanks)
			}
		} else {
			same(name, string(text), 4000, chunkSize)
		}
	}
	for _, printed := range []bool{false, true} {
		plain := same(fmt.Sprintf("print tables, printed %v", printed), writtenInput(t, printed, false), 1, 100, 2000)
		counted := same(fmt.Sprintf("print tables with counters, printed %v", printed), writtenInput(t, printed, true), 1, 100, 2000)
		if plain == 0 || counted != plain {
			t.Errorf("of the print tables %d rules can be read ahead, %d with counters", plain, counted)
		}
	}
	if least := 30_000; rules < least {
		t.Errorf("%d rules were read ahead, want at least %d", rules, least)
	}
	t.Logf("%d inputs, %d rules read ahead", inputs, rules)

	// What depends on lines before it.
	for name, head := range map[string]string{
		"dump": "*mangle\n:OUTPUT ACCEPT [0:0]\n", "written": "*mangle\n:UCHAIN - [0:0]\n", "list": "# iptables -t mangle -S\n-P OUTPUT ACCEPT\n",
		"list without a prompt": "", "late": "*mangle\n" + numbers + ":OUTPUT ACCEPT [0:0]\n",
		"replaced": "*mangle\n-A OUTPUT -j ACCEPT\n-R OUTPUT 1 -j DROP\n-I OUTPUT -j UCHAIN\n-D OUTPUT -j DROP\n-F UCHAIN\n-X\n",
	} {
		for end, tail := range map[string]string{"whole": "COMMIT\n", "open": "", "no line end": "COMMIT", "cut": "-A OUTPUT -j A"} {
			sameAhead(t, name+", "+end, head+numbers+numbers+tail, 0, 1, 50, 100)
		}
	}
}

// TestReadAheadErrors: the first error is the same, and in the same line, wherever it stands.
func TestReadAheadErrors(t *testing.T) {
	filler := "*raw\n" + strings.Repeat("-A PREROUTING -s 10.0.0.1/32 -m comment --comment \"a b\" -j A\n", 50) + "COMMIT\n"
	for _, tt := range brokenInputs {
		for place, text := range map[string]string{
			"alone": tt.in, "early": tt.in + filler, "late": filler + tt.in, "between": filler + tt.in + strings.Replace(filler, "*raw", "*nat", 1),
			"twice": tt.in + filler + tt.in,
		} {
			sameAhead(t, fmt.Sprintf("%.40q %s", tt.in, place), text, 0, 1, 64, 500)
		}
	}
	for left := range 60 {
		sameAhead(t, "MaxRules", filler, MaxRules-left, 1, 64, 500)
	}
}

// guessed is a reader that is wrong about what is left in it, so that it is read in several blocks.
type guessed struct {
	*strings.Reader
	size int
}

func (g guessed) Len() int { return g.size }

// TestReadAheadBlocks: what is ready belongs to one block, in which a line may be cut off.
func TestReadAheadBlocks(t *testing.T) {
	text := "*mangle\n" + strings.Repeat(numbers, 20) + "-I OUTPUT -j A\n-A OUTPUT -j B\nCOMMIT\n"
	want, err := Parse(strings.NewReader(text), "whole")
	if err != nil {
		t.Fatal(err)
	}
	for size := 512; size < 700; size++ {
		for _, chunk := range []int{1, 40, 120} {
			p := parser{file: "blocks", rs: &Ruleset{}, chunk: chunk, workers: 1}
			blocks := 0
			p.begun = func(a *ahead) {
				blocks++
				for a.help(&a.own) {
				}
			}
			got, err := p.read(guessed{strings.NewReader(text), size})
			if err != nil {
				t.Fatal(err)
			}
			if blocks < 2 {
				t.Fatalf("read in %d blocks", blocks)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("blocks of %d, chunks of %d: %s", size, chunk, firstDifference(got.String(), want.String()))
			}
		}
	}
}

// TestReadAheadMutants reads dumps in which bytes and lines were changed at random.
func TestReadAheadMutants(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	bits := []string{"\"", "\\", "\n", "\r", "\t", " ", "!", "\x00", "\xff", "é", "-", "[1:2] ", "[", "-A ", "\n-A ", "\n[3:4] -A A -j B\n", "--append ",
		"\nCOMMIT\n", "\n*nat\n", "\n:X - [0:0]\n", "\n:INPUT ACCEPT\n", " -p 103", " -p tcp", " -s 1.1.1.1,2.2.2.2", " -m foo --bar", "\n# iptables -S\n",
		"\n-P INPUT ACCEPT\n", "\n-N Y\n", "\n-F\n", "\n-I INPUT 1 -j A\n", "\n-D INPUT 1\n", " -c 1 2", "-g", "-j"}
	var bases []string
	for _, text := range goldenDumps(t) {
		if len(text) < 20_000 {
			bases = append(bases, string(text))
		}
	}
	bases = append(bases, writtenInput(t, false, false), "*mangle\n"+numbers+numbers+"COMMIT\n")
	slices.Sort(bases)
	failed := 0
	const n = 3000
	for i := range n {
		text := bases[rnd.IntN(len(bases))]
		for range 1 + rnd.IntN(4) {
			at, to := rnd.IntN(len(text)+1), rnd.IntN(len(text)+1)
			switch rnd.IntN(4) {
			case 0:
				text = text[:at] + bits[rnd.IntN(len(bits))] + text[at:]
			case 1:
				text = text[:at] + text[min(len(text), at+1+rnd.IntN(5)):]
			case 2: // a line twice
				lines := strings.SplitAfter(text, "\n")
				text = text[:at] + lines[rnd.IntN(len(lines))] + text[at:]
			case 3:
				from, to := min(at, to), min(max(at, to), min(at, to)+300)
				text = text[:from] + text[to:]
			}
		}
		if _, _, err := parseAhead(text, 0, 1, 0, false); err != nil {
			failed++
		}
		sameAhead(t, fmt.Sprintf("mutant %d", i), text, 0, 1+rnd.IntN(300))
	}
	t.Logf("%d mutants, %d of them with an error", n, failed)
	if failed < n/10 || failed > n*9/10 {
		t.Error("that is too few of one kind")
	}
}

// TestReadAheadEnds: whatever ends a parse, nothing goes on reading.
func TestReadAheadEnds(t *testing.T) {
	text := string(scale1k(t))
	half := strings.Index(text[len(text)/2:], "\n-A ") + len(text)/2
	for name, text := range map[string]string{
		"good": text, "error at first": "COMMIT\n" + text, "error in the middle": text[:half] + "\n-A" + text[half:], "cut": text[:half],
	} {
		left := 0
		for range 20 {
			p := parser{file: name, rs: &Ruleset{}, chunk: 4000, workers: 4}
			var a *ahead
			p.begun = func(begun *ahead) { a = begun }
			_, err := p.read(strings.NewReader(text))
			stacks := make([]byte, 1<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			if bytes.Contains(stacks, []byte("(*ahead)")) {
				t.Fatalf("%s: somebody still reads:\n%s", name, stacks)
			}
			if a == nil || (err == nil) != (name == "good") {
				t.Fatalf("%s: %v", name, err)
			}
			for i := range a.chunks {
				if !a.chunks[i].taken.Load() {
					left++
				}
			}
		}
		if name == "error at first" && left == 0 {
			t.Errorf("%s: all was read each time", name)
		}
	}
}

// TestReadAheadRoom: little more is read ahead than there may be, so that an input of too many rules costs no more memory.
func TestReadAheadRoom(t *testing.T) {
	a := newAhead(strings.Repeat("-A INPUT\n", 100), 90, 0, 25)
	var r ruleReader
	n := 0
	for a.help(&r) {
		n++
	}
	a.stop()
	if n != 3 {
		t.Errorf("%d chunks of ten rules were read, want 3", n)
	}
}

// TestReadAheadPanics: a panic in a goroutine of its own would end the program; it is the caller's.
func TestReadAheadPanics(t *testing.T) {
	c := chunk{text: "-A INPUT -j ACCEPT\n", done: make(chan struct{})}
	c.read(nil)
	<-c.done
	if c.rules != nil {
		t.Errorf("read %v", c.rules)
	}
}

// TestReadAheadSmall: a small input is read by its caller alone.
func TestReadAheadSmall(t *testing.T) {
	for size, want := range map[int]bool{minChunks*chunkSize - 1: false, minChunks * chunkSize: true} {
		text := strings.Repeat("#\n", size/2+1)[:size-1] + "\n"
		p := parser{rs: &Ruleset{}, chunk: chunkSize, workers: 1}
		begun := false
		p.begun = func(*ahead) { begun = true }
		if _, err := p.read(strings.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		if begun != want {
			t.Errorf("%d bytes: read ahead %v, want %v", size, begun, want)
		}
	}
}

func FuzzReadAhead(f *testing.F) {
	f.Add(walkDump, uint16(20))
	f.Add("*mangle\n"+numbers+"COMMIT\n", uint16(1))
	f.Add("*mangle\n:OUTPUT ACCEPT [0:0]\n"+numbers+"COMMIT\n", uint16(60))
	f.Add("# iptables -t mangle -S\n-P OUTPUT ACCEPT\n"+numbers, uint16(30))
	for _, tt := range brokenInputs {
		if len(tt.in) < 1000 {
			f.Add(tt.in, uint16(3))
		}
	}
	f.Fuzz(func(t *testing.T, text string, chunk uint16) {
		sameAhead(t, "fuzz", text, 0, max(int(chunk), 1))
	})
}
