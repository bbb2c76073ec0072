package lesson

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readText reads a language's file:
//
//	---
//	title: Pod to the internet
//	lead: One sentence for the list.
//	---
//	## mark: The packet gets a mark
//	Prose with [claims](#marked).
//	### ask: Which card does it leave by?
//	- eth0: the primary card
//	- eth1: the pod's own card
//	### then
//	Prose that is shown with the answer.
func readText(name, data string) (*Text, error) {
	p := &textReader{name: name, out: &Text{Steps: map[string]*StepText{}}}
	lines := strings.Split(data, "\n")
	rest, err := p.front(lines)
	if err != nil {
		return nil, err
	}
	for i, line := range lines[rest:] {
		if err := p.line(rest+i+1, line); err != nil {
			return nil, err
		}
	}
	for _, s := range p.out.Steps {
		s.Body, s.Then = strings.TrimSpace(s.Body), strings.TrimSpace(s.Then)
	}
	return p.out, nil
}

type textReader struct {
	name string
	out  *Text
	step *StepText
	part string // of the step: "", ask, then
}

func (p *textReader) errorf(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", p.name, line, fmt.Sprintf(format, args...))
}

// front reads the front matter and gives the index of the line behind it.
func (p *textReader) front(lines []string) (int, error) {
	if lines[0] != "---" {
		return 0, p.errorf(1, "want the front matter: a line ---, title and lead, a line ---")
	}
	for i := 1; i < len(lines); i++ {
		if lines[i] != "---" {
			continue
		}
		var f struct {
			Title string `yaml:"title"`
			Lead  string `yaml:"lead"`
		}
		d := yaml.NewDecoder(strings.NewReader(strings.Join(lines[1:i], "\n")))
		d.KnownFields(true)
		if err := d.Decode(&f); err != nil {
			return 0, p.errorf(1, "front matter: %v", err)
		}
		if f.Title == "" || f.Lead == "" {
			return 0, p.errorf(1, "front matter: want title and lead")
		}
		p.out.Title, p.out.Lead = f.Title, f.Lead
		return i + 1, nil
	}
	return 0, p.errorf(1, "the front matter has no end: want a line ---")
}

func (p *textReader) line(n int, line string) error {
	if head, ok := strings.CutPrefix(line, "## "); ok {
		id, title, ok := strings.Cut(head, ": ")
		if !ok || id == "" || strings.ContainsAny(id, " \t") || strings.TrimSpace(title) == "" {
			return p.errorf(n, "want ## <step>: <title>, not %q", line)
		}
		if strings.ContainsAny(title, "`*[") {
			return p.errorf(n, "a title is plain text, without Markdown: %q", title)
		}
		if p.out.Steps[id] != nil {
			return p.errorf(n, "step %s is there already, in line %d", id, p.out.Steps[id].Line)
		}
		p.step, p.part = &StepText{Title: strings.TrimSpace(title), Line: n}, ""
		p.out.Steps[id] = p.step
		return nil
	}
	if p.step == nil {
		if strings.TrimSpace(line) == "" {
			return nil
		}
		return p.errorf(n, "text before the first step")
	}
	if q, ok := strings.CutPrefix(line, "### ask: "); ok {
		p.step.Question, p.part = strings.TrimSpace(q), "ask"
		return nil
	}
	if strings.TrimSpace(line) == "### then" {
		if p.step.Question == "" {
			return p.errorf(n, "### then without a question before it")
		}
		p.part = "then"
		return nil
	}
	switch p.part {
	case "":
		p.step.Body += line + "\n"
	case "then":
		p.step.Then += line + "\n"
	case "ask":
		if strings.TrimSpace(line) == "" {
			return nil
		}
		item, ok := strings.CutPrefix(line, "- ")
		name, text, ok2 := strings.Cut(item, ": ")
		if !ok || !ok2 {
			return p.errorf(n, "want - <answer>: <words>, not %q", line)
		}
		p.step.Options = append(p.step.Options, OptionText{Name: name, Text: strings.TrimSpace(text)})
	}
	return nil
}
