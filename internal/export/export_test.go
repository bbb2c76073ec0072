package export_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"

	"github.com/podpath/podpath/internal/compile"
	"github.com/podpath/podpath/internal/diagram"
	"github.com/podpath/podpath/internal/export"
	"github.com/podpath/podpath/internal/narrate"
	"github.com/podpath/podpath/internal/query"
	"github.com/podpath/podpath/internal/trace"
	"github.com/podpath/podpath/web/locales"
)

// flows are a way that arrives, one by a mark, one through a tunnel, one that is rejected, one that is not answered.
var flows = []struct {
	name, preset string
	options      map[string]string
	r            query.Request
}{
	{"two nodes", "eks-study", nil, query.Request{From: "pod/default/netshoot-2", To: "pod/default/netshoot-3"}},
	{"internet", "eks-study", nil, query.Request{From: "pod/default/netshoot-2", To: "internet"}},
	{"tunnel", "onprem-study", map[string]string{"cni": "calico-vxlan"}, query.Request{From: "pod/default/netshoot-1", To: "pod/default/netshoot-4"}},
	{"rejected", "eks-study", nil, query.Request{From: "pod/default/netshoot-1", To: "svc/default/web-empty"}},
	{"unanswered", "eks-study", map[string]string{"externalsnat": "true"}, query.Request{From: "pod/default/netshoot-1", To: "internet"}},
}

func traces(t *testing.T, f func(t *testing.T, x *export.Trace)) {
	for _, tt := range flows {
		cl, err := compile.Preset(tt.preset)
		if err != nil {
			t.Fatal(err)
		}
		c, err := compile.Compile(cl, tt.options)
		if err != nil {
			t.Fatal(err)
		}
		walk, err := tt.r.Trace(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, lang := range locales.Languages {
			t.Run(tt.name+"/"+lang, func(t *testing.T) {
				f(t, &export.Trace{Topology: c.Topology, Walk: walk, Document: walk.Document(), Lang: lang})
			})
		}
	}
}

func story(x *export.Trace) *narrate.Story {
	return narrate.New(locales.New(x.Lang), x.Document, diagram.Build(x.Topology, x.Document))
}

func written(t *testing.T, x *export.Trace, f export.Form) string {
	t.Helper()
	var b strings.Builder
	if err := x.Write(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// markdown is what a reader of CommonMark makes of a text: list items with their numbers, bold and plain text, code.
type markdown struct {
	items  []item
	links  []string
	images []string
	other  map[ast.NodeKind]int
}

type item struct {
	number      int
	strong, all string
	code        []string
}

func parse(src string) markdown {
	data := []byte(src)
	m := markdown{other: map[ast.NodeKind]int{}}
	plain := func(n ast.Node) string {
		var b strings.Builder
		_ = ast.Walk(n, func(n ast.Node, enter bool) (ast.WalkStatus, error) {
			switch n := n.(type) {
			case *ast.Text:
				if enter {
					b.Write(n.Segment.Value(data))
				}
			case *ast.String:
				if enter {
					b.Write(n.Value)
				}
			case *ast.FencedCodeBlock, *ast.CodeSpan:
				return ast.WalkSkipChildren, nil
			}
			return ast.WalkContinue, nil
		})
		return unescape.ReplaceAllString(b.String(), "$1")
	}
	_ = ast.Walk(goldmark.New().Parser().Parse(text.NewReader(data)), func(n ast.Node, enter bool) (ast.WalkStatus, error) {
		if !enter {
			return ast.WalkContinue, nil
		}
		m.other[n.Kind()]++
		switch n := n.(type) {
		case *ast.Link:
			m.links = append(m.links, string(n.Destination))
		case *ast.Image:
			m.images = append(m.images, string(n.Destination))
		case *ast.List:
			at := n.Start
			for c := n.FirstChild(); c != nil; c = c.NextSibling() {
				it := item{number: at, all: plain(c)}
				at++
				_ = ast.Walk(c, func(n ast.Node, enter bool) (ast.WalkStatus, error) {
					if !enter {
						return ast.WalkContinue, nil
					}
					switch n := n.(type) {
					case *ast.Emphasis:
						if it.strong == "" {
							it.strong = plain(n)
						}
					case *ast.FencedCodeBlock:
						it.code = append(it.code, string(n.Lines().Value(data)))
					}
					return ast.WalkContinue, nil
				})
				m.items = append(m.items, it)
			}
		}
		return ast.WalkContinue, nil
	})
	return m
}

// unescape takes Markdown's backslashes away, which goldmark leaves to the renderer.
var unescape = regexp.MustCompile(`\\([!-/:-@\[-` + "`" + `{-~])`)

// TestMarkdown has another's parser read the post: every station is an item with its own number, name and sentence, the line
// that decided stands in a code block word for word, and nothing else in it is markup by accident.
func TestMarkdown(t *testing.T) {
	traces(t, func(t *testing.T, x *export.Trace) {
		x.Link, x.Picture = "https://podpath.example/trace?from=a&to=b", "https://podpath.example/trace.png?from=a&to=b"
		m := parse(written(t, x, export.Markdown))
		s := story(x)
		if len(m.items) != len(x.Document.Stations) {
			t.Fatalf("%d items for %d stations", len(m.items), len(x.Document.Stations))
		}
		for i := range m.items {
			it := &m.items[i]
			if it.number != i+1 {
				t.Errorf("station %d has number %d", i+1, it.number)
			}
			if it.strong != s.Title(i)+"." {
				t.Errorf("station %d is called %q, want %q", i+1, it.strong, s.Title(i))
			}
			if !strings.Contains(it.all, s.Sentence(i)) {
				t.Errorf("station %d says %q, want %q in it", i+1, it.all, s.Sentence(i))
			}
			if w := s.Would(i); w != "" && !strings.Contains(it.all, w) {
				t.Errorf("station %d does not say %q", i+1, w)
			}
			st := &x.Document.Stations[i]
			step := &x.Document.Legs[st.Leg].Hops[st.Hop].Steps[st.Decisive]
			if want := strings.ReplaceAll(step.Text, "\t", " ") + "\n"; step.Text != "" && (len(it.code) != 1 || it.code[0] != want) {
				t.Errorf("station %d shows %q, want %q", i+1, it.code, want)
			}
		}
		if len(m.links) != 2 || m.links[0] != x.Link || m.links[1] != x.Link || len(m.images) != 1 || m.images[0] != x.Picture {
			t.Errorf("links %q, pictures %q", m.links, m.images)
		}
		for _, kind := range []ast.NodeKind{ast.KindHTMLBlock, ast.KindRawHTML, ast.KindAutoLink, ast.KindThematicBreak} {
			if n := m.other[kind]; n > 0 {
				t.Errorf("%d of kind %v", n, kind)
			}
		}
	})
}

// TestMarkdownAlone: without a server there is no link and no picture, and the sequence diagram stands there.
func TestMarkdownAlone(t *testing.T) {
	traces(t, func(t *testing.T, x *export.Trace) {
		got := written(t, x, export.Markdown)
		m := parse(got)
		if len(m.links)+len(m.images) > 0 {
			t.Errorf("links %q, pictures %q", m.links, m.images)
		}
		if want := "```mermaid\n" + written(t, x, export.Mermaid) + "```\n"; !strings.Contains(got, want) {
			t.Error("the sequence diagram is not in it")
		}
	})
}

// hostile are names that mean something to Markdown, Mermaid, HTML, YAML or a terminal.
var hostile = []string{
	"a; b", "x#y", "<script>alert(1)</script>", "<b>", "`code`", "```", "**b** __b__ _i_", "[l](http://x)", "![i](y)", "end", "a\nb\n# c", "%% c", "-->", "a --> b", `"q" \`,
	"loop", "&lt;", "\x1b[31m", "$$x$$", "| a | b |", "{{.x}}", "a\u2028b", "한글 파드", "http://x.example", "1. x", "> q", "---", strings.Repeat("long", 300), "",
}

// named is the trace with another name in every place where a name can be.
func named(t *testing.T, x *export.Trace, name string) *export.Trace {
	t.Helper()
	out := *x
	data, err := json.Marshal(x.Document)
	if err != nil {
		t.Fatal(err)
	}
	quoted, _ := json.Marshal(name)
	inner := bytes.TrimSuffix(bytes.TrimPrefix(quoted, []byte(`"`)), []byte(`"`))
	data = bytes.ReplaceAll(data, []byte("node-a"), inner)
	data = bytes.ReplaceAll(data, []byte("KUBE-SERVICES"), inner)
	data = bytes.ReplaceAll(data, []byte("eth0"), inner)
	var fresh trace.Document
	if err := json.Unmarshal(data, &fresh); err != nil {
		t.Fatal(err)
	}
	out.Document, out.Title = &fresh, name+" → "+name
	return &out
}

// TestHostileNames: names of a snapshot are anything. They are shown as they are, and are no markup.
func TestHostileNames(t *testing.T) {
	traces(t, func(t *testing.T, x *export.Trace) {
		if x.Lang != "en" {
			return // names are the same in every language
		}
		plain := parse(written(t, x, export.Markdown)).other
		lines := strings.Count(written(t, x, export.Mermaid), "\n")
		for _, name := range hostile {
			h := named(t, x, name)
			m := parse(written(t, h, export.Markdown))
			for _, kind := range []ast.NodeKind{ast.KindHTMLBlock, ast.KindRawHTML, ast.KindLink, ast.KindImage, ast.KindAutoLink, ast.KindHeading, ast.KindListItem, ast.KindBlockquote, ast.KindThematicBreak, ast.KindEmphasis} {
				if m.other[kind] != plain[kind] {
					t.Errorf("%q: %d of kind %v, want %d", name, m.other[kind], kind, plain[kind])
				}
			}
			got := written(t, h, export.Mermaid)
			if n := strings.Count(got, "\n"); n != lines {
				t.Errorf("%q: %d lines of Mermaid, want %d", name, n, lines)
			}
			for line := range strings.Lines(got) {
				if strings.ContainsAny(line, "\x1b\u2028\r") || strings.Contains(strings.ReplaceAll(line, "<br/>", ""), "<") && !strings.HasPrefix(line, "title: ") {
					t.Errorf("%q: %q", name, line)
				}
			}
		}
	})
}

// TestMermaid: a lifeline for each place, a note for each station in its place, an arrow wherever the packet changes places.
// Mermaid's own parser reads these in e2e/export.mjs.
func TestMermaid(t *testing.T) {
	note := regexp.MustCompile(`Note over p(\d+): (\d+) `)
	traces(t, func(t *testing.T, x *export.Trace) {
		got := written(t, x, export.Mermaid)
		scene := diagram.Build(x.Topology, x.Document)
		if n := strings.Count(got, "participant "); n != len(scene.Places) {
			t.Errorf("%d lifelines for %d places", n, len(scene.Places))
		}
		notes := note.FindAllStringSubmatch(got, -1)
		if len(notes) != len(scene.Stations) {
			t.Fatalf("%d notes for %d stations", len(notes), len(scene.Stations))
		}
		arrows, crosses := 0, 0
		for i := range scene.Stations {
			if notes[i][1] != strconv.Itoa(scene.Stations[i].Place) || notes[i][2] != strconv.Itoa(i+1) {
				t.Errorf("note %v of station %d in place %d", notes[i], i+1, scene.Stations[i].Place)
			}
			if i > 0 && scene.Stations[i].Leg == scene.Stations[i-1].Leg && scene.Stations[i].Place != scene.Stations[i-1].Place {
				arrows++
			}
			if scene.Stations[i].Mark == diagram.StopDrop {
				crosses++
			}
		}
		if n := strings.Count(got, ">>"); n != arrows {
			t.Errorf("%d arrows for %d changes of place", n, arrows)
		}
		if n := len(regexp.MustCompile(`p\d+--?xp\d+`).FindAllString(got, -1)); n != crosses {
			t.Errorf("%d crosses for %d drops", n, crosses)
		}
	})
}

func TestForms(t *testing.T) {
	for _, f := range export.Forms {
		if g, ok := export.ByName(f.Name); !ok || g != f {
			t.Errorf("ByName(%q) = %v, %v", f.Name, g, ok)
		}
		if g, ok := export.ByExt(f.Ext); !ok || g != f {
			t.Errorf("ByExt(%q) = %v, %v", f.Ext, g, ok)
		}
	}
	if _, ok := export.ByName("docx"); ok {
		t.Error("docx is no form")
	}
	if _, ok := export.ByExt(""); ok {
		t.Error("no ending is no form")
	}
}
