package server

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/podpath/podpath/internal/maxpods"
	"github.com/podpath/podpath/web/locales"
	"github.com/podpath/podpath/web/templates"
)

// The type that the page begins with, and those that it offers to look at.
const firstType = "t3.medium"

var exampleTypes = []string{"t3.small", "t3.medium", "t3.large", "m5.large", "m5.xlarge", "m5.4xlarge", "m5.8xlarge", "m5.24xlarge"}

// commonFamilies are suggested by the type's field. All 1,400 types would make most of the page.
var commonFamilies = []string{"t3", "t3a", "t4g", "m5", "m6i", "m6g", "m7i", "m7g", "c5", "c6i", "c6g", "c7i", "c7g", "r5", "r6i", "r6g", "r7i", "r7g"}

// podCount is a question after pods as its address has it: /maxpods?type=t3.medium&mode=prefix&custom=true.
type podCount struct {
	typ    string
	o      maxpods.Options
	result *maxpods.Result
	near   []string
	errors []*FieldError
}

// parsePodCount reads one. What is missing is what most clusters have; what is wrong is named, and taken for missing.
func parsePodCount(v url.Values) *podCount {
	c := &podCount{typ: strings.TrimSpace(v.Get("type"))}
	bad := func(field, value string) {
		code := map[string]string{"type": "unknown-type", "mode": "bad-mode", "custom": "bad-custom"}[field]
		c.errors = append(c.errors, &FieldError{Field: field, Code: code, Args: map[string]string{"value": value}})
	}
	switch mode := v.Get("mode"); mode {
	case "", "secondary":
	case "prefix":
		c.o.Prefix = true
	default:
		bad("mode", mode)
	}
	switch custom := v.Get("custom"); custom {
	case "", "false":
	case "true":
		c.o.CustomNetworking = true
	default:
		bad("custom", custom)
	}
	if c.typ == "" {
		c.typ = firstType
	}
	t, err := maxpods.Find(c.typ)
	if err != nil {
		bad("type", c.typ)
		var unknown *maxpods.UnknownTypeError
		if errors.As(err, &unknown) {
			c.near = unknown.Near
		}
		return c
	}
	r := maxpods.Compute(t, c.o)
	c.typ, c.result = t.Name, &r
	return c
}

// podCountOf is a question as a lesson asks it.
func podCountOf(typ, mode string) *podCount {
	v := url.Values{"type": {typ}}
	if mode != "" {
		v.Set("mode", mode)
	}
	return parsePodCount(v)
}

// params are the question's parameters as pairs, for another type or, with "", for its own.
func (c *podCount) params(typ string) []string {
	if typ == "" {
		typ = c.typ
	}
	out := []string{"type", typ}
	if c.o.Prefix {
		out = append(out, "mode", "prefix")
	}
	if c.o.CustomNetworking {
		out = append(out, "custom", "true")
	}
	return out
}

// maxPods shows how many pods fit on an instance type. Where the calculator stands on another page, only it is asked for.
func (s *Server) maxPods(w http.ResponseWriter, r *http.Request) error {
	req := parse(r.URL.Query())
	c := parsePodCount(r.URL.Query())
	shell := s.shell(w, r, req, "/maxpods", c.params("")...)
	shell.Title, shell.Description = shell.L.T("maxpods.title"), shell.L.T("maxpods.lead")
	if c.result != nil {
		shell.Title = shell.L.T("maxpods.title-of", "type", c.typ)
	}
	status := http.StatusOK
	if len(c.errors) > 0 {
		status = http.StatusUnprocessableEntity
	}
	w.Header().Add("Vary", "HX-Request, HX-Request-Type, Accept-Language, Cookie")
	if isPartial(r) {
		return render(w, r, status, templates.MaxPods(c.embedded(shell.L, req)))
	}
	return render(w, r, status, templates.MaxPodsDoc(templates.NewMaxPodsPage(shell, templates.NewMaxPods(c.view(shell.L, req)))))
}

// embedded is the calculator for a page of another kind: [templates.MaxPods] shows it there.
func (c *podCount) embedded(l *locales.Printer, req *request) *templates.MaxPodsView {
	in := c.view(l, req)
	in.Embedded, in.MoreHref = true, req.href("/maxpods", c.params("")...)
	return templates.NewMaxPods(in)
}

// view is what the calculator shows, with links that keep what else the page's address has.
func (c *podCount) view(l *locales.Printer, req *request) templates.MaxPodsInput {
	in := templates.MaxPodsInput{L: l, Type: c.typ, Prefix: c.o.Prefix, Custom: c.o.CustomNetworking, Result: c.result,
		Errors: map[string]string{}, Count: len(maxpods.Types()), Hidden: req.hidden()}
	for _, e := range c.errors {
		in.Errors[e.Field] = l.Args("maxpods."+e.Code, e.Args)
	}
	link := func(typ string) templates.LinkView {
		return templates.LinkView{Text: typ, Href: req.href("/maxpods", c.params(typ)...)}
	}
	for _, t := range c.near {
		in.Near = append(in.Near, link(t))
	}
	for _, t := range exampleTypes {
		in.Examples = append(in.Examples, link(t))
	}
	families := commonFamilies
	if c.result != nil && !slices.Contains(families, c.result.Type.Family()) {
		families = append([]string{c.result.Type.Family()}, families...)
	}
	for _, f := range families {
		in.Known = append(in.Known, maxpods.Family(f)...)
	}
	return in
}
