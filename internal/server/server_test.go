package server_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/podpath/podpath/internal/server"
	"github.com/podpath/podpath/internal/server/servertest"
	"github.com/podpath/podpath/internal/topology"
	"github.com/podpath/podpath/internal/trace"
)

func handler(t testing.TB, e server.Engine) http.Handler {
	t.Helper()
	s, err := server.New(server.Config{Engine: e, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return s.Handler()
}

func get(t testing.TB, h http.Handler, url string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, url, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const podToPod = "/trace?preset=eks-study&from=pod/default/web-7c9f5&to=pod/default/api-5d4b8&proto=tcp&dport=8080"

func TestRoutes(t *testing.T) {
	h := handler(t, servertest.Engine{})
	for _, tt := range []struct {
		url      string
		status   int
		location string
		body     string // part of it
	}{
		{"/", 200, "", "Follow one packet, rule by rule"},
		{"/?topic=services", 200, "", "ClusterIP"},
		{"/?topic=nothing", 200, "", "ClusterIP"},
		{"/lessons/nothing", 404, "", "There is no such page"},
		{"/trace", 302, podToPod, ""},
		{podToPod, 200, "", "web-7c9f5 → api-5d4b8"},
		{"/healthz", 200, "", "ok"},
		{"/nothing", 404, "", "There is no such page"},
		// the form's own fields lead to the plain URL
		{podToPod + "&sport=&set=", 303, podToPod, ""},
		{"/trace?preset=eks-study&from=pod/default/web-7c9f5&to=&to-address=10.9.9.9&proto=tcp&dport=80", 303, "/trace?preset=eks-study&from=pod/default/web-7c9f5&to=10.9.9.9&proto=tcp&dport=80", ""},
		{podToPod + "&set.externalsnat=true", 303, podToPod + "&set=externalsnat=true", ""},
		{podToPod + "&set=externalsnat=true", 200, "", "web-7c9f5"},
		{strings.Replace(podToPod, "proto=tcp", "proto=icmp", 1), 303, "/trace?preset=eks-study&from=pod/default/web-7c9f5&to=pod/default/api-5d4b8&proto=icmp", ""},
		// what is wrong stands beside its field
		{strings.Replace(podToPod, "8080", "99999", 1), 422, "", `id="dport-error"`},
		{strings.Replace(podToPod, "8080", "80.5", 1), 422, "", "80.5 is not a number between 1 and 65535"},
		{strings.Replace(podToPod, "api-5d4b8", "gone", 1), 422, "", `id="to-error"`},
		{"/trace?to=pod/default/api-5d4b8", 422, "", `id="from-error"`},
		{strings.Replace(podToPod, "proto=tcp", "proto=sctp", 1), 422, "", `id="proto-error"`},
		{strings.Replace(podToPod, "eks-study", "gke", 1), 422, "", `id="preset-error"`},
	} {
		w := get(t, h, tt.url)
		if w.Code != tt.status {
			t.Errorf("GET %s: status %d, want %d", tt.url, w.Code, tt.status)
		}
		if got := w.Header().Get("Location"); got != tt.location {
			t.Errorf("GET %s: location %q, want %q", tt.url, got, tt.location)
		}
		if !strings.Contains(w.Body.String(), tt.body) {
			t.Errorf("GET %s: body lacks %q", tt.url, tt.body)
		}
	}
}

var currentDetail = regexp.MustCompile(`<article class="detail[^>]*data-i="(\d+)"[^>]*>`)

// visible are the indexes of the details that are shown.
func visible(body string) []string {
	var out []string
	for _, m := range currentDetail.FindAllStringSubmatch(body, -1) {
		if !strings.Contains(m[0], " hidden") {
			out = append(out, m[1])
		}
	}
	return out
}

// TestEveryStepHasAPage follows every station's link and finds that station shown, by the diagram, the list and the
// detail alike.
func TestEveryStepHasAPage(t *testing.T) {
	h := handler(t, servertest.Engine{})
	body := get(t, h, podToPod).Body.String()
	links := regexp.MustCompile(`<a class="st[^"]*" href="([^"]+)" data-i="(\d+)"`).FindAllStringSubmatch(body, -1)
	if len(links) < 20 {
		t.Fatalf("found %d stations", len(links))
	}
	for _, l := range links {
		url := strings.ReplaceAll(l[1], "&amp;", "&")
		b := get(t, h, url).Body.String()
		if got := visible(b); len(got) != 1 || got[0] != l[2] {
			t.Errorf("GET %s: details %v are shown, want %s", url, got, l[2])
		}
		for _, part := range []string{`<a class="st[^"]*is-cur"[^>]*data-i="` + l[2] + `"`, `<a class="hop[^"]*"[^>]*data-i="` + l[2] + `" aria-current="step"`} {
			if !regexp.MustCompile(part).MatchString(b) {
				t.Errorf("GET %s: no match for %s", url, part)
			}
		}
	}
}

func TestUnknownStepShowsTheFirst(t *testing.T) {
	w := get(t, handler(t, servertest.Engine{}), podToPod+"&step=request/nowhere/1/route")
	if got := visible(w.Body.String()); w.Code != 200 || len(got) != 1 || got[0] != "0" {
		t.Errorf("status %d, details %v shown; want 200, [0]", w.Code, got)
	}
}

func TestPartial(t *testing.T) {
	h := handler(t, servertest.Engine{})
	w := get(t, h, podToPod+"&sport=", "HX-Request", "true", "HX-Request-Type", "partial")
	body := w.Body.String()
	if w.Code != 200 || strings.Contains(body, "<html") || !strings.HasPrefix(body, `<div id="app"`) {
		t.Errorf("status %d, body starts %.60q; want the work area alone", w.Code, body)
	}
	if got := w.Header().Get("HX-Push-Url"); got != podToPod {
		t.Errorf("HX-Push-Url %q, want the plain URL %q", got, podToPod)
	}
	if !strings.Contains(w.Header().Get("Vary"), "HX-Request") {
		t.Errorf("Vary %q lacks HX-Request", w.Header().Get("Vary"))
	}
}

func TestLanguage(t *testing.T) {
	h := handler(t, servertest.Engine{})
	for _, tt := range []struct {
		name, url, want string
		header          []string
	}{
		{"default", podToPod, "en", nil},
		{"browser", podToPod, "ko", []string{"Accept-Language", "ko-KR,ko;q=0.9"}},
		{"cookie before browser", podToPod, "en", []string{"Accept-Language", "ko", "Cookie", "lang=en"}},
		{"URL before cookie", podToPod + "&lang=ko", "ko", []string{"Cookie", "lang=en"}},
		{"unknown", podToPod + "&lang=xx", "en", nil},
	} {
		w := get(t, h, tt.url, tt.header...)
		if want := `<html lang="` + tt.want + `"`; !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: page is not in %s", tt.name, tt.want)
		}
	}
	if c := get(t, h, podToPod+"&lang=ko").Header().Get("Set-Cookie"); !strings.HasPrefix(c, "lang=ko;") {
		t.Errorf("Set-Cookie %q, want lang=ko", c)
	}
	if c := get(t, h, podToPod+"&theme=dark").Header().Get("Set-Cookie"); !strings.HasPrefix(c, "theme=dark;") {
		t.Errorf("Set-Cookie %q, want theme=dark", c)
	}
}

func TestAPI(t *testing.T) {
	h := handler(t, servertest.Engine{})
	w := get(t, h, strings.Replace(podToPod, "/trace", "/api/v1/trace", 1))
	var doc trace.Document
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != 200 {
		t.Fatalf("status %d, %v", w.Code, err)
	}
	if doc.Version != 1 || doc.Outcome != trace.Delivered || len(doc.Legs) != 2 {
		t.Errorf("document: version %d, outcome %s, %d legs", doc.Version, doc.Outcome, len(doc.Legs))
	}
	for _, tt := range []struct{ url, field, code string }{
		{"/api/v1/trace?preset=eks-study&from=pod/default/web-7c9f5&to=1.1.1.1", "to", "unknown-place"},
		{"/api/v1/trace?preset=eks-study&from=x&to=y&dport=0", "dport", "bad-number"},
		{"/api/v1/trace?preset=nope", "preset", "unknown-preset"},
	} {
		w := get(t, h, tt.url)
		var out struct {
			Errors []struct{ Field, Code, Message string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			t.Fatalf("%s: %v", tt.url, err)
		}
		if w.Code != 422 || len(out.Errors) == 0 || out.Errors[0].Field != tt.field || out.Errors[0].Code != tt.code || out.Errors[0].Message == "" {
			t.Errorf("GET %s: %d %+v, want 422 about %s: %s", tt.url, w.Code, out.Errors, tt.field, tt.code)
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	h := handler(t, servertest.Engine{})
	for _, url := range []string{podToPod, "/nothing", "/healthz", "/static/app.css"} {
		w := get(t, h, url)
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'self'") || strings.Contains(csp, "unsafe") {
			t.Errorf("GET %s: policy %q", url, csp)
		}
		if got := w.Header().Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("GET %s: X-Content-Type-Options %q", url, got)
		}
	}
	// The policy forbids what the page must then not contain.
	body := get(t, h, podToPod).Body.String()
	for _, re := range []string{`<script>`, `<style`, ` style="`, ` on[a-z]+="`, `javascript:`} {
		if m := regexp.MustCompile(re).FindString(body); m != "" {
			t.Errorf("the page has %q, which its own policy blocks", m)
		}
	}
}

func TestAssets(t *testing.T) {
	h := handler(t, servertest.Engine{})
	body := get(t, h, podToPod).Body.String()
	urls := regexp.MustCompile(`/static/[\w.]+`).FindAllString(body, -1)
	if len(urls) < 4 {
		t.Fatalf("assets: %v", urls)
	}
	for _, u := range urls {
		w := get(t, h, u)
		if w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("GET %s: %d, %q", u, w.Code, w.Header().Get("Cache-Control"))
		}
		if again := get(t, h, u, "If-None-Match", w.Header().Get("ETag")); again.Code != 304 {
			t.Errorf("GET %s again: %d, want 304", u, again.Code)
		}
	}
	if w := get(t, h, "/static/app.0000000000.css"); w.Code != 200 || w.Header().Get("Cache-Control") != "no-cache" {
		t.Errorf("an old hash: %d %q, want the file, not kept", w.Code, w.Header().Get("Cache-Control"))
	}
	if w := get(t, h, "/static/static.go"); w.Code != 404 {
		t.Errorf("a file that is no asset: %d, want 404", w.Code)
	}
}

func TestCompressed(t *testing.T) {
	w := get(t, handler(t, servertest.Engine{}), podToPod, "Accept-Encoding", "gzip")
	if got := w.Header().Get("Content-Encoding"); got != "gzip" {
		t.Fatalf("Content-Encoding %q", got)
	}
	size := w.Body.Len()
	r, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if page, err := io.ReadAll(r); err != nil || !strings.Contains(string(page), "</html>") {
		t.Errorf("the page is cut: %v", err)
	}
	if size > 64<<10 {
		t.Errorf("the page takes %d bytes on the wire", size)
	}
}

// broken is an engine that fails in a way of its own.
type broken struct {
	servertest.Engine
	err error
}

func (b broken) Trace(context.Context, server.Query) (*topology.Topology, *trace.Document, error) {
	if b.err == nil {
		panic("engine")
	}
	return nil, nil, b.err
}

func TestFailures(t *testing.T) {
	for _, tt := range []struct {
		name   string
		err    error
		status int
	}{
		{"error", errors.New("secret: /var/lib"), 500},
		{"panic", nil, 500},
		{"timeout", context.DeadlineExceeded, 504},
	} {
		w := get(t, handler(t, broken{err: tt.err}), podToPod)
		if w.Code != tt.status || strings.Contains(w.Body.String(), "secret") || !strings.Contains(w.Body.String(), "Something went wrong") {
			t.Errorf("%s: status %d; the page must say so without the cause", tt.name, w.Code)
		}
	}
}

func TestHostileQueryIsEscaped(t *testing.T) {
	h := handler(t, servertest.Engine{})
	w := get(t, h, `/trace?preset=eks-study&from=pod/default/web-7c9f5&to="><script>alert(1)</script>`)
	if strings.Contains(w.Body.String(), "<script>alert") {
		t.Error("the query is in the page unescaped")
	}
}

func BenchmarkTracePage(b *testing.B) {
	h := handler(b, servertest.Engine{})
	size := get(b, h, podToPod).Body.Len()
	b.ReportAllocs()
	b.ReportMetric(float64(size), "page-bytes")
	for b.Loop() {
		if w := get(b, h, podToPod); w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
