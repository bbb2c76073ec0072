package locales

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A piece of a string that the program puts together: text, or a hole for what is not known before it runs.
type piece struct {
	text string
	hole bool
}

// said is what the program can say: the strings in its source, whole and put together. A sentence's key is used where the
// source has it, or where it has "prefix."+x and what stands for x is itself something that it says.
type said struct {
	whole    map[string]bool
	together [][]piece
	seen     map[string]bool
}

var (
	part  = regexp.MustCompile(`^[A-Za-z0-9._-]*$`)
	value = regexp.MustCompile(`(?m)^\s*[\w-]+: ([\w-]+)\s*$`)
)

var verb = regexp.MustCompile(`%[-+# 0-9.]*[a-z]`)

// readSource reads the program's own Go files; templates are there as the Go that is generated from them. What embedded
// files are called is said too: presets, lessons and questions have their names as identifiers.
func readSource(t *testing.T, root string) *said {
	t.Helper()
	s := &said{whole: map[string]bool{}, seen: map[string]bool{}}
	set := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (name == "node_modules" || name == "testdata" || strings.HasPrefix(name, ".") && name != "..") {
			if path == root {
				return nil
			}
			return filepath.SkipDir
		}
		base, _, _ := strings.Cut(name, ".")
		s.whole[base] = true
		if strings.HasSuffix(name, ".yaml") {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for _, m := range value.FindAllSubmatch(data, -1) {
				s.whole[string(m[1])] = true
			}
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec:
				return false
			case *ast.BasicLit:
				if n.Kind == token.STRING {
					text, err := strconv.Unquote(n.Value)
					if err == nil {
						s.add(text)
					}
				}
			case *ast.BinaryExpr:
				if n.Op == token.ADD {
					s.put(pieces(n))
				}
			case *ast.AssignStmt: // key += "-" + kind
				if n.Tok == token.ADD_ASSIGN {
					s.put(append([]piece{{hole: true}}, pieces(n.Rhs[0])...))
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// add is a string as it stands in the source; one with verbs is a string put together.
func (s *said) add(text string) {
	s.whole[text] = true
	if !verb.MatchString(text) || len(text) > 60 {
		return
	}
	var p []piece
	at := 0
	for _, m := range verb.FindAllStringIndex(text, -1) {
		p = append(p, piece{text: text[at:m[0]]}, piece{hole: true})
		at = m[1]
	}
	s.put(append(p, piece{text: text[at:]}))
}

// put keeps what is put together, if it can be a key or a part of one: keys are put together of words.
func (s *said) put(p []piece) {
	p = slices.DeleteFunc(p, func(x piece) bool { return !x.hole && x.text == "" })
	if len(p) > 1 && !slices.ContainsFunc(p, func(x piece) bool { return !part.MatchString(x.text) }) &&
		slices.ContainsFunc(p, func(x piece) bool { return strings.ContainsAny(x.text, "-.") }) {
		s.together = append(s.together, p)
	}
}

// pieces takes an addition apart.
func pieces(e ast.Expr) []piece {
	switch e := e.(type) {
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return append(pieces(e.X), pieces(e.Y)...)
		}
	case *ast.ParenExpr:
		return pieces(e.X)
	case *ast.BasicLit:
		if text, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return []piece{{text: text}}
		}
	}
	return []piece{{hole: true}}
}

var number = regexp.MustCompile(`^[0-9]+$`)

// can tells whether the program can say a string. Depth is how many times a hole may be filled with what was put together.
func (s *said) can(text string, depth int) bool {
	if text == "" || s.whole[text] || number.MatchString(text) {
		return true
	}
	if depth == 0 {
		return false
	}
	key := strconv.Itoa(depth) + text
	if is, ok := s.seen[key]; ok {
		return is
	}
	s.seen[key] = false
	for _, p := range s.together {
		if s.fills(p, text, depth-1) {
			s.seen[key] = true
			break
		}
	}
	return s.seen[key]
}

// fills tells whether a string fits what is put together, with holes that the program can fill.
func (s *said) fills(p []piece, text string, depth int) bool {
	if len(p) == 0 {
		return text == ""
	}
	if !p[0].hole {
		rest, ok := strings.CutPrefix(text, p[0].text)
		return ok && s.fills(p[1:], rest, depth)
	}
	if len(p) == 1 {
		return text != "" && s.can(text, depth)
	}
	if last := p[len(p)-1]; !strings.HasSuffix(text, last.text) {
		return false
	}
	for i := 1; i <= len(text); i++ {
		if s.can(text[:i], depth) && s.fills(p[1:], text[i:], depth) {
			return true
		}
	}
	return false
}

// key tells whether the program can look a key up: it names the section itself, and no sum of two names makes a key.
func (s *said) key(id string) bool {
	if s.whole[id] {
		return true
	}
	for _, p := range s.together {
		if !p[0].hole {
			if strings.Contains(p[0].text, ".") && s.fills(p, id, 2) {
				return true
			}
			continue
		}
		for i := strings.Index(id, ".") + 2; i < len(id); i++ {
			if s.whole[id[:i]] && s.fills(p[1:], id[i:], 1) {
				return true
			}
		}
	}
	return false
}

// TestNoSentenceIsUnused: a key that nothing in the program leads to is found.
func TestNoSentenceIsUnused(t *testing.T) {
	s := readSource(t, "../..")
	if len(s.whole) < 1000 || len(s.together) < 50 {
		t.Fatalf("%d strings and %d put together: is the source where it was?", len(s.whole), len(s.together))
	}
	for _, id := range slices.Sorted(maps.Keys(catalogue(t, "en"))) {
		if !s.key(id) {
			t.Errorf("%s: nothing in the program says it", id)
		}
	}
	for _, id := range []string{"ui.no-such-key", "code.no-such-code", "ui.nav-nowherr", "question.ranges-answer-zz", "maxpods.who-nobodyy"} {
		if s.key(id) {
			t.Errorf("%s is not a key, and taken for a used one", id)
		}
	}
}
