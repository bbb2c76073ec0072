package main

import (
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/checked"
	"github.com/podpath/podpath/internal/server"
	"github.com/podpath/podpath/internal/trace"
)

// pages is the whole server with the real engine, as main wires it.
func pages(t *testing.T) http.Handler {
	t.Helper()
	e, err := newEngine()
	if err != nil {
		t.Fatal(err)
	}
	results, err := checked.Stored()
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(server.Config{Engine: e, Checked: results})
	if err != nil {
		t.Fatal(err)
	}
	return s.Handler()
}

func get(t *testing.T, h http.Handler, target string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w.Code, html.UnescapeString(w.Body.String())
}

// rawKey is a sentence that the catalogue does not have, or an argument that it did not get.
var rawKey = regexp.MustCompile(`>\s*(?:ui|code|choice|choice-note|because|question|place|station|field|miss|evidence|checked|checked-why)\.[a-z]|<no value>`)

// TestQuestions: each page has its traces, in both languages, and what the traces show is what the words say.
func TestQuestions(t *testing.T) {
	h := pages(t)
	code, list := get(t, h, "/questions?lang=en")
	links := regexp.MustCompile(`href="(/questions/[a-z-]+)\?lang=en"`).FindAllStringSubmatch(list, -1)
	if code != 200 || len(links) != 6 {
		t.Fatalf("/questions: %d, %d questions", code, len(links))
	}
	says := map[string][]string{ // in the table above the rows
		"/questions/controllers":    {"192.168.1.10<", "192.168.1.202<"},
		"/questions/client-address": {"192.168.1.10<", "198.51.100.80<", "Dropped · Stopped at step 8, node-c"},
		"/questions/no-endpoints":   {"Delivered, there and back", "Rejected · Stopped at step 6, node-a", "Dropped · Stopped at step 10, VPC"},
		"/questions/ranges":         {"Dropped · Stopped at step 17, provider", "10.244.0.129:8080<", "192.168.3.31:8080<"},
		"/questions/source-check":   {"Dropped · Stopped at step 9, VPC", "10.244.0.1<", "Delivered, there and back"},
		"/questions/policy":         {"Dropped · Stopped at step 13, node-b", "Delivered, there and back"},
	}
	for _, l := range links {
		for _, lang := range []string{"en", "ko"} {
			code, body := get(t, h, l[1]+"?lang="+lang)
			if code != 200 || rawKey.MatchString(body) {
				t.Errorf("%s in %s: status %d, %s", l[1], lang, code, rawKey.FindString(body))
			}
			if lang == "en" {
				for _, want := range says[l[1]] {
					if !strings.Contains(body, want) {
						t.Errorf("%s lacks %q", l[1], want)
					}
				}
			}
			for _, a := range regexp.MustCompile(`href="(/trace[^"]*)"`).FindAllStringSubmatch(body, -1) {
				if u, err := url.Parse(a[1]); err != nil || u.Query().Get("from") == "" {
					t.Errorf("%s: link %q", l[1], a[1])
				}
			}
		}
	}
	if code, _ := get(t, h, "/questions/none"); code != 404 {
		t.Errorf("/questions/none: %d, want 404", code)
	}
}

// TestFurtherTraces: the links of an answer lead to traces that end as their words say.
func TestFurtherTraces(t *testing.T) {
	h := pages(t)
	want := map[string][]string{ // how the request ends, and the code of its last step
		"ranges":       {"delivered delivered"},
		"source-check": {"dropped internet-gateway-none", "dropped source-check-failed", "delivered delivered"},
		"policy":       {"delivered delivered", "dropped rule-drop"},
	}
	for id, ends := range want {
		_, body := get(t, h, "/questions/"+id)
		_, list, _ := strings.Cut(body, `<ul class="further"`)
		list, _, _ = strings.Cut(list, "</ul>")
		links := regexp.MustCompile(`href="/trace(\?[^"]*)"`).FindAllStringSubmatch(list, -1)
		if len(links) != len(ends) {
			t.Errorf("%s has %d further traces, want %d", id, len(links), len(ends))
			continue
		}
		for i, l := range links {
			var d trace.Document
			if _, doc := get(t, h, "/api/v1/trace"+l[1]); json.Unmarshal([]byte(doc), &d) != nil {
				t.Fatalf("%s: %s", l[1], doc)
			}
			hops := d.Legs[0].Hops
			steps := hops[len(hops)-1].Steps
			if got := string(d.Legs[0].Outcome) + " " + steps[len(steps)-1].Code; got != ends[i] {
				t.Errorf("%s: %s ends %q, want %q", id, l[1], got, ends[i])
			}
		}
	}
}

// TestPluginsStay: whichever network plugin is chosen, all that the preset can have are offered.
func TestPluginsStay(t *testing.T) {
	e, err := newEngine()
	if err != nil {
		t.Fatal(err)
	}
	plugins := func(preset string, set map[string]string) server.Option {
		for _, o := range e.Options(preset, set) {
			if o.Key == server.CNIKey {
				return o
			}
		}
		t.Fatalf("%s has no option %s", preset, server.CNIKey)
		return server.Option{}
	}
	for _, p := range e.Presets() {
		first := plugins(p.ID, nil)
		for _, v := range first.Values {
			if got := plugins(p.ID, map[string]string{server.CNIKey: v}); !slices.Equal(got.Values, first.Values) || got.Own != first.Own {
				t.Errorf("%s with %s: %v, own %s; want %v, %s", p.ID, v, got.Values, got.Own, first.Values, first.Own)
			}
		}
	}
}

// TestNodePages: every node of every preset, with and without a packet; every jump leads to a chain that is there.
func TestNodePages(t *testing.T) {
	h := pages(t)
	flow := "&from=pod/default/netshoot-1&to=svc/default/web-empty&proto=tcp"
	for _, preset := range []string{"eks-study", "eks-private"} {
		for _, node := range []string{"node-a", "node-b", "node-c"} {
			for _, query := range []string{"", flow} {
				target := "/node?preset=" + preset + query + "&node=" + node
				code, body := get(t, h, target)
				if code != 200 || rawKey.MatchString(body) {
					t.Errorf("%s: status %d, %s", target, code, rawKey.FindString(body))
				}
				for _, a := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(body, -1) {
					if !strings.Contains(body, `id="`+a[1]+`"`) {
						t.Errorf("%s: a jump to #%s, which is not there", target, a[1])
					}
				}
				if met := strings.Contains(body, `class="hit"`); met != (query != "" && node == "node-a") {
					t.Errorf("%s: lines that a packet met: %v", target, met)
				}
			}
		}
	}
	_, body := get(t, h, "/node?preset=eks-study"+flow+"&node=node-a&lang=en")
	for _, want := range []string{ // the rule that rejected, and for one before it which match failed
		`web-empty:http has no endpoints`, `destination: 10.100.20.6 (rule: 10.100.20.1/32)`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("node-a lacks %q", want)
		}
	}
	if code, body := get(t, h, "/node?preset=eks-study&node=node-z&lang=en"); code != 422 || !strings.Contains(body, "There is no node named node-z") {
		t.Errorf("unknown node: status %d", code)
	}
}

// TestChoiceInAddress: a pick is part of the address, whichever way it was made, and one that cannot be made says what can.
func TestChoiceInAddress(t *testing.T) {
	h := pages(t)
	query := "preset=eks-study&from=pod/default/netshoot-1&to=svc/default/web&proto=tcp"
	var doc trace.Document
	_, body := get(t, h, "/api/v1/trace?"+query)
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Choices) != 1 || len(doc.Choices[0].Options) != 3 {
		t.Fatalf("choices %+v, want one with three endpoints", doc.Choices)
	}
	c := doc.Choices[0]
	pick := "&choice=" + c.ID + "=" + c.Options[2].Value
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/trace?"+query+"&choice."+c.ID+"="+c.Options[2].Value, nil))
	if got := w.Header().Get("Location"); w.Code != 303 || got != "/trace?"+query+pick {
		t.Errorf("the form's pick leads to %d %s, want %s", w.Code, got, "/trace?"+query+pick)
	}
	_, body = get(t, h, "/api/v1/trace?"+query+pick)
	doc = trace.Document{}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Choices[0].Chosen != c.Options[2].Value || doc.Query.Choices[c.ID] != c.Options[2].Value {
		t.Errorf("chosen %s, want %s", doc.Choices[0].Chosen, c.Options[2].Value)
	}
	// The form cannot know that another destination does not come by the chain: the pick is dropped. A link can.
	w = httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/trace?"+strings.Replace(query, "svc/default/web", "pod/default/web-2", 1)+"&choice."+c.ID+"="+c.Options[2].Value, nil))
	if got := w.Header().Get("Location"); strings.Contains(got, "choice") || w.Code != 303 {
		t.Errorf("a stale pick of the form leads to %d %s", w.Code, got)
	}
	if code, body := get(t, h, "/trace?lang=en&"+query+"&choice="+c.ID+"=KUBE-SEP-NONE"); code != 422 || !strings.Contains(body, "cannot lead to KUBE-SEP-NONE") {
		t.Errorf("a choice that cannot be made: status %d", code)
	}
	if code, _ := get(t, h, "/trace?"+query+"&choice=nonsense"); code != 422 {
		t.Errorf("a choice without an option: status %d, want 422", code)
	}
	if code, body := get(t, h, "/trace?lang=en&"+query+"&dport=nope"); code != 422 || !strings.Contains(body, "nope is no port of this Service. It takes http (tcp)") {
		t.Errorf("an unknown port name: status %d", code)
	}
}

// TestTracePages: whatever a packet meets, its page has words for it, in both languages.
func TestTracePages(t *testing.T) {
	h := pages(t)
	for _, query := range []string{
		"from=pod/default/netshoot-1&to=svc/default/web", "from=pod/default/web-1&to=svc/default/web", "from=node/node-a&to=127.0.0.1&dport=30080",
		"from=pod/default/netshoot-1&to=svc/default/web-sticky", "from=pod/default/netshoot-1&to=svc/default/web-headless",
		"from=pod/default/netshoot-1&to=svc/default/web-empty", "from=pod/default/netshoot-1&to=svc/default/web&proto=icmp",
		"from=internet&to=node/node-a&dport=30080", "from=internet&to=node/node-c&dport=30081",
		"from=internet&to=lb/default/web-nlb-instance&set=crosszone=true", "from=internet&to=lb/default/web-nlb-ip&dport=81",
		"from=node/node-a&to=192.168.1.201&dport=80", "from=pod/default/netshoot-1&to=192.168.1.201&dport=80",
		"from=pod/default/netshoot-2&to=internet&set=externalsnat=true",
	} {
		for _, lang := range []string{"en", "ko"} {
			code, body := get(t, h, "/trace?preset=eks-study&lang="+lang+"&"+query)
			if raw := rawKey.FindString(body); code != 200 || raw != "" {
				t.Errorf("%s in %s: status %d, %s", query, lang, code, raw)
			}
		}
	}
}

// redirect is where an address leads to.
func redirect(t *testing.T, h http.Handler, target string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, target, nil))
	return w.Code, w.Header().Get("Location")
}

// TestPreviews: every page says what it is in a title and a sentence of its own, in both languages, as a chat shows it.
func TestPreviews(t *testing.T) {
	h := pages(t)
	title, about := regexp.MustCompile(`<title>([^<]+)</title>`), regexp.MustCompile(`<meta name="description" content="([^"]+)"`)
	for _, lang := range []string{"en", "ko"} {
		seen := map[string]string{}
		for _, page := range []string{"/?", "/lessons?", "/lessons/internet?", "/questions?", "/questions/policy?", "/maxpods?", "/node?node=node-b&",
			"/trace?preset=eks-study&from=pod/default/netshoot-1&to=internet&", "/compare?preset=eks-study&from=pod/default/netshoot-1&to=pod/default/web-2&"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, page+"lang="+lang, nil))
			if w.Code == http.StatusSeeOther {
				to := w.Header().Get("Location")
				w = httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, to, nil))
			}
			body := w.Body.String()
			m, d := title.FindStringSubmatch(body), about.FindStringSubmatch(body)
			if m == nil || d == nil || len([]rune(d[1])) < 20 || len([]rune(d[1])) > 200 || strings.Contains(body, `content="about.`) {
				t.Errorf("%s %s: title %v, description %v", page, lang, m, d)
				continue
			}
			for _, s := range []string{m[1], d[1]} {
				if other := seen[s]; other != "" {
					t.Errorf("%s and %s say the same: %s", page, other, s)
				}
				seen[s] = page
			}
			if og := `<meta property="og:description" content="` + d[1] + `"`; !strings.Contains(body, og) {
				t.Errorf("%s %s: no preview", page, lang)
			}
		}
	}
}
