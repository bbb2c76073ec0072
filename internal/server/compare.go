package server

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/podpath/podpath/internal/compare"
	"github.com/podpath/podpath/internal/latency"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
	"github.com/podpath/podpath/web/locales"
	"github.com/podpath/podpath/web/templates"
)

// maxColumns is how many traces fit beside each other.
const maxColumns = 4

// comparison is a question and its variations, as the address gives them: the question by the parameters of a trace, and
// each further column by what it changes, `with=cni=calico-vxlan`, several changes separated by blanks, as on the command
// line (podpath compare --with).
type comparison struct {
	*request
	with    []string
	columns []*side
	only    bool // show only what differs
}

// side is one column.
type side struct {
	*request
	with   string // "" for the question as it is
	places []Place
	topo   *topology.Topology
	trace  *trace.Trace
	doc    *trace.Document
}

// varied are the parameters that a column may change.
var varied = []string{"preset", "cni", "from", "to", "proto", "dport", "sport", "ttl", "payload", "set", "choice"}

// parseCompare reads a comparison. The form sends each network plugin as a cni= of its own.
func parseCompare(v url.Values) *comparison {
	c := &comparison{only: v.Get("only") == "differences"}
	base := url.Values{}
	for name, values := range v {
		if name != "with" && name != "only" {
			base[name] = values
		}
	}
	cnis := slices.DeleteFunc(slices.Clone(v["cni"]), func(s string) bool { return strings.TrimSpace(s) == "" })
	if len(cnis) > 0 {
		base["cni"] = cnis[:1]
	}
	c.request = parse(base)
	if len(v["cni"]) > 1 {
		c.canonical = false
		for _, id := range cnis[min(1, len(cnis)):] {
			c.with = append(c.with, "cni="+id)
		}
	}
	for _, w := range v["with"] {
		words := strings.Join(strings.Fields(w), " ")
		if words != w || words == "" {
			c.canonical = false
		}
		if words != "" && !slices.Contains(c.with, words) {
			c.with = append(c.with, words)
		}
	}
	if len(c.with) >= maxColumns {
		c.bad("with", "too-many-columns", "most", strconv.Itoa(maxColumns))
		c.with = c.with[:maxColumns-1]
	}
	return c
}

// href is the comparison's address; extra pairs follow.
func (c *comparison) href(extra ...string) string {
	h := c.request.href("/compare")
	add := func(name, value string) {
		sep := "?"
		if strings.Contains(h, "?") {
			sep = "&"
		}
		h += sep + name + "=" + escape(value)
	}
	for _, w := range c.with {
		add("with", w)
	}
	only := c.only
	for i := 0; i+1 < len(extra); i += 2 {
		switch extra[i] {
		case "only":
			only = extra[i+1] != ""
		case "step":
		default:
			add(extra[i], extra[i+1])
		}
	}
	if only {
		add("only", "differences")
	}
	return h
}

// vary is the question with a column's changes. What another cluster or plugin does not have of the question's own options
// stays behind; so do choices, whose names are of one network. A change that cannot be read is an error of the column.
func (s *Server) vary(c *comparison, with string) *side {
	v := url.Values{}
	for _, p := range c.params() {
		if p[1] != "" {
			v.Add(p[0], p[1])
		}
	}
	var wrong *FieldError
	own := map[string]bool{} // options that the column itself sets
	moves := false
	says := map[string]bool{} // what the column itself names
	for _, word := range strings.Fields(with) {
		key, _, _ := strings.Cut(word, "=")
		says[key] = true
	}
	for _, word := range strings.Fields(with) {
		key, value, ok := strings.Cut(word, "=")
		if !ok || !slices.Contains(varied, key) {
			wrong = &FieldError{Field: "with", Code: "bad-with", Args: map[string]string{"value": word, "want": strings.Join(varied, ", ")}}
			continue
		}
		switch key {
		case "set":
			option, _, _ := strings.Cut(value, "=")
			own[option] = true
			v["set"] = slices.DeleteFunc(v["set"], func(x string) bool { return strings.HasPrefix(x, option+"=") })
			v.Add("set", value)
		case "choice":
			v.Add("choice", value)
		default:
			v.Set(key, value)
			moves = moves || key == "preset" || key == "cni" || key == "from" || key == "to"
		}
		if key == "to" && !says["dport"] {
			v.Del("dport") // a port is its destination's
		}
	}
	if moves && !says["choice"] {
		v.Del("choice")
	}
	out := &side{request: parse(v), with: with}
	out.lang, out.theme = c.lang, c.theme
	if wrong != nil {
		out.errors = append(out.errors, wrong)
	}
	s.preset(out.request)
	options := s.engine.Options(out.Preset, out.Settings())
	for key := range out.Options {
		if !own[key] && !slices.ContainsFunc(options, func(o Option) bool { return o.Key == key }) {
			delete(out.Options, key)
		}
	}
	return out
}

// run has a column's packet traced.
func (s *Server) run(ctx context.Context, x *side) error {
	if len(x.errors) > 0 {
		return nil
	}
	var err error
	if x.places, err = s.engine.Places(ctx, x.Preset, x.Settings()); err != nil {
		return err
	}
	x.topo, x.trace, x.doc, err = s.engine.Run(ctx, x.Query)
	var field *FieldError
	if errors.As(err, &field) {
		x.errors = append(x.errors, field)
		return nil
	}
	return err
}

// sameEnd has chance choose for a column what it chose for the first.
func (s *Server) sameEnd(ctx context.Context, first, x *side) error {
	if first.trace == nil || x.trace == nil || len(x.Choices) > 0 {
		return nil
	}
	picked := compare.SameEnd(first.trace, x.trace, first.nameOf, x.nameOf)
	if picked == nil {
		return nil
	}
	x.Choices = picked
	err := s.run(ctx, x)
	if len(x.errors) > 0 || err != nil { // another way has other choices: what chance takes first will do
		x.errors, x.Choices = nil, nil
		return s.run(ctx, x)
	}
	return nil
}

// nameOf is the pod or node that has an address in a column's network.
func (x *side) nameOf(address string) string {
	for _, p := range x.places {
		if (p.Kind == PodPlace || p.Kind == NodePlace) && p.Detail == address {
			return p.Name
		}
	}
	return ""
}

// compare shows traces of one question side by side.
func (s *Server) compare(w http.ResponseWriter, r *http.Request) error {
	values := r.URL.Query()
	c := parseCompare(values)
	if !values.Has("from") && !values.Has("to") {
		start := s.engine.Presets()[0]
		for _, p := range s.engine.Presets() {
			if p.ID == c.Preset {
				start = p
			}
		}
		c.set(start.Start)
		c.Preset, c.canonical = start.ID, false
	}
	s.preset(c.request)
	s.settle(c.request)
	if len(c.with) == 0 { // one trace is no comparison
		for _, id := range s.others(c.request) {
			c.with = append(c.with, "cni="+id)
			c.canonical = false
		}
	}
	if c.CNI != "" && c.CNI == s.ownCNI(c.request) {
		c.CNI, c.canonical = "", false
	}
	if !c.canonical && len(c.errors) == 0 {
		http.Redirect(w, r, c.href(), http.StatusSeeOther)
		return nil
	}
	for i, with := range append([]string{""}, c.with...) {
		x := s.vary(c, with)
		if i == 0 {
			x.errors = append(c.errors, x.errors...)
		}
		if err := s.run(r.Context(), x); err != nil {
			return err
		}
		if i > 0 {
			if err := s.sameEnd(r.Context(), c.columns[0], x); err != nil {
				return err
			}
		}
		c.columns = append(c.columns, x)
	}
	return s.showComparison(w, r, c)
}

// others are the plugins that stand beside a question's where the address names none.
func (s *Server) others(req *request) []string {
	var out []string
	for _, o := range s.engine.Options(req.Preset, nil) {
		for _, v := range o.Beside {
			if v != req.CNI && (req.CNI != "" || v != o.Own) {
				out = append(out, v)
			}
		}
	}
	return out
}

func (s *Server) ownCNI(req *request) string {
	for _, o := range s.engine.Options(req.Preset, nil) {
		if o.Key == CNIKey {
			return o.Own
		}
	}
	return ""
}

func (s *Server) showComparison(w http.ResponseWriter, r *http.Request, c *comparison) error {
	shell := s.shell(w, r, c.request, "/compare")
	l := shell.L
	with := func(name, value string) string { return c.href(name, value) }
	shell.LangHref = func(to string) string { return with("lang", to) }
	shell.ThemeHref = func(to string) string { return with("theme", to) }
	for i := range shell.Nav {
		shell.Nav[i].Current = shell.Nav[i].Key == "compare"
	}
	first := c.columns[0]
	places, err := s.engine.Places(r.Context(), first.Preset, first.Settings())
	if err != nil {
		return err
	}
	in := templates.CompareInput{Shell: shell, Only: c.only, AllHref: c.href("only", ""), OnlyHref: c.href("only", "1"), Most: maxColumns}
	options := s.engine.Options(first.Preset, first.Settings())
	ask := *c.request
	ask.errors = first.errors
	in.Form = s.form(l, &ask, options, places, nil)
	in.CNIs = s.cniBoxes(l, c)
	in.Variations, in.With = s.variations(l, c, options, places)
	names := s.columnNames(l, c)
	status := http.StatusOK
	said := map[string]bool{} // what is wrong with the question is wrong in each column: said once
	var cols []compare.Column
	for i, x := range c.columns {
		col := templates.CompareInputColumn{Name: names[i], Href: x.request.href("/trace"), RemoveHref: c.without(i - 1)}
		for _, e := range x.errors {
			if text := l.Args("field."+e.Code, e.Args); !said[text] {
				said[text] = true
				col.Errors = append(col.Errors, text)
			}
			status = http.StatusUnprocessableEntity
		}
		if x.doc != nil {
			report := latency.Of(x.trace, x.doc, latency.Default())
			cols = append(cols, compare.Column{Name: names[i], Trace: x.trace, Document: x.doc, Report: report})
			col.Report = report
			col.Trace = templates.Input{Shell: shell, Topology: x.topo, Document: x.doc, PlaceName: placeNames(x.places),
				StepHref:   func(id string) string { return x.request.href("/trace", "step", id) },
				ChoiceHref: func(id, value, step string) string { return x.withChoice("/trace", id, value, "step", step) }}
		}
		in.Columns = append(in.Columns, col)
	}
	if len(cols) == len(c.columns) {
		in.Comparison = compare.Of(cols)
	}
	in.Shell.Title = l.T("ui.compare-title", "flow", in.Form.Summary)
	in.Shell.Description = l.T("about.compare")
	w.Header().Add("Vary", "Accept-Language, Cookie")
	return render(w, r, status, templates.Compare(templates.NewComparePage(in)))
}

// without is the comparison's address without one of its variations.
func (c *comparison) without(i int) string {
	if i < 0 {
		return ""
	}
	d := *c
	d.with = slices.Delete(slices.Clone(c.with), i, i+1)
	return d.href()
}

// cniBoxes are the plugins as boxes to tick: those of the question and of the columns that change nothing else.
func (s *Server) cniBoxes(l *locales.Printer, c *comparison) []templates.Choice {
	var out []templates.Choice
	for _, o := range s.engine.Options(c.Preset, nil) {
		if o.Key != CNIKey {
			continue
		}
		for _, v := range o.Values {
			on := v == c.CNI || c.CNI == "" && v == o.Own || slices.Contains(c.with, "cni="+v)
			out = append(out, templates.Choice{Value: v, Label: l.T("cni." + v), Selected: on})
		}
	}
	return out
}

// variations are what a column may change, to pick from, and the columns' own that are no plugin's box.
func (s *Server) variations(l *locales.Printer, c *comparison, options []Option, places []Place) (pick []templates.Choice, have []string) {
	for _, o := range options {
		for _, v := range o.Values {
			if o.Key != CNIKey && v != o.Default {
				pick = append(pick, templates.Choice{Value: "set=" + o.Key + "=" + v, Label: optionName(l, o.Key) + ": " + v})
			}
		}
	}
	for _, p := range places {
		if p.Name != c.To && p.Name != c.From {
			pick = append(pick, templates.Choice{Value: "to=" + p.Name, Label: l.T("ui.destination") + ": " + p.name(l)})
		}
	}
	boxes := s.cniBoxes(l, c)
	for _, w := range c.with {
		if !slices.ContainsFunc(boxes, func(b templates.Choice) bool { return w == "cni="+b.Value }) {
			have = append(have, w)
		}
	}
	return pick, have
}

func optionName(l *locales.Printer, key string) string {
	if label, ok := l.Lookup("option."+key, nil); ok {
		return label
	}
	return key
}

// columnNames name each column by what the columns differ in: the values that it has of all that any of them changes.
func (s *Server) columnNames(l *locales.Printer, c *comparison) []string {
	var keys []string // preset, cni, to, set option
	for _, w := range c.with {
		for _, word := range strings.Fields(w) {
			key, value, _ := strings.Cut(word, "=")
			if key == "set" {
				option, _, _ := strings.Cut(value, "=")
				key = "set " + option
			}
			if !slices.Contains(keys, key) && key != "choice" {
				keys = append(keys, key)
			}
		}
	}
	if len(keys) == 0 {
		keys = []string{"cni"}
	}
	var out []string
	for _, x := range c.columns {
		if len(x.errors) > 0 && x.with != "" { // its values are what is wrong
			out = append(out, x.with)
			continue
		}
		var parts []string
		for _, key := range keys {
			if p := s.valueName(l, x, key); p != "" {
				parts = append(parts, p)
			}
		}
		out = append(out, strings.Join(parts, " · "))
	}
	return out
}

// valueName is what a column has for a key, in words.
func (s *Server) valueName(l *locales.Printer, x *side, key string) string {
	if option, ok := strings.CutPrefix(key, "set "); ok {
		v := x.Options[option]
		for _, o := range s.engine.Options(x.Preset, x.Settings()) {
			if o.Key == option && v == "" {
				v = o.Default
			}
		}
		if v == "" {
			return ""
		}
		return optionName(l, option) + ": " + v
	}
	switch key {
	case "cni":
		id := x.CNI
		if id == "" {
			id = s.ownCNI(x.request)
		}
		if name, ok := l.Lookup("cni."+id, nil); ok {
			return name
		}
		return id
	case "preset":
		if name, ok := l.Lookup("preset."+x.Preset, nil); ok {
			return name
		}
		return x.Preset
	case "from", "to":
		v := x.To
		if key == "from" {
			v = x.From
		}
		return placeLabel(l, v, x.places)
	case "proto":
		return strings.ToUpper(x.Protocol)
	case "dport":
		return l.T("ui.port") + " " + strconv.Itoa(defaultTo(x.Port, defaultPort(x.request, x.places)))
	}
	return strings.TrimSpace(key + " " + x.raw[key])
}

func defaultTo(n, def int) int {
	if n == 0 {
		return def
	}
	return n
}
