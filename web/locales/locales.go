// Package locales holds every sentence that a page shows, in English and in Korean, and looks them up. A trace names
// its reasons by code ([trace.Code]); the sentence for one is `code.<code>`.
//
//	p := locales.New(locales.Match(r.Header.Get("Accept-Language")))
//	p.T("ui.play")                              // Play
//	p.Code("rule-snat", map[string]string{…})   // The rule rewrites the source from …
package locales

import (
	"embed"
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed *.toml
var files embed.FS

// Languages are the languages of the pages, the default first.
var Languages = []string{"en", "ko"}

var (
	bundle  = load()
	matcher = language.NewMatcher([]language.Tag{language.English, language.Korean})
)

// load reads the catalogues. They are compiled in and checked by tests, so an error here is one of the build.
func load() *i18n.Bundle {
	b := i18n.NewBundle(language.English)
	b.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	for _, lang := range Languages {
		if _, err := b.LoadMessageFileFS(files, lang+".toml"); err != nil {
			panic(fmt.Sprintf("locales: %s.toml: %v", lang, err))
		}
	}
	return b
}

// Match chooses a language: the first of the wanted ones that there is, which may be language tags or an
// Accept-Language header.
func Match(wanted ...string) string {
	tag, _ := language.MatchStrings(matcher, wanted...)
	base, _ := tag.Base()
	return base.String()
}

// Printer looks sentences up in one language.
type Printer struct {
	Lang string
	l    *i18n.Localizer
}

// New gives the printer of a language.
func New(lang string) *Printer {
	return &Printer{Lang: lang, l: i18n.NewLocalizer(bundle, lang)}
}

// T is the sentence with an ID; pairs are the names and values of its placeholders. An ID that the catalogue does not
// have is shown as it is, so that a missing sentence is seen and not a blank.
func (p *Printer) T(id string, pairs ...string) string {
	var args map[string]string
	if len(pairs) > 1 {
		args = make(map[string]string, len(pairs)/2)
		for i := 0; i+1 < len(pairs); i += 2 {
			args[pairs[i]] = pairs[i+1]
		}
	}
	return p.Args(id, args)
}

// Args is T with the placeholders' values as a map.
func (p *Printer) Args(id string, args map[string]string) string {
	s, ok := p.Lookup(id, args)
	if !ok {
		return id
	}
	return s
}

// Lookup is the sentence with an ID, and whether there is one.
func (p *Printer) Lookup(id string, args map[string]string) (string, bool) {
	s, err := p.l.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: args})
	if err != nil && s == "" {
		return "", false
	}
	return s, true
}

// Code is the sentence for a reason code.
func (p *Printer) Code(code string, args map[string]string) string {
	if code == "" {
		return ""
	}
	s := p.Args("code."+code, args)
	if !strings.Contains(s, noValue) {
		return s
	}
	// The step lacks an argument that the sentence is about: an ICMP packet has no port.
	if v, ok := p.Lookup("variant."+code, args); ok && !strings.Contains(v, noValue) {
		return v
	}
	return strings.ReplaceAll(s, noValue, "–")
}

// noValue is what a template prints for an argument that is not there.
const noValue = "<no value>"
