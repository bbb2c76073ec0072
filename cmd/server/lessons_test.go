package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/lesson"
)

// TestLessonPages asks for every step of every lesson in both languages: its own words are shown, each of its claims is a
// link that leads to a page, and a question keeps its answer until it is asked for.
func TestLessonPages(t *testing.T) {
	h := pages(t)
	lessons, err := lesson.Read(lesson.Files())
	if err != nil {
		t.Fatal(err)
	}
	checked := map[string]bool{}
	for _, l := range lessons {
		for lang, text := range l.Texts {
			for _, s := range l.Steps {
				href := fmt.Sprintf("/lessons/%s?step=%s&lang=%s", l.ID, s.ID, lang)
				code, body := get(t, h, href)
				if code != 200 || rawKey.MatchString(body) {
					t.Fatalf("%s: %d, %q", href, code, rawKey.FindString(body))
				}
				step := shownStep(body)
				if !strings.Contains(step, ">"+text.Steps[s.ID].Title+"</h1>") {
					t.Errorf("%s: the step %q is not the one shown", href, text.Steps[s.ID].Title)
				}
				if open := strings.Contains(step, `class="lstep is-open"`); open != (len(s.Ask) > 0) {
					t.Errorf("%s: its question is open: %v", href, open)
				}
				links := regexp.MustCompile(`<a href="([^"]+)" class="claim"`).FindAllStringSubmatch(step, -1)
				if len(links) < len(s.Claims) {
					t.Errorf("%s: %d links for %d claims", href, len(links), len(s.Claims))
				}
				for _, m := range links {
					to, _, _ := strings.Cut(m[1], "#")
					if checked[to] || lang != "en" {
						continue
					}
					checked[to] = true
					if code, _ := get(t, h, to); code != 200 {
						t.Errorf("%s: %s: %d", href, to, code)
					}
				}
				for name := range s.Ask {
					code, body := get(t, h, href+"&answer="+name)
					if step := shownStep(body); code != 200 || strings.Contains(step, "is-open") || strings.Count(step, `class="opt mine`) != 1 {
						t.Errorf("%s: the answer %s is not taken", href, name)
					}
				}
			}
		}
	}
	if code, _ := get(t, h, "/lessons/"+lessons[0].ID+"?step=nowhere"); code != 404 {
		t.Errorf("a step that is not there: %d", code)
	}
	for _, href := range []string{"/?lang=ko", "/lessons?lang=en"} {
		if code, body := get(t, h, href); code != 200 || strings.Count(body, `<svg class="mini"`) != len(lessons) {
			t.Errorf("%s: %d, %d pictures for %d lessons", href, code, strings.Count(body, `<svg class="mini"`), len(lessons))
		}
	}
}

// shownStep is the part of a page that is the step it shows.
func shownStep(body string) string {
	for _, a := range strings.Split(body, "<article ")[1:] {
		head, _, _ := strings.Cut(a, ">")
		if !strings.Contains(head, " hidden") {
			end, _, _ := strings.Cut(a, "</article>")
			return end
		}
	}
	return ""
}
