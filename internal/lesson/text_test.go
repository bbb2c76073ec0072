package lesson

import (
	"strings"
	"testing"
)

// FuzzText: whatever a file says, it is read or refused with the file and line that is wrong.
func FuzzText(f *testing.F) {
	f.Add("---\ntitle: a\nlead: b\n---\n## one: Title\ntext [x](#y) `z`\n### ask: what?\n- a: b\n### then\nmore\n")
	f.Add("---\n---\n")
	f.Add("## one: x\n")
	f.Fuzz(func(t *testing.T, data string) {
		text, err := readText("x.md", data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "x.md:") {
				t.Errorf("the error does not say where: %v", err)
			}
			return
		}
		for id, s := range text.Steps {
			if id == "" || s.Line < 1 || s.Line > strings.Count(data, "\n")+1 {
				t.Errorf("step %q is in line %d", id, s.Line)
			}
			for _, part := range []string{s.Body, s.Question, s.Then} {
				mentions(part)
				if _, err := (&Renderer{Href: func(string) string { return "" }}).HTML(part); err != nil {
					t.Error(err)
				}
			}
		}
	})
}
