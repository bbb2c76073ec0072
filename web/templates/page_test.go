package templates_test

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"github.com/podpath/podpath/internal/diagram/diagramtest"
	"github.com/podpath/podpath/web/locales"
	"github.com/podpath/podpath/web/templates"
)

func page(t testing.TB, lang string, sc diagramtest.Scenario) *templates.TracePage {
	t.Helper()
	return templates.NewTracePage(templates.Input{
		Shell: templates.Shell{L: locales.New(lang), LangHref: func(string) string { return "/" }, ThemeHref: func(string) string { return "/" },
			ProjectHref: func(string) string { return "/" },
			Asset:       func(n string) string { return "/static/" + n }},
		Form:     templates.Form{Protocol: "tcp", Errors: map[string]string{}, Summary: "a → b"},
		Topology: sc.Topology, Document: sc.Document,
		StepHref: func(id string) string { return "/trace?step=" + id },
	})
}

func render(t testing.TB, lang string, sc diagramtest.Scenario) *html.Node {
	t.Helper()
	var buf bytes.Buffer
	if err := templates.Trace(page(t, lang, sc)).Render(t.Context(), &buf); err != nil {
		t.Fatal(err)
	}
	// As a browser without scripts does: what the page keeps for later is read too.
	doc, err := html.ParseWithOptions(&buf, html.ParseOptionEnableScripting(false))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func walk(n *html.Node, f func(*html.Node) bool) {
	if !f(n) {
		return
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		walk(c, f)
	}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// word is a run of small Latin letters as a sentence has them; names in capitals, paths and numbers are none.
var word = regexp.MustCompile(`(?:^|[\s(])[A-Za-z]?[a-z]{2,}(?:[\s.,;:)]|$)`)

// TestKoreanPagesHoldNoEnglishSentence looks for two small Latin words side by side in text that is not kernel output.
// The kernel's and the cloud's own names are left out first.
func TestKoreanPagesHoldNoEnglishSentence(t *testing.T) {
	names := regexp.MustCompile(`source/destination check|root netns|netns \S+|skb mark|ip rule|ip route show table|time exceeded|proxy ARP|(?:ip|tcp|eth)\.\w+|\b(?:conntrack|socket|netfilter|established|new|nat|tcp|hook|main|table|local|lookup|from|rule|dev|ttl|un|mac|mark|src|dst|sport|dport)\b`)
	code := []string{"code", "select", "option", "script", "style", "title"}
	for _, sc := range diagramtest.Scenarios() {
		doc := render(t, "ko", sc)
		walk(doc, func(n *html.Node) bool {
			if n.Type == html.ElementNode {
				class := attr(n, "class")
				verbatim := strings.Contains(class, "bd2") || class == "sub" || strings.Contains(class, "dl")
				for _, l := range []string{"aria-label", "data-say"} {
					if bad := english(names, attr(n, l)); bad != "" {
						t.Errorf("%s: %s of <%s> is English: %q", sc.Name, l, n.Data, bad)
					}
				}
				return !verbatim && !slices.Contains(code, n.Data)
			}
			if n.Type != html.TextNode || n.Parent != nil && verdictLine(n) {
				return true
			}
			if bad := english(names, n.Data); bad != "" {
				t.Errorf("%s: text in <%s>: %q", sc.Name, n.Parent.Data, bad)
			}
			return true
		})
	}
}

// verdictLine says whether a text is verbatim kernel output in a decision.
func verdictLine(n *html.Node) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Type == html.ElementNode && p.Data == "ul" && strings.HasPrefix(attr(p, "class"), "ev") {
			parent := n.Parent
			return !(parent.Data == "small" || strings.Contains(attr(parent, "class"), "plain") || strings.Contains(attr(parent, "class"), "vh"))
		}
	}
	return false
}

func english(names *regexp.Regexp, s string) string {
	rest := names.ReplaceAllString(s, "#")
	limit := 2
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Hangul, r) }) {
		limit = 3 // a Korean sentence may name a thing or two
	}
	if len(word.FindAllString(strings.ReplaceAll(rest, " ", "  "), -1)) >= limit {
		return strings.TrimSpace(s)
	}
	return ""
}

// TestEnglishIsFoundByTheHeuristic keeps the test above honest.
func TestEnglishIsFoundByTheHeuristic(t *testing.T) {
	none := regexp.MustCompile(`\broot netns\b`)
	for _, s := range []string{"The rule matches", "Step 3 of four", "packet after this"} {
		if english(none, s) == "" {
			t.Errorf("%q is not found", s)
		}
	}
	for _, s := range []string{"라우팅", "node-a · root netns", "PREROUTING", "파드 web-7c9f5", "192.168.0.0/16"} {
		if bad := english(none, s); bad != "" {
			t.Errorf("%q is taken for English", s)
		}
	}
}

func TestHTMLLang(t *testing.T) {
	for _, lang := range locales.Languages {
		doc := render(t, lang, diagramtest.Scenarios()[0])
		walk(doc, func(n *html.Node) bool {
			if n.Type == html.ElementNode && n.Data == "html" && attr(n, "lang") != lang {
				t.Errorf("html lang=%q, want %q", attr(n, "lang"), lang)
			}
			return true
		})
	}
}

// TestIDsAreUnique: a page with the same ID twice leads its own links astray.
func TestIDsAreUnique(t *testing.T) {
	for _, sc := range diagramtest.Scenarios() {
		seen := map[string]bool{}
		walk(render(t, "en", sc), func(n *html.Node) bool {
			if id := attr(n, "id"); id != "" {
				if seen[id] {
					t.Errorf("%s: id %q is used twice", sc.Name, id)
				}
				seen[id] = true
			}
			return true
		})
	}
}

// TestEverySentenceIsThere: an ID that the catalogue lacks is printed as it is.
func TestEverySentenceIsThere(t *testing.T) {
	missing := regexp.MustCompile(`\b(?:ui|code|station|box|place|field|option|preset)\.[a-z][\w-]*`)
	for _, lang := range locales.Languages {
		for _, sc := range diagramtest.Scenarios() {
			walk(render(t, lang, sc), func(n *html.Node) bool {
				s := n.Data
				for _, a := range n.Attr {
					if a.Key == "aria-label" || a.Key == "data-say" || a.Key == "placeholder" {
						s += " " + a.Val
					}
				}
				if n.Type == html.TextNode || n.Type == html.ElementNode {
					if m := missing.FindString(s); m != "" {
						t.Errorf("%s %s: no sentence for %s", lang, sc.Name, m)
					}
				}
				return true
			})
		}
	}
}

// TestChanges: the panel shows what a station did to the packet, and nothing that it did not do.
func TestChanges(t *testing.T) {
	sc := diagramtest.Scenarios()[2] // to the internet
	p := page(t, "en", sc)
	for _, s := range p.Stations {
		if s.ID != "request/node-a/1/POSTROUTING" {
			continue
		}
		var got []string
		for _, l := range s.Packet.Layers {
			for _, f := range l.Rows {
				if f.Changed {
					got = append(got, l.Type+" "+f.Name+" "+f.Before+" → "+f.After)
				}
			}
		}
		want := []string{"IPv4 src 192.168.1.143 → 192.168.1.10", "TCP sport 40000 → 34871"}
		if !slices.Equal(got, want) {
			t.Errorf("changes %q, want %q", got, want)
		}
		if s.Tag != "src" {
			t.Errorf("tag %q, want src", s.Tag)
		}
		return
	}
	t.Fatal("no POSTROUTING station")
}

// TestVerbatim: kernel output is in the page as it was, blank by blank.
func TestVerbatim(t *testing.T) {
	sc := diagramtest.Scenarios()[2]
	want := `-A PREROUTING -i eni+ -m comment --comment "AWS, outbound connections" -j AWS-CONNMARK-CHAIN-0`
	var texts []string
	walk(render(t, "en", sc), func(n *html.Node) bool {
		if n.Type == html.ElementNode && n.Data == "li" {
			var b strings.Builder
			walk(n, func(c *html.Node) bool {
				if c.Type == html.TextNode {
					b.WriteString(c.Data)
				}
				return true
			})
			texts = append(texts, b.String())
		}
		return true
	})
	if !slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, want) }) {
		t.Errorf("no line holds %q", want)
	}
}

func BenchmarkRender(b *testing.B) {
	sc := diagramtest.Scenarios()[0]
	var buf bytes.Buffer
	b.ReportAllocs()
	for b.Loop() {
		buf.Reset()
		if err := templates.Trace(page(b, "ko", sc)).Render(b.Context(), &buf); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(buf.Len()), "page-bytes")
}
