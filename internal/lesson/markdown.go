package lesson

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// markdown is plain CommonMark; raw HTML is left out.
var markdown = goldmark.New()

// Renderer makes HTML of a step's Markdown. Links to claims are numbered in the order in which they come; Order are the
// claims by those numbers, from 1.
type Renderer struct {
	// Href gives the address of what a claim points at.
	Href  func(claim string) string
	Order []string
}

// HTML renders a piece of Markdown.
func (r *Renderer) HTML(source string) (string, error) {
	src := []byte(source)
	doc := markdown.Parser().Parse(text.NewReader(src))
	if err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if link, ok := n.(*ast.Link); ok && !entering {
			r.claim(link)
		}
		return ast.WalkContinue, nil
	}); err != nil {
		return "", err
	}
	var b bytes.Buffer
	if err := markdown.Renderer().Render(&b, src, doc); err != nil {
		return "", err
	}
	return b.String(), nil
}

// Inline renders a line without the paragraph around it.
func (r *Renderer) Inline(source string) (string, error) {
	s, err := r.HTML(source)
	s = strings.TrimSpace(s)
	s = strings.TrimSuffix(strings.TrimPrefix(s, "<p>"), "</p>")
	return s, err
}

// number is a claim's, from 1 in the order of the text.
func (r *Renderer) number(name string) int {
	for i, n := range r.Order {
		if n == name {
			return i + 1
		}
	}
	r.Order = append(r.Order, name)
	return len(r.Order)
}

func (r *Renderer) claim(link *ast.Link) {
	name := claimOf(link)
	if name == "" {
		return
	}
	n := r.number(name)
	link.Destination = []byte(r.Href(name))
	link.SetAttributeString("class", []byte("claim"))
	link.SetAttributeString("data-n", []byte(strconv.Itoa(n)))
	sup := ast.NewString([]byte("<sup>" + strconv.Itoa(n) + "</sup>"))
	sup.SetCode(true) // written as it is
	link.AppendChild(link, sup)
}

// mention is a part of a text that can be checked: words within a link to a claim, code letters, plain words.
type mention struct {
	claim string // "" outside of a link
	code  bool
	text  string
}

// mentions takes a piece of Markdown apart.
func mentions(source string) []mention {
	src := []byte(source)
	doc := markdown.Parser().Parse(text.NewReader(src))
	var out []mention
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Link:
			if name := claimOf(n); name != "" {
				out = append(out, mention{claim: name})
			}
		case *ast.CodeSpan:
			out = append(out, mention{claim: claimAround(n), code: true, text: plain(n, src)})
			return ast.WalkSkipChildren, nil
		case *ast.Text:
			out = append(out, mention{claim: claimAround(n), text: string(n.Value(src))})
		case *ast.CodeBlock, *ast.FencedCodeBlock:
			for i := range n.Lines().Len() {
				line := n.Lines().At(i)
				if s := strings.TrimSpace(string(line.Value(src))); s != "" {
					out = append(out, mention{code: true, text: s})
				}
			}
		}
		return ast.WalkContinue, nil
	})
	return out
}

// claimAround is the claim that a node's words are a link to.
func claimAround(n ast.Node) string {
	for p := n.Parent(); p != nil; p = p.Parent() {
		if link, ok := p.(*ast.Link); ok {
			return claimOf(link)
		}
	}
	return ""
}

// claimOf is the claim that a link is to; "" where it leads to a page.
func claimOf(link *ast.Link) string {
	name, ok := strings.CutPrefix(string(link.Destination), "#")
	if !ok {
		return ""
	}
	return name
}

// plain are the words of a node's children.
func plain(n ast.Node, src []byte) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		if t, ok := c.(*ast.Text); ok {
			b.Write(t.Value(src))
		}
	}
	return b.String()
}
