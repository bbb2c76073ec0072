package server

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// request is a query as its URL gives it: what was asked, what is wrong with it, and what the page adds.
type request struct {
	Query
	raw    map[string]string // numbers as they were typed
	step   string
	errors []*FieldError
	// canonical is false where the form sent what the plain URL writes shorter.
	canonical bool
	// formChoices: the choices came from the form, which cannot know whether the packet still comes by them.
	formChoices bool
	formOptions bool   // the same of options, which another cluster or plugin may not have
	lang        string // only where the URL says so
	theme       string
}

// limits are what the numbers of a query may be.
var limits = map[string]struct{ min, max int }{
	"dport": {1, 65535}, "sport": {1, 65535}, "ttl": {1, 255}, "payload": {0, 8973},
}

// parse reads a query. Mistakes are collected, not only the first.
func parse(v url.Values) *request {
	r := &request{raw: map[string]string{}, canonical: true}
	get := func(name string) string {
		s := strings.TrimSpace(v.Get(name))
		if _, ok := v[name]; ok && s == "" {
			r.canonical = false
		}
		return s
	}
	r.Preset, r.CNI = get("preset"), get("cni")
	r.From, r.To = get("from"), get("to")
	for _, f := range []struct {
		name string
		to   *string
	}{{"from", &r.From}, {"to", &r.To}} {
		if _, ok := v[f.name+"-address"]; !ok {
			continue
		}
		r.canonical = false
		if a := strings.TrimSpace(v.Get(f.name + "-address")); a != "" && *f.to == "" {
			*f.to = a
		}
	}
	r.Protocol = strings.ToLower(get("proto"))
	switch r.Protocol {
	case "", "tcp", "udp", "icmp":
	default:
		r.bad("proto", "bad-protocol", "value", r.Protocol)
		r.Protocol = "tcp"
	}
	if r.Protocol == "" {
		r.Protocol = "tcp"
	}
	for name, to := range map[string]*int{"dport": &r.Port, "sport": &r.SourcePort, "ttl": &r.TTL, "payload": &r.Payload} {
		*to = r.number(name, get(name))
	}
	r.choices(v)
	if r.Protocol == "icmp" {
		r.Port, r.SourcePort = 0, 0
		if r.raw["dport"]+r.raw["sport"] != "" {
			r.canonical = false
		}
		delete(r.raw, "dport")
		delete(r.raw, "sport")
		r.errors = slices.DeleteFunc(r.errors, func(e *FieldError) bool { return e.Field == "dport" || e.Field == "sport" })
	}
	r.options(v)
	r.step = get("step")
	r.lang, r.theme = v.Get("lang"), v.Get("theme")
	return r
}

func (r *request) bad(field, code string, pairs ...string) {
	e := &FieldError{Field: field, Code: code, Args: map[string]string{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		e.Args[pairs[i]] = pairs[i+1]
	}
	r.errors = append(r.errors, e)
}

func (r *request) number(name, text string) int {
	if text == "" {
		return 0
	}
	r.raw[name] = text
	if name == "dport" && portName.MatchString(text) {
		r.PortName = text
		return 0
	}
	l := limits[name]
	n, err := strconv.Atoi(text)
	if err != nil || n < l.min || n > l.max {
		r.bad(name, "bad-number", "value", text, "min", strconv.Itoa(l.min), "max", strconv.Itoa(l.max))
		return 0
	}
	return n
}

// portName is what Kubernetes takes for a port's name (IsValidPortName: RFC 6335, section 5.1): it has a letter.
var portName = regexp.MustCompile(`^[a-z0-9-]{0,14}[a-z][a-z0-9-]{0,14}$`)

// choices reads choice=id=option, and the form's own choice.id.
func (r *request) choices(v url.Values) {
	add := func(id, value string) {
		if r.Choices == nil {
			r.Choices = map[string]string{}
		}
		r.Choices[id] = value
	}
	for _, s := range v["choice"] {
		id, value, ok := strings.Cut(s, "=")
		if !ok {
			r.bad("choice", "bad-choice", "value", s)
			continue
		}
		add(id, value)
	}
	for name, values := range v {
		id, ok := strings.CutPrefix(name, "choice.")
		if !ok {
			continue
		}
		r.canonical, r.formChoices = false, true
		if values[0] != "" {
			add(id, values[0])
		}
	}
}

// options reads set=key=value, and the form's own set.key=value.
func (r *request) options(v url.Values) {
	add := func(key, value string) {
		if r.Options == nil {
			r.Options = map[string]string{}
		}
		r.Options[key] = value
	}
	for _, s := range v["set"] {
		if s == "" {
			r.canonical = false
			continue
		}
		if key, value, ok := strings.Cut(s, "="); ok {
			add(key, value)
		}
	}
	for name, values := range v {
		key, ok := strings.CutPrefix(name, "set.")
		if !ok {
			continue
		}
		r.canonical, r.formOptions = false, true
		if s := strings.TrimSpace(values[0]); s != "" {
			add(key, s)
		}
	}
}

// href is the plain URL of the query, which reads like the command line; extra pairs follow.
func (r *request) href(path string, extra ...string) string {
	var b strings.Builder
	b.WriteString(path)
	sep := byte('?')
	add := func(name, value string) {
		if value == "" {
			return
		}
		b.WriteByte(sep)
		b.WriteString(name)
		b.WriteByte('=')
		b.WriteString(escape(value))
		sep = '&'
	}
	for _, p := range r.params() {
		add(p[0], p[1])
	}
	lang, theme := r.lang, r.theme
	for i := 0; i+1 < len(extra); i += 2 {
		switch extra[i] {
		case "lang":
			lang = extra[i+1]
		case "theme":
			theme = extra[i+1]
		default:
			add(extra[i], extra[i+1])
		}
	}
	add("lang", lang)
	add("theme", theme)
	return b.String()
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// escape is url.QueryEscape that leaves what a query may hold as it is, so that a link can be read.
func escape(s string) string {
	return strings.NewReplacer("%2F", "/", "%3A", ":", "%2C", ",", "%3D", "=").Replace(url.QueryEscape(s))
}

// params are the query's parameters as names and values, in the order of the address. Values may be empty.
func (r *request) params() [][2]string {
	out := [][2]string{{"preset", r.Preset}, {"from", r.From}, {"to", r.To}}
	if r.From != "" {
		out = append(out, [2]string{"proto", r.Protocol})
	}
	for _, name := range []string{"dport", "sport", "ttl", "payload"} {
		out = append(out, [2]string{name, r.raw[name]})
	}
	out = append(out, [2]string{"cni", r.CNI})
	for _, k := range sortedKeys(r.Options) {
		out = append(out, [2]string{"set", k + "=" + r.Options[k]})
	}
	for _, id := range sortedKeys(r.Choices) {
		out = append(out, [2]string{"choice", id + "=" + r.Choices[id]})
	}
	return out
}

// withChoice is the address of the same query with one choice made another way; "" goes back to the first.
func (r *request) withChoice(path, id, value string, extra ...string) string {
	c := *r
	c.Choices = maps.Clone(r.Choices)
	if c.Choices == nil {
		c.Choices = map[string]string{}
	}
	if c.Choices[id] = value; value == "" {
		delete(c.Choices, id)
	}
	return c.href(path, extra...)
}

// set takes a query over as it stands, with its numbers as text.
func (r *request) set(q Query) {
	r.Query = q
	r.raw = map[string]string{}
	for name, n := range map[string]int{"dport": q.Port, "sport": q.SourcePort, "ttl": q.TTL, "payload": q.Payload} {
		if n != 0 {
			r.raw[name] = strconv.Itoa(n)
		}
	}
	if r.Protocol == "" {
		r.Protocol = "tcp"
	}
}

// nodeHref is the address of a node's page in the context of the query, at a chain.
func (r *request) nodeHref(namespace, table, chain string) string {
	if chain == "" {
		return r.href("/node", "node", namespace)
	}
	return r.href("/node", "node", namespace, "tab", "iptables") + "#" + table + "-" + chain
}
